// Package roaming is what the pool keeps for the user and tells each of his
// endpoints: his own entry (number, e-mail address, voice mail, presence
// publications and who may see them) and his contact list.
//
// It implements the bodies of the self subscription (MS-PRES, ocs-sip.md 5.1
// and 5.4) and of the contact subscription (MS-SIP 2.2.4.1 and MS-PRES Appendix
// E, ocs-sip.md 6). It reads and writes documents; who sends them is somebody
// else. A phone reads:
//
//	self := roaming.Self{Address: "kerry@contoso.com"} // or the zero Self, which takes any user's
//	self, err := self.Apply(reply)                     // the 200's body; later each BENOTIFY's
//	if !self.VoiceEnabled() { … }                      // ocs-sip.md 5.6
//
//	var list roaming.ContactList
//	list, err := list.Apply(reply)
//	if errors.Is(err, roaming.ErrOutOfStep) { … }      // a change was missed: subscribe anew
//
// A pool writes with Self.XML and Self.Change, ContactList.XML and
// ContactList.ChangeTo.
//
// A document that cannot be read whole is an error and changes nothing. What
// can be read but is odd (a number that is none, a name given twice) is a line
// of Warnings: it is left out, or the first one holds. All types are values:
// Apply leaves its receiver as it was, and nothing here starts goroutines.
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

// Bounds on what is believed from the network. Those of lists hold for one
// document and for all that were applied together.
const (
	MaxBody         = 1 << 20 // bytes of one document: as much as one SIP message may have
	MaxContacts     = 5000    // of a contact list
	MaxGroups       = 1000    // of a contact list; MS-PRES Appendix E allows 64
	maxContactIn    = 64      // groups that one contact is in
	maxPublications = 2000    // each endpoint of the user has some ten
	maxContainers   = 256
	maxMembers      = 1000 // of one container
	maxWatchers     = 5000
	maxLines        = 16   // telephone lines of the user
	maxText         = 4096 // bytes of a text for a person; what is longer is cut
	maxIdentifier   = 1024 // bytes of an address or name; what is longer is left out
	maxDepth        = 32   // levels of elements; the deepest known document has eight
)

// ErrOutOfStep is within the error for a change of the contact list that is not
// the next one to the list held, or comes when none is held. Subscribe to the
// list anew: the pool then sends it whole.
var ErrOutOfStep = errors.New("the contact list must be subscribed to anew")

// malformed is the failure of a document that cannot be used at all.
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
