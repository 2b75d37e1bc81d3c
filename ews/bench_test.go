package ews

import (
	"strings"
	"testing"
)

// prepared answers pages of 5,000 contacts that were written before, so that
// the figure is the phone's own work and not the test server's.
func prepared(b *testing.B) Doer {
	m := contactsMailbox(5000)
	pages := map[string]answer{}
	return &answers{each: func(n int, body string) answer {
		at := strings.Index(body, "IndexedPageItemView")
		key := body[at : at+strings.IndexByte(body[at:], '>')]
		a, ok := pages[key]
		if !ok {
			a = m.answer(n, body)
			pages[key] = a
		}
		return a
	}}
}

func BenchmarkContactsFirstPage(b *testing.B) {
	c := client(prepared(b))
	if _, _, err := c.FirstContacts(ctx, pageContacts); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, _, err := c.FirstContacts(ctx, pageContacts); err != nil || len(got) != pageContacts {
			b.Fatal(len(got), err)
		}
	}
}

func BenchmarkContactsFullSync5000(b *testing.B) {
	c := client(prepared(b))
	if _, _, err := c.Contacts(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if got, _, err := c.Contacts(ctx); err != nil || len(got) != 5000 {
			b.Fatal(len(got), err)
		}
	}
}
