package sipua_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/device/sipwire"
)

const (
	provisioningEvent = "vnd-microsoft-provisioning-v2"
	contactsEvent     = "vnd-microsoft-roaming-contacts"
	selfEvent         = "vnd-microsoft-roaming-self"
)

// asked is the subscription to one of the pool's packages.
func asked(event string, w updates) sipua.Subscription {
	s := w.subscription(event == provisioningEvent)
	s.Event, s.Accept, s.ContentType, s.Body = event, "application/"+event+"+xml", "", nil
	switch event {
	case provisioningEvent:
		s.Accept = "application/vnd-microsoft-roaming-provisioning-v2+xml"
		s.ContentType = s.Accept
		s.Body = []byte(`<provisioningGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist"><provisioningGroup name="ServerConfiguration"/></provisioningGroupList>`)
	case selfEvent:
		s.ContentType = s.Accept
		s.Body = []byte(`<roamingList xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self"><roaming type="categories"/></roamingList>`)
	}
	return s
}

var rootOf = map[string]string{provisioningEvent: "provisionGroupList", contactsEvent: "contactList", selfEvent: "roamingData"}

// R12.1: the documents of the pool at sign-in, in the 200 or after it;
// docs/protocol/sip-services.md#provisioning-answer,
// docs/protocol/presence.md#self-subscription,
// docs/protocol/sip-services.md#contact-list. The lasting ones are refreshed in
// their dialogs.
func TestR12_1DocumentsAfterTheSignIn(t *testing.T) {
	for _, late := range []bool{false, true} {
		w := newWorld(t, nil)
		subscribed := 0
		w.SetFaults(pool.Faults{LateBody: map[string]bool{provisioningEvent: late, contactsEvent: late, selfEvent: late},
			Hold: func(req *sip.Request) {
				if req.Method == sip.SUBSCRIBE {
					subscribed++
				}
			}})
		r, events := w.signedIn(t)
		got := newUpdates()
		for event, want := range rootOf {
			reply, err := r.Subscribe(t.Context(), asked(event, got))
			if err != nil {
				t.Fatal(late, event, err)
			}
			var root struct{ XMLName xml.Name }
			if err := xml.Unmarshal(reply.Body, &root); err != nil || root.XMLName.Local != want {
				t.Errorf("%s: %v in %s", event, err, reply.Body)
			}
		}
		w.clock.Advance(2 * time.Hour)
		if subscribed < 5 { // both lasting ones again
			t.Errorf("%d subscriptions", subscribed)
		}
		for len(got) > 0 {
			if body := <-got; strings.HasPrefix(body, "ended") {
				t.Error(body)
			}
		}
		if e := next(t, events); e.Kind != sipua.Refreshed {
			t.Errorf("event %+v", e)
		}
		if n := w.Counters(); n.BadSignatures != 0 || n.Connections != 1 {
			t.Errorf("the pool saw %+v", n)
		}
	}
}

// The caller can distinguish the reasons of a refusal.
func TestPoolRefuses(t *testing.T) {
	w := newWorld(t, nil)
	r, _ := w.signedIn(t)
	for _, row := range []struct {
		status int
		code   journal.Code
	}{{404, journal.SIPUnknownUser}, {489, journal.SIPRejected}, {503, journal.SIPUnavailable}} {
		w.SetFaults(pool.Faults{Status: map[string]int{selfEvent: row.status}})
		_, err := r.Subscribe(t.Context(), asked(selfEvent, newUpdates()))
		wantFailure(t, err, row.code)
		var no *sipua.Refused
		if !errors.As(err, &no) || no.Status != row.status {
			t.Errorf("%d: %v", row.status, err)
		}
	}
	w.SetFaults(pool.Faults{})
	s := asked(selfEvent, newUpdates())
	s.Accept = "text/plain"
	_, err := r.Subscribe(t.Context(), s)
	var no *sipua.Refused
	if !errors.As(err, &no) || no.Status != 406 {
		t.Errorf("a form that the pool has not: %v", err)
	}
	s.Event = "presence.none"
	if _, err = r.Subscribe(t.Context(), s); !errors.As(err, &no) || no.Status != 489 {
		t.Errorf("a package that the pool has not: %v", err)
	}
	w.DropAll()
	_, err = r.Subscribe(t.Context(), asked(selfEvent, newUpdates()))
	wantFailure(t, err, journal.SIPLost)
	if !strings.Contains(fmt.Sprint(err), "sip.lost") {
		t.Error(err)
	}
}

// R14.1 rows 2 and 4: the 200 of Live Communications Server 2005, and that of OCS 2007
// to a user who is not enabled for enhanced presence.
func TestR14_1EnhancedPresence(t *testing.T) {
	const events = "Allow-Events: vnd-microsoft-provisioning-v2,vnd-microsoft-roaming-self"
	for _, row := range []struct {
		name    string
		version int
		headers []string
		fix     string // "": the user is enabled
	}{
		{"row 6", 3, []string{events, "Supported: adhoclist", "Supported: MSRTC-Event-Categories"}, ""},
		{"row 6, version 2", 2, []string{"Supported: msrtc-event-categories"}, ""},
		{"row 2", 2, []string{"Supported: com.microsoft.msrtc.presence", "Allow-Events: vnd-microsoft-provisioning,presence"}, "Move tu@contoso.com to a pool of OCS 2007"},
		{"row 4", 3, []string{events, "Supported: adhoclist"}, "Enable tu@contoso.com for enhanced presence"},
		{"row 4, version 2", 2, []string{events}, "Enable tu@contoso.com for enhanced presence"},
		{"row 4, without a word", 4, nil, "Enable tu@contoso.com for enhanced presence"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t, (&ntlmServer{version: row.version, last: func(c *sipwire.Conn, in *sipwire.Incoming) {
				c.Send(respond(in, 200, append(row.headers, "Expires: 600")...))
			}}).answer())
			r, err := f.register()
			if err != nil {
				t.Fatal(err)
			}
			if err = r.EnhancedPresence(); row.fix == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if got := wantFailure(t, err, journal.SIPNoEnhancedPresence); !strings.Contains(got.Fix, row.fix) || got.Because != "R14.1" {
				t.Errorf("%+v", got)
			}
		})
	}
	f := registrarWith(t, func(c *sipwire.Conn, n int, in *sipwire.Incoming) { c.Send(respond(in, 200)) })
	if r, err := f.register(); err != nil || r.EnhancedPresence() != nil || !r.Info().Offers("presence") {
		t.Errorf("a registrar has none: %v", err)
	}
}
