package sipua_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

func codeOf(err error) string { return string(journal.FailureOf(err).Code) }

// docs/protocol/sip-services.md#provisioning-request,
// docs/protocol/presence.md#self-subscription: what goes out.
func TestSubscriptionOnTheWire(t *testing.T) {
	var seen []*sipwire.Incoming
	_, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		seen = append(seen, in)
		c.Send(accept(in, 0, "doc"))
	})
	reply := subscribe(t, r, newUpdates().subscription(true), "doc")
	if reply.ContentType != "text/x" || reply.Reason != "Reason" || !strings.HasPrefix(reply.Text, "200 Reason, 3 bytes of text/x") {
		t.Errorf("reply %+v", reply)
	}
	in := seen[0]
	got := fmt.Sprint(in.Request().Method, " ", in.Request().Recipient.String(), in.Headers("Supported"), in.Headers("Proxy-Require"), in.Headers("Event"), in.Headers("Accept"),
		in.Headers("Expires"), in.Headers("Content-Type"), in.Headers("Max-Forwards"), string(in.Msg.Body()))
	want := "SUBSCRIBE sip:tu@contoso.com[com.microsoft.autoextend ms-benotify ms-piggyback-first-notify] [ms-benotify] [x] [text/x] [0] [text/list] [70]list"
	if got != want {
		t.Errorf("sent\n%s, want\n%s", got, want)
	}
	from := in.Header("From")
	if in.Header("To") != "<sip:tu@contoso.com>" || !strings.Contains(from, "epid=01010101") || !strings.Contains(from, ";tag=") ||
		in.Header("User-Agent") == "" || in.Header("Contact") == "" || len(sipwire.Auths(in.Msg, "Authorization")) != 1 {
		t.Errorf("sent\n%s", in.Raw)
	}
}

// docs/protocol/sip-services.md#provisioning-answer: the first notification rides
// in the 200, or follows it, or is faster; it may end the subscription.
func TestFirstNotification(t *testing.T) {
	for _, row := range []struct {
		name   string
		once   bool
		script func(c *sipwire.Conn, in *sipwire.Incoming)
		later  []string // updates after the first
	}{
		{"piggybacked", false, func(c *sipwire.Conn, in *sipwire.Incoming) { c.Send(accept(in, 900, "one")) }, nil},
		{"a query, piggybacked", true, func(c *sipwire.Conn, in *sipwire.Incoming) { c.Send(accept(in, 0, "one")) }, nil},
		{"BENOTIFY after the 200", false, func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 900, ""))
			c.Send(notify(in, "BENOTIFY", 1, "active;expires=900", "one"))
		}, nil},
		{"a query, BENOTIFY after the 200", true, func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 0, ""))
			c.Send(notify(in, "BENOTIFY", 1, "terminated;expires=0", "one"))
		}, nil},
		{"before the 200", false, func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(notify(in, "BENOTIFY", 1, "active", "one"))
			c.Send(accept(in, 900, ""))
			c.Send(notify(in, "BENOTIFY", 2, "active", "two"))
		}, []string{"two"}},
		{"a query, before the 200", true, func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(notify(in, "BENOTIFY", 1, "terminated", "one"))
			c.Send(accept(in, 0, ""))
		}, nil},
		{"right behind the piggybacked one", false, func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 900, "one"))
			for i := range 20 {
				c.Send(notify(in, "BENOTIFY", uint32(2+i), "active", fmt.Sprint(i)))
			}
		}, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19"}},
		{"and the last", false, func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 900, ""))
			c.Send(notify(in, "BENOTIFY", 1, "terminated;reason=timeout", "one"))
		}, []string{"ended sip.lost"}},
		{"empty", false, func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 900, ""))
			c.Send(notify(in, "BENOTIFY", 1, "active", ""))
			c.Send(notify(in, "BENOTIFY", 2, "active", "two"))
		}, []string{"two"}},
		{"without a lifetime", false, func(c *sipwire.Conn, in *sipwire.Incoming) {
			res := respond(in, 200, "Content-Type: text/x")
			res.SetBody([]byte("one"))
			c.Send(res)
		}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, r := scripted(t, func(c *sipwire.Conn, _ int, in *sipwire.Incoming) { row.script(c, in) })
			w := newUpdates()
			first := "one"
			if row.name == "empty" {
				first = ""
			}
			subscribe(t, r, w.subscription(row.once), first)
			w.want(t, row.later...)
		})
	}
}

