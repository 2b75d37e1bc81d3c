package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/trust"
)

// run is one run of Trust: a phone, what is published, what is presented, and
// the change.
type run struct {
	phone     string // in words
	fw        device.Firmware
	rootSet   string
	factory   certstore.Store
	kept      []certstore.Root // what the phone holds beyond factory; empty: a new phone
	at        time.Time
	clock     trust.Clock // how at was found
	published Published
	unknown   *journal.Failure // why Active Directory gave no answer; nil: it did, or was not asked
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
func (t *run) now() certstore.Store {
	s, _ := t.factory.Install(t.kept)
	return s
}

// Situation is a state of the phone and of what is published, in which it signs in
// once inside; then the endpoints are judged.
type Situation struct {
	Name string           `json:"name"`
	Text string           `json:"text"`
	when string           // completes "Everything is trusted …"
	held certstore.Store  // before the sign-in
	ad   []certstore.Root // what is published
}

// next is the next sign-in inside.
func (t *run) next() Situation {
	s := Situation{Name: "next sign-in", when: "after the next sign-in inside", held: t.now(), ad: t.published.Roots}
	if len(t.kept) == 0 {
		s.when = "after one sign-in inside"
	}
	s.Text = s.when + "; the phone holds " + t.holds()
	return s
}

// reset is a sign-in inside after a paper clip.
func (t *run) reset() Situation {
	s := Situation{Name: "after a reset", when: "after a reset", held: t.factory, ad: t.published.Roots}
	s.Text = "after a paper clip and one sign-in inside"
	if len(t.kept) == 0 {
		s.Text = "after one sign-in inside; a new phone needs no paper clip"
	}
	return s
}

// situations are those to judge in, in the order of a table; decides is the index
// of the one that Report.OK goes by. For a new phone a reset changes nothing.
func (t *run) situations(asIfReset bool) (all []Situation, decides int) {
	if !asIfReset {
		all = append(all, t.next())
	}
	if asIfReset || len(t.kept) > 0 {
		all = append(all, t.reset())
	}
	if len(t.with)+len(t.without) == 0 {
		return all, 0
	}
	decides = len(all)
	factory, ad := t.changed(t.with)
	change := strings.Join(t.changeText(), " and ")
	if !asIfReset {
		held, _ := factory.Install(t.kept) // phones that have a root keep it when it is withdrawn
		all = append(all, Situation{
			Name: "after the change",
			Text: "with " + change + ", after the next sign-in inside",
			when: "after the change",
			held: held,
			ad:   ad,
		})
	}
	if asIfReset || len(t.kept) > 0 {
		all = append(all, Situation{
			Name: "change and reset",
			Text: "with " + change + ", " + t.reset().Text,
			when: "after the change and a reset",
			held: factory,
			ad:   ad,
		})
	}
	return all, decides
}

// holds is what the phone trusts, in words.
func (t *run) holds() string {
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
func (t *run) changed(with []certstore.Root) (factory certstore.Store, ad []certstore.Root) {
	factory = t.factory
	ad = append(slices.Clone(t.published.Roots), with...)
	for _, gone := range t.without {
		factory, _ = factory.Without(gone.Fingerprint())
		ad = slices.DeleteFunc(ad, func(r certstore.Root) bool { return r.Fingerprint() == gone.Fingerprint() })
	}
	return factory, ad
}

func (t *run) changeText() (lines []string) {
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
	judged    trust.Case
}

func (t *run) judge(s Situation, e *server, p certstore.PolicyName) Verdict {
	c := Verdict{Situation: s.Name, Policy: p, State: Refused, NotAsked: t.notAsked(s.held, e, p)}
	held := s.held
	if c.NotAsked == "" {
		held, _ = held.Install(s.ad)
	}
	c.judged = t.caseOf(held, e, p)
	switch {
	case e.Edge: // what the directory holds is seen, but outside nobody is asked
		c.judged.Held = s.held
		for _, r := range s.ad {
			c.judged.Seen = append(c.judged.Seen, r.Certificate)
		}
	case c.NotAsked == "" && t.published.Known:
		c.judged.Directory = &trust.Directory{Server: t.published.Server, Other: t.published.other}
		for _, r := range s.ad {
			c.judged.Directory.Roots = append(c.judged.Directory.Roots, r.Subject())
		}
	}
	switch v := c.judged.Verdict; {
	case v.OK:
		c.State, c.Sentence = Trusted, v.Sentence
	case c.NotAsked == "" && !t.published.Known && v.NeedsRoot():
		c.State, c.Code = Unknown, v.Code
		c.Sentence = "The phone asks Active Directory, and what is published decides; that is not known here."
	default:
		f := c.judged.Failure()
		c.Code, c.Sentence = f.Code, f.What
	}
	return c
}

// caseOf judges e with the roots held.
func (t *run) caseOf(held certstore.Store, e *server, p certstore.PolicyName) trust.Case {
	c := trust.Case{
		Verdict:             t.verify(held, e, p),
		Held:                held,
		DownloadedRootStops: t.fw.AnyDownloadedRootStops,
		Side:                trust.Inside,
		Seen:                t.published.other,
		Clock:               t.clock,
	}
	if e.Edge {
		c.Side = trust.Outside
		c.NoArrival = t.notAsked(t.factory, e, p) != ""
	}
	if e.root != nil {
		c.Seen = append(slices.Clip(c.Seen), e.root)
	}
	return c
}

func (t *run) verify(held certstore.Store, e *server, p certstore.PolicyName) certstore.Verdict {
	return held.Verify(certstore.Request{Chain: e.Chain, Name: e.Name, At: t.at, Policy: p, NoSHA2: t.fw.NoSHA2})
}

// notAsked is why a phone with these roots does not ask Active Directory when it
// signs in inside; empty if it asks (R1.2). The phone signs in at e or, if e is an
// Edge, at a pool among the endpoints. With several pools a phone of each must ask.
func (t *run) notAsked(held certstore.Store, e *server, p certstore.PolicyName) string {
	met := []*server{e}
	if e.Edge {
		met = slices.DeleteFunc(slices.Clone(t.endpoints), func(e *server) bool { return e.Edge || e.Chain == nil })
	}
	if len(met) == 0 && slices.ContainsFunc(held.Roots(), certstore.Root.Downloaded) {
		return "No pool could be judged; it is taken that a downloaded root, which the phone holds, satisfies the pool, so " +
			"that Active Directory is not asked (R1.2)."
	}
	for _, pool := range met {
		if why := t.caseOf(held, pool, p).NotAsked(pool.Addr); why != "" {
			return why
		}
	}
	return ""
}
