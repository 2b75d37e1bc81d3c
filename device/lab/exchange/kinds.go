package exchange

import (
	"bytes"
	"cmp"
	"html"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// kind is how a property is written into an answer, read from a request and
// compared in a search.
type kind struct {
	element // in the schema
	// write returns the elements of the property, none if the item does not have
	// it. keys are the requested entries, as in item.values after the URI and ":";
	// nil means all.
	write func(sh shape, b *mailbox, it *item, p property, keys []string) []*elem
	// read sets the property of it from n, an element of a request.
	read func(it *item, p property, n *node) error
	// compare orders two values; nil: the property cannot be searched or sorted.
	compare func(a, b string) int
	// parse returns the canonical form of a value; nil: every text is one.
	parse   func(string) (string, bool)
	entries bool // each entry has its own value, under uri ":" key
	appends bool // AppendToItemField is allowed
	flag    bool // part of one property of MAPI: it always exists
}

// listSeparator separates the values of a list in item.values. XML 1.0 forbids it
// in a request.
const listSeparator = "\x1e"

// Enumerations in the order of their numbers in MAPI ([MS-OXCMSG] 2.2.1.11 and
// 2.2.1.13, [MS-OXOCAL] 2.2.1.2).
const (
	sensitivities = "Normal|Personal|Private|Confidential"
	importances   = "Low|Normal|High"
	busyStates    = "Free|Tentative|Busy|OOF|NoData"
)

// The kinds of property. Their values in item.values are strings.
var (
	text     = &kind{element: element{"", "=string"}, write: writeText, read: readText, compare: compareText}
	boolean  = parsed("boolean", canonicalBoolean, compareText)   // "true" or "false"
	flag     = flagOf(boolean)                                    // a boolean that always exists
	number   = parsed("int", canonicalNumber, compareNumbers)     // decimal
	dateTime = parsed("dateTime", canonicalDateTime, compareText) // as formatTime writes it
	octets   = parsed("base64", canonicalText, nil)

	sensitivity = choice(sensitivities)
	importance  = choice(importances)
	busyStatus  = choice(busyStates)

	// texts is a list of String elements, person a Mailbox as name, line feed and
	// address, and people a list of them.
	texts  = &kind{element: element{"", "t:String*"}, write: writeTexts, read: readTexts, compare: compareText}
	person = &kind{element: element{"", "t:Mailbox"}, write: writePeople, read: readPeople, compare: compareText}
	people = &kind{element: element{"", "t:Mailbox*"}, write: writePeople, read: readPeople, appends: true}

	body = &kind{
		element: element{"BodyType!=HTML|Text", "=string"},
		write:   writeBody,
		read:    readBody,
		compare: compareText,
		appends: true,
	}
	entries   = &kind{element: entryList, write: writeEntries, read: readEntries, compare: compareText, entries: true}
	addresses = &kind{element: entryList, write: writeAddresses, read: readAddresses, compare: compareText, entries: true}
	extended  = &kind{
		element: element{"", "t:ExtendedFieldURI t:Value|t:Values"},
		write:   writeExtended,
		read:    readExtended,
	}

	mimeContent  = &kind{element: element{"CharacterSet", "=base64"}, write: writeMIME, read: refuseMIME}
	itemID       = &kind{element: element{"Id! ChangeKey", ""}, write: writeItemID, read: refuse} // in every answer
	parentFolder = &kind{element: element{"Id! ChangeKey", ""}, write: writeParentFolder, read: refuse}
	attachments  = &kind{element: unchecked, write: writeAttachments, read: refuse} // not in FindItem
	rights       = &kind{element: unchecked, write: writeRights, read: refuse}
	absent       = &kind{element: unchecked, write: writeNothing, read: refuse}            // no item of the lab has it
	unsupported  = &kind{element: unchecked, write: writeNothing, read: refuseUnsupported} // as absent; Exchange stores it
)

// Elements of several kinds.
var (
	entryList = element{"", "t:Entry+"}
	unchecked = element{"", "any"}
)

// parsed is a text with a canonical form.
func parsed(name string, parse func(string) (string, bool), compare func(a, b string) int) *kind {
	return &kind{element: element{"", "=" + name}, write: writeText, read: readText, compare: compare, parse: parse}
}

func flagOf(k *kind) *kind {
	f := *k
	f.flag = true
	return &f
}

// choice is one of some texts, separated by "|".
func choice(values string) *kind {
	return parsed(values, func(v string) (string, bool) { return v, isOfType(v, values) }, compareText)
}

func compareText(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }

func compareNumbers(a, b string) int {
	x, _ := strconv.ParseInt(a, 10, 64)
	y, _ := strconv.ParseInt(b, 10, 64)
	return cmp.Compare(x, y)
}

func canonicalText(v string) (string, bool) { return v, true }

func canonicalBoolean(v string) (string, bool) {
	b, ok := parseBoolean(v)
	return strconv.FormatBool(b), ok
}

func canonicalNumber(v string) (string, bool) {
	n, err := strconv.ParseInt(v, 10, 64)
	return strconv.FormatInt(n, 10), err == nil
}

func canonicalDateTime(v string) (string, bool) {
	t, err := parseTime(v)
	return formatTime(t), err == nil
}

func refuse(_ *item, p property, _ *node) error { return notSet(p) }

// notSet is the error for a property that the server alone sets.
func notSet(p property) error {
	return codeError("ErrorInvalidPropertySet", "The property "+p.uri+" is read-only.")
}

// refuseUnsupported refuses what Exchange accepts, rather than to lose it.
func refuseUnsupported(_ *item, p property, _ *node) error {
	return codeError("ErrorInvalidPropertyForOperation", "The lab cannot store the property "+p.uri+".")
}

func refuseMIME(*item, property, *node) error {
	return codeError("ErrorMimeContentConversionFailed", "The lab does not read MIME content.")
}

func writeNothing(shape, *mailbox, *item, property, []string) []*elem { return nil }

func writeText(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
	if v := it.values[p.uri]; v != "" {
		return []*elem{tx("t:"+p.element, sh.truncate(v))}
	}
	return nil
}

func readText(it *item, p property, n *node) error {
	v, ok := n.Value(), true
	if p.kind.parse != nil {
		v, ok = p.kind.parse(v)
	}
	if !ok { // the schema has checked it
		return codeError("ErrorItemSavePropertyError", "The property "+p.uri+" has an invalid value.")
	}
	it.values[p.uri] = v
	return nil
}

func writeTexts(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
	if it.values[p.uri] == "" {
		return nil
	}
	list := el("t:" + p.element)
	for v := range strings.SplitSeq(it.values[p.uri], listSeparator) {
		list.add(tx("t:String", sh.truncate(v)))
	}
	return []*elem{list}
}

func readTexts(it *item, p property, n *node) error {
	it.values[p.uri] = joined(n.Children)
	return nil
}

// joined returns the texts of elements as a list.
func joined(nodes []*node) string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.Value())
	}
	return strings.Join(list, listSeparator)
}

