package ntlmhttp

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	// ErrPassword is for a log-on that was refused, most likely because of a wrong
	// user name or password.
	ErrPassword = errors.New("user name or password refused")
	// ErrDenied is for a log-on that was refused although the password is
	// good (Client.Proven): Extended Protection behind a proxy that ends TLS, NTLM
	// blocked by the domain, or an account that may not log on to that server.
	// The answer is 401 in each case, without the reason.
	ErrDenied = errors.New("log-on refused although the password is good")
	// ErrBinding is for a log-on that Extended Protection refused, according to the
	// server: it was not made on the server's own TLS connection.
	ErrBinding = errors.New("refused by Extended Protection: the channel binding does not match")
	// ErrBlocked is for a server that offers NTLM but does not send a challenge, so
	// that the password was not used, or that reports that NTLM is blocked.
	ErrBlocked = errors.New("NTLM is blocked")
	// ErrNoScheme is for a server that does not offer a scheme that the client may use.
	ErrNoScheme = errors.New("no usable authentication scheme is offered")
	// ErrKeepAlive is for a server, or a proxy before it, that closes the
	// connection after its challenge; the password was not used.
	ErrKeepAlive = errors.New("the connection is closed after the NTLM challenge")
	// ErrUnanswered is for a log-on without an answer to the last message: the server
	// may have accepted or refused it.
	ErrUnanswered = errors.New("the proof of the password got no answer")
	// ErrPasswordUsed is part of each failure after which this Client does not use the
	// password again, and it is the Kind of all later ones.
	ErrPasswordUsed = errors.New("the password is not tried again")
	// ErrProtocol is for an answer that is not valid HTTP or NTLM.
	ErrProtocol = errors.New("malformed answer")
	// ErrTooLarge is for a header or body above its limit.
	ErrTooLarge = errors.New("too large")
)

// Error is a log-on that failed.
type Error struct {
	Kind         error    // one of the errors above
	Host         string   // host:port as in the URL
	Offered      []string // schemes in the last answer
	Domain       string   // NetBIOS domain of the challenge, for a hint (R1.5); not authenticated
	PasswordUsed bool     // this Client does not try the password again
	Err          error    // the cause, may be nil
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Host, e.Kind)
	if e.Err != nil {
		text += fmt.Sprintf(": %v", e.Err)
	}
	if e.PasswordUsed && e.Kind != ErrPasswordUsed {
		text += "; " + ErrPasswordUsed.Error()
	}
	return text
}

// Unwrap gives Kind, ErrSpent when Spent, and Err.
func (e *Error) Unwrap() []error {
	all := []error{e.Kind}
	if e.PasswordUsed {
		all = append(all, ErrPasswordUsed)
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	return all
}

// refusalCodes are numbers in the detailed error page of IIS that name the reason of
// a refusal. Most servers send that page only to local clients.
var refusalCodes = []struct {
	kind    error
	numbers []string
}{
	{ErrBinding, []string{"0x80090346", "0xc000035b"}}, // SEC_E_BAD_BINDINGS, STATUS_BAD_BINDINGS
	{ErrBlocked, []string{"0x80070791", "0xc0000418"}}, // ERROR_NTLM_BLOCKED as HRESULT, STATUS_NTLM_BLOCKED
}

// refusalKind is the most likely reason of a 401 after a complete log-on (MS-ERREF).
func (c *Client) refusalKind(body []byte) error {
	body = bytes.ToLower(body)
	for _, t := range refusalCodes {
		for _, n := range t.numbers {
			if bytes.Contains(body, []byte(n)) {
				return t.kind
			}
		}
	}
	if c.proven() {
		return ErrDenied
	}
	return ErrPassword
}

func (c *Client) proven() bool { return c.Proven != nil && c.Proven() }
