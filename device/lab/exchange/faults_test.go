package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/ntlm"
)

func TestFaultsInSOAP(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(w.transport())
	post := func() (*http.Response, string) {
		return w.do(c, "POST", ewsURL, "tu", password, soapHead+getItem(`<t:ItemId Id="AAAA"/><t:ItemId Id="AAAA"/>`)+soapTail)
	}
	for _, f := range []struct {
		name   string
		faults exchange.Faults
		status int
		want   []string
	}{
		{"busy with back-off", exchange.Faults{Busy: true, BackOff: 4500 * time.Millisecond}, 500, []string{">a:ErrorServerBusy<", ">ErrorServerBusy</e:ResponseCode>", `<t:Value Name="BackOffMilliseconds">4500</t:Value>`}},
		{"busy", exchange.Faults{Busy: true}, 500, []string{">ErrorServerBusy</e:ResponseCode>", "</e:Message></detail>"}},
		{"busy inside", exchange.Faults{InnerBusy: true}, 200, []string{`<m:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value></m:MessageXml><m:Items/>`}},
		{"code for an operation", exchange.Faults{Codes: map[string]string{"GetItem": "ErrorMailboxStoreUnavailable"}}, 200, []string{"<m:ResponseCode>ErrorMailboxStoreUnavailable</m:ResponseCode>"}},
		{"code for another", exchange.Faults{Codes: map[string]string{"FindItem": "ErrorX"}}, 200, []string{"ErrorInvalidIdMalformed"}},
		{"SOAP fault for all", exchange.Faults{SOAPFault: map[string]string{"*": "ErrorPasswordExpired"}}, 500, []string{">ErrorPasswordExpired</e:ResponseCode>"}},
		{"HTML", exchange.Faults{Status: 503, RetryAfter: 7}, 503, []string{"<html>"}},
		{"forms log-on", exchange.Faults{Status: 302, Location: "/owa/auth/logon.aspx"}, 302, nil},
		{"raw", exchange.Faults{Raw: []byte("<x>")}, 200, []string{"<x>"}},
		{"no version", exchange.Faults{NoServerVersion: true}, 200, []string{"<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>"}},
		{"401 for ever", exchange.Faults{Refuse401: true}, 401, nil},
	} {
		w.SetFaults(f.faults)
		resp, text := post()
		if resp.StatusCode != f.status || f.faults.RetryAfter != 0 && resp.Header.Get("Retry-After") != "7" || resp.Header.Get("Location") != f.faults.Location {
			t.Errorf("%s: %s %v", f.name, resp.Status, resp.Header)
		}
		for _, want := range f.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in %s", f.name, want, text)
			}
		}
	}
	w.SetFaults(exchange.Faults{Codes: map[string]string{"*": "ErrorADUnavailable"}})
	if n := len(w.ask(getItem(`<t:ItemId Id="AAAA"/><t:ItemId Id="AAAA"/>`)).all("ResponseCode")); n != 2 {
		t.Errorf("%d response messages for two items", n)
	}
	if u, _ := w.dir.User("tu"); u.BadLogons != 0 {
		t.Errorf("%d bad log-ons", u.BadLogons)
	}
}

