package exchange

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
)

// The properties of MAPI ([MS-OXPROPS]) that a client may name in an
// ExtendedFieldURI: those that are another view of a property of EWS, and those
// that a client has set.

// mapiProperty is a property of MAPI that the lab makes from others.
type mapiProperty struct {
	path string // as extendedPath
	kind string // PropertyType
	// uri is the property of EWS with the same value, of which an Integer has the
	// place in choices, which "|" separates; "" if get makes the value.
	uri, choices string
	get          func(*item) string
	set          func(*item, string)
	readOnly     bool
}

// mapiProperties are described in [MS-OXPROPS], [MS-OXCMSG], [MS-OXOCNTC] and
// [MS-OXOCAL].
var mapiProperties = byPath([]mapiProperty{
	{path: "0x1a", kind: "String", uri: "item:ItemClass"},
	{path: "0x17", kind: "Integer", uri: "item:Importance", choices: importances},
	{path: "0x36", kind: "Integer", uri: "item:Sensitivity", choices: sensitivities},
	{path: "0x37", kind: "String", uri: "item:Subject"},
	{path: "0x39", kind: "SystemTime", uri: "item:DateTimeSent"},
	{path: "0x7d", kind: "String", get: headersOf, readOnly: true},
	{path: "0xe06", kind: "SystemTime", uri: "item:DateTimeReceived"},
	{path: "0xe07", kind: "Integer", get: messageFlags, set: setMessageFlags},
	{path: "0xe08", kind: "Integer", uri: "item:Size", readOnly: true},
	{path: "0xe1b", kind: "Boolean", uri: "item:HasAttachments", readOnly: true},
	{path: "0xe1d", kind: "String", uri: "item:Subject"},
	{path: "0xe23", kind: "Integer", get: articleNumber, readOnly: true},
	{path: "0xff9", kind: "Binary", get: recordKey, readOnly: true},
	{path: "0x1000", kind: "String", uri: "item:Body"},
	{path: "0x1035", kind: "String", uri: "message:InternetMessageId"},
	{path: "0x10f3", kind: "String", get: urlName, readOnly: true},
	{path: "0x3007", kind: "SystemTime", uri: "item:DateTimeCreated", readOnly: true},
	{path: "0x3008", kind: "SystemTime", uri: "item:LastModifiedTime", readOnly: true},
	{path: "publicstrings//Keywords/", kind: "StringArray", uri: "item:Categories"},

	{path: "0x3001", kind: "String", uri: "contacts:DisplayName"},
	{path: "0x3a05", kind: "String", uri: "contacts:Generation"},
	{path: "0x3a06", kind: "String", uri: "contacts:GivenName"},
	{path: "0x3a08", kind: "String", uri: "contacts:PhoneNumber:BusinessPhone"},
	{path: "0x3a09", kind: "String", uri: "contacts:PhoneNumber:HomePhone"},
	{path: "0x3a0a", kind: "String", uri: "contacts:Initials"},
	{path: "0x3a11", kind: "String", uri: "contacts:Surname"},
	{path: "0x3a16", kind: "String", uri: "contacts:CompanyName"},
	{path: "0x3a17", kind: "String", uri: "contacts:JobTitle"},
	{path: "0x3a18", kind: "String", uri: "contacts:Department"},
	{path: "0x3a19", kind: "String", uri: "contacts:OfficeLocation"},
	{path: "0x3a1b", kind: "String", uri: "contacts:PhoneNumber:BusinessPhone2"},
	{path: "0x3a1c", kind: "String", uri: "contacts:PhoneNumber:MobilePhone"},
	{path: "0x3a1e", kind: "String", uri: "contacts:PhoneNumber:CarPhone"},
	{path: "0x3a1f", kind: "String", uri: "contacts:PhoneNumber:OtherTelephone"},
	{path: "0x3a21", kind: "String", uri: "contacts:PhoneNumber:Pager"},
	{path: "0x3a24", kind: "String", uri: "contacts:PhoneNumber:BusinessFax"},
	{path: "0x3a25", kind: "String", uri: "contacts:PhoneNumber:HomeFax"},
	{path: "0x3a2f", kind: "String", uri: "contacts:PhoneNumber:HomePhone2"},
	{path: "0x3a30", kind: "String", uri: "contacts:AssistantName"},
	{path: "0x3a41", kind: "SystemTime", uri: "contacts:WeddingAnniversary"},
	{path: "0x3a42", kind: "SystemTime", uri: "contacts:Birthday"},
	{path: "0x3a44", kind: "String", uri: "contacts:MiddleName"},
	{path: "0x3a46", kind: "String", uri: "contacts:Profession"},
	{path: "0x3a48", kind: "String", uri: "contacts:SpouseName"},
	{path: "0x3a4e", kind: "String", uri: "contacts:Manager"},
	{path: "0x3a4f", kind: "String", uri: "contacts:Nickname"},
	{path: "0x3a51", kind: "String", uri: "contacts:BusinessHomePage"},
	{path: "0x3a59", kind: "String", uri: "contacts:PhysicalAddress:City:Home"},
	{path: "0x3a5a", kind: "String", uri: "contacts:PhysicalAddress:CountryOrRegion:Home"},
	{path: "0x3a5b", kind: "String", uri: "contacts:PhysicalAddress:PostalCode:Home"},
	{path: "0x3a5c", kind: "String", uri: "contacts:PhysicalAddress:State:Home"},
	{path: "0x3a5d", kind: "String", uri: "contacts:PhysicalAddress:Street:Home"},
	{path: "0x3a5f", kind: "String", uri: "contacts:PhysicalAddress:City:Other"},
	{path: "0x3a60", kind: "String", uri: "contacts:PhysicalAddress:CountryOrRegion:Other"},
	{path: "0x3a61", kind: "String", uri: "contacts:PhysicalAddress:PostalCode:Other"},
	{path: "0x3a62", kind: "String", uri: "contacts:PhysicalAddress:State:Other"},
	{path: "0x3a63", kind: "String", uri: "contacts:PhysicalAddress:Street:Other"},
	{path: "address///32773", kind: "String", uri: "contacts:FileAs"},
	{path: "publicstrings//urn:schemas:contacts:fileas/", kind: "String", uri: "contacts:FileAs"},
	{path: "address///32837", kind: "String", uri: "contacts:PhysicalAddress:Street:Business"},
	{path: "address///32838", kind: "String", uri: "contacts:PhysicalAddress:City:Business"},
	{path: "address///32839", kind: "String", uri: "contacts:PhysicalAddress:State:Business"},
	{path: "address///32840", kind: "String", uri: "contacts:PhysicalAddress:PostalCode:Business"},
	{path: "address///32841", kind: "String", uri: "contacts:PhysicalAddress:CountryOrRegion:Business"},
	{path: "address///32866", kind: "String", uri: "contacts:ImAddress:ImAddress1"},
	{path: "address///32899", kind: "String", uri: "contacts:EmailAddress:EmailAddress1"},
	{path: "address///32900", kind: "String", uri: "contacts:EmailAddress:EmailAddress1"},
	{path: "address///32915", kind: "String", uri: "contacts:EmailAddress:EmailAddress2"},
	{path: "address///32916", kind: "String", uri: "contacts:EmailAddress:EmailAddress2"},
	{path: "address///32931", kind: "String", uri: "contacts:EmailAddress:EmailAddress3"},
	{path: "address///32932", kind: "String", uri: "contacts:EmailAddress:EmailAddress3"},

	{path: "appointment///33285", kind: "Integer", uri: "calendar:LegacyFreeBusyStatus", choices: busyStates},
	{path: "appointment///33288", kind: "String", uri: "calendar:Location"},
	{path: "appointment///33293", kind: "SystemTime", uri: "calendar:Start"},
	{path: "appointment///33294", kind: "SystemTime", uri: "calendar:End"},
	{path: "appointment///33301", kind: "Boolean", uri: "calendar:IsAllDayEvent"},
	{path: "appointment///33315", kind: "Boolean", uri: "calendar:IsRecurring", readOnly: true},
	{path: "publicstrings//urn:schemas:calendar:instancetype/", kind: "Integer", get: instanceType, readOnly: true},
	{path: "publicstrings//urn:schemas:calendar:dtstart/", kind: "SystemTime", uri: "calendar:Start"},
	{path: "publicstrings//urn:schemas:calendar:dtend/", kind: "SystemTime", uri: "calendar:End"},
})

