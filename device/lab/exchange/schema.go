package exchange

import (
	"slices"
	"strings"
	"sync"
)

// The schema of requests: what each element of an operation of the lab may hold
// (docs/protocol/exchange-ews.md#validation-against-the-schema). A request that
// departs from it is the fault ErrorSchemaValidation.

// element describes an element.
type element struct {
	// attributes are names and types separated by spaces: "Id! ChangeKey" or
	// "Traversal!=Shallow|Deep". "!" marks a required attribute; the default type is
	// string.
	attributes string
	// content is one of: "" for an empty element, "any" for one that is not checked,
	// "=" and a type for a text, or the sequence of child elements. There, "|"
	// separates alternatives; "?" marks optional ones, "*" any number, and "+" one
	// or more.
	content string
}

// Parts of content that several elements have.
const (
	anyPath       = "t:FieldURI|t:IndexedFieldURI|t:ExtendedFieldURI"
	anyExpression = "t:And|t:Or|t:Not|t:Exists|t:Excludes|t:Contains|t:IsEqualTo|t:IsNotEqualTo|t:IsGreaterThan|" +
		"t:IsGreaterThanOrEqualTo|t:IsLessThan|t:IsLessThanOrEqualTo"
	anyItemID   = "t:ItemId|t:OccurrenceItemId|t:RecurringMasterItemId"
	anyFolderID = "t:FolderId|t:DistinguishedFolderId"
	anyItem     = "t:Item|t:Message|t:CalendarItem|t:Contact|t:DistributionList|t:MeetingMessage|t:MeetingRequest|" +
		"t:MeetingResponse|t:MeetingCancellation|t:Task|t:PostItem"
	anyResponse = "t:ReplyToItem|t:ForwardItem|t:ReplyAllToItem|t:AcceptItem|t:TentativelyAcceptItem|t:DeclineItem|" +
		"t:CancelCalendarItem|t:RemoveItem|t:SuppressReadReceipt|t:PostReplyItem"
	itemView = "m:IndexedPageItemView|m:FractionalPageItemView|m:CalendarView|m:ContactsView?"
	grouping = "m:GroupBy|m:DistinguishedGroupBy?"

	deleteType         = "DeleteType!=HardDelete|SoftDelete|MoveToDeletedItems"
	messageDisposition = "MessageDisposition=SaveOnly|SendOnly|SendAndSaveCopy"
	sortDirection      = "Order!=Ascending|Descending"
	rows               = "MaxEntriesReturned=int"
	sendToAll          = "SendToNone|SendOnlyToAll|SendToAllAndSaveCopy"
)

