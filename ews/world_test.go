package ews

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
)

var spring = time.Date(2008, 4, 1, 12, 0, 0, 0, time.UTC)

// answers is a Doer that gives one answer after the other and keeps the requests.
type answers struct {
	mu       sync.Mutex
	list     []answer
	requests []string
	each     func(n int, body string) answer // instead of list
}

type answer struct {
	status int    // 0: 200
	kind   string // content type; empty: text/xml
	header string // "Name: value"
	body   string
	err    error
}

func (a *answers) Do(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	n := len(a.requests)
	a.requests = append(a.requests, string(b))
	var one answer
	switch {
	case a.each != nil:
		one = a.each(n, string(b))
	case n < len(a.list):
		one = a.list[n]
	default:
		return nil, errors.New("the test has no more answers")
	}
	if one.err != nil {
		return nil, one.err
	}
	h := http.Header{"Content-Type": {"text/xml; charset=utf-8"}}
	if one.kind != "" {
		h.Set("Content-Type", one.kind)
	}
	if name, value, ok := strings.Cut(one.header, ": "); ok {
		h.Set(name, value)
	}
	return &http.Response{StatusCode: max(one.status, 0) + 200*b2i(one.status == 0), Header: h, Body: io.NopCloser(strings.NewReader(one.body)), Request: r}, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.requests)
}

// client asks d and never waits unless the test gives it patience.
func client(d Doer) *Client {
	return &Client{URL: "https://cas01.contoso.com/EWS/Exchange.asmx", Doer: d, Clock: clock.NewManual(spring), Patience: -1,
		Jitter: func() float64 { return 0.5 }, Mailbox: "alice@contoso.com"}
}

func document(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".xml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const soapHead = `<soap:Envelope xmlns:soap="` + nsSOAP + `"><soap:Header><t:ServerVersionInfo MajorVersion="8" MinorVersion="1" MajorBuildNumber="240" MinorBuildNumber="6" Version="Exchange2007_SP1" xmlns:t="` + nsTypes + `"/></soap:Header><soap:Body>`
const soapTail = `</soap:Body></soap:Envelope>`

// success wraps the inside of one response message, failure makes one of a code.
func success(op, inside string) string { return wrap(op, oneMessage(op, "Success", "NoError", inside)) }

func oneMessage(op, class, code, inside string) string {
	return fmt.Sprintf(`<m:%sResponseMessage ResponseClass="%s"><m:ResponseCode>%s</m:ResponseCode>%s</m:%[1]sResponseMessage>`, op, class, code, inside)
}

func wrap(op, messages string) string {
	return fmt.Sprintf(`%s<m:%sResponse xmlns:m="%s" xmlns:t="%s"><m:ResponseMessages>%s</m:ResponseMessages></m:%[2]sResponse>%[6]s`,
		soapHead, op, nsMessages, nsTypes, messages, soapTail)
}

func refusal(op, code string) string { return wrap(op, oneMessage(op, "Error", code, "")) }

func fault(code string, backOff int) string {
	return fmt.Sprintf(`<s:Envelope xmlns:s="%s"><s:Body><s:Fault><faultcode xmlns:a="%s">a:%s</faultcode><faultstring>no</faultstring><detail>`+
		`<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">%[3]s</e:ResponseCode>`+
		`<t:MessageXml xmlns:t="%[2]s"><t:Value Name="BackOffMilliseconds">%[4]d</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>`, nsSOAP, nsTypes, code, backOff)
}

// mailbox answers FindItem pages over a list that a test may change between pages.
type mailbox struct {
	mu      sync.Mutex
	ids     []string
	item    func(id string) string
	between func(m *mailbox, request int) // called before each answer but the first
	asked   int
}

func (m *mailbox) answer(n int, body string) answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asked++; m.asked > 1 && m.between != nil {
		m.between(m, m.asked)
	}
	var r struct {
		Page struct {
			Max    int `xml:"MaxEntriesReturned,attr"`
			Offset int `xml:"Offset,attr"`
		} `xml:"Body>FindItem>IndexedPageItemView"`
	}
	if err := xml.Unmarshal([]byte(body), &r); err != nil || r.Page.Max < 1 || r.Page.Offset < 0 {
		return answer{body: refusal("FindItem", "ErrorInvalidPagingMaxRows")}
	}
	from := min(r.Page.Offset, len(m.ids))
	to := min(from+r.Page.Max, len(m.ids))
	return answer{body: m.page(m.ids[from:to], to, to == len(m.ids))}
}

func (m *mailbox) page(ids []string, next int, last bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<m:RootFolder IndexedPagingOffset="%d" TotalItemsInView="%d" IncludesLastItemInRange="%v"><t:Items>`, next, len(m.ids), last)
	for _, id := range ids {
		b.WriteString(m.item(id))
	}
	b.WriteString(`</t:Items></m:RootFolder>`)
	return success("FindItem", b.String())
}

func contactXML(id string) string {
	return fmt.Sprintf(`<t:Contact><t:ItemId Id="%s" ChangeKey="EQAAABYAAAA="/><t:ItemClass>IPM.Contact</t:ItemClass><t:FileAs>Kelly, %[1]s</t:FileAs><t:DisplayName>%[1]s Kelly</t:DisplayName>`+
		`<t:GivenName>%[1]s</t:GivenName><t:CompanyName>Contoso</t:CompanyName><t:EmailAddresses><t:Entry Key="EmailAddress1">%[1]s@contoso.com</t:Entry></t:EmailAddresses>`+
		`<t:PhoneNumbers><t:Entry Key="BusinessPhone">+1 (425) 555-0100</t:Entry><t:Entry Key="MobilePhone">+1 425 555 0199</t:Entry></t:PhoneNumbers><t:Surname>Kelly</t:Surname></t:Contact>`, id)
}

func contactsMailbox(n int) *mailbox {
	m := &mailbox{item: contactXML}
	for i := range n {
		m.ids = append(m.ids, fmt.Sprintf("C%05d", i))
	}
	return m
}

func (m *mailbox) insert(id string) { m.ids = slices.Insert(m.ids, 0, id) }
func (m *mailbox) remove(at, n int) { m.ids = slices.Delete(m.ids, at, at+n) }

// want fails unless err has the action and holds a *journal.Failure with a remedy.
func want(t *testing.T, err error, action Action) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("no *Error: %v", err)
	}
	if e.Action != action {
		t.Fatalf("action %s, want %s: %v", e.Action, action, err)
	}
	var f *journal.Failure
	if !errors.As(err, &f) || f.Code == "" || f.Code == journal.Internal {
		t.Fatalf("no failure with a code in %v", err)
	}
	if errors.As(e.Err, &f) {
		return e // its cause's own
	}
	if f.What == "" || f.Fix == "" || f.By == "" || f.Asked == "" {
		t.Fatalf("the failure tells too little: %+v", f)
	}
	return e
}
