package exchange_test

import (
	"encoding/xml"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/lab/exchange"
)

func TestSchemaTableIsComplete(t *testing.T) {
	if missing := exchange.CheckTable(); missing != nil {
		t.Errorf("not in the table: %q", missing)
	}
}

// validRequests are requests that the lab serves, at least one of each operation.
// {message}, {contact}, {event} and {sound} are ids.
var validRequests = map[string]string{
	"FindItem":            `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>false</t:IncludeMimeContent><t:BodyType>Text</t:BodyType><t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/><t:ExtendedFieldURI PropertyTag="0x6801" PropertyType="Integer"/><t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="Keywords" PropertyType="StringArray"/><t:ExtendedFieldURI PropertySetId="00062008-0000-0000-c000-000000000046" PropertyId="34160" PropertyType="String"/></t:AdditionalProperties></m:ItemShape><m:IndexedPageItemView MaxEntriesReturned="50" Offset="0" BasePoint="Beginning"/><m:Restriction><t:And><t:Or><t:Contains ContainmentMode="Prefixed" ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI="item:ItemClass"/><t:Constant Value="IPM.Note"/></t:Contains><t:IsEqualTo><t:FieldURI FieldURI="message:IsRead"/><t:FieldURIOrConstant><t:Constant Value="true"/></t:FieldURIOrConstant></t:IsEqualTo></t:Or><t:Not><t:IsGreaterThan><t:FieldURI FieldURI="item:Size"/><t:FieldURIOrConstant><t:FieldURI FieldURI="item:Size"/></t:FieldURIOrConstant></t:IsGreaterThan></t:Not><t:Exists><t:FieldURI FieldURI="item:Subject"/></t:Exists><t:Excludes><t:ExtendedFieldURI PropertyTag="0xe07" PropertyType="Integer"/><t:Bitmask Value="0x80"/></t:Excludes></t:And></m:Restriction><m:SortOrder><t:FieldOrder Order="Descending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:Name>Test</t:Name><t:EmailAddress>tu@contoso.com</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType></t:Mailbox></t:DistinguishedFolderId></m:ParentFolderIds></m:FindItem>`,
	"FindItem, calendar":  `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape><m:CalendarView MaxEntriesReturned="100" StartDate="2008-04-01T00:00:00Z" EndDate="2008-04-02T00:00:00Z"/><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>`,
	"FindItem, contacts":  `<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="BusinessPhone"/></t:AdditionalProperties></m:ItemShape><m:ContactsView MaxEntriesReturned="3" InitialName="A" FinalName="L"/><m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderIds></m:FindItem>`,
	"FindItem, fraction":  `<m:FindItem Traversal="SoftDeleted"><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:FractionalPageItemView MaxEntriesReturned="3" Numerator="1" Denominator="2"/><m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderIds></m:FindItem>`,
	"FindFolder":          `<m:FindFolder Traversal="Deep"><m:FolderShape><t:BaseShape>Default</t:BaseShape><t:AdditionalProperties><t:ExtendedFieldURI PropertyTag="0x3613" PropertyType="String"/></t:AdditionalProperties></m:FolderShape><m:FractionalPageFolderView MaxEntriesReturned="3" Numerator="0" Denominator="1"/><m:Restriction><t:IsEqualTo><t:ExtendedFieldURI PropertyTag="13843" PropertyType="String"/><t:FieldURIOrConstant><t:Constant Value="IPF.Note"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds><t:DistinguishedFolderId Id="root"/></m:ParentFolderIds></m:FindFolder>`,
	"GetFolder":           `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:UnreadCount"/></t:AdditionalProperties></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="voicemail"/></m:FolderIds></m:GetFolder>`,
	"GetItem":             `<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent><t:BodyType>HTML</t:BodyType></m:ItemShape><m:ItemIds><t:ItemId Id="{message}" ChangeKey="CQAAABYAAAA="/></m:ItemIds></m:GetItem>`,
	"GetAttachment":       `<m:GetAttachment><m:AttachmentShape><t:IncludeMimeContent>false</t:IncludeMimeContent></m:AttachmentShape><m:AttachmentIds><t:AttachmentId Id="{sound}"/></m:AttachmentIds></m:GetAttachment>`,
	"CreateItem":          `<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId><t:DistinguishedFolderId Id="drafts"/></m:SavedItemFolderId><m:Items><t:Message><t:ItemClass>IPM.Note</t:ItemClass><t:Subject>x</t:Subject><t:Sensitivity>Private</t:Sensitivity><t:Body BodyType="Text">y</t:Body><t:Categories><t:String>Red</t:String></t:Categories><t:Importance>High</t:Importance><t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x6806" PropertyType="String"/><t:Value>z</t:Value></t:ExtendedProperty><t:ToRecipients><t:Mailbox><t:EmailAddress>kerry@contoso.com</t:EmailAddress></t:Mailbox></t:ToRecipients><t:IsRead>true</t:IsRead></t:Message></m:Items></m:CreateItem>`,
	"CreateItem, event":   `<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Subject>x</t:Subject><t:Start>2008-04-01T10:00:00Z</t:Start><t:End>2008-04-01T11:00:00Z</t:End><t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus></t:CalendarItem></m:Items></m:CreateItem>`,
	"CreateItem, person":  `<m:CreateItem><m:Items><t:Contact><t:FileAs>x</t:FileAs><t:FileAsMapping>Company</t:FileAsMapping><t:PhysicalAddresses><t:Entry Key="Home"><t:Street>Main 1</t:Street><t:City>Hellerup</t:City></t:Entry></t:PhysicalAddresses><t:PhoneNumbers><t:Entry Key="Pager">1</t:Entry></t:PhoneNumbers></t:Contact></m:Items></m:CreateItem>`,
	"UpdateItem":          `<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"><m:ItemChanges><t:ItemChange><t:ItemId Id="{message}"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="item:Subject"/><t:Message><t:Subject>new</t:Subject></t:Message></t:SetItemField><t:AppendToItemField><t:FieldURI FieldURI="item:Body"/><t:Message><t:Body BodyType="Text">more</t:Body></t:Message></t:AppendToItemField><t:DeleteItemField><t:FieldURI FieldURI="message:Sender"/></t:DeleteItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`,
	"UpdateItem, event":   `<m:UpdateItem ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="SendToNone"><m:ItemChanges><t:ItemChange><t:ItemId Id="{event}"/><t:Updates><t:SetItemField><t:FieldURI FieldURI="calendar:Location"/><t:CalendarItem><t:Location>new</t:Location></t:CalendarItem></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`,
	"UpdateItem, number":  `<m:UpdateItem ConflictResolution="AlwaysOverwrite"><m:ItemChanges><t:ItemChange><t:ItemId Id="{contact}"/><t:Updates><t:SetItemField><t:IndexedFieldURI FieldURI="contacts:PhoneNumber" FieldIndex="Pager"/><t:Contact><t:PhoneNumbers><t:Entry Key="Pager">1</t:Entry></t:PhoneNumbers></t:Contact></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`,
	"DeleteItem":          `<m:DeleteItem DeleteType="SoftDelete" SendMeetingCancellations="SendToNone"><m:ItemIds><t:ItemId Id="{event}"/></m:ItemIds></m:DeleteItem>`,
	"CopyItem":            `<m:CopyItem><m:ToFolderId><t:DistinguishedFolderId Id="drafts"/></m:ToFolderId><m:ItemIds><t:ItemId Id="{message}"/></m:ItemIds></m:CopyItem>`,
	"MoveItem":            `<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="junkemail"/></m:ToFolderId><m:ItemIds><t:ItemId Id="{message}"/></m:ItemIds></m:MoveItem>`,
	"ResolveNames":        `<m:ResolveNames ReturnFullContactData="true" SearchScope="Contacts"><m:ParentFolderIds><t:DistinguishedFolderId Id="contacts"/></m:ParentFolderIds><m:UnresolvedEntry>bob</m:UnresolvedEntry></m:ResolveNames>`,
	"ConvertId":           `<m:ConvertId DestinationFormat="EntryId"><m:SourceIds><t:AlternateId Format="EwsId" Id="{message}" Mailbox="any@example.com"/></m:SourceIds></m:ConvertId>`,
	"Subscribe":           `<m:Subscribe><m:PullSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds><t:EventTypes><t:EventType>CreatedEvent</t:EventType></t:EventTypes><t:Timeout>30</t:Timeout></m:PullSubscriptionRequest></m:Subscribe>`,
	"GetEvents":           `<m:GetEvents><m:SubscriptionId>{subscription}</m:SubscriptionId><m:Watermark>{watermark}</m:Watermark></m:GetEvents>`,
	"Unsubscribe":         `<m:Unsubscribe><m:SubscriptionId>{subscription}</m:SubscriptionId></m:Unsubscribe>`,
	"SyncFolderItems":     `<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="contacts"/></m:SyncFolderId><m:SyncState></m:SyncState><m:Ignore><t:ItemId Id="{contact}"/></m:Ignore><m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>`,
	"SyncFolderHierarchy": `<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:SyncFolderId><t:DistinguishedFolderId Id="root"/></m:SyncFolderId></m:SyncFolderHierarchy>`,
}

