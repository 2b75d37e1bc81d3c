package exchange

import (
	"slices"
	"strconv"
	"strings"
)

// maxFindText is the length to which FindItem truncates strings, in characters
// (docs/protocol/exchange-items.md#listing-items).
const maxFindText = 255

// shape selects the properties of an answer.
type shape struct {
	base     string  // IdOnly, Default, AllProperties
	paths    []*node // without repetitions
	find     bool    // FindItem: no bodies, no attachments, truncated strings, names without addresses
	mime     bool    // with MimeContent
	bodyType string  // Best, HTML, Text; "": Best
}

func shapeOf(n *node, find bool) shape {
	sh := shape{base: child(n, "t:BaseShape").Value(), find: find, bodyType: child(n, "t:BodyType").Value()}
	sh.mime, _ = parseBoolean(child(n, "t:IncludeMimeContent").Value())
	more := child(n, "t:AdditionalProperties")
	if more == nil {
		return sh
	}
	for _, path := range more.Children {
		same := func(p *node) bool { return pathOf(p) == pathOf(path) && extendedKey(p) == extendedKey(path) }
		if !slices.ContainsFunc(sh.paths, same) {
			sh.paths = append(sh.paths, path)
		}
	}
	return sh
}

// wants reports whether the shape has the property, and the requested keys of
// entries; nil means all keys.
func (sh shape) wants(p property) (bool, []string) {
	switch {
	case p.kind == itemID || p.kind == extended || p.kind == mimeContent && sh.mime:
		return true, nil
	case p.kind != mimeContent && sh.base == "AllProperties", sh.base == "Default" && p.inDefault:
		return true, nil
	}
	var keys []string
	for _, path := range sh.paths {
		if !p.namedBy(path) {
			continue
		}
		if path.Name.Local == "t:FieldURI" {
			return true, nil
		}
		keys = append(keys, strings.TrimPrefix(pathOf(path), p.uri+":"))
	}
	return keys != nil, keys
}

// check returns an error if items with that element have no MIME content and the
// shape names it. Other properties that they do not have are absent in the answer:
// exchangelib requests those of meetings for every item of an inbox.
func (sh shape) check(element string) error {
	named := func(path *node) bool { return pathOf(path) == "item:MimeContent" }
	if element == "Contact" && (sh.mime || slices.ContainsFunc(sh.paths, named)) {
		return codeError("ErrorUnsupportedMimeConversion", "")
	}
	return nil
}

// write returns the element of an item.
func (sh shape) write(b *mailbox, it *item) *elem {
	e := el("t:" + it.element)
	for _, p := range itemElements[it.element] {
		if ok, keys := sh.wants(p); ok {
			e.add(p.kind.write(sh, b, it, p, keys)...)
		}
	}
	return e
}

// extended returns the extended properties of x that the shape names.
func (sh shape) extended(x propertied) (list []*elem) {
	for _, path := range sh.paths {
		if path.Name.Local != "t:ExtendedFieldURI" {
			continue
		}
		v, ok := x.get(path)
		if !ok {
			continue
		}
		value := tx("t:Value", sh.truncate(v))
		if strings.HasSuffix(attr(path, "PropertyType"), "Array") {
			value = el("t:Values")
			for one := range strings.SplitSeq(v, listSeparator) {
				value.add(tx("t:Value", sh.truncate(one)))
			}
		}
		list = append(list, el("t:ExtendedProperty", answeredPath(path), value))
	}
	return list
}

// answeredPath returns the ExtendedFieldURI of an answer. Exchange writes a tag in
// hexadecimal digits, however it was requested.
func answeredPath(path *node) *elem {
	e := el("t:ExtendedFieldURI")
	for _, a := range path.Attrs {
		switch v, err := parseTag(a.Value); {
		case a.Name.Space != "" || a.Name.Local == "xmlns":
		case a.Name.Local == "PropertyTag" && err == nil:
			e.attr(a.Name.Local, "0x"+strconv.FormatUint(v, 16))
		default:
			e.attr(a.Name.Local, a.Value)
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

// checkPaths checks the paths of an operation beyond the schema.
func checkPaths(n *node) error {
	switch n.Name.Local {
	case "t:ExtendedFieldURI":
		return checkExtended(n)
	case "t:IndexedFieldURI":
		for _, p := range contactProperties {
			if p.namedBy(n) && !isOfType(attr(n, "FieldIndex"), entryKeys[p.uri]) {
				return codeError("ErrorInvalidPropertyRequest", "")
			}
		}
	}
	for _, c := range n.Children {
		if err := checkPaths(c); err != nil {
			return err
		}
	}
	return nil
}

// get returns the value of the property that n names.
func (it *item) get(n *node) (string, bool) {
	if n.Name.Local == "t:ExtendedFieldURI" {
		return it.extendedValue(n)
	}
	v, ok := it.values[pathOf(n)]
	return v, ok && v != ""
}