// schema is the table, by name; a name may begin with that of the parent and "/". It
// is made when the first request comes, since every command would wait for it.
var schema = sync.OnceValue(func() map[string]element {
	return withProperties(map[string]element{
		"m:FindItem": {"Traversal!=Shallow|SoftDeleted",
			"m:ItemShape " + itemView + " " + grouping + " m:Restriction? m:SortOrder? m:ParentFolderIds"},
		"m:FindFolder": {"Traversal!=Shallow|Deep|SoftDeleted",
			"m:FolderShape m:IndexedPageFolderView|m:FractionalPageFolderView? m:Restriction? m:ParentFolderIds"},
		"m:GetFolder":     {"", "m:FolderShape m:FolderIds"},
		"m:GetItem":       {"", "m:ItemShape m:ItemIds"},
		"m:GetAttachment": {"", "m:AttachmentShape? m:AttachmentIds"},
		"m:CreateItem":    {messageDisposition + " SendMeetingInvitations=" + sendToAll, "m:SavedItemFolderId? m:Items"},
		"m:UpdateItem": {"ConflictResolution!=NeverOverwrite|AutoResolve|AlwaysOverwrite " + messageDisposition +
			" SendMeetingInvitationsOrCancellations=SendOnlyToChanged|SendToChangedAndSaveCopy|" + sendToAll,
			"m:SavedItemFolderId? m:ItemChanges"},
		"m:DeleteItem": {deleteType + " SendMeetingCancellations=" + sendToAll +
			" AffectedTaskOccurrences=AllOccurrences|SpecifiedOccurrenceOnly", "m:ItemIds"},
		"m:CopyItem": {"", "m:ToFolderId m:ItemIds"},
		"m:MoveItem": {"", "m:ToFolderId m:ItemIds"},
		"m:ResolveNames": {"ReturnFullContactData!=boolean " +
			"SearchScope=ActiveDirectory|ActiveDirectoryContacts|Contacts|ContactsActiveDirectory",
			"m:ParentFolderIds? m:UnresolvedEntry"},
		"m:ConvertId":           {"DestinationFormat!=" + idFormats, "m:SourceIds"},
		"m:Subscribe":           {"", "m:PullSubscriptionRequest|m:PushSubscriptionRequest"},
		"m:GetEvents":           {"", "m:SubscriptionId m:Watermark"},
		"m:Unsubscribe":         {"", "m:SubscriptionId"},
		"m:SyncFolderHierarchy": {"", "m:FolderShape m:SyncFolderId? m:SyncState?"},
		"m:SyncFolderItems":     {"", "m:ItemShape m:SyncFolderId m:SyncState? m:Ignore? m:MaxChangesReturned"},

		// shapes and paths
		"m:ItemShape":            {"", "t:BaseShape t:IncludeMimeContent? t:BodyType? t:AdditionalProperties?"},
		"m:FolderShape":          {"", "t:BaseShape t:AdditionalProperties?"},
		"m:AttachmentShape":      {"", "t:IncludeMimeContent? t:BodyType? t:AdditionalProperties?"},
		"t:BaseShape":            {"", "=IdOnly|Default|AllProperties"},
		"t:IncludeMimeContent":   {"", "=boolean"},
		"t:BodyType":             {"", "=Best|HTML|Text"},
		"t:AdditionalProperties": {"", anyPath + "+"},
		"t:FieldURI":             {"FieldURI!=fieldURI", ""},
		"t:IndexedFieldURI":      {"FieldURI!=" + indexedURIs + " FieldIndex!", ""},
		"t:ExtendedFieldURI": {"DistinguishedPropertySetId=Meeting|Appointment|Common|PublicStrings|Address|" +
			"InternetHeaders|CalendarAssistant|UnifiedMessaging|Task PropertySetId=guid PropertyTag=tag PropertyName " +
			"PropertyId=int PropertyType!=" + mapiTypes, ""},

		// views
		"m:IndexedPageItemView":      {rows + " Offset!=int BasePoint!=Beginning|End", ""},
		"m:IndexedPageFolderView":    {rows + " Offset!=int BasePoint!=Beginning|End", ""},
		"m:FractionalPageItemView":   {rows + " Numerator!=int Denominator!=int", ""},
		"m:FractionalPageFolderView": {rows + " Numerator!=int Denominator!=int", ""},
		"m:CalendarView":             {rows + " StartDate!=dateTime EndDate!=dateTime", ""},
		"m:ContactsView":             {rows + " InitialName FinalName", ""},
		"m:GroupBy":                  {sortDirection, anyPath + " t:AggregateOn"},
		"t:AggregateOn":              {"Aggregate!=Minimum|Maximum", anyPath},
		"m:DistinguishedGroupBy":     {sortDirection, "t:StandardGroupBy"},
		"t:StandardGroupBy":          {"", "=ConversationTopic"},
		"m:SortOrder":                {"", "t:FieldOrder+"},
		"t:FieldOrder":               {sortDirection, anyPath},

		// restrictions
		"m:Restriction": {"", anyExpression},
		"t:And":         {"", anyExpression + " " + anyExpression + "+"},
		"t:Or":          {"", anyExpression + " " + anyExpression + "+"},
		"t:Not":         {"", anyExpression},
		"t:Exists":      {"", anyPath},
		"t:Excludes":    {"", anyPath + " t:Bitmask"},
		"t:Bitmask":     {"Value!=bitmask", ""},
		"t:Contains": {"ContainmentMode=" + containmentModes + " ContainmentComparison=" + comparisonModes,
			anyPath + " t:Constant"},
		"t:Constant":               {"Value!", ""},
		"t:IsEqualTo":              {"", anyPath + " t:FieldURIOrConstant"},
		"t:IsNotEqualTo":           {"", anyPath + " t:FieldURIOrConstant"},
		"t:IsGreaterThan":          {"", anyPath + " t:FieldURIOrConstant"},
		"t:IsGreaterThanOrEqualTo": {"", anyPath + " t:FieldURIOrConstant"},
		"t:IsLessThan":             {"", anyPath + " t:FieldURIOrConstant"},
		"t:IsLessThanOrEqualTo":    {"", anyPath + " t:FieldURIOrConstant"},
		"t:FieldURIOrConstant":     {"", anyPath + "|t:Constant"},

		// ids
		"m:ParentFolderIds":             {"", anyFolderID + "+"},
		"m:FolderIds":                   {"", anyFolderID + "+"},
		"m:SavedItemFolderId":           {"", anyFolderID},
		"m:ToFolderId":                  {"", anyFolderID},
		"m:SyncFolderId":                {"", anyFolderID},
		"t:FolderId":                    {"Id! ChangeKey", ""},
		"t:DistinguishedFolderId":       {"Id!=" + distinguishedFolders + " ChangeKey", "t:Mailbox?"},
		"m:ItemIds":                     {"", anyItemID + "+"},
		"m:Ignore":                      {"", "t:ItemId*"},
		"t:ItemId":                      {"Id! ChangeKey", ""},
		"t:OccurrenceItemId":            {"RecurringMasterId! ChangeKey InstanceIndex!=int", ""},
		"t:RecurringMasterItemId":       {"OccurrenceId! ChangeKey", ""},
		"m:AttachmentIds":               {"", "t:AttachmentId+"},
		"t:AttachmentId":                {"Id!", ""},
		"m:SourceIds":                   {"", "t:AlternateId|t:AlternatePublicFolderId|t:AlternatePublicFolderItemId+"},
		"t:AlternateId":                 {"Format!=" + idFormats + " Id! Mailbox!=nonEmpty", ""},
		"t:AlternatePublicFolderId":     {"Format!=" + idFormats + " FolderId!", ""},
		"t:AlternatePublicFolderItemId": {"Format!=" + idFormats + " FolderId! ItemId!", ""},

		// names, notifications and synchronisation
		"m:UnresolvedEntry":         {"", "=nonEmpty"},
		"m:PullSubscriptionRequest": {"", "t:FolderIds t:EventTypes t:Watermark? t:Timeout"},
		"m:PushSubscriptionRequest": {"", "t:FolderIds t:EventTypes t:Watermark? t:StatusFrequency t:URL"},
		"t:FolderIds":               {"", anyFolderID + "+"},
		"t:EventTypes":              {"", "t:EventType+"},
		"t:EventType":               {"", "=CopiedEvent|CreatedEvent|DeletedEvent|ModifiedEvent|MovedEvent|NewMailEvent"},
		"t:Watermark":               {"", "=nonEmpty"},
		"t:Timeout":                 {"", "=minutes"},
		"t:StatusFrequency":         {"", "=minutes"},
		"t:URL":                     {"", "=string"},
		"m:SubscriptionId":          {"", "=nonEmpty"},
		"m:Watermark":               {"", "=nonEmpty"},
		"m:SyncState":               {"", "=string"},
		"m:MaxChangesReturned":      {"", "=changes"},

		// items and their changes
		"m:Items":             {"", anyItem + "|" + anyResponse + "+"},
		"m:ItemChanges":       {"", "t:ItemChange+"},
		"t:ItemChange":        {"", anyItemID + " t:Updates"},
		"t:Updates":           {"", "t:AppendToItemField|t:SetItemField|t:DeleteItemField+"},
		"t:SetItemField":      {"", anyPath + " " + anyItem},
		"t:AppendToItemField": {"", anyPath + " " + anyItem},
		"t:DeleteItemField":   {"", anyPath},

		// parts of properties
		"t:Mailbox":                {"", "t:Name? t:EmailAddress? t:RoutingType? t:MailboxType? t:ItemId?"},
		"t:Name":                   {"", "=string"},
		"t:EmailAddress":           {"", "=nonEmpty"},
		"t:RoutingType":            {"", "=nonEmpty"},
		"t:MailboxType":            {"", "=Mailbox|PublicDL|PrivateDL|Contact|PublicFolder"},
		"t:String":                 {"", "=string"},
		"t:Value":                  {"", "=string"},
		"t:Values":                 {"", "t:Value+"},
		"t:EmailAddresses/t:Entry": {"Key!=" + entryKeys["contacts:EmailAddress"], "=string"},
		"t:PhoneNumbers/t:Entry":   {"Key!=" + entryKeys["contacts:PhoneNumber"], "=string"},
		"t:ImAddresses/t:Entry":    {"Key!=" + entryKeys["contacts:ImAddress"], "=string"},
		"t:PhysicalAddresses/t:Entry": {"Key!=" + entryKeys["contacts:PhysicalAddress"],
			"t:Street? t:City? t:State? t:CountryOrRegion? t:PostalCode?"},
		"t:Street":          {"", "=string"},
		"t:City":            {"", "=string"},
		"t:State":           {"", "=string"},
		"t:CountryOrRegion": {"", "=string"},
		"t:PostalCode":      {"", "=string"},
	})
})

