package pool_test

import (
	"crypto/tls"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/sipwire"
)

func TestSignInInEveryVersionOfTheProtocol(t *testing.T) {
	for _, row := range []struct {
		pool, client int
		noESS, v1    bool
		auth         string
	}{
		{2, 4, false, false, "NTLM v2"},
		{3, 4, false, false, "NTLM v3"},
		{4, 4, false, false, "NTLM v4"},
		{4, 3, false, false, "NTLM v3"}, // the client's limit
		{4, 2, false, false, "NTLM v2"},
		{2, 4, true, false, "NTLM v2 no ESS"},
		{3, 4, true, false, "NTLM v3 no ESS"},
		{4, 4, true, false, "NTLM v4 no ESS"},
		{3, 3, true, true, "NTLM v3 NTLMv1 no ESS"},
		{4, 4, false, true, "NTLM v4 NTLMv1"},
	} {
		t.Run(fmt.Sprintf("pool %d client %d as %s", row.pool, row.client, row.auth), func(t *testing.T) {
			w := newWorld(t, func(s *pool.Server) { s.Version, s.NoESS = row.pool, row.noESS })
			c := w.dial(t)
			c.version, c.ntlm.V1 = row.client, row.v1
			c.signIn()
			if r := w.Registrations(); len(r) != 1 || r[0].Auth != row.auth {
				t.Fatalf("registered %+v, want one by %s", r, row.auth)
			}
			// Everything is signed from here on, in both directions.
			refresh := c.do(c.request("REGISTER"))
			c.want(refresh, 200)
			if refresh.Signature != sipwire.Valid || refresh.Header("presence-state") != `register-action="refreshed"` {
				t.Errorf("the refresh: %v\n%s", refresh.Signature, refresh.Raw)
			}
			if n := w.Counters(); n != (pool.Counters{Connections: 1, Requests: 4, Registers: 2}) {
				t.Errorf("counted %+v", n)
			}
		})
	}
}

func TestRegisterAnswer(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	in := c.signIn()
	port := c.tls.LocalAddr().String()[len("127.0.0.1:"):]
	for _, h := range [][2]string{ // docs/protocol/sip-connection.md#registration
		{"Contact", `<sip:127.0.0.1:` + port + `;transport=tls;ms-opaque=d3470f2e1d;ms-received-cid=100>;expires=7200;` +
			`+sip.instance="<urn:uuid:` + instance + `>";gruu="sip:tu@contoso.com;opaque=user:epid:qIIWS2j5AVeD_HxnQdxmlwAA;gruu"`},
		{"Expires", "7200"},
		{"presence-state", `register-action="added"`},
		{"ms-keep-alive", "UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300"},
		{"Allow-Events", "vnd-microsoft-provisioning,vnd-microsoft-roaming-contacts,vnd-microsoft-roaming-ACL,presence,presence.wpending,vnd-microsoft-roaming-self,vnd-microsoft-provisioning-v2"},
		{"Server", "RTC/3.5"},
		{"Date", "Mon, 21 Apr 2008 09:00:00 GMT"},
		{"Content-Length", "0"},
		{"ms-user-logon-data", ""},
		{"From", `"Test User" <sip:tu@contoso.com>;tag=7d1f0c2a55;epid=` + epid},
	} {
		if got := in.Header(h[0]); got != h[1] {
			t.Errorf("%s: %s\nwant %s", h[0], got, h[1])
		}
	}
	if got := in.Headers("Supported"); fmt.Sprint(got) != "[adhoclist msrtc-event-categories]" {
		t.Errorf("Supported: %v", got)
	}
	if via := in.Header("Via"); !strings.HasSuffix(via, ";ms-received-port="+port+";ms-received-cid=100") {
		t.Errorf("Via: %s", via)
	}
	want := pool.Registration{User: "tu@contoso.com", EPID: epid, Instance: instance, UserAgent: "test", Auth: "NTLM v4",
		GRUU:    "sip:tu@contoso.com;opaque=user:epid:qIIWS2j5AVeD_HxnQdxmlwAA;gruu",
		Contact: "sip:127.0.0.1:" + port + ";transport=tls;ms-opaque=d3470f2e1d;ms-received-cid=100",
		Since:   start, Expires: start.Add(2 * time.Hour)}
	if r := w.Registrations(); len(r) != 1 || r[0] != want {
		t.Errorf("registered %+v\nwant %+v", r, want)
	}
}

