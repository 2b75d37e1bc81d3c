// Package sipua is the phone's SIP user agent: it finds the server of a SIP
// domain, registers there and keeps the registration alive.
//
// It follows docs/protocol/phone.md#finding-the-sip-server for discovery,
// docs/protocol/sip-connection.md#tcp-connection-and-via and
// docs/protocol/sip-connection.md#registration (MS-SIPREGE, MS-SIPAE, MS-CONMGMT)
// for registration at an OCS pool, and RFC 3261 with RFC 8760 digests for other
// registrars. It does not dial and does not verify certificates: the caller gives
// it a connection that is ready for use.
//
//  1. address, err := sipua.ParseAddress("tu@contoso.com")
//  2. For each candidate of Discovery{Domain: address.Domain, …}.Candidates:
//     dial it, verify its certificate for candidate.Name().
//  3. registration, err := sipua.Register(ctx, conn, candidate, config). The
//     error is a *Redirect to another server, or holds a *journal.Failure for
//     the user; the page of its code tells whether a later attempt can succeed.
//  4. The Registration refreshes itself by the clock of the config and reports
//     events to OnEvent. After Lost or Deregistered the caller waits
//     Profile.Backoff and starts again with 2.
//  5. Subscribe and Service query the pool about the user (MS-SIP, MS-PRES,
//     RFC 6665). This package does not parse their documents.
//  6. Unregister, or Close without a message to the server.
//
// A password is used once in one sign-in (docs/decisions.md#do-no-harm): Register does not
// try it again after a refusal.
package sipua

import (
	"fmt"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// Config is one sign-in. Register does not change it.
type Config struct {
	Address  string // sign-in address: user@domain, with or without "sip:"
	User     string // for NTLM, as typed: DOMAIN\user or a UPN; empty: the user of Address
	Domain   string // NetBIOS domain, if it is not part of User; usually empty
	AuthUser string // for digest; empty: the user of Address
	Password string
	EPID     string // 10 hexadecimal digits (EPID); empty: derived from Address

	// Registrar is for a server other than an OCS pool: without the headers that
	// only a pool knows, and with RFC 3261 digest.
	Registrar bool
	Profile   Profile // parameters of the firmware; zero fields as in DefaultProfile

	Workstation string // of the phone in NTLM; may be empty

	Clock  clock.Clock      // timers and time stamps; nil: the host's
	Record journal.Recorder // nil drops the steps

	// Go runs work that may block, such as a refresh, off the clock's timers;
	// nil starts a goroutine. The work ends soon after Close.
	Go func(func())
	// Handler gets each verified request of the server in wire order, except
	// notifications of subscriptions and those that end the registration. If it
	// returns false the user agent answers OPTIONS and refuses other methods. It
	// must not block.
	Handler func(*sipwire.Conn, *sipwire.Incoming) bool
	// Tap gets every message as sent or received, without secrets.
	Tap func(sent bool, raw []byte)

	userAsTyped string // User before its domain was cut off
}

// RegistrationInfo holds the parameters of a registration from the last 200 to REGISTER. It
// is a copy.
type RegistrationInfo struct {
	Server        string        // Server header, such as RTC/3.5
	Scheme        string        // "NTLM", "Digest", or "" without authentication
	Version       int           // of the authentication protocol: 2, 3 or 4; 0 without NTLM
	Target        string        // name of the authenticated server (targetname), or the digest realm
	GRUU          string        // globally routable URI of this phone; "" if the server does not assign one
	Expires       time.Duration // lifetime of the registration
	KeepAlive     time.Duration // idle time before a keep-alive; 0: none agreed
	Action        string        // register-action: added, refreshed, fixed, or ""
	AllowEvents   []string      // event packages that the server offers
	Supported     []string      // option tags of the server
	RemoteUser    bool          // signed in through an Access Edge
	Unlisted      bool          // the registrar lists no Contact: it may not hold the registration (RFC 3261 10.3)
	InstanceUUID  string        // of +sip.instance
	EPID          string
	Authenticated time.Time // last use of the password, by the phone's clock
}

// EventKind is the kind of an Event.
type EventKind string

const (
	Refreshed    EventKind = "refreshed"    // the server granted another lifetime
	Lost         EventKind = "lost"         // connection or registration is lost; register again after a back-off
	Deregistered EventKind = "deregistered" // the server ended the registration with a notice
)

// Event is a change of a registration: any number of Refreshed, then at most one
// of the others.
type Event struct {
	Kind EventKind
	// Notice is the event of the server's notice: unregistered, rejected,
	// deactivated; with Deregistered only.
	Notice string
	// Err holds a *journal.Failure or a *Redirect; nil with Refreshed.
	Err error
}

// Redirect is the error for a user whose server is another one: dial that and
// register there (docs/protocol/sip-connection.md#registration).
type Redirect struct {
	Host  string // name for the certificate
	Port  uint16
	Plain bool   // without TLS, as the registrar that sent the redirect
	By    string // host:port of the server that sent the redirect
}

func (r *Redirect) Error() string {
	return fmt.Sprintf("%s serves this user at %s", r.By, r.Candidate())
}

// Candidate is the server to dial.
func (r *Redirect) Candidate() Candidate {
	return Candidate{Host: r.Host, Port: r.Port, TLS: !r.Plain, From: "redirected by " + r.By}
}
