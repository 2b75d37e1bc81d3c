package provisioning

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/journal"
)

// Form is how a group writes its properties down
// (docs/protocol/sip-services.md#provisioning-answer).
type Form string

// Forms of groups.
const (
	Plain     Form = "plain"             // <ucMinPinLength>6</ucMinPinLength>
	Instance  Form = "instance"          // <instance><property name="Name"><![CDATA[…]]></property></instance>
	EntryList Form = "propertyEntryList" // <propertyEntryList><property name="Name">…</property></propertyEntryList>
)

// Property is one value as received: name as the server spells it, white space
// around the value removed.
type Property struct {
	Name  string `json:"name" xml:"name,attr"`
	Value string `json:"value" xml:",chardata"`
}

// Group is one provision group, known to the phone or not.
type Group struct {
	Name       string     `json:"name"`
	Form       Form       `json:"form,omitempty"` // of its first property; WriteAnswer takes empty as Plain
	Properties []Property `json:"properties,omitempty"`
}

// Get finds a property without regard to case; ok is false if there is none.
func (g Group) Get(name string) (value string, ok bool) {
	i := slices.IndexFunc(g.Properties, func(p Property) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		return "", false
	}
	return g.Properties[i].Value, true
}

// Answer is the document of a pool. The zero Answer is one without groups; it
// gives the defaults.
type Answer struct {
	Groups   []Group   `json:"groups"`
	Warnings []Warning `json:"warnings,omitempty"` // of Parse; Settings adds those of the values
}

// Group finds a group without regard to case; ok is false if there is none.
func (a Answer) Group(name string) (g Group, ok bool) {
	i := slices.IndexFunc(a.Groups, func(g Group) bool { return strings.EqualFold(g.Name, name) })
	if i < 0 {
		return Group{}, false
	}
	return a.Groups[i], true
}

// Parse reads the body of a 200 or of a BENOTIFY
// (docs/protocol/sip-services.md#provisioning-answer). Names are compared without
// regard to case, a wrong namespace is only a warning, and unknown groups are
// kept. If a property is given twice in a group, the first value is used. A second
// group of the same name adds only the properties that the first does not have.
// The error holds a *journal.Failure; the Answer is then empty.
func Parse(body []byte) (Answer, error) {
	const document = "provisioning answer"
	root, err := parseTree(body, document)
	if err != nil {
		return Answer{}, err
	}
	if !root.Is("provisionGroupList") {
		return Answer{}, wrongRoot(document, root, "provisionGroupList")
	}
	var a Answer
	var warnings warningCollector
	if root.Name.Space != answerSpace {
		warnings.add(Shape, "", root.Name.Local, root.Name.Space,
			"This is not the name space of a provisioning answer. It is read all the same.")
	}
	if root.Replaced > 0 {
		warnings.add(Value, "", "", "", boundedxml.ReplacedSentence(root.Replaced))
	}
	for _, n := range root.Children {
		a.readGroup(n, &warnings)
	}
	a.Warnings = warnings.list()
	return a, nil
}

func (a *Answer) readGroup(n *boundedxml.Node, warnings *warningCollector) {
	name, _ := n.Attr("name")
	switch {
	case !n.Is("provisionGroup"):
		warnings.add(Unknown, "", n.Name.Local, n.Value(), "Only provisionGroup is known here. It is not used.")
		return
	case name == "" || len(name) > maxValue:
		warnings.add(Shape, "", n.Name.Local, name, "A group without a usable name is not used.")
		return
	}
	i := slices.IndexFunc(a.Groups, func(g Group) bool { return strings.EqualFold(g.Name, name) })
	if i >= 0 {
		warnings.add(Duplicate, name, "", "",
			"The group is there twice. The second adds what the first lacks, and changes nothing.")
	} else if len(a.Groups) >= maxGroups {
		warnings.add(Limit, name, "", "", fmt.Sprintf("Only the first %d groups are kept.", maxGroups))
		return
	} else {
		i, a.Groups = len(a.Groups), append(a.Groups, Group{Name: name})
	}
	r := groupReader{Group: &a.Groups[i], seen: map[string]int{}, warnings: warnings}
	for k, p := range r.Properties {
		r.seen[strings.ToLower(p.Name)] = k
	}
	r.readAll(n)
}

// groupReader fills a group from its element.
type groupReader struct {
	*Group
	seen     map[string]int // lower-case name to index in Properties
	warnings *warningCollector
	dropped  int // properties beyond maxProperty
}

func (r *groupReader) readAll(group *boundedxml.Node) {
	lists := 0
	for _, n := range group.Children {
		form := Plain
		switch {
		case n.Is(string(Instance)):
			form = Instance
		case n.Is(string(EntryList)):
			form = EntryList
		}
		name, _ := n.Attr("name")
		if n.Is("property") && name != "" { // a list without its frame
			r.readProperty(EntryList, name, n)
			continue
		}
		if form == Plain {
			r.readProperty(form, n.Name.Local, n)
			continue
		}
		if lists++; lists > 1 {
			r.warnings.add(Shape, r.Name, n.Name.Local, "", "There is more than one. The first value of each property holds.")
		}
		for _, p := range n.Children {
			if name, _ := p.Attr("name"); p.Is("property") && name != "" {
				r.readProperty(form, name, p)
			} else {
				r.warnings.add(Shape, r.Name, p.Name.Local, p.Value(),
					"Only properties with a name are known here. It is not used.")
			}
		}
	}
	if r.dropped > 0 {
		r.warnings.add(Limit, r.Name, "", "", fmt.Sprintf("Only the first %d properties are kept; %d are left out.",
			maxProperty, r.dropped))
	}
}

func (r *groupReader) readProperty(form Form, name string, n *boundedxml.Node) {
	key, value := strings.ToLower(name), n.Value()
	if i, duplicate := r.seen[key]; duplicate {
		if !isUsed(r.Name) { // a grammar repeats its elements
			return
		}
		r.warnings.add(Duplicate, r.Name, name, value,
			fmt.Sprintf("It is there twice. The first value, %q, holds.", journal.Excerpt(r.Properties[i].Value)))
		return
	}
	if len(value) > maxValue || len(name) > maxValue {
		r.warnings.add(Limit, r.Name, name, value, fmt.Sprintf("Name or value is longer than %d bytes. It is left out.",
			maxValue))
		return
	}
	if len(r.Properties) >= maxProperty {
		r.dropped++
		return
	}
	if len(n.Children) > 0 && isUsed(r.Name) {
		r.warnings.add(Shape, r.Name, name, value, "It holds further elements, which are not used.")
	}
	if r.Form == "" {
		r.Form = form
	}
	r.seen[key] = len(r.Properties)
	r.Properties = append(r.Properties, Property{Name: name, Value: value})
}
