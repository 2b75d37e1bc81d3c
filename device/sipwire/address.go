package sipwire

import (
	"errors"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Address is a parsed value of From, To, Contact, Route and the like. Its parts are
// not changed: sipgo's types split a parameter that holds a quoted ";", such as a
// Contact's gruu.
type Address struct {
	Display string // without quotes
	URI     string // with its parameters, without <>
	Params  []Param
}

// Param is a parameter of a header or of credentials.
type Param struct {
	Name, Value string // Value without quotes
	// Token writes the value of credentials without quotes (version=4).
	Token bool
}

// Param returns the value of the header parameter name, or "". The case of name
// does not matter.
func (a Address) Param(name string) string { return findParam(a.Params, name) }

// URIParam returns the value of the parameter name of a SIP URI and whether there is
// one. The case of name does not matter (RFC 3261 19.1.4).
func URIParam(uri sip.Uri, name string) (value string, ok bool) {
	for _, p := range uri.UriParams {
		if strings.EqualFold(p.K, name) {
			return p.V, true
		}
	}
	return "", false
}

func findParam(params []Param, name string) string {
	for _, p := range params {
		if strings.EqualFold(p.Name, name) {
			return p.Value
		}
	}
	return ""
}

// ParseAddress parses one address (RFC 3261 25.1, name-addr or addr-spec).
func ParseAddress(value string) (Address, error) {
	var a Address
	s := trim(value)
	if strings.HasPrefix(s, `"`) {
		n := enclosedLen(s)
		display, ok := unquote(s[:n])
		a.Display, s = display, trim(s[n:])
		if !ok || !strings.HasPrefix(s, "<") {
			return a, errors.New("an address without <> after its display name")
		}
	}
	open := strings.IndexByte(s, '<')
	bracketed := open >= 0 && !strings.Contains(s[:open], ";")
	if bracketed {
		if a.Display == "" {
			a.Display = trim(s[:open])
		}
		end := strings.IndexByte(s[open:], '>')
		if end < 0 {
			return a, errors.New("an address without >")
		}
		a.URI, s = s[open+1:open+end], s[open+end+1:]
	} else {
		// Without <>, what follows a ; belongs to the header (RFC 3261 20.10).
		end := strings.IndexByte(s, ';')
		if end < 0 {
			end = len(s)
		}
		a.URI, s = trim(s[:end]), s[end:]
	}
	if a.URI == "" {
		return a, errors.New("an address without a URI")
	}
	if !bracketed && strings.ContainsAny(a.URI, ",?") { // RFC 3261 20.10
		return a, errors.New("an address with , or ? needs <>")
	}
	for s = trim(s); s != ""; s = trim(s) {
		if s[0] != ';' {
			return a, errors.New("no ; before a parameter")
		}
		var part string
		part, s = cutOutsideQuotes(s[1:], ';')
		name, v, _ := strings.Cut(part, "=")
		v, ok := unquote(trim(v))
		if !ok {
			return a, errors.New("a quoted parameter without an end")
		}
		if name = trim(name); name != "" {
			a.Params = append(a.Params, Param{Name: name, Value: v})
		}
	}
	return a, nil
}

// SplitList splits a header value at the commas outside quotes and <>. Empty
// elements are left out.
func SplitList(value string) (list []string) {
	for value != "" {
		var element string
		if element, value = cutOutsideQuotes(value, ','); trim(element) != "" {
			list = append(list, trim(element))
		}
		value = strings.TrimPrefix(value, ",")
	}
	return list
}

// cutOutsideQuotes splits s before the first separator outside quotes and <>.
func cutOutsideQuotes(s string, separator byte) (before, rest string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case separator:
			return s[:i], s[i:]
		case '"', '<':
			i += enclosedLen(s[i:]) - 1
		}
	}
	return s, ""
}

// unquote removes the quotes and escapes of a quoted string; text without quotes
// stays as it is. It returns false if text follows the quoted string or its end is
// missing.
func unquote(s string) (string, bool) {
	s, quoted := strings.CutPrefix(s, `"`)
	if !quoted {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			return string(out), i == len(s)-1
		}
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out = append(out, s[i])
	}
	return string(out), false
}

// quote is the inverse of unquote.
func quote(s string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`) + `"`
}
