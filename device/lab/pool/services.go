package pool

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
)

// What a client asks of a pool once it has signed in. The answers have the form
// that a pool gives them and are nearly empty: no provisioning group is set, the
// contact list has its one group of every user, nothing was published.

const (
	allowMethods     = "REGISTER, OPTIONS, NEGOTIATE, SUBSCRIBE, SERVICE"
	roamingSelfType  = "application/vnd-microsoft-roaming-self+xml"
	publishType      = "application/msrtc-category-publish+xml"
	containersType   = "application/msrtc-setcontainermembers+xml"
	piggybackSupport = "ms-benotify, ms-piggyback-first-notify"
)

// eventPackage is something that a user may subscribe to about himself.
type eventPackage struct {
	contentType string
	once        bool                    // a query: no subscription comes of it
	body        func(uri string) string // uri is "sip:" and the address, escaped for XML
}

const (
	provisioningEvent = "vnd-microsoft-provisioning-v2"
	contactsEvent     = "vnd-microsoft-roaming-contacts"
	selfEvent         = "vnd-microsoft-roaming-self"
)

var eventPackages = map[string]eventPackage{
	provisioningEvent: {"application/vnd-microsoft-roaming-provisioning-v2+xml", true, func(string) string { // ocs-sip.md 3.2
		return `<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"></provisionGroupList>`
	}},
	contactsEvent: {"application/vnd-microsoft-roaming-contacts+xml", false, func(string) string { // ocs-sip.md 6
		return `<contactList deltaNum="1"><group id="1" name="~" externalURI=""/></contactList>`
	}},
	selfEvent: {roamingSelfType, false, roamingData},
}

// roamingData is what has been published: nothing (ocs-sip.md 5.1).
func roamingData(uri string) string {
	const ns = "http://schemas.microsoft.com/2006/09/sip/"
	return `<roamingData xmlns="` + ns + `roaming-self">` +
		`<categories xmlns="` + ns + `categories" uri="` + uri + `"></categories>` +
		`<containers xmlns="` + ns + `container-management"></containers>` +
		`<subscribers xmlns="` + ns + `presence-subscribers"></subscribers></roamingData>`
}

// subscribe answers a SUBSCRIBE of s. The first notification rides in the 200
// (ms-piggyback-first-notify); as nothing changes yet, no other follows.
func (c *conn) subscribe(in *sipwire.Incoming, req *sip.Request, s *session) *sip.Response {
	event, _, _ := strings.Cut(in.Header("Event"), ";")
	event = strings.ToLower(strings.TrimSpace(event))
	p, ok := eventPackages[event]
	if !ok || s == nil { // who has not signed is at a plain registrar, which has none of these
		return withHeader(c.response(req, 489), "Allow-Events", strings.Join([]string{provisioningEvent, contactsEvent, selfEvent}, ", "))
	}
	if res := c.refuse(req, s); res != nil {
		return res
	}
	if accept := in.Headers("Accept"); len(accept) > 0 && !hasToken(accept, p.contentType) {
		return c.response(req, 406) // ocs-sip.md 3.1
	}
	expires, err := c.pool.expires(in.Header("Expires"), "")
	if err != nil || p.once && expires > 0 {
		return c.response(req, 400) // ocs-sip.md 3.1: a query has Expires: 0
	}
	res := c.response(req, 200)
	seconds, state := int(expires.Seconds()), "active"
	if seconds == 0 {
		state = "terminated"
	}
	for _, h := range [][2]string{
		{"Contact", "<sip:" + c.pool.Host + ":5061;transport=tls>"},
		{"Expires", fmt.Sprint(seconds)},
		{"Event", event},
		{"subscription-state", fmt.Sprintf("%s;expires=%d", state, seconds)},
		{"ms-piggyback-cseq", "1"},
		{"Supported", piggybackSupport},
	} {
		withHeader(res, h[0], h[1])
	}
	return withBody(res, p.contentType, p.body(selfURI(req)))
}

// service answers a SERVICE of s to himself. What it would change is not kept.
func (c *conn) service(in *sipwire.Incoming, req *sip.Request, s *session) *sip.Response {
	kind, _, _ := strings.Cut(in.Header("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if s == nil || kind != publishType && kind != containersType {
		return withHeader(c.response(req, 405), "Allow", allowMethods)
	}
	if res := c.refuse(req, s); res != nil {
		return res
	}
	if xml.Unmarshal(req.Body(), new(struct{})) != nil {
		return c.response(req, 400)
	}
	if kind == publishType { // ocs-sip.md 5.2
		return withBody(c.response(req, 200), roamingSelfType, roamingData(selfURI(req)))
	}
	return c.response(req, 200)
}

// selfURI is the user's own URI, fit for an XML attribute.
func selfURI(req *sip.Request) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte("sip:"+address(req.To().Address))) // a Builder takes everything
	return b.String()
}

func withBody(res *sip.Response, contentType, body string) *sip.Response {
	withHeader(res, "Content-Type", contentType).SetBody([]byte(body))
	return res
}
