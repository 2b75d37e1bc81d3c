// Package sipua is the phone's SIP user agent: it finds the server of a SIP
// domain, registers there and keeps the registration alive.
//
// It follows device.md 2.5 for discovery, ocs-sip.md 1 and 2 (MS-SIPREGE,
// MS-SIPAE, MS-CONMGMT) for registration at an OCS pool, and RFC 3261 with RFC
// 8760 digests for registrars that are none. Dialling, TLS and certificates
// are not its business: it works on a connection that its caller has made and
// verified.
//
//  1. address, err := sipua.ParseAddress("tu@contoso.com")
//  2. For each candidate of Discovery{Domain: address.Domain, …}.Candidates:
//     dial it, verify its certificate for candidate.Host.
//  3. registration, err := sipua.Register(ctx, conn, candidate, config). A
//     *Redirect says where to dial instead; a *journal.Failure says what went
//     wrong, in words for the user, and the page of its code whether coming
//     back later can help.
//  4. The Registration keeps itself alive by the clock of the config and tells
//     what happens by OnEvent. After Lost or Deregistered the caller waits
//     Profile.Backoff and begins anew.
//  5. Subscribe and Service ask the pool about the user (MS-SIP, MS-PRES,
//     RFC 6665). Their documents are bytes to this package.
//  6. Unregister, or Close without a word.
//
// A password is used once in one sign-in (design decision 6): Register never
// tries again after a refusal.
package sipua

import (
	"fmt"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// Config is one sign-in. It is not changed by Register.
type Config struct {
	Address  string // sign-in address: user@domain, with or without "sip:"
	User     string // as typed: DOMAIN\user or a UPN; empty: the user of Address (for digest)
	Domain   string // NetBIOS domain, when User is typed without it; usually empty
	Password string
	EPID     string // 10 hexadecimal digits (EPID); empty: made from Address

	// Registrar says that the server is no OCS pool: headers that only a pool
	// knows are left out, and RFC 3261 digest is answered.
	Registrar bool
	Profile   Profile // what the firmware does; zero fields as in DefaultProfile

	Workstation string // what the phone calls itself in NTLM; may be empty

	Clock  clock.Clock      // timers and time stamps; nil: the host's
	Record journal.Recorder // nil drops the steps

	// Go runs work that may block, such as a refresh, off the clock's timers;
	// nil starts a goroutine. The work ends soon after Close.
	Go func(func())
	// Handler is shown each verified request of the server in wire order, except
	// notifications of subscriptions and those that end the registration; false
	// leaves it to the user agent, which answers OPTIONS and refuses the rest. It
	// must not block.
	Handler func(*sipwire.Conn, *sipwire.Incoming) bool
	// Tap sees every message as it is on the wire; secrets are not in them.
	Tap func(sent bool, raw []byte)

	userAsTyped string // User as typed
}

// Grant is what the server granted with its last answer. It is a copy.
type Grant struct {
	Server        string        // Server header, such as RTC/3.5
	Scheme        string        // "NTLM", "Digest", or "" when the server asked for no authentication
	Version       int           // of the authentication protocol: 2, 3 or 4; 0 without NTLM
	Target        string        // the name by which the server authenticated itself (targetname), or the digest realm
	GRUU          string        // globally routable URI of this phone; "" when the server gives none
	Expires       time.Duration // lifetime of the registration
	KeepAlive     time.Duration // idle time before a keep-alive; 0: none agreed
	Action        string        // register-action: added, refreshed, fixed, or ""
	AllowEvents   []string      // event packages that may be subscribed to
	Supported     []string      // option tags of the server
	RemoteUser    bool          // signed in through an Access Edge
	InstanceUUID  string        // of +sip.instance
	EPID          string
	Authenticated time.Time // by the phone's clock: when the password was last used
}

// EventKind says what happened to a registration.
type EventKind string

const (
	Refreshed    EventKind = "refreshed"    // the server granted another lifetime
	Lost         EventKind = "lost"         // connection or registration is gone; come back after a back-off
	Deregistered EventKind = "deregistered" // the server ended it with a notice
)

// Event is something that happened to a registration: any number of Refreshed,
// then at most one of the others.
type Event struct {
	Kind EventKind
	// Notice is the event of the server's notice: unregistered, rejected,
	// deactivated; with Deregistered only.
	Notice string
	// Err holds a *journal.Failure or a *Redirect; nil with Refreshed.
	Err error
}

// Redirect says that the user is served elsewhere: dial there and register
// anew (ocs-sip.md 2.1).
type Redirect struct {
	Host string // the name that the certificate must bear
	Port uint16
	By   string // who said so
}

func (r *Redirect) Error() string {
	return fmt.Sprintf("%s serves this user at %s", r.By, r.Candidate())
}

// Candidate is where to dial.
func (r *Redirect) Candidate() Candidate {
	return Candidate{Host: r.Host, Port: r.Port, TLS: true, From: "redirected by " + r.By}
}
