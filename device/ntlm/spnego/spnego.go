// Package spnego is the server's side of a log-on with SPNEGO and NTLM: GSS-SPNEGO
// in LDAP, Negotiate in HTTP.
//
// It follows RFC 4178 4.2 and 5 and MS-SPNG. It also accepts NTLM messages without
// SPNEGO, which many HTTP clients send (RFC 4559 6 forbids it, IIS accepts it).
//
//  1. If Opens(token), a := &spnego.Acceptor{NTLM: &ntlm.Server{…}}, for this
//     log-on only.
//  2. reply, session, err := a.Step(token): send reply, if there is one, and
//     wait for the next token while session is nil.
//  3. With a session the client is authenticated; with err the log-on has failed.
package spnego

import (
	"encoding/asn1"
	"errors"

	"github.com/ocphone/ocphone/device/ntlm"
)

var (
	// ErrToken: not an NTLM or SPNEGO token, or one that is out of order.
	ErrToken = errors.New("spnego: no NTLM or SPNEGO token that fits here")
	// ErrMechanism: the client does not offer NTLM, for example only Kerberos.
	ErrMechanism = errors.New("spnego: the client offers no NTLM")
)

// Acceptor is one log-on. NTLM must not change after the first Step. It has to offer
// NegotiateSign: a client whose first choice is not NTLM must protect its list of
// mechanisms with a MIC (RFC 4178 5).
type Acceptor struct {
	NTLM *ntlm.Server

	mechList    []byte // DER of the client's list of mechanisms, protected by the MIC
	micRequired bool   // NTLM was not the client's first choice: it must send a MIC
}

// IsInitial reports whether token is the first of a log-on.
func IsInitial(token []byte) bool { return ntlm.Type(token) == 1 || IsNegTokenInit(token) }

// IsNegTokenInit reports whether token is the first SPNEGO token of a log-on, not an NTLM
// message.
func IsNegTokenInit(token []byte) bool { return len(token) > 0 && token[0] == tagNegTokenInit }

// Step takes the client's token. While session is nil the log-on continues; a reply
// that comes with a session must be sent with the success. Errors are ErrToken,
// ErrMechanism, those of ntlm.Server, and ntlm.ErrMIC if the client's offer was
// changed on its way.
func (a *Acceptor) Step(token []byte) (reply []byte, session *ntlm.Session, err error) {
	switch {
	case ntlm.Type(token) != 0:
		return a.acceptNTLM(token)
	case IsNegTokenInit(token):
		return a.acceptInit(token)
	}
	return a.acceptResponse(token)
}

// acceptNTLM takes an NTLM message.
func (a *Acceptor) acceptNTLM(token []byte) ([]byte, *ntlm.Session, error) {
	switch ntlm.Type(token) {
	case 1:
		reply, err := a.NTLM.Challenge(token)
		return reply, nil, err
	case 3:
		_, session, err := a.NTLM.Authenticate(token)
		return nil, session, err
	}
	return nil, nil, ErrToken
}

const tagNegTokenInit = 0x60 // the InitialContextToken of RFC 2743 3.1 around it

var ( // read only
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

// acceptInit takes a NegTokenInit.
func (a *Acceptor) acceptInit(token []byte) ([]byte, *ntlm.Session, error) {
	var outer, inner asn1.RawValue
	var mechanism asn1.ObjectIdentifier
	var init negTokenInit
	var offers []asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(token, &outer)
	if err == nil && len(rest) == 0 {
		rest, err = asn1.Unmarshal(outer.Bytes, &mechanism)
	}
	if err != nil || !mechanism.Equal(oidSPNEGO) {
		return nil, nil, ErrToken
	}
	if _, err = asn1.Unmarshal(rest, &inner); err != nil || inner.Class != asn1.ClassContextSpecific || inner.Tag != 0 {
		return nil, nil, ErrToken
	}
	if _, err = asn1.Unmarshal(inner.Bytes, &init); err != nil {
		return nil, nil, ErrToken
	}
	if _, err = asn1.Unmarshal(init.MechTypes.Bytes, &offers); err != nil {
		return nil, nil, ErrToken
	}
	a.mechList = init.MechTypes.Bytes
	for i, o := range offers {
		if !o.Equal(oidNTLMSSP) {
			continue
		}
		if i > 0 { // its token, if any, is for another mechanism
			a.micRequired = true
			return negToken(requestMIC, oidNTLMSSP, nil, nil), nil, nil
		}
		if ntlm.Type(init.MechToken) != 1 {
			return negToken(acceptIncomplete, oidNTLMSSP, nil, nil), nil, nil
		}
		challenge, _, err := a.acceptNTLM(init.MechToken)
		if err != nil {
			return nil, nil, err
		}
		return negToken(acceptIncomplete, oidNTLMSSP, challenge, nil), nil, nil
	}
	return nil, nil, ErrMechanism
}

// acceptResponse takes a NegTokenResp.
func (a *Acceptor) acceptResponse(token []byte) ([]byte, *ntlm.Session, error) {
	var outer asn1.RawValue
	var resp negTokenResp
	if a.mechList == nil {
		return nil, nil, ErrToken
	}
	if _, err := asn1.Unmarshal(token, &outer); err != nil || outer.Class != asn1.ClassContextSpecific || outer.Tag != 1 {
		return nil, nil, ErrToken
	}
	if _, err := asn1.Unmarshal(outer.Bytes, &resp); err != nil {
		return nil, nil, ErrToken
	}
	reply, session, err := a.acceptNTLM(resp.Token)
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

// exchangeMIC checks the client's mechListMIC and returns the server's. A client
// whose first choice was NTLM may omit its MIC; then the result is nil.
func (a *Acceptor) exchangeMIC(session *ntlm.Session, theirs []byte) ([]byte, error) {
	if theirs == nil || session.Flags()&ntlm.NegotiateSign == 0 {
		if a.micRequired {
			return nil, ntlm.ErrMIC
		}
		return nil, nil
	}
	if !session.Verify(a.mechList, theirs) {
		return nil, ntlm.ErrMIC
	}
	ours := session.Sign(a.mechList)
	session.ResetCrypto() // the streams start again, the sequence numbers go on (docs/peers.md#spnego-sealing)
	return ours, nil
}

// negToken makes the acceptor's NegTokenResp.
func negToken(state asn1.Enumerated, mech asn1.ObjectIdentifier, token, mic []byte) []byte {
	b, err := asn1.Marshal(negTokenResp{State: state, Mech: mech, Token: token, MIC: mic})
	if err == nil {
		b, err = asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 1, IsCompound: true, Bytes: b})
	}
	if err != nil {
		panic("spnego: " + err.Error()) // the types above always marshal
	}
	return b
}
