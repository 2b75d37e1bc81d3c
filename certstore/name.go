package certstore

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device/journal"
)

// maxName is how much of a distinguished name, or of another text from the
// network, is shown, in characters; maxNameBytes bytes hold more than that.
const (
	maxName      = 256
	maxNameBytes = utf8.UTFMax * maxName
)

func subject(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return DistinguishedName(c.RawSubject)
}

func issuer(c *x509.Certificate) string { return DistinguishedName(c.RawIssuer) }

// attributes are the short names of RFC 4514 3 and RFC 4519 that certificates
// use. pkix.Name prints DC, which every AD root has, in hex.
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.17": "POSTALCODE",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "E",
}

// DistinguishedName returns a DER name in the form of RFC 4514, which writes the
// last RDN first: "CN=Contoso Root CA,DC=contoso,DC=com".
func DistinguishedName(der []byte) string {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) > 0 {
		return journal.Printable("#"+hex.EncodeToString(der[:min(len(der), maxName)]), maxName)
	}
	if len(rdns) == 0 {
		return "(empty name)"
	}
	var b strings.Builder
	for i := len(rdns) - 1; i >= 0 && b.Len() <= maxNameBytes; i-- {
		if i < len(rdns)-1 {
			b.WriteByte(',')
		}
		for j, a := range rdns[i] {
			if j > 0 {
				b.WriteByte('+')
			}
			oid := a.Type.String()
			if short, known := attributes[oid]; known {
				oid = short
			}
			b.WriteString(oid + "=" + escapeValue(fmt.Sprint(a.Value)))
		}
	}
	return journal.Printable(b.String(), maxName)
}

// escapeValue follows RFC 4514 2.4: a backslash before special characters, and
// hex pairs (`\0A`) for what is not printable or not UTF-8. These pairs are the
// specified form, so journal.Printable does not replace them.
func escapeValue(v string) string {
	var b strings.Builder
	for i := 0; i < len(v) && b.Len() <= maxNameBytes; {
		r, size := utf8.DecodeRuneInString(v[i:])
		switch {
		case r == utf8.RuneError && size == 1, !unicode.IsPrint(r):
			for _, c := range []byte(v[i : i+size]) {
				fmt.Fprintf(&b, `\%02X`, c)
			}
		case strings.ContainsRune(`,+"\<>;`, r), i == 0 && (r == '#' || r == ' '), i == len(v)-1 && r == ' ':
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}
