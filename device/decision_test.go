package device_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/dns"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// TestR1_2WhenActiveDirectoryIsAsked is the whole decision: who can satisfy the
// pool's certificate, which reading of R1.2, whether there is a domain
// controller and what it publishes.
func TestR1_2WhenActiveDirectoryIsAsked(t *testing.T) {
	const enterprise, public = lab.EnterpriseRoot, lab.PublicRoot
	type result struct {
		code  journal.Code // "": ready
		binds int
		roots int    // downloaded ones held afterwards
		fix   string // of the last step about trust or of the failure
	}
	for name, row := range map[string]struct {
		factory    bool   // the enterprise root is of the factory set
		downloaded bool   // it was downloaded in an earlier sign-in
		pool       string // whose certificate the pool has
		published  []string
		noDC       bool
		usual      result
		strict     result // any downloaded root stops the search
	}{
		"a factory root satisfies": {factory: true, pool: enterprise, published: []string{enterprise, public},
			usual: result{"", 0, 0, "reset cannot"}, strict: result{"", 0, 0, "reset cannot"}},
		"a downloaded root satisfies": {downloaded: true, pool: enterprise, published: []string{enterprise, public},
			usual: result{"", 0, 1, "paper clip"}, strict: result{"", 0, 1, "paper clip"}},
		"nothing satisfies, AD has the root": {pool: enterprise, published: []string{enterprise, public},
			usual: result{"", 1, 2, "paper clip"}, strict: result{"", 1, 2, "paper clip"}},
		"nothing satisfies, AD has another root": {pool: enterprise, published: []string{public},
			usual:  result{journal.ADNoMatch, 1, 1, "Publish the root CN=Contoso Root CA"},
			strict: result{journal.ADNoMatch, 1, 1, "does not ask again while it holds any downloaded root"}},
		"nothing satisfies, AD is empty": {pool: enterprise, published: []string{},
			usual: result{journal.ADNoRoots, 1, 0, "certutil"}, strict: result{journal.ADNoRoots, 1, 0, "certutil"}},
		"nothing satisfies, no domain controller": {pool: enterprise, published: []string{enterprise}, noDC: true,
			usual:  result{journal.ADNoController, 0, 0, "_ldap._tcp.dc._msdcs.contoso.com"},
			strict: result{journal.ADNoController, 0, 0, "_ldap._tcp.dc._msdcs.contoso.com"}},
		"a factory root does not satisfy, AD has the root": {factory: true, pool: public, published: []string{public},
			usual: result{"", 1, 1, "paper clip"}, strict: result{"", 1, 1, "paper clip"}},
		"a downloaded root does not satisfy, AD has the root": {downloaded: true, pool: public, published: []string{enterprise, public},
			usual: result{"", 1, 2, "paper clip"}, strict: result{journal.CertUntrusted, 0, 1, "paper clip"}},
		"a downloaded root does not satisfy, AD has not the root": {downloaded: true, pool: public, published: []string{enterprise},
			usual: result{journal.ADNoMatch, 1, 1, "Publish the root CN=Adatum"}, strict: result{journal.CertUntrusted, 0, 1, "paper clip"}},
		"a downloaded root does not satisfy, no domain controller": {downloaded: true, pool: public, published: []string{enterprise, public}, noDC: true,
			usual: result{journal.ADNoController, 0, 1, "_ldap._tcp.dc._msdcs.contoso.com"}, strict: result{journal.CertUntrusted, 0, 1, "paper clip"}},
	} {
		for reading, want := range map[string]result{"usual": row.usual, "strict": row.strict} {
			t.Run(name+", "+reading, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, func(d *lab.Deployment) {
					if !row.downloaded {
						d.Publish = row.published
					}
				}, nil)
				r.Phone = newPhone(t, "1.0.522.71", func(c *device.Config) {
					c.Firmware.AnyDownloadedRootStops = reading == "strict"
					if row.factory {
						rooted(t, r.lab)(c)
					}
				})
				if row.downloaded {
					r.wantReady(r.signIn(r.lab.Inside()))
					for _, root := range row.published {
						if err := r.lab.PublishRoot(root); err != nil {
							t.Fatal(err)
						}
					}
				}
				if row.pool == public {
					c, err := r.lab.PKI.Public.Issue(pki.Leaf{Names: []string{r.lab.Deployment.Pool.Host}})
					if err != nil {
						t.Fatal(err)
					}
					if err := r.lab.SetCertificate("pool", c); err != nil {
						t.Fatal(err)
					}
				}
				if row.noDC {
					r.lab.InsideDNS.Remove("_ldap._tcp.dc._msdcs.contoso.com")
					r.lab.InsideDNS.Remove("_ldap._tcp.contoso.com")
				}
				before := r.lab.DC.Binds()
				s := r.signIn(r.lab.Inside())
				if want.code == "" {
					r.wantReady(s)
				} else {
					r.wantFailure(s, want.code)
					r.wantState(s, device.Failed)
				}
				if n := r.lab.DC.Binds() - before; n != want.binds {
					t.Errorf("AD was asked %d times, want %d", n, want.binds)
				}
				if n := downloaded(s); n != want.roots {
					t.Errorf("%d downloaded roots, want %d", n, want.roots)
				}
				step := s.Failure
				if step == nil {
					all := steps(r.Phone)
					slices.Reverse(all)
					step = &all[slices.IndexFunc(all, func(s journal.Step) bool { return s.Name == journal.Trust })]
				}
				if !strings.Contains(step.Fix, want.fix) || strings.Contains(step.Decided, "publishes ,") {
					t.Errorf("decided %q, fix %q; want %q", step.Decided, step.Fix, want.fix)
				}
			})
		}
	}
}

