package exchange_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSchemaInvalidRequestsAreFaults holds requests that Microsoft's schema
// forbids, each for another reason.
func TestSchemaInvalidRequestsAreFaults(t *testing.T) {
	s, _ := preparedServer(t)
	findItem, folder := validRequests["FindItem"], validRequests["GetFolder"]
	for name, request := range map[string]string{
		"no Traversal":                   strings.Replace(findItem, ` Traversal="Shallow"`, "", 1),
		"unknown Traversal":              strings.Replace(findItem, "Shallow", "Wide", 1),
		"Traversal of 2010":              strings.Replace(findItem, "Shallow", "Associated", 1),
		"Traversal of folders":           strings.Replace(findItem, "Shallow", "Deep", 1),
		"unknown BaseShape":              strings.Replace(findItem, "IdOnly", "PcxPeopleSearch", 1),
		"unknown FieldURI":               strings.Replace(findItem, `"item:Subject"`, `"item:Colour"`, 1),
		"FieldURI of 2010":               strings.Replace(findItem, `"item:Subject"`, `"item:ConversationId"`, 1),
		"unknown PropertyType":           strings.Replace(findItem, `PropertyType="Integer"`, `PropertyType="Int"`, 1),
		"no PropertyType":                strings.Replace(findItem, ` PropertyType="Integer"`, "", 1),
		"PropertyTag with type":          strings.Replace(findItem, "0x6801", "0x68010003", 1),
		"unknown property set":           strings.Replace(findItem, "PublicStrings", "Sharing", 1),
		"unknown folder":                 strings.Replace(folder, `"voicemail"`, `"conversationhistory"`, 1),
		"unknown attribute":              strings.Replace(folder, "<m:GetFolder>", `<m:GetFolder Traversal="Shallow">`, 1),
		"unknown element":                strings.Replace(folder, "<m:FolderIds>", "<m:Restriction/><m:FolderIds>", 1),
		"element of ItemShape":           strings.Replace(folder, "</t:BaseShape>", "</t:BaseShape><t:IncludeMimeContent>false</t:IncludeMimeContent>", 1),
		"no folder":                      `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds/></m:GetFolder>`,
		"no Id":                          `<m:DeleteItem DeleteType="HardDelete"><m:ItemIds><t:ItemId/></m:ItemIds></m:DeleteItem>`,
		"no DeleteType":                  `<m:DeleteItem><m:ItemIds><t:ItemId Id="x"/></m:ItemIds></m:DeleteItem>`,
		"And with one operand":           `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:Restriction><t:And><t:Exists><t:FieldURI FieldURI="item:Subject"/></t:Exists></t:And></m:Restriction><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>`,
		"order of properties":            `<m:CreateItem><m:Items><t:Contact><t:Surname>x</t:Surname><t:FileAs>y</t:FileAs></t:Contact></m:Items></m:CreateItem>`,
		"unknown key":                    `<m:CreateItem><m:Items><t:Contact><t:PhoneNumbers><t:Entry Key="Satellite">1</t:Entry></t:PhoneNumbers></t:Contact></m:Items></m:CreateItem>`,
		"no boolean":                     `<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message><t:IsRead>perhaps</t:IsRead></t:Message></m:Items></m:CreateItem>`,
		"no time":                        strings.Replace(validRequests["CreateItem, event"], "2008-04-01T10:00:00Z", "today", 1),
		"no BodyType":                    strings.Replace(validRequests["CreateItem"], ` BodyType="Text"`, "", 1),
		"subscription for a week":        strings.Replace(validRequests["Subscribe"], "30</t:Timeout>", "10080</t:Timeout>", 1),
		"event of 2010":                  strings.Replace(validRequests["Subscribe"], "CreatedEvent", "FreeBusyChangedEvent", 1),
		"all folders, as of 2010":        strings.Replace(validRequests["Subscribe"], "<m:PullSubscriptionRequest>", `<m:PullSubscriptionRequest SubscribeToAllFolders="true">`, 1),
		"more changes than 512":          strings.Replace(validRequests["SyncFolderItems"], "512", "513", 1),
		"no mailbox of an alternate id":  strings.Replace(validRequests["ConvertId"], "any@example.com", "", 1),
		"an entry that is no search":     strings.Replace(findItem, "<t:Exists>", "<t:Matches>", 1),
		"another type in another prefix": strings.ReplaceAll(folder, "t:BaseShape", "m:BaseShape"),
	} {
		if _, fault := s.Answer([]byte(soapHead + request + soapTail)); fault != "ErrorSchemaValidation" {
			t.Errorf("%s: %q", name, fault)
		}
	}
}

