package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/setup"
)

func (e environment) check() *cobra.Command {
	c := &cobra.Command{Use: "check", Short: "Look at a deployment with the phone's eyes, without signing in"}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return showHelp(c)
		}
		// A server is named as if trust were the only thing to check.
		if _, err := check.ParseEndpoint(args[0]); err == nil && strings.ContainsAny(args[0], ".:") {
			return usagef("there is no command %q: is `ocphone check trust %s` meant?", args[0], strings.Join(args, " "))
		}
		return noCommand(c, args[0])
	}
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		if c.HasSubCommands() && c.Flags().NArg() > 0 { // its flags are those of trust
			return c.RunE(c, c.Flags().Args())
		}
		return c.Root().FlagErrorFunc()(c, err)
	})
	return addCommands(c, e.checkTrust())
}

// trustFlags are the flags of `check trust`; it has some of phoneFlags.
type trustFlags struct {
	phoneFlags
	ad, published string
	at            string
	asIfReset     bool
	with, without []string
	chains, names []string
}

func (e environment) checkTrust() *cobra.Command {
	var f trustFlags
	c := &cobra.Command{
		Use: "trust HOST[:PORT]…",
		Short: "Show which servers a phone trusts at its next sign-in, after a reset and after a change, and what to " +
			"publish",
		Long: `Trust reads the certificates of pools and Edges and judges them as a phone would:
after its next sign-in inside, after a paper clip as well, and after a change
that you plan. It compares them with what Active Directory publishes and prints
the certutil line that is missing, if one would help. The time is that of the
time servers that the phone would ask.

Nothing is written anywhere. --ad logs on to a domain controller, once; servers
are asked for their certificates only. A port of 443 means an Edge, whose root
must have arrived inside; any other is taken for the phone's pool, which decides
whether the phone asks Active Directory at all (R1.2).

Exit code 0 when everything is trusted: after the next sign-in inside; with
--with or --without after the change; with --as-if-reset after a reset as well.`,
		Example: `  ocphone check trust pool.example.com sip.example.com:443 --ad example.com --user 'EXAMPLE\tu'
  ocphone check trust pool.example.com sip.example.com:443 --ad example.com --user 'EXAMPLE\tu' --with new-edge-root.cer
  ocphone check trust pool.example.com --state phone1 --at 2027-01-01
  ocphone check trust --chain new-pool.pem --name pool.example.com --published roots/ --as-if-reset
  ocphone check trust pool.contoso.com sip.contoso.com:443 --lab lab.json --ad contoso.com`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), e, args) },
	}
	s := c.Flags()
	s.StringVar(&f.ad, "ad", "", "ask Active Directory of `DOMAIN`, once, what it publishes")
	s.StringVar(&f.published, "published", "", "`FOLDER` of certificates (.cer .crt .pem .der .p7b) that stands for "+
		"what is published")
	s.StringVar(&f.at, "at", "", "judge at this `TIME` instead of now: 2027-01-01 or 2027-01-01T09:00:00Z")
	s.BoolVar(&f.asIfReset, "as-if-reset", false, "show and decide by the situation after a reset and one sign-in inside")
	s.StringArrayVar(&f.with, "with", nil, "the change: as if the root in `FILE` were published as well")
	s.StringArrayVar(&f.without, "without", nil, "the change: as if the root whose `FINGERPRINT` begins so (SHA-256 or "+
		"SHA-1) were neither published nor a factory root")
	s.StringArrayVar(&f.chains, "chain", nil, "judge the PEM chain in `FILE` and dial nothing; with --name")
	s.StringArrayVar(&f.names, "name", nil, "`HOST[:PORT]` that presents the --chain")
	f.addShared(s)
	c.MarkFlagsMutuallyExclusive("ad", "published")
	completeFlags(c)
	return c
}

// addShared adds those flags of setup.Options that apply here.
func (f *trustFlags) addShared(s *pflag.FlagSet) {
	var all pflag.FlagSet
	f.AddFlags(&all)
	for name, usage := range map[string]string{ // "": as of `ocphone run`
		"user":          "the account that asks it: `DOMAIN\\user` or a UPN (with --lab: its first user)",
		"password-file": "",
		"state":         "judge as the phone in this `FOLDER` (default: a new phone)",
		"firmware":      "",
		"roots":         "",
		"lab":           "",
		"outside":       "look from the lab's outside only (default: from inside, else from outside)",
		"dns":           "",
		"clock":         "judge at the time of: ntp (the time servers that the phone would ask), host, or a `TIME`",
		"wins":          "NetBIOS name server to find a domain controller, `ADDR[:PORT]`",
	} {
		flag := all.Lookup(name)
		flag.Usage = cmp.Or(usage, flag.Usage)
		s.AddFlag(flag)
	}
}

