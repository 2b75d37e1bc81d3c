//go:build realpeers && linux

package device_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
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
