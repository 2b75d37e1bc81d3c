package ews

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
)

// The versions of the schema that the phone uses, 2007 SP1 first. A server of 2007
// without SP1 does not know it, a mailbox of a later version may refuse it.
const (
	version2007SP1 = "Exchange2007_SP1"
	version2007    = "Exchange2007"
	version2010    = "Exchange2010"
)

// ask sends one operation and returns its response messages, of which there must be
// want. The caller checks the error of each message.
func (c *Client) ask(ctx context.Context, op string, body any, want int) ([]message, error) {
	var messages []message
	err := c.sendWithRetries(ctx, op, body, cmp.Or(c.Timeout, DefaultTimeout), func(r *http.Response) error {
		var found readMessages
		d := newDecoder(&bodyReader{in: r.Body, left: math.MaxInt64}, cmp.Or(c.MaxBody, DefaultMaxBody))
		if err := c.envelope(d, op, func(d *boundedxml.Decoder) error {
			return eachChild(d.Decoder, nsMessages, func(t xml.StartElement) error {
				if t.Name.Local != "ResponseMessages" {
					return d.Skip()
				}
				return d.DecodeElement(&found, &t)
			})
		}); err != nil {
			return err
		}
		messages = found.list
		if len(messages) > 0 {
			messages[0].replaced = d.Replaced()
		}
		if len(messages) != want {
			return malformed(op, "the answer has %d response messages where %d were asked for", len(messages), want)
		}
		for i := range messages {
			if e := messages[i].err(op); e != nil && (e.Action.retryable() || e.Action == ChangeVersion) {
				return e
			}
		}
		return nil
	})
	return messages, err
}

// envelope reads an answer and stores the version of the server. An error that is
// not the server's becomes the error of a malformed answer.
func (c *Client) envelope(d *boundedxml.Decoder, op string, into func(*boundedxml.Decoder) error) error {
	r := envelopeReader{d: d, op: op, into: into}
	err := r.read()
	if r.server != "" {
		c.mu.Lock()
		c.server = r.server
		c.mu.Unlock()
	}
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	if e := connectionError(op, err); e != nil {
		return e
	}
	if errors.Is(err, errTooLarge) {
		return &Error{Op: op, Action: TooLarge, Err: err}
	}
	return &Error{Op: op, Action: Report, Err: err}
}

// askOne is ask for an operation with one response message; the error of that
// message is the error.
func (c *Client) askOne(ctx context.Context, op string, body any) (*message, error) {
	messages, err := c.ask(ctx, op, body, 1)
	if err != nil {
		return nil, err
	}
	if e := messages[0].err(op); e != nil {
		return nil, c.itemError(e)
	}
	return &messages[0], nil
}

// sendWithRetries sends the request until it is answered or refused, or no wait is
// left (docs/protocol/exchange-errors.md#what-a-client-does-about-each-code and
// docs/protocol/exchange-errors.md#retry-times). read reads an answer that is
// SOAP.
func (c *Client) sendWithRetries(ctx context.Context, op string, body any, limit time.Duration,
	read func(*http.Response) error) error {
	u, err := c.endpoint()
	if err != nil {
		return err
	}
	stepped := false
	for p := c.newWaitBudget(); ; {
		if err := c.waitWhileBusy(ctx, p, op); err != nil {
			return err
		}
		request, err := envelope(c.schemaVersion(), body)
		if err != nil {
			return err
		}
		err = c.send(ctx, u, op, request, limit, read)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return c.canceled(ctx, op)
		}
		var e *Error
		if !errors.As(err, &e) {
			return err
		}
		e.url, e.request = c.URL, request
		if e.Action == ChangeVersion && !stepped && c.changeVersion(e.Code) {
			stepped = true
			continue
		}
		if !e.Action.retryable() || e.partWritten {
			return e.failure()
		}
		if err := c.waitAfter(ctx, p, e); err != nil {
			return err
		}
	}
}

// waitAfter waits before the request that ended with e is repeated. The error is
// e if too little time is left.
func (c *Client) waitAfter(ctx context.Context, p *waitBudget, e *Error) error {
	wait, ok := p.next(e)
	busy := e.Action == Wait || e.After > 0
	if busy {
		c.setBusy(cmp.Or(wait, busyWait))
	}
	if !ok {
		return e.failure()
	}
	s := journal.FailureOf(e.failure()).Step(journal.Exchange)
	s.State, s.Decided = journal.Warned, fmt.Sprintf("the phone asks again in %s", wait.Round(100*time.Millisecond))
	c.Record.Record(s)
	if busy {
		return nil // waitWhileBusy waits for a busy server
	}
	return c.sleep(ctx, wait, e.Op)
}

// itemError adds the URL to the error of one item.
func (c *Client) itemError(e *Error) error {
	e.url = c.URL
	return e.failure()
}

