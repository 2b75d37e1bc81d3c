package device_test

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/dns"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// hole is a TCP server that takes connections and does not answer.
func hole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// silentUDP is a UDP server that does not answer.
func silentUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

// A server that hangs is named by the code of its own step, before the time of the
// caller has passed; after the sign-in the phone is ready all the same
// (docs/go.md#time-limits).
func TestEveryServerThatHangsIsNamedByItsCode(t *testing.T) {
	for name, row := range map[string]struct {
		holes   []string // names that lead to a hole
		spoil   func(t *testing.T, r *rig, in *lab.Attachment)
		code    journal.Code
		ready   bool // with a warning
		wording string
	}{
		"DNS": {nil, func(_ *testing.T, r *rig, _ *lab.Attachment) { r.lab.InsideDNS.SetFault(dns.Silence) }, journal.DNSNoServer, false, "DNS"},
		"NTP": {nil, func(t *testing.T, _ *rig, in *lab.Attachment) {
			*in = patched(*in, map[string]string{"dc1.contoso.com:123": silentUDP(t)})
		}, journal.TimeNone, true, "time server"},
		"domain controller": {nil, func(_ *testing.T, r *rig, _ *lab.Attachment) { r.lab.DC.SetFaults(ad.Faults{Silent: true}) }, journal.ADUnreachable, false, "did not answer in time"},
		"TLS of the pool":   {[]string{"pool.contoso.com:5061"}, nil, journal.SIPNoAnswer, false, "TLS handshake"},
		"REGISTER":          {nil, func(_ *testing.T, r *rig, _ *lab.Attachment) { r.lab.Pool.SetFaults(pool.Faults{Silent: true}) }, journal.SIPNoAnswer, false, "REGISTER"},
		"settings": {nil, func(t *testing.T, r *rig, _ *lab.Attachment) {
			r.lab.Pool.SetFaults(pool.Faults{Hold: func(q *sip.Request) {
				if q.Method == sip.SUBSCRIBE {
					<-t.Context().Done()
				}
			}})
		}, journal.SIPNoAnswer, true, "SUBSCRIBE"},
		"Autodiscover": {[]string{"contoso.com:443", "autodiscover.contoso.com:443", "autodiscover.contoso.com:80"}, nil, journal.ExchangeUnreached, true, "does not answer in time"},
		"Exchange Web Services": {nil, func(_ *testing.T, r *rig, _ *lab.Attachment) {
			r.lab.Exchange.SetFaults(exchange.Faults{Hold: func(ctx context.Context, _ string) { <-ctx.Done() }})
		}, journal.ExchangeUnreached, true, "does not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A slow computer needs more for what does not hang.
			for budget := 3 * time.Second; ; budget *= 4 {
				r := newRig(t, nil, func(c *device.Config) { c.Budget = budget })
				in, names := r.lab.Inside(), map[string]string{}
				for _, host := range row.holes {
					names[host] = hole(t)
				}
				in = patched(in, names)
				if row.spoil != nil {
					row.spoil(t, r, &in)
				}
				said := r.within(budget, in, row.ready)
				if strings.Contains(said, string(row.code)) && strings.Contains(said, row.wording) {
					return
				}
				if budget > time.Minute {
					t.Fatalf("%s, want %s with %q\n%s", said, row.code, row.wording, story(r.Phone))
				}
			}
		})
	}
}

// within signs in as `ocphone run` does: the caller gives up after its time limit.
// It returns the failure, or the warnings of a phone that is ready.
func (r *rig) within(limit time.Duration, at lab.Attachment, ready bool) string {
	r.t.Helper()
	r.PowerOn()
	r.Plug(at.Place)
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	if err := r.SignIn(r.creds); err != nil {
		r.t.Fatal(err)
	}
	s, err := r.Wait(ctx, func(s device.Snapshot) bool { return s.Done() || s.Failure != nil })
	if err != nil || (s.State == device.Ready) != ready {
		return string(s.State)
	}
	if !ready {
		return string(s.Failure.Code) + " " + s.Failure.Asked + " " + s.Failure.Decided
	}
	var all []string
	for _, w := range r.Steps() {
		if w.State == journal.Warned {
			all = append(all, string(w.Code)+" "+w.Asked+" "+w.Decided)
		}
	}
	return strings.Join(all, "\n")
}

