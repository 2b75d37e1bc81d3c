package exchange_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/lab/exchange"
)

func TestR9_2VoiceMailsAndMissedCallsAreFound(t *testing.T) {
	w := newWorld(t, nil)
	answer := w.ask(inboxView)
	wantCode(t, answer, "NoError")
	classes := answer.texts("ItemClass")
	want := []string{"IPM.Note.Microsoft.Voicemail.UM.CA", "IPM.Note.Microsoft.Missed.Voice", "IPM.Note.Microsoft.Voicemail",
		"IPM.Note.Microsoft.Missed.Voice", "IPM.Note.Microsoft.Voicemail.UM.CA"}
	if !slices.Equal(classes, want) {
		t.Errorf("classes %q", classes)
	}
	var order []string
	for _, k := range answer.all("Message")[0].Kids {
		order = append(order, k.XMLName.Local)
	}
	if !slices.Equal(order, []string{"ItemId", "ItemClass", "Subject", "DateTimeReceived", "HasAttachments", "ExtendedProperty", "ExtendedProperty", "From", "IsRead"}) {
		t.Errorf("the order of the schema is broken: %q", order)
	}
	if answer.all("EmailAddress") != nil {
		t.Error("FindItem tells an address")
	}
	root := answer.first("RootFolder")
	if root.attr("IndexedPagingOffset") != "5" || root.attr("TotalItemsInView") != "5" || root.attr("IncludesLastItemInRange") != "true" {
		t.Errorf("page %v", root.Attrs)
	}
}

func TestVoiceMailFolderNeedsUM(t *testing.T) {
	w := newWorld(t, nil)
	folder := w.ask(getFolder("voicemail"))
	wantCode(t, folder, "NoError")
	if f := folder.first("SearchFolder"); f == nil || f.first("TotalCount").Text != "3" || f.first("UnreadCount").Text != "2" {
		t.Errorf("the voice mail folder is not what it should be: %+v", folder)
	}
	wantCode(t, w.askAs("kerry", strings.ReplaceAll(getFolder("voicemail"), "tu@", "kerry@")), "ErrorFolderNotFound")
	wantCode(t, w.askAs("kerry", getFolder("inbox")), "ErrorAccessDenied") // of tu
	wantCode(t, w.askAs("nomail", getFolder("inbox")), "ErrorNonExistentMailbox")
	wantCode(t, w.ask(getFolder("conversationhistory")), "ErrorSchemaValidation") // of 2013
}

func TestVoiceMailIsReadPlayedMarkedAndDeleted(t *testing.T) {
	w := newWorld(t, nil)
	list := w.ask(find("voicemail", "", ""))
	var ids []string
	for _, id := range list.all("ItemId") {
		ids = append(ids, `<t:ItemId Id="`+id.attr("Id")+`" ChangeKey="`+id.attr("ChangeKey")+`"/>`)
	}
	if len(ids) != 3 {
		t.Fatalf("%d voice mails", len(ids))
	}
	items := w.ask(getItem(strings.Join(ids, "") + `<t:ItemId Id="AAAWAFZNMQ=="/>`))
	wantCode(t, items, "NoError", "NoError", "NoError", "ErrorInvalidIdMalformed")
	kinds := items.texts("ContentType")
	if !slices.Equal(kinds, []string{"audio/wma", "audio/WAV", "audio/WAV", "audio/WAV", "audio/WAV"}) {
		t.Errorf("attachments %q", kinds)
	}
	if order := items.texts("Value"); !slices.Contains(order, "vm3.wav; vm2.wav;vm1.wav") {
		t.Errorf("attachment orders %q", order)
	}
	for i, a := range items.all("AttachmentId") {
		got := w.ask(`<m:GetAttachment><m:AttachmentShape/><m:AttachmentIds><t:AttachmentId Id="` + a.attr("Id") + `"/></m:AttachmentIds></m:GetAttachment>`)
		wantCode(t, got, "NoError")
		b, err := base64.StdEncoding.DecodeString(got.first("Content").Text)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if string(b[:4]) != "\x30\x26\xb2\x75" {
				t.Errorf("WMA begins with % x", b[:4])
			}
			continue
		}
		if string(b[:4]) != "RIFF" || int(binary.LittleEndian.Uint32(b[4:]))+8 != len(b) || b[20] != 7 {
			t.Errorf("attachment %d is no G.711 WAV: % x", i, b[:24])
		}
	}

	update := func(id, mode, value string) *tree {
		return w.ask(`<m:UpdateItem ConflictResolution="` + mode + `" MessageDisposition="SaveOnly"><m:ItemChanges><t:ItemChange>` + id +
			`<t:Updates><t:SetItemField><t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>` + value + `</t:IsRead></t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`)
	}
	newest := ids[2]
	wantCode(t, update(newest, "AutoResolve", "1"), "NoError")
	if n, _ := w.Unread("tu"); n != 1 {
		t.Errorf("%d unread after one was marked", n)
	}
	wantCode(t, update(newest, "AutoResolve", "0"), "ErrorIrresolvableConflict")
	wantCode(t, update(newest, "AlwaysOverwrite", "0"), "NoError")
	wantCode(t, update(newest, "AlwaysOverwrite", "perhaps"), "ErrorSchemaValidation")
	if n, _ := w.Unread("tu"); n != 2 {
		t.Errorf("%d unread after it was marked unread again", n)
	}
	remove := func(kind string) *tree {
		return w.ask(`<m:DeleteItem DeleteType="` + kind + `"><m:ItemIds>` + newest + `</m:ItemIds></m:DeleteItem>`)
	}
	wantCode(t, remove("MoveToDeletedItems"), "NoError")
	wantCode(t, remove("HardDelete"), "ErrorItemNotFound") // it has another Id now
	if n, _ := w.Unread("tu"); n != 1 {
		t.Errorf("%d unread after one was deleted", n)
	}
}

