package sipua

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// news is what a notification, or the answer that carries one, says.
type news struct {
	contentType string
	body        []byte
	carried     bool             // it is a notification, or carries one
	life        time.Duration    // time left to the subscription
	lives       bool             // life is named; 0 may be, by an answer
	over        *journal.Failure // why the subscription is over; nil while it lives
}

// newsOf reads what notifications and the answers that carry one have in common.
func (r *Registration) newsOf(s *subscription, in *sipwire.Incoming) news {
	n := news{contentType: contentOf(in), body: in.Msg.Body()}
	state, reason, life, lives := parseState(in.Header("Subscription-State"))
	n.life, n.lives = life, lives
	if state == "terminated" && !s.Once { // all that a query hears is its end
		n.over = r.terminated(s, in, reason)
	}
	if len(n.body) > maxBody { // to go on without it would be to go on with an old state
		n.over = r.tooLarge(s.asked(), len(n.body))
		n.body = nil
	}
	return n
}

// notified takes a request of the server if it is a notification of one of the
// subscriptions (RFC 6665 4.1.3); it runs on the reader.
func (r *Registration) notified(c *sipwire.Conn, in *sipwire.Incoming) bool {
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
		_ = c.Answer(req, sipwire.NewResponse(req, code, reason, "")) // never for BENOTIFY; a failure ends the connection, which is an event
	}
	switch n := r.newsOf(s, in); {
	case order == 0:
		answer(200, "OK")
	case order < 0: // RFC 3261 12.2.2
		answer(500, "Server Internal Error")
	default:
		if len(in.Msg.Body()) > maxBody {
			answer(413, "Request Entity Too Large")
		} else {
			answer(200, "OK")
		}
		n.carried = true
		r.heard(s, n)
	}
	return true
}

// heard acts on n, on the reader: the first notification goes to who waits in
// Subscribe, the others to Notify, the end to Ended.
func (r *Registration) heard(s *subscription, n news) {
	r.mu.Lock()
	if !r.has(s) {
		r.mu.Unlock()
		return
	}
	switch {
	case n.over != nil || s.Once && n.carried:
		r.remove(s)
	case n.life > 0 && !s.Once:
		if s.refresh != nil {
			s.refresh.Stop()
		}
		s.refresh = r.clock.AfterFunc(resubscribeAfter(n.life), func() { r.cfg.Go(func() { r.resubscribe(s) }) })
	}
	first := s.first
	if n.carried || n.over != nil {
		s.first = nil
	}
	r.mu.Unlock()
	if first != nil {
		if n.carried || n.over != nil {
			first <- n // has room
		}
		if len(n.body) == 0 {
			return // an end without a word is the error of Subscribe
		}
	} else if n.carried && len(n.body) > 0 && s.Notify != nil {
		s.Notify(n.contentType, n.body)
	}
	if n.over != nil {
		r.over(s, n.over)
	}
}

// terminated is the failure for the end of s by the server.
func (r *Registration) terminated(s *subscription, in *sipwire.Incoming, reason string) *journal.Failure {
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

// parseState reads Subscription-State: "active;expires=900",
// "terminated;reason=timeout". named says whether there is a lifetime.
func parseState(s string) (state, reason string, life time.Duration, named bool) {
	head, rest, _ := strings.Cut(s, ";")
	p := params(rest)
	if n, err := strconv.ParseUint(p["expires"], 10, 32); err == nil {
		life, named = min(time.Duration(n)*time.Second, maxExpires), true
	}
	return strings.ToLower(strings.TrimSpace(printable(head))), strings.ToLower(printable(p["reason"])), life, named
}