// TestR1_6SelfSignedCertificateThatIsPublished: it is installed as a root unless it
// says that it is no CA, as that of Exchange does
// (docs/protocol/trust.md#limits-of-verification). The remedy names it in neither case.
func TestR1_6SelfSignedCertificateThatIsPublished(t *testing.T) {
	for _, row := range []struct {
		name string
		noCA bool
		code journal.Code
	}{
		{"it does not say what it is", false, ""},
		{"it says that it is no CA", true, journal.CertSelfSigned},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, func(d *lab.Deployment) { d.Pool.Defect, d.Publish = pki.SelfSigned, []string{} }, nil)
			cert := r.lab.Pool.Certificate
			if row.noCA {
				c := *cert.Leaf
				c.BasicConstraintsValid = true
				der, err := x509.CreateCertificate(rand.Reader, &c, &c, c.PublicKey, cert.PrivateKey)
				if err != nil {
					t.Fatal(err)
				}
				cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: cert.PrivateKey}
				if err := r.lab.SetCertificate("pool", cert); err != nil {
					t.Fatal(err)
				}
			}
			r.lab.Directory.PublishRoot("pool", cert.Certificate[0])
			s := r.signIn(r.lab.Inside())
			if row.code == "" {
				r.wantReady(s)
				return
			}
			r.wantFailure(s, row.code)
			if s.Failure.Fix != journal.CertSelfSigned.Page().Change || !strings.Contains(s.Failure.Decided, "holds what is no root, too: CN=pool.contoso.com") {
				t.Errorf("decided %q, fix %q", s.Failure.Decided, s.Failure.Fix)
			}
		})
	}
}

// TestFirstCauseEndsTheSignIn: inside, the failure of the search is that of the
// sign-in; outside it is the certificate, since no domain controller is there (R1.4).
func TestFirstCauseEndsTheSignIn(t *testing.T) {
	deadDC := func(a *lab.Attachment) {
		a.Place.Patch = maps.Clone(a.Place.Patch)
		a.Place.Patch["dc1.contoso.com:389"] = "127.0.0.1:1"
	}
	srv := "_ldap._tcp.dc._msdcs.contoso.com"
	for _, row := range []struct {
		name    string
		outside bool
		change  func(r *rig, a *lab.Attachment)
		code    journal.Code
		state   device.State
	}{
		{"inside, no record", false, func(r *rig, _ *lab.Attachment) {
			r.lab.InsideDNS.Remove(srv)
			r.lab.InsideDNS.Remove("_ldap._tcp.contoso.com")
		}, journal.ADNoController, device.Failed},
		{"inside, the DNS refuses", false, func(r *rig, _ *lab.Attachment) {
			r.lab.InsideDNS.SetFault(dns.Refused, srv, "_ldap._tcp.contoso.com")
		}, journal.DNSRefused, device.Waiting},
		{"inside, a domain controller that is down", false, func(_ *rig, a *lab.Attachment) { deadDC(a) }, journal.ADUnreachable, device.Waiting},
		{"outside, no record", true, func(*rig, *lab.Attachment) {}, journal.CertUntrusted, device.Failed},
		{"outside, a record of the inside that leaked", true, func(r *rig, a *lab.Attachment) {
			if err := errors.Join(r.lab.OutsideDNS.Set(srv, "SRV", "0 100 389 dc1.contoso.com"), r.lab.OutsideDNS.Set("dc1.contoso.com", "A", "127.0.0.1")); err != nil {
				r.t.Fatal(err)
			}
			deadDC(a)
		}, journal.CertUntrusted, device.Failed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil, nil)
			at := r.lab.Inside()
			if row.outside {
				at = r.lab.Outside()
			}
			row.change(r, &at)
			s := r.signIn(at)
			r.wantFailure(s, row.code)
			r.wantState(s, row.state)
			if s.Verdict == nil || s.Verdict.Code != journal.CertUntrusted {
				t.Errorf("verdict %+v", s.Verdict)
			}
			if row.outside && last(t, r.Phone, journal.Roots).State != journal.Warned {
				t.Errorf("the search outside is no warning:\n%s", story(r.Phone))
			}
		})
	}
}
