// Package check examines a deployment with the phone's eyes, without signing
// in, and reports what is wrong and what to change. A report is data, with a
// JSON form that is versioned.
//
// Trust answers which servers a phone trusts: with what it holds now, after a
// reset and one sign-in inside, and after a change of what Active Directory
// publishes (rules R1.1 to R1.4). It follows
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
)

// Config says what Trust examines.
type Config struct {
	Phone    string          // the phone in words; "": "a new phone"
	Memory   flash.Flash     // the phone's memory, which is only read; nil: a new phone
	Firmware device.Firmware // zero: the one in Memory, else "today"
	RootSet  string          // factory root set; "": the one in Memory, else the firmware's

	At        time.Time  // the time to judge at; zero: now
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

	AsIfReset bool // judge after a reset and one sign-in inside, instead of now

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
	var unknown error // why Active Directory gave no answer
	if c.Domain != "" {
		unknown = t.askDomain(ctx, c)
	}
	if err := t.findWithout(c.Without); err != nil {
		return Report{}, err
	}
	t.probe(ctx, c.Places)
	if err := ctx.Err(); err != nil {
		return Report{}, context.Cause(ctx)
	}
	return t.report(c.AsIfReset, unknown), nil
}

// newTrust settles which phone judges, and the change as far as it needs no
// answer of Active Directory.
func newTrust(c Config) (*trust, error) {
	if len(c.Endpoints) == 0 {
		return nil, journal.Usagef("no server is given")
	}
	t := &trust{
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
func (t *trust) readPhone(memory flash.Flash, rootSet string) (err error) {
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
func (t *trust) record(s journal.Step) {
	s = s.Stamp(uint64(len(t.steps)+1), t.at)
	t.steps = append(t.steps, s)
	if t.observer != nil {
		t.observer(s)
	}
}

// askDomain asks a domain controller what is published. Its error is part of
// the report: the certificates can be shown nevertheless.
func (t *trust) askDomain(ctx context.Context, c Config) error {
	result, err := device.DownloadRoots(ctx, c.Places[0], t.fw, c.Credentials, c.Domain, c.NetBIOS, t.record)
	t.published = Published{
		From:   "Active Directory of " + c.Domain,
		Server: result.Server,
		Known:  err == nil,
		Roots:  result.Roots,
	}
	for _, x := range result.Rejected {
		t.published.Rejected = append(t.published.Rejected, x.DN+": "+x.Why)
	}
	if err == nil {
		return nil
	}
	s := journal.FailureOf(err).Step(journal.Roots)
	if s.Code == journal.ADNoRoots { // an answer too: nothing is published
		s.State, t.published.Known, err = journal.Warned, true, nil
	}
	t.record(s)
	return err
}

// readWith takes the roots that might be published from files.
func (t *trust) readWith(files []RootFile) error {
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

// findWithout finds the roots that might go: published, factory or kept ones.
func (t *trust) findWithout(prefixes []string) error {
	all := append(t.factory.Roots(), t.published.Roots...)
	known := certstore.New(append(all, t.kept...)...).Roots()
	for _, prefix := range prefixes {
		wanted := strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(prefix))
		var found []certstore.Root
		for _, r := range known {
			if wanted != "" && (strings.HasPrefix(r.Fingerprint(), wanted) ||
				strings.HasPrefix(Thumbprint(r.Certificate), wanted)) {
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
