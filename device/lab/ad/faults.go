package ad

import (
	"context"

	"github.com/ocphone/ocphone/device/ntlm"
)

// Faults are the ways in which the DC misbehaves. The zero value is a good DC.
type Faults struct {
	Silent     bool       // reads requests and answers none
	RefuseBind int        // LDAP result code for every bind that is not anonymous (51 busy, 52 unavailable …); 0: binds work
	ClearFlags ntlm.Flags // taken out of the NTLM challenge: seal, sign, extended session security, 128 bit, key exchange …

	HugeValue      int      // bytes of a cACertificate value that one more entry of Certification Authorities has; 0: no such entry
	Referral       string   // LDAP URL: every search that names a base is answered with result 10 and this
	Continuations  []string // LDAP URLs of a SearchResultReference before the results
	CloseMidAnswer bool     // closes the connection within a search answer
	Garbage        bool     // answers a search with bytes that are no LDAP, sealed where the connection is
	Unsealed       bool     // answers searches in clear although the connection is sealed
	BadSeal        bool     // seals search answers with a wrong signature

	// BeforeResults, when not nil, is called for each search before anything of
	// its answer is sent, and may hold it; the answer is made already. base is
	// as the client sent it. ctx ends when the server is closed; then nothing
	// is sent any more.
	BeforeResults func(ctx context.Context, base string)
}

// SetFaults changes how the DC misbehaves, from the next request on.
func (s *Server) SetFaults(f Faults) { s.faults.Store(&f) }

func (s *Server) fault() Faults {
	if f := s.faults.Load(); f != nil {
		return *f
	}
	return Faults{}
}
