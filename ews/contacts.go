package ews

import (
	"context"
	"strings"
)

// PhoneKey says what a number of a contact is for: one of the 19 keys of the
// schema, such as "BusinessPhone".
type PhoneKey string

// The keys that the phone asks for. A server may send others too.
const (
	BusinessPhone  PhoneKey = "BusinessPhone"
	MobilePhone    PhoneKey = "MobilePhone"
	HomePhone      PhoneKey = "HomePhone"
	BusinessPhone2 PhoneKey = "BusinessPhone2"
	OtherTelephone PhoneKey = "OtherTelephone"
	PrimaryPhone   PhoneKey = "PrimaryPhone"
)

// PhoneNumber is one number as the user typed it: free text, to be normalized
// by the dial plan before anything is compared with it.
type PhoneNumber struct {
	Key  PhoneKey `json:"key" xml:"Key,attr"`
	Text string   `json:"text" xml:",chardata"`
}

// Contact is one Outlook contact. Empty fields are absent in the mailbox; the
// server cuts each at 255 characters.
type Contact struct {
	ID          ItemID        `json:"id,omitzero"`           // zero in a result of ResolveNames
	FileAs      string        `json:"fileAs,omitempty"`      // what Outlook sorts by: "Kelly, Bob"
	DisplayName string        `json:"displayName,omitempty"` // "Bob Kelly"
	GivenName   string        `json:"givenName,omitempty"`
	Surname     string        `json:"surname,omitempty"`
	Company     string        `json:"company,omitempty"`
	Email       string        `json:"email,omitempty"` // the first address
	IM          string        `json:"im,omitempty"`    // the first instant messaging address, a SIP URI
	Phones      []PhoneNumber `json:"phones,omitempty"`
}

// Name returns the name to display: the display name, else given name and surname,
// else FileAs, the company or the address. Empty if the contact has none of them.
func (c Contact) Name() string {
	return firstText(c.DisplayName, c.GivenName+" "+c.Surname, c.FileAs, c.Company, c.Email)
}

// contactQuery is docs/protocol/exchange-contacts.md#contacts. It reads the
// default folder only, without the folders below it
// (docs/protocol/exchange-autodiscover.md#use-of-exchange-by-the-phone).
func contactQuery(size int) query {
	return query{page: size, parent: distinguishedFolder("contacts"), shape: shape(
		uris("item:ItemClass", "contacts:FileAs", "contacts:DisplayName", "contacts:GivenName", "contacts:CompanyName",
			"contacts:Surname"),
		indexed("contacts:EmailAddress", "EmailAddress1"),
		indexed("contacts:PhoneNumber", string(BusinessPhone), string(MobilePhone), string(HomePhone)),
		indexed("contacts:ImAddress", "ImAddress1"),
		indexed("contacts:PhoneNumber", string(BusinessPhone2), string(OtherTelephone), string(PrimaryPhone)))}
}

// Contacts reads the user's Outlook contacts, in the server's order.
// Distribution lists are left out. After an error there is no complete list: the
// caller should keep the last one.
func (c *Client) Contacts(ctx context.Context) ([]Contact, Listing, error) {
	items, l, err := c.readAll(ctx, contactQuery(pageContacts))
	if err != nil {
		return nil, l, err
	}
	all := contactsOf(items)
	c.recordList("Outlook contacts", len(all), l)
	return all, l, nil
}

// FirstContacts reads the first page only, for a screen that cannot wait for
// the rest. n is at least 1 and at most 1,000.
func (c *Client) FirstContacts(ctx context.Context, n int) ([]Contact, Listing, error) {
	p, err := c.readPage(ctx, contactQuery(min(max(n, 1), maxListed)), 0)
	if err != nil {
		return nil, Listing{}, err
	}
	return contactsOf(p.items), Listing{Total: p.total, Pages: 1, Truncated: !p.last, Replaced: p.replaced}, nil
}

func contactsOf(items []item) []Contact {
	all := make([]Contact, 0, len(items))
	for i := range items {
		if it := &items[i]; it.Kind == "Contact" && it.ID.ID != "" && (it.Class == "" || classIs(it.Class, "IPM.Contact")) {
			all = append(all, it.contact(it.ID))
		}
	}
	return all
}

func (r *readContact) contact(id ItemID) Contact {
	c := Contact{
		ID:          id,
		FileAs:      firstText(r.FileAs),
		DisplayName: firstText(r.DisplayName),
		GivenName:   firstText(r.GivenName),
		Surname:     firstText(r.Surname),
		Company:     firstText(r.Company),
		Email:       r.Emails.first(),
		IM:          r.IMs.first(),
	}
	for _, e := range r.Phones.List {
		if text := firstText(e.Text); text != "" {
			c.Phones = append(c.Phones, PhoneNumber{e.Key, text})
		}
	}
	return c
}

func (l readEntries) first() string {
	for _, e := range l.List {
		if text := firstText(e.Text); text != "" {
			return text
		}
	}
	return ""
}

// classIs reports whether class is base or below it, by whole parts and without
// regard to case (docs/protocol/exchange-items.md#item-classes-and-properties).
func classIs(class, base string) bool {
	return len(class) >= len(base) && strings.EqualFold(class[:len(base)], base) &&
		(len(class) == len(base) || class[len(base)] == '.')
}
