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
	readOnly  bool // set by the server alone
}

// run is a sequence of properties of one kind. elements are their elements,
// separated by spaces: "=" and a name follow an element whose name in the URI
// differs, "*" marks a property of the BaseShape Default, and "!" one that is
// read-only.
type run struct {
	kind     *kind
	elements string
}

// properties appends the properties of a namespace to those of base.
func properties(namespace string, base []property, runs ...run) []property {
	all := slices.Clone(base)
	for _, r := range runs {
		for field := range strings.FieldsSeq(r.elements) {
			names, readOnly := strings.CutSuffix(field, "!")
			names, inDefault := strings.CutSuffix(names, "*")
			element, name, _ := strings.Cut(names, "=")
			all = append(all, property{
				uri:       namespace + ":" + cmp.Or(name, element),
				element:   element,
				kind:      r.kind,
				inDefault: inDefault,
				readOnly:  readOnly,
			})
		}
	}
	return all
}

var itemProperties = properties("item", nil,
	run{mimeContent, "MimeContent"},
	run{itemID, "ItemId*!"},
	run{parentFolder, "ParentFolderId!"},
	run{text, "ItemClass Subject*"},
	run{sensitivity, "Sensitivity*"},
	run{body, "Body*"},
	run{attachments, "Attachments*!"},
	run{dateTime, "DateTimeReceived!"},
	run{number, "Size!"},
	run{texts, "Categories"},
	run{importance, "Importance"},
	run{text, "InReplyTo"},
	run{flag, "IsSubmitted! IsDraft! IsFromMe! IsResend! IsUnmodified!"},
	run{absent, "InternetMessageHeaders!"},
	run{dateTime, "DateTimeSent! DateTimeCreated!"},
	run{absent, "ResponseObjects!"},
	run{dateTime, "ReminderDueBy"},
	run{boolean, "ReminderIsSet"},
	run{number, "ReminderMinutesBeforeStart"},
	run{text, "DisplayCc! DisplayTo!"},
	run{boolean, "HasAttachments*!"},
	run{extended, "ExtendedProperty"},
	run{text, "Culture"},
	run{rights, "EffectiveRights!"},
	run{text, "LastModifiedName!"},
	run{dateTime, "LastModifiedTime!"},
)

var messageProperties = properties("message", itemProperties,
	run{person, "Sender"},
	run{people, "ToRecipients* CcRecipients BccRecipients"},
	run{boolean, "IsReadReceiptRequested IsDeliveryReceiptRequested"},
	run{octets, "ConversationIndex!"},
	run{text, "ConversationTopic!"},
	run{person, "From*"},
	run{text, "InternetMessageId"},
	run{flag, "IsRead*"},
	run{boolean, "IsResponseRequested"},
	run{text, "References"},
	run{people, "ReplyTo"},
	run{person, "ReceivedBy ReceivedRepresenting"},
)

var contactProperties = properties("contacts", itemProperties,
	run{text, "FileAs*"},
	run{choice("None|LastCommaFirst|FirstSpaceLast|Company|LastCommaFirstCompany|CompanyLastFirst|LastFirst|" +
		"LastFirstCompany|CompanyLastCommaFirst|LastFirstSuffix|LastSpaceFirstCompany|CompanyLastSpaceFirst|" +
		"LastSpaceFirst"), "FileAsMapping"},
	run{text, "DisplayName* GivenName Initials MiddleName Nickname"},
	run{absent, "CompleteName!"},
	run{text, "CompanyName*"},
	run{entries, "EmailAddresses=EmailAddress*"},
	run{addresses, "PhysicalAddresses=PhysicalAddress"},
	run{entries, "PhoneNumbers=PhoneNumber*"},
	run{text, "AssistantName"},
	run{dateTime, "Birthday"},
	run{text, "BusinessHomePage"},
	run{texts, "Children Companies"},
	run{text, "ContactSource! Department Generation"},
	run{entries, "ImAddresses=ImAddress*"},
	run{text, "JobTitle Manager Mileage OfficeLocation"},
	run{choice("None|Business|Home|Other"), "PostalAddressIndex"},
	run{text, "Profession SpouseName Surname"},
	run{dateTime, "WeddingAnniversary"},
)

