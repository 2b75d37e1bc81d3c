package ad

import (
	"errors"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/ntlm/spnego"
)

// acceptor is the DC's side of one NTLM logon, raw or inside SPNEGO, for LDAP and
// for web enrolment. It counts bad and good logons in the directory.
type acceptor struct {
	s      *Server
	spnego spnego.Acceptor
	user   directory.User // claimed by the client; authenticated once step returns a session
}

// challengeFlags are the flags of a DC's challenge.
const challengeFlags = ntlm.FlagsLDAP | ntlm.Negotiate56

func (s *Server) newAcceptor() *acceptor {
	a := &acceptor{s: s}
	a.spnego.NTLM = &ntlm.Server{
		NetBIOSDomain:   s.dir.NetBIOS(),
		NetBIOSComputer: s.computer(),
		DNSDomain:       s.dir.Domain(),
		DNSComputer:     s.Host,
		Flags:           challengeFlags &^ s.fault().ClearFlags,
		RequireV2:       s.RequireNTLMv2,
		NTHash:          a.hash,
		Timestamp:       true,
		Now:             s.Clock.Now,
	}
	return a
}

// hash returns the NT hash of a user. Lockout is reported even for a wrong
// password; "disabled" and "expired" only after a correct one, in step.
func (a *acceptor) hash(name, domain string) ([]byte, error) {
	u, ok := a.s.dir.FindUser(name, domain)
	switch {
	case !ok:
		return nil, directory.ErrUnknown
	case u.Locked:
		return nil, directory.ErrLocked
	}
	a.user = u
	return ntlm.NTHash(u.Password), nil
}

// step processes a token of the client. The exchange continues while session is
// nil; it ends with an error.
func (a *acceptor) step(token []byte) (reply []byte, session *ntlm.Session, err error) {
	reply, session, err = a.spnego.Step(token)
	if errors.Is(err, ntlm.ErrLogon) {
		a.s.dir.BadLogon(a.user.SAM)
	}
	if session != nil {
		err = a.s.dir.GoodLogon(a.user.SAM)
	}
	if err != nil {
		return nil, nil, err
	}
	return reply, session, nil
}
