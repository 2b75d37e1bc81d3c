package ews

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// FreeBusy says how an event is shown to others.
type FreeBusy string

// The values of LegacyFreeBusyStatus. An absent or unknown one is NoData.
const (
	Free      FreeBusy = "Free"
	Tentative FreeBusy = "Tentative"
	Busy      FreeBusy = "Busy"
	OOF       FreeBusy = "OOF" // out of office
	NoData    FreeBusy = "NoData"
)

// Event is one occurrence in the calendar; a recurring meeting gives one for
// each of its dates.
type Event struct {
	ID       ItemID    `json:"id"`
	Subject  string    `json:"subject,omitempty"`
	Location string    `json:"location,omitempty"`
	Start    time.Time `json:"start"` // UTC
	End      time.Time `json:"end"`   // UTC; not before Start
	AllDay   bool      `json:"allDay,omitempty"`
	Status   FreeBusy  `json:"status"`
	Meeting  bool      `json:"meeting,omitempty"` // others take part
	Private  bool      `json:"private,omitempty"` // sensitivity Private or Confidential: do not show it to others
}

// maxRange is what a calendar view may span: two years
// (docs/protocol/exchange-calendar.md#calendar-view).
const maxRange = 2 * 365 * 24 * time.Hour

// Calendar reads the events that touch the time from from up to, not
// including, to, in the server's order (by start). At most two years; more
// events than MaxItems or 1,000 are cut off, and the Listing says so.
func (c *Client) Calendar(ctx context.Context, from, to time.Time) ([]Event, Listing, error) {
	const op = "FindItem"
	if !to.After(from) || to.Sub(from) > maxRange {
		return nil, Listing{}, &journal.Failure{Code: journal.Usage, Asked: "calendar",
			What: fmt.Sprintf("a calendar view from %s to %s is not one", dateTime(from), dateTime(to)),
			Fix:  "let it end after it begins, and span two years at most"}
	}
	limit := min(cmp.Or(c.MaxItems, DefaultMaxItems), pageCalendar)
	m, err := c.askOne(ctx, op, writeFindItem{Traversal: "Shallow",
		Shape: shape(uris("item:Subject", "item:Sensitivity", "calendar:Start", "calendar:End",
			"calendar:LegacyFreeBusyStatus",
			"calendar:Location", "calendar:IsMeeting", "calendar:IsAllDayEvent")),
		View: &writeView{Max: limit, Start: dateTime(from), End: dateTime(to)}, Parents: distinguishedFolder("calendar")})
	if err != nil {
		return nil, Listing{}, err
	}
	if m.Root == nil {
		return nil, Listing{}, c.itemError(malformed(op, "the answer has no RootFolder"))
	}
	l := Listing{Total: countValue(m.Root.Total), Pages: 1,
		Truncated: m.Root.Last != "" && !boolValue(m.Root.Last), Replaced: m.replaced}
	var all []Event
	for i := range m.Root.Items.list {
		if e, ok := m.Root.Items.list[i].event(); ok {
			all = append(all, e)
		}
	}
	c.recordList("calendar", len(all), l)
	return all, l, nil
}

// Today reads the events of the day that the phone's clock shows in loc; nil is UTC.
func (c *Client) Today(ctx context.Context, loc *time.Location) ([]Event, Listing, error) {
	if loc == nil {
		loc = time.UTC
	}
	now := c.clock().Now().In(loc)
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, loc)
	return c.Calendar(ctx, day, day.AddDate(0, 0, 1))
}

// event converts an item; ok is false if the id or a time is missing.
func (it *item) event() (Event, bool) {
	e := Event{
		ID:       it.ID,
		Subject:  firstText(it.Subject),
		Location: firstText(it.Location),
		Start:    timeValue(it.Start),
		End:      timeValue(it.End),
		AllDay:   boolValue(it.AllDay),
		Meeting:  boolValue(it.IsMeeting),
		Private:  it.Sensitivity == "Private" || it.Sensitivity == "Confidential",
		Status:   NoData,
	}
	switch s := FreeBusy(firstText(it.Status)); s {
	case Free, Tentative, Busy, OOF:
		e.Status = s
	}
	return e, it.Kind == "CalendarItem" && e.ID.ID != "" && !e.Start.IsZero() && !e.End.Before(e.Start)
}
