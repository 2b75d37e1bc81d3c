package ews_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
	"github.com/ocphone/ocphone/ews"
	"github.com/ocphone/ocphone/ews/autodiscover"
)

// loopback dials the lab's Exchange whatever name is asked for.
type loopback struct{ https, http string }

func (l loopback) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	_, port, _ := net.SplitHostPort(address)
	if port == "80" {
		return new(net.Dialer).DialContext(ctx, network, l.http)
	}
	return new(net.Dialer).DialContext(ctx, network, l.https)
}

// TestR9_2MailboxOfTheLab goes the whole way: Autodiscover, then EWS, NTLM with
// the channel binding token, against the lab's Exchange.
func TestR9_2MailboxOfTheLab(t *testing.T) {
	server, dir, web, err := labExchange()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	defer web.Close()
	found, err := (&autodiscover.Client{HTTP: web, Clock: clock.System}).Discover(t.Context(), "tu@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	client := &ews.Client{URL: found.EWS(false), Doer: doer{web}, Mailbox: "tu@contoso.com", Clock: clock.System}

	contacts, _, err := client.Contacts(t.Context())
	if err != nil || len(contacts) == 0 {
		t.Errorf("%d contacts, %v", len(contacts), err)
	}
	mails, _, err := client.VoiceMails(t.Context())
	if err != nil || len(mails) == 0 {
		t.Fatalf("%d voice mails, %v", len(mails), err)
	}
	recordings, err := client.Recordings(t.Context(), mails[0].ID)
	if err != nil || len(recordings) == 0 {
		t.Fatalf("%d recordings, %v", len(recordings), err)
	}
	var wav bytes.Buffer
	if got, err := client.FetchAttachment(t.Context(), recordings[0].ID, &wav); err != nil || int64(wav.Len()) != got.Size || wav.Len() == 0 {
		t.Errorf("%d octets of a recording, %+v, %v", wav.Len(), got, err)
	}
	before, err := client.UnreadVoiceMail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mails {
		if !m.Read {
			if _, err := client.MarkRead(t.Context(), m.ID, true); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	if after, err := client.UnreadVoiceMail(t.Context()); err != nil || after.Unread != before.Unread-1 {
		t.Errorf("%+v unread, was %+v, %v", after, before, err)
	}
	if events, _, err := client.Today(t.Context(), time.UTC); err != nil {
		t.Errorf("%d events, %v", len(events), err)
	}
	if calls, _, err := client.MissedCalls(t.Context()); err != nil {
		t.Errorf("%d missed calls, %v", len(calls), err)
	}
	if n := server.Counters().BindingRefused; n != 0 {
		t.Errorf("%d log-ons without the channel binding token", n)
	}

	wrong := &ntlmhttp.Client{Dialer: web.Dialer, TLS: web.TLS, User: "tu", Domain: "CONTOSO", Password: "wrong"}
	defer wrong.Close()
	refused := &ews.Client{URL: client.URL, Doer: doer{wrong}, Mailbox: "tu@contoso.com", Clock: clock.System}
	for range 2 { // the second time no request is sent
		if _, err := refused.UnreadVoiceMail(t.Context()); journal.FailureOf(err).Code != journal.AuthPassword {
			t.Errorf("a wrong password: %v", err)
		}
	}
	if u, _ := dir.User("tu"); u.BadLogons != 1 {
		t.Errorf("a wrong password cost %d bad log-ons", u.BadLogons)
	}
}

// doer explains a log-on that failed to ews, as a phone does.
type doer struct{ c *ntlmhttp.Client }

func (d doer) Do(r *http.Request) (*http.Response, error) {
	res, err := d.c.Do(r)
	if err != nil {
		err = autodiscover.Explain(err, r.Method+" "+r.URL.String(), r.URL.Host)
	}
	return res, err
}
