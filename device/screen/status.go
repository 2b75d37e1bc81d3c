package screen

import (
	"cmp"
	"strings"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
)

// status is the line on top; unknown values are empty.
func (d pageContext) status() view.Status {
	s := view.Status{Clock: d.clock(d.clockTime), Date: d.date(d.clockTime), Cable: d.now.Place != ""}
	if s.Signed = d.signedIn(); s.Signed {
		s.Who, s.Presence = d.userName(), d.presence()
	}
	if box := d.now.Mailbox; box != nil {
		s.Exchange, s.Voice, s.Missed = view.ToneGood, box.Unread, d.missed()
	}
	if d.mailboxWarning() != nil {
		s.Exchange = view.ToneWarn
	}
	return s
}

func (d pageContext) signedIn() bool { return signedIn(d.now) }

// userName is the user as the pool calls him, else the sign-in address.
func (d pageContext) userName() string {
	if self := d.now.Self; self != nil && self.DisplayName != "" {
		return self.DisplayName
	}
	name, _, _ := strings.Cut(d.now.Address, "@")
	return name
}

// presence is that of the user at the pool (MS-PRES: ranges of availability).
func (d pageContext) presence() view.Presence {
	if d.now.Self == nil {
		return view.PresenceUnknown
	}
	p := presenceOf(d.now.Self.Availability)
	if p == view.Offline { // not published yet: a user who is signed in here is not offline
		return view.PresenceUnknown
	}
	return p
}

func presenceOf(availability int) view.Presence {
	switch a := availability; {
	case a < 3000:
		return view.PresenceUnknown
	case a < 6000:
		return view.Available
	case a < 9000:
		return view.Busy
	case a < 12000:
		return view.DoNotDisturb
	case a < 18000:
		return view.Away
	}
	return view.Offline
}

// mailbox is the mailbox of the phone; without one it is empty.
func (d pageContext) mailbox() *device.Mailbox { return cmp.Or(d.now.Mailbox, &device.Mailbox{}) }

// missed counts the missed calls that are not marked as read.
func (d pageContext) missed() (n int) {
	for _, c := range d.mailbox().Calls {
		if c.Kind == "missed" && !c.Read {
			n++
		}
	}
	return n
}

func (d pageContext) lamps() view.Lamps {
	return view.Lamps{Message: d.missed() > 0 || d.unread() > 0}
}
