package sipua

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// notification is the content of a NOTIFY or BENOTIFY, or of the 2xx to a SUBSCRIBE,
// which may carry one (ms-piggyback-first-notify).
type notification struct {
	contentType string
	body        []byte
	present     bool             // false: a 2xx without a notification
	lifetime    time.Duration    // time until the subscription expires
	hasLifetime bool             // the message names lifetime; a 2xx may name 0
	end         *journal.Failure // why the subscription ended; nil if it did not end
}

// parseNotification reads what notifications and 2xx responses have in common.
func (r *Registration) parseNotification(s *subscription, in *sipwire.Incoming) notification {
	state, reason, lifetime, named := parseState(in.Header("Subscription-State"))
	n := notification{contentType: contentTypeOf(in), body: in.Msg.Body(), lifetime: lifetime, hasLifetime: named}
	if state == "terminated" && !s.Once { // a query ends with its first notification
		n.end = r.terminatedFailure(s, in, reason)
	}
	if len(n.body) > maxBody { // without this body the state of the subscription would be out of date
		n.end = r.tooLargeFailure(s.asked(), len(n.body))
		n.body = nil
	}
	return n
}

// onNotify handles a notification of one of the subscriptions (RFC 6665 4.1.3) and
// reports whether the request was one. The connection's reader calls it.
func (r *Registration) onNotify(c *sipwire.Conn, in *sipwire.Incoming) bool {
	req := in.Request()
	callID, event := req.CallID(), eventPackage(in)
	if callID == nil {
		return false
	}
	r.mu.Lock()
	s := r.subscriptions[callID.Value()]
	ours := s != nil && s.dialog.matches(req) && (event == "" || strings.EqualFold(event, s.Event))
	order := 0
	if ours {
		order = s.dialog.receive(req)
	}
	r.mu.Unlock()
	if !ours {
		return false
	}
	answer := func(code int, reason string) {
		// A BENOTIFY is never answered; a failure ends the connection, which is an event.
		_ = c.Answer(req, sipwire.NewResponse(req, code, reason, ""))
	}
	n := r.parseNotification(s, in)
	unread := in.UnsupportedBody(cmp.Or(s.Accept, "*/*"))
	switch {
	case order == 0:
		answer(200, "OK")
	case order < 0: // RFC 3261 12.2.2
		answer(500, "Server Internal Error")
	default:
		switch {
		case len(in.Msg.Body()) > maxBody:
			answer(413, "Request Entity Too Large")
		case unread.Status != 0: // RFC 3261 8.2.3
			refuse(c, req, unread)
			n.end, n.body = r.unreadFailure(s, in), nil
		default:
			answer(200, "OK")
		}
		n.present = true
		r.dispatch(s, n)
	}
	return true
}

// dispatch hands the first notification to Subscribe, later ones to Notify, and
// the end of the subscription to Ended. The connection's reader calls it.
func (r *Registration) dispatch(s *subscription, n notification) {
	r.mu.Lock()
	if !r.hasSubscription(s) {
		r.mu.Unlock()
		return
	}
	switch {
	case n.end != nil || s.Once && n.present:
		r.removeSubscription(s)
	case n.lifetime > 0 && !s.Once:
		if s.refresh != nil {
			s.refresh.Stop()
		}
		s.refresh = r.clock.AfterFunc(resubscribeAfter(n.lifetime), func() { r.cfg.Go(func() { r.resubscribe(s) }) })
	}
	first := s.first
	if n.present || n.end != nil {
		s.first = nil
	}
	r.mu.Unlock()
	if first != nil {
		if n.present || n.end != nil {
			first <- n // has room
		}
		if len(n.body) == 0 {
			return // an end without a body is the error of Subscribe
		}
	} else if n.present && len(n.body) > 0 && s.Notify != nil {
		s.Notify(n.contentType, n.body)
	}
	if n.end != nil {
		r.reportEnd(s, n.end)
	}
}

// terminatedFailure is the Failure for a subscription that the server ended.
func (r *Registration) terminatedFailure(s *subscription, in *sipwire.Incoming, reason string) *journal.Failure {
	f := &journal.Failure{Code: journal.SIPLost, Asked: s.asked(), By: r.by(), Because: "RFC 6665 4.1.3",
		Answered: strings.Join(append([]string{"terminated " + reason}, diagnose(in).texts...), "; "),
		What:     fmt.Sprintf("The server has ended the subscription to %s.", s.Event)}
	switch reason {
	case "rejected", "noresource", "invariant":
		f.Code = journal.SIPRejected
		f.What = fmt.Sprintf("The server has ended the subscription to %s for good: %s.", s.Event, reason)
	}
	return f
}

// unreadFailure is the Failure for a notification of another type than the phone
// accepts, or with an encoding. Without it the state would be out of date.
func (r *Registration) unreadFailure(s *subscription, in *sipwire.Incoming) *journal.Failure {
	got := strings.TrimSpace(contentTypeOf(in) + " " + printable(in.Header("Content-Encoding")))
	return &journal.Failure{
		Code:     journal.SIPMalformed,
		Asked:    s.asked(),
		Answered: "a notification as " + got,
		By:       r.by(),
		Because:  "RFC 3261 8.2.3",
		What:     fmt.Sprintf("The server sent a notification of %s as %s, which the phone does not read.", s.Event, got),
		Fix:      fmt.Sprintf("Let the server send it as %s, without an encoding.", cmp.Or(s.Accept, "any type")),
	}
}

// parseState reads Subscription-State: "active;expires=900",
// "terminated;reason=timeout". named reports whether the header names a lifetime.
func parseState(s string) (state, reason string, life time.Duration, named bool) {
	head, rest, _ := strings.Cut(s, ";")
	p := parseParams(rest)
	if n, err := strconv.ParseUint(p["expires"], 10, 32); err == nil {
		life, named = min(time.Duration(n)*time.Second, maxExpires), true
	}
	return strings.ToLower(strings.TrimSpace(printable(head))), strings.ToLower(printable(p["reason"])), life, named
}
