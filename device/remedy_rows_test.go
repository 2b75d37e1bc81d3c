package device_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/dns"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/ntp"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/sipwire"
	"github.com/ocphone/ocphone/provisioning"
)

var autodiscoverHosts = []string{"contoso.com", "autodiscover.contoso.com", "http://autodiscover.contoso.com", "cas01.contoso.com"}

// breakages are what the remedies are proved by.
var breakages = slices.Concat(networkBreakages, certificateBreakages, directoryBreakages, poolBreakages, exchangeBreakages)

var networkBreakages = []breakage{
	{code: journal.NetUnplugged, how: "no cable", spoil: func(p *patient) { p.place = nil }},
	{code: journal.DNSNoServer, how: "the DNS server is down", spoil: func(p *patient) { p.place.DNS = []string{nowhere(p.t)} }},
	{code: journal.DNSRefused, how: "the DNS server fails", spoil: func(p *patient) { p.lab.InsideDNS.SetFault(dns.ServFail) }},
	{code: journal.DNSNoRecords, how: "no A record of the pool", spoil: func(p *patient) {
		p.lab.InsideDNS.Remove("pool.contoso.com")
		p.repatch("127.0.0.1:5061", p.lab.Pool.Addr())
		delete(p.place.Patch, "pool.contoso.com:5061")
	}},
	{code: journal.NoCandidate, how: "no SRV record of the pool", spoil: func(p *patient) { p.lab.InsideDNS.Remove("_sipinternaltls._tcp.contoso.com") }},
	{code: journal.OutsideDomain, how: "the SRV record names a host of another domain", spoil: func(p *patient) {
		p.setSRV("_sipinternaltls._tcp.contoso.com", "0 0 5061 pool.fabrikam.com")
	}},
	{code: journal.ConnRefused, how: "the pool is down", spoil: func(p *patient) { p.repatch("pool.contoso.com:5061", nowhere(p.t)) }},
	{code: journal.ConnRefused, how: "outside, the records of the pool inside are visible", spoil: func(p *patient) {
		if err := p.lab.PublishRoot(lab.PublicRoot); err != nil {
			p.t.Fatal(err)
		}
		if err := p.visitInside(); err != nil { // for the root of the Edge
			p.t.Fatal(err)
		}
		goOutside(p)
		leak(p)
	}},
	{code: journal.ConnTimeout, how: "the host of the pool does not answer", spoil: func(*patient) {},
		build: func(c *device.Config) { c.DialTimeout = 1 }},
	{code: journal.ConnFailed, how: "no route to the pool", spoil: func(p *patient) { p.repatch("pool.contoso.com:5061", "127.255.255.255:5061") }},
	{code: journal.ConnFailed, how: "the pool closes the connection in the TLS handshake", cause: "log", spoil: func(p *patient) {
		p.repatch("pool.contoso.com:5061", listening(p.t, func(nc net.Conn) { nc.Read(make([]byte, 512)) }))
	}},
	{code: journal.ConnFailed, how: "the pool has an internal error in the TLS handshake", cause: "load", spoil: func(p *patient) {
		p.lab.Pool.SetFaults(pool.Faults{TLSAlert: true})
	}},
	{code: journal.TLSFailed, how: "the SRV record names a port that speaks HTTP", spoil: func(p *patient) {
		p.setSRV("_sipinternaltls._tcp.contoso.com", "0 0 80 pool.contoso.com")
		p.repatch("pool.contoso.com:80", listening(p.t, func(nc net.Conn) {
			nc.Read(make([]byte, 512))
			io.WriteString(nc, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}))
	}},
	{code: journal.TLSFailed, how: "the pool speaks TLS 1.2 or newer alone", spoil: func(p *patient) {
		c, err := p.lab.Certificate("pool.contoso.com")
		if err != nil {
			p.t.Fatal(err)
		}
		p.repatch("pool.contoso.com:5061", listening(p.t, func(nc net.Conn) {
			tls.Server(nc, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c}}).Handshake()
		}))
	}},
	{code: journal.TimeNone, how: "the time server is not synchronized", spoil: func(p *patient) { p.lab.NTP.SetFault(ntp.Unsynchronised) }},
	{code: journal.TimeNone, how: "no SRV record of a time server", spoil: func(p *patient) { p.lab.InsideDNS.Remove("_ntp._udp.contoso.com") }},
	{code: journal.TimeJump, how: "the time server is three days ahead", spoil: func(p *patient) { p.lab.NTP.SetOffset(3 * 24 * time.Hour) }},
	{code: journal.TimeSkew, how: "the phone's clock is an hour behind and no time server is published", prepare: func(d *lab.Deployment) { d.Pool.CheckSkew = true }, signedIn: true, spoil: func(p *patient) {
		p.lab.InsideDNS.Remove("_ntp._udp.contoso.com")
		p.clock.Set(p.clock.Now().Add(-time.Hour))
	}},
}