func TestContactsCreateFindDelete(t *testing.T) {
	w := newWorld(t, nil)
	create := func(inner string) *tree {
		return w.ask(`<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id="contacts"/></m:SavedItemFolderId><m:Items><t:Contact>` + inner + `</t:Contact></m:Items></m:CreateItem>`)
	}
	made := create(`<t:FileAs>Test &amp; Co</t:FileAs><t:DisplayName>Made Here</t:DisplayName><t:PhoneNumbers><t:Entry Key="BusinessPhone">+1 425 555 0199</t:Entry></t:PhoneNumbers><t:Surname>Here</t:Surname>`)
	wantCode(t, made, "NoError")
	wantCode(t, create(`<t:Surname>Here</t:Surname><t:FileAs>x</t:FileAs>`), "ErrorSchemaValidation")
	wantCode(t, create(`<t:PhoneNumbers><t:Entry Key="Satellite">1</t:Entry></t:PhoneNumbers>`), "ErrorSchemaValidation")
	phones := `<t:FieldURI FieldURI="contacts:FileAs"/><t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="BusinessPhone"/>`
	found := w.ask(find("contacts", phones, `<m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="contacts:Surname"/><t:FieldURIOrConstant><t:Constant Value="here"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>`))
	if got := found.texts("Entry"); !slices.Equal(got, []string{"+1 425 555 0199"}) || found.first("FileAs").Text != "Test & Co" {
		t.Errorf("found %q", got)
	}
	id := made.first("ItemId").attr("Id")
	wantCode(t, w.ask(`<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId Id="`+id+`"/></m:ItemIds></m:DeleteItem>`), "NoError")
	wantCode(t, w.ask(getItem(`<t:ItemId Id="`+id+`"/>`)), "ErrorItemNotFound")
	wantCode(t, w.askAs("kerry", getItem(`<t:ItemId Id="`+id+`"/>`)), "ErrorAccessDenied")
}

