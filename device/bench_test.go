package device_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
)

// BenchmarkSignIn is the whole way from power on to ready: time by NTP,
// discovery by DNS, TLS with the verdict, REGISTER with NTLM, provisioning,
// Autodiscover, the mailbox. With the pool's root there, and with the
// download from Active Directory before. The metrics beside are the share of
// each step, up to its line in the journal.
func BenchmarkSignIn(b *testing.B) {
	for _, row := range []struct {
		name            string
		today, download bool
	}{{"ecdsa", true, false}, {"rsa", false, false}, {"ecdsa-download", true, true}, {"rsa-download", false, true}} {
		b.Run(row.name, func(b *testing.B) {
			r := newRig(b, func(d *lab.Deployment) { d.Today = row.today }, nil)
			r.wantReady(r.signIn(r.lab.Inside()))
			shares := map[journal.Name]time.Duration{}
			cursor := r.Events().Last()
			for b.Loop() {
				if row.download {
					if _, err := r.PressReset(); err != nil {
						b.Fatal(err)
					}
				}
				r.PowerOff()
				r.PowerOn()
				if err := r.SignIn(r.creds); err != nil {
					b.Fatal(err)
				}
				r.wantReady(r.rest())
				b.StopTimer()
				events, next, _ := r.Events().Since(cursor)
				cursor = next
				var before time.Time
				for _, e := range events {
					if e.Step == nil {
						continue
					}
					if !before.IsZero() && e.Step.Name != journal.Power {
						shares[e.Step.Name] += e.Step.At.Sub(before)
					}
					before = e.Step.At
				}
				b.StartTimer()
			}
			for name, d := range shares {
				if name != journal.Time { // it moves the clock by which the steps are stamped
					b.ReportMetric(float64(d.Microseconds())/float64(b.N), "µs-"+string(name))
				}
			}
		})
	}
}

// fleet is a deployment of n users, and signs in a phone for each.
func fleet(n int) lab.Deployment {
	d := lab.ContosoToday()
	d.Users = make([]lab.User, n)
	for i := range d.Users {
		d.Users[i].Name = fmt.Sprintf("user%d", i)
	}
	return d
}

// atOnce bounds the sign-ins that are under way at a time: more wait for the
// processors, not for the network.
const atOnce = 32

// signInAll signs phones in and waits for them all.
func signInAll(phones []*device.Phone, ready lab.Ready) error {
	errs := make(chan error, len(phones))
	turn := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, p := range phones {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			u := ready.Users[i%len(ready.Users)]
			p.PowerOn()
			p.Plug(ready.Inside.Place("inside"))
			if err := p.SignIn(device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}); err != nil {
				errs <- err
				return
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if s, err := p.Wait(ctx, device.Snapshot.Done); err != nil || s.State != device.Ready {
				errs <- fmt.Errorf("phone %d is %s: %v\n%s", i, s.State, err, story(p))
			}
		})
	}
	all.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// BenchmarkFleet1000 signs in 1,000 phones of 1,000 users, with the pool in the
