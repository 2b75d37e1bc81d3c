package roaming

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/journal"
)

// otherContacts is the group of contacts that are in no other group
// (docs/protocol/sip-services.md#contact-list).
const otherContacts = 1

// Group is one group of the contact list.
type Group struct {
	// of this list; another subscription may use other numbers
	ID       uint32 `json:"id" xml:"id,attr"`
	Name     string `json:"name" xml:"name,attr"`                      // "~" is "Other Contacts" in any language
	External string `json:"external,omitempty" xml:"externalURI,attr"` // such as a distribution list's
}

// Contact is one entry of the contact list.
type Contact struct {
	Address    string   `json:"address"`            // without "sip:"
	Name       string   `json:"name,omitempty"`     // given by the user; empty: use the contact's own
	Groups     []uint32 `json:"groups"`             // never empty
	Subscribed bool     `json:"subscribed"`         // the presence of the contact is subscribed to
	External   string   `json:"external,omitempty"` // externalURI
}

// ContactList is the user's contact list as the pool stores it. The zero
// ContactList is unknown; a contactDelta cannot be applied to it.
type ContactList struct {
	Delta    uint32    `json:"delta"` // number of the last change, sent with the next one; 0: none is known
	Groups   []Group   `json:"groups,omitempty"`
	Contacts []Contact `json:"contacts,omitempty"` // in the pool's order; later additions last
	Warnings []string  `json:"warnings,omitempty"` // of the document applied last, fit for a step's Details
}

// Apply reads the body of a 200, NOTIFY or BENOTIFY (docs/protocol/sip-services.md#contact-list): a
// contactList replaces the list, a contactDelta changes it. The error holds a
// *journal.Failure, with ErrOutOfStep in it for a delta that is not the next one.
// With an error the result is l.
func (l ContactList) Apply(body []byte) (ContactList, error) {
	root, err := parseTree(body, document{"contact list", "MS-SIP 2.2.4.1", []string{"contactList", "contactDelta"}})
	if err != nil {
		return l, err
	}
	r := listReader{groupAt: map[uint32]int{}, contactAt: map[string]int{}, deleted: map[uint32]bool{}}
	if root.Is("contactDelta") {
		if err := r.startDelta(l, root); err != nil {
			return l, err
		}
	}
	r.warnings.addReplaced(root)
	r.Delta, _ = r.warnings.number(root, "deltaNum")
	if r.Delta == 0 {
		r.warnings.add("contactList deltaNum", "", "It is missing or 0. Changes of this list cannot be followed.")
	}
	if mode, _ := root.Attr("ucsMode"); strings.EqualFold(mode, "migrated") { // MS-PRES Appendix E
		r.warnings.add("contactList ucsMode", mode, "The contacts of this user are kept by Exchange, not by the pool.")
	}
	for _, n := range root.Children {
		r.readElement(n)
	}
	return r.finish(), nil
}

// listReader is the state of one Apply.
type listReader struct {
	ContactList
	warnings  warningCollector
	isDelta   bool
	groupAt   map[uint32]int // index in Groups by ID; a group without an entry is deleted
	contactAt map[string]int // index in Contacts by address in lower case, likewise
	deleted   map[uint32]bool
}

// startDelta checks that a change is the next one and starts from the list l.
func (r *listReader) startDelta(l ContactList, root *boundedxml.Node) error {
	next, _ := r.warnings.number(root, "deltaNum")
	previous, given := r.warnings.number(root, "prevDeltaNum") // MS-PRES Appendix E; OCS 2007 has none
	if !given {
		previous = next - 1
	}
	if l.Delta == 0 || next <= l.Delta || previous != l.Delta {
		return &journal.Failure{Code: journal.ProvMalformed, Asked: "contact list", Because: "MS-SIP 3.7", Err: ErrOutOfStep,
			What: fmt.Sprintf("Change %d of the contact list does not follow change %d, which the phone holds.", next, l.Delta),
			Fix: "The phone asks for the whole list again. If this comes back, look for notifications to the phone that the " +
				"pool could not deliver."}
	}
	r.isDelta = true
	r.Groups, r.Contacts = slices.Clone(l.Groups), slices.Clone(l.Contacts)
	for i, g := range r.Groups {
		r.groupAt[g.ID] = i
	}
	for i, c := range r.Contacts {
		r.contactAt[strings.ToLower(c.Address)] = i
	}
	return nil
}

func (r *listReader) readElement(n *boundedxml.Node) {
	name := strings.ToLower(n.Name.Local)
	if !r.isDelta && (name == "group" || name == "contact") {
		name = "added" + name
	} else if !r.isDelta {
		name = ""
	}
	switch name {
	case "addedgroup", "modifiedgroup", "deletedgroup":
		r.readGroup(n, strings.TrimSuffix(name, "group"))
	case "addedcontact", "modifiedcontact", "deletedcontact":
		r.readContact(n, strings.TrimSuffix(name, "contact"))
	default:
		r.warnings.add(journal.Excerpt(n.Name.Local), "", "The phone does not know this element. It is not used.")
	}
}

