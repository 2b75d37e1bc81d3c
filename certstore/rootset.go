package certstore

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
)

// The names of root sets. A set from a file is FilePrefix and the file's path.
const (
	SetFactory2007 = "factory-2007" // as far as available, see FactoryTable
	SetSystem      = "system"       // the roots of this host
	SetNone        = "none"         // no roots
	FilePrefix     = "file:"
)

// RootSet returns the roots that a phone starts with: "factory-2007", "system",
// "file:PATH" or "none". An unknown name or an unreadable file is a
// *journal.Failure with code journal.Usage.
func RootSet(name string) (Store, error) {
	switch path, isFile := strings.CutPrefix(name, FilePrefix); {
	case isFile:
		return fileRoots(name, path)
	case name == SetNone:
		return Store{}, nil
	case name == SetFactory2007:
		return factory2007()
	case name == SetSystem:
		return systemRoots()
	}
	return Store{}, &journal.Failure{Code: journal.Usage, Asked: name, What: fmt.Sprintf("there is no root set %q", name),
		Fix: "use factory-2007, system, file:PATH or none"}
}

// Describe returns a text about a root set and its origin, "" for an unknown name.
func Describe(name string) string {
	switch {
	case name == SetFactory2007:
		return describeFactory2007()
	case name == SetSystem && hostVerifies():
		return "The roots of this host. " + runtime.GOOS + " verifies with them but does not list them."
	case name == SetSystem:
		return "The roots of this host, as crypto/x509 finds them."
	case name == SetNone:
		return "No roots at all."
	case strings.HasPrefix(name, FilePrefix):
		return "The certificates in " + name[len(FilePrefix):] + "."
	}
	return ""
}

// CertificateFile is what ParseCertificates reads.
var CertificateFile = boundedfile.Kind{Name: "a file with certificates", Limit: maxFile}

// readKept reads a file that a phone reads at each start.
func readKept(path string) ([]byte, error) {
	kind := CertificateFile
	kind.Kept = true
	return kind.Read(context.Background(), path)
}

func fileRoots(set, path string) (Store, error) {
	data, err := readKept(path)
	if err != nil {
		return Store{}, err
	}
	certificates, err := ParseCertificates(data)
	if err == nil {
		return New(rootsOf(certificates, Source{Kind: File, Set: set})...), nil
	}
	return Store{}, &journal.Failure{Code: journal.Usage, Asked: set, What: "the root set cannot be read", Err: err,
		Fix: "name a file with certificates in PEM, DER or PKCS#7"}
}

// hostVerifies reports whether the operating system verifies chains but does not
// list its roots.
func hostVerifies() bool { return slices.Contains([]string{"darwin", "ios", "windows"}, runtime.GOOS) }

// Files and directories with the roots of Unix-like systems. As in crypto/x509,
// the first readable file and all directories are used, and SSL_CERT_FILE and
// SSL_CERT_DIR replace them.
var (
	bundleFiles = [...]string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Gentoo
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/tls/cacert.pem",                           // OpenELEC
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
		"/etc/ssl/cert.pem",                                 // Alpine, OpenBSD, macOS tools
		"/usr/local/etc/ssl/cert.pem",                       // FreeBSD
		"/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD, DragonFly
		"/etc/openssl/certs/ca-certificates.crt",            // NetBSD
		"/etc/certs/ca-certificates.crt",                    // Solaris
	}
	bundleDirs = [...]string{"/etc/ssl/certs", "/etc/pki/tls/certs", "/usr/local/share/certs", "/etc/openssl/certs"}
)

func systemRoots() (Store, error) {
	if hostVerifies() {
		return newStore(nil, true), nil
	}
	files, dirs := bundleFiles[:], bundleDirs[:]
	if f := os.Getenv("SSL_CERT_FILE"); f != "" {
		files = []string{f}
	}
	if d := os.Getenv("SSL_CERT_DIR"); d != "" {
		dirs = filepath.SplitList(d)
	}
	var roots []Root
	read := func(path string) error {
		data, err := readKept(path)
		if err != nil {
			return err
		}
		_, err = eachCertificate(data, func(c *x509.Certificate) {
			roots = append(roots, Root{c, Source{Kind: System, Set: SetSystem}})
		}) // skips certificates that cannot be parsed, like crypto/x509
		return err
	}
	for _, f := range files {
		if read(f) == nil {
			break
		}
	}
	for _, d := range dirs {
		entries, _ := os.ReadDir(d)
		for _, e := range entries {
			if e.IsDir() || sameDirLink(d, e) {
				continue
			}
			_ = read(filepath.Join(d, e.Name())) // a file without certificates adds no roots
		}
	}
	s := New(roots...)
	if s.Len() == 0 {
		return s, &journal.Failure{Code: journal.Usage, Asked: SetSystem, What: "this host has no root certificates",
			Fix: "install ca-certificates, set SSL_CERT_FILE, or choose another root set"}
	}
	return s, nil
}

// sameDirLink reports whether an entry is a link to a file in the same directory:
// a hash link of OpenSSL, whose target is read anyway.
func sameDirLink(dir string, e os.DirEntry) bool {
	if e.Type()&os.ModeSymlink == 0 {
		return false
	}
	target, err := os.Readlink(filepath.Join(dir, e.Name()))
	return err == nil && !strings.Contains(target, "/")
}
