package roaming

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// Sections of the self subscription, as a request names them.
const (
	Categories  = "categories"
	Containers  = "containers"
	Subscribers = "subscribers"
	Delegates   = "delegates" // OCS 2007 R2 and later
)

// Containers into which the pool publishes for the user
// (docs/protocol/presence.md#publishing,
// docs/protocol/presence.md#bodies-of-categories).
const (
	selfContainer = 1 // seen by the user alone
	selfAggregate = 2 // has the aggregate of all endpoints of the user
	publishLayout = "2006-01-02T15:04:05.999999999"
)

type roamingListWriter struct {
	XMLName xml.Name        `xml:"http://schemas.microsoft.com/2006/09/sip/roaming-self roamingList"`
	Roaming []roamingWriter `xml:"roaming"`
}

type roamingWriter struct {
	Type string `xml:"type,attr"`
}

// SelfRequest returns the body of the self subscription: categories, containers,
// subscribers and the sections in more (Delegates).
func SelfRequest(more ...string) []byte {
	var w roamingListWriter
	for _, t := range append([]string{Categories, Containers, Subscribers}, more...) {
		w.Roaming = append(w.Roaming, roamingWriter{t})
	}
	b, err := xml.Marshal(w)
	if err != nil {
		panic(err) // strings only: Marshal cannot fail
	}
	return b
}

// ParseSelfRequest reads the body of SelfRequest as a pool does: the requested
// sections in lower case, each once. The error holds a *journal.Failure.
func ParseSelfRequest(body []byte) ([]string, error) {
	root, err := parseTree(body, document{"request for the user's own entry", "MS-PRES", []string{"roamingList"}})
	if err != nil {
		return nil, err
	}
	var asked []string
	for _, n := range root.Children {
		t, _ := n.Attr("type")
		if t = strings.ToLower(t); n.Is("roaming") && t != "" && !slices.Contains(asked, t) && len(asked) < maxContainers {
			asked = append(asked, t)
		}
	}
	return asked, nil
}

type selfWriter struct {
	XMLName     xml.Name           `xml:"http://schemas.microsoft.com/2006/09/sip/roaming-self roamingData"`
	Categories  categoriesWriter   `xml:"http://schemas.microsoft.com/2006/09/sip/categories categories"`
	Containers  *containersWriter  `xml:"http://schemas.microsoft.com/2006/09/sip/container-management containers"`
	Subscribers *subscribersWriter `xml:"http://schemas.microsoft.com/2006/09/sip/presence-subscribers subscribers"`
}

type categoriesWriter struct {
	URI        string           `xml:"uri,attr,omitempty"`
	Categories []categoryWriter `xml:"category"`
}

type categoryWriter struct {
	Name      string  `xml:"name,attr"`
	Instance  *uint32 `xml:"instance,attr"`
	Published string  `xml:"publishTime,attr,omitempty"`
	Container *uint32 `xml:"container,attr"`
	Version   *uint32 `xml:"version,attr"`
	Expire    string  `xml:"expireType,attr,omitempty"`
	Body      string  `xml:",innerxml"`
}

type containersWriter struct {
	Containers []Container `xml:"container"`
}

type subscribersWriter struct {
	Subscribers []Watcher `xml:"subscriber"`
}

