package lab_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"

	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
)

const autodiscover = "/autodiscover/autodiscover.xml"

// get asks as tu by Basic; the answer is the status, the body, or the error.
func get(t *testing.T, at lab.Attachment, url string) (int, string, error) {
	t.Helper()
	client := at.HTTPClient()
	defer client.CloseIdleConnections()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.URL.Scheme == "https" {
		r.SetBasicAuth(`CONTOSO\tu`, lab.DefaultPassword)
	}
	res, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header.Get("Location") + string(b), err
}

// TestR9_1ExchangeIsFoundByARecordsAtBothPlaces is what an administrator checks
// by hand too (R9.3): 600 Invalid Request, and a lot of XML.
func TestR9_1ExchangeIsFoundByARecordsAtBothPlaces(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	for _, row := range []struct {
		at     lab.Attachment
		url    string
		status int // 0: not reached
		want   string
	}{
		{l.Inside(), "https://contoso.com" + autodiscover, 200, "<ErrorCode>600</ErrorCode><Message>Invalid Request</Message>"},
		{l.Inside(), "https://autodiscover.contoso.com" + autodiscover, 200, "600"},
		{l.Inside(), "http://autodiscover.contoso.com" + autodiscover, 302, "https://cas01.contoso.com/"},
		{l.Inside(), "https://cas01.contoso.com/ews/exchange.asmx", 200, "portType"},
		{l.Inside(), "https://mail.contoso.com/ews/exchange.asmx", 200, "portType"},
		{l.Outside(), "https://contoso.com" + autodiscover, 0, "no such host"},
		{l.Outside(), "https://autodiscover.contoso.com" + autodiscover, 200, "600"},
		{l.Outside(), "http://autodiscover.contoso.com" + autodiscover, 302, "https://"},
		{l.Outside(), "https://cas01.contoso.com/ews/exchange.asmx", 0, "no such host"},
		{l.Outside(), "https://mail.contoso.com/ews/exchange.asmx", 200, "portType"},
	} {
		status, text, err := get(t, row.at, row.url)
		if err != nil {
			text = err.Error()
		}
		if status != row.status || !strings.Contains(text, row.want) {
			t.Errorf("%s, %s: %d %.200s; want %d with %s", row.at.Place.Name, row.url, status, text, row.status, row.want)
		}
	}
}

// TestR1_6SelfSignedExchange: what setup made by itself in 2007.
func TestR1_6SelfSignedExchange(t *testing.T) {
	d := lab.ContosoToday()
	d.Exchange.Defect = pki.SelfSigned
	l := newLab(t, d)
	url := "https://autodiscover.contoso.com" + autodiscover
	if _, _, err := get(t, l.Inside(), url); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("self-signed: %v", err)
	}
	for _, server := range []string{"exchange", "mail.contoso.com"} {
		if err := l.SetDefect(server, ""); err != nil {
			t.Fatal(err)
		}
		if status, _, err := get(t, l.Inside(), url); status != 200 {
			t.Errorf("a good one: %d, %v", status, err)
		}
	}
}

// TestCertificateOfExchangeIsAsOldAsTheOthers, though it is made when it is
// first asked for.
func TestCertificateOfExchangeIsAsOldAsTheOthers(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	l.Clock.Advance(3 * 365 * 24 * time.Hour)
	if _, _, err := get(t, l.Inside(), "https://mail.contoso.com/"); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("three years later: %v", err)
	}
}

