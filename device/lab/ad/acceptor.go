package ad

import (
	"errors"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/ntlm/spnego"
)

// acceptor is the DC's side of one NTLM logon, bare or inside SPNEGO, for LDAP
// and for web enrolment. It counts bad and good logons in the directory.
type acceptor struct {
	s      *Server
	spnego spnego.Acceptor
	user   directory.User // whom the client claims to be; proven once step returns a session
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

// hash looks the user up. A locked account is told whatever the password;
// disabled and expired ones only to who knows it, so those come later.
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

// step takes the client's token. The exchange goes on while session is nil;
// after an error it is over.
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
