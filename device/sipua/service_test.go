package sipua_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

const profileURI = "sip:tu@contoso.com;gruu;opaque=app:locationprofile:get;default"

// docs/protocol/sip-services.md#location-profile,
// docs/protocol/presence.md#publishing: a service at a GRUU and at the user
// himself.
func TestService(t *testing.T) {
	var seen []*sipwire.Incoming
	_, r := scripted(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) {
		seen = append(seen, in)
		res := respond(in, 200, "Content-Type: text/x")
		if n == 1 {
			res.SetBody([]byte("<x/>"))
		}
		c.Send(res)
	})
	reply, err := r.Service(t.Context(), profileURI, "text/x", "", nil)
	if err != nil || reply.Status != 200 || reply.ContentType != "text/x" || string(reply.Body) != "<x/>" || reply.Text != "200 Reason, 4 bytes of text/x" {
		t.Errorf("%+v, %v", reply, err)
	}
	reply, err = r.Service(t.Context(), "", "", "text/y", []byte("<y/>"))
	if err != nil || reply.Status != 200 || len(reply.Body) != 0 {
		t.Errorf("%+v, %v", reply, err)
	}
	for i, want := range []string{
		"SERVICE " + profileURI + " <" + profileURI + "> [text/x] []  1 70",
		"SERVICE sip:tu@contoso.com <sip:tu@contoso.com> [] [text/y] <y/> 1 70",
	} {
		in := seen[i]
		line, _, _ := strings.Cut(string(in.Raw), " SIP/2.0")
		got := fmt.Sprintf("%s %s %v %v %s %d %s", line, in.Header("To"), in.Headers("Accept"), in.Headers("Content-Type"), in.Msg.Body(), in.Request().CSeq().SeqNo, in.Header("Max-Forwards"))
		if got != want || !strings.Contains(in.Header("From"), "epid=01010101") || len(in.Headers("Supported")) != 0 {
			t.Errorf("sent\n%s, want\n%s", got, want)
		}
	}
	if seen[0].Header("Call-ID") == seen[1].Header("Call-ID") {
		t.Error("two services in one call")
	}
}

// The statuses of the location profile stay distinguishable
// (docs/protocol/sip-services.md#location-profile).
func TestServiceRefused(t *testing.T) {
	for _, row := range []struct {
		to     string
		status int
		code   journal.Code
	}{
		{profileURI, 404, journal.SIPRejected}, // no profile of that name
		{"", 404, journal.SIPUnknownUser},
		{profileURI, 485, journal.SIPRejected},
		{"", 409, journal.SIPRejected},
		{"", 500, journal.SIPUnavailable},
	} {
		_, r := scripted(t, func(c *sipwire.Conn, _ int, in *sipwire.Incoming) { c.Send(respond(in, row.status)) })
		_, err := r.Service(t.Context(), row.to, "text/x", "", nil)
		f := wantFailure(t, err, row.code)
		var no *sipua.Refused
		if !errors.As(err, &no) || no.Status != row.status || !strings.Contains(f.What, "the service ") {
			t.Errorf("%d: %+v", row.status, f)
		}
	}
}

func TestServiceUnanswered(t *testing.T) {
	for name, script := range map[string]func(c *sipwire.Conn, in *sipwire.Incoming){
		"sip.malformed": func(c *sipwire.Conn, in *sipwire.Incoming) {
			res := respond(in, 200)
			res.SetBody(make([]byte, 512<<10+1))
			c.Send(res)
		},
		"sip.lost":     func(c *sipwire.Conn, in *sipwire.Incoming) { c.Close() },
		"time is over": func(*sipwire.Conn, *sipwire.Incoming) {},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, r := scripted(t, func(c *sipwire.Conn, _ int, in *sipwire.Incoming) {
			script(c, in)
			if name == "time is over" {
				cancel(errors.New(name))
			}
		})
		_, err := r.Service(ctx, "", "text/x", "", nil)
		cancel(nil)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What would break out of its header is not sent.
func TestServiceAtNoAddress(t *testing.T) {
	_, r := scripted(t, func(*sipwire.Conn, int, *sipwire.Incoming) { t.Error("sent") })
	for _, to := range []string{"x", "sip:a@b>;tag=1", "sip:a@b\r\nX: y", "sip:" + strings.Repeat("a", 1000) + "@b"} {
		if _, err := r.Service(t.Context(), to, "", "", nil); err == nil {
			t.Errorf("%.40q is an address", to)
		}
	}
	if _, err := r.Service(t.Context(), "", "text/x\r\nX: y", "", nil); err == nil {
		t.Error("a line break in Accept")
	}
}
