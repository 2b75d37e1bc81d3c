package ews

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

var ctx = context.Background()

func one(body string) *Client { return client(&answers{list: []answer{{body: body}}}) }

func TestR9_2_Contacts(t *testing.T) {
	c := one(document(t, "FindItemResponse-contacts"))
	var steps []journal.Step
	c.Record = func(s journal.Step) { steps = append(steps, s) }
	got, l, err := c.Contacts(ctx)
	want := []Contact{{ID: ItemID{"AAAWAENPMQ==", "EQAAABYAAAA="}, FileAs: "Kelly, Bob", DisplayName: "Bob Kelly", GivenName: "Bob", Surname: "Kelly",
		Company: "Contoso", Email: "bob@contoso.com", IM: "sip:bob@contoso.com",
		Phones: []PhoneNumber{{BusinessPhone, "+1 (425) 555-0100"}, {MobilePhone, "+1 425 555 0199"}}}}
	if err != nil || !reflect.DeepEqual(got, want) || l != (Listing{Total: 1, Pages: 1}) {
		t.Errorf("%+v %+v %v", got, l, err)
	}
	if len(steps) != 1 || steps[0].State != journal.OK || steps[0].Because != "R9.2" {
		t.Errorf("%+v", steps)
	}
}

func TestR9_2_VoiceMail(t *testing.T) {
	c := one(document(t, "FindItemResponse-voicemail"))
	got, _, err := c.VoiceMails(ctx)
	if c.ServerVersion() != "8.1.240.6 Exchange2007_SP1" {
		t.Errorf("%q", c.ServerVersion())
	}
	want := []VoiceMail{{ID: ItemID{"AAAWAFZNMQ==", "CQAAABYAAAA="}, Class: "IPM.Note.Microsoft.Voicemail.UM.CA", Subject: "Voice Mail from Bob Kelly (12 seconds)",
		Received: time.Date(2008, 4, 1, 9, 15, 2, 0, time.UTC), Duration: 12 * time.Second, Number: "+14255550100", Name: "Bob Kelly"}}
	if err != nil || !reflect.DeepEqual(got, want) { // the missed call in the same document is not a voice mail
		t.Errorf("%+v %v", got, err)
	}
	u, err := one(document(t, "GetFolderResponse")).UnreadVoiceMail(ctx)
	if err != nil || u != (Unread{Total: 3, Unread: 1}) {
		t.Errorf("%+v %v", u, err)
	}
}

