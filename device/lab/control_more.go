package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ocphone/ocphone/device/lab/exchange"
)

// What of the control API concerns dial plans and mailboxes.

// Kinds of a Delivery.
const (
	DeliverVoiceMail  = "voicemail"
	DeliverMissedCall = "missed"
	DeliverContacts   = "contacts"
)

// Delivery is what a mailbox gets.
type Delivery struct {
	Number  string `json:"number,omitempty"`  // the caller's; "": withheld
	Name    string `json:"name,omitempty"`    // "": unknown
	Seconds int    `json:"seconds,omitempty"` // of the voice mail; 0: three
	WMA     bool   `json:"wma,omitempty"`     // as Windows Media, which the phone cannot play
	Count   int    `json:"count,omitempty"`   // how many; 0: one
}

// Bounds of one delivery; no source.
const (
	maxMessages = 1000 // voice mails or missed calls
	maxSeconds  = 600  // of a voice mail
)

func (c *Control) profiles(w http.ResponseWriter, _ *http.Request) {
	answer(w, c.lab.Profiles(), nil)
}

func (c *Control) changeProfile(w http.ResponseWriter, r *http.Request) {
	var p Profile
	err := json.NewDecoder(r.Body).Decode(&p)
	p.Name = r.PathValue("name")
	if err == nil {
		err = c.lab.SetProfile(p)
	}
	answer(w, p, err)
}

func (c *Control) changeRule(w http.ResponseWriter, r *http.Request) {
	var n int
	var err error
	if at := r.PathValue("n"); r.Method == http.MethodDelete || at != "end" {
		if n, err = strconv.Atoi(at); err != nil || n < 1 {
			err = fmt.Errorf("%q is no position of a rule: they are counted from 1", at)
		}
	}
	var p Profile
	switch {
	case err != nil:
	case r.Method == http.MethodDelete:
		p, err = c.lab.RemoveRule(r.PathValue("name"), n)
	default:
		var rule Rule
		if err = json.NewDecoder(r.Body).Decode(&rule); err == nil {
			p, err = c.lab.SetRule(r.PathValue("name"), n, rule)
		}
	}
	answer(w, p, err)
}

func (c *Control) deliver(w http.ResponseWriter, r *http.Request) {
	var d Delivery
	err := json.NewDecoder(r.Body).Decode(&d)
	if err == nil {
		err = c.lab.Deliver(r.PathValue("name"), r.PathValue("kind"), d)
	}
	answer(w, struct{}{}, err)
}

// Deliver puts something into a user's mailbox, by his sAMAccountName. The
// errors tell a person what is wrong; nothing was delivered then.
func (l *Lab) Deliver(user, kind string, d Delivery) error {
	u, ok := l.Directory.User(user)
	most := maxMessages
	if kind == DeliverContacts {
		most = exchange.MaxMailbox
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
		return fmt.Errorf("%s is not enabled for Unified Messaging, nobody can leave a voice mail: give an EUM address first", u.SAM)
	case d.Count > most || d.Seconds < 0 || d.Seconds > maxSeconds:
		return fmt.Errorf("count is 1 to %d, seconds are 0 to %d", most, maxSeconds)
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
			return l.Exchange.LeaveVoiceMail(u.SAM, exchange.VoiceMail{Number: d.Number, Name: d.Name, Duration: length, WMA: d.WMA})
		}
	default:
		return fmt.Errorf("nothing of the kind %q is delivered: %s, %s, %s", kind, DeliverVoiceMail, DeliverMissedCall, DeliverContacts)
	}
	for range d.Count {
		if err := deliver(); err != nil {
			return err
		}
	}
	return nil
}

// Profiles lists the location profiles in the lab's Active Directory.
func (c Client) Profiles(ctx context.Context) (all []Profile, err error) {
	return all, c.call(ctx, http.MethodGet, "/v1/profiles", nil, &all)
}

// SetProfile adds a location profile or replaces the one of that name.
func (c Client) SetProfile(ctx context.Context, p Profile) error {
	return c.call(ctx, http.MethodPut, "/v1/profiles/"+url.PathEscape(p.Name), p, nil)
}

// SetRule replaces rule n of a profile, counted from 1; 0 adds it at the end.
// It answers the profile as it is then.
func (c Client) SetRule(ctx context.Context, profile string, n int, r Rule) (p Profile, err error) {
	at := "end"
	if n != 0 {
		at = strconv.Itoa(n)
	}
	return p, c.call(ctx, http.MethodPut, rulePath(profile, at), r, &p)
}

// RemoveRule takes rule n out of a profile, counted from 1, and answers the rest.
func (c Client) RemoveRule(ctx context.Context, profile string, n int) (p Profile, err error) {
	return p, c.call(ctx, http.MethodDelete, rulePath(profile, strconv.Itoa(n)), nil, &p)
}

func rulePath(profile, at string) string {
	return "/v1/profiles/" + url.PathEscape(profile) + "/rules/" + at
}

// Deliver puts something of a kind into a user's mailbox, by his sAMAccountName.
func (c Client) Deliver(ctx context.Context, user, kind string, d Delivery) error {
	return c.call(ctx, http.MethodPost, "/v1/mailboxes/"+url.PathEscape(user)+"/"+url.PathEscape(kind), d, nil)
}
