//go:build realpeers && linux

package adroots_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/peer"
)

// samba is a real domain controller and what the phone needs to ask it.
type samba struct {
	*peer.Samba
	jack *network.Network
	key  *ecdsa.PrivateKey
	read atomic.Int64 // octets that came in clear or sealed
	bare atomic.Int64 // of the messages that showed a root in clear

	made      int      // roots
	published []string // their DER, as roots published them
}

func (s *samba) LookupSRV(ctx context.Context, name string) ([]adroots.SRV, string, error) {
	found, by, err := s.jack.LookupSRV(ctx, name)
	records := make([]adroots.SRV, len(found))
	for i, r := range found {
		records[i] = adroots.SRV(r)
	}
	return records, by, err
}

func (s *samba) config(domain, user string) adroots.Config {
	return adroots.Config{Domain: peer.Domain, DomainFrom: "DHCP option 15", NetBIOSDomain: peer.NetBIOS, User: user, UserDomain: domain,
		Password: password, Resolver: s, Dialer: s.jack}
}

// Message looks for roots on the wire.
func (s *samba) Message(m network.Traffic) {
	if m.Layer != "tcp" || m.Sent {
		return
	}
	s.read.Add(int64(len(m.Bytes)))
	if bytes.Contains(m.Bytes, []byte(organization)) {
		s.bare.Add(1)
	}
}

// organization is in every root.
const organization = "A. Datum Corporation"

// newRoots makes n certificates that differ in name and number.
func (s *samba) newRoots(t *testing.T, n int) (roots []peer.Root) {
	t.Helper()
	for range n {
		s.made++
		name := fmt.Sprintf("Root %d", s.made)
		c := &x509.Certificate{SerialNumber: big.NewInt(int64(s.made)), Subject: pkix.Name{CommonName: name, Organization: []string{organization}},
			BasicConstraintsValid: true, IsCA: true, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(10, 0, 0)}
		der, err := x509.CreateCertificate(rand.Reader, c, c, s.key.Public(), s.key)
		if err != nil {
			t.Fatal(err)
		}
		roots = append(roots, peer.Root{Name: name, DER: der})
	}
	return roots
}

func (s *samba) download(t *testing.T, c adroots.Config) (adroots.Result, []journal.Step) {
	t.Helper()
	var steps []journal.Step
	c.Record = func(s journal.Step) { steps = append(steps, s) }
	r, err := adroots.Download(t.Context(), c)
	if err != nil {
		t.Fatalf("%v\n%+v", err, steps)
	}
	return r, steps
}

// refused runs a download that ends with code.
func (s *samba) refused(t *testing.T, c adroots.Config, code journal.Code) *journal.Failure {
	t.Helper()
	r, err := adroots.Download(t.Context(), c)
	f := journal.FailureOf(err)
	if err == nil || f.Code != code || len(r.Roots) > 0 {
		t.Fatalf("%d roots, error %v (%+v), want %s", len(r.Roots), err, f, code)
	}
	return f
}

// TestPeerSamba is the download of R1.1 from a real Active Directory.
func TestPeerSamba(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &samba{Samba: peer.Samba{Addr: "127.21.1.10"}.Start(t), key: key}
	s.jack = network.New(s.Place(), network.Options{Timeout: 500 * time.Millisecond, Tap: s})
	t.Cleanup(s.jack.Close)
	s.AddUser(t, "tu", password)
	s.AddUser(t, "bobs", password, "userPrincipalName: robert.smith@sip.contoso.com")
	s.AddUser(t, "gone", password)
	s.Modify(t, "dn: "+peer.DN("gone")+"\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n")
	s.AddUser(t, "unlucky", password)
	s.LockoutAfter(t, 3)

	t.Run("none published", func(t *testing.T) {
		s.refused(t, s.config(peer.NetBIOS, "tu"), journal.ADNoRoots)
	})
	s.roots(t, 1)
	t.Run("found", func(t *testing.T) { s.found(t) })
	t.Run("names", func(t *testing.T) { s.names(t) })
	t.Run("refusals", func(t *testing.T) { s.refusals(t) })
	t.Run("signing", func(t *testing.T) { s.signing(t) })
	s.Serve(t)
	s.roots(t, 50, 500, 1500)
	t.Run("renewed", func(t *testing.T) { s.renewed(t) })
	peer.Row(t, "samba", "none, 1, 50, 500 and 1500 published roots, two in one entry: all arrive byte for byte by plain `cACertificate`, none in clear on the wire")
}