func writePeople(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
	v := it.values[p.uri]
	if v == "" || sh.find && p.kind.appends { // FindItem has no recipients
		return nil
	}
	list := el("t:" + p.element)
	for one := range strings.SplitSeq(v, listSeparator) {
		name, address, _ := strings.Cut(one, "\n")
		m := el("t:Mailbox", tx("t:Name", name))
		if !sh.find && address != "" { // FindItem has the name only
			m.add(tx("t:EmailAddress", address), tx("t:RoutingType", "SMTP"))
		}
		list.add(m)
	}
	return []*elem{list}
}

func readPeople(it *item, p property, n *node) error {
	var list []string
	for _, m := range n.Children {
		address := child(m, "t:EmailAddress").Value()
		name := cmp.Or(child(m, "t:Name").Value(), address)
		if name == "" {
			return codeError("ErrorMissingInformationEmailAddress", "")
		}
		if err := checkRouting(m); err != nil {
			return err
		}
		list = append(list, strings.ReplaceAll(name, "\n", " ")+"\n"+address)
	}
	it.values[p.uri] = strings.Join(list, listSeparator)
	return nil
}

// checkRouting checks the RoutingType of a Mailbox, if there is one: the lab has
// SMTP addresses alone.
func checkRouting(mailbox *node) error {
	if r := child(mailbox, "t:RoutingType"); r != nil && !strings.EqualFold(r.Value(), "SMTP") {
		return codeError("ErrorInvalidRoutingType", "")
	}
	return nil
}

// bodyType is the key in item.values of the type of a body; none means Text.
const bodyType = "item:Body:BodyType"

func writeBody(sh shape, _ *mailbox, it *item, p property, _ []string) []*elem {
	v := it.values[p.uri]
	if v == "" || sh.find {
		return nil
	}
	is := cmp.Or(it.values[bodyType], "Text")
	switch {
	case sh.bodyType == "HTML" && is == "Text":
		v, is = "<html><body>"+strings.ReplaceAll(html.EscapeString(v), "\n", "<br>\n")+"</body></html>", "HTML"
	case sh.bodyType == "Text" && is == "HTML":
		v, is = html.UnescapeString(tags.ReplaceAllString(v, "")), "Text"
	}
	return []*elem{tx("t:Body", v).attr("BodyType", is)}
}

