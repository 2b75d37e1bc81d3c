package device_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
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
			usual:  result{journal.ADNoMatch, 1, 1, "Publish the root of CN=Contoso Root CA"},
			strict: result{journal.ADNoMatch, 1, 1, "does not ask again while it holds any downloaded root"}},
		"nothing satisfies, AD is empty": {pool: enterprise, published: []string{},
			usual: result{journal.ADNoRoots, 1, 0, "certutil"}, strict: result{journal.ADNoRoots, 1, 0, "certutil"}},
		"nothing satisfies, no domain controller": {pool: enterprise, published: []string{enterprise}, noDC: true,
			usual: result{journal.CertUntrusted, 0, 0, "Publish"}, strict: result{journal.CertUntrusted, 0, 0, "Publish"}},
		"a factory root does not satisfy, AD has the root": {factory: true, pool: public, published: []string{public},
			usual: result{"", 1, 1, "paper clip"}, strict: result{"", 1, 1, "paper clip"}},
		"a downloaded root does not satisfy, AD has the root": {downloaded: true, pool: public, published: []string{enterprise, public},
			usual: result{"", 1, 2, "paper clip"}, strict: result{journal.CertUntrusted, 0, 1, "paper clip"}},
		"a downloaded root does not satisfy, AD has not the root": {downloaded: true, pool: public, published: []string{enterprise},
			usual: result{journal.ADNoMatch, 1, 1, "Publish the root of CN=Adatum"}, strict: result{journal.CertUntrusted, 0, 1, "paper clip"}},
		"a downloaded root does not satisfy, no domain controller": {downloaded: true, pool: public, published: []string{enterprise, public}, noDC: true,
			usual: result{journal.CertUntrusted, 0, 1, "Publish"}, strict: result{journal.CertUntrusted, 0, 1, "paper clip"}},
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
