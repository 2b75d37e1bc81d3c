// Package roaming reads and writes what the pool stores for the user and sends to
// each of the user's endpoints: the user's own entry (number, e-mail address,
// voice mail, presence publications and their access lists) and the contact list.
//
// It implements the bodies of the self subscription (MS-PRES,
// docs/protocol/presence.md#self-subscription) and of the contact
// subscription (MS-SIP 2.2.4.1 and MS-PRES Appendix E,
// docs/protocol/sip-services.md#contact-list). It does not send documents. A phone
// reads:
//
//	self := roaming.Self{Address: "kerry@contoso.com"} // or the zero Self, which accepts any user
//	self, err := self.Apply(reply)                     // the 200's body; later each BENOTIFY's
//	if !self.VoiceEnabled() { … }
//
//	var list roaming.ContactList
//	list, err := list.Apply(reply)
//	if errors.Is(err, roaming.ErrOutOfStep) { … }      // a change was missed: subscribe again
//
// A pool writes with Self.XML and Self.Change, ContactList.XML and
// ContactList.ChangeTo.
//
// A document that cannot be read to its end is an error, and nothing of it is
// used. A wrong number or a name given twice is a line of Warnings: the number is
// ignored, the first of two is used. All types are values: Apply does not change
// its receiver. The package starts no goroutine.
package roaming

import (
	"errors"

	"github.com/ocphone/ocphone/device/journal"
)

// Names of the SIP messages that carry these documents.
const (
	SelfEvent = "vnd-microsoft-roaming-self"                 // Event of the self subscription
	SelfType  = "application/vnd-microsoft-roaming-self+xml" // of its request and notifications
	// Event of the contact subscription, whose request has no body
	ContactsEvent = "vnd-microsoft-roaming-contacts"
	ContactsType  = "application/vnd-microsoft-roaming-contacts+xml" // of its notifications
)

// Limits on documents from the network. The limits of lists apply to one document
// and to the result of all documents.
const (
	MaxBody         = 1 << 20 // bytes of one document: as much as one SIP message may have
	MaxContacts     = 5000    // of a contact list
	MaxGroups       = 1000    // of a contact list; MS-PRES Appendix E allows 64
	maxContactIn    = 64      // groups that one contact is in
	maxPublications = 2000    // each endpoint of the user has about ten
	maxContainers   = 256
	maxMembers      = 1000 // of one container
	maxWatchers     = 5000
	maxLines        = 16   // telephone lines of the user
	maxText         = 4096 // bytes of a text for display; a longer one is cut
	maxIdentifier   = 1024 // bytes of an address or name; a longer one is ignored
	maxDepth        = 32   // levels of elements; the deepest known document has eight
)

// ErrOutOfStep is in the error for a change of the contact list that does not
// follow the last one, or that comes before the list. Subscribe to the list
// again: the pool then sends the whole list.
var ErrOutOfStep = errors.New("the contact list must be subscribed to anew")

// malformed returns the failure for a document that cannot be read.
func malformed(d document, what string, err error) error {
	return &journal.Failure{
		Code:    journal.ProvMalformed,
		Asked:   d.name,
		What:    "The " + d.name + " cannot be read. " + what,
		Because: d.rule,
		Err:     err,
		Fix: "Look at the body of the message in the SIP log of the pool: something between pool and phone has cut or " +
			"rewritten it, or the sender is no OCS pool.",
	}
}
