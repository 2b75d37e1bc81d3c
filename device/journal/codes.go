package journal

import "slices"

// Code names a way to fail. Codes are stable: scripts wait for them
// (--expect CODE) and `ocphone explain CODE` tells what each means.
type Code string

const (
	// Usage and the emulator itself.
	Internal Code = "internal" // a defect of ocphone itself
	Usage    Code = "usage"    // called in a way that cannot work
	Timeout  Code = "timeout"  // the time given ran out

	// The network.
	NetUnplugged  Code = "net.unplugged"      // no cable
	DNSNoServer   Code = "dns.no-server"      // no DNS server is known or none answers
	DNSNoRecords  Code = "dns.no-records"     // NXDOMAIN or no record of the type
	DNSRefused    Code = "dns.refused"        // the server refused or failed the query
	NoCandidate   Code = "sip.no-server"      // discovery found no server for the SIP domain
	OutsideDomain Code = "sip.outside-domain" // an SRV target outside the SIP domain
	ConnRefused   Code = "net.refused"        // connection refused
	ConnTimeout   Code = "net.timeout"        // no answer to a connection attempt
	ConnFailed    Code = "net.failed"         // any other failure to connect
	TLSFailed     Code = "tls.failed"         // handshake refused, alert, not TLS at all
	TimeNone      Code = "time.none"          // no time server answered
	TimeSkew      Code = "time.skew"          // the server says the clocks differ too much

	// Certificates (certstore).
	CertUntrusted   Code = "cert.untrusted"     // no chain to a trusted root
	CertSelfSigned  Code = "cert.self-signed"   // the server's certificate is self-signed and unknown (R1.6)
	CertExpired     Code = "cert.expired"       // by the phone's clock
	CertNotYetValid Code = "cert.not-yet-valid" // by the phone's clock
	CertName        Code = "cert.name"          // not issued for the name looked up
	CertUsage       Code = "cert.usage"         // extended or plain key usage does not allow a TLS server
	CertSHA2        Code = "cert.sha2"          // signed with SHA-2, which firmware 1.0.x cannot verify
	CertWeak        Code = "cert.weak"          // SHA-1, MD5 or a short key, refused by the policy
	CertConstraint  Code = "cert.constraint"    // basicConstraints, path length, name constraint, critical extension
	CertMalformed   Code = "cert.malformed"     // cannot be parsed

	// Roots from Active Directory (certstore/adroots).
	ADNoDomain     Code = "ad.no-domain"     // which domain to ask is unknown
	ADNoController Code = "ad.no-controller" // no DC found by DNS or NetBIOS
	ADUnreachable  Code = "ad.unreachable"   // the DC does not answer
	ADCredentials  Code = "ad.credentials"   // the DC refused user or password
	ADLocked       Code = "ad.locked"        // the account is locked out
	ADDisabled     Code = "ad.disabled"      // the account is disabled
	ADExpired      Code = "ad.expired"       // password or account expired, or must be changed
	ADWeakBind     Code = "ad.weak-bind"     // the DC offers no sealed NTLMv2 session
	ADUnverified   Code = "ad.unverified"    // the DC's answer failed verification
	ADProtocol     Code = "ad.protocol"      // malformed, oversized or refused LDAP
	ADNoRoots      Code = "ad.no-roots"      // nothing is published
	ADNoMatch      Code = "ad.no-match"      // roots came, none of them trusts the server
	ADEnrolment    Code = "ad.enrolment"     // web enrolment failed or holds what the directory does not

	// Signing in (sipua).
	AuthPassword    Code = "auth.password"      // user or password refused
	AuthNoScheme    Code = "auth.no-scheme"     // no authentication scheme that the phone speaks
	AuthServer      Code = "auth.server"        // the server could not prove itself: bad or missing signature
	AuthDisabled    Code = "auth.disabled"      // the account is disabled or locked for SIP
	SIPForbidden    Code = "sip.forbidden"      // 403
	SIPUnknownUser  Code = "sip.unknown-user"   // 404: not enabled for SIP or no such user
	SIPVersion      Code = "sip.client-version" // the client version filter declined
	SIPUnavailable  Code = "sip.unavailable"    // 5xx, worth another try
	SIPRejected     Code = "sip.rejected"       // any other final answer
	SIPRedirects    Code = "sip.redirects"      // redirected in a circle or too often
	SIPMalformed    Code = "sip.malformed"      // unparsable or oversized message
	SIPNoAnswer     Code = "sip.no-answer"      // no answer in time
	SIPLost         Code = "sip.lost"           // the connection or the registration was lost
	SIPDeregistered Code = "sip.deregistered"   // the server ended the registration

	// What the pool tells the phone (provisioning).
	ProvMalformed Code = "prov.malformed"  // settings or location profile that cannot be read
	ProvNoProfile Code = "prov.no-profile" // the pool has no location profile for the user
	ProvNoVoice   Code = "prov.no-voice"   // the user is not enabled for Enterprise Voice

	// Exchange (ews, ews/autodiscover).
	ExchangeNone      Code = "exchange.none"        // no candidate is an Autodiscover service (R9.1)
	ExchangeHTTP      Code = "exchange.http"        // an HTTP status that is no answer
	ExchangeMalformed Code = "exchange.malformed"   // a body that is no answer of Exchange
	ExchangeError     Code = "exchange.error"       // Autodiscover errors 600 to 603
	ExchangeMailbox   Code = "exchange.no-mailbox"  // Autodiscover errors 500 and 501
	ExchangeRedirects Code = "exchange.redirects"   // a circle, too many, or not https
	ExchangeNoEWS     Code = "exchange.no-ews"      // settings without a usable URL of EWS
	ExchangeAddress   Code = "exchange.no-address"  // no e-mail address to begin with
	ExchangeUnreached Code = "exchange.unreachable" // the server was not reached
	ExchangeBusy      Code = "exchange.busy"        // busy or failing for now
	ExchangeMoved     Code = "exchange.moved"       // not this server: Autodiscover anew
	ExchangeDenied    Code = "exchange.denied"      // no mailbox, or not the user's
	ExchangeGone      Code = "exchange.gone"        // the item is not there any more
	ExchangeRefused   Code = "exchange.refused"     // any other refusal
	ExchangeForms     Code = "exchange.forms"       // a proxy wants a log-on by a form
	AuthBinding       Code = "auth.binding"         // Extended Protection refused the log-on
	AuthBlocked       Code = "auth.ntlm-blocked"    // NTLM is offered and not taken
	AuthDenied        Code = "auth.denied"          // refused, although the password is good
	AuthUnanswered    Code = "auth.unanswered"      // the connection ends between the legs of NTLM

	// What the phone keeps.
	FlashBusy    Code = "flash.busy"    // another process has the phone on
	FlashDamaged Code = "flash.damaged" // the file cannot be read
	FlashFailed  Code = "flash.failed"  // the file cannot be written
)

// Page explains a code to a person.
type Page struct {
	Code   Code   `json:"code"`
	Title  string `json:"title"`  // what happened, half a sentence in lower case
	Cause  string `json:"cause"`  // why it happens
	Prove  string `json:"prove"`  // how to prove it, with commands
	Change string `json:"change"` // what to change
	Rule   string `json:"rule"`   // what decides it: rule id, public document, or the rule in a few words
	Retry  bool   `json:"retry"`  // a later attempt may succeed without anybody acting
}

// Page returns the page of c. An unknown code has an empty page.
func (c Code) Page() Page {
	p, known := pages[c]
	if known {
		p.Code = c
	}
	return p
}

// Title is the short text of c, or c itself.
func (c Code) Title() string {
	if t := pages[c].Title; t != "" {
		return t
	}
	return string(c)
}

// Codes returns all registered codes in alphabetical order.
func Codes() []Code {
	all := make([]Code, 0, len(pages))
	for c := range pages {
		all = append(all, c)
	}
	slices.Sort(all)
	return all
}
