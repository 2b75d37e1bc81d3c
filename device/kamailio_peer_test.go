//go:build realpeers && linux

package device_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/peer"
)

// Kamailio's address, and the name that its certificate bears.
const (
	kamailioAddress = "127.23.2.1"
	kamailioPort    = "5061"
	kamailioPlain   = "5060" // without TLS
	kamailioHost    = "sip.contoso.com"
	kamailioExpires = 600 * time.Second
)

// A registrar and nothing else: it forwards to nobody and looks no name up. The
// password of user X is pw-X, and X may register any address. One TCP process: with two, the 5.6
// of Debian 12 on OpenSSL 3.0 dies after some thousand TLS handshakes.
const kamailioConfig = `#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
tcp_children=1
auto_aliases=no
alias="contoso.com"
listen=tls:` + kamailioAddress + `:` + kamailioPort + `
listen=tcp:` + kamailioAddress + `:` + kamailioPlain + `
enable_tls=yes
dns=no
rev_dns=no
mpath="%[1]s"
loadmodule "tls.so"
loadmodule "jsonrpcs.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "nathelper.so"
loadmodule "htable.so"
loadmodule "auth.so"
loadmodule "tcpops.so"
modparam("tls", "config", "%[2]s/tls.cfg")
modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "dgram_socket", "%[2]s/rpc")
modparam("usrloc", "db_mode", 0)
modparam("registrar", "received_avp", "$avp(RECEIVED)")
modparam("registrar", "default_expires", 600)
modparam("registrar", "gruu_enabled", 0)
modparam("nathelper", "received_avp", "$avp(RECEIVED)")
modparam("htable", "htable", "control=>size=4;")
%[3]s

request_route {
	if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (!is_method("REGISTER")) { sl_send_reply("405", "Method Not Allowed"); exit; }
	force_rport();
	$var(pw) = "pw-" + $au;
	if (!pv_auth_check("contoso.com", "$var(pw)", "0", "0")) {
		if ($au != $null) xlog("L_ALERT", "REFUSED $au\n");
		auth_challenge("contoso.com", "0");
		exit;
	}
	fix_nated_register();
	if (!save("location")) sl_reply_error();
	# When told, a connection ends after its next refresh: a sign-in has CSeq 1 and 2.
	if ($sht(control=>cut) == 1 && $(cs{s.int}) > 2) tcp_close_connection();
}
`

const kamailioTLS = `[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = %[1]s/key.pem
certificate = %[1]s/cert.pem
[client:default]
verify_certificate = yes
require_certificate = yes
`

// kamailio is a running registrar.
type kamailio struct {
	*peer.Process
	dir string
	pki *pki.PKI
}

// startKamailio starts one with more settings of its modules.
func startKamailio(t *testing.T, settings ...string) *kamailio {
	t.Helper()
	peer.Need(t, "kamailio kamailio-tls-modules", "kamailio")
	modules, _ := filepath.Glob("/usr/lib/*/kamailio/modules/tls.so")
	if len(modules) == 0 {
		t.Fatal("kamailio has no TLS: apt-get install kamailio-tls-modules")
	}
	k := &kamailio{dir: peer.Dir(t)}
	var err error
	if k.pki, err = pki.New(pki.Options{Algorithm: pki.RSA2048SHA256}, pki.Names{}); err != nil {
		t.Fatal(err)
	}
	k.present(t, k.pki.Issuing)
	peer.Write(t, k.dir, "tls.cfg", fmt.Sprintf(kamailioTLS, k.dir))
	peer.Write(t, k.dir, "kamailio.cfg", fmt.Sprintf(kamailioConfig, filepath.Dir(modules[0])+"/", k.dir, strings.Join(settings, "\n")))
	k.start(t)
	return k
}