func TestEndpointsOfOneUserAreListedTogether(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.Version = 3 })
	first, second := w.dial(t), w.dial(t)
	first.signIn()
	second.epid, second.instance = "0202020202", "00000000-0000-5000-8000-000000000002"
	in := second.signIn()
	if got := in.Headers("Contact"); len(got) != 2 || !strings.Contains(got[0], instance) || !strings.Contains(got[1], second.instance) {
		t.Errorf("contacts %q", got)
	}
	if in.Header("Server") != "RTC/3.0" {
		t.Errorf("Server of version 3: %s", in.Header("Server"))
	}
}

func TestFirstChallenge(t *testing.T) {
	for name, row := range map[string]struct {
		configure func(*pool.Server)
		want      []string
	}{
		"R2": {nil, []string{
			`NTLM realm="SIP Communications Service", targetname="pool.contoso.com", version=4`,
			`Kerberos realm="SIP Communications Service", targetname="sip/pool.contoso.com", version=4`}},
		"version 2 says none": {func(s *pool.Server) { s.Version, s.Schemes = 2, []pool.Scheme{pool.NTLM} }, []string{
			`NTLM realm="SIP Communications Service", targetname="pool.contoso.com"`}},
		"other order, folded": {func(s *pool.Server) {
			s.Version, s.Schemes, s.JoinChallenges = 3, []pool.Scheme{pool.Kerberos, pool.NTLM}, true
		}, []string{`Kerberos realm="SIP Communications Service", targetname="sip/pool.contoso.com", version=3, ` +
			`NTLM realm="SIP Communications Service", targetname="pool.contoso.com", version=3`}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newWorld(t, row.configure).dial(t)
			in := c.do(c.request("REGISTER"))
			c.want(in, 401)
			if got := in.Headers("WWW-Authenticate"); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", row.want) {
				t.Errorf("got  %q\nwant %q", got, row.want)
			}
			if in.Header("Date") == "" {
				t.Error("no Date")
			}
		})
	}
}

func TestAuthorizationOfRegister(t *testing.T) {
	for name, row := range map[string]struct {
		prepare     func(*world, *client)
		status      int
		diagnostics string // how ms-diagnostics begins
		bad         int    // bad logons of tu in the directory
		logons      int    // bad logons counted by the pool
		headers     []string
	}{
		"wrong password":    {func(_ *world, c *client) { c.ntlm.Password = "wrong" }, 401, "1000;", 1, 1, nil},
		"unknown account":   {func(_ *world, c *client) { c.ntlm.User = "nobody" }, 401, "1000;", 0, 1, nil},
		"other domain":      {func(_ *world, c *client) { c.ntlm.Domain = "FABRIKAM" }, 401, "1000;", 0, 1, nil},
		"nobody at all":     {func(_ *world, c *client) { c.ntlm.User, c.address = "nobody", "nobody@contoso.com" }, 404, "4005;", 0, 1, nil},
		"nobody's address":  {func(_ *world, c *client) { c.address = "nobody@contoso.com" }, 404, "4005;", 0, 0, nil},
		"another's address": {func(_ *world, c *client) { c.address = "kerry@contoso.com" }, 403, "4004;", 0, 0, nil},
		"no SIP address":    {func(_ *world, c *client) { c.ntlm.User, c.address = "nosip", "nosip@contoso.com" }, 404, "", 0, 0, nil},
		"not enabled for SIP": {func(w *world, _ *client) {
			w.dir.SetUser("tu", func(u *directory.User) { u.SIPDisabled = true })
		}, 404, "", 0, 0, nil},
		"locked": {func(w *world, _ *client) {
			w.dir.SetUser("tu", func(u *directory.User) { u.Locked = true })
		}, 403, `4141;reason="User disabled";source="pool.contoso.com";detail="account locked out"`, 0, 0, nil},
		"disabled": {func(w *world, _ *client) {
			w.dir.SetUser("tu", func(u *directory.User) { u.Disabled = true })
		}, 403, `4141;reason="User disabled";source="pool.contoso.com";detail="account disabled"`, 0, 0, nil},
		"disabled and wrong password": {func(w *world, c *client) {
			c.ntlm.Password = "wrong"
			w.dir.SetUser("tu", func(u *directory.User) { u.Disabled = true })
		}, 401, "1000;", 1, 1, nil},
		"clock off": {func(_ *world, c *client) {
			c.ntlm.Now = func() time.Time { return start.Add(16 * time.Minute) }
		}, 401, "1013;", 0, 0, nil},
		"clock nearly right": {func(_ *world, c *client) {
			c.ntlm.Now = func() time.Time { return start.Add(-14 * time.Minute) }
		}, 200, "", 0, 0, nil},
		"UPN":                      {func(_ *world, c *client) { c.ntlm.User, c.ntlm.Domain = "tu@contoso.com", "" }, 200, "", 0, 0, nil},
		"address in other case":    {func(_ *world, c *client) { c.address = "TU@Contoso.com" }, 200, "", 0, 0, nil},
		"no epid":                  {func(_ *world, c *client) { c.epid = "" }, 400, "4011;", 0, 0, nil},
		"no epid, no instance":     {func(_ *world, c *client) { c.epid, c.instance = "", "" }, 400, "4010;", 0, 0, nil},
		"epid too long":            {func(_ *world, c *client) { c.epid = "0123456789abcdef0" }, 400, "4012;", 0, 0, nil},
		"other event":              {nil, 489, "", 0, 0, []string{"Event: presence"}},
		"Expires is no number":     {nil, 400, "", 0, 0, []string{"Expires: soon"}},
		"Expires beyond 32 bits":   {nil, 400, "", 0, 0, []string{"Expires: 99999999999999999999"}},
		"star without unregister":  {nil, 400, "", 0, 0, []string{"Contact: *", "Expires: 60"}},
		"star beside a contact":    {nil, 400, "64007;", 0, 0, []string{"Contact: *, <sip:127.0.0.1>", "Expires: 0"}},
		"two contacts of a phone":  {nil, 400, "64007;", 0, 0, []string{"Contact: <sip:127.0.0.1>, <sip:127.0.0.2>"}},
		"unknown extension":        {nil, 420, "", 0, 0, []string{"Require: gruu-10, outbound"}},
		"instance breaks out":      {nil, 400, "", 0, 0, []string{`Contact: <sip:127.0.0.1>;+sip.instance="a\"b"`}},
		"too short a registration": {nil, 423, "", 0, 0, []string{"Expires: 59"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *pool.Server) { s.MinExpires, s.CheckSkew = time.Minute, true })
			c := w.dial(t)
			if row.prepare != nil {
				row.prepare(w, c)
			}
			in := c.register(row.headers...)
			c.want(in, row.status)
			if got := in.Header("ms-diagnostics"); !strings.HasPrefix(got, row.diagnostics) || got != "" && row.diagnostics == "" {
				t.Errorf("ms-diagnostics: %s, want %s", got, row.diagnostics)
			}
			if row.status == 401 && len(in.Headers("WWW-Authenticate")) != 2 {
				t.Errorf("no fresh challenge:\n%s", in.Raw)
			}
			if u, _ := w.dir.User("tu"); u.BadLogons != row.bad {
				t.Errorf("%d bad logons in the directory, want %d", u.BadLogons, row.bad)
			}
			if n := w.Counters(); n.BadLogons != row.logons || n.BadSignatures != 0 {
				t.Errorf("counted %+v", n)
			}
			if n := len(w.Registrations()); n != 0 != (row.status == 200) {
				t.Errorf("%d registrations", n)
			}
		})
	}
}

