package device

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
)

// What only registrars that are no pool need: connections without TLS and client
// certificates.

// connectedPlain is the step of a connection without TLS.
func connectedPlain(server sipua.Candidate, remote string) journal.Step {
	return journal.Step{
		Name: journal.Connect, State: journal.Warned, Asked: server.Addr(), By: remote, Answered: "TCP without TLS",
		Decided: fmt.Sprintf("Connected to %s (%s). The connection is not encrypted, and no certificate proves who the "+
			"server is. The password is used for digest authentication only.", server.Addr(), server.From),
	}
}

// clientCertificate is what became of a server's request for a certificate of the
// phone.
type clientCertificate struct {
	asked bool
	none  bool // the phone has none
	text  string
	fix   string // if the server refuses what it gets
}

// explain adds the request to err if the server has ended the connection: with an
// alert, or by closing it on a phone that has no certificate.
func (a *clientCertificate) explain(err error) {
	f, failed := errors.AsType[*journal.Failure](err)
	ended := []journal.Code{journal.TLSFailed, journal.ConnFailed, journal.SIPLost}
	if !failed || a == nil || !a.asked || !slices.Contains(ended, f.Code) {
		return
	}
	alert, _ := errors.AsType[*net.OpError](err)
	if a.none || alert != nil && alert.Op == "remote error" {
		f.Details, f.Fix = append(f.Details, a.text), a.fix
	}
}

// details are what the connect step says of the request.
func (a *clientCertificate) details() []string {
	if !a.asked {
		return nil
	}
	return []string{a.text}
}

// choose answers the request with own; nil: the phone has none. A certificate of an
// authority that the server does not name is shown too: servers list too few.
func (a *clientCertificate) choose(own *tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		a.asked = true
		if a.none = own == nil; a.none {
			a.text = "The server asks for a certificate of the phone, which has none (--tls-cert FILE --tls-key FILE)."
			a.fix = "Give the phone a certificate that the server accepts: --tls-cert FILE --tls-key FILE."
			return new(tls.Certificate), nil
		}
		a.text = "The server asks for a certificate of the phone, which shows its own"
		if own.Leaf != nil {
			a.text += ": " + own.Leaf.Subject.String()
		}
		a.text += "."
		a.fix = "Give the phone a certificate that the server accepts (--tls-cert FILE --tls-key FILE), or let the server " +
			"trust the issuer of this one."
		return own, nil
	}
}
