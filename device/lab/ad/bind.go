package ad

import (
	"errors"
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/ntlm/spnego"
)

// The offered SASL mechanisms.
const (
	mechSPNEGO = "GSS-SPNEGO"
	mechNTLM   = "NTLM"
)

// Diagnostic messages of Windows Server 2003 ("vece", build 3790).
const (
	textBindFirst = "000004DC: LdapErr: DSID-0C0906DC, comment: In order to perform this operation " +
		"a successful bind must be completed on the connection., data 0, vece"
	textIntegrity = "00002028: LdapErr: DSID-0C090202, comment: The server requires binds to turn on " +
		"integrity checking if SSL\\TLS are not already active on the connection, data 0, vece"
	textLayerInTLS = "00002029: LdapErr: DSID-0C09016D, comment: Cannot bind using sign/seal on " +
		"a connection on which TLS or SSL is in effect, data 0, vece"
	textLayerTwice = "00002029: LdapErr: DSID-0C09016D, comment: Cannot bind on " +
		"a connection on which sign/seal is in effect, data 0, vece"
	textMechanism   = "00002027: LdapErr: DSID-0C090483, comment: Invalid Authentication method, data 0, vece"
	textUnavailable = "000020EF: LdapErr: DSID-0C09059A, comment: The server is not ready to bind, data 0, vece"
	textTLSTwice    = "00000000: LdapErr: DSID-0C090E72, comment: TLS or SSL already in effect, data 0, vece"
	textNoTLS       = "00000000: LdapErr: DSID-0C090E7E, comment: Error initializing SSL/TLS, data 0, vece"
	textExtended    = "0000203D: LdapErr: DSID-0C090D1F, comment: Unknown extended request OID, data 0, vece"
	textControl     = "00000057: LdapErr: DSID-0C0C0095, comment: Error processing control, data 0, vece"
	textCookie      = "00000057: LdapErr: DSID-0C090809, comment: Error processing control, data 0, vece"
	textReadOnly    = "00002035: the lab's directory is changed through its own interface"
	textReferral    = "0000202B: RefErr: DSID-031006E0, data 0, 1 access points"
	textNoObject    = "0000208D: NameErr: DSID-031001CD, problem 2001 (NO_OBJECT), data 0, "
	textBadName     = "0000208F: NameErr: DSID-031001BA, problem 2006 (BAD_NAME), data 8350, "
)

// bestMatch is the end of a NameErr.
func bestMatch(dn string) string { return "best match of:\n\t'" + dn + "'\n" }

// bind answers a BindRequest, RFC 4511 4.2 and MS-ADTS 5.1.1.1.
func (c *conn) bind(m message) error {
	if len(m.op.Children) != 3 || m.op.Children[2].ClassType != ber.ClassContext {
		return errMalformed
	}
	name, auth := text(m.op.Children[1]), m.op.Children[2]
	if v, ok := integer(m.op.Children[0]); !ok || v < 2 || v > 3 {
		return c.sendBindResult(m, protocolError, "", "")
	}
	c.user, c.pagedSearches = "", nil // RFC 4511 4.2.1: anonymous until the bind succeeds
	exchange := c.exchange
	c.exchange = nil
	if auth.Tag == authSimple {
		return c.bindSimple(m, name, text(auth))
	}
	if c.session != nil {
		return c.sendBindResult(m, unwillingToPerform, "", textLayerTwice)
	}
	switch auth.Tag {
	case authSASL:
		if len(auth.Children) < 1 || len(auth.Children) > 2 {
			return errMalformed
		}
		if mech := text(auth.Children[0]); !strings.EqualFold(mech, mechSPNEGO) && !strings.EqualFold(mech, mechNTLM) {
			return c.sendBindResult(m, authMethodNotSupported, "", textMechanism)
		}
		var token []byte
		if len(auth.Children) == 2 {
			token = auth.Children[1].Data.Bytes()
		}
		return c.bindToken(m, exchange, token, func(done bool, reply []byte) *ber.Packet {
			code := success
			if !done {
				code = saslBindInProgress
			}
			if reply == nil {
				return result(opBindResponse, code, "", "")
			}
			return result(opBindResponse, code, "", "", contextString(7, string(reply)))
		})
	case authSicilyDiscovery:
		return c.sendBindResult(m, success, mechNTLM, "")
	case authSicilyNegotiate, authSicilyResponse: // the token is in matchedDN
		return c.bindToken(m, exchange, auth.Data.Bytes(), func(_ bool, reply []byte) *ber.Packet {
			return result(opBindResponse, success, string(reply), "")
		})
	}
	return c.sendBindResult(m, authMethodNotSupported, "", textMechanism)
}

func (c *conn) sendBindResult(m message, code int, matched, diagnostic string) error {
	return c.send(m.id, result(opBindResponse, code, matched, diagnostic))
}

// countBind counts an attempt to bind and refuses it if Faults.RefuseBind is set.
func (c *conn) countBind(m message) (refused bool, err error) {
	c.s.binds.Add(1)
	if code := c.faults.RefuseBind; code != 0 {
		return true, c.sendBindResult(m, code, "", textUnavailable)
	}
	return false, nil
}

