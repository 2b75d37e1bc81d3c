//go:build realpeers && linux

package device_test

import (
	"crypto/x509"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/peer"
)

const (
	siteDC      = "127.21.3.10" // Samba
	siteDNS     = "127.22.3.2:10053"
	siteTime    = "127.22.3.3:10123"
	siteWeb     = "127.22.3.4:10443" // nginx
	nobody      = "127.22.3.9"       // no server listens there
	siteUser    = "Alice1"
	sitePass    = "pw-Alice1"
	siteRoot    = "Root"
	siteLockout = 3
)

// site is a deployment of foreign servers: Samba, dnsmasq, chrony, Kamailio and
// nginx. Pool and Exchange are the lab's.
type site struct {
	all        *testing.T // Samba and Kamailio live as long
	t          *testing.T // the row
	rig        *rig
	dc         *peer.Samba
	kamailio   *kamailio
	toKamailio bool     // the phone signs in there
	records    []string // of dnsmasq
	names      *peer.Process
	nginx      *peer.Process
	webLines   string
	webDefect  pki.Defect
	published  bool
	time       *peer.Process
	place      network.Place
}

// siteRecords are the DNS records of a deployment without faults.
func siteRecords() []string {
	return []string{
		"_sipinternaltls._tcp.contoso.com SRV 0 0 5061 pool.contoso.com",
		"_ldap._tcp.dc._msdcs.contoso.com SRV 0 100 389 dc1.contoso.com",
		"_ntp._udp.contoso.com SRV 0 0 10123 ntp1.contoso.com",
		"pool.contoso.com A 127.0.0.1", "dc1.contoso.com A " + siteDC, "ntp1.contoso.com A 127.22.3.3",
	}
}

// setRecords starts dnsmasq again with other records.
func (s *site) setRecords(records ...string) {
	s.t.Helper()
	if s.names != nil {
		s.names.Stop()
	}
	s.records = records
	s.names = peer.Dnsmasq(s.t, siteDNS, "contoso.com", records...).Process
}

// withoutRecord removes the records that begin with name.
func (s *site) withoutRecord(name string) {
	s.t.Helper()
	s.setRecords(slices.DeleteFunc(slices.Clone(s.records), func(r string) bool { return strings.HasPrefix(r, name+" ") })...)
}

// record adds a record, in place of those of the same name.
func (s *site) record(record string) {
	s.t.Helper()
	name, _, _ := strings.Cut(record, " ")
	s.withoutRecord(name)
	s.setRecords(append(s.records, record)...)
}

// account changes attributes of the user in Samba: "attribute: value".
func (s *site) account(changes ...string) {
	s.t.Helper()
	ldif := "dn: " + peer.DN(siteUser) + "\nchangetype: modify\n"
	for _, c := range changes {
		attribute, _, _ := strings.Cut(c, ":")
		ldif += fmt.Sprintf("replace: %s\n%s\n-\n", attribute, c)
	}
	s.dc.Modify(s.t, ldif)
}

// publish makes value the only published root; nil: there is none.
func (s *site) publish(value []byte) {
	s.t.Helper()
	if s.published {
		s.dc.Modify(s.t, "dn: CN="+siteRoot+","+peer.Authorities+"\nchangetype: delete\n")
	}
	if s.published = value != nil; s.published {
		s.dc.PublishRoot(s.t, peer.Root{Name: siteRoot, DER: value})
	}
}

// present makes Kamailio present a certificate with a defect; "" is none.
func (s *site) present(d pki.Defect) {
	s.t.Helper()
	c, err := s.kamailio.pki.Issuing.Issue(pki.Leaf{Names: []string{kamailioHost}, Defect: d})
	if err != nil {
		s.t.Fatal(err)
	}
	chain, key := pemOf(s.t, c)
	peer.Write(s.t, s.kamailio.dir, "cert.pem", chain)
	peer.Write(s.t, s.kamailio.dir, "key.pem", key)
	s.kamailio.must(s.t, "tls.reload")
}

