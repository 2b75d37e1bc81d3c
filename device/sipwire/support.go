package sipwire

import (
	"slices"
	"strings"
)

// Refusal is a final response to a request for something that this end does not
// support. The zero value refuses nothing.
type Refusal struct {
	Status int
	Reason string
	Header Header // says what is supported, or what is not
}

// UnsupportedExtensions refuses a request with 420 if a header of names requires an
// option tag that is not in supported (RFC 3261 8.2.2.3). names is Require, and at
// a proxy Proxy-Require too (RFC 3261 16.3).
func (in *Incoming) UnsupportedExtensions(supported []string, names ...string) Refusal {
	var missing []string
	for _, name := range names {
		for _, value := range in.Headers(name) {
			for _, tag := range SplitList(value) {
				if !containsFold(supported, tag) {
					missing = append(missing, tag)
				}
			}
		}
	}
	if len(missing) == 0 {
		return Refusal{}
	}
	return Refusal{420, "Bad Extension", Header{"Unsupported", strings.Join(missing, ", ")}}
}

// UnsupportedBody refuses a request with 415 if it has a body of another type than
// types ("*/*": any), or with an encoding, unless Content-Disposition says that the
// body is optional (RFC 3261 8.2.3).
func (in *Incoming) UnsupportedBody(types ...string) Refusal {
	const status, reason = 415, "Unsupported Media Type"
	disposition := strings.Split(strings.ReplaceAll(in.Header("Content-Disposition"), " ", ""), ";")
	if len(in.Msg.Body()) == 0 || containsFold(disposition, "handling=optional") {
		return Refusal{}
	}
	for _, value := range in.Headers("Content-Encoding") {
		if !strings.EqualFold(value, "identity") {
			return Refusal{status, reason, Header{"Accept-Encoding", "identity"}}
		}
	}
	kind, _, _ := strings.Cut(in.Header("Content-Type"), ";")
	if !containsFold(types, trim(kind)) && !containsFold(types, "*/*") {
		return Refusal{status, reason, Header{"Accept", strings.Join(types, ", ")}}
	}
	return Refusal{}
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, s) })
}
