package exchange_test

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	password = "Lab-Pa55word"
	ewsURL   = "https://cas01.contoso.com/ews/exchange.asmx"
	soapHead = `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><soap:Header><t:RequestServerVersion Version="Exchange2007_SP1"/><t:TimeZoneContext><t:TimeZoneDefinition Id="UTC"/></t:TimeZoneContext></soap:Header><soap:Body>`
	soapTail = `</soap:Body></soap:Envelope>`
)

// spring is the time of the tests.
var spring = time.Date(2008, 4, 1, 10, 0, 0, 0, time.UTC)

// world is a server with its directory and what a client needs.
type world struct {
	*exchange.Server
	t     testing.TB
	dir   *directory.Directory
	clock *clock.Adjustable
	root  *pki.Authority
}

func newWorld(t testing.TB, change func(*exchange.Server)) *world {
	t.Helper()
	root, err := pki.NewRoot("Contoso Root CA", pki.Options{Algorithm: pki.ECDSAP256SHA256})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := root.Issue(pki.Leaf{Names: []string{"cas01.contoso.com", "mail.contoso.com", "contoso.com", "autodiscover.contoso.com", "127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: directory.New("contoso.com", "CONTOSO"), clock: clock.NewManual(spring), root: root}
	for _, u := range []directory.User{
		{SAM: "tu", Password: password, DisplayName: "Test User", SIP: "tu@contoso.com", Mail: "tu@contoso.com", EUM: "tu@contoso.com;phone-context=Hellerup.contoso.com", LineURI: "tel:+4544890101;ext=200"},
		{SAM: "kerry", Password: password, DisplayName: "Kerry Miller", Mail: "kerry@contoso.com"},
		{SAM: "nomail", Password: password},
		{SAM: "locked", Password: password, Mail: "locked@contoso.com", Locked: true},
	} {
		if err := w.dir.AddUser(u); err != nil {
			t.Fatal(err)
		}
	}
	w.Server = exchange.New(w.dir)
	w.Certificate, w.Clock = cert, w.clock
	if change != nil {
		change(w.Server)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// transport connects to the server for every name of the deployment.
func (w *world) transport() *http.Transport {
	tr := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: w.root.Pool(), Time: time.Now},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			to := w.Addr()
			if strings.HasSuffix(addr, ":80") {
				to = w.RedirectAddr()
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		},
	}
	w.t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func (w *world) client(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, Timeout: 2 * time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// do makes one request; user "" sends no credentials.
func (w *world) do(c *http.Client, method, url, user, pass, body string) (*http.Response, string) {
	w.t.Helper()
	resp, text, err := w.try(c, method, url, user, pass, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, text
}

func (w *world) try(c *http.Client, method, url, user, pass, body string) (*http.Response, string, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	if user != "" {
		r.SetBasicAuth(user, pass)
	}
	resp, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

// ask sends an operation of tu and returns the Body's child.
func (w *world) ask(op string) *tree { return w.askAs("tu", op) }

func (w *world) askAs(user, op string) *tree {
	w.t.Helper()
	_, text := w.do(w.client(w.transport()), "POST", ewsURL, `CONTOSO\`+user, password, soapHead+op+soapTail)
	root := parseTree(w.t, text)
	body := root.first("Body")
	if body == nil || len(body.Kids) != 1 {
		w.t.Fatalf("no SOAP: %.300s", text)
	}
	return body.Kids[0]
}

// tree is an element of an answer, as encoding/xml reads it.
type tree struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Kids    []*tree    `xml:",any"`
}

func parseTree(t testing.TB, text string) *tree {
	t.Helper()
	root := new(tree)
	if err := xml.Unmarshal([]byte(text), root); err != nil {
		t.Fatalf("%v: %.300s", err, text)
	}
	return root
}

// all finds every element of that local name.
func (n *tree) all(name string) (found []*tree) {
	for _, k := range n.Kids {
		if k.XMLName.Local == name {
			found = append(found, k)
		}
		found = append(found, k.all(name)...)
	}
	return found
}

func (n *tree) first(name string) *tree {
	if l := n.all(name); len(l) > 0 {
		return l[0]
	}
	return nil
}

// texts are the texts of all elements of that name.
func (n *tree) texts(name string) (l []string) {
	for _, e := range n.all(name) {
		l = append(l, e.Text)
	}
	return l
}

func (n *tree) attr(name string) string {
	if n != nil {
		for _, a := range n.Attrs {
			if a.Name.Local == name {
				return a.Value
			}
		}
	}
	return ""
}

func wantCode(t *testing.T, n *tree, codes ...string) {
	t.Helper()
	if got := n.texts("ResponseCode"); !slices.Equal(got, codes) {
		t.Errorf("response codes %q, want %q: %q", got, codes, append(n.texts("MessageText"), n.texts("Message")...))
	}
}

const inboxView = `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:ItemClass"/><t:FieldURI FieldURI="item:Subject"/><t:FieldURI FieldURI="item:DateTimeReceived"/><t:FieldURI FieldURI="item:HasAttachments"/><t:FieldURI FieldURI="message:From"/><t:FieldURI FieldURI="message:IsRead"/><t:ExtendedFieldURI PropertyTag="0x6801" PropertyType="Integer"/><t:ExtendedFieldURI PropertyTag="26626" PropertyType="String"/></t:AdditionalProperties></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned="50" Offset="0" BasePoint="Beginning"/><m:Restriction><t:Or><t:Contains ContainmentMode="Prefixed" ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI="item:ItemClass"/><t:Constant Value="ipm.note.Microsoft.Voicemail"/></t:Contains><t:IsEqualTo><t:FieldURI FieldURI="item:ItemClass"/><t:FieldURIOrConstant><t:Constant Value="IPM.Note.Microsoft.Missed.Voice"/></t:FieldURIOrConstant></t:IsEqualTo></t:Or></m:Restriction><m:SortOrder><t:FieldOrder Order="Descending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>`

// find is a FindItem of one folder with that shape and what comes after it.
func find(folder, properties, rest string) string {
	return `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>` + properties +
		`<t:FieldURI FieldURI="item:ItemClass"/></t:AdditionalProperties></m:ItemShape>` + rest +
		`<m:ParentFolderIds><t:DistinguishedFolderId Id="` + folder + `"/></m:ParentFolderIds></m:FindItem>`
}

func getFolder(folder string) string {
	return `<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="` + folder +
		`"><t:Mailbox><t:EmailAddress>tu@contoso.com</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></m:FolderIds></m:GetFolder>`
}

func getItem(ids string) string {
	return `<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:BodyType>Text</t:BodyType><t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x6805" PropertyType="String"/></t:AdditionalProperties></m:ItemShape><m:ItemIds>` + ids + `</m:ItemIds></m:GetItem>`
}
