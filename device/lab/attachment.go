package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/network"
)

// Attachment is a network place of the deployment. Place is for the phone of
// this project; the methods let other Go code use the names of the deployment.
type Attachment struct {
	Place network.Place
	lab   *Lab
}

// Inside returns the office network: its DNS has the pool and the domain
// controller, its DHCP suffix is the domain.
func (l *Lab) Inside() Attachment {
	d := l.Deployment
	p := network.Place{Name: "inside", DNS: []string{l.InsideDNS.Addr()}, Suffix: d.Domain, WINS: l.DC.NBNSAddr()}
	if !l.StandardPorts {
		p.Patch = network.AddressMap{
			d.DC.Host + ":389":    l.DC.Addr(),
			d.Domain + ":389":     l.DC.Addr(),
			loopback + ":389":     l.DC.Addr(), // a NetBIOS answer is an address, not a name
			d.DC.Host + ":636":    l.DC.TLSAddr(),
			d.DC.Host + ":123":    l.NTP.Addr(),
			d.Pool.Host + ":5061": l.Pool.Addr(),
		}
		if a := l.DC.EnrolmentAddr(); a != "" {
			p.Patch["ca."+d.Domain+":80"] = a
		}
		if l.Exchange != nil {
			p.Patch[d.Domain+":443"] = l.Exchange.Addr()
			p.Patch[d.Exchange.Host+":443"] = l.Exchange.Addr()
			l.mapExchange(p.Patch)
		}
	}
	return Attachment{Place: p, lab: l}
}

// mapExchange adds the names of Exchange that exist inside and outside.
func (l *Lab) mapExchange(patch network.AddressMap) {
	d := l.Deployment
	patch[d.Exchange.OutsideHost+":443"] = l.Exchange.Addr()
	patch[d.autodiscover()+":443"] = l.Exchange.Addr()
	patch[d.autodiscover()+":80"] = l.Exchange.RedirectAddr()
}

// Outside returns the Internet: the Edge, Exchange by its outside names and a
// time server, but no domain controller.
func (l *Lab) Outside() Attachment {
	d := l.Deployment
	p := network.Place{Name: "outside", DNS: []string{l.OutsideDNS.Addr()}}
	if !l.StandardPorts {
		p.Patch = network.AddressMap{d.Edge.Host + ":443": l.Edge.Addr(), "time." + d.Domain + ":123": l.NTP.Addr()}
		if l.Exchange != nil {
			l.mapExchange(p.Patch)
		}
	}
	return Attachment{Place: p, lab: l}
}

// Clock returns the clock of the lab.
func (a Attachment) Clock() clock.Clock { return a.lab.Clock }

// CertPool returns the roots that a computer of the domain trusts, inside and
// outside.
func (a Attachment) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.lab.PKI.Enterprise.Certificate)
	pool.AddCert(a.lab.PKI.Public.Certificate)
	return pool
}

// Resolver returns a resolver that uses the DNS of this place.
func (a Attachment) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, a.Place.DNS[0])
	}}
}

// DialContext connects to a "name:port" of the deployment.
func (a Attachment) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: attachTimeout, Resolver: a.Resolver()}
	address, _ = a.Place.Patch.Lookup(address)
	return d.DialContext(ctx, network, address)
}

// attachTimeout bounds a connection attempt of DialContext and HTTPClient.
const attachTimeout = 5 * time.Second

// HTTPClient returns a client for the web servers of the deployment. It trusts
// CertPool at the time of the lab.
func (a Attachment) HTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext:         a.DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: a.CertPool(), Time: a.lab.Clock.Now},
		TLSHandshakeTimeout: attachTimeout,
	}}
}
