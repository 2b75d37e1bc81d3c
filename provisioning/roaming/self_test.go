package roaming_test

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/provisioning/roaming"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func apply(t testing.TB, s roaming.Self, body []byte) roaming.Self {
	t.Helper()
	next, err := s.Apply(body)
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return next
}

var update = flag.Bool("update", false, "write testdata/*.json anew")

func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile("testdata/"+name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(file(t, name)); string(got) != want {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

// TestSelfOfAPool: number, voice mail, e-mail address, state, note, versions,
// access levels and watchers arrive, and each comes from the right publication.
func TestSelfOfAPool(t *testing.T) {
	s := apply(t, roaming.Self{Address: "Kerry@contoso.com"}, file(t, "self.xml"))
	golden(t, "self.json", s)
	if l, ok := s.Line(); !ok || l.Number != "tel:+4544890101;ext=200" || !s.VoiceEnabled() {
		t.Errorf("line %+v", l)
	}
}

func TestOddSelfIsReadWithWarnings(t *testing.T) {
	golden(t, "self-odd.json", apply(t, roaming.Self{}, file(t, "self-odd.xml")))
}

// TestVoiceIsEnabledByALineOfThePool:
// docs/protocol/presence.md#enhanced-presence-and-migration-from-lcs-2005.
func TestVoiceIsEnabledByALineOfThePool(t *testing.T) {
	for name, row := range map[string]struct {
		lines []roaming.Line
		want  string
	}{
		"none":          {nil, ""},
		"remote alone":  {[]roaming.Line{{"tel:1", roaming.Rcc, "sip:pbx"}}, ""},
		"dual":          {[]roaming.Line{{"tel:1", roaming.Rcc, ""}, {"tel:2", roaming.Dual, ""}, {"tel:3", roaming.Uc, ""}}, "tel:2"},
		"pool's second": {[]roaming.Line{{"tel:1", roaming.Rcc, ""}, {"tel:2", roaming.Uc, ""}}, "tel:2"},
	} {
		s := roaming.Self{Lines: row.lines}
		if l, ok := s.Line(); l.Number != row.want || ok != (row.want != "") || s.VoiceEnabled() != ok {
			t.Errorf("%s: %+v %v", name, l, ok)
		}
	}
}

// TestNotificationReplacesTheCategoriesThatItNames and no others:
// docs/protocol/presence.md#self-subscription.
func TestNotificationReplacesTheCategoriesThatItNames(t *testing.T) {
	before := apply(t, roaming.Self{}, file(t, "self.xml"))
	kept := apply(t, roaming.Self{}, file(t, "self.xml"))
	after := apply(t, before, file(t, "cleared.xml"))
	if !reflect.DeepEqual(before, kept) {
		t.Error("Apply changed its receiver")
	}
	if after.Note != "" || after.Availability != 18500 || after.Email != "kerry@contoso.com" || !after.VoiceEnabled() || len(after.Containers) != 3 || len(after.Watchers) != 1 {
		t.Errorf("%+v", after)
	}
	var left []string
	for _, p := range after.Publications {
		left = append(left, p.Category)
	}
	if !slices.Equal(left, []string{"userProperties", "contactCard", "contactCard", "state"}) || after.Publications[3].Version != 4 {
		t.Errorf("%+v", after.Publications)
	}
}

func TestEmptyCategoryRemovesItsValues(t *testing.T) {
	full := apply(t, roaming.Self{}, file(t, "self.xml"))
	for mark, gone := range map[string]func(roaming.Self) bool{
		`name="userProperties"`:           func(s roaming.Self) bool { return !s.VoiceEnabled() && !s.UM && s.EUM == "" && s.TelephonyMode == "" },
		`name="CONTACTCARD"`:              func(s roaming.Self) bool { return s.DisplayName == "" && s.Email == "" },
		`name="state" container="2"`:      func(s roaming.Self) bool { return s.Availability == 0 },
		`name="note" container="200"`:     func(s roaming.Self) bool { return s.Note == "" },
		`name="note" instance="0"`:        func(s roaming.Self) bool { return s.Note == "" },
		`name="calendarData" instance=""`: func(s roaming.Self) bool { return s.Note != "" },
	} {
		s := apply(t, full, []byte(`<roamingData><categories><category `+mark+`/></categories></roamingData>`))
		if !gone(s) {
			t.Errorf("%s left %+v", mark, s)
		}
	}
}

// TestContainersAndWatchersReplaceTheirOwn: a later document names those that changed.
func TestContainersAndWatchersReplaceTheirOwn(t *testing.T) {
	s := apply(t, apply(t, roaming.Self{}, file(t, "self.xml")), []byte(`<roamingData>
		<containers><container id="400" version="8"/><container id="300" version="1"><member type="user" value="ann@contoso.com"/></container></containers>
		<subscribers><subscriber user="sip:BOB@contoso.com" acknowledged="true"/><subscriber user="ann@contoso.com" acknowledged="false"/></subscribers></roamingData>`))
	want := []roaming.Container{{200, 1, []roaming.Member{{"sameEnterprise", ""}}}, {100, 1, []roaming.Member{{"federated", ""}}}, {ID: 400, Version: 8}, {300, 1, []roaming.Member{{"user", "ann@contoso.com"}}}}
	if !reflect.DeepEqual(s.Containers, want) {
		t.Errorf("%+v", s.Containers)
	}
	if len(s.Watchers) != 2 || !s.Watchers[0].Acknowledged || s.Watchers[1].Address != "ann@contoso.com" {
		t.Errorf("%+v", s.Watchers)
	}
}

// TestOneUsersCategoriesAreNotAnothers: they would give him a foreign number.
func TestOneUsersCategoriesAreNotAnothers(t *testing.T) {
	s := apply(t, roaming.Self{Address: "ann@contoso.com"}, file(t, "self.xml"))
	if s.VoiceEnabled() || s.Email != "" || s.Address != "ann@contoso.com" || len(s.Publications) > 0 || len(s.Warnings) != 1 {
		t.Errorf("%+v", s)
	}
}

// TestSelfIsWrittenAndReadAgain: what the lab says of a user arrives at the phone.
func TestSelfIsWrittenAndReadAgain(t *testing.T) {
	s := roaming.Self{
		Address: "kerry@contoso.com", DisplayName: "Kerry <&> Co", Email: "kerry@contoso.com",
		Lines:         []roaming.Line{{"tel:+4544890101;ext=200", roaming.Uc, ""}, {"tel:+4544890199", roaming.Rcc, "sip:pbx.contoso.com"}},
		TelephonyMode: "Uc", UM: true, EUM: "kerry@contoso.com;phone-context=DialPlan.contoso.com", Availability: 3500, Note: "One\nTwo",
		Publications: []roaming.Publication{{Category: "contactCard", Version: 7, Expire: "static", Published: time.Date(2009, 5, 18, 17, 6, 41, 373e6, time.UTC)},
			{Category: "device", Instance: 4294967295, Container: 2, Version: 1, Expire: "endpoint", Body: `<device endpointId="a"/>`}},
		Containers: []roaming.Container{{200, 1, []roaming.Member{{"sameEnterprise", ""}}}, {ID: 32000}},
		Watchers:   []roaming.Watcher{{"bob@contoso.com", "Bob", false, "sameEnterprise"}},
	}
	body, err := s.XML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<device endpointId="a"/>`, `xsi:type="aggregateState"`, `publishTime="2009-05-18T17:06:41.373"`, `uri="sip:kerry@contoso.com"`, `<member type="sameEnterprise"></member>`} {
		if !strings.Contains(string(body), want) {
			t.Errorf("%s is not in\n%s", want, body)
		}
	}
	got := apply(t, roaming.Self{}, body)
	if n := len(got.Publications); n != 2+1+1+3 || got.Publications[0] != s.Publications[0] {
		t.Errorf("%+v", got.Publications)
	}
	s.Publications, got.Publications = nil, nil
	if !reflect.DeepEqual(s, got) {
		t.Errorf("\n%+v\n%+v", got, s)
	}
}

func TestBodyThatIsNoElementIsNotWritten(t *testing.T) {
	for _, body := range []string{"text", "<a>", "<a/><b/>", "<!DOCTYPE a><a/>"} {
		s := roaming.Self{Publications: []roaming.Publication{{Category: "note", Body: body}}}
		if b, err := s.XML(); err == nil || !strings.Contains(err.Error(), "publication note") {
			t.Errorf("%q: %v %s", body, err, b)
		}
	}
}

// TestChangeWritesItsCategoriesOnly, of one that was emptied too.
func TestChangeWritesItsCategoriesOnly(t *testing.T) {
	full := apply(t, roaming.Self{}, file(t, "self.xml"))
	next := full
	next.Availability, next.Note, next.Publications = 6500, "", slices.DeleteFunc(slices.Clone(full.Publications), func(p roaming.Publication) bool { return p.Category == "note" })
	body, err := next.Change("State", "note")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"userProperties", "contactCard", "containers", "subscribers"} {
		if strings.Contains(string(body), other) {
			t.Errorf("%s is in\n%s", other, body)
		}
	}
	if got := apply(t, full, body); got.Availability != 6500 || got.Note != "" || !got.VoiceEnabled() || len(got.Publications) != len(next.Publications) {
		t.Errorf("%+v", got)
	}
}

func TestRequestNamesItsSections(t *testing.T) {
	for want, body := range map[string][]byte{
		"categories containers subscribers":           roaming.SelfRequest(),
		"categories containers subscribers delegates": roaming.SelfRequest(roaming.Delegates),
		"categories": []byte(`<RoamingList><roaming type="Categories"/><roaming type="categories"/><roaming/><other type="x"/></RoamingList>`),
		"":           []byte(`<roamingList/>`),
	} {
		got, err := roaming.ParseSelfRequest(body)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%v %v, want %s", got, err, want)
		}
	}
	if got := string(roaming.SelfRequest()); !strings.HasPrefix(got, `<roamingList xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self"><roaming type="categories">`) {
		t.Error(got)
	}
}
