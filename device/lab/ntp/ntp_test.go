package ntp

import (
	"errors"
	"net"
	"testing"
	"time"

	beevik "github.com/beevik/ntp"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var labTime = time.Date(2008, 4, 21, 9, 30, 0, 250e6, time.UTC)

func start(t *testing.T, s *Server) *Server {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func ask(s *Server, version int) (*beevik.Response, error) {
	return beevik.QueryWithOptions(s.Addr(), beevik.QueryOptions{Version: version, Timeout: 5 * time.Second})
}

func TestServerSendsTheTimeOfItsClock(t *testing.T) {
	c := clock.NewManual(labTime)
	s := start(t, New(c))
	for _, version := range []int{3, 4} {
		r, err := ask(s, version)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Validate(); err != nil {
			t.Errorf("version %d: %v", version, err)
		}
		if d := r.Time.Sub(labTime).Abs(); d > time.Millisecond {
			t.Errorf("version %d: told %v", version, r.Time)
		}
	}
	c.Advance(8 * time.Hour)
	s.SetOffset(-365 * 24 * time.Hour)
	r, err := ask(s, 4)
	if err != nil {
		t.Fatal(err)
	}
	if want := labTime.Add(8*time.Hour).AddDate(-1, 0, 1); r.Time.Sub(want).Abs() > time.Millisecond { // 2008 is a leap year
		t.Errorf("a year off told %v, want %v", r.Time, want)
	}
}

func TestNilClockMeansTheHostClock(t *testing.T) {
	r, err := ask(start(t, &Server{}), 4)
	if err != nil {
		t.Fatal(err)
	}
	if r.ClockOffset.Abs() > time.Minute {
		t.Errorf("offset %v from the host's own clock", r.ClockOffset)
	}
}

func TestFaultsAreSeenByAForeignClient(t *testing.T) {
	s := start(t, New(clock.NewManual(labTime)))
	for _, row := range []struct {
		fault Fault
		want  error
	}{{Unsynchronised, beevik.ErrInvalidLeapSecond}, {KissOfDeath, beevik.ErrKissOfDeath}, {None, nil}} {
		s.SetFault(row.fault)
		r, err := ask(s, 4)
		if err != nil {
			t.Fatalf("%q: %v", row.fault, err)
		}
		if err := r.Validate(); !errors.Is(err, row.want) {
			t.Errorf("%q: client said %v, want %v", row.fault, err, row.want)
		}
		if row.fault == KissOfDeath && r.KissCode != "DENY" {
			t.Errorf("kiss code %q", r.KissCode)
		}
	}
}

func TestServerAnswersAfterSilence(t *testing.T) {
	s := start(t, New(clock.NewManual(labTime)))
	s.SetFault(Silence)
	conn, err := net.Dial("udp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := make([]byte, packetSize)
	request[0], request[47] = 4<<3|modeClient, 1
	conn.Write(request)
	conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if n, err := conn.Read(make([]byte, 100)); err == nil {
		t.Errorf("silence is %d bytes", n)
	}
	s.SetFault(None)
	request[47] = 2
	conn.Write(request)
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer := make([]byte, 100)
	if n, err := conn.Read(answer); n != packetSize || answer[31] != 2 {
		t.Errorf("after the silence: %d bytes, origin %x, %v", n, answer[24:32], err)
	}
}

func TestReply(t *testing.T) {
	packet := func(first byte, size int) []byte { return append([]byte{first}, make([]byte, size-1)...) }
	for _, row := range []struct {
		name    string
		request []byte
		first   byte // of the answer, 0 for none
	}{
		{"client, version 1", packet(1<<3|modeClient, 48), 1<<3 | modeServer},
		{"client, version 4, with a key", packet(4<<3|modeClient, 68), 4<<3 | modeServer},
		{"symmetric active", packet(3<<3|modeSymmetricActive, 48), 3<<3 | modeSymmetricPassive},
		{"version 0", packet(modeClient, 48), 0},
		{"version 5", packet(5<<3|modeClient, 48), 0},
		{"another server's answer", packet(4<<3|modeServer, 48), 0},
		{"control", packet(4<<3|6, 48), 0},
		{"short", packet(4<<3|modeClient, 47), 0},
		{"empty", nil, 0},
	} {
		got := reply(row.request, labTime, None)
		if row.first == 0 && got != nil || row.first != 0 && (len(got) != packetSize || got[0] != row.first) {
			t.Errorf("%s: % x", row.name, got)
		}
	}
}

func TestCloseAndStart(t *testing.T) {
	s := New(nil)
	if err := s.Close(); err != nil || s.Addr() != "" {
		t.Errorf("unstarted: %v, %q", err, s.Addr())
	}
	start(t, s)
	if s.Start() == nil {
		t.Error("started twice")
	}
	if err := (&Server{Listen: s.Addr()}).Start(); err == nil {
		t.Error("two servers on one port")
	}
	s.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func FuzzReply(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(append([]byte{4<<3 | modeClient}, make([]byte, 47)...))
	f.Fuzz(func(t *testing.T, request []byte) {
		if got := reply(request, labTime, None); got != nil && (len(got) != packetSize || len(request) < packetSize) {
			t.Errorf("%d bytes answered by %d", len(request), len(got))
		}
	})
}
