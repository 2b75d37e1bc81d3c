//go:build realpeers && linux

package peer

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// OpenSSL makes certificates with the openssl command line, independent of this
// project's code. It is for one test.
type OpenSSL struct {
	t    testing.TB
	dir  string
	mu   sync.Mutex
	keys map[string]string // files by CertificateRequest.Key
}

// NewOpenSSL returns an OpenSSL without certificates.
func NewOpenSSL(t testing.TB) *OpenSSL {
	t.Helper()
	Need(t, "openssl", "openssl")
	return &OpenSSL{t: t, dir: Dir(t), keys: map[string]string{}}
}

// OpenSSLCommand runs openssl without the host's configuration, whose minimum
// versions and security level exclude the ciphers of 2007.
var OpenSSLCommand = Command{Env: []string{"OPENSSL_CONF=/dev/null"}}

// Certificate is a certificate made by openssl, with its key.
type Certificate struct {
	File, Key string // PEM
}

// CertificateRequest describes a certificate. The zero values of its fields are
// valid.
type CertificateRequest struct {
	Subject string       // "/DC=com/DC=contoso/CN=Root"
	Issuer  *Certificate // nil: self-signed
	// Key is the kind and size, such as "rsa:1024#2" or "ec:P-256"; the text
	// after # distinguishes keys of one kind. "": RSA 2048, one for each subject.
	Key        string
	Digest     string    // of the signature; "": sha256
	Extensions string    // lines of x509v3_config(5); "": version 1, which has none
	From, To   time.Time // zero: since yesterday; for a year
	Serial     string    // decimal, may be negative, then without From and To; "": random
}

// CA and Server are the usual extensions.
const (
	CA     = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
	Server = "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\n"
)

// Make makes a certificate.
func (o *OpenSSL) Make(r CertificateRequest) *Certificate {
	o.t.Helper()
	dir, err := os.MkdirTemp(o.dir, "made")
	if err != nil {
		o.t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	now := time.Now()
	r.Digest = cmp.Or(r.Digest, "sha256")
	r.From, r.To = cmp.Or(r.From, now.AddDate(0, 0, -1)), cmp.Or(r.To, now.AddDate(1, 0, 0))
	c := &Certificate{File: in("cert.pem"), Key: o.key(cmp.Or(r.Key, "rsa:2048#"+r.Subject))}
	signer := cmp.Or(r.Issuer, c)
	Write(o.t, dir, "extensions", r.Extensions)
	o.run("req", "-new", "-config", Write(o.t, dir, "req.cnf", "[req]\ndistinguished_name=dn\n[dn]\n"),
		"-key", c.Key, "-subj", r.Subject, "-out", in("csr.pem"))
	if r.Serial != "" { // `openssl ca` refuses negative serials, `openssl x509` 3.0 has no dates
		o.run("x509", "-req", "-in", in("csr.pem"), "-CA", signer.File, "-CAkey", signer.Key, "-set_serial", r.Serial,
			"-days", "365", "-"+r.Digest, "-extfile", in("extensions"), "-out", c.File)
		return c
	}
	serial := make([]byte, 8)
	rand.Read(serial)
	Write(o.t, dir, "serial", "01"+hex.EncodeToString(serial)+"\n")
	Write(o.t, dir, "index", "")
	const utc = "20060102150405Z"
	config := Write(o.t, dir, "ca.cnf", fmt.Sprintf(`[ca]
default_ca=one
[one]
database=%s
serial=%s
new_certs_dir=%s
policy=any
default_md=%s
unique_subject=no
[any]
commonName=optional
`, in("index"), in("serial"), dir, r.Digest))
	args := []string{"ca", "-batch", "-notext", "-preserveDN", "-config", config,
		"-in", in("csr.pem"), "-out", c.File, "-keyfile", signer.Key,
		"-startdate", r.From.UTC().Format(utc), "-enddate", r.To.UTC().Format(utc)}
	if r.Extensions != "" {
		args = append(args, "-extfile", in("extensions"))
	}
	if r.Issuer == nil {
		args = append(args, "-selfsign")
	} else {
		args = append(args, "-cert", signer.File)
	}
	o.run(args...)
	return c
}

// key returns the key file of a kind and makes it at the first call.
func (o *OpenSSL) key(kind string) string {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if file := o.keys[kind]; file != "" {
		return file
	}
	file := filepath.Join(o.dir, fmt.Sprintf("key%d.pem", len(o.keys)))
	what, _, _ := strings.Cut(kind, "#")
	algorithm, size, _ := strings.Cut(what, ":")
	args := []string{"genpkey", "-quiet", "-algorithm", algorithm, "-out", file}
	switch algorithm {
	case "rsa":
		args = append(args, "-pkeyopt", "rsa_keygen_bits:"+size)
	case "ec":
		args = append(args, "-pkeyopt", "ec_paramgen_curve:"+size)
	}
	o.run(args...)
	o.keys[kind] = file
	return file
}

func (o *OpenSSL) run(args ...string) {
	o.t.Helper()
	OpenSSLCommand.Output(o.t, "openssl", args...)
}

// Serve starts `openssl s_server` on addr with a chain, server certificate first.
// It answers an HTTP request with a page about the connection. args are further
// options, such as "-tls1"; the security level is 0.
func Serve(t testing.TB, addr string, chain []*Certificate, args ...string) *Process {
	t.Helper()
	all := []string{"s_server", "-accept", addr, "-www", "-cert", chain[0].File, "-key", chain[0].Key,
		"-cipher", "ALL:@SECLEVEL=0"}
	if len(chain) > 1 {
		all = append(all, "-cert_chain", Bundle(t, chain[1:]...))
	}
	c := OpenSSLCommand
	c.Ready = Listening(addr)
	return c.Start(t, "openssl", append(all, args...)...)
}

// Bundle writes the certificates into one PEM file and returns its path.
func Bundle(t testing.TB, all ...*Certificate) string {
	t.Helper()
	var text strings.Builder
	for _, c := range all {
		text.WriteString(c.PEM(t))
	}
	return Write(t, t.TempDir(), "bundle.pem", text.String())
}

// PEM returns the certificate as PEM.
func (c *Certificate) PEM(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(c.File)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
