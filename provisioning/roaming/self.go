package roaming

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/journal"
)

// LineKind says who serves a telephone line of the user
// (docs/protocol/presence.md#bodies-of-categories).
type LineKind string

// Kinds of lines.
const (
	Uc   LineKind = "Uc"   // by the pool: the user has Enterprise Voice
	Rcc  LineKind = "Rcc"  // by a PBX that a client controls remotely; this phone cannot use it
	Dual LineKind = "Dual" // by both
)

// Line is one telephone line of the user.
type Line struct {
	Number string   `json:"number" xml:",chardata"` // as the pool writes it: "tel:+4544890101;ext=200"
	Kind   LineKind `json:"kind" xml:"lineType,attr"`
	// SIP URI of the PBX gateway; Rcc and Dual only
	Server string `json:"server,omitempty" xml:"lineServer,attr,omitempty"`
}

// Publication is one part of the presence that an endpoint of the user or the pool
// has published. A request that replaces it must send its Version
// (docs/protocol/presence.md#publishing).
type Publication struct {
	Category  string    `json:"category"`           // "state", "note", "device", …
	Instance  uint32    `json:"instance"`           //
	Container uint32    `json:"container"`          // who sees it: 2 and 3 aggregation, 100 federated, 200 company, …
	Version   uint32    `json:"version"`            // 1 and up
	Expire    string    `json:"expire,omitempty"`   // static, endpoint, user or time
	Published time.Time `json:"published,omitzero"` // by the pool's clock, UTC; zero: unknown
	// for XML and Change: the whole element inside; empty: made from the fields of Self,
	// if they have a value for it. Apply does not set it
	Body string `json:"-"`
}

// Member is one entry of a container's access list.
type Member struct {
	// user, domain, sameEnterprise, federated, publicCloud or everyone
	Type  string `json:"type" xml:"type,attr"`
	Value string `json:"value,omitempty" xml:"value,attr,omitempty"` // of a user (without "sip:") or domain
}

// Container is an access level: its members see what is published into it.
type Container struct {
	ID      uint32   `json:"id" xml:"id,attr"`
	Version uint32   `json:"version" xml:"version,attr"` // to be sent with a change of the members
	Members []Member `json:"members,omitempty" xml:"member"`
}

// Watcher is a user who subscribes to this user's presence.
type Watcher struct {
	Address      string `json:"address" xml:"user,attr"` // without "sip:"
	DisplayName  string `json:"display_name,omitempty" xml:"displayName,attr"`
	Acknowledged bool   `json:"acknowledged" xml:"acknowledged,attr"`     // false: "X added you" was not shown yet
	Type         string `json:"type,omitempty" xml:"type,attr,omitempty"` // sameEnterprise, federated, …
}

// Self is the user's own entry in the pool. The zero Self is empty. The fields from
// DisplayName to Note are read from the bodies of publications; Publications has
// their versions.
type Self struct {
	// sign-in address without "sip:"; empty: taken from the first document
	Address       string `json:"address,omitempty"`
	DisplayName   string `json:"display_name,omitempty"`   // contactCard, the one from the directory first
	Email         string `json:"email,omitempty"`          // contactCard; has one @
	Lines         []Line `json:"lines,omitempty"`          // userProperties, in the pool's order
	TelephonyMode string `json:"telephony_mode,omitempty"` // userProperties: "Uc", "Rcc", "None", …
	// userProperties exumEnabled: the user has voice mail in Exchange
	UM bool `json:"um"`
	// userProperties exumURL without "EUM:": "kerry@contoso.com;phone-context=DialPlan.contoso.com"
	EUM string `json:"eum,omitempty"`
	// aggregate state of all endpoints, 3000 (available) to 18000 and more (offline); 0: unknown
	Availability int           `json:"availability,omitempty"`
	Note         string        `json:"note,omitempty"`         // the latest one, personal or out of office
	Publications []Publication `json:"publications,omitempty"` // all versions, of this endpoint and of others
	Containers   []Container   `json:"containers,omitempty"`   //
	Watchers     []Watcher     `json:"watchers,omitempty"`     //
	Warnings     []string      `json:"warnings,omitempty"`     // of the document applied last, fit for a step's Details
}