var certificateBreakages = []breakage{
	{code: journal.CertExpired, how: "the certificate of the pool has expired", spoil: defect("pool", pki.Expired)},
	{code: journal.CertExpired, how: "the certificate of the issuing CA has expired", spoil: defect("pool", pki.ExpiredIntermediate)},
	{code: journal.CertExpired, how: "the time server is four years ahead", spoil: func(p *patient) { p.lab.NTP.SetOffset(4 * year) }},
	{code: journal.CertNotYetValid, how: "the certificate of the pool becomes valid in a week", spoil: defect("pool", pki.NotYetValid)},
	{code: journal.CertNotYetValid, how: "the time server is a year behind", spoil: func(p *patient) { p.lab.NTP.SetOffset(-year) }},
	{code: journal.CertName, how: "the certificate is for another host", spoil: defect("pool", pki.WrongName)},
	{code: journal.CertUsage, how: "the certificate is for clients", spoil: defect("pool", pki.MissingEKU)},
	{code: journal.CertSHA2, how: "the certificate is signed with SHA-256, firmware 1.0.522.71", spoil: defect("pool", pki.SHA2)},
	{code: journal.CertWeak, how: "the certificate is signed with SHA-1, firmware today", prepare: today, spoil: defect("pool", pki.SHA1)},
	{code: journal.CertConstraint, how: "an issuer is no CA", spoil: defect("pool", pki.CAFalse)},
	{code: journal.CertConstraint, how: "a critical extension is unknown", spoil: defect("pool", pki.CriticalExtension)},
	{code: journal.CertMalformed, how: "the certificate is cut off", spoil: func(p *patient) {
		c, err := p.lab.Certificate("pool.contoso.com")
		if err != nil {
			p.t.Fatal(err)
		}
		c.Certificate = [][]byte{c.Certificate[0][:len(c.Certificate[0])/2]}
		if err := p.lab.SetCertificate("pool", c); err != nil {
			p.t.Fatal(err)
		}
	}},
	{code: journal.CertOrder, how: "the file of the chain begins with the issuing CA", spoil: func(p *patient) {
		c, err := p.lab.Certificate("pool.contoso.com")
		if err != nil {
			p.t.Fatal(err)
		}
		slices.Reverse(c.Certificate)
		c.Leaf = nil
		if err := p.lab.SetCertificate("pool", c); err != nil {
			p.t.Fatal(err)
		}
	}},
	{code: journal.CertSelfSigned, how: "the certificate of Exchange is self-signed", spoil: defect("exchange", pki.SelfSigned)},
	{code: journal.CertUntrusted, how: "outside for the first time", spoil: goOutside},
	{code: journal.CertUntrusted, how: "outside, the root of the Edge was not published when the phone was inside", signedIn: true, spoil: goOutside},
	{code: journal.CertUntrusted, how: "outside for the first time, the records of the inside are visible", spoil: func(p *patient) {
		goOutside(p)
		leak(p)
	}},
	{code: journal.CertSelfSigned, how: "the certificate of the pool is self-signed", spoil: defect("pool", pki.SelfSigned)},
	{code: journal.CertName, how: "the name is in the common name alone, firmware today", prepare: today, spoil: defect("pool", pki.CNOnly)},
	{code: journal.ADNoMatch, how: "the pool does not send the certificate of the issuing CA", spoil: defect("pool", pki.MissingIntermediate)},
	{code: journal.ADNoMatch, how: "nor does it, and that certificate was published as a root", spoil: func(p *patient) {
		defect("pool", pki.MissingIntermediate)(p)
		p.lab.Directory.PublishRoot("Contoso Issuing CA", p.lab.PKI.Issuing.Certificate.Raw)
	}},
	{code: journal.ADNoRoots, how: "no root is published", prepare: func(d *lab.Deployment) { d.Publish = []string{} }, spoil: func(*patient) {}},
	{code: journal.ADNoMatch, how: "the root of the pool is not published", spoil: func(p *patient) {
		root, err := pki.NewRoot("CN=Fabrikam Root CA,DC=fabrikam,DC=com", pki.Options{Algorithm: pki.RSA2048SHA1, Now: p.lab.Clock.Now, Keys: new(pki.Keys)})
		if err != nil {
			p.t.Fatal(err)
		}
		c, err := root.Issue(pki.Leaf{Names: []string{"pool.contoso.com"}})
		if err != nil {
			p.t.Fatal(err)
		}
		p.publish[p.subject(root.Certificate)] = root.Certificate.Raw
		if err := p.lab.SetCertificate("pool", c); err != nil {
			p.t.Fatal(err)
		}
	}},
}

