package pki

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Defect names a defect of a server's certificate or of its chain.
type Defect string

// The defects; Sentence describes each.
const (
	Expired             Defect = "expired"
	NotYetValid         Defect = "not-yet-valid"
	WrongName           Defect = "wrong-name"
	Wildcard            Defect = "wildcard"
	CNOnly              Defect = "cn-only"
	SelfSigned          Defect = "self-signed"
	UntrustedIssuer     Defect = "untrusted-issuer"
	MissingIntermediate Defect = "missing-intermediate"
	ExpiredIntermediate Defect = "expired-intermediate"
	CAFalse             Defect = "ca-false"
	NoCertSign          Defect = "no-cert-sign"
	PathLength          Defect = "path-length"
	NameConstraint      Defect = "name-constraint"
	CriticalExtension   Defect = "critical-extension"
	MissingEKU          Defect = "missing-eku"
	SHA1                Defect = "sha1"
	SHA2                Defect = "sha2"
	ShortKey            Defect = "short-key"
	NegativeSerial      Defect = "negative-serial"
)

// defectMargin is the time since the end of an expired certificate's validity,
// and the time until a not yet valid certificate becomes valid.
const defectMargin = 7 * 24 * time.Hour

// defects are the defects in the order of Defects. An error of apply is in
// draft.err.
var defects = []struct {
	name     Defect
	sentence string
	apply    func(*draft)
}{
	{Expired, "The certificate expired a week ago.", func(d *draft) {
		life := d.template.NotAfter.Sub(d.template.NotBefore)
		d.template.NotAfter = d.issuer.options.Now().Add(-defectMargin)
		d.template.NotBefore = d.template.NotAfter.Add(-life)
	}},
	{NotYetValid, "The certificate becomes valid in a week.", func(d *draft) {
		life := d.template.NotAfter.Sub(d.template.NotBefore)
		d.template.NotBefore = d.issuer.options.Now().Add(defectMargin)
		d.template.NotAfter = d.template.NotBefore.Add(life)
	}},
	{WrongName, "The certificate was issued for another host of the domain.", func(d *draft) { d.replaceLabel("other") }},
	{Wildcard, "The certificate was issued for a wildcard, *.<domain>, alone.", func(d *draft) { d.replaceLabel("*") }},
	{CNOnly, "The host name is in the common name alone, there is no subject alternative name.",
		func(d *draft) { d.template.DNSNames, d.template.IPAddresses = nil, nil }},
	{SelfSigned, "The certificate is self-signed, as Exchange 2007 makes it by default (R1.6).",
		func(d *draft) { d.selfSigned = true }},
	{UntrustedIssuer, "The chain is good, but leads to a root that nobody publishes.", func(d *draft) {
		o := d.issuer.options
		o.NotBefore, o.NotAfter = time.Time{}, time.Time{}
		d.issuer, d.err = NewRoot("CN=Fabrikam Root CA,DC=fabrikam,DC=com", o)
	}},
	{MissingIntermediate, "The server sends its own certificate alone, not the intermediate that issued it.",
		func(d *draft) {
			if d.leafOnly = true; d.issuer.Parent == nil {
				d.insertIntermediate(func(*x509.Certificate) {})
			}
		}},
	{ExpiredIntermediate, "The intermediate's certificate expired a week ago.", func(d *draft) {
		d.insertIntermediate(func(t *x509.Certificate) { t.NotAfter = d.issuer.options.Now().Add(-defectMargin) })
	}},
	{CAFalse, "The intermediate's basic constraints say that it is no CA.", func(d *draft) {
		d.insertIntermediate(func(t *x509.Certificate) { t.IsCA = false })
	}},
	{NoCertSign, "The intermediate's key usage does not let it sign certificates.", func(d *draft) {
		d.insertIntermediate(func(t *x509.Certificate) { t.KeyUsage = x509.KeyUsageDigitalSignature })
	}},
	{PathLength, "There is an intermediate more than the path length of the one above it allows.", func(d *draft) {
		if d.insertIntermediate(func(t *x509.Certificate) { t.MaxPathLenZero = true }); d.err == nil {
			d.issuer, d.err = d.issuer.NewIntermediate("Second Tier CA")
		}
	}},
	{NameConstraint, "The intermediate may issue for fabrikam.com alone.", func(d *draft) {
		d.insertIntermediate(func(t *x509.Certificate) {
			t.PermittedDNSDomainsCritical, t.PermittedDNSDomains = true, []string{"fabrikam.com"}
		})
	}},
	{CriticalExtension, "The certificate holds a critical extension that nobody knows.", func(d *draft) {
		d.template.ExtraExtensions = append(d.template.ExtraExtensions, pkix.Extension{
			Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: asn1.NullBytes,
		})
	}},
	{MissingEKU, "The extended key usage names client authentication, but not server authentication.",
		func(d *draft) { d.template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }},
	{SHA1, "The certificate is signed with SHA-1: the rule in 2007, refused today.",
		func(d *draft) { d.hash = crypto.SHA1 }},
	{SHA2, "The certificate is signed with SHA-256, which firmware 1.0.x cannot verify.",
		func(d *draft) { d.hash = crypto.SHA256 }},
	{ShortKey, "The certificate holds an RSA key of 1024 bits.",
		func(d *draft) { d.key, d.err = d.issuer.options.Keys.rsa(1024) }},
	{NegativeSerial, "The serial number is negative, as some CAs of the field wrote it.", func(d *draft) {
		d.edit = func(t *tbsCertificate) { t.SerialNumber = new(big.Int).Neg(t.SerialNumber) }
	}},
}

// Defects lists all defects, grouped by kind.
func Defects() []Defect {
	all := make([]Defect, len(defects))
	for i, d := range defects {
		all[i] = d.name
	}
	return all
}

// Description describes d in a sentence for users; empty if d is unknown.
func (d Defect) Description() string {
	if i := slices.Index(Defects(), d); i >= 0 {
		return defects[i].sentence
	}
	return ""
}

func (d Defect) apply(to *draft) error {
	to.setNames()
	if d == "" {
		return nil
	}
	i := slices.Index(Defects(), d)
	if i < 0 {
		return fmt.Errorf("unknown defect %q; there are %v", d, Defects())
	}
	defects[i].apply(to)
	return to.err
}

// replaceLabel replaces the first label of the first name by label and removes
// the other names.
func (d *draft) replaceLabel(label string) {
	_, domain, ok := strings.Cut(d.names[0], ".")
	if !ok || len(d.template.IPAddresses) > 0 && len(d.template.DNSNames) == 0 {
		domain = "invalid"
	}
	d.names, d.subject = []string{label + "." + domain}, ""
	d.setNames()
}

// insertIntermediate makes a new intermediate the issuer of d. If the issuer was
// an intermediate already, the new one replaces it under the same name.
func (d *draft) insertIntermediate(spoil func(*x509.Certificate)) {
	name, parent := d.issuer.Name, d.issuer.Parent
	if parent == nil {
		name, parent = "Issuing CA", d.issuer
	}
	t := authorityTemplate(d.issuer.options.validityAround(intermediateYears))
	spoil(t)
	d.issuer, d.err = newAuthority(name, parent, t, d.issuer.options)
}
