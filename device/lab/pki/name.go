package pki

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
)

// attributes are the attribute types of RFC 4514 section 3 that CA names use.
var attributes = map[string]asn1.ObjectIdentifier{
	"CN": {2, 5, 4, 3},
	"C":  {2, 5, 4, 6},
	"L":  {2, 5, 4, 7},
	"ST": {2, 5, 4, 8},
	"O":  {2, 5, 4, 10},
	"OU": {2, 5, 4, 11},
	"DC": {0, 9, 2342, 19200300, 100, 1, 25},
}

// encodeName encodes a name such as "CN=Contoso Root CA,DC=contoso,DC=com" as
// DER. RFC 4514 reverses the order of the parts. A string without "=" is a
// common name. A backslash escapes the next character.
func encodeName(s string) ([]byte, error) {
	if !strings.Contains(s, "=") {
		s = "CN=" + s
	}
	parts := splitName(s)
	rdns := make(pkix.RDNSequence, len(parts))
	for i, part := range parts {
		key, value, _ := strings.Cut(part, "=")
		key, value = strings.ToUpper(strings.TrimSpace(key)), unescapeValue(strings.TrimSpace(value))
		oid, ok := attributes[key]
		if !ok || value == "" {
			return nil, fmt.Errorf("name %q: %q is no attribute=value (known: CN, OU, O, L, ST, C, DC)", s, part)
		}
		atv := pkix.AttributeTypeAndValue{Type: oid, Value: value}
		if key == "DC" { // RFC 4519 2.4: IA5String
			atv.Value = asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(value)}
		}
		rdns[len(parts)-1-i] = pkix.RelativeDistinguishedNameSET{atv}
	}
	return asn1.Marshal(rdns)
}

// splitName splits s at unescaped commas.
func splitName(s string) (parts []string) {
	from, escaped := 0, false
	for i, c := range []byte(s) {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == ',':
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

func escapeValue(s string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(s)
}

func unescapeValue(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
