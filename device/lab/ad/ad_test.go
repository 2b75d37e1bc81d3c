package ad_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/directory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	host         = "dc1.contoso.com"
	config       = "CN=Configuration,DC=contoso,DC=com"
	publicKeys   = "CN=Public Key Services,CN=Services," + config
	authorities  = "CN=Certification Authorities," + publicKeys
	users        = "CN=Users,DC=contoso,DC=com"
	allRoots     = "(objectCategory=certificationAuthority)"
	testPassword = "Pa$$word"
)

var start = time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)

// newServer starts a DC with the users tu and bobs and the root "Contoso Root CA".
func newServer(t testing.TB, change func(*ad.Server)) (*ad.Server, *directory.Directory) {
	t.Helper()
	dir := directory.New("contoso.com", "CONTOSO")
	dir.Clock = clock.NewManual(start)
	for _, u := range []directory.User{
		{SAM: "tu", SIP: "tu@contoso.com", Password: testPassword, DisplayName: "Test User", Mail: "tu@contoso.com",
			LineURI: "tel:+4544890101;ext=200", EUM: "tu@contoso.com;phone-context=Hellerup.contoso.com"},
		{SAM: "bobs", UPN: "robert.smith@sip.contoso.com", Password: testPassword, SIP: "bobs@contoso.com", SIPDisabled: true},
	} {
		if err := dir.AddUser(u); err != nil {
			t.Fatal(err)
		}
	}
	dir.PublishRoot("Contoso Root CA", []byte("root one"), []byte("root two"))
	s := ad.New(dir)
	s.Clock = dir.Clock
	if change != nil {
		change(s)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, dir
}

func dial(t testing.TB, s *ad.Server) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL("ldap://" + s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	c.SetTimeout(10 * time.Second)
	t.Cleanup(func() { c.Close() })
	return c
}

// bound is a connection bound by a simple bind.
func bound(t testing.TB, s *ad.Server) *ldap.Conn {
	t.Helper()
	c := dial(t, s)
	if err := c.Bind("tu@contoso.com", testPassword); err != nil {
		t.Fatal(err)
	}
	return c
}

func find(c *ldap.Conn, base string, scope int, filter string, attrs ...string) (*ldap.SearchResult, error) {
	return c.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, attrs, nil))
}

func wantCode(t *testing.T, err error, code uint16, texts ...string) {
	t.Helper()
	if !ldap.IsErrorWithCode(err, code) {
		t.Fatalf("error is %v, want code %d", err, code)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error is %v, want %q in it", err, text)
		}
	}
}

// authority is a certificate with its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes a CA; nil signs itself. A name with a dot is a server's.
func newAuthority(t testing.TB, name string, by *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true}
	if strings.Contains(name, ".") {
		c.IsCA, c.DNSNames = false, []string{name}
	}
	if by == nil {
		by = &authority{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &authority{c, key}
}

// issue makes a root and a certificate of host signed by it.
func issue(t testing.TB) (*x509.CertPool, *tls.Certificate) {
	t.Helper()
	root := newAuthority(t, "Test Root", nil)
	leaf := newAuthority(t, host, root)
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	return pool, &tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}
}

// buffer is a key log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestRootDSEIsReadWithoutBind(t *testing.T) {
	s, _ := newServer(t, nil)
	got, err := find(dial(t, s), "", ldap.ScopeBaseObject, "(objectClass=*)")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"configurationNamingContext": "CN=Configuration,DC=contoso,DC=com",
		"defaultNamingContext":       "DC=contoso,DC=com",
		"rootDomainNamingContext":    "DC=contoso,DC=com",
		"schemaNamingContext":        "CN=Schema,CN=Configuration,DC=contoso,DC=com",
		"dnsHostName":                host,
		"currentTime":                "20080421090000.0Z",
		"supportedLDAPVersion":       "3 2",
		"supportedSASLMechanisms":    "GSS-SPNEGO NTLM",
		"supportedControl":           "1.2.840.113556.1.4.319 1.2.840.113556.1.4.1339",
	} {
		if have := strings.Join(got.Entries[0].GetAttributeValues(name), " "); have != want {
			t.Errorf("%s is %q, want %q", name, have, want)
		}
	}
	if s.Searches() != 1 || s.Binds() != 0 || s.Connections() != 1 {
		t.Errorf("counted %d searches, %d binds, %d connections", s.Searches(), s.Binds(), s.Connections())
	}
}

