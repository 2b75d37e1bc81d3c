package ews

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// TestR9_2_RequestsAreThoseOfTheReference compares what is sent with the documents
// of docs/protocol/exchange-ews.md#exchange-web-services-of-exchange-2007-sp1,
// which were checked against the schema.
func TestR9_2_RequestsAreThoseOfTheReference(t *testing.T) {
	ctx := context.Background()
	id := ItemID{ID: "AAAWAFZNMQ==", ChangeKey: "CQAAABYAAAA="}
	rows := []struct {
		name string
		edit func(string) string // makes the reference's example what the phone asks
		call func(*Client)
	}{
		{"FindFolder", nil, func(c *Client) { _, _, _ = c.CallLog(ctx) }},
		{"GetFolder", nil, func(c *Client) { _, _ = c.UnreadVoiceMail(ctx) }},
		{"FindItem-contacts", func(s string) string {
			return strings.Replace(s, `FieldIndex="ImAddress1"/>`, `FieldIndex="ImAddress1"/>`+
				`<t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="BusinessPhone2"/><t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="OtherTelephone"/>`+
				`<t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="PrimaryPhone"/>`, 1)
		}, func(c *Client) { _, _, _ = c.Contacts(ctx) }},
		{"FindItem-voicemail", func(s string) string { // on the search folder, which needs no restriction
			from, to := strings.Index(s, "<m:Restriction>"), strings.Index(s, "</m:Restriction>")+len("</m:Restriction>")
			return strings.Replace(s[:from]+s[to:], `Id="inbox"`, `Id="voicemail"`, 1)
		}, func(c *Client) { _, _, _ = c.VoiceMails(ctx) }},
		{"GetAttachment", nil, func(c *Client) { _, _ = c.FetchAttachment(ctx, "AAAWAFZNMQEAAA==", io.Discard) }},
		{"UpdateItem", nil, func(c *Client) { _, _ = c.MarkRead(ctx, id, true) }},
		{"DeleteItem", nil, func(c *Client) { _ = c.Delete(ctx, id) }},
		{"ResolveNames", nil, func(c *Client) { _, _, _ = c.ResolveNames(ctx, " bob ") }},
		{"FindItem-calendar", func(s string) string {
			s = strings.Replace(s, `<t:FieldURI FieldURI="calendar:IsMeeting"/>`, `<t:FieldURI FieldURI="calendar:IsMeeting"/><t:FieldURI FieldURI="calendar:IsAllDayEvent"/>`, 1)
			return strings.Replace(s, `MaxEntriesReturned="100"`, `MaxEntriesReturned="1000"`, 1)
		}, func(c *Client) { _, _, _ = c.Today(ctx, nil) }},
		{"GetItem", func(s string) string { // the phone needs the recordings only
			s = strings.Replace(s, `<t:BodyType>Text</t:BodyType>`, ``, 1)
			s = strings.Replace(s, ` ChangeKey="CQAAABYAAAA="`, ``, 1)
			return strings.Replace(s, `<t:FieldURI FieldURI="item:Body"/><t:FieldURI FieldURI="message:From"/><t:FieldURI FieldURI="message:IsRead"/>`, ``, 1)
		}, func(c *Client) { _, _ = c.Recordings(ctx, id) }},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			d := &answers{}
			r.call(client(d))
			want := document(t, r.name)
			if r.edit != nil {
				edited := r.edit(want)
				if edited == want {
					t.Fatal("the edit found nothing")
				}
				want = edited
			}
			if len(d.requests) != 1 {
				t.Fatalf("%d requests", len(d.requests))
			}
			if got, want := canonical(t, d.requests[0]), canonical(t, want); got != want {
				t.Errorf("sent\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// canonical writes elements with their namespaces, one a line, without blanks
// between them and without declarations.
func canonical(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	d := xml.NewDecoder(strings.NewReader(s))
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			t.Fatalf("%v in %s", err, s)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			fmt.Fprintf(&b, "%s %s", tok.Name.Space[strings.LastIndexByte(tok.Name.Space, '/')+1:], tok.Name.Local)
			for _, a := range tok.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					fmt.Fprintf(&b, " %s=%q", a.Name.Local, a.Value)
				}
			}
			b.WriteByte('\n')
		case xml.EndElement:
			b.WriteString("/\n")
		case xml.CharData:
			if text := strings.TrimSpace(string(tok)); text != "" {
				fmt.Fprintf(&b, "%q\n", text)
			}
		}
	}
}

func TestRequestTextIsEscaped(t *testing.T) {
	d := &answers{}
	_, _, _ = client(d).ResolveNames(context.Background(), `a<b>&"c`+"\x01")
	if len(d.requests) != 1 || !strings.Contains(d.requests[0], "a&lt;b&gt;&amp;&#34;c\ufffd<") {
		t.Errorf("%q", d.requests)
	}
}

func TestOnlyHTTPSIsAsked(t *testing.T) {
	for _, url := range []string{"http://cas01.contoso.com/ews/exchange.asmx", "", "https:///x", "https://u:p@cas01.contoso.com/", "ftp://x", "%"} {
		d := &answers{}
		c := client(d)
		c.URL = url
		if _, err := c.UnreadVoiceMail(context.Background()); err == nil || d.count() != 0 {
			t.Errorf("%q was asked: %v", url, err)
		}
	}
}

func TestRefusedBeforeAsking(t *testing.T) {
	d := &answers{}
	c := client(d)
	now := spring
	for _, to := range []time.Time{now, now.Add(-time.Hour), now.AddDate(2, 0, 1)} {
		if _, _, err := c.Calendar(context.Background(), now, to); err == nil {
			t.Errorf("a view up to %v was asked", to)
		}
	}
	if _, _, err := c.ResolveNames(context.Background(), "  "); err == nil {
		t.Error("an empty name was asked")
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	over := errors.New("reset hole")
	cancel(over)
	if _, err := c.UnreadVoiceMail(ctx); !errors.Is(err, over) {
		t.Errorf("%v", err)
	}
	if d.count() != 0 {
		t.Errorf("%d requests", d.count())
	}
}
