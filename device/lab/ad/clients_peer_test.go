//go:build realpeers && linux

package ad_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/peer"
)

const dcAddr = "127.21.4.10"

// published are the values of the container, more than a page holds.
func published(dir *directory.Directory) (values []string) {
	for i := range 25 {
		der := fmt.Appendf(nil, "root %d \x00\xff\n: <", i)
		dir.PublishRoot(fmt.Sprintf("Root %d", i), der)
	}
	for _, e := range dir.Roots() {
		for _, der := range e.DER {
			values = append(values, string(der))
		}
	}
	return values
}

// strict is a DC at the standard ports, with TLS; ca is the PEM file of its root.
func strict(t *testing.T, dir string) (_ *ad.Server, values []string, pool *x509.CertPool, ca string) {
	t.Helper()
	authority, server := newAuthority(t, "Root", nil), newAuthority(t, host, nil)
	leaf := server.cert
	leaf.IPAddresses = []net.IP{net.ParseIP(dcAddr)} // foreign clients cannot be told where a name is
	der, err := x509.CreateCertificate(rand.Reader, leaf, authority.cert, server.key.Public(), authority.key)
	if err != nil {
		t.Fatal(err)
	}
	cert := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: server.key}
	pool = x509.NewCertPool()
	pool.AddCert(authority.cert)
	s, d := newServer(t, func(s *ad.Server) {
		s.Clock = clock.System // gss-ntlmssp refuses a challenge of another day
		s.RequireSigning, s.RequireNTLMv2, s.Certificate = true, true, cert
		s.Listen, s.ListenTLS, s.ListenNBNS = dcAddr+":389", dcAddr+":636", dcAddr+":137"
	})
	ca = peer.Write(t, dir, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.cert.Raw})))
	return s, published(d), pool, ca
}

// certificates reads the values of cACertificate out of LDIF, with or without
// the option ";binary".
func certificates(t *testing.T, ldif string) (values []string) {
	t.Helper()
	ldif = strings.ReplaceAll(ldif, "\n ", "") // folded lines
	for line := range strings.Lines(ldif) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != "cACertificate" && name != "cACertificate;binary" {
			continue
		}
		if encoded, is64 := strings.CutPrefix(value, ": "); is64 {
			der, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			value = string(der)
		}
		values = append(values, strings.TrimPrefix(value, " "))
	}
	return values
}

func wantValues(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(got)
	if want = slices.Sorted(slices.Values(want)); !slices.Equal(got, want) {
		t.Errorf("%d values, not the %d published ones byte for byte:\n%q\n%q", len(got), len(want), got, want)
	}
}

// openLDAP is ldapsearch with an environment in which it can ask nobody else.
func openLDAP(t *testing.T, dir, ca string) peer.Command {
	t.Helper()
	peer.Need(t, "ldap-utils", "ldapsearch")
	return peer.Command{Dir: dir, Env: []string{"LDAPTLS_CACERT=" + ca, "LDAPSASL_NOCANON=on",
		"NTLM_USER_FILE=" + peer.Write(t, dir, "credentials", "CONTOSO:tu:"+testPassword+"\n"),
		"KRB5_CONFIG=" + peer.Write(t, dir, "krb5.conf", "[libdefaults]\ndns_lookup_kdc = false\ndns_lookup_realm = false\ndns_canonicalize_hostname = false\nrdns = false\n"),
		"KRB5CCNAME=FILE:" + filepath.Join(dir, "none")}}
}

