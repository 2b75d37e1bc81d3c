package sipua_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

// pings counts the keep-alives that are written.
type pings struct {
	net.Conn
	mu sync.Mutex
	n  int
}

func (p *pings) Write(b []byte) (int, error) {
	if bytes.Equal(b, []byte("\r\n\r\n")) {
		p.mu.Lock()
		p.n++
		p.mu.Unlock()
	}
	return p.Conn.Write(b)
}

func (p *pings) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

// docs/protocol/sip-connection.md#keep-alive: CRLFCRLF when nothing was sent for the agreed time.
func TestKeepAlive(t *testing.T) {
	w := newWorld(t, nil) // timeout=300
	p := &pings{Conn: w.dial(t)}
	r, err := sipua.Register(context.Background(), p, candidate, w.phone)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		r.Close()
		<-r.Done()
	}()
	at := func(d time.Duration, want int) {
		t.Helper()
		w.clock.Advance(d)
		if got := p.count(); got != want {
			t.Errorf("at %v: %d keep-alives, want %d", w.clock.Now().Sub(start), got, want)
		}
	}
	at(299*time.Second, 0)
	at(time.Second, 1)
	at(100*time.Second, 1)
	req, err := sipwire.NewRequest(sipwire.RequestConfig{Method: "OPTIONS", URI: "sip:contoso.com", Via: "127.0.0.1:1", From: "<sip:tu@contoso.com>;tag=1", To: "<sip:contoso.com>", CallID: "x", CSeq: 1})
	if err != nil {
		t.Fatal(err)
	}
	if in, err := r.Conn().Do(context.Background(), req); err != nil || in.Response().StatusCode != 200 || in.Signature != sipwire.Valid {
		t.Fatalf("OPTIONS: %v %v", in, err)
	}
	at(299*time.Second, 1) // a message counts as well
	at(time.Second, 2)
	w.clock.Set(start.AddDate(1, 0, 0)) // a corrected clock is no silence of a year
	at(300*time.Second, 3)
	w.clock.Set(start)
	at(600*time.Second, 5)
}

func TestKeepAliveAsTheServerSays(t *testing.T) {
	for _, row := range []struct {
		name, header string
		want         int // keep-alives in ten minutes
	}{
		{"no word", "X: y", 10}, // the profile's 60 s
		{"timeout", "ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=120", 5},
		{"without blanks", "ms-keep-alive: UAS;hop-hop=yes;timeout=\"120\"", 5},
		{"refused", "ms-keep-alive: UAS;hop-hop=no;timeout=120", 0},
		{"absurd", "ms-keep-alive: UAS;hop-hop=yes;timeout=0", 10},
		{"no number", "ms-keep-alive: UAS;hop-hop=yes;timeout=-1", 10},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) { c.Send(respond(in, 200, row.header)) })
			f.phone.Registrar = true
			p := &pings{Conn: f.Conn}
			f.Conn = p
			if _, err := f.register(); err != nil {
				t.Fatal(err)
			}
			f.clock.Advance(10 * time.Minute)
			if p.count() != row.want {
				t.Errorf("%d keep-alives, want %d", p.count(), row.want)
			}
		})
	}
}

func TestRefreshInTimeForAnyLifetime(t *testing.T) {
	for _, row := range []struct {
		name    string
		headers []string
		after   time.Duration
	}{
		{"hours", []string{"Expires: 7200"}, 7170 * time.Second},
		{"four margins", []string{"Expires: 120"}, 90 * time.Second},
		{"a minute", []string{"Expires: 60"}, 45 * time.Second},
		{"a second", []string{"Expires: 1"}, time.Second},
		{"not said", nil, 3570 * time.Second},
		{"no number", []string{"Expires: soon"}, 3570 * time.Second},
		{"too large", []string{"Expires: 4294967295", "ms-keep-alive: UAS;hop-hop=no"}, 366*24*time.Hour - 30*time.Second},
		{"the Contact's wins", []string{"Expires: 7200", `Contact: <sip:a@127.0.0.1>;expires=10, <sip:b@127.0.0.1>;expires=60;+sip.instance="<urn:uuid:4B1682A8-F968-5701-83FC-7C6741DC6697>"`}, 45 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) { c.Send(respond(in, 200, row.headers...)) })
			f.phone.Registrar = true
			r, err := f.register()
			if err != nil {
				t.Fatal(err)
			}
			events := events(r)
			f.clock.Advance(row.after - time.Millisecond)
			none(t, events)
			f.clock.Advance(time.Millisecond)
			if e := next(t, events); e.Kind != sipua.Refreshed {
				t.Errorf("event %+v", e)
			}
		})
	}
}

