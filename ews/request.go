package ews

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// Writer types. The prefixes are literal: soap, m and t are declared at the
// envelope. Exchange requires the order of the schema
// (docs/protocol/exchange-ews.md#transport-and-envelope).

type writeEnvelope struct {
	XMLName xml.Name    `xml:"soap:Envelope"`
	SOAP    string      `xml:"xmlns:soap,attr"`
	T       string      `xml:"xmlns:t,attr"`
	M       string      `xml:"xmlns:m,attr"`
	Header  writeHeader `xml:"soap:Header"`
	Body    writeBody   `xml:"soap:Body"`
}

type writeHeader struct {
	Version struct {
		Version string `xml:"Version,attr"`
	} `xml:"t:RequestServerVersion"`
}

type writeBody struct{ Op any }

// envelope writes a whole request.
func envelope(version string, op any) ([]byte, error) {
	e := writeEnvelope{SOAP: nsSOAP, T: nsTypes, M: nsMessages, Body: writeBody{op}}
	e.Header.Version.Version = version
	var b bytes.Buffer
	b.WriteString(xml.Header)
	if err := xml.NewEncoder(&b).Encode(e); err != nil {
		return nil, fmt.Errorf("ews: writing a request: %w", err)
	}
	return b.Bytes(), nil
}

type field struct {
	XMLName xml.Name
	URI     string `xml:"FieldURI,attr,omitempty"`
	Index   string `xml:"FieldIndex,attr,omitempty"`
	Tag     string `xml:"PropertyTag,attr,omitempty"`
	Type    string `xml:"PropertyType,attr,omitempty"`
}

func uris(names ...string) []field {
	all := make([]field, len(names))
	for i, n := range names {
		all[i] = field{XMLName: xml.Name{Local: "t:FieldURI"}, URI: n}
	}
	return all
}

func indexed(uri string, keys ...string) []field {
	all := make([]field, len(keys))
	for i, k := range keys {
		all[i] = field{XMLName: xml.Name{Local: "t:IndexedFieldURI"}, URI: uri, Index: k}
	}
	return all
}

// The extended properties of Unified Messaging (MS-OXOUM;
// docs/protocol/exchange-items.md#item-classes-and-properties).
const (
	tagDuration   = 0x6801 // seconds
	tagNumber     = 0x6802 // the caller's number or SIP URI
	tagSenderName = 0x6803
	tagFileOrder  = 0x6805 // names of attachments, newest first
	tagCallID     = 0x6806 // the Call-ID of SIP
)

func extended(tags ...uint64) []field {
	all := make([]field, len(tags))
	for i, tag := range tags {
		kind := "String"
		if tag == tagDuration {
			kind = "Integer"
		}
		all[i] = field{XMLName: xml.Name{Local: "t:ExtendedFieldURI"}, Tag: fmt.Sprintf("%#04x", tag), Type: kind}
	}
	return all
}

type writeFields struct{ List []field }

type writeShape struct {
	Base   string       `xml:"t:BaseShape"`
	Body   string       `xml:"t:BodyType,omitempty"`
	Fields *writeFields `xml:"t:AdditionalProperties"`
}

func shape(groups ...[]field) writeShape {
	s := writeShape{Base: "IdOnly"}
	for _, g := range groups {
		if s.Fields == nil {
			s.Fields = &writeFields{}
		}
		s.Fields.List = append(s.Fields.List, g...)
	}
	return s
}

type writePage struct {
	Max    int    `xml:"MaxEntriesReturned,attr"`
	Offset int    `xml:"Offset,attr"`
	Base   string `xml:"BasePoint,attr"`
}

type writeView struct {
	Max   int    `xml:"MaxEntriesReturned,attr"`
	Start string `xml:"StartDate,attr"`
	End   string `xml:"EndDate,attr"`
}

type writeEqual struct {
	Field    field
	Constant struct {
		Constant struct {
			Value string `xml:"Value,attr"`
		} `xml:"t:Constant"`
	} `xml:"t:FieldURIOrConstant"`
}

func equal(uri, value string) writeEqual {
	e := writeEqual{Field: uris(uri)[0]}
	e.Constant.Constant.Value = value
	return e
}

type writeRestriction struct {
	Equal *writeEqual `xml:"t:IsEqualTo"`
	Or    *writeOr    `xml:"t:Or"`
}

type writeOr struct {
	List []writeEqual `xml:"t:IsEqualTo"`
}

