package device_test

import (
	"crypto/x509"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
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
)

// remedy is a wording of a remedy and what a person does who follows it.
type remedy struct {
	text *regexp.Regexp // of the beginning; what it captures names what to change
	does string         // in words, for the table
	do   func(p *patient, m []string) error
}

// says compiles the beginning of a remedy.
func says(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?i:` + pattern + `)`) }

// remedies are the wordings that the project uses; the first that matches counts.
// A wording that is not here fails the test, so that it must be proved.
var remedies = []remedy{
	// The network.
	{says(`Plug the phone in\.`), "plugged in", func(p *patient, _ []string) error { p.repatch(); return nil }},
	{says(`(?:Let the DNS server \S+ answer the phone on UDP and TCP 53, or g|G)ive the phone (?:another one|a DNS server)`),
		"gave the phone the DNS server of the place", func(p *patient, _ []string) error { p.repatch(); return nil }},
	{says(`Let the DNS server (\S+) answer for \S+`), "let the DNS server answer", func(p *patient, m []string) error {
		if m[1] != p.lab.InsideDNS.Addr() {
			return fmt.Errorf("%s is not the DNS server", m[1])
		}
		p.lab.InsideDNS.SetFault(dns.None)
		return nil
	}},
	{says(`(?:Create|Publish) the (?:SRV )?record (?:SRV )?(_\S+?)(?:,| |$)`), "created the SRV record", func(p *patient, m []string) error {
		return p.createSRV(m[1])
	}},
	{says(`Create the (?:record A|A record) (\S+)`), "created the A record", func(p *patient, m []string) error {
		return p.lab.InsideDNS.Set(m[1], "A", "127.0.0.1")
	}},
	{says(`Let the SRV record name a server whose name ends in (\S+?),`), "let the SRV record name the pool", func(p *patient, m []string) error {
		if !strings.HasSuffix(p.lab.Pool.Host, "."+m[1]) {
			return fmt.Errorf("the pool is %s", p.lab.Pool.Host)
		}
		return p.createSRV("_sipinternaltls._tcp." + m[1])
	}},
	{says(`Start the server on (\S+),`), "started the server", (*patient).startServer},
	{says(`Check that (\S+) has the address \S+ and is up`), "brought the host up", (*patient).startServer},
	{says(`Check that a server with TLS listens at (\S+) `), "started the server", (*patient).startServer},
	{says(`Check routing and VLAN between the phone and \S+, and the address`), "corrected the routing", func(p *patient, _ []string) error { p.repatch(); return nil }},
	{says(`The address (\S+) of (\S+) is private\. If the phone is outside, remove the record`), "removed the records of the inside from the DNS outside", func(p *patient, m []string) error {
		p.lab.OutsideDNS.Remove(m[2])
		p.lab.OutsideDNS.Remove("_sipinternaltls._tcp." + p.lab.Deployment.Domain)
		return nil
	}},
	{says(`Name a port of (\S+) that speaks TLS, in the SRV record`), "named the port that speaks TLS in the SRV record", func(p *patient, m []string) error {
		return p.lab.InsideDNS.Set("_sipinternaltls._tcp.contoso.com", "SRV", "0 0 5061 "+m[1])
	}},
	{says(`Enable (TLS 1\.\d)(?: or newer)? on (\S+?)[,.]`), "enabled the version on the server", func(p *patient, m []string) error {
		p.repatch() // the pool of the lab speaks TLS 1.0 and newer
		return nil
	}},
	{says(`Look in the log of pool\.contoso\.com `), "repaired what the log of the pool shows", cures("log", "load")},

	// The time.
	{says(`Let the time server (\S+) answer: start and synchronize`), "started and synchronized the time server", func(p *patient, m []string) error {
		p.lab.NTP.SetFault(ntp.None)
		return nil
	}},
	{says(`(?:Compare the time of (\S+) with another clock\. If it is wrong, correct|Correct) the time server (\S+?),? `), "corrected the time server", func(p *patient, m []string) error {
		if m[2] != "dc1.contoso.com:123" && m[2] != "dc1.contoso.com:123," {
			return fmt.Errorf("%s is no time server here", m[2])
		}
		p.lab.NTP.SetOffset(0)
		return nil
	}},
	{says(`Set the clock: publish the SRV record _ntp\._udp of the domain`), "published the SRV record of the time server", func(p *patient, _ []string) error {
		return p.createSRV("_ntp._udp.contoso.com")
	}},
	{says(`(?:Correct the phone's time source, or wait\.|Wait until it is valid)`), "waited", func(p *patient, _ []string) error {
		const aWeek = 8 * 24 * time.Hour
		p.lab.Clock.Advance(aWeek)
		p.clock.Advance(aWeek)
		return nil
	}},

	// Certificates.
	{says(`let the server send the certificate of (CN=.+?)(?: \(|:| with its own|\.|$)`), "let the server send the intermediate", func(p *patient, m []string) error {
		if issuing := p.subject(p.lab.PKI.Issuing.Certificate); m[1] != issuing {
			return fmt.Errorf("%s is not what is missing, %s is", m[1], issuing)
		}
		return p.goodCertificate("pool")
	}},
	{says(`Find out who issued the certificate of (CN=.+?)(?: \(.*?\))?\. If another CA did, let the server send it`), "let the server send the intermediate", func(p *patient, m []string) error {
		return p.goodCertificate("pool")
	}},
	{says(`Issue the certificate for (?:the name in the SRV record|pool\.contoso\.com)`), "issued the certificate for that name", (*patient).reissue},
	{says(`Issue the certificate again with a subject alternative name, the DNS name pool\.contoso\.com`), "issued it with that name", (*patient).reissue},
	{says(`Put the server's certificate first in the file of the chain`), "put it first", (*patient).reissue},
	{says(`Issue it from the Web Server template`), "issued it for a server", (*patient).reissue},
	{says(`Issue the chain again `), "issued the chain again", (*patient).reissue},
	{says(`Replace the certificate`), "replaced the certificate", (*patient).reissue},
	{says(`Renew the (?:certificate|CA certificate)`), "renewed it", (*patient).reissue},
	{says(`Update the phone's firmware to 3\.5\.x or later`), "updated the firmware", func(p *patient, _ []string) error {
		p.firmware = "3.5.6907.35"
		p.exchangePhone(nil)
		return nil
	}},
	{says(`(?:Give the server a certificate with its name, from an authority whose root the phone holds|Install a certificate of an issuing authority)`),
		"installed a certificate of the enterprise CA", func(p *patient, _ []string) error {
			if p.step.Name == journal.Trust {
				return p.goodCertificate("pool")
			}
			return p.goodCertificate("exchange")
		}},
	{says(`publish (?:the )?root of the server's certificate: certutil`), "published the root", func(p *patient, _ []string) error {
		return p.lab.PublishRoot(lab.EnterpriseRoot)
	}},
	{says(`Publish the root in Active Directory instead: .certutil`), "published the root", func(p *patient, _ []string) error {
		return p.lab.PublishRoot(lab.EnterpriseRoot)
	}},
	{says(`Publish the root (?:of )?(CN=.+?)(?: \(it comes| \(certutil).*paper clip.*sign in once inside`), "published it, pushed the paper clip, signed in inside and went back", func(p *patient, m []string) error {
		if err := p.publishRoot(m[1]); err != nil {
			return err
		}
		if _, err := p.PressReset(); err != nil {
			return err
		}
		return p.visitInside()
	}},
	{says(`Publish the root (?:of )?(CN=.+?)(?: \(it comes| \(certutil).*sign in once inside`), "published it, signed in inside and went back", func(p *patient, m []string) error {
		if err := p.publishRoot(m[1]); err != nil {
			return err
		}
		return p.visitInside()
	}},
	{says(`Publish the root (?:of )?(CN=.+?)(?: \(it comes| \(certutil)`), "published it", func(p *patient, m []string) error {
		return p.publishRoot(m[1])
	}},

	// The domain controller and the account there.
	{says(`Set DHCP option 15, or give --domain\.`), "set DHCP option 15", func(p *patient, _ []string) error {
		p.place.Suffix = p.lab.Deployment.Domain
		return nil
	}},
	{says(`Look at the event log of the domain controller;`), "repaired what the event log shows", cures("load")},
	{says(`Type the password again\.`), "typed the right password", (*patient).typePassword},
	{says(`Sign in as (\S+\\\S+) in place of (\S+) `), `signed in as DOMAIN\user`, func(p *patient, m []string) error {
		p.creds.User = m[1]
		return nil
	}},
	{says(`Unlock the account`), "unlocked the account", (*patient).enableAccount},
	{says(`Enable the account`), "enabled the account", (*patient).enableAccount},
	{says(`Enable (\S+) for enhanced presence on the pool`), "enabled the user for it", func(p *patient, _ []string) error {
		return p.account(func(u *directory.User) { u.NoEnhancedPresence = false })
	}},
	{says(`Let the registrar return the Contact of the phone\.`), "let the registrar return it", func(p *patient, _ []string) error { return p.undo() }},
	{says(`Remove or extend the end date of the account`), "removed the end date", func(p *patient, _ []string) error {
		return p.account(func(u *directory.User) { u.AccountExpired = false })
	}},
	{says(`change the password at a computer`), "changed the password and signed in with it", func(p *patient, _ []string) error {
		p.creds.Password = "A-new-Pa55word"
		return p.account(func(u *directory.User) {
			u.Password, u.PasswordExpired, u.MustChange = p.creds.Password, false, false
		})
	}},
	{says(`Take the account out of the group Protected Users`), "took it out of the group", cures("52f")},
	{says(`Allow this hour in the logon hours`), "allowed the hour", cures("530")},
	{says(`Allow all computers, or this phone`), "allowed all computers", cures("531")},
	{says(`Grant the account "Access this computer from the network"`), "granted the right", cures("569")},
	{says(`Allow NTLM on the domain controller`), "allowed NTLM", cures("418", "791", "80090302")},
	{says(`Remove the device that turns the phone's LDAP into LDAPS`), "removed the device", cures("80090346")},
	{says(`Look up the error ([0-9a-f]+) \(MS-ERREF\)`), "removed the cause of that error", func(p *patient, m []string) error {
		return cures(m[1])(p, m)
	}},
	{says(`Allow NTLMv2 with 128-bit session security, sign and seal on the controller`), "allowed it", cures("weak")},
	{says(`Find what changes LDAP between the phone and the controller\.`), "removed what changes LDAP", cures("LDAP")},
	{says(`Act on the text of the controller`), "repaired what the text names", cures("text")},

	// The pool and the account there.
	{says(`(?:Look|Check) for a proxy between phone and pool`), "removed the proxy", cures("proxy")},
	{says(`Check user name and password`), "typed the right password", (*patient).typePassword},
	{says(`Allow NTLM on the pool`), "allowed NTLM on the pool", func(p *patient, _ []string) error {
		p.deploy(p.t, func(d *lab.Deployment) { d.Pool.Schemes = nil })
		p.exchangePhone(nil)
		return nil
	}},
	{says(`Unlock or enable the account in Active Directory`), "unlocked the account", (*patient).enableAccount},
	{says(`Check that this account may sign in as (\S+) \(the sign-in address belongs to one account\)`), "signed in with the address of the account", func(p *patient, _ []string) error {
		u, ok := p.lab.Directory.User("tu")
		p.creds.Address = u.SIP
		if !ok {
			return fmt.Errorf("no account")
		}
		return nil
	}},
	{says(`Check the spelling of the sign-in address, and enable the user for Communications Server`), "enabled the user for SIP", (*patient).enableAccount},
	{says(`Allow the product OCPhone of this version in the client version filter`), "allowed OCPhone in the filter", cures("filter")},
	{says(`Look at the server's event log at that time\.`), "repaired what the event log shows", cures("load")},
	{says(`The server gives no reason: look for this request in its log`), "removed the reason that the log shows", cures("reason")},
	{says(`Act on the server's reason\.`), "removed the reason", cures("reason")},
	{says(`Check the home server of the user\.`), "corrected the home server of the user", func(p *patient, _ []string) error {
		p.lab.Pool.SetHomePool("")
		return nil
	}},
	{says(`Check that the port belongs to a SIP server\.`), "repaired the SIP server", cures("no SIP")},
	{says(`Check that a (?:pool|SIP server) listens there`), "started the pool", cures("down")},
	{says(`Look into the server's log for why it closed the connection`), "repaired what the log shows", cures("log", "load")},
	{says(`Nothing, if the phone registers again\. Otherwise look for firewalls with a short idle time`), "corrected the firewall", cures("firewall")},
	{says(`Enable the user(?: again if that was not meant|, then sign in again)`), "enabled the user and signed in", (*patient).enableAccount},
	{says(`Look at the body of the message in the SIP log of the pool: something between pool and phone`), "removed what changes the message", cures("message")},
	{says(`Correct the profile, or what rewrites the message`), "removed what rewrites the message", cures("message")},
	{says(`Make a location profile with normalization rules and bind it to the pool\.`), "made a location profile", func(p *patient, _ []string) error {
		p.deploy(p.t, func(d *lab.Deployment) { d.Profiles = lab.Contoso().Profiles })
		p.exchangePhone(nil)
		return nil
	}},
	{says(`Enable the user for Enterprise Voice and give a line URI such as (\S+?)\.`), "gave the user that line", func(p *patient, m []string) error {
		return p.account(func(u *directory.User) { u.LineURI = m[1] })
	}},

	// Exchange.
	{says(`Nothing, if that is meant; else enable the user's mailbox for Unified Messaging`), "enabled the mailbox", cures("UM")},
	{says(`Correct the publishing of /autodiscover and /ews`), "corrected the publishing", cures("publishing")},
	{says(`Correct the server, or the proxy before it`), "corrected the server", cures("answer")},
	{says(`The event log of the Client Access server has more`), "repaired what the event log shows", cures("event log")},
	{says(`Compare the user's primary e-mail address in Active Directory with that of the mailbox`), "made the two addresses agree", cures("address")},
	{says(`Check that the user has a mailbox`), "made a mailbox", cures("address")},
	{says(`Check the Autodiscover virtual directory`), "corrected the virtual directory", cures("event log", "publishing")},
	{says(`Correct the redirect`), "corrected the redirect", cures("redirect")},
	{says(`Set it: Set-WebServicesVirtualDirectory`), "set the URLs", cures("URLs")},
	{says(`Correct it on the Client Access server: Set-WebServicesVirtualDirectory`), "set the URLs", cures("URLs")},
	{says(`Check that the host of the URL resolves and listens on its port|Check the way to the server`), "let the host of the URL listen", cures("host")},
	{says(`Look for a proxy or load balancer that cuts connections`), "removed the proxy", cures("cuts")},
	{says(`Nothing, unless it lasts: then look at the Client Access server's load`), "removed the load", cures("load")},
	{says(`Nothing while a mailbox is moved`), "waited until the mailbox was moved", cures("moved")},
	{says(`Check the URLs and publishing rules: Get-WebServicesVirtualDirectory`), "corrected the publishing", cures("publishing", "URLs", "moved")},
	{says(`Check that the account has a mailbox, is enabled and not locked`), "enabled the mailbox", cures("account")},
	{says(`Publish /(?:ews|autodiscover)/\* with NTLM or Basic authentication|Publish /ews and /autodiscover with pass-through`), "published it without the form", cures("forms")},
	{says(`See the server's words; Get-EventLog Application`), "repaired what the event log shows", cures("event log")},
	{says(`Report it, with the request in the details`), "exchanged the server's software", cures("software")},
	{says(`Check what the URL answers: curl`), "corrected what the URL answers", cures("answer")},
	{says(`Look for a proxy that closes connections between the legs of NTLM|Let server and proxies keep connections open`), "let the proxy keep connections open", cures("keep-alive")},
	{says(`Look at the policies Network security: Restrict NTLM`), "added the server to the exceptions", cures("NTLM policy")},
	{says(`The server's event log tells which it is`), "removed what the event log names", cures("event log", "NTLM policy")},
}

