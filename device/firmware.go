package device

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
)

// Firmware is one build of the phone's software: everything that differs
// between builds or that nobody documents (design decision 4). Values that the
// reference marks as inferred, recalled or guessed are named in Guesses with
// their certainty.
type Firmware struct {
	Name string
	Text string // what it is, for listings

	// Trust.
	Policy  certstore.PolicyName
	NoSHA2  bool   // cannot verify SHA-2 signatures (device.md 3.2)
	RootSet string // factory root set unless told otherwise
	// AnyDownloadedRootStops is the stricter reading of R1.2: while the store
	// holds any downloaded root the phone never asks Active Directory. The
	// usual reading: only a stored certificate that satisfies the server stops it.
	AnyDownloadedRootStops bool
	WebEnrolment           bool // method B of device.md 3.1

	// TLS.
	MinTLS, MaxTLS uint16
	Suites         []uint16 // nil: crypto/tls's choice

	SIP sipua.Profile

	// MaxRedirects bounds a walk from director to home pool.
	MaxRedirects int

	Guesses []Guess
}

// Guess is a value of the profile that no document states for this phone.
type Guess struct {
	Value     string // what
	Certainty string // "inferred", "recalled" or "guess", as the reference marks it
	Source    string // where the reference says so
}

// periodSuites are those of Windows CE SChannel that Go still speaks
// (device.md 3.2, recalled). RC4 and 3DES serve only against servers of the
// period; AES-CBC is preferred.
var periodSuites = []uint16{
	tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA,
}

// maxRedirects: one from a director to the home pool, one more for a moved
// user, and one spare.
const maxRedirects = 3

var periodGuesses = []Guess{
	{"TLS 1.0 only, RSA key exchange, AES-CBC, 3DES and RC4 suites", "recalled", "device.md 3.2"},
	{"User-Agent string", "recalled", "device.md 4"},
	{"NTLM authentication in protocol versions up to 4", "guess", "ocs-sip.md 2.1"},
	{"epid of 10 hex digits from MAC address and sign-in address", "guess", "ocs-sip.md 1.4"},
	{"keep-alive after 60 s until the server names a time", "recalled", "ocs-sip.md 1.2"},
	{"back-off of re-registration: 5 s doubling to 15 min", "guess", "device.md 11.10"},
	{"NTP first in the DHCP domain, then in the SIP domain", "inferred", "device.md 2.4"},
	{"the domain controller is found by _ldap._tcp.dc._msdcs, then _ldap._tcp", "guess", "device.md 11.2"},
	{"LDAP bind with NTLM, sealed", "guess", "device.md 11.2"},
	{"a reset restarts the phone and signs the user out", "inferred", "device.md 1"},
}

// period is the common part of the 1.0.x builds.
func period(version, text string) Firmware {
	sip := sipua.DefaultProfile()
	sip.UserAgent = fmt.Sprintf("CPE/%[1]s OCPhone/%[1]s (Microsoft Office Communicator 2007 Phone Edition)", version)
	return Firmware{
		Name: version, Text: text,
		Policy: certstore.Policy2007, NoSHA2: true, RootSet: "factory-2007", WebEnrolment: true,
		MinTLS: tls.VersionTLS10, MaxTLS: tls.VersionTLS10, Suites: periodSuites,
		SIP: sip, MaxRedirects: maxRedirects,
		Guesses: periodGuesses,
	}
}

// Firmwares lists the profiles, the default of a real deployment first.
func Firmwares() []Firmware {
	today := period("today", "not a build that ever shipped: the phone's manners with the trust and TLS of today, to be useful against current servers")
	today.Policy, today.NoSHA2, today.RootSet = certstore.Today, false, "system"
	today.WebEnrolment = false // plain HTTP would see the password's proof for no root that LDAP does not hold
	today.MinTLS, today.MaxTLS, today.Suites = tls.VersionTLS12, 0, nil
	today.SIP.UserAgent = sipua.DefaultProfile().UserAgent

	r2 := period("3.5.6907.35", "OCS 2007 R2 image, 2009: knows SHA-2")
	r2.NoSHA2 = false
	r2.SIP.UserAgent = "CPE/3.5.6907.35 OCPhone/3.5.6907.35 (Microsoft Office Communicator 2007 R2 Phone Edition)"

	strict := period("1.0.522.71-strict", "1.0.522.71 with the stricter reading of R1.2: any downloaded root stops the search")
	strict.AnyDownloadedRootStops = true
	strict.SIP.UserAgent = sipua.DefaultProfile().UserAgent

	return []Firmware{
		today,
		period("1.0.199.123", "early shipping image"),
		period("1.0.522.71", "April 2008 update, KB 949659 (R3.1)"),
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
		What: fmt.Sprintf("There is no firmware %q", name), Fix: "Choose one of " + strings.Join(names, ", ") + "."}
}

// Guards of network I/O, in real time (design decision 2). Config may change
// the first two.
const (
	DefaultDialTimeout = 10 * time.Second // TCP connect and TLS handshake, each
	DefaultDNSTimeout  = 3 * time.Second  // one query to one server
)