// XML writes the whole entry, the answer of a pool to a subscription. A value of
// DisplayName … Note for which Publications has no place is published at its usual
// place: userProperties in container 1, contactCard instance 0 in container 0, the
// aggregate state in 2, the note in 200, 300 and 400. The error is for a
// Publication whose Body is not an XML element.
func (s Self) XML() ([]byte, error) {
	categories, err := s.categories(func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	return xml.Marshal(selfWriter{Categories: categories, Containers: &containersWriter{s.Containers},
		Subscribers: &subscribersWriter{s.Watchers}})
}

// Change writes only these categories, as a pool does in a notification and in the
// answer to a publication: all instances of each category, or an empty category.
func (s Self) Change(categories ...string) ([]byte, error) {
	named := func(category string) bool {
		return slices.ContainsFunc(categories, func(c string) bool { return strings.EqualFold(c, category) })
	}
	w, err := s.categories(named)
	if err != nil {
		return nil, err
	}
	for _, c := range categories {
		if !slices.ContainsFunc(w.Categories, func(w categoryWriter) bool { return strings.EqualFold(w.Name, c) }) {
			w.Categories = append(w.Categories, categoryWriter{Name: c})
		}
	}
	return xml.Marshal(selfWriter{Categories: w})
}

func (s Self) categories(named func(string) bool) (categoriesWriter, error) {
	var w categoriesWriter
	if s.Address != "" {
		w.URI = "sip:" + s.Address
	}
	all, err := s.allPublications()
	if err != nil {
		return w, err
	}
	for i, p := range all {
		if !named(p.Category) {
			continue
		}
		cw := categoryWriter{Name: p.Category, Instance: &all[i].Instance, Container: &all[i].Container,
			Version: &all[i].Version, Expire: p.Expire, Body: p.Body}
		if !p.Published.IsZero() {
			cw.Published = p.Published.UTC().Format(publishLayout)
		}
		w.Categories = append(w.Categories, cw)
	}
	return w, nil
}

// allPublications returns Publications with the bodies made from the fields of s.
func (s Self) allPublications() ([]Publication, error) {
	all := slices.Clone(s.Publications)
	for _, p := range all {
		if p.Body == "" {
			continue
		}
		if _, err := parseTree([]byte(p.Body), document{name: "body"}); err != nil {
			return nil, fmt.Errorf("publication %s, instance %d, container %d: its body must be one XML element: %v", p.Category,
				p.Instance, p.Container, err)
		}
	}
	for _, own := range s.ownBodies() {
		body, err := xml.Marshal(own.body)
		if err != nil {
			return nil, err
		}
		held := false
		for i, p := range all {
			if strings.EqualFold(p.Category, own.category) && p.Instance == own.instance &&
				slices.Contains(own.containers, p.Container) {
				held = true
				if p.Body == "" {
					all[i].Body = string(body)
				}
			}
		}
		for _, c := range own.containers {
			if !held {
				all = append(all, Publication{Category: own.category, Instance: own.instance, Container: c, Version: 1,
					Expire: own.expire, Body: string(body)})
			}
		}
	}
	return all, nil
}

// ownBody is a body made from fields of Self, and where it is published.
type ownBody struct {
	category   string
	instance   uint32
	containers []uint32
	expire     string
	body       any
}

type propertiesWriter struct {
	XMLName       xml.Name `xml:"http://schemas.microsoft.com/2006/09/sip/categories userProperties"`
	Lines         []Line   `xml:"lines>line"`
	TelephonyMode string   `xml:"telephonyMode,omitempty"`
	UM            int      `xml:"exumEnabled"`
	EUM           string   `xml:"exumURL,omitempty"`
}

type cardWriter struct {
	XMLName     xml.Name `xml:"http://schemas.microsoft.com/2006/09/sip/contactcard contactCard"`
	DisplayName string   `xml:"identity>name>displayName,omitempty"`
	Email       string   `xml:"identity>email,omitempty"`
}

type stateWriter struct {
	XMLName      xml.Name `xml:"http://schemas.microsoft.com/2006/09/sip/state state"`
	XSI          string   `xml:"xmlns:xsi,attr"`
	Type         string   `xml:"xsi:type,attr"`
	Availability int      `xml:"availability"`
}

type noteWriter struct {
	XMLName xml.Name `xml:"http://schemas.microsoft.com/2006/09/sip/note note"`
	Body    noteBody `xml:"body"`
}

type noteBody struct {
	Type string `xml:"type,attr"`
	URI  string `xml:"uri,attr"`
	Text string `xml:",chardata"`
}

// ownBodies returns the bodies of the fields that are set
// (docs/protocol/presence.md#bodies-of-categories).
func (s Self) ownBodies() []ownBody {
	var all []ownBody
	if len(s.Lines) > 0 || s.TelephonyMode != "" || s.UM || s.EUM != "" {
		w := propertiesWriter{Lines: s.Lines, TelephonyMode: s.TelephonyMode}
		if s.UM {
			w.UM = 1
		}
		if s.EUM != "" {
			w.EUM = "EUM:" + s.EUM
		}
		all = append(all, ownBody{userProperties, 0, []uint32{selfContainer}, "static", w})
	}
	if s.DisplayName != "" || s.Email != "" {
		all = append(all, ownBody{contactCard, 0, []uint32{0}, "static", cardWriter{DisplayName: s.DisplayName,
			Email: s.Email}})
	}
	if s.Availability > 0 {
		all = append(all, ownBody{state, 1, []uint32{selfAggregate}, "user",
			stateWriter{XSI: "http://www.w3.org/2001/XMLSchema-instance", Type: "aggregateState", Availability: s.Availability}})
	}
	if s.Note != "" {
		all = append(all, ownBody{note, 0, []uint32{200, 300, 400}, "static",
			noteWriter{Body: noteBody{Type: "personal", Text: s.Note}}})
	}
	return all
}
