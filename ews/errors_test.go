package ews

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
)

// TestR9_2_EveryRowOfTheTable injects each code as a SOAP fault and as a
// response message, and each HTTP status.
func TestR9_2_EveryRowOfTheTable(t *testing.T) {
	for _, r := range Rules() {
		code := strings.Replace(string(r.Code), "*", "Whatever", 1)
		t.Run(fmt.Sprint(code, r.Status), func(t *testing.T) {
			if r.Why == "" || r.Action == "" {
				t.Error("a row without reason or action")
			}
			var kinds []answer
			if code != "" {
				kinds = []answer{{status: 500, body: fault(code, 0)}, {body: fault(code, 0)}, {body: refusal("UpdateItem", code)}}
			} else {
				kinds = []answer{{status: r.Status, kind: "text/html", body: "<html>"}}
			}
			for _, a := range kinds {
				d := &answers{each: func(_ int, body string) answer {
					if strings.Contains(body, "<m:GetItem>") {
						return answer{body: success("GetItem", `<m:Items><t:Message><t:ItemId Id="a" ChangeKey="new"/></t:Message></m:Items>`)}
					}
					return a
				}}
				_, err := client(d).MarkRead(context.Background(), ItemID{ID: "a"}, true)
				e := want(t, err, r.Action)
				if string(e.Code) != code {
					t.Errorf("code %q", e.Code)
				}
				tries := map[Action]int{ChangeVersion: 2, Refetch: 3}
				if n := max(tries[r.Action], 1); d.count() != n {
					t.Errorf("%d requests, want %d", d.count(), n)
				}
			}
		})
	}
	if ActionOf("ErrorOfTomorrow") != Report || ActionOf("ErrorServerBusyX") != Report || ActionOf("") != Report {
		t.Error("an unknown code is not permanent")
	}
}

// waits lets a call run while the clock is advanced in steps, and returns at
// which times after the start it asked.
func waits(t *testing.T, patience time.Duration, list ...answer) (at []time.Duration, steps []journal.Step, err error) {
	t.Helper()
	cl := &jumping{Adjustable: clock.NewManual(spring)}
	d := &answers{}
	d.each = func(n int, _ string) answer {
		at = append(at, cl.Now().Sub(spring))
		return list[min(n, len(list)-1)]
	}
	c := client(d)
	c.Clock, c.Patience, c.Record = cl, patience, func(s journal.Step) { steps = append(steps, s) }
	_, err = c.UnreadVoiceMail(context.Background())
	return at, steps, err
}

// jumping is a clock that passes the time of every wait at once.
type jumping struct{ *clock.Adjustable }

func (j *jumping) AfterFunc(d time.Duration, f func()) clock.Timer {
	timer := j.Adjustable.AfterFunc(d, f)
	j.Advance(d)
	return timer
}

func unread(n int) answer {
	return answer{body: success("GetFolder", fmt.Sprintf(`<m:Folders><t:SearchFolder><t:FolderId Id="v"/><t:UnreadCount>%d</t:UnreadCount></t:SearchFolder></m:Folders>`, n))}
}