// update is an UpdateItem of one item with these changes.
func update(id, changes string) string {
	return `<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange><t:ItemId Id="` +
		id + `"/><t:Updates>` + changes + `</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`
}

// setField is a change of the property at path by the properties in an element.
func setField(path, element, properties string) string {
	return `<t:SetItemField>` + path + `<t:` + element + `>` + properties + `</t:` + element + `></t:SetItemField>`
}

func fieldURI(uri string) string { return `<t:FieldURI FieldURI="` + uri + `"/>` }

func constant(v string) string {
	return `<t:FieldURIOrConstant><t:Constant Value="` + v + `"/></t:FieldURIOrConstant>`
}

func search(folder, rest string) string { return find(folder, "", rest) }

func restriction(expression string) string {
	return `<m:Restriction>` + expression + `</m:Restriction>`
}

// TestValidRequestsWithoutSupportAreRefused holds requests of the schema that
// Exchange refuses, or the lab does not support, with the code.
func TestValidRequestsWithoutSupportAreRefused(t *testing.T) {
	s, ids := preparedServer(t)
	before := s.State()
	inbox := parseTree(t, s.Run([]byte(soapHead+getFolder("inbox")+soapTail))).first("FolderId").attr("Id")
	noSound := base64.StdEncoding.EncodeToString([]byte("\x00\x00\x16A" + strings.Repeat("\x00", 7) + "\x01" + strings.Repeat("\x00", 7) + "\x09tu"))
	others := strings.NewReplacer("{folder}", inbox, "{nosound}", noSound)

	const sort = `<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:Subject"/></t:FieldOrder></m:SortOrder>`
	const view = `<m:CalendarView StartDate="2008-04-01T00:00:00Z" EndDate="2008-04-02T00:00:00Z"/>`
	const subject, tag = `<t:Subject>x</t:Subject>`, `<t:ExtendedFieldURI PropertyTag="0x6801" PropertyType="Integer"/>`
	event, message := validRequests["CreateItem, event"], validRequests["CreateItem"]
	for _, row := range []struct{ name, request, code string }{
		// searches; all folders but the first are empty, so the restriction is judged without items
		{"calendar view of the inbox", search("inbox", view), "ErrorCalendarFolderIsInvalidForCalendarView"},
		{"calendar view with a sort order", search("calendar", view+sort), "ErrorInvalidOperation"},
		{"contacts view of the inbox", search("inbox", `<m:ContactsView InitialName="A"/>`), "ErrorInvalidFolderTypeForOperation"},
		{"grouping", search("inbox", `<m:DistinguishedGroupBy Order="Ascending"><t:StandardGroupBy>ConversationTopic</t:StandardGroupBy></m:DistinguishedGroupBy>`), "ErrorInvalidOperation"},
		{"no rows", search("notes", `<m:IndexedPageItemView MaxEntriesReturned="0" Offset="0" BasePoint="Beginning"/>`), "ErrorInvalidPagingMaxRows"},
		{"half of nothing", search("notes", `<m:FractionalPageItemView Numerator="1" Denominator="0"/>`), "ErrorInvalidFractionalPagingParameters"},
		{"three halves", search("notes", `<m:FractionalPageItemView Numerator="3" Denominator="2"/>`), "ErrorInvalidFractionalPagingParameters"},
		{"sort by attachments", search("notes", `<m:SortOrder><t:FieldOrder Order="Ascending">`+fieldURI("item:Attachments")+`</t:FieldOrder></m:SortOrder>`), "ErrorUnsupportedPathForSortGroup"},
		{"search for attachments", search("notes", restriction(`<t:Exists>`+fieldURI("item:Attachments")+`</t:Exists>`)), "ErrorUnsupportedPathForQuery"},
		{"search for a folder's property", search("notes", restriction(`<t:Exists>`+fieldURI("folder:DisplayName")+`</t:Exists>`)), "ErrorUnsupportedPathForQuery"},
		{"existence of a flag", search("notes", restriction(`<t:Exists>`+fieldURI("message:IsRead")+`</t:Exists>`)), "ErrorInvalidPropertyForExists"},
		{"time compared with true", search("notes", restriction(`<t:IsGreaterThan>`+fieldURI("item:DateTimeCreated")+constant("true")+`</t:IsGreaterThan>`)), "ErrorInvalidValueForProperty"},
		{"unknown sensitivity", search("notes", restriction(`<t:IsEqualTo>`+fieldURI("item:Sensitivity")+constant("Secret")+`</t:IsEqualTo>`)), "ErrorInvalidValueForProperty"},
		{"bits of a text", search("notes", restriction(`<t:Excludes>`+fieldURI("item:Subject")+`<t:Bitmask Value="1"/></t:Excludes>`)), "ErrorUnsupportedPathForQuery"},
		{"no bits", search("notes", restriction(`<t:Excludes>`+tag+`<t:Bitmask Value="0x"/></t:Excludes>`)), "ErrorInvalidExcludesRestriction"},
		{"300 expressions", search("notes", restriction(strings.Repeat("<t:Not>", 30)+`<t:Or>`+strings.Repeat(`<t:Exists>`+fieldURI("item:Subject")+`</t:Exists>`, 270)+`</t:Or>`+strings.Repeat("</t:Not>", 30))), "ErrorRestrictionTooLong"},
		{"restriction of folders", strings.Replace(validRequests["FindFolder"], `<t:ExtendedFieldURI PropertyTag="13843" PropertyType="String"/><t:FieldURIOrConstant>`, fieldURI("item:Subject")+`<t:FieldURIOrConstant>`, 1), "ErrorUnsupportedPathForQuery"},

		// paths
		{"named property by tag", strings.Replace(validRequests["FindItem"], "0x6801", "0x8233", 1), "ErrorNoPropertyTagForCustomProperties"},
		{"tag and set", strings.Replace(validRequests["FindItem"], `PropertyTag="0x6801"`, `PropertyTag="0x6801" DistinguishedPropertySetId="Common"`, 1), "ErrorInvalidExtendedProperty"},
		{"neither tag nor set", strings.Replace(validRequests["FindItem"], `PropertyTag="0x6801"`, "", 1), "ErrorInvalidExtendedProperty"},
		{"set without a name", strings.Replace(validRequests["FindItem"], `PropertyName="Keywords"`, "", 1), "ErrorInvalidExtendedProperty"},
		{"type Object", strings.Replace(validRequests["FindItem"], `PropertyType="Integer"`, `PropertyType="Object"`, 1), "ErrorUnsupportedMapiPropertyType"},
		{"unknown number", strings.Replace(validRequests["FindItem, contacts"], "BusinessPhone", "Satellite", 1), "ErrorInvalidPropertyRequest"},
		{"a folder's property that items have", strings.Replace(validRequests["GetFolder"], "folder:UnreadCount", "message:IsRead", 1), "ErrorInvalidPropertyRequest"},

		// ids
		{"folder as item", `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId Id="{folder}"/></m:ItemIds></m:GetItem>`, "ErrorCannotUseFolderIdForItemId"},
		{"item as folder", strings.Replace(validRequests["CopyItem"], `<t:DistinguishedFolderId Id="drafts"/>`, `<t:FolderId Id="{message}"/>`, 1), "ErrorCannotUseItemIdForFolderId"},
		{"no change key", strings.Replace(validRequests["GetItem"], "CQAAABYAAAA=", "?", 1), "ErrorInvalidChangeKey"},
		{"copy into a search folder", strings.Replace(validRequests["CopyItem"], "drafts", "voicemail", 1), "ErrorMoveCopyFailed"},
		{"copy to nowhere", strings.Replace(validRequests["CopyItem"], "drafts", "publicfoldersroot", 1), "ErrorToFolderNotFound"},
		{"synchronise nothing", strings.Replace(validRequests["SyncFolderItems"], `Id="contacts"`, `Id="publicfoldersroot"`, 1), "ErrorSyncFolderNotFound"},
		{"unknown state", strings.Replace(validRequests["SyncFolderItems"], "<m:SyncState>", "<m:SyncState>H4sIAAAA", 1), "ErrorInvalidSyncStateData"},
		{"another user's folder", strings.Replace(validRequests["FindItem"], "tu@contoso.com", "nobody@contoso.com", 1), "ErrorNonExistentMailbox"},
		{"fax address", strings.Replace(validRequests["FindItem"], "SMTP", "FAX", 1), "ErrorInvalidRoutingType"},
		{"contact as MIME", strings.Replace(validRequests["GetItem"], "{message}", "{contact}", 1), "ErrorUnsupportedMimeConversion"},
		{"sound that does not exist", strings.Replace(validRequests["GetAttachment"], "{sound}", "{nosound}", 1), "ErrorInvalidAttachmentId"},

		// creation
		{"task", `<m:CreateItem><m:Items><t:Task/></m:Items></m:CreateItem>`, "ErrorInvalidItemForOperationCreateItem"},
		{"message without disposition", strings.Replace(message, ` MessageDisposition="SaveOnly"`, "", 1), "ErrorMessageDispositionRequired"},
		{"message to be sent", strings.Replace(message, "SaveOnly", "SendAndSaveCopy", 1), "ErrorInvalidOperation"},
		{"event without invitations", strings.Replace(event, ` SendMeetingInvitations="SendToNone"`, "", 1), "ErrorSendMeetingInvitationsRequired"},
		{"event that ends before its start", strings.Replace(event, "11:00", "09:00", 1), "ErrorCalendarEndDateIsEarlierThanStartDate"},
		{"event in the inbox", strings.Replace(event, "<m:Items>", `<m:SavedItemFolderId><t:DistinguishedFolderId Id="inbox"/></m:SavedItemFolderId><m:Items>`, 1), "ErrorCannotCreateCalendarItemInNonCalendarFolder"},
		{"contact in the inbox", strings.Replace(validRequests["CreateItem, person"], "<m:Items>", `<m:SavedItemFolderId><t:DistinguishedFolderId Id="inbox"/></m:SavedItemFolderId><m:Items>`, 1), "ErrorCannotCreateContactInNonContactFolder"},
		{"message in a search folder", strings.Replace(message, "drafts", "voicemail", 1), "ErrorInvalidFolderTypeForOperation"},
		{"message nowhere", strings.Replace(message, "drafts", "publicfoldersroot", 1), "ErrorSavedItemFolderNotFound"},
		{"recurrence", strings.Replace(event, "</t:LegacyFreeBusyStatus>", "</t:LegacyFreeBusyStatus><t:Recurrence/>", 1), "ErrorInvalidPropertyForOperation"},
		{"MIME content", strings.Replace(message, "<t:ItemClass>", "<t:MimeContent>eA==</t:MimeContent><t:ItemClass>", 1), "ErrorMimeContentConversionFailed"},
		{"read-only property", strings.Replace(message, "<t:Categories>", "<t:Size>7</t:Size><t:Categories>", 1), "ErrorInvalidPropertySet"},
		{"class of a contact", strings.Replace(event, "<t:Subject>", "<t:ItemClass>IPM.Contact</t:ItemClass><t:Subject>", 1), "ErrorObjectTypeChanged"},
		{"text as a number", strings.Replace(message, `"0x6806" PropertyType="String"`, `"0x6801" PropertyType="Integer"`, 1), "ErrorInvalidExtendedPropertyValue"},
		{"one value of an array", strings.Replace(message, `"0x6806" PropertyType="String"`, `"0x6806" PropertyType="StringArray"`, 1), "ErrorInvalidExtendedPropertyValue"},

		// changes
		{"path of another property", update("{message}", setField(fieldURI("item:Subject"), "Message", `<t:IsRead>true</t:IsRead>`)), "ErrorUpdatePropertyMismatch"},
		{"element of another type", update("{message}", setField(fieldURI("item:Subject"), "Contact", subject)), "ErrorUpdatePropertyMismatch"},
		{"another entry", update("{contact}", setField(`<t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="Pager"/>`, "Contact", `<t:PhoneNumbers><t:Entry Key="Telex">1</t:Entry></t:PhoneNumbers>`)), "ErrorUpdatePropertyMismatch"},
		{"another part of an address", update("{contact}", setField(`<t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:City" FieldIndex="Home"/>`, "Contact", `<t:PhysicalAddresses><t:Entry Key="Home"><t:Street>x</t:Street></t:Entry></t:PhysicalAddresses>`)), "ErrorUpdatePropertyMismatch"},
		{"another extended property", update("{message}", setField(tag, "Message", `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x6804" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty>`)), "ErrorUpdatePropertyMismatch"},
		{"two properties", update("{message}", setField(fieldURI("item:Subject"), "Message", subject+`<t:IsRead>true</t:IsRead>`)), "ErrorIncorrectUpdatePropertyCount"},
		{"property of contacts", update("{message}", setField(fieldURI("contacts:Surname"), "Message", subject)), "ErrorInvalidPropertyRequest"},
		{"size", update("{message}", setField(fieldURI("item:Size"), "Message", `<t:Size>7</t:Size>`)), "ErrorInvalidPropertySet"},
		{"size in MAPI", update("{message}", setField(`<t:ExtendedFieldURI PropertyTag="0xe08" PropertyType="Integer"/>`, "Message", `<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0xe08" PropertyType="Integer"/><t:Value>7</t:Value></t:ExtendedProperty>`)), "ErrorInvalidPropertySet"},
		{"all numbers at once", update("{contact}", setField(fieldURI("contacts:PhoneNumbers"), "Contact", `<t:PhoneNumbers><t:Entry Key="Pager">1</t:Entry></t:PhoneNumbers>`)), "ErrorInvalidPropertySet"},
		{"appended subject", update("{message}", strings.ReplaceAll(setField(fieldURI("item:Subject"), "Message", subject), "SetItem", "AppendToItem")), "ErrorInvalidPropertyAppend"},
		{"HTML after text", update("{message}", strings.ReplaceAll(setField(fieldURI("item:Body"), "Message", `<t:Body BodyType="HTML">x</t:Body>`), "SetItem", "AppendToItem")), "ErrorInvalidPropertyAppend"},
		{"no size", update("{message}", `<t:DeleteItemField>`+fieldURI("item:Size")+`</t:DeleteItemField>`), "ErrorInvalidPropertyDelete"},
		{"end before the start", update("{event}", setField(fieldURI("calendar:End"), "CalendarItem", `<t:End>2001-01-01T00:00:00Z</t:End>`)), "ErrorCalendarEndDateIsEarlierThanStartDate"},
		{"event without invitations, changed", strings.Replace(validRequests["UpdateItem, event"], ` SendMeetingInvitationsOrCancellations="SendToNone"`, "", 1), "ErrorSendMeetingInvitationsOrCancellationsRequired"},

		// names and notifications
		{"no name", strings.Replace(validRequests["ResolveNames"], "bob", "-", 1), "ErrorInvalidNameForNameResolution"},
		{"names in the inbox", strings.Replace(validRequests["ResolveNames"], `"contacts"`, `"inbox"`, 1), "ErrorResolveNamesInvalidFolderType"},
		{"names in two folders", strings.Replace(validRequests["ResolveNames"], `<t:DistinguishedFolderId Id="contacts"/>`, `<t:DistinguishedFolderId Id="contacts"/><t:DistinguishedFolderId Id="contacts"/>`, 1), "ErrorResolveNamesOnlyOneContactsFolderAllowed"},
		{"subscription from the past", strings.Replace(validRequests["Subscribe"], "<t:Timeout>", "<t:Watermark>AAAAAAAAAAE=</t:Watermark><t:Timeout>", 1), "ErrorInvalidWatermark"},
		{"push", strings.Replace(strings.ReplaceAll(validRequests["Subscribe"], "Pull", "Push"), "<t:Timeout>30</t:Timeout>", "<t:StatusFrequency>30</t:StatusFrequency><t:URL>https://phone/</t:URL>", 1), "ErrorInvalidOperation"},
	} {
		request := others.Replace(ids.Replace(row.request))
		if bad, codes := refused(t, s, request); !bad || codes != row.code {
			t.Errorf("%s: %s, want %s", row.name, codes, row.code)
		}
		if s.State() != before {
			t.Fatalf("%s: the mailbox has changed", row.name)
		}
	}
}

