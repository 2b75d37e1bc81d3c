package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// callsPage shows the calls of the mailbox: all, or those that were missed.
// Looking at them marks nothing.
type callsPage struct {
	dials
	missed bool
	shown  []call // rows of the last view
}

// call is one row.
type call struct {
	who, number string // number is what is dialled; "": it was withheld
	kind        string // of Exchange: missed, …
	at          time.Time
	length      time.Duration
	fresh       bool
}

// IDs of the page of calls.
const (
	callID      = "call." // and the number of the row
	allID       = "tab.all"
	missedTabID = "tab.missed"
)

func newCallsPage(*Screen) page { return &callsPage{} }

func (p *callsPage) view(d draw) view.Page {
	book := d.people()
	p.shown = nil
	if box := d.now.Mailbox; box != nil {
		for _, c := range box.Calls {
			if p.missed && c.Kind != "missed" {
				continue
			}
			row := call{kind: string(c.Kind), at: c.At, length: c.Duration, number: numberText(c.Number), fresh: c.Kind == "missed" && !c.Read}
			if row.who = oneLine(c.Name); row.who == "" {
				row.who = book.nameOf(row.number)
			}
			if row.number == "" {
				row.number = oneLine(c.Address)
			}
			p.shown = append(p.shown, row)
		}
	}
	rows := p.shown
	v := view.Page{ID: "calls", Layout: view.List, Title: d.say("calls.title"),
		Controls: append([]view.Control{
			{ID: allID, Role: view.Tab, Text: d.say("calls.all"), On: !p.missed},
			{ID: missedTabID, Role: view.Tab, Text: d.say("calls.missed"), On: p.missed},
		}, d.boxLines()...),
		List: &view.Rows{ID: callID, Len: len(rows), Row: func(i int) view.Control { return rows[i].control(d, i) }}}
	if d.now.Mailbox != nil {
		if v.List.Empty = d.say("calls.none"); p.missed {
			v.List.Empty = d.say("calls.noneMissed")
		}
	}
	return v
}

// nameOf is who has that number; "": nobody is known.
func (b *book) nameOf(number string) string {
	if p := b.owner(number); p != nil {
		return p.name
	}
	return ""
}

func (c call) control(d draw, i int) view.Control {
	row := view.Control{ID: callID + number(i), Role: view.Row, Icon: view.IconCalls, Text: c.who, Second: d.readable(c.number), Value: d.when(c.at)}
	switch c.kind {
	case "missed":
		row.Icon = view.IconMissed
	case "incoming":
		row.Icon = view.IconIncoming
	case "outgoing":
		row.Icon = view.IconOutgoing
	}
	if c.fresh {
		row.Tone = view.ToneWarn
	}
	if row.Text == "" {
		row.Text, row.Second = row.Second, ""
	}
	if row.Text == "" {
		row.Text = d.say("calls.withheld")
	}
	if c.length > 0 {
		row.Second = joined(row.Second, minutes(c.length))
	}
	return row
}

func (p *callsPage) tap(s *Screen, id string) {
	switch id {
	case allID, missedTabID:
		p.missed = id == missedTabID
	case troubleID:
		s.openTrouble()
	default:
		if i, ok := indexOf(id, callID, len(p.shown)); ok {
			s.open(newDialPage(s, p.shown[i].number))
		}
	}
}

// joined puts a dot between what is there.
func joined(parts ...string) string {
	var there []string
	for _, p := range parts {
		if p != "" {
			there = append(there, p)
		}
	}
	return strings.Join(there, " · ")
}

// minutes is a length of time as clocks count it: 3:12.
func minutes(d time.Duration) string {
	n := int(d / time.Second)
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// when is a moment as one says it on the same day or the next, else a date.
func (d draw) when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.In(d.place)
	switch day := midnight(at); {
	case day.Equal(midnight(d.time)):
		return d.say("when.today", "Time", d.clock(at))
	case day.Equal(midnight(d.time).AddDate(0, 0, -1)):
		return d.say("when.yesterday", "Time", d.clock(at))
	}
	return d.stamp(at)
}

// midnight is when the day of t began, where t is.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

// boxLines say why nothing of Exchange is shown, or that it may be old.
func (d draw) boxLines() []view.Control {
	line := view.Control{ID: troubleID, Role: view.Text, Icon: view.IconWarning, Tone: view.ToneWarn}
	trouble := d.boxTrouble()
	switch box := d.now.Mailbox; {
	case box != nil && trouble == nil:
		return nil
	case box != nil:
		line.Role, line.Text, line.Second = view.Row, d.say("mailbox.old", "Time", d.when(box.Polled)), trouble.Decided
	case trouble != nil:
		line.Role, line.Text, line.Second = view.Row, trouble.Decided, trouble.Fix
	case !d.signedIn():
		line.Text = d.say("mailbox.signedOut")
	case d.now.State != device.Ready:
		line.Text, line.Tone, line.Icon = d.say("mailbox.reading"), view.ToneDim, view.IconTime
	default:
		line.Text, line.Second = d.say("mailbox.none"), d.boxSkipped()
	}
	return []view.Control{line}
}

// troubleID is the ID of that line; openTrouble is what a tap on it does.
const troubleID = "mailbox"

func (s *Screen) openTrouble() {
	if t := (draw{now: s.now}).boxTrouble(); t != nil {
		s.open(stepPage(*t))
	}
}

// boxTrouble is what is wrong with Exchange; nil: nothing.
func (d draw) boxTrouble() *journal.Step {
	for i := len(d.now.Warnings) - 1; i >= 0; i-- {
		if t := d.now.Warnings[i]; t.Name == journal.Exchange || t.Name == journal.Autodiscover {
			return &t
		}
	}
	return nil
}

// boxSkipped is why Exchange was not asked, as the journal says it.
func (d draw) boxSkipped() string {
	for i := len(d.steps) - 1; i >= len(d.steps)-d.recent; i-- {
		if s := d.steps[i]; s.Name == journal.Exchange && s.State == journal.Skipped {
			return s.Decided
		}
	}
	return ""
}
