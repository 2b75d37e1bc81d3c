package screen

import (
	"slices"
	"time"

	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ews"
)

// meeting is one row: an event, or the name of a day.
type meeting struct {
	ews.Event
	heading        string // "": it is an event
	subject, place string
	start, end     time.Time // where the phone is
}

// meetingID and the row's number make the ID of a row.
const meetingID = "meeting."

// newCalendarPage shows the events of today and tomorrow.
func newCalendarPage(*Screen) page {
	return &builtPage{id: "calendar", digits: newDialPage, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("calendar.title")
		p.addMailboxLines(d)
		var rows []meeting
		empty := ""
		if d.now.Mailbox != nil {
			day := midnight(d.clockTime.In(d.location))
			rows = d.meetingsOf("calendar.today", day)
			free := len(rows) == 0
			rows = append(rows, d.meetingsOf("calendar.tomorrow", day.AddDate(0, 0, 1))...)
			if len(rows) == 0 {
				empty = d.say("calendar.nothing")
			} else if free {
				p.add(textLine("nothing", d.say("calendar.nothingToday"), view.NoIcon, view.ToneDim))
			}
		}
		p.longList(meetingID, len(rows), func(i int) view.Control { return rows[i].control(d, i) },
			func(s *Screen, i int) {
				if rows[i].heading == "" {
					s.open(meetingPage(rows[i]))
				}
			}, empty)
	}}
}

// meetingsOf are the events of a day below its name; nil if there are none.
func (d pageContext) meetingsOf(heading string, day time.Time) []meeting {
	events := d.meetings(day, day.AddDate(0, 0, 1))
	if len(events) == 0 {
		return nil
	}
	return append([]meeting{{heading: d.say(heading, "Date", d.date(day))}}, events...)
}

// meetings are the events that overlap the time between from and to; events of
// the whole day come first.
func (d pageContext) meetings(from, to time.Time) (all []meeting) {
	for _, e := range d.now.Mailbox.Calendar {
		m := meeting{Event: e, subject: oneLine(e.Subject), place: oneLine(e.Location)}
		m.start, m.end = e.Start.In(d.location), e.End.In(d.location)
		// An event without duration counts if it begins in that time.
		if m.start.Before(to) && (m.end.After(from) || m.start.Equal(m.end) && !m.start.Before(from)) {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b meeting) int {
		switch {
		case a.AllDay && !b.AllDay:
			return -1
		case b.AllDay && !a.AllDay:
			return 1
		}
		return a.start.Compare(b.start)
	})
	return all
}

// title is the subject, or what is shown instead of one.
func (m meeting) title(d pageContext) string {
	switch {
	case m.Private:
		return d.say("calendar.private")
	case m.subject == "":
		return d.say("calendar.noSubject")
	}
	return m.subject
}

// hours are begin and end, with their dates if the event ends on another day.
func (m meeting) hours(d pageContext) string {
	if m.AllDay {
		return d.say("calendar.allDay")
	}
	from, to := d.clock(m.start), d.clock(m.end)
	if !midnight(m.start).Equal(midnight(m.end)) && !m.end.Equal(midnight(m.start).AddDate(0, 0, 1)) {
		from, to = d.stamp(m.start), d.stamp(m.end)
	}
	return d.say("calendar.hours", "From", from, "To", to)
}

func (m meeting) state(d pageContext) string {
	id := map[string]string{"Busy": "busy", "Tentative": "tentative", "OOF": "away", "Free": "free"}[string(m.Status)]
	if id == "" {
		return ""
	}
	return d.say("calendar." + id)
}

func (m meeting) control(d pageContext, i int) view.Control {
	if m.heading != "" {
		return view.Control{ID: meetingID + number(i), Role: view.Heading, Text: m.heading}
	}
	c := row(meetingID+number(i), view.IconCalendar, m.title(d), m.hours(d), m.state(d))
	if !m.Private {
		c.Second = joined(c.Second, m.place)
	}
	switch {
	case m.Private:
		c.Icon = view.IconLock
	case m.Meeting:
		c.Icon = view.IconGroup
	}
	switch {
	case m.AllDay:
	case !m.end.After(d.clockTime):
		c.Tone = view.ToneDim
	case !m.start.After(d.clockTime):
		c.Tone, c.Value = view.ToneGood, joined(d.say("calendar.now"), c.Value)
	}
	return c
}

// meetingPage shows one event.
func meetingPage(m meeting) page {
	return &builtPage{id: "meeting", title: "calendar.meeting", build: func(d pageContext, p *pageBuilder) {
		p.add(view.Control{ID: "subject", Role: view.Heading, Text: m.title(d), Icon: view.IconCalendar})
		p.label("when", d.say("calendar.when"), joined(d.date(m.start), m.hours(d)))
		if !m.Private {
			p.label("where", d.say("calendar.where"), m.place)
		}
		p.label("state", d.say("calendar.state"), m.state(d))
	}}
}
