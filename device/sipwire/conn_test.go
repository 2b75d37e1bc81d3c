package sipwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
)

func TestExchange(t *testing.T) {
	got := make(chan *Incoming, 1)
	c, _ := pair(t, Config{}, Config{Handler: func(c *Conn, in *Incoming) { got <- in; answerAll(c, in) }})
	req := request(t, "OPTIONS", 1)
	req.AppendHeader(sip.NewHeader("Content-Type", "text/plain"))
	req.SetBody([]byte("a\r\n\r\nb"))
	in, err := c.Do(testContext(t), req)
	if err != nil || in.Response().StatusCode != 200 || in.Request() != nil {
		t.Fatal(in, err)
	}
	at := wait(t, got, "the request")
	if string(at.Msg.Body()) != "a\r\n\r\nb" || at.Request().From().Params.GetOr("epid", "") != "01010101aa" ||
		at.Header("content-type") != "text/plain" || at.Header("c") != "text/plain" || at.Header("Subject") != "" {
		t.Errorf("%s\n%s", at.Raw, at.Msg.Body())
	}
	stats := c.Stats()
	if stats.Sent != 1 || stats.Received != 1 || stats.Pending != 0 || stats.LastSent.IsZero() || stats.LastReceived.IsZero() {
		t.Errorf("%+v", stats)
	}
}

// 1000 BENOTIFYs in one write arrive in order and get no answer; sipgo's own
// transport gives them in any order (docs/peers.md#sipgo).
func TestOrder(t *testing.T) {
	const n = 1000
	var order []uint32
	all := make(chan struct{})
	c, peer := rawPeer(t, Config{Handler: func(c *Conn, in *Incoming) {
		answerAll(c, in)
		if order = append(order, in.Msg.CSeq().SeqNo); len(order) == n {
			close(all)
		}
	}})
	var out strings.Builder
	for i := range n {
		out.WriteString(request(t, BENOTIFY, uint32(i+1)).String())
	}
	if _, err := io.WriteString(peer, out.String()); err != nil {
		t.Fatal(err)
	}
	wait(t, all, "all of them")
	if !slices.IsSorted(order) {
		t.Error("out of order")
	}
	if sent := c.Stats().Sent; sent != 0 {
		t.Errorf("%d answers to BENOTIFY", sent)
	}
}

func TestSplitWrites(t *testing.T) {
	got := make(chan *Incoming, 2)
	_, peer := rawPeer(t, Config{Handler: func(_ *Conn, in *Incoming) { got <- in }})
	req := request(t, "MESSAGE", 1)
	req.SetBody([]byte("hello"))
	text := "\r\n\r\n" + req.String() + "\r\n\r\n" + req.String()
	for i := range len(text) {
		if _, err := io.WriteString(peer, text[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if in := wait(t, got, "a message"); string(in.Msg.Body()) != "hello" || in.Request().Method != "MESSAGE" {
			t.Errorf("%s", in.Raw)
		}
	}
}

// What breaks the framing ends the connection, once, with the reason.
func TestBrokenFramingEndsConnection(t *testing.T) {
	const small = 4096
	ok := request(t, "OPTIONS", 1).String()
	length := func(v string) string { return strings.Replace(ok, "Content-Length: 0", v, 1) }
	tests := []struct {
		name, text string
		code       journal.Code
	}{
		{"no Content-Length", length("Subject: none"), journal.SIPMalformed},
		{"negative Content-Length", length("Content-Length: -1"), journal.SIPMalformed},
		{"Content-Length no number", length("Content-Length: many"), journal.SIPMalformed},
		{"enormous Content-Length", length("Content-Length: 99999999999999999999"), journal.SIPMalformed},
		{"two Content-Lengths", length("Content-Length: 0\r\nl: 5"), journal.SIPMalformed},
		{"body over the limit", length(fmt.Sprint("Content-Length: ", small)), journal.SIPMalformed},
		{"header block over the limit", strings.Replace(ok, "Max", "X: "+strings.Repeat("x", small)+"\r\nMax", 1), journal.SIPMalformed},
		{"header block without an end", strings.Repeat("x: y\r\n", small), journal.SIPMalformed},
		{"lines that end with LF", strings.ReplaceAll(ok, "\r\n", "\n"), journal.SIPMalformed},
		{"cut in the header block", ok[:40], journal.SIPLost},
		{"cut in the body", length("Content-Length: 5") + "abc", journal.SIPLost},
		{"closed between messages", "", journal.SIPLost},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			closed := make(chan error, 2)
			_, peer := rawPeer(t, Config{MaxMessage: small, OnClose: func(_ *Conn, err error) { closed <- err }})
			go func() {
				_, _ = io.WriteString(peer, test.text)
				_ = peer.(*net.TCPConn).CloseWrite()
			}()
			wantCode(t, wait(t, closed, "OnClose"), test.code)
		})
	}
}

