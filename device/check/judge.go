package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
)

// trust is one run of Trust: a phone, what is published, what is presented, and
// the change.
type trust struct {
	phone     string // in words
	fw        device.Firmware
	rootSet   string
	factory   certstore.Store
	kept      []certstore.Root // what the phone holds beyond factory; empty: a new phone
	at        time.Time
	published Published
	with      []certstore.Root
	files     []namedRoot // files of Config.With
	without   []certstore.Root
	endpoints []*server
	steps     []journal.Step
	observer  journal.Recorder // nil: nobody
}

// namedRoot is a root and the name of its file.
type namedRoot struct{ fingerprint, file string }

// now is what the phone trusts at present.
func (t *trust) now() certstore.Store {
	s, _ := t.factory.Install(t.kept)
	return s
}

// Situation is a state of the phone and of what is published, in which the
// endpoints are judged.
type Situation struct {
	Name   string `json:"name"`
	Text   string `json:"text"`
	held   certstore.Store
	inside bool             // one sign-in inside comes first
	ad     []certstore.Root // what is published in it
}

// situations are those to judge in, in the order of a table; decides is the index
// of the one that Report.OK goes by.
func (t *trust) situations(asIfReset bool) (all []Situation, decides int) {
	afterReset := "after a paper clip and one sign-in inside"
	if len(t.kept) == 0 {
		afterReset = "after one sign-in inside; a new phone needs no paper clip"
	}
	if !asIfReset {
		all = append(all, Situation{Name: "now", Text: "what it holds at this moment: " + t.holds(), held: t.now()})
	}
	all = append(all, Situation{
		Name:   "after a reset",
		Text:   afterReset,
		held:   t.factory,
		inside: true,
		ad:     t.published.Roots,
	})
	if len(t.with)+len(t.without) == 0 {
		return all, 0
	}
	factory, ad := t.changed(t.with)
	change := strings.Join(t.changeText(), " and ")
	if !asIfReset {
		held, _ := factory.Install(t.kept) // phones that have a root keep it when it is withdrawn
		decides = len(all)
		all = append(all, Situation{
			Name:   "after the change",
			Text:   "with " + change + ", after the next sign-in inside",
			held:   held,
			inside: true,
			ad:     ad,
		})
		if len(t.kept) == 0 { // a reset changes nothing
			return all, decides
		}
	} else {
		decides = len(all)
	}
	return append(all, Situation{
		Name:   "change and reset",
		Text:   "with " + change + ", " + afterReset,
		held:   factory,
		inside: true,
		ad:     ad,
	}), decides
}

// holds is what the phone trusts, in words.
func (t *trust) holds() string {
	text := fmt.Sprintf("%s of %s", journal.Count(t.factory.Len(), "root", "roots"), t.rootSet)
	if t.factory.HostTrusted() {
		text = "the roots of this computer"
	}
	if len(t.kept) > 0 {
		text += fmt.Sprintf(" and %s that came later", journal.Count(len(t.kept), "root", "roots"))
	}
	return text
}

// changed applies the change to the factory set and to what is published.
func (t *trust) changed(with []certstore.Root) (factory certstore.Store, ad []certstore.Root) {
	factory = t.factory
	ad = append(slices.Clone(t.published.Roots), with...)
	for _, gone := range t.without {
		factory, _ = factory.Without(gone.Fingerprint())
		ad = slices.DeleteFunc(ad, func(r certstore.Root) bool { return r.Fingerprint() == gone.Fingerprint() })
	}
	return factory, ad
}

func (t *trust) changeText() (lines []string) {
	for _, r := range t.with {
		lines = append(lines, r.Subject()+" published")
	}
	for _, r := range t.without {
		lines = append(lines, r.Subject()+" gone")
	}
	return lines
}

// State is the short form of a Verdict.
type State string

// States.
const (
	Trusted State = "trusted"
	Refused State = "refused"
	Unknown State = "unknown" // what is published decides, and it is not known
)

// Verdict is the phone's answer to an endpoint in a situation under a policy.
type Verdict struct {
	Situation string               `json:"situation"` // name of the Situation
	Policy    certstore.PolicyName `json:"policy"`
	State     State                `json:"state"`
	Code      journal.Code         `json:"code,omitempty"`     // why it is refused
	Sentence  string               `json:"sentence"`           // for a person
	NotAsked  string               `json:"notAsked,omitempty"` // why the sign-in inside downloads no root
	evidence  certstore.Verdict
}

func (t *trust) judge(s Situation, e *server, p certstore.PolicyName) Verdict {
	c := Verdict{Situation: s.Name, Policy: p, State: Refused}
	held := s.held
	if s.inside {
		if c.NotAsked = t.notAsked(held, e, p); c.NotAsked == "" {
			held, _ = held.Install(s.ad)
		}
	}
	c.evidence = t.verify(held, e, p)
	c.Code, c.Sentence = c.evidence.Code, c.evidence.Sentence
	switch {
	case c.evidence.OK:
		c.State = Trusted
	case s.inside && c.NotAsked == "" && !t.published.Known && c.evidence.NeedsRoot():
		c.State = Unknown
		c.Sentence = "The phone asks Active Directory, and what is published decides; that is not known here."
	}
	return c
}

func (t *trust) verify(held certstore.Store, e *server, p certstore.PolicyName) certstore.Verdict {
	return held.Verify(certstore.Request{Chain: e.Chain, Name: e.Name, At: t.at, Policy: p, NoSHA2: t.fw.NoSHA2})
}

// factoryKinds are the sources of roots that a reset leaves (R1.3).
var factoryKinds = []certstore.SourceKind{certstore.Factory, certstore.System, certstore.File}

// notAsked is why a phone with these roots does not ask Active Directory when it
// signs in inside; empty if it asks (R1.2). The phone signs in at e or, if e is an
// Edge, at a pool among the endpoints. With several pools a phone of each must ask.
func (t *trust) notAsked(held certstore.Store, e *server, p certstore.PolicyName) string {
	downloaded := slices.ContainsFunc(held.Roots(), certstore.Root.Downloaded)
	met := []*server{e}
	if e.Edge {
		met = slices.DeleteFunc(slices.Clone(t.endpoints), func(e *server) bool { return e.Edge || e.Chain == nil })
	}
	if len(met) == 0 && downloaded {
		return "No pool could be judged; it is taken that a downloaded root, which the phone holds, satisfies the pool, so " +
			"that Active Directory is not asked (R1.2)."
	}
	for _, pool := range met {
		v := t.verify(held, pool, p)
		switch {
		case v.OK && (v.Anchor == nil || slices.Contains(factoryKinds, v.Anchor.Source.Kind)):
			return fmt.Sprintf("%s is trusted through a factory root, so that the phone never asks Active Directory, and a "+
				"reset fetches nothing (R1.2).", pool.Addr)
		case v.OK:
			return fmt.Sprintf("%s is trusted through %s (%s), so that Active Directory is not asked before a reset (R1.2).",
				pool.Addr, v.Anchor.Subject(), v.Anchor.Source)
		case !v.NeedsRoot():
			return fmt.Sprintf("%s is refused for a reason that no root cures (%s), "+
				"so that Active Directory is not asked (R1.2).", pool.Addr, v.Code)
		}
	}
	if downloaded && t.fw.AnyDownloadedRootStops {
		return "This firmware does not ask Active Directory while it holds any downloaded root (R1.2)."
	}
	return ""
}