// start starts Kamailio with the configuration in k.dir.
func (k *kamailio) start(t *testing.T) {
	t.Helper()
	k.Process = peer.Command{Dir: k.dir, Ready: peer.Listening(net.JoinHostPort(kamailioAddress, kamailioPort))}.Start(t,
		"kamailio", "-DD", "-E", "-f", k.dir+"/kamailio.cfg", "-Y", k.dir, "-P", k.dir+"/pid", "-w", k.dir, "-m", "128", "-M", "16")
}

// present writes a new certificate of an authority, which counts from the next
// start or tls.reload on.
func (k *kamailio) present(t *testing.T, by *pki.Authority) *x509.Certificate {
	t.Helper()
	c, err := by.Issue(pki.Leaf{Names: []string{kamailioHost}})
	if err != nil {
		t.Fatal(err)
	}
	chain, key := pemOf(t, c)
	peer.Write(t, k.dir, "cert.pem", chain)
	peer.Write(t, k.dir, "key.pem", key)
	return c.Leaf
}

// shows requires that Kamailio presents leaf to who connects now.
func (k *kamailio) shows(t *testing.T, leaf *x509.Certificate) {
	t.Helper()
	c, err := tls.Dial("tcp", net.JoinHostPort(kamailioAddress, kamailioPort), &tls.Config{ServerName: kamailioHost, RootCAs: k.pki.Enterprise.Pool()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.ConnectionState().PeerCertificates[0]; !got.Equal(leaf) {
		t.Fatalf("after tls.reload it shows the certificate %v, want %v", got.SerialNumber, leaf.SerialNumber)
	}
}

func pemOf(t *testing.T, c tls.Certificate) (chain, key string) {
	t.Helper()
	var b bytes.Buffer
	for _, der := range c.Certificate {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// rpc calls one of Kamailio's procedures; its own error is err.
func (k *kamailio) rpc(t *testing.T, method string, params ...any) (result json.RawMessage, err error) {
	t.Helper()
	local := &net.UnixAddr{Name: filepath.Join(peer.Dir(t), "answer"), Net: "unixgram"}
	c, err := net.DialUnix("unixgram", local, &net.UnixAddr{Name: k.dir + "/rpc", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if params == nil {
		params = []any{}
	}
	ask, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "method": method, "params": params, "id": 1})
	if _, err := c.Write(ask); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64<<10)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.Unmarshal(b[:n], &answer); err != nil {
		t.Fatal(err, string(b[:n]))
	}
	if answer.Error != nil {
		return nil, errors.New(answer.Error.Message)
	}
	return answer.Result, nil
}

func (k *kamailio) must(t *testing.T, method string, params ...any) {
	t.Helper()
	if _, err := k.rpc(t, method, params...); err != nil {
		t.Fatalf("%s: %v", method, err)
	}
}

// contacts counts who is registered as user.
func (k *kamailio) contacts(t *testing.T, user string) int {
	t.Helper()
	result, err := k.rpc(t, "ul.lookup", "location", user)
	if err != nil {
		return 0
	}
	return strings.Count(string(result), `"Address"`)
}

// phone is one that trusts Kamailio's first root and is told where it is.
func (k *kamailio) phone(t *testing.T, registrar string, build ...func(*device.Config)) (*device.Phone, *clock.Adjustable) {
	t.Helper()
	now := clock.New(time.Now())
	p := newPhone(t, "today", func(c *device.Config) {
		c.Registrar, c.NTP, c.Clock = registrar, false, now
		for _, b := range build {
			b(c)
		}
	})
	trustRoot(t, p, k.pki.Enterprise)
	p.PowerOn()
	patch := network.AddressMap{}
	for _, host := range []string{kamailioHost, "other.contoso.com"} {
		for _, port := range []string{kamailioPort, kamailioPlain} {
			patch[net.JoinHostPort(host, port)] = net.JoinHostPort(kamailioAddress, port)
		}
	}
	// Nobody is at that DNS server: where the registrar is was told.
	p.Plug(network.Place{Name: "a desk", DNS: []string{kamailioAddress + ":9"}, Patch: patch})
	return p, now
}

func trustRoot(t *testing.T, p *device.Phone, root *pki.Authority) {
	t.Helper()
	if _, err := p.Import([]certstore.Root{{Certificate: root.Certificate, Source: certstore.Source{Kind: certstore.Import}}}); err != nil {
		t.Fatal(err)
	}
}

func signIn(t *testing.T, p *device.Phone, user, password string) device.Snapshot {
	t.Helper()
	if err := p.SignIn(device.Credentials{Address: user + "@contoso.com", User: user, Password: password}); err != nil {
		t.Fatal(err)
	}
	return wait(t, p, func(s device.Snapshot) bool { return s.Done() || s.State == device.Waiting })
}

// count is how many steps hold text in what was decided.
func count(p *device.Phone, text string) (n int) {
	for _, s := range steps(p) {
		if strings.Contains(s.Decided, text) {
			n++
		}
	}
	return n
}

func TestPeerKamailio(t *testing.T) {
	k := startKamailio(t)
	const registrar = kamailioHost + ":" + kamailioPort

	t.Run("registers by digest, refreshes, unregisters", func(t *testing.T) {
		p, now := k.phone(t, registrar)
		if s := signIn(t, p, "alice", "pw-alice"); s.State != device.Ready || s.Server != registrar {
			t.Fatalf("%s at %s\n%s", s.State, s.Server, story(p))
		}
		if n := k.contacts(t, "alice"); n != 1 {
			t.Errorf("%d contacts of alice", n)
		}
		for i := range 3 {
			now.Advance(kamailioExpires)
			wait(t, p, func(device.Snapshot) bool { return count(p, "is refreshed") == i+1 })
		}
		if n := k.contacts(t, "alice"); n != 1 || count(p, "Connected to") != 1 {
			t.Errorf("after three refreshes %d contacts and %d connections", n, count(p, "Connected to"))
		}
		if err := p.SignOut(context.Background()); err != nil {
			t.Error(err)
		}
		if n := k.contacts(t, "alice"); n != 0 {
			t.Errorf("%d contacts of alice after she signed out", n)
		}
		peer.Row(t, "kamailio", "the phone registers over TLS by digest in RFC 3261 mode, refreshes and unregisters")
	})

	t.Run("a wrong password is tried once", func(t *testing.T) {
		p, now := k.phone(t, registrar)
		s := signIn(t, p, "bob", "wrong")
		if s.State != device.Failed || s.Failure.Code != journal.AuthPassword {
			t.Fatalf("%s, %+v\n%s", s.State, s.Failure, story(p))
		}
		now.Advance(24 * time.Hour)
		if s = p.Snapshot(); s.State != device.Failed {
			t.Errorf("after a day it is %s", s.State)
		}
		peer.Eventually(t, "Kamailio to tell of the refusal", func() error {
			if strings.Contains(k.Log(), "REFUSED bob") {
				return nil
			}
			return errors.New("not yet")
		})
		if n := strings.Count(k.Log(), "REFUSED bob"); n != 1 {
			t.Errorf("Kamailio refused the password %d times", n)
		}
		peer.Row(t, "kamailio", "a wrong password is spent once, and not again in a day")
	})

	t.Run("the name that was told is the one verified", func(t *testing.T) {
		p, _ := k.phone(t, "other.contoso.com:"+kamailioPort)
		if s := signIn(t, p, "alice", "pw-alice"); s.State != device.Failed || s.Failure.Code != journal.CertName {
			t.Fatalf("%s, %+v\n%s", s.State, s.Failure, story(p))
		}
		peer.Row(t, "kamailio", "--registrar HOST is the name that the certificate must bear")
	})
}

func TestPeerKamailioWithoutTLS(t *testing.T) {
	k := startKamailio(t)
	p, _ := k.phone(t, kamailioHost+":"+kamailioPlain+";transport=tcp", func(c *device.Config) { c.AuthUser, c.Expires = "line7", 2*time.Minute })
	if s := signIn(t, p, "carol", "pw-line7"); s.State != device.Ready || len(s.Warnings) != 0 {
		t.Fatalf("%s, %+v\n%s", s.State, s.Warnings, story(p))
	}
	if details := strings.Join(last(t, p, journal.Register).Details, "|"); !strings.Contains(details, "Registered for 2m0s") {
		t.Error(details)
	}
	if n := k.contacts(t, "carol"); n != 1 {
		t.Errorf("%d contacts of carol", n)
	}
	if err := p.SignOut(t.Context()); err != nil || k.contacts(t, "carol") != 0 {
		t.Errorf("%v, %d contacts of carol after she signed out", err, k.contacts(t, "carol"))
	}
	peer.Row(t, "kamailio", "the phone registers over TCP (;transport=tcp) with a user name of its own (--auth-user) for the lifetime that it requests")
}

// TestPeerKamailioWithNoncesForOneUse has Kamailio call each nonce stale that it has
// seen before: the refresh and the sign-out are challenged again.
func TestPeerKamailioWithNoncesForOneUse(t *testing.T) {
	k := startKamailio(t, `modparam("auth", "one_time_nonce", 1)`)
	p, now := k.phone(t, kamailioHost+":"+kamailioPort)
	if s := signIn(t, p, "dave", "pw-dave"); s.State != device.Ready {
		t.Fatalf("%s\n%s", s.State, story(p))
	}
	now.Advance(kamailioExpires)
	wait(t, p, func(device.Snapshot) bool { return count(p, "is refreshed") == 1 })
	if err := p.SignOut(t.Context()); err != nil || k.contacts(t, "dave") != 0 {
		t.Errorf("%v, %d contacts of dave after he signed out", err, k.contacts(t, "dave"))
	}
	if n := count(p, "Authenticate with Digest"); n != 3 {
		t.Errorf("%d challenges, want one each for sign-in, refresh and sign-out\n%s", n, story(p))
	}
	peer.Row(t, "kamailio", "a stale nonce is answered once, at the refresh and at the sign-out too, which leaves nothing behind")
}

// TestPeerRegistrarByNAPTR finds Kamailio as RFC 3263 says. Its certificate bears the
// name that was given, not that of the host in the SRV record.
func TestPeerRegistrarByNAPTR(t *testing.T) {
	k := startKamailio(t)
	s := peer.BIND(t, "contoso.com",
		kamailioHost+` NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.contoso.com.`,
		kamailioHost+` NAPTR 20 10 "s" "SIP+D2T" "" _sip._tcp.contoso.com.`,
		"_sips._tcp.contoso.com SRV 0 0 "+kamailioPort+" k1.contoso.com", "k1.contoso.com A "+kamailioAddress)
	p, _ := k.phone(t, kamailioHost)
	p.Plug(network.Place{Name: "a desk", DNS: []string{s.Addr}})
	if s := signIn(t, p, "erin", "pw-erin"); s.State != device.Ready || s.Server != "k1.contoso.com:"+kamailioPort {
		t.Fatalf("%s at %s\n%s", s.State, s.Server, story(p))
	}
	peer.Row(t, "bind9", "NAPTR, SRV and address lead to an RFC 3261 registrar")
	peer.Row(t, "kamailio", "a registrar that NAPTR and SRV name must bear the name that was given in its certificate")
}

// fate is what became of one phone.
type fate struct {
	what  string // "back", "refreshed", or the code of the refusal
	after time.Duration
}

// TestPeerKamailioRollsItsCertificateOver replaces what Kamailio shows under 50
// registered phones. tls.reload lets connections stand, so that each phone
// meets the new certificate when its connection is cut.
func TestPeerKamailioRollsItsCertificateOver(t *testing.T) {
	const fleet = 50
	k := startKamailio(t)
	phones, clocks := make([]*device.Phone, fleet), make([]*clock.Adjustable, fleet)
	for i := range phones {
		phones[i], clocks[i] = k.phone(t, kamailioHost+":"+kamailioPort)
	}
	// each asks every phone at once and tabulates the answers: none may be silent.
	each := func(when string, f func(i int, p *device.Phone) string) map[string]int {
		t.Helper()
		fates := make([]fate, fleet)
		var all sync.WaitGroup
		for i, p := range phones {
			all.Go(func() {
				start := time.Now()
				fates[i] = fate{what: f(i, p), after: time.Since(start)}
			})
		}
		all.Wait()
		tally, worst := map[string]int{}, map[string]time.Duration{}
		for _, f := range fates {
			tally[f.what]++
			worst[f.what] = max(worst[f.what], f.after)
		}
		for what, n := range tally {
			t.Logf("| %s | %d phones | %s | within %s |", when, n, what, worst[what].Round(time.Millisecond))
		}
		return tally
	}
	await := func(p *device.Phone, good func(device.Snapshot) bool) (device.Snapshot, bool) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		s, err := p.Wait(ctx, good)
		return s, err == nil
	}
	enter := func(i int, p *device.Phone) string {
		user := fmt.Sprintf("u%d", i)
		if err := p.SignIn(device.Credentials{Address: user + "@contoso.com", User: user, Password: "pw-" + user}); err != nil {
			return err.Error()
		}
		s, _ := await(p, device.Snapshot.Done)
		return string(s.State)
	}
	refresh := func(i int, p *device.Phone) string {
		before := count(p, "is refreshed")
		clocks[i].Advance(kamailioExpires)
		if _, ok := await(p, func(device.Snapshot) bool { return count(p, "is refreshed") > before }); !ok {
			return "silent: " + story(p)
		}
		return "refreshed"
	}
	// comeBack waits until the phone has lost its connection and has come to rest.
	comeBack := func(i int, p *device.Phone) string {
		signIns := count(p, "Signed in as")
		clocks[i].Advance(kamailioExpires)
		for range 10 {
			s, ok := await(p, func(s device.Snapshot) bool {
				return s.State == device.Waiting || s.State == device.Failed || s.State == device.Ready && count(p, "Signed in as") > signIns
			})
			switch {
			case !ok:
				return "silent: " + story(p)
			case s.State == device.Ready:
				return "back"
			case s.State == device.Failed || s.Failure.Code != journal.SIPLost:
				return string(s.Failure.Code)
			}
			clocks[i].Advance(time.Minute) // the back-off
		}
		return "restless: " + story(p)
	}
	want := func(got map[string]int, what string) {
		t.Helper()
		if got[what] != fleet {
			t.Fatalf("want %d phones %q, got %v", fleet, what, got)
		}
	}

	want(each("sign-in", enter), string(device.Ready))

	leaf := k.present(t, k.pki.Issuing)
	k.must(t, "tls.reload")
	k.shows(t, leaf)
	want(each("new certificate, connections stand", refresh), "refreshed")
	k.must(t, "htable.seti", "control", "cut", 1)
	want(each("new certificate, connections cut", comeBack), "back")
	for _, p := range phones {
		if n := count(p, "The certificate of "+kamailioHost+" is good"); n != 2 {
			t.Errorf("%d certificates were judged, want the first and the new one\n%s", n, story(p))
		}
	}

	leaf = k.present(t, k.pki.Public)
	k.must(t, "tls.reload")
	want(each("new root, connections cut", comeBack), string(journal.CertUntrusted))
	for _, p := range phones {
		if v := p.Snapshot().Verdict; v == nil || !v.Answers[certstore.Today].Path[0].Equal(leaf) {
			t.Errorf("another certificate than the new one was refused: %+v", v)
		}
	}
	for _, p := range phones {
		trustRoot(t, p, k.pki.Public)
	}
	want(each("new root, imported", enter), string(device.Ready))
	peer.Row(t, "kamailio", "certificate, then root, replaced by tls.reload under 50 phones: all refresh, all come back, all refuse with cert.untrusted")
}
