package pool_test

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipwire"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

const (
	membersType = "application/msrtc-setcontainermembers+xml"
	watcherType = "application/msrtc-presence-setsubscriber+xml"
)

// watch subscribes to the user himself.
func (c *client) watch(headers ...string) roaming.Self {
	c.t.Helper()
	in := c.do(c.withBody("SUBSCRIBE", roaming.SelfType, string(roaming.SelfRequest()),
		append(headers, "Event: "+roaming.SelfEvent, "Supported: ms-benotify, com.microsoft.autoextend")...))
	c.want(in, 200)
	return apply(c.t, roaming.Self{}, in)
}

func apply(t testing.TB, to roaming.Self, in *sipwire.Incoming) roaming.Self {
	t.Helper()
	self, err := to.Apply(in.Msg.Body())
	if err != nil || len(self.Warnings) != 0 {
		t.Fatalf("%v, odd: %v\n%s", err, self.Warnings, in.Msg.Body())
	}
	return self
}

func machineState(version, availability int) string {
	return fmt.Sprintf(`<publication categoryName="state" instance="805306369" container="2" version="%d" expireType="endpoint">`+
		`<state xmlns="http://schemas.microsoft.com/2006/09/sip/state" manual="false" xsi:type="machineState"><availability>%d</availability></state></publication>`, version, availability)
}

func note(version int, text string) string {
	return fmt.Sprintf(`<publication categoryName="note" instance="0" container="200" version="%d" expireType="static">`+
		`<note xmlns="http://schemas.microsoft.com/2006/09/sip/note"><body type="personal" uri="">%s</body></note></publication>`, version, text)
}

// publish sends publications, with a prefix that an outer element declares.
func (c *client) publish(all ...string) *sipwire.Incoming {
	c.t.Helper()
	return c.do(c.withBody("SERVICE", publishType, `<publish xmlns="http://schemas.microsoft.com/2006/09/sip/rich-presence" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`+
		`<publications uri="sip:`+c.address+`">`+strings.Join(all, "")+`</publications></publish>`))
}