func (c *conn) bindSimple(m message, name, password string) error {
	if password == "" { // anonymous, RFC 4513 5.1.1; AD treats a name without password (5.1.2) as anonymous
		return c.sendBindResult(m, success, "", "")
	}
	if refused, err := c.countBind(m); refused {
		return err
	}
	if c.s.RequireSigning && !c.overTLS && c.session == nil {
		return c.sendBindResult(m, strongerAuthRequired, "", textIntegrity)
	}
	u, err := c.s.simpleUser(name)
	switch {
	case err != nil:
	case u.Locked:
		err = directory.ErrLocked
	case u.Password != password:
		c.s.dir.BadLogon(u.SAM)
		err = ntlm.ErrLogon
	default:
		err = c.s.dir.GoodLogon(u.SAM)
	}
	if err != nil {
		data := windowsError(err)
		if errors.Is(err, directory.ErrUnknown) {
			data = "525" // only in a simple bind
		}
		return c.sendBindResult(m, invalidCredentials, "", logonDiagnostic(data))
	}
	if data := c.faults.RefuseLogon; data != "" {
		return c.sendBindResult(m, invalidCredentials, "", logonDiagnostic(data))
	}
	c.user = u.SAM
	return c.sendBindResult(m, success, "", "")
}

// simpleUser returns the user of a simple bind, by DN, by UPN or implicit UPN, or
// by NETBIOS\name. AD treats other forms, such as a name without domain, as a
// wrong password (docs/peers.md#samba-as-a-domain-controller).
func (s *Server) simpleUser(name string) (directory.User, error) {
	var u directory.User
	var ok bool
	domain, sam, qualified := strings.Cut(name, `\`)
	switch {
	case strings.Contains(name, "="):
		key, valid := dnKey(name)
		rdn, inUsers := strings.CutSuffix(key, s.names.usersKey)
		if sam, isCN := strings.CutPrefix(strings.TrimSuffix(rdn, "\x00"), "cn="); valid && inUsers && isCN {
			u, ok = s.dir.User(sam)
		}
	case qualified && strings.EqualFold(domain, s.dir.NetBIOS()):
		u, ok = s.dir.User(sam)
	case !qualified && strings.Contains(name, "@"):
		u, ok = s.dir.FindUser(name, "")
	default:
		return u, ntlm.ErrLogon
	}
	if !ok {
		return u, directory.ErrUnknown
	}
	return u, nil
}

// bindToken processes a token of an NTLM or SPNEGO exchange; answer makes the
// BindResponse with the reply token.
func (c *conn) bindToken(
	m message, exchange *acceptor, token []byte, answer func(done bool, reply []byte) *ber.Packet,
) error {
	if spnego.IsInitial(token) {
		if refused, err := c.countBind(m); refused {
			return err
		}
		exchange = c.s.newAcceptor("ldap")
	}
	if exchange == nil {
		return c.sendBindResult(m, invalidCredentials, "", logonDiagnostic("57"))
	}
	reply, session, err := exchange.step(token)
	switch {
	case errors.Is(err, spnego.ErrMechanism):
		return c.sendBindResult(m, authMethodNotSupported, "", textMechanism)
	case err != nil:
		return c.sendBindResult(m, invalidCredentials, "", logonDiagnostic(windowsError(err)))
	case session == nil:
		c.exchange = exchange
		return c.send(m.id, answer(false, reply))
	case c.faults.RefuseLogon != "":
		return c.sendBindResult(m, invalidCredentials, "", logonDiagnostic(c.faults.RefuseLogon))
	}
	layer := session.Flags()&(ntlm.NegotiateSign|ntlm.NegotiateSeal) != 0
	switch {
	case layer && c.overTLS:
		return c.sendBindResult(m, unwillingToPerform, "", textLayerInTLS)
	case !layer && !c.overTLS && c.s.RequireSigning:
		return c.sendBindResult(m, strongerAuthRequired, "", textIntegrity)
	}
	c.user = exchange.user.SAM
	if err := c.send(m.id, answer(true, reply)); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	if layer { // applies from the next octet on, in both directions
		c.session = session
	}
	return nil
}

func logonDiagnostic(data string) string {
	return fmt.Sprintf("80090308: LdapErr: DSID-0C090334, comment: AcceptSecurityContext error, data %s, vece", data)
}

// windowsError returns the Windows error code, in hexadecimal, of AD's diagnostic
// message for err.
func windowsError(err error) string {
	for _, d := range []struct {
		err  error
		data string
	}{
		{directory.ErrLocked, "775"},
		{directory.ErrDisabled, "533"},
		{directory.ErrAccountExpired, "701"},
		{directory.ErrPasswordExpired, "532"},
		{directory.ErrMustChange, "773"},
		{ntlm.ErrMalformed, "57"},
		{ntlm.ErrTarget, "80090346"}, // SEC_E_BAD_BINDINGS
		{spnego.ErrToken, "57"},
	} {
		if errors.Is(err, d.err) {
			return d.data
		}
	}
	return "52e"
}
