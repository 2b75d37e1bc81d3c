package sipwire

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// maxParams bounds the parameters of one challenge or of credentials.
const maxParams = 64

// Auth is one challenge or one set of credentials, as in WWW-Authenticate,
// Authorization, Authentication-Info and their Proxy forms.
type Auth struct {
	Scheme string // as sent: "NTLM", "Kerberos", "Digest", …
	Params []Param
}

// Get returns the value of the parameter name without quotes, or "". The case of
// name does not matter.
func (a Auth) Get(name string) string { return findParam(a.Params, name) }

// Has reports whether there is a parameter of that name; gssapi-data="" is one.
func (a Auth) Has(name string) bool {
	for _, p := range a.Params {
		if strings.EqualFold(p.Name, name) {
			return true
		}
	}
	return false
}

// String is the header value.
func (a Auth) String() string {
	var out strings.Builder
	out.WriteString(a.Scheme)
	for i, p := range a.Params {
		if i > 0 {
			out.WriteByte(',')
		}
		value := p.Value
		if !p.Token {
			value = quote(value)
		}
		fmt.Fprintf(&out, " %s=%s", p.Name, value)
	}
	return out.String()
}

// ParseAuth parses a header value, which may hold several challenges
// (RFC 2617 1.2). With an error it returns the challenges before it.
func ParseAuth(value string) ([]Auth, error) {
	var all []Auth
	for _, element := range SplitList(value) {
		// "Scheme name=value" begins a challenge, "name=value" goes on with it.
		name, v, assigned := strings.Cut(element, "=")
		name = trim(name)
		if i := strings.LastIndexAny(name, " \t"); i >= 0 || !assigned {
			scheme := name
			if assigned {
				scheme, name = trim(name[:i]), name[i+1:]
			}
			if !isToken(scheme) {
				return all, fmt.Errorf("authentication scheme %.20q", scheme)
			}
			all = append(all, Auth{Scheme: scheme})
			if !assigned {
				continue
			}
		}
		if len(all) == 0 || !isToken(name) {
			return all, errors.New("credentials without an authentication scheme")
		}
		a := &all[len(all)-1]
		if len(a.Params) == maxParams {
			return all, fmt.Errorf("more than %d authentication parameters", maxParams)
		}
		v = trim(v)
		text, ok := unquote(v)
		if !ok {
			return all, fmt.Errorf("the quoted value of %.40s has no end", name)
		}
		a.Params = append(a.Params, Param{Name: name, Value: text, Token: !strings.HasPrefix(v, `"`)})
	}
	return all, nil
}

// Auths returns the challenges or credentials in all headers of that name, in
// order. It leaves out those that cannot be parsed.
func Auths(msg sip.Message, header string) (all []Auth) {
	for _, h := range msg.GetHeaders(header) {
		parsed, _ := ParseAuth(h.Value())
		all = append(all, parsed...)
	}
	return all
}
