package sipwire

import (
	"errors"
	"net"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
)

// TestWhatAPeerSaidBeforeItWentIsRead: pidgin-sipe takes leave with three
// requests in a row and closes without reading, so that the answer to the first
// finds nobody. Other systems throw away what was received before a reset.
func TestWhatAPeerSaidBeforeItWentIsRead(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	var heard []string
	refused, closed := 0, make(chan error, 1)
	gone := make(chan struct{})
	c := New(nc, Config{
		Handler: func(c *Conn, in *Incoming) {
			<-gone
			heard = append(heard, in.Header("CSeq"))
			if err := c.Answer(in.Request(), NewResponse(in.Request(), sip.StatusOK, "OK", "")); err != nil {
				refused++
				if journal.FailureOf(err).Code != journal.SIPLost {
					t.Errorf("the answer fails with %v", err)
				}
			}
		},
		OnClose: func(_ *Conn, err error) { closed <- err },
	})
	defer func() { c.Close(); <-c.Done() }()
	for n := range uint32(3) {
		if _, err := peer.Write([]byte(request(t, "SUBSCRIBE", n+1).String())); err != nil {
			t.Fatal(err)
		}
	}
	peer.(*net.TCPConn).SetLinger(0) // a reset, as when something was left unread
	peer.Close()
	close(gone)
	if err := <-closed; journal.FailureOf(err).Code != journal.SIPLost || errors.Is(err, ErrClosed) {
		t.Errorf("ended with %v", err)
	}
	if len(heard) != 3 || refused != 3 {
		t.Errorf("heard %q, %d answers found nobody; want all three requests", heard, refused)
	}
}
