package pool_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/sipwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)

const (
	epid     = "01010101"
	instance = "4b1682a8-f968-5701-83fc-7c6741dc6697" // of that epid, docs/protocol/sip-connection.md#endpoint-identity
)

// certificate is for all names of the tests, from 2007 to the present.
var certificate, roots = func() (tls.Certificate, *x509.CertPool) {
	from, to := start.AddDate(-1, 0, 0), start.AddDate(100, 0, 0)
	root, err := pki.NewRoot("Root CA", pki.Options{Algorithm: pki.ECDSAP256SHA256, NotBefore: from, NotAfter: to})
	if err != nil {
		panic(err)
	}
	names := []string{"pool.contoso.com", "sip.contoso.com"}
	leaf, err := root.Issue(pki.Leaf{Names: names, NotBefore: from, NotAfter: to})
	if err != nil {
		panic(err)
	}
	return leaf, root.Pool()
}()

func newDirectory(t testing.TB) *directory.Directory {
	t.Helper()
	dir := directory.New("contoso.com", "CONTOSO")
	for _, u := range []directory.User{
		{SIP: "tu@contoso.com", SAM: "tu", Password: "C0ntoso-Pa55", DisplayName: "Test User", Mail: "tu@mail.contoso.com",
			LineURI: "tel:+4544890101;ext=200", EUM: "tu@contoso.com;phone-context=Hellerup.contoso.com",
			Contacts: []directory.Contact{{Address: "kerry@contoso.com", Name: "Kerry", Groups: []string{"Sales"}}}},
		{SIP: "kerry@contoso.com", SAM: "kerry", Password: "C0ntoso-Pa55"},
		{SAM: "nosip", Password: "C0ntoso-Pa55"},
	} {
		if err := dir.AddUser(u); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// world is a running pool with its directory and clock.
type world struct {
	*pool.Server
	dir   *directory.Directory
	clock *clock.Adjustable
}

func newWorld(t testing.TB, configure func(*pool.Server)) *world {
	t.Helper()
	w := &world{dir: newDirectory(t), clock: clock.NewManual(start)}
	w.dir.Clock = w.clock
	w.Server = pool.New(w.dir)
	w.Certificate, w.Clock = certificate, w.clock
	if configure != nil {
		configure(w.Server)
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// patience is the time-out of await.
const patience = 2 * time.Minute

func await[T any](t testing.TB, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("waited too long for %s", what)
	}
	return v
}

// client is a small phone. Its fields may be changed before each request.
type client struct {
	t        testing.TB
	wire     *sipwire.Conn
	tls      *tls.Conn
	ntlm     ntlm.Client
	address  string
	epid     string
	instance string
	contact  string // URI
	agent    string
	version  int
	callID   string
	seq      uint32
	a        *sipwire.Association
	requests chan *sipwire.Incoming // from the pool
	closed   chan error
}

func dial(t testing.TB, addr, host string) *client {
	t.Helper()
	c, err := tryDial(t, addr, &tls.Config{ServerName: host})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tryDial(t testing.TB, addr string, config *tls.Config) (*client, error) {
	config.RootCAs, config.Time = roots, func() time.Time { return start }
	nc, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, config)
	if err != nil {
		return nil, err
	}
	c := &client{
		t: t, tls: nc, address: "tu@contoso.com", epid: epid, instance: instance, version: 4,
		contact: "sip:" + nc.LocalAddr().String() + ";transport=tls;ms-opaque=d3470f2e1d",
		callID:  sipwire.NewCallID(), requests: make(chan *sipwire.Incoming, 8), closed: make(chan error, 1),
		ntlm: ntlm.Client{User: "tu", Domain: "CONTOSO", Password: "C0ntoso-Pa55", Flags: ntlm.FlagsSIP, AllowV1: true,
			Now: func() time.Time { return start }},
	}
	over := make(chan struct{})
	c.wire = sipwire.New(nc, sipwire.Config{
		RequireSigned: true,
		Handler: func(_ *sipwire.Conn, in *sipwire.Incoming) {
			select {
			case c.requests <- in:
			case <-over: // the test failed and takes no more
			}
		},
		OnClose: func(_ *sipwire.Conn, err error) { c.closed <- err },
	})
	t.Cleanup(func() {
		close(over)
		c.wire.Close()
		<-c.wire.Done()
	})
	return c, nil
}

func (w *world) dial(t testing.TB) *client {
	t.Helper()
	return dial(t, w.Addr(), "pool.contoso.com")
}

func (c *client) request(method string, headers ...string) *sip.Request {
	c.t.Helper()
	c.seq++
	from := fmt.Sprintf("<sip:%s>;tag=7d1f0c2a55", c.address)
	if c.epid != "" {
		from += ";epid=" + c.epid
	}
	r := sipwire.RequestConfig{
		Method: method, URI: "sip:contoso.com", Via: c.tls.LocalAddr().String(), From: from,
		To: "<sip:" + c.address + ">", CallID: c.callID, CSeq: c.seq,
		Headers: []sipwire.Header{{Name: "User-Agent", Value: c.agent + "test"}},
	}
	if method == "REGISTER" {
		contact := "<" + c.contact + `>;methods="INVITE, BYE";proxy=replace`
		if c.instance != "" {
			contact += `;+sip.instance="<urn:uuid:` + strings.ToUpper(c.instance) + `>"`
		}
		r.Headers = append(r.Headers, sipwire.Header{Name: "Contact", Value: contact},
			sipwire.Header{Name: "Supported", Value: "gruu-10, adhoclist, msrtc-event-categories"},
			sipwire.Header{Name: "ms-keep-alive", Value: "UAC;hop-hop=yes"}, sipwire.Header{Name: "Event", Value: "registration"})
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Headers = slices.DeleteFunc(r.Headers, func(x sipwire.Header) bool { return x.Name == name && name == "Contact" })
		r.Headers = append(r.Headers, sipwire.Header{Name: name, Value: value})
	}
	req, err := sipwire.NewRequest(r)
	if err != nil {
		c.t.Fatal(err)
	}
	return req
}

func (c *client) tryDo(req *sip.Request, options ...sipwire.Option) (*sipwire.Incoming, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.wire.Do(ctx, req, options...)
}

func (c *client) do(req *sip.Request, options ...sipwire.Option) *sipwire.Incoming {
	c.t.Helper()
	in, err := c.tryDo(req, options...)
	if err != nil {
		c.t.Fatal(err)
	}
	return in
}

// begin takes the handshake as far as NTLM's challenge.
func (c *client) begin(headers ...string) (challenge sipwire.Auth, refused *sipwire.Incoming, err error) {
	in, err := c.tryDo(c.request("REGISTER", headers...), sipwire.Plain())
	if err != nil || in.Response().StatusCode != 401 {
		return challenge, in, err
	}
	offered := sipwire.Auths(in.Msg, "WWW-Authenticate")
	i := slices.IndexFunc(offered, func(a sipwire.Auth) bool { return a.Scheme == "NTLM" })
	if i < 0 {
		return challenge, in, nil
	}
	version := ""
	if offered[i].Has("version") && c.version > 2 {
		version = fmt.Sprintf(", version=%d", c.version)
	}
	empty := fmt.Sprintf(`Authorization: NTLM qop="auth", realm="%s", targetname="%s", gssapi-data=""%s`,
		offered[i].Get("realm"), offered[i].Get("targetname"), version)
	if in, err = c.tryDo(c.request("REGISTER", append(headers, empty)...), sipwire.Plain()); err != nil {
		return challenge, in, err
	}
	if offered = sipwire.Auths(in.Msg, "WWW-Authenticate"); in.Response().StatusCode != 401 || len(offered) != 1 {
		return challenge, in, nil
	}
	return offered[0], nil, nil
}

// tryRegister runs the whole handshake and returns its last answer.
func (c *client) tryRegister(headers ...string) (*sipwire.Incoming, error) {
	challenge, refused, err := c.begin(headers...)
	if err != nil || refused != nil {
		return refused, err
	}
	type2, err := base64.StdEncoding.DecodeString(challenge.Get("gssapi-data"))
	if err != nil {
		return nil, err
	}
	type3, session, err := c.ntlm.Authenticate(type2)
	if err != nil {
		return nil, err
	}
	version := 2
	if challenge.Has("version") {
		fmt.Sscan(challenge.Get("version"), &version)
	}
	c.a = sipwire.NewAssociation(sipwire.AssociationConfig{
		Version: version, Realm: challenge.Get("realm"), TargetName: challenge.Get("targetname"),
		Opaque: challenge.Get("opaque"), Session: session})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.wire.Authenticate(ctx, c.request("REGISTER", headers...), c.a, type3)
}

func (c *client) register(headers ...string) *sipwire.Incoming {
	c.t.Helper()
	in, err := c.tryRegister(headers...)
	if err != nil {
		c.t.Fatal(err)
	}
	return in
}

// signIn registers and requires a signed 200.
func (c *client) signIn(headers ...string) *sipwire.Incoming {
	c.t.Helper()
	in := c.register(headers...)
	c.want(in, 200)
	if in.Signature != sipwire.Valid {
		c.t.Fatalf("the 200 is %v", in.Signature)
	}
	return in
}

func (c *client) want(in *sipwire.Incoming, status int) {
	c.t.Helper()
	if res := in.Response(); res.StatusCode != status {
		c.t.Fatalf("answered %d, want %d:\n%s", res.StatusCode, status, in.Raw)
	}
}

// lost waits for the connection to end.
func (c *client) lost() {
	c.t.Helper()
	await(c.t, c.closed, "the end of the connection")
}

// completeUnsigned ends the handshake of challenge as version 3 does.
func (c *client) completeUnsigned(challenge sipwire.Auth) *sipwire.Incoming {
	c.t.Helper()
	type2, err := base64.StdEncoding.DecodeString(challenge.Get("gssapi-data"))
	if err != nil {
		c.t.Fatal(err)
	}
	type3, session, err := c.ntlm.Authenticate(type2)
	if err != nil {
		c.t.Fatal(err)
	}
	c.a = sipwire.NewAssociation(sipwire.AssociationConfig{
		Version: 3, Realm: challenge.Get("realm"), TargetName: challenge.Get("targetname"),
		Opaque: challenge.Get("opaque"), Session: session})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	in, err := c.wire.Authenticate(ctx, c.request("REGISTER"), c.a, type3)
	if err != nil {
		c.t.Fatal(err)
	}
	return in
}
