package sipua_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipua"
)

// next is the next event, which must come soon.
func next(t *testing.T, events <-chan sipua.Event) sipua.Event {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(time.Minute):
		t.Fatal("no event")
		panic("unreachable")
	}
}

func none(t *testing.T, events <-chan sipua.Event) {
	t.Helper()
	select {
	case e := <-events:
		t.Fatalf("event %+v", e)
	default:
	}
}

// docs/protocol/sip-connection.md#registration: the same Call-ID and From tag,
// CSeq goes up; signed, so that no handshake is needed.
func TestRefreshBeforeExpires(t *testing.T) {
	w := newWorld(t, nil)
	var seen []string
	w.SetFaults(pool.Faults{Hold: func(req *sip.Request) {
		seen = append(seen, fmt.Sprintf("%s %s %d", req.CallID().Value(), req.From().Params.GetOr("tag", ""), req.CSeq().SeqNo))
	}})
	r, events := w.signedIn(t)
	w.clock.Advance(2*time.Hour - 31*time.Second)
	none(t, events)
	w.clock.Advance(time.Second)
	if e := next(t, events); e.Kind != sipua.Refreshed || e.Err != nil {
		t.Fatalf("event %+v", e)
	}
	if g := r.Info(); g.Action != "refreshed" || g.Version != 4 || !g.Authenticated.Equal(start) {
		t.Errorf("granted %+v", g)
	}
	if len(seen) != 4 {
		t.Fatalf("requests %v", seen)
	}
	id := strings.TrimSuffix(seen[0], "1")
	for i, s := range seen {
		if s != fmt.Sprintf("%s%d", id, i+1) {
			t.Errorf("request %d is %q after %q", i+1, s, id)
		}
	}
	w.clock.Advance(2 * time.Hour)
	if e := next(t, events); e.Kind != sipua.Refreshed {
		t.Errorf("event %+v", e)
	}
	if !strings.Contains(w.steps.text(), "The registration of tu@contoso.com is refreshed.") {
		t.Error(w.steps.text())
	}
}

// A refresh answered by 401 begins a full handshake on the same connection.
func TestRefreshMayNeedANewHandshake(t *testing.T) {
	for version := 2; version <= 4; version++ {
		t.Run(fmt.Sprint("version ", version), func(t *testing.T) {
			w := newWorld(t, func(s *pool.Server) { s.Version = version; s.DefaultExpires = 9 * time.Hour })
			w.phone.Profile.AssociationLifetime = 24 * time.Hour // the pool's ends after 8 h
			r, events := w.signedIn(t)
			w.clock.Advance(9*time.Hour - 30*time.Second)
			if e := next(t, events); e.Kind != sipua.Refreshed {
				t.Fatalf("event %+v", e)
			}
			if n := w.Counters(); n.Requests != 6 || n.Connections != 1 || n.BadLogons != 0 {
				t.Errorf("the pool saw %+v", n)
			}
			if g := r.Info(); g.Version != version || !g.Authenticated.Equal(w.clock.Now()) {
				t.Errorf("granted %+v", g)
			}
		})
	}
}

// docs/protocol/sip-connection.md#which-messages-are-signed: before the security
// association is too old, a new handshake starts with an unsigned REGISTER.
func TestSecurityAssociationIsRenewed(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.DefaultExpires = 24 * time.Hour })
	r, events := w.signedIn(t)
	for i := range 3 {
		before := w.Counters().Requests
		w.clock.Advance(8*time.Hour - 5*time.Minute)
		if e := next(t, events); e.Kind != sipua.Refreshed {
			t.Fatalf("event %+v", e)
		}
		if n := w.Counters(); n.Requests != before+3 || n.Registers != i+2 || n.BadSignatures != 0 {
			t.Errorf("the pool saw %+v", n)
		}
		if g := r.Info(); !g.Authenticated.Equal(w.clock.Now()) {
			t.Errorf("granted %+v", g)
		}
	}
	if !strings.Contains(w.steps.text(), "new security association") {
		t.Error(w.steps.text())
	}
}

// MS-SIPREGE 3.1.1.5.1
func TestAddedOnARefreshIsALoss(t *testing.T) {
	w := newWorld(t, nil)
	r, events := w.signedIn(t)
	w.SetFaults(pool.Faults{ClaimAdded: true})
	w.clock.Advance(2*time.Hour - 30*time.Second)
	e := next(t, events)
	if f := wantFailure(t, e.Err, journal.SIPLost); e.Kind != sipua.Lost || !strings.Contains(f.Because, "3.1.1.5.1") {
		t.Errorf("event %+v", e)
	}
	<-r.Done()
	w.clock.Advance(24 * time.Hour)
	none(t, events)
}

