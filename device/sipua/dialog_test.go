package sipua

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// received returns the message as a Conn delivers it.
func received(t *testing.T, lines ...string) *sipwire.Incoming {
	t.Helper()
	ours, theirs := net.Pipe()
	got := make(chan *sipwire.Incoming, 1)
	c := sipwire.New(ours, sipwire.Config{
		Handler: func(_ *sipwire.Conn, in *sipwire.Incoming) { got <- in },
		OnWarning: func(_ *sipwire.Conn, f *journal.Failure) {
			t.Error(f)
			close(got)
		},
	})
	defer func() {
		theirs.Close()
		<-c.Done()
	}()
	if _, err := theirs.Write([]byte(strings.Join(append(lines, "Content-Length: 0"), "\r\n") + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	in := <-got
	if in == nil {
		t.FailNow()
	}
	return in
}

const (
	alice = "sip:alice@contoso.com"
	bob   = "sip:bob@contoso.com"
)

// response is a response to a request of d, with additional headers.

func response(t *testing.T, d *dialog, code int, to string, headers ...string) *sipwire.Incoming {
	t.Helper()
	return received(t, append([]string{fmt.Sprintf("SIP/2.0 %d Reason", code), "Via: SIP/2.0/TLS 10.0.0.1:5061;branch=z9hG4bKx",
		fmt.Sprintf("From: <%s>;tag=%s", d.localURI, d.localTag), "To: " + to, "Call-ID: " + d.callID, "CSeq: 1 INVITE"}, headers...)...)
}

// requestIn is a request of the peer with these values.
func requestIn(t *testing.T, callID, fromTag, toTag string, cseq int, headers ...string) *sipwire.Incoming {
	t.Helper()
	tag := func(s string) string {
		if s == "" {
			return ""
		}
		return ";tag=" + s
	}
	return received(t, append([]string{"INVITE sip:10.0.0.1:5061 SIP/2.0", "Via: SIP/2.0/TLS 10.0.0.2:5061;branch=z9hG4bKy",
		"From: <" + bob + ">" + tag(fromTag), "To: <" + alice + ">" + tag(toTag), "Call-ID: " + callID, fmt.Sprintf("CSeq: %d INVITE", cseq)}, headers...)...)
}

// wire is what d determines of a request, on one line.
func wire(d *dialog, method string) string {
	c := d.request(method)
	s := fmt.Sprintf("%s %s | %s | %s | %s | %d", c.Method, c.URI, c.From, c.To, c.CallID, c.CSeq)
	for _, h := range c.Headers {
		s += fmt.Sprintf(" | %s: %s", h.Name, h.Value)
	}
	return strings.NewReplacer(d.callID, "ID", d.localTag, "OURS").Replace(s)
}

// RFC 3261 8.1.1, 12.1.2, 12.2.1.1, 13.2.2.4: the requests of a UAC before and
// after the responses to its first request.
func TestDialogOfAUAC(t *testing.T) {
	const (
		near    = "Record-Route: <sip:far.contoso.com;lr>, <sip:near.contoso.com;lr;ms-route-sig=a>"
		strict  = "Record-Route: <sip:far.contoso.com;lr>, <sip:near.contoso.com;transport=tls;method=X?h=1>"
		contact = "Contact: <sip:fe1.contoso.com:5061;transport=tls>;expires=9"
	)
	for _, row := range []struct {
		name      string
		responses [][]string // status and To first
		state     dialogState
		want      string // the second request
	}{
		{"8.1.1 no response", nil, dialogNone,
			"BYE sip:bob@contoso.com | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com> | ID | 2"},
		{"12.1 a 100 creates no dialog", [][]string{{"100", "<" + bob + ">;tag=b", contact}}, dialogNone,
			"BYE sip:bob@contoso.com | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com> | ID | 2"},
		{"12.1 a 180 without a tag creates no dialog", [][]string{{"180", "<" + bob + ">", contact}}, dialogNone,
			"BYE sip:bob@contoso.com | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com> | ID | 2"},
		{"12.1 a 486 creates no dialog", [][]string{{"486", "<" + bob + ">;tag=b", contact}}, dialogNone,
			"BYE sip:bob@contoso.com | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com> | ID | 2"},
		{"12.1.2 early", [][]string{{"180", "<" + bob + ">;tag=b", contact, near}}, dialogEarly,
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2" +
				" | Route: <sip:near.contoso.com;lr;ms-route-sig=a> | Route: <sip:far.contoso.com;lr>"},
		{"12.1.2 confirmed, the route set reversed", [][]string{{"200", "<" + bob + ">;tag=b", contact, near}}, dialogConfirmed,
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2" +
				" | Route: <sip:near.contoso.com;lr;ms-route-sig=a> | Route: <sip:far.contoso.com;lr>"},
		{"12.1.2 a peer of RFC 2543 has no tag", [][]string{{"200", "<" + bob + ">", contact}}, dialogConfirmed,
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com> | ID | 2"},
		{"12.1.2 no Contact", [][]string{{"200", "<" + bob + ">;tag=b"}}, dialogConfirmed,
			"BYE sip:bob@contoso.com | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2"},
		{"12.2.1.1 strict route", [][]string{{"200", "<" + bob + ">;tag=b", contact, strict}}, dialogConfirmed,
			"BYE sip:near.contoso.com;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2" +
				" | Route: <sip:far.contoso.com;lr> | Route: <sip:fe1.contoso.com:5061;transport=tls>"},
		{"12.2.1.1 a route that cannot be parsed stays as it is", [][]string{{"200", "<" + bob + ">;tag=b", contact, "Record-Route: <x"}}, dialogConfirmed,
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2 | Route: <x"},
		{"12.2.1.2 target refresh: a later 2xx keeps the route set", [][]string{{"200", "<" + bob + ">;tag=b", contact, near},
			{"200", "<" + bob + ">;tag=b", "Contact: <sip:fe2.contoso.com>", "Record-Route: <sip:other.contoso.com;lr>"}}, dialogConfirmed,
			"BYE sip:fe2.contoso.com | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2" +
				" | Route: <sip:near.contoso.com;lr;ms-route-sig=a> | Route: <sip:far.contoso.com;lr>"},
		{"12.2.1.2 target refresh: a Contact that is no URI", [][]string{{"200", "<" + bob + ">;tag=b", contact}, {"200", "<" + bob + ">;tag=b", "Contact: *"}}, dialogConfirmed,
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2"},
		{"12.2.1.2 a refused request changes nothing", [][]string{{"200", "<" + bob + ">;tag=b", contact}, {"500", "<" + bob + ">;tag=b", "Contact: <sip:evil.contoso.com>"}}, dialogConfirmed,
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2"},
		{"13.2.2.4 a 2xx computes the route set anew", [][]string{{"180", "<" + bob + ">;tag=b", contact, near},
			{"200", "<" + bob + ">;tag=b", contact, "Record-Route: <sip:edge.contoso.com;lr>"}}, dialogConfirmed,
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2 | Route: <sip:edge.contoso.com;lr>"},
		{"13.2.2.4 a 2xx with another tag is of another dialog", [][]string{{"180", "<" + bob + ">;tag=b", contact}, {"200", "<" + bob + ">;tag=c", "Contact: <sip:fe2.contoso.com>"}}, dialogEarly,
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2"},
		{"12.1.2 the second 18x", [][]string{{"180", "<" + bob + ">;tag=b", contact, near}, {"183", "<" + bob + ">;tag=b", "Contact: <sip:fe2.contoso.com>"}}, dialogEarly,
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 2" +
				" | Route: <sip:near.contoso.com;lr;ms-route-sig=a> | Route: <sip:far.contoso.com;lr>"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := newDialog(alice, bob, true)
			if got, want := wire(d, "INVITE"), "INVITE sip:bob@contoso.com | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com> | ID | 1"; got != want {
				t.Errorf("first\n%s, want\n%s", got, want)
			}
			for _, r := range row.responses {
				code := 0
				fmt.Sscan(r[0], &code)
				d.establish(response(t, d, code, r[1], r[2:]...))
			}
			if d.state != row.state {
				t.Errorf("state %d, want %d", d.state, row.state)
			}
			if got := wire(d, "BYE"); got != row.want {
				t.Errorf("sent\n%s, want\n%s", got, row.want)
			}
		})
	}
}

// RFC 3261 12.1.2: a forked INVITE has an early dialog for each To tag.
func TestDialogsOfAForkedRequest(t *testing.T) {
	first := newDialog(alice, bob, true)
	first.request("INVITE")
	one, two := *first, *first
	one.establish(response(t, first, 180, "<"+bob+">;tag=one", "Contact: <sip:one.contoso.com>", "Record-Route: <sip:p1.contoso.com;lr>"))
	two.establish(response(t, first, 183, "<"+bob+">;tag=two", "Contact: <sip:two.contoso.com>", "Record-Route: <sip:p2.contoso.com;lr>"))
	for tag, d := range map[string]*dialog{"one": &one, "two": &two} {
		want := fmt.Sprintf("PRACK sip:%s.contoso.com | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=%[1]s | ID | 2 | Route: <sip:p", tag)
		if got := wire(d, "PRACK"); !strings.HasPrefix(got, want) {
			t.Errorf("sent\n%s, want\n%s…", got, want)
		}
		for _, other := range []string{"one", "two"} {
			if got := d.matches(requestIn(t, first.callID, other, first.localTag, 1).Request()); got != (other == tag) {
				t.Errorf("dialog %s, request of %s: matches %v", tag, other, got)
			}
		}
	}
	if first.state != dialogNone || first.remoteTag != "" || first.routes != nil {
		t.Errorf("the dialog of the request changed: %+v", first)
	}
}

// RFC 3261 12.1.1: the dialog of a UAS.
func TestDialogOfAUAS(t *testing.T) {
	const contact = "Contact: <sip:fe1.contoso.com:5061;transport=tls>"
	for _, row := range []struct {
		name, fromTag string
		headers       []string
		want          string // its first request; "" no dialog
	}{
		{"12.1.1 the route set in order", "b", []string{contact, "Record-Route: <sip:near.contoso.com;lr>", "Record-Route: <sip:far.contoso.com;lr>"},
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 1" +
				" | Route: <sip:near.contoso.com;lr> | Route: <sip:far.contoso.com;lr>"},
		{"12.1.1 a peer of RFC 2543 has no tag", "", []string{contact},
			"BYE sip:fe1.contoso.com:5061;transport=tls | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com> | ID | 1"},
		{"12.2.1.1 strict route", "b", []string{contact, "Record-Route: <sip:near.contoso.com>"},
			"BYE sip:near.contoso.com | <sip:alice@contoso.com>;tag=OURS | <sip:bob@contoso.com>;tag=b | ID | 1 | Route: <sip:fe1.contoso.com:5061;transport=tls>"},
		{"12.1.1 no Contact", "b", nil, ""},
		{"12.1.1 a Contact that is no URI", "b", []string{"Contact: <x>"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			d, err := acceptDialog(requestIn(t, "call", row.fromTag, "", 7, row.headers...), true)
			if row.want == "" {
				if err == nil {
					t.Errorf("accepted %+v", d)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.state != dialogEarly || d.callID != "call" || d.remoteSeq != 7 || d.secure {
				t.Errorf("%+v", d)
			}
			if got := wire(d, "BYE"); got != row.want {
				t.Errorf("sent\n%s, want\n%s", got, row.want)
			}
			if !d.matches(requestIn(t, "call", row.fromTag, d.localTag, 8).Request()) {
				t.Error("the next request of the peer does not match")
			}
		})
	}
}

// RFC 3261 12.2.2: which requests of the peer belong to a dialog, and their
// order.
func TestRequestsInADialog(t *testing.T) {
	d := newDialog(alice, bob, true)
	d.establish(response(t, d, 200, "<"+bob+">;tag=b", "Contact: <sip:fe1.contoso.com>"))
	for _, row := range []struct {
		name, callID, fromTag, toTag string
		cseq                         int
		matches                      bool
		order                        int
	}{
		{"another Call-ID", "x", "b", d.localTag, 1, false, 0},
		{"another remote tag", d.callID, "c", d.localTag, 1, false, 0},
		{"no remote tag", d.callID, "", d.localTag, 1, false, 0},
		{"another local tag", d.callID, "b", "x", 1, false, 0},
		{"no local tag", d.callID, "b", "", 1, false, 0},
		{"12.2.2 the first CSeq, of any number", d.callID, "b", d.localTag, 0, true, 1},
		{"12.2.2 a gap", d.callID, "b", d.localTag, 9, true, 1},
		{"the same CSeq", d.callID, "b", d.localTag, 9, true, 0},
		{"12.2.2 a lower CSeq", d.callID, "b", d.localTag, 8, true, -1},
		{"after the lower one", d.callID, "b", d.localTag, 9, true, 0},
		{"8.1.1.5 the greatest CSeq", d.callID, "b", d.localTag, 1<<31 - 1, true, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			req := requestIn(t, row.callID, row.fromTag, row.toTag, row.cseq).Request()
			if got := d.matches(req); got != row.matches {
				t.Fatalf("matches %v", got)
			}
			if row.matches {
				if got := d.receive(req); got != row.order {
					t.Errorf("order %d, want %d", got, row.order)
				}
			}
		})
	}
	if !d.refreshTarget(requestIn(t, d.callID, "b", d.localTag, 1, "Contact: <sip:fe2.contoso.com>")) || d.target != "sip:fe2.contoso.com" {
		t.Errorf("target %s after a target refresh request", d.target)
	}
	if c := d.request("ACK"); c.CSeq != d.localSeq || d.localSeq != 0 {
		t.Errorf("an ACK took the CSeq number %d", c.CSeq)
	}
}

// RFC 3261 12.1.2, RFC 6665 4.4.1: before the tag of the peer is known any
// matches; the first request sets it. A peer of RFC 2543 may have none.
func TestMissingTags(t *testing.T) {
	d := newDialog(alice, bob, true)
	for _, row := range []struct {
		fromTag string
		matches bool
	}{{"", true}, {"b", true}, {"c", false}, {"", false}} {
		req := requestIn(t, d.callID, row.fromTag, d.localTag, 1).Request()
		if got := d.matches(req); got != row.matches {
			t.Errorf("tag %q: matches %v", row.fromTag, got)
		} else if got {
			d.receive(req)
		}
	}
}

// RFC 3261 12.1.1, 12.1.2, 12.2.1.1: a dialog is secure if it began with a SIPS
// URI over TLS; then its targets are SIPS URIs.
func TestSecureDialog(t *testing.T) {
	for _, row := range []struct {
		uri    string
		tls    bool
		secure bool
	}{{"sips:bob@contoso.com", true, true}, {"SIPS:bob@contoso.com", true, true}, {"sips:bob@contoso.com", false, false}, {bob, true, false}} {
		d := newDialog(alice, row.uri, row.tls)
		d.establish(response(t, d, 200, "<"+bob+">;tag=b", "Contact: <sips:fe1.contoso.com>"))
		d.refreshTarget(requestIn(t, d.callID, "b", d.localTag, 1, "Contact: <sip:fe2.contoso.com>"))
		want := "sip:fe2.contoso.com"
		if row.secure {
			want = "sips:fe1.contoso.com"
		}
		if d.secure != row.secure || d.target != want {
			t.Errorf("%s, TLS %v: secure %v, target %s", row.uri, row.tls, d.secure, d.target)
		}
	}
}

// A peer cannot make the phone keep or send more than maxRoutes routes.
func TestRoutesAreBounded(t *testing.T) {
	d := newDialog(alice, bob, true)
	d.establish(response(t, d, 200, "<"+bob+">;tag=b", "Record-Route: "+strings.Repeat("<sip:p.contoso.com;lr>, ", 1000)))
	if len(d.routes) != maxRoutes {
		t.Errorf("%d routes", len(d.routes))
	}
}
