package exchange

import (
	"slices"
	"strconv"
	"strings"
)

// maxFindText is where FindItem cuts strings, in characters (exchange.md 2.4).
const maxFindText = 255

// shape is which properties an answer has.
type shape struct {
	base  string // IdOnly, Default, AllProperties
	paths []*node
	find  bool // of FindItem: no bodies, no attachments, cut strings, names alone
}

// wants tells whether the shape has the property, and of entries which keys; nil
// keys are all.
func (sh shape) wants(p property) (bool, []string) {
	if sh.base == "AllProperties" || sh.base == "Default" && p.inDefault {
		return true, nil
	}
	var keys []string
	for _, n := range sh.paths {
		uri := n.attr("FieldURI")
		switch {
		case n.name == "t:FieldURI" && (uri == p.uri || p.kind == entries && uri == plural(p.uri)):
			return true, nil
		case n.name == "t:IndexedFieldURI" && uri == p.uri:
			keys = append(keys, n.attr("FieldIndex"))
		}
	}
	return keys != nil, keys
}

// plural is the FieldURI of all entries: contacts:PhoneNumbers.
func plural(uri string) string {
	if uri == "contacts:EmailAddress" || uri == "contacts:ImAddress" {
		return uri + "es"
	}
	return uri + "s"
}

func shapeOf(n *node, find bool) shape {
	sh := shape{base: n.kid("t:BaseShape").value(), find: find}
	if more := n.kid("t:AdditionalProperties"); more != nil {
		sh.paths = more.kids
	}
	return sh
}

// write makes the element of an item.
func (sh shape) write(b *mailbox, it *item) *elem {
	e := el("t:" + it.element)
	for _, p := range propertiesOf(it.element) {
		switch p.kind {
		case itemID:
			e.add(b.itemID(it))
			continue
		case extended:
			sh.writeExtended(e, it)
			continue
		case unsupported:
			if ok, _ := sh.wants(p); ok && p.element == "ParentFolderId" {
				e.add(b.folderID("t:ParentFolderId", it.folder))
			}
			continue
		}
		ok, keys := sh.wants(p)
		if !ok {
			continue
		}
		switch v := it.values[p.uri]; p.kind {
		case entries:
			list := el("t:" + p.element)
			for _, k := range entryKeys(p.uri) {
				if v := it.values[p.uri+":"+k]; v != "" && (keys == nil || slices.Contains(keys, k)) {
					list.add(tx("t:Entry", sh.truncate(v)).attr("Key", k))
				}
			}
			if list.kids != nil {
				e.add(list)
			}
		case attachments:
			if !sh.find && len(it.attachments) > 0 {
				list := el("t:Attachments")
				for i, a := range it.attachments {
					list.add(el("t:FileAttachment", b.attachmentID(it, i), tx("t:Name", a.name), tx("t:ContentType", a.contentType)))
				}
				e.add(list)
			}
		case body:
			if !sh.find && v != "" {
				e.add(tx("t:Body", v).attr("BodyType", "Text"))
			}
		case person:
			if v != "" && (!sh.find || p.element != "ToRecipients") { // FindItem has no recipients
				e.add(el("t:"+p.element, sh.person(v)))
			}
		default:
			if v != "" {
				e.add(tx("t:"+p.element, sh.truncate(v)))
			}
		}
	}
	return e
}

// person is the Mailbox element of "name\naddress"; FindItem tells the name alone.
func (sh shape) person(v string) *elem {
	name, address, _ := strings.Cut(v, "\n")
	m := el("t:Mailbox", tx("t:Name", name))
	if !sh.find && address != "" {
		m.add(tx("t:EmailAddress", address), tx("t:RoutingType", "SMTP"))
	}
	return m
}

func (sh shape) truncate(v string) string {
	if r := []rune(v); sh.find && len(r) > maxFindText {
		return string(r[:maxFindText])
	}
	return v
}

func (sh shape) writeExtended(e *elem, it *item) {
	for _, n := range sh.paths {
		if n.name != "t:ExtendedFieldURI" {
			continue
		}
		if v, ok := it.extended[extendedPath(n)]; ok {
			e.add(el("t:ExtendedProperty", el("t:ExtendedFieldURI").attr(v.attrs...), tx("t:Value", sh.truncate(v.value))))
		}
	}
}

// extendedPath is the key of an extended property: the tag as a number where
// there is one, since 0x6801 and 26625 are the same (exchange.md 2.3).
func extendedPath(n *node) string {
	if tag := n.attr("PropertyTag"); tag != "" {
		if v, err := strconv.ParseUint(tag, 0, 16); err == nil {
			return "0x" + strconv.FormatUint(v, 16)
		}
		return tag
	}
	var parts []string
	for _, a := range []string{"DistinguishedPropertySetId", "PropertySetId", "PropertyName", "PropertyId"} {
		parts = append(parts, strings.ToLower(n.attr(a)))
	}
	return strings.Join(parts, "/")
}

// pathOf is the key in item.values of a FieldURI or IndexedFieldURI, "" of
// something else.
func pathOf(n *node) string {
	switch n.name {
	case "t:FieldURI":
		return n.attr("FieldURI")
	case "t:IndexedFieldURI":
		return n.attr("FieldURI") + ":" + n.attr("FieldIndex")
	}
	return ""
}

// get is the value of the property that n names.
func (it *item) get(n *node) (string, bool) {
	if n.name == "t:ExtendedFieldURI" {
		v, ok := it.extended[extendedPath(n)]
		return v.value, ok
	}
	v, ok := it.values[pathOf(n)]
	return v, ok && v != ""
}