// createSRV publishes the record of the inside with that name.
func (p *patient) createSRV(name string) error {
	value, ok := map[string]string{
		"_sipinternaltls._tcp.contoso.com": "0 0 5061 pool.contoso.com",
		"_ldap._tcp.dc._msdcs.contoso.com": "0 100 389 dc1.contoso.com",
		"_ntp._udp.contoso.com":            "0 0 123 dc1.contoso.com",
	}[name]
	if !ok {
		return fmt.Errorf("there is no record %s to create", name)
	}
	return p.lab.InsideDNS.Set(name, "SRV", value)
}

// startServer lets the lab's server of that host and port listen where the name
// leads.
func (p *patient) startServer(m []string) error {
	inside := p.lab.Inside().Place
	host, _, _ := strings.Cut(m[1], ":")
	for name, address := range inside.Patch {
		if name == m[1] || strings.HasPrefix(name, host+":") {
			p.place.Patch[name] = address
		}
	}
	if _, known := inside.Patch[m[1]]; !known && strings.Contains(m[1], ":") {
		return fmt.Errorf("no server of the lab is %s", m[1])
	}
	p.exchangePhone(nil) // the first phone may have been impatient
	return nil
}

// cures carries out a remedy that removes one of these causes. Another cause stays,
// so that the same report comes again.
func cures(causes ...string) func(*patient, []string) error {
	return func(p *patient, _ []string) error {
		if !slices.Contains(causes, p.cause) {
			return nil
		}
		p.lab.Pool.SetFaults(pool.Faults{})
		p.lab.DC.SetFaults(ad.Faults{})
		p.lab.Exchange.SetFaults(exchange.Faults{})
		for _, host := range autodiscoverHosts {
			p.lab.Exchange.SetAutodiscover(host, exchange.Autodiscover{})
		}
		p.repatch()
		if p.undo != nil {
			if err := p.undo(); err != nil {
				return err
			}
		}
		p.exchangePhone(nil) // the first phone may have been impatient
		return nil
	}
}