// Line returns the first line that this phone can use, Uc or Dual; ok is false if
// there is none.
func (s Self) Line() (l Line, ok bool) {
	for _, l := range s.Lines {
		if l.Kind == Uc || l.Kind == Dual {
			return l, true
		}
	}
	return Line{}, false
}

// VoiceEnabled reports whether the user may call with this phone. If not, the
// phone shows "not enabled for voice"
// (docs/protocol/presence.md#enhanced-presence-and-migration-from-lcs-2005).
func (s Self) VoiceEnabled() bool {
	_, ok := s.Line()
	return ok
}

// Apply reads the body of a 200, to the subscription or to a publication, or of a
// BENOTIFY (docs/protocol/presence.md#self-subscription) and returns the changed
// Self. A document replaces all instances, in all containers, of each category
// that it names; `<category name="note"/>` and `<category name="note"
// container="200"/>` name a category without an instance. Containers and watchers
// replace those with the same number or address. After a new subscription, begin
// with a Self that has only the Address: a document does not list what was
// removed. Categories of another user are ignored. The error holds a
// *journal.Failure, and the result is then s.
func (s Self) Apply(body []byte) (Self, error) {
	root, err := parseTree(body, selfDocument())
	if err != nil {
		return s, err
	}
	r := selfReader{Self: s, named: map[string]bool{}, seen: map[publicationKey]bool{}}
	r.Containers, r.Watchers = slices.Clone(s.Containers), slices.Clone(s.Watchers)
	r.warnings.addReplaced(root)
	for _, section := range root.Children {
		switch name := strings.ToLower(section.Name.Local); {
		case name == "categories":
			r.categories(section)
		case name == "containers":
			r.containers(section)
		case name == "subscribers":
			r.watchers(section)
		case strings.HasPrefix(name, "delegat"): // of R2; the phone does not act for other users
		default:
			r.warnings.add(journal.Excerpt(section.Name.Local), "", "The phone does not know this section. It is not used.")
		}
	}
	r.finish()
	r.Warnings = r.warnings.list()
	return r.Self, nil
}

func selfDocument() document {
	return document{"self notification", "MS-PRES", []string{"roamingData"}}
}

// publicationKey identifies a publication; the category is in lower case.
type publicationKey struct {
	category            string
	instance, container uint32
}

// entry is a publication of the current document and its element.
type entry struct {
	Publication
	element *boundedxml.Node
}

// selfReader is the state of one Apply.
type selfReader struct {
	Self
	warnings warningCollector
	named    map[string]bool // categories of the document, in lower case
	seen     map[publicationKey]bool
	entries  []entry
}

func (r *selfReader) categories(section *boundedxml.Node) {
	if uri, ok := section.Attr("uri"); ok {
		switch address := r.warnings.address("categories uri", uri); {
		case address == "" || strings.EqualFold(address, r.Address):
		case r.Address == "":
			r.Address = address
		default:
			r.warnings.add("categories uri", uri, "These categories are of another user. They are not used.")
			return
		}
	}
	for _, n := range section.Children {
		name, _ := n.Attr("name")
		if !n.Is("category") {
			r.warnings.add(journal.Excerpt(n.Name.Local), "", "Only category is known here. It is not used.")
		} else if name = r.warnings.identifier("category name", name); name != "" {
			r.category(n, name)
		}
	}
}