func TestPeerLdapsearch(t *testing.T) {
	dir := peer.Dir(t)
	s, values, _, ca := strict(t, dir)
	c := openLDAP(t, dir, ca)
	plain, secure := "ldap://"+dcAddr, "ldaps://"+dcAddr
	search := []string{"-LLL", "-b", authorities, "-s", "one", allRoots}
	simple := []string{"-x", "-D", "tu@contoso.com", "-w", testPassword}
	run := func(t *testing.T, args ...[]string) (string, int) {
		return c.Run(t, "ldapsearch", slices.Concat(args...)...)
	}

	t.Run("rootDSE", func(t *testing.T) {
		out, code := run(t, []string{"-x", "-LLL", "-H", plain, "-s", "base", "-b", "", "configurationNamingContext", "supportedSASLMechanisms", "dnsHostName"})
		for _, want := range []string{"configurationNamingContext: " + config + "\n", "supportedSASLMechanisms: GSS-SPNEGO\n", "dnsHostName: " + host + "\n"} {
			if code != 0 || !strings.Contains(out, want) {
				t.Errorf("%d, no %q in\n%s", code, want, out)
			}
		}
	})
	for name, to := range map[string][]string{"StartTLS": {"-ZZ", "-H", plain}, "LDAPS": {"-H", secure}} {
		t.Run(name, func(t *testing.T) {
			out, code := run(t, to, simple, search)
			if code != 0 {
				t.Fatalf("%d:\n%s", code, out)
			}
			wantValues(t, certificates(t, out), values)
			if out, code := run(t, to, []string{"-x", "-D", "tu@contoso.com", "-w", "wrong"}, search); code != ldap.LDAPResultInvalidCredentials || !strings.Contains(out, "data 52e") {
				t.Errorf("wrong password: %d:\n%s", code, out)
			}
		})
	}
	t.Run("simple", func(t *testing.T) {
		if out, code := run(t, []string{"-H", plain}, simple, search); code != ldap.LDAPResultStrongAuthRequired {
			t.Errorf("a strict DC takes it: %d:\n%s", code, out)
		}
	})
	t.Run("GSS-SPNEGO", func(t *testing.T) {
		if _, err := os.Stat("/etc/gss/mech.d/mech.ntlmssp.conf"); err != nil {
			t.Fatalf("gss-ntlmssp is missing: apt-get install gss-ntlmssp libsasl2-modules-gssapi-mit (%v)", err)
		}
		binds := s.Binds()
		out, code := run(t, []string{"-Y", "GSS-SPNEGO", "-Q", "-H", plain}, search, []string{"cACertificate;binary"})
		if code != 0 || s.Binds() != binds+1 {
			t.Fatalf("%d, %d binds:\n%s", code, s.Binds()-binds, out)
		}
		wantValues(t, certificates(t, out), values)
		peer.Row(t, "gss-ntlmssp", "ldapsearch: NTLM in SPNEGO, sealed, from a strict lab, the roots byte for byte as `cACertificate;binary`")
	})
	t.Run("paging", func(t *testing.T) {
		searches := s.Searches()
		out, code := run(t, []string{"-ZZ", "-H", plain, "-E", "pr=4/noprompt"}, simple, search)
		if pages := s.Searches() - searches; code != 0 || pages != 7 {
			t.Errorf("%d, %d pages", code, pages)
		}
		wantValues(t, certificates(t, out), values)
	})
	peer.Row(t, "ldap-utils", "ldapsearch at a strict lab: rootDSE; the roots byte for byte and in pages, simple bind over StartTLS and LDAPS; refused in clear")
}

// sambaConf is for Samba's clients, which then read nothing of the host.
func sambaConf(t *testing.T, dir string, options ...string) string {
	t.Helper()
	return peer.Write(t, dir, "smb.conf", "[global]\nworkgroup = CONTOSO\nnetbios name = CLIENT\ninterfaces = "+dcAddr+"/24\nbind interfaces only = yes\n"+
		"private dir = "+dir+"\nlock directory = "+dir+"\nstate directory = "+dir+"\ncache directory = "+dir+"\npid directory = "+dir+"\n"+strings.Join(options, "\n")+"\n")
}

func TestPeerLdbsearch(t *testing.T) {
	peer.Need(t, "ldb-tools", "ldbsearch")
	dir := peer.Dir(t)
	_, values, _, _ := strict(t, dir)
	for _, wrapping := range []string{"sign", "seal"} {
		t.Run(wrapping, func(t *testing.T) {
			args := []string{"-H", "ldap://" + dcAddr, "--configfile=" + sambaConf(t, dir, "client ldap sasl wrapping = "+wrapping), "--use-kerberos=off", "-b", authorities, "-s", "one"}
			out, code := peer.Run(t, "ldbsearch", append(args, `--user=CONTOSO\tu%`+testPassword, allRoots, "cACertificate")...)
			if code != 0 {
				t.Fatalf("%d:\n%s", code, out)
			}
			wantValues(t, certificates(t, out), values)
			if out, code := peer.Run(t, "ldbsearch", append(args, `--user=CONTOSO\tu%wrong`, allRoots)...); code == 0 || !strings.Contains(out, "data 52e") {
				t.Errorf("wrong password: %d:\n%s", code, out)
			}
		})
	}
	peer.Row(t, "ldb-tools", "ldbsearch at a strict lab: the roots byte for byte, NTLM signed and sealed; a wrong password is data 52e")
}

