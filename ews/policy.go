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
	{ErrorServerBusy, 0, Wait, "BackOffMilliseconds, else 60 s"},
	{"ErrorInternalServerTransientError", 0, Retry, "passing by its own name"},
	{"ErrorInsufficientResources", 0, Retry, "the server is short of something for now"},
	{"ErrorADUnavailable", 0, Retry, "the server cannot reach its directory for now"},
	{"ErrorTimeoutExpired", 0, Retry, "the server took too long"},
	{"ErrorMailboxStoreUnavailable", 0, Retry, "the mailbox database is off-line for now"},
	{"ErrorBatchProcessingStopped", 0, Retry, "not processed, since an earlier one failed"},
	{"ErrorNotEnoughMemory", 0, Retry, "the server is short of memory for now"},
	{"ErrorConnectionFailed", 0, Reconnect, "the server lost the mailbox server"},
	{"ErrorMailboxMoveInProgress", 0, Reconnect, "the mailbox is moving, maybe behind another URL"},
	{"ErrorNoRespondingCASInDestinationSite", 0, Rediscover, "another site holds the mailbox"},
	{"ErrorNoDestinationCASDueTo*", 0, Rediscover, "another site holds the mailbox and cannot be reached from here"},
	{"ErrorAccessDenied", 0, Hide, "the account may not use this mailbox"},
	{"ErrorCreateItemAccessDenied", 0, Hide, "the account may not write to this mailbox"},
	{"ErrorNonExistentMailbox", 0, Hide, "the account has no mailbox"},
	{"ErrorAccountDisabled", 0, Hide, "the account is disabled"},
	{"ErrorMailboxLogonFailed", 0, Hide, "the account may not open this mailbox"},
	{errorPasswordExpired, 0, Credentials, "the password has expired"},
	{errorPasswordMustChange, 0, Credentials, "the password must be changed first"},
	{"ErrorInvalidIdMalformed", 0, Gone, "the id is none of this server's"},
	{"ErrorInvalidIdEmpty", 0, Gone, "the id is empty"},
	{"ErrorInvalidChangeKey", 0, Gone, "the change key is none of this server's"},
	{ErrorItemNotFound, 0, Gone, "deleted or moved meanwhile"},
	{ErrorFolderNotFound, 0, Gone, "the folder is not there"},
	{"ErrorIrresolvableConflict", 0, Refetch, "somebody else changed the item"},
	{"ErrorStaleObject", 0, Refetch, "somebody else changed the item"},
	{"ErrorChangeKeyRequired*", 0, Refetch, "the server wants the item's change key"},
	{"ErrorSchemaValidation", 0, OwnDefect, "the request is not in order"},
	{"ErrorInvalidRequest", 0, OwnDefect, "the request is not in order"},
	{"ErrorIncorrectSchemaVersion", 0, OwnDefect, "the request holds what its version does not know"},
	{"ErrorInvalidPropertyRequest", 0, OwnDefect, "a property was asked where it cannot be"},
	{errorInvalidVersion, 0, ChangeVersion, "the server does not know the version"},
	{errorInvalidForMailbox, 0, ChangeVersion, "the mailbox is newer than the version"},
	{"ErrorDataSizeLimitExceeded", 0, TooLarge, "beyond a limit of the server"},
	{"ErrorMessageSizeExceeded", 0, TooLarge, "beyond a limit of the server"},
	{"ErrorQuotaExceeded", 0, TooLarge, "the mailbox is full"},
	{"ErrorVoiceMailNotImplemented", 0, Report, "documented as never used"},
	{"ErrorExceededConnectionCount", 0, Reduce, "throttled by Exchange 2010 or later"},
	{"ErrorExceededSubscriptionCount", 0, Reduce, "throttled by Exchange 2010 or later"},
	{"ErrorExceededFindCountLimit", 0, Reduce, "throttled by Exchange 2010 or later"},
	{"", http.StatusUnauthorized, Credentials, "the handshake is over and was refused; another try may lock the account"},
	{"", http.StatusForbidden, Rediscover, "wrong URL or publishing rule"},
	{"", http.StatusNotFound, Rediscover, "wrong URL or publishing rule"},
	{"", http.StatusMovedPermanently, Report, formsLogon},
	{"", http.StatusFound, Report, formsLogon},
	{"", http.StatusTemporaryRedirect, Report, formsLogon},
	{"", statusLoginTimeout, Report, formsLogon},
	{"", http.StatusTooManyRequests, Wait, "RFC 6585 4: Retry-After, else a wait"},
	{"", 456, Hide, "the account is locked"},
	{"", http.StatusRequestEntityTooLarge, TooLarge, "beyond a limit of the server"},
	{"", http.StatusInternalServerError, Retry, "the web server failed before Exchange Web Services answered"},
	{"", http.StatusBadGateway, Reconnect, "a proxy does not reach the server"},
	{"", http.StatusServiceUnavailable, Reconnect, "Retry-After, else a growing wait"},
	{"", http.StatusGatewayTimeout, Reconnect, "a proxy does not reach the server"},
}

// statusLoginTimeout is what Outlook Web Access answers when its form has to be
// filled in again; IIS calls it Login Time-out.
const statusLoginTimeout = 440

const formsLogon = "a proxy asks for forms log-on; a relative /ews/genericerrorpage.htm is passing"

// Rules returns the whole table: codes first, then HTTP statuses of answers
// that are not SOAP.
func Rules() []Rule { return append([]Rule(nil), rules[:]...) }

// ActionOf returns the action for a code. The action for a code that is not in the
// table is Report.
func ActionOf(code ResponseCode) Action {
	for _, r := range rules {
		prefix, open := strings.CutSuffix(string(r.Code), "*")
		if r.Code != "" && (r.Code == code || open && strings.HasPrefix(string(code), prefix)) {
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
