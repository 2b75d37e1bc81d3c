package provisioning

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device/journal"
)

// valueReader reads the values of one group and records which names were read, so
// that warnUnknown finds the others.
type valueReader struct {
	group    Group
	lookedUp map[string]bool // lower-case names
	warnings *warningCollector
}

func readValues(a Answer, group string, warnings *warningCollector) *valueReader {
	g, ok := a.Group(group)
	if ok && g.Name != group { // docs/protocol/sip-services.md#provisioning-request: names are case-sensitive as listed
		warnings.add(Shape, g.Name, "", "", "The name is "+group+". It is read all the same.")
	}
	return &valueReader{group: g, lookedUp: map[string]bool{}, warnings: warnings}
}

// get finds a value. An empty element counts as missing: servers send the element
// of a property that has no value
// (docs/protocol/sip-services.md#properties-of-serverconfiguration,
// consoleDownload).
func (r *valueReader) get(name string) (value string, ok bool) {
	r.lookedUp[strings.ToLower(name)] = true
	value, _ = r.group.Get(name)
	value = strings.TrimSpace(value)
	return value, value != ""
}

func (r *valueReader) warnInvalid(name, value, expected, consequence string) {
	r.warnings.add(Value, r.group.Name, name, value, fmt.Sprintf("It must be %s. %s", expected, consequence))
}

func (r *valueReader) boolean(name string, defaultValue bool) bool {
	v, ok := r.get(name)
	if !ok {
		return defaultValue
	}
	switch strings.ToLower(v) {
	case "true", "1":
		return true
	case "false", "0":
		return false
	}
	r.warnInvalid(name, v, "true or false", fmt.Sprintf("The default holds: %v.", defaultValue))
	return defaultValue
}

func (r *valueReader) integer(name string, lowest, highest, defaultValue int) int {
	v, ok := r.get(name)
	if !ok {
		return defaultValue
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < lowest || n > highest {
		r.warnInvalid(name, v, fmt.Sprintf("a whole number of %d to %d", lowest, highest),
			fmt.Sprintf("The default holds: %d.", defaultValue))
		return defaultValue
	}
	return n
}

func (r *valueReader) duration(name string, unit time.Duration, lowest, highest int,
	defaultValue time.Duration) time.Duration {
	return time.Duration(r.integer(name, lowest, highest, int(defaultValue/unit))) * unit
}

// oneOf compares without regard to case and answers in the spelling of allowed.
func (r *valueReader) oneOf(name string, defaultValue string, allowed ...string) string {
	v, ok := r.get(name)
	if !ok {
		return defaultValue
	}
	if i := slices.IndexFunc(allowed, func(s string) bool { return strings.EqualFold(s, v) }); i >= 0 {
		return allowed[i]
	}
	r.warnInvalid(name, v, "one of "+strings.Join(allowed, ", "), fmt.Sprintf("The default holds: %s.", defaultValue))
	return defaultValue
}

// line returns a text of one printable line, for display.
func (r *valueReader) line(name string) string {
	v, ok := r.get(name)
	if ok && (len(v) > maxText || strings.ContainsFunc(v, func(c rune) bool { return !unicode.IsPrint(c) })) {
		r.warnInvalid(name, v, fmt.Sprintf("one line of text of at most %d bytes", maxText), "It is not used.")
		return ""
	}
	return v
}

// sipURI returns a SIP URI. It is written into requests, so it must not contain a
// character that ends a header.
func (r *valueReader) sipURI(name, defaultValue string) string {
	v, ok := r.get(name)
	if !ok {
		return defaultValue
	}
	scheme, rest, _ := strings.Cut(v, ":")
	plain := !strings.ContainsFunc(v,
		func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("<>\"\\", c) })
	if plain && rest != "" && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")) {
		return v
	}
	consequence := "It is not used."
	if defaultValue != "" {
		consequence = "The default holds: " + journal.Excerpt(defaultValue) + "."
	}
	r.warnInvalid(name, v, "a SIP URI", consequence)
	return defaultValue
}