func TestRefreshFails(t *testing.T) {
	for _, row := range []struct {
		name string
		set  func(*world)
		code journal.Code
	}{
		{"password changed meanwhile", func(w *world) {
			w.dir.SetUser("tu", func(u *directory.User) { u.Password = "other" })
		}, journal.AuthPassword},
		{"unavailable", func(w *world) { w.SetFaults(pool.Faults{Reject: &pool.Rejection{Status: 503}}) }, journal.SIPUnavailable},
		{"bad signature", func(w *world) { w.SetFaults(pool.Faults{BadSignature: true}) }, journal.AuthServer},
		{"unsigned", func(w *world) { w.SetFaults(pool.Faults{Unsigned: true}) }, journal.AuthServer},
		{"silence", func(w *world) { w.SetFaults(pool.Faults{Silent: true}) }, journal.SIPNoAnswer},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, func(s *pool.Server) { s.DefaultExpires = 9 * time.Hour })
			w.phone.Profile.AssociationLifetime = 24 * time.Hour
			w.phone.Profile.AnswerTimeout = 3 * time.Second // the sign-in needs answers in time, too
			if row.code != journal.SIPNoAnswer {
				w.phone.Profile.AnswerTimeout = 10 * time.Second
			}
			_, events := w.signedIn(t)
			row.set(w)
			w.clock.Advance(9*time.Hour - 30*time.Second)
			e := next(t, events)
			if wantFailure(t, e.Err, row.code); e.Kind != sipua.Lost {
				t.Errorf("event %+v", e)
			}
			if u, _ := w.dir.User("tu"); u.BadLogons > 1 || row.code == journal.AuthPassword && u.BadLogons != 1 {
				t.Errorf("%d bad logons", u.BadLogons)
			}
		})
	}
}

func TestRefreshRedirectsAMovedUser(t *testing.T) {
	w := newWorld(t, nil)
	_, events := w.signedIn(t)
	w.SetHomePool("fe2.contoso.com")
	w.clock.Advance(2 * time.Hour)
	var to *sipua.Redirect
	if e := next(t, events); e.Kind != sipua.Lost || !errors.As(e.Err, &to) || to.Host != "fe2.contoso.com" {
		t.Errorf("event %+v", e)
	}
}

func TestConnectionLost(t *testing.T) {
	w := newWorld(t, nil)
	r, events := w.signedIn(t)
	w.DropAll()
	e := next(t, events)
	if f := wantFailure(t, e.Err, journal.SIPLost); e.Kind != sipua.Lost || !f.Code.Page().Retry {
		t.Errorf("event %+v", e)
	}
	<-r.Done()
	late := make(chan sipua.Event, 1)
	r.OnEvent(func(e sipua.Event) { late <- e })
	if e := next(t, late); e.Kind != sipua.Lost {
		t.Errorf("a late OnEvent got %+v", e)
	}
}

// docs/protocol/sip-connection.md#deregistration-by-the-server
func TestDeregistrationNotice(t *testing.T) {
	for _, row := range []struct {
		event pool.Event
		text  string
	}{
		{pool.Unregistered, "signed tu@contoso.com out on this phone"},
		{pool.Rejected, "disabled"},
		{pool.Deactivated, "another pool"},
	} {
		t.Run(string(row.event), func(t *testing.T) {
			w := newWorld(t, nil)
			_, events := w.signedIn(t)
			if n := w.Deregister("tu@contoso.com", row.event, pool.Diagnostics{ID: 4141, Reason: "because"}); n != 1 {
				t.Fatalf("%d endpoints notified", n)
			}
			e := next(t, events)
			f := wantFailure(t, e.Err, journal.SIPDeregistered)
			if e.Kind != sipua.Deregistered || e.Notice != string(row.event) || !strings.Contains(f.What, row.text) || !strings.Contains(f.Answered, "4141 because") {
				t.Errorf("event %+v, %+v", e, f)
			}
			none(t, events)
			if n := w.Counters(); n.BadSignatures != 0 {
				t.Errorf("the pool saw %+v", n)
			}
		})
	}
}

// injected is a connection; a test can add bytes to those it receives.
type injected struct {
	net.Conn
	r *io.PipeReader
	w *io.PipeWriter
}

func inject(nc net.Conn) *injected {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, nc)
		w.CloseWithError(errors.Join(err, io.EOF))
	}()
	return &injected{nc, r, w}
}