func TestAccountLockedAfterSignInIsRefusedAtTheRefresh(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	w.dir.SetUser("tu", func(u *directory.User) { u.Locked = true })
	in := c.do(c.request("REGISTER"))
	c.want(in, 403)
	if in.Signature != sipwire.Valid {
		t.Errorf("the 403 is %v", in.Signature)
	}
}

func TestExpires(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.MaxExpires = 3 * time.Hour })
	c := w.dial(t)
	for _, row := range []struct{ ask, want string }{
		{"Expires: 600", "600"},
		{"Expires: 4294967295", "10800"},
		{"User-Agent: x", "7200"},
		{"Contact: <sip:127.0.0.1>;expires=900", "900"},
	} {
		if got := c.signIn(row.ask).Header("Expires"); got != row.want {
			t.Errorf("%s: Expires %s, want %s", row.ask, got, row.want)
		}
	}
}

func TestRegistrationExpiresByTheClock(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	w.clock.Advance(2*time.Hour - time.Second)
	if n := len(w.Registrations()); n != 1 {
		t.Fatalf("%d registrations a second before", n)
	}
	if got := c.do(c.request("OPTIONS")); got.Response().StatusCode != 200 {
		t.Fatal("OPTIONS refused")
	}
	w.clock.Advance(time.Second)
	if n := len(w.Registrations()); n != 0 {
		t.Fatalf("%d registrations after it expired", n)
	}
	if got := c.do(c.request("REGISTER")).Header("presence-state"); got != `register-action="added"` {
		t.Errorf("after the expiry: %s", got)
	}
}

