package check

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/trust"
)

// Remedy is a root that should be published, and the command that does it (R1.1).
type Remedy struct {
	Command     string   `json:"command"`
	Root        string   `json:"root"`                  // which certificate, in words
	Fingerprint string   `json:"fingerprint,omitempty"` // SHA-256; empty when only the name is known
	Thumbprint  string   `json:"thumbprint,omitempty"`  // SHA-1, as Windows shows it
	Seen        string   `json:"seen,omitempty"`        // where it was seen, and what to mind
	If          string   `json:"if,omitempty"`          // the condition under which it is needed
	For         []string `json:"for"`                   // addresses of endpoints
}

// remedies are the roots without which endpoints stay refused even after a reset,
// if the roots of Config.With are not published. Roots that would not arrive or not
// help are left out.
func (t *run) remedies() (all []Remedy) {
	for _, e := range t.endpoints {
		if e.Chain == nil || t.unknown != nil {
			continue
		}
		r, ok := t.remedy(e)
		if !ok {
			continue
		}
		same := func(o Remedy) bool { return o.Root == r.Root && o.Fingerprint == r.Fingerprint }
		if i := slices.IndexFunc(all, same); i >= 0 {
			all[i].For = append(all[i].For, e.Addr)
			continue
		}
		all = append(all, r)
	}
	return all
}

// remedy is the root to publish for e. If its certificate was not seen, only its
// name is known.
func (t *run) remedy(e *server) (r Remedy, ok bool) {
	c := t.withoutChange(e)
	m, lacks := c.judged.Missing()
	switch v := c.judged.Verdict; {
	case c.NotAsked != "" || v.OK || !v.NeedsOnlyRoot() || v.Code == journal.CertSelfSigned:
		return r, false
	case lacks && (m.Kind == trust.Intermediate && m.AboveHeld || e.root == nil && m.ToSend()):
		return r, false
	}
	r = Remedy{Root: c.judged.Verdict.Issuer(), For: []string{e.Addr}}
	file := "ROOT.cer"
	switch {
	case e.root != nil:
		root := certstore.Root{Certificate: e.root}
		r.Root, r.Seen = root.Subject(), e.seen
		r.Fingerprint, r.Thumbprint = root.Fingerprint(), Thumbprint(e.root)
		for _, f := range t.files {
			if f.fingerprint == r.Fingerprint {
				file = f.file
			}
		}
	case !lacks: // a root that has expired, or is not valid yet
		r.Root = "the renewed certificate of " + r.Root
	case m.Kind == trust.Intermediate:
		r.Root = fmt.Sprintf("the root of %s, which issued the certificate of %s", m.Above, m.Name)
	case m.Kind == trust.RootOrIntermediate:
		r.If = "it is self-signed (else let the server send it with its own certificate, and publish the root above it)"
	}
	if !t.published.Known {
		unknown := "it is not published already (ask with --ad DOMAIN, or give --published FOLDER)"
		r.If = strings.TrimPrefix(r.If+", and "+unknown, ", and ")
	}
	if strings.Contains(file, " ") {
		file = `"` + file + `"`
	}
	r.Command = fmt.Sprintf("certutil -f -dspublish %s RootCA", file)
	return r, true
}

// withoutChange judges e after a reset, as if the roots of Config.With were not
// published.
func (t *run) withoutChange(e *server) Verdict {
	s := t.reset()
	s.held, s.ad = t.changed(nil)
	return t.judge(s, e, t.fw.Policy)
}

// missing looks for the root in whatever is at hand, and says where it was seen.
func (t *run) missing(e *server) (root *x509.Certificate, seen string) {
	var presented []certstore.Root
	for _, c := range e.Chain {
		if _, err := adroots.ParseRoot(c.Raw); err == nil {
			presented = append(presented, certstore.Root{Certificate: c})
		}
	}
	factory, ad := t.changed(nil)
	held, _ := factory.Install(ad)
	if t.verify(held, e, t.fw.Policy).OK {
		return nil, ""
	}
	host, _ := certstore.RootSet(certstore.SetSystem) // a host without roots has none to offer
	for _, group := range []struct {
		seen  string
		base  certstore.Store
		roots []certstore.Root
	}{
		{"in the file of --with", held, t.with},
		{"published until now: keep it, and nothing is to be typed", held, t.published.Roots},
		{"held by the phone; `ocphone certs export` writes it to a file", t.factory, t.kept},
		{"presented by " + e.Addr + " itself, and any server can present a root: compare the fingerprint with the one " +
			"that the CA publishes", held, presented},
		{"among the roots of this computer", host, nil},
	} {
		store, _ := group.base.Install(append(held.Roots(), group.roots...))
		if v := t.verify(store, e, t.fw.Policy); v.OK && len(v.Answers[v.Policy].Path) > 1 {
			path := v.Answers[v.Policy].Path
			return path[len(path)-1], group.seen
		}
	}
	return nil, ""
}

// advice is what to do about e; empty when nothing is.
func (t *run) advice(e *server) string {
	next, reset := t.judge(t.next(), e, t.fw.Policy), t.judge(t.reset(), e, t.fw.Policy)
	switch {
	case next.State == Trusted && reset.State == Refused:
		return "Do not reset this phone: the root that it trusts here would not come back."
	case next.State == Trusted:
		return ""
	case reset.State == Trusted:
		return "Push a paper clip into the reset hole, then sign in once inside (R1.3, R1.4)."
	case reset.State == Unknown && t.unknown != nil:
		return t.unknown.Step(journal.Roots).Fix
	case reset.State == Unknown:
		return "Find out what is published: --ad DOMAIN --user 'DOMAIN\\user', or --published FOLDER."
	}
	return next.judged.Remedy()
}
