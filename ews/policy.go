package ews

import (
	"net/http"
	"strings"
	"time"
)

// ResponseCode is a code of the server, such as "ErrorItemNotFound". The set is
// open: 2007 SP1 knows 315 of them and later servers more.
type ResponseCode string

// The codes that this package uses by name.
const (
	NoError                 ResponseCode = "NoError"
	ErrorServerBusy         ResponseCode = "ErrorServerBusy"
	ErrorItemNotFound       ResponseCode = "ErrorItemNotFound"
	ErrorFolderNotFound     ResponseCode = "ErrorFolderNotFound"
	ErrorNoResults          ResponseCode = "ErrorNameResolutionNoResults"
	ErrorMultipleResults    ResponseCode = "ErrorNameResolutionMultipleResults"
	errorInternal           ResponseCode = "ErrorInternalServerError"
	errorInvalidVersion     ResponseCode = "ErrorInvalidServerVersion"
	errorInvalidForMailbox  ResponseCode = "ErrorInvalidSchemaVersionForMailboxVersion"
	errorPasswordExpired    ResponseCode = "ErrorPasswordExpired"
	errorPasswordMustChange ResponseCode = "ErrorPasswordChangeRequired"
)

// Action says what the phone does after an error.
type Action string

// The actions of
// docs/protocol/exchange-errors.md#what-a-client-does-about-each-code. The Client
// itself carries out Wait, Retry, Reconnect's waits, Refetch and ChangeVersion;
// the others are for its caller.
const (
	Report        Action = "report"      // permanent for this request: report it, go on with the rest
	Wait          Action = "wait"        // the server is busy: wait as long as it says, ask it nothing meanwhile
	Retry         Action = "again"       // temporary: the same request after a growing wait
	Reconnect     Action = "reconnect"   // as Again; when autodiscover ran more than RediscoverAfter ago, run it first
	Rediscover    Action = "rediscover"  // the wrong server: run autodiscover once, then report
	Hide          Action = "hide"        // for this sign-in: no Exchange; hide the tabs, show the error icon
	Credentials   Action = "credentials" // ask for user and password; never try the same ones again
	Gone          Action = "gone"        // the id is stale: drop it and list again
	Refetch       Action = "refetch"     // fetch the new change key, try once more
	OwnDefect     Action = "own-defect"  // the request was wrong: report it with the request, never repeat it
	ChangeVersion Action = "version"     // ask in another version of the schema, once
	TooLarge      Action = "too-large"   // permanent for that item
	Reduce        Action = "reduce"      // fewer connections, one subscription, smaller pages
)

// RediscoverAfter is how old an answer of autodiscover may be when the
// connection fails (docs/protocol/exchange-errors.md#what-a-client-does-about-each-code).
const RediscoverAfter = time.Hour

// The waits of docs/protocol/exchange-errors.md#what-a-client-does-about-each-code
// and docs/protocol/exchange-errors.md#retry-times.
const (
	busyWait  = 60 * time.Second // ErrorServerBusy without BackOffMilliseconds
	firstWait = 10 * time.Second // doubled at each further attempt
)

// Rule is one row of the table that decides what an error means.
type Rule struct {
	Code   ResponseCode // a code; a * at its end stands for every ending
	Status int          // or an HTTP status, when Code is empty
	Action Action
	Why    string
}

