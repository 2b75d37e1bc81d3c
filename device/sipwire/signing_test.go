package sipwire

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
)

// registrar is the server end of an NTLM handshake, password check left out.
func registrar(t *testing.T, version int, states chan<- Signature) func(*Conn, *Incoming) {
	opaque := 0
	return func(c *Conn, in *Incoming) {
		req := in.Request()
		auth := Auths(req, "Authorization")
		switch {
		case len(auth) == 0:
			res := NewResponse(req, 401, "Unauthorized", "")
			opaque++
			challenge := Auth{Scheme: "NTLM", Params: []Param{{Name: "opaque", Value: fmt.Sprint(opaque)}}}
			res.AppendHeader(sip.NewHeader("WWW-Authenticate", challenge.String()))
			_ = c.Send(res)
		case auth[0].Has("gssapi-data"):
			token, err := base64.StdEncoding.DecodeString(auth[0].Get("gssapi-data"))
			if err != nil || string(token) != "right" {
				_ = c.Send(NewResponse(req, 401, "Unauthorized", ""))
				return
			}
			_, a := associations(version, auth[0].Get("opaque"))
			states <- a.Verify(in)
			c.Use(a)
			_ = c.Send(NewResponse(req, 200, "OK", ""))
		default:
			states <- in.Signature
			answerAll(c, in)
		}
	}
}

func TestHandshake(t *testing.T) {
	for _, version := range []int{2, 3, 4} {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			states := make(chan Signature, 8)
			c, s := pair(t, Config{RequireSigned: true, Handler: answerAll}, Config{Handler: registrar(t, version, states)})
			do := func(in *Incoming, err error) *Incoming {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				return in
			}
			seq := uint32(0)
			login := func(token string) *Incoming {
				seq += 2
				first := do(c.Do(testContext(t), request(t, "REGISTER", seq), Plain()))
				client, _ := associations(version, Auths(first.Msg, "WWW-Authenticate")[0].Get("opaque"))
				return do(c.Authenticate(testContext(t), request(t, "REGISTER", seq+1), client, []byte(token)))
			}
			if in := login("wrong"); in.Response().StatusCode != 401 || c.Stats().Signed {
				t.Fatalf("%s", in.Raw)
			}
			in := login("right")
			if in.Response().StatusCode != 200 || in.Signature != Valid || !c.Stats().Signed {
				t.Fatalf("%v\n%s", in.Signature, in.Raw)
			}
			first := in.By
			if want := map[bool]Signature{true: Valid, false: Unsigned}[version == 4]; wait(t, states, "state") != want {
				t.Error("the last REGISTER should be", want)
			}
			if in := do(c.Do(testContext(t), request(t, "SUBSCRIBE", 100))); in.Signature != Valid || wait(t, states, "state") != Valid {
				t.Errorf("%s", in.Raw)
			}
			if in := do(s.Do(testContext(t), request(t, "NOTIFY", 1))); in.Signature != Valid || in.By == nil {
				t.Errorf("a client's answer: %s", in.Raw)
			}
			// A new handshake that fails leaves the old association.
			if in := login("wrong"); in.Response().StatusCode != 401 {
				t.Errorf("%s", in.Raw)
			}
			if in := do(c.Do(testContext(t), request(t, "SUBSCRIBE", 101))); in.By != first {
				t.Error("signed by another association")
			}
			// One that succeeds takes its place.
			if in := login("right"); in.Signature != Valid || in.By == first {
				t.Error("not signed by the new association")
			}
		})
	}
}

// What the server signed with the old association while the new one was made
// still counts.
func TestOldAssociationKeepsVerifying(t *testing.T) {
	got := make(chan *Incoming, 1)
	c, s := pair(t, Config{RequireSigned: true, Handler: func(_ *Conn, in *Incoming) { got <- in }}, Config{})
	oldC, oldS := associations(4, "old")
	newC, newS := associations(4, "new")
	c.Use(oldC)
	c.Use(newC)
	for _, step := range []struct{ sender, by *Association }{{oldS, oldC}, {newS, newC}, {oldS, oldC}} {
		s.Use(step.sender)
		if err := s.Send(request(t, BENOTIFY, 1)); err != nil {
			t.Fatal(err)
		}
		if in := wait(t, got, "the message"); in.By != step.by {
			t.Errorf("verified by %p, want %p", in.By, step.by)
		}
	}
}

