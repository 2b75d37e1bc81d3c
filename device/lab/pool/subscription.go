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

// subscription is an endpoint's subscription to the data of its user. It ends with
// the endpoint's registration on its connection and, without
// com.microsoft.autoextend, after the requested time (docs/protocol/presence.md#self-subscription).
type subscription struct {
	account             *account
	sipConn             *sipwire.Conn
	conn                *conn
	event, kind         string // kind is the Content-Type
	epid                string
	until               time.Time // zero: ends with its first notification
	duration            time.Duration
	autoExtend          bool // com.microsoft.autoextend
	method              sip.RequestMethod
	target              sip.Uri
	callID              string
	client, server, via string
	cseq                uint32 // of the last notification
}

func (c *conn) newSubscription(
	a *account, w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request, event, contentType string,
) *subscription {
	epid, _ := req.From().Params.Get("epid")
	sub := &subscription{
		account: a,
		sipConn: w,
		conn:    c,
		event:   strings.Clone(event),
		kind:    contentType,
		epid:    strings.Clone(epid),
		method:  sip.NOTIFY,
		target:  sip.Uri{Scheme: "sip", User: req.From().Address.User, Host: req.From().Address.Host},
		callID:  strings.Clone(req.CallID().Value()),
		via:     c.front.addr(),
		cseq:    1,
	}
	client, server := dialogHeaders(in, c.tag)
	sub.client, sub.server = strings.Clone(client), strings.Clone(server)
	supported := in.Headers("Supported")
	if hasToken(supported, "ms-benotify") {
		sub.method = sipwire.BENOTIFY
	}
	sub.autoExtend = hasToken(supported, "com.microsoft.autoextend")
	if contacts, err := parseContacts(in); err == nil && len(contacts) > 0 {
		_ = sip.ParseUri(strings.Clone(contacts[0].uri), &sub.target) // it was parsed before
	}
	return sub
}

// state returns the value of subscription-state.
func (s *subscription) state() string {
	if s.until.IsZero() {
		return "terminated;expires=0"
	}
	left := s.until.Sub(s.account.pool.Clock.Now()) + time.Second - 1 // whole seconds, rounded up
	return fmt.Sprintf("active;expires=%d", int(left.Seconds()))
}

// nextNotification returns the next notification. The 200 contained the first one,
// number 1.
func (s *subscription) nextNotification(body []byte) *sip.Request {
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
		{"Server", s.account.pool.ServerHeader},
		{"Content-Type", s.kind},
	} {
		req.AppendHeader(sip.NewHeader(h[0], h[1]))
	}
	req.SetBody(body)
	return req
}

// notification is sent after the response to the current request.
type notification struct {
	conn *sipwire.Conn
	req  *sip.Request
}

func sendAll(all []notification) {
	for _, n := range all {
		_ = n.conn.Send(n.req) // its reader detects a lost connection
	}
}

// subscribe adds, refreshes or ends sub and returns its first notification. a.mu
// is held.
func (a *account) subscribe(c *conn, sub *subscription, query []byte) ([]byte, error) {
	wanted := []string{roaming.Categories, roaming.Containers, roaming.Subscribers} // without a query
	if sub.event == roaming.SelfEvent && len(query) > 0 {
		var err error
		if wanted, err = roaming.ParseSelfRequest(query); err != nil {
			return nil, err
		}
	}
	names := a.refresh()
	a.notifyCategories(sub.epid, names)
	key := sub.epid + " " + sub.event
	if old := a.subscriptions[key]; old != nil {
		if old.callID == sub.callID { // a refresh, in the same dialog
			sub.cseq = old.cseq
		}
		if old.conn == c {
			delete(c.subscriptions, old)
		}
		delete(a.subscriptions, key)
	}
	if !sub.until.IsZero() {
		a.subscriptions[key] = sub
		if c.subscriptions == nil {
			c.subscriptions = map[*subscription]struct{}{}
		}
		c.subscriptions[sub] = struct{}{}
	}
	if sub.event == roaming.ContactsEvent {
		return a.contactListXML()
	}
	return a.selfSections(wanted...).XML()
}

// selfSections returns the requested sections of the user's own data.
func (a *account) selfSections(wanted ...string) roaming.Self {
	all := a.selfDocument()
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

// contactListXML returns the contact list. Its delta number grows if the directory
// has changed since the list was last sent.
func (a *account) contactListXML() ([]byte, error) {
	list := a.contactList()
	list.Delta = max(1, a.contacts.Delta)
	if a.contacts.Delta > 0 && !reflect.DeepEqual(list, a.contacts) {
		list.Delta++
	}
	a.contacts = list
	return list.XML()
}

// dropSubscription removes a subscription whose connection has ended.
func (a *account) dropSubscription(sub *subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.subscriptions, func(_ string, s *subscription) bool { return s == sub })
}

// notifyCategories queues a notification with the content of the categories for
// the subscribed endpoints except epid, which gets it in its response.
func (a *account) notifyCategories(epid string, names categorySet) {
	if len(names) == 0 {
		return
	}
	if body, err := a.categoriesXML(names); err == nil {
		a.queueNotification(epid, body)
	}
}

// categoriesXML returns the content of the categories.
func (a *account) categoriesXML(names categorySet) ([]byte, error) {
	return a.selfDocument().Change(slices.Sorted(maps.Keys(names))...)
}

// queueNotification queues a notification, which unlock sends, for the subscribed
// endpoints except epid. a.mu is held.
func (a *account) queueNotification(epid string, body []byte) {
	for _, key := range slices.Sorted(maps.Keys(a.subscriptions)) {
		if sub := a.subscriptions[key]; sub.event == roaming.SelfEvent && sub.epid != epid {
			a.notifications = append(a.notifications, notification{sub.sipConn, sub.nextNotification(body)})
		}
	}
}
