package certstore

import (
	"crypto/tls"
	"io"
	"time"
)

// ClientOptions are the options of ClientConfig.
type ClientOptions struct {
	Store  Store
	Policy PolicyName       // decides; empty means Today
	NoSHA2 bool             // see Request
	Now    func() time.Time // the phone's clock; nil means the host's
	// ServerName must be in the certificate. Empty means the name that the
	// connection is made for; a connection without a name is refused.
	ServerName   string
	MinVersion   uint16        // 0: crypto/tls's default; tls.VersionTLS10 for a server of 2007
	MaxVersion   uint16        // 0: crypto/tls's default
	CipherSuites []uint16      // nil: crypto/tls's default, which lacks RSA key exchange and 3DES
	Curves       []tls.CurveID // of key exchange; nil: crypto/tls's default
	KeyLogWriter io.Writer     // for decryption with tshark; nil: no key log
	OnVerdict    func(Verdict) // called with every verdict before the handshake ends; may be nil
}

// ClientConfig returns a TLS configuration that verifies servers with a Store.
// A refused handshake ends with a *VerdictError.
//
// It is the only place that sets InsecureSkipVerify. That switches off crypto/tls's
// own verification only: VerifyConnection replaces it for every connection,
// resumed ones included, and sessions are not stored for resumption.
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
		CurvePreferences:       o.Curves,
		KeyLogWriter:           o.KeyLogWriter,
	}
}
