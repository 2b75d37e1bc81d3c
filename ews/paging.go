package ews

import (
	"cmp"
	"context"
	"fmt"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/journal"
)

// maxPasses is how often a list is read at most, because the folder changed between
// its pages.
const maxPasses = 3

// query is a FindItem that is read page by page.
type query struct {
	shape  writeShape
	only   *writeRestriction
	sort   *writeSort
	parent writeFolderIDs
	page   int
}

// page is one answer to a query.
type page struct {
	items []item
	next  int  // offset of the page after it
	total int  // items in the view; -1 unknown
	last  bool // nothing comes after it

	replaced int // forbidden characters of the answer
}

// readPage asks for one page.
func (c *Client) readPage(ctx context.Context, q query, offset int) (page, error) {
	m, err := c.askOne(ctx, "FindItem", writeFindItem{Traversal: "Shallow", Shape: q.shape,
		Page: &writePage{Max: q.page, Offset: offset, Base: "Beginning"}, Only: q.only, Sort: q.sort, Parents: q.parent})
	if err != nil {
		return page{}, err
	}
	if m.Root == nil {
		return page{}, c.itemError(malformed("FindItem", "the answer has no RootFolder"))
	}
	p := page{
		items:    m.Root.Items.list,
		next:     countValue(m.Root.Offset),
		total:    countValue(m.Root.Total),
		last:     boolValue(m.Root.Last),
		replaced: m.replaced,
	}
	if len(p.items) > q.page {
		return page{}, c.itemError(
			malformed("FindItem", "%d items came where %d at most were asked for", len(p.items), q.page))
	}
	if p.next <= offset { // missing, or a server that repeats its pages
		p.next = offset + len(p.items)
	}
	return p, nil
}

// readAll reads every page. An item that arrives between two requests moves others
// to the next page, where they are read twice. A deleted item moves others to a
// page that was read already, so that they are missed. Either way an id comes twice
// or the total changes. The list is then read again, at most maxPasses times; the
// last pass is returned (exchange.md 2.4).
func (c *Client) readAll(ctx context.Context, q query) ([]item, Listing, error) {
	limit := cmp.Or(c.MaxItems, DefaultMaxItems)
	var l Listing
	for pass := 1; ; pass++ {
		var all []item
		seen := map[string]bool{}
		l.Shifted, l.Truncated, l.Replaced = false, false, 0
		for offset, total := 0, -1; ; {
			p, err := c.readPage(ctx, q, offset)
			if err != nil {
				return nil, l, err
			}
			l.Pages++
			l.Replaced += p.replaced
			fresh := 0
			for _, it := range p.items {
				if it.ID.ID == "" {
					continue // an item without an id is of no use
				}
				if seen[it.ID.ID] {
					l.Shifted = true
					continue
				}
				seen[it.ID.ID] = true
				fresh++
				all = append(all, it)
			}
			l.Shifted = l.Shifted || offset > 0 && p.total != total
			l.Total, total = p.total, p.total
			if len(all) >= limit {
				l.Truncated = len(all) > limit || !p.last
				all = all[:limit]
				break
			}
			if p.last {
				break
			}
			if fresh == 0 { // no new item and not the last page: the pages would never end
				l.Shifted = true
				break
			}
			offset = p.next
		}
		if !l.Shifted || pass == maxPasses {
			return all, l, nil
		}
	}
}

// recordList records the step of a list.
func (c *Client) recordList(what string, n int, l Listing) {
	s := journal.Step{
		Name:     journal.Exchange,
		State:    journal.OK,
		Asked:    what + " at " + c.URL,
		Answered: fmt.Sprintf("%d in %d answers", n, l.Pages),
		By:       c.ServerVersion(),
		Decided:  what + " read",
		Because:  "R9.2",
	}
	switch {
	case l.Truncated:
		s.State, s.Decided = journal.Warned, fmt.Sprintf("the phone keeps the first %d only", n)
		s.Because, s.Fix = "the phone bounds what it takes from a server", "archive old items"
	case l.Shifted:
		s.State, s.Decided = journal.Warned, "the folder changed while it was read, so an item may be missing until the "+
			"next poll"
		s.Because, s.Fix = fmt.Sprintf("pages shift when items come and go; the list was read %d times", maxPasses), "nothing"
	}
	if l.Replaced > 0 {
		s.Details = append(s.Details, boundedxml.ReplacedSentence(l.Replaced))
	}
	c.Record.Record(s)
}