func TestBackOff(t *testing.T) {
	s := time.Second
	busy, transient := fault("ErrorServerBusy", 4500), refusal("GetFolder", "ErrorInternalServerTransientError")
	inner := wrap("GetFolder", `<m:GetFolderResponseMessage ResponseClass="Error"><m:ResponseCode>ErrorInternalServerError</m:ResponseCode><m:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value><t:Value Name="BackOffMilliseconds">2000</t:Value></m:MessageXml></m:GetFolderResponseMessage>`)
	rows := []struct {
		name     string
		patience time.Duration
		list     []answer
		at       []time.Duration
		action   Action // empty: it succeeds in the end
	}{
		{"busy with a time", 0, []answer{{status: 500, body: busy}, unread(1)}, []time.Duration{0, 4500 * time.Millisecond}, ""},
		{"busy without a time", 0, []answer{{status: 500, body: fault("ErrorServerBusy", -5)}, unread(1)}, []time.Duration{0, 60 * s}, ""},
		{"busy inside an internal error", 0, []answer{{body: inner}, unread(1)}, []time.Duration{0, 2 * s}, ""},
		{"busy longer than patience", 0, []answer{{status: 500, body: fault("ErrorServerBusy", 3_600_000)}}, []time.Duration{0}, Wait},
		{"busy for ever", 0, []answer{{status: 500, body: fault("ErrorServerBusy", 200_000)}}, []time.Duration{0, 200 * s, 400 * s, 600 * s}, Wait},
		{"transient, growing", 0, []answer{{body: transient}, {body: transient}, {body: transient}, unread(0)}, []time.Duration{0, 10 * s, 30 * s, 70 * s}, ""},
		{"transient for ever", 0, []answer{{body: transient}}, []time.Duration{0, 10 * s, 30 * s, 70 * s, 150 * s, 310 * s}, Retry},
		{"no patience", -1, []answer{{body: transient}}, []time.Duration{0}, Retry},
		{"503 with seconds", 0, []answer{{status: 503, kind: "text/html", header: "Retry-After: 7"}, unread(0)}, []time.Duration{0, 7 * s}, ""},
		{"429 with seconds", 0, []answer{{status: 429, header: "Retry-After: 7"}, unread(0)}, []time.Duration{0, 7 * s}, ""},
		{"429 without a time", 0, []answer{{status: 429}, unread(0)}, []time.Duration{0, 60 * s}, ""},
		{"429 longer than patience", 0, []answer{{status: 429, header: "Retry-After: 86400"}}, []time.Duration{0}, Wait},
		{"503 longer than patience", 0, []answer{{status: 503, header: "Retry-After: 86400"}}, []time.Duration{0}, Reconnect},
		{"503 with a date", 0, []answer{{status: 503, kind: "text/html", header: "Retry-After: Tue, 01 Apr 2008 12:00:20 GMT"}, unread(0)}, []time.Duration{0, 20 * s}, ""},
		{"503 with nonsense", 0, []answer{{status: 503, kind: "text/html", header: "Retry-After: soon"}, unread(0)}, []time.Duration{0, 10 * s}, ""},
		{"the connection fails", 0, []answer{{err: &url.Error{Op: "Post", Err: &net.OpError{Op: "dial", Err: errors.New("refused")}}}, unread(0)}, []time.Duration{0, 10 * s}, ""},
		{"the server closes", 0, []answer{{err: &url.Error{Op: "Post", Err: io.EOF}}, unread(0)}, []time.Duration{0, 10 * s}, ""},
		{"generic error page", 0, []answer{{status: 302, header: "Location: /ews/genericerrorpage.htm?aspxerrorpath=/x"}, unread(0)}, []time.Duration{0, 10 * s}, ""},
		{"a Client fault is never repeated", 0, []answer{{status: 500, body: fault("Client", 0)}}, []time.Duration{0}, OwnDefect},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			at, steps, err := waits(t, r.patience, r.list...)
			if fmt.Sprint(at) != fmt.Sprint(r.at) {
				t.Errorf("asked at %v, want %v", at, r.at)
			}
			if r.action == "" && err != nil {
				t.Error(err)
			}
			if r.action != "" {
				want(t, err, r.action)
			}
			if len(steps) != len(r.at)-1 {
				t.Errorf("%d steps for %d waits", len(steps), len(r.at)-1)
			}
		})
	}
}

func TestNoRequestGoesToABusyServer(t *testing.T) {
	cl := clock.NewManual(spring)
	d := &answers{list: []answer{{status: 500, body: fault("ErrorServerBusy", 30_000)}, unread(2)}}
	c := client(d)
	c.Clock = cl
	_, err := c.UnreadVoiceMail(context.Background())
	want(t, err, Wait)
	if until := c.BusyUntil(); !until.Equal(spring.Add(30 * time.Second)) {
		t.Errorf("busy until %v", until)
	}
	_, _, err = c.Contacts(context.Background())
	if e := want(t, err, Wait); e.After != 30*time.Second || d.count() != 1 {
		t.Errorf("%v after %d requests", err, d.count())
	}
	cl.Set(spring.AddDate(-1, 0, 0)) // a clock that is set right must not make it a year
	if !c.BusyUntil().IsZero() {
		t.Error("busy for a year")
	}
	cl.Set(spring.Add(30 * time.Second))
	if u, err := c.UnreadVoiceMail(context.Background()); err != nil || u.Unread != 2 {
		t.Errorf("%v %v", u, err)
	}
}

