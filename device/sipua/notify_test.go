package sipua_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

// docs/protocol/presence.md#self-subscription, RFC 6665 4.1.3: calls of Notify and
// Ended, and the response; each row is one message after "one" rode in the 200.
func TestNotification(t *testing.T) {
	for _, row := range []struct {
		name    string
		make    func(in *sipwire.Incoming) *sip.Request
		updates []string
		answer  int // 0 none
	}{
		{"BENOTIFY", func(in *sipwire.Incoming) *sip.Request { return notify(in, "BENOTIFY", 2, "active;expires=900", "two") }, []string{"two"}, 0},
		{"NOTIFY", func(in *sipwire.Incoming) *sip.Request { return notify(in, "NOTIFY", 2, "active", "two") }, []string{"two"}, 200},
		{"without an event", func(in *sipwire.Incoming) *sip.Request { return notify(in, "NOTIFY", 2, "active", "two", "X: y") }, []string{"two"}, 200},
		{"of another event", func(in *sipwire.Incoming) *sip.Request { return notify(in, "NOTIFY", 2, "active", "two", "Event: y") }, nil, 481},
		{"CSeq of the piggybacked one", func(in *sipwire.Incoming) *sip.Request { return notify(in, "NOTIFY", 1, "active", "one") }, nil, 200},
		{"out of order", func(in *sipwire.Incoming) *sip.Request { return notify(in, "NOTIFY", 0, "active", "zero") }, nil, 500},
		{"out of order, unanswered", func(in *sipwire.Incoming) *sip.Request { return notify(in, "BENOTIFY", 0, "active", "zero") }, nil, 0},
		{"a lifetime of nothing", func(in *sipwire.Incoming) *sip.Request { return notify(in, "NOTIFY", 2, "active;expires=0", "two") }, []string{"two"}, 200},
		{"a gap", func(in *sipwire.Incoming) *sip.Request { return notify(in, "NOTIFY", 1<<31-1, "active", "two") }, []string{"two"}, 200},
		{"empty", func(in *sipwire.Incoming) *sip.Request { return notify(in, "NOTIFY", 2, "active", "") }, nil, 200},
		{"terminated", func(in *sipwire.Incoming) *sip.Request {
			return notify(in, "NOTIFY", 2, " Terminated ; reason=deactivated;expires=0", "two")
		}, []string{"two", "ended sip.lost"}, 200},
		{"terminated for good", func(in *sipwire.Incoming) *sip.Request {
			return notify(in, "BENOTIFY", 2, "terminated;reason=rejected", "")
		}, []string{"ended sip.rejected"}, 0},
		{"too large", func(in *sipwire.Incoming) *sip.Request {
			return notify(in, "NOTIFY", 2, "active", strings.Repeat("x", 512<<10+1))
		}, []string{"ended sip.malformed"}, 413},
		{"of another type", func(in *sipwire.Incoming) *sip.Request {
			req := notify(in, "NOTIFY", 2, "active", "two")
			req.ReplaceHeader(sip.NewHeader("Content-Type", "text/html"))
			return req
		}, []string{"ended sip.malformed"}, 415},
		{"encoded", func(in *sipwire.Incoming) *sip.Request {
			return notify(in, "BENOTIFY", 2, "active", "two", "Event: x", "Content-Encoding: gzip")
		}, []string{"ended sip.malformed"}, 0},
		{"another tag of the server", func(in *sipwire.Incoming) *sip.Request {
			req := notify(in, "NOTIFY", 2, "active", "two")
			req.From().Params.Add("tag", "evil")
			return req
		}, nil, 481},
		{"another tag of the phone", func(in *sipwire.Incoming) *sip.Request {
			req := notify(in, "NOTIFY", 2, "active", "two")
			req.To().Params.Add("tag", "evil")
			return req
		}, nil, 481},
	} {
		t.Run(row.name, func(t *testing.T) {
			answers := make(chan int, 4)
			_, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
				if in.Header("Event") == "after" {
					c.Send(accept(in, 900, "after"))
					return
				}
				c.Send(accept(in, 900, "one"))
				req := row.make(in)
				if _, err := c.Begin(req, func(in *sipwire.Incoming, err error) {
					if err == nil {
						answers <- in.Response().StatusCode
					}
				}); err != nil {
					panic(err)
				}
			})
			w := newUpdates()
			subscribe(t, r, w.subscription(false), "one")
			w.want(t, row.updates...)
			if row.answer != 0 {
				if got := <-answers; got != row.answer {
					t.Errorf("answered %d, want %d", got, row.answer)
				}
			}
			for range 2 { // the phone has dealt with the row's message; what it answered has arrived
				subscribe(t, r, sipua.Subscription{Event: "after"}, "after")
			}
			if len(answers) != 0 {
				t.Errorf("answered %d", <-answers)
			}
			w.want(t)
		})
	}
}

