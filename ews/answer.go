package ews

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/boundedxml"
)

// Reader types. They differ from the writer types because encoding/xml cannot read
// what it writes with a prefix
// (docs/protocol/exchange-ews.md#reading-answers-safely). Values stay text until
// they are used, so that one bad property does not make the whole page unreadable.

type readHeader struct {
	Version readVersion `xml:"http://schemas.microsoft.com/exchange/services/2006/types ServerVersionInfo"`
}

type readVersion struct {
	Major      string `xml:"MajorVersion,attr"`
	Minor      string `xml:"MinorVersion,attr"`
	MajorBuild string `xml:"MajorBuildNumber,attr"`
	MinorBuild string `xml:"MinorBuildNumber,attr"`
	Version    string `xml:"Version,attr"`
}

func (v readVersion) String() string {
	if v.Major == "" {
		return ""
	}
	return clean(fmt.Sprintf("%s.%s.%s.%s %s", v.Major, v.Minor, v.MajorBuild, v.MinorBuild, v.Version))
}

// readFault reads SOAP 1.1 and 1.2, whose children have different names.
type readFault struct {
	Code      string     `xml:"faultcode"`
	String    string     `xml:"faultstring"`
	Detail    readDetail `xml:"detail"`
	Code12    string     `xml:"Code>Value"`
	Subcode12 string     `xml:"Code>Subcode>Value"`
	Reason12  string     `xml:"Reason>Text"`
	Detail12  readDetail `xml:"Detail"`
}

type readDetail struct {
	Code    string         `xml:"ResponseCode"`
	Message string         `xml:"Message"`
	XML     readMessageXML `xml:"MessageXml"`
}

// readMessageXML has its Value elements in the types namespace; the element
// itself is in messages or types.
type readMessageXML struct {
	Values []readValue `xml:"http://schemas.microsoft.com/exchange/services/2006/types Value"`
}

type readValue struct {
	Name string `xml:"Name,attr"`
	Text string `xml:",chardata"`
}

type readMessages struct{ list []message }

// UnmarshalXML keeps the order of the messages and limits their number.
func (m *readMessages) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	return eachChild(d, nsMessages, func(t xml.StartElement) error {
		if !strings.HasSuffix(t.Name.Local, "ResponseMessage") {
			return d.Skip()
		}
		return decodeNext(d, t, &m.list, message{}, "response messages")
	})
}

// decodeNext decodes an element into a new value at the end of list.
func decodeNext[T any](d *xml.Decoder, t xml.StartElement, list *[]T, value T, what string) error {
	if len(*list) >= maxListed {
		return fmt.Errorf("more than %d %s", maxListed, what)
	}
	*list = append(*list, value)
	return d.DecodeElement(&(*list)[len(*list)-1], &t)
}

// message is one response message of any operation
// (docs/protocol/exchange-ews.md#transport-and-envelope).
type message struct {
	Class   string          `xml:"ResponseClass,attr"`
	Text    string          `xml:"http://schemas.microsoft.com/exchange/services/2006/messages MessageText"`
	Code    string          `xml:"http://schemas.microsoft.com/exchange/services/2006/messages ResponseCode"`
	XML     readMessageXML  `xml:"http://schemas.microsoft.com/exchange/services/2006/messages MessageXml"`
	Root    *readRoot       `xml:"http://schemas.microsoft.com/exchange/services/2006/messages RootFolder"`
	Items   readItems       `xml:"http://schemas.microsoft.com/exchange/services/2006/messages Items"`
	Folders readFolders     `xml:"http://schemas.microsoft.com/exchange/services/2006/messages Folders"`
	Names   readResolutions `xml:"http://schemas.microsoft.com/exchange/services/2006/messages ResolutionSet"`

	replaced int // of the first message: forbidden characters of the whole answer
}

// err returns the error of the message; nil for a success. A warning is an error
// only if its code asks for another attempt; other warnings come with their data.
func (m *message) err(op string) *Error {
	code := ResponseCode(clean(m.Code))
	e := &Error{Op: op, Code: code, Status: 200, Text: clean(m.Text)}
	switch m.Class {
	case "Success":
		if code == NoError || code == "" {
			return nil
		}
		return malformed(op, "a success says %s", code)
	case "Warning":
		if e.setAction(m.XML.Values); e.Action.retryable() {
			return e
		}
		return nil
	case "Error":
		e.setAction(m.XML.Values)
		return e
	}
	return malformed(op, "the response class %q is unknown", clean(m.Class))
}