// TestViewsShowTheirPart searches with each view, and in soft-deleted items.
func TestViewsShowTheirPart(t *testing.T) {
	s, ids := preparedServer(t)
	ask := func(request string) *tree {
		t.Helper()
		return parseTree(t, s.Run([]byte(soapHead+ids.Replace(request)+soapTail)))
	}
	name := fieldURI("contacts:DisplayName")
	all := ask(find("contacts", name, "")).texts("DisplayName")
	half := ask(find("contacts", name, `<m:FractionalPageItemView MaxEntriesReturned="2" Numerator="1" Denominator="2"/>`))
	root := half.first("RootFolder")
	if got := half.texts("DisplayName"); !slices.Equal(got, all[3:5]) || root.attr("NumeratorOffset") != "5" ||
		root.attr("AbsoluteDenominator") != "7" || root.attr("IncludesLastItemInRange") != "false" || root.attr("TotalItemsInView") != "7" {
		t.Errorf("a half: %q %v", got, root.Attrs)
	}
	people := ask(find("contacts", name, `<m:ContactsView InitialName="Bob" FinalName="Robert Smith"/>`))
	if got := people.texts("DisplayName"); !slices.Equal(got, []string{"Bob Kelly", "Kerry Miller", "Robert Smith"}) {
		t.Errorf("a contacts view: %q", got)
	}
	if got := ask(find("contacts", name, `<m:ContactsView MaxEntriesReturned="1" InitialName="A" FinalName="G"/>`)); len(got.texts("DisplayName")) != 1 ||
		got.first("RootFolder").attr("IncludesLastItemInRange") != "false" {
		t.Errorf("a short contacts view: %q", got.texts("DisplayName"))
	}
	for comparison, want := range map[string]int{"Exact": 0, "IgnoreCase": 0, "IgnoreNonSpacingCharacters": 0, "IgnoreCaseAndNonSpacingCharacters": 1} {
		got := ask(search("contacts", restriction(`<t:Contains ContainmentMode="Substring" ContainmentComparison="`+comparison+`">`+fieldURI("contacts:Surname")+`<t:Constant Value="DEGARD"/></t:Contains>`)))
		if n := len(got.all("ItemId")); n != want {
			t.Errorf("%s: %d contacts", comparison, n)
		}
	}
	for mask, want := range map[string]int{"1": 3, "0x10": 2, "0x11": 1, "2": 5} { // read, with attachments
		got := ask(search("inbox", restriction(`<t:Excludes><t:ExtendedFieldURI PropertyTag="0xe07" PropertyType="Integer"/><t:Bitmask Value="`+mask+`"/></t:Excludes>`)))
		if n := len(got.all("ItemId")); n != want {
			t.Errorf("without the bits %s: %d, want %d", mask, n, want)
		}
	}
	ask(`<m:DeleteItem DeleteType="SoftDelete"><m:ItemIds><t:ItemId Id="{message}"/></m:ItemIds></m:DeleteItem>`)
	deleted := strings.Replace(find("inbox", "", ""), "Shallow", "SoftDeleted", 1)
	if here, gone := len(ask(find("inbox", "", "")).all("ItemId")), len(ask(deleted).all("ItemId")); here != 4 || gone != 1 {
		t.Errorf("%d items, %d soft-deleted", here, gone)
	}
	if n := len(ask(strings.Replace(find("contacts", "", ""), "Shallow", "SoftDeleted", 1)).all("ItemId")); n != 0 {
		t.Errorf("%d soft-deleted contacts", n)
	}
}

