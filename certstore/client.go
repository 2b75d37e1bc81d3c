package certstore

import (
	"crypto/tls"
	"io"
	"time"
)

// ClientOptions says how ClientConfig judges a server.
type ClientOptions struct {
	Store  Store
	Policy PolicyName       // which decides; empty means Today
	NoSHA2 bool             // see Request
	Now    func() time.Time // the phone's clock; nil means the host's
	// ServerName must be in the certificate. Empty means the name that the
	// connection is made for; a connection without a name is refused.
	ServerName   string
	MinVersion   uint16        // 0: crypto/tls decides; tls.VersionTLS10 for a server of 2007
	MaxVersion   uint16        // 0: crypto/tls decides
	CipherSuites []uint16      // nil: crypto/tls decides; RSA key exchange and 3DES must be named here to be offered
	KeyLogWriter io.Writer     // for a look with tshark; nil writes none
	OnVerdict    func(Verdict) // called with every verdict, good or not, before the handshake ends; nil is allowed
}

// ClientConfig returns the TLS configuration of a connection that is judged by
// a Store. A refused handshake ends with a *VerdictError.
//
// It is the one place of the tree that sets InsecureSkipVerify, which switches
// off crypto/tls's own check only: VerifyConnection judges in its stead, for
// every connection, resumed ones included, and no session is kept to be resumed.
func ClientConfig(o ClientOptions) *tls.Config {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &tls.Config{
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			r := Request{Chain: state.PeerCertificates, Name: o.ServerName, At: now(), Policy: o.Policy, NoSHA2: o.NoSHA2}
			if r.Name == "" {
				r.Name = state.ServerName
			}
			v := o.Store.verify(r, true)
			if o.OnVerdict != nil {
				o.OnVerdict(v)
			}
			if !v.OK {
				return &VerdictError{v}
			}
			return nil
		},
		SessionTicketsDisabled: true,
		Time:                   now,
		ServerName:             o.ServerName,
		MinVersion:             o.MinVersion,
		MaxVersion:             o.MaxVersion,
		CipherSuites:           o.CipherSuites,
		KeyLogWriter:           o.KeyLogWriter,
	}
}
