package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// Deployment is what to build, as a person writes it in deployment.yaml. Empty
// fields take the values of Contoso, or of ContosoToday when Today is set.
type Deployment struct {
	Domain  string `yaml:"domain"`  // AD, DNS and SIP domain
	NetBIOS string `yaml:"netbios"` // its NetBIOS name
	// Today builds it as one would now: ECDSA and SHA-256, TLS 1.2 and 1.3,
	// LDAP signing required. Otherwise it is 2007: RSA-2048 signed with SHA-1,
	// TLS 1.0 to 1.3.
	Today bool   `yaml:"today"`
	DC    DC     `yaml:"dc"`
	Pool  Pool   `yaml:"pool"`
	Edge  Server `yaml:"edge"` // "sip." and the domain
	Users []User `yaml:"users"`
	// Publish names the roots that AD holds from the start; nil means the
	// enterprise root alone, as an enterprise CA publishes itself.
	Publish []string `yaml:"publish"`
	// MoreRoots publishes that many further roots that nobody needs.
	MoreRoots int `yaml:"moreRoots"`
}

// Server is a host with a certificate.
type Server struct {
	Host   string     `yaml:"host"`   // FQDN
	Defect pki.Defect `yaml:"defect"` // of its certificate; see pki.Defects
}

// DC is the domain controller.
type DC struct {
	Server       `yaml:",inline"`
	LockoutAfter int  `yaml:"lockoutAfter"` // bad log-ons until an account is locked; 0 never
	Enrolment    bool `yaml:"enrolment"`    // serve web enrolment at "ca." and the domain
}

// Pool is the OCS pool.
type Pool struct {
	Server  `yaml:",inline"`
	Version int           `yaml:"version"` // of NTLM authentication: 2, 3, 4; 0 means 4
	NoESS   bool          `yaml:"noESS"`   // NTLM without extended session security
	Schemes []pool.Scheme `yaml:"schemes"` // offered; nil means NTLM and Kerberos; MD5, SHA-256 make it a registrar with digest
}

// User is an account of the deployment.
type User struct {
	SIP      string `yaml:"sip"`      // sign-in address; "": name@domain
	Name     string `yaml:"name"`     // sAMAccountName
	UPN      string `yaml:"upn"`      // "": name@domain
	Password string `yaml:"password"` // public, as everything in a lab; "": DefaultPassword
	Display  string `yaml:"display"`
	Mail     string `yaml:"mail"`
	Line     string `yaml:"line"` // line URI
	EUM      string `yaml:"eum"`
	Locked   bool   `yaml:"locked"`
	Disabled bool   `yaml:"disabled"`
	NoSIP    bool   `yaml:"noSIP"` // known to AD, not enabled for SIP
}

// DefaultPassword is the password of the lab's users. It protects nothing.
const DefaultPassword = "Lab-Pa55word"

// Names of the lab's roots.
const (
	EnterpriseRoot = "enterprise" // of the pool and the DC
	PublicRoot     = "public"     // of the Edge
)

// Contoso is the deployment of 2007.
func Contoso() Deployment {
	return Deployment{
		Domain: "contoso.com", NetBIOS: "CONTOSO",
		Publish: []string{EnterpriseRoot},
		Users: []User{
			{Name: "tu", Display: "Test User", Line: "tel:+4544890101;ext=200", EUM: "tu@contoso.com;phone-context=Hellerup.contoso.com"},
			{Name: "kerry", Display: "Kerry Miller", Line: "tel:+4544890101;ext=201"},
			{Name: "bobs", Display: "Robert Smith", UPN: "robert.smith@sip.contoso.com"}, // UPN unlike the rest (R1.5)
			{Name: "locked", Display: "Locked Out", Locked: true},
			{Name: "gone", Display: "Gone Fishing", Disabled: true},
			{Name: "nosip", Display: "No Communicator", NoSIP: true},
		},
	}
}

// ContosoToday is the same deployment, built as one would now.
func ContosoToday() Deployment {
	d := Contoso()
	d.Today = true
	return d
}

// maxDeployment bounds a deployment file, in bytes.
const maxDeployment = 1 << 20

// Read reads a deployment.yaml. Unknown fields and impossible values are
// errors that name them.
func Read(r io.Reader) (Deployment, error) {
	var d Deployment
	b, err := io.ReadAll(io.LimitReader(r, maxDeployment+1))
	if err != nil {
		return d, err
	}
	if len(b) > maxDeployment {
		return d, fmt.Errorf("it is larger than %d bytes", maxDeployment)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&d); err != nil && !errors.Is(err, io.EOF) {
		return d, err
	}
	if err := dec.Decode(new(Deployment)); !errors.Is(err, io.EOF) {
		return d, errors.New("it holds more than one document")
	}
	d = d.filled()
	return d, d.check()
}

