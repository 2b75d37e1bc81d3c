package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
)

// Endpoint is a server whose certificate is judged.
type Endpoint struct {
	Addr  string              // host:port, dialled unless Chain is given
	Name  string              // the name that its certificate must bear
	Edge  bool                // reached from outside: its root must have arrived inside (R1.4)
	Chain []*x509.Certificate // its certificates, the leaf first; nil: it is dialled
}

// server is an endpoint and how its chain was read.
type server struct {
	Endpoint
	step  journal.Step // the zero Step if the chain was given
	notes []string     // about the connection

	root *x509.Certificate // the root that it lacks, if it is at hand
	seen string            // where root was seen
}

// Ports of docs/protocol/phone.md#finding-the-sip-server.
const (
	poolPort = "5061"
	edgePort = "443"
)

// ParseEndpoint reads HOST or HOST:PORT; without a port it is a pool.
func ParseEndpoint(s string) (Endpoint, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), poolPort
	}
	n, err := strconv.ParseUint(port, 10, 16)
	badHost := host == "" || strings.ContainsAny(host, "/@ ") || strings.Contains(host, ":") && net.ParseIP(host) == nil
	if err != nil || n == 0 || badHost {
		return Endpoint{}, journal.Usagef("%q: a server is given as HOST or HOST:PORT", s)
	}
	return Endpoint{Addr: net.JoinHostPort(host, port), Name: strings.TrimSuffix(host, "."), Edge: port == edgePort}, nil
}

// probe reads the chains that are not given, all at once, and records how.
func (t *run) probe(ctx context.Context, places []network.Place) {
	var networks []*network.Network
	for _, p := range places {
		n := network.New(p, network.Options{})
		defer n.Close()
		networks = append(networks, n)
	}
	var dialled []*server
	var all sync.WaitGroup
	for _, e := range t.endpoints {
		if e.Chain == nil {
			dialled = append(dialled, e)
			all.Go(func() { e.read(ctx, networks, t) })
		}
	}
	all.Wait()
	for _, e := range dialled {
		t.record(e.step)
	}
}

// clientOptions are those of the phone that judges.
func (t *run) clientOptions(name string) certstore.ClientOptions {
	return certstore.ClientOptions{
		Store:        t.now(),
		Policy:       t.fw.Policy,
		NoSHA2:       t.fw.NoSHA2,
		Now:          func() time.Time { return t.at },
		ServerName:   name,
		MinVersion:   t.fw.MinTLS,
		MaxVersion:   t.fw.MaxTLS,
		CipherSuites: t.fw.Suites,
		Curves:       t.fw.Curves,
	}
}

// read fills in the chain, or the step that says why there is none. Only the
// TLS handshake is made; nothing is sent after it.
func (e *server) read(ctx context.Context, networks []*network.Network, t *run) {
	asked := "the certificate of " + e.Addr
	e.step = journal.Step{Name: journal.Connect, State: journal.OK, Asked: asked, Because: "only the certificate is read"}
	options := t.clientOptions(e.Name)
	state, by, err := e.handshakeFrom(ctx, networks, options)
	if f := journal.FailureOf(err); err != nil && f.Code == journal.TLSFailed {
		options.MinVersion, options.MaxVersion, options.CipherSuites = tls.VersionTLS10, 0, allSuites()
		again, server, other := e.handshakeFrom(ctx, networks, options)
		if other == nil {
			state, by, err = again, server, nil
			note := fmt.Sprintf("Firmware %s speaks %s and could not connect to %s, whatever the certificate is (%v). It was "+
				"read over %s.",
				t.fw.Name, versions(t.fw.MinTLS, t.fw.MaxTLS), e.Addr, f.Err, tls.VersionName(state.Version))
			e.notes = append(e.notes, note)
			e.step.State, e.step.Code, e.step.Fix, e.step.Decided = journal.Warned, f.Code, f.Code.Page().Change, note
		}
	}
	if err != nil {
		e.step = journal.FailureOf(err).Step(journal.Connect)
		e.step.Asked = asked
		return
	}
	e.Chain = state.PeerCertificates
	e.step.By = by
	e.step.Answered = fmt.Sprintf("%s, %s, %s", journal.Count(len(e.Chain), "certificate", "certificates"),
		tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite))
	e.step.Decided = cmp.Or(e.step.Decided, "The certificate of "+e.Addr+" was read.")
}

// handshakeFrom tries the networks in order, as long as the name is not found:
// a lab has two sides, and each name exists on one of them.
func (e *server) handshakeFrom(ctx context.Context, networks []*network.Network, o certstore.ClientOptions) (
	state tls.ConnectionState, by string, err error) {
	for _, n := range networks {
		state, by, err = e.handshake(ctx, n, o)
		if err == nil || journal.FailureOf(err).Code != journal.DNSNoRecords {
			break
		}
	}
	return state, by, err
}

// handshake gets the server's certificates; a verdict against them is no error.
func (e *server) handshake(ctx context.Context, from *network.Network, o certstore.ClientOptions) (
	state tls.ConnectionState, by string, err error) {
	nc, err := from.DialContext(ctx, "tcp", e.Addr)
	if err != nil {
		return state, "", err
	}
	defer nc.Close()
	cfg := certstore.ClientConfig(o)
	judge := cfg.VerifyConnection
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		state = s
		return judge(s)
	}
	guard, cancel := context.WithTimeout(ctx, device.DefaultDialTimeout)
	defer cancel()
	if err = tls.Client(nc, cfg).HandshakeContext(guard); len(state.PeerCertificates) > 0 {
		return state, nc.RemoteAddr().String(), nil
	}
	return state, "", &journal.Failure{Code: journal.TLSFailed, Asked: e.Addr, By: nc.RemoteAddr().String(), Err: err,
		What: fmt.Sprintf("The TLS handshake with %s failed", e.Addr)}
}

func allSuites() (ids []uint16) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, s.ID)
	}
	return ids
}

// versions words a range of TLS versions.
func versions(from, to uint16) string {
	switch to {
	case from:
		return tls.VersionName(from) + " only"
	case 0:
		return tls.VersionName(from) + " or newer"
	}
	return tls.VersionName(from) + " to " + tls.VersionName(to)
}