func (p *patient) account(change func(*directory.User)) error {
	_, user, ok := strings.Cut(p.creds.User, `\`)
	if !ok {
		user = "tu"
	}
	return p.lab.Directory.SetUser(user, change)
}

func (p *patient) enableAccount([]string) error {
	return p.account(func(u *directory.User) { u.Locked, u.Disabled, u.SIPDisabled = false, false, false })
}

func (p *patient) typePassword([]string) error {
	p.creds.Password = lab.DefaultPassword
	return nil
}

func (p *patient) subject(c *x509.Certificate) string {
	return certstore.Root{Certificate: c}.Subject()
}

// publishRoot publishes the certificate of that name, whatever it is.
func (p *patient) publishRoot(subject string) error {
	certs := []*x509.Certificate{p.lab.PKI.Enterprise.Certificate, p.lab.PKI.Public.Certificate, p.lab.PKI.Issuing.Certificate}
	for _, c := range certs {
		if p.subject(c) == subject {
			p.publish[subject] = c.Raw
		}
	}
	der := p.publish[subject]
	if der == nil {
		return fmt.Errorf("there is no certificate of %s", subject)
	}
	p.lab.Directory.PublishRoot(subject, der)
	return nil
}

// goodCertificate gives a server a good certificate of the lab's authorities.
func (p *patient) goodCertificate(server string) error {
	return p.lab.SetDefect(server, pki.Defect(""))
}

func (p *patient) reissue([]string) error { return p.goodCertificate("pool") }

// visitInside signs the phone in inside, where it must be ready, and takes it back.
func (p *patient) visitInside() error {
	here := p.place
	inside := p.lab.Inside().Place
	p.place = &inside
	if s := p.attempt(); s.State != device.Ready {
		return fmt.Errorf("inside the phone is %s: %s", s.State, story(p.Phone))
	}
	p.place = here
	return nil
}

// listed are the codes without a remedy that a lab could prove.
var listed = map[journal.Code]string{
	journal.Internal:        "a defect of the emulator: the remedy is to report it",
	journal.Usage:           "a command was called wrongly; there is no sign-in",
	journal.Timeout:         "the time limit of the command that waits, not an answer of the deployment",
	journal.FlashBusy:       "about the folder of the phone's memory, not about the deployment",
	journal.FlashDamaged:    "about the folder of the phone's memory, not about the deployment",
	journal.FlashNewer:      "about the folder of the phone's memory, not about the deployment",
	journal.SIPSignOut:      "the remedy is to change nothing, or to remove the registration: neither is needed for a sign-in",
	journal.FlashFailed:     "about the disk of the phone's memory, not about the deployment",
	journal.ExchangeHTTP:    "a place of Autodiscover is passed over with it; the report of the search is exchange.none",
	journal.ExchangeAddress: "the phone does not search without an e-mail address: the step is skipped and says so",
	journal.ExchangeGone:    "the remedy is to change nothing: the next poll shows what is there",
}