// same process.
func BenchmarkFleet1000(b *testing.B) {
	const n = 1000
	world, err := lab.New(fleet(n))
	if err != nil {
		b.Fatal(err)
	}
	defer world.Close()
	build := rooted(b, world)
	for b.Loop() {
		b.StopTimer()
		phones := make([]*device.Phone, n)
		for i := range phones {
			phones[i] = newPhone(b, "today", build)
		}
		b.StartTimer()
		if err := signInAll(phones, world.Ready()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		for _, p := range phones {
			p.Close()
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "sign-ins/s")
}

// idleDir and idleKind name the environment variables that turn the test binary
// into many idle clients of a kind, which measure themselves: the pool is in the
// other process.
const (
	idleDir  = "DEVICE_TEST_IDLE_DIR"
	idleKind = "DEVICE_TEST_IDLE_KIND"
	idlers   = 200
)

// idleKinds are the kinds of idle clients: phones that are ready, bare crypto/tls
// clients, and clients of sipgo whose REGISTER was answered once.
var idleKinds = map[string]func(ready lab.Ready, n int) (closeAll func(), err error){
	"phone": idlePhones, "bare-TLS": bareClients, "sipgo": sipgoClients,
}

// weight is what one idle client costs its process.
type weight struct{ Heap, Stack, Goroutines float64 }

// BenchmarkIdlePhone weighs a signed-in phone at rest beside other clients of the
// same pool. The clients are in a process of their own, so that the pool's end of
// the connections does not count. x-NAME is the memory of the phone divided by that
// of the client NAME, heap and stack together.
func BenchmarkIdlePhone(b *testing.B) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	world, err := lab.New(fleet(idlers))
	if err != nil {
		b.Fatal(err)
	}
	defer world.Close()
	dir := b.TempDir()
	if err := world.WriteReady(filepath.Join(dir, readyFile)); err != nil {
		b.Fatal(err)
	}
	var phone weight
	for _, kind := range []string{"phone", "bare-TLS", "sipgo"} {
		b.Run(kind, func(b *testing.B) {
			var w weight
			for b.Loop() {
				cmd := exec.Command(exe)
				cmd.Env, cmd.Stderr = append(os.Environ(), idleDir+"="+dir, idleKind+"="+kind), os.Stderr
				out, err := cmd.Output()
				if err == nil {
					err = json.Unmarshal(out, &w)
				}
				if err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
			}
			b.ReportMetric(w.Heap, "heap-B/client")
			b.ReportMetric(w.Stack, "stack-B/client")
			b.ReportMetric(w.Goroutines, "goroutines/client")
			if kind == "phone" {
				phone = w
			} else if phone.Heap > 0 {
				b.ReportMetric((phone.Heap+phone.Stack)/(w.Heap+w.Stack), "x-"+kind)
			}
		})
	}
}

// idle is the main function of the other process: it signs in and prints what
// each client weighs.
func idle(dir string) error {
	ready, err := lab.ReadReady(context.Background(), filepath.Join(dir, readyFile))
	if err != nil {
		return err
	}
	connect := idleKinds[os.Getenv(idleKind)]
	warm, err := connect(ready, 1) // without what is allocated once
	if err != nil {
		return err
	}
	defer warm()
	before := measure()
	rest, err := connect(ready, idlers)
	if err != nil {
		return err
	}
	defer rest()
	after := measure()
	return json.NewEncoder(os.Stdout).Encode(weight{
		(after.Heap - before.Heap) / idlers, (after.Stack - before.Stack) / idlers, (after.Goroutines - before.Goroutines) / idlers})
}

func measure() weight {
	var m runtime.MemStats
	for range 3 { // the first sweeps, the next find what finalizers let go
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return weight{float64(m.HeapAlloc), float64(m.StackInuse), float64(runtime.NumGoroutine())}
}

func idlePhones(ready lab.Ready, n int) (func(), error) {
	fw, err := device.FirmwareNamed("today")
	if err != nil {
		return nil, err
	}
	set := certstore.FilePrefix + ready.Roots[0].File
	roots, err := certstore.RootSet(set)
	if err != nil {
		return nil, err
	}
	phones, plans := make([]*device.Phone, n), new(device.PlanCache)
	for i := range phones {
		if phones[i], err = device.New(device.Config{
			Firmware: fw, RootSet: set, Factory: roots, NTP: true, Plans: plans,
			MAC: fmt.Sprintf("00-04-F2-%02X-%02X-%02X", n&0xff, i>>8, i&0xff), // each run registers the same endpoints again
		}); err != nil {
			return nil, err
		}
	}
	closeAll := func() {
		for _, p := range phones {
			p.Close()
		}
	}
	if err := signInAll(phones, ready); err != nil {
		closeAll()
		return nil, err
	}
	return closeAll, nil
}

// poolTLS is the TLS of the clients beside the phone.
func poolTLS(ready lab.Ready) (addr string, config *tls.Config, err error) {
	pem, err := os.ReadFile(ready.Roots[0].File)
	if err != nil {
		return "", nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return ready.Inside.Patch["pool.contoso.com:5061"],
		&tls.Config{RootCAs: roots, ServerName: "pool.contoso.com", SessionTicketsDisabled: true}, nil
}

func bareClients(ready lab.Ready, n int) (func(), error) {
	addr, config, err := poolTLS(ready)
	if err != nil {
		return nil, err
	}
	var conns []net.Conn
	var reading sync.WaitGroup
	closeAll := func() {
		for _, c := range conns {
			c.Close()
		}
		reading.Wait()
	}
	for range n {
		c, err := tls.Dial("tcp", addr, config)
		if err != nil {
			closeAll()
			return nil, err
		}
		conns = append(conns, c)
		reading.Go(func() { c.Read(make([]byte, 1)) })
	}
	return closeAll, nil
}

// sipgoClients are user agents of sipgo with a connection each. sipgo has no NTLM:
// the answer to their REGISTER is 401.
func sipgoClients(ready lab.Ready, n int) (func(), error) {
	addr, config, err := poolTLS(ready)
	if err != nil {
		return nil, err
	}
	sip.SetDefaultLogger(slog.New(slog.DiscardHandler))
	var agents []*sipgo.UserAgent
	closeAll := func() {
		for _, ua := range agents {
			ua.Close()
		}
	}
	for i := range n {
		ua, err := sipgo.NewUA(sipgo.WithUserAgent(fmt.Sprintf("user%d", i)), sipgo.WithUserAgenTLSConfig(config))
		if err != nil {
			closeAll()
			return nil, err
		}
		agents = append(agents, ua)
		if err := askOnce(ua, addr); err != nil {
			closeAll()
			return nil, err
		}
	}
	return closeAll, nil
}

func askOnce(ua *sipgo.UserAgent, addr string) error {
	c, err := sipgo.NewClient(ua, sipgo.WithClientHostname("127.0.0.1"))
	if err != nil {
		return err
	}
	to := sip.Uri{Scheme: "sip", Host: "contoso.com"}
	req := sip.NewRequest(sip.REGISTER, to)
	req.AppendHeader(sip.NewHeader("Contact", fmt.Sprintf("<sip:%s@127.0.0.1>", ua.Name())))
	req.SetTransport("TLS")
	req.SetDestination(addr)
	res, err := c.Do(context.Background(), req, sipgo.ClientRequestRegisterBuild)
	if err == nil && res.StatusCode != sip.StatusUnauthorized {
		err = errors.New(res.StartLine())
	}
	return err
}
