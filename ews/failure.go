package ews

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// Error is the error of one request or of one item of it.
type Error struct {
	Op       string        // the operation, such as "FindItem"
	Code     ResponseCode  // of the server; empty: the answer has none
	Status   int           // HTTP status; 0: no answer came
	Text     string        // the server's own words, cut and cleaned
	Action   Action        // what to do about it
	After    time.Duration // how long the server asked to wait; 0: unknown
	Location string        // where a redirect led
	Err      error         // the cause; it may hold a *journal.Failure, which then names the code

	url         string // the URL
	request     []byte // what was sent, for OwnDefect
	partWritten bool   // part of the answer was written: never repeat
	form        bool   // the answer is a web page with a form
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Code != "" {
		fmt.Fprintf(&b, ": %s", e.Code)
	}
	if e.Status != 0 && e.Status != 200 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Text != "" {
		fmt.Fprintf(&b, " (%s)", e.Text)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// failure wraps e so that it holds a *journal.Failure, its own or its cause's.
func (e *Error) failure() error {
	var f *journal.Failure
	if errors.As(e.Err, &f) {
		return e
	}
	code, what, fix := e.explain()
	f = &journal.Failure{Code: code, Asked: e.Op + " at " + e.url, Answered: e.answered(), What: what,
		Because: e.because(), Fix: fix, Err: e}
	if u, err := url.Parse(e.url); err == nil {
		f.By = u.Host
	}
	if e.Action == OwnDefect && len(e.request) > 0 {
		f.Details = []string{"the request: " + string(e.request)}
	}
	if e.After > 0 {
		f.Details = append(f.Details, "the server asks to wait "+e.After.String())
	}
	return f
}

func (e *Error) answered() string {
	switch {
	case e.Code != "":
		return string(e.Code)
	case e.Status != 0 && e.Location != "":
		return fmt.Sprintf("HTTP %d to %s", e.Status, e.Location)
	case e.Status != 0:
		return fmt.Sprintf("HTTP %d", e.Status)
	}
	return ""
}

func (e *Error) because() string {
	for _, r := range rules {
		byCode := r.Code != "" && r.Code == e.Code
		byStatus := r.Code == "" && e.Code == "" && r.Status == e.Status
		if e.Action == r.Action && (byCode || byStatus) {
			return r.Why
		}
	}
	return "R9.2"
}

// explain returns the code, what happened and what to change.
func (e *Error) explain() (code journal.Code, what, fix string) {
	switch e.Action {
	case Wait, Retry, Reduce:
		return journal.ExchangeBusy, "Exchange is busy or failing for the moment, so the phone shows what it has",
			"nothing, unless it lasts: then look at the Client Access server's load and event log"
	case Reconnect:
		if errors.Is(e.Err, context.DeadlineExceeded) {
			return journal.ExchangeUnreached, "the Exchange server takes the request and does not answer in time",
				"look at the load and the application pools of the Client Access server, and at the proxy before it; " +
					"a slow server needs more time: --timeout"
		}
		if e.Status == 0 && e.Code == "" {
			return journal.ExchangeUnreached, "the Exchange server was not reached",
				"check that the host of the URL resolves and listens on its port: curl -I " + e.url
		}
		if e.Status == 200 && e.Code == "" {
			return journal.ExchangeUnreached, "the connection to Exchange ended in the middle of an answer",
				"look for a proxy or load balancer that cuts connections; the phone tries again"
		}
		return journal.ExchangeBusy, "the Exchange server cannot reach the mailbox for the moment",
			"nothing while a mailbox is moved; else look at the Client Access and mailbox servers"
	case Rediscover:
		return journal.ExchangeMoved, "this URL does not lead to the user's mailbox",
			"check the URLs and publishing rules: Get-WebServicesVirtualDirectory | fl *Url, and that /ews/exchange.asmx " +
				"answers there"
	case Hide:
		return journal.ExchangeDenied,
			"Exchange lets this account use no mailbox, so the phone hides what would come from it",
			"check that the account has a mailbox, is enabled and not locked: Get-Mailbox, Get-CASMailbox"
	case Credentials:
		if e.Code != "" {
			return journal.ADExpired, "the password has expired or must be changed",
				"change the password at a computer of the domain, then sign in again"
		}
		return journal.AuthPassword, "Exchange refused user or password; it is not asked again with them",
			"sign in again as DOMAIN\\user; check that the virtual directory EWS offers NTLM or, over TLS, Basic"
	case Gone:
		return journal.ExchangeGone, "the item or folder is not there any more", "nothing: the phone lists again"
	case Refetch:
		return journal.ExchangeRefused, "somebody else changed the item at the same time", "try again"
	case TooLarge:
		return journal.ExchangeRefused, "the item or the request is beyond a size limit", "look at it with Outlook"
	case ChangeVersion:
		return journal.ExchangeRefused, "the server takes none of the versions that the phone speaks",
			"use Exchange 2007 SP1 or later"
	case OwnDefect:
		return journal.ExchangeRefused, "the server says that the phone's request is not in order",
			"report it, with the request in the details"
	}
	if e.Location != "" || e.form || e.Status == statusLoginTimeout && e.Code == "" {
		return journal.ExchangeForms, "a proxy in front of Exchange wants a log-on by a form, which the phone cannot fill in",
			"publish /ews/* with NTLM or Basic authentication and switch pre-authentication by a form off for it"
	}
	if e.Code == "" && e.Err != nil && (e.Status == 0 || e.Status == 200) {
		return journal.ExchangeMalformed, "the answer of Exchange is not one that the phone can read",
			"check what the URL answers: curl --ntlm -u user " + e.url
	}
	return journal.ExchangeRefused, "Exchange refused the request",
		"see the server's words; Get-EventLog Application on the Client Access server"
}

// malformed returns the error of an answer that breaks a rule of SOAP, the schema or
// a limit.
func malformed(op, format string, args ...any) *Error {
	return &Error{Op: op, Action: Report, Err: fmt.Errorf(format, args...)}
}

// maxText limits a text of the server, in characters.
const maxText = 300

// clean makes a text of the server one printable line.
func clean(s string) string { return journal.Printable(strings.Join(strings.Fields(s), " "), maxText) }

// errorIn returns the Error in err, the zero one if there is none.
func errorIn(err error) Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return *e
	}
	return Error{}
}

// faultError turns a SOAP fault into an Error
// (docs/protocol/exchange-errors.md#shapes-of-an-error, shape 2). The prefix of
// faultcode is the server's choice: only the local part counts.
func faultError(op string, f *readFault) *Error {
	code := cmp.Or(strings.TrimSpace(f.Detail.Code), strings.TrimSpace(f.Detail12.Code), localName(f.Subcode12),
		localName(f.Code), localName(f.Code12))
	e := &Error{Op: op, Code: ResponseCode(clean(code)),
		Text: clean(cmp.Or(f.Detail.Message, f.Detail12.Message, f.String, f.Reason12))}
	switch {
	case strings.HasPrefix(code, "Error"):
		e.setAction(append(f.Detail.XML.Values, f.Detail12.XML.Values...))
	case code == "Server" || code == "Receiver":
		e.Action = Retry
	case code == "Client" || code == "Sender":
		e.Action = OwnDefect
	default:
		e.Action = Report
	}
	return e
}

func localName(qname string) string {
	qname = strings.TrimSpace(qname)
	return qname[strings.LastIndexByte(qname, ':')+1:]
}