var directoryBreakages = []breakage{
	{code: journal.ADNoDomain, how: "check: no domain is known", spoil: func(p *patient) {
		p.place.Suffix, p.creds.Address, p.creds.User = "", "", "tu"
	}, ask: searchForRoots},
	{code: journal.ADNoController, how: "no SRV record of a domain controller", spoil: func(p *patient) {
		p.lab.InsideDNS.Remove("_ldap._tcp.dc._msdcs.contoso.com")
		p.lab.InsideDNS.Remove("_ldap._tcp.contoso.com")
	}},
	{code: journal.ADNoController, how: "check: no SRV record of a domain controller", spoil: func(p *patient) {
		p.lab.InsideDNS.Remove("_ldap._tcp.dc._msdcs.contoso.com")
		p.lab.InsideDNS.Remove("_ldap._tcp.contoso.com")
	}, ask: searchForRoots},
	{code: journal.ADUnreachable, how: "the domain controller is down", spoil: func(p *patient) { p.repatch("dc1.contoso.com:389", nowhere(p.t)) }},
	{code: journal.ADUnreachable, how: "the domain controller is busy", cause: "load", spoil: refuse(ad.Faults{RefuseBind: 51})},
	{code: journal.ADCredentials, how: "the password is wrong", spoil: func(p *patient) { p.creds.Password = "wrong" }},
	{code: journal.ADCredentials, how: "the suffix of the user name is not one of Active Directory", spoil: func(p *patient) {
		p.creds.User = "tu@fabrikam.com"
	}},
	{code: journal.ADLocked, how: "the account is locked out", spoil: user(func(u *directory.User) { u.Locked = true })},
	{code: journal.ADDisabled, how: "the account is disabled", spoil: user(func(u *directory.User) { u.Disabled = true })},
	{code: journal.ADExpired, how: "the account has expired (data 701)", spoil: user(func(u *directory.User) { u.AccountExpired = true })},
	{code: journal.ADExpired, how: "the password has expired (data 532)", spoil: user(func(u *directory.User) { u.PasswordExpired = true })},
	{code: journal.ADExpired, how: "the password must be changed (data 773)", spoil: user(func(u *directory.User) { u.MustChange = true })},
	{code: journal.ADRestricted, how: "a member of Protected Users (data 52f)", cause: "52f", spoil: refuse(ad.Faults{RefuseLogon: "52f"})},
	{code: journal.ADRestricted, how: "outside the logon hours (data 530)", cause: "530", spoil: refuse(ad.Faults{RefuseLogon: "530"})},
	{code: journal.ADRestricted, how: "another computer (data 531)", cause: "531", spoil: refuse(ad.Faults{RefuseLogon: "531"})},
	{code: journal.ADRestricted, how: "no right to log on over the network (data 569)", cause: "569", spoil: refuse(ad.Faults{RefuseLogon: "569"})},
	{code: journal.AuthBinding, how: "the domain controller requires channel binding (data 80090346)", cause: "80090346", spoil: refuse(ad.Faults{RefuseLogon: "80090346"})},
	{code: journal.ADWeakBind, how: "the domain controller does not offer to seal", cause: "weak", spoil: refuse(ad.Faults{ClearFlags: ntlm.NegotiateSeal})},
	{code: journal.ADWeakBind, how: "NTLM is blocked (data 791)", cause: "791", spoil: refuse(ad.Faults{RefuseLogon: "791"})},
	{code: journal.ADUnverified, how: "LDAP answers are changed on the way", cause: "LDAP", spoil: refuse(ad.Faults{BadSeal: true})},
	{code: journal.ADProtocol, how: "what answers is no LDAP", cause: "text", spoil: refuse(ad.Faults{Garbage: true})},
	{code: journal.ADProtocol, how: "an unknown error of the log-on (data 57)", cause: "57", spoil: refuse(ad.Faults{RefuseLogon: "57"})},
	{code: journal.ADEnrolment, how: "no root is published, and web enrolment is down", prepare: func(d *lab.Deployment) { d.Publish, d.DC.Enrolment = []string{}, true },
		spoil: func(p *patient) { p.repatch("ca.contoso.com:80", nowhere(p.t)) }},
}

