package provisioning

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode"
)

type answerWriter struct {
	XMLName xml.Name `xml:"http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification provisionGroupList"`

	Groups []groupWriter `xml:"provisionGroup"`
}

// groupWriter has one of its three lists set, by the Form of the group.
type groupWriter struct {
	Name     string        `xml:"name,attr"`
	Plain    []plainWriter `xml:",omitempty"`
	Instance *cdataList    `xml:"instance"`
	Entries  *propertyList `xml:"propertyEntryList"`
}

type plainWriter struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

type cdataList struct {
	Properties []cdataWriter `xml:"property"`
}

type cdataWriter struct {
	Name  string `xml:"name,attr"`
	Value string `xml:",cdata"`
}

type propertyList struct {
	Properties []Property `xml:"property"`
}

// WriteAnswer writes the body of a pool's 200 or BENOTIFY. The name of a property
// of a Plain group must be usable as the name of an element.
func WriteAnswer(groups ...Group) ([]byte, error) {
	var w answerWriter
	for _, g := range groups {
		gw := groupWriter{Name: g.Name}
		switch g.Form {
		case Plain, "":
			for _, p := range g.Properties {
				if !isElementName(p.Name) {
					return nil, fmt.Errorf("group %s: %q cannot be the name of an XML element: write the group in the form %s or %s",
						g.Name, p.Name, Instance, EntryList)
				}
				gw.Plain = append(gw.Plain, plainWriter{xml.Name{Local: p.Name}, p.Value})
			}
		case Instance:
			gw.Instance = &cdataList{}
			for _, p := range g.Properties {
				gw.Instance.Properties = append(gw.Instance.Properties, cdataWriter(p))
			}
		case EntryList:
			gw.Entries = &propertyList{g.Properties}
		default:
			return nil, fmt.Errorf("group %s: there is no form %q of a provisioning group", g.Name, g.Form)
		}
		w.Groups = append(w.Groups, gw)
	}
	return xml.Marshal(w)
}

// isElementName reports whether s is an ASCII letter followed by ASCII letters,
// digits and _ - . (XML allows more), and is not the name of a list.
func isElementName(s string) bool {
	list := strings.EqualFold(s, string(Instance)) || strings.EqualFold(s, string(EntryList)) ||
		strings.EqualFold(s, "property")
	return !list && s != "" && (s[0] < 0x80 && unicode.IsLetter(rune(s[0]))) &&
		!strings.ContainsFunc(s, func(c rune) bool {
			return c > 0x7f || !unicode.IsLetter(c) && !unicode.IsDigit(c) && !strings.ContainsRune("_-.", c)
		})
}
