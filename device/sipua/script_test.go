package sipua_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

// scripted is a pool that signs; its answers to all requests but REGISTER a test
// writes: n counts them from 1 on.
func scripted(t testing.TB, script func(c *sipwire.Conn, n int, in *sipwire.Incoming), set ...func(*sipua.Config)) (*fake, *sipua.Registration) {
	t.Helper()
	n := 0
	f := newFake(t, (&ntlmServer{version: 4, last: func(c *sipwire.Conn, in *sipwire.Incoming) {
		if in.Request().Method == sip.REGISTER {
			c.Send(respond(in, 200, "Expires: 86400"))
			return
		}
		n++
		script(c, n, in)
	}}).answer())
	f.phone.Profile.AssociationLifetime = 24 * time.Hour
	for _, change := range set {
		change(&f.phone)
	}
	r, err := f.register()
	if err != nil {
		t.Fatal(err)
	}
	return f, r
}

// notify makes a notification in the dialog of the SUBSCRIBE in; headers may
// name another Event.
func notify(in *sipwire.Incoming, method string, cseq uint32, state, body string, headers ...string) *sip.Request {
	req := in.Request()
	c := sipwire.RequestConfig{Method: method, URI: "sip:tu@127.0.0.1", Via: "127.0.0.1:5061", CallID: req.CallID().Value(), CSeq: cseq,
		From: "<sip:tu@contoso.com>;tag=server", To: "<sip:tu@contoso.com>;tag=" + req.From().Params.GetOr("tag", ""), Body: []byte(body),
		Headers: []sipwire.Header{{Name: "Content-Type", Value: "text/x"}, {Name: "Subscription-State", Value: state}}}
	if len(headers) == 0 {
		headers = []string{"Event: " + in.Header("Event")}
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		c.Headers = append(c.Headers, sipwire.Header{Name: name, Value: value})
	}
	out, err := sipwire.NewRequest(c)
	if err != nil {
		panic(err)
	}
	return out
}

// accept answers a SUBSCRIBE; a body rides in the answer.
func accept(in *sipwire.Incoming, expires int, body string) *sip.Response {
	res := respond(in, 200, fmt.Sprintf("Expires: %d", expires), "Contact: <sip:fe1.contoso.com:5061;transport=tls>", "Event: "+in.Header("Event"))
	if body != "" {
		res.AppendHeader(sip.NewHeader("ms-piggyback-cseq", "1"))
		res.AppendHeader(sip.NewHeader("Content-Type", "text/x"))
		res.SetBody([]byte(body))
	}
	return res
}

// updates are the calls of a subscription's Notify and Ended in order: bodies, then
// "ended" with the code.
type updates chan string

func (w updates) subscription(once bool) sipua.Subscription {
	return sipua.Subscription{Event: "x", Accept: "text/x", ContentType: "text/list", Body: []byte("list"), Once: once,
		Notify: func(_ string, body []byte) { w <- string(body) },
		Ended:  func(err error) { w <- "ended " + codeOf(err) }}
}

// want checks that exactly these come next.
func (w updates) want(t *testing.T, all ...string) {
	t.Helper()
	for _, want := range all {
		select {
		case got := <-w:
			if got != want {
				t.Fatalf("update %.80q, want %q", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("no update %q", want)
		}
	}
	select {
	case got := <-w:
		t.Fatalf("another update %.80q", got)
	default:
	}
}

func newUpdates() updates { return make(updates, 64) }

// subscribe subscribes and checks the first notification.
func subscribe(t *testing.T, r *sipua.Registration, s sipua.Subscription, first string) sipua.Reply {
	t.Helper()
	reply, err := r.Subscribe(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Status != 200 || string(reply.Body) != first {
		t.Fatalf("got %d %q, want %q", reply.Status, reply.Body, first)
	}
	return reply
}