// What ended is over: a later notification is of an unknown dialog.
func TestNotificationAfterTheEnd(t *testing.T) {
	answered := make(chan int, 1)
	f, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		c.Send(accept(in, 900, "one"))
		c.Send(notify(in, "BENOTIFY", 2, "terminated", ""))
		c.Begin(notify(in, "NOTIFY", 3, "active", "three"), func(in *sipwire.Incoming, err error) {
			if err == nil {
				answered <- in.Response().StatusCode
			}
		})
	})
	w := newUpdates()
	s := w.subscription(false)
	s.Ended = nil
	subscribe(t, r, s, "one")
	if code := <-answered; code != 481 {
		t.Errorf("answered %d", code)
	}
	w.want(t)
	if !strings.Contains(f.steps.text(), "session warned | sip.lost") {
		t.Errorf("no warning in:\n%s", f.steps.text())
	}
	f.clock.Advance(23 * time.Hour) // no refresh: the script would answer with another first
	w.want(t)
}

// docs/protocol/presence.md#self-subscription: refreshed 120 s before the end,
// short lifetimes at half, in the dialog, along the recorded route.
func TestRefreshOfASubscription(t *testing.T) {
	for _, row := range []struct {
		life, after time.Duration
	}{{900 * time.Second, 780 * time.Second}, {241 * time.Second, 121 * time.Second}, {240 * time.Second, 120 * time.Second}, {time.Second, time.Second}, {2 * time.Second, time.Second}} {
		t.Run(row.life.String(), func(t *testing.T) {
			var seen []*sipwire.Incoming
			f, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
				seen = append(seen, in)
				res := accept(in, int(row.life/time.Second), fmt.Sprint("doc", n))
				res.AppendHeader(sip.NewHeader("Record-Route", "<sip:far.contoso.com;lr>, <sip:near.contoso.com;lr;ms-route-sig=a>"))
				c.Send(res)
			})
			w := newUpdates()
			subscribe(t, r, w.subscription(false), "doc1")
			f.clock.Advance(row.after - time.Millisecond)
			w.want(t)
			f.clock.Advance(time.Millisecond)
			w.want(t, "doc2")
			f.clock.Advance(row.after)
			w.want(t, "doc3")
			first, second := seen[0], seen[1]
			if second.Request().Recipient.String() != "sip:fe1.contoso.com:5061;transport=tls" || second.Header("To") != "<sip:tu@contoso.com>;tag=server" ||
				second.Header("From") != first.Header("From") || second.Header("Call-ID") != first.Header("Call-ID") || string(second.Msg.Body()) != "list" ||
				second.Request().CSeq().SeqNo <= first.Request().CSeq().SeqNo || seen[2].Request().CSeq().SeqNo <= second.Request().CSeq().SeqNo ||
				fmt.Sprint(second.Headers("Route")) != "[<sip:near.contoso.com;lr;ms-route-sig=a> <sip:far.contoso.com;lr>]" {
				t.Errorf("refreshed by\n%s", second.Raw)
			}
			r.Close()
			f.clock.Advance(time.Hour)
			if len(seen) != 3 {
				t.Errorf("%d requests", len(seen))
			}
		})
	}
}