var tags = regexp.MustCompile(`<[^>]*>`)

func readBody(it *item, p property, n *node) error {
	it.values[p.uri], it.values[bodyType] = n.Text, attr(n, "BodyType")
	return nil
}

func writeEntries(sh shape, _ *mailbox, it *item, p property, keys []string) []*elem {
	list := el("t:" + p.element)
	for k := range strings.SplitSeq(entryKeys[p.uri], "|") {
		if v := it.values[p.uri+":"+k]; v != "" && (keys == nil || slices.Contains(keys, k)) {
			list.add(tx("t:Entry", sh.truncate(v)).attr("Key", k))
		}
	}
	return nonEmpty(list)
}

// nonEmpty returns list, or nothing if it has no children.
func nonEmpty(list *elem) []*elem {
	if list.kids == nil {
		return nil
	}
	return []*elem{list}
}

func readEntries(it *item, p property, n *node) error {
	for _, e := range n.Children {
		it.values[p.uri+":"+attr(e, "Key")] = e.Value()
	}
	return nil
}

// addressParts are the parts of a postal address, in the order of the schema.
func addressParts() []string {
	return []string{"Street", "City", "State", "CountryOrRegion", "PostalCode"}
}

func writeAddresses(sh shape, _ *mailbox, it *item, p property, keys []string) []*elem {
	list := el("t:" + p.element)
	for k := range strings.SplitSeq(entryKeys[p.uri], "|") {
		e := el("t:Entry").attr("Key", k)
		for _, part := range addressParts() {
			key := part + ":" + k
			if v := it.values[p.uri+":"+key]; v != "" && (keys == nil || slices.Contains(keys, key)) {
				e.add(tx("t:"+part, sh.truncate(v)))
			}
		}
		if e.kids != nil {
			list.add(e)
		}
	}
	return nonEmpty(list)
}

func readAddresses(it *item, p property, n *node) error {
	for _, e := range n.Children {
		for _, part := range e.Children {
			it.values[p.uri+":"+strings.TrimPrefix(part.Name.Local, "t:")+":"+attr(e, "Key")] = part.Value()
		}
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
	return sh.extended(it)
}

func readExtended(it *item, _ property, n *node) error {
	path, value := n.Children[0], n.Children[1]
	list := value.Children // of Values
	if value.Name.Local == "t:Value" {
		list = []*node{value}
	}
	if isArray := strings.HasSuffix(attr(path, "PropertyType"), "Array"); isArray == (value.Name.Local == "t:Value") {
		return codeError("ErrorInvalidExtendedPropertyValue", "")
	}
	for _, v := range list {
		if !isMAPIValue(v.Value(), attr(path, "PropertyType")) {
			return codeError("ErrorInvalidExtendedPropertyValue", "")
		}
	}
	return it.setExtended(path, joined(list))
}

func writeItemID(_ shape, b *mailbox, it *item, _ property, _ []string) []*elem {
	return []*elem{b.itemID(it)}
}

func writeParentFolder(_ shape, b *mailbox, it *item, _ property, _ []string) []*elem {
	return []*elem{b.folderID("t:ParentFolderId", it.folder)}
}

func writeRights(shape, *mailbox, *item, property, []string) []*elem {
	return []*elem{effectiveRights(false)}
}

// effectiveRights are those of the owner of the mailbox, for a folder or an item.
func effectiveRights(folder bool) *elem {
	create := strconv.FormatBool(folder)
	return el("t:EffectiveRights", tx("t:CreateAssociated", create), tx("t:CreateContents", create),
		tx("t:CreateHierarchy", create), tx("t:Delete", "true"), tx("t:Modify", "true"), tx("t:Read", "true"))
}

// writeMIME writes the item as a message of RFC 5322 or, for a calendar item, RFC
// 5545. The content is made when it is sent, since it can be long.
func writeMIME(sh shape, _ *mailbox, it *item, _ property, _ []string) []*elem {
	if sh.find {
		return nil
	}
	sent := *it
	sent.values = maps.Clone(it.values)
	content := func(w io.Writer) error { return encode(w, bytes.NewReader(mimeOf(&sent))) }
	return []*elem{(&elem{name: "t:MimeContent", stream: content}).attr("CharacterSet", "UTF-8")}
}