// allowed returns the perturbations that a server of 2007 serves, with the reason.
func allowed() map[string]string {
	all := map[string]string{}
	add := func(change, reason, names string) {
		for name := range strings.FieldsSeq(names) {
			all[change+" "+name] = reason
		}
	}
	add("drop", "it is optional in the schema", `
		m:AttachmentShape m:CalendarView m:CalendarView@MaxEntriesReturned m:ContactsView
		m:ContactsView@FinalName m:ContactsView@InitialName m:ContactsView@MaxEntriesReturned
		m:FractionalPageFolderView m:FractionalPageFolderView@MaxEntriesReturned m:FractionalPageItemView
		m:FractionalPageItemView@MaxEntriesReturned m:Ignore m:IndexedPageItemView
		m:IndexedPageItemView@MaxEntriesReturned m:ParentFolderIds m:ResolveNames@SearchScope
		m:Restriction m:SavedItemFolderId m:SortOrder m:SyncFolderId m:SyncState t:AdditionalProperties
		t:Body t:BodyType t:Categories t:City t:Contains@ContainmentComparison t:Contains@ContainmentMode
		t:End t:ExtendedProperty t:FileAs t:FileAsMapping t:Importance t:IncludeMimeContent t:IsRead
		t:ItemClass t:ItemId@ChangeKey t:LegacyFreeBusyStatus t:Name t:PhoneNumbers t:PhysicalAddresses
		t:RoutingType t:Sensitivity t:Start t:Street t:Subject t:ToRecipients`)
	add("drop", "others of its kind are left, or its parent may be empty", `
		t:AppendToItemField t:DeleteItemField t:Excludes t:Exists t:ExtendedFieldURI t:FieldURI t:ItemId
		t:Mailbox t:Not t:Or t:SetItemField t:String`)
	add("duplicate", "it may be repeated", `
		t:AlternateId t:AppendToItemField t:AttachmentId t:CalendarItem t:Contact t:Contains
		t:DeleteItemField t:DistinguishedFolderId t:Entry t:EventType t:Excludes t:Exists
		t:ExtendedFieldURI t:ExtendedProperty t:FieldOrder t:FieldURI t:IndexedFieldURI t:IsEqualTo
		t:ItemChange t:ItemId t:Mailbox t:Message t:Not t:Or t:SetItemField t:String`)
	add("change the text of", "it is a free text", `
		t:Body t:City t:EmailAddress t:Entry t:FileAs t:ItemClass t:Location t:Name t:Street t:String
		t:Subject t:Value`)
	add("change", "it is a free text", `
		m:ContactsView@FinalName m:ContactsView@InitialName t:AlternateId@Mailbox t:Constant@Value
		t:ExtendedFieldURI@PropertyName`)
	return all
}

