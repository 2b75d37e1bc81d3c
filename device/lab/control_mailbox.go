package lab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/ocphone/ocphone/device/lab/exchange"
)

// Kinds of delivery.
const (
	DeliverVoiceMail  = "voicemail"
	DeliverMissedCall = "missed"
	DeliverContacts   = "contacts"
)

// Delivery describes what to put into a mailbox.
type Delivery struct {
	Number  string `json:"number,omitempty"`  // of the caller; "": withheld
	Name    string `json:"name,omitempty"`    // "": unknown
	Seconds int    `json:"seconds,omitempty"` // of the voice mail; 0: three
	WMA     bool   `json:"wma,omitempty"`     // as Windows Media, which the phone cannot play
	Count   int    `json:"count,omitempty"`   // number of items; 0: one
}

// Bounds of one delivery; no source.
const (
	maxMessages = 1000 // voice mails or missed calls
	maxSeconds  = 600  // of a voice mail
)

func (c *Control) deliver(r *http.Request, d Delivery) (any, error) {
	return struct{}{}, c.lab.Deliver(r.PathValue("name"), r.PathValue("kind"), d)
}

// Deliver puts items of a kind into the mailbox of the user with the
// sAMAccountName user. Its errors are sentences for users. If d is refused,
// no item was delivered.
func (l *Lab) Deliver(user, kind string, d Delivery) error {
	u, ok := l.Directory.User(user)
	limit := maxMessages
	if kind == DeliverContacts {
		limit = exchange.MaxMailbox
	}
	d.Count = max(d.Count, 1)
	switch {
	case l.Exchange == nil:
		return errNoExchange
	case !ok:
		return fmt.Errorf("there is no user %q", user)
	case u.Mail == "":
		return fmt.Errorf("%s has no mailbox: give a mail address first", u.SAM)
	case kind == DeliverVoiceMail && u.EUM == "": // R5.1
		return fmt.Errorf(
			"%s is not enabled for Unified Messaging, nobody can leave a voice mail: give an EUM address first", u.SAM)
	case d.Count > limit || d.Seconds < 0 || d.Seconds > maxSeconds:
		return fmt.Errorf("count is 1 to %d, seconds are 0 to %d", limit, maxSeconds)
	}
	var deliver func() error
	switch kind {
	case DeliverContacts:
		return l.Exchange.AddContacts(u.SAM, d.Count)
	case DeliverMissedCall:
		deliver = func() error {
			return l.Exchange.ReportMissedCall(u.SAM, exchange.MissedCall{Number: d.Number, Name: d.Name})
		}
	case DeliverVoiceMail:
		length := time.Duration(d.Seconds) * time.Second
		deliver = func() error {
			return l.Exchange.LeaveVoiceMail(u.SAM, exchange.VoiceMail{
				Number:   d.Number,
				Name:     d.Name,
				Duration: length,
				WMA:      d.WMA,
			})
		}
	default:
		return fmt.Errorf("nothing of the kind %q is delivered: %s, %s, %s",
			kind, DeliverVoiceMail, DeliverMissedCall, DeliverContacts)
	}
	for range d.Count {
		if err := deliver(); err != nil {
			return err
		}
	}
	return nil
}

// Deliver puts items of a kind into the mailbox of the user with the
// sAMAccountName user.
func (c Client) Deliver(ctx context.Context, user, kind string, d Delivery) error {
	return c.call(ctx, http.MethodPost, "/v1/mailboxes/"+url.PathEscape(user)+"/"+url.PathEscape(kind), d, nil)
}