// autoextend: a notification names another lifetime.
func TestNotificationMovesTheRefresh(t *testing.T) {
	requests := make(chan struct{}, 8)
	f, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		requests <- struct{}{}
		c.Send(accept(in, 900, "one"))
		c.Send(notify(in, "BENOTIFY", 2, "active;expires=7200", "two"))
	})
	w := newUpdates()
	subscribe(t, r, w.subscription(false), "one")
	w.want(t, "two")
	f.clock.Advance(7200*time.Second - 121*time.Second)
	if len(requests) != 1 {
		t.Errorf("%d requests", len(requests))
	}
	f.clock.Advance(time.Second)
	if len(requests) != 2 {
		t.Errorf("%d requests", len(requests))
	}
	w.want(t, "one")
}

// RFC 6665 4.1.2.2: a refresh that finds no subscription makes a new one, once.
func TestRefreshFindsNoSubscription(t *testing.T) {
	for _, row := range []struct {
		name    string
		script  []int // status of each SUBSCRIBE
		updates []string
	}{
		{"anew", []int{200, 481, 200, 200}, []string{"doc3", "doc4"}},
		{"anew without avail", []int{200, 481, 481}, []string{"ended sip.rejected"}},
		{"refused otherwise", []int{200, 503}, []string{"ended sip.unavailable"}},
		{"without a body", []int{200, 481, 202}, []string{"late"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var ids []string
			f, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
				ids = append(ids, in.Header("Call-ID"))
				switch code := row.script[n-1]; code {
				case 200:
					c.Send(accept(in, 900, fmt.Sprint("doc", n)))
				case 202:
					c.Send(accept(in, 900, ""))
					c.Send(notify(in, "BENOTIFY", 1, "active", "late"))
				default:
					c.Send(respond(in, code))
				}
			})
			w := newUpdates()
			subscribe(t, r, w.subscription(false), "doc1")
			f.clock.Advance(780 * time.Second)
			w.want(t, row.updates[0])
			if len(row.updates) > 1 {
				f.clock.Advance(780 * time.Second)
				w.want(t, row.updates[1:]...)
			}
			if len(ids) > 2 && (ids[0] != ids[1] || ids[1] == ids[2]) || len(ids) != len(row.script) {
				t.Errorf("dialogs %v", ids)
			}
			if strings.HasPrefix(row.updates[0], "ended") {
				f.clock.Advance(10 * time.Hour)
				w.want(t)
				if len(ids) != len(row.script) {
					t.Errorf("dialogs %v", ids)
				}
			}
		})
	}
}

// The loss of the connection is an event of the registration, not the end of a
// subscription.
func TestConnectionLostEndsSubscriptionsSilently(t *testing.T) {
	f, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		if n == 1 {
			c.Send(accept(in, 900, "one"))
			return
		}
		c.Close() // instead of answering the refresh
	})
	w, events := newUpdates(), events(r)
	subscribe(t, r, w.subscription(false), "one")
	f.clock.Advance(780 * time.Second)
	if e := next(t, events); e.Kind != sipua.Lost {
		t.Errorf("event %+v", e)
	}
	<-r.Done()
	w.want(t)
	_, err := r.Subscribe(t.Context(), w.subscription(false))
	if f := wantFailure(t, err, journal.SIPLost); errors.Unwrap(f) == nil {
		t.Errorf("nothing says why: %+v", f)
	}
}

// Unregister needs no un-SUBSCRIBE: the pool drops what hung on the
// registration.
func TestUnregisterDropsSubscriptions(t *testing.T) {
	n := 0
	f, r := scripted(t, func(c *sipwire.Conn, _ int, in *sipwire.Incoming) {
		n++
		c.Send(accept(in, 900, "one"))
	})
	w := newUpdates()
	subscribe(t, r, w.subscription(false), "one")
	if err := r.Unregister(t.Context()); err != nil {
		t.Error(err)
	}
	f.clock.Advance(24 * time.Hour)
	w.want(t)
	if n != 1 {
		t.Errorf("%d requests", n)
	}
}
