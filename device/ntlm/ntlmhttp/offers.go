package ntlmhttp

import (
	"net/http"
	"strings"
)

// Bounds of what is read from one answer.
const (
	maxOffers = 16 // schemes; IIS offers three
	maxScheme = 32 // octets of the name of a scheme
)

// offer is one challenge of WWW-Authenticate (RFC 9110 11.6.1).
type offer struct {
	scheme string // as the server spells it
	token  string // token68, or ""
}

// parseOffers parses the challenges in all header lines; a line may hold several. It
// ignores parameters (realm="…").
func parseOffers(h http.Header) []offer {
	var all []offer
	for _, line := range h.Values("WWW-Authenticate") {
		for _, part := range splitList(line) {
			word, rest, _ := strings.Cut(part, " ")
			if word == "" || len(word) > maxScheme || strings.ContainsAny(word, `="`) { // a parameter of the scheme before
				continue
			}
			if len(all) == maxOffers {
				return all
			}
			o := offer{scheme: word}
			rest = strings.TrimSpace(rest)
			if !strings.Contains(strings.TrimRight(rest, "="), "=") && !strings.ContainsAny(rest, ` "`) {
				o.token = rest
			}
			all = append(all, o)
		}
	}
	return all
}

// splitList cuts at commas outside quoted strings.
func splitList(s string) []string {
	var parts []string
	quoted, from := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			parts = append(parts, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(parts, strings.TrimSpace(s[from:]))
}

func hasOffer(all []offer, scheme string) bool {
	for _, o := range all {
		if strings.EqualFold(o.scheme, scheme) {
			return true
		}
	}
	return false
}

// offerToken is the token of the challenge for scheme, or "".
func offerToken(all []offer, scheme string) string {
	for _, o := range all {
		if strings.EqualFold(o.scheme, scheme) && o.token != "" {
			return o.token
		}
	}
	return ""
}
