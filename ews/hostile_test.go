package ews

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
)

func manual() *clock.Adjustable { return clock.NewManual(spring) }

func TestBadXML(t *testing.T) {
	good := unread(1).body
	deep := strings.Repeat("<x>", 70)
	rows := []struct{ name, body, says string }{
		{"nothing", "", "It is empty."},
		{"text", "Bad Gateway", "no XML"},
		{"a DTD", `<!DOCTYPE x [<!ENTITY a "b">]>` + good, "document type"},
		{"a DTD inside", strings.Replace(good, "<soap:Body>", "<soap:Body><!DOCTYPE x>", 1), "document type"},
		{"an entity", strings.Replace(good, ">1<", ">&a;<", 1), "entity"},
		{"UTF-16 by its mark", "\xff\xfe<\x00", "UTF-16"},
		{"UTF-16 without a mark", "\x00<\x00?", "UTF-16"},
		{"UTF-16 by its declaration", `<?xml version="1.0" encoding="utf-16"?>` + good, "utf-16"},
		{"Latin 1", `<?xml version="1.0" encoding="iso-8859-1"?>` + good, "iso-8859-1"},
		{"no envelope", `<html/>`, "no SOAP envelope"},
		{"an envelope of another namespace", strings.Replace(good, nsSOAP, "urn:evil", 1), "no SOAP envelope"},
		{"an empty envelope", `<s:Envelope xmlns:s="` + nsSOAP + `"/>`, "no answer"},
		{"an empty body", soapHead + soapTail, "no answer"},
		{"two bodies", strings.Replace(good, soapTail, `</soap:Body><soap:Body/></soap:Envelope>`, 1), "two bodies"},
		{"two answers", strings.Replace(good, soapTail, `<x/>`+soapTail, 1), "more than one"},
		{"two documents", good + good, "second document"},
		{"text after it", good + "x", "text after"},
		{"half of it", good[:len(good)/2], "It ends inside a tag."},
		{"too deep", soapHead + deep, "GetFolderResponse"},
		{"too deep in the header", strings.Replace(good, "<soap:Header>", "<soap:Header>"+deep, 1), "deeper"},
		{"too many elements", strings.Replace(good, "<soap:Header>", "<soap:Header>"+strings.Repeat("<x/>", maxElements), 1), "more than"},
		{"another operation", success("GetItem", ""), "not <GetFolderResponse>"},
		{"no messages", wrap("GetFolder", ""), "0 response messages"},
		{"two messages", wrap("GetFolder", strings.Repeat(oneMessage("GetFolder", "Success", "NoError", ""), 2)), "2 response messages"},
		{"too many messages", wrap("GetFolder", strings.Repeat(oneMessage("GetFolder", "Success", "NoError", ""), maxListed+1)), "more than"},
		{"a class of its own", wrap("GetFolder", oneMessage("GetFolder", "Maybe", "NoError", "")), "unknown"},
		{"a success that failed", wrap("GetFolder", oneMessage("GetFolder", "Success", "ErrorX", "")), "a success says"},
		{"no folder", success("GetFolder", ""), "0 folders"},
		{"a folder of another namespace", strings.ReplaceAll(good, nsTypes, "urn:evil"), "0 folders"},
		{"a folder that counts nothing", unread(-1).body, "unread count"},
		{"an undeclared prefix", strings.Replace(good, ` xmlns:t="`+nsTypes+`"><m:ResponseMessages`, `><m:ResponseMessages`, 1), "0 folders"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			_, err := one(r.body).UnreadVoiceMail(ctx)
			want(t, err, Report)
			if !strings.Contains(err.Error(), r.says) {
				t.Errorf("says %v", err)
			}
		})
	}
}

// TestForbiddenCharactersCostNoList: other clients have lost whole lists for one
// character (exchangelib#1200, ews-managed-api#136, gromox#225).
func TestForbiddenCharactersCostNoList(t *testing.T) {
	for _, r := range []struct {
		odd, shown string
		replaced   int
	}{
		{"&#x11;", "\ufffd", 1},
		{"&#31;", "\ufffd", 1},
		{"\x0b", "\ufffd", 1},
		{"\ufffe", "\ufffd", 1},
		{"\xfc", "\ufffd", 1},
		{"&#xD83D;&#xDE00;", "\ufffd\ufffd", 2},
	} {
		odd := `<t:Items><t:Contact><t:ItemId Id="X"/><t:DisplayName>Ann` + r.odd + ` Miller</t:DisplayName><t:PhoneNumbers>` +
			`<t:Entry Key="BusinessPhone">+45 44` + r.odd + ` 11</t:Entry></t:PhoneNumbers></t:Contact>`
		c := one(strings.Replace(document(t, "FindItemResponse-contacts"), "<t:Items>", odd, 1))
		var step journal.Step
		c.Record = func(s journal.Step) { step = s }
		got, l, err := c.Contacts(ctx)
		if err != nil || len(got) != 2 || got[0].DisplayName != "Ann"+r.shown+" Miller" || got[0].Phones[0].Text != "+45 44"+r.shown+" 11" {
			t.Errorf("%q: %+v %v", r.odd, got, err)
		}
		if l.Replaced != 2*r.replaced || len(step.Details) != 1 || !strings.Contains(step.Details[0], "XML 1.0 forbids") {
			t.Errorf("%q: %+v %q", r.odd, l, step.Details)
		}
	}
}

