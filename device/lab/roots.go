package lab

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// Root is a root certificate of the deployment with a short name.
type Root struct {
	Name      string `json:"name"`
	File      string `json:"file"` // PEM file written by WriteRoots; else empty
	Subject   string `json:"subject"`
	Published bool   `json:"published"` // in Active Directory now
}

type namedRoot struct {
	name string
	file string
	cert *x509.Certificate
}

// addRoot adds a root. It replaces a root of the same name.
func (l *Lab) addRoot(name string, c *x509.Certificate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.roots, func(r namedRoot) bool { return r.name == name })
	if i < 0 {
		i = len(l.roots)
		l.roots = append(l.roots, namedRoot{})
	}
	l.roots[i] = namedRoot{name: name, cert: c}
}

// Roots lists the deployment's roots, the inside pool's first.
func (l *Lab) Roots() []Root {
	l.mu.Lock()
	defer l.mu.Unlock()
	published := map[string]bool{}
	for _, e := range l.Directory.Roots() {
		for _, der := range e.DER {
			published[string(der)] = true
		}
	}
	all := make([]Root, len(l.roots))
	for i, r := range l.roots {
		all[i] = Root{
			Name:      r.name,
			File:      r.file,
			Subject:   certstore.Root{Certificate: r.cert}.Subject(),
			Published: published[string(r.cert.Raw)],
		}
	}
	return all
}

func (l *Lab) root(name string) (*x509.Certificate, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, err := named("root", name, l.roots, func(r namedRoot) string { return r.name })
	return r.cert, err
}

// named returns the element of all with that name. The error lists the names.
func named[T any](kind, name string, all []T, nameOf func(T) string) (found T, err error) {
	var names []string
	for _, x := range all {
		if strings.EqualFold(nameOf(x), name) {
			return x, nil
		}
		names = append(names, nameOf(x))
	}
	return found, fmt.Errorf("there is no %s %q: %s", kind, name, strings.Join(names, ", "))
}

// PublishRoot publishes a root in Active Directory, as certutil -dspublish does (R1.1).
func (l *Lab) PublishRoot(name string) error {
	c, err := l.root(name)
	if err == nil {
		l.Directory.PublishRoot(commonName(c), c.Raw)
	}
	return err
}

// WithdrawRoot removes a root from Active Directory. Phones that have the root
// keep it.
func (l *Lab) WithdrawRoot(name string) error {
	c, err := l.root(name)
	if err == nil && !l.Directory.WithdrawRoot(commonName(c), c.Raw) {
		err = fmt.Errorf("the root %q is not published", name)
	}
	return err
}

// commonName returns the name of a root's entry in the directory.
func commonName(c *x509.Certificate) string { return cmp.Or(c.Subject.CommonName, c.Subject.String()) }

// SetDefect replaces the certificate of a server by one with the defect. The empty
// defect means a good certificate. pki.NegativeSerial needs a line in the go.mod of
// the program (docs/go.md#negative-serial-numbers); the error names it.
func (l *Lab) SetDefect(server string, defect pki.Defect) error {
	d := l.Deployment
	issuer, names := l.PKI.Issuing, []string{d.Pool.Host}
	switch l.serverName(server) {
	case "edge":
		issuer, names = l.PKI.Public, []string{d.Edge.Host}
	case "dc":
		names = []string{d.DC.Host, d.Domain}
	case "exchange":
		names = d.exchangeNames()
	}
	c, err := issuer.Issue(pki.Leaf{Names: names, Defect: defect})
	if err == nil {
		err = l.SetCertificate(server, c)
	}
	if err == nil {
		l.noteDefect(server, defect)
	}
	return err
}

// OtherCertificate is the value of Defects for a certificate that SetCertificate,
// SetCertificateLike or SetCertificateFiles set.
const OtherCertificate pki.Defect = "other"

// Defects returns the defect of each server's certificate, by "pool", "edge", "dc"
// and "exchange"; the empty defect means a good certificate.
func (l *Lab) Defects() map[string]pki.Defect {
	d := l.Deployment
	all := map[string]pki.Defect{"pool": d.Pool.Defect, "edge": d.Edge.Defect, "dc": d.DC.Defect}
	if l.Exchange != nil {
		all["exchange"] = d.Exchange.Defect
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.Copy(all, l.defects)
	return all
}

// noteDefect keeps the defect of a server's certificate for Defects.
func (l *Lab) noteDefect(server string, defect pki.Defect) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.defects == nil {
		l.defects = map[string]pki.Defect{}
	}
	l.defects[l.serverName(server)] = defect
}

// SetCertificateLike replaces the chain of a server by one in the shape of the given
// chain, with new keys. It adds the roots of the new chain as "like-SERVER",
// "like-SERVER-2", … and returns their names. Phones trust the chain once these
// roots are published.
func (l *Lab) SetCertificateLike(server string, chain []*x509.Certificate) ([]string, error) {
	roots, c, err := pki.Like(chain, l.keys)
	if err != nil {
		return nil, err
	}
	if err := l.SetCertificate(server, c); err != nil {
		return nil, err
	}
	var names []string
	for i, r := range roots {
		name := "like-" + l.serverName(server)
		if i > 0 {
			name = fmt.Sprintf("%s-%d", name, i+1)
		}
		l.addRoot(name, r)
		names = append(names, name)
	}
	return names, nil
}

// SetCertificateFiles replaces the chain and key of a server by those of PEM files.
func (l *Lab) SetCertificateFiles(server string, chainPEM, keyPEM []byte) error {
	c, err := pki.Load(chainPEM, keyPEM)
	if err != nil {
		return err
	}
	return l.SetCertificate(server, c)
}

// Certificate issues a good certificate of the inside authorities for a server
// that is not part of the lab.
func (l *Lab) Certificate(names ...string) (tls.Certificate, error) {
	return l.PKI.Issuing.Issue(pki.Leaf{Names: names})
}

// WriteRoots writes each root as NAME.pem into dir. It makes dir, but not its
// parent.
func (l *Lab) WriteRoots(dir string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	for i, r := range l.roots {
		file := filepath.Join(dir, r.name+".pem")
		b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.cert.Raw})
		if err := os.WriteFile(file, b, 0o644); err != nil {
			return err
		}
		l.roots[i].file = file
	}
	return nil
}