// byPath returns the properties by their path.
func byPath(list []mapiProperty) map[string]mapiProperty {
	m := map[string]mapiProperty{}
	for _, p := range list {
		m[p.path] = p
	}
	return m
}

// propertySets are the property sets that have a name in the schema, by GUID
// ([MS-OXPROPS] 1.3.2).
var propertySets = map[string]string{
	"6ed8da90-450b-101b-98da-00aa003f1305": "meeting",
	"00062002-0000-0000-c000-000000000046": "appointment",
	"00062008-0000-0000-c000-000000000046": "common",
	"00020329-0000-0000-c000-000000000046": "publicstrings",
	"00062004-0000-0000-c000-000000000046": "address",
	"00020386-0000-0000-c000-000000000046": "internetheaders",
	"11000e07-b51b-40d6-af21-caa85edab1d0": "calendarassistant",
	"4442858e-a9e3-4e80-b900-317a210cc15b": "unifiedmessaging",
	"00062003-0000-0000-c000-000000000046": "task",
}

// extendedPath returns the key of an extended property: the tag as a number, since
// 0x6801 and 26625 are the same
// (docs/protocol/exchange-items.md#extended-properties-of-unified-messaging), or
// the property set, name and number.
func extendedPath(n *node) string {
	if tag := attr(n, "PropertyTag"); tag != "" {
		v, _ := parseTag(tag)
		return "0x" + strconv.FormatUint(v, 16)
	}
	set := strings.ToLower(attr(n, "DistinguishedPropertySetId") + attr(n, "PropertySetId"))
	if name := propertySets[set]; name != "" {
		set = name
	}
	return set + "//" + attr(n, "PropertyName") + "/" + attr(n, "PropertyId")
}