func TestByteOrderMarkIsAccepted(t *testing.T) {
	if u, err := one("\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n" + unread(1).body + "\r\n<!-- end -->\n").UnreadVoiceMail(ctx); err != nil || u.Unread != 1 {
		t.Errorf("%v %v", u, err)
	}
}

func TestBodyIsBounded(t *testing.T) {
	e := &endless{head: strings.NewReader(soapHead + "<!--")}
	c := client(doerFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/xml"}}, Body: e}, nil
	}))
	c.MaxBody = 100_000
	_, err := c.UnreadVoiceMail(ctx)
	want(t, err, Report)
	if e.read > 1<<20 {
		t.Errorf("%d bytes were read", e.read)
	}
	e = &endless{head: strings.NewReader("<html>")}
	_, err = client(doerFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 503, Header: http.Header{"Content-Type": {"text/html"}}, Body: e}, nil
	})).UnreadVoiceMail(ctx)
	want(t, err, Reconnect)
	if e.read > 1<<20 {
		t.Errorf("%d bytes of an error page were read", e.read)
	}
}

// TestR9_2_OverHTTPS runs twenty pollers against a real HTTP server that
// closes the connection after each answer.
func TestR9_2_OverHTTPS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("SOAPAction") != `"`+nsMessages+`/GetFolder"` ||
			r.Header.Get("Content-Type") != "text/xml; charset=utf-8" || r.UserAgent() != "OCPhone" || !strings.Contains(string(b), `Id="voicemail"`) {
			http.Error(w, "unexpected", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, unread(1).body)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // the client without the root refuses the certificate
	s.StartTLS()
	defer s.Close()
	web := s.Client()
	web.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer web.CloseIdleConnections()
	c := client(web)
	c.URL, c.UserAgent = s.URL+"/EWS/Exchange.asmx", "OCPhone"
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if u, err := c.UnreadVoiceMail(ctx); err != nil || u.Unread != 1 {
				t.Errorf("%v %v", u, err)
			}
		})
	}
	wg.Wait()
	stranger := client(&http.Client{Transport: &http.Transport{}})
	stranger.URL = c.URL
	_, err := stranger.UnreadVoiceMail(ctx)
	want(t, err, Hide) // R1.6: the certificate of the server is not trusted
	var none Client
	if _, err := none.UnreadVoiceMail(ctx); err == nil || errors.As(err, new(*Error)) {
		t.Errorf("%v", err)
	}
}

// FuzzAnswer gives any document to the readers of every kind.
func FuzzAnswer(f *testing.F) {
	for _, name := range []string{"FindItemResponse-contacts", "FindItemResponse-voicemail", "GetAttachmentResponse", "GetFolderResponse", "GetItemResponse", "GetItemResponse-error", "UpdateItemResponse", "fault-busy"} {
		f.Add([]byte(document(f, name)))
	}
	f.Add([]byte(success("ResolveNames", "<m:ResolutionSet><t:Resolution><t:Contact/></t:Resolution></m:ResolutionSet>")))
	f.Add([]byte(success("FindItem", "<m:RootFolder><t:Items><t:CalendarItem/></t:Items></m:RootFolder>") + "&#x0B;&#"))
	f.Fuzz(func(t *testing.T, body []byte) {
		ask := func() *Client {
			return client(&answers{each: func(int, string) answer { return answer{body: string(body)} }})
		}
		contacts, l, err := ask().Contacts(ctx)
		if len(contacts) > DefaultMaxItems || l.Pages > 2*maxPasses || err == nil && l.Pages == 0 {
			t.Errorf("%d %+v %v", len(contacts), l, err)
		}
		_, _, _ = ask().VoiceMails(ctx)
		_, _, _ = ask().CallLog(ctx)
		events, _, _ := ask().Today(ctx, nil)
		for _, e := range events {
			if e.End.Before(e.Start) {
				t.Errorf("%+v", e)
			}
		}
		_, _ = ask().UnreadVoiceMail(ctx)
		_, _, _ = ask().ResolveNames(ctx, "x")
		_, _ = ask().Recordings(ctx, ItemID{ID: "x"})
		_, _ = ask().MarkRead(ctx, ItemID{ID: "x"}, true)
		_ = ask().Delete(ctx, ItemID{ID: "x"})
		n := int64(0)
		got, err := ask().FetchAttachment(ctx, "x", writerFunc(func(p []byte) (int, error) { n += int64(len(p)); return len(p), nil }))
		if n > int64(len(body)) || err == nil && got.Size != n {
			t.Errorf("%d bytes of sound from %d: %+v %v", n, len(body), got, err)
		}
	})
}