// roots publishes more until there are so many, and finds all of them (R1.1).
func (s *samba) roots(t *testing.T, counts ...int) {
	for _, n := range counts {
		t.Run(fmt.Sprintf("%d roots", n), func(t *testing.T) {
			more := s.newRoots(t, n-len(s.published))
			s.PublishRoot(t, more...)
			for _, r := range more {
				s.published = append(s.published, string(r.DER))
			}
			start := time.Now()
			s.read.Store(0)
			r, _ := s.download(t, s.config(peer.NetBIOS, "tu"))
			t.Logf("%d roots in %s", n, time.Since(start))
			var got []string
			for _, root := range r.Roots {
				got = append(got, string(root.Certificate.Raw))
				if src := root.Source; src.DN != "CN="+root.Certificate.Subject.CommonName+","+peer.Authorities || src.Account != `CONTOSO\tu` {
					t.Fatalf("%s comes from %+v", root.Subject(), src)
				}
			}
			want := slices.Sorted(slices.Values(s.published))
			if slices.Sort(got); !slices.Equal(got, want) || r.Duplicates > 0 || len(r.Rejected) > 0 {
				t.Errorf("%d of %d roots, byte for byte; %d duplicates, rejected %v", len(got), len(want), r.Duplicates, r.Rejected)
			}
			if r.Server != "dc1.contoso.com:389" || s.bare.Load() > 0 || s.read.Load() < int64(n*len(s.published[0])) {
				t.Errorf("server %s, %d octets read, %d messages show a root in clear", r.Server, s.read.Load(), s.bare.Load())
			}
		})
	}
}

// renewed publishes the renewed certificate of an authority beside the old one.
func (s *samba) renewed(t *testing.T) {
	pair := s.newRoots(t, 2)
	s.PublishRoot(t, pair[0])
	s.Modify(t, "dn: CN="+pair[0].Name+","+peer.Authorities+"\nchangetype: modify\nadd: cACertificate\ncACertificate:: "+base64.StdEncoding.EncodeToString(pair[1].DER)+"\n")
	if r, _ := s.download(t, s.config(peer.NetBIOS, "tu")); len(r.Roots) != len(s.published)+2 {
		t.Errorf("%d roots, want both values of the entry", len(r.Roots))
	}
}

// found is R1.5: the DC is found by its own SRV records, or by NetBIOS.
func (s *samba) found(t *testing.T) {
	t.Run("SRV", func(t *testing.T) {
		_, steps := s.download(t, s.config(peer.NetBIOS, "tu"))
		if steps[0].By != "127.21.1.10:53" || steps[0].Answered != "dc1.contoso.com:389" {
			t.Errorf("found by %+v", steps[0])
		}
	})
	t.Run("NetBIOS", func(t *testing.T) {
		c := s.config(peer.NetBIOS, "tu")
		c.Domain, c.NetBIOS = "nowhere.contoso.com", s.jack
		if r, _ := s.download(t, c); r.Server != "127.21.1.10:389" {
			t.Errorf("asked %s", r.Server)
		}
		c.NetBIOSDomain = "FABRIKAM"
		s.refused(t, c, journal.ADNoController) // Samba does not answer for unknown names
	})
	t.Run("resolves nothing outside", func(t *testing.T) {
		if a, err := s.jack.LookupHost(t.Context(), "www.example.org"); err == nil {
			t.Errorf("it forwards: %v", a)
		}
	})
	peer.Row(t, "samba", "the domain controller is found by the SRV records that it serves, and by NetBIOS (CONTOSO<1C>)")
}

