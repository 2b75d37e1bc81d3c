package exchange

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxCalendarView is the longest CalendarView (exchange.md 2.7).
const maxCalendarView = 2 * 366 * 24 * time.Hour

func (c *ewsRequest) findItem() ([]*elem, error) {
	sh := shapeOf(c.body.kid("m:ItemShape"), true)
	var messages []*elem
	for _, id := range c.body.kid("m:ParentFolderIds").kids {
		m, err := c.findIn(sh, id)
		if err != nil {
			m = failure(c.op, err)
		}
		messages = append(messages, m)
	}
	if len(messages) == 0 {
		return nil, schemaError(&xmlError{"the element 'ParentFolderIds' has incomplete content", c.body.line, c.body.col})
	}
	return messages, nil
}

func (c *ewsRequest) findIn(sh shape, id *node) (*elem, error) {
	f, err := c.mailbox.findFolder(id)
	if err != nil {
		return nil, err
	}
	faults := c.s.Faults()
	paged := c.body.kid("m:IndexedPageItemView")
	if faults.ShiftingPages && paged.attr("Offset") != "0" && paged != nil && len(c.mailbox.items) < maxItems {
		c.mailbox.addVoiceMail(VoiceMail{Number: "+14255550177", Name: "Between Pages"})
	}
	var found []*item
	for _, it := range c.mailbox.itemsIn(f.name) {
		ok, err := matches(it, c.body.kid("m:Restriction"))
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, it)
		}
	}
	sortItems(found, c.body.kid("m:SortOrder"))
	root := el("m:RootFolder")
	total := len(found)
	offset, last := 0, true
	switch {
	case c.body.kid("m:CalendarView") != nil:
		if found, err = calendarView(found, c.body.kid("m:CalendarView")); err != nil {
			return nil, err
		}
		total = len(found)
		last = true
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

// page cuts one page out (exchange.md 2.4); offset is where the next begins.
func page[T any](all []T, view *node, limit int) (part []T, offset int, last bool, err error) {
	size := len(all)
	if v := view.attr("MaxEntriesReturned"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			return nil, 0, false, codeError("ErrorInvalidPagingMaxRows", "")
		}
		size = n
	}
	if limit > 0 {
		size = min(size, limit)
	}
	at, err := strconv.Atoi(view.attr("Offset"))
	if err != nil || at < 0 {
		return nil, 0, false, codeError("ErrorInvalidIndexedPagingParameters", "")
	}
	at = min(at, len(all))
	if view.attr("BasePoint") == "End" {
		end := len(all) - at
		begin := max(0, end-size)
		return all[begin:end], len(all) - begin, begin == 0, nil
	}
	end := at + min(size, len(all)-at)
	return all[at:end], end, end == len(all), nil
}

func calendarView(all []*item, view *node) ([]*item, error) {
	start, err1 := parseTime(view.attr("StartDate"))
	end, err2 := parseTime(view.attr("EndDate"))
	switch {
	case err1 != nil || err2 != nil:
		return nil, schemaError(&xmlError{"StartDate and EndDate must be of type dateTime", view.line, view.col})
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
	slices.SortStableFunc(found, func(a, b *item) int { return compare(a.values["calendar:Start"], b.values["calendar:Start"]) })
	if v := view.attr("MaxEntriesReturned"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n <= 0 {
			return nil, codeError("ErrorInvalidPagingMaxRows", "")
		}
		found = found[:min(n, len(found))]
	}
	return found, nil
}

// parseTime reads an xs:dateTime; one without a zone is UTC.
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
		for _, field := range sort.kids {
			if len(field.kids) != 1 {
				continue
			}
			x, _ := a.get(field.kids[0])
			y, _ := b.get(field.kids[0])
			if d := compare(x, y); d != 0 {
				if field.attr("Order") == "Descending" {
					return -d
				}
				return d
			}
		}
		return 0
	})
}

// compare orders two values: as numbers, as times, or as text without case.
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

// matches tells whether a thing satisfies a Restriction; none lets everything in.
func matches(it interface{ get(*node) (string, bool) }, restriction *node) (bool, error) {
	if restriction == nil {
		return true, nil
	}
	if len(restriction.kids) != 1 {
		return false, schemaError(&xmlError{"the element '" + restriction.name + "' holds one search expression", restriction.line, restriction.col})
	}
	return evaluate(it, restriction.kids[0])
}

func evaluate(it interface{ get(*node) (string, bool) }, n *node) (bool, error) {
	bad := schemaError(&xmlError{"'" + n.name + "' is no search expression of this form", n.line, n.col})
	switch n.name {
	case "t:And", "t:Or":
		for _, k := range n.kids {
			ok, err := evaluate(it, k)
			if err != nil || ok == (n.name == "t:Or") {
				return ok, err
			}
		}
		return n.name == "t:And", nil
	case "t:Not":
		ok, err := matches(it, n)
		return !ok && err == nil, err
	}
	if len(n.kids) == 0 {
		return false, bad
	}
	value, there := it.get(n.kids[0])
	if n.name == "t:Exists" {
		return there, nil
	}
	if len(n.kids) != 2 {
		return false, bad
	}
	if n.name == "t:Contains" {
		if n.kids[1].name != "t:Constant" {
			return false, bad
		}
		return there && matchText(value, n.kids[1].attr("Value"), n.attr("ContainmentMode"), n.attr("ContainmentComparison")), nil
	}
	if len(n.kids[1].kids) != 1 {
		return false, bad
	}
	operand := n.kids[1].kids[0]
	other := operand.attr("Value")
	if operand.name != "t:Constant" {
		other, _ = it.get(operand)
	} else if b, ok := parseBoolean(other); ok && (value == "true" || value == "false") {
		other = strconv.FormatBool(b)
	}
	d := compare(value, other)
	switch n.name {
	case "t:IsEqualTo":
		return there && d == 0, nil
	case "t:IsNotEqualTo":
		return !there || d != 0, nil
	case "t:IsGreaterThan":
		return there && d > 0, nil
	case "t:IsGreaterThanOrEqualTo":
		return there && d >= 0, nil
	case "t:IsLessThan":
		return there && d < 0, nil
	case "t:IsLessThanOrEqualTo":
		return there && d <= 0, nil
	}
	return false, bad
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
