package check

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
)

// Report is the result of Trust. Its JSON form is versioned by V.
type Report struct {
	V          int                  `json:"v"`
	Phone      string               `json:"phone"`    // in words
	Firmware   string               `json:"firmware"` // profile
	Policy     certstore.PolicyName `json:"policy"`   // the deciding one, of the firmware
	RootSet    string               `json:"rootSet"`  // factory root set
	At         time.Time            `json:"at"`       // the time judged at
	Situations []Situation          `json:"situations"`
	Decides    string               `json:"decides"`        // name of the situation that OK goes by
	OK         bool                 `json:"ok"`             // every endpoint is trusted in that situation
	Code       journal.Code         `json:"code,omitempty"` // the first reason why not; empty when OK, or when it depends
	Summary    string               `json:"summary"`        // a sentence
	Endpoints  []EndpointReport     `json:"endpoints"`
	Published  Published            `json:"published"`
	// Leads are the roots that are published or of the change, and the endpoints
	// that need them.
	Leads   []ChainRoot    `json:"leads"`
	Publish []Remedy       `json:"publish"`         // what to type
	Notes   []string       `json:"notes,omitempty"` // sentences about the whole
	Steps   []journal.Step `json:"steps,omitempty"` // what was asked of Active Directory and of the endpoints
}

// EndpointReport is what was found out about one endpoint.
type EndpointReport struct {
	Endpoint string `json:"endpoint"`       // host:port
	Name     string `json:"name"`           // the name that its certificate must bear
	Edge     bool   `json:"edge,omitempty"` // an Edge, else a pool
	// Failure is why there is no certificate; nil: there is one.
	Failure *journal.Step `json:"failure,omitempty"`
	// Cells are ordered by policy, the deciding one first, then by situation.
	Cells     []Verdict                       `json:"cells,omitempty"`
	Presented []certstore.CertificateEvidence `json:"presented,omitempty"` // its certificates
	Issuer    string                          `json:"issuer,omitempty"`    // the CA at the end of its chain, by name
	Published string                          `json:"published,omitempty"` // what Active Directory has of the issuer
	Notes     []string                        `json:"notes,omitempty"`
	Fix       string                          `json:"fix,omitempty"` // what to do; empty: nothing
}

// Published is what Active Directory holds.
type Published struct {
	From     string              `json:"from,omitempty"`   // who was asked, in words
	Server   string              `json:"server,omitempty"` // the domain controller that answered
	Known    bool                `json:"known"`            // false: nobody was asked, or there was no answer
	Roots    []certstore.Root    `json:"roots"`
	Rejected []string            `json:"rejected,omitempty"` // values that a phone would not install, and why
	other    []*x509.Certificate // those of Rejected that are certificates
}

// ChainRoot is a root and the endpoints whose chain ends there.
type ChainRoot struct {
	Change      string    `json:"change,omitempty"` // "with" or "without", as in Config; empty: it is published
	Subject     string    `json:"subject"`
	Key         string    `json:"key"` // algorithm and size
	NotAfter    time.Time `json:"notAfter"`
	Fingerprint string    `json:"fingerprint"` // SHA-256
	For         []string  `json:"for"`         // addresses of endpoints
}

// report draws the conclusions.
func (t *run) report(asIfReset bool) Report {
	for _, e := range t.endpoints {
		if e.Chain != nil {
			e.root, e.seen = t.missing(e)
		}
	}
	r := Report{
		V:         journal.Version,
		Phone:     t.phone,
		Firmware:  t.fw.Name,
		Policy:    t.fw.Policy,
		RootSet:   t.rootSet,
		At:        t.at,
		Published: t.published,
		Publish:   append([]Remedy{}, t.remedies()...),
		Steps:     t.steps,
	}
	r.Published.Roots = append([]certstore.Root{}, r.Published.Roots...)
	decides := 0
	r.Situations, decides = t.situations(asIfReset)
	r.Decides = r.Situations[decides].Name
	var bad []string
	if t.unknown != nil {
		r.Code = t.unknown.Code
		bad = append(bad, fmt.Sprintf("what is published could not be learnt (%s)", t.unknown.Code))
	}
	for _, e := range t.endpoints {
		x, why, code := t.endpointReport(e, r, decides)
		r.Code = cmp.Or(r.Code, code)
		if r.Endpoints = append(r.Endpoints, x); why != "" {
			bad = append(bad, fmt.Sprintf("%s (%s)", e.Addr, why))
		}
	}
	t.reportRoots(&r)
	if t.edgeAlone() {
		r.Notes = append(r.Notes, "No pool could be judged; it is taken that its certificate makes the phone ask Active "+
			"Directory. Give the pool too: one that is trusted without that keeps every other root away (R1.2).")
	}
	r.OK = len(bad) == 0
	when := r.Situations[decides].when
	r.Summary = fmt.Sprintf("Everything is trusted %s.", when)
	if !r.OK {
		r.Summary = fmt.Sprintf("Not everything is trusted %s: %s.", when, strings.Join(bad, ", "))
	}
	return r
}