// names are the ways to write one's account.
func (s *samba) names(t *testing.T) {
	for _, row := range []struct{ name, domain, user string }{
		{"UPN", "", "tu@contoso.com"},
		{"UPN unlike sAMAccountName", "", "robert.smith@sip.contoso.com"},
		{"implicit UPN", "", "bobs@contoso.com"},
		{`DOMAIN\user`, peer.NetBIOS, "bobs"},
		{`dns.domain\user`, peer.Domain, "bobs"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.download(t, s.config(row.domain, row.user))
		})
	}
	t.Run("suffix that is none", func(t *testing.T) {
		f := s.refused(t, s.config("", "tu@sip.contoso.com"), journal.ADCredentials)
		if !strings.Contains(f.Fix, `CONTOSO\tu`) {
			t.Errorf("fix %q", f.Fix)
		}
	})
	peer.Row(t, "samba", `log-on by UPN, UPN unlike sAMAccountName, implicit UPN, DOMAIN\user, dns.domain\user; an unknown UPN is told to try CONTOSO\tu (R1.5)`)
}

// refusals counts what a refused password costs (docs/decisions.md#do-no-harm).
func (s *samba) refusals(t *testing.T) {
	wrong := s.config(peer.NetBIOS, "unlucky")
	wrong.Password, wrong.HTTP = "wrong", true
	t.Run("wrong password", func(t *testing.T) {
		s.refused(t, wrong, journal.ADCredentials)
		if n := s.BadLogons(t, "unlucky"); n != "1" {
			t.Errorf("badPwdCount is %s", n)
		}
	})
	t.Run("wrong password of a UPN", func(t *testing.T) {
		before, c := s.BadLogons(t, "tu"), s.config("", "tu@contoso.com")
		c.Password, c.HTTP = "wrong", true
		s.refused(t, c, journal.ADCredentials)
		if n := s.BadLogons(t, "tu"); before != "0" || n != "0" && n != "1" { // this Samba does not count it, Windows does
			t.Errorf("badPwdCount was %s and is %s", before, n)
		}
	})
	t.Run("locked", func(t *testing.T) {
		s.refused(t, wrong, journal.ADCredentials)
		s.refused(t, wrong, journal.ADCredentials) // the third, of three
		s.refused(t, s.config(peer.NetBIOS, "unlucky"), journal.ADLocked)
		if n := s.BadLogons(t, "unlucky"); n != "3" {
			t.Errorf("badPwdCount is %s", n)
		}
	})
	t.Run("disabled", func(t *testing.T) {
		s.refused(t, s.config(peer.NetBIOS, "gone"), journal.ADDisabled)
	})
	t.Run("unknown", func(t *testing.T) {
		s.refused(t, s.config(peer.NetBIOS, "nobody"), journal.ADCredentials)
	})
	peer.Row(t, "samba", "a wrong password is one bad log-on, read back from `badPwdCount`; the account that the third one locks is `ad.locked`, a disabled one `ad.disabled`")
}

// signing tries every setting; "yes", the strictest, is the default and what
// all else here has run against.
func (s *samba) signing(t *testing.T) {
	for _, row := range []struct {
		option string
		want   journal.Code
	}{
		{"ldap server require strong auth = yes", ""},
		{"ldap server require strong auth = allow_sasl_over_tls", ""},
		{"ldap server require strong auth = no", ""},
		{"ntlm auth = disabled", journal.ADWeakBind},
	} {
		t.Run(row.option, func(t *testing.T) {
			s.Serve(t, row.option)
			if row.want == "" {
				s.download(t, s.config(peer.NetBIOS, "tu"))
			} else {
				s.refused(t, s.config(peer.NetBIOS, "tu"), row.want)
			}
		})
	}
	peer.Row(t, "samba", "the download works with `ldap server require strong auth` = yes (strictest, the default), allow_sasl_over_tls and no; `ntlm auth = disabled` is told as `ad.weak-bind`")
}
