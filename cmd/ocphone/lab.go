package main

import (
	"bytes"
	"context"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/setup"
)

// sampleDeployment is an example of a deployment.yaml.
const sampleDeployment = `  domain: example.net
  users: [{name: alice, line: "tel:+4544890101;ext=210"}]
  pool: {version: 3}
  edge: {defect: expired}
`

// labFlags are those of `ocphone lab`.
type labFlags struct {
	config, ready, keyLog string
	today, standardPorts  bool
}

func (e environment) lab() *cobra.Command {
	var f labFlags
	c := &cobra.Command{
		Use: "lab", Short: "Run a whole deployment on loopback until interrupted", Args: noArguments,
		Long: `Lab runs DNS (inside and outside), a domain controller with LDAP, NetBIOS and
time, an OCS pool and its Edge, and Exchange in one process, on free loopback
ports, until it is interrupted. --ready FILE shows other processes where, once
everything listens.

--config FILE names what is to be other than in Contoso, such as

` + sampleDeployment + `
Its users, passwords and keys are public: it protects nothing.`,
		Example: `  ocphone lab --ready lab.json &
  ocphone run --lab lab.json
  ocphone lab root publish public --lab lab.json
  ocphone lab cert set pool --defect expired --lab lab.json
  ocphone lab user set tu --locked --lab lab.json
  ocphone lab rule list --lab lab.json
  ocphone lab mailbox voicemail tu --number +14255550100 --lab lab.json
  ocphone lab clock advance 8h --lab lab.json`,
		RunE: func(c *cobra.Command, _ []string) error { return e.runLab(c.Context(), f) },
	}
	f.register(c.Flags())
	c.Flags().StringVar(&f.ready, "ready", "", "write `FILE` (0600) once everything listens; it is removed at the end")
	c.AddCommand(e.labExec(), e.labRoot(), e.labCert(), e.labUser(), e.labRule(), e.labMailbox(), e.labClock())
	return c
}

// register adds the flags that say what deployment runs.
func (f *labFlags) register(s *pflag.FlagSet) {
	s.StringVar(&f.config, "config", "", "deployment in `FILE`; what it leaves out is as in Contoso")
	s.BoolVar(&f.today, "today", false,
		"build it as one would now: ECDSA, SHA-256, TLS 1.2 and 1.3, LDAP signing required")
	s.BoolVar(&f.standardPorts, "standard-ports", false, "real port numbers on addresses of 127.20.7.0/24 (Linux, root)")
	s.StringVar(&f.keyLog, "key-log", "", "append the servers' TLS secrets to `FILE`, for captures (NSS format)")
}

