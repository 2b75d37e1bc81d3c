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
	messages := c.forAll("m:ParentFolderIds", func(id *node) (*elem, error) { return c.findIn(sh, id) })
	if len(messages) == 0 {
		return nil, schemaError(c.body, "the element 'ParentFolderIds' has incomplete content")
	}
	return messages, nil
}

func (c *ewsRequest) findIn(sh shape, id *node) (*elem, error) {
	f, err := c.mailbox.findFolder(id)
	if err != nil {
		return nil, err
	}
	faults := c.s.Faults()
	paged := child(c.body, "m:IndexedPageItemView")
	if faults.ShiftingPages && attr(paged, "Offset") != "0" && paged != nil && len(c.mailbox.items) < maxItems {
		c.mailbox.addVoiceMail(VoiceMail{Number: "+14255550177", Name: "Between Pages"})
	}
	found, err := restrict(c.mailbox.itemsIn(f.name), c.body, func(it *item) propertied { return it })
	if err != nil {
		return nil, err
	}
	sortItems(found, child(c.body, "m:SortOrder"))
	root, total, offset, last := el("m:RootFolder"), len(found), 0, true
	switch {
	case child(c.body, "m:CalendarView") != nil:
		if found, err = calendarView(found, child(c.body, "m:CalendarView")); err != nil {
			return nil, err
		}
		total = len(found)
	case paged != nil:
		if found, offset, last, err = page(found, paged, c.s.MaxFind); err != nil {
			return nil, err
		}
		if faults.EmptyPages {
			found, last = nil, false
		}
		root.attr("IndexedPagingOffset", strconv.Itoa(offset))
	case c.s.MaxFind > 0 && total > c.s.MaxFind:
		found, last = found[:c.s.MaxFind], false
	}
	if faults.EndlessPages {
		last = false
	}
	root.attr("TotalItemsInView", strconv.Itoa(total), "IncludesLastItemInRange", strconv.FormatBool(last))
	items := el("t:Items")
	for _, it := range found {
		items.add(sh.write(c.mailbox, it))
	}
	return success(c.op, root.add(items)), nil
}

// page returns one page of all (docs/protocol/exchange-items.md#listing-items);
// offset is the start of the next.
func page[T any](all []T, view *node, limit int) (part []T, offset int, last bool, err error) {
	size, err := maxEntries(view, len(all))
	if err != nil {
		return nil, 0, false, err
	}
	if limit > 0 {
		size = min(size, limit)
	}
	at, err := strconv.Atoi(attr(view, "Offset"))
	if err != nil || at < 0 {
		return nil, 0, false, codeError("ErrorInvalidIndexedPagingParameters", "")
	}
	at = min(at, len(all))
	if attr(view, "BasePoint") == "End" {
		end := len(all) - at
		begin := max(0, end-size)
		return all[begin:end], len(all) - begin, begin == 0, nil
	}
	end := at + min(size, len(all)-at)
	return all[at:end], end, end == len(all), nil
}

func calendarView(all []*item, view *node) ([]*item, error) {
	start, err1 := parseTime(attr(view, "StartDate"))
	end, err2 := parseTime(attr(view, "EndDate"))
	switch {
	case err1 != nil || err2 != nil:
		return nil, schemaError(view, "StartDate and EndDate must be of type dateTime")
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
		return compare(a.values["calendar:Start"], b.values["calendar:Start"])
	})
	n, err := maxEntries(view, len(found))
	if err != nil {
		return nil, err
	}
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

func sortItems(items []*item, sort *node) {
	if sort == nil {
		return
	}
	slices.SortStableFunc(items, func(a, b *item) int {
		for _, field := range sort.Children {
			if len(field.Children) != 1 {
				continue
			}
			x, _ := a.get(field.Children[0])
			y, _ := b.get(field.Children[0])
			if d := compare(x, y); d != 0 {
				if attr(field, "Order") == "Descending" {
					return -d
				}
				return d
			}
		}
		return 0
	})
}