var poolBreakages = []breakage{
	{code: journal.AuthPassword, how: "the password is wrong, the root is held", signedIn: true, spoil: func(p *patient) { p.creds.Password = "wrong" }},
	{code: journal.AuthNoScheme, how: "the pool takes Kerberos alone", prepare: func(d *lab.Deployment) { d.Pool.Schemes = []pool.Scheme{pool.Kerberos} }, spoil: func(*patient) {}},
	{code: journal.AuthServer, how: "a proxy removes signatures", cause: "proxy", spoil: poolFault(pool.Faults{Unsigned: true})},
	{code: journal.AuthServer, how: "a proxy changes messages", cause: "proxy", spoil: poolFault(pool.Faults{BadSignature: true})},
	{code: journal.AuthDisabled, how: "the account is locked out, the root is held", signedIn: true, spoil: user(func(u *directory.User) { u.Locked = true })},
	{code: journal.SIPForbidden, how: "the address of another user", spoil: func(p *patient) { p.creds.Address = "kerry@contoso.com" }},
	{code: journal.SIPUnknownUser, how: "the user is not enabled for SIP", spoil: user(func(u *directory.User) { u.SIPDisabled = true })},
	{code: journal.SIPVersion, how: "the client version filter", cause: "filter", spoil: poolFault(pool.Faults{Reject: pool.VersionDeclined()})},
	{code: journal.SIPUnavailable, how: "the pool answers 503", cause: "load", spoil: poolFault(pool.Faults{Reject: &pool.Rejection{Status: 503}})},
	{code: journal.SIPRejected, how: "the pool answers 481", cause: "reason", spoil: poolFault(pool.Faults{Reject: &pool.Rejection{Status: 481}})},
	{code: journal.SIPRedirects, how: "two pools name each other as home", spoil: func(p *patient) {
		home, at := secondPool(p.t.(*testing.T), p.lab)
		p.place = &at.Place
		p.lab.Pool.SetHomePool("pool2.contoso.com")
		home.SetHomePool("pool.contoso.com")
	}},
	{code: journal.SIPMalformed, how: "what answers is no SIP", cause: "no SIP", spoil: poolFault(pool.Faults{Malformed: true})},
	{code: journal.SIPNoAnswer, how: "the pool does not answer", cause: "down", spoil: poolFault(pool.Faults{Silent: true}),
		build: func(c *device.Config) { c.Firmware.SIP.AnswerTimeout = 200 * time.Millisecond }},
	{code: journal.SIPLost, how: "the pool closes the connection", cause: "log", spoil: poolFault(pool.Faults{CloseAfter: 1})},
	{code: journal.SIPLost, how: "a firewall ends the connection of a registered phone", cause: "firewall", signedIn: true, live: true, spoil: func(p *patient) { p.lab.Pool.DropAll() }},
	{code: journal.SIPDeregistered, how: "the user was disabled while signed in", signedIn: true, live: true, spoil: func(p *patient) {
		user(func(u *directory.User) { u.SIPDisabled = true })(p)
		p.lab.Pool.Deregister(p.creds.Address, pool.Rejected, pool.Diagnostics{})
	}},
	{code: journal.ProvMalformed, how: "the settings are cut off on the way", cause: "message", spoil: poolFault(pool.Faults{Body: map[string]string{provisioning.EventPackage: "<provisionGroupList"}})},
	{code: journal.ProvNoProfile, how: "the deployment has no location profile", prepare: func(d *lab.Deployment) {
		d.Profiles, d.Pool.Profile = []lab.Profile{}, ""
		for i := range d.Users {
			d.Users[i].EUM = ""
		}
	}, spoil: func(*patient) {}},
	{code: journal.SIPNoEnhancedPresence, how: "the user is not enabled for enhanced presence", spoil: user(func(u *directory.User) { u.NoEnhancedPresence = true })},
	{code: journal.SIPNotListed, how: "a registrar returns no Contact", spoil: func(p *patient) {
		var lists atomic.Bool
		r := newRegistrar(p.t, listen(p.t), func(n int, in *sipwire.Incoming, res *sip.Response) {
			if lists.Load() {
				bind(n, in, res)
			}
		})
		p.undo = func() error { lists.Store(true); return nil }
		p.exchangePhone(func(c *device.Config) { c.Registrar, c.NTP = registrarHost+":5060;transport=tcp", false })
		p.place = &network.Place{Name: "a desk", DNS: []string{nowhere(p.t)}, Patch: network.AddressMap{registrarHost + ":5060": r.at}}
	}},
	{code: journal.ProvNoVoice, how: "the user has no line", spoil: user(func(u *directory.User) { u.LineURI = "" })},
}

