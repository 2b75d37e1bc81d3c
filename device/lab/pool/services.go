package pool

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/dialplan"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// The requests of a signed-in client
// (docs/protocol/sip-services.md#in-band-provisioning to
// docs/protocol/sip-services.md#contact-list): SUBSCRIBE for the user's own data,
// SERVICE for the rest. Changes of the contact list (application/SOAP+xml) are
// refused with 415.

const (
	publishType      = "application/msrtc-category-publish+xml"
	membersType      = "application/msrtc-setcontainermembers+xml"
	acknowledgeType  = "application/msrtc-presence-setsubscriber+xml"
	faultType        = "application/msrtc-fault+xml"
	piggybackSupport = "ms-benotify, ms-piggyback-first-notify"
)

// packages are the event packages of the user's own data, with the Content-Type of
// their notifications.
var packages = map[string]string{
	provisioning.EventPackage: provisioning.MediaType,
	roaming.ContactsEvent:     roaming.ContactsType,
	roaming.SelfEvent:         roaming.SelfType,
}

// requestName returns the name of req in Faults.
func requestName(in *sipwire.Incoming, req *sip.Request) string {
	name := in.Header("Content-Type")
	if req.Method == sip.SUBSCRIBE {
		name = in.Header("Event")
	} else {
		opaque, _ := sipwire.URIParam(req.Recipient, "opaque")
		if strings.HasPrefix(strings.ToLower(opaque), "app:locationprofile") {
			return LocationProfile // docs/protocol/sip-services.md#location-profile
		}
	}
	name, _, _ = strings.Cut(name, ";")
	return strings.ToLower(strings.TrimSpace(name))
}

// subscribeOrService answers a SUBSCRIBE or SERVICE of s, subject to the faults.
func (c *conn) subscribeOrService(w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request, s *session) *sip.Response {
	what, f := requestName(in, req), c.pool.Faults()
	if status := f.Status[what]; status != 0 {
		return c.response(req, status)
	}
	var res *sip.Response
	var sub *subscription
	switch {
	case req.Method == sip.SUBSCRIBE:
		res, sub = c.subscribe(w, in, req, s, what)
	case what == LocationProfile:
		res = c.locationProfile(in, req, s)
	default:
		res = c.service(w, in, req, s, what)
	}
	if res.StatusCode != 200 {
		return res
	}
	if body, ok := f.Body[what]; ok {
		res.SetBody([]byte(body))
	}
	if f.LateBody[what] && sub != nil {
		c.notifications = append(c.notifications, notification{w, sub.nextNotification(res.Body())})
		res.RemoveHeader("Content-Type")
		res.RemoveHeader("ms-piggyback-cseq")
		res.SetBody(nil)
	}
	return res
}

func (c *conn) badEvent(req *sip.Request) *sip.Response {
	const events = provisioning.EventPackage + ", " + roaming.ContactsEvent + ", " + roaming.SelfEvent
	return withHeader(c.response(req, 489), "Allow-Events", events)
}

// subscribe answers a SUBSCRIBE. The 200 contains the first notification
// (ms-piggyback-first-notify).
func (c *conn) subscribe(
	w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request, s *session, event string,
) (*sip.Response, *subscription) {
	contentType, ok := packages[event]
	if !ok {
		return c.badEvent(req), nil
	}
	if res := c.checkUser(req, s); res != nil {
		return res, nil
	}
	if accept := in.Headers("Accept"); len(accept) > 0 && !hasToken(accept, contentType) {
		return c.response(req, 406), nil // docs/protocol/sip-services.md#provisioning-request
	}
	if r := in.UnsupportedBody(contentType); r.Status != 0 {
		return c.refused(req, r), nil
	}
	expires, err := c.pool.expires(in.Header("Expires"), "")
	if err != nil {
		return c.response(req, 400), nil
	}
	once := event == provisioning.EventPackage
	if once { // docs/protocol/sip-services.md#provisioning-request: whatever Expires was sent
		expires = 0
	}
	u, _ := c.pool.dir.User(s.sam)
	a := c.pool.account(u.SIP)
	sub := c.newSubscription(a, w, in, req, event, contentType)
	var body []byte
	if once {
		body, err = c.pool.provision(u, req.Body())
	} else {
		if res := c.checkEndpoint(w, req); res != nil {
			return res, nil
		}
		if expires > 0 {
			sub.until, sub.duration = c.pool.Clock.Now().Add(expires), expires
		}
		body, err = c.lockAccount(a).subscribe(c, sub, req.Body())
	}
	if err != nil {
		return c.response(req, 400), nil
	}
	res := c.response(req, 200)
	for _, h := range [][2]string{
		{"Contact", c.server.contact()},
		{"Expires", fmt.Sprint(int(expires.Seconds()))},
		{"Event", event},
		{"subscription-state", sub.state()},
		{"ms-piggyback-cseq", "1"},
		{"Supported", piggybackSupport},
	} {
		withHeader(res, h[0], h[1])
	}
	return withBody(res, contentType, body), sub
}

