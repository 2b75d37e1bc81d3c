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
// One certificate of the enterprise CA bears all its names, inside and outside:
// a phone that was inside once has that root. (Setup in 2007 made a self-signed
// one, which phones refuse, R1.6: that is the defect self-signed.)
type Exchange struct {
	Server      `yaml:",inline"` // inside: "cas01." and the domain
	OutsideHost string           `yaml:"outsideHost"` // "mail." and the domain
	// Contacts is how many more contacts the first user has in his mailbox.
	Contacts int `yaml:"contacts"`
	// ChannelBinding refuses NTLM that is not bound to its TLS connection, as
	// Extended Protection does (RFC 5929); always so when Today is set.
	ChannelBinding bool `yaml:"channelBinding"`
	Off            bool `yaml:"off"` // there is no Exchange at all
}

// autodiscover is the host that a phone asks when the domain's own name does
// not answer (R9.1).
func (d Deployment) autodiscover() string { return "autodiscover." + d.Domain }

// names are those of the certificate.
func (d Deployment) exchangeNames() []string {
	return []string{d.Exchange.Host, d.Exchange.OutsideHost, d.autodiscover(), d.Domain}
}

// checkExchange names what cannot be built.
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
		return errors.New("exchange: contacts: there is no mailbox that they could be in")
	}
	return nil
}

// buildExchange makes the server, not started yet.
func (l *Lab) buildExchange(minTLS uint16) {
	d := l.Deployment
	leaf := pki.Leaf{Names: d.exchangeNames(), Defect: d.Exchange.Defect, NotBefore: l.Clock.Now().Add(-certificateAge)} // issued later, as old as the others
	x := exchange.New(l.Directory)
	x.Host, x.OutsideHost, x.Clock, x.KeyLog = d.Exchange.Host, d.Exchange.OutsideHost, l.Clock, l.KeyLog
	x.Issue = func() (tls.Certificate, error) { return l.PKI.Issuing.Issue(leaf) }
	x.MinTLS, x.RequireNTLMv2, x.RequireChannelBinding = minTLS, d.Today, d.Today || d.Exchange.ChannelBinding
	x.Address, x.RedirectAt = l.listenAddress(addrExchange, "443"), l.listenAddress(addrExchange, "80")
	l.Exchange = x
}

// certificateAge is how old a certificate is when the lab starts.
const certificateAge = 30 * 24 * time.Hour

// errNoExchange is told to who would change what was left out.
var errNoExchange = errors.New("this deployment has no Exchange (exchange: {off: true})")
