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

// newAcceptor takes the class of the service, "ldap" or "HTTP".
func (s *Server) newAcceptor(service string) *acceptor {
	a := &acceptor{s: s}
	n := s.dir.NTLMServer(s.Host, challengeFlags&^s.fault().ClearFlags, s.Clock.Now, func(u directory.User) { a.user = u })
	n.RequireV2, n.Timestamp = s.RequireNTLMv2, true
	n.Target = ntlm.ForService(service, nil)
	a.spnego.NTLM = n
	return a
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