func TestSubscriptionRefused(t *testing.T) {
	for _, row := range []struct {
		status  int
		headers []string
		code    journal.Code
		text    string
	}{
		{302, nil, journal.SIPRejected, "302"},
		{401, []string{`WWW-Authenticate: NTLM realm="R"`}, journal.SIPRejected, "401"},
		{403, nil, journal.SIPForbidden, "forbids"},
		{404, nil, journal.SIPUnknownUser, "does not know"},
		{406, nil, journal.SIPRejected, "in a format"},
		{485, nil, journal.SIPRejected, "485"},
		{489, []string{"Allow-Events: y"}, journal.SIPRejected, "does not offer"},
		{503, []string{"Retry-After: 7", `ms-diagnostics: 5000;reason="down"`}, journal.SIPUnavailable, "cannot serve"},
	} {
		t.Run(fmt.Sprint(row.status), func(t *testing.T) {
			_, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
				if n == 1 {
					c.Send(respond(in, row.status, row.headers...))
					return
				}
				c.Send(accept(in, 900, "one"))
			})
			w := newUpdates()
			_, err := r.Subscribe(t.Context(), w.subscription(false))
			f := wantFailure(t, err, row.code)
			var no *sipua.Refused
			if !errors.As(err, &no) || no.Status != row.status || no.Reason != "Reason" {
				t.Errorf("refused with %+v", no)
			}
			if !strings.Contains(f.What, row.text) || !strings.Contains(f.What, " x") || f.Asked != "SUBSCRIBE, event x" || f.Fix == "" {
				t.Errorf("%+v", f)
			}
			if row.status == 503 && !strings.Contains(f.Answered, "5000 down; Retry-After: 7") || row.status == 489 && len(f.Details) == 0 {
				t.Errorf("details %v, answered %q", f.Details, f.Answered)
			}
			w.want(t)
			subscribe(t, r, w.subscription(false), "one") // a refusal costs nothing else
		})
	}
}

// What comes instead of an answer or of the first notification.
func TestSubscriptionUnanswered(t *testing.T) {
	silence := func(*sipwire.Conn, *sipwire.Incoming) {}
	for _, row := range []struct {
		name   string
		script func(c *sipwire.Conn, in *sipwire.Incoming)
		code   journal.Code
	}{
		{"silence", silence, journal.SIPNoAnswer},
		{"accepted, then silence", func(c *sipwire.Conn, in *sipwire.Incoming) { c.Send(accept(in, 900, "")) }, journal.SIPNoAnswer},
		{"connection lost", func(c *sipwire.Conn, in *sipwire.Incoming) { c.Close() }, journal.SIPLost},
		{"accepted, then connection lost", func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 900, ""))
			c.Close()
		}, journal.SIPLost},
		{"accepted, then signed out", func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 900, ""))
			c.Send(notify(in, "BENOTIFY", 1, "terminated", "deregistered;event=rejected", "Event: registration"))
		}, journal.SIPLost},
		{"too large", func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 900, strings.Repeat("x", 512<<10+1)))
		}, journal.SIPMalformed},
		{"too large in a BENOTIFY", func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 900, ""))
			c.Send(notify(in, "BENOTIFY", 1, "active", strings.Repeat("x", 512<<10+1)))
		}, journal.SIPMalformed},
		{"ended before a word", func(c *sipwire.Conn, in *sipwire.Incoming) {
			c.Send(accept(in, 900, ""))
			c.Send(notify(in, "BENOTIFY", 1, "terminated;reason=rejected", ""))
		}, journal.SIPRejected},
		{"granted nothing", func(c *sipwire.Conn, in *sipwire.Incoming) { c.Send(accept(in, 0, "")) }, journal.SIPLost},
		{"no usable answer", func(c *sipwire.Conn, in *sipwire.Incoming) {
			req := in.Request()
			c.SendRaw(fmt.Appendf(nil, "SIP/2.0 200 OK\r\nVia: x\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d SUBSCRIBE\r\nContent-Length: 0\r\n\r\n",
				in.Header("From"), in.Header("To"), req.CallID().Value(), req.CSeq().SeqNo))
		}, journal.SIPMalformed},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, r := scripted(t, func(c *sipwire.Conn, _ int, in *sipwire.Incoming) { row.script(c, in) }, func(c *sipua.Config) {
				if row.code == journal.SIPNoAnswer {
					c.Profile.AnswerTimeout = 100 * time.Millisecond
				}
			})
			w := newUpdates()
			_, err := r.Subscribe(t.Context(), w.subscription(row.name == "too large"))
			wantFailure(t, err, row.code)
			w.want(t)
		})
	}
}