// lockAccount keeps the account locked until the response is sent, so that
// notifications of other changes follow it.
func (c *conn) lockAccount(a *account) *account {
	a.mu.Lock()
	c.lockedAccount = a
	return a
}

// checkEndpoint refuses a request whose From is not an endpoint registered on this
// connection. It returns nil if it is.
func (c *conn) checkEndpoint(w *sipwire.Conn, req *sip.Request) *sip.Response {
	epid, _ := req.From().Params.Get("epid")
	switch {
	case epid == "":
		return c.refusal(req, 400, diagNoEPID)
	case c.pool.endpointConns(address(req.From().Address))[epid] != w:
		return c.refusal(req, 403, diagForeignEPID)
	}
	return nil
}

// locationProfile answers the SERVICE for a dial plan (docs/protocol/sip-services.md#location-profile; MS-SIPRE
// 3.8.5.1). The default dial plan is that of the user in the request URI.
func (c *conn) locationProfile(in *sipwire.Incoming, req *sip.Request, s *session) *sip.Response {
	self, _ := c.pool.dir.User(s.sam)
	of, found := c.pool.dir.UserBySIP(address(req.Recipient))
	switch {
	case self.Status() != nil:
		return c.accountRefusal(req, self.Status())
	case !strings.EqualFold(address(req.From().Address), self.SIP):
		return c.refusal(req, 403, diagForbidden)
	case !found || of.SIPDisabled:
		return c.refusal(req, 404, diagNotEnabled)
	}
	if accept := in.Headers("Accept"); len(accept) > 0 && !hasToken(accept, dialplan.ContentType) {
		return c.response(req, 406)
	}
	if r := in.UnsupportedBody(); r.Status != 0 {
		return c.refused(req, r)
	}
	name, named := sipwire.URIParam(req.Recipient, "phone-context")
	_, byDefault := sipwire.URIParam(req.Recipient, "default")
	switch {
	case byDefault:
		name = cmp.Or(of.LocationProfile, c.pool.LocationProfile)
	case !named:
		return c.frontEndRefusal(req, 485, diagAmbiguous)
	default:
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
	}
	p, ok := c.server.locationProfile(name)
	if !ok {
		return c.frontEndRefusal(req, 404, diagNoProfile)
	}
	body, err := p.XML()
	if err != nil {
		return c.response(req, 500)
	}
	return withBody(withHeader(c.response(req, 200), "Contact", c.server.contact()), dialplan.ContentType, body)
}

// frontEndRefusal is a refusal whose source is the front end.
func (c *conn) frontEndRefusal(req *sip.Request, status int, why Diagnostics) *sip.Response {
	res := c.response(req, status)
	res.AppendHeader(why.header(c.server.Name))
	return res
}

// service answers a SERVICE of s with the Content-Type kind.
func (c *conn) service(
	w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request, s *session, kind string,
) *sip.Response {
	if r := in.UnsupportedBody(slices.Sorted(maps.Keys(serviceChanges))...); r.Status != 0 {
		return c.refused(req, r)
	}
	change := serviceChanges[kind]
	if change == nil { // no body
		return c.response(req, 400)
	}
	if res := c.checkUser(req, s); res != nil {
		return res
	}
	if res := c.checkEndpoint(w, req); res != nil {
		return res
	}
	self, _ := c.pool.dir.User(s.sam)
	epid, _ := req.From().Params.Get("epid")
	body, err := change(c.lockAccount(c.pool.account(self.SIP)), strings.Clone(epid), req.Body())
	switch err := err.(type) {
	case nil:
	case versionConflict:
		return withBody(c.refusal(req, 409, diagConflict), faultType, err.XML())
	case refusedChange:
		return c.refusal(req, 403, Diagnostics(err))
	default:
		return c.response(req, 400)
	}
	if body == nil {
		return c.response(req, 200)
	}
	return withBody(c.response(req, 200), roaming.SelfType, body)
}

func withBody(res *sip.Response, contentType string, body []byte) *sip.Response {
	withHeader(res, "Content-Type", contentType).SetBody(body)
	return res
}
