package screen

import (
	"cmp"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
)

// homePage is the page of a signed-in phone at rest.
func homePage() page {
	return &builtPage{id: "home", digits: newDialPage, build: func(d pageContext, p *pageBuilder) {
		p.Layout, p.Title = view.Tiles, d.say("home.title")
		p.add(view.Control{ID: "clock", Role: view.Heading, Text: d.clock(d.clockTime), Second: d.date(d.clockTime)})
		me := row("me", view.IconPerson, d.userName(), d.ownNumber(), "")
		if me.Presence = d.presence(); me.Presence != view.PresenceUnknown {
			me.Value = d.presenceName(me.Presence)
		}
		p.addAction(me, func(s *Screen) { s.open(presencePage()) })
		if d.now.State == device.SignedIn {
			p.add(view.Control{ID: "loading", Role: view.Text, Text: d.say("home.loading"), Tone: view.ToneDim})
		}
		for i, t := range d.now.Warnings[max(0, len(d.now.Warnings)-maxWarnings):] {
			warning := row("trouble."+number(i), view.IconWarning, d.stepName(t.Name), d.logLine(sentence(t.Code.Title())), "")
			warning.Tone = view.ToneWarn
			p.addAction(warning, func(s *Screen) { s.open(stepPage(t)) })
		}
		if text, second, ok := d.nextMeeting(); ok {
			meeting := row("meeting", view.IconCalendar, text, second, "")
			p.addAction(meeting, func(s *Screen) { s.open(newCalendarPage(s)) })
		}
		calls, voice := "", ""
		if box := d.now.Mailbox; box != nil {
			calls = d.say("home.missed", "Count", d.missed())
			voice = d.say("home.voice", "Count", box.Unread)
		}
		tile := func(id string, icon view.Icon, second string, badge int, open func(*Screen) page) {
			c := view.Control{ID: id, Role: view.Tile, Icon: icon, Text: d.say("home." + id), Second: second}
			if badge > 0 {
				c.Badge = number(badge)
			}
			p.addAction(c, func(s *Screen) { s.open(open(s)) })
		}
		tile("contacts", view.IconContacts, "", 0, newContactsPage)
		tile("calls", view.IconCalls, calls, d.missed(), newCallsPage)
		tile("voicemail", view.IconVoicemail, voice, d.unread(), newVoicemailPage)
		tile("dial", view.IconDial, "", 0, func(s *Screen) page { return newDialPage(s, "") })
		tile("calendar", view.IconCalendar, "", 0, newCalendarPage)
		tile("settings", view.IconSettings, "", 0, func(*Screen) page { return settingsPage() })
		p.speedDials(d, d.contacts())
		p.softKey("lock", d.say("home.lock"), view.IconLock, (*Screen).lockNow)
		p.softKey("sign-out", d.say("settings.signout"), view.IconSignOut, (*Screen).askSignOut)
	}}
}

// Limits of the home page, by its room.
const (
	maxWarnings   = 2 // the latest; the journal has all
	maxSpeedDials = 3
)

// speedDials are the contacts of the first group that has any.
func (p *pageBuilder) speedDials(d pageContext, index *contactIndex) {
	for _, group := range index.groups {
		if len(group.contacts) == 0 {
			continue
		}
		p.add(view.Control{ID: "speed", Role: view.Heading, Text: d.say("home.speed")})
		for i, c := range group.contacts[:min(len(group.contacts), maxSpeedDials)] {
			tile := view.Control{ID: "speed." + number(i), Role: view.Tile, Icon: view.IconPerson, Text: c.displayName()}
			p.addAction(tile, func(s *Screen) { s.open(newCardPage(s, c)) })
		}
		return
	}
}

func (d pageContext) unread() int { return d.mailbox().Unread }

// ownNumber is the number of the user's line, else his address.
func (d pageContext) ownNumber() string {
	if self := d.now.Self; self != nil {
		if line, ok := self.Line(); ok {
			return d.readable(line.Number)
		}
	}
	return d.now.Address
}

// nextMeeting is the first event of today that has not ended.
func (d pageContext) nextMeeting() (text, second string, ok bool) {
	tomorrow := midnight(d.clockTime).AddDate(0, 0, 1)
	for _, e := range d.mailbox().Calendar {
		if e.AllDay || !e.End.After(d.clockTime) || !e.Start.Before(tomorrow) {
			continue
		}
		text = e.Subject
		second = d.clock(e.Start.In(d.location)) + " – " + d.clock(e.End.In(d.location))
		if e.Private || text == "" {
			text = d.say("home.private")
		} else if e.Location != "" {
			second += ", " + e.Location
		}
		return text, second, true
	}
	return "", "", false
}

func (d pageContext) presenceName(p view.Presence) string {
	return d.say("presence." + cmp.Or(string(p), "unknown"))
}

// presencePage shows how others see the user.
func presencePage() page {
	return &builtPage{id: "presence", title: "presence.title", build: func(d pageContext, p *pageBuilder) {
		state := row("state", view.NoIcon, d.userName(), d.presenceName(d.presence()), "")
		state.Presence = d.presence()
		p.add(state)
		p.label("address", d.say("system.address"), d.now.Address)
		if self := d.now.Self; self != nil {
			p.label("note", d.say("presence.note"), self.Note)
			for i, l := range self.Lines {
				p.label("line."+number(i), d.say("presence.line"), d.readable(l.Number))
			}
			p.label("email", d.say("presence.email"), self.Email)
		}
	}}
}

// askSignOut asks before the user is signed out.
func (s *Screen) askSignOut() {
	title, sure := s.texts.say("settings.signout"), s.texts.say("signout.sure", "Address", s.now.Address)
	s.confirm("sign-out", title, []string{sure}, title, func(s *Screen) {
		s.home()
		s.signOut()
	})
}
