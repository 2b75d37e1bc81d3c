// Package check examines a deployment with the phone's eyes, without signing
// in, and reports what is wrong and what to change. A report is data, with a
// JSON form that is versioned.
//
// Trust answers which servers a phone trusts: after its next sign-in inside, after
// a reset, and after a change of what Active Directory publishes (rules R1.1 to
// R1.4). Codes and remedies are those of a sign-in (package trust). It follows
// docs/protocol/phone.md#finding-the-sip-server and
// docs/protocol/troubleshooting.md#issuer-neither-stored-nor-published.
//
//  1. Describe the phone in a Config: a firmware, or the memory of a phone.
//  2. Name the servers with ParseEndpoint; give those a Chain that are judged by
//     a file instead of being dialled.
//  3. Say what is published: Domain asks Active Directory, ReadFolder reads
//     files; with neither it is unknown.
//  4. report, err := check.Trust(ctx, config)
//
// Nothing is written to any server, and no password is sent but to a domain
// controller, once.
package check

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/trust"
)

// Config says what Trust examines.
type Config struct {
	Phone    string          // the phone in words; "": "a new phone"
	Memory   flash.Flash     // the phone's memory, which is only read; nil: a new phone
	Firmware device.Firmware // zero: the one in Memory, else "today"
	RootSet  string          // factory root set; "": the one in Memory, else the firmware's

	At        time.Time  // the time to judge at; zero: now
	NTP       bool       // with a zero At: now is what the time servers say that the phone would ask
	Endpoints []Endpoint // the servers, at least one

	// Places are where to dial from, tried in order; Active Directory is asked
	// from the first. Empty: the host's network.
	Places []network.Place

	Published   Published          // what is published, if it is known beforehand
	Domain      string             // Active Directory domain to ask what is published, once; "": it is not asked
	Credentials device.Credentials // the account that asks it
	NetBIOS     bool               // use the WINS server of the first place to find a domain controller

	// With and Without are the change: roots that are published as well, and the
	// fingerprints, or their beginnings, of roots that are neither published nor
	// factory roots.
	With    []RootFile
	Without []string

	AsIfReset bool // judge after a reset and one sign-in inside only

	Record journal.Recorder // gets each step when it happens; nil: steps are in the report only
}

// Trust reads the certificates of the endpoints and judges them. The error is a
// *journal.Failure with code journal.Usage if the configuration cannot work, and
// the cause of ctx if ctx ends; a server that cannot be reached is part of the
// report.
func Trust(ctx context.Context, c Config) (Report, error) {
	t, err := newTrust(c)
	if err != nil {
		return Report{}, err
	}
	if len(c.Places) == 0 {
		c.Places = []network.Place{{}}
	}
	if c.NTP && c.At.IsZero() {
		t.findTime(ctx, c)
	}
	if c.Domain != "" {
		t.askDomain(ctx, c)
	}
	if err := t.findWithout(c.Without); err != nil {
		return Report{}, err
	}
	t.probe(ctx, c.Places)
	if err := ctx.Err(); err != nil {
		return Report{}, context.Cause(ctx)
	}
	return t.report(c.AsIfReset), nil
}

// Check reports a configuration that cannot work, as far as it shows without any
// server. The error is a *journal.Failure with code journal.Usage.
func (c Config) Check() error {
	if len(c.Endpoints) == 0 {
		return journal.Usagef("no server is given")
	}
	for _, prefix := range c.Without {
		if digits := fingerprintOf(prefix); digits == "" || strings.Trim(digits, "0123456789abcdef") != "" {
			return journal.Usagef("--without %q: a fingerprint has hexadecimal digits only; give its first ones", prefix)
		}
	}
	return nil
}

// newTrust settles which phone judges, and the change as far as it needs no
// answer of Active Directory.
func newTrust(c Config) (*run, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	t := &run{
		phone:     cmp.Or(c.Phone, "a new phone"),
		fw:        c.Firmware,
		at:        c.At,
		published: c.Published,
		observer:  c.Record,
	}
	if t.at.IsZero() {
		t.at = time.Now()
	}
	for _, e := range c.Endpoints {
		t.endpoints = append(t.endpoints, &server{Endpoint: e})
	}
	if err := t.readPhone(c.Memory, c.RootSet); err != nil {
		return nil, err
	}
	return t, t.readWith(c.With)
}

// readPhone reads the phone's memory, if there is one, and its factory set.
func (t *run) readPhone(memory flash.Flash, rootSet string) (err error) {
	var id device.Identity
	if memory != nil {
		if id, err = device.ReadIdentity(memory); err != nil {
			return err
		}
		kept, err := device.ReadRoots(memory)
		if err != nil {
			return err
		}
		t.kept = kept.Roots()
	}
	if t.fw.Name == "" {
		if t.fw, err = device.FirmwareNamed(cmp.Or(id.Firmware, "today")); err != nil {
			return err
		}
	}
	if id.Firmware != t.fw.Name { // another image brings its own root set
		id.RootSet = t.fw.RootSet
	}
	t.rootSet = cmp.Or(rootSet, id.RootSet)
	t.factory, err = certstore.RootSet(t.rootSet)
	return err
}

