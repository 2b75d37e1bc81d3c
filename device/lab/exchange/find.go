package exchange

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxCalendarView is the longest CalendarView (docs/protocol/exchange-calendar.md#calendar-view).
const maxCalendarView = 2 * 366 * 24 * time.Hour

func (c *ewsRequest) findItem() ([]*elem, error) {
	sh := shapeOf(child(c.body, "m:ItemShape"), true)
	return c.forEach("m:ParentFolderIds", func(id *node) (*elem, error) { return c.findIn(sh, id) }), nil
}

func (c *ewsRequest) findIn(sh shape, id *node) (*elem, error) {
	f, err := c.mailbox.findFolder(id)
	if err != nil {
		return nil, err
	}
	if err := c.judgeSearch(f); err != nil {
		return nil, err
	}
	paged := child(c.body, "m:IndexedPageItemView")
	if c.s.Faults().ShiftingPages && attr(paged, "Offset") != "0" && paged != nil && len(c.mailbox.items) < maxItems {
		c.mailbox.addVoiceMail(VoiceMail{Number: "+14255550177", Name: "Between Pages"})
	}
	inFolder := c.mailbox.itemsIn(f.name)
	if attr(c.body, "Traversal") == "SoftDeleted" {
		inFolder = c.mailbox.softDeletedIn(f.name)
	}
	found := restrict(inFolder, c.body, func(it *item) propertied { return it })
	sortItems(found, child(c.body, "m:SortOrder"))
	root := el("m:RootFolder")
	total, last := len(found), true
	if view := child(c.body, "m:CalendarView"); view != nil {
		if found, err = calendarView(found, view); err != nil {
			return nil, err
		}
		total = len(found)
	} else if found, last, err = c.viewed(found, root); err != nil {
		return nil, err
	}
	faults := c.s.Faults()
	if faults.EmptyPages && paged != nil {
		found, last = nil, false
	}
	last = last && !faults.EndlessPages
	root.attr("TotalItemsInView", strconv.Itoa(total), "IncludesLastItemInRange", strconv.FormatBool(last))
	items := el("t:Items")
	for _, it := range found {
		items.add(sh.write(c.mailbox, it))
	}
	return success(c.op, root.add(items)), nil
}

// judgeSearch returns an error if the search cannot be made in f, whatever is in
// it.
func (c *ewsRequest) judgeSearch(f folder) error {
	calendar := child(c.body, "m:CalendarView") != nil
	switch {
	case calendar && f.element != "CalendarFolder":
		return codeError("ErrorCalendarFolderIsInvalidForCalendarView", "")
	case child(c.body, "m:ContactsView") != nil && f.element != "ContactsFolder":
		return codeError("ErrorInvalidFolderTypeForOperation", "A contacts view needs a contacts folder.")
	case calendar && (child(c.body, "m:Restriction") != nil || child(c.body, "m:SortOrder") != nil):
		return codeError("ErrorInvalidOperation", "Restrictions and sort order may not be specified for a CalendarView.")
	case child(c.body, "m:GroupBy") != nil || child(c.body, "m:DistinguishedGroupBy") != nil:
		return codeError("ErrorInvalidOperation", "The lab does not group items.")
	}
	return judge(c.body, (*item)(nil))
}

// viewed returns the part of all that the view of the request shows. It adds the
// position to root.
func (c *ewsRequest) viewed(all []*item, root *elem) ([]*item, bool, error) {
	if view := child(c.body, "m:ContactsView"); view != nil {
		all = contactsView(all, view)
		n, err := maxEntries(view, len(all))
		return all[:min(n, len(all))], n >= len(all), err
	}
	part, last, err := page(all, c.body, c.s.MaxFind, root)
	return part, last, err
}

// page returns the part of all that an indexed or fractional view of the request
// shows, at most limit if that is above 0, and adds the start of the next page to
// root (docs/protocol/exchange-items.md#listing-items).
func page[T any](all []T, request *node, limit int, root *elem) (part []T, last bool, err error) {
	i := slices.IndexFunc(request.Children, func(n *node) bool {
		return strings.HasSuffix(n.Name.Local, "PageItemView") ||
			strings.HasSuffix(n.Name.Local, "PageFolderView")
	})
	if limit <= 0 {
		limit = len(all)
	}
	if i < 0 {
		part = all[:min(limit, len(all))]
		return part, len(part) == len(all), nil
	}
	view := request.Children[i]
	size, err := maxEntries(view, len(all))
	if err != nil {
		return nil, false, err
	}
	size = min(size, limit)
	if strings.HasPrefix(view.Name.Local, "m:Fractional") {
		at, err := fraction(view, len(all))
		if err != nil {
			return nil, false, err
		}
		end := min(at+size, len(all))
		root.attr("NumeratorOffset", strconv.Itoa(end), "AbsoluteDenominator", strconv.Itoa(len(all)))
		return all[at:end], end == len(all), nil
	}
	at, err := strconv.Atoi(attr(view, "Offset"))
	if err != nil || at < 0 {
		return nil, false, codeError("ErrorInvalidIndexedPagingParameters", "")
	}
	at = min(at, len(all))
	begin, end := at, min(at+size, len(all))
	next, last := end, end == len(all)
	if attr(view, "BasePoint") == "End" {
		end = len(all) - at
		begin = max(0, end-size)
		next, last = len(all)-begin, begin == 0
	}
	root.attr("IndexedPagingOffset", strconv.Itoa(next))
	return all[begin:end], last, nil
}

// fraction returns the start of a fractional view of total entries.
func fraction(view *node, total int) (int, error) {
	numerator, err1 := strconv.Atoi(attr(view, "Numerator"))
	denominator, err2 := strconv.Atoi(attr(view, "Denominator"))
	if err1 != nil || err2 != nil || denominator <= 0 || numerator < 0 || numerator > denominator {
		return 0, codeError("ErrorInvalidFractionalPagingParameters", "")
	}
	return int(int64(total) * int64(numerator) / int64(denominator)), nil
}

// contactsView returns the contacts whose display name is between two names.
func contactsView(all []*item, view *node) (found []*item) {
	initial, hasInitial := view.FindAttr(xmlName("InitialName"))
	final, hasFinal := view.FindAttr(xmlName("FinalName"))
	for _, it := range all {
		name := it.values["contacts:DisplayName"]
		if (!hasInitial || compareText(name, initial) >= 0) && (!hasFinal || compareText(name, final) <= 0) {
			found = append(found, it)
		}
	}
	return found
}

func calendarView(all []*item, view *node) ([]*item, error) {
	start, err1 := parseTime(attr(view, "StartDate"))
	end, err2 := parseTime(attr(view, "EndDate"))
	n, err3 := maxEntries(view, len(all))
	switch err := cmp.Or(err1, err2, err3); {
	case err != nil:
		return nil, err
	case !end.After(start):
		return nil, codeError("ErrorCalendarEndDateIsEarlierThanStartDate", "")
	case end.Sub(start) > maxCalendarView:
		return nil, codeError("ErrorCalendarViewRangeTooBig", "")
	}
	var found []*item
	for _, it := range all {
		from, err1 := parseTime(it.values["calendar:Start"])
		to, err2 := parseTime(it.values["calendar:End"])
		if err1 == nil && err2 == nil && !to.Before(start) && from.Before(end) {
			found = append(found, it)
		}
	}
	slices.SortStableFunc(found, func(a, b *item) int {
		return strings.Compare(a.values["calendar:Start"], b.values["calendar:Start"])
	})
	return found[:min(n, len(found))], nil
}

// maxEntries returns the MaxEntriesReturned of a view; all if it has none.
func maxEntries(view *node, all int) (int, error) {
	v := attr(view, "MaxEntriesReturned")
	if v == "" {
		return all, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 {
		return 0, codeError("ErrorInvalidPagingMaxRows", "")
	}
	return n, nil
}

// parseTime reads an xs:dateTime; without a zone it is UTC.
func parseTime(v string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return time.Parse("2006-01-02T15:04:05", v)
	}
	return t, nil
}

func sortItems(items []*item, order *node) {
	if order == nil {
		return
	}
	slices.SortStableFunc(items, func(a, b *item) int {
		for _, field := range order.Children {
			path := field.Children[0]
			kind, _ := a.kindOf(path)
			x, _ := a.get(path)
			y, _ := b.get(path)
			if d := kind.compare(x, y); d != 0 {
				if attr(field, "Order") == "Descending" {
					return -d
				}
				return d
			}
		}
		return 0
	})
}
