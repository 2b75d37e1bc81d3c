//go:build realpeers && linux

package exchange_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
	"github.com/ocphone/ocphone/ews"
)

// exchangelibContacts reads the first page and all contacts as often as told,
// over one connection, and answers the seconds that each took.
const exchangelibContacts = `
import time
from exchangelib import Account, Build, Configuration, Credentials, DELEGATE, NTLM, Version
account = Account(arg["email"], access_type=DELEGATE, config=Configuration(service_endpoint=arg["url"], auth_type=NTLM,
    credentials=Credentials(arg["login"], arg["password"]), version=Version(build=Build(8, 1, 240, 6))))
fields = ("display_name", "given_name", "surname", "company_name", "file_as", "email_addresses", "phone_numbers", "im_addresses")
def timed(n):
    before = time.perf_counter()
    got = len(list(account.contacts.all().only(*fields)[:n]))
    return time.perf_counter() - before, got
timed(200)
first = [timed(200) for _ in range(arg["times"])]
full = [timed(10000) for _ in range(arg["times"])]
print(json.dumps({"first": sum(t for t, _ in first) / len(first), "full": sum(t for t, _ in full) / len(full), "got": [first[0][1], full[0][1]]}))
`

// BenchmarkContactsBeside is the first page of 200 and the full sync of 5,000
// contacts, ours and exchangelib's, from the same server in the same run.
func BenchmarkContactsBeside(b *testing.B) {
	const all = 5000
	f := newForeign(b, nil)
	if err := f.AddContacts("tu", all-7); err != nil { // it has seven
		b.Fatal(err)
	}
	web := &ntlmhttp.Client{Dialer: loopback{f}, TLS: &tls.Config{RootCAs: f.root.Pool()}, Domain: "CONTOSO", User: "tu", Password: password}
	defer web.Close()
	client := &ews.Client{URL: "https://mail.contoso.com/EWS/Exchange.asmx", Doer: web}
	ours := func(read func() ([]ews.Contact, ews.Listing, error), want int) func(*testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				if got, _, err := read(); err != nil || len(got) != want {
					b.Fatal(len(got), err)
				}
			}
		}
	}
	b.Run("first/ocphone", ours(func() ([]ews.Contact, ews.Listing, error) { return client.FirstContacts(b.Context(), 200) }, 200))
	b.Run("full/ocphone", ours(func() ([]ews.Contact, ews.Listing, error) { return client.Contacts(b.Context()) }, all))
	var theirs struct {
		First, Full float64
		Got         []int
	}
	f.python(b, exchangelibContacts, map[string]any{"email": "tu@contoso.com", "url": client.URL, "login": `CONTOSO\tu`, "password": password, "times": 5}, &theirs)
	if len(theirs.Got) != 2 || theirs.Got[0] != 200 || theirs.Got[1] != all {
		b.Fatalf("exchangelib read %d contacts", theirs.Got)
	}
	report := func(seconds float64) func(*testing.B) {
		return func(b *testing.B) { b.ReportMetric(seconds*float64(time.Second), "ns/op") }
	}
	b.Run("first/exchangelib", report(theirs.First))
	b.Run("full/exchangelib", report(theirs.Full))
}

// loopback dials the server whatever is asked for.
type loopback struct{ f foreign }

func (l loopback) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, l.f.Addr())
}