// perturbation is a change of one element of a request.
type perturbation struct {
	what  string // "drop t:Subject"
	apply func(n, parent *xmlElement)
}

// xmlElement is an element of a request that can be changed.
type xmlElement struct {
	name  string
	attrs []xml.Attr
	text  string
	kids  []*xmlElement
}

func (n *xmlElement) write(b *strings.Builder) {
	b.WriteString("<" + n.name)
	for _, a := range n.attrs {
		b.WriteString(" " + a.Name.Local + `="`)
		_ = xml.EscapeText(b, []byte(a.Value))
		b.WriteString(`"`)
	}
	b.WriteString(">")
	_ = xml.EscapeText(b, []byte(n.text))
	for _, k := range n.kids {
		k.write(b)
	}
	b.WriteString("</" + n.name + ">")
}

func (n *xmlElement) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

// readElement reads a request with the prefixes m and t.
func readElement(t *testing.T, text string) *xmlElement {
	t.Helper()
	var convert func(*tree) *xmlElement
	convert = func(n *tree) *xmlElement {
		e := &xmlElement{name: n.XMLName.Space + ":" + n.XMLName.Local, attrs: n.Attrs}
		if len(n.Kids) == 0 {
			e.text = n.Text
		}
		for _, k := range n.Kids {
			e.kids = append(e.kids, convert(k))
		}
		return e
	}
	return convert(parseTree(t, text)) // undeclared prefixes stay as they are
}

