package pool_test

import (
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/sipwire"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// profile asks for a location profile of owner.
func (c *client) profile(owner, which string, headers ...string) *sipwire.Incoming {
	c.t.Helper()
	gruu := "sip:" + owner + ";gruu;opaque=app:locationprofile:get" + which
	req := c.request("SERVICE", headers...)
	if err := sip.ParseUri(gruu, &req.Recipient); err != nil {
		c.t.Fatal(err)
	}
	req.ReplaceHeader(sip.NewHeader("To", "<"+gruu+">"))
	return c.do(req)
}

func plan(name, translation string) dialplan.Plan {
	return dialplan.Plan{Name: name, Rules: []dialplan.Rule{{Pattern: `^(\d{3})$`, Translation: translation}}}
}

func set(t *testing.T, w *world, p dialplan.Plan) {
	t.Helper()
	if err := w.dir.SetLocationProfile(p); err != nil {
		t.Fatal(err)
	}
}

// rule is the translation of the one rule of a profile that was answered.
func rule(t *testing.T, in *sipwire.Incoming) string {
	t.Helper()
	p, err := dialplan.ReadXML(in.Msg.Body())
	if err != nil || len(p.Rules) != 1 || in.Header("Content-Type") != dialplan.ContentType {
		t.Fatalf("%v: %v\n%s", p, err, in.Raw)
	}
	return p.Name + " " + p.Rules[0].Translation
}

func TestR12_1LocationProfileIsThatOfTheUserOrThePool(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.LocationProfile = "hellerup" })
	c := w.dial(t)
	c.signIn()
	c.want(c.profile("tu@contoso.com", ";default"), 404) // the pool names one that there is not
	w.clock.Advance(pool.DefaultReload)
	set(t, w, plan("Hellerup", "+4544890$1"))
	set(t, w, plan("Redmond West", "+1425555$1"))
	w.clock.Advance(pool.DefaultReload)
	for which, want := range map[string]string{
		";default":                                "Hellerup +4544890$1",
		";DEFAULT":                                "Hellerup +4544890$1", // RFC 3261 19.1.4
		";default;phone-context=Redmond%20West":   "Hellerup +4544890$1",
		";phone-context=REDMOND%20West":           "Redmond West +1425555$1",
		";phone-context=hellerup;ms-skip-rnl=yes": "Hellerup +4544890$1",
	} {
		in := c.profile("tu@contoso.com", which, "Accept: "+dialplan.ContentType)
		c.want(in, 200)
		if got := rule(t, in); got != want {
			t.Errorf("%s: %s, want %s", which, got, want)
		}
	}
	if err := w.dir.SetUser("kerry", func(u *directory.User) { u.LocationProfile = "Redmond West" }); err != nil {
		t.Fatal(err)
	}
	// MS-SIPRE 3.8.5.1: any AOR of the domain may be asked for its default.
	if got := rule(t, c.profile("kerry@contoso.com", ";default")); got != "Redmond West +1425555$1" {
		t.Errorf("kerry's: %s", got)
	}
	for name, row := range map[string]struct {
		owner, which, header string
		status               int
	}{
		"neither default nor a name": {"tu@contoso.com", "", "", 485},
		"no profile of that name":    {"tu@contoso.com", ";phone-context=Lyngby", "", 404},
		"an address nobody has":      {"nobody@contoso.com", ";default", "", 404},
		"another media type":         {"tu@contoso.com", ";default", "Accept: text/plain", 406},
	} {
		var headers []string
		if row.header != "" {
			headers = append(headers, row.header)
		}
		in := c.profile(row.owner, row.which, headers...)
		if in.Response().StatusCode != row.status {
			t.Errorf("%s: %d", name, in.Response().StatusCode)
		}
		if row.status == 485 && !strings.Contains(in.Header("ms-diagnostics"), `source="fe1.contoso.com"`) {
			t.Errorf("%s: who says so?\n%s", name, in.Raw)
		}
	}
	for _, status := range []int{404, 485, 489, 503} {
		w.SetFaults(pool.Faults{Status: map[string]int{pool.LocationProfile: status}})
		c.want(c.profile("tu@contoso.com", ";default"), status)
	}
	w.SetFaults(pool.Faults{Body: map[string]string{pool.LocationProfile: "<odd"}})
	if in := c.profile("tu@contoso.com", ";default"); string(in.Msg.Body()) != "<odd" {
		t.Errorf("%s", in.Raw)
	}
	w.SetFaults(pool.Faults{})
	c.address = "kerry@contoso.com" // who he is not
	c.want(c.profile("tu@contoso.com", ";default"), 403)
}

func TestR12_2EachFrontEndReadsEveryFiveMinutesFromItsOwnDomainController(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) {
		s.FrontEnds = []pool.FrontEnd{{Name: "fe1.contoso.com"}, {Name: "fe2.contoso.com", ReplicationDelay: 12 * time.Minute}}
		s.LocationProfile = "Hellerup"
	})
	first, second := w.dial(t), w.dial(t)
	first.signIn()
	second.epid = "02020202"
	second.signIn()
	ask := func() string {
		t.Helper()
		var all []string
		for i, c := range []*client{first, second} {
			in := c.profile("tu@contoso.com", ";default")
			if in.Response().StatusCode == 404 {
				all = append(all, "none")
				continue
			}
			if want := []string{"fe1", "fe2"}[i]; !strings.Contains(in.Header("Contact"), want) {
				t.Fatalf("%s did not answer:\n%s", want, in.Raw)
			}
			_, translation, _ := strings.Cut(rule(t, in), " ")
			all = append(all, translation)
		}
		return strings.Join(all, " ")
	}
	at := start
	for _, step := range []struct {
		after  time.Duration // since start
		change string
		want   string
	}{
		{0, "+1$1", "none none"}, // changed right after both have read
		{4*time.Minute + 59*time.Second, "", "none none"},
		{5 * time.Minute, "", "+1$1 none"}, // 12 minutes behind: still what there was at the start
		{6 * time.Minute, "+2$1", "+1$1 none"},
		{10 * time.Minute, "", "+2$1 none"},
		{15 * time.Minute, "", "+2$1 +1$1"}, // as of minute 3
		{17*time.Minute + 59*time.Second, "+3$1", "+2$1 +1$1"},
		{20 * time.Minute, "", "+3$1 +2$1"}, // as of minute 8
		{61 * time.Minute, "", "+3$1 +3$1"}, // after long silence
	} {
		w.clock.Advance(step.after - at.Sub(start))
		at = start.Add(step.after)
		if step.change != "" {
			set(t, w, plan("Hellerup", step.change))
		}
		if got := ask(); got != step.want {
			t.Errorf("after %v: %s, want %s", step.after, got, step.want)
		}
	}
}

func TestInvalidFrontEndsAreRefused(t *testing.T) {
	for name, all := range map[string][]pool.FrontEnd{
		"none": {}, "without a name": {{}}, "with another name": {{Name: "fe1\r\nX: y"}}, "ahead of time": {{Name: "fe1", ReplicationDelay: -1}},
	} {
		s := pool.New(newDirectory(t))
		s.Certificate, s.FrontEnds = certificate, all
		if err := s.Start(); err == nil {
			s.Close()
			t.Errorf("%s: started", name)
		}
	}
}
