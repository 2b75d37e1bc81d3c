package ews

import "context"

// getItems reads properties of items by their ids, in their order. An item
// that was deleted or moved after the list was read is nil.
func (c *Client) getItems(ctx context.Context, ids []ItemID, s writeShape) ([]*item, error) {
	const op = "GetItem"
	var w writeGetItem
	w.Shape = s
	for _, id := range ids {
		w.IDs.List = append(w.IDs.List, ItemID{ID: id.ID}) // without the change key: the current version
	}
	messages, err := c.ask(ctx, op, w, len(ids))
	if err != nil {
		return nil, err
	}
	all := make([]*item, len(ids))
	for i := range messages {
		if e := messages[i].err(op); e != nil {
			if e.Action == Gone {
				continue
			}
			return nil, c.itemError(e)
		}
		list := messages[i].Items.list
		if len(list) != 1 {
			return nil, c.itemError(malformed(op, "%d items came where one was asked for", len(list)))
		}
		all[i] = &list[0]
	}
	return all, nil
}

// getItem is getItems for one item; a deleted item is an error.
func (c *Client) getItem(ctx context.Context, id ItemID, s writeShape) (*item, error) {
	all, err := c.getItems(ctx, []ItemID{id}, s)
	if err != nil {
		return nil, err
	}
	if all[0] == nil {
		return nil, c.itemError(&Error{Op: "GetItem", Code: ErrorItemNotFound, Status: 200, Action: Gone})
	}
	return all[0], nil
}

// MarkRead sets whether a voice mail or missed call counts as read, and
// returns the id with its new change key. When somebody else changed the item
// at the same time, its change key is fetched and the request is made once more.
// A deleted item is an error with the action Gone.
func (c *Client) MarkRead(ctx context.Context, id ItemID, read bool) (ItemID, error) {
	const op = "UpdateItem"
	for again := false; ; again = true {
		w := writeUpdateItem{Conflict: "AlwaysOverwrite", Disposition: "SaveOnly"}
		change := &w.Changes.Change
		change.ID = id
		change.Updates.Set.Field = uris("message:IsRead")[0]
		change.Updates.Set.Message.IsRead = read
		m, err := c.askOne(ctx, op, w)
		if errorIn(err).Action == Refetch && !again {
			it, err := c.getItem(ctx, id, shape())
			if err != nil {
				return id, err
			}
			id = it.ID
			continue
		}
		if err != nil {
			return id, err
		}
		if len(m.Items.list) == 1 && m.Items.list[0].ID.ID != "" {
			id = m.Items.list[0].ID
		} else {
			id.ChangeKey = "" // changed to an unknown one
		}
		return id, nil
	}
}

// Delete moves an item to Deleted Items. An item that is deleted already is no
// error.
func (c *Client) Delete(ctx context.Context, id ItemID) error {
	w := writeDeleteItem{Type: "MoveToDeletedItems"}
	w.IDs.List = []ItemID{{ID: id.ID}}
	_, err := c.askOne(ctx, "DeleteItem", w)
	if errorIn(err).Code == ErrorItemNotFound {
		return nil
	}
	return err
}
