package pool_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipwire"
)

const (
	provisioning     = "vnd-microsoft-provisioning-v2"
	provisioningType = "application/vnd-microsoft-roaming-provisioning-v2+xml"
	selfType         = "application/vnd-microsoft-roaming-self+xml"
	publishType      = "application/msrtc-category-publish+xml"
)

// withBody is a request that brings a body.
func (c *client) withBody(method, contentType, body string, headers ...string) *sip.Request {
	c.t.Helper()
	req := c.request(method, append(headers, "Content-Type: "+contentType)...)
	req.SetBody([]byte(body))
	return req
}

func TestFirstNotificationRidesInTheAnswerToASubscription(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	for event, want := range map[string]struct{ expires, contentType, state, root, inside string }{
		provisioning:                     {"0", provisioningType, "terminated;expires=0", "http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification provisionGroupList", ""},
		"vnd-microsoft-roaming-contacts": {"900", "application/vnd-microsoft-roaming-contacts+xml", "active;expires=900", " contactList", `deltaNum="1"`},
		"vnd-microsoft-roaming-self":     {"900", selfType, "active;expires=900", "http://schemas.microsoft.com/2006/09/sip/roaming-self roamingData", `uri="sip:tu@contoso.com"`},
	} {
		in := c.do(c.request("SUBSCRIBE", "Event: "+event, "Accept: text/x, "+want.contentType, "Expires: "+want.expires))
		c.want(in, 200)
		var root struct{ XMLName xml.Name }
		if err := xml.Unmarshal(in.Msg.Body(), &root); err != nil || root.XMLName.Space+" "+root.XMLName.Local != want.root {
			t.Errorf("%s: %v, %v", event, root.XMLName, err)
		}
		if in.Signature != sipwire.Valid || in.Header("Content-Type") != want.contentType || in.Header("Event") != event ||
			in.Header("Expires") != want.expires || in.Header("subscription-state") != want.state ||
			in.Header("ms-piggyback-cseq") == "" || in.Header("Contact") == "" || !strings.Contains(string(in.Msg.Body()), want.inside) {
			t.Errorf("%s is %v:\n%s%s", event, in.Signature, in.Raw, in.Msg.Body())
		}
	}
}

func TestSubscriptionsThatAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	event := "Event: " + provisioning
	c.want(c.do(c.request("SUBSCRIBE", event, "Expires: 60")), 400) // a query creates no subscription, ocs-sip.md 3.1
	c.want(c.do(c.request("SUBSCRIBE", event, "Expires: x")), 400)
	c.want(c.do(c.request("SUBSCRIBE", event, "Expires: 0", "Accept: text/plain")), 406)
	in := c.do(c.request("SUBSCRIBE", "Event: presence"))
	c.want(in, 489)
	if !strings.Contains(in.Header("Allow-Events"), provisioning) {
		t.Errorf("what may be subscribed to is not told:\n%s", in.Raw)
	}
	c.want(c.do(c.request("SUBSCRIBE", event), sipwire.Plain()), 401)
	c.address = "kerry@contoso.com" // of another user he learns nothing
	c.want(c.do(c.request("SUBSCRIBE", event, "Expires: 0")), 403)
	c.want(c.do(c.withBody("SERVICE", publishType, "<publish/>")), 403)
}

func TestPublicationIsTakenAndNotKept(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	in := c.do(c.withBody("SERVICE", publishType, `<publish xmlns="http://schemas.microsoft.com/2006/09/sip/rich-presence"/>`))
	c.want(in, 200)
	if in.Header("Content-Type") != selfType || !strings.Contains(string(in.Msg.Body()), "</roamingData>") {
		t.Errorf("published:\n%s%s", in.Raw, in.Msg.Body())
	}
	c.want(c.do(c.withBody("SERVICE", "application/msrtc-setcontainermembers+xml", "<setContainerMembers/>")), 200)
	c.want(c.do(c.withBody("SERVICE", publishType, "<publish>")), 400)
	c.want(c.do(c.withBody("SERVICE", "application/SOAP+xml", "<Envelope/>")), 405)
}

func TestPlainRegistrarHasNoServicesOfAPool(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.Schemes = []pool.Scheme{pool.DigestSHA256} })
	c := w.dial(t)
	c.want(c.do(c.request("SUBSCRIBE", "Event: "+provisioning, "Expires: 0")), 489)
	c.want(c.do(c.withBody("SERVICE", publishType, "<publish/>")), 405)
}
