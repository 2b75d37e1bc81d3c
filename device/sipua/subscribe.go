package sipua

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// Subscription is a request for an event package of the signed-in user
// (docs/protocol/sip-services.md#provisioning-request,
// docs/protocol/presence.md#self-subscription,
// docs/protocol/sip-services.md#contact-list). Subscribe does not change it.
type Subscription struct {
	Event       string // package, such as "vnd-microsoft-roaming-self"
	Accept      string // content type of the notifications; "" sends no Accept
	ContentType string // of Body; "" without a body
	Body        []byte // sent with each refresh too
	Once        bool   // a query (Expires: 0): there is only the first notification

	// Notify gets every notification after the first, in wire order, from the
	// connection's reader: it must not block. It may be called before Subscribe
	// has returned, and a refresh may repeat the whole state. body is never empty,
	// has at most 512 KiB and belongs to Notify. nil drops them.
	Notify func(contentType string, body []byte)
	// Ended is called once if the subscription ends before the registration. The
	// error is a *journal.Failure; its code tells whether another attempt can
	// succeed. Notify is not called after that. Ended must not block. It is not
	// called if Subscribe itself fails, nor for a query. nil: the journal gets a
	// warning.
	Ended func(error)
}

// maxSubscriptions bounds the subscriptions of one registration at a time.
const maxSubscriptions = 32

// Subscribe subscribes to s and returns the first notification, which comes in the
// 200 (ms-piggyback-first-notify) or in a BENOTIFY or NOTIFY. The subscription is
// refreshed by the clock until the registration ends.
//
// The error holds a *journal.Failure, with a *Refused for a final response other
// than 2xx; or it is the error of ctx, which ends only the wait, or
// sipwire.ErrClosed after Close. ctx and the profile's Answer bound the wait for
// the response, and again the wait for the notification.
func (r *Registration) Subscribe(ctx context.Context, s Subscription) (Reply, error) {
	first := make(chan notification, 1)
	sub := &subscription{Subscription: s, first: first}
	if err := r.openSubscription(sub); err != nil {
		return Reply{}, err
	}
	in, err := r.subscribe(ctx, sub, s.Once)
	if err != nil {
		r.dropSubscription(sub)
		return Reply{}, err
	}
	n, err := r.awaitFirst(ctx, sub, first)
	if err != nil {
		r.dropSubscription(sub)
		return Reply{}, err
	}
	reply := newReply(in, n.contentType, n.body)
	if !s.Once {
		reply.Stop = func() { r.unsubscribe(sub) }
	}
	return reply, nil
}

// unsubscribe ends s (RFC 6665 4.1.2.3). The response does not matter.
func (r *Registration) unsubscribe(s *subscription) {
	if r.dropSubscription(s) {
		r.cfg.Go(func() { _, _ = r.subscribe(r.ctx, s, true) })
	}
}

// subscription is a Subscription with its state at the server (RFC 6665). The
// registration's mu guards its own fields.
type subscription struct {
	Subscription
	dialog  *dialog
	first   chan<- notification // for the first notification; nil after it
	refresh clock.Timer
}

func (s *subscription) asked() string { return "SUBSCRIBE, event " + s.Event }

// addSubscription gives s a new dialog and adds it to the registration's
// subscriptions; r.mu is held.
func (r *Registration) addSubscription(s *subscription) {
	user := r.address.URI()
	s.dialog = newDialog(user, user, r.server.TLS)
	if r.subscriptions == nil {
		r.subscriptions = make(map[string]*subscription)
	}
	r.subscriptions[s.dialog.callID] = s
}

// openSubscription adds s. It fails if there are too many subscriptions or the
// registration has ended.
func (r *Registration) openSubscription(s *subscription) error {
	r.mu.Lock()
	n, registered := len(r.subscriptions), r.phase == phaseRegistered
	if registered && n < maxSubscriptions {
		r.addSubscription(s)
	}
	r.mu.Unlock()
	switch {
	case !registered:
		return r.waitFailure(s.asked(), sipwire.ErrClosed)
	case n >= maxSubscriptions:
		return &journal.Failure{Code: journal.Internal, Asked: s.asked(), By: "the phone",
			What: fmt.Sprintf("The phone has %d subscriptions already, and takes no more.", n)}
	}
	return nil
}

// hasSubscription reports whether s has not been removed; r.mu is held.
func (r *Registration) hasSubscription(s *subscription) bool {
	return r.subscriptions[s.dialog.callID] == s
}

// dropSubscription removes s. It returns false if s was removed before.
func (r *Registration) dropSubscription(s *subscription) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.removeSubscription(s)
}

func (r *Registration) removeSubscription(s *subscription) bool {
	if !r.hasSubscription(s) {
		return false
	}
	delete(r.subscriptions, s.dialog.callID)
	if len(r.subscriptions) == 0 {
		r.subscriptions = nil // a resting phone keeps no map
	}
	if s.refresh != nil {
		s.refresh.Stop()
	}
	return true
}

// subscribeExtensions are the option tags that every SUBSCRIBE names as Supported.
var subscribeExtensions = []string{"com.microsoft.autoextend", "ms-benotify", "ms-piggyback-first-notify"}

