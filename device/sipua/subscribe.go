package sipua

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// Subscription is what Subscribe asks for: an event package of the user
// himself (ocs-sip.md 3.1, 5.1, 6). It is not changed.
type Subscription struct {
	Event       string // package, such as "vnd-microsoft-roaming-self"
	Accept      string // content type of the notifications; "" sends no Accept
	ContentType string // of Body; "" when there is none
	Body        []byte // goes with each refresh again
	Once        bool   // a query (Expires: 0): only the first notification comes

	// Notify is given every notification after the first, in wire order, on
	// the connection's reader: it must not block. It may be called before
	// Subscribe has returned, and a refresh may bring the whole state again. body
	// is its own, never empty, at most 512 KiB. nil drops them.
	Notify func(contentType string, body []byte)
	// Ended is told once that the subscription is over although the
	// registration lives, by a *journal.Failure whose code says whether trying
	// again can help; then no further Notify begins. It must not block. It is
	// not called when Subscribe itself fails, nor for a query. nil: a step
	// of the journal warns.
	Ended func(error)
}

// maxSubscriptions bounds the subscriptions of one registration at a time.
const maxSubscriptions = 32

// Subscribe asks for s and returns the first notification, whether it rides in
// the 200 (ms-piggyback-first-notify) or follows in a BENOTIFY or NOTIFY. The
// subscription lives on, refreshed by the clock, as long as the registration.
//
// The error holds a *journal.Failure, with a *Refused in it when the server
// gave another final answer than 2xx; or is the error of ctx, which ends the
// wait only, or sipwire.ErrClosed after Close. The answer and the notification
// are each waited for as long as ctx and the profile's Answer allow.
func (r *Registration) Subscribe(ctx context.Context, s Subscription) (Reply, error) {
	first := make(chan news, 1)
	d := &dialog{s: s, first: first}
	if err := r.open(d); err != nil {
		return Reply{}, err
	}
	in, err := r.subscribe(ctx, d, s.Once)
	if err != nil {
		r.drop(d)
		return Reply{}, err
	}
	n, err := r.awaitFirst(ctx, d, first)
	if err != nil {
		r.drop(d)
		return Reply{}, err
	}
	reply := replyOf(in, n.contentType, n.body)
	if !s.Once {
		reply.Stop = func() { r.unsubscribe(d) }
	}
	return reply, nil
}

// unsubscribe ends d (RFC 6665 4.1.2.3). What the server says to that changes
// nothing.
func (r *Registration) unsubscribe(d *dialog) {
	if r.drop(d) {
		r.cfg.Go(func() { _, _ = r.subscribe(r.ctx, d, true) })
	}
}

// dialog is a subscription with its state at the server (RFC 6665). All but s
// is guarded by the registration's mu.
type dialog struct {
	s           Subscription
	callID, tag string
	remote      string      // the server's tag; "" before it is known
	target      string      // where to refresh; "": the user's own address
	routes      []string    // Route of what goes there, in order
	cseq        uint32      // of the last SUBSCRIBE
	next        uint32      // least CSeq that a notification may have
	first       chan<- news // takes the first notification; nil once it has
	refresh     clock.Timer
}

func (d *dialog) asked() string { return "SUBSCRIBE, event " + d.s.Event }

// begin gives d new identifiers and takes it among the registration's; r.mu is
// held.
func (r *Registration) begin(d *dialog) {
	d.callID, d.tag = sipwire.NewCallID(), sipwire.NewTag()[:10]
	d.remote, d.target, d.routes, d.cseq, d.next = "", "", nil, 0, 0
	if r.dialogs == nil {
		r.dialogs = make(map[string]*dialog)
	}
	r.dialogs[d.callID] = d
}

// open begins d unless there are too many or the registration is over.
func (r *Registration) open(d *dialog) error {
	r.mu.Lock()
	n, registered := len(r.dialogs), r.phase == live
	if registered && n < maxSubscriptions {
		r.begin(d)
	}
	r.mu.Unlock()
	switch {
	case !registered:
		return r.unanswered(d.asked(), sipwire.ErrClosed)
	case n >= maxSubscriptions:
		return &journal.Failure{Code: journal.Internal, Asked: d.asked(), By: "the phone", What: fmt.Sprintf("The phone has %d subscriptions already, and takes no more.", n)}
	}
	return nil
}

// has reports whether d is still a subscription; r.mu is held.
func (r *Registration) has(d *dialog) bool { return r.dialogs[d.callID] == d }

// drop forgets d; false: that was done before.
func (r *Registration) drop(d *dialog) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.remove(d)
}

func (r *Registration) remove(d *dialog) bool {
	if !r.has(d) {
		return false
	}
	delete(r.dialogs, d.callID)
	if len(r.dialogs) == 0 {
		r.dialogs = nil // a resting phone keeps no map
	}
	if d.refresh != nil {
		d.refresh.Stop()
	}
	return true
}

