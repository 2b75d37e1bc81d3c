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

// parsed returns what parse makes of a value, or defaultValue if there is none. An
// invalid value is a warning that says what was expected; consequence ends it.
func parsed[T any](r *valueReader, name string, defaultValue T, expected, consequence string,
	parse func(string) (T, bool)) T {
	v, ok := r.get(name)
	if !ok {
		return defaultValue
	}
	if value, valid := parse(v); valid {
		return value
	}
	r.warnInvalid(name, v, expected, consequence)
	return defaultValue
}

func defaultHolds(defaultValue any) string {
	return fmt.Sprintf("The default holds: %v.", defaultValue)
}

const notUsed = "It is not used."

func (r *valueReader) warnInvalid(name, value, expected, consequence string) {
	r.warnings.add(Value, r.group.Name, name, value, fmt.Sprintf("It must be %s. %s", expected, consequence))
}

func (r *valueReader) boolean(name string, defaultValue bool) bool {
	return parsed(r, name, defaultValue, "true or false", defaultHolds(defaultValue), func(v string) (value, ok bool) {
		v = strings.ToLower(v)
		value = v == "true" || v == "1"
		return value, value || v == "false" || v == "0"
	})
}

func (r *valueReader) integer(name string, lowest, highest, defaultValue int) int {
	return parsed(r, name, defaultValue, fmt.Sprintf("a whole number of %d to %d", lowest, highest),
		defaultHolds(defaultValue), func(v string) (int, bool) {
			n, err := strconv.Atoi(v)
			return n, err == nil && n >= lowest && n <= highest
		})
}

func (r *valueReader) duration(name string, unit time.Duration, lowest, highest int,
	defaultValue time.Duration) time.Duration {
	return time.Duration(r.integer(name, lowest, highest, int(defaultValue/unit))) * unit
}

// oneOf compares without regard to case and answers in the spelling of allowed.
func (r *valueReader) oneOf(name string, defaultValue string, allowed ...string) string {
	return parsed(r, name, defaultValue, "one of "+strings.Join(allowed, ", "), defaultHolds(defaultValue),
		func(v string) (string, bool) {
			for _, s := range allowed {
				if strings.EqualFold(s, v) {
					return s, true
				}
			}
			return "", false
		})
}

// line returns a text of one printable line, for display.
func (r *valueReader) line(name string) string {
	return parsed(r, name, "", fmt.Sprintf("one line of text of at most %d bytes", maxText), notUsed,
		func(v string) (string, bool) {
			return v, len(v) <= maxText && !strings.ContainsFunc(v, func(c rune) bool { return !unicode.IsPrint(c) })
		})
}

// sipURI returns a SIP URI. It is written into requests, so it must not contain a
// character that ends a header.
func (r *valueReader) sipURI(name, defaultValue string) string {
	consequence := notUsed
	if defaultValue != "" {
		consequence = defaultHolds(journal.Excerpt(defaultValue))
	}
	return parsed(r, name, defaultValue, "a SIP URI", consequence, func(v string) (string, bool) {
		scheme, rest, _ := strings.Cut(v, ":")
		plain := !strings.ContainsFunc(v,
			func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("<>\"\\", c) })
		return v, plain && rest != "" && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips"))
	})
}

// webURL accepts http too: pools of 2007 serve updates and address books inside
// without TLS.
func (r *valueReader) webURL(name string) string {
	return parsed(r, name, "", "an http or https URL with a host and without credentials", notUsed,
		func(v string) (string, bool) {
			u, err := url.Parse(v)
			return v, err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
				u.Fragment == "" && !strings.ContainsFunc(v, func(c rune) bool { // RFC 3986 2, which url.Parse does not check
				return c <= ' ' || c == 0x7f || c == utf8.RuneError || strings.ContainsRune("<>\"\\^`{|}", c)
			})
		})
}

// service reads the two addresses of a service and its flag, if it has one.
func (r *valueReader) service(subscriber Subscriber, internal, external, flag string) Service {
	s := Service{Internal: r.webURL(internal), External: r.webURL(external)}
	s.Enabled = s.Internal != "" || s.External != ""
	if flag != "" {
		s.Enabled = r.boolean(flag, s.Enabled)
	}
	if s.Enabled && subscriber.RemoteUser {
		s.URL = s.External
	} else if s.Enabled {
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
		r.warnInvalid(lowest+" "+highest, from+".."+to, "a range with at least two ports, for RTP and RTCP", notUsed)
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