// setAction sets Action and After from the code and the values beside it. An
// internal error may have the real code in a value
// (docs/protocol/exchange-errors.md#shapes-of-an-error, shape 3).
func (e *Error) setAction(values []readValue) {
	for _, v := range values {
		text := strings.TrimSpace(v.Text)
		switch v.Name {
		case "BackOffMilliseconds":
			if ms, err := strconv.ParseInt(text, 10, 32); err == nil && ms > 0 {
				e.After = time.Duration(ms) * time.Millisecond
			}
		case "InnerErrorResponseCode":
			if e.Code == errorInternal && strings.HasPrefix(text, "Error") {
				e.Code = ResponseCode(clean(text))
			}
		}
	}
	e.Action = ActionOf(e.Code)
}

type readRoot struct {
	Offset  string      `xml:"IndexedPagingOffset,attr"`
	Total   string      `xml:"TotalItemsInView,attr"`
	Last    string      `xml:"IncludesLastItemInRange,attr"`
	Items   readItems   `xml:"http://schemas.microsoft.com/exchange/services/2006/types Items"`
	Folders readFolders `xml:"http://schemas.microsoft.com/exchange/services/2006/types Folders"`
}

type readItems struct{ list []item }

// UnmarshalXML keeps the order of items of several kinds and limits their number.
func (l *readItems) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	return eachChild(d, nsTypes, func(t xml.StartElement) error {
		return decodeNext(d, t, &l.list, item{Kind: t.Name.Local}, "items in one answer")
	})
}

type readFolders struct{ list []folder }

// UnmarshalXML reads folders of every kind and limits their number.
func (l *readFolders) UnmarshalXML(d *xml.Decoder, start xml.StartElement) error {
	return eachChild(d, nsTypes, func(t xml.StartElement) error {
		return decodeNext(d, t, &l.list, folder{}, "folders in one answer")
	})
}

// eachChild calls f, which consumes the child, for each child element in ns and
// skips the others.
func eachChild(d *xml.Decoder, ns string, f func(xml.StartElement) error) error {
	return boundedxml.EachChild(d, func(t xml.StartElement) error {
		if t.Name.Space != ns {
			return d.Skip()
		}
		return f(t)
	})
}

// folder is any kind of folder; a contacts or calendar folder has no unread count.
type folder struct {
	ID     ItemID `xml:"http://schemas.microsoft.com/exchange/services/2006/types FolderId"`
	Name   string `xml:"http://schemas.microsoft.com/exchange/services/2006/types DisplayName"`
	Total  string `xml:"http://schemas.microsoft.com/exchange/services/2006/types TotalCount"`
	Unread string `xml:"http://schemas.microsoft.com/exchange/services/2006/types UnreadCount"`
}

// item is any kind of item: the names of the properties do not collide.
type item struct {
	Kind        string         `xml:"-"`
	ID          ItemID         `xml:"http://schemas.microsoft.com/exchange/services/2006/types ItemId"`
	Class       string         `xml:"http://schemas.microsoft.com/exchange/services/2006/types ItemClass"`
	Subject     string         `xml:"http://schemas.microsoft.com/exchange/services/2006/types Subject"`
	Sensitivity string         `xml:"http://schemas.microsoft.com/exchange/services/2006/types Sensitivity"`
	Received    string         `xml:"http://schemas.microsoft.com/exchange/services/2006/types DateTimeReceived"`
	HasFiles    string         `xml:"http://schemas.microsoft.com/exchange/services/2006/types HasAttachments"`
	Files       readFiles      `xml:"http://schemas.microsoft.com/exchange/services/2006/types Attachments"`
	Extended    []readExtended `xml:"http://schemas.microsoft.com/exchange/services/2006/types ExtendedProperty"`
	From        readMailbox    `xml:"http://schemas.microsoft.com/exchange/services/2006/types From"`
	To          readMailboxes  `xml:"http://schemas.microsoft.com/exchange/services/2006/types ToRecipients"`
	IsRead      string         `xml:"http://schemas.microsoft.com/exchange/services/2006/types IsRead"`
	readContact
	Start     string `xml:"http://schemas.microsoft.com/exchange/services/2006/types Start"`
	End       string `xml:"http://schemas.microsoft.com/exchange/services/2006/types End"`
	AllDay    string `xml:"http://schemas.microsoft.com/exchange/services/2006/types IsAllDayEvent"`
	Status    string `xml:"http://schemas.microsoft.com/exchange/services/2006/types LegacyFreeBusyStatus"`
	Location  string `xml:"http://schemas.microsoft.com/exchange/services/2006/types Location"`
	IsMeeting string `xml:"http://schemas.microsoft.com/exchange/services/2006/types IsMeeting"`
}