// TestChangesReachTheProperty changes each kind of property and reads it again.
func TestChangesReachTheProperty(t *testing.T) {
	phone := `<t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="Pager"/>`
	city := `<t:IndexedFieldURI FieldURI="contacts:PhysicalAddress:City" FieldIndex="Home"/>`
	mobile := `<t:ExtendedFieldURI PropertyTag="0x3A1C" PropertyType="String"/>`
	keywords := `<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="Keywords" PropertyType="StringArray"/>`
	added := func(change string) string { return strings.ReplaceAll(change, "SetItem", "AppendToItem") }
	for _, row := range []struct{ name, id, changes, path, want string }{
		{"appended body", "{message}", setField(fieldURI("item:Body"), "Message", `<t:Body BodyType="Text">1</t:Body>`) +
			added(setField(fieldURI("item:Body"), "Message", `<t:Body BodyType="Text">2</t:Body>`)), fieldURI("item:Body"), `<t:Body BodyType="Text">12</t:Body>`},
		{"appended recipient", "{message}", added(setField(fieldURI("message:ToRecipients"), "Message",
			`<t:ToRecipients><t:Mailbox><t:EmailAddress>a@b.c</t:EmailAddress></t:Mailbox></t:ToRecipients>`)), fieldURI("message:ToRecipients"),
			`<t:EmailAddress>tu@contoso.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox><t:Mailbox><t:Name>a@b.c</t:Name>`},
		{"number", "{contact}", setField(phone, "Contact", `<t:PhoneNumbers><t:Entry Key="Pager">77</t:Entry></t:PhoneNumbers>`), phone, `<t:Entry Key="Pager">77</t:Entry>`},
		{"part of an address", "{contact}", setField(city, "Contact", `<t:PhysicalAddresses><t:Entry Key="Home"><t:City>Oslo</t:City></t:Entry></t:PhysicalAddresses>`),
			fieldURI("contacts:PhysicalAddresses"), `<t:Entry Key="Home"><t:City>Oslo</t:City></t:Entry>`},
		{"number of MAPI", "{contact}", setField(mobile, "Contact", `<t:ExtendedProperty>`+mobile+`<t:Value>88</t:Value></t:ExtendedProperty>`),
			fieldURI("contacts:PhoneNumbers"), `<t:Entry Key="MobilePhone">88</t:Entry>`},
		{"list of MAPI", "{message}", setField(keywords, "Message", `<t:ExtendedProperty>`+keywords+`<t:Values><t:Value>Red</t:Value><t:Value>Blue</t:Value></t:Values></t:ExtendedProperty>`),
			fieldURI("item:Categories"), `<t:Categories><t:String>Red</t:String><t:String>Blue</t:String></t:Categories>`},
		{"list", "{message}", setField(fieldURI("item:Categories"), "Item", `<t:Categories><t:String>Red</t:String></t:Categories>`),
			keywords, `<t:Values><t:Value>Red</t:Value></t:Values>`},
		{"number in a list of MAPI", "{message}", setField(fieldURI("item:Sensitivity"), "Message", `<t:Sensitivity>Private</t:Sensitivity>`),
			`<t:ExtendedFieldURI PropertyTag="54" PropertyType="Integer"/>`, `<t:ExtendedFieldURI PropertyTag="0x36" PropertyType="Integer"></t:ExtendedFieldURI><t:Value>2</t:Value>`},
		{"flags of MAPI", "{message}", setField(`<t:ExtendedFieldURI PropertyTag="0xe07" PropertyType="Integer"/>`, "Message",
			`<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0xe07" PropertyType="Integer"/><t:Value>0</t:Value></t:ExtendedProperty>`),
			fieldURI("message:IsRead"), `<t:IsRead>false</t:IsRead>`},
		{"HTML", "{message}", setField(fieldURI("item:Body"), "Message", `<t:Body BodyType="HTML">&lt;b&gt;bold&lt;/b&gt;</t:Body>`), fieldURI("item:Body"), `<t:Body BodyType="HTML">`},
	} {
		s, ids := preparedServer(t)
		request := ids.Replace(update(row.id, row.changes))
		if bad, codes := refused(t, s, request); bad {
			t.Errorf("%s: %s", row.name, codes)
		}
		got := s.Run([]byte(soapHead + ids.Replace(`<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>`+row.path+
			`</t:AdditionalProperties></m:ItemShape><m:ItemIds><t:ItemId Id="`+row.id+`"/></m:ItemIds></m:GetItem>`) + soapTail))
		if got = strings.ReplaceAll(got, `"/>`, `"></t:ExtendedFieldURI>`); !strings.Contains(got, row.want) {
			t.Errorf("%s: no %s in %s", row.name, row.want, got)
		}
	}
}