// endpointReport judges e in the situations of r; why is the short reason if e
// is not trusted in the deciding one, code its code if it has one.
func (t *run) endpointReport(e *server, r Report, decides int) (x EndpointReport, why string, code journal.Code) {
	x = EndpointReport{Endpoint: e.Addr, Name: e.Name, Edge: e.Edge, Notes: e.notes}
	if e.Chain == nil {
		x.Failure = &e.step
		return x, string(e.step.Code), e.step.Code
	}
	policies := []certstore.PolicyName{certstore.Today, certstore.Policy2007}
	if t.fw.Policy == certstore.Policy2007 {
		slices.Reverse(policies)
	}
	for _, p := range policies {
		for _, s := range r.Situations {
			x.Cells = append(x.Cells, t.judge(s, e, p))
		}
	}
	switch c := x.Cells[decides]; c.State {
	case Refused:
		why, code = string(c.Code), c.Code
	case Unknown:
		why = "depends on what is published"
	}
	v := x.Cells[len(r.Situations)-1].judged.Verdict // of the deciding policy, when all roots have arrived
	x.Presented = slices.DeleteFunc(v.Certificates, func(c certstore.CertificateEvidence) bool { return !c.Presented })
	x.Issuer, x.Published = v.Issuer(), t.publishes(e, v.Issuer())
	x.Notes = append(x.Notes, v.Notes...)
	x.Fix = t.advice(e)
	return x, why, code
}

// reportRoots lists the roots that are published or of the change.
func (t *run) reportRoots(r *Report) {
	r.Leads = []ChainRoot{}
	for _, root := range t.published.Roots {
		change := ""
		if slices.ContainsFunc(t.without, func(w certstore.Root) bool { return w.Fingerprint() == root.Fingerprint() }) {
			change = "without"
		}
		r.Leads = append(r.Leads, t.chainRoot(change, root))
	}
	for _, root := range t.with {
		l := t.chainRoot("with", root)
		if r.Leads = append(r.Leads, l); len(l.For) == 0 {
			r.Notes = append(r.Notes,
				fmt.Sprintf("No server here needs %s of --with: publishing it changes nothing for them.", l.Subject))
		}
	}
}

// edgeAlone reports whether a new phone is judged at an Edge without any pool.
func (t *run) edgeAlone() bool {
	isEdge := func(e *server) bool { return e.Edge }
	isPool := func(e *server) bool { return !e.Edge && e.Chain != nil }
	return len(t.kept) == 0 && slices.ContainsFunc(t.endpoints, isEdge) && !slices.ContainsFunc(t.endpoints, isPool)
}

// endsAt reports whether the chain of e ends at root, whether or not it is in
// date.
func (t *run) endsAt(e *server, root certstore.Root) bool {
	return e.Chain != nil && t.verify(certstore.New(root), e, t.fw.Policy).Answers[t.fw.Policy].Anchor != nil
}

func (t *run) chainRoot(change string, root certstore.Root) ChainRoot {
	l := ChainRoot{
		Change:      change,
		Subject:     root.Subject(),
		Key:         root.Key(),
		NotAfter:    root.Certificate.NotAfter,
		Fingerprint: root.Fingerprint(),
		For:         []string{},
	}
	for _, e := range t.endpoints {
		if t.endsAt(e, root) {
			l.For = append(l.For, e.Addr)
		}
	}
	return l
}

// publishes says what is published of the issuer of e's chain: compared by
// key, not by name (docs/protocol/troubleshooting.md#issuer-neither-stored-nor-published).
func (t *run) publishes(e *server, issuer string) string {
	switch {
	case t.published.Known:
	case t.published.From == "":
		return "not known: ask with --ad DOMAIN, or give --published FOLDER"
	default:
		return "not known: " + t.published.From + " gave no answer"
	}
	namesake := false
	for _, root := range t.published.Roots {
		if t.endsAt(e, root) {
			return "yes, " + root.Fingerprint()
		}
		namesake = namesake || root.Subject() == issuer
	}
	switch {
	case namesake:
		return "no; a root of that name is, but with another key"
	case slices.ContainsFunc(t.published.other, func(c *x509.Certificate) bool {
		return certstore.DistinguishedName(c.RawSubject) == issuer
	}):
		return "no; a certificate of that name is, which is no root, so that no phone installs it"
	case len(t.published.Roots) == 0:
		return "no, nothing is"
	}
	return fmt.Sprintf("no, %s", journal.Count(len(t.published.Roots), "other root is", "other roots are"))
}
