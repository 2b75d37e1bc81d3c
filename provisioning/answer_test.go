package provisioning_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/provisioning"
)

// TestRequestIsTheOneOfTheSpecification: docs/protocol/sip-services.md#provisioning-request.
func TestRequestIsTheOneOfTheSpecification(t *testing.T) {
	body, err := provisioning.Request(provisioning.Groups2007()...)
	want := `<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist">`
	for _, g := range []string{"ServerConfiguration", "meetingPolicy", "ucPolicy", "publicationGrammar", "userSetting"} {
		want += `<provisioningGroup name="` + g + `"></provisioningGroup>`
	}
	if want += `</provisioningGroupList>`; err != nil || string(body) != want {
		t.Errorf("%v\n%s\n%s", err, body, want)
	}
	names, err := provisioning.ParseRequest(body)
	if err != nil || !slices.Equal(names, provisioning.Groups2007()) {
		t.Errorf("%v %v", names, err)
	}
	for _, bad := range [][]string{nil, {""}, {"ucPolicy", ""}} {
		if _, err := provisioning.Request(bad...); err == nil {
			t.Errorf("%q is a request", bad)
		}
	}
	for _, bad := range []string{"", "<a/>", "<provisioningGroupList/>", "<provisioningGroupList><provisioningGroup/></provisioningGroupList>", "<provisioningGroupList>"} {
		if names, err := provisioning.ParseRequest([]byte(bad)); err == nil {
			t.Errorf("%q asks for %q", bad, names)
		}
	}
	names, err = provisioning.ParseRequest([]byte(`<provisioningGroupList><provisioningGroup name="a"/><other name="c"/><provisioningGroup name="b"/><provisioningGroup name="a"/></provisioningGroupList>`))
	if err != nil || !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("%q %v", names, err)
	}
}

func TestEachFormOfAGroupIsWrittenAndRead(t *testing.T) {
	properties := []provisioning.Property{{Name: "One", Value: "a <b> & ]]> \"c\" é"}, {Name: "Two", Value: ""}, {Name: "Three_3.1", Value: "x\ny"}}
	for _, form := range []provisioning.Form{provisioning.Plain, provisioning.Instance, provisioning.EntryList} {
		want := provisioning.Group{Name: "weather & wind", Form: form, Properties: properties}
		a := written(t, want, provisioning.Group{Name: "empty"})
		if got, ok := a.Group("WEATHER & wind"); !ok || !reflect.DeepEqual(got, want) || len(a.Warnings) != 0 {
			t.Errorf("%s: %+v %v", form, got, a.Warnings)
		}
		if got, ok := a.Group("empty"); !ok || len(got.Properties) != 0 {
			t.Errorf("%s: an empty group is %+v", form, got)
		}
	}
	for _, bad := range []provisioning.Group{
		{Name: "g", Form: "table"},
		{Name: "g", Properties: []provisioning.Property{{Name: "a b"}}},
		{Name: "g", Properties: []provisioning.Property{{Name: ""}}},
		{Name: "g", Properties: []provisioning.Property{{Name: "instance"}}},
	} {
		if b, err := provisioning.WriteAnswer(bad); err == nil {
			t.Errorf("%+v is written as %s", bad, b)
		}
	}
}

func TestListWithoutItsFrameIsRead(t *testing.T) {
	a := parse(t, []byte(`<provisionGroupList><provisionGroup name="ucPolicy"><property name="AllowCallForwarding">false</property></provisionGroup></provisionGroupList>`))
	if a.Settings(kerry(false)).Policy.CallForwarding {
		t.Errorf("%+v", a)
	}
}

func TestUnknownGroupsAreKeptWithAWarning(t *testing.T) {
	a := parse(t, document(t, "odd"))
	g, ok := a.Group("weatherPolicy")
	if rain, has := g.Get("rain"); !ok || !has || rain != "true" {
		t.Errorf("%+v", g)
	}
	lines := provisioning.WarningLines(a.Settings(kerry(false)).Warnings)
	for _, want := range []string{
		`weatherPolicy: The phone does not know this group. It is not used.`,
		`SERVERCONFIGURATION colourOfTheLamp "green": The phone does not know this name. It is not used.`,
		`SERVERCONFIGURATION UCMINPINLENGTH "5": It is there twice. The first value, "3", holds.`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("not told: %s", want)
		}
	}
	// What is known and of no use to a phone is no warning.
	for _, name := range []string{"ocs2007", "ocs2007r2", "lync"} {
		if odd := parse(t, document(t, name)).Settings(kerry(false)).Warnings; len(odd) != 0 {
			t.Errorf("%s: %v", name, odd)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	var many []provisioning.Group
	for i := range 200 {
		many = append(many, provisioning.Group{Name: fmt.Sprint("g", i)})
	}
	if a := written(t, many...); len(a.Groups) != 64 || len(a.Warnings) != 101 {
		t.Errorf("%d groups, %d warnings", len(a.Groups), len(a.Warnings))
	}
	g := provisioning.Group{Name: provisioning.ServerConfiguration}
	for i := range 1000 {
		g.Properties = append(g.Properties, provisioning.Property{Name: fmt.Sprint("p", i)})
	}
	s := written(t, g).Settings(kerry(false))
	if len(s.Warnings) != 101 || s.Warnings[100].What != "413 more warnings are not listed." {
		t.Errorf("%d warnings, at last %v", len(s.Warnings), s.Warnings[len(s.Warnings)-1])
	}
	long := server(t, "ucLocationProfile", strings.Repeat("x", 5000), "organization", strings.Repeat("y", 300)).Settings(kerry(false))
	if long.PoolLocationProfile != "" || long.Organization != "" || len(long.Warnings) != 2 {
		t.Errorf("%v", long.Warnings)
	}
}

func TestAnswerSurvivesARestart(t *testing.T) {
	held := parse(t, document(t, "odd"))
	b, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	var again provisioning.Answer
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again, held) {
		t.Errorf("%v %+v", err, again)
	}
}
