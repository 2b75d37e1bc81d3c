package exchange

import (
	"strconv"
	"strings"
)

// maxFindText is the length to which FindItem truncates strings, in characters
// (docs/protocol/exchange-items.md#listing-items).
const maxFindText = 255

// shape selects the properties of an answer.
type shape struct {
	base  string // IdOnly, Default, AllProperties
	paths []*node
	find  bool // FindItem: no bodies, no attachments, truncated strings, names without addresses
}

// wants reports whether the shape has the property, and the requested keys of
// entries; nil means all keys.
func (sh shape) wants(p property) (bool, []string) {
	if p.kind == itemID || p.kind == extended || sh.base == "AllProperties" || sh.base == "Default" && p.inDefault {
		return true, nil
	}
	var keys []string
	for _, n := range sh.paths {
		uri := attr(n, "FieldURI")
		switch {
		case n.Name.Local == "t:FieldURI" && (uri == p.uri || p.kind == entries && uri == "contacts:"+p.element):
			return true, nil
		case n.Name.Local == "t:IndexedFieldURI" && uri == p.uri:
			keys = append(keys, attr(n, "FieldIndex"))
		}
	}
	return keys != nil, keys
}

func shapeOf(n *node, find bool) shape {
	sh := shape{base: child(n, "t:BaseShape").Value(), find: find}
	if more := child(n, "t:AdditionalProperties"); more != nil {
		sh.paths = more.Children
	}
	return sh
}

// write returns the element of an item.
func (sh shape) write(b *mailbox, it *item) *elem {
	e := el("t:" + it.element)
	for _, p := range propertiesOf(it.element) {
		if ok, keys := sh.wants(p); ok {
			e.add(p.kind.write(sh, b, it, p, keys)...)
		}
	}
	return e
}

func (sh shape) truncate(v string) string {
	if r := []rune(v); sh.find && len(r) > maxFindText {
		return string(r[:maxFindText])
	}
	return v
}

// extendedPath returns the key of an extended property. A tag is written as a
// number, since 0x6801 and 26625 are the same
// (docs/protocol/exchange-items.md#item-classes-and-properties).
func extendedPath(n *node) string {
	if tag := attr(n, "PropertyTag"); tag != "" {
		if v, err := strconv.ParseUint(tag, 0, 16); err == nil {
			return "0x" + strconv.FormatUint(v, 16)
		}
		return tag
	}
	var parts []string
	for _, a := range []string{"DistinguishedPropertySetId", "PropertySetId", "PropertyName", "PropertyId"} {
		parts = append(parts, strings.ToLower(attr(n, a)))
	}
	return strings.Join(parts, "/")
}

// pathOf returns the key in item.values of a FieldURI or IndexedFieldURI; "" for
// another element.
func pathOf(n *node) string {
	switch n.Name.Local {
	case "t:FieldURI":
		return attr(n, "FieldURI")
	case "t:IndexedFieldURI":
		return attr(n, "FieldURI") + ":" + attr(n, "FieldIndex")
	}
	return ""
}

// get returns the value of the property that n names.
func (it *item) get(n *node) (string, bool) {
	if n.Name.Local == "t:ExtendedFieldURI" {
		v, ok := it.extended[extendedPath(n)]
		return v.value, ok
	}
	v, ok := it.values[pathOf(n)]
	return v, ok && v != ""
}
