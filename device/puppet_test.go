package device_test

import (
	"crypto/tls"
	"encoding/base64"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/sipwire"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// puppet is a pool that answers as a test wants: it has the lab's certificate,
// takes the password of everybody and keeps nothing.
type puppet struct {
	t     testing.TB
	place network.Place

	mu            sync.Mutex
	came          chan struct{} // closed by the next request
	conns         []*sipwire.Conn
	servers       map[*sipwire.Conn]*ntlm.Server
	known         map[*sipwire.Conn]bool         // who has logged on
	dialogs       map[string][]*sipwire.Incoming // SUBSCRIBEs with a new Call-ID, by event
	features      [][2]string                    // headers of the 200 to REGISTER
	notifications uint32
	ended         map[string]int                            // SUBSCRIBEs that want no more, by event
	requests      map[string]int                            // by event, or "SERVICE" and what was asked for
	answers       map[string]func(n int) (int, string)      // status and body of the n-th, from 1
	behind        map[string]func(n int, tell func(string)) // after the n-th answer, on the reader
	reverse       int                                       // so many answers are sent in the opposite order, the last first
	held          []*sip.Response                           // of these
}

const (
	emptyList = `<contactList deltaNum="1"/>`
	oneGroup  = `<contactDelta deltaNum="2"><addedGroup id="2" name="Two" externalURI=""/></contactDelta>`
	selfOf    = `<roamingData xmlns="http://schemas.microsoft.com/2006/09/sip/roaming-self"><categories xmlns="http://schemas.microsoft.com/2006/09/sip/categories" uri="sip:tu@contoso.com">`
	selfEnd   = `</categories></roamingData>`
	noGroups  = `<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"/>`
)

// newPuppet is a rig whose pool is a puppet; the phone is not signed in yet.
func newPuppet(t *testing.T, build ...func(*device.Config)) (*puppet, *rig, *clock.Adjustable) {
	t.Helper()
	c := clock.New(time.Now())
	r := newRig(t, func(d *lab.Deployment) { d.Today = true }, func(cfg *device.Config) {
		cfg.Clock, cfg.NTP = c, false
		for _, b := range build {
			b(cfg)
		}
	})
	cert, err := r.lab.Certificate("pool.contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	p := &puppet{t: t, features: [][2]string{{"Supported", "msrtc-event-categories"}}, came: make(chan struct{}), servers: map[*sipwire.Conn]*ntlm.Server{}, known: map[*sipwire.Conn]bool{}, dialogs: map[string][]*sipwire.Incoming{}, ended: map[string]int{}, requests: map[string]int{},
		answers: map[string]func(int) (int, string){
			provisioning.EventPackage: always(200, noGroups),
			roaming.SelfEvent:         always(200, selfOf+selfEnd),
			roaming.ContactsEvent:     always(200, emptyList),
			"SERVICE default":         always(200, profileOf(1)),
		}, behind: map[string]func(int, func(string)){}}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			p.accept(nc)
		}
	})
	t.Cleanup(func() {
		r.Close()
		l.Close()
		accepting.Wait()
		for _, c := range p.conns {
			c.Close()
			<-c.Done()
		}
	})
	at := patched(r.lab.Inside(), map[string]string{"pool.contoso.com:5061": l.Addr().String()})
	p.place = at.Place
	r.PowerOn()
	r.Plug(p.place)
	return p, r, c
}

func always(status int, body string) func(int) (int, string) {
	return func(int) (int, string) { return status, body }
}

func (p *puppet) accept(nc net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, sipwire.New(nc, sipwire.Config{Handler: p.handle}))
}

func (p *puppet) handle(c *sipwire.Conn, in *sipwire.Incoming) {
	req := in.Request()
	if req == nil {
		return
	}
	res := sipwire.NewResponse(req, 200, "OK", "server")
	what := in.Header("Event")
	switch req.Method {
	case sip.REGISTER:
		p.register(c, in, res)
		c.Send(res)
		return
	case sipwire.SERVICE:
		_, which, _ := strings.Cut(req.Recipient.String(), "locationprofile:get;")
		what = "SERVICE " + which
	}
	p.mu.Lock()
	ends := req.To().Params.GetOr("tag", "") != "" && in.Header("Expires") == "0"
	if ends {
		p.ended[what]++
	} else {
		p.requests[what]++
	}
	defer p.notice()
	n, answer, behind := p.requests[what], p.answers[what], p.behind[what]
	if req.Method == sip.SUBSCRIBE && !ends {
		p.dialogs[what] = append(p.dialogs[what], in)
	}
	p.mu.Unlock()
	if ends || answer == nil {
		if answer == nil {
			res.StatusCode = 404
		}
		c.Send(res)
		return
	}
	status, body := answer(n)
	if res.StatusCode = status; status == 200 {
		res.AppendHeader(sip.NewHeader("Expires", "7200"))
		res.AppendHeader(sip.NewHeader("ms-piggyback-cseq", "1"))
		res.AppendHeader(sip.NewHeader("Content-Type", "text/xml"))
		res.SetBody([]byte(body))
	}
	p.mu.Lock()
	held := p.reverse > 0
	if held {
		p.held = append([]*sip.Response{res}, p.held...)
		if len(p.held) == p.reverse {
			p.reverse = 0
			for _, r := range p.held {
				c.Send(r)
			}
		}
	}
	p.mu.Unlock()
	if held {
		return
	}
	c.Send(res)
	if behind != nil {
		behind(n, func(body string) { p.send(c, in, "active;expires=7200", body) })
	}
}

