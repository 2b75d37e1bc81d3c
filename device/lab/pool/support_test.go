package pool_test

import (
	"testing"

	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipwire"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// RFC 3261 8.2: the pool refuses what a request requires and the pool does not
// support, and says what it supports.
func TestUnsupportedRequests(t *testing.T) {
	const (
		publications = "application/msrtc-category-publish+xml, application/msrtc-presence-setsubscriber+xml, " +
			"application/msrtc-setcontainermembers+xml"
		subscribe = "Event: " + roaming.ContactsEvent
	)
	for name, row := range map[string]struct {
		method, contentType string // contentType "": no body
		headers             []string
		status              int
		header, value       string
	}{
		"extension of REGISTER":  {"REGISTER", "", []string{"Require: outbound"}, 420, "Unsupported", "outbound"},
		"extension of OPTIONS":   {"OPTIONS", "", []string{"Require: foo, gruu-10", "Require: bar"}, 420, "Unsupported", "foo, bar"},
		"extension of SUBSCRIBE": {"SUBSCRIBE", "", []string{"Require: ms-Benotify, foo", subscribe}, 420, "Unsupported", "foo"},
		"extension of a proxy":   {"SERVICE", publishType, []string{"Require: foo", "Proxy-Require: bar, ms-benotify"}, 420, "Unsupported", "foo, bar"},
		"known extensions":       {"SUBSCRIBE", "", []string{"Proxy-Require: ms-benotify", "Require: MS-Piggyback-First-Notify", subscribe}, 200, "Event", roaming.ContactsEvent},
		"method before all":      {"INVITE", "application/sdp", []string{"Require: 100rel"}, 405, "Allow", "REGISTER, OPTIONS, SUBSCRIBE, SERVICE"},
		"type of SERVICE":        {"SERVICE", "application/SOAP+xml", nil, 415, "Accept", publications},
		"type of SUBSCRIBE":      {"SUBSCRIBE", "text/plain", []string{subscribe}, 415, "Accept", roaming.ContactsType},
		"type of REGISTER":       {"REGISTER", "text/plain", nil, 415, "Accept", ""},
		"type of OPTIONS":        {"OPTIONS", "text/plain", nil, 415, "Accept", ""},
		"encoding":               {"SERVICE", publishType, []string{"Content-Encoding: gzip"}, 415, "Accept-Encoding", "identity"},
		"compact encoding":       {"SERVICE", publishType, []string{"e: deflate"}, 415, "Accept-Encoding", "identity"},
		"no encoding":            {"SERVICE", publishType + ";charset=utf-8", []string{"Content-Encoding: Identity"}, 200, "Content-Type", roaming.SelfType},
		"optional body":          {"OPTIONS", "text/plain", []string{"Content-Disposition: session; handling=Optional"}, 200, "Allow", "REGISTER, OPTIONS, SUBSCRIBE, SERVICE"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			c := w.dial(t)
			c.signIn()
			req := c.request(row.method, row.headers...)
			if row.contentType != "" {
				req = c.withBody(row.method, row.contentType, "<publish/>", row.headers...)
			}
			in := c.do(req)
			c.want(in, row.status)
			values := in.Headers(row.header)
			if len(values) != 1 || values[0] != row.value || in.Signature != sipwire.Valid {
				t.Errorf("%s %q, want %q", row.header, values, row.value)
			}
		})
	}
}

// RFC 3261 10.3: a registrar refuses an extension before it authenticates.
func TestUnsupportedExtensionIsRefusedBeforeAuthentication(t *testing.T) {
	for _, schemes := range [][]pool.Scheme{{pool.NTLM}, {pool.DigestMD5}} {
		w := newWorld(t, func(s *pool.Server) { s.Schemes = schemes })
		c := w.dial(t)
		c.want(c.do(c.request("REGISTER", "Require: outbound")), 420)
		c.want(c.do(c.request("OPTIONS", "Proxy-Require: privacy")), 420)
	}
}