// subscribe sends a SUBSCRIBE: the first one of s, a refresh, or, with end, one
// with Expires: 0.
func (r *Registration) subscribe(ctx context.Context, s *subscription, end bool) (*sipwire.Incoming, error) {
	r.mu.Lock()
	d := s.dialog
	r.mu.Unlock()
	q := request{
		dialog:      d,
		method:      "SUBSCRIBE",
		contentType: s.ContentType,
		body:        s.Body,
		subject:     "the subscription to " + s.Event,
		asked:       s.asked(),
		onSuccess:   func(in *sipwire.Incoming) { r.onSubscribed(s, d, in) },
	}
	q.headers = append(q.headers, sipwire.Header{Name: "Event", Value: s.Event})
	if s.Accept != "" {
		q.headers = append(q.headers, sipwire.Header{Name: "Accept", Value: s.Accept})
	}
	if !r.cfg.Registrar { // docs/protocol/sip-services.md#provisioning-request
		for _, tag := range subscribeExtensions {
			q.headers = append(q.headers, sipwire.Header{Name: "Supported", Value: tag})
		}
		q.headers = append(q.headers, sipwire.Header{Name: "Proxy-Require", Value: "ms-benotify"})
	}
	if end {
		q.headers = append(q.headers, sipwire.Header{Name: "Expires", Value: "0"})
	}
	return r.do(ctx, &q)
}

// awaitFirst waits for the first notification after the 200.
func (r *Registration) awaitFirst(
	ctx context.Context, s *subscription, first <-chan notification,
) (notification, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Profile.AnswerTimeout)
	defer cancel()
	var n notification
	select {
	case n = <-first: // takes precedence over the end of the registration
	default:
		select {
		case n = <-first:
		case <-r.ctx.Done():
			return n, r.waitFailure(s.asked(), sipwire.ErrClosed)
		case <-ctx.Done():
			err := r.waitFailure(s.asked(), r.timeoutError(ctx))
			if f, ok := errors.AsType[*journal.Failure](err); ok {
				f.Fix = f.Code.Page().Change
				f.Answered = "200 without a body, and no notification"
				f.What = fmt.Sprintf("The server accepted the subscription to %s but sent no notification.", s.Event)
			}
			return n, err
		}
	}
	if n.end != nil && len(n.body) == 0 {
		return n, n.end
	}
	return n, nil
}

// The refresh of a subscription (observed: pidgin-sipe's values)
// (docs/protocol/presence.md#self-subscription).
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

// resubscribe runs in the background when a subscription's timer expires.
func (r *Registration) resubscribe(s *subscription) {
	r.mu.Lock()
	active := r.hasSubscription(s)
	r.mu.Unlock()
	if !active {
		return
	}
	_, err := r.subscribe(r.ctx, s, false)
	if refused, ok := errors.AsType[*Refused](err); ok && refused.Status == 481 { // RFC 6665 4.1.2.2: again, once
		r.mu.Lock()
		if active = r.removeSubscription(s); active {
			r.addSubscription(s)
		}
		r.mu.Unlock()
		if !active {
			return
		}
		_, err = r.subscribe(r.ctx, s, false)
	}
	if err == nil || !r.dropSubscription(s) || r.ctx.Err() != nil {
		return
	}
	if f := journal.FailureOf(err); f.Code != journal.SIPLost { // that is an event of the registration
		r.reportEnd(s, f)
	}
}

// reportEnd reports the end of s, which has been removed.
func (r *Registration) reportEnd(s *subscription, f *journal.Failure) {
	if s.Ended != nil {
		s.Ended(f)
		return
	}
	step := f.Step(journal.Session)
	step.State = journal.Warned
	r.cfg.Record.Record(step)
}

// stopSubscriptions removes all subscriptions: the pool drops them with the
// registration. r.mu is held.
func (r *Registration) stopSubscriptions() {
	for _, s := range r.subscriptions {
		if s.refresh != nil {
			s.refresh.Stop()
		}
	}
	r.subscriptions = nil
}

// onSubscribed applies a 2xx to a SUBSCRIBE of s in d. The connection's reader
// calls it.
func (r *Registration) onSubscribed(s *subscription, d *dialog, in *sipwire.Incoming) {
	n := r.parseNotification(s, in)
	if seconds, err := strconv.ParseUint(in.Header("Expires"), 10, 32); err == nil {
		n.lifetime, n.hasLifetime = min(time.Duration(seconds)*time.Second, maxExpires), true
	}
	if !n.hasLifetime { // violates RFC 6665 3.1.1; an early refresh costs little
		n.lifetime = r.cfg.Profile.ExpiresDefault
	}
	cseq, err := strconv.ParseUint(in.Header("ms-piggyback-cseq"), 10, 31)
	n.present = len(in.Msg.Body()) > 0 || err == nil
	if !s.Once && n.lifetime == 0 && n.end == nil {
		n.end = r.terminatedFailure(s, in, "")
	}
	r.mu.Lock()
	d.establish(in)
	if err == nil && n.present { // MS-SIP: as if a NOTIFY with that CSeq had come
		d.remoteSeq = max(d.remoteSeq, int64(cseq))
	}
	r.mu.Unlock()
	r.dispatch(s, n)
}
