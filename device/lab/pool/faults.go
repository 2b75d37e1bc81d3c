package pool

import (
	"cmp"
	"fmt"
	"io"
	"net"

	"github.com/emiago/sipgo/sip"
)

// Faults are the misbehaviours of the pool. The zero value is a correct pool.
type Faults struct {
	// Before SIP.
	Reset    bool // RST right after accepting
	TLSAlert bool // a fatal alert for every ClientHello
	NoRC4    bool // no RC4 suite, as servers since 2015

	// Instead of an answer.
	Silent    bool // read everything, do not answer
	Malformed bool // an answer that cannot be parsed, with the headers of the correct one
	Oversized bool // a message of OversizedBytes

	// In an otherwise correct answer.
	BadSignature bool       // invalid signatures
	Unsigned     bool       // no signatures
	ClaimAdded   bool       // register-action="added" on a refresh (docs/protocol/sip-connection.md#registration)
	Reject       *Rejection // this instead of a 200 for REGISTER
	Reason       string     // this reason phrase, one line, in each status line; "": that of the status

	// In the answers to SUBSCRIBE and SERVICE, by the name of the requested thing:
	// the event package, the Content-Type of a SERVICE in lower case, or
	// LocationProfile.
	Status map[string]int    // this final status, such as 404, 485, 489 or 503, instead of any answer
	Body   map[string]string // this instead of the correct body of a 200
	// LateBody sends a 200 to SUBSCRIBE without a body, which follows in a BENOTIFY
	// or NOTIFY (docs/protocol/sip-services.md#provisioning-answer).
	LateBody map[string]bool

	// On the connection, after the TLS handshake.
	Repeat       bool // write every message twice
	RefusesSplit bool // close a connection whose first record of SIP has one byte (docs/limits.md#tls-of-the-period)

	CloseAfter int // close each connection after that many answered requests; 0: never

	// Hold is called with each request before it is processed. The connection waits
	// until Hold returns, so that a test can control the order of events.
	Hold func(*sip.Request)
}

// faultyConn has the faults of a connection.
type faultyConn struct {
	net.Conn
	pool  *Server
	begun bool // the client has sent something
}

func (c *faultyConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err == nil && c.pool.Faults().Repeat {
		_, err = c.Conn.Write(p)
	}
	return n, err
}

// Read returns at most one record: crypto/tls does not join them.
func (c *faultyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 1 && len(p) > 1 && !c.begun && c.pool.Faults().RefusesSplit {
		return 0, io.ErrUnexpectedEOF
	}
	c.begun = c.begun || n > 0
	return n, err
}

// LocationProfile names the SERVICE for a location profile in Faults.
const LocationProfile = "locationprofile"

// OversizedBytes is the length of the body that Faults.Oversized announces and
// sends: more than the 1 MiB that a phone takes.
const OversizedBytes = 2 << 20

// Rejection is a final response that refuses a request.
type Rejection struct {
	Status      int // 400 to 699
	Diagnostics Diagnostics
	Warning     string // whole value of a Warning header; "" sends none
	RetryAfter  int    // seconds; 0 sends none
	First       bool   // refuse the first REGISTER, before the challenge
}

// Diagnostics is an ms-diagnostics header. The zero value sends none.
type Diagnostics struct {
	ID     int // docs/protocol/sip-calls.md#diagnostics-headers
	Reason string
	Public bool   // ms-diagnostics-public, which passes the Edge
	Extra  string // further parameters, such as `;detail="account locked out"`
}

func (d Diagnostics) header(host string) sip.Header {
	name, source := "ms-diagnostics", fmt.Sprintf(`;source="%s"`, host)
	if d.Public {
		name, source = "ms-diagnostics-public", ""
	}
	return sip.NewHeader(name, fmt.Sprintf(`%d;reason="%s"%s%s`, d.ID, d.Reason, source, d.Extra))
}

// Diagnostics of the registrar (docs/protocol/sip-connection.md#endpoint-identity,
// docs/protocol/sip-connection.md#registration,
// docs/protocol/sip-connection.md#deregistration-by-the-server,
// docs/protocol/sip-calls.md#diagnostics-headers).
var (
	diagHandshake  = Diagnostics{ID: 1000, Reason: "Final handshake failed"}
	diagSkew       = Diagnostics{ID: 1013, Reason: "Significant time skew detected during authentication"}
	diagForbidden  = Diagnostics{ID: 4004, Reason: "Credentials provided are not authorized to act as specified from URI"}
	diagNotEnabled = Diagnostics{ID: 4005, Reason: "Destination URI either not enabled for SIP or does not exist"}
	diagNoEndpoint = Diagnostics{ID: 4010, Reason: "Missing endpoint identifier"}
	diagNoEPID     = Diagnostics{ID: 4011, Reason: "Epid not present"}
	diagLongEPID   = Diagnostics{ID: 4012, Reason: "Epid too long"}
	diagDisabled   = Diagnostics{ID: 4141, Reason: "User disabled"}
	// The numbers are those of MS-SIPREGE 2.2.1.13, the words the lab's.
	diagUnregistered = Diagnostics{ID: 4140, Reason: "Endpoint unregistered"}
	diagMoved        = Diagnostics{ID: 4142, Reason: "User moved or not served now"}
	// docs/protocol/presence.md#enhanced-presence-and-migration-from-lcs-2005
	diagReadOnly = Diagnostics{ID: 2003, Reason: "Cannot overwrite read only publication"}
	// docs/protocol/presence.md#publishing has the number, the words are the lab's.
	diagConflict = Diagnostics{ID: 2141, Reason: "Version out of date"}
	// The numbers are the lab's own: the reference has none for these.
	diagEndpoints = Diagnostics{
		ID:     64000,
		Reason: fmt.Sprintf("Too many endpoints: this user has %d already", maxEndpoints),
	}
	diagNoProfile   = Diagnostics{ID: 64001, Reason: "No location profile of that name"}
	diagAmbiguous   = Diagnostics{ID: 64002, Reason: "Neither default nor phone-context"}
	diagForeignEPID = Diagnostics{ID: 64003, Reason: "No endpoint of this epid is registered on this connection"}
	diagTooMuch     = Diagnostics{ID: 64004, Reason: "More publications or members than the lab keeps"}
	diagOrder       = Diagnostics{ID: 64005, Reason: "A REGISTER of this Call-ID with this or a higher CSeq came before"}
	diagDigestURI   = Diagnostics{ID: 64006, Reason: "The uri of the digest is not the Request-URI"}
	diagContacts    = Diagnostics{ID: 64007, Reason: "An endpoint with an epid has one Contact"}
	diagNoAddress   = Diagnostics{ID: 64008, Reason: "The To of a REGISTER is not a SIP URI"}
)

// VersionDeclined returns the answer of the client version filter to a client that
// it does not accept (docs/protocol/sip-connection.md#client-identification).
func VersionDeclined() *Rejection {
	return &Rejection{
		Status:      403,
		Diagnostics: Diagnostics{ID: 17002, Reason: "Invalid protocol client version", Public: true},
		Warning:     `310 lcs.microsoft.com "You are currently not using the recommended version of the client"`,
	}
}

// SetFaults replaces the faults of later requests and connections.
func (s *Server) SetFaults(f Faults) { s.faults.Store(&f) }

// Faults returns the current faults.
func (s *Server) Faults() Faults { return *cmp.Or(s.faults.Load(), &Faults{}) }
