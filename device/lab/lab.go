// Package lab is the mock world: the whole deployment of 2007 (DNS, Active
// Directory, time, an OCS pool and its Edge, Exchange) in one process, to run a
// phone or any other client against (design decision 11).
//
// What each server speaks is told in its own folder; this package builds them
// from a Deployment, wires them together and lets everything change while it
// runs.
//
//	world, err := lab.New(lab.Contoso())      // or ContosoToday, or Read
//	defer world.Close()
//	phone.Plug(world.Inside().Place)          // the phone of this project
//	world.Outside().HTTPClient()              // or foreign Go code
//	world.PublishRoot(lab.PublicRoot)         // certutil -dspublish
//
// It listens on free loopback ports; the address map of an Attachment says
// where. With StandardPorts each server has an address of its own in
// 127.20.7.0/24 and its real port, for foreign clients.
package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/dns"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/ntp"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// Lab is a running deployment. The exported fields up to KeyLog may be changed
// between NewUnstarted and Start.
type Lab struct {
	Deployment    Deployment
	StandardPorts bool      // real ports on addresses of 127.20.7.0/24; needs Linux and the right to bind them
	KeyLog        io.Writer // TLS secrets of every server, NSS key log; nil: none

	Clock      *clock.Adjustable // the time of every server
	Directory  *directory.Directory
	PKI        *pki.PKI
	DC         *ad.Server
	InsideDNS  *dns.Server
	OutsideDNS *dns.Server
	NTP        *ntp.Server
	Pool       *pool.Server
	Edge       *pool.Edge
	Exchange   *exchange.Server // nil when the deployment has none

	keys    *pki.Keys
	mu      sync.Mutex
	roots   []namedRoot
	closers []io.Closer // in the order of Start
	control *Control    // nil until Serve
}

// New builds a deployment and starts it. It must be closed.
func New(d Deployment) (*Lab, error) {
	l := NewUnstarted(d)
	if err := l.Start(); err != nil {
		return nil, err
	}
	return l, nil
}

// NewUnstarted builds nothing yet: set fields, then Start.
func NewUnstarted(d Deployment) *Lab {
	return &Lab{Deployment: d.withDefaults(), Clock: clock.New(time.Now()), keys: new(pki.Keys)}
}

// Start makes the certificates, fills the directory and starts every server.
// After an error nothing is left running.
func (l *Lab) Start() (err error) {
	if err := l.Deployment.check(); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("lab: %w", err), l.Close())
		}
	}()
	if err := l.createAuthorities(); err != nil {
		return err
	}
	if err := l.fillDirectory(); err != nil {
		return err
	}
	if err := l.build(); err != nil {
		return err
	}
	servers := []interface{ Start() error }{l.DC, l.NTP, l.Pool, l.Edge, l.InsideDNS, l.OutsideDNS}
	if l.Exchange != nil {
		servers = append(servers, l.Exchange)
	}
	for _, s := range servers {
		if err := s.Start(); err != nil {
			return err
		}
		l.closers = append(l.closers, asCloser(s))
	}
	if n := l.Deployment.Exchange.Contacts; n > 0 {
		return l.Exchange.AddContacts(l.Deployment.Users[0].Name, n)
	}
	return nil
}

// asCloser gives the two forms of Close one.
func asCloser(s any) io.Closer {
	switch s := s.(type) {
	case io.Closer:
		return s
	case interface{ Close() }:
		return closeFunc(s.Close)
	}
	panic(fmt.Sprintf("lab: %T cannot be closed", s))
}

type closeFunc func()

func (f closeFunc) Close() error { f(); return nil }

// Close ends every server and waits for their goroutines.
func (l *Lab) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i].Close())
	}
	l.closers = nil
	return errors.Join(errs...)
}

// createAuthorities makes the authorities and remembers their roots by name.
func (l *Lab) createAuthorities() (err error) {
	o := pki.Options{Algorithm: pki.RSA2048SHA1, Now: l.Clock.Now, Keys: l.keys}
	if l.Deployment.Today {
		o.Algorithm = pki.ECDSAP256SHA256
	}
	var dcs []string
	for label := range strings.SplitSeq(l.Deployment.Domain, ".") {
		dcs = append(dcs, "DC="+label)
	}
	first, _, _ := strings.Cut(l.Deployment.Domain, ".")
	company := strings.ToUpper(first[:1]) + first[1:]
	below := "," + strings.Join(dcs, ",")
	l.PKI, err = pki.New(o, pki.Names{Enterprise: "CN=" + company + " Root CA" + below, Issuing: "CN=" + company + " Issuing CA" + below})
	if err != nil {
		return err
	}
	l.addRoot(EnterpriseRoot, l.PKI.Enterprise.Certificate)
	l.addRoot(PublicRoot, l.PKI.Public.Certificate)
	return nil
}

