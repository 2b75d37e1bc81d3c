package adroots_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm"
)

// docs/protocol/trust.md#root-download method B: no published root, but an
// enterprise CA with web enrolment.
func TestWebEnrolmentIsTheSecondMethod(t *testing.T) {
	w := newWorld(t)
	root := w.newRoot("Contoso Enterprise CA", nil)
	w.dir.PublishEnrolment("Contoso Enterprise CA", "ca.contoso.com", root)
	w.mustFail(w.config(), journal.ADNoRoots) // unless it is switched off
	if len(w.dialed) != 1 {
		t.Errorf("dialed %v", w.dialed)
	}
	c := w.config()
	c.HTTP = true
	r := w.mustDownload(c)
	if len(r.Roots) != 1 || string(r.Roots[0].Certificate.Raw) != string(root) {
		t.Fatalf("%d roots, rejected %v", len(r.Roots), r.Rejected)
	}
	if s := r.Roots[0].Source; s.Kind != certstore.Enrolment || s.Server != "ca.contoso.com" || !strings.HasPrefix(s.DN, "CN=Contoso Enterprise CA,") {
		t.Errorf("source %+v", s)
	}
	w.step("GET http://ca.contoso.com/certsrv/certnew.p7b?ReqID=CACert&Renewal=-1&Enc=b64")

	w.publish(1)
	if r := w.mustDownload(c); len(r.Roots) != 1 || r.Roots[0].Source.Kind != certstore.AD {
		t.Errorf("the second method ran although the first found a root: %+v", r.Roots)
	}
}

// Design 5: over plain HTTP anybody can answer, so only a certificate of the directory is accepted.
func TestWebEnrolmentNeedsTheConfirmationOfTheDirectory(t *testing.T) {
	w := newWorld(t)
	held, foreign := w.newRoot("Contoso Enterprise CA", nil), w.newRoot("Evil CA", nil)
	w.dir.PublishEnrolment("Contoso Enterprise CA", "ca.contoso.com", held)
	for _, c := range []struct {
		name  string
		sends [][]byte
		roots int
	}{
		{"a foreign root", [][]byte{foreign}, 0},
		{"both", [][]byte{foreign, held}, 1},
		{"nothing", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				for _, der := range c.sends {
					rw.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
				}
			}))
			defer server.Close()
			w.hosts["ca.contoso.com:80"] = server.Listener.Addr().String()
			cfg := w.config()
			cfg.HTTP = true
			if c.roots == 0 {
				w.mustFail(cfg, journal.ADEnrolment)
				return
			}
			if r := w.mustDownload(cfg); len(r.Roots) != c.roots || string(r.Roots[0].Certificate.Raw) != string(held) || len(r.Rejected) != 1 {
				t.Errorf("%d roots, rejected %v", len(r.Roots), r.Rejected)
			}
		})
	}
}

func TestWebEnrolmentUsesNTLMOnlyAndARefusalEndsIt(t *testing.T) {
	for _, c := range []struct {
		name     string
		answer   func(rw http.ResponseWriter, token []byte)
		requests int32 // over both hosts
		text     string
	}{
		{"Basic only", func(rw http.ResponseWriter, _ []byte) {
			rw.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			rw.WriteHeader(401)
		}, 2, "offers no NTLM"},
		{"an NTLM challenge without extended session security", func(rw http.ResponseWriter, token []byte) {
			challenge(rw, token, ntlm.FlagsHTTP&^ntlm.NegotiateESS)
		}, 2, "too little security"},
		{"NTLM, refused", func(rw http.ResponseWriter, token []byte) { challenge(rw, token, ntlm.FlagsHTTP) }, 2, "refused the user name or the password"},
		{"a redirect", func(rw http.ResponseWriter, _ []byte) {
			rw.Header().Set("Location", "http://evil.example/")
			rw.WriteHeader(302)
		}, 2, "302"},
		{"endless", func(rw http.ResponseWriter, _ []byte) {
			for {
				if _, err := rw.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, 2, "more octets than allowed"},
		{"no certificates", func(rw http.ResponseWriter, _ []byte) { rw.Write([]byte("<html>")) }, 2, "no certificate"},
		{"no HTTP", func(rw http.ResponseWriter, _ []byte) {
			conn, _, err := http.NewResponseController(rw).Hijack()
			if err == nil {
				conn.Write([]byte("220 smtp\r\n"))
				conn.Close()
			}
		}, 2, "malformed HTTP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.dir.PublishEnrolment("One", "ca.contoso.com", w.newRoot("One", nil))
			w.dir.PublishEnrolment("Two", "ca2.contoso.com:80", w.newRoot("Two", nil))
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				token, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "NTLM "))
				if err != nil || ntlm.Type(token) == 0 {
					t.Errorf("Authorization %q", r.Header.Get("Authorization"))
				}
				c.answer(rw, token)
			}))
			defer server.Close()
			w.hosts["ca.contoso.com:80"] = server.Listener.Addr().String()
			w.hosts["ca2.contoso.com:80"] = server.Listener.Addr().String()
			cfg := w.config()
			cfg.HTTP = true
			f := w.mustFail(cfg, journal.ADEnrolment)
			if !strings.Contains(f.Error(), c.text) {
				t.Errorf("%v does not say %q", f, c.text)
			}
			if n := requests.Load(); n != c.requests {
				t.Errorf("%d requests", n)
			}
			if refused := c.name == "NTLM, refused"; refused != (len(w.dialed) == 2) {
				t.Errorf("dialed %v", w.dialed)
			}
		})
	}
}

