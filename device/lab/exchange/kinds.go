package exchange

import (
	"slices"
	"strconv"
	"strings"
)

// kind is how a property is written into an answer and read from a request.
type kind interface {
	// write returns the elements of the property, none if the item does not have
	// it. keys are the requested keys of an entries property; nil means all.
	write(sh shape, b *mailbox, it *item, p property, keys []string) []*elem
	// read sets the property of it from n, an element of a request.
	read(it *item, p property, n *node) error
}

// The kinds of property. Their values in item.values are strings.
var (
	text         kind = textKind{}
	boolean      kind = &parsedKind{parse: canonicalBoolean}  // "true" or "false"
	number       kind = &parsedKind{parse: canonicalNumber}   // decimal
	dateTime     kind = &parsedKind{parse: canonicalDateTime} // as formatTime writes it
	person       kind = personKind{}                          // a Mailbox: name, line feed, address
	body         kind = bodyKind{}                            // with the attribute BodyType; not in FindItem
	entries      kind = entriesKind{}                         // Entry elements; each value is under uri ":" key
	attachments  kind = attachmentsKind{}                     // the item's attachments; not in FindItem
	extended     kind = extendedKind{}                        // the ExtendedProperty elements
	itemID       kind = itemIDKind{}                          // in every answer
	parentFolder kind = parentFolderKind{}                    // the folder of the item
	unsupported  kind = unsupportedKind{}                     // in the schema, but not in the lab
)

type textKind struct{}

func (textKind) write(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
	if v := it.values[p.uri]; v != "" {
		return []*elem{tx("t:"+p.element, sh.truncate(v))}
	}
	return nil
}

func (textKind) read(it *item, p property, n *node) error {
	it.values[p.uri] = n.Value()
	return nil
}

// invalidValue is the error for a value that does not have the type of n.
func invalidValue(n *node) error {
	return schemaError(n, "the element '"+n.Name.Local+"' has an invalid value")
}

// parsedKind is text of a data type. parse returns its canonical form.
type parsedKind struct {
	textKind
	parse func(string) (canonical string, ok bool)
}

func (k *parsedKind) read(it *item, p property, n *node) error {
	v, ok := k.parse(n.Value())
	if !ok {
		return invalidValue(n)
	}
	it.values[p.uri] = v
	return nil
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

type personKind struct{}

func (personKind) write(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
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

func (personKind) read(it *item, p property, n *node) error {
	name := child(n, "t:Mailbox", "t:Name").Value()
	address := child(n, "t:Mailbox", "t:EmailAddress").Value()
	it.values[p.uri] = strings.ReplaceAll(name, "\n", " ") + "\n" + address
	return nil
}

type bodyKind struct{}

func (bodyKind) write(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
	v := it.values[p.uri]
	if v == "" || sh.find {
		return nil
	}
	return []*elem{tx("t:Body", v).attr("BodyType", "Text")}
}

func (bodyKind) read(it *item, p property, n *node) error {
	it.values[p.uri] = n.Text
	return nil
}

type entriesKind struct{}

func (entriesKind) write(sh shape, _ *mailbox, it *item, p property, keys []string) []*elem {
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

func (entriesKind) read(it *item, p property, n *node) error {
	for _, e := range n.Children {
		key := attr(e, "Key")
		if !slices.Contains(entryKeys[p.uri], key) {
			return invalidValue(n)
		}
		it.values[p.uri+":"+key] = e.Value()
	}
	return nil
}

type attachmentsKind struct{}

func (attachmentsKind) write(sh shape, b *mailbox, it *item, _ property, _ []string) []*elem {
	if sh.find || len(it.attachments) == 0 {
		return nil
	}
	list := el("t:Attachments")
	for i, a := range it.attachments {
		list.add(el("t:FileAttachment", b.attachmentID(it, i), tx("t:Name", a.name), tx("t:ContentType", a.contentType)))
	}
	return []*elem{list}
}

func (attachmentsKind) read(*item, property, *node) error {
	return codeError("ErrorInvalidPropertySet", "")
}

type extendedKind struct{}

func (extendedKind) write(sh shape, _ *mailbox, it *item, _ property, _ []string) []*elem {
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

func (extendedKind) read(it *item, _ property, n *node) error {
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

type itemIDKind struct{}

func (itemIDKind) write(_ shape, b *mailbox, it *item, _ property, _ []string) []*elem {
	return []*elem{b.itemID(it)}
}

func (itemIDKind) read(*item, property, *node) error { return codeError("ErrorInvalidPropertySet", "") }

type unsupportedKind struct{}

func (unsupportedKind) write(shape, *mailbox, *item, property, []string) []*elem { return nil }
func (unsupportedKind) read(*item, property, *node) error                        { return nil }

type parentFolderKind struct{ unsupportedKind }

func (parentFolderKind) write(_ shape, b *mailbox, it *item, _ property, _ []string) []*elem {
	return []*elem{b.folderID("t:ParentFolderId", it.folder)}
}