// Enumerations of the schema that are long or occur several times.
const (
	idFormats            = "EwsLegacyId|EwsId|EntryId|HexEntryId|StoreId|OwaId"
	distinguishedFolders = "calendar|contacts|deleteditems|drafts|inbox|journal|notes|outbox|sentitems|tasks|" +
		"msgfolderroot|publicfoldersroot|root|junkemail|searchfolders|voicemail"
	containmentModes = "FullString|Prefixed|Substring|PrefixOnWords|ExactPhrase"
	comparisonModes  = "Exact|IgnoreCase|IgnoreNonSpacingCharacters|Loose|IgnoreCaseAndNonSpacingCharacters|" +
		"LooseAndIgnoreCase|LooseAndIgnoreNonSpace|LooseAndIgnoreCaseAndIgnoreNonSpace"
	indexedURIs = "item:InternetMessageHeader|contacts:ImAddress|contacts:PhysicalAddress:Street|" +
		"contacts:PhysicalAddress:City|contacts:PhysicalAddress:State|contacts:PhysicalAddress:CountryOrRegion|" +
		"contacts:PhysicalAddress:PostalCode|contacts:PhoneNumber|contacts:EmailAddress"
	mapiTypes = "ApplicationTime|ApplicationTimeArray|Binary|BinaryArray|Boolean|CLSID|CLSIDArray|Currency|" +
		"CurrencyArray|Double|DoubleArray|Error|Float|FloatArray|Integer|IntegerArray|Long|LongArray|Null|Object|" +
		"ObjectArray|Short|ShortArray|String|StringArray|SystemTime|SystemTimeArray"
)

