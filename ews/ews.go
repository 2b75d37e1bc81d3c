// Package ews reads the user's Outlook contacts, call log, voice mail and calendar
// from Exchange, by Exchange Web Services.
//
// It follows requirement R9.2 and
// docs/protocol/exchange-ews.md#exchange-web-services-of-exchange-2007-sp1 and
// docs/protocol/exchange-errors.md#errors-of-exchange-web-services (the operations
// of Exchange 2007 SP1, which later servers answer too). It starts no goroutine
// and keeps no list.
//
//  1. Give a Client the URL that autodiscover found, and a Doer that signs in
//     (NTLM or Basic), refuses untrusted certificates (R1.6) and follows no
//     redirect. The Client does not know the password.
//  2. Ask Decide whether to poll at all and how often: an interval of 0 is
//     off, and a user without Enterprise Voice or Unified Messaging sees no
//     voice mail and no call log.
//  3. Read with UnreadVoiceMail, VoiceMails, Recordings, FetchAttachment,
//     MissedCalls, CallLog, Contacts, Calendar, Today and ResolveNames; write
//     with MarkRead and Delete.
//  4. On an error take *Error out of it with errors.As: its Action says what to
//     do (Rules is the whole table). The Client has made the waits of the table
//     already, up to Client.Patience.
//
// Answers are limited in bytes, XML depth, elements, items and pages. A document
// type definition and any encoding other than UTF-8 are refused.
package ews

import (
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
)

// Doer sends one request and returns the final answer: authentication has
// happened, redirects have not been followed
// (docs/protocol/exchange-autodiscover.md#http-status-of-autodiscover: Go would
// turn the POST into a GET). *http.Client with CheckRedirect set is one. An error
// that holds a *journal.Failure keeps its code.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// The limits of docs/protocol/exchange-ews.md#reading-answers-safely and
// docs/protocol/exchange-errors.md#retry-times, used where a Client has zero.
const (
	DefaultMaxBody       = 16 << 20         // bytes of one answer
	DefaultMaxAttachment = 32 << 20         // decoded bytes of one recording
	DefaultMaxItems      = 10_000           // items of one list, all pages together
	DefaultPatience      = 10 * time.Minute // all waits of one call together
	DefaultTimeout       = 30 * time.Second // one request with its answer
)

// attachmentTimeout is the time-out of a recording, unless Client.Timeout is longer.
const attachmentTimeout = 3 * time.Minute

// Page sizes of docs/protocol/exchange-items.md#listing-items and
// docs/protocol/exchange-contacts.md#contacts. Exchange 2010 and later cap a page
// at 1,000 entries.
const (
	pageContacts = 200
	pageMessages = 50
	pageFolders  = 50
	pageCalendar = 1000
)

// Client speaks to one Exchange server for one mailbox. Fields are frozen at
// the first call. Its methods may be called at the same time; while the server
// is busy all of them wait together.
type Client struct {
	URL       string           // the EWS URL (EwsUrl, else ASUrl, of autodiscover); https
	Doer      Doer             // must be set
	Mailbox   string           // the user's primary e-mail address; empty: CallLog cannot tell outgoing from incoming
	UserAgent string           // empty: Go's own
	Clock     clock.Clock      // nil: the host's
	Record    journal.Recorder // may be nil

	// HistoryFolders are the names that the Conversation History folder may
	// have: Communicator creates it in the user's language. Nil: the English one.
	HistoryFolders []string

	MaxBody       int64          // bytes of one answer; 0: DefaultMaxBody
	MaxAttachment int64          // decoded bytes of one recording; 0: DefaultMaxAttachment
	MaxItems      int            // items of one list; 0: DefaultMaxItems
	Patience      time.Duration  // all waits of one call; 0: DefaultPatience; negative: never wait, return the error
	Timeout       time.Duration  // one request with its answer, real time; 0: DefaultTimeout
	Jitter        func() float64 // 0 to 1, spreads waits by 20 % either way; nil: random

	mu sync.Mutex
	// ErrorServerBusy: no request before this time
	// (docs/protocol/exchange-errors.md#what-a-client-does-about-each-code)
	busyUntil time.Time
	version   string  // RequestServerVersion; empty: Exchange2007_SP1
	server    string  // see ServerVersion
	history   *ItemID // the Conversation History folder, once found
}

// ItemID names an item or a folder. IDs are opaque and case-sensitive; an item
// that is moved gets another one.
type ItemID struct {
	ID        string `json:"id" xml:"Id,attr"`
	ChangeKey string `json:"changeKey,omitempty" xml:"ChangeKey,attr,omitempty"` // the version of the item; empty: any
}

// Listing says how a list was read.
type Listing struct {
	Total     int  // how many items the server said there are (all classes), on the last page; -1: it did not say
	Pages     int  // answers read, those of repeated passes included
	Shifted   bool // the folder changed while it was read, every time: an item may be missing until the next poll
	Truncated bool // there was more than MaxItems
	Replaced  int  // characters that XML forbids; U+FFFD stands in their place
}

// ServerVersion returns the version in the server's last answer, such as
// "8.1.240.6 Exchange2007_SP1"; empty if there was none.
func (c *Client) ServerVersion() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server
}

func (c *Client) clock() clock.Clock {
	if c.Clock == nil {
		return clock.System
	}
	return c.Clock
}

// endpoint checks URL and Doer. The URL must be https: a password or an NTLM
// response is sent there
// (docs/protocol/exchange-autodiscover.md#certificates-of-autodiscover-and-ews).
func (c *Client) endpoint() (*url.URL, error) {
	if c.Doer == nil {
		return nil, errors.New("ews: no Doer was given")
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, &journal.Failure{Code: journal.ExchangeNoEWS, Asked: c.URL,
			What:    "the URL of Exchange Web Services is not an https URL, so the phone does not go there",
			Because: "R9.2; MS-OXDSCLI: EwsUrl",
			Fix: "correct it on the Client Access server: Set-WebServicesVirtualDirectory -InternalUrl https://… " +
				"-ExternalUrl https://…"}
	}
	return u, nil
}