// extendedKey returns the key in item.extended of an extended property. Properties
// that differ in their type are different.
func extendedKey(n *node) string { return extendedPath(n) + " " + attr(n, "PropertyType") }

// checkExtended checks the combination of the attributes of an ExtendedFieldURI:
// either a tag below the range of named properties, or one property set with a
// name or a number.
func checkExtended(n *node) error {
	has := func(names ...string) (count int) {
		for _, name := range names {
			if _, ok := n.FindAttr(xmlName(name)); ok {
				count++
			}
		}
		return count
	}
	tag, sets := has("PropertyTag"), has("DistinguishedPropertySetId", "PropertySetId")
	switch names := has("PropertyName", "PropertyId"); {
	case tag+sets != 1, sets != names:
		return codeError("ErrorInvalidExtendedProperty", "")
	case slices.Contains([]string{"Object", "ObjectArray", "Error", "Null"}, attr(n, "PropertyType")):
		return codeError("ErrorUnsupportedMapiPropertyType", "")
	}
	if v, _ := parseTag(attr(n, "PropertyTag")); tag == 1 && v >= 0x8000 {
		return codeError("ErrorNoPropertyTagForCustomProperties", "")
	}
	return nil
}

// mapiKind returns how values of a PropertyType compare.
func mapiKind(propertyType string) *kind {
	switch propertyType {
	case "Integer", "Short", "Long":
		return number
	case "Boolean":
		return boolean
	case "SystemTime", "ApplicationTime":
		return dateTime
	case "Binary":
		return octets
	}
	return text
}