var exchangeBreakages = []breakage{
	{code: journal.ExchangeNone, how: "no A record of Autodiscover, a web page on the bare domain", spoil: func(p *patient) {
		p.lab.InsideDNS.Remove("autodiscover.contoso.com")
		p.lab.Exchange.SetAutodiscover("contoso.com", exchange.Autodiscover{HomePage: true})
		p.repatch("127.0.0.1:443", p.lab.Exchange.Addr(), "127.0.0.1:80", p.lab.Exchange.RedirectAddr())
		delete(p.place.Patch, "autodiscover.contoso.com:443")
		delete(p.place.Patch, "autodiscover.contoso.com:80")
	}},
	{code: journal.ExchangeMalformed, how: "what answers at the URL of EWS is not Exchange", cause: "answer", spoil: exchangeFault(exchange.Faults{Raw: []byte("<a><b>")})},
	{code: journal.ExchangeError, how: "Autodiscover answers error 603", cause: "event log", spoil: autodiscover(exchange.Autodiscover{Error: 603})},
	{code: journal.ExchangeMailbox, how: "Autodiscover answers error 500", cause: "address", spoil: autodiscover(exchange.Autodiscover{Error: 500})},
	{code: journal.ExchangeRedirects, how: "Autodiscover redirects to http", cause: "redirect", spoil: autodiscover(exchange.Autodiscover{Location: "http://autodiscover.contoso.com/autodiscover/autodiscover.xml"})},
	{code: journal.ExchangeNoEWS, how: "the URL of EWS is not https", cause: "URLs", spoil: autodiscover(exchange.Autodiscover{EWSURL: "http://cas01.contoso.com/"})},
	{code: journal.ConnRefused, how: "the host of EWS is down", spoil: func(p *patient) { p.repatch("cas01.contoso.com:443", nowhere(p.t)) }},
	{code: journal.ExchangeUnreached, how: "a proxy cuts the answers of EWS", cause: "cuts", spoil: exchangeFault(exchange.Faults{Truncate: 100})},
	{code: journal.ExchangeBusy, how: "EWS answers ErrorServerBusy", cause: "load", spoil: exchangeFault(exchange.Faults{Busy: true})},
	{code: journal.ExchangeMoved, how: "EWS answers 404", cause: "publishing", spoil: exchangeFault(exchange.Faults{Status: 404})},
	{code: journal.ExchangeDenied, how: "EWS answers ErrorAccessDenied", cause: "account", spoil: exchangeFault(exchange.Faults{SOAPFault: map[string]string{"*": "ErrorAccessDenied"}})},
	{code: journal.ExchangeRefused, how: "EWS answers with an unknown error", cause: "event log", spoil: exchangeFault(exchange.Faults{SOAPFault: map[string]string{"*": "ErrorOfItsOwn"}})},
	{code: journal.ExchangeForms, how: "a proxy redirects EWS to a log-on form", cause: "forms", spoil: exchangeFault(exchange.Faults{Status: 302, Location: "/owa/auth/logon.aspx"})},
	{code: journal.AuthBlocked, how: "Exchange offers NTLM and refuses it", cause: "NTLM policy", spoil: exchangeFault(exchange.Faults{Refuse401: true})},
	{code: journal.AuthDenied, how: "Exchange refuses the password that the pool has taken", cause: "event log", spoil: func(p *patient) {
		set := func(password string) error {
			return p.lab.Directory.SetUser("tu", func(u *directory.User) { u.Password = password })
		}
		var once sync.Once
		p.lab.Pool.SetFaults(pool.Faults{Hold: func(req *sip.Request) {
			if isAsked(req, pool.LocationProfile) { // after the log-on at the pool, before that at Exchange
				once.Do(func() { set("of Exchange alone") })
			}
		}})
		p.undo = func() error { return set(lab.DefaultPassword) }
	}},
	{code: journal.AuthUnanswered, how: "a proxy closes the connection between the messages of NTLM", cause: "keep-alive", spoil: exchangeFault(exchange.Faults{CloseBetweenLegs: true})},
}

