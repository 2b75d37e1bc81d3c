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
	kind      *kind
	inDefault bool // in the BaseShape Default
}

// run is a sequence of properties of one kind. elements are their elements,
// separated by spaces: "=" and a name follow an element whose name in the URI
// differs, and "*" marks a property of the BaseShape Default.
type run struct {
	kind     *kind
	elements string
}

// properties appends the properties of a namespace to those of base.
func properties(namespace string, base []property, runs ...run) []property {
	all := slices.Clone(base)
	for _, r := range runs {
		for field := range strings.FieldsSeq(r.elements) {
			names, inDefault := strings.CutSuffix(field, "*")
			element, name, _ := strings.Cut(names, "=")
			all = append(all, property{namespace + ":" + cmp.Or(name, element), element, r.kind, inDefault})
		}
	}
	return all
}

var itemProperties = properties("item", nil,
	run{unsupported, "MimeContent"},
	run{itemID, "ItemId*"},
	run{parentFolder, "ParentFolderId"},
	run{text, "ItemClass Subject* Sensitivity*"},
	run{body, "Body*"},
	run{attachments, "Attachments*"},
	run{dateTime, "DateTimeReceived"},
	run{number, "Size"},
	run{unsupported, "Categories"},
	run{text, "Importance InReplyTo"},
	run{boolean, "IsSubmitted IsDraft IsFromMe IsResend IsUnmodified"},
	run{unsupported, "InternetMessageHeaders"},
	run{dateTime, "DateTimeSent DateTimeCreated"},
	run{unsupported, "ResponseObjects"},
	run{dateTime, "ReminderDueBy"},
	run{boolean, "ReminderIsSet"},
	run{number, "ReminderMinutesBeforeStart"},
	run{text, "DisplayCc DisplayTo"},
	run{boolean, "HasAttachments*"},
	run{extended, "ExtendedProperty"},
	run{text, "Culture"},
	run{unsupported, "EffectiveRights"},
	run{text, "LastModifiedName"},
	run{dateTime, "LastModifiedTime"},
)

var messageProperties = properties("message", itemProperties,
	run{person, "Sender ToRecipients*"},
	run{unsupported, "CcRecipients BccRecipients"},
	run{boolean, "IsReadReceiptRequested IsDeliveryReceiptRequested"},
	run{text, "ConversationIndex ConversationTopic"},
	run{person, "From*"},
	run{text, "InternetMessageId"},
	run{boolean, "IsRead* IsResponseRequested"},
	run{text, "References"},
	run{unsupported, "ReplyTo"},
	run{person, "ReceivedBy ReceivedRepresenting"},
)

var contactProperties = properties("contacts", itemProperties,
	run{text, "FileAs* FileAsMapping DisplayName* GivenName Initials MiddleName Nickname"},
	run{unsupported, "CompleteName"},
	run{text, "CompanyName*"},
	run{entries, "EmailAddresses=EmailAddress*"},
	run{unsupported, "PhysicalAddresses=PhysicalAddress"},
	run{entries, "PhoneNumbers=PhoneNumber*"},
	run{text, "AssistantName"},
	run{dateTime, "Birthday"},
	run{text, "BusinessHomePage"},
	run{unsupported, "Children Companies ContactSource"},
	run{text, "Department Generation"},
	run{entries, "ImAddresses=ImAddress*"},
	run{text, "JobTitle Manager Mileage OfficeLocation PostalAddressIndex Profession SpouseName Surname"},
	run{dateTime, "WeddingAnniversary"},
)

var calendarProperties = properties("calendar", itemProperties,
	run{text, "UID"},
	run{unsupported, "RecurrenceId"},
	run{dateTime, "DateTimeStamp Start* End*"},
	run{unsupported, "OriginalStart"},
	run{boolean, "IsAllDayEvent"},
	run{text, "LegacyFreeBusyStatus* Location* When"},
	run{boolean, "IsMeeting IsCancelled IsRecurring MeetingRequestWasSent IsResponseRequested"},
	run{text, "CalendarItemType* MyResponseType"},
	run{person, "Organizer*"},
	run{unsupported, "RequiredAttendees OptionalAttendees Resources"},
)

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