func (d Deployment) filled() Deployment {
	c := Contoso()
	if d.Domain == "" {
		d.Domain = c.Domain
	}
	if d.NetBIOS == "" {
		first, _, _ := strings.Cut(d.Domain, ".")
		d.NetBIOS = strings.ToUpper(first)
	}
	if d.DC.Host == "" {
		d.DC.Host = "dc1." + d.Domain
	}
	if d.Pool.Host == "" {
		d.Pool.Host = "pool." + d.Domain
	}
	if d.Edge.Host == "" {
		d.Edge.Host = "sip." + d.Domain
	}
	if d.Publish == nil {
		d.Publish = c.Publish
	}
	if d.Users == nil {
		d.Users = c.Users
	}
	for _, name := range []*string{&d.Domain, &d.DC.Host, &d.Pool.Host, &d.Edge.Host} {
		*name = strings.ToLower(*name) // as names in DNS are compared
	}
	return d
}

// maxMoreRoots bounds MoreRoots: more than any directory holds.
const maxMoreRoots = 5000

// maxNetBIOS is the longest NetBIOS name, MS-NBTE 2.2.1.
const maxNetBIOS = 15

// dnsName is RFC 1123 2.1: labels of letters, digits and hyphens inside.
var dnsName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// check names what cannot be built. d is filled.
func (d Deployment) check() error {
	if !dnsName.MatchString(d.Domain) || len(d.Domain) > 253 {
		return fmt.Errorf("domain: %q is no DNS name", d.Domain)
	}
	if len(d.NetBIOS) > maxNetBIOS || strings.ContainsAny(d.NetBIOS, " \\/:*?\"<>|@.") {
		return fmt.Errorf("netbios: %q is no NetBIOS name of at most %d characters", d.NetBIOS, maxNetBIOS)
	}
	for _, s := range []Server{d.DC.Server, d.Pool.Server, d.Edge} {
		if !dnsName.MatchString(s.Host) || !strings.HasSuffix(s.Host, "."+d.Domain) {
			return fmt.Errorf("host: %q is no host of the domain %s", s.Host, d.Domain)
		}
		if s.Defect != "" && s.Defect.Sentence() == "" {
			return fmt.Errorf("%s: there is no defect %q", s.Host, s.Defect)
		}
	}
	if v := d.Pool.Version; v != 0 && (v < 2 || v > 4) {
		return fmt.Errorf("pool: version %d; there are 2, 3 and 4", v)
	}
	for _, s := range d.Pool.Schemes {
		if !slices.Contains(schemes, s) {
			return fmt.Errorf("pool: there is no scheme %q: %v", s, schemes)
		}
	}
	for _, name := range d.Publish {
		if !strings.EqualFold(name, EnterpriseRoot) && !strings.EqualFold(name, PublicRoot) {
			return fmt.Errorf("publish: there is no root %q: %s, %s", name, EnterpriseRoot, PublicRoot)
		}
	}
	if d.DC.LockoutAfter < 0 {
		return fmt.Errorf("dc: lockoutAfter: %d; 0 is never", d.DC.LockoutAfter)
	}
	if d.MoreRoots < 0 || d.MoreRoots > maxMoreRoots {
		return fmt.Errorf("moreRoots: %d; 0 to %d", d.MoreRoots, maxMoreRoots)
	}
	for _, u := range d.Users {
		if u.Name == "" {
			return errors.New("users: every user needs a name")
		}
		if user, domain, _ := strings.Cut(u.SIP, "@"); u.SIP != "" && (user == "" || domain == "") {
			return fmt.Errorf("users: %s: %q is no sign-in address user@domain", u.Name, u.SIP)
		}
	}
	return d.enter(directory.New(d.Domain, d.NetBIOS))
}

// schemes is read only.
var schemes = []pool.Scheme{pool.NTLM, pool.Kerberos, pool.DigestMD5, pool.DigestSHA256}

// enter adds the users to dir.
func (d Deployment) enter(dir *directory.Directory) error {
	for _, u := range d.Users {
		if err := dir.AddUser(d.account(u)); err != nil {
			return fmt.Errorf("users: %w", err)
		}
	}
	return nil
}

func (d Deployment) account(u User) directory.User {
	a := directory.User{SAM: u.Name, SIP: u.SIP, UPN: u.UPN, Password: u.Password, DisplayName: u.Display, Mail: u.Mail,
		LineURI: u.Line, EUM: u.EUM, Locked: u.Locked, Disabled: u.Disabled, SIPDisabled: u.NoSIP}
	if a.SIP == "" {
		a.SIP = u.Name + "@" + d.Domain
	}
	if a.Mail == "" {
		a.Mail = a.SIP
	}
	if a.UPN == "" {
		a.UPN = u.Name + "@" + d.Domain
	}
	if a.Password == "" {
		a.Password = DefaultPassword
	}
	return a
}