// isMAPIValue reports whether v has a PropertyType, or is an element of an array
// of it.
func isMAPIValue(v, propertyType string) bool {
	element := strings.TrimSuffix(propertyType, "Array")
	switch k := mapiKind(element); {
	case element == "Double" || element == "Float":
		_, err := strconv.ParseFloat(v, 64)
		return err == nil
	case k != text:
		return isOfType(v, strings.Replace(k.content[1:], "int", "long", 1))
	}
	return true
}

// mapped returns the property of mapiProperties that path names.
func mapped(path *node) (mapiProperty, bool) {
	p, ok := mapiProperties[extendedPath(path)]
	return p, ok && p.kind == attr(path, "PropertyType")
}

// extendedValue returns the value of the property that an ExtendedFieldURI names.
func (it *item) extendedValue(path *node) (string, bool) {
	p, ok := mapped(path)
	if !ok {
		v, ok := it.extended[extendedKey(path)]
		return v, ok
	}
	if p.get != nil {
		v := p.get(it)
		return v, v != ""
	}
	v, ok := it.values[p.uri]
	if p.choices != "" && ok {
		v = strconv.Itoa(slices.Index(strings.Split(p.choices, "|"), v))
	}
	return v, v != ""
}

// setExtended sets the property that an ExtendedFieldURI names.
func (it *item) setExtended(path *node, v string) error {
	p, ok := mapped(path)
	switch {
	case !ok:
		it.extended[extendedKey(path)] = v
	case p.readOnly:
		return codeError("ErrorInvalidPropertySet", "")
	case p.set != nil:
		p.set(it, v)
	case p.choices != "":
		names := strings.Split(p.choices, "|")
		i, err := strconv.Atoi(v)
		if err != nil || i < 0 || i >= len(names) {
			return codeError("ErrorInvalidExtendedPropertyValue", "")
		}
		it.values[p.uri] = names[i]
	default:
		if parse := mapiKind(p.kind).parse; parse != nil {
			v, _ = parse(v)
		}
		it.values[p.uri] = v
	}
	return nil
}

// deleteExtended removes the property that an ExtendedFieldURI names.
func (it *item) deleteExtended(path *node) error {
	switch p, ok := mapped(path); {
	case !ok:
		delete(it.extended, extendedKey(path))
	case p.readOnly || p.uri == "":
		return codeError("ErrorInvalidPropertyDelete", "")
	default:
		delete(it.values, p.uri)
	}
	return nil
}

// Bits of PidTagMessageFlags ([MS-OXCMSG] 2.2.1.6).
const (
	flagRead   = 1
	flagUnsent = 8
	flagAttach = 16
)

func messageFlags(it *item) string {
	flags := 0
	for _, f := range []struct {
		set bool
		bit int
	}{
		{it.values["message:IsRead"] != "false", flagRead},
		{it.values["item:IsDraft"] == "true", flagUnsent},
		{len(it.attachments) > 0, flagAttach},
	} {
		if f.set {
			flags |= f.bit
		}
	}
	return strconv.Itoa(flags)
}

func setMessageFlags(it *item, v string) {
	flags, _ := strconv.Atoi(v)
	it.values["message:IsRead"] = strconv.FormatBool(flags&flagRead != 0)
	it.values["item:IsDraft"] = strconv.FormatBool(flags&flagUnsent != 0)
}

// articleNumber is the UID of IMAP: it grows with every new item.
func articleNumber(it *item) string { return strconv.FormatUint(it.id, 10) }

func urlName(it *item) string { return articleNumber(it) + ".EML" }

func recordKey(it *item) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, it.id))
}

// instanceType is that of a single appointment ([MS-XWDCAL] 2.2.2.29).
func instanceType(it *item) string {
	if it.element != "CalendarItem" {
		return ""
	}
	return "0"
}