// docs/protocol/sip-connection.md#which-messages-are-signed, the client's rule.
func TestUnsignedAtClient(t *testing.T) {
	answer := func(method string, code int) func(*testing.T, *Conn) {
		return func(t *testing.T, s *Conn) {
			_ = s.Send(NewResponse(request(t, method, 1), code, "x", "tag"), Plain())
		}
	}
	tests := []struct {
		name    string
		send    func(*testing.T, *Conn)
		dropped bool
	}{
		{"request", func(t *testing.T, s *Conn) { _ = s.Send(request(t, BENOTIFY, 1), Plain()) }, true},
		{"final answer", answer("SUBSCRIBE", 200), true},
		{"refusal", answer("SUBSCRIBE", 403), true},
		{"provisional answer", answer("INVITE", 180), false},
		{"401", answer("SUBSCRIBE", 401), false},
		{"407", answer("SUBSCRIBE", 407), false},
		{"answer to REGISTER", answer("REGISTER", 200), false},
		{"signed request", func(t *testing.T, s *Conn) { _ = s.Send(request(t, BENOTIFY, 1)) }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			warned, got := make(chan *journal.Failure, 1), make(chan *Incoming, 2)
			c, s := pair(t, Config{RequireSigned: true,
				Handler:   func(_ *Conn, in *Incoming) { got <- in },
				OnWarning: func(_ *Conn, f *journal.Failure) { warned <- f },
			}, Config{})
			client, server := associations(4, "A")
			c.Use(client)
			s.Use(server)
			test.send(t, s)
			if err := s.Send(request(t, "OPTIONS", 77)); err != nil { // the connection goes on
				t.Fatal(err)
			}
			if test.dropped {
				wantCode(t, wait(t, warned, "the warning"), journal.AuthServer)
			} else if in := wait(t, got, "the message"); in.Msg.CSeq().SeqNo != 1 {
				t.Errorf("%s", in.Raw)
			}
			if in := wait(t, got, "the next message"); in.Msg.CSeq().SeqNo != 77 || in.Signature != Valid {
				t.Errorf("%s", in.Raw)
			}
		})
	}
}

func TestInvalidSignatureEndsConnectionAtClient(t *testing.T) {
	closed := make(chan error, 1)
	c, s := pair(t, Config{RequireSigned: true, OnClose: func(_ *Conn, err error) { closed <- err },
		Handler: func(*Conn, *Incoming) { t.Error("handled") }}, Config{})
	client, server := associations(4, "A")
	server.Session = clientKeys() // not the server's keys
	c.Use(client)
	s.Use(server)
	if err := s.Send(request(t, BENOTIFY, 1)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, wait(t, closed, "OnClose"), journal.AuthServer)
}

func TestRepeatedMessageEndsConnectionAtClient(t *testing.T) {
	closed := make(chan error, 1)
	c, s := pair(t, Config{RequireSigned: true, OnClose: func(_ *Conn, err error) { closed <- err }}, Config{})
	client, server := associations(4, "A")
	again := NewAssociation(server.AssociationConfig) // its numbers begin again
	c.Use(client)
	s.Use(server)
	for _, by := range []*Association{server, again} {
		s.Use(by)
		if err := s.Send(request(t, BENOTIFY, 1)); err != nil {
			t.Fatal(err)
		}
	}
	err := wait(t, closed, "OnClose")
	wantCode(t, err, journal.SIPLost)
	if !strings.Contains(err.Error(), "repeated message") {
		t.Error(err)
	}
}

func TestServerSeesSignatureStates(t *testing.T) {
	got := make(chan *Incoming, 1)
	c, s := pair(t, Config{}, Config{Handler: func(_ *Conn, in *Incoming) { got <- in }})
	client, server := associations(4, "A")
	expired, _ := associations(4, "expired")
	s.Use(server)
	for _, step := range []struct {
		name string
		by   *Association
		want Signature
	}{{"none", nil, Unsigned}, {"known", client, Valid}, {"unknown opaque", expired, Invalid}} {
		c.Use(step.by)
		if err := c.Send(request(t, "ACK", 1)); err != nil { // ACK is signed too
			t.Fatal(err)
		}
		in := wait(t, got, step.name)
		if in.Signature != step.want || (in.By == server) != (step.want == Valid) {
			t.Errorf("%s: %v by %p", step.name, in.Signature, in.By)
		}
	}
}

func TestServerLeavesProvisionalAndChallengesUnsigned(t *testing.T) {
	client, server := associations(4, "A")
	for code, want := range map[int]bool{100: false, 183: false, 401: false, 407: false, 200: true, 403: true} {
		in := parsed(t, NewResponse(request(t, "OPTIONS", 1), code, "x", "tag").String())
		if server.signs(&in.block) != want {
			t.Errorf("%d: signed %v", code, !want)
		}
		if !client.signs(&in.block) {
			t.Errorf("a client signs everything, %d too", code)
		}
	}
}

// Many goroutines send at once: numbers are drawn in wire order, or the
// server would call them repeated.
func TestConcurrentSigning(t *testing.T) {
	var mu sync.Mutex
	count := map[Signature]int{}
	c, s := pair(t, Config{RequireSigned: true, Handler: answerAll}, Config{Handler: func(c *Conn, in *Incoming) {
		mu.Lock()
		count[in.Signature]++
		mu.Unlock()
		answerAll(c, in)
	}})
	client, server := associations(4, "A")
	c.Use(client)
	s.Use(server)
	const workers, each = 8, 25
	ctx := testContext(t)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range each {
				seq := uint32(w*each + i)
				if in, err := c.Do(ctx, request(t, "MESSAGE", seq)); err != nil || in.Response().CSeq().SeqNo != seq {
					t.Error(in, err)
				}
				if in, err := s.Do(ctx, request(t, "NOTIFY", seq)); err != nil || in.Signature != Valid {
					t.Error(in, err)
				}
				if err := c.Ping(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if count[Valid] != workers*each || len(count) != 1 {
		t.Error(count)
	}
}