// compare orders two values: as numbers, as times, or as text without regard to
// case.
func compare(a, b string) int {
	if x, err := strconv.ParseInt(a, 10, 64); err == nil {
		if y, err := strconv.ParseInt(b, 10, 64); err == nil {
			return cmp.Compare(x, y)
		}
	}
	if x, err := parseTime(a); err == nil {
		if y, err := parseTime(b); err == nil {
			return x.Compare(y)
		}
	}
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// propertied is an item or a folder. get returns the value of the property that a
// path names.
type propertied interface {
	get(path *node) (value string, exists bool)
}

// matches reports whether it satisfies a Restriction. Everything satisfies nil.
func matches(it propertied, restriction *node) (bool, error) {
	if restriction == nil {
		return true, nil
	}
	if len(restriction.Children) != 1 {
		return false, schemaError(restriction, "the element '"+restriction.Name.Local+"' holds one search expression")
	}
	return evaluate(it, restriction.Children[0])
}

// restrict returns the elements of all that satisfy the Restriction of a request.
func restrict[T any](all []T, request *node, view func(T) propertied) (found []T, err error) {
	for _, x := range all {
		ok, err := matches(view(x), child(request, "m:Restriction"))
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, x)
		}
	}
	return found, nil
}

// evaluate evaluates a search expression.
func evaluate(it propertied, n *node) (bool, error) {
	switch n.Name.Local {
	case "t:And", "t:Or":
		for _, c := range n.Children {
			ok, err := evaluate(it, c)
			if err != nil || ok == (n.Name.Local == "t:Or") {
				return ok, err
			}
		}
		return n.Name.Local == "t:And", nil
	case "t:Not":
		ok, err := matches(it, n)
		return !ok && err == nil, err
	}
	if len(n.Children) == 0 {
		return false, invalidExpression(n)
	}
	value, exists := it.get(n.Children[0])
	switch {
	case n.Name.Local == "t:Exists":
		return exists, nil
	case len(n.Children) != 2:
		return false, invalidExpression(n)
	case n.Name.Local == "t:Contains":
		constant := n.Children[1]
		if constant.Name.Local != "t:Constant" {
			return false, invalidExpression(n)
		}
		part, mode, comparison := attr(constant, "Value"), attr(n, "ContainmentMode"), attr(n, "ContainmentComparison")
		return exists && matchText(value, part, mode, comparison), nil
	}
	return evaluateComparison(it, n, value, exists)
}

// comparisons are the search expressions that compare a property with another
// value. d is negative, zero or positive as in cmp.Compare; exists is false if the
// item does not have the property.
var comparisons = map[string]func(exists bool, d int) bool{
	"t:IsEqualTo":              func(exists bool, d int) bool { return exists && d == 0 },
	"t:IsNotEqualTo":           func(exists bool, d int) bool { return !exists || d != 0 },
	"t:IsGreaterThan":          func(exists bool, d int) bool { return exists && d > 0 },
	"t:IsGreaterThanOrEqualTo": func(exists bool, d int) bool { return exists && d >= 0 },
	"t:IsLessThan":             func(exists bool, d int) bool { return exists && d < 0 },
	"t:IsLessThanOrEqualTo":    func(exists bool, d int) bool { return exists && d <= 0 },
}

// evaluateComparison compares value, that of the first child of n, with the
// second.
func evaluateComparison(it propertied, n *node, value string, exists bool) (bool, error) {
	compares := comparisons[n.Name.Local]
	if compares == nil || len(n.Children[1].Children) != 1 {
		return false, invalidExpression(n)
	}
	operand := n.Children[1].Children[0]
	other := attr(operand, "Value")
	if operand.Name.Local != "t:Constant" {
		other, _ = it.get(operand)
	} else if b, ok := parseBoolean(other); ok && (value == "true" || value == "false") {
		other = strconv.FormatBool(b)
	}
	return compares(exists, compare(value, other)), nil
}

func invalidExpression(n *node) error {
	return schemaError(n, "'"+n.Name.Local+"' is no search expression of this form")
}

// parseBoolean reads an xs:boolean.
func parseBoolean(v string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "true", "1":
		return true, true
	case "false", "0":
		return false, true
	}
	return false, false
}

func matchText(value, part, mode, comparison string) bool {
	if comparison != "" && comparison != "Exact" && comparison != "IgnoreNonSpacingCharacters" {
		value, part = strings.ToLower(value), strings.ToLower(part)
	}
	switch mode {
	case "Substring":
		return strings.Contains(value, part)
	case "Prefixed":
		return strings.HasPrefix(value, part)
	case "PrefixOnWords":
		return slices.ContainsFunc(strings.Fields(value), func(w string) bool { return strings.HasPrefix(w, part) })
	case "ExactPhrase":
		return strings.Contains(" "+value+" ", " "+part+" ")
	}
	return value == part // FullString
}