func TestAssociationEndsAfterEightHours(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	w.clock.Advance(8*time.Hour - time.Second)
	c.want(c.do(c.request("REGISTER")), 200)
	w.clock.Advance(time.Second)
	c.want(c.do(c.request("REGISTER")), 401) // docs/protocol/sip-connection.md#which-messages-are-signed
	c.ntlm = ntlm.Client{User: "tu", Domain: "CONTOSO", Password: "C0ntoso-Pa55", Flags: ntlm.FlagsSIP, Now: w.clock.Now}
	c.signIn() // over the old association, on the same connection
}

func TestBindingOutlivesItsConnectionAndIsReplaced(t *testing.T) {
	w := newWorld(t, nil)
	first := w.dial(t)
	first.signIn()
	w.DropAll()
	first.lost()
	if n := len(w.Registrations()); n != 1 {
		t.Fatalf("%d registrations after the connection was lost", n)
	}
	again := w.dial(t)
	again.callID = first.callID // its CSeq begins anew, as pidgin-sipe's
	if got := again.signIn().Header("presence-state"); got != `register-action="fixed"` {
		t.Errorf("same endpoint on a new connection: %s", got)
	}
	again.seq--
	again.want(again.do(again.request("REGISTER")), 500) // RFC 3261 10.3
	restarted := w.dial(t)
	if got := restarted.signIn().Header("presence-state"); got != `register-action="added"` {
		t.Errorf("restarted endpoint: %s", got)
	}
	if n := len(w.Registrations()); n != 1 {
		t.Errorf("%d registrations of one epid", n)
	}
}

func TestUnregister(t *testing.T) {
	w := newWorld(t, nil)
	c, other := w.dial(t), w.dial(t)
	c.signIn()
	other.epid = "0202020202"
	other.signIn()
	in := c.do(c.request("REGISTER", "Expires: 0"))
	c.want(in, 200)
	if in.Header("Expires") != "0" || len(in.Headers("Contact")) != 1 || in.Signature != sipwire.Valid {
		t.Errorf("unregistered:\n%s", in.Raw)
	}
	if r := w.Registrations(); len(r) != 1 || r[0].EPID != other.epid {
		t.Errorf("left: %+v", r)
	}
	other.want(other.do(other.request("REGISTER", "Contact: *", "Expires: 0")), 200)
	if n := len(w.Registrations()); n != 0 {
		t.Errorf("%d registrations after *", n)
	}
}

func TestEndpointsOfOneUserAreBounded(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	for i := range 70 {
		c.epid = fmt.Sprintf("%010d", i)
		in := c.do(c.request("REGISTER"))
		if want := map[bool]int{true: 200, false: 503}[i < 63]; in.Response().StatusCode != want {
			t.Fatalf("endpoint %d: %d, want %d", i, in.Response().StatusCode, want)
		}
		if i == 69 && !strings.Contains(in.Header("ms-diagnostics"), "Too many endpoints: this user has 64 already") {
			t.Errorf("it does not say why:\n%s", in.Raw)
		}
	}
}

// A binding must not keep the REGISTER in memory of which its strings were a part.
func TestBindingKeepsNoMessageInMemory(t *testing.T) {
	w := newWorld(t, nil)
	c := w.dial(t)
	c.signIn()
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	const endpoints, padding = 40, 50_000
	for i := range endpoints {
		c.epid = fmt.Sprintf("%010d", i)
		c.want(c.do(c.request("REGISTER", "Subject: "+strings.Repeat("x", padding))), 200)
	}
	if grown := heap() - before; grown > endpoints*padding/4 {
		t.Errorf("%d bytes for each endpoint", grown/endpoints)
	}
	if n := len(w.Registrations()); n != endpoints+1 {
		t.Errorf("%d registrations", n)
	}
}