func (r *selfReader) category(n *boundedxml.Node, name string) {
	r.named[strings.ToLower(name)] = true
	for _, a := range []string{"container", "instance"} {
		if _, ok := n.Attr(a); !ok {
			return // nothing is published: docs/protocol/presence.md#self-subscription
		}
	}
	container, ok := r.warnings.number(n, "container")
	instance, ok2 := r.warnings.number(n, "instance")
	if !ok || !ok2 {
		return
	}
	p := publicationKey{strings.ToLower(name), instance, container}
	if r.seen[p] {
		r.warnings.add("category", name, fmt.Sprintf("Instance %d in container %d comes twice. The first holds.", instance,
			container))
		return
	}
	r.seen[p] = true
	version, _ := r.warnings.number(n, "version")
	expire, _ := n.Attr("expireType")
	r.entries = append(r.entries, entry{Publication{Category: name, Instance: instance, Container: container,
		Version: version, Expire: r.warnings.cutText("category expireType", expire), Published: r.published(n)}, n})
}

// published reads a publishTime, which has no zone and means UTC.
func (r *selfReader) published(n *boundedxml.Node) time.Time {
	s, _ := n.Attr("publishTime")
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{publishLayout, time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil && t.UTC().Year() >= 1 && t.UTC().Year() <= 9999 {
			return t.UTC()
		}
	}
	r.warnings.add("category publishTime", s, "It is no time. It is left out.")
	return time.Time{}
}

func (r *selfReader) containers(section *boundedxml.Node) {
	at := map[uint32]int{}
	for i, c := range r.Containers {
		at[c.ID] = i
	}
	seen := map[uint32]bool{}
	for _, n := range section.Children {
		id, ok := r.warnings.number(n, "id")
		switch {
		case !n.Is("container") || !ok:
			r.warnings.add(journal.Excerpt(n.Name.Local), "", "Only container with an id is known here. It is not used.")
			continue
		case seen[id]:
			r.warnings.add("container", fmt.Sprint(id), "It comes twice. The first holds.")
			continue
		}
		seen[id] = true
		c := Container{ID: id, Members: r.members(n)}
		c.Version, _ = r.warnings.number(n, "version")
		if i, held := at[id]; held {
			r.Containers[i] = c
		} else if len(r.Containers) < maxContainers {
			r.Containers = append(r.Containers, c)
		} else {
			r.warnings.add("container", fmt.Sprint(id), fmt.Sprintf("There are more than %d containers. It is left out.",
				maxContainers))
		}
	}
}

func (r *selfReader) members(container *boundedxml.Node) []Member {
	var members []Member
	for _, n := range container.Children {
		kind, _ := n.Attr("type")
		value, ok := n.Attr("value")
		switch kind = r.warnings.identifier("member type", kind); {
		case !n.Is("member") || kind == "":
			continue
		case len(members) >= maxMembers:
			r.warnings.add("container", "", fmt.Sprintf("It has more than %d members. The rest is left out.", maxMembers))
			return members
		case ok && value != "":
			if value = r.warnings.address("member value", value); value == "" {
				continue // without a value the rule would apply to everyone
			}
		}
		members = append(members, Member{kind, value})
	}
	return members
}

func (r *selfReader) watchers(section *boundedxml.Node) {
	at := map[string]int{}
	for i, w := range r.Watchers {
		at[strings.ToLower(w.Address)] = i
	}
	seen := map[string]bool{}
	for _, n := range section.Children {
		user, _ := n.Attr("user")
		name, _ := n.Attr("displayName")
		acknowledged, _ := n.Attr("acknowledged")
		kind, _ := n.Attr("type")
		address := r.warnings.address("subscriber user", user)
		key := strings.ToLower(address)
		switch {
		case !n.Is("subscriber") || address == "":
			continue
		case seen[key]:
			r.warnings.add("subscriber", address, "It comes twice. The first holds.")
			continue
		}
		seen[key] = true
		w := Watcher{address, r.warnings.cutText("subscriber displayName", name),
			r.warnings.boolValue("subscriber acknowledged", acknowledged), r.warnings.cutText("subscriber type", kind)}
		if i, held := at[key]; held {
			r.Watchers[i] = w
		} else if len(r.Watchers) < maxWatchers {
			r.Watchers = append(r.Watchers, w)
		} else {
			r.warnings.add("subscriber", address, fmt.Sprintf("There are more than %d subscribers. It is left out.",
				maxWatchers))
		}
	}
}