// rules is the table of
// docs/protocol/exchange-errors.md#what-a-client-does-about-each-code, in its
// order.
var rules = [...]Rule{
	{Code: ErrorServerBusy, Action: Wait, Why: "BackOffMilliseconds, else 60 s"},
	{Code: "ErrorInternalServerTransientError", Action: Retry, Why: "passing by its own name"},
	{Code: "ErrorInsufficientResources", Action: Retry, Why: "the server is short of something for now"},
	{Code: "ErrorADUnavailable", Action: Retry, Why: "the server cannot reach its directory for now"},
	{Code: "ErrorTimeoutExpired", Action: Retry, Why: "the server took too long"},
	{Code: "ErrorMailboxStoreUnavailable", Action: Retry, Why: "the mailbox database is off-line for now"},
	{Code: "ErrorBatchProcessingStopped", Action: Retry, Why: "not processed, since an earlier one failed"},
	{Code: "ErrorNotEnoughMemory", Action: Retry, Why: "the server is short of memory for now"},
	{Code: "ErrorConnectionFailed", Action: Reconnect, Why: "the server lost the mailbox server"},
	{Code: "ErrorMailboxMoveInProgress", Action: Reconnect, Why: "the mailbox is moving, maybe behind another URL"},
	{Code: "ErrorNoRespondingCASInDestinationSite", Action: Rediscover, Why: "another site holds the mailbox"},
	{Code: "ErrorNoDestinationCASDueTo*", Action: Rediscover,
		Why: "another site holds the mailbox and cannot be reached from here"},
	{Code: "ErrorAccessDenied", Action: Hide, Why: "the account may not use this mailbox"},
	{Code: "ErrorCreateItemAccessDenied", Action: Hide, Why: "the account may not write to this mailbox"},
	{Code: "ErrorNonExistentMailbox", Action: Hide, Why: "the account has no mailbox"},
	{Code: "ErrorAccountDisabled", Action: Hide, Why: "the account is disabled"},
	{Code: "ErrorMailboxLogonFailed", Action: Hide, Why: "the account may not open this mailbox"},
	{Code: errorPasswordExpired, Action: Credentials, Why: "the password has expired"},
	{Code: errorPasswordMustChange, Action: Credentials, Why: "the password must be changed first"},
	{Code: "ErrorInvalidIdMalformed", Action: Gone, Why: "the id is none of this server's"},
	{Code: "ErrorInvalidIdEmpty", Action: Gone, Why: "the id is empty"},
	{Code: "ErrorInvalidChangeKey", Action: Gone, Why: "the change key is none of this server's"},
	{Code: ErrorItemNotFound, Action: Gone, Why: "deleted or moved meanwhile"},
	{Code: ErrorFolderNotFound, Action: Gone, Why: "the folder is not there"},
	{Code: "ErrorIrresolvableConflict", Action: Refetch, Why: "somebody else changed the item"},
	{Code: "ErrorStaleObject", Action: Refetch, Why: "somebody else changed the item"},
	{Code: "ErrorChangeKeyRequired*", Action: Refetch, Why: "the server wants the item's change key"},
	{Code: "ErrorSchemaValidation", Action: OwnDefect, Why: "the request is not in order"},
	{Code: "ErrorInvalidRequest", Action: OwnDefect, Why: "the request is not in order"},
	{Code: "ErrorIncorrectSchemaVersion", Action: OwnDefect, Why: "the request holds what its version does not know"},
	{Code: "ErrorInvalidPropertyRequest", Action: OwnDefect, Why: "a property was asked where it cannot be"},
	{Code: errorInvalidVersion, Action: ChangeVersion, Why: "the server does not know the version"},
	{Code: errorInvalidForMailbox, Action: ChangeVersion, Why: "the mailbox is newer than the version"},
	{Code: "ErrorDataSizeLimitExceeded", Action: TooLarge, Why: "beyond a limit of the server"},
	{Code: "ErrorMessageSizeExceeded", Action: TooLarge, Why: "beyond a limit of the server"},
	{Code: "ErrorQuotaExceeded", Action: TooLarge, Why: "the mailbox is full"},
	{Code: "ErrorVoiceMailNotImplemented", Action: Report, Why: "documented as never used"},
	{Code: "ErrorExceededConnectionCount", Action: Reduce, Why: "throttled by Exchange 2010 or later"},
	{Code: "ErrorExceededSubscriptionCount", Action: Reduce, Why: "throttled by Exchange 2010 or later"},
	{Code: "ErrorExceededFindCountLimit", Action: Reduce, Why: "throttled by Exchange 2010 or later"},
	{Status: http.StatusUnauthorized, Action: Credentials,
		Why: "the handshake is over and was refused; another try may lock the account"},
	{Status: http.StatusForbidden, Action: Rediscover, Why: "wrong URL or publishing rule"},
	{Status: http.StatusNotFound, Action: Rediscover, Why: "wrong URL or publishing rule"},
	{Status: http.StatusMovedPermanently, Action: Report,
		Why: "a proxy asks for forms log-on; a relative /ews/genericerrorpage.htm is passing"},
	{Status: http.StatusFound, Action: Report,
		Why: "a proxy asks for forms log-on; a relative /ews/genericerrorpage.htm is passing"},
	{Status: http.StatusTemporaryRedirect, Action: Report,
		Why: "a proxy asks for forms log-on; a relative /ews/genericerrorpage.htm is passing"},
	{Status: 456, Action: Hide, Why: "the account is locked"},
	{Status: http.StatusRequestEntityTooLarge, Action: TooLarge, Why: "beyond a limit of the server"},
	{Status: http.StatusInternalServerError, Action: Retry,
		Why: "the web server failed before Exchange Web Services answered"},
	{Status: http.StatusBadGateway, Action: Reconnect, Why: "a proxy does not reach the server"},
	{Status: http.StatusServiceUnavailable, Action: Reconnect, Why: "Retry-After, else a growing wait"},
	{Status: http.StatusGatewayTimeout, Action: Reconnect, Why: "a proxy does not reach the server"},
}

// Rules returns the whole table: codes first, then HTTP statuses of answers
// that are not SOAP.
func Rules() []Rule { return append([]Rule(nil), rules[:]...) }

// ActionOf returns the action for a code. The action for a code that is not in the
// table is Report.
func ActionOf(code ResponseCode) Action {
	for _, r := range rules {
		if r.Code == "" {
			continue
		}
		prefix, open := strings.CutSuffix(string(r.Code), "*")
		if r.Code == code || open && strings.HasPrefix(string(code), prefix) {
			return r.Action
		}
	}
	return Report
}

// actionOfStatus returns the action for an answer that is not SOAP.
func actionOfStatus(status int) Action {
	for _, r := range rules {
		if r.Code == "" && r.Status == status {
			return r.Action
		}
	}
	return Report
}

// retryable reports whether the Client repeats the request after a wait.
func (a Action) retryable() bool { return a == Wait || a == Retry || a == Reconnect }