func TestPagesOf5000Contacts(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.AddContacts("tu", 5000); err != nil {
		t.Fatal(err)
	}
	if w.AddContacts("nobody", 1) == nil {
		t.Error("nobody has contacts")
	}
	seen := map[string]bool{}
	offset, last, pages := "0", "", 0
	for last != "true" && pages < 20 {
		answer := w.ask(find("contacts", "", `<m:IndexedPageItemView MaxEntriesReturned="1000" Offset="`+offset+`" BasePoint="Beginning"/>`))
		root := answer.first("RootFolder")
		offset, last = root.attr("IndexedPagingOffset"), root.attr("IncludesLastItemInRange")
		for _, id := range answer.all("ItemId") {
			seen[id.attr("Id")] = true
		}
		pages++
	}
	if len(seen) != 5007 || pages != 6 {
		t.Errorf("%d contacts in %d pages", len(seen), pages)
	}
	for view, code := range map[string]string{
		`MaxEntriesReturned="0" Offset="0"`:  "ErrorInvalidPagingMaxRows",
		`MaxEntriesReturned="5" Offset="-1"`: "ErrorInvalidIndexedPagingParameters",
		`MaxEntriesReturned="5" Offset="x"`:  "ErrorSchemaValidation",
	} {
		wantCode(t, w.ask(find("contacts", "", `<m:IndexedPageItemView `+view+` BasePoint="Beginning"/>`)), code)
	}
	end := w.ask(find("contacts", "", `<m:IndexedPageItemView MaxEntriesReturned="7" Offset="5000" BasePoint="End"/>`))
	if n := len(end.all("ItemId")); n != 7 || end.first("RootFolder").attr("IncludesLastItemInRange") != "true" {
		t.Errorf("from the end: %d", n)
	}
}

func TestR6_1CalendarOfToday(t *testing.T) {
	w := newWorld(t, nil)
	view := func(start, end string) *tree {
		return w.ask(find("calendar", `<t:FieldURI FieldURI="calendar:Start"/><t:FieldURI FieldURI="calendar:IsMeeting"/>`, `<m:CalendarView StartDate="`+start+`" EndDate="`+end+`"/>`))
	}
	today := view("2008-04-01T00:00:00Z", "2008-04-02T00:00:00Z")
	if got := today.texts("Start"); !slices.Equal(got, []string{"2008-04-01T09:00:00Z", "2008-04-01T12:00:00Z", "2008-04-01T15:00:00Z"}) {
		t.Errorf("today %q", got)
	}
	if got := today.texts("IsMeeting"); !slices.Equal(got, []string{"true", "false", "false"}) {
		t.Errorf("meetings %q", got)
	}
	wantCode(t, view("2008-04-02T00:00:00Z", "2008-04-01T00:00:00Z"), "ErrorCalendarEndDateIsEarlierThanStartDate")
	wantCode(t, view("2008-04-02T00:00:00Z", "2018-04-01T00:00:00Z"), "ErrorCalendarViewRangeTooBig")
}

func TestConversationHistoryIsFoundByName(t *testing.T) {
	w := newWorld(t, nil)
	found := w.ask(`<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:IndexedPageFolderView MaxEntriesReturned="50" Offset="0" BasePoint="Beginning"/><m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURIOrConstant><t:Constant Value="Conversation History"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds></m:FindFolder>`)
	id := found.first("FolderId")
	if id == nil {
		t.Fatal("not found")
	}
	calls := w.ask(strings.Replace(find("inbox", `<t:ExtendedFieldURI PropertyTag="0x6802" PropertyType="String"/>`, ""), `<t:DistinguishedFolderId Id="inbox"/>`, `<t:FolderId Id="`+id.attr("Id")+`"/>`, 1))
	if got := calls.texts("Value"); len(got) != 3 || got[0] != "+14255550100" {
		t.Errorf("calls of %q", got)
	}
}

func TestResolveNames(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct{ entry, scope, code, class string }{
		{"test", "ActiveDirectory", "NoError", "Success"},
		{"bob", "ActiveDirectoryContacts", "NoError", "Success"},
		{"Miller", "ActiveDirectoryContacts", "ErrorNameResolutionMultipleResults", "Warning"},
		{"nobody", "ActiveDirectoryContacts", "ErrorNameResolutionNoResults", "Error"},
	} {
		answer := w.ask(`<m:ResolveNames ReturnFullContactData="true" SearchScope="` + c.scope + `"><m:UnresolvedEntry>` + c.entry + `</m:UnresolvedEntry></m:ResolveNames>`)
		wantCode(t, answer, c.code)
		if got := answer.first("ResolveNamesResponseMessage").attr("ResponseClass"); got != c.class {
			t.Errorf("%s: %s", c.entry, got)
		}
		if hit := answer.first("Resolution") != nil; hit != (c.class != "Error") {
			t.Errorf("%s: resolution %t", c.entry, hit)
		}
	}
}

