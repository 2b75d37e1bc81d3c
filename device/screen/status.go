package screen

import (
	"strings"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
)

// status is the line on top: nothing in it is shown before it is known.
func (d draw) status() Status {
	s := Status{Clock: d.clock(d.time), Date: d.date(d.time), Cable: d.now.Place != "", Signed: d.signedIn()}
	if s.Signed {
		s.Who = d.who()
		s.Presence = d.presence()
	}
	if box := d.now.Mailbox; box != nil {
		s.Exchange, s.Voice, s.Missed = ToneGood, box.Unread, d.missed()
	}
	for _, t := range d.now.Warnings {
		if t.Name == journal.Exchange || t.Name == journal.Autodiscover {
			s.Exchange = ToneWarn
		}
	}
	return s
}

func (d draw) signedIn() bool {
	return d.now.State == device.SignedIn || d.now.State == device.Ready
}

// who is the user as the pool calls him, else the sign-in address.
func (d draw) who() string {
	if self := d.now.Self; self != nil && self.DisplayName != "" {
		return self.DisplayName
	}
	name, _, _ := strings.Cut(d.now.Address, "@")
	return name
}

// presence is that of the user at the pool (MS-PRES: ranges of availability).
func (d draw) presence() Presence {
	if d.now.Self == nil {
		return PresenceUnknown
	}
	p := presenceOf(d.now.Self.Availability)
	if p == Offline { // nobody has told the pool more; somebody who is signed in here is not offline
		return PresenceUnknown
	}
	return p
}

func presenceOf(availability int) Presence {
	switch a := availability; {
	case a < 3000:
		return PresenceUnknown
	case a < 6000:
		return Available
	case a < 9000:
		return Busy
	case a < 12000:
		return DoNotDisturb
	case a < 18000:
		return Away
	}
	return Offline
}

// missed counts the missed calls that nobody has looked at.
func (d draw) missed() (n int) {
	if d.now.Mailbox == nil {
		return 0
	}
	for _, c := range d.now.Mailbox.Calls {
		if c.Kind == "missed" && !c.Read {
			n++
		}
	}
	return n
}

func (d draw) lamps() Lamps {
	return Lamps{Message: d.missed() > 0 || d.now.Mailbox != nil && d.now.Mailbox.Unread > 0}
}