// fits reports whether a change can be applied to the list, and adds a warning if
// it does not match the list. In a whole list the first of two entries is used, in
// a delta the last one.
func (r *listReader) fits(what, name, change string, held bool) bool {
	switch {
	case change == "added" && held && r.isDelta:
		r.warnings.add(what, name, "It was there before it was added. The new one holds.")
	case change == "added" && held:
		r.warnings.add(what, name, "It comes twice. The first holds.")
		return false
	case change == "modified" && !held:
		r.warnings.add(what, name, "It is changed and was not there. It is added.")
	case change == "deleted" && !held:
		r.warnings.add(what, name, "It is deleted and was not there.")
		return false
	}
	return true
}

func (r *listReader) readGroup(n *boundedxml.Node, change string) {
	id, ok := r.warnings.number(n, "id")
	if !ok {
		r.warnings.add("group", "", "It has no id. It is left out.")
		return
	}
	i, held := r.groupAt[id]
	if !r.fits("group", fmt.Sprint(id), change, held) {
		return
	}
	if change == "deleted" {
		delete(r.groupAt, id)
		r.deleted[id] = true
		return
	}
	name, _ := n.Attr("name")
	external, _ := n.Attr("externalURI")
	g := Group{id, r.warnings.cutText("group name", name), r.warnings.cutText("group externalURI", external)}
	switch {
	case held:
		r.Groups[i] = g
	case len(r.groupAt) >= MaxGroups:
		r.warnings.add("group", fmt.Sprint(id), fmt.Sprintf("There are more than %d groups. It is left out.", MaxGroups))
	default:
		r.groupAt[id] = len(r.Groups)
		r.Groups = append(r.Groups, g)
	}
}

func (r *listReader) readContact(n *boundedxml.Node, change string) {
	uri, _ := n.Attr("uri")
	address := r.warnings.address("contact uri", uri)
	key := strings.ToLower(address)
	i, held := r.contactAt[key]
	if address == "" || !r.fits("contact", address, change, held) {
		return
	}
	if change == "deleted" {
		delete(r.contactAt, key)
		return
	}
	c := r.newContact(n, address)
	switch {
	case held:
		r.Contacts[i] = c
	case len(r.contactAt) >= MaxContacts:
		r.warnings.add("contact", address, fmt.Sprintf("There are more than %d contacts. It is left out.", MaxContacts))
	default:
		r.contactAt[key] = len(r.Contacts)
		r.Contacts = append(r.Contacts, c)
	}
}

func (r *listReader) newContact(n *boundedxml.Node, address string) Contact {
	name, _ := n.Attr("name")
	external, _ := n.Attr("externalURI")
	c := Contact{Address: address, Name: r.warnings.cutText("contact name", name),
		External: r.warnings.cutText("contact externalURI", external), Subscribed: true}
	if subscribed, ok := n.Attr("subscribed"); ok { // a delta may omit it: docs/protocol/sip-services.md#contact-list
		c.Subscribed = r.warnings.boolValue("contact subscribed", subscribed)
	}
	groups, _ := n.Attr("groups")
	for group := range strings.FieldsSeq(groups) {
		id, err := strconv.ParseUint(group, 10, 32)
		switch {
		case err != nil:
			r.warnings.add("contact groups", group, "It must be the number of a group. It is left out.")
		case slices.Contains(c.Groups, uint32(id)):
		case len(c.Groups) >= maxContactIn:
			r.warnings.add("contact", address, fmt.Sprintf("It is in more than %d groups. The rest is left out.", maxContactIn))
			return c
		default:
			c.Groups = append(c.Groups, uint32(id))
		}
	}
	return c
}

// finish removes deleted groups and contacts, and from each contact the groups that
// do not exist.
func (r *listReader) finish() ContactList {
	var groups []Group
	for i, g := range r.Groups {
		if at, ok := r.groupAt[g.ID]; ok && at == i {
			groups = append(groups, g)
		}
	}
	var contacts []Contact
	for i, c := range r.Contacts {
		if at, ok := r.contactAt[strings.ToLower(c.Address)]; ok && at == i {
			c.Groups = r.existingGroups(c)
			contacts = append(contacts, c)
		}
	}
	r.Groups, r.Contacts, r.Warnings = groups, contacts, r.warnings.list()
	return r.ContactList
}

// existingGroups returns the groups of c that exist, else the one of other contacts.
func (r *listReader) existingGroups(c Contact) []uint32 {
	var existing []uint32
	for _, id := range c.Groups {
		if _, ok := r.groupAt[id]; ok || id == otherContacts {
			existing = append(existing, id)
		} else if !r.deleted[id] {
			r.warnings.add("contact", c.Address, fmt.Sprintf("There is no group %d. The contact is not in it.", id))
		}
	}
	if len(existing) == 0 {
		return []uint32{otherContacts}
	}
	return existing
}
