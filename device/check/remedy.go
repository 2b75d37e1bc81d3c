package check

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/journal"
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
func (t *trust) remedies() (all []Remedy) {
	factory, ad := t.changed(nil)
	held, _ := factory.Install(ad)
	for _, e := range t.endpoints {
		if e.Chain == nil || t.notAsked(factory, e, t.fw.Policy) != "" {
			continue
		}
		v := t.verify(held, e, t.fw.Policy)
		if v.OK || !v.NeedsRoot() {
			continue
		}
		r, ok := t.remedy(held, e, v)
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

// remedy finds the root that makes e trusted. If the root certificate itself was
// not seen, only its name is known.
func (t *trust) remedy(held certstore.Store, e *server, v certstore.Verdict) (r Remedy, ok bool) {
	r = Remedy{Root: v.Issuer(), For: []string{e.Addr}}
	if !t.published.Known {
		r.If = "it is not published already: ask with --ad DOMAIN, or give --published FOLDER"
	}
	file := "ROOT.cer"
	root, seen := t.missing(held, e)
	switch {
	case root != nil:
		r.Root, r.Seen = certstore.Root{Certificate: root}.Subject(), seen
		r.Fingerprint, r.Thumbprint = certstore.Root{Certificate: root}.Fingerprint(), Thumbprint(root)
		for _, f := range t.files {
			if f.fingerprint == r.Fingerprint {
				file = f.file
			}
		}
	case v.Code == journal.CertSelfSigned, !v.NeedsOnlyRoot(): // R1.6, or the certificate of an issuer has a flaw
		return r, false
	case v.Code == journal.CertExpired || v.Code == journal.CertNotYetValid:
		r.Root = "the renewed certificate of " + r.Root
	}
	if strings.Contains(file, " ") {
		file = `"` + file + `"`
	}
	r.Command = fmt.Sprintf("certutil -f -dspublish %s RootCA", file)
	return r, true
}

// missing looks for the root in whatever is at hand, and says where it was seen.
func (t *trust) missing(held certstore.Store, e *server) (root *x509.Certificate, seen string) {
	var presented []certstore.Root
	for _, c := range e.Chain {
		if _, err := adroots.ParseRoot(c.Raw); err == nil {
			presented = append(presented, certstore.Root{Certificate: c})
		}
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
		if v := t.verify(store, e, t.fw.Policy); v.OK {
			path := v.Answers[v.Policy].Path
			return path[len(path)-1], group.seen
		}
	}
	return nil, ""
}

// advice is what to do about e; empty when nothing is.
func (t *trust) advice(e *server, Published []Remedy) string {
	now := t.verify(t.now(), e, t.fw.Policy)
	asIs := t.judge(Situation{held: t.now(), inside: true, ad: t.published.Roots}, e, t.fw.Policy)
	reset := t.judge(Situation{held: t.factory, inside: true, ad: t.published.Roots}, e, t.fw.Policy)
	clip := "Push a paper clip into the reset hole, then sign in once inside (R1.3, R1.4)."
	if len(t.kept) == 0 {
		clip = "Sign in once inside."
	}
	switch named := slices.ContainsFunc(Published, func(r Remedy) bool { return slices.Contains(r.For, e.Addr) }); {
	case now.OK && reset.State == Refused:
		return "Do not reset this phone: the root that it trusts here would not come back."
	case now.OK:
		return ""
	case asIs.State == Trusted && !e.Edge:
		return "Nothing: the phone asks Active Directory by itself when it signs in inside, and the root is published (R1.2)."
	case asIs.State == Trusted:
		return "Sign in once inside, where the root arrives (R1.4)."
	case reset.State == Trusted:
		return clip
	case !now.NeedsOnlyRoot() && !named:
		return now.Code.Page().Change
	case reset.NotAsked != "":
		return "Publishing its root cannot help while that is so: it would not arrive. Issue the certificate from a CA " +
			"whose root is among the phone's factory roots, or change the pool's certificate."
	case named && reset.State == Unknown:
		return "Find out what is published: --ad DOMAIN --user 'DOMAIN\\user', or --published FOLDER."
	case named && now.Code == journal.CertSelfSigned:
		return now.Code.Page().Change + " For the phone it would do to publish this certificate itself, with the line below."
	case named:
		return "Publish its root with the line below. " + clip
	}
	return now.Code.Page().Change
}