// TestAddressesAreKept creates a contact with everything that the schema has for
// its addresses.
func TestAddressesAreKept(t *testing.T) {
	s, _ := preparedServer(t)
	made := parseTree(t, s.Run([]byte(soapHead+validRequests["CreateItem, person"]+soapTail)))
	got := s.Run([]byte(soapHead + getItem(`<t:ItemId Id="`+made.first("ItemId").attr("Id")+`"/>`) + soapTail))
	for _, want := range []string{`<t:Entry Key="Home"><t:Street>Main 1</t:Street><t:City>Hellerup</t:City></t:Entry>`, `<t:Entry Key="Pager">1</t:Entry>`, `<t:FileAsMapping>Company<`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

// TestMIMEContent reads items as messages and as appointments.
func TestMIMEContent(t *testing.T) {
	s, ids := preparedServer(t)
	for id, wants := range map[string][]string{
		"{message}": {"From: \"Terry Adams\" <terry@contoso.com>\r\n", "Content-Type: multipart/mixed", "audio/wma"},
		"{event}":   {"BEGIN:VEVENT\r\n", "DTSTART:20080325T090000Z\r\n", "SUMMARY:Staff meeting\r\n", "ORGANIZER;CN=", "END:VCALENDAR\r\n"},
	} {
		answer := parseTree(t, s.Run([]byte(soapHead+ids.Replace(strings.Replace(validRequests["GetItem"], "{message}", id, 1))+soapTail)))
		b, err := base64.StdEncoding.DecodeString(answer.first("MimeContent").Text)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s: no %q in %.600s", id, want, b)
			}
		}
	}
}

