package ad

import (
	"encoding/asn1"
	"errors"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/ntlm"
)

// acceptor is the DC's side of one NTLM logon, bare or inside SPNEGO, for LDAP
// and for web enrolment. It counts bad and good logons in the directory.
type acceptor struct {
	s    *Server
	ntlm *ntlm.Server
	user directory.User // whom the client claims to be; proven once step returns a session

	mechs  []byte // SPNEGO: DER of the client's list of mechanisms, which the MIC protects
	micDue bool   // SPNEGO: NTLM was not the client's first choice, so it must send a MIC
}

var (
	errToken     = errors.New("ad: no NTLM or SPNEGO token that fits here")
	errMechanism = errors.New("ad: the client offers no NTLM")
)

// opensExchange tells whether token is the first of an exchange.
func opensExchange(token []byte) bool {
	return ntlm.Type(token) == 1 || len(token) > 0 && token[0] == tagNegTokenInit
}

// offered are the flags of a DC's challenge.
const offered = ntlm.FlagsLDAP | ntlm.Negotiate56

func (s *Server) newAcceptor() *acceptor {
	a := &acceptor{s: s}
	a.ntlm = &ntlm.Server{
		NetBIOSDomain:   s.dir.NetBIOS(),
		NetBIOSComputer: s.computer(),
		DNSDomain:       s.dir.Domain(),
		DNSComputer:     s.Host,
		Flags:           offered &^ s.fault().ClearFlags,
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
	if ntlm.Type(token) != 0 {
		return a.bare(token)
	}
	if len(token) > 0 && token[0] == tagNegTokenInit {
		return a.negotiate(token)
	}
	return a.respond(token)
}

// bare takes an NTLM message.
func (a *acceptor) bare(token []byte) ([]byte, *ntlm.Session, error) {
	switch ntlm.Type(token) {
	case 1:
		reply, err := a.ntlm.Challenge(token)
		return reply, nil, err
	case 3:
		_, session, err := a.ntlm.Authenticate(token)
		if errors.Is(err, ntlm.ErrLogon) {
			a.s.dir.BadLogon(a.user.SAM)
		}
		if err == nil {
			err = a.s.dir.GoodLogon(a.user.SAM)
		}
		if err != nil {
			return nil, nil, err
		}
		return nil, session, nil
	}
	return nil, nil, errToken
}

// SPNEGO, RFC 4178 4.2 and MS-SPNG.

const tagNegTokenInit = 0x60 // the InitialContextToken of RFC 2743 around it

var (
	oidSPNEGO  = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}
	oidNTLMSSP = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
)

type negTokenInit struct {
	MechTypes asn1.RawValue  `asn1:"explicit,tag:0"`
	ReqFlags  asn1.BitString `asn1:"explicit,optional,tag:1"`
	MechToken []byte         `asn1:"explicit,optional,tag:2"`
}

type negTokenResp struct {
	State asn1.Enumerated       `asn1:"explicit,optional,tag:0,default:-1"`
	Mech  asn1.ObjectIdentifier `asn1:"explicit,optional,tag:1"`
	Token []byte                `asn1:"explicit,optional,omitempty,tag:2"`
	MIC   []byte                `asn1:"explicit,optional,omitempty,tag:3"`
}

const (
	acceptCompleted  = 0
	acceptIncomplete = 1
	requestMIC       = 3
)

// negotiate takes a NegTokenInit.
func (a *acceptor) negotiate(token []byte) ([]byte, *ntlm.Session, error) {
	var outer, inner asn1.RawValue
	var mechanism asn1.ObjectIdentifier
	var init negTokenInit
	var offers []asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(token, &outer)
	if err == nil && len(rest) == 0 {
		rest, err = asn1.Unmarshal(outer.Bytes, &mechanism)
	}
	if err != nil || !mechanism.Equal(oidSPNEGO) {
		return nil, nil, errToken
	}
	if _, err = asn1.Unmarshal(rest, &inner); err != nil || inner.Class != asn1.ClassContextSpecific || inner.Tag != 0 {
		return nil, nil, errToken
	}
	if _, err = asn1.Unmarshal(inner.Bytes, &init); err != nil {
		return nil, nil, errToken
	}
	if _, err = asn1.Unmarshal(init.MechTypes.Bytes, &offers); err != nil {
		return nil, nil, errToken
	}
	a.mechs = init.MechTypes.Bytes
	for i, o := range offers {
		if !o.Equal(oidNTLMSSP) {
			continue
		}
		if i > 0 { // its token, if any, is for another mechanism
			a.micDue = true
			return negToken(requestMIC, oidNTLMSSP, nil, nil), nil, nil
		}
		if ntlm.Type(init.MechToken) != 1 {
			return negToken(acceptIncomplete, oidNTLMSSP, nil, nil), nil, nil
		}
		challenge, _, err := a.bare(init.MechToken)
		if err != nil {
			return nil, nil, err
		}
		return negToken(acceptIncomplete, oidNTLMSSP, challenge, nil), nil, nil
	}
	return nil, nil, errMechanism
}

// respond takes a NegTokenResp.
func (a *acceptor) respond(token []byte) ([]byte, *ntlm.Session, error) {
	var outer asn1.RawValue
	var resp negTokenResp
	if a.mechs == nil {
		return nil, nil, errToken
	}
	if _, err := asn1.Unmarshal(token, &outer); err != nil || outer.Class != asn1.ClassContextSpecific || outer.Tag != 1 {
		return nil, nil, errToken
	}
	if _, err := asn1.Unmarshal(outer.Bytes, &resp); err != nil {
		return nil, nil, errToken
	}
	reply, session, err := a.bare(resp.Token)
	if err != nil {
		return nil, nil, err
	}
	if session == nil {
		return negToken(acceptIncomplete, nil, reply, nil), nil, nil
	}
	mic, err := a.exchangeMIC(session, resp.MIC)
	if err != nil {
		return nil, nil, err
	}
	return negToken(acceptCompleted, nil, nil, mic), session, nil
}

// exchangeMIC checks the client's mechListMIC and returns ours. A client that
// sends none, which it may when NTLM was its first choice, gets none.
func (a *acceptor) exchangeMIC(session *ntlm.Session, theirs []byte) ([]byte, error) {
	if theirs == nil || session.Flags()&ntlm.NegotiateSign == 0 {
		if a.micDue {
			return nil, ntlm.ErrMIC
		}
		return nil, nil
	}
	if !session.Verify(a.mechs, theirs) {
		return nil, ntlm.ErrMIC
	}
	ours := session.Sign(a.mechs)
	session.ResetCrypto() // the streams start again, the sequence numbers go on (peers-ad.md 4)
	return ours, nil
}

// negToken makes the acceptor's NegTokenResp.
func negToken(state asn1.Enumerated, mech asn1.ObjectIdentifier, token, mic []byte) []byte {
	b, err := asn1.Marshal(negTokenResp{State: state, Mech: mech, Token: token, MIC: mic})
	if err == nil {
		b, err = asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, IsCompound: true, Bytes: b})
	}
	if err != nil {
		panic("ad: " + err.Error()) // the types above always marshal
	}
	return b
}