// A malformed request costs itself only: it is answered, the next one is handled.
func TestMalformedRequest(t *testing.T) {
	ok := request(t, "OPTIONS", 1).String()
	tests := []struct{ name, old, new, status string }{
		{"broken URI", "sip:contoso.com SIP", "nothing SIP", "400"},
		{"CSeq method differs", "CSeq: 1 OPTIONS", "CSeq: 1 INVITE", "400"},
		{"two From headers", "CSeq", "f: <sip:eve@contoso.com>\r\nCSeq", "400"},
		{"broken From", "From: <sip:kerry@contoso.com>", "From: <sip:kerry@contoso.com", "400"},
		{"other version", "SIP/2.0\r\nVia", "SIP/7.0\r\nVia", "505"},
		{"header without a colon", "Max-Forwards: 70", "Max-Forwards 70", "400"},
		{"no CSeq", "CSeq", "X-CSeq", "400"},
		{"bare line feed", "\r\nTo", "\nTo", "400"},
		{"NUL", "Max-F", "Max\x00F", "400"},
		{"quoted NUL", "From: <", "From: \"\\\x00\" <", "400"},
		{"unknown scheme", "sip:contoso.com SIP", "soap.beep://contoso.com SIP", "416"},
		{"trailing blanks", "SIP/2.0\r\nVia", "SIP/2.0  \r\nVia", "400"},
		{"headers in the URI", "sip:contoso.com SIP", "sip:contoso.com?Route=%3Csip:x%3E SIP", "400"},
		{"a name that needs quotes", "From: <", "From: Smith, Kerry <", "400"},
		{"continuation of no header", "Via", " Via", ""},
		{"no Via", "Via", "X", ""},
		{"response without a request", "OPTIONS sip:contoso.com SIP/2.0", "SIP/2.0 2000 OK", ""},
		{"ACK is never answered", "OPTIONS", "ACK", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			warned := make(chan *journal.Failure, 2)
			_, peer := rawPeer(t, Config{Handler: answerAll, OnWarning: func(_ *Conn, f *journal.Failure) { warned <- f }})
			bad := strings.Replace(ok, test.old, test.new, 1)
			if bad == ok {
				t.Fatal("the row changes nothing")
			}
			if _, err := io.WriteString(peer, bad+ok); err != nil {
				t.Fatal(err)
			}
			wantCode(t, wait(t, warned, "the warning"), journal.SIPMalformed)
			want := "SIP/2.0 200"
			if test.status != "" {
				want = "SIP/2.0 " + test.status
			}
			buffer := make([]byte, len(want))
			if _, err := io.ReadFull(peer, buffer); err != nil || string(buffer) != want {
				t.Errorf("answer %q, %v; want %q", buffer, err, want)
			}
		})
	}
}

// RFC 4475 3.1.2.3: where the next message begins is not known. The request is
// answered before the connection ends.
func TestFramingErrorIsAnswered(t *testing.T) {
	ok := request(t, "OPTIONS", 1).String()
	for length, want := range map[string]string{
		"Content-Length: 2000000":                "SIP/2.0 413 Request Entity Too Large",
		"Content-Length: -1":                     "SIP/2.0 400 Bad Request",
		"Content-Length: 0\r\nl: 1":              "SIP/2.0 400 Bad Request",
		"X: no length":                           "SIP/2.0 400 Bad Request",
		"Content-Length: 0\r\nno header\r\nl: 1": "SIP/2.0 400 Bad Request",
	} {
		closed := make(chan error, 1)
		_, peer := rawPeer(t, Config{OnClose: func(_ *Conn, err error) { closed <- err }})
		if _, err := io.WriteString(peer, strings.Replace(ok, "Content-Length: 0", length, 1)); err != nil {
			t.Fatal(err)
		}
		wantCode(t, wait(t, closed, "OnClose"), journal.SIPMalformed)
		answer, err := io.ReadAll(peer)
		if status, _, _ := strings.Cut(string(answer), "\r\n"); err != nil || status != want {
			t.Errorf("%s: %q, %v; want %s", length, answer, err, want)
		}
	}
}