// toKamailio is a phone that signs in at Kamailio.
func toKamailio(c *device.Config) { c.Registrar = kamailioHost + ":" + kamailioPort }

// setPool changes the address of the pool's name.
func (s *site) setPool(addr string) {
	s.t.Helper()
	s.record("pool.contoso.com A " + addr)
}

// serveTime starts chrony again; shift is an offset of faketime, "" for none.
func (s *site) serveTime(shift string) {
	s.t.Helper()
	if s.time != nil {
		s.time.Stop()
	}
	s.time = peer.Chrony(s.t, siteTime, shift)
}

// lock tries wrong passwords until Samba locks the account.
func (s *site) lock() {
	s.t.Helper()
	for range siteLockout {
		p := newPhone(s.t, "today", nil)
		r := rig{Phone: p, t: s.t, creds: s.rig.creds}
		r.creds.Password = "wrong"
		r.signIn(lab.Attachment{Place: s.place})
		p.Close()
	}
}

// Lines of nginx's configuration: the service, and a form in its place.
const (
	sitePath    = "/autodiscover/autodiscover.xml"
	siteService = "location = " + sitePath + " { auth_basic Exchange; auth_basic_user_file users; error_page 405 =200 $uri; }"
	siteForm    = "location / { return 302 https://autodiscover.contoso.com/owa/auth/logon.aspx?url=$request_uri; }"
)

// siteSettings is the answer of Autodiscover. Its EWS URL leads to the lab.
const siteSettings = `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
<User><DisplayName>Alice</DisplayName></User>
<Account><AccountType>email</AccountType><Action>settings</Action>
<Protocol><Type>EXCH</Type><EwsUrl>https://mail.contoso.com/EWS/Exchange.asmx</EwsUrl></Protocol>
</Account></Response></Autodiscover>
`