func (i *injected) Read(p []byte) (int, error)      { return i.r.Read(p) }
func (i *injected) SetReadDeadline(time.Time) error { return nil }
func (i *injected) Close() error                    { i.r.Close(); return i.Conn.Close() }

const notice = "BENOTIFY sip:tu@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK1\r\nFrom: <sip:tu@contoso.com>;tag=1\r\n" +
	"To: <sip:tu@contoso.com>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 BENOTIFY\r\nEvent: registration\r\nContent-Length: 27\r\n%s\r\nderegistered;event=rejected"

// docs/protocol/sip-connection.md#which-messages-are-signed: what is not signed is not believed.
func TestForgedNoticeIsIgnored(t *testing.T) {
	w := newWorld(t, nil)
	nc := inject(w.dial(t))
	r, err := sipua.Register(context.Background(), nc, candidate, w.phone)
	if err != nil {
		t.Fatal(err)
	}
	events := events(r)
	fmt.Fprintf(nc.w, notice, "")
	w.clock.Advance(2*time.Hour - 30*time.Second) // still registered
	if e := next(t, events); e.Kind != sipua.Refreshed {
		t.Errorf("event %+v", e)
	}
	if !strings.Contains(w.steps.text(), "session warned | auth.server") {
		t.Errorf("no warning in:\n%s", w.steps.text())
	}
	fmt.Fprintf(nc.w, notice, "Authentication-Info: NTLM qop=\"auth\", srand=\"1\", snum=\"9\", rspauth=\"01000000000000000000000064000000\"\r\n")
	if e := next(t, events); e.Kind != sipua.Lost {
		t.Errorf("event %+v", e)
	} else {
		wantFailure(t, e.Err, journal.AuthServer)
	}
	<-r.Done()
}

func TestUnregister(t *testing.T) {
	for version := 2; version <= 4; version++ {
		w := newWorld(t, func(s *pool.Server) { s.Version = version })
		r, events := w.signedIn(t)
		if err := r.Unregister(context.Background()); err != nil {
			t.Error(err)
		}
		<-r.Done()
		none(t, events)
		if left := w.Registrations(); len(left) != 0 {
			t.Errorf("left: %+v", left)
		}
		if err := r.Unregister(context.Background()); err != nil {
			t.Errorf("again: %v", err)
		}
	}
}

func TestUnregisterDoesNotWaitLong(t *testing.T) {
	w := newWorld(t, nil)
	w.phone.Profile.UnregisterTimeout = 20 * time.Millisecond
	r, events := w.signedIn(t)
	w.SetFaults(pool.Faults{Silent: true})
	wantFailure(t, r.Unregister(context.Background()), journal.SIPSignOut)
	<-r.Done()
	none(t, events)
}

func TestNoEventAfterClose(t *testing.T) {
	w := newWorld(t, nil)
	r, events := w.signedIn(t)
	r.Close()
	<-r.Done()
	w.clock.Advance(24 * time.Hour)
	none(t, events)
	r.OnEvent(func(e sipua.Event) { t.Errorf("event %+v", e) })
}

// Eight hours in one go, which no network keeps up with, and a corrected clock:
// what came due happens once, and the timers go on from there.
func TestEightHoursInOneGo(t *testing.T) {
	w := newWorld(t, nil)
	mine := clock.NewManual(start) // the pool's stands still
	var errands []func()           // run when all the time has passed
	w.phone.Clock, w.phone.Go = mine, func(f func()) { errands = append(errands, f) }
	r, events := w.signedIn(t)
	pass := func(d time.Duration, times int) {
		t.Helper()
		mine.Advance(d)
		for ; len(errands) > 0; errands = errands[1:] {
			errands[0]()
		}
		for range times {
			if e := next(t, events); e.Kind != sipua.Refreshed {
				t.Fatalf("event %+v", e)
			}
		}
		none(t, events)
	}
	pass(8*time.Hour, 2) // the registration and the security association
	if g := r.Info(); !g.Authenticated.Equal(start.Add(8 * time.Hour)) {
		t.Errorf("authenticated at %v", g.Authenticated)
	}
	mine.Set(start.AddDate(-1, 0, 0))
	pass(2*time.Hour, 1)
	mine.Set(start.AddDate(1, 0, 0))
	pass(2*time.Hour, 1)
	if n := w.Counters(); n.Connections != 1 || n.Registers != 5 || n.BadSignatures != 0 || n.BadLogons != 0 {
		t.Errorf("the pool saw %+v", n)
	}
}