func TestFaultsOnTheConnection(t *testing.T) {
	w := newWorld(t, nil)
	tr := w.transport()
	c := w.client(tr)
	body := soapHead + getFolder("inbox") + soapTail
	w.SetFaults(exchange.Faults{CloseAfter: true})
	for range 2 {
		if resp, _ := w.do(c, "POST", ewsURL, "tu", password, body); !resp.Close || resp.StatusCode != 200 {
			t.Errorf("%s, close %t", resp.Status, resp.Close)
		}
	}
	if n := w.Counters().Connections; n != 2 {
		t.Errorf("%d connections", n)
	}
	w.SetFaults(exchange.Faults{Truncate: 300})
	if _, text, err := w.try(c, "POST", ewsURL, "tu", password, body); err == nil || len(text) != 300 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	w.SetFaults(exchange.Faults{CloseBetweenLegs: true})
	one := w.transport()
	one.MaxConnsPerHost = 1
	if resp, err := handshake(w, w.client(one), "NTLM", &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: password, Flags: ntlm.FlagsHTTP}); err != nil || resp.StatusCode != 401 {
		t.Errorf("closed between the legs: %v, %v", resp, err)
	}
	if u, _ := w.dir.User("tu"); u.BadLogons != 0 {
		t.Errorf("%d bad log-ons", u.BadLogons)
	}
	w.SetFaults(exchange.Faults{Delay: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "POST", ewsURL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("tu", password)
	r.Header.Set("Content-Type", "text/xml")
	done := make(chan error)
	go func() { _, err := c.Do(r); done <- err }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	w.SetFaults(exchange.Faults{Hold: func(_ context.Context, op string) {
		if op == "GetFolder" {
			w.DropAll()
		}
	}})
	if _, _, err := w.try(c, "POST", ewsURL, "tu", password, body); err == nil {
		t.Error("the connection was not cut")
	}
}

func TestFaultsInContent(t *testing.T) {
	w := newWorld(t, nil)
	a := w.ask(getItem(`<t:ItemId Id="` + w.ask(find("voicemail", "", "")).first("ItemId").attr("Id") + `"/>`)).first("AttachmentId").attr("Id")
	attachment := `<m:GetAttachment><m:AttachmentIds><t:AttachmentId Id="` + a + `"/></m:AttachmentIds></m:GetAttachment>`
	w.SetFaults(exchange.Faults{CorruptBase64: true})
	if got := w.ask(attachment).first("Content").Text; !strings.Contains(got, "***") {
		t.Errorf("content %.40q", got)
	}
	w.SetFaults(exchange.Faults{HugeAttachment: 3 << 20})
	if got := len(w.ask(attachment).first("Content").Text); got != 4<<20 {
		t.Errorf("%d bytes of content", got)
	}
	page := func(offset string) *tree {
		return w.ask(find("inbox", "", `<m:IndexedPageItemView MaxEntriesReturned="2" Offset="`+offset+`" BasePoint="Beginning"/>`+
			`<m:SortOrder><t:FieldOrder Order="Descending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder>`))
	}
	w.SetFaults(exchange.Faults{ShiftingPages: true})
	first, second := page("0").all("ItemId"), page("2").all("ItemId")
	if first[1].attr("Id") != second[0].attr("Id") {
		t.Error("the second page did not shift")
	}
	w.SetFaults(exchange.Faults{EndlessPages: true})
	if got := page("100"); got.first("RootFolder").attr("IncludesLastItemInRange") != "false" {
		t.Error("the last page came")
	}
	w.SetFaults(exchange.Faults{EmptyPages: true})
	if got := page("0"); got.first("ItemId") != nil || got.first("RootFolder").attr("IncludesLastItemInRange") != "false" {
		t.Error("the page is not empty")
	}
}

func TestBadRequestsAreFaults(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(w.transport())
	good := soapHead + getFolder("inbox") + soapTail
	for name, b := range map[string]struct{ body, code string }{
		"nothing":           {"", "ErrorSchemaValidation"},
		"no XML":            {"hello", "ErrorSchemaValidation"},
		"half":              {good[:len(good)-9], "ErrorSchemaValidation"},
		"DTD":               {"<!DOCTYPE x [<!ENTITY a 'b'>]>" + good, "ErrorSchemaValidation"},
		"two roots":         {good + good, "ErrorSchemaValidation"},
		"text behind":       {good + "x", "ErrorSchemaValidation"},
		"too deep":          {strings.Repeat("<a>", 70) + strings.Repeat("</a>", 70), "ErrorSchemaValidation"},
		"too many elements": {"<a>" + strings.Repeat("<a/>", 20001) + "</a>", "ErrorSchemaValidation"},
		"empty body":        {soapHead + soapTail, "ErrorSchemaValidation"},
		"other namespace":   {strings.ReplaceAll(good, "services/2006/messages", "evil"), "ErrorSchemaValidation"},
		"unknown operation": {soapHead + `<m:GetServerTimeZones/>` + soapTail, "ErrorSchemaValidation"},
		"not in the lab":    {soapHead + `<m:SendItem/>` + soapTail, "ErrorInvalidOperation"},
		"wrong order":       {soapHead + `<m:GetFolder><m:FolderIds/><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape></m:GetFolder>` + soapTail, "ErrorSchemaValidation"},
		"missing child":     {soapHead + `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape></m:GetItem>` + soapTail, "ErrorSchemaValidation"},
		"later version":     {strings.Replace(good, "Exchange2007_SP1", "Exchange2010", 1), "ErrorInvalidServerVersion"},
		"must understand":   {strings.Replace(good, "<t:TimeZoneContext>", `<t:TimeZoneContext soap:mustUnderstand="1">`, 1), "ErrorInvalidRequest"},
		"empty restriction": {soapHead + find("inbox", "", "<m:Restriction/>") + soapTail, "ErrorSchemaValidation"},
		"impersonation":     {strings.Replace(good, "<t:TimeZoneContext>", `<t:ExchangeImpersonation><t:ConnectingSID><t:PrincipalName>kerry@contoso.com</t:PrincipalName></t:ConnectingSID></t:ExchangeImpersonation><t:TimeZoneContext>`, 1), "ErrorImpersonateUserDenied"},
		"security context":  {strings.Replace(good, "<t:TimeZoneContext>", `<t:SerializedSecurityContext/><t:TimeZoneContext>`, 1), "ErrorTokenSerializationDenied"},
		"header behind":     {strings.Replace(good, "</soap:Envelope>", `<soap:Header/></soap:Envelope>`, 1), "ErrorSchemaValidation"},
	} {
		resp, text := w.do(c, "POST", ewsURL, "tu", password, b.body)
		root := parseTree(t, text)
		if resp.StatusCode != 500 || root.first("Fault") == nil || !strings.HasSuffix(root.first("faultcode").Text, ":"+b.code) {
			t.Errorf("%s: %s %s", name, resp.Status, text)
		}
		if b.code == "ErrorSchemaValidation" && root.first("LineNumber") == nil {
			t.Errorf("%s: no LineNumber: %s", name, text)
		}
	}
	if resp, _ := w.do(c, "POST", ewsURL, "tu", password, strings.Repeat("x", 1<<20+1)); resp.StatusCode != 413 {
		t.Errorf("too large: %s", resp.Status)
	}
	if resp, _ := w.do(c, "DELETE", ewsURL, "tu", password, ""); resp.StatusCode != 405 {
		t.Errorf("DELETE: %s", resp.Status)
	}
	for _, url := range []string{ewsURL, "https://cas01.contoso.com/UnifiedMessaging/Service.asmx"} {
		r, err := http.NewRequest("POST", url, strings.NewReader(good))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "text/plain")
		r.SetBasicAuth("tu", password)
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != 415 {
			t.Errorf("%s as text/plain: %s", url, resp.Status)
		}
	}
	if n := w.Counters().Operations["unknown"]; n == 0 {
		t.Error("unknown operations are not counted")
	}
}