// versions are those of a category, by container, in order.
func versions(s roaming.Self, category string) string {
	var all []string
	for _, p := range s.Publications {
		if p.Category == category {
			all = append(all, fmt.Sprintf("%d:%d", p.Container, p.Version))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// delta is the body of a 409: index, version and current version.
func delta(t *testing.T, in *sipwire.Incoming) string {
	t.Helper()
	var fault struct {
		Code       string `xml:"Faultcode"`
		Operations []struct {
			Attrs []xml.Attr `xml:",any,attr"`
		} `xml:"details>operation"`
	}
	if err := xml.Unmarshal(in.Msg.Body(), &fault); err != nil || fault.Code != "Client.BadCall.WrongDelta" || in.Header("Content-Type") != "application/msrtc-fault+xml" {
		t.Fatalf("%v\n%s%s", err, in.Raw, in.Msg.Body())
	}
	var all []string
	for _, o := range fault.Operations {
		for _, a := range o.Attrs {
			all = append(all, a.Name.Local+"="+a.Value)
		}
	}
	return strings.Join(all, " ")
}

func TestR5_1AndR7_1SelfIsOfTheDirectory(t *testing.T) {
	w := newWorld(t, nil)
	for _, u := range []directory.User{
		{SIP: "bob@contoso.com", SAM: "bob", DisplayName: "Bob", Contacts: []directory.Contact{{Address: "TU@contoso.com"}}},
		{SIP: "eve@contoso.com", SAM: "eve"},
	} {
		if err := w.dir.AddUser(u); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.dir.SetUser("kerry", func(u *directory.User) { u.Contacts = []directory.Contact{{Address: "tu@contoso.com"}} }); err != nil {
		t.Fatal(err)
	}
	c := w.dial(t)
	c.signIn()
	self := c.watch()
	line, _ := self.Line()
	if self.Address != "tu@contoso.com" || self.DisplayName != "Test User" || self.Email != "tu@mail.contoso.com" || line.Number != "tel:+4544890101;ext=200" ||
		!self.UM || self.EUM != "tu@contoso.com;phone-context=Hellerup.contoso.com" || self.Availability != 18500 || len(self.Containers) != 0 {
		t.Errorf("%+v", self)
	}
	if got := versions(self, "userProperties") + " " + versions(self, "contactCard") + " " + versions(self, "state"); got != "1:1 0:1 2:1" {
		t.Errorf("versions %s", got)
	}
	if len(self.Watchers) != 2 || self.Watchers[0].Address != "kerry@contoso.com" || !self.Watchers[0].Acknowledged ||
		self.Watchers[1].Address != "bob@contoso.com" || self.Watchers[1].Acknowledged {
		t.Errorf("watchers %+v", self.Watchers)
	}
	c.want(c.do(c.withBody("SERVICE", watcherType, `<setSubscribers xmlns="http://schemas.microsoft.com/2006/09/sip/presence-subscribers"><subscriber user="bob@contoso.com" acknowledged="true"/></setSubscribers>`)), 200)
	if self = apply(t, self, await(t, c.requests, "the watchers")); !self.Watchers[1].Acknowledged {
		t.Errorf("watchers %+v", self.Watchers)
	}
	if err := w.dir.SetUser("tu", func(u *directory.User) { u.LineURI, u.EUM = "", "" }); err != nil {
		t.Fatal(err)
	}
	if self = c.watch(); self.VoiceEnabled() || self.UM || versions(self, "userProperties") != "1:2" {
		t.Errorf("without voice: %+v", self)
	}
}

func TestContactListComesFromTheDirectory(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	list := func() roaming.ContactList {
		t.Helper()
		in := c.do(c.request("SUBSCRIBE", "Event: "+roaming.ContactsEvent))
		c.want(in, 200)
		l, err := roaming.ContactList{}.Apply(in.Msg.Body())
		if err != nil || len(l.Warnings) != 0 {
			t.Fatal(err, l.Warnings)
		}
		return l
	}
	if l := list(); l.Delta != 1 || len(l.Groups) != 2 || l.Groups[0].Name != "~" || l.Groups[1].Name != "Sales" ||
		len(l.Contacts) != 1 || l.Contacts[0].Address != "kerry@contoso.com" || !slices.Equal(l.Contacts[0].Groups, []uint32{1, 2}) {
		t.Errorf("%+v", l)
	}
	if l := list(); l.Delta != 1 {
		t.Errorf("nothing has changed and it is number %d", l.Delta)
	}
	if err := w.dir.SetUser("tu", func(u *directory.User) { u.Contacts = nil }); err != nil {
		t.Fatal(err)
	}
	if l := list(); l.Delta != 2 || len(l.Contacts) != 0 || len(l.Groups) != 1 {
		t.Errorf("emptied: %+v", l)
	}
	c.want(c.do(c.withBody("SERVICE", "application/SOAP+xml", "<Envelope/>")), 415) // it is changed in the directory alone
}

// twoEndpoints are signed in as the same user, and watch.
func twoEndpoints(t *testing.T) (w *world, a, b *client, self roaming.Self) {
	t.Helper()
	w = newWorld(t, nil)
	a, b = w.dial(t), w.dial(t)
	b.epid, b.instance = "02020202", ""
	a.signIn()
	b.signIn()
	self = a.watch()
	b.watch()
	return w, a, b, self
}

func TestPublicationsKeepVersions(t *testing.T) {
	_, a, b, self := twoEndpoints(t)
	in := a.publish(machineState(0, 3500), note(0, "in"))
	a.want(in, 200)
	self = apply(t, self, in)
	if versions(self, "state") != "2:1 2:2" || versions(self, "note") != "200:1" || self.Availability != 3500 || self.Note != "in" {
		t.Errorf("published: %+v", self)
	}
	told := await(t, b.requests, "the change")
	if told.Request().Method != sipwire.BENOTIFY || told.Signature != sipwire.Valid || string(told.Msg.Body()) != string(in.Msg.Body()) {
		t.Errorf("the other endpoint is told\n%s%s", told.Raw, told.Msg.Body())
	}
	// All or nothing: the second one is right, and is not taken.
	in = b.publish(machineState(7, 6500), note(1, "out"), note(1, "out again"))
	b.want(in, 409)
	if got := in.Header("ms-diagnostics"); !strings.HasPrefix(got, "2141;") { // docs/protocol/presence.md#version-conflict
		t.Errorf("ms-diagnostics %s", got)
	}
	if got := delta(t, in); got != "index=1 version=7 curVersion=1 index=3 version=1 curVersion=2" {
		t.Errorf("409: %s", got)
	}
	b.want(b.publish(note(1, "out")), 200)
	if self = apply(t, self, await(t, a.requests, "the change")); self.Note != "out" || versions(self, "note") != "200:2" || self.Availability != 3500 {
		t.Errorf("after the other endpoint's: %+v", self)
	}
	// expires="0" without a body deletes.
	in = a.publish(`<publication categoryName="note" instance="0" container="200" version="2" expireType="static" expires="0"/>`)
	a.want(in, 200)
	if self = apply(t, self, in); versions(self, "note") != "" || self.Note != "" || !strings.Contains(string(in.Msg.Body()), `<category name="note"></category>`) {
		t.Errorf("deleted: %+v\n%s", self, in.Msg.Body())
	}
	await(t, b.requests, "the change")
	a.want(a.publish(note(0, "new")), 200)
	await(t, b.requests, "the change")
	for name, row := range map[string]struct {
		body   string
		status int
	}{
		"of the pool":       {`<publication categoryName="userProperties" instance="0" container="1" version="1" expireType="static"><x/></publication>`, 403},
		"no number":         {`<publication categoryName="note" instance="-1" container="200" version="1" expireType="static"/>`, 400},
		"no category":       {`<publication instance="1" container="200" version="1" expireType="static"/>`, 400},
		"no such lifetime":  {`<publication categoryName="note" instance="1" container="200" version="0" expireType="ever"><x/></publication>`, 400},
		"no time to expire": {`<publication categoryName="note" instance="1" container="200" version="0" expireType="time"><x/></publication>`, 400},
		"two elements":      {`<publication categoryName="note" instance="1" container="200" version="0" expireType="static"><x/><y/></publication>`, 400},
		"too much":          {`<publication categoryName="x" instance="1" container="200" version="0" expireType="static"><x>` + strings.Repeat("y", 128<<10) + `</x></publication>`, 200},
	} {
		if in := a.publish(row.body); in.Response().StatusCode != row.status {
			t.Errorf("%s: %d", name, in.Response().StatusCode)
		}
	}
	c := a.do(a.withBody("SERVICE", publishType, `<publish><publications uri="sip:kerry@contoso.com">`+note(0, "x")+`</publications></publish>`))
	a.want(c, 403)
	a.want(a.do(a.withBody("SERVICE", publishType, "<publish>")), 400)
	a.want(a.do(a.withBody("SERVICE", publishType, "<publish/><publish/>")), 400)
	a.want(a.do(a.withBody("SERVICE", publishType, "<publish>"+strings.Repeat("<x>", 40)+strings.Repeat("</x>", 40)+"</publish>")), 400)
}

func TestPublicationsHaveALimit(t *testing.T) {
	_, a, _, _ := twoEndpoints(t)
	status := 0
	for i := 0; i < 5 && status != 403; i++ {
		status = a.publish(fmt.Sprintf(`<publication categoryName="x" instance="%d" container="200" version="0" expireType="static"><x>%s</x></publication>`, i, strings.Repeat("y", 200<<10))).Response().StatusCode
	}
	if status != 403 {
		t.Errorf("the last of 1 MB was answered %d", status)
	}
}

func TestPublicationsEndWithTheirEndpoint(t *testing.T) {
	for name, leave := range map[string]func(*world, *client){
		"unregisters":  func(_ *world, b *client) { b.want(b.do(b.request("REGISTER", "Expires: 0")), 200) },
		"deregistered": func(w *world, b *client) { w.Deregister("tu@contoso.com", pool.Unregistered, pool.Diagnostics{}) },
		"expires": func(w *world, b *client) {
			w.clock.Advance(time.Hour)
			b.want(b.do(b.request("REGISTER", "Expires: 60")), 200)
			w.clock.Advance(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, a, b, self := twoEndpoints(t)
			b.want(b.publish(machineState(0, 3500), note(0, "stays"),
				`<publication categoryName="soon" instance="0" container="2" version="0" expireType="time" expires="30"><x/></publication>`), 200)
			self = apply(t, self, await(t, a.requests, "the publication"))
			if self.Availability != 3500 || versions(self, "soon") != "2:1" {
				t.Fatalf("%+v", self)
			}
			leave(w, b)
			switch name {
			case "unregisters":
				self = apply(t, self, await(t, a.requests, "the end of it"))
			case "deregistered":
				await(t, a.requests, "the deregistration")
				a.signIn()
				self = a.watch()
			default:
				self = a.watch()
				if versions(self, "soon") != "" {
					t.Errorf("after its time: %+v", self)
				}
			}
			if self.Availability != 18500 || strings.Contains(versions(self, "state"), " ") || self.Note != "stays" {
				t.Errorf("left: %+v", self)
			}
		})
	}
}

func TestContainersKeepVersions(t *testing.T) {
	_, a, b, self := twoEndpoints(t)
	change := func(c *client, id, version int, action, member string) *sipwire.Incoming {
		return c.do(c.withBody("SERVICE", membersType, fmt.Sprintf(`<setContainerMembers xmlns="http://schemas.microsoft.com/2006/09/sip/container-management">`+
			`<container id="%d" version="%d"><member action="%s" %s/></container></setContainerMembers>`, id, version, action, member)))
	}
	a.want(change(a, 200, 0, "add", `type="sameEnterprise"`), 200)
	self = apply(t, self, await(t, a.requests, "the containers"))
	apply(t, roaming.Self{}, await(t, b.requests, "the containers"))
	if len(self.Containers) != 1 || self.Containers[0].ID != 200 || self.Containers[0].Version != 1 || self.Containers[0].Members[0].Type != "sameEnterprise" {
		t.Errorf("%+v", self.Containers)
	}
	in := change(b, 200, 0, "add", `type="user" value="kerry@contoso.com"`)
	b.want(in, 409)
	if got := in.Header("ms-diagnostics"); !strings.HasPrefix(got, "2141;") { // docs/protocol/presence.md#version-conflict
		t.Errorf("ms-diagnostics %s", got)
	}
	if got := delta(t, in); got != "index=1 version=0 curVersion=1" {
		t.Error(got)
	}
	b.want(change(b, 200, 1, "add", `type="user" value="kerry@contoso.com"`), 200)
	b.want(change(b, 200, 2, "remove", `type="sameEnterprise"`), 200)
	apply(t, self, await(t, a.requests, "the containers"))
	self = apply(t, self, await(t, a.requests, "the containers"))
	if c := self.Containers[0]; c.Version != 3 || len(c.Members) != 1 || c.Members[0].Value != "kerry@contoso.com" {
		t.Errorf("%+v", c)
	}
	b.want(change(b, 200, 3, "drop", `type="sameEnterprise"`), 400)
	b.want(change(b, 200, 3, "add", ""), 400)
}

func TestForeignEPIDIsRefused(t *testing.T) {
	w, a, b, _ := twoEndpoints(t)
	ask := func(status int) {
		t.Helper()
		in := a.do(a.request("SUBSCRIBE", "Event: "+roaming.SelfEvent))
		a.want(in, status)
		if status == 403 && !strings.Contains(in.Header("ms-diagnostics"), "registered on this connection") {
			t.Errorf("why?\n%s", in.Raw)
		}
		a.want(a.publish(note(0, "x")), status)
		a.want(a.do(a.withBody("SERVICE", membersType, "<setContainerMembers/>")), status)
	}
	a.epid = "03030303" // of nobody
	ask(403)
	a.epid = b.epid // of another connection
	ask(403)
	a.epid = ""
	ask(400)
	a.epid = epid
	a.settings("userSetting") // a query needs no endpoint
	// The same epid on a new connection takes over.
	again := w.dial(t)
	again.signIn()
	ask(403)
	again.watch()
}

func TestSubscriptionsEndWithTheirTime(t *testing.T) {
	w, a, b, _ := twoEndpoints(t)
	in := b.do(b.request("SUBSCRIBE", "Event: "+roaming.SelfEvent, "Expires: 60", "Supported: ms-benotify")) // without autoextend
	b.want(in, 200)
	w.clock.Advance(time.Minute) // the one of a, with it, lasts
	a.want(a.publish(note(0, "one")), 200)
	b.want(b.publish(note(1, "two")), 200)
	await(t, a.requests, "the second note")
	a.want(a.do(a.request("SUBSCRIBE", "Event: "+roaming.SelfEvent, "Expires: 0")), 200)
	b.want(b.publish(note(2, "three")), 200)
	a.want(a.do(a.request("OPTIONS")), 200)
	b.want(b.do(b.request("OPTIONS")), 200)
	if len(a.requests) != 0 || len(b.requests) != 0 {
		t.Errorf("told after the end: %d, %d", len(a.requests), len(b.requests))
	}
}

func TestNotificationsFollowTheOrderOfChanges(t *testing.T) {
	w := newWorld(t, nil)
	watcher := w.dial(t)
	watcher.epid = "03030303"
	watcher.signIn()
	self := watcher.watch()
	const each = 20
	done := make(chan error, 2)
	for i := range 2 {
		c := w.dial(t)
		c.epid = fmt.Sprintf("0%d0%d0%d0%d", i, i, i, i)
		c.signIn()
		body := func(version int) string {
			return `<publish><publications>` + note(version, fmt.Sprint(i)) + `</publications></publish>`
		}
		go func() {
			version := 0
			for published := 0; published < each; {
				req := c.withBody("SERVICE", publishType, body(version))
				in, err := c.tryDo(req)
				if err != nil {
					done <- err
					return
				}
				if in.Response().StatusCode == 200 {
					published++
					version++
				} else if _, err := fmt.Sscanf(strings.SplitAfter(string(in.Msg.Body()), `curVersion="`)[1], "%d", &version); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for i := range 2 * each {
		self = apply(t, self, await(t, watcher.requests, "a change"))
		if want := fmt.Sprintf("200:%d", i+1); versions(self, "note") != want {
			t.Fatalf("told %s, want %s", versions(self, "note"), want)
		}
	}
	for range 2 {
		if err := await(t, done, "an endpoint"); err != nil {
			t.Error(err)
		}
	}
}
