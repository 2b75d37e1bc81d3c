package main

import (
	"cmp"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
)

// endpoint is a server whose certificate is judged.
type endpoint struct {
	addr  string // host:port, as shown
	name  string // that its certificate must bear
	edge  bool   // reached from outside: its root must have arrived inside (R1.4)
	chain []*x509.Certificate
	step  journal.Step // how the chain was had; the zero Step when it is from a file
	notes []string     // about the connection
}

// Ports of device.md 2.5.
const (
	poolPort = "5061"
	edgePort = "443"
)

// endpoints reads the arguments, or --chain and --name.
func (f *trustFlags) endpoints(args []string) (all []*endpoint, err error) {
	switch {
	case len(f.chains) != len(f.names):
		return nil, usagef("each --chain FILE needs a --name HOST, the name that its certificate must bear")
	case len(f.chains) > 0 && len(args) > 0:
		return nil, usagef("--chain dials nothing: give %s as another --chain FILE --name HOST", args[0])
	case len(f.chains)+len(args) == 0:
		return nil, usagef("whom to check? Give HOST[:PORT]…, or --chain FILE --name HOST")
	}
	for _, a := range append(f.names, args...) {
		e, err := parseEndpoint(a)
		if err != nil {
			return nil, err
		}
		if len(f.chains) == 0 {
			if err := f.CheckDomain(e.name); err != nil {
				return nil, err
			}
		}
		all = append(all, e)
	}
	for i, file := range f.chains {
		if all[i].chain, err = readCertificates(file); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func parseEndpoint(s string) (*endpoint, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = strings.Trim(s, "[]"), poolPort
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@ ") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return nil, usagef("%q: a server is given as HOST or HOST:PORT", s)
	}
	return &endpoint{addr: net.JoinHostPort(host, port), name: strings.TrimSuffix(host, "."), edge: port == edgePort}, nil
}

// probe reads the chain of every endpoint, all at once.
func (t *trust) probe(ctx context.Context, places []network.Place) {
	var jacks []*network.Network
	for _, p := range places {
		n := network.New(p, network.Options{})
		defer n.Close()
		jacks = append(jacks, n)
	}
	var all sync.WaitGroup
	for _, e := range t.endpoints {
		all.Go(func() { e.read(ctx, jacks, t) })
	}
	all.Wait()
}

// read fills in the chain, or the step that says why there is none. Only the
// TLS handshake is made, and nothing is said in it.
func (e *endpoint) read(ctx context.Context, jacks []*network.Network, t *trust) {
	period := certstore.ClientOptions{Store: t.now(), Policy: t.fw.Policy, NoSHA2: t.fw.NoSHA2, Now: func() time.Time { return t.at },
		ServerName: e.name, MinVersion: t.fw.MinTLS, MaxVersion: t.fw.MaxTLS, CipherSuites: t.fw.Suites}
	var state tls.ConnectionState
	var by string
	var err error
	for _, jack := range jacks { // a lab has two sides, and each name on one of them
		if state, by, err = e.handshake(ctx, jack, period); err == nil || journal.FailureOf(err).Code != journal.DNSNoRecords {
			break
		}
	}
	e.step = journal.Step{Name: journal.Connect, State: journal.OK, Asked: "the certificate of " + e.addr, Because: "only the certificate is read"}
	if f := journal.FailureOf(err); err != nil && f.Code == journal.TLSFailed {
		whole := period
		whole.MinVersion, whole.MaxVersion, whole.CipherSuites = tls.VersionTLS10, 0, allSuites()
		for _, jack := range jacks {
			var again error
			if state, by, again = e.handshake(ctx, jack, whole); again == nil {
				note := fmt.Sprintf("Firmware %s speaks %s and could not connect to %s, whatever the certificate is (%v). It was read over %s.",
					t.fw.Name, versions(t.fw.MinTLS, t.fw.MaxTLS), e.addr, f.Err, tls.VersionName(state.Version))
				e.notes = append(e.notes, note)
				e.step.State, e.step.Code, e.step.Fix, e.step.Decided = journal.Warned, f.Code, f.Code.Page().Change, note
				err = nil
				break
			}
		}
	}
	if err != nil {
		asked := e.step.Asked
		e.step = journal.FailureOf(err).Step(journal.Connect)
		e.step.Asked = asked
		return
	}
	e.chain = state.PeerCertificates
	e.step.By, e.step.Answered = by, fmt.Sprintf("%s, %s, %s", plural(len(e.chain), "certificate", "certificates"), tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite))
	e.step.Decided = cmp.Or(e.step.Decided, "The certificate of "+e.addr+" was read.")
}

// handshake gets the server's certificates; a verdict against them is no error.
func (e *endpoint) handshake(ctx context.Context, jack *network.Network, o certstore.ClientOptions) (state tls.ConnectionState, by string, err error) {
	nc, err := jack.DialContext(ctx, "tcp", e.addr)
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
	return state, "", &journal.Failure{Code: journal.TLSFailed, Asked: e.addr, By: nc.RemoteAddr().String(), Err: err,
		What: fmt.Sprintf("The TLS handshake with %s failed", e.addr)}
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

// certificateFiles are the names under which Windows and OpenSSL keep
// certificates.
var certificateFiles = []string{".cer", ".crt", ".pem", ".der", ".p7b"}

// readFolder takes the certificates of a folder for what is published.
func readFolder(dir string) (published, error) {
	p := published{From: "the folder " + dir, Known: true}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return p, exit{exitUsage, err}
	}
	for _, entry := range entries {
		if entry.IsDir() || !slices.Contains(certificateFiles, strings.ToLower(filepath.Ext(entry.Name()))) {
			continue
		}
		found, err := readCertificates(filepath.Join(dir, entry.Name()))
		if err != nil {
			p.Rejected = append(p.Rejected, err.Error())
		}
		for _, c := range found {
			r := certstore.Root{Certificate: c, Source: certstore.Source{Kind: certstore.AD, DN: entry.Name()}}
			if _, err := adroots.ParseRoot(c.Raw); err != nil {
				p.Rejected = append(p.Rejected, fmt.Sprintf("%s: %s: %v", entry.Name(), r.Subject(), err))
				continue
			}
			p.Roots = append(p.Roots, r)
		}
	}
	p.Roots = certstore.New(p.Roots...).Roots()
	return p, nil
}

// thumbprint is the SHA-1 of a certificate in lower-case hex, by which Windows
// names it.
func thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return hex.EncodeToString(sum[:])
}
