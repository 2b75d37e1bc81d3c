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
	p := page{items: m.Root.Items.list, next: countValue(m.Root.Offset), total: countValue(m.Root.Total),
		last: boolValue(m.Root.Last), replaced: m.replaced}
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
// last pass is returned (docs/protocol/exchange-items.md#listing-items).
func (c *Client) readAll(ctx context.Context, q query) ([]item, Listing, error) {
	var r pass
	for n := 1; ; n++ {
		r = pass{Listing: Listing{Total: r.Total, Pages: r.Pages}, limit: cmp.Or(c.MaxItems, DefaultMaxItems),
			seen: map[string]bool{}}
		if err := c.readPass(ctx, q, &r); err != nil {
			return nil, r.Listing, err
		}
		if !r.Shifted || n == maxPasses {
			return r.items, r.Listing, nil
		}
	}
}

// pass is one reading of all pages.
type pass struct {
	Listing
	limit int
	items []item
	seen  map[string]bool // ids of items
}

func (c *Client) readPass(ctx context.Context, q query, r *pass) error {
	for offset := 0; ; {
		p, err := c.readPage(ctx, q, offset)
		if err != nil {
			return err
		}
		r.Pages++
		r.Replaced += p.replaced
		r.Shifted = r.Shifted || offset > 0 && p.total != r.Total
		r.Total = p.total
		added := r.add(p.items)
		switch {
		case len(r.items) >= r.limit:
			r.Truncated = len(r.items) > r.limit || !p.last
			r.items = r.items[:r.limit]
			return nil
		case p.last:
			return nil
		case added == 0: // no new item and not the last page: the pages would never end
			r.Shifted = true
			return nil
		}
		offset = p.next
	}
}

// add adds the items that are new and returns their number.
func (r *pass) add(items []item) (added int) {
	for _, it := range items {
		switch id := it.ID.ID; {
		case id == "": // of no use
		case r.seen[id]:
			r.Shifted = true
		default:
			r.seen[id] = true
			r.items = append(r.items, it)
			added++
		}
	}
	return added
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
		s.State = journal.Warned
		s.Decided = "the folder changed while it was read, so an item may be missing until the next poll"
		s.Because, s.Fix = fmt.Sprintf("pages shift when items come and go; the list was read %d times", maxPasses), "nothing"
	}
	if l.Replaced > 0 {
		s.Details = append(s.Details, boundedxml.ReplacedSentence(l.Replaced))
	}
	c.Record.Record(s)
}
