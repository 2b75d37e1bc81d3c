package device

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
)

// Firmware is one build of the phone's software: everything that differs
// between builds or that is not documented (docs/decisions.md#firmware-profiles). Values that the
// reference marks as inferred, recalled or guessed are named in Guesses with
// their certainty.
type Firmware struct {
	Name string
	Text string // what it is, for listings

	// Trust.
	Policy  certstore.PolicyName
	NoSHA2  bool   // cannot verify SHA-2 signatures (docs/protocol/trust.md#limits-of-verification)
	RootSet string // factory root set, unless Config names another
	// AnyDownloadedRootStops is the stricter reading of R1.2: while the store
	// holds any downloaded root the phone never asks Active Directory. The
	// usual reading: only a stored certificate that satisfies the server stops it.
	AnyDownloadedRootStops bool
	WebEnrolment           bool // method B of docs/protocol/trust.md#root-download

	// TLS.
	MinTLS, MaxTLS uint16
	Suites         []uint16      // nil: crypto/tls's choice
	Curves         []tls.CurveID // nil: crypto/tls's choice
	// StreamSuites are offered alone, and first, to a SIP server; Suites follow if it
	// refuses them. crypto/tls sends a message of TLS 1.0 with any other suite as two
	// records, which the phone did not (docs/limits.md#tls-of-the-period). nil: none.
	StreamSuites []uint16

	SIP sipua.Profile

	// After the sign-in.
	LocationProfileOpaque string        // opaque of the URI that answers the location profile
	ReloadEvery           time.Duration // settings and location profile are asked for again (R12.1)
	ContactsEvery         time.Duration // Outlook contacts are read again
	CalendarEvery         time.Duration // so is the calendar (R6.1)
	Basic                 bool          // passwords go to Exchange by Basic, over TLS only, where NTLM is not offered

	// MaxRedirects bounds a walk from director to home pool: one redirect to it,
	// one more for a moved user, and one spare.
	MaxRedirects int

	Guesses []Guess
}

// Guess is a value of the profile that no document states for this phone.
type Guess struct {
	Value     string // what
	Certainty string // "inferred", "recalled" or "guess", as the reference marks it
	Source    string // what it rests on
}

// periodSuites are those of Windows CE SChannel that Go still speaks
// (docs/protocol/trust.md#limits-of-verification, recalled). RC4 and 3DES serve
// only against servers of the period.
var periodSuites = []uint16{
	tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA,
}

// periodCurves are the curves of RFC 4492 that crypto/tls has; it always names some.
// The suites of the period do not use them: they count if --tls-max lets the phone
// speak TLS 1.3, with a key exchange that is not younger than the phone.
var periodCurves = []tls.CurveID{tls.CurveP256, tls.CurveP384, tls.CurveP521}

// streamSuites are the RC4 suites among them.
var streamSuites = []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}

// periodGuesses hold for builds of the period only, commonGuesses for today too.
var periodGuesses = []Guess{
	{"TLS 1.0 only, RSA key exchange, AES-CBC, 3DES and RC4 suites", "recalled", "Windows CE SChannel"},
	{"RC4 is offered first to SIP servers, the other suites if it is refused", "recalled",
		"the order of SChannel; Go would send a message with AES-CBC as two records"},
	{"SHA-1 signatures and names in the common name alone are accepted", "inferred", "servers of 2007 presented them"},
	{"which sixteen roots the factory set holds", "recalled", "a table of Microsoft's of the period"},
	{"web enrolment: objects of category pKIEnrollmentService, then /certsrv/certnew.p7b", "recalled",
		"the chain page of AD CS"},
}