func TestMalformedAnswerFailsItsRequest(t *testing.T) {
	c, peer := rawPeer(t, Config{})
	go func() {
		buffer := make([]byte, 4096)
		_, _ = peer.Read(buffer)
		res := NewResponse(request(t, "OPTIONS", 1), 200, "OK", "").String()
		_, _ = io.WriteString(peer, strings.Replace(res, "From: <sip:kerry@contoso.com>", "From: <sip:kerry@contoso.com", 1))
	}()
	_, err := c.Do(testContext(t), request(t, "OPTIONS", 1))
	wantCode(t, err, journal.SIPMalformed)
}

func TestAutomaticAnswers(t *testing.T) {
	for _, cfg := range []Config{{}, {Handler: answerAll, Methods: []string{"NOTIFY", "BENOTIFY"}}} {
		c, s := pair(t, cfg, Config{})
		_, client := associations(4, "A")
		c.Use(client)
		in, err := s.Do(testContext(t), request(t, "SERVICE", 1))
		if err != nil || in.Response().StatusCode != 405 || in.Header("Authentication-Info") == "" ||
			in.Header("Allow") != strings.Join(cfg.Methods, ", ") || in.Response().To().Params.GetOr("tag", "") == "" {
			t.Errorf("%s, %v: want a signed 405", in.Raw, err)
		}
		for _, quiet := range []string{"ACK", BENOTIFY} {
			if err := s.Send(request(t, quiet, 2)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err = s.Do(testContext(t), request(t, "SERVICE", 3)); err != nil || s.Stats().Received != 2 {
			t.Errorf("%v, %d answers, want 2", err, s.Stats().Received)
		}
	}
}

func TestCloseEvents(t *testing.T) {
	type event struct {
		conn *Conn
		err  error
	}
	events := make(chan event, 4)
	onClose := func(c *Conn, err error) { events <- event{c, err} }
	received := make(chan struct{})
	c, s := pair(t, Config{OnClose: onClose}, Config{OnClose: onClose, Handler: func(*Conn, *Incoming) { close(received) }})
	failed := make(chan error, 1)
	go func() {
		_, err := c.Do(context.Background(), request(t, "OPTIONS", 1))
		failed <- err
	}()
	wait(t, received, "the request")
	s.Close()
	s.Close()
	for range 2 {
		switch e := wait(t, events, "OnClose"); e.conn {
		case s:
			if e.err != nil {
				t.Error("this end closed, yet the reason is", e.err)
			}
		case c:
			wantCode(t, e.err, journal.SIPLost)
		}
	}
	wantCode(t, wait(t, failed, "the request to fail"), journal.SIPLost)
	wait(t, c.Done(), "Done")
	wait(t, s.Done(), "Done")
	if len(events) != 0 {
		t.Error("OnClose came twice")
	}
	if _, err := c.Do(context.Background(), request(t, "OPTIONS", 2)); err == nil {
		t.Error("a request on a lost connection")
	}
	if err := s.Ping(); !errors.Is(err, ErrClosed) {
		t.Error("ping after Close:", err)
	}
}

func TestNoAnswerInTime(t *testing.T) {
	stray := make(chan *Incoming, 1)
	asked := make(chan *sip.Request, 1)
	c, s := pair(t, Config{Handler: func(_ *Conn, in *Incoming) { stray <- in }},
		Config{Handler: func(_ *Conn, in *Incoming) { asked <- in.Request() }})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := c.Do(ctx, request(t, "OPTIONS", 1))
	wantCode(t, err, journal.SIPNoAnswer)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	// A late answer has no transaction.
	if err := s.Send(NewResponse(wait(t, asked, "the request"), 200, "OK", "")); err != nil {
		t.Fatal(err)
	}
	if in := wait(t, stray, "the late answer"); in.Response().StatusCode != 200 {
		t.Errorf("%s", in.Raw)
	}
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	if _, err = c.Do(ctx, request(t, "OPTIONS", 2)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestPendingIsBounded(t *testing.T) {
	c, _ := pair(t, Config{MaxPending: 2}, Config{Handler: func(*Conn, *Incoming) {}})
	never := func(_ *Incoming, err error) {
		if err == nil {
			t.Error("an answer to a request that has none")
		}
	}
	for _, step := range []struct {
		seq  uint32
		want error
	}{{1, nil}, {1, ErrDuplicate}, {2, nil}, {3, ErrTooMany}} {
		if _, err := c.Begin(request(t, "OPTIONS", step.seq), never); !errors.Is(err, step.want) {
			t.Errorf("request %d: %v, want %v", step.seq, err, step.want)
		}
	}
}

// Answers and requests come in wire order: what followed an answer on the wire
// is not handled before its callback has run.
func TestAnswersAndRequestsInWireOrder(t *testing.T) {
	var order []string
	all := make(chan struct{})
	c, _ := pair(t, Config{Handler: func(_ *Conn, in *Incoming) {
		if order = append(order, string(in.Request().Method)); len(order) == 5 {
			close(all)
		}
	}}, Config{Handler: func(c *Conn, in *Incoming) {
		for _, code := range []int{100, 183, 200} {
			_ = c.Send(NewResponse(in.Request(), code, "x", "tag"))
		}
		_ = c.Send(request(t, BENOTIFY, 1))
	}})
	_, err := c.Begin(request(t, "SUBSCRIBE", 1), func(in *Incoming, err error) {
		order = append(order, fmt.Sprint(in.Response().StatusCode, err))
	}, Provisional(func(in *Incoming) {
		order = append(order, fmt.Sprint(in.Response().StatusCode))
	}), Final(func(in *Incoming) {
		order = append(order, fmt.Sprint("final ", in.Response().StatusCode))
	}))
	if err != nil {
		t.Fatal(err)
	}
	wait(t, all, "all")
	if want := []string{"100", "183", "final 200", "200 <nil>", BENOTIFY}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

func TestPeerThatReadsNothing(t *testing.T) {
	closed := make(chan error, 1)
	c, _ := rawPeer(t, Config{WriteTimeout: 20 * time.Millisecond, OnClose: func(_ *Conn, err error) { closed <- err }})
	req := request(t, "MESSAGE", 1)
	req.SetBody(make([]byte, 512<<10))
	var err error
	for range 200 { // more than the kernel buffers
		if err = c.Send(req); err != nil {
			break
		}
	}
	wantCode(t, err, journal.SIPLost)
	wantCode(t, wait(t, closed, "OnClose"), journal.SIPLost)
}

func TestPeerThatStallsInsideAMessage(t *testing.T) {
	closed := make(chan error, 1)
	_, peer := rawPeer(t, Config{ReadTimeout: 20 * time.Millisecond, OnClose: func(_ *Conn, err error) { closed <- err }})
	if _, err := io.WriteString(peer, "OPTIONS sip:contoso.com"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, wait(t, closed, "OnClose"), journal.SIPLost)
}

func TestKeepAlive(t *testing.T) {
	now := time.Date(2009, 5, 18, 17, 6, 40, 0, time.UTC)
	c, peer := rawPeer(t, Config{Now: func() time.Time { return now }})
	if err := c.Ping(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4)
	if _, err := io.ReadFull(peer, buffer); err != nil || string(buffer) != "\r\n\r\n" {
		t.Errorf("%q, %v", buffer, err)
	}
	if !c.LastSent().Equal(now) || c.Stats().Sent != 0 {
		t.Errorf("%+v", c.Stats())
	}
}

func TestTapIsRedacted(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	tap := func(sent bool, raw []byte) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(sent)+" "+string(raw))
	}
	c, _ := pair(t, Config{Tap: tap}, Config{Handler: answerAll})
	client, _ := associations(4, "A")
	if _, err := c.Authenticate(testContext(t), request(t, "REGISTER", 1), client, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2 || !strings.HasPrefix(seen[0], "true REGISTER ") || !strings.HasPrefix(seen[1], "false SIP/2.0 200 ") ||
		!strings.Contains(seen[0], `gssapi-data="…"`) || !strings.Contains(seen[0], `response="0100`) {
		t.Errorf("%q", seen)
	}
}
