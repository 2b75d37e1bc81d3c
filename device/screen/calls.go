package screen

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ews"
)

// callRow is one row.
type callRow struct {
	ews.Call
	name, number string // number is dialled by a tap; "": the caller withheld it
}

// IDs of the page of calls.
const (
	callID      = "call." // and the number of the row
	allID       = "tab.all"
	missedTabID = "tab.missed"
)

// newCallsPage shows the calls of the mailbox: all, or those that were missed.
// It does not mark them as read.
func newCallsPage(*Screen) page {
	missed := false // the tab that is shown
	return &builtPage{id: "calls", digits: newDialPage, title: "calls.title", build: func(d pageContext, p *pageBuilder) {
		tab := func(id, text string, on bool) {
			c := view.Control{ID: id, Role: view.Tab, Text: d.say(text), On: missed == on}
			p.addAction(c, func(*Screen) { missed = on })
		}
		tab(allID, "calls.all", false)
		tab(missedTabID, "calls.missed", true)
		p.addMailboxLines(d)
		empty := ""
		if d.now.Mailbox != nil {
			if empty = d.say("calls.none"); missed {
				empty = d.say("calls.noneMissed")
			}
		}
		rows := d.calls(missed)
		p.longList(callID, len(rows), func(i int) view.Control { return rows[i].control(d, i) },
			func(s *Screen, i int) { s.open(newDialPage(s, rows[i].number)) }, empty)
	}}
}

// calls are the calls of the mailbox, or the missed ones alone.
func (d pageContext) calls(missed bool) (rows []callRow) {
	index := d.contacts()
	for _, c := range d.mailbox().Calls {
		if missed && c.Kind != "missed" {
			continue
		}
		number := numberText(c.Number)
		name := cmp.Or(oneLine(c.Name), index.nameOf(number))
		rows = append(rows, callRow{c, name, cmp.Or(number, oneLine(c.Address))})
	}
	return rows
}

func (r callRow) control(d pageContext, i int) view.Control {
	icon := map[string]view.Icon{
		"missed": view.IconMissed, "incoming": view.IconIncoming, "outgoing": view.IconOutgoing,
	}[string(r.Kind)]
	control := row(callID+number(i), cmp.Or(icon, view.IconCalls), r.name, d.readable(r.number), d.when(r.At))
	if r.Kind == "missed" && !r.Read {
		control.Tone = view.ToneWarn
	}
	if control.Text == "" {
		control.Text, control.Second = cmp.Or(control.Second, d.say("calls.withheld")), ""
	}
	if r.Duration > 0 {
		control.Second = joined(control.Second, minutes(r.Duration))
	}
	return control
}

// joined puts a dot between the parts that are not empty.
func joined(parts ...string) string {
	there := slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return p == "" })
	return strings.Join(there, " · ")
}

// minutes writes a duration as m:ss or h:mm:ss.
func minutes(d time.Duration) string {
	n := int(d / time.Second)
	if n >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", n/3600, n/60%60, n%60)
	}
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// when is a time of today or yesterday by that word, else with its date.
func (d pageContext) when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.In(d.location)
	switch day := midnight(at); {
	case day.Equal(midnight(d.clockTime)):
		return d.say("when.today", "Time", d.clock(at))
	case day.Equal(midnight(d.clockTime).AddDate(0, 0, -1)):
		return d.say("when.yesterday", "Time", d.clock(at))
	}
	return d.stamp(at)
}

// midnight is the beginning of the day of t, in the location of t.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

// mailboxLines say why no data of Exchange is shown, or that it may be outdated.
func (d pageContext) mailboxLines() []view.Control {
	line := view.Control{ID: mailboxLineID, Role: view.Text, Icon: view.IconWarning, Tone: view.ToneWarn}
	trouble := d.mailboxWarning()
	switch box := d.now.Mailbox; {
	case box != nil && trouble == nil:
		return nil
	case box != nil:
		line.Role, line.Text = view.Row, d.say("mailbox.old", "Time", d.when(box.Polled))
		line.Second = d.logLine(trouble.Decided)
	case trouble != nil:
		line.Role, line.Text = view.Row, d.say("mailbox.unread")
		line.Second = d.logLine(trouble.Decided)
	case !d.signedIn():
		line.Text = d.say("mailbox.signedOut")
	case d.now.State != device.Ready:
		line.Text, line.Tone, line.Icon = d.say("mailbox.reading"), view.ToneDim, view.IconTime
	default:
		line.Text, line.Second = d.say("mailbox.none"), d.logLine(d.mailboxSkipped())
	}
	return []view.Control{line}
}

// addMailboxLines adds mailboxLines to a page; a tap shows the warning.
func (p *pageBuilder) addMailboxLines(d pageContext) {
	for _, c := range d.mailboxLines() {
		p.addAction(c, (*Screen).openMailboxWarning)
	}
}

// mailboxLineID is the ID of the line of mailboxLines.
const mailboxLineID = "mailbox"

func (s *Screen) openMailboxWarning() {
	if t := (pageContext{now: s.now}).mailboxWarning(); t != nil {
		s.open(stepPage(*t))
	}
}

// mailboxWarning is the latest warning about Exchange; nil: none.
func (d pageContext) mailboxWarning() *journal.Step {
	return latest(d.now.Warnings, journal.Exchange, journal.Autodiscover)
}

// mailboxSkipped is the reason in the journal why Exchange was not asked.
func (d pageContext) mailboxSkipped() string {
	for i := len(d.steps) - 1; i >= len(d.steps)-d.recentCount; i-- {
		if s := d.steps[i]; s.Name == journal.Exchange && s.State == journal.Skipped {
			return s.Decided
		}
	}
	return ""
}
