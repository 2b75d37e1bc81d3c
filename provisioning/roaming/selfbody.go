package roaming

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/boundedxml"
)

// Categories whose bodies are read (docs/protocol/presence.md#bodies-of-categories).
const (
	userProperties = "userProperties"
	contactCard    = "contactCard"
	state          = "state"
	note           = "note"
)

// finish replaces the categories that the document names and reads their bodies.
func (r *selfReader) finish() {
	kept := slices.DeleteFunc(slices.Clone(r.Publications),
		func(p Publication) bool { return r.named[strings.ToLower(p.Category)] })
	for _, e := range r.entries {
		kept = append(kept, e.Publication)
	}
	if len(kept) > maxPublications {
		r.warnings.add("categories", "", fmt.Sprintf("There are %d publications; the first %d are kept.", len(kept),
			maxPublications))
		kept = kept[:maxPublications]
	}
	r.Publications = kept
	for _, read := range []struct {
		category string
		bodies   func([]entry)
	}{{userProperties, r.readProperties}, {contactCard, r.readCard}, {state, r.readState}, {note, r.readNote}} {
		if r.named[strings.ToLower(read.category)] {
			read.bodies(r.publicationsOf(read.category))
		}
	}
}

// publicationsOf returns the publications of a category that have a body; element
// is then the body.
func (r *selfReader) publicationsOf(category string) []entry {
	var found []entry
	for _, e := range r.entries {
		if body := e.element.Child(category); strings.EqualFold(e.Category, category) && body != nil {
			e.element = body
			found = append(found, e)
		}
	}
	return found
}

func (r *selfReader) readProperties(bodies []entry) {
	r.Lines, r.TelephonyMode, r.UM, r.EUM = nil, "", false, ""
	if len(bodies) > 1 {
		r.warnings.add(userProperties, "", "They are published more than once. The first hold.")
	}
	for _, e := range bodies[:min(len(bodies), 1)] {
		if lines := e.element.Child("lines"); lines != nil {
			r.readTelephoneLines(lines)
		}
		r.TelephonyMode = r.warnings.cutText("telephonyMode", textOf(e.element, "telephonyMode"))
		r.UM = r.warnings.boolValue("exumEnabled", textOf(e.element, "exumEnabled"))
		if url := textOf(e.element, "exumURL"); url != "" {
			if len(url) >= 4 && strings.EqualFold(url[:4], "EUM:") {
				url = url[4:]
			}
			r.EUM = r.warnings.identifier("exumURL", url)
		}
	}
}

func (r *selfReader) readTelephoneLines(lines *boundedxml.Node) {
	for _, n := range lines.Children {
		kind, _ := n.Attr("lineType")
		server, _ := n.Attr("lineServer")
		l := Line{Number: n.Value()}
		for _, k := range []LineKind{Uc, Rcc, Dual} {
			if strings.EqualFold(kind, string(k)) {
				l.Kind = k
			}
		}
		switch {
		case !n.Is("line"):
			continue
		case l.Kind == "":
			r.warnings.add("line lineType", kind, "It must be Uc, Rcc or Dual. The line is left out.")
			continue
		case len(r.Lines) >= maxLines:
			r.warnings.add("lines", "", fmt.Sprintf("There are more than %d lines. The rest is left out.", maxLines))
			return
		}
		if server != "" {
			l.Server = r.warnings.identifier("line lineServer", server)
		}
		if l.Number = r.warnings.identifier("line", l.Number); l.Number != "" {
			r.Lines = append(r.Lines, l)
		}
	}
}

// readCard reads name and e-mail address from instance 0 (the directory), else from
// the next instance that has them.
func (r *selfReader) readCard(bodies []entry) {
	r.DisplayName, r.Email = "", ""
	slices.SortStableFunc(bodies, func(a, b entry) int { return cmp.Compare(a.Instance, b.Instance) })
	for _, e := range bodies {
		if r.DisplayName == "" {
			r.DisplayName = r.warnings.cutText("displayName", textOf(e.element, "identity", "name", "displayName"))
		}
		email := textOf(e.element, "identity", "email")
		if r.Email != "" || email == "" {
			continue
		}
		if at := strings.LastIndexByte(email, '@'); at < 1 || at != strings.IndexByte(email, '@') || at == len(email)-1 {
			r.warnings.add("email", email, "It must be an e-mail address. It is left out.")
			continue
		}
		r.Email = r.warnings.identifier("email", email)
	}
}

// readState reads the aggregate of container 2, else the first one.
func (r *selfReader) readState(bodies []entry) {
	r.Availability = 0
	slices.SortStableFunc(bodies, func(a, b entry) int { return cmp.Compare(aggregateRank(a), aggregateRank(b)) })
	for _, e := range bodies {
		kind, _ := e.element.Attr("type")
		if !strings.EqualFold(kind[strings.LastIndexByte(kind, ':')+1:], "aggregateState") {
			continue
		}
		text := textOf(e.element, "availability")
		if v, err := strconv.ParseUint(text, 10, 31); err == nil {
			r.Availability = int(v)
			return
		}
		r.warnings.add("availability", text, "It must be a whole number of 0 to 2147483647. It is left out.")
	}
}

// aggregateRank is 0 for the container with the user's own aggregate
// (docs/protocol/presence.md#publishing).
func aggregateRank(e entry) int {
	if e.Container == selfAggregate {
		return 0
	}
	return 1
}

// readNote reads the latest note, of equal ones the first.
func (r *selfReader) readNote(bodies []entry) {
	r.Note = ""
	slices.SortStableFunc(bodies, func(a, b entry) int { return b.Published.Compare(a.Published) })
	for _, e := range bodies {
		if r.Note = r.warnings.cutText("note", textOf(e.element, "body")); r.Note != "" {
			return
		}
	}
}

// textOf returns the text of the element at a path, "" if there is none.
func textOf(n *boundedxml.Node, path ...string) string {
	return n.Child(path...).Value()
}