func TestPullSubscription(t *testing.T) {
	w := newWorld(t, nil)
	made := w.ask(`<m:Subscribe><m:PullSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds><t:EventTypes><t:EventType>NewMailEvent</t:EventType></t:EventTypes><t:Timeout>30</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>`)
	wantCode(t, made, "NoError")
	id, mark := made.first("SubscriptionId").Text, made.first("Watermark").Text
	events := func(mark string) *tree {
		return w.ask(`<m:GetEvents><m:SubscriptionId>` + id + `</m:SubscriptionId><m:Watermark>` + mark + `</m:Watermark></m:GetEvents>`)
	}
	if none := events(mark); none.first("StatusEvent") == nil {
		t.Error("no StatusEvent where nothing happened")
	}
	for i := range 51 {
		if err := w.ReportMissedCall("tu", exchange.MissedCall{Number: fmt.Sprint("+1425555", i)}); err != nil {
			t.Fatal(err)
		}
	}
	first := events(mark)
	if n := len(first.all("NewMailEvent")); n != 50 || first.first("MoreEvents").Text != "true" {
		t.Errorf("%d events, more %s", n, first.first("MoreEvents").Text)
	}
	marks := first.texts("Watermark")
	second := events(marks[len(marks)-1])
	if n := len(second.all("NewMailEvent")); n != 1 || second.first("MoreEvents").Text != "false" {
		t.Errorf("then %d events", n)
	}
	wantCode(t, events("AAAA"), "ErrorInvalidWatermark")
	wantCode(t, w.askAs("kerry", `<m:Unsubscribe><m:SubscriptionId>`+id+`</m:SubscriptionId></m:Unsubscribe>`), "ErrorSubscriptionAccessDenied")
	w.clock.Advance(31 * time.Minute)
	wantCode(t, events(mark), "ErrorExpiredSubscription")
	wantCode(t, events(mark), "ErrorSubscriptionNotFound")
}

func TestPlayOnPhone(t *testing.T) {
	w := newWorld(t, nil)
	id := w.ask(find("voicemail", "", "")).first("ItemId").attr("Id")
	converted := w.ask(`<m:ConvertId DestinationFormat="EntryId"><m:SourceIds><t:AlternateId Format="EwsId" Id="` + id + `" Mailbox="tu@contoso.com"/></m:SourceIds></m:ConvertId>`)
	wantCode(t, converted, "NoError")
	um := func(user, op string) *tree {
		_, text := w.do(w.client(w.transport()), "POST", "https://mail.contoso.com/UnifiedMessaging/Service.asmx", user, password, soapHead+op+soapTail)
		return parseTree(t, text)
	}
	if got := um("tu", `<m:IsUMEnabled/>`).texts("IsUMEnabledResponse"); got[len(got)-1] != "true" {
		t.Errorf("tu: %q", got)
	}
	if got := um("kerry", `<m:IsUMEnabled/>`).texts("IsUMEnabledResponse"); got[len(got)-1] != "false" {
		t.Errorf("kerry: %q", got)
	}
	play := um("tu", `<m:PlayOnPhone><m:entryId>`+converted.first("AlternateId").attr("Id")+`</m:entryId><m:DialString>+14255550100</m:DialString></m:PlayOnPhone>`)
	calls := play.texts("PlayOnPhoneResponse")
	if len(calls) != 2 {
		t.Fatalf("%+v", play)
	}
	var states []string
	for range 4 {
		states = append(states, um("tu", `<m:GetCallInfo><m:CallId>`+calls[1]+`</m:CallId></m:GetCallInfo>`).texts("CallState")...)
	}
	if !slices.Equal(states, []string{"Connecting", "Alerted", "Connected", "Disconnected"}) {
		t.Errorf("states %q", states)
	}
	for _, op := range []string{`<m:PlayOnPhone/>`, `<m:Dance/>`, `<m:GetCallInfo><m:CallId>x</m:CallId></m:GetCallInfo>`} {
		if um("tu", op).first("Fault") == nil {
			t.Errorf("%s was taken", op)
		}
	}
}

func Test20PollersAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(w.transport())
	done := make(chan error)
	for i := range 20 {
		go func() {
			_, text, err := w.try(c, "POST", ewsURL, "tu", password, soapHead+inboxView+soapTail)
			if err == nil && !strings.Contains(text, "NoError") {
				err = fmt.Errorf("poller %d: %.200s", i, text)
			}
			done <- err
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := w.LeaveVoiceMail("tu", exchange.VoiceMail{WMA: true}); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Counters().Operations["FindItem"]; n != 20 {
		t.Errorf("%d polls", n)
	}
}
