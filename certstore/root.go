package certstore

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// Root is a trusted certificate and its source. Do not change Certificate.
type Root struct {
	Certificate *x509.Certificate
	Source      Source
}

// Fingerprint is the SHA-256 of the certificate in lower-case hex.
func (r Root) Fingerprint() string { return fingerprint(r.Certificate) }

// Subject is the distinguished name in the form of RFC 4514, safe to print and at
// most 256 characters long: "CN=Contoso Root CA,DC=contoso,DC=com".
func (r Root) Subject() string { return subject(r.Certificate) }

// Key is the kind and size of the public key: "RSA 2048", "ECDSA P-256".
func (r Root) Key() string { return keyText(r.Certificate) }

// Downloaded reports whether the phone downloaded the root. A reset removes
// downloaded roots (R1.3).
func (r Root) Downloaded() bool { return r.Source.Kind == AD || r.Source.Kind == Enrolment }

// rootJSON: only DER and Source are read back; the other fields are for people.
type rootJSON struct {
	Subject     string    `json:"subject"`
	Key         string    `json:"key"`
	Fingerprint string    `json:"fingerprint"`
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	Source      Source    `json:"source"`
	DER         []byte    `json:"der"`
}

// MarshalJSON returns the certificate as base64 DER, its source, and its main
// fields as text.
func (r Root) MarshalJSON() ([]byte, error) {
	if r.Certificate == nil {
		return nil, errors.New("root without a certificate")
	}
	c := r.Certificate
	return json.Marshal(rootJSON{r.Subject(), r.Key(), r.Fingerprint(), c.NotBefore, c.NotAfter, r.Source, c.Raw})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *Root) UnmarshalJSON(b []byte) error {
	var j rootJSON
	if err := unmarshalKnown(b, &j); err != nil {
		return err
	}
	c, err := ParseCertificate(j.DER)
	if err != nil {
		return fmt.Errorf("root %q: %w", j.Subject, err)
	}
	*r = Root{Certificate: c, Source: j.Source}
	return nil
}

func fingerprint(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return fingerprintOf(c.Raw)
}

func fingerprintOf(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// Diff is the difference between two stores: the roots that were added and
// removed, and those that are in both.
type Diff struct {
	Added   []Root `json:"came"`
	Removed []Root `json:"went"`
	Kept    []Root `json:"stayed"`
}

// String is one line for each root that was removed (-) or added (+), and one (=)
// for each source of the roots that stayed.
func (d Diff) String() string {
	var b strings.Builder
	line := func(sign string, r Root) {
		until := r.Certificate.NotAfter.UTC().Format(time.DateOnly)
		fmt.Fprintf(&b, "%s %s  %s, valid until %s, %s\n", sign, r.Subject(), r.Key(), until, r.Source)
	}
	for _, r := range d.Removed {
		line("-", r)
	}
	for _, r := range d.Added {
		line("+", r)
	}
	if len(d.Removed)+len(d.Added) == 0 {
		b.WriteString("no root was added or removed\n")
	}
	stayed := map[string]int{}
	var order []string
	for _, r := range d.Kept {
		from := r.Source.String()
		if stayed[from]++; stayed[from] == 1 {
			order = append(order, from)
		}
	}
	for _, from := range order {
		fmt.Fprintf(&b, "= %s: %s\n", journal.Count(stayed[from], "root stays", "roots stay"), from)
	}
	if len(order) == 0 {
		b.WriteString("= no root stays\n")
	}
	return b.String()
}
