package check

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/certstore/adroots"
	"github.com/ocphone/ocphone/device/journal"
)

// RootFile is a file of certificates.
type RootFile struct {
	Name         string // its path
	Certificates []*x509.Certificate
}

func (f RootFile) base() string { return filepath.Base(f.Name) }

// ReadFile reads the certificates of a PEM, DER or PKCS #7 file. A file that
// cannot be read or holds no certificate is a usage failure.
func ReadFile(ctx context.Context, name string) (RootFile, error) {
	b, err := certstore.CertificateFile.Read(ctx, name)
	if err != nil {
		return RootFile{}, err
	}
	found, err := certstore.ParseCertificates(b)
	switch {
	case err != nil:
		return RootFile{}, journal.Usagef("%s: %v", name, err)
	case len(found) == 0:
		return RootFile{}, journal.Usagef("%s: it holds no certificate", name)
	}
	return RootFile{name, found}, nil
}

// certificateFiles are the extensions under which Windows and OpenSSL keep
// certificates.
var certificateFiles = []string{".cer", ".crt", ".pem", ".der", ".p7b"}

// ReadFolder takes the certificates of a folder for what is published. A file
// that a phone would not install is in Rejected.
func ReadFolder(ctx context.Context, dir string) (Published, error) {
	p := Published{From: "the folder " + dir, Known: true}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return p, journal.Usagef("%v", err)
	}
	for _, entry := range entries {
		if entry.IsDir() || !slices.Contains(certificateFiles, strings.ToLower(filepath.Ext(entry.Name()))) {
			continue
		}
		file, err := ReadFile(ctx, filepath.Join(dir, entry.Name()))
		if ctx.Err() != nil {
			return p, ctx.Err()
		}
		if err != nil {
			p.Rejected = append(p.Rejected, strings.TrimSuffix(err.Error(), " ["+string(journal.Usage)+"]"))
		}
		for _, c := range file.Certificates {
			r := certstore.Root{Certificate: c, Source: certstore.Source{Kind: certstore.AD, DN: entry.Name()}}
			if _, err := adroots.ParseRoot(c.Raw); err != nil {
				p.Rejected = append(p.Rejected, fmt.Sprintf("%s: %s: %v", entry.Name(), r.Subject(), err))
				p.other = append(p.other, c)
				continue
			}
			p.Roots = append(p.Roots, r)
		}
	}
	p.Roots = certstore.New(p.Roots...).Roots()
	return p, nil
}

// Thumbprint is the SHA-1 of a certificate in lower-case hex, by which Windows
// names it.
func Thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return hex.EncodeToString(sum[:])
}