// runLab runs a lab until ctx ends.
func (e environment) runLab(ctx context.Context, f labFlags) (err error) {
	file := f.ready
	if file != "" {
		if file, err = setup.ReadyPath(ctx, file); err != nil {
			return err
		}
	}
	return f.serve(ctx, func(world *lab.Lab) error {
		if file != "" {
			defer world.RemoveReady(file)
			if err := world.WriteReady(file); err != nil {
				return err
			}
		}
		if err := e.describe(world, f.ready); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
}

// serve runs a lab while do runs.
func (f labFlags) serve(ctx context.Context, do func(*lab.Lab) error) error {
	d, err := deployment(ctx, f.config, f.today)
	if err != nil {
		return err
	}
	if f.standardPorts && runtime.GOOS != "linux" {
		return usagef("--standard-ports needs Linux, where all of 127.0.0.0/8 is loopback")
	}
	world := lab.NewUnstarted(d)
	world.StandardPorts = f.standardPorts
	if f.keyLog != "" {
		log, err := os.OpenFile(f.keyLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return exit{code: exitUsage, err: err}
		}
		defer log.Close()
		world.KeyLog = log
	}
	if err := world.Start(); err != nil {
		return err
	}
	defer world.Close()
	if _, err := world.Serve(); err != nil {
		return err
	}
	return do(world)
}

func deployment(ctx context.Context, file string, today bool) (lab.Deployment, error) {
	if file == "" {
		return setup.Contoso(today), nil
	}
	b, err := lab.DeploymentFile.Read(ctx, file)
	if err != nil {
		return lab.Deployment{}, err
	}
	d, err := lab.Read(bytes.NewReader(b))
	if err != nil {
		return d, usagef("%s: %w", file, err)
	}
	d.Today = d.Today || today
	return d, nil
}

// describe prints what runs and what to type next.
func (e environment) describe(world *lab.Lab, ready string) error {
	p, r := e.printer(), world.Ready()
	if e.json {
		return e.document(labDocument{ready, r.Inside, r.Outside, r.Users, r.Roots, r.Today})
	}
	kind := "2007"
	if r.Today {
		kind = "today"
	}
	p.line(bold, "%s of %s runs; Ctrl-C ends it.", world.Deployment.Domain, kind)
	e.printf("inside   DNS %s, LDAP %s, LDAPS %s, NetBIOS %s, pool %s\n", r.Inside.DNS, world.DC.Addr(),
		world.DC.TLSAddr(), r.Inside.WINS, world.Pool.Addr())
	e.printf("outside  DNS %s, Edge %s\n", r.Outside.DNS, world.Edge.Addr())
	if x := world.Exchange; x != nil {
		e.printf("exchange https %s, as %s and %s; autodiscover redirects at http %s\n", x.Addr(), x.Host, x.OutsideHost,
			x.RedirectAddr())
	}
	accounts := world.Directory.Users() // which r.Users was made of, in that order
	for i, u := range r.Users {
		line := []string{"user    ", pad(u.SignIn, 20), pad(u.User, 16), pad(u.Password, 13), signInBlocker(accounts[i])}
		e.printf("%s\n", strings.TrimRight(strings.Join(line, " "), " "))
	}
	e.printRoots(r.Roots)
	if ready != "" {
		e.printf("ready    %s\ntry      ocphone run --lab %s\n", ready, ready)
	} else {
		e.printf("hint     with --ready lab.json a phone finds it: ocphone run --lab lab.json\n")
	}
	return nil
}

// labDocument is the JSON form of what `ocphone lab` prints: the ready file without
// the token of the control server, which a log must not hold.
type labDocument struct {
	Ready   string          `json:"ready,omitempty"` // the ready file
	Inside  lab.ReadyPlace  `json:"inside"`
	Outside lab.ReadyPlace  `json:"outside"`
	Users   []lab.ReadyUser `json:"users"`
	Roots   []lab.Root      `json:"roots"`
	Today   bool            `json:"today"`
}

// signInBlocker is why an account cannot sign in; empty if it can.
func signInBlocker(u directory.User) string {
	switch {
	case u.Locked:
		return "locked"
	case u.Disabled:
		return "disabled"
	case u.SIP == "" || u.SIPDisabled:
		return "no SIP account"
	}
	return ""
}

func (e environment) printRoots(roots []lab.Root) {
	for _, r := range roots {
		state := "not published"
		if r.Published {
			state = "published"
		}
		e.printf("root     %s %-14s %s\n", pad(r.Name, 12), state, r.Subject)
	}
}

// labVerb is a sub-command with nargs arguments that calls a running lab; -1 is
// any number of arguments.
func labVerb(use, short, example string, nargs int,
	do func(*cobra.Command, lab.Client, []string) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Example: example}
	file := c.Flags().String("lab", "", "ready `FILE` of the running lab")
	c.RunE = func(c *cobra.Command, args []string) error {
		if nargs >= 0 && len(args) != nargs {
			return usagef("it is called as `%s --lab FILE`", useLine(c))
		}
		if *file == "" {
			return usagef("which lab? Give --lab FILE, the ready file of a running `ocphone lab --ready FILE`, or set %s",
				setup.LabVariable)
		}
		r, err := setup.ReadLab(c.Context(), *file)
		if err != nil {
			return err
		}
		return do(c, lab.Client{Address: r.Control}, args)
	}
	return c
}

// labRoots is the JSON form of `ocphone lab root`; a root is as in the ready file.
type labRoots struct {
	Roots []lab.Root `json:"roots"`
}

func (e environment) labRoot() *cobra.Command {
	verb := func(use, short string, nargs int,
		do func(lab.Client, context.Context, string) ([]lab.Root, error)) *cobra.Command {
		example := "  ocphone lab root " + strings.ReplaceAll(use, "NAME", "public") + " --lab lab.json"
		c := labVerb(use, short, example, nargs, func(c *cobra.Command, l lab.Client, args []string) error {
			roots, err := do(l, c.Context(), first(args))
			switch {
			case err != nil:
				return err
			case e.json:
				return e.document(labRoots{roots})
			}
			e.printRoots(roots)
			return nil
		})
		return c
	}
	list := func(l lab.Client, ctx context.Context, _ string) ([]lab.Root, error) { return l.Roots(ctx) }
	c := &cobra.Command{Use: "root", Short: "List, publish and withdraw roots in the lab's Active Directory"}
	return addCommands(c,
		verb("list", "List the deployment's roots", 0, list),
		verb("publish NAME", "Publish a root, as certutil -dspublish does", 1, lab.Client.PublishRoot),
		verb("withdraw NAME", "Take a root out of Active Directory", 1, lab.Client.WithdrawRoot))
}

func (e environment) labCert() *cobra.Command {
	var change lab.CertificateChange
	var chain, key, like, defect string
	sub := labVerb("set SERVER", "Give pool, edge, dc or exchange another certificate",
		`  ocphone lab cert set pool --defect expired --lab lab.json
  ocphone lab cert set pool --defect good --lab lab.json
  ocphone lab cert set exchange --defect self-signed --lab lab.json
  ocphone lab cert set pool --like our-pool.pem --lab lab.json   # same names and shape, fresh keys
  ocphone lab cert set edge --chain chain.pem --key key.pem --lab lab.json`, -1,
		func(c *cobra.Command, l lab.Client, args []string) error {
			if len(args) != 1 || defect == "" && like == "" && chain == "" {
				return usagef("it is called as `ocphone lab cert set SERVER (--defect NAME | --like F.pem | --chain F --key F) " +
					"--lab FILE`")
			}
			for file, into := range map[*string]*string{&like: &change.Like, &chain: &change.Chain, &key: &change.Key} {
				if *file == "" {
					continue
				}
				b, err := pemFile.Read(c.Context(), *file)
				if err != nil {
					return err
				}
				*into = string(b)
			}
			if defect != goodCertificate {
				if change.Defect = pki.Defect(defect); defect != "" && change.Defect.Description() == "" {
					return usagef("there is no defect %q%s:\n%s", defect, journal.Suggestion(defect, defectNames()),
						strings.TrimSuffix(defects(), "\n"))
				}
			}
			roots, err := l.SetCertificate(c.Context(), args[0], change)
			if err != nil {
				return err
			}
			if e.json {
				return e.document(certificateDocument{args[0], nonNil(roots)})
			}
			e.printf("%s has another certificate.\n", args[0])
			for _, r := range roots {
				e.printf("Its root is %s: ocphone lab root publish %s\n", r, r)
			}
			return nil
		})
	sub.Long = "Defects:\n" + defects()
	sub.Flags().StringVar(&defect, "defect", "", "a certificate with this `DEFECT`; good: one without")
	sub.Flags().StringVar(&like, "like", "", "a chain in the shape of this PEM `FILE`, with fresh keys")
	sub.Flags().StringVar(&chain, "chain", "", "the PEM chain in `FILE`, with --key")
	sub.Flags().StringVar(&key, "key", "", "its PEM private key, in `FILE`")
	sub.MarkFlagsMutuallyExclusive("defect", "like", "chain")
	sub.MarkFlagsRequiredTogether("chain", "key")
	return addCommands(&cobra.Command{Use: "cert", Short: "Change the certificate of a server of the lab"}, sub)
}

// certificateDocument is the JSON form of `ocphone lab cert set`.
type certificateDocument struct {
	Server string   `json:"server"`
	Roots  []string `json:"roots"` // names of its roots, for `ocphone lab root publish`
}

// pemFile is a file that goes to the control server of a lab, which takes no more.
var pemFile = boundedfile.Kind{Name: "a PEM file of a certificate chain or a key", Limit: 512 << 10}

// goodCertificate is the value of --defect for a certificate without one.
const goodCertificate = "good"

func defectNames() []string {
	names := []string{goodCertificate}
	for _, d := range pki.Defects() {
		names = append(names, string(d))
	}
	return names
}

func defects() string {
	var rows [][]string
	for _, d := range pki.Defects() {
		rows = append(rows, []string{"  " + string(d), d.Description()})
	}
	var b strings.Builder
	writeTable(&b, rows)
	return b.String()
}

func (e environment) labUser() *cobra.Command {
	sub := labVerb("set NAME", "Change an account, by its sAMAccountName", labUserExample, 1,
		func(c *cobra.Command, l lab.Client, args []string) error {
			change := userChange(c.Flags())
			if change == (lab.UserChange{}) {
				return usagef("what shall change? See `%s --help`", c.CommandPath())
			}
			if err := l.SetUser(c.Context(), args[0], change); err != nil {
				return err
			}
			e.printf("%s is changed.\n", args[0])
			return nil
		})
	for _, t := range userTexts {
		sub.Flags().String(t.flag, "", t.help)
	}
	for _, t := range userStates {
		sub.Flags().Bool(t.flag, false, t.help)
	}
	return addCommands(&cobra.Command{Use: "user", Short: "Change an account of the lab"}, sub)
}

const labUserExample = `  ocphone lab user set tu --locked --lab lab.json
  ocphone lab user set tu --locked=false --upn tu@sip.contoso.com --lab lab.json
  ocphone lab user set kerry --eum 'kerry@contoso.com;phone-context=Hellerup.contoso.com' --lab lab.json`

// userField is a flag and the field of a change that it sets.
type userField[T any] struct {
	flag, help string
	of         func(*lab.UserChange) **T
}

var userTexts = []userField[string]{
	{"password", "set this `PASSWORD`; the lab's passwords are public",
		func(u *lab.UserChange) **string { return &u.Password }},
	{"upn", "user principal `NAME`", func(u *lab.UserChange) **string { return &u.UPN }},
	{"display", "display `NAME`", func(u *lab.UserChange) **string { return &u.Display }},
	{"mail", "primary e-mail `ADDRESS`; empty: no mailbox", func(u *lab.UserChange) **string { return &u.Mail }},
	{"line", "line `URI`, such as tel:+4544890101;ext=200; empty: no voice",
		func(u *lab.UserChange) **string { return &u.Line }},
	{"eum", "EUM `ADDRESS`, such as tu@contoso.com;phone-context=PLAN; empty: no voice mail",
		func(u *lab.UserChange) **string { return &u.EUM }},
	{"profile", "`NAME` of the location profile; empty: the pool's",
		func(u *lab.UserChange) **string { return &u.Profile }},
}

var userStates = []userField[bool]{
	{"locked", "lock the account out", func(u *lab.UserChange) **bool { return &u.Locked }},
	{"disabled", "disable the account", func(u *lab.UserChange) **bool { return &u.Disabled }},
	{"no-sip", "take away its Communications Server account", func(u *lab.UserChange) **bool { return &u.NoSIP }},
}

// userChange is what the flags that are given change.
func userChange(flags *pflag.FlagSet) (change lab.UserChange) {
	for _, t := range userTexts {
		if v, err := flags.GetString(t.flag); err == nil && flags.Changed(t.flag) {
			*t.of(&change) = &v
		}
	}
	for _, t := range userStates {
		if v, err := flags.GetBool(t.flag); err == nil && flags.Changed(t.flag) {
			*t.of(&change) = &v
		}
	}
	return change
}

// clockDocument is the JSON form of `ocphone lab clock advance`.
type clockDocument struct {
	Now time.Time `json:"now"` // of the lab, in UTC
}

func (e environment) labClock() *cobra.Command {
	advance := func(c *cobra.Command, l lab.Client, args []string) error {
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return usagef("%q is no duration such as 90m or 8h", args[0])
		}
		now, err := l.Advance(c.Context(), d)
		if err == nil && e.json {
			return e.document(clockDocument{now.UTC()})
		}
		if err == nil {
			e.printf("The lab's time is %s.\n", now.UTC().Format(time.RFC3339))
		}
		return err
	}
	return addCommands(&cobra.Command{Use: "clock", Short: "Let time pass in the lab"}, labVerb("advance DURATION",
		"Advance the clock of every server", "  ocphone lab clock advance 8h --lab lab.json", 1, advance))
}
