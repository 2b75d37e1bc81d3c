package exchange

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Pull notifications (docs/protocol/exchange-calendar.md#pull-notifications).

const (
	maxEvents        = 50   // of one GetEvents response
	maxQueue         = 1000 // events of a subscription; a slower client loses the subscription
	maxSubscriptions = 20   // of one user; no source
)

// subscription is guarded by Server.mu.
type subscription struct {
	sam     string
	folders []string
	types   []string
	idle    time.Duration
	until   time.Time
	queue   []event
	last    uint64 // watermark of the newest event, or of Subscribe
	lost    bool   // events were dropped
}

type event struct {
	mark   uint64
	kind   string
	at     time.Time
	id     *elem
	folder string
	old    []*elem // the former ids of an item that was moved or copied
}

func watermark(n uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, n))
}

// notify queues an event about it for the subscriptions. old are the former ids of
// an item that was moved or copied.
func (b *mailbox) notify(kind string, it *item, old []*elem) {
	for _, sub := range b.s.subs {
		inFolders := slices.ContainsFunc(sub.folders, it.inFolder)
		if sub.sam != b.sam || !slices.Contains(sub.types, kind) || !inFolders {
			continue
		}
		if len(sub.queue) == maxQueue {
			sub.lost = true
			continue
		}
		sub.last = b.s.nextID()
		sub.queue = append(sub.queue, event{sub.last, kind, b.s.Clock.Now(), b.itemID(it), it.folder, old})
	}
}

func (c *ewsRequest) subscribe() ([]*elem, error) {
	req := child(c.body, "m:PullSubscriptionRequest")
	if req == nil {
		return nil, codeError("ErrorInvalidOperation", "The lab has no push subscriptions.")
	}
	now := c.s.Clock.Now()
	active := 0
	for id, sub := range c.s.subs {
		switch {
		case !now.Before(sub.until):
			delete(c.s.subs, id)
		case sub.sam == c.mailbox.sam:
			active++
		}
	}
	if active >= maxSubscriptions {
		return []*elem{failure(c.op, codeError("ErrorExceededSubscriptionCount", ""))}, nil
	}
	if child(req, "t:Watermark") != nil { // the lab keeps no events without a subscription
		return []*elem{failure(c.op, codeError("ErrorInvalidWatermark", ""))}, nil
	}
	minutes, _ := strconv.Atoi(child(req, "t:Timeout").Value()) // the schema has checked it
	sub := &subscription{sam: c.mailbox.sam, idle: time.Duration(minutes) * time.Minute}
	sub.until = now.Add(sub.idle)
	for _, n := range child(req, "t:FolderIds").Children {
		f, err := c.mailbox.findFolder(n)
		if err != nil {
			return []*elem{failure(c.op, err)}, nil
		}
		sub.folders = append(sub.folders, f.name)
	}
	for _, n := range child(req, "t:EventTypes").Children {
		sub.types = append(sub.types, n.Value())
	}
	sub.last = c.s.nextID()
	id := fmt.Sprintf("39ea5d0f-f062-455e-a1e9-%012x", sub.last)
	c.s.subs[id] = sub
	return []*elem{success(c.op, tx("m:SubscriptionId", id), tx("m:Watermark", watermark(sub.last)))}, nil
}

// subscription returns the subscription of the request.
func (c *ewsRequest) subscription() (*subscription, string, error) {
	id := child(c.body, "m:SubscriptionId").Value()
	sub := c.s.subs[id]
	switch {
	case sub == nil:
		return nil, id, codeError("ErrorSubscriptionNotFound", "")
	case sub.sam != c.mailbox.sam:
		return nil, id, codeError("ErrorSubscriptionAccessDenied", "")
	case !c.s.Clock.Now().Before(sub.until):
		delete(c.s.subs, id)
		return nil, id, codeError("ErrorExpiredSubscription", "")
	}
	return sub, id, nil
}

func (c *ewsRequest) getEvents() ([]*elem, error) {
	sub, id, err := c.subscription()
	if err != nil {
		return []*elem{failure(c.op, err)}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(child(c.body, "m:Watermark").Value())
	if err != nil || len(raw) != 8 || binary.BigEndian.Uint64(raw) > sub.last {
		return []*elem{failure(c.op, codeError("ErrorInvalidWatermark", ""))}, nil
	}
	if sub.lost {
		delete(c.s.subs, id)
		return []*elem{failure(c.op, codeError("ErrorReadEventsFailed", ""))}, nil
	}
	seen := binary.BigEndian.Uint64(raw)
	now := c.s.Clock.Now()
	sub.until = now.Add(sub.idle)
	sub.queue = slices.DeleteFunc(sub.queue, func(e event) bool { return e.mark <= seen })
	n := el("m:Notification", tx("t:SubscriptionId", id), tx("t:PreviousWatermark", watermark(seen)),
		tx("t:MoreEvents", strconv.FormatBool(len(sub.queue) > maxEvents)))
	for _, e := range sub.queue[:min(len(sub.queue), maxEvents)] {
		n.add(el("t:"+e.kind,
			tx("t:Watermark", watermark(e.mark)),
			tx("t:TimeStamp", formatTime(e.at)),
			e.id,
			c.mailbox.folderID("t:ParentFolderId", e.folder)).add(e.old...))
	}
	if len(sub.queue) == 0 {
		n.add(el("t:StatusEvent", tx("t:Watermark", watermark(sub.last))))
	}
	return []*elem{success(c.op, n)}, nil
}

func (c *ewsRequest) unsubscribe() ([]*elem, error) {
	_, id, err := c.subscription()
	if err != nil {
		return []*elem{failure(c.op, err)}, nil
	}
	delete(c.s.subs, id)
	return []*elem{success(c.op)}, nil
}
