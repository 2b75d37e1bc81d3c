package directory

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// Entry is an object under CN=Certification Authorities, as made by `certutil
// -dspublish FILE RootCA` (R1.1).
type Entry struct {
	Name string    // CN of the entry, usually the CN of the certificate's subject
	DER  [][]byte  // values of cACertificate, not validated; a renewed CA has several
	At   time.Time // last publication, by the directory's clock
}

// Enrolment is an object under CN=Enrollment Services, by which an enterprise CA
// publishes itself (pKIEnrollmentService).
type Enrolment struct {
	Name string // CN of the entry: the CA's name
	Host string // dNSHostName, the host of web enrolment
	DER  []byte // cACertificate: the CA's own certificate
	At   time.Time
}

// PublishRoot adds values to the entry of that name. As with certutil, the entry
// keeps its values, and a value that it has already is not added again (LDAP
// values are a set). Without values PublishRoot makes an empty entry.
func (d *Directory) PublishRoot(name string, der ...[]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.roots, func(e Entry) bool { return strings.EqualFold(e.Name, name) })
	if i < 0 {
		i = len(d.roots)
		d.roots = append(d.roots, Entry{Name: name})
	}
	e := &d.roots[i]
	e.At = d.now()
	for _, v := range der {
		if !slices.ContainsFunc(e.DER, func(have []byte) bool { return bytes.Equal(have, v) }) {
			e.DER = append(e.DER, bytes.Clone(v))
		}
	}
}

// WithdrawRoot removes values from the entry of that name, and the entry if no
// value remains. Without values it removes the entry. It reports whether it
// removed something.
func (d *Directory) WithdrawRoot(name string, der ...[]byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.roots, func(e Entry) bool { return strings.EqualFold(e.Name, name) })
	if i < 0 {
		return false
	}
	e := &d.roots[i]
	n := len(e.DER)
	if len(der) > 0 {
		e.DER = slices.DeleteFunc(e.DER, func(have []byte) bool {
			return slices.ContainsFunc(der, func(v []byte) bool { return bytes.Equal(have, v) })
		})
		if len(e.DER) == n {
			return false
		}
		if len(e.DER) > 0 {
			return true
		}
	}
	d.roots = slices.Delete(d.roots, i, i+1)
	return true
}

// Roots returns the published entries, in the order of first publication.
func (d *Directory) Roots() []Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.Clone(d.roots)
	for i := range all {
		all[i].DER = make([][]byte, len(d.roots[i].DER))
		for j, v := range d.roots[i].DER {
			all[i].DER[j] = bytes.Clone(v)
		}
	}
	return all
}

// PublishEnrolment publishes an enterprise CA, replacing one of that name.
func (d *Directory) PublishEnrolment(name, dnsHost string, der []byte) {
	d.WithdrawEnrolment(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.enrolments = append(d.enrolments, Enrolment{Name: name, Host: dnsHost, DER: bytes.Clone(der), At: d.now()})
}

// WithdrawEnrolment removes the enterprise CA of that name and reports whether
// there was one.
func (d *Directory) WithdrawEnrolment(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.enrolments)
	d.enrolments = slices.DeleteFunc(d.enrolments, func(e Enrolment) bool { return strings.EqualFold(e.Name, name) })
	return len(d.enrolments) < n
}

// Enrolments returns the published enterprise CAs.
func (d *Directory) Enrolments() []Enrolment {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.Clone(d.enrolments)
	for i := range all {
		all[i].DER = bytes.Clone(all[i].DER)
	}
	return all
}