func goOutside(p *patient) {
	outside := p.lab.Outside().Place
	p.place = &outside
}

// leak makes records of the inside visible outside, with private addresses.
func leak(p *patient) {
	dead := nowhere(p.t)
	p.place.Patch["10.9.8.7:5061"], p.place.Patch["10.9.8.6:389"] = dead, dead
	d := p.lab.OutsideDNS
	if err := errors.Join(d.Set("_sipinternaltls._tcp.contoso.com", "SRV", "0 0 5061 pool.contoso.com"), d.Set("pool.contoso.com", "A", "10.9.8.7"),
		d.Set("_ldap._tcp.dc._msdcs.contoso.com", "SRV", "0 0 389 dc1.contoso.com"), d.Set("dc1.contoso.com", "A", "10.9.8.6")); err != nil {
		p.t.Fatal(err)
	}
}

func today(d *lab.Deployment) { d.Today = true }

func (p *patient) setSRV(name, value string) {
	if err := p.lab.InsideDNS.Set(name, "SRV", value); err != nil {
		p.t.Fatal(err)
	}
}

func defect(server string, d pki.Defect) func(*patient) {
	return func(p *patient) {
		if err := p.lab.SetDefect(server, d); err != nil {
			p.t.Fatal(err)
		}
	}
}

func user(change func(*directory.User)) func(*patient) {
	return func(p *patient) {
		if err := p.lab.Directory.SetUser("tu", change); err != nil {
			p.t.Fatal(err)
		}
	}
}

func refuse(f ad.Faults) func(*patient)      { return func(p *patient) { p.lab.DC.SetFaults(f) } }
func poolFault(f pool.Faults) func(*patient) { return func(p *patient) { p.lab.Pool.SetFaults(f) } }
func exchangeFault(f exchange.Faults) func(*patient) {
	return func(p *patient) { p.lab.Exchange.SetFaults(f) }
}

func autodiscover(a exchange.Autodiscover) func(*patient) {
	return func(p *patient) {
		for _, host := range autodiscoverHosts {
			p.lab.Exchange.SetAutodiscover(host, a)
		}
	}
}

// searchForRoots asks Active Directory as `check trust` does.
func searchForRoots(p *patient) *journal.Step {
	fw, err := device.FirmwareNamed(p.firmware)
	if err != nil {
		p.t.Fatal(err)
	}
	_, err = device.DownloadRoots(p.t.Context(), *p.place, fw, p.creds, "", false, nil)
	if err == nil {
		return nil
	}
	s := journal.FailureOf(err).Step(journal.Roots).Stamp(0, time.Time{})
	return &s
}

// listening serves each connection with serve until the test ends.
func listening(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	var accepting, serving sync.WaitGroup
	accepting.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			conns = append(conns, nc)
			serving.Go(func() { defer nc.Close(); serve(nc) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		accepting.Wait()
		for _, nc := range conns {
			nc.Close()
		}
		serving.Wait()
	})
	return l.Addr().String()
}
