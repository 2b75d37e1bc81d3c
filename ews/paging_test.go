package ews

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
)

func TestR9_2_FiveThousandContacts(t *testing.T) {
	m := contactsMailbox(5000)
	c := client(&answers{each: m.answer})
	got, l, err := c.Contacts(ctx)
	if err != nil || len(got) != 5000 || l != (Listing{Total: 5000, Pages: 25}) || got[4999].ID.ID != "C04999" {
		t.Fatalf("%d %+v %v", len(got), l, err)
	}
	first, l, err := c.FirstContacts(ctx, 20)
	if err != nil || len(first) != 20 || !l.Truncated || l.Total != 5000 {
		t.Fatalf("%d %+v %v", len(first), l, err)
	}
}

func TestPagesThatShift(t *testing.T) {
	rows := []struct {
		name    string
		between func(m *mailbox, request int)
		passes  int
		shifted bool
	}{
		{"one arrives at the top", func(m *mailbox, n int) {
			if n == 2 {
				m.insert("new")
			}
		}, 2, false},
		{"one that was read goes, so that another slips by", func(m *mailbox, n int) {
			if n == 2 {
				m.remove(10, 1)
			}
		}, 2, false},
		{"one arrives and one goes", func(m *mailbox, n int) {
			if n == 2 {
				m.insert("new")
				m.remove(500, 1)
			}
		}, 2, false},
		{"all go", func(m *mailbox, n int) {
			if n == 2 {
				m.ids = nil
			}
		}, 2, false},
		{"it never settles", func(m *mailbox, n int) { m.insert(fmt.Sprint("new", n)) }, 3, true},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			m := contactsMailbox(600)
			m.between = r.between
			var last journal.Step
			c := client(&answers{each: m.answer})
			c.Record = func(s journal.Step) { last = s }
			got, l, err := c.Contacts(ctx)
			if err != nil || l.Shifted != r.shifted || (last.State == journal.Warned) != r.shifted {
				t.Fatalf("%+v %v %+v", l, err, last)
			}
			var ids []string
			for _, one := range got {
				ids = append(ids, one.ID.ID)
			}
			if !r.shifted && !slices.Equal(ids, m.ids) {
				t.Errorf("%d read, %d there", len(ids), len(m.ids))
			}
			slices.Sort(ids)
			if len(slices.Compact(ids)) != len(got) {
				t.Error("one came twice")
			}
		})
	}
}

func TestPagesThatNeverEnd(t *testing.T) {
	m := contactsMailbox(10)
	rows := map[string]func(n int) string{
		"the same page for ever":   func(int) string { return m.page(m.ids, 0, false) },
		"empty pages for ever":     func(int) string { return m.page(nil, 0, false) },
		"an offset that goes back": func(int) string { return m.page(m.ids, 3, false) },
	}
	for name, page := range rows {
		t.Run(name, func(t *testing.T) {
			d := &answers{each: func(n int, _ string) answer { return answer{body: page(n)} }}
			_, l, err := client(d).Contacts(ctx)
			if err != nil || !l.Shifted || d.count() > 2*maxPasses {
				t.Errorf("%+v %v after %d requests", l, err, d.count())
			}
		})
	}
	d := &answers{each: func(n int, _ string) answer {
		return answer{body: m.page([]string{fmt.Sprint("a", n), fmt.Sprint("b", n)}, 2*n+2, false)}
	}}
	c := client(d)
	c.MaxItems = 99
	var last journal.Step
	c.Record = func(s journal.Step) { last = s }
	got, l, err := c.Contacts(ctx)
	if err != nil || len(got) != 99 || !l.Truncated || d.count() != 50 || last.State != journal.Warned {
		t.Errorf("%d %+v %v after %d requests", len(got), l, err, d.count())
	}
}

func TestMoreThanAskedForIsRefused(t *testing.T) {
	m := contactsMailbox(pageContacts + 1)
	_, _, err := client(&answers{each: func(int, string) answer { return answer{body: m.page(m.ids, 201, true)} }}).Contacts(ctx)
	want(t, err, Report)
	m = contactsMailbox(maxListed + 1)
	_, _, err = client(&answers{each: func(int, string) answer { return answer{body: m.page(m.ids, 1001, true)} }}).Contacts(ctx)
	want(t, err, Report)
}

func TestDistributionListsAreLeftOut(t *testing.T) {
	m := contactsMailbox(2)
	m.item = func(id string) string {
		if id == "C00000" {
			return `<t:DistributionList><t:ItemId Id="l"/><t:ItemClass>IPM.DistList</t:ItemClass><t:DisplayName>All</t:DisplayName></t:DistributionList>`
		}
		return contactXML(id)
	}
	got, l, err := client(&answers{each: m.answer}).Contacts(ctx)
	if err != nil || len(got) != 1 || l.Total != 2 {
		t.Errorf("%v %+v %v", got, l, err)
	}
	names := map[string]Contact{"d": {DisplayName: "d", FileAs: "f"}, "g s": {GivenName: "g", Surname: "s"}, "f": {FileAs: "f", Email: "e"}, "c": {Company: "c"}, "e": {Email: "e"}, "": {}}
	for name, one := range names {
		if one.Name() != name {
			t.Errorf("%q is %q", name, one.Name())
		}
	}
}