// TestRetryAfterStopsTheNextCallToo: RFC 6585 4 and RFC 9110 10.2.3, for ten minutes at most.
func TestRetryAfterStopsTheNextCallToo(t *testing.T) {
	for _, status := range []int{429, 503} {
		for after, busy := range map[string]time.Duration{"30": 30 * time.Second, "86400": DefaultPatience} {
			cl := clock.NewManual(spring)
			c := client(&answers{list: []answer{{status: status, header: "Retry-After: " + after}}})
			c.Clock = cl
			_, err := c.UnreadVoiceMail(context.Background())
			f := journal.FailureOf(err)
			if until := c.BusyUntil(); f.Code != journal.ExchangeBusy || !until.Equal(spring.Add(busy)) || !strings.Contains(fmt.Sprint(f.Details), "asks to wait") {
				t.Errorf("%d, %s s: %s %v, busy until %v", status, after, f.Code, f.Details, until)
			}
		}
	}
}

// TestSilentServerIsUnreachable: the request's own limit and the caller's both name it.
func TestSilentServerIsUnreachable(t *testing.T) {
	for _, whole := range []time.Duration{time.Millisecond, time.Hour} {
		c := client(nil)
		c.Doer, c.Timeout = silent{}, time.Hour+time.Millisecond-whole
		ctx, cancel := context.WithTimeout(t.Context(), whole)
		defer cancel()
		_, err := c.UnreadVoiceMail(ctx)
		want(t, err, Reconnect)
		if f := journal.FailureOf(err); f.Code != journal.ExchangeUnreached || !strings.Contains(f.What, "does not answer in time") || !strings.Contains(f.Fix, "application pools") {
			t.Errorf("%+v", f)
		}
	}
}

// silent takes requests and answers none.
type silent struct{}

func (silent) Do(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestNeverRepeated(t *testing.T) {
	forms := answer{status: 302, kind: "text/html", header: "Location: https://mail.contoso.com/owa/auth/logon.aspx"}
	refused := &journal.Failure{Code: journal.AuthPassword, What: "refused"}
	rows := []struct {
		name   string
		answer answer
		action Action
		code   journal.Code
	}{
		{"forms log-on", forms, Report, journal.ExchangeForms},
		{"Login Time-out", answer{status: 440, kind: "text/html"}, Report, journal.ExchangeForms},
		{"a log-on form", answer{kind: "text/html", body: `<html><form action="/owa/auth.owa"></form>`}, Report, journal.ExchangeForms},
		{"a form", answer{kind: "text/html", body: "<html><FORM></FORM>"}, Report, journal.ExchangeForms},
		{"401", answer{status: 401, kind: "text/html"}, Credentials, journal.AuthPassword},
		{"password expired", answer{body: refusal("GetFolder", "ErrorPasswordExpired")}, Credentials, journal.ADExpired},
		{"password refused by the handshake", answer{err: fmt.Errorf("post: %w", refused)}, Credentials, journal.AuthPassword},
		{"no common authentication", answer{err: &journal.Failure{Code: journal.AuthNoScheme}}, Hide, journal.AuthNoScheme},
		{"a locked account", answer{err: &journal.Failure{Code: journal.ADLocked}}, Hide, journal.ADLocked},
		{"a mistake of the caller", answer{err: &journal.Failure{Code: journal.Usage}}, Report, journal.Usage},
		{"R1.6", answer{err: &journal.Failure{Code: journal.CertSelfSigned}}, Hide, journal.CertSelfSigned},
		{"a certificate", answer{err: &url.Error{Op: "Post", Err: &tls.CertificateVerificationError{Err: errors.New("x509")}}}, Hide, journal.ExchangeDenied},
		{"a TLS alert", answer{err: &net.OpError{Op: "remote error", Err: tls.AlertError(40)}}, Report, journal.ExchangeMalformed},
		{"home page", answer{kind: "text/html", body: "<html>hello"}, Report, journal.ExchangeMalformed},
		{"no content type", answer{kind: ";", body: "x"}, Report, journal.ExchangeMalformed},
		{"too large for the server", answer{status: 413, kind: "text/html"}, TooLarge, journal.ExchangeRefused},
		{"teapot", answer{status: 418, kind: "text/html"}, Report, journal.ExchangeRefused},
		{"not the answer", answer{body: success("FindItem", "")}, Report, journal.ExchangeMalformed},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			d := &answers{each: func(int, string) answer { return r.answer }}
			c := client(d)
			c.Patience = time.Hour
			_, err := c.UnreadVoiceMail(context.Background())
			want(t, err, r.action)
			if f := journal.FailureOf(err); f.Code != r.code {
				t.Errorf("code %s, want %s", f.Code, r.code)
			}
			if d.count() != 1 {
				t.Errorf("%d requests", d.count())
			}
		})
	}
}

