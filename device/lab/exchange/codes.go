package exchange

import "cmp"

// messageTexts are texts for response codes. They say what the request lacks.
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

	"ErrorCalendarEndDateIsEarlierThanStartDate":       "The end is before the start.",
	"ErrorCalendarFolderIsInvalidForCalendarView":      "A calendar view needs a calendar folder.",
	"ErrorCannotCreateCalendarItemInNonCalendarFolder": "A calendar item needs a calendar folder.",
	"ErrorCannotCreateContactInNonContactFolder":       "A contact needs a contacts folder.",
	"ErrorCannotUseFolderIdForItemId":                  "The Id is that of a folder, not of an item.",
	"ErrorCannotUseItemIdForFolderId":                  "The Id is that of an item, not of a folder.",
	"ErrorChangeKeyRequiredForWriteOperations":         "The ChangeKey is missing.",
	"ErrorImpersonateUserDenied":                       "The account may not act as another user.",
	"ErrorIncorrectUpdatePropertyCount":                "Each change must set one property.",
	"ErrorInvalidAttachmentId":                         "There is no attachment with this Id.",
	"ErrorInvalidChangeKey":                            "The ChangeKey is malformed.",
	"ErrorInvalidExcludesRestriction":                  "The bitmask is no number.",
	"ErrorInvalidExtendedProperty":                     "Use a property tag, or one property set with a name or an id.",
	"ErrorInvalidExtendedPropertyValue":                "The value does not have the type of the extended property.",
	"ErrorInvalidFractionalPagingParameters":           "The fraction must be between 0 and 1.",
	"ErrorInvalidIndexedPagingParameters":              "The offset must not be negative.",
	"ErrorInvalidPagingMaxRows":                        "The number of rows must be above 0.",
	"ErrorInvalidPropertyAppend":                       "Only recipients and the body can be appended to.",
	"ErrorInvalidPropertyDelete":                       "The property cannot be deleted.",
	"ErrorInvalidPropertyForExists":                    "The property is a flag, which always exists: compare it.",
	"ErrorInvalidPropertyRequest":                      "This type of item or folder does not have the property.",
	"ErrorInvalidPropertySet":                          "The property is read-only.",
	"ErrorInvalidRoutingType":                          "The routing type must be SMTP.",
	"ErrorInvalidSyncStateData":                        "The state is not of this folder: synchronise without one.",
	"ErrorInvalidValueForProperty":                     "The constant is no value of the property.",
	"ErrorMessageDispositionRequired":                  "The attribute MessageDisposition is missing.",
	"ErrorMissingInformationEmailAddress":              "The e-mail address is missing.",
	"ErrorNoPropertyTagForCustomProperties":            "A property from 0x8000 is named by its property set.",
	"ErrorObjectTypeChanged":                           "The item class does not fit the type of the item.",
	"ErrorRestrictionTooLong":                          "A restriction has at most 255 expressions.",
	"ErrorSendMeetingCancellationsRequired":            "The attribute SendMeetingCancellations is missing.",
	"ErrorSendMeetingInvitationsOrCancellationsRequired": "The attribute SendMeetingInvitationsOrCancellations is " +
		"missing.",
	"ErrorSendMeetingInvitationsRequired": "The attribute SendMeetingInvitations is missing.",
	"ErrorUnsupportedMimeConversion":      "This type of item has no MIME content.",
	"ErrorUnsupportedPathForQuery":        "The property cannot be searched in this way.",
	"ErrorUnsupportedPathForSortGroup":    "Items cannot be sorted by the property.",
	"ErrorUpdatePropertyMismatch":         "The path and the item do not name the same property.",
}

func messageText(code string) string {
	return cmp.Or(messageTexts[code], "The request was refused with "+code+".")
}
