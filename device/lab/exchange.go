package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// Exchange is the Client Access Server with its mailboxes.
//
// One certificate of the enterprise CA has all its names, inside and outside: a
// phone that was inside once has that root. (The setup program of 2007 made a
// self-signed certificate, which phones refuse, R1.6: the defect self-signed.)
type Exchange struct {
	Server      `yaml:",inline"` // inside: "cas01." and the domain
	OutsideHost string           `yaml:"outsideHost"` // "mail." and the domain
	// Contacts is the number of further contacts in the mailbox of the first user.
	Contacts int `yaml:"contacts"`
	// ChannelBinding refuses NTLM that is not bound to its TLS connection, as
	// Extended Protection does (RFC 5929). Deployment.Today implies it.
	ChannelBinding bool `yaml:"channelBinding"`
	Off            bool `yaml:"off"` // the deployment has no Exchange
}

// autodiscover returns the host that a phone tries after the bare domain (R9.1).
func (d Deployment) autodiscover() string { return "autodiscover." + d.Domain }

// exchangeNames are the names in the certificate of Exchange.
func (d Deployment) exchangeNames() []string {
	return []string{d.Exchange.Host, d.Exchange.OutsideHost, d.autodiscover(), d.Domain}
}

// checkExchange returns an error that names what cannot be built.
func (d Deployment) checkExchange() error {
	x := d.Exchange
	if err := d.checkServer(Server{Host: x.OutsideHost}); err != nil {
		return fmt.Errorf("exchange: outsideHost: %w", err)
	}
	for _, name := range d.exchangeNames() {
		if name == d.Edge.Host { // both are at port 443
			return fmt.Errorf("exchange: %s is the Edge's name", name)
		}
	}
	if x.Contacts < 0 || x.Contacts > exchange.MaxMailbox {
		return fmt.Errorf("exchange: contacts: %d; 0 to %d", x.Contacts, exchange.MaxMailbox)
	}
	if x.Contacts > 0 && (x.Off || len(d.Users) == 0) {
		return errors.New("exchange: contacts: there is no mailbox for them")
	}
	return nil
}

// buildExchange makes the server, not started yet.
func (l *Lab) buildExchange() {
	d := l.Deployment
	leaf := pki.Leaf{
		Names:     d.exchangeNames(),
		Defect:    d.Exchange.Defect,
		NotBefore: l.Clock.Now().Add(-certificateAge), // Issue is called later
	}
	x := exchange.New(l.Directory)
	x.Host = d.Exchange.Host
	x.OutsideHost = d.Exchange.OutsideHost
	x.Clock = l.Clock
	x.KeyLog = l.KeyLog
	x.Issue = func() (tls.Certificate, error) { return l.PKI.Issuing.Issue(leaf) }
	x.MinTLS = l.minTLS()
	x.RequireNTLMv2 = d.Today
	x.RequireChannelBinding = d.Today || d.Exchange.ChannelBinding
	x.Address = l.listenAddress(addrExchange, "443")
	x.RedirectAddress = l.listenAddress(addrExchange, "80")
	l.Exchange = x
}

// certificateAge is the age of a server's certificate when the lab starts.
const certificateAge = 30 * 24 * time.Hour

// errNoExchange is the error of changes to Exchange in a deployment without it.
var errNoExchange = errors.New("this deployment has no Exchange (exchange: {off: true})")