// webURL accepts http too: pools of 2007 serve updates and address books inside
// without TLS.
func (r *valueReader) webURL(name string) string {
	v, ok := r.get(name)
	if !ok {
		return ""
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.Fragment != "" ||
		strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c == 0x7f || c == utf8.RuneError }) {
		r.warnInvalid(name, v, "an http or https URL with a host and without credentials", "It is not used.")
		return ""
	}
	return v
}

// service reads the two addresses of a service and its flag, if it has one.
func (r *valueReader) service(subscriber Subscriber, internal, external, flag string) Service {
	s := Service{Internal: r.webURL(internal), External: r.webURL(external)}
	s.Enabled = s.Internal != "" || s.External != ""
	if flag != "" {
		s.Enabled = r.boolean(flag, s.Enabled)
	}
	switch {
	case !s.Enabled:
	case subscriber.RemoteUser:
		s.URL = s.External
	default:
		s.URL = s.Internal
	}
	return s
}

// ports reads a range of ports; ok is false if it is not there or cannot be used.
func (r *valueReader) ports(lowest, highest string) (p PortRange, ok bool) {
	from, hasFrom := r.get(lowest)
	to, hasTo := r.get(highest)
	if !hasFrom && !hasTo {
		return PortRange{}, false
	}
	p.Min, p.Max = r.integer(lowest, 1, 65535, 0), r.integer(highest, 1, 65535, 0)
	if p.Min == 0 || p.Max == 0 {
		if !hasFrom || !hasTo {
			r.warnInvalid(lowest+" "+highest, from+to, "given by both ends", "The range is not used.")
		}
		return PortRange{}, false
	}
	if p.Max <= p.Min {
		r.warnInvalid(lowest+" "+highest, from+".."+to, "a range with at least two ports, for RTP and RTCP",
			"It is not used.")
		return PortRange{}, false
	}
	return p, true
}

// warnUnknown adds a warning for each name that was not read and is not in unused.
func (r *valueReader) warnUnknown(unused ...string) {
	for _, p := range r.group.Properties {
		if !r.lookedUp[strings.ToLower(p.Name)] && !slices.ContainsFunc(unused,
			func(s string) bool { return matches(s, p.Name) }) {
			r.warnings.add(Unknown, r.group.Name, p.Name, p.Value, "The phone does not know this name. It is not used.")
		}
	}
}

// matches compares a name without regard to case; a pattern that ends in *
// stands for all that begin so.
func matches(pattern, name string) bool {
	if prefix, all := strings.CutSuffix(pattern, "*"); all {
		return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
	}
	return strings.EqualFold(pattern, name)
}

// mailAddress splits an SMTP address. The phone sends requests to hosts of its
// domain (R9.1), so the domain must be a valid host name.
func mailAddress(s string) (local, domain string, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) >= len("smtp:") && strings.EqualFold(s[:len("smtp:")], "smtp:") { // as proxyAddresses writes it
		s = s[len("smtp:"):]
	}
	at := strings.LastIndexByte(s, '@')
	if at < 1 || len(s) > 320 || strings.ContainsFunc(s,
		func(c rune) bool { return !unicode.IsPrint(c) || strings.ContainsRune(" <>\"\ufffd", c) }) {
		return "", "", false
	}
	local, domain = s[:at], s[at+1:]
	if !isDomain(domain) {
		return "", "", false
	}
	return local, domain, true
}

// isDomain reports whether s has labels of letters, digits and inner hyphens, the
// last of which is not a number (RFC 1123 2.1).
func isDomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' ||
			strings.ContainsFunc(l,
				func(c rune) bool { return c != '-' && (c > 0x7f || !unicode.IsLetter(c) && !unicode.IsDigit(c)) }) {
			return false
		}
	}
	_, err := strconv.Atoi(labels[len(labels)-1])
	return err != nil
}
