package ews

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// CallKind is the kind of a call.
type CallKind string

// The kinds of calls. The server keeps no direction: an entry of the call log
// is outgoing when the user wrote it, else incoming, and Unknown when
// Client.Mailbox is empty or the entry bears no address.
const (
	Missed   CallKind = "missed"
	Incoming CallKind = "incoming"
	Outgoing CallKind = "outgoing"
	Unknown  CallKind = "unknown"
)

// Call is one entry of the call log or one missed call.
type Call struct {
	ID       ItemID        `json:"id"`
	Kind     CallKind      `json:"kind"`
	Subject  string        `json:"subject,omitempty"`  // localised free text: never to be parsed
	At       time.Time     `json:"at,omitzero"`        // UTC, when the entry was written; zero: unknown
	Duration time.Duration `json:"duration,omitempty"` // whole seconds; 0: unknown or never answered
	Number   string        `json:"number,omitempty"`   // the other party's number or SIP URI; empty: withheld
	Name     string        `json:"name,omitempty"`     // the other party; empty: unknown
	Address  string        `json:"address,omitempty"`  // e-mail address of the other party; empty: unknown
	CallID   string        `json:"callId,omitempty"`   // Call-ID of the SIP call; empty: unknown
	Read     bool          `json:"read"`               // a missed call that is unread counts as new
}

func callQuery(parent writeFolderIDs, class string) query {
	return query{
		page:   pageMessages,
		parent: parent,
		sort:   newestFirst(),
		only:   anyOf("item:ItemClass", class),
		shape: shape(
			uris("item:ItemClass", "item:Subject", "item:DateTimeReceived", "message:From", "message:IsRead"),
			extended(tagDuration, tagNumber, tagSenderName, tagCallID)),
	}
}

// MissedCalls lists the missed-call messages of the Inbox, newest first.
func (c *Client) MissedCalls(ctx context.Context) ([]Call, Listing, error) {
	items, l, err := c.readAll(ctx, callQuery(distinguishedFolder("inbox"), classMissed))
	if err != nil {
		return nil, l, err
	}
	all := calls(items, classMissed, func(*item) CallKind { return Missed })
	c.recordList("missed calls", len(all), l)
	return all, l, nil
}

// CallLog lists the entries that Communicator left in the Conversation History
// folder, newest first. A mailbox without that folder has an empty log.
func (c *Client) CallLog(ctx context.Context) ([]Call, Listing, error) {
	for again := false; ; again = true {
		folder, known, err := c.historyFolder(ctx)
		if err != nil || folder == nil {
			return nil, Listing{}, err
		}
		all, l, err := c.callLog(ctx, *folder)
		if errorIn(err).Action == Gone && known && !again { // deleted or recreated since it was found
			c.forgetHistory()
			continue
		}
		if err == nil {
			c.recordList("call log", len(all), l)
		}
		return all, l, err
	}
}

func (c *Client) callLog(ctx context.Context, folder ItemID) ([]Call, Listing, error) {
	items, l, err := c.readAll(ctx, callQuery(folderID(folder), classConversation))
	if err != nil {
		return nil, l, err
	}
	people, err := c.people(ctx, items)
	if err != nil {
		return nil, l, err
	}
	all := calls(items, classConversation, func(it *item) CallKind {
		p, ok := people[it.ID.ID]
		if !ok || c.Mailbox == "" || p.from.Address == "" {
			return Unknown
		}
		if strings.EqualFold(p.from.Address, c.Mailbox) {
			it.From.Box = p.to
			return Outgoing
		}
		it.From.Box = p.from
		return Incoming
	})
	return all, l, nil
}

func calls(items []item, class string, kind func(*item) CallKind) []Call {
	all := make([]Call, 0, len(items))
	for i := range items {
		it := &items[i]
		if !classIs(it.Class, class) {
			continue
		}
		k := kind(it)
		all = append(all, Call{
			ID:       it.ID,
			Kind:     k,
			Subject:  firstText(it.Subject),
			At:       timeValue(it.Received),
			Duration: it.duration(),
			Number:   it.extended(tagNumber),
			Name:     firstText(it.extended(tagSenderName), it.From.Box.Name),
			Address:  firstText(it.From.Box.Address),
			CallID:   it.extended(tagCallID),
			Read:     boolValue(it.IsRead),
		})
	}
	return all
}

type parties struct{ from, to readAddress }

// people fetches the participants: FindItem returns names without addresses, and
// no recipients (docs/protocol/exchange-items.md#listing-items). Entries that were
// deleted meanwhile are left out.
func (c *Client) people(ctx context.Context, items []item) (map[string]parties, error) {
	all := make(map[string]parties, len(items))
	for batch := range slices.Chunk(items, pageMessages) {
		ids := make([]ItemID, len(batch))
		for i := range batch {
			ids[i] = batch[i].ID
		}
		got, err := c.getItems(ctx, ids, shape(uris("message:From", "message:ToRecipients")))
		if err != nil {
			return nil, err
		}
		for i, it := range got {
			if it == nil {
				continue
			}
			p := parties{from: it.From.Box}
			if len(it.To.List) > 0 {
				p.to = it.To.List[0]
			}
			all[ids[i].ID] = p
		}
	}
	return all, nil
}

// Calls merges missed calls and call log: newest first, one entry a call.
// A missed call replaces the entry that Communicator wrote for it.
func Calls(lists ...[]Call) []Call {
	var all []Call
	at := map[string]int{}
	for _, list := range lists {
		for _, one := range list {
			i, twice := at[one.CallID]
			switch {
			case one.CallID == "" || !twice:
				at[one.CallID] = len(all)
				all = append(all, one)
			case one.Kind == Missed:
				all[i] = one
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Call) int { return b.At.Compare(a.At) })
	return all
}

// historyFolder finds the folder by its name: it is not a distinguished folder
// (docs/protocol/exchange-ews.md#mailbox-folders). known reports that it was found
// in an earlier call.
func (c *Client) historyFolder(ctx context.Context) (folder *ItemID, known bool, err error) {
	c.mu.Lock()
	folder = c.history
	c.mu.Unlock()
	if folder != nil {
		return folder, true, nil
	}
	names := c.HistoryFolders
	if len(names) == 0 {
		names = []string{"Conversation History"}
	}
	const op = "FindFolder"
	m, err := c.askOne(ctx, op, writeFindFolder{
		Traversal: "Shallow",
		Shape:     writeShape{Base: "Default"},
		Page:      writePage{Max: pageFolders, Base: "Beginning"},
		Only:      anyOf("folder:DisplayName", names...),
		Parents:   distinguishedFolder("msgfolderroot"),
	})
	if err != nil {
		return nil, false, err
	}
	if m.Root == nil {
		return nil, false, c.itemError(malformed(op, "the answer has no RootFolder"))
	}
	for _, f := range m.Root.Folders.list {
		if slices.Contains(names, f.Name) && f.ID.ID != "" {
			id := f.ID
			c.mu.Lock()
			c.history = &id
			c.mu.Unlock()
			return &id, false, nil
		}
	}
	c.Record.Record(journal.Step{
		Name:     journal.Exchange,
		State:    journal.Skipped,
		Asked:    "the folder " + strings.Join(names, " or ") + " at " + c.URL,
		Answered: "no such folder",
		By:       c.ServerVersion(),
		Decided:  "the call log is empty",
		Because:  fmt.Sprintf("Communicator keeps it in that folder, items of class %s", classConversation),
		Fix:      "nothing, if Communicator was never used; else tell the folder's name in the user's language",
	})
	return nil, false, nil
}

func (c *Client) forgetHistory() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history = nil
}
