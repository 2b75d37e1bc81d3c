//go:build realpeers && linux

package certstore_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/peer"
)

const (
	host      = "pool.contoso.com"
	certsAddr = "127.22.5.1:5061"
	suiteAddr = "127.22.5.2:5061"
)

// levels are openssl's security levels that come nearest to the policies
// (SSL_CTX_set_security_level(3)): 1 refuses SHA-1 and RSA below 1024 bits, 0 nothing.
var levels = map[certstore.PolicyName]string{certstore.Today: "1", certstore.Policy2007: "0"}

// Errors of openssl (x509_vfy.h).
const (
	badPurpose = "26"
	noCertSign = "32"
	invalidCA  = "79"
)

// reasons are the codes for openssl's errors.
var reasons = map[string]journal.Code{
	"7": journal.CertUntrusted, "19": journal.CertUntrusted, "20": journal.CertUntrusted, "21": journal.CertUntrusted,
	"9": journal.CertNotYetValid, "10": journal.CertExpired, "18": journal.CertSelfSigned, "62": journal.CertName,
	"25": journal.CertConstraint, "34": journal.CertConstraint, "47": journal.CertConstraint, "48": journal.CertConstraint, invalidCA: journal.CertConstraint,
	badPurpose: journal.CertUsage, noCertSign: journal.CertUsage,
	"66": journal.CertWeak, "67": journal.CertWeak, "68": journal.CertWeak,
}

// deployment is a chain that a server presents, with the verdicts of both programs.
type deployment struct {
	name  string
	chain []*peer.Certificate // the server's first
	roots []*peer.Certificate // held
	at    time.Time           // zero: now
	args  []string            // of s_server

	today, then want
}

// want is the verdict of a policy: its codes in order, empty for a good chain.
type want struct {
	codes []journal.Code
	// but is why openssl differs; empty if it agrees in the verdict and its
	// reasons.
	but     string
	openssl []journal.Code // the codes of openssl then
}

func says(codes ...journal.Code) want { return want{codes: codes} }

// unlike is a verdict with which openssl does not agree.
func (w want) unlike(why string, openssl ...journal.Code) want {
	w.but, w.openssl = why, openssl
	return w
}

var good = says()

// TestPeerOpenSSLDefects serves each chain, which openssl has made, by
// `openssl s_server`, dials it under both policies, and lets `openssl verify`
// judge the same.
func TestPeerOpenSSLDefects(t *testing.T) {
	for _, d := range deployments(t) {
		t.Run(d.name, func(t *testing.T) {
			peer.Row(t, "openssl", "certificates of each defect, made by openssl and served by `s_server`, get the verdict of `openssl verify` under both policies, or differ for a reason that the test names")
			if d.at.IsZero() {
				d.at = time.Now()
			}
			peer.Serve(t, certsAddr, d.chain, d.args...)
			for policy, want := range map[certstore.PolicyName]want{certstore.Today: d.today, certstore.Policy2007: d.then} {
				v := dial(t, d, policy)
				if got := codes(v.Answers[policy]); !slices.Equal(got, want.codes) || v.OK != (len(want.codes) == 0) {
					t.Errorf("policy %s says %v, want %v\n%s", policy, got, want.codes, strings.Join(v.Details(), "\n"))
				}
				theirs, said := opensslVerify(t, d, levels[policy])
				if want.but != "" {
					if !slices.Equal(theirs, want.openssl) {
						t.Errorf("policy %s says %v, openssl at level %s %v, want %v, since %s\n%s", policy, want.codes, levels[policy], theirs, want.openssl, want.but, said)
					}
					if agree(want.openssl, want.codes) {
						t.Errorf("policy %s: there is no difference to explain", policy)
					}
				} else if !agree(theirs, want.codes) {
					t.Errorf("policy %s says %v, openssl at level %s %v\n%s", policy, want.codes, levels[policy], theirs, said)
				}
			}
		})
	}
}

// connect dials with a time-out; s_server serves one client after the other.
func connect(addr string, o certstore.ClientOptions) (*tls.Conn, error) {
	return tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", addr, certstore.ClientConfig(o))
}

// dial makes a connection as a phone would, and returns its verdict.
func dial(t *testing.T, d deployment, policy certstore.PolicyName) (v certstore.Verdict) {
	t.Helper()
	verdicts := 0
	c, err := connect(certsAddr, certstore.ClientOptions{
		Store: held(t, d.roots...), Policy: policy, ServerName: host, MinVersion: tls.VersionTLS10,
		CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_128_CBC_SHA},
		Now:          func() time.Time { return d.at },
		OnVerdict:    func(seen certstore.Verdict) { v = seen; verdicts++ }})
	if err == nil {
		c.Close()
	}
	var refused *certstore.VerdictError
	if verdicts != 1 || v.OK != (err == nil) || err != nil && !errors.As(err, &refused) {
		t.Errorf("%d verdicts, the handshake ended with: %v", verdicts, err)
	}
	return v
}