// canceled returns the failure for the end of the caller's context.
func (c *Client) canceled(ctx context.Context, op string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return c.itemError(&Error{Op: op, Action: Reconnect, Err: ctx.Err()})
	}
	return &journal.Failure{Code: journal.Timeout, Asked: op, What: "Exchange was not asked to the end",
		Because: "the time given ran out, or the request was cancelled", Fix: "ask again", Err: context.Cause(ctx)}
}

func (c *Client) schemaVersion() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.version, version2007SP1)
}

// changeVersion selects an older or newer version; false: there is none left to try.
func (c *Client) changeVersion(code ResponseCode) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	to := version2007
	if code == errorInvalidForMailbox {
		to = version2010
	}
	if c.version == to {
		return false
	}
	c.version = to
	return true
}

// send sends one request and reads its answer.
func (c *Client) send(ctx context.Context, u *url.URL, op string, request []byte, limit time.Duration,
	read func(*http.Response) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// it sets GetBody, by which a handshake sends the body again
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(request))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", `"`+nsMessages+"/"+op+`"`)
	if c.UserAgent != "" {
		r.Header.Set("User-Agent", c.UserAgent)
	}
	answer, err := c.Doer.Do(r)
	if err != nil {
		return doerError(op, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusInternalServerError && isXML(answer) {
		if !isXML(answer) {
			page, _ := io.ReadAll(io.LimitReader(answer.Body, maxPage))
			if text := string(page); ntlmhttp.HasForm(text) || ntlmhttp.IsLogonPage(text) {
				return &Error{Op: op, Status: answer.StatusCode, Action: Report, form: true}
			}
			return malformed(op, "the answer is %q, not XML", clean(answer.Header.Get("Content-Type")))
		}
		err := read(answer)
		var e *Error
		if errors.As(err, &e) && e.Status == 0 {
			e.Status = answer.StatusCode
		}
		if err == nil && answer.StatusCode != http.StatusOK {
			return &Error{Op: op, Status: answer.StatusCode, Action: Retry,
				Err: errors.New("an answer without a fault came with this status")}
		}
		return err
	}
	return c.httpError(op, answer)
}

// maxPage is how many bytes of an answer that is not SOAP are read.
const maxPage = 64 << 10

func isXML(r *http.Response) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && (kind == "text/xml" || kind == "application/xml" || kind == "application/soap+xml")
}

// httpError returns the error of an answer that is not SOAP, by its status
// (docs/protocol/exchange-errors.md#what-a-client-does-about-each-code, last rows).
func (c *Client) httpError(op string, r *http.Response) *Error {
	e := &Error{Op: op, Status: r.StatusCode, Action: actionOfStatus(r.StatusCode)}
	_, _ = io.CopyN(io.Discard, r.Body, maxPage) // a short page is read, so that the connection can be used again
	if r.StatusCode >= 300 && r.StatusCode < 400 {
		e.Location = clean(r.Header.Get("Location"))
		if strings.HasPrefix(strings.ToLower(e.Location), "/ews/genericerrorpage.htm") {
			e.Action = Retry
		}
	}
	if s := r.Header.Get("Retry-After"); s != "" && e.Action.retryable() {
		if n, err := strconv.ParseInt(s, 10, 32); err == nil && n > 0 {
			e.After = time.Duration(n) * time.Second
		} else if at, err := http.ParseTime(s); err == nil {
			e.After = max(at.Sub(c.clock().Now()), 0)
		}
	}
	return e
}

// doerError converts an error of the Doer. A *journal.Failure keeps its code: a
// refused password is never tried again; an untrusted certificate (R1.6), a missing
// channel binding or NTLM that the domain blocks hides Exchange.
func doerError(op string, err error) *Error {
	e := &Error{Op: op, Action: Report, Err: err}
	var f *journal.Failure
	if errors.As(err, &f) {
		switch f.Code {
		case journal.AuthPassword, journal.ADCredentials, journal.ADExpired:
			e.Action = Credentials
		case journal.Internal, journal.Usage, journal.Timeout:
			e.Action = Report
		default: // no trust, no common authentication, an account that is locked or disabled
			if e.Action = Hide; f.Code.Page().Retry {
				e.Action = Reconnect
			}
		}
		return e
	}
	if b := connectionError(op, err); b != nil {
		return b
	}
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		e.Action = Hide
	}
	return e
}

// connectionError returns the error of a connection that failed or broke. It is nil
// for any other error, also for TLS alerts and certificates, which are never tried
// again.
func connectionError(op string, err error) *Error {
	var (
		alert tls.AlertError
		conn  *net.OpError
		name  *net.DNSError
	)
	switch {
	case errors.As(err, &alert):
		return nil
	case errors.As(err, &conn), errors.As(err, &name),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, errCutShort), errors.Is(err, io.EOF):
		return &Error{Op: op, Action: Reconnect, Err: err}
	}
	return nil
}
