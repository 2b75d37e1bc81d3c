package ntlmhttp

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	// ErrPassword is for a log-on that was refused, with nothing that speaks
	// for another cause than a wrong user name or password.
	ErrPassword = errors.New("user name or password refused")
	// ErrDenied is for a log-on that was refused although the password is
	// known to be good: Extended Protection behind a proxy that ends TLS, NTLM
	// blocked by the domain, or an account that may not log on to that server.
	// The answer is 401 in each case and does not say which.
	ErrDenied = errors.New("log-on refused although the password is good")
	// ErrBinding is for a log-on that the server says was refused by Extended
	// Protection: it was not made on the server's own TLS connection.
	ErrBinding = errors.New("refused by Extended Protection: the channel binding does not match")
	// ErrBlocked is for NTLM that is offered and not taken: the server gives no
	// challenge, so that the password was not used, or says that NTLM is blocked.
	ErrBlocked = errors.New("NTLM is blocked")
	// ErrNoScheme is for a server that offers nothing that the client may use.
	ErrNoScheme = errors.New("no usable authentication scheme is offered")
	// ErrKeepAlive is for a server, or a proxy before it, that closes the
	// connection after its challenge; the password was not used.
	ErrKeepAlive = errors.New("the connection is closed after the NTLM challenge")
	// ErrUnanswered is for a proof that got no answer, so that nobody knows
	// whether it was taken.
	ErrUnanswered = errors.New("the proof of the password got no answer")
	// ErrSpent goes with each failure after which the password is not used
	// again by this Client, and is alone in the ones that follow.
	ErrSpent = errors.New("the password is not tried again")
	// ErrProtocol is for what is not HTTP, or not NTLM, in the answer's form.
	ErrProtocol = errors.New("malformed answer")
	// ErrTooLarge is for a header or body above its limit.
	ErrTooLarge = errors.New("too large")
)

// Error is a log-on that failed.
type Error struct {
	Kind    error    // one of the errors above
	Host    string   // host:port as in the URL
	Offered []string // the schemes that the server named last
	Domain  string   // NetBIOS domain of the challenge, for a hint to a person (R1.5); unauthenticated, may be anything
	Spent   bool     // the password is not tried again by this Client
	Err     error    // the cause, may be nil
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Host, e.Kind)
	if e.Err != nil {
		text += fmt.Sprintf(": %v", e.Err)
	}
	if e.Spent && e.Kind != ErrSpent {
		text += "; " + ErrSpent.Error()
	}
	return text
}

// Unwrap gives Kind, ErrSpent when Spent, and Err.
func (e *Error) Unwrap() []error {
	all := []error{e.Kind}
	if e.Spent {
		all = append(all, ErrSpent)
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	return all
}

// refusalCodes are the numbers by which the detailed error page of IIS tells why a
// log-on failed. Most servers send that page to themselves only.
var refusalCodes = []struct {
	kind    error
	numbers []string
}{
	{ErrBinding, []string{"0x80090346", "0xc000035b"}}, // SEC_E_BAD_BINDINGS, STATUS_BAD_BINDINGS
	{ErrBlocked, []string{"0x80070791", "0xc0000418"}}, // ERROR_NTLM_BLOCKED as HRESULT, STATUS_NTLM_BLOCKED
}

// refusalKind tells what an answer 401 to a good proof means, as far as it can be
// told (MS-ERREF).
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