var commonGuesses = []Guess{
	{"RSA keys from 1024 bits, no revocation check", "guess", "the defaults of Windows CE SChannel"},
	{"User-Agent string", "recalled", "its tokens and form: MS-SIPREGE 3.4.1.5.1"},
	{"an answer to NTLM names the service, such as sip/HOST (MsvAvTargetName)", "guess",
		"against relays; Windows did not send it before 2009"},
	{"NTLM authentication in protocol versions up to 4", "guess", "OCS 2007 offers 3, OCS 2007 R2 offers 4"},
	{"epid of 10 hex digits from MAC address and sign-in address", "guess", "stable for a device and user"},
	{"keep-alive after 60 s until the server names a time", "recalled", "as pidgin-sipe"},
	{"refresh 30 s before a registration expires, which is after 2 h unless the server names a time", "recalled",
		"as pidgin-sipe"},
	{"60 s for the answer to a request, 2 s for that to a farewell", "guess", "the first as pidgin-sipe; a part of the " +
		"time limit of the sign-in if that is less"},
	{"3 s for an answer of DNS, NTP or NetBIOS, 10 s for a connection, 10 s for TLS", "guess", "not documented; a part " +
		"of the time limit of the sign-in if that is less"},
	{"back-off of re-registration: 5 s doubling to 15 min", "guess", "not documented"},
	{"at most 3 redirects to a home pool in one attempt", "guess", "not documented"},
	{"SRV records that lead to plain TCP are passed over", "inferred", "the SIP security mode is High by default"},
	{"NTP first in the DHCP domain, then in the SIP domain", "inferred",
		"the SIP domain is not known before the first sign-in"},
	{"the domain controller is found by _ldap._tcp.dc._msdcs, then _ldap._tcp", "guess", "the names of MS-ADTS 6.3.6"},
	{"the domain to ask is that of DHCP, else of the user name, else of the sign-in address", "inferred", "R1.5"},
	{"the search: all of category certificationAuthority below CN=Certification Authorities", "recalled",
		"R1.1 has the container"},
	{"LDAP bind with NTLM, sealed", "guess", "no root over an unauthenticated channel"},
	{"the location profile is asked for at opaque=app:locationprofile:get, by default and then by name", "recalled",
		"MS-SIPRE 3.8 has the rest of the URI"},
	{"settings are read again together with the location profile", "recalled", "R12.1 has the 8 hours for the rules"},
	{"Outlook contacts are read again after 24 h", "inferred", "the phone's index of the address book is as old"},
	{"to Exchange the phone logs on by NTLM; firmware today by Basic too, over TLS, where NTLM is not offered", "inferred",
		"Lync phones speak NTLM to Exchange"},
	{"a reset restarts the phone and signs the user out", "inferred", "the certificate store is documented alone, R1.3"},
}

// period is the common part of the 1.0.x builds.
func period(version, text string) Firmware {
	sip := sipua.DefaultProfile()
	sip.UserAgent = fmt.Sprintf("CPE/%[1]s OCPhone/%[1]s (Microsoft Office Communicator 2007 Phone Edition)", version)
	return Firmware{
		Name: version, Text: text,
		Policy: certstore.Policy2007, NoSHA2: true, RootSet: "factory-2007", WebEnrolment: true,
		MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS10, Suites: periodSuites, StreamSuites: streamSuites,
		Curves: periodCurves,
		SIP:    sip, MaxRedirects: 3, LocationProfileOpaque: "app:locationprofile:get",
		ReloadEvery: 8 * time.Hour, ContactsEvery: 24 * time.Hour, CalendarEvery: 30 * time.Minute,
		Guesses: slices.Concat(periodGuesses, commonGuesses),
	}
}

// Firmwares lists the profiles, the default of a real deployment first.
func Firmwares() []Firmware {
	today := period("today", "not a build that ever shipped: the phone's manners with the trust and TLS of today, "+
		"to be useful against current servers")
	today.Policy, today.NoSHA2, today.RootSet = certstore.Today, false, "system"
	today.Basic = true
	today.WebEnrolment = false // plain HTTP would see the password's proof for no root that LDAP does not hold
	today.MinTLS, today.MaxTLS, today.Suites, today.StreamSuites, today.Curves = tls.VersionTLS12, 0, nil, nil, nil
	today.Guesses = commonGuesses // its trust and TLS are those of Go
	today.SIP.UserAgent = sipua.DefaultProfile().UserAgent

	r2 := period("3.5.6907.35", "OCS 2007 R2 image, 2009: knows SHA-2")
	r2.NoSHA2 = false
	r2.SIP.UserAgent = "CPE/3.5.6907.35 OCPhone/3.5.6907.35 (Microsoft Office Communicator 2007 R2 Phone Edition)"

	strict := period("1.0.522.71-strict",
		"1.0.522.71 with the stricter reading of R1.2: any downloaded root stops the search")
	strict.AnyDownloadedRootStops = true
	strict.SIP.UserAgent = sipua.DefaultProfile().UserAgent

	return []Firmware{
		today,
		period("1.0.199.123", "early shipping image"),
		period("1.0.522.71", "April 2008 update, KB 949659"),
		strict,
		period("1.0.522.101", "July 2008 update, KB 952693"),
		r2,
	}
}

// FirmwareNamed finds a profile. The error is a usage failure that lists them.
func FirmwareNamed(name string) (Firmware, error) {
	var names []string
	for _, f := range Firmwares() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Firmware{}, &journal.Failure{Code: journal.Usage, Asked: name,
		What: fmt.Sprintf("There is no firmware %q%s", name, journal.Suggestion(name, names)),
		Fix:  "Choose one of " + strings.Join(names, ", ") + "."}
}
