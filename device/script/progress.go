package script

// Part is a part of the story as it is shown to the person who plays it.
type Part struct {
	ID, Title string
	Done      bool // it has happened
	Now       bool // it is the next one to play
}

// Progress is how far a person has come in the story of the paper clip. Its zero
// value stands at the beginning.
type Progress struct {
	done  int // parts
	clips int // Facts.PaperClips when the second part was over
}

// Follow takes note of the facts of a moment, and reports whether a part was
// completed.
func (p *Progress) Follow(f Facts) (more bool) {
	for p.done < len(parts) && parts[p.done].happened(f, p.clips) {
		if p.done == partRefused {
			p.clips = f.PaperClips
		}
		p.done++
		more = true
	}
	return more
}

// Over reports whether all parts have been played.
func (p *Progress) Over() bool { return p.done == len(parts) }

// Parts lists the four parts.
func (p *Progress) Parts() (all []Part) {
	for i, x := range parts {
		all = append(all, Part{ID: x.id, Title: x.title, Done: i < p.done, Now: i == p.done})
	}
	return all
}

// Button names a button of the desktop's side panel.
type Button string

// Buttons that a Hint names.
const (
	NoButton      Button = ""
	FillButton    Button = "fill"         // puts the user into the sign-in form
	AgainButton   Button = "again"        // all is as at the start
	InsideButton  Button = "plug.inside"  // plugs the phone in inside
	OutsideButton Button = "plug.outside" // plugs the phone in outside
	PoolButton    Button = "root.pool"    // publishes or withdraws the root of the pool
	EdgeButton    Button = "root.edge"    // publishes or withdraws the root of the Edge
)

// Hint says what brings the story on.
type Hint struct {
	Text   string // in the words of the buttons
	Button Button // the one to press now; NoButton: none of them
}

// Next says what to do now.
func (p *Progress) Next(f Facts) Hint {
	switch {
	case p.Over():
		return Hint{Text: "That was the story: a phone that trusts enough to sign in does not look for more. " +
			"Only an empty store makes it ask Active Directory again."}
	case !f.On:
		return Hint{Text: "The phone is off. It comes back by itself after a restart."}
	case p.done < partClip && f.Edge.Trusted:
		return Hint{"The phone has the Edge's root already, so it would not be refused. Press Begin again.", AgainButton}
	}
	switch p.done {
	case partInside:
		return nextInside(f)
	case partRefused:
		return nextRefused(f)
	case partClip:
		return Hint{Text: "Turn the phone over, push the paper clip into the hole between USB and HEADSET, and hold it for " +
			"five seconds."}
	}
	return nextOutside(f)
}

// Hints that several moments share.
var (
	signIn  = Hint{"Press Fill in the user, then Sign in on the phone's screen.", FillButton}
	waiting = Hint{Text: "Wait a moment: the steps below show what the phone is doing."}
)

func nextInside(f Facts) Hint {
	switch {
	case f.Edge.Published:
		return Hint{"Press Withdraw beside the Edge's root: both roots would arrive at once.", EdgeButton}
	case !f.Pool.Published:
		return Hint{"Press Publish beside the pool's root: without it no phone can sign in.", PoolButton}
	case f.Place != Inside:
		return Hint{"Press Inside: plug the phone in at the office.", InsideButton}
	case f.Busy || f.SignedIn:
		return waiting
	case f.Refused != "":
		return Hint{"The sign-in failed; Details on the phone's screen say why. Fill in the user puts the right " +
			"one into the form.", FillButton}
	}
	return signIn
}

func nextRefused(f Facts) Hint {
	switch {
	case !f.Edge.Published:
		return Hint{"Be the administrator: press Publish beside the Edge's root. It does what certutil -f " +
			"-dspublish … RootCA does.", EdgeButton}
	case f.Place != Outside:
		return Hint{"Take the phone home: press Outside.", OutsideButton}
	case f.Busy || f.SignedIn:
		return waiting
	}
	return signIn
}

func nextOutside(f Facts) Hint {
	switch {
	case f.Edge.Trusted && f.Place == Outside && (f.Busy || f.SignedIn):
		return waiting
	case f.Edge.Trusted && f.SignedIn:
		return Hint{"Both roots are there. Take the phone home again: press Outside.", OutsideButton}
	case f.Edge.Trusted && f.Place == Outside:
		return signIn
	case !f.Edge.Published:
		return Hint{"Press Publish beside the Edge's root: the phone must be able to fetch both roots.", EdgeButton}
	case !f.Pool.Published:
		return Hint{"Press Publish beside the pool's root: the phone must be able to fetch both roots.", PoolButton}
	case f.Place != Inside:
		return Hint{"Back to the office: press Inside.", InsideButton}
	case f.SignedIn: // a root was withdrawn while the phone signed in
		return Hint{Text: "The phone signed in without the Edge's root. The paper clip again."}
	case f.Busy:
		return waiting
	}
	return signIn
}
