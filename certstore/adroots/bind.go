package adroots

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm"
)

// requiredFlags must be in the challenge; otherwise the password is not used
// (docs/decisions.md#no-root-over-an-unauthenticated-channel). The client always uses NTLMv2.
const requiredFlags = ntlm.NegotiateSign | ntlm.NegotiateSeal | ntlm.NegotiateESS | ntlm.Negotiate128 |
	ntlm.NegotiateKeyExch

// bindRule is the rule that the steps of a bind cite
// (docs/decisions.md#no-root-over-an-unauthenticated-channel).
const bindRule = "no root over an unauthenticated channel"

// bind opens a sealed session on c. GSS-SPNEGO carries NTLM messages without
// SPNEGO tokens, which AD and Samba accept (MS-SPNG 3.3.5.1,
// docs/peers.md#samba-as-a-domain-controller).
func (d *download) bind(c *conn, dc controller) error {
	asked := fmt.Sprintf("sealed LDAP bind (GSS-SPNEGO, NTLMv2) as %s", d.account())
	fail := func(code journal.Code, what string, err error) *journal.Failure {
		return &journal.Failure{Code: code, Asked: asked, By: dc.address(), What: what, Because: bindRule, Err: err}
	}
	client := d.ntlmClient("ldap/"+dc.host, ntlm.FlagsLDAP, requiredFlags)
	r, err := c.bind(1, client.Negotiate())
	if err != nil {
		return c.failureOf(err, dc, asked)
	}
	if r.code != ldap.LDAPResultSaslBindInProgress {
		return bindFailure(r, asked, dc)
	}
	challenge, err := ntlm.ParseChallenge(r.credentials)
	if err != nil {
		return fail(journal.ADProtocol, "The domain controller's NTLM challenge is malformed", err)
	}
	msg, session, err := client.Authenticate(r.credentials)
	switch {
	case errors.Is(err, ntlm.ErrWeak):
		f := fail(journal.ADWeakBind, "The domain controller offers no sealed NTLMv2 session; the password was not used", err)
		f.Answered = "NTLM challenge with " + challenge.Flags.String()
		return f
	case err != nil:
		return fail(journal.ADProtocol, "The domain controller's NTLM challenge cannot be answered", err)
	}
	if r, err = c.bind(2, msg); err != nil {
		return c.failureOf(err, dc, asked)
	}
	if r.code != ldap.LDAPResultSuccess {
		f := bindFailure(r, asked, dc)
		d.suggestDomain(f, challenge)
		return f
	}
	c.seal(session)
	d.Record.Record(journal.Step{Name: journal.Roots, State: journal.OK, Asked: asked, By: dc.address(), Because: bindRule,
		Answered: "bound; " + session.Flags().String(),
		Decided:  "Everything from here on is signed and sealed under the session key"})
	return nil
}

// suggestDomain adds a remedy for user names without a domain, such as UPNs (R1.5).
func (d *download) suggestDomain(f *journal.Failure, c ntlm.Challenge) {
	domain := printable(c.NetBIOSDomain)
	if f.Code != journal.ADCredentials || d.UserDomain != "" || domain == "" {
		return
	}
	name, _, _ := strings.Cut(d.User, "@")
	f.Because = `R1.5: the download can fail with a UPN where DOMAIN\user works`
	f.Fix = fmt.Sprintf(`Sign in as %s\%s in place of %s (%s is the domain that the controller named), `+
		`or check the password.`, domain, name, d.User, domain)
}

// ntlmClient returns a client for one log-on of the user to a service.
func (d *download) ntlmClient(service string, flags, require ntlm.Flags) *ntlm.Client {
	return &ntlm.Client{User: d.User, Domain: d.UserDomain, Password: d.Password, Flags: flags, Require: require,
		MIC: true, TargetName: service, Now: d.Now}
}

// bindResult is a BindResponse, RFC 4511 4.2.2.
type bindResult struct {
	code        int64
	message     string // diagnosticMessage, made printable
	credentials []byte // serverSaslCreds
}

// bind sends one message of a SASL bind and reads the response.
func (c *conn) bind(id int64, credentials []byte) (bindResult, error) {
	octets := func(s, name string) *ber.Packet {
		return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, name)
	}
	sasl := ber.Encode(ber.ClassContext, ber.TypeConstructed, 3, nil, "sasl")
	sasl.AppendChild(octets("GSS-SPNEGO", "mechanism"))
	sasl.AppendChild(octets(string(credentials), "credentials"))
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationBindRequest, nil, "bind request")
	request.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 3, "version"))
	request.AppendChild(octets("", "name"))
	request.AppendChild(sasl)
	envelope := ber.NewSequence("LDAP message")
	envelope.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, "message ID"))
	envelope.AppendChild(request)
	if _, err := c.Write(envelope.Bytes()); err != nil {
		return bindResult{}, err
	}
	msg, err := c.message()
	if err != nil {
		return bindResult{}, err
	}
	return parseBind(msg, id)
}

func parseBind(msg []byte, id int64) (bindResult, error) {
	var r bindResult
	p, err := ber.DecodePacketErr(msg)
	if err != nil {
		return r, fmt.Errorf("%w: %v", errNotBER, err)
	}
	if len(p.Children) < 2 || p.Children[0].Value != id {
		return r, fmt.Errorf("%w: no answer to message %d", errNotBER, id)
	}
	op := p.Children[1]
	if op.ClassType != ber.ClassApplication || op.Tag != ldap.ApplicationBindResponse || len(op.Children) < 3 {
		return r, fmt.Errorf("%w: no bind response", errNotBER)
	}
	code, ok := op.Children[0].Value.(int64)
	text, ok2 := op.Children[2].Value.(string)
	if !ok || !ok2 {
		return r, fmt.Errorf("%w: no LDAP result", errNotBER)
	}
	r.code, r.message = code, printable(text)
	for _, child := range op.Children[3:] {
		if child.ClassType == ber.ClassContext && child.Tag == 7 {
			r.credentials = child.Data.Bytes()
		}
	}
	return r, nil
}

