package roaming

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

type contactWriter struct {
	URI        string `xml:"uri,attr"`
	Name       string `xml:"name,attr"`
	Groups     string `xml:"groups,attr"`
	Subscribed bool   `xml:"subscribed,attr"`
	External   string `xml:"externalURI,attr"`
}

type listWriter struct {
	XMLName  xml.Name        `xml:"contactList"`
	Delta    uint32          `xml:"deltaNum,attr"`
	Groups   []Group         `xml:"group"`
	Contacts []contactWriter `xml:"contact"`
}

type deltaWriter struct {
	XMLName          xml.Name        `xml:"contactDelta"`
	Delta            uint32          `xml:"deltaNum,attr"`
	AddedGroups      []Group         `xml:"addedGroup"`
	ModifiedGroups   []Group         `xml:"modifiedGroup"`
	AddedContacts    []contactWriter `xml:"addedContact"`
	ModifiedContacts []contactWriter `xml:"modifiedContact"`
	DeletedGroups    []deletedGroup  `xml:"deletedGroup"`
	DeletedContacts  []deletedEntry  `xml:"deletedContact"`
}

type deletedGroup struct {
	ID uint32 `xml:"id,attr"`
}

type deletedEntry struct {
	URI string `xml:"uri,attr"`
}

var errNoDelta = errors.New("a contact list is sent with the number of its last change, 1 and up: set Delta")

// XML writes the whole list, the answer of a pool to a subscription. The error is
// for a Delta of 0.
func (l ContactList) XML() ([]byte, error) {
	if l.Delta == 0 {
		return nil, errNoDelta
	}
	w := listWriter{Delta: l.Delta, Groups: l.Groups}
	for _, c := range l.Contacts {
		w.Contacts = append(w.Contacts, c.writer(""))
	}
	return xml.Marshal(w)
}

// ChangeTo writes the contactDelta that changes l to next. Its number is
// next.Delta. A subscriber accepts only l.Delta+1, and subscribes again after any
// other number. The order of groups and contacts does not count. The error is for
// a next.Delta of 0.
func (l ContactList) ChangeTo(next ContactList) ([]byte, error) {
	if next.Delta == 0 {
		return nil, errNoDelta
	}
	w := deltaWriter{Delta: next.Delta}
	groups, contacts := map[uint32]Group{}, map[string]Contact{}
	for _, g := range l.Groups {
		groups[g.ID] = g
	}
	for _, c := range l.Contacts {
		contacts[strings.ToLower(c.Address)] = c
	}
	for _, g := range next.Groups {
		if old, ok := groups[g.ID]; !ok {
			w.AddedGroups = append(w.AddedGroups, g)
		} else if old != g {
			w.ModifiedGroups = append(w.ModifiedGroups, g)
		}
		delete(groups, g.ID)
	}
	for _, c := range next.Contacts {
		if old, ok := contacts[strings.ToLower(c.Address)]; !ok {
			w.AddedContacts = append(w.AddedContacts, c.writer("sip:"))
		} else if old.writer("") != c.writer("") {
			w.ModifiedContacts = append(w.ModifiedContacts, c.writer("sip:"))
		}
		delete(contacts, strings.ToLower(c.Address))
	}
	for _, g := range l.Groups {
		if _, gone := groups[g.ID]; gone {
			w.DeletedGroups = append(w.DeletedGroups, deletedGroup{g.ID})
		}
	}
	for _, c := range l.Contacts {
		if _, gone := contacts[strings.ToLower(c.Address)]; gone {
			w.DeletedContacts = append(w.DeletedContacts, deletedEntry{"sip:" + c.Address})
		}
	}
	return xml.Marshal(w)
}

// writer returns the contact with "sip:" before its address, as in deltas, or
// without it, as in lists (docs/protocol/sip-services.md#contact-list).
func (c Contact) writer(scheme string) contactWriter {
	groups := c.Groups
	if len(groups) == 0 {
		groups = []uint32{otherContacts}
	}
	return contactWriter{scheme + c.Address, c.Name, strings.Trim(fmt.Sprint(groups), "[]"), c.Subscribed, c.External}
}
