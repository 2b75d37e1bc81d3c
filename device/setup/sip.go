package setup

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
)

// sip settles in c what the options say of the SIP server, and reports values that
// cannot work.
func (o *Options) sip(c *device.Config) (err error) {
	switch {
	case o.Registrar == "" && o.AuthUser != "":
		return journal.Usagef("--auth-user is for a registrar: give --registrar HOST too, or --user for Active Directory")
	case (o.TLSCert == "") != (o.TLSKey == ""):
		return journal.Usagef("--tls-cert and --tls-key belong together")
	}
	if o.Expires > maxExpires {
		return journal.Usagef("--expires %d: a registration is requested for 366 days at most, %d seconds", o.Expires,
			maxExpires)
	}
	c.Registrar, c.AuthUser, c.Expires = o.Registrar, o.AuthUser, time.Duration(o.Expires)*time.Second
	if c.MinTLS, err = tlsVersion("tls-min", o.TLSMin); err != nil {
		return err
	}
	if c.MaxTLS, err = tlsVersion("tls-max", o.TLSMax); err != nil {
		return err
	}
	return c.Check()
}

// maxExpires bounds Options.Expires, as device.Config does.
const maxExpires = 366 * 24 * 60 * 60

// tlsVersion reads the version of a flag; the empty string is 0.
func tlsVersion(flag, version string) (uint16, error) {
	for v := uint16(tls.VersionTLS10); v <= tls.VersionTLS13; v++ {
		if tls.VersionName(v) == "TLS "+version {
			return v, nil
		}
	}
	if version != "" {
		return 0, journal.Usagef("--%s %q: a TLS version is 1.0, 1.1, 1.2 or 1.3", flag, version)
	}
	return 0, nil
}

// pemFiles are the files of a certificate and of its key.
var pemFiles = boundedfile.Kind{Name: "a PEM file with a certificate or its key", Limit: 1 << 20}

// clientCertificate reads the certificate of the phone; nil if the options name none.
func (o *Options) clientCertificate(ctx context.Context) (*tls.Certificate, error) {
	if o.TLSCert == "" {
		return nil, nil
	}
	chain, err := pemFiles.Read(ctx, o.TLSCert)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	key, err := pemFiles.Read(ctx, o.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-key: %w", err)
	}
	c, err := tls.X509KeyPair(chain, key)
	if err != nil { // the text holds nothing of the key
		return nil, journal.Usagef("--tls-cert %s and --tls-key %s are no pair of a certificate and its key: %v; both are "+
			"PEM, the key without a passphrase", o.TLSCert, o.TLSKey, err)
	}
	return &c, nil
}
