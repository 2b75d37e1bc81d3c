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

// Next says what to do now, in the words of the buttons of the desktop's side
// panel.
func (p *Progress) Next(f Facts) string {
	switch {
	case p.Over():
		return "That was the story: a phone that trusts enough to sign in does not look for more. " +
			"Only an empty store makes it ask Active Directory again."
	case !f.On:
		return "The phone is off. It comes back by itself after a restart."
	case p.done < partClip && f.Edge.Trusted:
		return "The phone has the Edge's root already, so it would not be refused. Press Begin again."
	}
	switch p.done {
	case partInside:
		return nextInside(f)
	case partRefused:
		return nextRefused(f)
	case partClip:
		return "Turn the phone over, and push the paper clip into the hole between USB and HEADSET, and hold it for five " +
			"seconds."
	}
	return nextOutside(f)
}

// Hints that several moments share.
const (
	signIn  = "Press Fill in the user, then Sign in on the phone's screen."
	waiting = "Wait a moment: the steps below show what the phone is doing."
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