var calendarProperties = properties("calendar", itemProperties,
	run{text, "UID"},
	run{dateTime, "RecurrenceId! DateTimeStamp! Start* End* OriginalStart!"},
	run{boolean, "IsAllDayEvent"},
	run{busyStatus, "LegacyFreeBusyStatus*"},
	run{text, "Location* When"},
	run{boolean, "IsMeeting! IsCancelled! IsRecurring! MeetingRequestWasSent! IsResponseRequested"},
	run{text, "CalendarItemType*! MyResponseType!"},
	run{person, "Organizer*!"},
	run{unsupported, "RequiredAttendees OptionalAttendees Resources"},
	run{absent, "ConflictingMeetingCount! AdjacentMeetingCount! ConflictingMeetings! AdjacentMeetings! Duration! " +
		"TimeZone! AppointmentReplyTime! AppointmentSequenceNumber! AppointmentState!"},
	run{unsupported, "Recurrence"},
	run{absent, "FirstOccurrence! LastOccurrence! ModifiedOccurrences! DeletedOccurrences!"},
	run{unsupported, "MeetingTimeZone"},
	run{number, "ConferenceType"},
	run{boolean, "AllowNewTimeProposal IsOnlineMeeting"},
	run{text, "MeetingWorkspaceUrl NetShowUrl"},
)

// itemElements are the elements of the items that the lab has, with their
// properties. A change of an item may also have the element Item.
var itemElements = map[string][]property{
	"Item":         itemProperties,
	"Message":      messageProperties,
	"Contact":      contactProperties,
	"CalendarItem": calendarProperties,
}

// unindexed returns the URI of p in a FieldURI.
func (p property) unindexed() string {
	if p.kind.entries {
		return "contacts:" + p.element
	}
	return p.uri
}

// namedBy reports whether path names p or a part of it.
func (p property) namedBy(path *node) bool {
	uri := attr(path, "FieldURI")
	switch path.Name.Local {
	case "t:FieldURI":
		return p.unindexed() == uri
	case "t:IndexedFieldURI":
		return p.kind.entries && (uri == p.uri || strings.HasPrefix(uri, p.uri+":"))
	}
	return p.kind == extended
}

// propertyOf returns the property of items with that element that path names.
func propertyOf(element string, path *node) (property, bool) {
	i := slices.IndexFunc(itemElements[element], func(p property) bool { return p.namedBy(path) })
	if i < 0 {
		return property{}, false
	}
	return itemElements[element][i], true
}

// kindsOfItems are the kinds of all properties and entries, as pathOf names them.
var kindsOfItems = func() map[string]*kind {
	kinds := map[string]*kind{}
	for _, all := range itemElements {
		for _, p := range all {
			kinds[p.unindexed()] = p.kind
			if !p.kind.entries {
				continue
			}
			for key := range strings.SplitSeq(entryKeys[p.uri], "|") {
				kinds[p.uri+":"+key] = p.kind
				for _, part := range addressParts() {
					kinds[p.uri+":"+part+":"+key] = p.kind
				}
			}
		}
	}
	return kinds
}()

// entryKeys are the keys of the Entry elements of a property, complete and in the
// order of the schema (docs/protocol/exchange-contacts.md#contacts).
var entryKeys = map[string]string{
	"contacts:PhoneNumber": "AssistantPhone|BusinessFax|BusinessPhone|BusinessPhone2|Callback|CarPhone|" +
		"CompanyMainPhone|HomeFax|HomePhone|HomePhone2|Isdn|MobilePhone|OtherFax|OtherTelephone|Pager|PrimaryPhone|" +
		"RadioPhone|Telex|TtyTddPhone",
	"contacts:EmailAddress":    "EmailAddress1|EmailAddress2|EmailAddress3",
	"contacts:ImAddress":       "ImAddress1|ImAddress2|ImAddress3",
	"contacts:PhysicalAddress": "Business|Home|Other",
}