func TestPeerNmblookup(t *testing.T) {
	peer.Need(t, "samba-common-bin", "nmblookup")
	dir := peer.Dir(t)
	strict(t, dir)
	conf := sambaConf(t, dir)
	for name, addr := range map[string]string{"CONTOSO#1C": dcAddr, "CONTOSO#1B": dcAddr, "DC1#20": dcAddr, "FABRIKAM#1C": ""} {
		t.Run(name, func(t *testing.T) {
			out, code := peer.Run(t, "nmblookup", "-s", conf, "-U", dcAddr, "--recursion", name)
			want := dcAddr + " " + strings.ToLower(strings.Replace(name, "#", "<", 1))
			if found := strings.Contains(strings.ToLower(out), want); found != (addr != "") || found != (code == 0) {
				t.Errorf("%d:\n%s", code, out)
			}
		})
	}
	peer.Row(t, "samba-common-bin", "nmblookup finds the lab's domain controller by NetBIOS")
}

// TestPeerGoLDAP is the library that a Go program would use.
func TestPeerGoLDAP(t *testing.T) {
	s, values, pool, _ := strict(t, peer.Dir(t))
	lax, laxDir := newServer(t, nil)
	laxValues := published(laxDir)
	read := func(t *testing.T, c *ldap.Conn, want []string) {
		t.Helper()
		r, err := c.SearchWithPaging(ldap.NewSearchRequest(authorities, ldap.ScopeSingleLevel, ldap.NeverDerefAliases, 0, 0, false, allRoots, []string{"cACertificate;binary"}, nil), 7)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range r.Entries {
			got = append(got, e.GetAttributeValues("cACertificate;binary")...)
		}
		wantValues(t, got, want)
	}
	cfg := &tls.Config{RootCAs: pool, ServerName: host}
	for _, row := range []struct {
		name string
		dial func(t *testing.T) (*ldap.Conn, error)
		bind func(*ldap.Conn) error
		want []string
	}{
		{"simple", func(t *testing.T) (*ldap.Conn, error) { return dial(t, lax), nil }, func(c *ldap.Conn) error { return c.Bind(`CONTOSO\tu`, testPassword) }, laxValues},
		{"NTLM bind", func(t *testing.T) (*ldap.Conn, error) { return dial(t, lax), nil }, func(c *ldap.Conn) error { return c.NTLMBind("CONTOSO", "tu", testPassword) }, laxValues},
		{"StartTLS", func(t *testing.T) (*ldap.Conn, error) { c := dial(t, s); return c, c.StartTLS(cfg) }, func(c *ldap.Conn) error { return c.Bind("robert.smith@sip.contoso.com", testPassword) }, values},
		{"LDAPS", func(t *testing.T) (*ldap.Conn, error) {
			return ldap.DialURL("ldaps://"+dcAddr, ldap.DialWithTLSConfig(cfg))
		}, func(c *ldap.Conn) error { return c.Bind("CN=tu,"+users, testPassword) }, values},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := row.dial(t)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			dse, err := find(c, "", ldap.ScopeBaseObject, "(objectClass=*)", "configurationNamingContext")
			if err != nil || len(dse.Entries) != 1 || dse.Entries[0].GetAttributeValue("configurationNamingContext") != config {
				t.Fatalf("rootDSE: %+v, %v", dse, err)
			}
			if err := row.bind(c); err != nil {
				t.Fatal(err)
			}
			read(t, c, row.want)
		})
	}
	peer.Row(t, "github.com/go-ldap/ldap/v3", "at the lab: simple and NTLM bind, StartTLS, LDAPS; rootDSE; the roots byte for byte in pages")
}