// subscribe sends a SUBSCRIBE of d, the first, a refresh, or one that wants no
// more than an answer.
func (r *Registration) subscribe(ctx context.Context, d *dialog, end bool) (*sipwire.Incoming, error) {
	r.mu.Lock()
	q := request{method: "SUBSCRIBE", uri: cmp.Or(d.target, r.address.URI()), to: "<" + r.address.URI() + ">", callID: d.callID, tag: d.tag, cseq: d.cseq,
		contentType: d.s.ContentType, body: d.s.Body, about: "the subscription to " + d.s.Event, asked: d.asked(),
		answered: func(in *sipwire.Incoming) { r.accepted(d, in) }}
	if d.remote != "" {
		q.to += ";tag=" + d.remote
	}
	for _, route := range d.routes {
		q.headers = append(q.headers, sipwire.Header{Name: "Route", Value: route})
	}
	d.cseq += 2 // the digest of a registrar may take a second request
	r.mu.Unlock()
	q.headers = append(q.headers, sipwire.Header{Name: "Event", Value: d.s.Event})
	if d.s.Accept != "" {
		q.headers = append(q.headers, sipwire.Header{Name: "Accept", Value: d.s.Accept})
	}
	if !r.cfg.Registrar { // ocs-sip.md 3.1
		q.headers = append(q.headers,
			sipwire.Header{Name: "Supported", Value: "com.microsoft.autoextend"},
			sipwire.Header{Name: "Supported", Value: "ms-benotify"},
			sipwire.Header{Name: "Proxy-Require", Value: "ms-benotify"},
			sipwire.Header{Name: "Supported", Value: "ms-piggyback-first-notify"})
	}
	if end {
		q.headers = append(q.headers, sipwire.Header{Name: "Expires", Value: "0"})
	}
	return r.ask(ctx, &q)
}

// awaitFirst waits for the first notification after the 200.
func (r *Registration) awaitFirst(ctx context.Context, d *dialog, first <-chan news) (news, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Profile.Answer)
	defer cancel()
	var n news
	select {
	case n = <-first: // before the end of the registration, which may be there too
	default:
		select {
		case n = <-first:
		case <-r.ctx.Done():
			return n, r.unanswered(d.asked(), sipwire.ErrClosed)
		case <-ctx.Done():
			err := r.unanswered(d.asked(), r.tooLate(ctx))
			if f, ok := errors.AsType[*journal.Failure](err); ok {
				f.Fix = f.Code.Page().Change
				f.Answered = "200 without a body, and no notification"
				f.What = fmt.Sprintf("The server accepted the subscription to %s and then told nothing.", d.s.Event)
			}
			return n, err
		}
	}
	if n.over != nil && len(n.body) == 0 {
		return n, n.over
	}
	return n, nil
}

// The refresh of a subscription. [P]: pidgin-sipe's values (ocs-sip.md 5.1).
const (
	subscriptionMargin = 120 * time.Second // before the lifetime ends
	subscriptionShort  = 240 * time.Second // up to here half the lifetime
)

func resubscribeAfter(life time.Duration) time.Duration {
	if life > subscriptionShort {
		return life - subscriptionMargin
	}
	return max(life/2, minRefresh)
}

// resubscribe is the errand of a subscription's timer.
func (r *Registration) resubscribe(d *dialog) {
	r.mu.Lock()
	lives := r.has(d)
	r.mu.Unlock()
	if !lives {
		return
	}
	_, err := r.subscribe(r.ctx, d, false)
	if no, ok := errors.AsType[*Refused](err); ok && no.Status == 481 { // RFC 6665 4.1.2.2: subscribe anew, once
		r.mu.Lock()
		if lives = r.remove(d); lives {
			r.begin(d)
		}
		r.mu.Unlock()
		if !lives {
			return
		}
		_, err = r.subscribe(r.ctx, d, false)
	}
	if err == nil || !r.drop(d) || r.ctx.Err() != nil {
		return
	}
	if f := journal.FailureOf(err); f.Code != journal.SIPLost { // that is an event of the registration
		r.over(d, f)
	}
}

// over tells that d, which has been dropped, has ended.
func (r *Registration) over(d *dialog, f *journal.Failure) {
	if d.s.Ended != nil {
		d.s.Ended(f)
		return
	}
	s := f.Step(journal.Session)
	s.State = journal.Warned
	r.cfg.Record.Record(s)
}

// stopDialogs forgets all subscriptions: the pool drops them with the
// registration. r.mu is held.
func (r *Registration) stopDialogs() {
	for _, d := range r.dialogs {
		if d.refresh != nil {
			d.refresh.Stop()
		}
	}
	r.dialogs = nil
}

// accepted takes a 2xx to a SUBSCRIBE of d, on the reader.
func (r *Registration) accepted(d *dialog, in *sipwire.Incoming) {
	n := r.newsOf(d, in)
	if seconds, err := strconv.ParseUint(in.Header("Expires"), 10, 32); err == nil {
		n.life, n.lives = min(time.Duration(seconds)*time.Second, maxExpires), true
	}
	if !n.lives { // against RFC 6665 3.1.1; to refresh costs little
		n.life = r.cfg.Profile.ExpiresDefault
	}
	cseq, err := strconv.ParseUint(in.Header("ms-piggyback-cseq"), 10, 31)
	n.carried = len(in.Msg.Body()) > 0 || err == nil
	if !d.s.Once && n.life == 0 && n.over == nil {
		n.over = r.terminated(d, in, "")
	}
	r.mu.Lock()
	if d.remote = strings.Clone(in.Response().To().Params.GetOr("tag", "")); d.target == "" {
		d.routes = routesOf(in)
	}
	if c, err := sipwire.ParseAddress(in.Header("Contact")); err == nil && isURI(c.URI) {
		d.target = strings.Clone(c.URI)
	}
	if err == nil && n.carried { // MS-SIP: as if a NOTIFY with that CSeq had come
		d.next = max(d.next, uint32(cseq)+1)
	}
	r.mu.Unlock()
	r.heard(d, n)
}

// maxRoutes bounds the proxies between phone and server.
const maxRoutes = 16

// routesOf reads the Record-Route of an answer, nearest proxy first (RFC 3261
// 12.1.2).
func routesOf(in *sipwire.Incoming) []string {
	var all []string
	for _, value := range in.Headers("Record-Route") {
		for _, route := range sipwire.SplitList(value) {
			if len(all) < maxRoutes {
				all = append(all, strings.Clone(route)) // verbatim: the proxy has signed it
			}
		}
	}
	slices.Reverse(all)
	return all
}
