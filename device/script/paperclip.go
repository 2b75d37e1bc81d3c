package script

import (
	"fmt"
	"net"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
)

// part is one of the four parts of the story of the paper clip. PaperClip plays
// them as acts, and Progress recognises them when a person does.
type part struct {
	id, title string
	happened  func(f Facts, clips int) bool // clips is Facts.PaperClips at the end of the part before
}

// Parts of the story, by number.
const (
	partInside = iota
	partRefused
	partClip
	partOutside
)

var parts = []part{
	partInside: {"act.inside", "Inside, a new phone signs in. The root that it needs comes from Active Directory.",
		func(f Facts, _ int) bool {
			return f.SignedIn && f.Place == Inside && !f.Remote && f.Pool.Trusted && !f.Edge.Trusted
		}},
	partRefused: {"act.refused", "The Edge's root is published, and the phone taken outside. It is refused.",
		func(f Facts, _ int) bool {
			return f.Edge.Published && f.Place == Outside && f.Refused == journal.CertUntrusted && !f.Edge.Trusted
		}},
	partClip: {"act.clip", "A paper clip goes into the hole. What was downloaded goes, the factory roots stay.",
		func(f Facts, clips int) bool { return f.PaperClips > clips && f.Downloaded == 0 }},
	partOutside: {"act.outside", "Inside once, then outside. Both roots arrived, and the Edge lets the phone in.",
		func(f Facts, _ int) bool { return f.SignedIn && f.Place == Outside && f.Remote && f.Edge.Trusted }},
}

// PaperClip is the story of the paper clip, in acts.
func PaperClip(w *World) []Act {
	pool, edge := w.Lab.Deployment.Pool.Host, w.Lab.Deployment.Edge.Host
	factory := w.Phone.Snapshot().Roots
	in, out := w.Lab.Inside(), w.Lab.Outside()
	plug := func(at lab.Attachment) func() error { return func() error { w.Phone.Plug(at.Place); return nil } }
	signIn := func() error { return w.SignIn(in) }
	happened := func(n int) bool { return parts[n].happened(w.Facts(), 0) }
	refused := func(now device.Snapshot) bool { return happened(partRefused) && w.namesTheEdgesIssuer(now) }
	return []Act{
		{
			Title: "Inside, a new phone",
			Text: fmt.Sprintf("The pool's certificate comes from the company's own CA, which no phone knows. "+
				"Active Directory holds that root. %s signs in.", w.User.Address),
			Do:    signIn,
			Claim: "Inside, one root came from Active Directory, and the phone signed in.",
			Holds: func(now device.Snapshot) bool {
				return happened(partInside) && atServer(now, pool) && downloaded(now) == 1 && w.Searched()
			},
		},
		{
			Title: "The administrator publishes the root of the Edge",
			Text: "The Edge's certificate comes from a CA that the phone does not know either. " +
				"Its root now stands in Active Directory: certutil -f -dspublish … RootCA. The phone is taken home.",
			Do: func() error {
				if err := w.Lab.PublishRoot(lab.PublicRoot); err != nil {
					return err
				}
				return plug(out)()
			},
			Claim: "Outside, the phone refused the Edge and named its unknown issuer.",
			Holds: refused,
		},
		{
			Title: "Inside again",
			Text:  "So back to the office: is the published root not fetched now?",
			Do:    plug(in),
			Claim: "Inside again, it signed in without asking Active Directory, since a stored root satisfied the pool: " +
				"the new root did not arrive.",
			Holds: func(now device.Snapshot) bool {
				return happened(partInside) && atServer(now, pool) && downloaded(now) == 1 && !w.Searched()
			},
		},
		{
			Title: "Outside again",
			Text:  "Home once more.",
			Do:    plug(out),
			Claim: "Outside it was still refused.",
			Holds: refused,
		},
		{
			Title: "The paper clip",
			Text:  "A paper clip goes into the small hole on the back, between the USB and the headset connector.",
			Do:    func() error { _, err := w.Phone.PressReset(); return err },
			Claim: "After the paper clip nothing that was downloaded is trusted; the factory roots stayed.",
			Holds: func(now device.Snapshot) bool { return happened(partClip) && len(now.Roots) == len(factory) },
		},
		{
			Title: "Inside, once",
			Text:  "The user signs in at the office, one time.",
			Do:    signIn,
			Claim: "Inside, both roots arrived, though the pool needs only one.",
			Holds: func(now device.Snapshot) bool {
				f := w.Facts()
				return f.SignedIn && f.Pool.Trusted && f.Edge.Trusted && atServer(now, pool) && f.Downloaded == 2 && w.Searched()
			},
		},
		{
			Title: "Outside",
			Text:  "And home.",
			Do:    plug(out),
			Claim: "Outside, the phone signed in through the Edge.",
			Holds: func(now device.Snapshot) bool { return happened(partOutside) && atServer(now, edge) },
		},
	}
}

// namesTheEdgesIssuer reports whether the last verdict names the Edge's root as
// what is missing.
func (w *World) namesTheEdgesIssuer(now device.Snapshot) bool {
	for _, r := range w.Lab.Roots() {
		if r.Name == lab.PublicRoot {
			return now.Verdict != nil && now.Verdict.Issuer() == r.Subject
		}
	}
	return false
}

// atServer reports whether the phone is ready at a server of that name.
func atServer(now device.Snapshot, host string) bool {
	server, _, err := net.SplitHostPort(now.Server)
	return err == nil && now.State == device.Ready && server == host
}
