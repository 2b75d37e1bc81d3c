package ad

import (
	"cmp"
	"context"

	"github.com/ocphone/ocphone/device/ntlm"
)

// Faults are the misbehaviours of the DC. The zero value is a correct DC.
type Faults struct {
	Silent bool // reads requests and does not answer
	// RefuseBind is the LDAP result code of every bind that is not anonymous (51
	// busy, 52 unavailable …); 0: binds work.
	RefuseBind int
	// RefuseLogon is the Windows error, in hexadecimal, with which every log-on with the
	// right password is refused, such as 569 (MS-ERREF 2.2); "": such log-ons succeed.
	RefuseLogon string
	// ClearFlags are removed from the NTLM challenge: seal, sign, extended session
	// security, 128 bit, key exchange …
	ClearFlags ntlm.Flags

	// HugeValue is the length in bytes of the cACertificate value of an additional
	// entry of Certification Authorities; 0: no such entry.
	HugeValue      int
	Referral       string   // LDAP URL: every search with a base gets result 10 and this URL
	Continuations  []string // LDAP URLs of a SearchResultReference before the results
	CloseMidAnswer bool     // closes the connection within a search answer
	Garbage        bool     // answers a search with bytes that are not LDAP, sealed if the connection is
	Unsealed       bool     // answers searches in clear although the connection is sealed
	BadSeal        bool     // seals search answers with a wrong signature

	// BeforeResults, if not nil, is called for each search after its answer has been
	// made and before it is sent. It may block to delay the answer. base is the base
	// of the search as the client sent it. ctx ends when the server is closed; then
	// the answer is not sent.
	BeforeResults func(ctx context.Context, base string)
}

// SetFaults changes the faults, from the next request on.
func (s *Server) SetFaults(f Faults) { s.faults.Store(&f) }

func (s *Server) fault() Faults { return *cmp.Or(s.faults.Load(), &Faults{}) }