// web serves autodiscover.contoso.com with nginx.
func (s *site) web(d pki.Defect, lines string) {
	s.t.Helper()
	peer.Need(s.t, "nginx", "nginx")
	if s.nginx != nil {
		s.nginx.Stop()
	}
	c, err := s.rig.lab.PKI.Issuing.Issue(pki.Leaf{Names: []string{"autodiscover.contoso.com"}, Defect: d})
	if err != nil {
		s.t.Fatal(err)
	}
	dir := peer.Dir(s.t)
	chain, key := pemOf(s.t, c)
	peer.Write(s.t, dir, "cert.pem", chain)
	peer.Write(s.t, dir, "key.pem", key)
	peer.Write(s.t, dir, "users", siteUser+":{PLAIN}"+sitePass+"\n"+peer.NetBIOS+`\`+siteUser+":{PLAIN}"+sitePass+"\n")
	peer.Write(s.t, dir, sitePath, siteSettings)
	conf := peer.Write(s.t, dir, "nginx.conf", fmt.Sprintf(`
daemon off; master_process off; pid nginx.pid; error_log stderr;
events { }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  types { text/xml xml; text/html html; }
  root %[1]s;
  server { listen %[2]s ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; %[3]s }
}
`, dir, siteWeb, lines))
	s.nginx = peer.Command{Dir: dir, Ready: peer.Listening(siteWeb)}.Start(s.t, "nginx", "-p", dir, "-e", "stderr", "-c", conf)
	s.webLines = lines
	s.setRecords(append(s.records, "autodiscover.contoso.com A 127.22.3.4")...)
}

// siteBreakage is one fault of a deployment.
type siteBreakage struct {
	name  string
	peer  string // Debian package
	build func(*device.Config)
	do    func(*site)
	codes []journal.Code // of each attempt before the one that succeeds
}

var siteBreakages = []siteBreakage{
	{"no SRV record of the pool", "dnsmasq-base", nil, func(s *site) { s.withoutRecord("_sipinternaltls._tcp.contoso.com") },
		[]journal.Code{journal.NoCandidate}},
	{"SRV target without an address", "dnsmasq-base", nil, func(s *site) { s.withoutRecord("pool.contoso.com") },
		[]journal.Code{journal.DNSNoRecords}},
	{"SRV target outside the SIP domain", "dnsmasq-base", nil,
		func(s *site) {
			s.record("_sipinternaltls._tcp.contoso.com SRV 0 0 5061 pool.fabrikam.com")
		}, []journal.Code{journal.OutsideDomain}},
	{"pool's address is a host that is off", "dnsmasq-base", nil,
		func(s *site) { s.setPool(nobody) }, []journal.Code{journal.ConnRefused}},
	{"no SRV record of the domain controller", "dnsmasq-base", nil,
		func(s *site) { s.withoutRecord("_ldap._tcp.dc._msdcs.contoso.com") }, []journal.Code{journal.ADNoController}},
	{"DNS server off", "dnsmasq-base", nil,
		func(s *site) { s.place.DNS = []string{nobody + ":53"} }, []journal.Code{journal.DNSNoServer}},

	{"time server years ahead", "chrony", nil, func(s *site) { s.serveTime("+1500d") }, []journal.Code{journal.CertExpired}},
	{"time server off, phone a year slow", "chrony", func(c *device.Config) { c.Clock = clock.New(time.Now().AddDate(-1, 0, 0)) },
		func(s *site) { s.time.Stop() }, []journal.Code{journal.CertNotYetValid}},

	{"root not published", "samba", nil, func(s *site) { s.publish(nil) }, []journal.Code{journal.ADNoRoots}},
	{"issuing CA published in place of its root", "samba", nil,
		func(s *site) { s.publish(s.rig.lab.PKI.Issuing.Certificate.Raw) }, []journal.Code{journal.ADNoRoots}},
	{"wrong password", "samba", nil, func(s *site) { s.rig.creds.Password = "wrong" }, []journal.Code{journal.ADCredentials}},
	{"account locked", "samba", nil, func(s *site) { s.lock() }, []journal.Code{journal.ADLocked}},
	{"account disabled", "samba", nil, func(s *site) { s.account("userAccountControl: 514") }, []journal.Code{journal.ADDisabled}},
	{"account expired", "samba", nil, func(s *site) { s.account("accountExpires: 132000000000000000") }, []journal.Code{journal.ADExpired}},
	{"password must be changed", "samba", nil, func(s *site) { s.account("pwdLastSet: 0") }, []journal.Code{journal.ADExpired}},
	{"NTLM switched off", "samba", nil, func(s *site) { s.dc.Serve(s.all, "ntlm auth = disabled") }, []journal.Code{journal.ADWeakBind}},
	{"domain controller off", "samba", nil, func(s *site) { s.dc.Stop() }, []journal.Code{journal.ADUnreachable}},

	{"intermediate certificate left out", "kamailio", toKamailio, func(s *site) { s.present(pki.MissingIntermediate) }, []journal.Code{journal.ADNoMatch}},
	{"expired certificate", "kamailio", toKamailio, func(s *site) { s.present(pki.Expired) }, []journal.Code{journal.CertExpired}},
	{"certificate for another name", "kamailio", toKamailio, func(s *site) { s.present(pki.WrongName) }, []journal.Code{journal.CertName}},
	{"self-signed certificate", "kamailio", toKamailio, func(s *site) { s.present(pki.SelfSigned) }, []journal.Code{journal.CertSelfSigned}},
	{"wrong password, at a registrar", "kamailio", toKamailio, func(s *site) { s.rig.creds.Password = "wrong" }, []journal.Code{journal.ADCredentials}},
	{"Autodiscover with a self-signed certificate", "nginx", nil, func(s *site) { s.web(pki.SelfSigned, siteService) }, []journal.Code{journal.CertSelfSigned}},
	{"Autodiscover behind a log-on form", "nginx", nil, func(s *site) { s.web("", siteForm) }, []journal.Code{journal.ExchangeForms}},
	{"no Autodiscover service", "nginx", nil, func(s *site) { s.web("", "") }, []journal.Code{journal.ExchangeNone}},
	{"registrar off", "kamailio", toKamailio, func(s *site) { s.kamailio.Stop() }, []journal.Code{journal.ConnRefused}},
}

// siteRemedies carry out what a remedy says, at the foreign servers. The names are
// those of the remedy.
var siteRemedies = []struct {
	text *regexp.Regexp
	do   func(s *site, names []string)
}{
	// DNS.
	{says(`Publish the SRV record (_sipinternaltls\._tcp\.\S+)`), func(s *site, names []string) {
		s.record(names[1] + " SRV 0 0 5061 pool.contoso.com")
	}},
	{says(`Publish the SRV record (_ldap\._tcp\.\S+), to port 389`), func(s *site, names []string) {
		s.record(names[1] + " SRV 0 100 389 dc1.contoso.com")
	}},
	{says(`Let the SRV record name a server whose name ends in (\S+),`), func(s *site, names []string) {
		s.record("_sipinternaltls._tcp.contoso.com SRV 0 0 5061 pool." + names[1])
	}},
	{says(`Create the record A (\S+)`), func(s *site, names []string) { s.record(names[1] + " A 127.0.0.1") }},
	{says(`Let the DNS server (\S+) answer .* DHCP option 6`), func(s *site, names []string) {
		if names[1] != nobody+":53" {
			s.t.Fatalf("%s is not the DNS server", names[1])
		}
		s.place.DNS = []string{siteDNS}
	}},

	// Time.
	{says(`Correct the time server ntp1\.contoso\.com:10123|.*no time server has set it`), func(s *site, _ []string) { s.serveTime("") }},

	// Active Directory.
	{says(`Publish the root (CN=.+?) \(certutil`), func(s *site, names []string) { s.publish(s.rootNamed(names[1])) }},
	{says(`Type the password again`), func(s *site, _ []string) { s.rig.creds.Password = sitePass }},
	{says(`Unlock the account`), func(s *site, _ []string) { s.account("lockoutTime: 0") }},
	{says(`Enable the account`), func(s *site, _ []string) { s.account("userAccountControl: 512") }},
	{says(`Remove or extend the end date of the account`), func(s *site, _ []string) { s.account("accountExpires: 0") }},
	{says(`Change the password`), func(s *site, _ []string) { s.account("pwdLastSet: -1") }},
	{says("Allow NTLM on the domain controller .*`ntlm auth`"), func(s *site, _ []string) { s.dc.Serve(s.all) }},
	{says(`Start the server on dc1\.contoso\.com:389`), func(s *site, _ []string) { s.dc.Serve(s.all) }},

	// The SIP server.
	{says(`Start the server on pool\.contoso\.com:5061`), func(s *site, _ []string) { s.setPool("127.0.0.1") }},
	{says(`Start the server on sip\.contoso\.com:5061`), func(s *site, _ []string) { s.kamailio.start(s.all) }},
	{says(`Let the server send the certificate of (CN=.+?) with its own`), func(s *site, names []string) {
		if names[1] != certstore.DistinguishedName(s.kamailio.pki.Issuing.Certificate.RawSubject) {
			s.t.Fatalf("%s is not the certificate that is missing", names[1])
		}
		s.present("")
	}},
	{says(`Renew the certificate of sip\.contoso\.com`), func(s *site, _ []string) { s.present("") }},
	{says(`Issue the certificate for sip\.contoso\.com`), func(s *site, _ []string) { s.present("") }},
	{says(`Install a certificate of an issuing authority whose root .* Active Directory publishes`), func(s *site, _ []string) {
		s.present("")
		if s.nginx != nil {
			s.web("", s.webLines)
		}
	}},

	// Autodiscover.
	{says(`Publish /autodiscover/\* and /ews/\* with NTLM or Basic`), func(s *site, _ []string) { s.web("", siteService) }},
	{says(`Publish /autodiscover of the Client Access server at autodiscover\.contoso\.com`), func(s *site, _ []string) {
		s.web("", siteService)
	}},
}

// root is the root of the server that the phone signs in to.
func (s *site) root() []byte {
	if s.toKamailio {
		return s.kamailio.pki.Enterprise.Certificate.Raw
	}
	return s.rig.lab.PKI.Enterprise.Certificate.Raw
}

// rootNamed is root, if that is its name.
func (s *site) rootNamed(name string) []byte {
	s.t.Helper()
	root, err := x509.ParseCertificate(s.root())
	if err != nil {
		s.t.Fatal(err)
	}
	if got := certstore.DistinguishedName(root.RawSubject); got != name {
		s.t.Fatalf("%s is not the root, which is %s", name, got)
	}
	return s.root()
}

// newSite starts the servers, which all rows share.
func newSite(t *testing.T) *site {
	t.Helper()
	d := lab.Contoso()
	d.Today = true
	d.Users[0].Name, d.Users[0].Password = siteUser, sitePass
	world, err := lab.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	s := &site{all: t, t: t, rig: &rig{lab: world}, dc: peer.Samba{Addr: siteDC}.Start(t), kamailio: startKamailio(t)}
	s.dc.AddUser(t, siteUser, sitePass)
	s.dc.LockoutAfter(t, siteLockout)
	return s
}

// mend makes the deployment faultless again.
func (s *site) mend(t *testing.T, b siteBreakage) {
	t.Helper()
	s.t, s.nginx = t, nil
	records := siteRecords()
	if s.toKamailio = strings.HasPrefix(b.peer, "kamailio"); s.toKamailio {
		records = append(records, kamailioHost+" A "+kamailioAddress)
	}
	s.setRecords(records...)
	s.serveTime("")
	s.rig.t, s.rig.Phone, s.rig.creds = t, newPhone(t, "today", b.build), credentials(s.rig.lab, 0)
	s.publish(s.root())
	s.account("userAccountControl: 512", "accountExpires: 0", "pwdLastSet: -1", "lockoutTime: 0")
	s.present("")
	s.place = network.Place{Name: "inside", DNS: []string{siteDNS}, Suffix: "contoso.com", Patch: network.AddressMap{
		"127.0.0.1:5061":       s.rig.lab.Pool.Addr(),
		"mail.contoso.com:443": s.rig.lab.Exchange.Addr(),
		"127.22.3.4:443":       siteWeb,
	}}
}

// TestPeerRemediesOfForeignServers breaks a deployment of foreign servers in one
// way, reads the remedy from the failure of the sign-in, carries it out, and
// signs in again. Within four remedies the phone must be signed in.
func TestPeerRemediesOfForeignServers(t *testing.T) {
	s := newSite(t)
	ways := map[string]int{}
	for _, b := range siteBreakages {
		ways[b.peer]++
	}
	for _, b := range siteBreakages {
		t.Run(b.name, func(t *testing.T) {
			s.mend(t, b)
			b.do(s)
			var codes []journal.Code
			for {
				snapshot := s.rig.signIn(lab.Attachment{Place: s.place})
				failure := snapshot.Failure
				if snapshot.State == device.Ready {
					failure = nil
					if b.peer == "nginx" && len(snapshot.Warnings) > 0 {
						failure = &snapshot.Warnings[0]
					}
				}
				if failure == nil {
					break
				}
				codes = append(codes, failure.Code)
				t.Logf("%s: %s", failure.Code, failure.Fix)
				if len(codes) > 4 {
					t.Fatal("not signed in after four remedies")
				}
				s.apply(failure.Fix)
			}
			if !slices.Equal(codes, b.codes) {
				t.Errorf("failed with %s, want %s", codes, b.codes)
			}
			peer.Row(t, b.peer, fmt.Sprintf("a deployment is broken in %d ways of this server, and each is mended as the phone's remedy says", ways[b.peer]))
		})
	}
}

// apply carries out a remedy. An unknown one fails the test.
func (s *site) apply(fix string) {
	s.t.Helper()
	for _, r := range siteRemedies {
		if m := r.text.FindStringSubmatch(fix); m != nil {
			r.do(s, m)
			return
		}
	}
	s.t.Fatalf("no known remedy: %s\n%s", fix, story(s.rig.Phone))
}
