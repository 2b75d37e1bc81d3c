package ews

import (
	"context"
	"errors"
	"strings"
	"time"
)

// ErrNoVoiceMail is returned, wrapped, when the mailbox has no Voice Mail
// folder: Unified Messaging is not switched on for the user, so the phone
// hides Voice Mail and Call Log (docs/protocol/exchange-ews.md#mailbox-folders).
var ErrNoVoiceMail = errors.New("the mailbox has no Voice Mail folder: the user is not enabled for Unified Messaging")

// VoiceMail is one voice message.
type VoiceMail struct {
	ID        ItemID        `json:"id"`
	Class     string        `json:"class"`              // the item class, below IPM.Note.Microsoft.Voicemail as a rule
	Subject   string        `json:"subject,omitempty"`  // localised free text: never to be parsed
	Received  time.Time     `json:"received,omitzero"`  // UTC; zero: the server did not say
	Duration  time.Duration `json:"duration,omitempty"` // whole seconds; 0: unknown
	Number    string        `json:"number,omitempty"`   // the caller's number or SIP URI; empty: withheld
	Name      string        `json:"name,omitempty"`     // of the caller, by Unified Messaging; empty: unknown
	CallID    string        `json:"callId,omitempty"`   // Call-ID of the SIP call; empty: unknown
	Read      bool          `json:"read"`
	Protected bool          `json:"protected,omitempty"` // rights-protected (2010 and later): the phone cannot play it
}

// Unread counts voice mail; the lamp is lit while Unread is above 0.
type Unread struct {
	Total  int // -1: the server did not say
	Unread int
}

// UnreadVoiceMail counts by one small request, for polling
// (docs/protocol/exchange-um.md#message-waiting).
func (c *Client) UnreadVoiceMail(ctx context.Context) (Unread, error) {
	const op = "GetFolder"
	m, err := c.askOne(ctx, op, writeGetFolder{
		Shape:   shape(uris("folder:DisplayName", "folder:TotalCount", "folder:UnreadCount")),
		Folders: distinguishedFolder("voicemail"),
	})
	if err != nil {
		return Unread{}, noVoiceMail(err)
	}
	if len(m.Folders.list) != 1 {
		return Unread{}, c.itemError(malformed(op, "the answer has %d folders where one was asked for", len(m.Folders.list)))
	}
	u := Unread{Total: countValue(m.Folders.list[0].Total), Unread: countValue(m.Folders.list[0].Unread)}
	if u.Unread < 0 {
		return Unread{}, c.itemError(malformed(op, "the folder has no unread count"))
	}
	return u, nil
}

// voiceMailQuery needs no restriction: the folder is a search for the classes.
func voiceMailQuery() query {
	return query{
		page:   pageMessages,
		parent: distinguishedFolder("voicemail"),
		sort:   newestFirst(),
		shape: shape(
			uris("item:ItemClass", "item:Subject", "item:DateTimeReceived", "item:HasAttachments", "message:From",
				"message:IsRead"),
			extended(tagDuration, tagNumber, tagSenderName, tagCallID)),
	}
}

// VoiceMails lists the voice messages, newest first. Without the folder the
// error is ErrNoVoiceMail.
func (c *Client) VoiceMails(ctx context.Context) ([]VoiceMail, Listing, error) {
	items, l, err := c.readAll(ctx, voiceMailQuery())
	if err != nil {
		return nil, l, noVoiceMail(err)
	}
	all := make([]VoiceMail, 0, len(items))
	for i := range items {
		if isVoiceMail(items[i].Class) {
			all = append(all, items[i].voiceMail())
		}
	}
	c.recordList("voice mail", len(all), l)
	return all, l, nil
}

// noVoiceMail adds ErrNoVoiceMail to ErrorFolderNotFound.
func noVoiceMail(err error) error {
	if errorIn(err).Code == ErrorFolderNotFound {
		return errors.Join(ErrNoVoiceMail, err)
	}
	return err
}

const (
	classVoiceMail    = "IPM.Note.Microsoft.Voicemail"
	classProtected    = "IPM.Note.rpmsg.Microsoft.Voicemail"
	suffixVoiceMail   = ".Microsoft.Voicemail"
	classMissed       = "IPM.Note.Microsoft.Missed.Voice"
	classConversation = "IPM.Note.Microsoft.Conversation.Voice"
)

// isVoiceMail follows docs/protocol/exchange-items.md#item-classes-and-properties:
// call answering, recorded by telephone, protected, and a voice reply to a message
// of any class.
func isVoiceMail(class string) bool {
	n := len(class) - len(suffixVoiceMail)
	return classIs(class, classVoiceMail) || classIs(class, classProtected) ||
		n > 0 && strings.EqualFold(class[n:], suffixVoiceMail)
}

func (it *item) voiceMail() VoiceMail {
	return VoiceMail{
		ID:        it.ID,
		Class:     it.Class,
		Subject:   firstText(it.Subject),
		Received:  timeValue(it.Received),
		Duration:  it.duration(),
		Number:    it.extended(tagNumber),
		Name:      firstText(it.extended(tagSenderName), it.From.Box.Name),
		CallID:    it.extended(tagCallID),
		Read:      boolValue(it.IsRead),
		Protected: classIs(it.Class, classProtected),
	}
}

// duration returns 0 if it is missing, negative or more than a day.
func (it *item) duration() time.Duration {
	if n := countValue(it.extended(tagDuration)); n > 0 && n <= 24*60*60 {
		return time.Duration(n) * time.Second
	}
	return 0
}
