// Package certstore is the phone's certificate store: root certificates with
// their sources, two policies that verify a server's certificate, and the reset
// that removes downloaded roots.
//
// It follows requirements R1.1 to R1.6,
// docs/protocol/trust.md#trust-root-certificates-download-reset and
// docs/decisions.md#firmware-profiles,
// docs/decisions.md#no-root-over-an-unauthenticated-channel and
// docs/decisions.md#the-store-is-a-value. A Store is an
// immutable value: every change returns a new Store and a Diff.
//
//  1. Start with RootSet("factory-2007") or another set, or read a Store from
//     flash with UnmarshalJSON.
//  2. Add roots from Active Directory or a file with Install. Reset is the paper
//     clip.
//  3. Verify a server with ClientConfig during a TLS handshake, or a chain with
//     Store.Verify. Both give a Verdict with the evidence.
//  4. Verdict.NeedsRoot reports whether a root from Active Directory can help
//     (R1.2); Verdict.Sentence is the text for a person.
//
// Policy "today" is crypto/x509. Policy "2007" differs from it in three points:
// it accepts SHA-1 signatures, it accepts a common name where there is no
// subject alternative name, and it refuses SHA-2 if the firmware could not
// verify it. Both accept RSA keys from 1024 bits, the minimum of crypto/rsa.
// Neither accepts what Go cannot verify: MD5 and MD2 signatures, DSA, Ed448 and RSA
// keys below 1024 bits. Neither checks revocation; the phone did not
// (docs/protocol/trust.md#limits-of-verification).
//
// Certificates with a negative serial number are parsed only if the go.mod of the
// program says `godebug x509negativeserial=1`, which a module does not inherit from
// this one (docs/go.md#negative-serial-numbers). Otherwise the error names that line.
package certstore

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// SourceKind is the way a root came into the store.
type SourceKind string

// The sources of trust (docs/decisions.md#no-root-over-an-unauthenticated-channel).
const (
	Factory   SourceKind = "factory"   // the phone shipped with it (R1.1)
	AD        SourceKind = "ad"        // published in Active Directory (R1.1)
	Enrolment SourceKind = "enrolment" // web enrolment, confirmed by the directory
	Import    SourceKind = "import"    // imported from a file; the emulator only
	System    SourceKind = "system"    // the host's roots, used as the root set
	File      SourceKind = "file"      // a file, used as the root set
)

// Source is where a root came from. Fields that do not apply are empty.
type Source struct {
	Kind    SourceKind `json:"kind"`
	Set     string     `json:"set,omitempty"`     // name of the root set, or of the imported file
	DN      string     `json:"dn,omitempty"`      // of the directory object that held it
	Server  string     `json:"server,omitempty"`  // the DC or the enrolment host
	Account string     `json:"account,omitempty"` // the account that read it
	At      time.Time  `json:"at,omitzero"`       // by the phone's clock
}

// String is the source as text: "AD, from dc1.contoso.com as CONTOSO\tu".
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

// Store is a set of trusted roots in the order of their arrival. It is immutable;
// copies share the contents. The zero Store is empty.
type Store struct{ c *content }

// content is built by newStore and read-only afterwards.
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

// New returns a Store with the given roots. It ignores repeated certificates and
// roots without a certificate.
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
		subject := string(r.Certificate.RawSubject)
		c.bySubject[subject] = append(c.bySubject[subject], r)
		if usableKey(r.Certificate) {
			c.pool.AddCert(r.Certificate) // crypto/x509 has no bound on the length of RSA keys
		}
	}
	return Store{c}
}

// Roots returns the roots in the order of their arrival.
func (s Store) Roots() []Root { return slices.Clone(s.content().roots) }

// Len is the number of listed roots; see HostTrusted.
func (s Store) Len() int { return len(s.content().roots) }

// HostTrusted reports whether the operating system's roots are trusted besides
// the listed ones: macOS and Windows verify chains but do not list their roots.
// Policy today uses their verifier; policy 2007 trusts the roots of the chains
// that today has accepted.
func (s Store) HostTrusted() bool { return s.content().host }

// Find returns the root with this fingerprint (SHA-256, lower-case hex).
func (s Store) Find(fingerprint string) (Root, bool) {
	i, held := s.content().index[fingerprint]
	if !held {
		return Root{}, false
	}
	return s.content().roots[i], true
}

// FindRaw returns the root whose certificate has these bytes (DER).
func (s Store) FindRaw(der []byte) (Root, bool) { return s.Find(fingerprintOf(der)) }

// Install adds roots. A root that the store has already keeps its first source
// and is in Diff.Kept.
func (s Store) Install(roots []Root) (Store, Diff) {
	return s.change(append(s.Roots(), roots...))
}

// Without removes the root with this fingerprint, whatever its source.
func (s Store) Without(fingerprint string) (Store, Diff) {
	return s.change(slices.DeleteFunc(s.Roots(), func(r Root) bool { return r.Fingerprint() == fingerprint }))
}

// Reset is the paper clip: it removes downloaded and imported roots and keeps the
// root set that the phone started with (R1.3).
func (s Store) Reset() (Store, Diff) {
	return s.change(slices.DeleteFunc(s.Roots(), func(r Root) bool { return !r.Source.Kind.survivesReset() }))
}

func (k SourceKind) survivesReset() bool { return k == Factory || k == System || k == File }

// change returns a store with the given roots, and its difference from s.
func (s Store) change(roots []Root) (Store, Diff) {
	after := newStore(roots, s.HostTrusted())
	var d Diff
	for _, r := range s.content().roots {
		if _, kept := after.Find(r.Fingerprint()); kept {
			d.Kept = append(d.Kept, r)
		} else {
			d.Removed = append(d.Removed, r)
		}
	}
	for _, r := range after.content().roots {
		if _, had := s.Find(r.Fingerprint()); !had {
			d.Added = append(d.Added, r)
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

// UnmarshalJSON reads what MarshalJSON wrote. A version or a field that it does not
// know, or a certificate that cannot be parsed, is an error and leaves s as it was.
func (s *Store) UnmarshalJSON(b []byte) error {
	var j storeJSON
	if err := unmarshalKnown(b, &j); err != nil {
		return fmt.Errorf("certificate store: %w", err)
	}
	if j.V != storeVersion {
		return fmt.Errorf("certificate store: version %d, this program reads %d", j.V, storeVersion)
	}
	*s = newStore(j.Roots, j.Host)
	return nil
}

// unmarshalKnown is json.Unmarshal that refuses unknown fields.
func unmarshalKnown(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}