// register is the log-on by NTLM, version 4.
func (p *puppet) register(c *sipwire.Conn, in *sipwire.Incoming, res *sip.Response) {
	const offer = `NTLM realm="R", targetname="pool.contoso.com", version=4`
	token, has := "", false
	for _, a := range sipwire.Auths(in.Msg, "Authorization") {
		token, has = a.Get("gssapi-data"), true
	}
	p.mu.Lock()
	server := p.servers[c]
	if server == nil {
		server = &ntlm.Server{NetBIOSDomain: "CONTOSO", DNSDomain: "contoso.com", Flags: ntlm.FlagsSIP, NTHash: func(string, string) ([]byte, error) { return ntlm.NTHash(lab.DefaultPassword), nil }}
		p.servers[c] = server
	}
	known := p.known[c]
	p.mu.Unlock()
	switch {
	case known:
		p.welcome(res)
	case !has:
		res.StatusCode = 401
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", offer))
	case token == "":
		challenge, err := server.Challenge(nil)
		if err != nil {
			p.t.Error(err)
		}
		res.StatusCode = 401
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", offer+`, opaque="AB", gssapi-data="`+base64.StdEncoding.EncodeToString(challenge)+`"`))
	default:
		b, _ := base64.StdEncoding.DecodeString(token)
		_, session, err := server.Authenticate(b)
		if err != nil {
			p.t.Error(err)
			return
		}
		c.Use(sipwire.NewAssociation(sipwire.AssociationConfig{Version: 4, Realm: "R", TargetName: "pool.contoso.com", Opaque: "AB", Server: true, Session: session}))
		p.mu.Lock()
		p.known[c] = true
		p.mu.Unlock()
		p.welcome(res)
	}
}

// welcome completes the 200 to REGISTER as OCS 2007 does.
func (p *puppet) welcome(res *sip.Response) {
	res.AppendHeader(sip.NewHeader("Expires", "86400"))
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.features {
		res.AppendHeader(sip.NewHeader(h[0], h[1]))
	}
}

// tell sends a notification to the latest subscription; state is "active" or
// "terminated" with what belongs to it.
func (p *puppet) tell(event, state, body string) {
	p.mu.Lock()
	all := p.dialogs[event]
	c := p.conns[len(p.conns)-1]
	p.mu.Unlock()
	p.send(c, all[len(all)-1], state, body)
}

func (p *puppet) send(c *sipwire.Conn, in *sipwire.Incoming, state, body string) {
	req := in.Request()
	p.mu.Lock()
	p.notifications++
	cseq := p.notifications + 1
	p.mu.Unlock()
	out, err := sipwire.NewRequest(sipwire.RequestConfig{Method: "BENOTIFY", URI: "sip:tu@127.0.0.1", Via: "127.0.0.1:5061", CallID: req.CallID().Value(), CSeq: cseq,
		From: "<sip:tu@contoso.com>;tag=server", To: "<sip:tu@contoso.com>;tag=" + req.From().Params.GetOr("tag", ""), Body: []byte(body),
		Headers: []sipwire.Header{{Name: "Content-Type", Value: in.Header("Accept")}, {Name: "Event", Value: in.Header("Event")}, {Name: "Subscription-State", Value: state}}})
	if err != nil {
		p.t.Error(err)
		return
	}
	c.Send(out)
}

// waitUntilRead waits until the phone has read all that it was sent.
func (p *puppet) waitUntilRead() {
	p.t.Helper()
	p.mu.Lock()
	c := p.conns[len(p.conns)-1]
	p.mu.Unlock()
	req, err := sipwire.NewRequest(sipwire.RequestConfig{Method: "OPTIONS", URI: "sip:tu@127.0.0.1", Via: "127.0.0.1:5061", CallID: sipwire.NewCallID(), CSeq: 1,
		From: "<sip:pool.contoso.com>;tag=a", To: "<sip:tu@contoso.com>"})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := c.Do(p.t.Context(), req); err != nil {
		p.t.Fatal(err)
	}
}

// notice wakes who waits, when a request has been answered.
func (p *puppet) notice() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.came)
	p.came = make(chan struct{})
}

// until waits for requests.
func (p *puppet) until(good func() bool) {
	p.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		p.mu.Lock()
		came := p.came
		p.mu.Unlock()
		if good() {
			return
		}
		select {
		case <-came:
		case <-late:
			p.t.Fatal("the phone does not ask")
		}
	}
}

// count is how many requests came for what.
func (p *puppet) count(what string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[what]
}

func (p *puppet) stopped(event string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended[event]
}

func (p *puppet) answer(what string, f func(n int) (int, string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[what] = f
}