func TestMuLawIsG711(t *testing.T) { // ITU-T G.711 table 2a
	for sample, want := range map[int]byte{0: 0xff, 32767: 0x80, -32768: 0x00, 8: 0xfe, -8: 0x7e, 1000: 0xce} {
		if got := exchange.MuLaw(sample); got != want {
			t.Errorf("%d: %#x, want %#x", sample, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, op := range []string{inboxView, getFolder("inbox"), getItem(`<t:ItemId Id="AAAA"/>`), find("contacts", "", `<m:Restriction><t:Not><t:Exists/></t:Not></m:Restriction>`)} {
		f.Add([]byte(soapHead + op + soapTail))
	}
	f.Add([]byte("<!DOCTYPE x>"))
	f.Add([]byte("\xef\xbb\xbf<a xmlns='b:c'/>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if exchange.Decode(b) == nil && !bytes.Contains(b, []byte("Envelope")) {
			t.Error("that was no envelope")
		}
	})
}

// FuzzOperation runs what the decoder lets through, as one body inside an
// envelope.
func FuzzOperation(f *testing.F) {
	for _, op := range []string{inboxView, getFolder("inbox"), getItem(`<t:ItemId Id="AAAWSQAAAAAAAAABdHU="/>`),
		`<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message><t:Subject>x</t:Subject></t:Message></m:Items></m:CreateItem>`,
		`<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"><m:ItemChanges><t:ItemChange><t:ItemId Id="AAAWSQAAAAAAAAABdHU="/><t:Updates><t:DeleteItemField><t:FieldURI FieldURI="item:Subject"/></t:DeleteItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`,
		`<m:Subscribe><m:PullSubscriptionRequest><t:FolderIds/><t:EventTypes/><t:Timeout>1</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>`} {
		f.Add([]byte(op))
	}
	for _, op := range validRequests {
		f.Add([]byte(op))
	}
	f.Fuzz(func(t *testing.T, op []byte) {
		s := exchange.NewForFuzz()
		answer := s.Run([]byte(soapHead + string(op) + soapTail))
		if answer != "" {
			parseTree(t, answer)
		}
	})
}
