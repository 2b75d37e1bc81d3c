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
)

// maxName is how much of a distinguished name is shown, in bytes. Names come
// from the network and end up on screens and in steps.
const maxName = 256

func subject(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return DistinguishedName(c.RawSubject)
}

func issuer(c *x509.Certificate) string { return DistinguishedName(c.RawIssuer) }

// attributes are the short names of RFC 4514 3 and of RFC 4519 that
// certificates use; pkix.Name would print DC, which every AD root has, in hex.
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.17": "POSTALCODE",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "E",
}

// DistinguishedName writes a DER name as RFC 4514 does: the last part first,
// so that the common name leads.
func DistinguishedName(der []byte) string {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) > 0 {
		return "#" + clip(hex.EncodeToString(der[:min(len(der), maxName)]), maxName)
	}
	if len(rdns) == 0 {
		return "(empty name)"
	}
	var b strings.Builder
	for i := len(rdns) - 1; i >= 0 && b.Len() < maxName; i-- {
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
			b.WriteString(oid + "=" + escapeValue(clip(fmt.Sprint(a.Value), maxName)))
		}
	}
	return clip(b.String(), maxName)
}

// escapeValue follows RFC 4514 2.4.
func escapeValue(v string) string {
	return escape(v, func(i int, r rune) bool {
		return strings.ContainsRune(`,+"\<>;`, r) || i == 0 && (r == '#' || r == ' ') || i == len(v)-1 && r == ' '
	})
}

// printable makes text from the network safe to show.
func printable(s string) string { return escape(s, func(int, rune) bool { return false }) }

// shown is printable and short.
func shown(s string) string { return clip(printable(s), maxName) }

// escape writes control characters, invisible marks and bytes that are no UTF-8
// in hex, so that a certificate cannot move the cursor of a terminal, and puts
// a backslash before special characters.
func escape(v string, special func(i int, r rune) bool) string {
	var b strings.Builder
	for i := 0; i < len(v); {
		r, size := utf8.DecodeRuneInString(v[i:])
		switch {
		case r == utf8.RuneError && size == 1, !unicode.IsPrint(r):
			for _, c := range []byte(v[i : i+size]) {
				fmt.Fprintf(&b, `\%02X`, c)
			}
		case special(i, r):
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// clip shortens s to about n bytes, at a whole character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