type readContact struct {
	FileAs      string      `xml:"http://schemas.microsoft.com/exchange/services/2006/types FileAs"`
	DisplayName string      `xml:"http://schemas.microsoft.com/exchange/services/2006/types DisplayName"`
	GivenName   string      `xml:"http://schemas.microsoft.com/exchange/services/2006/types GivenName"`
	Surname     string      `xml:"http://schemas.microsoft.com/exchange/services/2006/types Surname"`
	Company     string      `xml:"http://schemas.microsoft.com/exchange/services/2006/types CompanyName"`
	Emails      readEntries `xml:"http://schemas.microsoft.com/exchange/services/2006/types EmailAddresses"`
	Phones      readEntries `xml:"http://schemas.microsoft.com/exchange/services/2006/types PhoneNumbers"`
	IMs         readEntries `xml:"http://schemas.microsoft.com/exchange/services/2006/types ImAddresses"`
}

type readEntries struct {
	List []PhoneNumber `xml:"http://schemas.microsoft.com/exchange/services/2006/types Entry"`
}

type readFiles struct {
	List []readFile `xml:"http://schemas.microsoft.com/exchange/services/2006/types FileAttachment"`
}

type readFile struct {
	ID          ItemID `xml:"http://schemas.microsoft.com/exchange/services/2006/types AttachmentId"`
	Name        string `xml:"http://schemas.microsoft.com/exchange/services/2006/types Name"`
	ContentType string `xml:"http://schemas.microsoft.com/exchange/services/2006/types ContentType"`
}

type readExtended struct {
	Field struct {
		Tag string `xml:"PropertyTag,attr"`
	} `xml:"http://schemas.microsoft.com/exchange/services/2006/types ExtendedFieldURI"`
	Value string `xml:"http://schemas.microsoft.com/exchange/services/2006/types Value"`
}

type readMailbox struct {
	Box readAddress `xml:"http://schemas.microsoft.com/exchange/services/2006/types Mailbox"`
}

type readMailboxes struct {
	List []readAddress `xml:"http://schemas.microsoft.com/exchange/services/2006/types Mailbox"`
}

type readAddress struct {
	Name    string `xml:"http://schemas.microsoft.com/exchange/services/2006/types Name"`
	Address string `xml:"http://schemas.microsoft.com/exchange/services/2006/types EmailAddress"`
	Routing string `xml:"http://schemas.microsoft.com/exchange/services/2006/types RoutingType"`
	Kind    string `xml:"http://schemas.microsoft.com/exchange/services/2006/types MailboxType"`
}

type readResolutions struct {
	Last string           `xml:"IncludesLastItemInRange,attr"`
	List []readResolution `xml:"http://schemas.microsoft.com/exchange/services/2006/types Resolution"`
}

type readResolution struct {
	Box     readAddress  `xml:"http://schemas.microsoft.com/exchange/services/2006/types Mailbox"`
	Contact *readContact `xml:"http://schemas.microsoft.com/exchange/services/2006/types Contact"`
}

// extended returns the value of a property tag, which a server may write as 0x6801,
// 0X6801 or 26625.
func (it *item) extended(tag uint64) string {
	for _, p := range it.Extended {
		if n, err := strconv.ParseUint(strings.TrimSpace(p.Field.Tag), 0, 32); err == nil && n == tag {
			return strings.TrimSpace(p.Value)
		}
	}
	return ""
}

// countValue reads a count; -1 if it is missing or not a count.
func countValue(s string) int {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	if err != nil || n < 0 {
		return -1
	}
	return int(n)
}

// boolValue reads xs:boolean; anything else is false.
func boolValue(s string) bool { s = strings.TrimSpace(s); return s == "true" || s == "1" }

// timeValue reads xs:dateTime as UTC; the zero time if it is missing or not a time.
// Exchange 2007 writes UTC with Z; a time without a zone is read as UTC.
func timeValue(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// firstText returns the first text that is not blank, trimmed.
func firstText(texts ...string) string {
	for i := range texts {
		texts[i] = strings.TrimSpace(texts[i])
	}
	return cmp.Or(texts...)
}
