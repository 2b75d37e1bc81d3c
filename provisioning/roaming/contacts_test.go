package roaming_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

func contacts(t testing.TB, l roaming.ContactList, body []byte) roaming.ContactList {
	t.Helper()
	next, err := l.Apply(body)
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return next
}

func TestContactListOfAPool(t *testing.T) {
	golden(t, "contacts.json", contacts(t, roaming.ContactList{}, file(t, "contacts.xml")))
}

func TestOddContactListIsReadWithWarnings(t *testing.T) {
	golden(t, "contacts-odd.json", contacts(t, roaming.ContactList{}, file(t, "contacts-odd.xml")))
}

// TestDeltaChangesTheList: what it does not name stays, and who was in a deleted
// group alone is among the other contacts.
func TestDeltaChangesTheList(t *testing.T) {
	before := contacts(t, roaming.ContactList{}, file(t, "contacts.xml"))
	kept := contacts(t, roaming.ContactList{}, file(t, "contacts.xml"))
	golden(t, "delta.json", contacts(t, before, file(t, "delta.xml")))
	if !reflect.DeepEqual(before, kept) {
		t.Error("Apply changed its receiver")
	}
}

func TestDeltaThatDoesNotFitIsAppliedWithAWarning(t *testing.T) {
	l := contacts(t, roaming.ContactList{}, file(t, "contacts.xml"))
	l = contacts(t, l, []byte(`<contactDelta deltaNum="4"><addedContact uri="bob@contoso.com" name="B" groups="1"/><modifiedContact uri="dan@contoso.com" groups="1"/>
		<deletedContact uri="nobody@contoso.com"/><addedGroup id="2" name="W"/><modifiedGroup id="7" name="G"/><deletedGroup id="8"/><contact uri="x@contoso.com"/>
		<deletedContact uri="ann@contoso.com"/><addedContact uri="ann@contoso.com" groups="1"/></contactDelta>`))
	if len(l.Warnings) != 7 || len(l.Contacts) != 3 || l.Contacts[0].Name != "B" || l.Contacts[2].Name != "" || len(l.Groups) != 3 || l.Groups[1].Name != "W" {
		t.Errorf("%+v", l)
	}
}

// TestDeltaThatIsNotTheNextOneIsRefused: the phone must then subscribe again.
func TestDeltaThatIsNotTheNextOneIsRefused(t *testing.T) {
	held := contacts(t, roaming.ContactList{}, file(t, "contacts.xml")) // change 3
	for attrs, next := range map[string]bool{
		`deltaNum="4"`:                   true,
		`deltaNum="4" prevDeltaNum="3"`:  true,
		`deltaNum="9" prevDeltaNum="3"`:  true, // MS-PRES Appendix E: the number is the pool's own
		`deltaNum="4" prevDeltaNum="2"`:  false,
		`deltaNum="5"`:                   false,
		`deltaNum="3"`:                   false,
		`deltaNum="0"`:                   false,
		`deltaNum="3" prevDeltaNum="3"`:  false,
		`deltaNum="-4"`:                  false,
		`deltaNum="4294967300"`:          false,
		``:                               false,
		`deltaNum="2" prevDeltaNum="3"`:  false,
		`deltaNum="4" prevDeltaNum="3x"`: true,
	} {
		l, err := held.Apply([]byte(`<contactDelta ` + attrs + `><deletedContact uri="sip:bob@contoso.com"/></contactDelta>`))
		if next != (err == nil) || !next && (!errors.Is(err, roaming.ErrOutOfStep) || !reflect.DeepEqual(l, held)) {
			t.Errorf("%s: %v %+v", attrs, err, l)
		}
	}
	for _, number := range []string{"0", "1"} {
		if _, err := (roaming.ContactList{}).Apply([]byte(`<contactDelta deltaNum="` + number + `"/>`)); !errors.Is(err, roaming.ErrOutOfStep) {
			t.Errorf("change %s of no list: %v", number, err)
		}
	}
}

// TestContactListIsWrittenAndReadAgain: what the lab keeps arrives at the phone,
// whole and as a change.
func TestContactListIsWrittenAndReadAgain(t *testing.T) {
	first := roaming.ContactList{Delta: 1, Groups: []roaming.Group{{1, "~", ""}, {2, "Work & Co", "ldap://x"}},
		Contacts: []roaming.Contact{{"bob@contoso.com", "", []uint32{1, 2}, true, ""}, {"ann@contoso.com", "Ann", []uint32{2}, false, "ldap://y"}}}
	body, err := first.XML()
	if err != nil {
		t.Fatal(err)
	}
	held := contacts(t, roaming.ContactList{}, body)
	if !reflect.DeepEqual(held, first) {
		t.Errorf("\n%+v\n%+v", held, first)
	}
	second := roaming.ContactList{Delta: 2, Groups: []roaming.Group{{1, "Others", ""}, {3, "Family", ""}},
		Contacts: []roaming.Contact{{"bob@contoso.com", "Bobby", []uint32{3}, true, ""}, {"carl@contoso.com", "", []uint32{1}, true, ""}}}
	if body, err = first.ChangeTo(second); err != nil {
		t.Fatal(err)
	}
	if held = contacts(t, held, body); !reflect.DeepEqual(held, second) {
		t.Errorf("\n%+v\n%+v\n%s", held, second, body)
	}
	if body, err = second.ChangeTo(second); err != nil || string(body) != `<contactDelta deltaNum="2"></contactDelta>` {
		t.Errorf("%v %s", err, body)
	}
	if body, err = (roaming.ContactList{Delta: 1, Contacts: []roaming.Contact{{Address: "bob@contoso.com"}}}).XML(); err != nil {
		t.Fatal(err)
	}
	if c := contacts(t, roaming.ContactList{}, body).Contacts[0]; !reflect.DeepEqual(c.Groups, []uint32{1}) {
		t.Errorf("%+v is in no group", c)
	}
	if _, err := (roaming.ContactList{}).XML(); err == nil {
		t.Error("a list without a number is written")
	}
	if _, err := first.ChangeTo(roaming.ContactList{}); err == nil {
		t.Error("a change without a number is written")
	}
}

// TestMissedChangeSaysWhatToDo: who reads ErrOutOfStep twice shows it as a step.
func TestMissedChangeSaysWhatToDo(t *testing.T) {
	_, err := roaming.ContactList{Delta: 3}.Apply([]byte(`<contactDelta deltaNum="9"/>`))
	var f *journal.Failure
	if !errors.As(err, &f) || !errors.Is(err, roaming.ErrOutOfStep) || f.Fix == "" || f.What != "Change 9 of the contact list does not follow change 3, which the phone holds." {
		t.Errorf("%+v", err)
	}
}
