//go:build realpeers && linux

package main

import (
	"crypto/tls"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/peer"
)

// TestPeerCheckTrust asks a real Active Directory at its real ports, as an
// administrator does who has nothing of the lab.
func TestPeerCheckTrust(t *testing.T) {
	const password = "Passw0rd!"
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	authorities, err := pki.New(pki.Options{Algorithm: pki.ECDSAP256SHA256}, pki.Names{})
	if err != nil {
		t.Fatal(err)
	}
	issue := func(by *pki.Authority, names ...string) tls.Certificate {
		c, err := by.Issue(pki.Leaf{Names: names})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	dcCert := issue(authorities.Issuing, "dc1.contoso.com")
	dc := peer.Samba{Addr: "127.21.3.10", Certificate: &dcCert}.Start(t)
	dc.AddUser(t, "tu", password)
	dc.LockoutAfter(t, 10)
	dc.AddRecord(t, "pool", "A", "127.21.3.20")
	dc.AddRecord(t, "sip", "A", "127.21.3.21")
	registrar := pool.New(directory.New(peer.Domain, peer.NetBIOS))
	registrar.Address, registrar.Certificate = "127.21.3.20:5061", issue(authorities.Issuing, "pool.contoso.com")
	edge := pool.NewEdge(registrar)
	edge.Address, edge.Certificate = "127.21.3.21:443", issue(authorities.Public, "sip.contoso.com")
	for _, s := range []interface {
		Start() error
		Close() error
	}{registrar, edge} {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
	}

	c := checking{T: t, dir: t.TempDir()}
	public := c.write("public.pem", authorities.Public.Certificate.Raw)
	ask := []string{thePool, theEdge, "dc1.contoso.com:636", "--dns", dc.Addr, "--ad", peer.Domain, "--user", `CONTOSO\tu`, "--roots", "none", "--firmware", "today"}
	t.Run("nothing published", func(t *testing.T) {
		c := checking{T: t, dir: c.dir}
		t.Setenv("OCPHONE_PASSWORD", password)
		r, code := c.judged(ask...)
		c.wantRow(r, thePool, "next sign-in ✗ ad.no-roots")
		if code != exitPerson || !r.Published.Known || len(r.Publish) != 2 {
			t.Errorf("exit %d, to publish %+v", code, r.Publish)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		c := checking{T: t, dir: c.dir}
		t.Setenv("OCPHONE_PASSWORD", "wrong")
		r, code := c.judged(ask...)
		if n := dc.BadLogons(t, "tu"); code != exitPerson || n != "1" || !strings.Contains(r.Summary, string(journal.ADCredentials)) {
			t.Errorf("exit %d, badPwdCount %s: %s", code, n, r.Summary)
		}
	})
	dc.PublishRoot(t, peer.Root{Name: "Contoso Root CA", DER: authorities.Enterprise.Certificate.Raw})
	t.Run("the Edge's root is missing", func(t *testing.T) {
		c := checking{T: t, dir: c.dir}
		t.Setenv("OCPHONE_PASSWORD", password)
		r, code := c.judged(append(ask, "--with", public)...)
		c.wantRow(r, thePool, "next sign-in ✓, after the change ✓")
		c.wantRow(r, "dc1.contoso.com:636", "next sign-in ✓, after the change ✓")
		c.wantRow(r, theEdge, "next sign-in ✗ cert.untrusted, after the change ✓")
		if code != exitDone || len(r.Publish) != 1 || r.Publish[0].Command != "certutil -f -dspublish "+filepath.Base(public)+" RootCA" {
			t.Errorf("exit %d, to publish %+v", code, r.Publish)
		}
	})
	dc.PublishRoot(t, peer.Root{Name: "Adatum Public Root CA", DER: authorities.Public.Certificate.Raw})
	t.Run("all is published", func(t *testing.T) {
		c := checking{T: t, dir: c.dir}
		t.Setenv("OCPHONE_PASSWORD", password)
		r, code := c.judged(append(ask, "--as-if-reset")...)
		c.wantRow(r, theEdge, "after a reset ✓")
		if code != exitDone || len(r.Published.Roots) != 2 {
			t.Errorf("exit %d, %d roots: %s", code, len(r.Published.Roots), r.Summary)
		}
	})
	peer.Row(t, "samba", "`check trust` at real ports and names: what is published, the certutil line that is missing, a wrong password")
}