// anyOf returns the restriction that uri is one of the values.
func anyOf(uri string, values ...string) *writeRestriction {
	if len(values) == 1 {
		e := equal(uri, values[0])
		return &writeRestriction{Equal: &e}
	}
	or := &writeOr{}
	for _, v := range values {
		or.List = append(or.List, equal(uri, v))
	}
	return &writeRestriction{Or: or}
}

type writeSort struct {
	Order struct {
		Order string `xml:"Order,attr"`
		Field field
	} `xml:"t:FieldOrder"`
}

func newestFirst() *writeSort {
	var s writeSort
	s.Order.Order, s.Order.Field = "Descending", uris("item:DateTimeReceived")[0]
	return &s
}

// writeFolderID is a distinguished folder, or one by its id.
type writeFolderID struct {
	XMLName   xml.Name
	ID        string `xml:"Id,attr"`
	ChangeKey string `xml:"ChangeKey,attr,omitempty"`
}

type writeFolderIDs struct{ ID writeFolderID }

func distinguishedFolder(name string) writeFolderIDs {
	return writeFolderIDs{writeFolderID{XMLName: xml.Name{Local: "t:DistinguishedFolderId"}, ID: name}}
}

func folderID(id ItemID) writeFolderIDs {
	return writeFolderIDs{writeFolderID{XMLName: xml.Name{Local: "t:FolderId"}, ID: id.ID, ChangeKey: id.ChangeKey}}
}

type writeFindItem struct {
	XMLName   xml.Name          `xml:"m:FindItem"`
	Traversal string            `xml:"Traversal,attr"`
	Shape     writeShape        `xml:"m:ItemShape"`
	Page      *writePage        `xml:"m:IndexedPageItemView"`
	View      *writeView        `xml:"m:CalendarView"`
	Only      *writeRestriction `xml:"m:Restriction"`
	Sort      *writeSort        `xml:"m:SortOrder"`
	Parents   writeFolderIDs    `xml:"m:ParentFolderIds"`
}

type writeFindFolder struct {
	XMLName   xml.Name          `xml:"m:FindFolder"`
	Traversal string            `xml:"Traversal,attr"`
	Shape     writeShape        `xml:"m:FolderShape"`
	Page      writePage         `xml:"m:IndexedPageFolderView"`
	Only      *writeRestriction `xml:"m:Restriction"`
	Parents   writeFolderIDs    `xml:"m:ParentFolderIds"`
}

type writeGetFolder struct {
	XMLName xml.Name       `xml:"m:GetFolder"`
	Shape   writeShape     `xml:"m:FolderShape"`
	Folders writeFolderIDs `xml:"m:FolderIds"`
}

type writeItemIDs struct {
	List []ItemID `xml:"t:ItemId"`
}

type writeGetItem struct {
	XMLName xml.Name     `xml:"m:GetItem"`
	Shape   writeShape   `xml:"m:ItemShape"`
	IDs     writeItemIDs `xml:"m:ItemIds"`
}

type writeGetAttachment struct {
	XMLName xml.Name `xml:"m:GetAttachment"`
	Shape   struct{} `xml:"m:AttachmentShape"`
	IDs     struct {
		ID ItemID `xml:"t:AttachmentId"`
	} `xml:"m:AttachmentIds"`
}

// writeUpdateItem sets IsRead. ConflictResolution and, for messages,
// MessageDisposition are required (docs/protocol/exchange-items.md#items-and-attachments).
type writeUpdateItem struct {
	XMLName     xml.Name `xml:"m:UpdateItem"`
	Conflict    string   `xml:"ConflictResolution,attr"`
	Disposition string   `xml:"MessageDisposition,attr"`
	Changes     struct {
		Change struct {
			ID      ItemID `xml:"t:ItemId"`
			Updates struct {
				Set struct {
					Field   field
					Message struct {
						IsRead bool `xml:"t:IsRead"`
					} `xml:"t:Message"`
				} `xml:"t:SetItemField"`
			} `xml:"t:Updates"`
		} `xml:"t:ItemChange"`
	} `xml:"m:ItemChanges"`
}

type writeDeleteItem struct {
	XMLName xml.Name     `xml:"m:DeleteItem"`
	Type    string       `xml:"DeleteType,attr"`
	IDs     writeItemIDs `xml:"m:ItemIds"`
}

type writeResolveNames struct {
	XMLName xml.Name `xml:"m:ResolveNames"`
	Full    bool     `xml:"ReturnFullContactData,attr"`
	Scope   string   `xml:"SearchScope,attr"`
	Entry   string   `xml:"m:UnresolvedEntry"`
}

// dateTime writes t as Exchange 2007 does: UTC with Z.
func dateTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
