package certstore

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// PolicyName names a set of rules for server certificates.
type PolicyName string

const (
	Today      PolicyName = "today" // crypto/x509
	Policy2007 PolicyName = "2007"  // the rules of firmware of 2007 (docs/decisions.md#firmware-profiles)
)

// Request is a chain to verify.
type Request struct {
	Chain  []*x509.Certificate // as presented, the server's own certificate first
	Name   string              // must be in the certificate; empty: no name is checked, and a note says so
	At     time.Time           // by the phone's clock; zero means the host's clock
	Policy PolicyName          // decides; empty means Today
	// NoSHA2 makes policy 2007 refuse SHA-2 signatures of the server's
	// certificate and of intermediates; a root's own signature is not checked.
	// Firmware 1.0.x, docs/protocol/trust.md#limits-of-verification.
	NoSHA2 bool
}

// Verdict is the answer to a Request, with the evidence.
type Verdict struct {
	OK           bool                  `json:"ok"`
	Policy       PolicyName            `json:"policy"`            // the policy that decided
	Code         journal.Code          `json:"code,omitempty"`    // the main reason, empty when OK
	Sentence     string                `json:"sentence"`          // for a person
	Name         string                `json:"name"`              // as in the Request
	At           time.Time             `json:"at"`                // the time of the verification
	Answers      map[PolicyName]Answer `json:"answers"`           // of both policies
	Certificates []CertificateEvidence `json:"certificates"`      // as presented, then a root that was not presented
	Notes        []string              `json:"notes,omitempty"`   // remarks; never a reason to refuse
	Anchor       *Root                 `json:"anchor,omitempty"`  // the trusted root, nil when not OK
	Rule         string                `json:"because,omitempty"` // the rule behind Code
}

// Answer is the result of one policy.
type Answer struct {
	OK       bool                `json:"ok"`
	Findings []Finding           `json:"findings,omitempty"` // every reason, the main one first; empty when OK
	Path     []*x509.Certificate `json:"-"`                  // server to root; without the root when none is trusted
	Anchor   *Root               `json:"-"`                  // the root at the end of Path, even if it has expired

	open []*x509.Certificate // the longest path that lacks a root only; nil: there is none, or OK
}

// needsOnlyRoot reports whether a root from Active Directory may solve every
// finding.
func (a Answer) needsOnlyRoot() bool {
	return len(a.Findings) > 0 && !slices.ContainsFunc(a.Findings, func(f Finding) bool { return !f.rootMayHelp })
}

// Finding is one reason to refuse a certificate.
type Finding struct {
	Code    journal.Code `json:"code"`
	Subject string       `json:"subject"` // the certificate at fault
	Text    string       `json:"text"`    // a plain sentence
	Rule    string       `json:"because"` // requirement id or section

	cert        *x509.Certificate
	rootMayHelp bool // a root from Active Directory may solve it
}

// CertificateEvidence describes one certificate.
type CertificateEvidence struct {
	Role        string    `json:"role"` // "server", "intermediate", "root", or "unused": not part of the path
	Presented   bool      `json:"presented"`
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Serial      string    `json:"serial"` // hex, negative ones with a minus
	Key         string    `json:"key"`
	Signature   string    `json:"signature"`
	NotBefore   time.Time `json:"notBefore"`
	NotAfter    time.Time `json:"notAfter"`
	Names       []string  `json:"names,omitempty"` // subject alternative names
	Fingerprint string    `json:"fingerprint"`
	Source      *Source   `json:"source,omitempty"`   // when the phone holds it
	Findings    []Finding `json:"findings,omitempty"` // of the deciding policy
}

// NeedsRoot reports whether a root from Active Directory may make the server
// trusted under the deciding policy (R1.2). That is the case if, on some path,
// nothing else is wrong:
//
//   - an unknown issuer,
//   - a self-signed server certificate: it may itself be published (docs/protocol/trust.md#limits-of-verification),
//   - a held root that has expired or is not valid yet: a renewed one may be published,
//   - an issuer whose presented certificate has a flaw: a cross-certificate that
//     has expired does no harm once the CA's own root is published.
//
// It is false for a wrong name, an expired server certificate, a key usage, a
// SHA-2 signature that the firmware cannot verify, and any other problem of the
// server's own certificate, even if the issuer is unknown too.
func (v Verdict) NeedsRoot() bool { return v.Answers[v.Policy].open != nil }

// NeedsOnlyRoot reports whether a missing root is all that is wrong with the
// path that the verdict describes: to publish the root of Issuer is the remedy.
// If it is false while NeedsRoot is true, a presented certificate has the flaw that
// Code names. The remedy is to replace that certificate, or to publish the root
// of MissingRoot if there is one.
func (v Verdict) NeedsOnlyRoot() bool { return v.Answers[v.Policy].needsOnlyRoot() }

// MissingRoot is the name of the root that completes the longest path without a
// flaw: "CN=New Trust CA". It is empty if NeedsRoot is false.
func (v Verdict) MissingRoot() string {
	path := v.Answers[v.Policy].open
	if path == nil {
		return ""
	}
	return issuer(path[len(path)-1])
}

// Issuer is the name of the root at the end of the chain, trusted or not:
// "CN=Contoso Root CA,DC=contoso,DC=com". Empty when nothing was presented.
func (v Verdict) Issuer() string {
	path := v.Answers[v.Policy].Path
	if len(path) == 0 {
		return ""
	}
	return issuer(path[len(path)-1])
}

// Details is the evidence for a journal step, one item a line.
func (v Verdict) Details() []string {
	var lines []string
	for _, c := range v.Certificates {
		lines = append(lines, c.String())
	}
	for _, p := range []PolicyName{Today, Policy2007} {
		a, mark := v.Answers[p], ""
		if p == v.Policy {
			mark = " (decides)"
		}
		if a.OK {
			lines = append(lines, fmt.Sprintf("policy %s%s: good", p, mark))
		}
		for _, f := range a.Findings {
			lines = append(lines, fmt.Sprintf("policy %s%s: %s [%s; %s]", p, mark, f.Text, f.Code, f.Rule))
		}
	}
	for _, n := range v.Notes {
		lines = append(lines, "note: "+n)
	}
	return lines
}

// String is the certificate in one line.
func (c CertificateEvidence) String() string {
	held := "held: "
	if c.Presented {
		held = "presented: "
	}
	text := fmt.Sprintf("%s%s %s, issued by %s, %s, signed with %s, valid %s to %s",
		held, c.Role, c.Subject, c.Issuer, c.Key, c.Signature,
		c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly))
	if len(c.Names) > 0 {
		text += ", names " + strings.Join(c.Names, " ")
	}
	text += ", SHA-256 " + c.Fingerprint
	if c.Source != nil {
		text += ", source " + c.Source.String()
	}
	return text
}

// Failure is the verdict as an error with a code, nil when it is good.
func (v Verdict) Failure() *journal.Failure {
	if v.OK {
		return nil
	}
	return &journal.Failure{Code: v.Code, Asked: "the certificate of " + journal.Printable(v.Name, maxName),
		What: v.Sentence, Because: v.Rule, Details: v.Details()}
}

// VerdictError is the error of a handshake that ClientConfig refused. It
// unwraps to a *journal.Failure.
type VerdictError struct{ Verdict Verdict }

func (e *VerdictError) Error() string {
	return fmt.Sprintf("%s [%s]", e.Verdict.Sentence, e.Verdict.Code)
}

// Unwrap gives the *journal.Failure.
func (e *VerdictError) Unwrap() error { return e.Verdict.Failure() }
