package exchange

import (
	"cmp"
	"slices"
	"strings"
)

// The properties of items: the elements of
// docs/protocol/exchange-items.md#item-classes-and-properties,
// docs/protocol/exchange-contacts.md#contacts and
// docs/protocol/exchange-calendar.md#calendar-view in the order of the schema,
// which is required in requests and answers.

type property struct {
	uri       string // "item:Subject"
	element   string
	kind      kind
	inDefault bool // in the BaseShape Default
}

var itemProperties = []property{
	{"item:MimeContent", "MimeContent", unsupported, false},
	{"item:ItemId", "ItemId", itemID, true},
	{"item:ParentFolderId", "ParentFolderId", parentFolder, false},
	{"item:ItemClass", "ItemClass", text, false},
	{"item:Subject", "Subject", text, true},
	{"item:Sensitivity", "Sensitivity", text, true},
	{"item:Body", "Body", body, true},
	{"item:Attachments", "Attachments", attachments, true},
	{"item:DateTimeReceived", "DateTimeReceived", dateTime, false},
	{"item:Size", "Size", number, false},
	{"item:Categories", "Categories", unsupported, false},
	{"item:Importance", "Importance", text, false},
	{"item:InReplyTo", "InReplyTo", text, false},
	{"item:IsSubmitted", "IsSubmitted", boolean, false},
	{"item:IsDraft", "IsDraft", boolean, false},
	{"item:IsFromMe", "IsFromMe", boolean, false},
	{"item:IsResend", "IsResend", boolean, false},
	{"item:IsUnmodified", "IsUnmodified", boolean, false},
	{"item:InternetMessageHeaders", "InternetMessageHeaders", unsupported, false},
	{"item:DateTimeSent", "DateTimeSent", dateTime, false},
	{"item:DateTimeCreated", "DateTimeCreated", dateTime, false},
	{"item:ResponseObjects", "ResponseObjects", unsupported, false},
	{"item:ReminderDueBy", "ReminderDueBy", dateTime, false},
	{"item:ReminderIsSet", "ReminderIsSet", boolean, false},
	{"item:ReminderMinutesBeforeStart", "ReminderMinutesBeforeStart", number, false},
	{"item:DisplayCc", "DisplayCc", text, false},
	{"item:DisplayTo", "DisplayTo", text, false},
	{"item:HasAttachments", "HasAttachments", boolean, true},
	{"", "ExtendedProperty", extended, false},
	{"item:Culture", "Culture", text, false},
	{"item:EffectiveRights", "EffectiveRights", unsupported, false},
	{"item:LastModifiedName", "LastModifiedName", text, false},
	{"item:LastModifiedTime", "LastModifiedTime", dateTime, false},
}

var messageProperties = slices.Concat(itemProperties, []property{
	{"message:Sender", "Sender", person, false},
	{"message:ToRecipients", "ToRecipients", person, true},
	{"message:CcRecipients", "CcRecipients", unsupported, false},
	{"message:BccRecipients", "BccRecipients", unsupported, false},
	{"message:IsReadReceiptRequested", "IsReadReceiptRequested", boolean, false},
	{"message:IsDeliveryReceiptRequested", "IsDeliveryReceiptRequested", boolean, false},
	{"message:ConversationIndex", "ConversationIndex", text, false},
	{"message:ConversationTopic", "ConversationTopic", text, false},
	{"message:From", "From", person, true},
	{"message:InternetMessageId", "InternetMessageId", text, false},
	{"message:IsRead", "IsRead", boolean, true},
	{"message:IsResponseRequested", "IsResponseRequested", boolean, false},
	{"message:References", "References", text, false},
	{"message:ReplyTo", "ReplyTo", unsupported, false},
	{"message:ReceivedBy", "ReceivedBy", person, false},
	{"message:ReceivedRepresenting", "ReceivedRepresenting", person, false},
})