func TestAnonymousSearchIsRefused(t *testing.T) {
	s, _ := newServer(t, nil)
	for name, bind := range map[string]func(*ldap.Conn) error{
		"no bind":        func(*ldap.Conn) error { return nil },
		"anonymous bind": func(c *ldap.Conn) error { return c.UnauthenticatedBind("") },
		"name alone":     func(c *ldap.Conn) error { return c.UnauthenticatedBind("tu@contoso.com") },
		"failed bind": func(c *ldap.Conn) error {
			if err := c.Bind("tu@contoso.com", testPassword); err != nil {
				return err
			}
			if err := c.Bind("tu@contoso.com", "wrong"); err == nil {
				return fmt.Errorf("bound with a wrong password")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, s)
			if err := bind(c); err != nil {
				t.Fatal(err)
			}
			_, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots)
			wantCode(t, err, ldap.LDAPResultOperationsError, "a successful bind must be completed")
		})
	}
}

func TestSimpleBindAcceptsTheNameFormsOfAD(t *testing.T) { // docs/peers.md#samba-as-a-domain-controller
	s, _ := newServer(t, nil)
	for _, tt := range []struct{ name, data, who string }{
		{"CN=tu,CN=Users,DC=contoso,DC=com", "", `u:CONTOSO\tu`},
		{"cn=TU, cn=users, dc=Contoso, dc=com", "", `u:CONTOSO\tu`},
		{"tu@contoso.com", "", `u:CONTOSO\tu`},
		{`CONTOSO\tu`, "", `u:CONTOSO\tu`},
		{"robert.smith@sip.contoso.com", "", `u:CONTOSO\bobs`},
		{"bobs@contoso.com", "", `u:CONTOSO\bobs`},
		{`contoso.com\bobs`, "data 52e", ""},
		{"bobs", "data 52e", ""},
		{"nobody@contoso.com", "data 525", ""},
		{"CN=tu,DC=contoso,DC=com", "data 525", ""},
		{"CN=Users,DC=contoso,DC=com", "data 525", ""},
		{`CN=\zz`, "data 525", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, s)
			err := c.Bind(tt.name, testPassword)
			if tt.data != "" {
				wantCode(t, err, ldap.LDAPResultInvalidCredentials, "80090308: LdapErr: DSID-", "comment: AcceptSecurityContext error, "+tt.data+", v")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if who, err := c.WhoAmI(nil); err != nil || who.AuthzID != tt.who {
				t.Errorf("bound as %+v, %v", who, err)
			}
		})
	}
}

func TestRefusedLogonHasAReasonAndCounts(t *testing.T) {
	for _, tt := range []struct {
		name           string
		change         func(*directory.User)
		password, data string
		bad            int
	}{
		{"wrong password", func(*directory.User) {}, "wrong", "52e", 1},
		{"locked", func(u *directory.User) { u.Locked = true }, testPassword, "775", 0},
		{"locked, wrong password", func(u *directory.User) { u.Locked = true }, "wrong", "775", 0},
		{"disabled", func(u *directory.User) { u.Disabled = true }, testPassword, "533", 0},
		{"disabled, wrong password", func(u *directory.User) { u.Disabled = true }, "wrong", "52e", 1},
		{"account expired", func(u *directory.User) { u.AccountExpired = true }, testPassword, "701", 0},
		{"password expired", func(u *directory.User) { u.PasswordExpired = true }, testPassword, "532", 0},
		{"must change password", func(u *directory.User) { u.MustChange = true }, testPassword, "773", 0},
	} {
		binds := map[string]func(s *ad.Server) error{
			"simple":     func(s *ad.Server) error { return dial(t, s).Bind("tu@contoso.com", tt.password) },
			"Sicily":     func(s *ad.Server) error { return dial(t, s).NTLMBind("CONTOSO", "tu", tt.password) },
			"GSS-SPNEGO": func(s *ad.Server) error { _, err := sealedBind(t, s, sealed{password: tt.password}); return err },
		}
		for kind, bind := range binds {
			t.Run(tt.name+"/"+kind, func(t *testing.T) {
				s, dir := newServer(t, nil)
				if err := dir.SetUser("tu", tt.change); err != nil {
					t.Fatal(err)
				}
				wantCode(t, bind(s), ldap.LDAPResultInvalidCredentials, "80090308: LdapErr: DSID-", "data "+tt.data+", v")
				if u, _ := dir.User("tu"); u.BadLogons != tt.bad {
					t.Errorf("%d bad logons counted, want %d", u.BadLogons, tt.bad)
				}
				if s.Binds() != 1 {
					t.Errorf("%d binds counted", s.Binds())
				}
			})
		}
	}
}