func TestR9_2_MissedCalls(t *testing.T) {
	got, _, err := one(document(t, "FindItemResponse-voicemail")).MissedCalls(ctx)
	want := []Call{{ID: ItemID{"AAAWAE1DMQ==", "CQAAABYAAAB="}, Kind: Missed, Subject: "Missed Call from +14255550123",
		At: time.Date(2008, 4, 1, 8, 2, 44, 0, time.UTC), Number: "+14255550123"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestR9_2_CallLogKnowsWhoCalled(t *testing.T) {
	entry := func(id string) string {
		return `<t:Message><t:ItemId Id="` + id + `"/><t:ItemClass>IPM.Note.Microsoft.Conversation.Voice</t:ItemClass><t:DateTimeReceived>2008-04-01T08:00:00Z</t:DateTimeReceived>` +
			`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="26625" PropertyType="Integer"/><t:Value>192</t:Value></t:ExtendedProperty><t:From><t:Mailbox><t:Name>X</t:Name></t:Mailbox></t:From></t:Message>`
	}
	folders := func(id string) string {
		return success("FindFolder", `<m:RootFolder TotalItemsInView="1" IncludesLastItemInRange="true"><t:Folders><t:Folder><t:FolderId Id="`+id+`"/><t:DisplayName>Conversation History</t:DisplayName></t:Folder></t:Folders></m:RootFolder>`)
	}
	list := success("FindItem", `<m:RootFolder IndexedPagingOffset="4" TotalItemsInView="4" IncludesLastItemInRange="true"><t:Items>`+entry("in")+entry("out")+entry("gone")+entry("mute")+`</t:Items></m:RootFolder>`)
	box := func(name string) string {
		return `<t:Mailbox><t:Name>` + name + `</t:Name><t:EmailAddress>` + name + `@contoso.com</t:EmailAddress></t:Mailbox>`
	}
	people := wrap("GetItem",
		oneMessage("GetItem", "Success", "NoError", `<m:Items><t:Message><t:ItemId Id="in"/><t:From>`+box("bob")+`</t:From></t:Message></m:Items>`)+
			oneMessage("GetItem", "Success", "NoError", `<m:Items><t:Message><t:ItemId Id="out"/><t:ToRecipients>`+box("carol")+`</t:ToRecipients><t:From>`+box("Alice")+`</t:From></t:Message></m:Items>`)+
			oneMessage("GetItem", "Error", "ErrorItemNotFound", `<m:Items/>`)+
			oneMessage("GetItem", "Success", "NoError", `<m:Items><t:Message><t:ItemId Id="mute"/></t:Message></m:Items>`))
	d := &answers{list: []answer{{body: folders("h1")}, {body: list}, {body: people},
		{body: refusal("FindItem", "ErrorFolderNotFound")}, {body: folders("h2")}, {body: list}, {body: people}}}
	c := client(d)
	for round := range 2 { // in the second the folder was deleted and created again
		got, _, err := c.CallLog(ctx)
		if err != nil || len(got) != 4 {
			t.Fatalf("%d: %+v %v", round, got, err)
		}
		text := ""
		for _, one := range got {
			text += fmt.Sprint(one.ID.ID, " ", one.Kind, " ", one.Name, " ", one.Address, " ", one.Duration, "; ")
		}
		if text != "in incoming bob bob@contoso.com 3m12s; out outgoing carol carol@contoso.com 3m12s; gone unknown X  3m12s; mute unknown X  3m12s; " {
			t.Error(text)
		}
	}
	if d.count() != 7 || !strings.Contains(d.requests[5], `<t:FolderId Id="h2"`) {
		t.Errorf("%d requests", d.count())
	}
}

func TestCallLogWithoutFolderIsEmpty(t *testing.T) {
	d := &answers{list: []answer{{body: success("FindFolder", `<m:RootFolder TotalItemsInView="0" IncludesLastItemInRange="true"><t:Folders/></m:RootFolder>`)}}}
	c := client(d)
	c.HistoryFolders = []string{"Conversation History", "Samtalehistorik"}
	var step journal.Step
	c.Record = func(s journal.Step) { step = s }
	got, _, err := c.CallLog(ctx)
	if err != nil || got != nil || step.State != journal.Skipped {
		t.Errorf("%v %v %+v", got, err, step)
	}
	if !strings.Contains(d.requests[0], "<t:Or><t:IsEqualTo>") || strings.Count(d.requests[0], "<t:IsEqualTo>") != 2 {
		t.Error(d.requests[0])
	}
}

func TestCallsMerge(t *testing.T) {
	at := func(n int) time.Time { return spring.Add(time.Duration(n) * time.Minute) }
	got := Calls(
		[]Call{{Kind: Incoming, At: at(3), CallID: "a"}, {Kind: Incoming, At: at(1), CallID: "b"}, {Kind: Outgoing, At: at(0)}},
		[]Call{{Kind: Missed, At: at(2)}, {Kind: Missed, At: at(1), CallID: "b"}})
	text := ""
	for _, c := range got {
		text += string(c.Kind) + c.CallID + " "
	}
	if text != "incominga missed missedb outgoing " {
		t.Error(text)
	}
}

func TestUserWithoutUnifiedMessaging(t *testing.T) {
	body := refusal("GetFolder", "ErrorFolderNotFound")
	_, err := one(body).UnreadVoiceMail(ctx)
	if !errors.Is(err, ErrNoVoiceMail) {
		t.Error(err)
	}
	want(t, err, Gone)
	_, _, err = one(refusal("FindItem", "ErrorFolderNotFound")).VoiceMails(ctx)
	if !errors.Is(err, ErrNoVoiceMail) {
		t.Error(err)
	}
	if d := Decide(Situation{EnterpriseVoice: true, UM: true, Last: err}); d.Show || d.Poll {
		t.Errorf("%+v", d)
	}
}

func TestMarkReadAndDelete(t *testing.T) {
	id, err := one(document(t, "UpdateItemResponse")).MarkRead(ctx, ItemID{"AAAWAFZNMQ==", "CQAAABYAAAA="}, true)
	if err != nil || id != (ItemID{"AAAWAFZNMQ==", "CQAAABYAAAC="}) {
		t.Errorf("%v %v", id, err)
	}
	d := &answers{list: []answer{{body: refusal("UpdateItem", "ErrorIrresolvableConflict")},
		{body: success("GetItem", `<m:Items><t:Message><t:ItemId Id="a" ChangeKey="2"/></t:Message></m:Items>`)},
		{body: success("UpdateItem", `<m:Items><t:Message><t:ItemId Id="a" ChangeKey="3"/></t:Message></m:Items>`)}}}
	id, err = client(d).MarkRead(ctx, ItemID{"a", "1"}, false)
	if err != nil || id != (ItemID{"a", "3"}) || !strings.Contains(d.requests[2], `ChangeKey="2"`) || !strings.Contains(d.requests[2], "<t:IsRead>false<") {
		t.Errorf("%v %v %q", id, err, d.requests)
	}
	for body, gone := range map[string]bool{success("DeleteItem", ""): true, refusal("DeleteItem", "ErrorItemNotFound"): true, refusal("DeleteItem", "ErrorAccessDenied"): false} {
		if err := one(body).Delete(ctx, ItemID{ID: "a"}); (err == nil) != gone {
			t.Errorf("%v", err)
		}
	}
}

func TestR9_2_Calendar(t *testing.T) {
	event := func(id, start, end, rest string) string {
		return `<t:CalendarItem><t:ItemId Id="` + id + `"/><t:Subject>Staff</t:Subject>` + rest + `<t:Start>` + start + `</t:Start><t:End>` + end + `</t:End></t:CalendarItem>`
	}
	d := &answers{list: []answer{{body: success("FindItem", `<m:RootFolder TotalItemsInView="4" IncludesLastItemInRange="false"><t:Items>`+
		event("a", "2008-04-01T08:00:00Z", "2008-04-01T10:30:00+01:00", `<t:Sensitivity>Private</t:Sensitivity><t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus><t:Location>Room 1</t:Location><t:IsMeeting>1</t:IsMeeting>`)+
		event("b", "2008-04-01T00:00:00", "2008-04-02T00:00:00", `<t:IsAllDayEvent>true</t:IsAllDayEvent><t:LegacyFreeBusyStatus>WorkingElsewhere</t:LegacyFreeBusyStatus>`)+
		event("backwards", "2008-04-01T08:00:00Z", "2008-04-01T07:00:00Z", "")+event("timeless", "soon", "later", "")+
		`</t:Items></m:RootFolder>`)}}}
	copenhagen := time.FixedZone("CEST", 2*3600)
	got, l, err := client(d).Today(ctx, copenhagen)
	at := func(h, m int) time.Time { return time.Date(2008, 4, 1, h, m, 0, 0, time.UTC) }
	want := []Event{{ID: ItemID{ID: "a"}, Subject: "Staff", Location: "Room 1", Start: at(8, 0), End: at(9, 30), Status: OOF, Meeting: true, Private: true},
		{ID: ItemID{ID: "b"}, Subject: "Staff", Start: at(0, 0), End: at(24, 0), Status: NoData, AllDay: true}}
	if err != nil || !reflect.DeepEqual(got, want) || !l.Truncated {
		t.Errorf("%+v %+v %v", got, l, err)
	}
	if !strings.Contains(d.requests[0], `StartDate="2008-03-31T22:00:00Z" EndDate="2008-04-01T22:00:00Z"`) {
		t.Error(d.requests[0])
	}
}

func TestResolveNames(t *testing.T) {
	set := `<m:ResolutionSet TotalItemsInView="2" IncludesLastItemInRange="%v"><t:Resolution><t:Mailbox><t:Name>Bob Kelly</t:Name><t:EmailAddress>bob@contoso.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox>` +
		`<t:Contact><t:DisplayName>Bob Kelly</t:DisplayName><t:PhoneNumbers><t:Entry Key="BusinessPhone">+14255550100</t:Entry><t:Entry Key="HomePhone"> </t:Entry></t:PhoneNumbers></t:Contact></t:Resolution>` +
		`<t:Resolution><t:Mailbox><t:Name>Bobby</t:Name></t:Mailbox></t:Resolution></m:ResolutionSet>`
	got, more, err := one(wrap("ResolveNames", oneMessage("ResolveNames", "Warning", "ErrorNameResolutionMultipleResults", fmt.Sprintf(set, false)))).ResolveNames(ctx, "bob")
	want := []Resolution{{Name: "Bob Kelly", Address: "bob@contoso.com", Routing: "SMTP", Contact: &Contact{DisplayName: "Bob Kelly", Phones: []PhoneNumber{{BusinessPhone, "+14255550100"}}}}, {Name: "Bobby"}}
	if err != nil || !more || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v %v", got, more, err)
	}
	got, more, err = one(refusal("ResolveNames", "ErrorNameResolutionNoResults")).ResolveNames(ctx, "nobody")
	if got != nil || more || err != nil {
		t.Errorf("%v %v %v", got, more, err)
	}
}

// TestOddProperties: a bad property does not make the page unreadable.
func TestOddProperties(t *testing.T) {
	prop := func(tag, value string) string {
		return `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="` + tag + `" PropertyType="String"/><t:Value>` + value + `</t:Value></t:ExtendedProperty>`
	}
	body := success("FindItem", `<m:RootFolder IncludesLastItemInRange="true"><t:Items>`+
		`<t:Message><t:ItemId Id="a"/><t:ItemClass>ipm.note.microsoft.VOICEMAIL.um</t:ItemClass><t:Subject>a&#x0B;b&#11;c&#xD800;</t:Subject><t:DateTimeReceived/>`+prop("0X6801", "-4")+prop("junk", "x")+`<t:IsRead> 1 </t:IsRead></t:Message>`+
		`<t:Message><t:ItemId Id="b"/><t:ItemClass>IPM.Note.rpmsg.Microsoft.Voicemail.UM.CA</t:ItemClass>`+prop("0x6801", "99999999999")+`</t:Message>`+
		`<t:Message><t:ItemId Id="c"/><t:ItemClass>IPM.Schedule.Meeting.Request.Microsoft.Voicemail</t:ItemClass>`+prop("0x6801", "twelve")+`</t:Message>`+
		`<t:Message><t:ItemId Id="d"/><t:ItemClass>IPM.Note.Microsoft.VoicemailX</t:ItemClass></t:Message>`+
		`<t:Message><t:ItemClass>IPM.Note.Microsoft.Voicemail</t:ItemClass></t:Message>`+
		`<x:Message xmlns:x="urn:evil"><t:ItemId Id="e"/><t:ItemClass>IPM.Note.Microsoft.Voicemail</t:ItemClass></x:Message>`+
		`</t:Items></m:RootFolder>`)
	got, l, err := one(body).VoiceMails(ctx)
	if err != nil || len(got) != 3 || l.Total != -1 {
		t.Fatalf("%+v %+v %v", got, l, err)
	}
	a, b := got[0], got[1]
	if a.Subject != "a\ufffdb\ufffdc\ufffd" || !a.Received.IsZero() || a.Duration != 0 || !a.Read || a.Protected || !b.Protected || b.Duration != 0 {
		t.Errorf("%+v", got)
	}
}