// TestChannelBindingIsRequiredToday, and in 2007 on request: a foreign client
// that does not bind NTLM to its TLS connection is refused, which is no wrong
// password.
func TestChannelBindingIsRequiredToday(t *testing.T) {
	bound := lab.Contoso()
	bound.Exchange.ChannelBinding = true
	for name, row := range map[string]struct {
		d    lab.Deployment
		want bool
	}{
		"2007":        {lab.Contoso(), false},
		"2007, bound": {bound, true},
		"today":       {lab.ContosoToday(), true},
	} {
		if l := newLab(t, row.d); l.Exchange.RequireChannelBinding != row.want {
			t.Errorf("%s: required %v", name, l.Exchange.RequireChannelBinding)
		}
	}
	l := newLab(t, lab.ContosoToday())
	client := l.Outside().HTTPClient()
	defer client.CloseIdleConnections()
	client.Transport = ntlmssp.Negotiator{RoundTripper: client.Transport}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://mail.contoso.com/ews/exchange.asmx", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(`CONTOSO\tu`, lab.DefaultPassword)
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if n := l.Exchange.Counters(); res.StatusCode != http.StatusUnauthorized || n.BadLogons != 0 || n.BindingRefused == 0 {
		t.Errorf("%s, %+v", res.Status, n)
	}
}

func TestMoreContactsAndDeploymentWithoutExchange(t *testing.T) {
	d := lab.ContosoToday()
	d.Exchange.Contacts = 100
	l := newLab(t, d)
	if status, text := find(t, l, "contacts"); status != 200 || strings.Count(text, "<t:Contact>") < 100 {
		t.Errorf("contacts: %.300s", text)
	}
	d = lab.ContosoToday()
	d.Exchange.Off = true
	l = newLab(t, d)
	if l.Exchange != nil {
		t.Error("there is an Exchange")
	}
	if _, _, err := get(t, l.Inside(), "https://autodiscover.contoso.com/"); err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("autodiscover: %v", err)
	}
	for what, err := range map[string]error{
		"certificate": l.SetDefect("exchange", pki.Expired),
		"voice mail":  l.Deliver("tu", lab.DeliverVoiceMail, lab.Delivery{}),
	} {
		if err == nil || !strings.Contains(err.Error(), "no Exchange") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// find lists a folder of tu's.
func find(t *testing.T, l *lab.Lab, folder string) (status int, text string) {
	t.Helper()
	client := l.Inside().HTTPClient()
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://cas01.contoso.com/ews/exchange.asmx", strings.NewReader(
		`<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><soap:Body>`+
			`<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="`+folder+`"/></m:ParentFolderIds></m:FindItem></soap:Body></soap:Envelope>`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml")
	r.SetBasicAuth("tu", lab.DefaultPassword)
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestDeliveriesReachTheMailbox(t *testing.T) {
	l := newLab(t, lab.ContosoToday())
	before, err := l.Exchange.Unread("tu")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		user, kind string
		d          lab.Delivery
		want       string // in the error; "": delivered
	}{
		{"tu", lab.DeliverVoiceMail, lab.Delivery{Number: "+14255550100", Name: "Bob Kelly", Seconds: 5}, ""},
		{"tu", lab.DeliverVoiceMail, lab.Delivery{Count: 2, WMA: true}, ""},
		{"tu", lab.DeliverMissedCall, lab.Delivery{}, ""},
		{"tu", lab.DeliverContacts, lab.Delivery{Count: 10}, ""},
		{"tu", "flowers", lab.Delivery{}, "voicemail, missed, contacts"},
		{"tu", lab.DeliverVoiceMail, lab.Delivery{Seconds: 100000}, "seconds are 0 to 600"},
		{"tu", lab.DeliverMissedCall, lab.Delivery{Count: 100000}, "count is 1 to 1000"},
		{"kerry", lab.DeliverVoiceMail, lab.Delivery{}, "EUM"}, // R5.1
		{"nobody", lab.DeliverMissedCall, lab.Delivery{}, `no user "nobody"`},
	} {
		err := l.Deliver(row.user, row.kind, row.d)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s %s %+v: %v, want %q", row.user, row.kind, row.d, err, row.want)
		}
	}
	if n, _ := l.Exchange.Unread("tu"); n != before+3 {
		t.Errorf("%d unread voice mails, want %d", n, before+3)
	}
}
