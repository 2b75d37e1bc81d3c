package labpanel

import "github.com/ocphone/ocphone/device/journal"

// Places to plug the phone into.
const (
	Unplugged = ""
	Inside    = "inside"
	Outside   = "outside"
)

// Facts are what phone and lab say of themselves at one moment. The panel shows
// them, and the story goes by nothing else.
type Facts struct {
	Place      string       // where the phone is plugged in
	On         bool         // the phone has power
	SignedIn   bool         // ready: nothing is left to do
	Busy       bool         // signing in, or about to try again
	Refused    journal.Code // why somebody must act; "": nobody must
	Remote     bool         // signed in through the Edge
	Trusted    []Root       // what the phone trusts, in the order it came
	Pool, Edge LabRoot      // the roots of the deployment
	Exchange   Certificate
	PaperClips int // resets by paper clip since the beginning
}

// Root is a certificate that the phone trusts.
type Root struct {
	Subject string
	Source  string // where it came from, in words
	Fetched bool   // downloaded: a paper clip takes it away
}

// LabRoot is a root of the deployment.
type LabRoot struct {
	Subject   string
	Published bool // it stands in Active Directory
	Trusted   bool // the phone has it
}

// Certificate is what a server of the lab shows.
type Certificate string

// Certificates of Exchange.
const (
	NoServer   Certificate = ""
	Good       Certificate = "good"
	SelfSigned Certificate = "self-signed"
)

// Act is one of the four acts of the story.
type Act struct {
	ID, Title string
	Done      bool // it has truly happened
	Now       bool // it is the one to play
}

// Story is how far somebody has come in the story of the paper clip (R1.1 to
// R1.4). Its zero value stands at the beginning.
type Story struct {
	done  int // acts
	clips int // Facts.PaperClips when the second act was over
}

// Acts of the story, by number.
const (
	actInside = iota
	actRefused
	actClip
	actOutside
	acts
)

// Follow takes up what has happened, and reports whether an act was completed.
func (s *Story) Follow(f Facts) (more bool) {
	for s.done < acts && s.happened(f) {
		if s.done == actRefused {
			s.clips = f.PaperClips
		}
		s.done++
		more = true
	}
	return more
}

// happened says whether the present act is what f tells of.
func (s *Story) happened(f Facts) bool {
	switch s.done {
	case actInside:
		return f.SignedIn && f.Place == Inside && !f.Remote && f.Pool.Trusted && !f.Edge.Trusted
	case actRefused:
		return f.Edge.Published && f.Place == Outside && f.Refused == journal.CertUntrusted && !f.Edge.Trusted
	case actClip:
		return f.PaperClips > s.clips && fetched(f.Trusted) == 0
	}
	return f.SignedIn && f.Place == Outside && f.Remote && f.Edge.Trusted
}

func fetched(roots []Root) (n int) {
	for _, r := range roots {
		if r.Fetched {
			n++
		}
	}
	return n
}

// Over says that all four acts have been played.
func (s *Story) Over() bool { return s.done == acts }

// Acts lists the four acts.
func (s *Story) Acts() []Act {
	list := []Act{
		{ID: "act.inside", Title: "Inside, a new phone signs in. The root that it needs comes from Active Directory."},
		{ID: "act.refused", Title: "The Edge's root is published, and the phone taken outside. It is refused."},
		{ID: "act.clip", Title: "A paper clip goes into the hole. What was downloaded goes, the factory roots stay."},
		{ID: "act.outside", Title: "Inside once, then outside. Both roots arrived, and the Edge lets the phone in."},
	}
	for i := range list {
		list[i].Done, list[i].Now = i < s.done, i == s.done
	}
	return list
}

// Next tells what to do now.
func (s *Story) Next(f Facts) string {
	switch {
	case s.done == acts:
		return "That was the story: a phone that trusts enough to sign in does not look for more. Only an empty store makes it ask Active Directory again."
	case !f.On:
		return "The phone is off. It comes back by itself after a restart."
	case s.done < actClip && f.Edge.Trusted:
		return "The phone has the Edge's root already, so it would not be refused. Press Begin again."
	}
	switch s.done {
	case actInside:
		return nextInside(f)
	case actRefused:
		return nextRefused(f)
	case actClip:
		return "Turn the phone over, and push the paper clip into the hole between USB and HEADSET, and hold it for five seconds."
	}
	return nextOutside(f)
}

// What to press is called as the buttons are.
const (
	signIn  = "Press Fill in the user, then Sign in on the phone's screen."
	waiting = "Wait a moment: the steps below tell what the phone is doing."
)

func nextInside(f Facts) string {
	switch {
	case f.Edge.Published:
		return "Withdraw the Edge's root: both roots would arrive at once."
	case !f.Pool.Published:
		return "Publish the pool's root: without it no phone can sign in."
	case f.Place != Inside:
		return "Plug the phone in inside."
	case f.Busy || f.SignedIn:
		return waiting
	case f.Refused != "":
		return "The sign-in failed; Details on the phone's screen say why. Fill in the user puts the right one into the form."
	}
	return signIn
}

func nextRefused(f Facts) string {
	switch {
	case !f.Edge.Published:
		return "Be the administrator: publish the Edge's root in Active Directory (certutil -f -dspublish … RootCA)."
	case f.Place != Outside:
		return "Take the phone home: press Outside."
	case f.Busy || f.SignedIn:
		return waiting
	}
	return signIn
}

func nextOutside(f Facts) string {
	switch {
	case f.Edge.Trusted && f.Place == Outside && (f.Busy || f.SignedIn):
		return waiting
	case f.Edge.Trusted && f.SignedIn:
		return "Both roots are there. Take the phone home again: press Outside."
	case f.Edge.Trusted && f.Place == Outside:
		return signIn
	case !f.Edge.Published || !f.Pool.Published:
		return "Both roots must be published, or the phone cannot fetch them."
	case f.Place != Inside:
		return "Back to the office: press Inside."
	case f.SignedIn: // a root was withdrawn while the phone signed in
		return "The phone signed in without the Edge's root. The paper clip again."
	case f.Busy:
		return waiting
	}
	return signIn
}