func (f *trustFlags) run(ctx context.Context, e environment, args []string) error {
	p := e.printer()
	cfg, err := f.config(ctx, e, args)
	if cfg.Memory != nil {
		defer cfg.Memory.Close()
	}
	if err != nil {
		return err
	}
	if !p.json {
		cfg.Record = p.step
	}
	report, err := check.Trust(ctx, cfg)
	if err != nil {
		return err
	}
	e.result.Code = report.Code
	if p.json {
		err = e.document(report)
	} else {
		printReport(p, report)
	}
	return verdict(report.OK, err, "%s", report.Summary)
}

// config reads the files that the flags name, and asks for the password last. The
// caller closes Memory, after an error too.
func (f *trustFlags) config(ctx context.Context, e environment, args []string) (cfg check.Config, err error) {
	if cfg.Endpoints, err = f.endpoints(ctx, args); err != nil {
		return cfg, err
	}
	if f.ad != "" && !setup.IsDomain(f.ad) {
		return cfg, usagef("--ad %s: a domain of Active Directory has the form example.com", f.ad)
	}
	if len(f.chains) > 0 && f.ad != "" {
		return cfg, usagef("--chain dials nothing: give what is published with --published FOLDER instead of --ad")
	}
	s, err := f.Resolve(ctx)
	if err != nil {
		return cfg, err
	}
	cfg.Places = []network.Place{s.Place}
	if s.Lab != nil && !f.Outside {
		cfg.Places = append(cfg.Places, s.Lab.Outside.Place("outside"))
	}
	cfg.Firmware, cfg.RootSet, cfg.NetBIOS = s.Config.Firmware, f.Roots, s.Config.NetBIOS
	cfg.Domain, cfg.Without, cfg.AsIfReset = f.ad, f.without, f.asIfReset
	cfg.NTP = s.Config.NTP && (len(f.chains) == 0 || f.ad != "")
	switch {
	case f.at != "":
		if cfg.At, err = setup.ParseTime(f.at); err != nil {
			return cfg, usagef("--at %s: %w", f.at, err)
		}
	case f.Clock != setup.ClockNTP && f.Clock != setup.ClockHost:
		cfg.At = s.Config.Clock.Now()
	}
	for _, file := range f.with {
		root, err := check.ReadFile(ctx, file)
		if err != nil {
			return cfg, fmt.Errorf("--with: %w", err)
		}
		cfg.With = append(cfg.With, root)
	}
	if f.published != "" {
		if cfg.Published, err = check.ReadFolder(ctx, f.published); err != nil {
			return cfg, fmt.Errorf("--published: %w", err)
		}
	}
	if f.State != "" {
		cfg.Phone = "the phone in " + f.State
		if cfg.Memory, err = setup.OpenState(f.State, false); err != nil {
			return cfg, err
		}
	}
	if err := cfg.Check(); err != nil {
		return cfg, err
	}
	if f.ad != "" {
		if s.Credentials.User == "" {
			return cfg, usagef(`--ad needs --user 'DOMAIN\user': only an account of the domain may read what it publishes`)
		}
		if s.Credentials.Password, err = f.Password(ctx, s.Credentials.Password, e.prompt()); err != nil {
			return cfg, err
		}
		cfg.Credentials = s.Credentials
	}
	return cfg, nil
}

// endpoints reads the arguments, or --chain and --name.
func (f *trustFlags) endpoints(ctx context.Context, args []string) (all []check.Endpoint, err error) {
	switch {
	case len(f.chains) != len(f.names):
		return nil, usagef("each --chain FILE needs a --name HOST, the name that its certificate must bear")
	case len(f.chains) > 0 && len(args) > 0:
		return nil, usagef("--chain dials nothing: give %s as another --chain FILE --name HOST", args[0])
	case len(f.chains)+len(args) == 0:
		return nil, usagef("which server is checked? Give HOST[:PORT]…, or --chain FILE --name HOST")
	}
	for i, a := range append(f.names, args...) {
		e, err := check.ParseEndpoint(a)
		if err != nil {
			return nil, err
		}
		if i < len(f.chains) {
			file, err := check.ReadFile(ctx, f.chains[i])
			if err != nil {
				return nil, fmt.Errorf("--chain: %w", err)
			}
			e.Chain = file.Certificates
		} else if err := f.CheckDomain(e.Name); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
