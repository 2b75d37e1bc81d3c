// Package trust decides what a phone does about the certificate of a server:
// whether it asks Active Directory for roots (R1.2), with which code a sign-in
// ends that a certificate has stopped, and what an administrator changes. The
// phone and `check trust` both use it, so that they say the same.
//
// It follows R1.1 to R1.6, docs/protocol/trust.md#root-download and
// docs/decisions.md#proved-remedies.
//
//  1. Fill in a Case: the verdict, and what was known when it was given.
//  2. Case.Search says whether the phone asks Active Directory, Case.NotAsked why
//     it does not.
//  3. Case.Good is the step of a good verdict, Case.Failure the end of an attempt
//     at a refused certificate, with the remedy.
package trust

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
)

// Case is a verdict and what was known when it was given. A zero field means that
// nothing is known.
type Case struct {
	Verdict certstore.Verdict
	Held    certstore.Store // the roots of the phone
	// DownloadedRootStops is the stricter reading of R1.2: the phone does not ask
	// Active Directory while it holds any downloaded root.
	DownloadedRootStops bool
	Side                Side
	Name                NameSource
	Directory           *Directory          // nil: Active Directory did not answer or was not asked
	Seen                []*x509.Certificate // CA certificates from elsewhere; the missing one may be among them
	Clock               Clock
	NoArrival           bool // no published root reaches the phone, since its pool keeps it from asking
}

// Side is where the phone is, as far as the way to its server shows.
type Side int

// The sides.
const (
	AnySide Side = iota // the way does not show it
	Inside
	Outside // through an Edge; there is no domain controller (R1.4)
)

// NameSource is where the phone has the name from that the certificate must bear.
type NameSource int

// The sources of names.
const (
	Record    NameSource = iota // an SRV record
	Fixed                       // the phone makes it of the SIP domain, or a server redirected it there
	Registrar                   // --registrar
)

// Directory is what Active Directory answered.
type Directory struct {
	Server string              // the domain controller
	Roots  []string            // the published roots by name; empty: none
	Other  []*x509.Certificate // published certificates that the phone does not install
}

// Clock is how the phone's clock was set.
type Clock struct {
	Server string        // the time server; "": none has set it
	Offset time.Duration // by how much it moved the clock
}

// Days is the jump in whole days.
func (c Clock) Days() int { return int(c.Offset.Round(24*time.Hour) / (24 * time.Hour)) }

// LargeJump is more than a clock that runs is wrong by. A time server that moves
// the clock by more may itself be wrong.
const LargeJump = 24 * time.Hour

// Search is whether the phone asks Active Directory for roots, and why not.
type Search int

// The decisions.
const (
	Asks      Search = iota // a root from Active Directory may make the server trusted
	Satisfied               // a root that the phone holds satisfies the server
	NoCure                  // a root would not cure the certificate
	Stopped                 // Case.DownloadedRootStops
)

// Search decides (R1.2). That the phone asks at most once in a connection attempt
// is left to the caller.
func (c Case) Search() Search {
	switch {
	case c.Verdict.OK:
		return Satisfied
	case !c.Verdict.NeedsRoot():
		return NoCure
	case c.DownloadedRootStops && c.Directory == nil && c.holdsDownloaded():
		return Stopped
	}
	return Asks
}

func (c Case) holdsDownloaded() bool {
	return slices.ContainsFunc(c.Held.Roots(), certstore.Root.Downloaded)
}

// factoryKinds are the sources of roots that a reset leaves (R1.3).
var factoryKinds = []certstore.SourceKind{certstore.Factory, certstore.System, certstore.File}

// byFactoryRoot reports whether a reset leaves the root that satisfies the server.
func (c Case) byFactoryRoot() bool {
	a := c.Verdict.Anchor
	return c.Verdict.OK && (a == nil || slices.Contains(factoryKinds, a.Source.Kind))
}

// NotAsked says why the phone does not ask Active Directory about server; empty if
// it does.
func (c Case) NotAsked(server string) string {
	switch c.Search() {
	case Satisfied:
		if c.byFactoryRoot() {
			return server + " is trusted through a factory root, so that the phone never asks Active Directory, and a " +
				"reset fetches nothing (R1.2)."
		}
		return fmt.Sprintf("%s is trusted through %s (%s), so that Active Directory is not asked before a reset (R1.2).",
			server, c.Verdict.Anchor.Subject(), c.Verdict.Anchor.Source)
	case NoCure:
		return fmt.Sprintf("%s is refused for a reason that no root cures (%s), "+
			"so that Active Directory is not asked (R1.2).", server, c.Verdict.Code)
	case Stopped:
		return "This firmware does not ask Active Directory while it holds any downloaded root (R1.2)."
	}
	return ""
}

// Good is the step of a good verdict. It says that Active Directory is not asked,
// and whether a reset would change that.
func (c Case) Good() journal.Step {
	v := c.Verdict
	s := journal.Step{Name: journal.Trust, State: journal.OK, Asked: "the certificate of " + v.Name,
		Decided: v.Sentence + " Active Directory is not asked for roots.", Because: "R1.2", Details: v.Details()}
	switch {
	case v.Anchor == nil:
	case c.byFactoryRoot():
		s.Fix = "A reset cannot make the phone ask: this server is trusted through a factory root, which a reset leaves. " +
			"A root that only others need, say that of the Edge, must be among the factory roots."
	case v.Anchor.Source.Kind == certstore.Import:
		s.Fix = "A reset makes the phone ask again: this server is trusted through a root that was imported by hand, " +
			"which a reset takes away."
	default:
		s.Fix = "A root that is published from now on, say that of the Edge, does not arrive while a stored one " +
			"satisfies the pool: push a paper clip into the reset hole, then sign in once inside (R1.3, R1.4)."
	}
	return s
}

// Failure is the end of an attempt to sign in at a server whose certificate is
// refused. The code is that of the verdict or, if Active Directory answered and the
// server leads to none of its roots, ad.no-roots or ad.no-match.
func (c Case) Failure() *journal.Failure {
	f := c.Verdict.Failure()
	f.Fix = c.Remedy()
	switch d := c.Directory; {
	case c.Search() == Stopped:
		f.What += " This firmware does not ask Active Directory while it holds any downloaded root."
	case !c.Verdict.NeedsRoot():
	case d == nil && (c.Side == Outside || c.Name == Registrar):
		f.What += " Active Directory cannot be asked from here."
	case d == nil:
	case len(d.Roots) == 0:
		f.By, f.What = d.Server, f.What+" Active Directory publishes no root"+d.others()+"."
		if f.Code == journal.CertUntrusted {
			f.Code = journal.ADNoRoots
		}
	default:
		f.By = d.Server
		none := "none of these leads there"
		if !c.Verdict.NeedsOnlyRoot() {
			none = "none of these makes up for it"
		}
		f.What += fmt.Sprintf(" Active Directory was asked: it publishes %s, and %s%s.",
			journal.List(maxNamed, "; ", d.Roots), none, d.others())
		if f.Code == journal.CertUntrusted {
			f.Code = journal.ADNoMatch
		}
	}
	return f
}

// others names the published certificates that are no roots.
func (d *Directory) others() string {
	var names []string
	for _, c := range d.Other {
		names = append(names, certstore.DistinguishedName(c.RawSubject))
	}
	if len(names) == 0 {
		return ""
	}
	return "; it holds what is no root, too: " + journal.List(maxNamed, "; ", names)
}

// maxNamed bounds how many certificates a sentence names.
const maxNamed = 5
