package sipua

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/ocphone/ocphone/device/journal"
)

// Address is a sign-in address: user@domain, the SIP address of record.
type Address struct {
	User   string
	Domain string // the SIP domain, lower case, in the form that DNS asks for (RFC 5890: A-labels)
}

// maxAddress bounds a sign-in address, in bytes: a domain name has at most 253,
// the rest is for the user.
const maxAddress = 512

// ParseAddress parses an address as typed: "tu@contoso.com", with or without
// "sip:". The error holds a *journal.Failure with code usage.
func ParseAddress(s string) (Address, error) {
	a := strings.TrimSpace(s)
	if len(a) > 4 && strings.EqualFold(a[:4], "sip:") {
		a = a[4:]
	}
	user, domain, ok := strings.Cut(a, "@")
	domain, err := asciiHost(domain)
	if !ok || user == "" || len(a) > maxAddress || err != nil || strings.ContainsFunc(user, isForbiddenInUser) {
		return Address{}, &journal.Failure{Code: journal.Usage, Asked: fmt.Sprintf("sign-in address %q", s),
			What: "A sign-in address has the form user@domain, such as tu@example.com.",
			Fix:  "Type the SIP address of the user, which need not be his e-mail address or his logon name."}
	}
	return Address{User: user, Domain: strings.ToLower(domain)}, nil
}

// String is the address without a scheme, as people write it: an internationalized
// domain has its own letters.
func (a Address) String() string { return a.User + "@" + shownHost(a.Domain) }

// URI is the address of record as a SIP URI, for messages.
func (a Address) URI() string { return "sip:" + a.User + "@" + a.Domain }

// isForbiddenInUser reports whether r would end or split a header field.
func isForbiddenInUser(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune("<>\"@,;?:\\", r)
}

// asciiHost returns a host name in the form of DNS and SIP: an internationalized one
// as A-labels (RFC 5891 5).
func asciiHost(name string) (string, error) {
	ascii := name
	if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		var err error
		if ascii, err = idna.Lookup.ToASCII(name); err != nil {
			return "", err
		}
	}
	if !isHost(ascii) {
		return "", fmt.Errorf("%q is no host name", name)
	}
	return ascii, nil
}

// shownHost is a host name as people write it.
func shownHost(ascii string) string {
	if shown, err := idna.Display.ToUnicode(ascii); err == nil {
		return shown
	}
	return ascii
}

func isHost(s string) bool {
	if s == "" || len(s) > 253 || strings.HasPrefix(s, ".") || strings.Contains(s, "..") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
}

// EPID is the endpoint identifier of one user on one phone: 10 lower-case
// hexadecimal digits that depend only on the device (its MAC address or another
// name) and on the sign-in address (docs/protocol/sip-connection.md#endpoint-identity).
func EPID(device, address string) string {
	h := sha1.Sum([]byte(strings.ToLower(device) + "\x00" + strings.ToLower(address)))
	return hex.EncodeToString(h[:5])
}

// instanceNamespace is fcacfb03-8a73-46ef-91b1-e5ebeeaba4fe in the memory
// layout of a little-endian GUID (docs/protocol/sip-connection.md#endpoint-identity).
var instanceNamespace = [16]byte{
	0x03, 0xfb, 0xac, 0xfc, 0x73, 0x8a, 0xef, 0x46, 0x91, 0xb1, 0xe5, 0xeb, 0xee, 0xab, 0xa4, 0xfe,
}

// InstanceUUID is the UUID of +sip.instance, derived from the epid: a name based
// UUID (version 5) over a little-endian GUID
// (docs/protocol/sip-connection.md#endpoint-identity).
func InstanceUUID(epid string) string {
	h := sha1.Sum(append(instanceNamespace[:], epid...))
	b := h[:16]
	d1, d2 := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:])
	d3 := binary.LittleEndian.Uint16(b[6:])&0x0fff | 0x5000
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", d1, d2, d3, b[8:10], b[10:])
}

// inDomain reports whether host is domain or a name below it.
func inDomain(host, domain string) bool {
	host, domain = canonicalHost(host), canonicalHost(domain)
	return host == domain || strings.HasSuffix(host, "."+domain)
}

func canonicalHost(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