// otherURIs are the URIs of properties that the schema has and no item of the
// lab, by namespace.
var otherURIs = map[string]string{
	"folder": "FolderId ParentFolderId DisplayName UnreadCount TotalCount ChildFolderCount FolderClass " +
		"SearchParameters ManagedFolderInformation PermissionSet EffectiveRights",
	"meeting":        "AssociatedCalendarItemId IsDelegated IsOutOfDate HasBeenProcessed ResponseType",
	"meetingRequest": "MeetingRequestType IntendedFreeBusyStatus",
	"task": "ActualWork AssignedTime BillingInformation ChangeCount Companies CompleteDate Contacts " +
		"DelegationState Delegator DueDate IsAssignmentEditable IsComplete IsRecurring IsTeamTask Mileage Owner " +
		"PercentComplete Recurrence StartDate Status StatusDescription TotalWork",
	"contacts": "Culture",
	"postitem": "PostedTime",
}

// fieldURIs are the values of FieldURI in the schema. schema fills it.
var fieldURIs = map[string]bool{}

// withProperties adds the items and their properties to the table, and fills
// fieldURIs.
func withProperties(table map[string]element) map[string]element {
	for namespace, names := range otherURIs {
		for name := range strings.FieldsSeq(names) {
			fieldURIs[namespace+":"+name] = true
		}
	}
	for name, all := range itemElements {
		var content []string
		for _, p := range all {
			occurs := "?"
			if p.kind == extended {
				occurs = "*"
			} else {
				fieldURIs[p.unindexed()] = true
			}
			content = append(content, "t:"+p.element+occurs)
			table["t:"+p.element] = p.kind.element
		}
		table["t:"+name] = element{content: strings.Join(content, " ")}
	}
	for _, name := range strings.Split(anyItem+"|"+anyResponse, "|") {
		if _, ok := table[name]; !ok { // of a type that the lab does not have
			table[name] = element{content: "any"}
		}
	}
	return table
}

// otherURI reports whether the schema has a property that no item of the lab has.
func otherURI(namespace, uri string) bool {
	name, ok := strings.CutPrefix(uri, namespace+":")
	return ok && slices.Contains(strings.Fields(otherURIs[namespace]), name)
}