var contactProperties = slices.Concat(itemProperties, []property{
	{"contacts:FileAs", "FileAs", text, true},
	{"contacts:FileAsMapping", "FileAsMapping", text, false},
	{"contacts:DisplayName", "DisplayName", text, true},
	{"contacts:GivenName", "GivenName", text, false},
	{"contacts:Initials", "Initials", text, false},
	{"contacts:MiddleName", "MiddleName", text, false},
	{"contacts:Nickname", "Nickname", text, false},
	{"contacts:CompleteName", "CompleteName", unsupported, false},
	{"contacts:CompanyName", "CompanyName", text, true},
	{"contacts:EmailAddress", "EmailAddresses", entries, true},
	{"contacts:PhysicalAddress", "PhysicalAddresses", unsupported, false},
	{"contacts:PhoneNumber", "PhoneNumbers", entries, true},
	{"contacts:AssistantName", "AssistantName", text, false},
	{"contacts:Birthday", "Birthday", dateTime, false},
	{"contacts:BusinessHomePage", "BusinessHomePage", text, false},
	{"contacts:Children", "Children", unsupported, false},
	{"contacts:Companies", "Companies", unsupported, false},
	{"contacts:ContactSource", "ContactSource", unsupported, false},
	{"contacts:Department", "Department", text, false},
	{"contacts:Generation", "Generation", text, false},
	{"contacts:ImAddress", "ImAddresses", entries, true},
	{"contacts:JobTitle", "JobTitle", text, false},
	{"contacts:Manager", "Manager", text, false},
	{"contacts:Mileage", "Mileage", text, false},
	{"contacts:OfficeLocation", "OfficeLocation", text, false},
	{"contacts:PostalAddressIndex", "PostalAddressIndex", text, false},
	{"contacts:Profession", "Profession", text, false},
	{"contacts:SpouseName", "SpouseName", text, false},
	{"contacts:Surname", "Surname", text, false},
	{"contacts:WeddingAnniversary", "WeddingAnniversary", dateTime, false},
})

var calendarProperties = slices.Concat(itemProperties, []property{
	{"calendar:UID", "UID", text, false},
	{"calendar:RecurrenceId", "RecurrenceId", unsupported, false},
	{"calendar:DateTimeStamp", "DateTimeStamp", dateTime, false},
	{"calendar:Start", "Start", dateTime, true},
	{"calendar:End", "End", dateTime, true},
	{"calendar:OriginalStart", "OriginalStart", unsupported, false},
	{"calendar:IsAllDayEvent", "IsAllDayEvent", boolean, false},
	{"calendar:LegacyFreeBusyStatus", "LegacyFreeBusyStatus", text, true},
	{"calendar:Location", "Location", text, true},
	{"calendar:When", "When", text, false},
	{"calendar:IsMeeting", "IsMeeting", boolean, false},
	{"calendar:IsCancelled", "IsCancelled", boolean, false},
	{"calendar:IsRecurring", "IsRecurring", boolean, false},
	{"calendar:MeetingRequestWasSent", "MeetingRequestWasSent", boolean, false},
	{"calendar:IsResponseRequested", "IsResponseRequested", boolean, false},
	{"calendar:CalendarItemType", "CalendarItemType", text, true},
	{"calendar:MyResponseType", "MyResponseType", text, false},
	{"calendar:Organizer", "Organizer", person, true},
	{"calendar:RequiredAttendees", "RequiredAttendees", unsupported, false},
	{"calendar:OptionalAttendees", "OptionalAttendees", unsupported, false},
	{"calendar:Resources", "Resources", unsupported, false},
})

// propertiesOf returns the properties of items with that element.
func propertiesOf(element string) []property {
	switch element {
	case "Contact":
		return contactProperties
	case "CalendarItem":
		return calendarProperties
	}
	return messageProperties
}

// entryKeys are the keys of the Entry elements of a property, complete and in the
// order of the schema (docs/protocol/exchange-contacts.md#contacts).
var entryKeys = map[string][]string{
	"contacts:PhoneNumber": {
		"AssistantPhone", "BusinessFax", "BusinessPhone", "BusinessPhone2", "Callback", "CarPhone",
		"CompanyMainPhone", "HomeFax", "HomePhone", "HomePhone2", "Isdn", "MobilePhone", "OtherFax",
		"OtherTelephone", "Pager", "PrimaryPhone", "RadioPhone", "Telex", "TtyTddPhone",
	},
	"contacts:EmailAddress": {"EmailAddress1", "EmailAddress2", "EmailAddress3"},
	"contacts:ImAddress":    {"ImAddress1", "ImAddress2", "ImAddress3"},
}