// ctx ends the wait, before and after the 200.
func TestSubscriptionGivenUp(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		var request *sipwire.Incoming
		_, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
			if n == 1 {
				request = in
				if accepted {
					c.Send(accept(in, 900, ""))
				}
				cancel()
				return
			}
			c.Send(notify(request, "BENOTIFY", 1, "active", "late")) // before the answer, so it is read first
			c.Send(accept(in, 900, "one"))
		})
		w := newUpdates()
		if _, err := r.Subscribe(ctx, w.subscription(false)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		subscribe(t, r, w.subscription(false), "one")
		w.want(t)
		r.Close()
		if _, err := r.Subscribe(t.Context(), w.subscription(false)); !errors.Is(err, sipwire.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// Twenty at once, each with its own dialog; then there are too many.
func TestManySubscriptionsAtOnce(t *testing.T) {
	_, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		c.Send(accept(in, 900, in.Header("Event")))
		c.Send(notify(in, "BENOTIFY", 2, "active", "later "+in.Header("Event")))
	})
	open := func(i int) error {
		w := newUpdates()
		s := w.subscription(false)
		s.Event = fmt.Sprint("x", i)
		reply, err := r.Subscribe(t.Context(), s)
		if err != nil {
			return err
		}
		if got := string(reply.Body) + <-w; got != s.Event+"later "+s.Event {
			return fmt.Errorf("%s got %q", s.Event, got)
		}
		return nil
	}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if err := open(i); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := 20; i < 32; i++ {
		if err := open(i); err != nil {
			t.Error(err)
		}
	}
	wantFailure(t, open(32), journal.Internal)
}

// RFC 3261 22.2: a registrar may challenge every request; its realm is answered
// once.
func TestRegistrarChallengesSubscription(t *testing.T) {
	for realm, want := range map[string]int{"r": 200, "other": 401} {
		var seen []string
		f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
			auth := sipwire.Auths(in.Msg, "Authorization")
			switch {
			case in.Request().Method == sip.REGISTER && len(auth) == 0:
				c.Send(respond(in, 401, `WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"`))
			case in.Request().Method == sip.REGISTER:
				c.Send(respond(in, 200, "Expires: 7200"))
			case len(auth) == 0:
				seen = append(seen, in.Header("Supported")+in.Header("Proxy-Require"))
				c.Send(respond(in, 401, `WWW-Authenticate: Digest realm="`+realm+`", nonce="m", qop="auth"`))
			default:
				seen = append(seen, auth[0].Get("nonce")+" "+auth[0].Get("uri"))
				c.Send(accept(in, 900, "one"))
			}
		})
		f.phone.Registrar = true
		r, err := f.register()
		if err != nil {
			t.Fatal(err)
		}
		reply, err := r.Subscribe(t.Context(), newUpdates().subscription(false))
		var no *sipua.Refused
		if errors.As(err, &no) {
			reply = no.Reply
		}
		if reply.Status != want || want == 200 && fmt.Sprint(seen) != "[ m sip:tu@contoso.com]" || want != 200 && len(seen) != 1 {
			t.Errorf("realm %s: %d %v, %v", realm, reply.Status, err, seen)
		}
	}
}

// RFC 6665 4.1.2.3: Stop sends Expires: 0 in the dialog, and Notify is not called
// after that; once is enough.
func TestASubscriptionCanBeStopped(t *testing.T) {
	ended := make(chan string, 4)
	var c *sipwire.Conn
	var first *sipwire.Incoming
	_, r := scripted(t, func(conn *sipwire.Conn, n int, in *sipwire.Incoming) {
		if n == 1 {
			c, first = conn, in
			conn.Send(accept(in, 900, "one"))
			return
		}
		ended <- fmt.Sprint(in.Request().Method, in.Headers("Expires"), in.Request().CallID().Value() == first.Request().CallID().Value(), in.Request().To().Params.GetOr("tag", ""))
		c.Send(notify(first, "BENOTIFY", 2, "terminated", "last"))
		conn.Send(accept(in, 0, ""))
	})
	w := newUpdates()
	reply := subscribe(t, r, w.subscription(false), "one")
	reply.Stop()
	reply.Stop()
	if got, want := <-ended, "SUBSCRIBE[0] trueserver"; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	if _, err := r.Service(t.Context(), "", "", "", nil); err != nil { // all before it has been read
		t.Error(err)
	}
	w.want(t)
	if got := len(ended); got != 1 {
		t.Errorf("%d more requests, want the service alone", got)
	}
	if reply, err := r.Service(t.Context(), "", "", "", nil); err != nil || reply.Stop != nil {
		t.Errorf("a service can be stopped: %v", err)
	}
}
