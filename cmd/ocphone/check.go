package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/setup"
)

func (e environment) check() *cobra.Command {
	c := &cobra.Command{Use: "check", Short: "Look at a deployment with the phone's eyes, without signing in"}
	c.AddCommand(e.checkTrust())
	return c
}

// trustFlags are those of `check trust`; of phoneFlags it registers some.
type trustFlags struct {
	phoneFlags
	ad, published string
	at            string
	asIfReset     bool
	with, without []string
	chains, names []string
	json          bool
}

func (e environment) checkTrust() *cobra.Command {
	var f trustFlags
	c := &cobra.Command{
		Use: "trust HOST[:PORT]…", Short: "Say whom a phone trusts now, after a reset and after a change, and what to publish",
		Long: `Trust reads the certificates of pools and Edges and judges them as a phone would:
with what it holds now, after a paper clip and one sign-in inside, and after a
change that you think of. It compares them with what Active Directory publishes
and prints the certutil line that is missing, if one would help.

Nothing is written anywhere. --ad logs on to a domain controller, once; servers
are asked for their certificates only. A port of 443 means an Edge, whose root
must have arrived inside; any other is taken for the phone's pool, which decides
whether the phone asks Active Directory at all (R1.2).

Exit code 0 when everything is trusted: now; with --with or --without after the
change; with --as-if-reset after a reset and one sign-in inside as well, which
is also what a new phone comes to.`,
		Example: `  ocphone check trust pool.example.com sip.example.com:443 --ad example.com --user 'EXAMPLE\tu'
  ocphone check trust pool.example.com sip.example.com:443 --ad example.com --user 'EXAMPLE\tu' --with new-edge-root.cer
  ocphone check trust pool.example.com --state phone1 --at 2027-01-01
  ocphone check trust --chain new-pool.pem --name pool.example.com --published roots/ --as-if-reset
  ocphone check trust pool.contoso.com sip.contoso.com:443 --lab lab.json --ad contoso.com`,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), e, args) },
	}
	s := c.Flags()
	s.StringVar(&f.ad, "ad", "", "ask Active Directory of `DOMAIN`, once, what it publishes")
	s.StringVar(&f.published, "published", "", "`FOLDER` of certificates (.cer .crt .pem .der .p7b) that stands for what is published")
	s.StringVar(&f.at, "at", "", "judge at this `TIME` instead of now: 2027-01-01 or 2027-01-01T09:00:00Z")
	s.BoolVar(&f.asIfReset, "as-if-reset", false, "show and decide by the situation after a reset and one sign-in inside")
	s.StringArrayVar(&f.with, "with", nil, "the change: as if the root in `FILE` were published as well")
	s.StringArrayVar(&f.without, "without", nil, "the change: as if the root whose `FINGERPRINT` begins so (SHA-256 or SHA-1) were neither published nor a factory root")
	s.StringArrayVar(&f.chains, "chain", nil, "judge the PEM chain in `FILE` and dial nothing; with --name")
	s.StringArrayVar(&f.names, "name", nil, "`HOST[:PORT]` that presents the --chain")
	f.addShared(s)
	s.BoolVar(&f.json, "json", false, "print JSON")
	c.MarkFlagsMutuallyExclusive("ad", "published")
	completeFlags(c)
	return c
}

// addShared adds the options that a phone that signs in has too.
func (f *trustFlags) addShared(s *pflag.FlagSet) {
	var all pflag.FlagSet
	f.AddFlags(&all)
	for name, usage := range map[string]string{ // "": as of `ocphone run`
		"user":          "who asks it: `DOMAIN\\user` or a UPN (with --lab: its first user)",
		"password-file": "",
		"state":         "judge as the phone in this `FOLDER` (default: a new phone)",
		"firmware":      "",
		"roots":         "",
		"lab":           "",
		"outside":       "look from the lab's outside only (default: from inside, else from outside)",
		"dns":           "",
		"wins":          "NetBIOS name server to find a domain controller, `ADDR[:PORT]`",
	} {
		flag := all.Lookup(name)
		flag.Usage = cmp.Or(usage, flag.Usage)
		s.AddFlag(flag)
	}
}

func (f *trustFlags) run(ctx context.Context, e environment, args []string) error {
	endpoints, err := f.endpoints(args)
	if err != nil {
		return err
	}
	places, r, err := f.places()
	if err != nil {
		return err
	}
	t := trust{endpoints: endpoints}
	if t.at, err = f.moment(ctx, places[0]); err != nil {
		return err
	}
	if err := f.phone(&t, r); err != nil {
		return err
	}
	if err := f.readWith(&t); err != nil {
		return err
	}
	if f.ad != "" {
		if r.Credentials.User = cmp.Or(f.User, r.Credentials.User); r.Credentials.User == "" {
			return usagef(`--ad needs --user 'DOMAIN\user': only an account of the domain may read what it publishes`)
		}
		if r.Credentials.Password, err = f.Password(ctx, r.Credentials.Password, e.prompt()); err != nil {
			return err
		}
	}
	p := newPrinter(e.out, f.json)
	record := func(s journal.Step) {
		s = s.Stamp(uint64(len(t.steps)+1), t.at)
		if t.steps = append(t.steps, s); !p.json {
			p.step(s)
		}
	}
	asked, err := f.ask(ctx, &t, places[0], r, record)
	if err != nil {
		return err
	}
	if err := f.readWithout(&t); err != nil {
		return err
	}
	if len(f.chains) == 0 {
		t.probe(ctx, places)
		for _, e := range t.endpoints {
			record(e.step)
		}
	}
	if ctx.Err() != nil {
		return exit{exitTimeout, errInterrupted}
	}
	report := t.report(f.asIfReset, asked)
	if p.json {
		err = json.NewEncoder(e.out).Encode(report)
	} else {
		report.print(p)
	}
	if err == nil && !report.OK {
		return exit{code: exitPerson}
	}
	return err
}