// contentModels are the sequences of the children of an element: "|" separates
// alternatives, "?" marks optional ones
// (docs/protocol/exchange-ews.md#transport-and-envelope: order matters).
var contentModels = map[string]string{
	"m:FindItem": "m:ItemShape m:IndexedPageItemView|m:FractionalPageItemView|m:CalendarView|m:ContactsView? " +
		"m:GroupBy|m:DistinguishedGroupBy? m:Restriction? m:SortOrder? m:ParentFolderIds",
	"m:FindFolder": "m:FolderShape m:IndexedPageFolderView|m:FractionalPageFolderView? m:Restriction? " +
		"m:ParentFolderIds",
	"m:GetFolder":               "m:FolderShape m:FolderIds",
	"m:ItemShape":               "t:BaseShape t:IncludeMimeContent? t:BodyType? t:AdditionalProperties?",
	"m:FolderShape":             "t:BaseShape t:IncludeMimeContent? t:BodyType? t:AdditionalProperties?",
	"m:GetItem":                 "m:ItemShape m:ItemIds",
	"m:GetAttachment":           "m:AttachmentShape? m:AttachmentIds",
	"m:CreateItem":              "m:SavedItemFolderId? m:Items",
	"m:UpdateItem":              "m:SavedItemFolderId? m:ItemChanges",
	"t:ItemChange":              "t:ItemId|t:OccurrenceItemId|t:RecurringMasterItemId t:Updates",
	"m:DeleteItem":              "m:ItemIds",
	"m:ResolveNames":            "m:ParentFolderIds? m:UnresolvedEntry",
	"m:ConvertId":               "m:SourceIds",
	"m:Subscribe":               "m:PullSubscriptionRequest|m:PushSubscriptionRequest",
	"m:PullSubscriptionRequest": "t:FolderIds t:EventTypes t:Watermark? t:Timeout",
	"m:GetEvents":               "m:SubscriptionId m:Watermark",
	"m:Unsubscribe":             "m:SubscriptionId",
}

// checkContent checks that n and the elements inside it have their content model.
// parse has bounded the depth.
func checkContent(n *node) error {
	if model := contentModels[n.Name.Local]; model != "" {
		if err := checkChildren(n, model); err != nil {
			return err
		}
	}
	for _, c := range n.Children {
		if err := checkContent(c); err != nil {
			return err
		}
	}
	return nil
}

func checkChildren(n *node, model string) error {
	rest := n.Children
	for step := range strings.FieldsSeq(model) {
		step, optional := strings.CutSuffix(step, "?")
		switch {
		case len(rest) > 0 && slices.Contains(strings.Split(step, "|"), rest[0].Name.Local):
			rest = rest[1:]
		case optional:
		case len(rest) == 0:
			return schemaError(n, "the element '"+n.Name.Local+"' has incomplete content, expected '"+step+"'")
		default:
			return invalidChild(n, rest[0])
		}
	}
	if len(rest) > 0 {
		return invalidChild(n, rest[0])
	}
	return nil
}

// invalidChild is the error for a child of n that its content model does not have
// at that place.
func invalidChild(n, child *node) error {
	return schemaError(child, "the element '"+n.Name.Local+"' has invalid child element '"+child.Name.Local+"'")
}

// messageTexts are the texts of Exchange for response codes.
var messageTexts = map[string]string{
	"ErrorServerBusy":                    "The server is too busy for this request.",
	"ErrorInvalidServerVersion":          "The specified server version is invalid.",
	"ErrorSchemaValidation":              "The request failed schema validation.",
	"ErrorInvalidIdMalformed":            "Id is malformed.",
	"ErrorItemNotFound":                  "The specified object was not found in the store.",
	"ErrorFolderNotFound":                "The specified folder could not be found in the store.",
	"ErrorAccessDenied":                  "Access is denied. Check credentials and try again.",
	"ErrorNonExistentMailbox":            "The SMTP address has no mailbox associated with it.",
	"ErrorNameResolutionNoResults":       "No results were found.",
	"ErrorNameResolutionMultipleResults": "Multiple results were found.",
	"ErrorInternalServerError":           "An internal server error occurred. Try again later.",
}

func messageText(code string) string {
	return cmp.Or(messageTexts[code], "The request was refused with "+code+".")
}