// What a sign-in waits for is in the Snapshot, for the caller whose time has passed.
func TestSnapshotSaysWhatIsAwaited(t *testing.T) {
	for stage, want := range map[string]string{
		stages[0]: "the settings of pool.contoso.com:5061", stages[1]: "the location profile of pool.contoso.com:5061",
		stages[2]: "the user's own data", stages[3]: "the contact list", "FindItem": "Exchange Web Services at https://",
	} {
		t.Run(stage, func(t *testing.T) {
			r := newRig(t, nil, nil)
			reached, release := r.stopAt(stage)
			defer release()
			r.PowerOn()
			r.Plug(r.lab.Inside().Place)
			if err := r.SignIn(r.creds); err != nil {
				t.Fatal(err)
			}
			<-reached
			s := r.Snapshot() // the phone may still read the answers to the requests before
			for end := time.Now().Add(time.Minute); !strings.Contains(s.Awaiting.What, want); s = r.Snapshot() {
				if time.Now().After(end) {
					t.Fatalf("%+v, want %s", s.Awaiting, want)
				}
				runtime.Gosched()
			}
			if s.Done() || s.Awaiting.Since.IsZero() {
				t.Errorf("%s, awaits %+v", s.State, s.Awaiting)
			}
			release()
			if s = r.rest(); s.Awaiting != (device.Awaiting{}) {
				t.Errorf("a phone that is %s waits for %s", s.State, s.Awaiting.What)
			}
		})
	}
}

// A front end that closes at the first record of one byte: RC4 is not split, and
// without RC4 the failure says what to change (docs/limits.md#tls-of-the-period).
func TestServerThatRefusesSplitRecords(t *testing.T) {
	const rc4, aes = "TLS 1.0, TLS_RSA_WITH_RC4_128_SHA", "TLS 1.0, TLS_RSA_WITH_AES_128_CBC_SHA"
	connected := func(r *rig) (answered, details string) {
		for _, s := range r.Steps() {
			if s.Name == journal.Connect && s.State == journal.OK {
				answered, details = s.Answered, strings.Join(s.Details, " ")
			}
		}
		return answered, details
	}
	r, c, _ := signedIn(t, nil, nil)
	if suite, details := connected(r); suite != rc4 || details != "" {
		t.Errorf("connected by %s, %q", suite, details)
	}
	again := func(f pool.Faults) device.Snapshot {
		r.lab.Pool.SetFaults(f)
		r.Plug(r.lab.Inside().Place)
		return r.rest()
	}
	r.wantReady(again(pool.Faults{RefusesSplit: true}))
	r.wantReady(again(pool.Faults{NoRC4: true}))
	if suite, details := connected(r); suite != aes || !strings.Contains(details, "takes no RC4 suite") {
		t.Errorf("connected by %s, %q", suite, details)
	}
	s := again(pool.Faults{NoRC4: true, RefusesSplit: true})
	r.wantFailure(s, journal.SIPLost)
	if !strings.Contains(s.Failure.Decided, "two records") || !strings.Contains(s.Failure.Fix, "TLS_RSA_WITH_RC4_128_SHA") {
		t.Errorf("%+v", s.Failure)
	}
	r.lab.Pool.SetFaults(pool.Faults{RefusesSplit: true}) // the remedy: RC4
	c.Advance(beyondBackOff)
	r.wantReady(r.becomes(func(s device.Snapshot) bool { return s.State == device.Ready }))
	// Only the split explains the loss: an answer has come before, or the suite is RC4.
	s = again(pool.Faults{CloseAfter: 1, NoRC4: true})
	if s.Failure == nil || strings.Contains(s.Failure.Decided, "two records") {
		t.Errorf("%+v", s.Failure)
	}
}

// Some servers close the connection in place of an alert when they take no suite. The
// phone offers its other suites then too (docs/limits.md#tls-of-the-period).
func TestServerThatClosesOnRC4IsTriedWithTheOtherSuites(t *testing.T) {
	r := newRig(t, nil, nil)
	c, err := r.lab.Certificate("pool.contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	var agreed atomic.Uint32 // the suite
	at := listening(t, func(nc net.Conn) {
		server := tls.Server(nc, &tls.Config{MinVersion: tls.VersionTLS10, Certificates: []tls.Certificate{c},
			CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA},
			GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if !slices.Contains(hello.CipherSuites, tls.TLS_RSA_WITH_AES_128_CBC_SHA) {
					nc.Close()
				}
				return nil, nil
			}})
		if server.Handshake() == nil {
			agreed.Store(uint32(server.ConnectionState().CipherSuite))
		}
	})
	r.wantFailure(r.signIn(patched(r.lab.Inside(), map[string]string{"pool.contoso.com:5061": at})), journal.SIPLost)
	if agreed.Load() != uint32(tls.TLS_RSA_WITH_AES_128_CBC_SHA) {
		t.Errorf("agreed on suite %#x\n%s", agreed.Load(), story(r.Phone))
	}
}