// logonRefusal is what a Windows error of a log-on means, and what to change.
type logonRefusal struct {
	code journal.Code
	what string
	fix  string // "": the code's page says it
}

var (
	wrongPassword = logonRefusal{journal.ADCredentials, "The domain controller refused the user name or the password", ""}
	noNTLM        = logonRefusal{journal.ADWeakBind,
		"The domain controller does not accept NTLM, and the phone has no other method",
		"Allow NTLM on the domain controller (policy \"Network security: Restrict NTLM\", in Samba `ntlm auth`), or make " +
			"an exception for this account."}
)

// logonRefusals are the errors that AD and Samba put into the text of result 49:
// "…AcceptSecurityContext error, data 52e, v1db1" (MS-ERREF 2.2 for the short
// ones, 2.1.1 for those that begin with 8009).
var logonRefusals = map[string]logonRefusal{
	"525": {journal.ADCredentials, "The domain controller does not know the user", ""},
	"52e": wrongPassword,
	"490": wrongPassword, // "not found": Samba's answer to a wrong password with a UPN
	"52f": {journal.ADRestricted, "A restriction of the account forbids this log-on",
		"Take the account out of the group Protected Users, whose members cannot use NTLM, or out of the authentication " +
			"policy that forbids NTLM to it."},
	"530": {journal.ADRestricted, "The account may not log on at this time",
		"Allow this hour in the logon hours of the account."},
	"531": {journal.ADRestricted, "The account may not log on from this device",
		"Allow all computers, or this phone, in the list \"Log On To\" of the account."},
	"532": {journal.ADExpired, "The password has expired", changePassword},
	"533": {journal.ADDisabled, "The account is disabled", ""},
	"569": {journal.ADRestricted, "The account lacks the right to log on over the network",
		"Grant the account \"Access this computer from the network\" on the domain controllers, and take it out of \"Deny " +
			"access to this computer from the network\"."},
	"418": noNTLM, // STATUS_NTLM_BLOCKED C0000418, from Samba with "ntlm auth = disabled"
	"791": noNTLM, // ERROR_NTLM_BLOCKED
	"701": {journal.ADExpired, "The account has expired",
		"Remove or extend the end date of the account (accountExpires). The password is not the cause."},
	"773": {journal.ADExpired, "The password must be changed before the first log-on", changePassword},
	"775": {journal.ADLocked, "The account is locked out", ""},

	"80090302": noNTLM, // SEC_E_UNSUPPORTED_FUNCTION
	"80090346": {journal.AuthBinding, // SEC_E_BAD_BINDINGS
		"The domain controller requires a log-on that is bound to a TLS connection, and the phone made none",
		"Remove the device that turns the phone's LDAP into LDAPS on the way, or set the policy \"LDAP server channel " +
			"binding token requirements\" to \"When supported\". The password is not the cause."},
}

const changePassword = "Change the password at a computer, then sign in with the new one."

var dataCode = regexp.MustCompile(`\bdata ([0-9a-fA-F]{1,8})\b`)

// bindFailure returns the failure for a bind result other than success.
func bindFailure(r bindResult, asked string, dc controller) *journal.Failure {
	f := refusal(r)
	f.Asked, f.By = asked, dc.address()
	return f
}

// refusal is the part of bindFailure that depends on r alone.
func refusal(r bindResult) *journal.Failure {
	f := &journal.Failure{Answered: resultText(r.code, r.message)}
	switch r.code {
	case ldap.LDAPResultInvalidCredentials:
		why := logonRefusalOf(r.message)
		f.Code, f.What, f.Fix = why.code, why.what, why.fix
	case ldap.LDAPResultAuthMethodNotSupported, ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired,
		ldap.LDAPResultInappropriateAuthentication:
		f.Code, f.What = journal.ADWeakBind, "The domain controller does not accept a sealed NTLM bind"
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		f.Code, f.What = journal.ADUnreachable, "The domain controller is busy or not available"
		f.Fix = "Look at the event log of the domain controller; the phone tries again later by itself."
	default:
		f.Code, f.What = journal.ADProtocol, "The domain controller refused the bind"
	}
	f.Because = f.Code.Page().Rule
	return f
}

// logonRefusalOf reads the error in the text of result 49. Without one the result
// itself means wrong credentials (RFC 4511 A.2); an error that is not in the
// table does not.
func logonRefusalOf(message string) logonRefusal {
	m := dataCode.FindStringSubmatch(message)
	if m == nil {
		return wrongPassword
	}
	data := strings.ToLower(m[1])
	if known, ok := logonRefusals[data]; ok {
		return known
	}
	return logonRefusal{
		journal.ADProtocol,
		"The domain controller refused the log-on with the error " + data + ", which does not say that the password is wrong",
		"Look up the error " + data + " (MS-ERREF), and event 4625 in the security log of the domain controller.",
	}
}

// resultText is "49 Invalid Credentials: 80090308: …".
func resultText(code int64, message string) string {
	text := fmt.Sprintf("%d %s", code, ldap.LDAPResultCodeMap[uint16(code)])
	if message != "" {
		text += ": " + message
	}
	return text
}

// maxText is how much of a text from the network is shown, in characters.
const maxText = 256

// printable makes a text from the network fit for a step. AD ends its messages
// with a NUL.
func printable(s string) string {
	return journal.Printable(strings.TrimRight(s, "\x00"), maxText)
}
