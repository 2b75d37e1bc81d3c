package ews

import (
	"errors"
	"time"
)

// The poll interval that the pool provisions, in minutes (docs/protocol/phone.md#phone-lock:
// ucexchangemwipoll, the WMI setting AllowCalendarAccess).
const (
	DefaultPollMinutes = 3
	MaxPollMinutes     = 60
)

// Situation is the input of Decide.
type Situation struct {
	EnterpriseVoice bool // provisioned: the user is enabled for Enterprise Voice
	UM              bool // provisioned: the user has a voice mail URI, so Unified Messaging
	// Minutes is the provisioned interval; nil: not provisioned. 0 is off; others
	// are limited to 1 to 60.
	Minutes *int
	// Last is the error of the last poll of this sign-in; nil: success, or no poll
	// yet.
	Last error
	// DiscoveredFor is how long ago autodiscover found the URL.
	DiscoveredFor time.Duration
	// Jitter, 0 to 1, spreads the polls of a building full of phones.
	Jitter float64
}

// Decision says what to do until the next poll.
type Decision struct {
	Show       bool          // Voice Mail and Call Log are shown
	Warn       bool          // the Exchange error icon is shown
	Poll       bool          // poll again after Next
	Next       time.Duration // the interval, up to a tenth longer; 0 unless Poll
	Rediscover bool          // run autodiscover before the next poll
	Ask        bool          // ask for user and password; nothing is polled until then
	Why        string        // a clause for the journal
}

// Decide returns whether and when to poll, and what the user sees (R9.2;
// docs/protocol/exchange-autodiscover.md#use-of-exchange-by-the-phone,
// docs/protocol/exchange-um.md#message-waiting and
// docs/protocol/exchange-errors.md#what-a-client-does-about-each-code). It sets no
// timer: call it after sign-in and after each poll. At sign-in and after MarkRead
// and Delete the phone polls at once.
func Decide(s Situation) Decision {
	minutes := DefaultPollMinutes
	if s.Minutes != nil {
		minutes = min(max(*s.Minutes, 0), MaxPollMinutes)
	}
	switch {
	case !s.EnterpriseVoice:
		return Decision{Why: "the user is not enabled for Enterprise Voice"}
	case !s.UM:
		return Decision{Why: "the user is not enabled for Unified Messaging"}
	case errors.Is(s.Last, ErrNoVoiceMail):
		return Decision{Why: "the mailbox has no Voice Mail folder, so the user is not enabled for Unified Messaging"}
	}
	d := Decision{Show: true}
	switch action := errorIn(s.Last).Action; {
	case action == Hide:
		return Decision{Warn: true, Why: "Exchange refuses this account or is not trusted, until the next sign-in"}
	case action == Credentials:
		return Decision{Show: true, Warn: true, Ask: true,
			Why: "Exchange refused user or password; trying again could lock the account"}
	case action == Rediscover:
		d.Warn, d.Rediscover = true, true
	case action == Reconnect:
		d.Warn, d.Rediscover = true, s.DiscoveredFor > RediscoverAfter
	case s.Last != nil:
		d.Warn = true
	}
	if minutes == 0 {
		d.Rediscover, d.Why = false, "the pool provisioned a poll interval of 0, which is off"
		return d
	}
	every := time.Duration(minutes) * time.Minute
	d.Poll, d.Next = true, every+time.Duration(min(max(s.Jitter, 0), 1)*float64(every)/10)
	d.Why = "the pool provisioned the poll interval"
	switch {
	case d.Rediscover:
		d.Why = "the last poll did not reach the user's mailbox"
	case s.Minutes == nil:
		d.Why = "the pool provisioned no poll interval, so it is 3 minutes"
	case *s.Minutes != minutes:
		d.Why = "the provisioned poll interval is outside of 0 to 60 minutes and was taken to the nearer end"
	}
	return d
}

// IsElsewhere reports whether the error of a poll may come from a URL that does not lead
// to the user's mailbox any more: the answer is not one of Exchange Web Services, or
// says that the mailbox is elsewhere. A server that is busy is the right one.
func IsElsewhere(err error) bool {
	e := errorIn(err)
	switch {
	case err == nil, errors.Is(err, ErrNoVoiceMail), e.Action == Wait:
		return false
	}
	return e.Code == "" || e.Action == Rediscover || e.Action == Reconnect
}