// The phone answers the requests of the server that it supports and refuses the rest.
func TestRequestsOfTheServer(t *testing.T) {
	for _, row := range []struct {
		method, to, event, body string
		header                  string // of the request
		handled                 bool
		want                    int    // 0: never answered
		says                    string // header of the answer
	}{
		{method: "OPTIONS", want: 200, says: "Allow: OPTIONS, NOTIFY, BENOTIFY"},
		{method: "OPTIONS", header: "Require: foo, MS-Benotify, bar", want: 420, says: "Unsupported: foo, bar"}, // RFC 3261 8.2.2.3
		{method: "OPTIONS", header: "Proxy-Require: foo", want: 200, says: "Supported: gruu-10, adhoclist, " +
			"msrtc-event-categories, ms-forking, com.microsoft.autoextend, ms-benotify, ms-piggyback-first-notify"}, // RFC 3261 20.29: for proxies
		{method: "OPTIONS", header: "Content-Type: text/plain", body: "x", want: 415, says: "Accept: "}, // RFC 3261 8.2.3
		{method: "OPTIONS", header: "Content-Encoding: gzip", body: "x", want: 415, says: "Accept-Encoding: identity"},
		{method: "NOTIFY", event: "registration", header: "Require: foo", body: "deregistered;event=rejected", want: 420, says: "Unsupported: foo"},
		{method: "BENOTIFY", event: "registration", header: "Require: foo", body: "deregistered;event=rejected"},
		{method: "INVITE", header: "Require: 100rel", want: 405, says: "Allow: OPTIONS, NOTIFY, BENOTIFY"}, // RFC 3261 8.2.1
		{method: "ACK", header: "Require: foo"},
		{method: "INVITE", want: 405},
		{method: "INVITE", handled: true, want: 603},
		{method: "MESSAGE", want: 405},
		{method: "BYE", to: ";tag=x", want: 481},
		{method: "CANCEL", want: 481},
		{method: "NOTIFY", event: "presence", want: 481},
		{method: "NOTIFY", event: "registration", body: "what", want: 481},
		{method: "NOTIFY", event: "Registration;id=1", body: "Deregistered; event=\"rejected\"", want: 200},
		{method: "BENOTIFY", event: "presence"},
		{method: "ACK"},
	} {
		t.Run(fmt.Sprintf("%s %s handled %v %s", row.method, row.event, row.handled, row.header), func(t *testing.T) {
			var server *sipwire.Conn
			f := newFake(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
				server = c
				if !strings.Contains(in.Header("Contact"), `;methods="OPTIONS, NOTIFY, BENOTIFY";`) { // the same as Allow
					t.Errorf("Contact: %s", in.Header("Contact"))
				}
				c.Send(respond(in, 200))
			})
			f.phone.Registrar = true
			f.phone.Handler = func(c *sipwire.Conn, in *sipwire.Incoming) bool {
				if row.handled {
					c.Answer(in.Request(), sipwire.NewResponse(in.Request(), 603, "Decline", ""))
				}
				return row.handled
			}
			if _, err := f.register(); err != nil {
				t.Fatal(err)
			}
			ask := func(method string, cseq uint32) (*sipwire.Incoming, error) {
				config := sipwire.RequestConfig{Method: method, URI: "sip:tu@127.0.0.1", Via: "127.0.0.1:5061", From: "<sip:contoso.com>;tag=s", To: "<sip:tu@contoso.com>" + row.to,
					CallID: "ask", CSeq: cseq, Body: []byte(row.body)}
				if row.event != "" {
					config.Headers = []sipwire.Header{{Name: "Event", Value: row.event}}
				}
				if name, value, ok := strings.Cut(row.header, ": "); ok && cseq == 1 {
					config.Headers = append(config.Headers, sipwire.Header{Name: name, Value: value})
				}
				if cseq > 1 {
					config.Body = nil
				}
				req, err := sipwire.NewRequest(config)
				if err != nil {
					t.Fatal(err)
				}
				if row.want == 0 && method == row.method {
					return nil, server.Send(req)
				}
				return server.Do(context.Background(), req)
			}
			in, err := ask(row.method, 1)
			if err != nil {
				t.Fatal(err)
			}
			if row.want > 0 {
				if got := in.Response().StatusCode; got != row.want {
					t.Errorf("answered %d, want %d", got, row.want)
				}
				if name, value, ok := strings.Cut(row.says, ": "); ok && in.Header(name) != value {
					t.Errorf("%s: %q, want %q", name, in.Header(name), value)
				}
				return
			}
			received := server.Stats().Received
			if _, err := ask("OPTIONS", 2); err != nil { // the phone lives, and answers that alone
				t.Fatal(err)
			}
			if n := server.Stats().Received - received; n != 1 {
				t.Errorf("%d answers", n)
			}
		})
	}
}