// fillDirectory fills the directory.
func (l *Lab) fillDirectory() error {
	d := l.Deployment
	l.Directory = directory.New(d.Domain, d.NetBIOS)
	l.Directory.LockoutAfter, l.Directory.Clock = d.DC.LockoutAfter, l.Clock
	if err := d.addTo(l.Directory); err != nil {
		return err
	}
	for _, name := range d.Publish {
		if err := l.PublishRoot(name); err != nil {
			return err
		}
	}
	if d.DC.Enrolment {
		l.Directory.PublishEnrolment(commonName(l.PKI.Enterprise.Certificate), "ca."+d.Domain, l.PKI.Enterprise.Certificate.Raw)
	}
	more := pki.Options{Algorithm: pki.ECDSAP256SHA256, Now: l.Clock.Now, Keys: l.keys}
	for i := range d.MoreRoots {
		name := fmt.Sprintf("Other Root %d", i+1)
		a, err := pki.NewRoot("CN="+name, more)
		if err != nil {
			return err
		}
		l.Directory.PublishRoot(name, a.Certificate.Raw)
	}
	return nil
}

// Addresses with StandardPorts: each host has one of its own.
const (
	addrDC       = "127.20.7.1" // the bare domain too, so that Exchange is found at autodiscover.
	addrPool     = "127.20.7.2"
	addrEdge     = "127.20.7.3"
	addrCA       = "127.20.7.4"
	addrExchange = "127.20.7.5"
	addrOutside  = "127.20.7.53"
	loopback     = "127.0.0.1"
)

// hostAddress is host's address in DNS, and the address to listen on.
func (l *Lab) hostAddress(addr string) string {
	if l.StandardPorts {
		return addr
	}
	return loopback
}

func (l *Lab) listenAddress(addr, port string) string {
	if l.StandardPorts {
		return net.JoinHostPort(addr, port)
	}
	return net.JoinHostPort(loopback, "0")
}

func (l *Lab) build() error {
	d := l.Deployment
	dcCert, err := l.PKI.Issuing.Issue(pki.Leaf{Names: []string{d.DC.Host, d.Domain}, ClientAuth: true, Defect: d.DC.Defect})
	if err != nil {
		return err
	}
	poolCert, err := l.PKI.Issuing.Issue(pki.Leaf{Names: []string{d.Pool.Host}, Defect: d.Pool.Defect})
	if err != nil {
		return err
	}
	edgeCert, err := l.PKI.Public.Issue(pki.Leaf{Names: []string{d.Edge.Host}, Defect: d.Edge.Defect})
	if err != nil {
		return err
	}
	minTLS := uint16(tls.VersionTLS10)
	if d.Today {
		minTLS = tls.VersionTLS12
	}

	l.DC = ad.New(l.Directory)
	l.DC.Host, l.DC.Certificate, l.DC.Clock, l.DC.KeyLog = d.DC.Host, &dcCert, l.Clock, l.KeyLog
	l.DC.MinTLS, l.DC.RequireSigning, l.DC.RequireNTLMv2 = minTLS, d.Today, d.Today
	l.DC.Enrolment = d.DC.Enrolment
	l.DC.Listen, l.DC.ListenTLS, l.DC.ListenNBNS = l.listenAddress(addrDC, "389"), l.listenAddress(addrDC, "636"), l.listenAddress(addrDC, "137")
	l.DC.ListenEnrolment = l.listenAddress(addrCA, "80")

	l.NTP = ntp.New(l.Clock)
	l.NTP.Listen = l.listenAddress(addrDC, "123")

	l.Pool = pool.New(l.Directory)
	l.Pool.Host, l.Pool.Certificate, l.Pool.Clock, l.Pool.KeyLog = d.Pool.Host, poolCert, l.Clock, l.KeyLog
	l.Pool.MinTLS, l.Pool.Version, l.Pool.NoESS, l.Pool.Schemes = minTLS, d.Pool.Version, d.Pool.NoESS, d.Pool.Schemes
	l.Pool.LocationProfile = d.Pool.Profile
	for _, f := range d.Pool.FrontEnds {
		l.Pool.FrontEnds = append(l.Pool.FrontEnds, pool.FrontEnd(f))
	}
	l.Pool.Address = l.listenAddress(addrPool, "5061")

	l.Edge = pool.NewEdge(l.Pool)
	l.Edge.Host, l.Edge.Certificate = d.Edge.Host, edgeCert
	l.Edge.Address = l.listenAddress(addrEdge, "443")

	if !d.Exchange.Off {
		l.buildExchange(minTLS)
	}
	return l.buildDNS()
}