func TestDeregister(t *testing.T) {
	for _, row := range []struct {
		event       pool.Event
		why         pool.Diagnostics
		body, diags string
	}{
		{pool.Rejected, pool.Diagnostics{}, "deregistered;event=rejected", `4141;reason="User disabled"`},
		{pool.Unregistered, pool.Diagnostics{}, "deregistered;event=unregistered", `4140;reason="Endpoint unregistered"`},
		{pool.Deactivated, pool.Diagnostics{}, "deregistered;event=deactivated", `4142;reason="User moved or not served now"`},
		{pool.Deactivated, pool.Diagnostics{ID: 4142, Reason: "In maintenance"}, "deregistered;event=deactivated", `4142;reason="In maintenance"`},
	} {
		t.Run(string(row.event), func(t *testing.T) {
			w := newWorld(t, nil)
			c, gone := w.dial(t), w.dial(t)
			in := c.signIn()
			gone.epid = "0202020202"
			gone.signIn()
			gone.wire.Close()
			<-gone.wire.Done()
			if w.Deregister("sip:TU@contoso.com", row.event, row.why) == 0 {
				t.Fatal("nobody was told")
			}
			notify := await(t, c.requests, "the notice")
			if notify.Request().Method != "NOTIFY" || notify.Signature != sipwire.Valid || string(notify.Msg.Body()) != row.body {
				t.Fatalf("%v %s%s", notify.Signature, notify.Raw, notify.Msg.Body())
			}
			for _, h := range [][2]string{ // docs/protocol/sip-connection.md#deregistration-by-the-server
				{"Event", "registration"}, {"subscription-state", "terminated;expires=0"},
				{"Content-Type", "text/registration-event"}, {"ms-diagnostics-public", row.diags},
				{"To", "<sip:tu@contoso.com>;tag=7d1f0c2a55;epid=" + epid}, {"From", in.Header("To")}, {"Call-ID", c.callID},
			} {
				if got := notify.Header(h[0]); got != h[1] {
					t.Errorf("%s: %s, want %s", h[0], got, h[1])
				}
			}
			c.wire.Answer(notify.Request(), sipwire.NewResponse(notify.Request(), 200, "OK", ""))
			if n := len(w.Registrations()); n != 0 {
				t.Errorf("%d registrations", n)
			}
			c.want(c.do(c.request("OPTIONS")), 200) // the association goes on
			if n := w.Counters().BadSignatures; n != 0 {
				t.Errorf("%d bad signatures: the answer to the NOTIFY", n)
			}
		})
	}
}

func TestEdgeMarksItsClientsRemote(t *testing.T) {
	w := newWorld(t, nil)
	edge := pool.NewEdge(w.Server)
	edge.Certificate = certificate
	if err := edge.Start(); err != nil {
		t.Fatal(err)
	}
	inside, outside := w.dial(t), dial(t, edge.Addr(), edge.Host)
	if edge.Host != "sip.contoso.com" {
		t.Errorf("Edge is %s", edge.Host)
	}
	outside.epid = "0202020202"
	if got := inside.signIn().Header("ms-user-logon-data"); got != "" {
		t.Errorf("inside: %s", got)
	}
	if got := outside.signIn().Header("ms-user-logon-data"); got != "RemoteUser" {
		t.Errorf("outside: %s", got)
	}
	if r := w.Registrations(); len(r) != 2 || r[0].Remote || !r[1].Remote {
		t.Errorf("registered %+v", r)
	}
	if err := edge.Close(); err != nil {
		t.Error(err)
	}
	outside.lost()
	inside.want(inside.do(inside.request("REGISTER")), 200) // R1.4: the inside goes on
	if _, err := tryDial(t, edge.Addr(), &tls.Config{ServerName: "sip.contoso.com"}); err == nil {
		t.Error("the Edge still listens")
	}
}

func TestUserOfAnotherPoolIsRedirectedAfterAuthentication(t *testing.T) {
	w := newWorld(t, nil)
	w.SetHomePool("pool2.contoso.com:5061")
	c := w.dial(t)
	c.ntlm.Password = "wrong"
	c.want(c.register(), 401)
	c = w.dial(t)
	in := c.register()
	c.want(in, 301)
	if in.Signature != sipwire.Valid || in.Header("Contact") != "<sip:pool2.contoso.com:5061;transport=tls>" || len(w.Registrations()) != 0 {
		t.Errorf("%v\n%s", in.Signature, in.Raw)
	}
	w.SetHomePool("")
	c.want(c.do(c.request("REGISTER")), 200)
}

func TestClientVersionFilter(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) {
		s.ClientFilter = func(agent string) *pool.Rejection {
			if strings.HasPrefix(agent, "OC2005") {
				return pool.VersionDeclined()
			}
			return nil
		}
	})
	c := w.dial(t)
	c.agent = "OC2005 "
	in := c.register()
	c.want(in, 403)
	if !strings.HasPrefix(in.Header("ms-diagnostics-public"), "17002;") || !strings.HasPrefix(in.Header("Warning"), "310 ") {
		t.Errorf("refused:\n%s", in.Raw)
	}
	w.dial(t).signIn()
}

func TestNTLMv1IsRefusedWhereVersion2IsRequired(t *testing.T) {
	w := newWorld(t, func(s *pool.Server) { s.RequireNTLMv2 = true })
	c := w.dial(t)
	c.ntlm.V1 = true
	c.want(c.register(), 401)
	c.ntlm = ntlm.Client{User: "tu", Domain: "CONTOSO", Password: "C0ntoso-Pa55", Flags: ntlm.FlagsSIP, Now: w.clock.Now}
	c.signIn()
}
