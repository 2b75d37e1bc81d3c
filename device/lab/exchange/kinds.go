package exchange

import (
	"slices"
	"strconv"
	"strings"
)

// kind is how a property is written into an answer and read from a request.
type kind struct {
	// write returns the elements of the property, none if the item does not have
	// it. keys are the requested keys of an entries property; nil means all.
	write func(sh shape, b *mailbox, it *item, p property, keys []string) []*elem
	// read sets the property of it from n, an element of a request.
	read func(it *item, p property, n *node) error
}

// The kinds of property. Their values in item.values are strings.
var (
	text         = &kind{writeText, readText}
	boolean      = &kind{writeText, readParsed(canonicalBoolean)}  // "true" or "false"
	number       = &kind{writeText, readParsed(canonicalNumber)}   // decimal
	dateTime     = &kind{writeText, readParsed(canonicalDateTime)} // as formatTime writes it
	person       = &kind{writePerson, readPerson}                  // a Mailbox: name, line feed, address
	body         = &kind{writeBody, readBody}                      // with the attribute BodyType; not in FindItem
	entries      = &kind{writeEntries, readEntries}                // Entry elements; each value is under uri ":" key
	attachments  = &kind{writeAttachments, refuse}                 // the item's attachments; not in FindItem
	extended     = &kind{writeExtended, readExtended}              // the ExtendedProperty elements
	itemID       = &kind{writeItemID, refuse}                      // in every answer
	parentFolder = &kind{writeParentFolder, ignore}                // the folder of the item
	unsupported  = &kind{writeNothing, ignore}                     // in the schema, but not in the lab
)

func writeNothing(shape, *mailbox, *item, property, []string) []*elem { return nil }

func ignore(*item, property, *node) error { return nil }

func refuse(*item, property, *node) error { return codeError("ErrorInvalidPropertySet", "") }

func writeText(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
	if v := it.values[p.uri]; v != "" {
		return []*elem{tx("t:"+p.element, sh.truncate(v))}
	}
	return nil
}

func readText(it *item, p property, n *node) error {
	it.values[p.uri] = n.Value()
	return nil
}

// invalidValue is the error for a value that does not have the type of n.
func invalidValue(n *node) error {
	return schemaError(n, "the element '"+n.Name.Local+"' has an invalid value")
}

// readParsed reads a text whose canonical form parse returns.
func readParsed(parse func(string) (canonical string, ok bool)) func(*item, property, *node) error {
	return func(it *item, p property, n *node) error {
		v, ok := parse(n.Value())
		if !ok {
			return invalidValue(n)
		}
		it.values[p.uri] = v
		return nil
	}
}

func canonicalBoolean(v string) (string, bool) {
	b, ok := parseBoolean(v)
	return strconv.FormatBool(b), ok
}

func canonicalNumber(v string) (string, bool) {
	_, err := strconv.Atoi(v)
	return v, err == nil
}

func canonicalDateTime(v string) (string, bool) {
	t, err := parseTime(v)
	return formatTime(t), err == nil
}

func writePerson(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
	v := it.values[p.uri]
	if v == "" || sh.find && p.element == "ToRecipients" { // FindItem has no recipients
		return nil
	}
	name, address, _ := strings.Cut(v, "\n")
	m := el("t:Mailbox", tx("t:Name", name))
	if !sh.find && address != "" { // FindItem has the name only
		m.add(tx("t:EmailAddress", address), tx("t:RoutingType", "SMTP"))
	}
	return []*elem{el("t:"+p.element, m)}
}

func readPerson(it *item, p property, n *node) error {
	name := child(n, "t:Mailbox", "t:Name").Value()
	address := child(n, "t:Mailbox", "t:EmailAddress").Value()
	it.values[p.uri] = strings.ReplaceAll(name, "\n", " ") + "\n" + address
	return nil
}

func writeBody(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
	v := it.values[p.uri]
	if v == "" || sh.find {
		return nil
	}
	return []*elem{tx("t:Body", v).attr("BodyType", "Text")}
}

func readBody(it *item, p property, n *node) error {
	it.values[p.uri] = n.Text
	return nil
}

func writeEntries(sh shape, _ *mailbox, it *item, p property, keys []string) []*elem {
	list := el("t:" + p.element)
	for _, k := range entryKeys[p.uri] {
		if v := it.values[p.uri+":"+k]; v != "" && (keys == nil || slices.Contains(keys, k)) {
			list.add(tx("t:Entry", sh.truncate(v)).attr("Key", k))
		}
	}
	if list.kids == nil {
		return nil
	}
	return []*elem{list}
}

func readEntries(it *item, p property, n *node) error {
	for _, e := range n.Children {
		key := attr(e, "Key")
		if !slices.Contains(entryKeys[p.uri], key) {
			return invalidValue(n)
		}
		it.values[p.uri+":"+key] = e.Value()
	}
	return nil
}

func writeAttachments(sh shape, b *mailbox, it *item, _ property, _ []string) []*elem {
	if sh.find || len(it.attachments) == 0 {
		return nil
	}
	list := el("t:Attachments")
	for i, a := range it.attachments {
		list.add(el("t:FileAttachment", b.attachmentID(it, i), tx("t:Name", a.name), tx("t:ContentType", a.contentType)))
	}
	return []*elem{list}
}

func writeExtended(sh shape, _ *mailbox, it *item, _ property, _ []string) []*elem {
	var list []*elem
	for _, n := range sh.paths {
		if n.Name.Local != "t:ExtendedFieldURI" {
			continue
		}
		if v, ok := it.extended[extendedPath(n)]; ok {
			path := el("t:ExtendedFieldURI").attr(v.attrs...)
			list = append(list, el("t:ExtendedProperty", path, tx("t:Value", sh.truncate(v.value))))
		}
	}
	return list
}

func readExtended(it *item, _ property, n *node) error {
	path := child(n, "t:ExtendedFieldURI")
	if path == nil {
		return invalidValue(n)
	}
	var attrs []string
	for _, a := range path.Attrs {
		if a.Name.Space == "" && a.Name.Local != "xmlns" {
			attrs = append(attrs, a.Name.Local, a.Value)
		}
	}
	it.extended[extendedPath(path)] = extValue{attrs, child(n, "t:Value").Value()}
	return nil
}

func writeItemID(_ shape, b *mailbox, it *item, _ property, _ []string) []*elem {
	return []*elem{b.itemID(it)}
}

func writeParentFolder(_ shape, b *mailbox, it *item, _ property, _ []string) []*elem {
	return []*elem{b.folderID("t:ParentFolderId", it.folder)}
}