// TestSynchronisationReportsEachChangeOnce follows a folder through creations,
// changes and deletions, three changes at a time.
func TestSynchronisationReportsEachChangeOnce(t *testing.T) {
	w := newWorld(t, nil)
	state := ""
	sync := func() (changes []string) {
		t.Helper()
		for {
			answer := w.ask(`<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:SyncState>` +
				state + `</m:SyncState><m:MaxChangesReturned>3</m:MaxChangesReturned></m:SyncFolderItems>`)
			wantCode(t, answer, "NoError")
			state = answer.first("SyncState").Text
			for _, c := range answer.first("Changes").Kids {
				changes = append(changes, c.XMLName.Local+" "+c.first("ItemId").attr("Id"))
			}
			if answer.first("IncludesLastItemInRange").Text == "true" {
				return changes
			}
		}
	}
	first := sync()
	if len(first) != 5 || slices.ContainsFunc(first, func(c string) bool { return !strings.HasPrefix(c, "Create ") }) {
		t.Fatalf("at first: %q", first)
	}
	if again := sync(); again != nil {
		t.Errorf("without a change: %q", again)
	}
	id := func(i int) string { return strings.TrimPrefix(first[i], "Create ") }
	w.ask(update(id(0), setField(fieldURI("message:IsRead"), "Message", `<t:IsRead>true</t:IsRead>`)))
	w.ask(update(id(1), setField(fieldURI("item:Subject"), "Message", `<t:Subject>new</t:Subject>`)))
	w.ask(`<m:DeleteItem DeleteType="MoveToDeletedItems"><m:ItemIds><t:ItemId Id="` + id(2) + `"/></m:ItemIds></m:DeleteItem>`)
	w.ask(`<m:DeleteItem DeleteType="SoftDelete"><m:ItemIds><t:ItemId Id="` + id(3) + `"/></m:ItemIds></m:DeleteItem>`)
	copied := w.ask(`<m:CopyItem><m:ToFolderId><t:DistinguishedFolderId Id="inbox"/></m:ToFolderId><m:ItemIds><t:ItemId Id="` + id(4) + `"/></m:ItemIds></m:CopyItem>`)
	want := []string{"ReadFlagChange " + id(0), "Update " + id(1), "Delete " + id(2), "Delete " + id(3), "Create " + copied.first("ItemId").attr("Id")}
	if got := sync(); !slices.Equal(got, want) {
		t.Errorf("then %q\nwant %q", got, want)
	}
	if again := sync(); again != nil {
		t.Errorf("at the end: %q", again)
	}
}