func held(t *testing.T, roots ...*peer.Certificate) certstore.Store {
	t.Helper()
	var all []certstore.Root
	for _, r := range roots {
		parsed, err := certstore.ParseCertificates([]byte(r.PEM(t)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, certstore.Root{Certificate: parsed[0], Source: certstore.Source{Kind: certstore.AD}})
	}
	return certstore.New(all...)
}

func codes(a certstore.Answer) (all []journal.Code) {
	for _, f := range a.Findings {
		all = append(all, f.Code)
	}
	return all
}

// agree reports whether two verdicts are the same. That of openssl may lack reasons,
// because openssl ends at the first stage that finds one.
func agree(theirs, ours []journal.Code) bool {
	return (len(theirs) == 0) == (len(ours) == 0) &&
		!slices.ContainsFunc(theirs, func(c journal.Code) bool { return !slices.Contains(ours, c) })
}

var verifyError = regexp.MustCompile(`(?m)^error (\d+) at`)

// opensslVerify is the verdict of openssl on the same chain, name and time. With
// -partial_chain it trusts each held certificate, as a Store does.
func opensslVerify(t *testing.T, d deployment, level string) (found []journal.Code, said string) {
	t.Helper()
	args := []string{"verify", "-no-CApath", "-no-CAstore", "-partial_chain", "-purpose", "sslserver", "-verify_hostname", host,
		"-auth_level", level, "-attime", strconv.FormatInt(d.at.Unix(), 10)}
	if len(d.roots) > 0 {
		args = append(args, "-CAfile", peer.Bundle(t, d.roots...))
	} else {
		args = append(args, "-no-CAfile")
	}
	if len(d.chain) > 1 {
		args = append(args, "-untrusted", peer.Bundle(t, d.chain[1:]...))
	}
	out, code := peer.OpenSSLCommand.Run(t, "openssl", append(args, d.chain[0].File)...)
	var errs []string
	for _, m := range verifyError.FindAllStringSubmatch(out, -1) {
		errs = append(errs, m[1])
	}
	for _, e := range errs {
		switch {
		case e == invalidCA && slices.Contains(errs, noCertSign), e == badPurpose && slices.Contains(errs, invalidCA):
			continue // follows from the other one
		case reasons[e] == "":
			t.Errorf("an error of openssl that has no code: %s", out)
		}
		found = append(found, reasons[e])
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if (code == 0) != strings.Contains(out, ": OK") || (code == 0) != (len(errs) == 0) {
		t.Errorf("openssl verify ended with %d:\n%s", code, out)
	}
	return found, out
}

// TestPeerOpenSSLPeriodSuites is TLS 1.0 with each suite of the period that
// this openssl still has.
func TestPeerOpenSSLPeriodSuites(t *testing.T) {
	o := peer.NewOpenSSL(t)
	root := o.Make(peer.CertificateRequest{Subject: "/CN=Root", Extensions: peer.CA, Digest: "sha1"})
	server := o.Make(peer.CertificateRequest{Subject: "/CN=" + host, Issuer: root, Extensions: peer.Server + "subjectAltName=DNS:" + host + "\n", Digest: "sha1", Key: "rsa:1024"})
	for suite, id := range map[string]uint16{"AES128-SHA": tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES256-SHA": tls.TLS_RSA_WITH_AES_256_CBC_SHA} {
		t.Run(suite, func(t *testing.T) {
			peer.Row(t, "openssl", "TLS 1.0 with RSA key exchange and AES-CBC, RSA-1024 and SHA-1, which policy today refuses")
			peer.Serve(t, suiteAddr, []*peer.Certificate{server}, "-tls1", "-cipher", suite+":@SECLEVEL=0")
			options := certstore.ClientOptions{Store: held(t, root), Policy: certstore.Policy2007, NoSHA2: true, ServerName: host,
				MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10, CipherSuites: []uint16{id, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA}}
			c, err := connect(suiteAddr, options)
			if err != nil {
				t.Fatal(err)
			}
			c.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprint(c, "GET / HTTP/1.0\r\n\r\n")
			page, _ := io.ReadAll(c) // it closes the connection without close_notify
			c.Close()
			said := string(page)
			if !regexp.MustCompile(`Protocol +: TLSv1\n`).MatchString(said) || !regexp.MustCompile(`Cipher +: `+suite+`\n`).MatchString(said) {
				t.Errorf("the server says:\n%s", said)
			}
			options.Policy = certstore.Today
			var refused *certstore.VerdictError
			if _, err := connect(suiteAddr, options); !errors.As(err, &refused) || refused.Verdict.Code != journal.CertWeak {
				t.Errorf("policy today: %v", err)
			}
			options.MinVersion, options.MaxVersion, options.CipherSuites = 0, 0, nil
			var verdict *certstore.VerdictError
			if _, err := connect(suiteAddr, options); err == nil || errors.As(err, &verdict) {
				t.Errorf("a client of today speaks TLS 1.0: %v", err)
			}
		})
	}
}
