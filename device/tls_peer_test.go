//go:build realpeers && linux

package device_test

import (
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/peer"
)

const tlsAddr = "127.22.2.1:5061"

// TestPeerPhoneJudgesOpenSSLServers lets the lab's DNS lead phones to an
// `openssl s_server` in place of the pool: each failure has its code in the
// failing step, and a root of openssl's, published in the lab's directory,
// makes the phone trust it.
func TestPeerPhoneJudgesOpenSSLServers(t *testing.T) {
	const (
		old   = "1.0.522.71"
		today = "today"
		host  = "pool.contoso.com"
		san   = "subjectAltName=DNS:" + host + "\n"
	)
	o := peer.NewOpenSSL(t)
	now := time.Now()
	root := o.Make(peer.CertificateRequest{Subject: "/CN=Published Root", Extensions: peer.CA, Digest: "sha1"})
	secret := o.Make(peer.CertificateRequest{Subject: "/CN=Unpublished Root", Extensions: peer.CA, Digest: "sha1"})
	issuing := o.Make(peer.CertificateRequest{Subject: "/CN=Issuing CA", Issuer: root, Extensions: peer.CA, Digest: "sha1"})
	server := func(digest string, change func(*peer.CertificateRequest)) *peer.Certificate {
		r := peer.CertificateRequest{Subject: "/CN=" + host, Issuer: issuing, Extensions: peer.Server + san, Digest: digest, Key: "rsa:2048#server"}
		if change != nil {
			change(&r)
		}
		return o.Make(r)
	}
	for _, row := range []struct {
		name     string
		firmware string
		leaf     *peer.Certificate
		args     []string
		code     journal.Code // "": trusted
		step     journal.Name
		tls      string // what was agreed on, when trusted
	}{
		{"2007, SHA-1 chain, TLS 1.0", old, server("sha1", nil), []string{"-tls1"}, "", journal.Trust, "TLS 1.0, TLS_RSA_WITH_AES_128_CBC_SHA"},
		{"2007, common name only, RSA 1024", old, server("sha1", func(r *peer.CertificateRequest) { r.Extensions, r.Key = peer.Server, "rsa:1024" }),
			[]string{"-tls1"}, "", journal.Trust, "TLS 1.0, TLS_RSA_WITH_AES_128_CBC_SHA"},
		{"2007, a server of all versions", old, server("sha1", nil), nil, "", journal.Trust, "TLS 1.0, TLS_RSA_WITH_AES_128_CBC_SHA"},
		{"2007, SHA-256", old, server("sha256", nil), []string{"-tls1"}, journal.CertSHA2, journal.Trust, ""},
		{"2007, expired", old, server("sha1", func(r *peer.CertificateRequest) { r.From, r.To = now.AddDate(-1, 0, 0), now.AddDate(0, 0, -7) }),
			[]string{"-tls1"}, journal.CertExpired, journal.Trust, ""},
		{"2007, wrong name", old, server("sha1", func(r *peer.CertificateRequest) {
			r.Extensions = peer.Server + "subjectAltName=DNS:other.contoso.com\n"
		}),
			[]string{"-tls1"}, journal.CertName, journal.Trust, ""},
		{"2007, client authentication", old, server("sha1", func(r *peer.CertificateRequest) { r.Extensions = "extendedKeyUsage=clientAuth\n" + san }),
			[]string{"-tls1"}, journal.CertUsage, journal.Trust, ""},
		{"2007, self-signed", old, server("sha1", func(r *peer.CertificateRequest) { r.Issuer = nil }), []string{"-tls1"}, journal.CertSelfSigned, journal.Trust, ""},
		{"2007, root not published", old, server("sha1", func(r *peer.CertificateRequest) { r.Issuer = secret }), []string{"-tls1"}, journal.ADNoMatch, journal.Trust, ""},
		{"2007, a server of today", old, server("sha1", nil), []string{"-tls1_3"}, journal.TLSFailed, journal.Connect, ""},
		{"today, SHA-1", today, server("sha1", nil), nil, journal.CertWeak, journal.Trust, ""},
		{"today, a server of 2007", today, server("sha256", nil), []string{"-tls1"}, journal.TLSFailed, journal.Connect, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			peer.Row(t, "openssl", "phones of both firmwares before `s_server`: the failing step has the code; a published root is fetched from AD and trusted")
			peer.Serve(t, tlsAddr, []*peer.Certificate{row.leaf, issuing}, row.args...)
			r := newRig(t, func(d *lab.Deployment) { d.Publish = []string{} }, nil)
			if row.firmware != old {
				r.Phone = newPhone(t, row.firmware, nil)
			}
			block, _ := pem.Decode([]byte(root.PEM(t)))
			r.lab.Directory.PublishRoot("openssl", block.Bytes)
			at := r.lab.Inside()
			at.Place.Patch["pool.contoso.com:5061"] = tlsAddr
			r.PowerOn()
			r.Plug(at.Place)
			if err := r.SignIn(r.creds); err != nil {
				t.Fatal(err)
			}
			if row.code != "" {
				r.wantFailure(r.rest(), row.code)
				if step := last(t, r.Phone, row.step); step.Code != row.code {
					t.Errorf("step %s has code %q, want %q\n%s", row.step, step.Code, row.code, story(r.Phone))
				}
				return
			}
			// There is no SIP behind it: that it is trusted is the end of the story.
			peer.Eventually(t, "trust", func() error {
				for _, s := range steps(r.Phone) {
					if s.Name == journal.Trust && s.State == journal.OK && strings.Contains(s.Decided, "CN=Published Root") {
						return nil
					}
				}
				return errors.New(story(r.Phone))
			})
			if got := last(t, r.Phone, journal.Connect).Answered; got != row.tls {
				t.Errorf("agreed on %q, want %q", got, row.tls)
			}
		})
	}
}