func TestFaultsOfEveryShape(t *testing.T) {
	soap := func(ns, inside string) string {
		return `<s:Envelope xmlns:s="` + ns + `"><s:Body><s:Fault>` + inside + `</s:Fault></s:Body></s:Envelope>`
	}
	rows := []struct {
		name, body string
		code       ResponseCode
		action     Action
	}{
		{"the reference's", document(t, "fault-busy"), ErrorServerBusy, Wait},
		{"faultcode only", soap(nsSOAP, `<faultcode>q:ErrorAccessDenied</faultcode>`), "ErrorAccessDenied", Hide},
		{"no prefix", soap(nsSOAP, `<faultcode> ErrorSchemaValidation </faultcode><faultstring>The request failed schema validation</faultstring>`), "ErrorSchemaValidation", OwnDefect},
		{"detail wins", soap(nsSOAP, `<faultcode>soap:Client</faultcode><detail><ResponseCode xmlns="http://schemas.microsoft.com/exchange/services/2006/errors">ErrorAccountDisabled</ResponseCode></detail>`), "ErrorAccountDisabled", Hide},
		{"server", soap(nsSOAP, `<faultcode>s:Server</faultcode>`), "Server", Retry},
		{"client", soap(nsSOAP, `<faultcode>s:Client</faultcode>`), "Client", OwnDefect},
		{"must understand", soap(nsSOAP, `<faultcode>s:MustUnderstand</faultcode>`), "MustUnderstand", Report},
		{"empty", soap(nsSOAP, ``), "", Report},
		{"SOAP 1.2", soap(nsSOAP12, `<s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>a:ErrorServerBusy</s:Value></s:Subcode></s:Code><s:Reason><s:Text>busy</s:Text></s:Reason>`), ErrorServerBusy, Wait},
		{"SOAP 1.2 sender", soap(nsSOAP12, `<s:Code><s:Value>s:Sender</s:Value></s:Code>`), "Sender", OwnDefect},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			for _, status := range []int{200, 500} {
				_, err := client(&answers{list: []answer{{status: status, body: r.body}}}).UnreadVoiceMail(context.Background())
				if e := want(t, err, r.action); e.Code != r.code || e.Status != status {
					t.Errorf("%q %d", e.Code, e.Status)
				}
			}
		})
	}
	e := want(t, faultOf(t, document(t, "fault-busy")), Wait)
	if e.After != 4500*time.Millisecond || e.Text != "The server is too busy for this request." {
		t.Errorf("%+v", e)
	}
}

func faultOf(t *testing.T, body string) error {
	t.Helper()
	_, err := client(&answers{list: []answer{{status: 500, body: body}}}).UnreadVoiceMail(context.Background())
	return err
}

func TestVersionIsSteppedOnce(t *testing.T) {
	for code, version := range map[string]string{"ErrorInvalidServerVersion": "Exchange2007", "ErrorInvalidSchemaVersionForMailboxVersion": "Exchange2010"} {
		d := &answers{list: []answer{{status: 500, body: fault(code, 0)}, unread(1), unread(1)}}
		c := client(d)
		for range 2 {
			if _, err := c.UnreadVoiceMail(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if d.count() != 3 || !strings.Contains(d.requests[0], `"Exchange2007_SP1"`) || !strings.Contains(d.requests[1], `"`+version+`"`) || !strings.Contains(d.requests[2], `"`+version+`"`) {
			t.Errorf("%s: %q", code, d.requests)
		}
	}
}

func TestOwnDefectHasTheRequest(t *testing.T) {
	f := journal.FailureOf(faultOf(t, fault("ErrorSchemaValidation", 0)))
	if len(f.Details) != 1 || !strings.Contains(f.Details[0], "m:GetFolder") {
		t.Errorf("%+v", f)
	}
}

func TestServersWordsAreCleaned(t *testing.T) {
	long := strings.Repeat("é", 500)
	_, err := client(&answers{list: []answer{{body: wrap("GetFolder", `<m:GetFolderResponseMessage ResponseClass="Error"><m:MessageText>a`+"\n\t"+`b&#x1b;[31m&#x202e;`+long+`</m:MessageText><m:ResponseCode>ErrorX</m:ResponseCode></m:GetFolderResponseMessage>`)}}}).UnreadVoiceMail(context.Background())
	e := want(t, err, Report)
	if !strings.HasPrefix(e.Text, "a b") || strings.ContainsAny(e.Text, "\n\x1b\u202e") || utf8.RuneCountInString(e.Text) > maxText+1 {
		t.Errorf("%q", e.Text)
	}
}
