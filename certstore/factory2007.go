package certstore

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
)

// FactoryRow is one row of the table of public roots that the phone shipped
// with (docs/protocol/trust.md#built-in-public-roots), and the certificate that represents it here.
type FactoryRow struct {
	Vendor, Name string
	Expires      string // as the table prints it
	Bits         int    // of the RSA key
	Fingerprint  string // SHA-256 of the certificate; empty when it is missing
	File         string // in the source package
	Remark       string // how the certificate differs from the row, or why it is missing
}

// Included reports whether the set has a certificate for the row.
func (r FactoryRow) Included() bool { return r.Fingerprint != "" }

// FactorySource is the origin of the certificates of factory-2007.
const FactorySource = "Debian package ca-certificates 20230311+deb12u1 (13 June 2025), directory mozilla"

// factoryMissing is the remark on missing rows. All of them have expired or have
// short keys. No available source proves their bytes, and a certificate of the
// same name with a new key could not verify the old signatures.
const factoryMissing = "missing: the package does not contain it, and no other source proves its bytes"

// FactoryTable returns the 16 rows of docs/protocol/trust.md#built-in-public-roots
// in their order. The table itself is recalled, not read from its source page.
func FactoryTable() []FactoryRow {
	return []FactoryRow{
		{"Comodo", "AAA Certificate Services", "2020-12-31", 2048,
			"d7a7a0fb5d7e2731d771e9484ebcdef71d5f0c3e0a2948782bc83ee0ea699ef4", "Comodo_AAA_Services_root.crt",
			"valid until 2028-12-31; the table seems to misprint that"},
		{"Comodo", "AddTrust External CA Root", "2020-05-30", 2048, "", "", factoryMissing},
		{"Cybertrust", "Baltimore CyberTrust Root", "2025-05-12", 2048,
			"16af57a9f676b0ab126095aa5ebadef22ab31119d644ac95cd4b93dbf3f26aeb", "Baltimore_CyberTrust_Root.crt",
			"as printed; expired on 2025-05-12"},
		{"Cybertrust", "GlobalSign Root CA", "2014-01-28", 2048,
			"ebd41040e4bb3ec742c9e381d31ef2a41a48b6685c96e7cef3c1df6cd4331c99", "GlobalSign_Root_CA.crt",
			"the later issue with the same name and key, valid until 2028-01-28"},
		{"Cybertrust", "GTE CyberTrust Global Root", "2018-08-13", 1024, "", "", factoryMissing},
		{"VeriSign", "Class 2 Public Primary Certification Authority", "2028-08-01", 1024, "", "", factoryMissing},
		{"VeriSign", "Class 3 Public Primary Certification Authority", "2028-08-01", 1024, "", "", factoryMissing},
		{"VeriSign", "Thawte Premium Server CA", "2020-12-31", 1024, "", "", factoryMissing},
		{"VeriSign", "Thawte Server CA", "2020-12-31", 1024, "", "", factoryMissing},
		{"Entrust", "Entrust.net Certification Authority (2048)", "2019-12-24", 2048,
			"6dc47172e01cbcb0bf62580d895fe2b8ac9ad4f873801e0c10b9c837d21eb177", "Entrust.net_Premium_2048_Secure_Server_CA.crt",
			"the later issue of the same name, valid until 2029-07-24"},
		{"Entrust", "Entrust.net Secure Server Certification Authority", "2019-05-25", 1024, "", "", factoryMissing},
		{"Equifax", "Equifax Secure Certificate Authority", "2018-08-22", 1024, "", "", factoryMissing},
		{"GeoTrust", "GeoTrust Global CA", "2022-05-20", 2048, "", "", factoryMissing},
		{"Go Daddy", "Go Daddy Class 2 Certification Authority", "2034-06-29", 2048,
			"c3846bf24b9e93ca64274c0ec67c1ecc5e024ffcacd2d74019350e81fe546ae4", "Go_Daddy_Class_2_CA.crt", "as printed"},
		{"Go Daddy", "http://www.valicert.com/ (ValiCert Class 2 Policy)", "2019-06-25", 1024, "", "", factoryMissing},
		{"Go Daddy", "Starfield Class 2 Certification Authority", "2034-06-29", 2048,
			"1465fa205397b876faa6f0a9958e5590e40fcc7faa4fb7c2c8677521fb5fb658", "Starfield_Class_2_CA.crt", "as printed"},
	}
}

//go:embed factory2007.pem
var factoryPEM []byte

// factory2007 parses the set once: a Store never changes, so that thousands of
// phones can share it.
var factory2007 = sync.OnceValues(func() (Store, error) {
	certificates, err := ParseCertificates(factoryPEM)
	if err != nil {
		return Store{}, err
	}
	return New(rootsOf(certificates, Source{Kind: Factory, Set: SetFactory2007})...), nil
})

func describeFactory2007() string {
	var b strings.Builder
	rows, included := FactoryTable(), 0
	for _, r := range rows {
		mark := "-"
		if r.Included() {
			mark = "+"
			included++
		}
		fmt.Fprintf(&b, "%s %s, %s (RSA %d, printed expiry %s): %s\n", mark, r.Vendor, r.Name, r.Bits, r.Expires, r.Remark)
	}
	head := fmt.Sprintf("The public roots of the phone of 2007, as recalled from TechNet dd572460, "+
		"Root CA Certificate for Communicator Phone Edition: %d of %d rows, from\n%s.\n", included, len(rows), FactorySource)
	return head + strings.TrimSuffix(b.String(), "\n")
}
