package pool_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipwire"
	prov "github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

const (
	provisioning     = "vnd-microsoft-provisioning-v2"
	provisioningType = "application/vnd-microsoft-roaming-provisioning-v2+xml"
	publishType      = "application/msrtc-category-publish+xml"
)

// withBody is a request that brings a body.
func (c *client) withBody(method, contentType, body string, headers ...string) *sip.Request {
	c.t.Helper()
	req := c.request(method, append(headers, "Content-Type: "+contentType)...)
	req.SetBody([]byte(body))
	return req
}

func TestResponseToSubscribeContainsTheFirstNotification(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	query, err := prov.Request(prov.Groups2007()...)
	if err != nil {
		t.Fatal(err)
	}
	for event, want := range map[string]struct{ expires, contentType, state, root, inside, query string }{
		provisioning:          {"0", provisioningType, "terminated;expires=0", "http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification provisionGroupList", `name="ucPolicy"`, string(query)},
		roaming.ContactsEvent: {"900", roaming.ContactsType, "active;expires=900", " contactList", `deltaNum="1"`, ""},
		roaming.SelfEvent:     {"900", roaming.SelfType, "active;expires=900", "http://schemas.microsoft.com/2006/09/sip/roaming-self roamingData", `uri="sip:tu@contoso.com"`, string(roaming.SelfRequest())},
	} {
		req := c.request("SUBSCRIBE", "Event: "+event, "Accept: text/x, "+want.contentType, "Expires: "+want.expires, "Content-Type: "+want.contentType)
		req.SetBody([]byte(want.query))
		in := c.do(req)
		c.want(in, 200)
		var root struct{ XMLName xml.Name }
		if err := xml.Unmarshal(in.Msg.Body(), &root); err != nil || root.XMLName.Space+" "+root.XMLName.Local != want.root {
			t.Errorf("%s: %v, %v", event, root.XMLName, err)
		}
		if in.Signature != sipwire.Valid || in.Header("Content-Type") != want.contentType || in.Header("Event") != event ||
			in.Header("Expires") != want.expires || in.Header("subscription-state") != want.state ||
			in.Header("ms-piggyback-cseq") == "" || in.Header("Contact") != "<sip:fe1.contoso.com:5061;transport=tls>" || !strings.Contains(string(in.Msg.Body()), want.inside) {
			t.Errorf("%s is %v:\n%s%s", event, in.Signature, in.Raw, in.Msg.Body())
		}
	}
}

// docs/protocol/sip-services.md#provisioning-request: whatever Expires was sent.
func TestProvisioningIsAQueryWithAnyExpires(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	query, err := prov.Request(prov.UserSetting)
	if err != nil {
		t.Fatal(err)
	}
	for _, headers := range [][]string{{"Expires: 60"}, {"Expires: 0"}, nil} {
		in := c.do(c.withBody("SUBSCRIBE", provisioningType, string(query), append(headers, "Event: "+provisioning)...))
		c.want(in, 200)
		if in.Header("Expires") != "0" || in.Header("subscription-state") != "terminated;expires=0" || len(in.Msg.Body()) == 0 {
			t.Errorf("%q:\n%s", headers, in.Raw)
		}
	}
}

func TestRefusedSubscriptions(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	event := "Event: " + provisioning
	c.want(c.do(c.request("SUBSCRIBE", event, "Expires: x")), 400)
	for _, body := range []string{"", "<provisioningGroupList/>", "<provisionGroupList>", "<!DOCTYPE x><provisioningGroupList/>"} {
		c.want(c.do(c.withBody("SUBSCRIBE", provisioningType, body, event, "Expires: 0")), 400)
	}
	c.want(c.do(c.withBody("SUBSCRIBE", roaming.SelfType, "<roaming", "Event: "+roaming.SelfEvent)), 400)
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

func TestPlainRegistrarHasNoServicesOfAPool(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.Schemes = []pool.Scheme{pool.DigestSHA256} })
	c := w.dial(t)
	for _, req := range []*sip.Request{
		c.request("SUBSCRIBE", "Event: "+provisioning, "Expires: 0"), c.withBody("SERVICE", publishType, "<publish/>"),
	} {
		in := c.do(req)
		c.want(in, 405)
		if got := in.Header("Allow"); got != "REGISTER, OPTIONS" {
			t.Errorf("Allow: %s", got)
		}
	}
}

// settings asks for groups and reads the answer as a phone does.
func (c *client) settings(groups ...string) prov.Answer {
	c.t.Helper()
	query, err := prov.Request(groups...)
	if err != nil {
		c.t.Fatal(err)
	}
	in := c.do(c.withBody("SUBSCRIBE", provisioningType, string(query), "Event: "+provisioning, "Expires: 0"))
	c.want(in, 200)
	answer, err := prov.Parse(in.Msg.Body())
	if err != nil {
		c.t.Fatal(err)
	}
	return answer
}

func names(a prov.Answer) string {
	var all []string
	for _, g := range a.Groups {
		all = append(all, g.Name)
	}
	return strings.Join(all, " ")
}