// perturbations returns all that are made to n, a child of parent.
func perturbations(n, parent *xmlElement) (list []perturbation) {
	add := func(what string, apply func(n, parent *xmlElement)) {
		list = append(list, perturbation{what + " " + n.name, apply})
	}
	if parent != nil {
		add("drop", func(n, parent *xmlElement) {
			parent.kids = slices.DeleteFunc(parent.kids, func(k *xmlElement) bool { return k == n })
		})
		add("duplicate", func(n, parent *xmlElement) {
			parent.kids = slices.Insert(parent.kids, slices.Index(parent.kids, n), n)
		})
	}
	add("rename", func(n, _ *xmlElement) { n.name += "X" })
	add("change the namespace of", func(n, _ *xmlElement) {
		n.name = map[byte]string{'m': "t", 't': "m"}[n.name[0]] + n.name[1:]
	})
	add("add a child to", func(n, _ *xmlElement) { n.kids = append(n.kids, &xmlElement{name: "t:Unknown"}) })
	add("add an attribute to", func(n, _ *xmlElement) {
		n.attrs = append(n.attrs, xml.Attr{Name: xml.Name{Local: "Unknown"}, Value: "1"})
	})
	add("change the text of", func(n, _ *xmlElement) { n.text += "~no value~" })
	for i, a := range n.attrs {
		list = append(list,
			perturbation{"drop " + n.name + "@" + a.Name.Local, func(n, _ *xmlElement) { n.attrs = slices.Delete(n.attrs, i, i+1) }},
			perturbation{"change " + n.name + "@" + a.Name.Local, func(n, _ *xmlElement) { n.attrs[i].Value = "~no value~" }})
	}
	return list
}

// count returns the number of elements of n.
func (n *xmlElement) count() int {
	sum := 1
	for _, k := range n.kids {
		sum += k.count()
	}
	return sum
}

// at returns the element number i of n, in document order, and its parent.
func (n *xmlElement) at(i int) (found, parent *xmlElement) {
	if i == 0 {
		return n, nil
	}
	i--
	for _, k := range n.kids {
		if size := k.count(); i >= size {
			i -= size
			continue
		}
		if i == 0 {
			return k, n
		}
		return k.at(i)
	}
	return nil, nil
}

// preparedServer returns a server, and replaces the ids in requests by its own.
func preparedServer(t *testing.T) (*exchange.Server, *strings.Replacer) {
	t.Helper()
	s := exchange.NewForFuzz()
	ask := func(op string) *tree {
		t.Helper()
		answer, fault := s.Answer([]byte(soapHead + op + soapTail))
		if fault != "" {
			t.Fatalf("%s: %s", fault, op)
		}
		return parseTree(t, answer)
	}
	first := func(folder string) string { return ask(find(folder, "", "")).first("ItemId").attr("Id") }
	message := first("voicemail")
	sound := ask(getItem(`<t:ItemId Id="` + message + `"/>`)).first("AttachmentId").attr("Id")
	sub := ask(validRequests["Subscribe"])
	return s, strings.NewReplacer("{message}", message, "{contact}", first("contacts"), "{event}", first("calendar"), "{sound}", sound,
		"{subscription}", sub.first("SubscriptionId").Text, "{watermark}", sub.first("Watermark").Text)
}

// refused reports whether the answer to a request is a fault, or response messages
// with errors alone.
func refused(t *testing.T, s *exchange.Server, request string) (bool, string) {
	t.Helper()
	answer, fault := s.Answer([]byte(soapHead + request + soapTail))
	if fault != "" {
		return true, fault
	}
	codes := parseTree(t, answer).texts("ResponseCode")
	return !slices.Contains(codes, "NoError"), strings.Join(codes, " ")
}

// TestPerturbedRequestsAreRefused changes each part of valid requests. The answer
// is an error that leaves the mailbox as it was, or the change is allowed.
func TestPerturbedRequestsAreRefused(t *testing.T) {
	allowed := allowed()
	unused := maps.Clone(allowed)
	for _, name := range slices.Sorted(maps.Keys(validRequests)) {
		s, ids := preparedServer(t)
		text := ids.Replace(validRequests[name])
		if bad, codes := refused(t, s, text); bad {
			t.Errorf("%s: the valid request is refused: %s", name, codes)
			continue
		}
		original := readElement(t, text)
		s, _ = preparedServer(t) // with the same ids
		before := s.State()
		for i := range original.count() {
			n, parent := original.at(i)
			for j, p := range perturbations(n, parent) {
				changed := readElement(t, text)
				n, parent := changed.at(i)
				perturbations(n, parent)[j].apply(n, parent)
				bad, codes := refused(t, s, changed.String())
				unchanged := s.State() == before
				delete(unused, p.what)
				switch {
				case bad && !unchanged:
					t.Errorf("%s: %s: %s, but the mailbox has changed", name, p.what, codes)
				case !bad && allowed[p.what] == "":
					t.Errorf("%s: %s: served", name, p.what)
				}
				if !unchanged {
					s, _ = preparedServer(t)
				}
			}
		}
	}
	for what := range unused {
		t.Errorf("never done: %s", what)
	}
}