func TestAccountLocksAtTheThreshold(t *testing.T) {
	s, dir := newServer(t, nil)
	dir.LockoutAfter = 2
	for _, data := range []string{"52e", "52e", "775"} {
		wantCode(t, dial(t, s).Bind("tu@contoso.com", "wrong"), ldap.LDAPResultInvalidCredentials, "data "+data+",")
	}
	got, err := find(func() *ldap.Conn {
		c := dial(t, s)
		if err := c.Bind("bobs@contoso.com", testPassword); err != nil {
			t.Fatal(err)
		}
		return c
	}(), users, ldap.ScopeSingleLevel, "(lockoutTime>=1)", "sAMAccountName", "badPwdCount", "lockoutTime")
	if err != nil || len(got.Entries) != 1 || got.Entries[0].GetAttributeValue("sAMAccountName") != "tu" ||
		got.Entries[0].GetAttributeValue("badPwdCount") != "2" || got.Entries[0].GetAttributeValue("lockoutTime") != "128532420000000000" {
		t.Errorf("locked accounts: %+v, %v", got, err)
	}
}

func TestTLSUsesTheCurrentCertificate(t *testing.T) {
	pool, cert := issue(t)
	newPool, newCert := issue(t)
	log := &buffer{}
	s, _ := newServer(t, func(s *ad.Server) { s.Certificate, s.KeyLog, s.RequireSigning = cert, log, true })
	connect := map[string]func(*tls.Config) (*ldap.Conn, error){
		"StartTLS": func(cfg *tls.Config) (*ldap.Conn, error) {
			c := dial(t, s)
			return c, c.StartTLS(cfg)
		},
		"LDAPS": func(cfg *tls.Config) (*ldap.Conn, error) {
			return ldap.DialURL("ldaps://"+s.TLSAddr(), ldap.DialWithTLSConfig(cfg))
		},
	}
	for name, dial := range connect {
		c, err := dial(&tls.Config{RootCAs: pool, ServerName: host})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.Bind("tu@contoso.com", testPassword); err != nil { // allowed: TLS is strong enough
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots); err != nil || len(got.Entries) != 1 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		c.Close()
	}
	if !strings.Contains(log.String(), "CLIENT_HANDSHAKE_TRAFFIC_SECRET") {
		t.Error("nothing in the key log")
	}
	s.SetCertificate(newCert)
	for name, dial := range connect {
		if c, err := dial(&tls.Config{RootCAs: pool, ServerName: host}); err == nil {
			c.Close()
			t.Errorf("%s: still the old certificate", name)
		}
		c, err := dial(&tls.Config{RootCAs: newPool, ServerName: host})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.Close()
	}
	s.SetCertificate(nil)
	wantCode(t, dial(t, s).StartTLS(&tls.Config{RootCAs: pool, ServerName: host}), ldap.LDAPResultUnavailable)
	if c, err := connect["LDAPS"](&tls.Config{RootCAs: newPool, ServerName: host}); err == nil {
		c.Close()
		t.Error("LDAPS without a certificate")
	}
}

func TestStrictDCRefusesUnprotectedBinds(t *testing.T) {
	s, _ := newServer(t, func(s *ad.Server) { s.RequireSigning = true })
	wantCode(t, dial(t, s).Bind("tu@contoso.com", testPassword), ldap.LDAPResultStrongAuthRequired, "00002028: LdapErr: DSID-", "requires binds to turn on integrity checking")
	wantCode(t, dial(t, s).NTLMBind("CONTOSO", "tu", testPassword), ldap.LDAPResultStrongAuthRequired)
	if err := dial(t, s).UnauthenticatedBind(""); err != nil {
		t.Errorf("anonymous bind: %v", err)
	}
}

func TestSicilyBindOfAForeignClient(t *testing.T) {
	s, _ := newServer(t, nil)
	c := dial(t, s)
	if err := c.NTLMBind("CONTOSO", "tu", testPassword); err != nil {
		t.Fatal(err)
	}
	if got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots); err != nil || len(got.Entries) != 1 {
		t.Errorf("search: %v, %v", got, err)
	}
}

func TestIdleConnectionIsClosed(t *testing.T) {
	s, _ := newServer(t, func(s *ad.Server) { s.IdleTimeout = 20 * time.Millisecond })
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := nc.Read(make([]byte, 1)); n != 0 || err == nil || strings.Contains(err.Error(), "timeout") {
		t.Errorf("read %d, %v, want the server to close", n, err)
	}
}

func TestStartFailsIfAnAddressIsInUse(t *testing.T) {
	s, _ := newServer(t, nil)
	for name, change := range map[string]func(*ad.Server){
		"LDAP":      func(o *ad.Server) { o.Listen = s.Addr() },
		"LDAPS":     func(o *ad.Server) { o.ListenTLS = s.Addr() },
		"NetBIOS":   func(o *ad.Server) { o.ListenNBNS = s.NBNSAddr() },
		"enrolment": func(o *ad.Server) { o.Enrolment, o.ListenEnrolment = true, s.Addr() },
	} {
		other := ad.New(directory.New("contoso.com", "CONTOSO"))
		change(other)
		if err := other.Start(); err == nil {
			t.Errorf("%s: started twice on one address", name)
		}
		other.Close()
	}
}
