// Package certstore is what the phone trusts: root certificates that remember
// where they came from, two policies that judge a server's certificate, and
// the reset that takes away what was downloaded.
//
// It follows requirements R1.1 to R1.6, device.md 3 and design decisions 4, 5
// and 10. A Store is an immutable value: every change gives a new Store and a
// Diff, and whoever owns the phone commits the new value in one piece.
//
//  1. Start with RootSet("factory-2007") or another set, or with the Store
//     that UnmarshalJSON brings back from flash.
//  2. Add what Active Directory or a file gave with Install; press the paper
//     clip with Reset.
//  3. Judge a server with ClientConfig during a TLS handshake, or a chain at
//     rest with Store.Verify. Both give a Verdict with the evidence.
//  4. Verdict.NeedsRoot says whether a search in Active Directory can help
//     (R1.2); Verdict.Sentence is what to tell a person.
//
// Policy "today" is crypto/x509. Policy "2007" accepts SHA-1 signatures and a
// common name where there is no subject alternative name, refuses SHA-2 when
// the firmware could not verify it, and is crypto/x509 in everything else.
// RSA keys count from 1024 bits under both: this is crypto/rsa's own floor.
// What Go cannot do, the policies cannot accept: MD5 and MD2 signatures, DSA,
// RSA keys below 1024 bits, and servers that speak SSL 3.0 only.
// Revocation is not checked, as the phone did not (device.md 3.2).
package certstore

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// SourceKind is the way a root came into the store.
type SourceKind string

// The sources of trust (design decision 5).
const (
	Factory   SourceKind = "factory"   // the phone shipped with it (R1.1)
	AD        SourceKind = "ad"        // published in Active Directory (R1.1)
	Enrolment SourceKind = "enrolment" // web enrolment, confirmed by the directory
	Import    SourceKind = "import"    // from a file, by hand; the emulator only
	System    SourceKind = "system"    // the host's roots, used as the root set
	File      SourceKind = "file"      // a file, used as the root set
)

// Source is where a root came from. Fields that do not apply are empty.
type Source struct {
	Kind    SourceKind `json:"kind"`
	Set     string     `json:"set,omitempty"`     // name of the root set, or of the imported file
	DN      string     `json:"dn,omitempty"`      // of the directory object that held it
	Server  string     `json:"server,omitempty"`  // the DC or the enrolment host
	Account string     `json:"account,omitempty"` // with whose rights it was read
	At      time.Time  `json:"at,omitzero"`       // by the phone's clock
}

// String is the source in words: "AD, from dc1.contoso.com as CONTOSO\tu".
func (s Source) String() string {
	text := string(s.Kind)
	switch s.Kind {
	case AD:
		text = "AD"
	case Factory, System, File, Import:
		if s.Set != "" && s.Set != text {
			text = s.Set
			if s.Kind == Factory || s.Kind == Import {
				text = fmt.Sprintf("%s %s", s.Kind, s.Set)
			}
		}
	}
	if s.Server != "" {
		text += ", from " + s.Server
	}
	if s.Account != "" {
		text += " as " + s.Account
	}
	return text
}

// Store is a set of trusted roots in the order they came. It never changes;
// copies are cheap and share everything. The zero Store trusts nothing.
type Store struct{ c *content }

// content is built once by newStore and only read afterwards.
type content struct {
	roots     []Root
	index     map[string]int    // fingerprint -> index into roots
	bySubject map[string][]Root // raw subject -> roots of that name
	host      bool              // the host's verifier is trusted too
	pool      *x509.CertPool    // for crypto/x509
}

var emptyContent = &content{pool: x509.NewCertPool()}

func (s Store) content() *content {
	if s.c == nil {
		return emptyContent
	}
	return s.c
}

// New returns a Store with the given roots; of the same certificate the first
// one counts, and a root without a certificate is left out.
func New(roots ...Root) Store { return newStore(roots, false) }