// record stamps a step, keeps it for the report and passes it on.
func (t *run) record(s journal.Step) {
	s = s.Stamp(uint64(len(t.steps)+1), t.at)
	t.steps = append(t.steps, s)
	if t.observer != nil {
		t.observer(s)
	}
}

// findTime asks the time servers that the phone would ask, and judges by their time
// (docs/protocol/phone.md#time). The domain of the address comes before that of the
// first endpoint, whose host lies in the SIP domain. Without an answer the phone goes
// on with its own clock.
func (t *run) findTime(ctx context.Context, c Config) {
	_, sip, _ := strings.Cut(c.Credentials.Address, "@")
	_, parent, _ := strings.Cut(c.Endpoints[0].Name, ".")
	n := network.New(c.Places[0], network.Options{})
	defer n.Close()
	found, err := n.FindTime(ctx, c.Places[0].Suffix, cmp.Or(sip, parent), c.Domain)
	if err != nil {
		s := journal.FailureOf(err).Step(journal.Time)
		s.State = journal.Warned
		s.Decided = strings.TrimSuffix(s.Decided, ".") + ". It is judged by this computer's clock."
		t.record(s)
		return
	}
	t.at, t.clock = t.at.Add(found.Offset), trust.Clock{Server: found.Server, Offset: found.Offset}
	s := journal.Step{Name: journal.Time, State: journal.OK, Asked: found.Record, By: found.Server, Details: found.Tried,
		Answered: t.at.UTC().Format(time.DateTime) + " UTC", Because: "OCS 2007 R2 documentation, NTP",
		Decided: "It is judged at the time that the phone would take from " + found.Server + "."}
	if found.Offset.Abs() >= trust.LargeJump {
		s.State, s.Code = journal.Warned, journal.TimeJump
		s.Decided += fmt.Sprintf(" It moves this computer's clock by %+d days.", t.clock.Days())
		s.Fix = "Correct whichever of the two clocks is wrong; --clock host judges by this computer's."
	}
	t.record(s)
}

// askDomain asks a domain controller what is published. A failure is part of the
// report: the certificates can be shown nevertheless.
func (t *run) askDomain(ctx context.Context, c Config) {
	result, err := device.DownloadRoots(ctx, c.Places[0], t.fw, c.Credentials, c.Domain, c.NetBIOS, t.record)
	t.published = Published{
		From:   "Active Directory of " + c.Domain,
		Server: result.Server,
		Known:  err == nil,
		Roots:  result.Roots,
	}
	for _, x := range result.Rejected {
		t.published.Rejected = append(t.published.Rejected, x.String())
		if x.Certificate != nil {
			t.published.other = append(t.published.other, x.Certificate)
		}
	}
	if err == nil {
		return
	}
	f := journal.FailureOf(err)
	s := f.Step(journal.Roots)
	if s.Code == journal.ADNoRoots { // an answer too: nothing is published
		s.State, t.published.Known = journal.Warned, true
	} else {
		t.unknown = f
	}
	t.record(s)
}

// readWith takes the roots that might be published from files.
func (t *run) readWith(files []RootFile) error {
	for _, file := range files {
		var whyNot error
		n := len(t.with)
		for _, c := range file.Certificates {
			source := certstore.Source{Kind: certstore.AD, Server: "the file " + file.base(), At: t.at}
			r := certstore.Root{Certificate: c, Source: source}
			if _, err := adroots.ParseRoot(c.Raw); err != nil {
				whyNot = fmt.Errorf("%s: %w", r.Subject(), err)
				continue
			}
			t.with = append(t.with, r)
			if len(file.Certificates) == 1 { // certutil publishes files of one certificate
				t.files = append(t.files, namedRoot{r.Fingerprint(), file.base()})
			}
		}
		if len(t.with) == n {
			return journal.Usagef("--with %s: a phone installs no such certificate when it is published (%v); give the root",
				file.Name, whyNot)
		}
	}
	return nil
}

// fingerprintOf is the beginning of a fingerprint, which may be written in any way, as
// Root.Fingerprint writes it.
func fingerprintOf(s string) string {
	return strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(s))
}

// findWithout finds the roots that might go: published, factory or kept ones.
func (t *run) findWithout(prefixes []string) error {
	all := append(t.factory.Roots(), t.published.Roots...)
	known := certstore.New(append(all, t.kept...)...).Roots()
	for _, prefix := range prefixes {
		wanted := fingerprintOf(prefix)
		var found []certstore.Root
		for _, r := range known {
			if strings.HasPrefix(r.Fingerprint(), wanted) || strings.HasPrefix(Thumbprint(r.Certificate), wanted) {
				found = append(found, r)
			}
		}
		switch len(found) {
		case 0:
			return journal.Usagef("--without %q: no root that the phone holds or that is known to be published begins so",
				prefix)
		case 1:
			t.without = append(t.without, found[0])
		default:
			return journal.Usagef("--without %q: %d roots begin so, among them %s and %s",
				prefix, len(found), found[0].Subject(), found[1].Subject())
		}
	}
	return nil
}