// buildDNS makes DNS inside and outside.
func (l *Lab) buildDNS() error {
	d := l.Deployment
	l.InsideDNS, l.OutsideDNS = dns.New(d.Domain), dns.New(d.Domain)
	l.InsideDNS.Listen, l.OutsideDNS.Listen = l.listenAddress(addrDC, "53"), l.listenAddress(addrOutside, "53")
	inside := []dns.Record{
		{Name: d.Domain, Type: "A", Value: l.hostAddress(addrDC)},
		{Name: d.DC.Host, Type: "A", Value: l.hostAddress(addrDC)},
		{Name: d.Pool.Host, Type: "A", Value: l.hostAddress(addrPool)},
		{Name: "ca." + d.Domain, Type: "A", Value: l.hostAddress(addrCA)},
		{Name: "_ldap._tcp.dc._msdcs." + d.Domain, Type: "SRV", Value: "0 100 389 " + d.DC.Host},
		{Name: "_ldap._tcp." + d.Domain, Type: "SRV", Value: "0 100 389 " + d.DC.Host},
		{Name: "_ntp._udp." + d.Domain, Type: "SRV", Value: "0 0 123 " + d.DC.Host},
		{Name: "_sipinternaltls._tcp." + d.Domain, Type: "SRV", Value: "0 0 5061 " + d.Pool.Host},
	}
	outside := []dns.Record{ // R1.4: outside there is no domain controller
		{Name: d.Edge.Host, Type: "A", Value: l.hostAddress(addrEdge)},
		{Name: "time." + d.Domain, Type: "A", Value: l.hostAddress(addrDC)},
		{Name: "_ntp._udp." + d.Domain, Type: "SRV", Value: "0 0 123 time." + d.Domain},
		{Name: "_sip._tls." + d.Domain, Type: "SRV", Value: "0 0 443 " + d.Edge.Host},
	}
	if l.Exchange != nil { // R9.1: A records only
		a := func(name string) dns.Record {
			return dns.Record{Name: name, Type: "A", Value: l.hostAddress(addrExchange)}
		}
		inside = append(inside, a(d.autodiscover()), a(d.Exchange.OutsideHost), a(d.Exchange.Host))
		outside = append(outside, a(d.autodiscover()), a(d.Exchange.OutsideHost))
	}
	return errors.Join(l.InsideDNS.Replace(inside...), l.OutsideDNS.Replace(outside...))
}

// SetCertificate replaces the certificate of "pool", "edge", "dc" or "exchange"
// while it runs; connections that stand are not touched.
func (l *Lab) SetCertificate(server string, c tls.Certificate) error {
	switch l.serverName(server) {
	case "pool":
		l.Pool.SetCertificate(c)
	case "edge":
		l.Edge.SetCertificate(c)
	case "dc":
		l.DC.SetCertificate(&c)
	case "exchange":
		if l.Exchange == nil {
			return errNoExchange
		}
		l.Exchange.SetCertificate(c)
	default:
		return unknownServer(server)
	}
	return nil
}

func unknownServer(name string) error {
	return fmt.Errorf("there is no server %q: pool, edge, dc, exchange", name)
}

// serverName maps a short name or host name to the short name.
func (l *Lab) serverName(name string) string {
	switch strings.ToLower(name) {
	case "pool", l.Deployment.Pool.Host:
		return "pool"
	case "edge", l.Deployment.Edge.Host:
		return "edge"
	case "dc", l.Deployment.DC.Host:
		return "dc"
	case "exchange", l.Deployment.Exchange.Host, l.Deployment.Exchange.OutsideHost:
		return "exchange"
	}
	return ""
}
