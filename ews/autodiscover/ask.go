package autodiscover

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
)

// query is one request with its answer and decision. recordDecision or fail records
// its step, once.
type query struct {
	answer
	s         *search
	hop       Hop
	answered  string
	errorCode int // of Autodiscover, 0: none
	details   []string
	failure   *candidateFailure
}

// The codes of MS-OXDSCLI (docs/protocol/exchange-autodiscover.md#error-answers).
const (
	errorNoAddress      = 500
	errorNoOptions      = 501
	errorInvalidRequest = 600
	errorNoProvider     = 601
	errorConfiguration  = 602
	errorInternal       = 603
)

// ask sends one request and reads the answer. The step of a failure is recorded.
func (s *search) ask(ctx context.Context, method, at, address string) *query {
	q := &query{s: s, hop: Hop{Method: method, URL: at}}
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if s.withoutBasic {
		ctx = ntlmhttp.WithoutBasic(ctx)
	}
	var body io.Reader
	if method == http.MethodPost {
		b, err := writeRequest(address)
		if err != nil {
			q.failWith(rankError, &journal.Failure{Code: journal.Internal, Err: err})
			return q
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		q.fail(rankAnswer, journal.ExchangeMalformed, "the URL cannot be used")
		return q
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := s.HTTP.Do(req)
	if err == nil {
		defer resp.Body.Close()
		err = q.read(resp)
	}
	if err != nil {
		f, rank := explain(err, method+" "+at, req.URL.Host)
		q.failWith(rank, f)
		// A password that must not be used again ends the search (docs/decisions.md#do-no-harm); other
		// clients go on (docs/protocol/exchange-autodiscover.md#http-status-of-autodiscover).
		q.failure.stop = errors.Is(err, ntlmhttp.ErrPasswordUsed) || whole.Err() != nil
		if errors.Is(whole.Err(), context.Canceled) {
			f.Code, f.What = journal.Timeout, "The time given ran out while "+req.URL.Host+" was asked"
		}
	}
	return q
}

// read reads an answer. The error is one of the connection; any other failure is
// recorded.
func (q *query) read(resp *http.Response) error {
	q.answered = fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media != "" {
		q.answered += " " + clean(media)
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		q.details = append(q.details, certificate(resp.TLS.PeerCertificates[0]))
	}
	plain := strings.HasPrefix(q.hop.URL, "http://")
	switch status := resp.StatusCode; {
	case status == 301 || status == 302 || status == 303 || status == 307 || status == 308:
		q.redirectURL = cleanURL(resp.Header.Get("Location"))
		q.answered += ", Location: " + orNone(journal.Excerpt(resp.Header.Get("Location")))
		if q.redirectURL == "" {
			q.fail(rankAnswer, journal.ExchangeHTTP, "the redirect names no place")
		}
		return nil
	case plain:
		q.fail(rankAnswer, journal.ExchangeNone, "passed over: over http only a redirect to https counts")
		return nil
	case status == http.StatusUnauthorized:
		q.fail(rankAuth, journal.AuthPassword, "passed over: the log-on was refused")
		return nil
	case status != http.StatusOK:
		q.fail(rankAnswer, journal.ExchangeHTTP, fmt.Sprintf("passed over: status %d is no answer of Autodiscover", status))
		return nil
	case strings.Contains(media, "html"):
		page, _ := io.ReadAll(io.LimitReader(resp.Body, maxPage))
		if text := string(page); ntlmhttp.IsLogonPage(text) || ntlmhttp.HasForm(text) && !q.s.isBareDomain(q.hop.URL) {
			q.failForm("answers with a log-on form")
			return nil
		}
		q.fail(rankAnswer, journal.ExchangeNone, "passed over: this is a web page, not Autodiscover")
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("the answer ends before its end: %w", err)
	}
	if q.answer, err = parse(body); err != nil {
		q.fail(rankAnswer, journal.ExchangeMalformed, "passed over: "+clean(err.Error()))
		return nil
	}
	if q.code != 0 {
		q.explainErrorCode()
	}
	return nil
}

// explainErrorCode records an error code of Autodiscover. The next candidate is
// asked all the same: it may know the user.
func (q *query) explainErrorCode() {
	q.errorCode = q.code
	q.answered += strings.TrimRight(fmt.Sprintf(", error %d %s", q.code, q.message), " ")
	if q.errorCode == errorInvalidRequest && q.hop.Method == http.MethodGet {
		return // the expected answer to a GET (R9.3); Probe decides
	}
	code, what := journal.ExchangeError, ""
	fix := "The event log of the Client Access server has more; look for the time of the request and the phone's address."
	switch q.code {
	case errorNoAddress:
		code, what = journal.ExchangeMailbox, "Exchange knows no mailbox with this e-mail address"
		fix = "Compare the user's primary e-mail address in Active Directory with that of the mailbox (Get-Mailbox)."
	case errorNoOptions:
		code, what = journal.ExchangeMailbox, "Exchange knows the e-mail address, but has no settings for it"
		fix = "Check that the user has a mailbox of his own on this Exchange organization."
	case errorInvalidRequest:
		what = "Exchange calls the request invalid"
	case errorNoProvider:
		what = "Exchange has no provider for the settings that the phone asks for"
		fix = "Check the Autodiscover virtual directory (Test-OutlookWebServices), or the product that answers in its place."
	case errorConfiguration:
		what = "Exchange has settings for the e-mail address, but they are wrong"
	case errorInternal:
		what = "Exchange failed inside while it answered"
	default:
		what = "Exchange answers with an unknown error " + strconv.Itoa(q.code)
	}
	q.fail(rankError, code, what)
	q.failure.Fix = fix
}

// maxPage is how many bytes of a web page are read.
const maxPage = 64 << 10

// isBareDomain reports whether at is at the bare e-mail domain, where a web site
// with forms of its own is usual.
func (s *search) isBareDomain(at string) bool {
	return slices.ContainsFunc(s.addresses, func(a string) bool { return domainOf(a) == hostOf(at) })
}

// failForm records that a server asks for the log-on by a form; how ends with the
// form.
func (q *query) failForm(how string) {
	q.fail(rankForm, journal.ExchangeForms, fmt.Sprintf("%s %s, which a phone cannot fill in",
		hostOf(q.hop.URL), how))
	q.failure.Fix = "Publish /autodiscover/* and /ews/* with NTLM or Basic authentication, and switch " +
		"pre-authentication by a form off for both, on the Client Access server and on the proxy before it."
}

func (q *query) fail(rank int, code journal.Code, what string) {
	q.failWith(rank, &journal.Failure{Code: code, What: what})
}

// failWith records a failure.
func (q *query) failWith(rank int, f *journal.Failure) {
	f.Asked, f.By = q.hop.Method+" "+q.hop.URL, hostOf(q.hop.URL)
	f.Answered = q.answered
	if f.Because == "" {
		f.Because = "R9.1"
	}
	f.Details = append(q.details, f.Details...)
	q.failure = &candidateFailure{Failure: f, rank: rank}
	step := f.Step(journal.Autodiscover)
	if step.State = journal.Skipped; rank >= rankRedirect {
		step.State = journal.Warned
	}
	q.hop.Answered, q.hop.Decided, q.hop.Code = step.Answered, step.Decided, f.Code
	q.s.addHop(q.hop, step)
}

// recordDecision records an answer that is used.
func (q *query) recordDecision(state journal.State, what string) {
	q.hop.Answered, q.hop.Decided = q.answered, what
	q.s.addHop(q.hop, journal.Step{Name: journal.Autodiscover, State: state, Asked: q.hop.Method + " " + q.hop.URL,
		By: hostOf(q.hop.URL), Answered: q.answered, Decided: what, Because: "R9.1", Details: q.details})
}

func (s *search) addHop(h Hop, step journal.Step) {
	s.via = append(s.via, h)
	s.Record.Record(step)
}

func hostOf(u string) string {
	_, rest, _ := strings.Cut(u, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// certificate describes a certificate as an administrator sees it in a browser (R9.3).
func certificate(c *x509.Certificate) string {
	self := "not self-signed"
	if bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate,
		c.Signature) == nil {
		self = "self-signed"
	}
	return fmt.Sprintf("certificate of %s, %s, issued by %s, valid %s to %s, names %s",
		clean(certstore.DistinguishedName(c.RawSubject)), self, clean(certstore.DistinguishedName(c.RawIssuer)),
		c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly), clean(strings.Join(c.DNSNames, " ")))
}

// isTimeout reports whether err is a time-out.
func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout()
}
