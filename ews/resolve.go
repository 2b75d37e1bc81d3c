package ews

import (
	"context"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// Resolution is one person or list that matches a name.
type Resolution struct {
	Name    string   `json:"name"`
	Address string   `json:"address,omitempty"` // e-mail address; empty for a contact without one
	Routing string   `json:"routing,omitempty"` // "SMTP", or "EX" when Address is a legacy DN
	Kind    string   `json:"kind,omitempty"`    // "Mailbox", "PublicDL", "PrivateDL", "Contact", …; later servers only
	Contact *Contact `json:"contact,omitempty"` // phone numbers and names; nil when the server has none
}

// ResolveNames searches the directory and then the user's contacts for a name or
// the beginning of one. The list is empty if there is no match. more reports that
// there are more matches than the server returns, which is at most 100.
func (c *Client) ResolveNames(ctx context.Context, name string) (found []Resolution, more bool, err error) {
	const op = "ResolveNames"
	name = strings.TrimSpace(name)
	if name == "" {
		return nil, false, &journal.Failure{Code: journal.Usage, Asked: op, What: "no name was given to look up",
			Fix: "give the beginning of a name"}
	}
	m, err := c.askOne(ctx, op, writeResolveNames{Full: true, Scope: "ActiveDirectoryContacts", Entry: name})
	if errorIn(err).Code == ErrorNoResults {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	for _, r := range m.Names.List { // also with the warning ErrorNameResolutionMultipleResults
		n := Resolution{Name: firstText(r.Box.Name), Address: firstText(r.Box.Address),
			Routing: firstText(r.Box.Routing), Kind: firstText(r.Box.Kind)}
		if r.Contact != nil {
			k := r.Contact.contact(ItemID{})
			n.Contact = &k
			n.Name = firstText(n.Name, k.Name())
		}
		found = append(found, n)
	}
	return found, m.Names.Last != "" && !boolValue(m.Names.Last), nil
}
