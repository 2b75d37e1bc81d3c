//go:build realpeers && linux

package pool_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/peer"
)

// The pool as foreign clients see it: real time, a certificate of a CA in a
// file, and an address of this test's own.
const peerAddress = "127.23.1.1"

type peerWorld struct {
	*pool.Server
	users   *directory.Directory
	dir     string // for files
	ca      string // PEM file of the root that the pool's certificate leads to
	otherCA string // PEM file of a root that it does not
}

func newPeerWorld(t *testing.T, configure func(*pool.Server)) *peerWorld {
	t.Helper()
	users := newDirectory(t)
	w := &peerWorld{Server: pool.New(users), users: users, dir: peer.Dir(t)}
	p, err := pki.New(pki.Options{Algorithm: pki.RSA2048SHA256}, pki.Names{})
	if err != nil {
		t.Fatal(err)
	}
	if w.Certificate, err = p.Issuing.Issue(pki.Leaf{Names: []string{"pool.contoso.com"}}); err != nil {
		t.Fatal(err)
	}
	w.ca = peer.Write(t, w.dir, "ca.pem", string(p.Enterprise.PEM()))
	w.otherCA = peer.Write(t, w.dir, "other.pem", string(p.Public.PEM()))
	w.Address = net.JoinHostPort(peerAddress, "0")
	if configure != nil {
		configure(w.Server)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func (w *peerWorld) port() string {
	_, port, _ := net.SplitHostPort(w.Addr())
	return port
}

// sipeClient builds the headless driver of pidgin-sipe.
func sipeClient(t *testing.T) string {
	t.Helper()
	peer.Need(t, "gcc", "gcc")
	peer.Need(t, "pkg-config", "pkg-config")
	source, err := filepath.Abs("testdata/sipe-client.c")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(peer.Dir(t), "sipe-client")
	flags := strings.Fields(peer.Output(t, "pkg-config", "--cflags", "--libs", "purple"))
	peer.Output(t, "gcc", append([]string{"-O1", "-w", "-o", program, source}, append(flags, "-rdynamic", "-ldl")...)...)
	return program
}

// sipe runs the driver for the test user; args come last and so win.
func (w *peerWorld) sipe(t *testing.T, program string, args ...string) (output string, code int) {
	t.Helper()
	defaults := []string{"--server", "pool.contoso.com:" + w.port(), "--user", "tu@contoso.com", "--login", `CONTOSO\tu`,
		"--password", "C0ntoso-Pa55", "--ca", w.ca, "--require-auth", "--timeout", "20"}
	for _, name := range []string{"pool.contoso.com", "other.contoso.com"} {
		defaults = append(defaults, "--resolve", name+"="+peerAddress)
	}
	// Without D-Bus nobody can tell libpurple that the host has no network.
	env := []string{"HOME=" + peer.Dir(t), "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"}
	return peer.Command{Env: env}.Run(t, program, append(defaults, args...)...)
}

func TestPeerSipe(t *testing.T) {
	program := sipeClient(t)
	for version := 3; version <= 4; version++ {
		t.Run(fmt.Sprintf("signs in with NTLM version %d and gets what it then asks for", version), func(t *testing.T) {
			w := newPeerWorld(t, func(s *pool.Server) { s.Version = version })
			var seen []pool.Registration
			w.SetFaults(pool.Faults{Hold: func(req *sip.Request) {
				if e := req.GetHeader("Expires"); req.Method == sip.REGISTER && e != nil && e.Value() == "0" {
					seen = w.Registrations() // sipe is about to sign out
				}
			}})
			out, code := w.sipe(t, program, "--status", "busy")
			if code != 0 || !strings.Contains(out, "server-signature-verified=yes") {
				t.Fatalf("sipe ended with %d", code)
			}
			for _, want := range []string{
				"Event: vnd-microsoft-provisioning-v2", "</provisionGroupList>",
				"Event: vnd-microsoft-roaming-contacts", "</contactList>",
				"Event: vnd-microsoft-roaming-self", "</roamingData>",
				"SERVICE sip:tu@contoso.com", "Content-Type: application/msrtc-category-publish+xml",
				// What sipe read of it.
				"focus_factory_uri=sip:tu@contoso.com;gruu;opaque=app:conf:focusfactory", "addressbook_uri=https://pool.contoso.com:443/abs/int",
				"created backend group 'Other Contacts' with id 1", "created backend group 'Sales' with id 2",
				"added buddy sip:kerry@contoso.com to group Sales", "'sip:kerry@contoso.com' with alias 'Kerry'",
				"key=<userProperties><0><1> version=1", "key=<state><1><2> version=1",
				"added container id=200 v1", "added container member type=sameEnterprise", // what it asked for, in a BENOTIFY
				"added to user_state_publications key=<state><536870912><2> version=1", "key=<state><1><2> version=2",
			} {
				if !strings.Contains(out, want) {
					t.Errorf("sipe and the pool never said %q", want)
				}
			}
			if refused := strings.Count(out, "SIP/2.0 420"); refused != 1 { // to the presence of his contacts: it requires categoryList
				t.Errorf("%d subscriptions were refused, want 1", refused)
			}
			// Every answer but the challenges of the handshake verified.
			answers, refused := strings.Count(out, `MESSAGE START <<<`), strings.Count(out, `SIP/2.0 401 `)
			if valid := strings.Count(out, "signature of incoming message validated"); valid != answers-refused || refused != 2 {
				t.Errorf("%d answers, %d challenges, %d good signatures", answers, refused, valid)
			}
			for _, bad := range []string{"signature of incoming message is invalid", "SIP/2.0 400", "SIP/2.0 403", "SIP/2.0 409", "BLOCKED"} {
				if strings.Contains(out, bad) {
					t.Errorf("sipe says %q", bad)
				}
			}
			w.gone(t) // sipe ends without waiting for the answer to its farewell
			if want := fmt.Sprintf("NTLM v%d", version); len(seen) != 1 || seen[0].Auth != want || !strings.Contains(seen[0].UserAgent, "Sipe/1.25") || seen[0].GRUU == "" {
				t.Errorf("registered while sipe was there: %+v", seen)
			}
			if c := w.Counters(); c.BadSignatures != 0 || c.BadLogons != 0 {
				t.Errorf("counted %+v", c)
			}
			peer.Row(t, "pidgin-sipe", fmt.Sprintf("signs in to the lab's pool with NTLM version %d; signatures verified both ways; it reads provisioning, contacts, its containers and the versions of its presence; signs out", version))
		})
	}

	w := newPeerWorld(t, nil)
	for name, c := range map[string]struct {
		args      []string
		says      string
		badLogons int
	}{
		"a wrong password":  {[]string{"--password", "wrong"}, "Authentication failed", 1},
		"a wrong authority": {[]string{"--ca", w.otherCA}, "no certificate that can verify it is currently trusted", 0},
		"a wrong name":      {[]string{"--server", "other.contoso.com:" + w.port()}, `claims to be from "pool.contoso.com" instead`, 0},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			before := w.Counters()
			out, code := w.sipe(t, program, c.args...)
			if code != 1 || !strings.Contains(out, c.says) {
				t.Fatalf("sipe ended with %d and does not say %q", code, c.says)
			}
			if after := w.Counters(); after.BadLogons-before.BadLogons != c.badLogons || after.Registers != before.Registers {
				t.Errorf("the pool counted %+v, before %+v", after, before)
			}
			peer.Row(t, "pidgin-sipe", name+" at the lab's pool is refused")
		})
	}
}

// gone waits until nobody is registered.
func (w *peerWorld) gone(t *testing.T) {
	t.Helper()
	peer.Eventually(t, "the registration to go", func() error {
		if r := w.Registrations(); len(r) != 0 {
			return fmt.Errorf("registered: %+v", r)
		}
		return nil
	})
}