func TestR9_1AndR12_1SettingsArriveInBand(t *testing.T) {
	for version := 2; version <= 4; version++ {
		w := newWorld(t, func(s *pool.Server) { s.Version, s.LocationProfile = version, "Hellerup.contoso.com" })
		e := pool.NewEdge(w.Server)
		e.Certificate = certificate
		if err := e.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { e.Close() })
		c := w.dial(t)
		c.version = version
		c.signIn()
		answer := c.settings(prov.Groups2007()...)
		s := answer.Settings(prov.Subscriber{Address: c.address})
		if len(s.Warnings) != 0 || names(answer) != strings.Join(prov.Groups2007(), " ") {
			t.Errorf("version %d: %s, odd: %v", version, names(answer), s.Warnings)
		}
		if s.PrimaryEmail != "tu@mail.contoso.com" || s.LocationProfile() != "Hellerup.contoso.com" ||
			s.Updates.Internal != "https://pool.contoso.com:443/RequestHandler/ucdevice.upx" ||
			s.Updates.External != "https://sip.contoso.com:443/RequestHandlerExt/ucdevice.upx" ||
			s.Media.Encryption != prov.RequireEncryption || s.QoSURI != "" || s.MRASURI != "" || s.QoS.Enabled {
			t.Errorf("version %d: %+v", version, s)
		}
		if r2 := version == 4; r2 != (s.PoolURI != "") || r2 != s.AddressBookQuery.Enabled || r2 != (s.GroupExpansion.URL != "") {
			t.Errorf("version %d has what another one has: %+v", version, s)
		}
	}
}

func TestOnlyRequestedAndKnownGroupsAreAnswered(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) {
		s.Provisioning = []prov.Group{
			{Name: prov.ServerConfiguration, Properties: []prov.Property{{Name: "UCPHONETIMEOUT", Value: "25"}, {Name: "qosUri", Value: "sip:qos@contoso.com"}}},
			{Name: "endpointConfiguration", Form: prov.EntryList, Properties: []prov.Property{{Name: "ShowRecentContacts", Value: "true"}}},
		}
	})
	c := w.dial(t)
	c.signIn()
	answer := c.settings("userSetting", "Unknown", "serverconfiguration", prov.ServerConfiguration, "endpointConfiguration")
	if names(answer) != "userSetting ServerConfiguration endpointConfiguration" {
		t.Errorf("answered %s", names(answer))
	}
	if s := answer.Settings(prov.Subscriber{}); s.Lock.Idle != 25*time.Minute || s.QoSURI != "sip:qos@contoso.com" || s.Lock.MinPINLength != 6 {
		t.Errorf("the pool's own settings: %+v", s)
	}
	if s := answer.Settings(prov.Subscriber{}); s.LocationProfile() != "" || s.AddressBook.External != "" {
		t.Errorf("what nobody has set up is told: %+v", s)
	}
	if err := w.dir.SetUser("tu", func(u *directory.User) { u.LocationProfile, u.Mail = "Hellerup", "" }); err != nil {
		t.Fatal(err)
	}
	if s := c.settings(prov.UserSetting).Settings(prov.Subscriber{}); s.UserLocationProfile != "Hellerup" || s.PrimaryEmail != "" {
		t.Errorf("the user's own: %+v", s)
	}
}

func TestBadAnswersOfServices(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	ask := map[string]func() *sip.Request{
		provisioning: func() *sip.Request {
			return c.withBody("SUBSCRIBE", provisioningType, `<provisioningGroupList><provisioningGroup name="userSetting"/></provisioningGroupList>`, "Event: "+provisioning, "Expires: 0")
		},
		roaming.ContactsEvent: func() *sip.Request { return c.request("SUBSCRIBE", "Event: "+roaming.ContactsEvent) },
		roaming.SelfEvent: func() *sip.Request {
			return c.request("SUBSCRIBE", "Event: "+roaming.SelfEvent, "Supported: ms-benotify")
		},
		publishType: func() *sip.Request { return c.withBody("SERVICE", publishType, "<publish/>") },
	}
	for name, request := range ask {
		for _, status := range []int{404, 485, 489, 503} {
			w.SetFaults(pool.Faults{Status: map[string]int{name: status}})
			c.want(c.do(request()), status)
		}
		w.SetFaults(pool.Faults{Body: map[string]string{name: "<odd"}})
		in := c.do(request())
		c.want(in, 200)
		if string(in.Msg.Body()) != "<odd" {
			t.Errorf("%s: %s", name, in.Msg.Body())
		}
		w.SetFaults(pool.Faults{LateBody: map[string]bool{name: true}})
		in = c.do(request())
		c.want(in, 200)
		if name == publishType {
			continue
		}
		late := await(t, c.requests, "the body of "+name)
		method := sip.NOTIFY
		if name == roaming.SelfEvent {
			method = sipwire.BENOTIFY
		}
		if len(in.Msg.Body()) != 0 || in.Header("Content-Type") != "" || in.Header("ms-piggyback-cseq") != "" || late.Request().Method != method ||
			late.Signature != sipwire.Valid || late.Header("Event") != name || len(late.Msg.Body()) == 0 || late.Header("Call-ID") != in.Header("Call-ID") {
			t.Errorf("%s came late:\n%s%s", name, in.Raw, late.Raw)
		}
		w.SetFaults(pool.Faults{})
		c.want(c.do(request()), 200)
	}
}