// TestEventsOfMovedAndCopiedItemsHaveTheFormerIds is MovedCopiedEventType of the schema.
func TestEventsOfMovedAndCopiedItemsHaveTheFormerIds(t *testing.T) {
	w := newWorld(t, nil)
	old := w.ask(find("inbox", "", "")).first("ItemId").attr("Id")
	sub := w.ask(`<m:Subscribe><m:PullSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="junkemail"/></t:FolderIds><t:EventTypes><t:EventType>MovedEvent</t:EventType><t:EventType>CopiedEvent</t:EventType></t:EventTypes><t:Timeout>30</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>`)
	for _, op := range []string{"CopyItem", "MoveItem"} {
		answer := w.ask(fmt.Sprintf(`<m:%s><m:ToFolderId><t:DistinguishedFolderId Id="junkemail"/></m:ToFolderId><m:ItemIds><t:ItemId Id="%s"/></m:ItemIds></m:%[1]s>`, op, old))
		if id := answer.first("ItemId"); id == nil || id.attr("Id") == old {
			t.Errorf("%s: %+v", op, answer)
		}
	}
	events := w.ask(`<m:GetEvents><m:SubscriptionId>` + sub.first("SubscriptionId").Text + `</m:SubscriptionId><m:Watermark>` + sub.first("Watermark").Text + `</m:Watermark></m:GetEvents>`)
	for _, kind := range []string{"CopiedEvent", "MovedEvent"} {
		if e := events.first(kind); e == nil || e.first("OldItemId").attr("Id") != old || e.first("OldParentFolderId") == nil {
			t.Errorf("%s: %+v", kind, e)
		}
	}
}

func TestFoldersShowPropertiesOfMAPI(t *testing.T) {
	w := newWorld(t, nil)
	shape := ""
	for _, p := range []string{`"0x3613" PropertyType="String"`, `"0x3602" PropertyType="Integer"`, `"0x3603" PropertyType="Integer"`,
		`"0x360a" PropertyType="Boolean"`, `"0x670a" PropertyType="SystemTime"`, `"0x3001" PropertyType="String"`} {
		shape += `<t:ExtendedFieldURI PropertyTag=` + p + `/>`
	}
	w.clock.Advance(time.Hour)
	w.ask(validRequests["CreateItem, person"])
	got := w.ask(`<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>` + shape +
		`</t:AdditionalProperties></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="contacts"/></m:FolderIds></m:GetFolder>`)
	if values := got.texts("Value"); !slices.Equal(values, []string{"IPF.Contact", "8", "0", "false", "2008-04-01T11:00:00Z", "Contacts"}) {
		t.Errorf("%q", values)
	}
}
