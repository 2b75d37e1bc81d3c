package roaming_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// TestDocumentsThatCannotBeRead: a clear failure for each reader, and nothing of the document.
func TestDocumentsThatCannotBeRead(t *testing.T) {
	held := apply(t, roaming.Self{}, file(t, "self.xml"))
	list := contacts(t, roaming.ContactList{}, file(t, "contacts.xml"))
	readers := map[string]func([]byte) (same bool, err error){
		"roamingData": func(b []byte) (bool, error) { s, err := held.Apply(b); return reflect.DeepEqual(s, held), err },
		"contactList": func(b []byte) (bool, error) { l, err := list.Apply(b); return reflect.DeepEqual(l, list), err },
		"roamingList": func(b []byte) (bool, error) { l, err := roaming.ParseSelfRequest(b); return l == nil, err },
	}
	for name, row := range map[string]struct{ body, says string }{
		"nothing":          {"", "It is empty."},
		"white space":      {" \r\n\t ", "It is empty."},
		"no XML":           {"v=0\r\n", "It is no XML."},
		"another document": {"<html>Sign in</html>", "Its root element is <html>"},
		"half":             {"<ROOT><a>", "It ends inside the element <a>. See line 1, column "},
		"crossed":          {"<ROOT><a></ROOT></a>", "It is not well-formed XML: element <a> is closed by"},
		"DTD":              {`<!DOCTYPE ROOT [<!ENTITY a "b">]><ROOT/>`, "document type definition"},
		"entity":           {"<ROOT>&lol;</ROOT>", "It is not well-formed XML: invalid character entity &lol;"},
		"UTF-16":           {"\xff\xfe<\x00R\x00", "It is UTF-16"},
		"says Latin-1":     {`<?xml version="1.0" encoding="iso-8859-1"?><ROOT/>`, "only UTF-8 is read"},
		"two documents":    {"<ROOT/><ROOT/>", "A second document"},
		"no element":       {"<?xml version='1.0'?><!-- x -->", "It has no element."},
		"deep":             {"<ROOT>" + strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000), "nested deeper than 32 levels"},
		"many":             {"<ROOT>" + strings.Repeat("<a/>", 70_000) + "</ROOT>", "more than 65536 elements"},
		"huge":             {"<ROOT>" + strings.Repeat(" ", roaming.MaxBody) + "</ROOT>", "more than 1048576 bytes"},
	} {
		for root, read := range readers {
			same, err := read([]byte(strings.ReplaceAll(row.body, "ROOT", root)))
			var f *journal.Failure
			if !errors.As(err, &f) || f.Code != journal.ProvMalformed || f.Fix == "" || f.Because == "" || !same || !strings.Contains(err.Error(), row.says) {
				t.Errorf("%s %s: %v, want %q; unchanged %v", name, root, err, row.says, same)
			}
		}
	}
}

// TestForbiddenCharactersCostOneContact: the name keeps the rest of its
// characters, and an address with such a character is left out.
func TestForbiddenCharactersCostOneContact(t *testing.T) {
	for _, odd := range []string{"\xff", "&#x0B;", "\x0b", "\ufffe"} {
		l := contacts(t, roaming.ContactList{}, []byte(`<contactList deltaNum="1"><contact uri="a@contoso.com" name="M`+odd+`ller"/>`+
			`<contact uri="b`+odd+`@contoso.com"/><contact uri="c@contoso.com"/></contactList>`))
		if len(l.Contacts) != 2 || l.Contacts[0].Name != "M\ufffdller" || len(l.Warnings) != 2 || !strings.HasPrefix(l.Warnings[0], "It has 2 characters that XML 1.0 forbids") {
			t.Errorf("%q: %+v", odd, l)
		}
		s := apply(t, roaming.Self{}, []byte(`<roamingData><!-- `+odd+` --><categories uri="sip:a`+odd+`@contoso.com"/></roamingData>`))
		if s.Address != "" || len(s.Warnings) != 2 {
			t.Errorf("%q: %+v", odd, s)
		}
	}
}

// TestListsAreBounded in one document, and in all of them together; what is left out is a warning.
func TestListsAreBounded(t *testing.T) {
	repeat := func(from, n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, from+i)
		}
		return b.String()
	}
	var s roaming.Self
	for from := 0; from < 8000; from += 4000 {
		s = apply(t, s, []byte(`<roamingData><categories>`+repeat(from, 1500, `<category name="a%d" instance="1" container="1"/>`)+`</categories><containers>`+
			repeat(from, 200, `<container id="%d"/>`)+`</containers><subscribers>`+repeat(from, 4000, `<subscriber user="u%d"/>`)+`</subscribers></roamingData>`))
	}
	if len(s.Publications) != 2000 || len(s.Containers) != 256 || len(s.Watchers) != 5000 || len(s.Warnings) != 101 {
		t.Errorf("%d publications, %d containers, %d watchers, %d warnings", len(s.Publications), len(s.Containers), len(s.Watchers), len(s.Warnings))
	}
	s = apply(t, roaming.Self{}, []byte(`<roamingData><containers><container id="1">`+repeat(0, 2000, `<member type="user" value="u%d"/>`)+`</container></containers>
		<categories><category name="userProperties" instance="0" container="1"><userProperties><lines>`+repeat(0, 20, `<line lineType="Uc">tel:%d</line>`)+`</lines></userProperties></category></categories></roamingData>`))
	if len(s.Containers[0].Members) != 1000 || len(s.Lines) != 16 || len(s.Warnings) != 2 {
		t.Errorf("%d members, %d lines, told %q", len(s.Containers[0].Members), len(s.Lines), s.Warnings)
	}
	l := contacts(t, roaming.ContactList{}, []byte(`<contactList deltaNum="1">`+repeat(0, 1001, `<group id="%d"/>`)+`<contact uri="a" groups="`+repeat(0, 100_000, "%d ")+`"/>`+repeat(0, 4000, `<contact uri="u%d"/>`)+`</contactList>`))
	l = contacts(t, l, []byte(`<contactDelta deltaNum="2"><deletedContact uri="u0"/>`+repeat(4000, 4000, `<addedContact uri="u%d"/>`)+`</contactDelta>`))
	if len(l.Contacts) != roaming.MaxContacts || len(l.Groups) != roaming.MaxGroups || len(l.Contacts[0].Groups) != 64 || len(l.Warnings) != 101 {
		t.Errorf("%d contacts, %d groups, %d warnings", len(l.Contacts), len(l.Groups), len(l.Warnings))
	}
}