// places tells where to look from, the place that has Active Directory first.
// With --chain nothing is looked for anywhere.
func (f *trustFlags) places() ([]network.Place, *setup.Setup, error) {
	f.Clock = setup.ClockHost
	if len(f.chains) > 0 && f.ad != "" {
		return nil, nil, usagef("--chain dials nothing: give what is published with --published FOLDER instead of --ad")
	}
	r, err := f.Resolve()
	if err != nil {
		return nil, nil, err
	}
	places := []network.Place{r.Place}
	if r.Lab != nil && !f.Outside {
		places = append(places, r.Lab.Outside.Place("outside"))
	}
	return places, r, nil
}

// phone fills in who judges: the phone of --state, which is only read, or a
// new one.
func (f *trustFlags) phone(t *trust, r *setup.Setup) error {
	var id device.Identity
	var kept certstore.Store
	t.phone = "a new phone"
	if f.State != "" {
		t.phone = "the phone in " + f.State
		memory, err := setup.OpenState(f.State, false)
		if err != nil {
			return err
		}
		defer memory.Close()
		if id, err = device.ReadIdentity(memory); err != nil {
			return err
		}
		if kept, err = device.ReadRoots(memory); err != nil {
			return err
		}
	}
	t.fw = r.Config.Firmware
	if t.fw.Name == "" {
		var err error
		if t.fw, err = device.FirmwareNamed(cmp.Or(id.Firmware, "today")); err != nil {
			return err
		}
	}
	if id.Firmware != t.fw.Name { // another image brings its own root set
		id.RootSet = t.fw.RootSet
	}
	t.rootSet = cmp.Or(f.Roots, id.RootSet)
	factory, err := certstore.RootSet(t.rootSet)
	t.factory, t.kept = factory, kept.Roots()
	return err
}

// moment is the time to judge at: the one told, in a lab that of its time
// server, else the host's.
func (f *trustFlags) moment(ctx context.Context, place network.Place) (time.Time, error) {
	if f.at != "" {
		at, err := setup.ParseTime(f.at)
		if err != nil {
			return at, usagef("--at: %w", err)
		}
		return at, nil
	}
	now := time.Now()
	if f.Lab == "" || len(f.chains) > 0 {
		return now, nil
	}
	n := network.New(place, network.Options{})
	defer n.Close()
	if found, err := n.FindTime(ctx, place.Suffix, f.ad); err == nil {
		now = now.Add(found.Offset)
	}
	return now, nil
}

// ask fills in what is published. failed is the answer of a domain controller
// that gave nothing: the certificates can be shown nevertheless.
func (f *trustFlags) ask(ctx context.Context, t *trust, place network.Place, r *setup.Setup, record journal.Recorder) (failed, err error) {
	switch {
	case f.published != "":
		t.published, err = readFolder(f.published)
	case f.ad != "":
		result, err := device.DownloadRoots(ctx, place, t.fw, r.Credentials, f.ad, r.Config.NetBIOS, record)
		t.published = published{From: "Active Directory of " + f.ad, Server: result.Server, Known: err == nil, Roots: result.Roots}
		for _, x := range result.Rejected {
			t.published.Rejected = append(t.published.Rejected, x.DN+": "+x.Why)
		}
		if err != nil {
			s := journal.FailureOf(err).Step(journal.Roots)
			if s.Code == journal.ADNoRoots { // an answer too: nothing
				s.State, t.published.Known, err = journal.Warned, true, nil
			}
			record(s)
		}
		return err, nil
	}
	return nil, err
}

// readWith reads the roots that might be published.
func (f *trustFlags) readWith(t *trust) error {
	for _, file := range f.with {
		found, err := readCertificates(file)
		if err != nil {
			return err
		}
		var whyNot error
		n := len(t.with)
		for _, c := range found {
			r := certstore.Root{Certificate: c, Source: certstore.Source{Kind: certstore.AD, Server: "the file " + filepath.Base(file), At: t.at}}
			if _, err := adroots.ParseRoot(c.Raw); err != nil {
				whyNot = fmt.Errorf("%s: %w", r.Subject(), err)
				continue
			}
			t.with = append(t.with, r)
			if len(found) == 1 { // certutil publishes files of one certificate
				t.files = append(t.files, rootFile{r.Fingerprint(), file})
			}
		}
		if len(t.with) == n {
			return usagef("--with %s: a phone installs no such certificate when it is published (%v); give the root", file, whyNot)
		}
	}
	return nil
}

// readWithout finds the roots that might go: published, factory or kept ones.
func (f *trustFlags) readWithout(t *trust) error {
	for _, prefix := range f.without {
		wanted := strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(prefix))
		var found []certstore.Root
		for _, r := range certstore.New(append(append(t.factory.Roots(), t.published.Roots...), t.kept...)...).Roots() {
			if wanted != "" && (strings.HasPrefix(r.Fingerprint(), wanted) || strings.HasPrefix(thumbprint(r.Certificate), wanted)) {
				found = append(found, r)
			}
		}
		switch len(found) {
		case 0:
			return usagef("--without %q: no root that the phone holds or that is known to be published begins so", prefix)
		case 1:
			t.without = append(t.without, found[0])
		default:
			return usagef("--without %q: %d roots begin so, among them %s and %s", prefix, len(found), found[0].Subject(), found[1].Subject())
		}
	}
	return nil
}
