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
func (r *Registration) newsOf(d *dialog, in *sipwire.Incoming) news {
	n := news{contentType: contentOf(in), body: in.Msg.Body()}
	state, reason, life, lives := parseState(in.Header("Subscription-State"))
	n.life, n.lives = life, lives
	if state == "terminated" && !d.s.Once { // all that a query hears is its end
		n.over = r.terminated(d, in, reason)
	}
	if len(n.body) > maxBody { // to go on without it would be to go on with an old state
		n.over = r.tooLarge(d.asked(), len(n.body))
		n.body = nil
	}
	return n
}

// notified takes a request of the server if it is a notification of one of the
// subscriptions (RFC 6665 4.1.3); it runs on the reader.
func (r *Registration) notified(c *sipwire.Conn, in *sipwire.Incoming) bool {
	req := in.Request()
	callID, to, from, cseq := req.CallID(), req.To(), req.From(), req.CSeq()
	if callID == nil || to == nil || from == nil || cseq == nil {
		return false
	}
	tag := from.Params.GetOr("tag", "")
	event := eventPackage(in)
	r.mu.Lock()
	d := r.dialogs[callID.Value()]
	ours := d != nil && to.Params.GetOr("tag", "") == d.tag && (d.remote == "" || d.remote == tag) &&
		(event == "" || strings.EqualFold(event, d.s.Event))
	var again, late bool
	if ours {
		next := cseq.SeqNo + 1 // below 2³¹ (RFC 3261 8.1.1.5), as sipwire has checked
		again, late = next == d.next, next < d.next
		d.next = max(d.next, next)
		d.remote = strings.Clone(tag) // it may come before the 200
	}
	r.mu.Unlock()
	if !ours {
		return false
	}
	answer := func(code int, reason string) {
		_ = c.Answer(req, sipwire.NewResponse(req, code, reason, "")) // never for BENOTIFY; a failure ends the connection, which is an event
	}
	switch n := r.newsOf(d, in); {
	case again:
		answer(200, "OK")
	case late: // RFC 3261 12.2.2
		answer(500, "Server Internal Error")
	default:
		if len(in.Msg.Body()) > maxBody {
			answer(413, "Request Entity Too Large")
		} else {
			answer(200, "OK")
		}
		n.carried = true
		r.heard(d, n)
	}
	return true
}

// heard acts on n, on the reader: the first notification goes to who waits in
// Subscribe, the others to Notify, the end to Ended.
func (r *Registration) heard(d *dialog, n news) {
	r.mu.Lock()
	if !r.has(d) {
		r.mu.Unlock()
		return
	}
	switch {
	case n.over != nil || d.s.Once && n.carried:
		r.remove(d)
	case n.life > 0 && !d.s.Once:
		if d.refresh != nil {
			d.refresh.Stop()
		}
		d.refresh = r.clock.AfterFunc(resubscribeAfter(n.life), func() { r.cfg.Go(func() { r.resubscribe(d) }) })
	}
	first := d.first
	if n.carried || n.over != nil {
		d.first = nil
	}
	r.mu.Unlock()
	if first != nil {
		if n.carried || n.over != nil {
			first <- n // has room
		}
		if len(n.body) == 0 {
			return // an end without a word is the error of Subscribe
		}
	} else if n.carried && len(n.body) > 0 && d.s.Notify != nil {
		d.s.Notify(n.contentType, n.body)
	}
	if n.over != nil {
		r.over(d, n.over)
	}
}

// terminated is the failure for the end of d by the server.
func (r *Registration) terminated(d *dialog, in *sipwire.Incoming, reason string) *journal.Failure {
	f := &journal.Failure{Code: journal.SIPLost, Asked: d.asked(), By: r.by(), Because: "RFC 6665 4.1.3",
		Answered: strings.Join(append([]string{"terminated " + reason}, diagnose(in).texts...), "; "),
		What:     fmt.Sprintf("The server has ended the subscription to %s.", d.s.Event)}
	switch reason {
	case "rejected", "noresource", "invariant":
		f.Code = journal.SIPRejected
		f.What = fmt.Sprintf("The server has ended the subscription to %s for good: %s.", d.s.Event, reason)
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
	return strings.ToLower(strings.TrimSpace(clip(head))), strings.ToLower(clip(p["reason"])), life, named
}
