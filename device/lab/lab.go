// Package lab runs a mock deployment of 2007 (DNS, Active Directory, time, an OCS
// pool and its Edge, Exchange) in one process, as the peer of a phone or of any
// other client (docs/decisions.md#hostile-lab).
//
// The package of each server documents its protocol. This package builds the
// servers from a Deployment, connects them, and changes them while they run.
//
//	world, err := lab.New(lab.Contoso())      // or ContosoToday, or Read
//	defer world.Close()
//	phone.Plug(world.Inside().Place)          // the phone of this project
//	world.Outside().HTTPClient()              // or foreign Go code
//	world.PublishRoot(lab.PublicRoot)         // certutil -dspublish
//
// A lab listens on free loopback ports, which the address map of an Attachment
// holds. With StandardPorts each server has its own address in 127.20.7.0/24 and
// its standard port, for foreign clients.
//
// Package labtest makes a lab and phones for a Go test.
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
	StandardPorts bool      // standard ports on addresses of 127.20.7.0/24; needs Linux and the right to bind them
	KeyLog        io.Writer // receives the TLS secrets of all servers in NSS key log format; nil: not written

	Clock      *clock.Adjustable // the time of every server
	Directory  *directory.Directory
	PKI        *pki.PKI
	DC         *ad.Server
	InsideDNS  *dns.Server
	OutsideDNS *dns.Server
	NTP        *ntp.Server
	Pool       *pool.Server
	Edge       *pool.Edge
	Exchange   *exchange.Server // nil if the deployment has no Exchange

	keys    *pki.Keys
	mu      sync.Mutex
	roots   []namedRoot
	defects map[string]pki.Defect // of certificates that were replaced, by server
	closers []io.Closer           // in the order in which they started
	control *Control              // nil until Serve
}

// New builds a deployment and starts it. The caller must close it.
func New(d Deployment) (*Lab, error) {
	l := NewUnstarted(d)
	if err := l.Start(); err != nil {
		return nil, err
	}
	return l, nil
}

// NewUnstarted returns a lab that is not built yet: set its fields, then call Start.
func NewUnstarted(d Deployment) *Lab {
	return &Lab{Deployment: d.withDefaults(), Clock: clock.New(time.Now()), keys: new(pki.Keys)}
}

// Start makes the certificates, fills the directory and starts every server. If
// it returns an error, no server is running.
func (l *Lab) Start() (err error) {
	if err := l.Deployment.check(); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("lab: %w", err), l.Close())
		}
	}()
	if err := inOrder(checkLoopback, l.createAuthorities, l.fillDirectory, l.build); err != nil {
		return err
	}
	type server interface {
		Start() error
		io.Closer
	}
	servers := []server{closer{l.DC}, l.NTP, l.Pool, l.Edge, l.InsideDNS, l.OutsideDNS}
	if l.Exchange != nil {
		servers = append(servers, l.Exchange)
	}
	for _, s := range servers {
		if err := s.Start(); err != nil {
			return err
		}
		l.closers = append(l.closers, s)
	}
	if n := l.Deployment.Exchange.Contacts; n > 0 {
		return l.Exchange.AddContacts(l.Deployment.Users[0].Name, n)
	}
	return nil
}

// closer is a domain controller as an io.Closer.
type closer struct{ *ad.Server }

func (c closer) Close() error { c.Server.Close(); return nil }

// Close stops every server and waits for their goroutines.
func (l *Lab) Close() error {
	var errs []error
	for i := len(l.closers) - 1; i >= 0; i-- {
		errs = append(errs, l.closers[i].Close())
	}
	l.closers = nil
	return errors.Join(errs...)
}

// createAuthorities makes the certification authorities and adds their roots.
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
	l.PKI, err = pki.New(o, pki.Names{
		Enterprise: "CN=" + company + " Root CA" + below,
		Issuing:    "CN=" + company + " Issuing CA" + below,
	})
	if err != nil {
		return err
	}
	l.addRoot(EnterpriseRoot, l.PKI.Enterprise.Certificate)
	l.addRoot(PublicRoot, l.PKI.Public.Certificate)
	return nil
}

// fillDirectory makes the directory with its users, dial plans and roots.
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
		ca := l.PKI.Enterprise.Certificate
		l.Directory.PublishEnrolment(commonName(ca), "ca."+d.Domain, ca.Raw)
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

