package pool

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// subscription is an endpoint's interest in what the pool keeps for its user.
// It lasts as long as the endpoint's registration on the connection it came by;
// without com.microsoft.autoextend no longer than it asked for (ocs-sip.md 5.1).
type subscription struct {
	of                  *account
	wire                *sipwire.Conn
	conn                *conn
	event, kind         string // kind is the Content-Type
	epid                string
	until               time.Time // zero: over with its first notification
	lasts               time.Duration
	extends             bool // com.microsoft.autoextend
	method              sip.RequestMethod
	target              sip.Uri
	callID              string
	client, server, via string
	cseq                uint32 // of the last notification
}

func (c *conn) newSubscription(a *account, w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request, event, contentType string) *subscription {
	epid, _ := req.From().Params.Get("epid")
	sub := &subscription{of: a, wire: w, conn: c, event: strings.Clone(event), kind: contentType, epid: strings.Clone(epid),
		method: sip.NOTIFY, callID: strings.Clone(req.CallID().Value()), via: c.front.addr(), cseq: 1,
		target: sip.Uri{Scheme: "sip", User: req.From().Address.User, Host: req.From().Address.Host}}
	client, server := dialogEnds(in, c.tag)
	sub.client, sub.server = strings.Clone(client), strings.Clone(server)
	supported := in.Headers("Supported")
	if hasToken(supported, "ms-benotify") {
		sub.method = sipwire.BENOTIFY
	}
	sub.extends = hasToken(supported, "com.microsoft.autoextend")
	if contact, err := parseContact(in); err == nil && contact.uri != "" {
		_ = sip.ParseUri(strings.Clone(contact.uri), &sub.target) // it was parsed before
	}
	return sub
}

// state is the value of subscription-state.
func (s *subscription) state() string {
	if s.until.IsZero() {
		return "terminated;expires=0"
	}
	left := s.until.Sub(s.of.pool.Clock.Now()) + time.Second - 1 // whole seconds, rounded up
	return fmt.Sprintf("active;expires=%d", int(left.Seconds()))
}

// next is the next notification; the first one, number 1, rode in the 200.
func (s *subscription) next(body []byte) *sip.Request {
	s.cseq++
	req := sip.NewRequest(s.method, s.target)
	for _, h := range [][2]string{
		{"Via", fmt.Sprintf("SIP/2.0/TLS %s;branch=%s", s.via, sipwire.NewBranch())},
		{"Max-Forwards", "70"},
		{"From", s.server},
		{"To", s.client},
		{"Call-ID", s.callID},
		{"CSeq", fmt.Sprintf("%d %s", s.cseq, s.method)},
		{"Contact", s.conn.server.contact()},
		{"Event", s.event},
		{"subscription-state", s.state()},
		{"Server", s.of.pool.ServerHeader},
		{"Content-Type", s.kind},
	} {
		req.AppendHeader(sip.NewHeader(h[0], h[1]))
	}
	req.SetBody(body)
	return req
}

// notification waits until the answer before it has been sent.
type notification struct {
	wire *sipwire.Conn
	req  *sip.Request
}

func deliver(all []notification) {
	for _, n := range all {
		_ = n.wire.Send(n.req) // its reader finds out when it is gone
	}
}

// subscribe keeps sub, or ends it, and returns its first notification. a.mu is
// held.
func (a *account) subscribe(c *conn, sub *subscription, query []byte) ([]byte, error) {
	wanted := []string{roaming.Categories, roaming.Containers, roaming.Subscribers} // who does not say
	if sub.event == roaming.SelfEvent && len(query) > 0 {
		var err error
		if wanted, err = roaming.ParseSelfRequest(query); err != nil {
			return nil, err
		}
	}
	names := a.settle()
	a.tell(sub.epid, names)
	key := sub.epid + " " + sub.event
	if old := a.subscriptions[key]; old != nil {
		if old.callID == sub.callID { // a refresh, in the same dialog
			sub.cseq = old.cseq
		}
		if old.conn == c {
			delete(c.own, old)
		}
		delete(a.subscriptions, key)
	}
	if !sub.until.IsZero() {
		a.subscriptions[key] = sub
		if c.own == nil {
			c.own = map[*subscription]struct{}{}
		}
		c.own[sub] = struct{}{}
	}
	if sub.event == roaming.ContactsEvent {
		return a.tellContacts()
	}
	return a.sections(wanted...).XML()
}

// sections is what is asked for of the user's own entry.
func (a *account) sections(wanted ...string) roaming.Self {
	all := a.self()
	if !slices.Contains(wanted, roaming.Categories) {
		all = roaming.Self{Address: all.Address, Containers: all.Containers, Watchers: all.Watchers}
	}
	if !slices.Contains(wanted, roaming.Containers) {
		all.Containers = nil
	}
	if !slices.Contains(wanted, roaming.Subscribers) {
		all.Watchers = nil
	}
	return all
}

// tellContacts is the contact list; its number grows when the directory has
// changed it since it was last told.
func (a *account) tellContacts() ([]byte, error) {
	list := a.contactList()
	list.Delta = max(1, a.contacts.Delta)
	if a.contacts.Delta > 0 && !reflect.DeepEqual(list, a.contacts) {
		list.Delta++
	}
	a.contacts = list
	return list.XML()
}

// forget drops a subscription whose connection is gone.
func (a *account) forget(sub *subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.subscriptions, func(_ string, s *subscription) bool { return s == sub })
}

// tell lets know of the categories of these names, whole, to the endpoints that have
// subscribed, but not to the one of epid, which gets its answer.
func (a *account) tell(epid string, names changed) {
	if len(names) == 0 {
		return
	}
	if body, err := a.change(names); err == nil {
		a.send(epid, body)
	}
}

// change is the categories of these names.
func (a *account) change(names changed) ([]byte, error) {
	return a.self().Change(slices.Sorted(maps.Keys(names))...)
}

// send lets the lock's release notify the endpoints that have subscribed, but not the one of epid. a.mu is held.
func (a *account) send(epid string, body []byte) {
	for _, key := range slices.Sorted(maps.Keys(a.subscriptions)) {
		if sub := a.subscriptions[key]; sub.event == roaming.SelfEvent && sub.epid != epid {
			a.waiting = append(a.waiting, notification{sub.wire, sub.next(body)})
		}
	}
}