// Over plain HTTP an attacker on the path sees the NTLM response, so only hosts of
// the forest are asked (docs/decisions.md#do-no-harm).
func TestWebEnrolmentOutsideTheForestIsNotAsked(t *testing.T) {
	for host, asked := range map[string]bool{
		"ca.contoso.com": true, "CA.EU.Contoso.com": true, "ca.contoso.com:8080": true,
		"ca.evil.example": false, "evilcontoso.com": false, "contoso.com.evil.example": false, "192.0.2.1": false, "localhost": false,
		"evil.example/.contoso.com": false, "evil.example:80#.contoso.com": false, "tu@ca.contoso.com": false, "ca.contoso.com:http": false,
	} {
		t.Run(host, func(t *testing.T) {
			w := newWorld(t)
			w.dir.PublishEnrolment("CA", host, w.newRoot("CA", nil))
			w.srv["_ldap._tcp.dc._msdcs.eu.contoso.com"] = w.srv[msdcs]
			cfg := w.config()
			cfg.HTTP, cfg.Domain = true, "eu.contoso.com" // a child: CAs are mostly in the forest's root domain
			w.hosts["CA.EU.Contoso.com:80"], w.hosts["ca.contoso.com:8080"] = w.dc.EnrolmentAddr(), w.dc.EnrolmentAddr()
			if asked {
				if r := w.mustDownload(cfg); len(r.Roots) != 1 {
					t.Errorf("%d roots", len(r.Roots))
				}
				return
			}
			if f := w.mustFail(cfg, journal.ADEnrolment); !strings.Contains(f.What, "not a host of eu.contoso.com") || len(w.dialed) != 1 {
				t.Errorf("%q, dialed %v", f.What, w.dialed)
			}
		})
	}
}

// A root of web enrolment is accepted only if the directory holds it for that CA.
// Without such a root the host is not asked, so that the NTLM response is not sent
// in vain.
func TestWebEnrolmentThatCannotHelpIsNotAsked(t *testing.T) {
	for name, held := range map[string]func(*x509.Certificate){
		"a server's certificate": func(c *x509.Certificate) { c.IsCA = false },
		"nothing":                nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var der []byte
			if held != nil {
				der = w.newRoot("CA", held)
			}
			w.dir.PublishEnrolment("CA", "ca.contoso.com", der)
			cfg := w.config()
			cfg.HTTP = true
			if f := w.mustFail(cfg, journal.ADEnrolment); !strings.Contains(f.What, "holds no root") || len(w.dialed) != 1 {
				t.Errorf("%q, dialed %v", f.What, w.dialed)
			}
		})
	}
}

// challenge answers 401 to every message: with an NTLM challenge to the first.
func challenge(rw http.ResponseWriter, token []byte, flags ntlm.Flags) {
	if ntlm.Type(token) == 1 {
		s := ntlm.Server{NetBIOSDomain: "CONTOSO", Flags: flags}
		if msg, err := s.Challenge(token); err == nil {
			rw.Header().Set("WWW-Authenticate", "NTLM "+base64.StdEncoding.EncodeToString(msg))
		}
	}
	rw.WriteHeader(401)
}

func TestWebEnrolmentHostThatIsDownIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.dir.PublishEnrolment("Up", "ca.contoso.com", w.newRoot("Up", nil))
	w.dir.PublishEnrolment("Down", "down.contoso.com", w.newRoot("Down", nil))
	cfg := w.config()
	cfg.HTTP = true
	r := w.mustDownload(cfg)
	if len(r.Roots) == 0 {
		t.Error("the host that is up was not asked")
	}
	if s := w.step("down.contoso.com:80 refuses connections"); s.State != journal.Warned || s.Code != journal.ADEnrolment {
		t.Errorf("%+v", s)
	}
}