// Addresses with StandardPorts: each host has its own.
const (
	addrDC       = "127.20.7.1" // also of the bare domain: Exchange is found at autodiscover.<domain>
	addrPool     = "127.20.7.2"
	addrEdge     = "127.20.7.3"
	addrCA       = "127.20.7.4"
	addrExchange = "127.20.7.5"
	addrOutside  = "127.20.7.53"
	loopback     = "127.0.0.1"
)

// hostAddress returns the address of a host in DNS: addr with StandardPorts, else
// loopback.
func (l *Lab) hostAddress(addr string) string {
	if l.StandardPorts {
		return addr
	}
	return loopback
}

// listenAddress returns the host:port to listen on.
func (l *Lab) listenAddress(addr, port string) string {
	if l.StandardPorts {
		return net.JoinHostPort(addr, port)
	}
	return net.JoinHostPort(loopback, "0")
}

// build makes every server, not started yet.
func (l *Lab) build() error {
	l.NTP = ntp.New(l.Clock)
	l.NTP.Listen = l.listenAddress(addrDC, "123")
	if !l.Deployment.Exchange.Off {
		l.buildExchange()
	}
	return inOrder(l.buildDC, l.buildPool, l.buildEdge, l.buildDNS)
}

// inOrder runs steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// minTLS returns the lowest version of TLS of every server.
func (l *Lab) minTLS() uint16 {
	if l.Deployment.Today {
		return tls.VersionTLS12
	}
	return tls.VersionTLS10
}

func (l *Lab) buildDC() error {
	d := l.Deployment
	cert, err := l.PKI.Issuing.Issue(pki.Leaf{
		Names:      []string{d.DC.Host, d.Domain},
		ClientAuth: true,
		Defect:     d.DC.Defect,
	})
	if err != nil {
		return err
	}
	dc := ad.New(l.Directory)
	dc.Host = d.DC.Host
	dc.Certificate = &cert
	dc.Clock = l.Clock
	dc.KeyLog = l.KeyLog
	dc.MinTLS = l.minTLS()
	dc.RequireSigning = d.Today
	dc.RequireNTLMv2 = d.Today
	dc.Enrolment = d.DC.Enrolment
	dc.Listen = l.listenAddress(addrDC, "389")
	dc.ListenTLS = l.listenAddress(addrDC, "636")
	dc.ListenNBNS = l.listenAddress(addrDC, "137")
	dc.ListenEnrolment = l.listenAddress(addrCA, "80")
	l.DC = dc
	return nil
}

func (l *Lab) buildPool() error {
	d := l.Deployment.Pool
	cert, err := l.PKI.Issuing.Issue(pki.Leaf{Names: []string{d.Host}, Defect: d.Defect})
	if err != nil {
		return err
	}
	p := pool.New(l.Directory)
	p.Host = d.Host
	p.Certificate = cert
	p.Clock = l.Clock
	p.KeyLog = l.KeyLog
	p.MinTLS = l.minTLS()
	p.Version = d.Version
	p.NoESS = d.NoESS
	p.CheckSkew = d.CheckSkew
	p.Schemes = d.Schemes
	p.LocationProfile = d.Profile
	for _, f := range d.FrontEnds {
		p.FrontEnds = append(p.FrontEnds, pool.FrontEnd(f))
	}
	p.Address = l.listenAddress(addrPool, "5061")
	l.Pool = p
	return nil
}

func (l *Lab) buildEdge() error {
	d := l.Deployment.Edge
	cert, err := l.PKI.Public.Issue(pki.Leaf{Names: []string{d.Host}, Defect: d.Defect})
	if err != nil {
		return err
	}
	l.Edge = pool.NewEdge(l.Pool)
	l.Edge.Host, l.Edge.Certificate = d.Host, cert
	l.Edge.Address = l.listenAddress(addrEdge, "443")
	return nil
}

// buildDNS makes the name servers for inside and outside.
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
// while it runs. It does not change established connections.
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
	l.noteDefect(server, OtherCertificate)
	return nil
}

func unknownServer(name string) error {
	return fmt.Errorf("there is no server %q: pool, edge, dc, exchange", name)
}

// serverName maps a short name or a host name to the short name; "" if there is
// no such server.
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
