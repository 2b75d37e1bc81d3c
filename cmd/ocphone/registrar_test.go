package main

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
)

// stubbornRegistrar is a registrar without TLS that takes every registration and
// refuses every sign-out. It returns its address.
func stubbornRegistrar(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			<-sipwire.New(nc, sipwire.Config{Handler: func(c *sipwire.Conn, in *sipwire.Incoming) {
				res := sipwire.NewResponse(in.Request(), 200, "OK", "pbx")
				if in.Header("Expires") == "0" {
					res.StatusCode = 500
				}
				contact, _, _ := strings.Cut(in.Header("Contact"), ">")
				res.AppendHeader(sip.NewHeader("Contact", contact+">;expires=600"))
				c.Send(res)
			}}).Done()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-served
	})
	return l.Addr().String()
}

// A sign-out that the server does not confirm is a warning: exit code 0, and the last
// line names its code.
func TestSignOutThatIsNotConfirmedIsAWarning(t *testing.T) {
	t.Setenv("OCPHONE_PASSWORD", "secret")
	args := []string{"run", "--sign-in", "alice@example.com", "--registrar", stubbornRegistrar(t) + ";transport=tcp", "--clock", "host"}
	out, complaints, code := call(t, args...)
	if code != exitDone || complaints != "" || !strings.HasSuffix(out, "ready, with 1 warning: sip.sign-out\n") ||
		!strings.Contains(out, "not encrypted") || !strings.Contains(strings.Join(strings.Fields(out), " "), "stays at the server until it expires, 10m0s") {
		t.Errorf("exit code %d, %s\n%s", code, complaints, out)
	}
	if out, complaints, code := call(t, slices.Concat(args, []string{"--expect", "sip.sign-out"})...); code != exitDone {
		t.Errorf("expected: exit code %d, %s\n%s", code, complaints, out)
	}
	if _, complaints, code := call(t, slices.Concat(args, []string{"--expect", "sip.not-listed"})...); code != exitPerson || !strings.Contains(complaints, "sip.sign-out") {
		t.Errorf("another one expected: exit code %d, %s", code, complaints)
	}
}
