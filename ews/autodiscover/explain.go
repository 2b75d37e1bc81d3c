package autodiscover

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
)

// Explain converts the error of a Doer to a failure with a code: the verdict on a
// certificate (R1.6), a log-on that failed, a name that is not found. by is the
// server. It is for every request to Exchange.
func Explain(err error, asked, by string) *journal.Failure {
	f, _ := explain(err, asked, by)
	return f
}

func explain(err error, asked, by string) (*journal.Failure, int) {
	f := &journal.Failure{Asked: asked, By: by, Err: err}
	var verdict *certstore.VerdictError
	var inner *journal.Failure
	switch {
	case errors.As(err, &verdict):
		held := verdict.Verdict.Failure()
		f.Code, f.Because, f.Details = held.Code, held.Because, held.Details
		f.What = strings.TrimSuffix(held.What, ".") + ". The phone does not talk to " + by
		return f, rankCert
	case explainLogon(f, err):
		return f, rankAuth
	case errors.As(err, &inner):
		f.Code, f.What, f.Because, f.Fix, f.Details = inner.Code, inner.What, inner.Because, inner.Fix, inner.Details
	case errors.Is(err, syscall.ECONNREFUSED):
		f.Code = journal.ConnRefused
	case isTimeout(err):
		f.Code, f.What, f.Fix = journal.ExchangeUnreached, by+silent, silentFix
	case strings.Contains(err.Error(), "TLS with ") || strings.Contains(err.Error(), "tls: "):
		f.Code = journal.TLSFailed
	case errors.Is(err, ntlmhttp.ErrProtocol), errors.Is(err, ntlmhttp.ErrTooLarge):
		f.Code, f.What = journal.ExchangeMalformed, "The answer of "+by+" is no HTTP, or too large"
		return f, rankAnswer
	case errors.Is(err, io.ErrUnexpectedEOF):
		f.Code, f.What = journal.ExchangeMalformed, "The answer of "+by+" ends in the middle"
		return f, rankAnswer
	default:
		f.Code, f.What = journal.ConnFailed, "The connection with "+by+" failed"
	}
	return f, rankNet
}

// What to say of a server that takes a request and sends no answer.
const (
	silent    = " takes the connection and does not answer in time"
	silentFix = "Look at the load and the application pools of the server, and at the proxy before it. A slow " +
		"server needs more time: --timeout."
)

// explainLogon fills f if err is a log-on that failed.
func explainLogon(f *journal.Failure, err error) bool {
	var e *ntlmhttp.Error
	if !errors.As(err, &e) {
		return false
	}
	f.Because = "MS-NTHT 3.1"
	if len(e.Offered) > 0 {
		f.Details = append(f.Details, "offered: "+clean(strings.Join(e.Offered, ", ")))
	}
	switch {
	case errors.Is(err, ntlmhttp.ErrPassword):
		f.Code, f.Because = journal.AuthPassword, "a password is tried once"
		f.What = f.By + " refuses the user name or the password"
		f.Fix = "Check the password. If it is right, look in the server's security log for Extended Protection and for " +
			"blocked NTLM: the answer is the same."
		if d := clean(e.Domain); d != "" {
			f.Fix += fmt.Sprintf(` The server's domain is %s: try %s\user.`, d, d) // R1.5
		}
	case errors.Is(err, ntlmhttp.ErrBinding):
		f.Code, f.Because = journal.AuthBinding, "RFC 5929 4; MS-NLMP 3.2.5.1.2"
		f.What = "Extended Protection of " + f.By + " refuses the log-on: a proxy ends TLS with another certificate " +
			"than the server's. The password is not to blame"
		f.Fix = "Give the load balancer or proxy before the server the server's own certificate, or set Extended " +
			"Protection of the virtual directory to Allow with a proxy configuration, or to None."
	case errors.Is(err, ntlmhttp.ErrBlocked):
		f.Code, f.What = journal.AuthBlocked, f.By+" offers NTLM and does not take it. The password is not to blame"
		f.Fix = "Look at the policies Network security: Restrict NTLM of the server and the domain; add the server to the " +
			"exceptions, or enable the NTLM provider of the virtual directory beside Negotiate. The phone speaks no Kerberos."
	case errors.Is(err, ntlmhttp.ErrDenied):
		f.Code, f.What = journal.AuthDenied, f.By+" refuses a log-on with the password that the pool has just accepted. "+
			"The password is not to blame"
		f.Fix = "The server's event log tells which it is: Extended Protection (a proxy or load balancer ends TLS), NTLM " +
			"restricted for this server, or no right to log on to it."
	case errors.Is(err, ntlm.ErrWeak):
		f.Code = journal.AuthNoScheme
		f.What = f.By + " offers NTLM without extended session security; the password was not used"
	case errors.Is(err, ntlmhttp.ErrNoScheme):
		f.Code, f.What = journal.AuthNoScheme, f.By+" offers no log-on that the phone may use; the password was not used"
		f.Fix = "Enable Windows authentication (NTLM) on the virtual directory. Basic is used over TLS only, and only " +
			"when it is allowed."
	case errors.Is(err, ntlmhttp.ErrKeepAlive):
		f.Code, f.What = journal.AuthUnanswered, "The connection to "+f.By+" is closed after the NTLM challenge, which "+
			"NTLM cannot do without; the password was not used"
		f.Fix = "Let server and proxies keep connections open (HTTP keep-alive), or publish the service without a proxy " +
			"that breaks them."
	case errors.Is(err, ntlmhttp.ErrUnanswered) && isTimeout(err):
		f.Code, f.What, f.Fix = journal.ExchangeUnreached, f.By+silent, silentFix
	case errors.Is(err, ntlmhttp.ErrUnanswered):
		f.Code, f.What = journal.AuthUnanswered, f.By+" gave no answer to the proof of the password"
		f.Fix = "Look for a proxy that closes connections between the legs of NTLM. The password is tried again after the " +
			"next sign-in."
	case errors.Is(err, ntlmhttp.ErrPasswordUsed):
		f.Code, f.Because = journal.AuthPassword, "a password is tried once"
		f.What = "The password was refused before and is not tried again"
	default:
		f.Code, f.What = journal.ExchangeMalformed, "What "+f.By+" sends is no NTLM"
	}
	return true
}
