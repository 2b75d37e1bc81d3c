package journal

import "slices"

// Code names a kind of failure. Codes are stable: scripts wait for them
// (--expect CODE), and `ocphone explain CODE` prints the page of each.
type Code string

const (
	// Usage and the emulator itself.
	Internal Code = "internal" // a defect of ocphone itself
	Usage    Code = "usage"    // invalid options or arguments
	Timeout  Code = "timeout"  // the time limit ran out

	// The network.
	NetUnplugged  Code = "net.unplugged"      // no cable
	DNSNoServer   Code = "dns.no-server"      // no DNS server is known, or no server answers
	DNSNoRecords  Code = "dns.no-records"     // NXDOMAIN or no record of the type
	DNSRefused    Code = "dns.refused"        // the server refused or failed the query
	NoCandidate   Code = "sip.no-server"      // discovery found no server for the SIP domain
	OutsideDomain Code = "sip.outside-domain" // an SRV target outside the SIP domain
	ConnRefused   Code = "net.refused"        // connection refused
	ConnTimeout   Code = "net.timeout"        // no answer to a connection attempt
	ConnFailed    Code = "net.failed"         // any other failure to connect
	TLSFailed     Code = "tls.failed"         // handshake refused, alert, or not TLS at all
	TimeNone      Code = "time.none"          // no time server answered
	TimeJump      Code = "time.jump"          // a time server moved the clock by more than a day
	TimeSkew      Code = "time.skew"          // the server reports that the clocks differ too much

	// Certificates (certstore).
	CertUntrusted   Code = "cert.untrusted"     // no chain to a trusted root
	CertSelfSigned  Code = "cert.self-signed"   // the server's certificate is self-signed and unknown (R1.6)
	CertExpired     Code = "cert.expired"       // by the phone's clock
	CertNotYetValid Code = "cert.not-yet-valid" // by the phone's clock
	CertOrder       Code = "cert.order"         // the server's certificate is not the first of its chain
	CertName        Code = "cert.name"          // not issued for the name looked up
	CertUsage       Code = "cert.usage"         // extended or plain key usage does not allow a TLS server
	CertSHA2        Code = "cert.sha2"          // signed with SHA-2, which firmware 1.0.x cannot verify
	CertWeak        Code = "cert.weak"          // SHA-1, MD5 or a short key, refused by the policy
	CertConstraint  Code = "cert.constraint"    // basicConstraints, path length, name constraint, critical extension
	CertMalformed   Code = "cert.malformed"     // cannot be parsed

	// Roots from Active Directory (certstore/adroots).
	ADNoDomain     Code = "ad.no-domain"     // the domain to ask is unknown
	ADNoController Code = "ad.no-controller" // no DC found by DNS or NetBIOS
	ADUnreachable  Code = "ad.unreachable"   // the DC does not answer
	ADCredentials  Code = "ad.credentials"   // the DC refused user or password
	ADLocked       Code = "ad.locked"        // the account is locked out
	ADDisabled     Code = "ad.disabled"      // the account is disabled
	ADRestricted   Code = "ad.restricted"    // the account may not log on there, now or by NTLM
	ADExpired      Code = "ad.expired"       // password or account expired, or must be changed
	ADWeakBind     Code = "ad.weak-bind"     // the DC offers no sealed NTLMv2 session
	ADUnverified   Code = "ad.unverified"    // the DC's answer failed verification
	ADProtocol     Code = "ad.protocol"      // malformed, oversized or refused LDAP
	ADNoRoots      Code = "ad.no-roots"      // the directory publishes no root
	ADNoMatch      Code = "ad.no-match"      // the server chains to none of the published roots
	ADEnrolment    Code = "ad.enrolment"     // web enrolment failed, or the directory does not confirm its root

	// Signing in (sipua).
	AuthPassword    Code = "auth.password"      // user or password refused
	AuthNoScheme    Code = "auth.no-scheme"     // no authentication scheme that the phone supports
	AuthServer      Code = "auth.server"        // the server did not authenticate: bad or missing signature
	AuthDisabled    Code = "auth.disabled"      // the account is disabled or locked for SIP
	SIPForbidden    Code = "sip.forbidden"      // 403
	SIPUnknownUser  Code = "sip.unknown-user"   // 404: not enabled for SIP or no such user
	SIPVersion      Code = "sip.client-version" // the client version filter declined
	SIPUnavailable  Code = "sip.unavailable"    // 5xx; a later attempt may succeed
	SIPRejected     Code = "sip.rejected"       // any other final answer
	SIPRedirects    Code = "sip.redirects"      // a redirect loop or too many redirects
	SIPMalformed    Code = "sip.malformed"      // unparsable or oversized message
	SIPNoAnswer     Code = "sip.no-answer"      // no answer in time
	SIPLost         Code = "sip.lost"           // the connection or the registration was lost
	SIPDeregistered Code = "sip.deregistered"   // the server ended the registration

	// The registration (sipua).
	SIPNoEnhancedPresence Code = "sip.no-enhanced-presence" // LCS 2005, or the user is not enabled (R14.1)
	SIPNotListed          Code = "sip.not-listed"           // the 200 to REGISTER lists no registration
	SIPSignOut            Code = "sip.sign-out"             // the server did not confirm the sign-out

	// Settings from the pool (provisioning).
	ProvMalformed Code = "prov.malformed"  // settings or location profile that cannot be read
	ProvNoProfile Code = "prov.no-profile" // the pool has no location profile for the user
	ProvNoVoice   Code = "prov.no-voice"   // the user is not enabled for Enterprise Voice

	// Exchange (ews, ews/autodiscover).
	ExchangeNone      Code = "exchange.none"        // no candidate is an Autodiscover service (R9.1)
	ExchangeHTTP      Code = "exchange.http"        // an unexpected HTTP status
	ExchangeMalformed Code = "exchange.malformed"   // a body that is not from Exchange
	ExchangeError     Code = "exchange.error"       // Autodiscover errors 600 to 603
	ExchangeMailbox   Code = "exchange.no-mailbox"  // Autodiscover errors 500 and 501
	ExchangeRedirects Code = "exchange.redirects"   // a loop, too many redirects, or not https
	ExchangeNoEWS     Code = "exchange.no-ews"      // the settings have no usable EWS URL
	ExchangeAddress   Code = "exchange.no-address"  // the user has no e-mail address
	ExchangeUnreached Code = "exchange.unreachable" // the server was not reached
	ExchangeBusy      Code = "exchange.busy"        // busy or temporarily failing
	ExchangeMoved     Code = "exchange.moved"       // another server holds the mailbox; Autodiscover runs again
	ExchangeDenied    Code = "exchange.denied"      // no mailbox, or no right to it
	ExchangeGone      Code = "exchange.gone"        // the item was deleted or moved
	ExchangeRefused   Code = "exchange.refused"     // any other refusal
	ExchangeForms     Code = "exchange.forms"       // a proxy asks for a log-on with a web form
	AuthBinding       Code = "auth.binding"         // Extended Protection refused the log-on
	AuthBlocked       Code = "auth.ntlm-blocked"    // NTLM is offered but not accepted
	AuthDenied        Code = "auth.denied"          // refused, although the password is good
	AuthUnanswered    Code = "auth.unanswered"      // the connection ended between the messages of NTLM

	// The phone's non-volatile memory (device/flash).
	FlashBusy    Code = "flash.busy"    // another process has the phone on
	FlashDamaged Code = "flash.damaged" // the file cannot be read
	FlashNewer   Code = "flash.newer"   // the file holds what this version does not know
	FlashFailed  Code = "flash.failed"  // the file cannot be written
)

// Page explains a code to an administrator.
type Page struct {
	Code   Code   `json:"code"`
	Title  string `json:"title"`  // what happened, half a sentence in lower case
	Cause  string `json:"cause"`  // why it happens
	Prove  string `json:"prove"`  // how to prove it, with commands
	Change string `json:"change"` // the remedy
	Rule   string `json:"rule"`   // the rule behind it: its id, a public document, or a few words
	Retry  bool   `json:"retry"`  // a later attempt may succeed without any change
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