func newStore(roots []Root, host bool) Store {
	c := &content{index: map[string]int{}, bySubject: map[string][]Root{}, host: host, pool: x509.NewCertPool()}
	if host {
		if pool, err := x509.SystemCertPool(); err == nil {
			c.pool = pool
		}
	}
	for _, r := range roots {
		if r.Certificate == nil {
			continue
		}
		fingerprint := r.Fingerprint()
		if _, held := c.index[fingerprint]; held {
			continue
		}
		c.index[fingerprint] = len(c.roots)
		c.roots = append(c.roots, r)
		if keyTooLarge(r.Certificate) {
			continue // listed, but no path is built with it
		}
		subject := string(r.Certificate.RawSubject)
		c.bySubject[subject] = append(c.bySubject[subject], r)
		c.pool.AddCert(r.Certificate)
	}
	return Store{c}
}

// Roots returns the roots in the order they came.
func (s Store) Roots() []Root { return slices.Clone(s.content().roots) }

// Len is the number of roots that can be listed; see HostTrusted.
func (s Store) Len() int { return len(s.content().roots) }

// HostTrusted says that the operating system's own roots are trusted beside
// the listed ones: macOS and Windows verify for us but give no list. Policy
// today asks them; policy 2007 trusts of theirs what today has accepted.
func (s Store) HostTrusted() bool { return s.content().host }

// Find returns the root with this fingerprint (SHA-256, lower-case hex).
func (s Store) Find(fingerprint string) (Root, bool) {
	i, held := s.content().index[fingerprint]
	if !held {
		return Root{}, false
	}
	return s.content().roots[i], true
}

// Install adds roots. One that is already held keeps its first source and is
// among Diff.Stayed.
func (s Store) Install(roots []Root) (Store, Diff) {
	return s.change(append(s.Roots(), roots...))
}

// Without removes the root with this fingerprint, whatever its source.
func (s Store) Without(fingerprint string) (Store, Diff) {
	return s.change(slices.DeleteFunc(s.Roots(), func(r Root) bool { return r.Fingerprint() == fingerprint }))
}

// Reset is the paper clip: downloaded and imported roots go, the root set that
// the phone was started with stays (R1.3).
func (s Store) Reset() (Store, Diff) {
	return s.change(slices.DeleteFunc(s.Roots(), func(r Root) bool { return !r.Source.Kind.survivesReset() }))
}

func (k SourceKind) survivesReset() bool { return k == Factory || k == System || k == File }

// change returns the store that holds roots, and how it differs from s.
func (s Store) change(roots []Root) (Store, Diff) {
	after := newStore(roots, s.HostTrusted())
	var d Diff
	for _, r := range s.content().roots {
		if _, kept := after.Find(r.Fingerprint()); kept {
			d.Stayed = append(d.Stayed, r)
		} else {
			d.Went = append(d.Went, r)
		}
	}
	for _, r := range after.content().roots {
		if _, had := s.Find(r.Fingerprint()); !had {
			d.Came = append(d.Came, r)
		}
	}
	return after, d
}

// storeVersion is the version of the JSON form. It changes when an older
// program could misread a newer store.
const storeVersion = 1

type storeJSON struct {
	V     int    `json:"v"`
	Host  bool   `json:"hostTrusted,omitempty"`
	Roots []Root `json:"roots"`
}

// MarshalJSON is the form for flash: versioned, with the whole certificates.
func (s Store) MarshalJSON() ([]byte, error) {
	return json.Marshal(storeJSON{V: storeVersion, Host: s.HostTrusted(), Roots: append([]Root{}, s.content().roots...)})
}

// UnmarshalJSON reads what MarshalJSON wrote. A version it does not know or a
// certificate that cannot be parsed is an error and leaves s as it was.
func (s *Store) UnmarshalJSON(b []byte) error {
	var j storeJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("certificate store: %w", err)
	}
	if j.V != storeVersion {
		return fmt.Errorf("certificate store: version %d, this program reads %d", j.V, storeVersion)
	}
	*s = newStore(j.Roots, j.Host)
	return nil
}