// TestLongTextsAreCutAndLongAddressesLeftOut: half an address is another one.
func TestLongTextsAreCutAndLongAddressesLeftOut(t *testing.T) {
	long := strings.Repeat("é", 3000)
	l := contacts(t, roaming.ContactList{}, []byte(`<contactList deltaNum="1"><contact uri="a@contoso.com" name="`+long+`"/><contact uri="`+long+`"/></contactList>`))
	if len(l.Contacts) != 1 || len(l.Contacts[0].Name) != 4096 || len(l.Warnings) != 2 {
		t.Errorf("%+v", l)
	}
}

// TestWarningsArePrintable: what a hostile pool writes does not move the cursor or fill the screen.
func TestWarningsArePrintable(t *testing.T) {
	evil := "\u202e\u0085 &#10;" + strings.Repeat("é", 3000)
	s := apply(t, roaming.Self{}, []byte(`<roamingData><categories uri="`+evil+`"><category name="`+evil+`"/><category name="state" instance="`+evil+`" container="1"/></categories>
		<subscribers><subscriber user="u" acknowledged="`+evil+`"/></subscribers></roamingData>`))
	if len(s.Warnings) != 4 {
		t.Errorf("%q", s.Warnings)
	}
	for _, line := range s.Warnings {
		if len([]rune(line)) > 400 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%d runes: %q", len([]rune(line)), line)
		}
	}
}

// FuzzSelf: any notification that is read can be written and read again; what
// goes into protocol messages has no line break.
func FuzzSelf(f *testing.F) {
	for _, name := range []string{"self.xml", "cleared.xml", "self-odd.xml", "contacts.xml"} {
		f.Add(file(f, name))
	}
	f.Add([]byte(`<roamingData><categories><category name="note" instance="7" container="1" publishTime="0000-01-01T00:00:00+23:59"><note><body>x</body></note></category></categories></roamingData>`))
	held := apply(f, roaming.Self{}, file(f, "self.xml"))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = roaming.ParseSelfRequest(body)
		s, err := roaming.Self{}.Apply(body)
		if later, err2 := held.Apply(body); (err == nil) != (err2 == nil) || err != nil && !reflect.DeepEqual(later, held) {
			t.Fatalf("%v, and upon another %v", err, err2)
		}
		if err != nil {
			return
		}
		for _, v := range []string{s.Address, s.Email, s.EUM} {
			if strings.ContainsAny(v, "\r\n <>\"") {
				t.Errorf("%q", v)
			}
		}
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
		first := again(t, s)
		if first == nil {
			return
		}
		if a, b := plain(s), plain(*first); !reflect.DeepEqual(a, b) {
			t.Fatalf("written and read again:\n%+v\n%+v", a, b)
		}
		if second := again(t, *first); second != nil && !reflect.DeepEqual(second.Publications, first.Publications) {
			t.Errorf("written and read twice:\n%+v\n%+v", first, second)
		}
	})
}

// again writes s and reads it; nil if escapes made it larger than what is read.
func again(t *testing.T, s roaming.Self) *roaming.Self {
	body, err := s.XML()
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > roaming.MaxBody {
		return nil
	}
	next := apply(t, roaming.Self{}, body)
	return &next
}

// plain is s without what writing adds.
func plain(s roaming.Self) roaming.Self {
	s.Publications, s.Warnings = nil, nil
	return s
}

// FuzzContacts: any list or change that is read can be written and read again,
// and a subscriber who applies the changes has the written list.
func FuzzContacts(f *testing.F) {
	for _, name := range []string{"contacts.xml", "delta.xml", "contacts-odd.xml", "self.xml"} {
		f.Add(file(f, name))
	}
	held := contacts(f, roaming.ContactList{}, file(f, "contacts.xml"))
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := held.Apply(body)
		if err != nil {
			if !reflect.DeepEqual(l, held) {
				t.Errorf("%v changed the list", err)
			}
			return
		}
		for _, c := range l.Contacts {
			if len(c.Groups) == 0 || c.Address == "" || strings.ContainsAny(c.Address, "\r\n <>\"") {
				t.Errorf("%+v", c)
			}
		}
		l.Delta, l.Warnings = held.Delta+1, nil
		whole, err := l.XML()
		if err != nil {
			t.Fatal(err)
		}
		change, err := held.ChangeTo(l)
		if err != nil || len(whole) > roaming.MaxBody || len(change) > roaming.MaxBody {
			return // escapes can make it larger than what is read
		}
		if got := contacts(t, roaming.ContactList{}, whole); !reflect.DeepEqual(got, l) {
			t.Errorf("written and read again:\n%+v\n%+v", got, l)
		}
		got := contacts(t, held, change)
		if len(got.Contacts) != len(l.Contacts) || len(got.Groups) != len(l.Groups) || got.Warnings != nil {
			t.Errorf("changed to %+v, want %+v by %s", got, l, change)
		}
	})
}
