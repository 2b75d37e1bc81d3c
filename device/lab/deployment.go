package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// Deployment describes what to build, as in deployment.yaml. Empty fields take
// the values of Contoso, or of ContosoToday if Today is set.
type Deployment struct {
	Domain  string `yaml:"domain"`  // AD, DNS and SIP domain
	NetBIOS string `yaml:"netbios"` // its NetBIOS name
	// Today selects the settings of a current deployment: ECDSA and SHA-256, TLS
	// 1.2 and 1.3, LDAP signing required. Without it the settings are those of
	// 2007: RSA-2048 signed with SHA-1, TLS 1.0 to 1.3.
	Today    bool     `yaml:"today"`
	DC       DC       `yaml:"dc"`
	Pool     Pool     `yaml:"pool"`
	Edge     Server   `yaml:"edge"` // "sip." and the domain
	Exchange Exchange `yaml:"exchange"`
	Users    []User   `yaml:"users"`
	// Profiles are the dial plans in AD; nil means the dial plan of Contoso, an
	// empty list means no dial plan.
	Profiles []Profile `yaml:"profiles"`
	// Publish names the roots that AD holds at the start; nil means the enterprise
	// root only, since an enterprise CA publishes itself.
	Publish []string `yaml:"publish"`
	// MoreRoots is the number of further roots in AD, which no server uses.
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
	LockoutAfter int  `yaml:"lockoutAfter"` // bad log-ons until an account is locked; 0: never
	Enrolment    bool `yaml:"enrolment"`    // serve web enrolment at "ca." and the domain
}

// Pool is the OCS pool.
type Pool struct {
	Server  `yaml:",inline"`
	Version int  `yaml:"version"` // of NTLM authentication: 2, 3, 4; 0 means 4
	NoESS   bool `yaml:"noESS"`   // NTLM without extended session security
	// CheckSkew refuses a log-on whose time is more than 15 minutes off (ms-diagnostics 1013).
	CheckSkew bool `yaml:"checkSkew"`
	// Schemes are the authentication schemes to offer; nil means NTLM and
	// Kerberos. MD5 and SHA-256 make the pool a registrar with digest.
	Schemes []pool.Scheme `yaml:"schemes"`
	Profile string        `yaml:"profile"` // default dial plan; "": the first of Profiles
	// FrontEnds are the servers of the pool. Each reads dial plans from its own
	// domain controller (R12.2). Phones are assigned to them in turn. nil means one
	// front end without delay.
	FrontEnds []FrontEnd `yaml:"frontEnds"`
}

// FrontEnd is one server of the pool.
type FrontEnd struct {
	Name             string        `yaml:"name"`
	ReplicationDelay time.Duration `yaml:"replicationDelay"` // delay of its domain controller, such as 15m
}

// User is an account of the deployment.
type User struct {
	SIP      string `yaml:"sip"`      // sign-in address; "": name@domain
	Name     string `yaml:"name"`     // sAMAccountName
	UPN      string `yaml:"upn"`      // "": name@domain
	Password string `yaml:"password"` // public, as everything in a lab; "": DefaultPassword
	Display  string `yaml:"display"`
	Mail     string `yaml:"mail"`
	Line     string `yaml:"line"`    // line URI
	EUM      string `yaml:"eum"`     // EUM proxy address; enables voice mail (R5.1)
	Profile  string `yaml:"profile"` // dial plan; "": the pool's
	// Contacts is the user's contact list on the pool.
	Contacts []Contact `yaml:"contacts"`
	Locked   bool      `yaml:"locked"`
	Disabled bool      `yaml:"disabled"`
	NoSIP    bool      `yaml:"noSIP"` // in AD, but not enabled for SIP
}

// Contact is an entry of a user's contact list.
type Contact struct {
	Address string   `yaml:"address"` // sign-in address, or the name of a user of this deployment
	Name    string   `yaml:"name"`    // given by the owner of the list; "": the contact's own display name
	Groups  []string `yaml:"groups"`
}

// DefaultPassword is the password of the lab's users. It is public.
const DefaultPassword = "Lab-Pa55word"

// Names of the lab's roots.
const (
	EnterpriseRoot = "enterprise" // of the pool, the DC and Exchange
	PublicRoot     = "public"     // of the Edge
)

// Contoso is the deployment of 2007.
func Contoso() Deployment { return contoso("contoso.com") }

// contoso returns Contoso in another domain. Its rules are those of an office in
// Denmark: extensions of three digits, numbers of eight, 0 for an outside line.
// Their order matters: 112 has three digits too.
func contoso(domain string) Deployment {
	const office = "+4544890101"
	plan := "Hellerup." + domain
	first, _, _ := strings.Cut(domain, ".")
	return Deployment{
		Domain: domain, NetBIOS: strings.ToUpper(first),
		Publish: []string{EnterpriseRoot},
		Profiles: []Profile{{Name: plan, Prefix: "0", Rules: []Rule{
			{Pattern: `^0?112$`, Translation: "+112"},
			{Pattern: `^(\d{3})$`, Translation: office + ";ext=$1", Internal: true},
			{Pattern: `^([2-9]\d{7})$`, Translation: "+45$1"},
			{Pattern: `^0([2-9]\d{7})$`, Translation: "+45$1"},
			{Pattern: `^0?00([1-9]\d{6,14})$`, Translation: "+$1"},
		}}},
		Users: []User{
			{
				Name: "tu", Display: "Test User",
				Line: "tel:" + office + ";ext=200",
				EUM:  "tu@" + domain + ";phone-context=" + plan,
				Contacts: []Contact{
					{Address: "kerry", Groups: []string{"Sales"}},
					{Address: "bobs", Name: "Bob", Groups: []string{"Sales", "Friends"}},
				},
			},
			{Name: "kerry", Display: "Kerry Miller", Line: "tel:" + office + ";ext=201"},
			{Name: "bobs", Display: "Robert Smith", UPN: "robert.smith@sip." + domain}, // UPN differs from SIP and mail (R1.5)
			{Name: "locked", Display: "Locked Out", Locked: true},
			{Name: "gone", Display: "Gone Fishing", Disabled: true},
			{Name: "nosip", Display: "No Communicator", NoSIP: true},
		},
	}
}

// ContosoToday is Contoso with the settings of a current deployment.
func ContosoToday() Deployment {
	d := Contoso()
	d.Today = true
	return d
}

// maxDeployment bounds a deployment file, in bytes.
const maxDeployment = 1 << 20

// DeploymentFile is what Read reads.
var DeploymentFile = boundedfile.Kind{Name: "a deployment.yaml", Limit: maxDeployment}

// Read reads a deployment.yaml. An unknown field or an impossible value is an
// error that names it.
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
	d = d.withDefaults()
	return d, d.check()
}

func (d Deployment) withDefaults() Deployment {
	setDefault(&d.Domain, Contoso().Domain)
	d.Domain = strings.ToLower(d.Domain) // DNS names are compared without regard to case
	c := contoso(d.Domain)
	setDefault(&d.NetBIOS, c.NetBIOS)
	for host, label := range map[*string]string{
		&d.DC.Host:              "dc1",
		&d.Pool.Host:            "pool",
		&d.Edge.Host:            "sip",
		&d.Exchange.Host:        "cas01",
		&d.Exchange.OutsideHost: "mail",
	} {
		setDefault(host, label+"."+d.Domain)
		*host = strings.ToLower(*host)
	}
	if d.Publish == nil {
		d.Publish = c.Publish
	}
	if d.Users == nil {
		d.Users = c.Users
	}
	if d.Profiles == nil {
		d.Profiles = c.Profiles
	}
	if len(d.Profiles) > 0 {
		setDefault(&d.Pool.Profile, d.Profiles[0].Name)
	}
	return d
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// maxMoreRoots bounds MoreRoots: no real directory holds more.
const maxMoreRoots = 5000

// maxNetBIOS is the longest NetBIOS name, MS-NBTE 2.2.1.
const maxNetBIOS = 15

// dnsName matches a host name of RFC 1123 2.1: labels of letters and digits, with
// hyphens inside. It is compiled at the first use: every command would wait for it at
// its start.
var dnsName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
})

// check returns an error that names what cannot be built. The defaults of d are
// set.
func (d Deployment) check() error {
	return inOrder(
		d.checkNames, d.checkServers, d.checkExchange, d.checkPool, d.checkRoots, d.checkPlans, d.checkUsers,
		func() error { return d.addTo(directory.New(d.Domain, d.NetBIOS)) })
}

func (d Deployment) checkNames() error {
	if !dnsName().MatchString(d.Domain) || len(d.Domain) > 253 {
		return fmt.Errorf("domain: %q is no DNS name", d.Domain)
	}
	if len(d.NetBIOS) > maxNetBIOS || strings.ContainsAny(d.NetBIOS, " \\/:*?\"<>|@.") {
		return fmt.Errorf("netbios: %q is no NetBIOS name of at most %d characters", d.NetBIOS, maxNetBIOS)
	}
	return nil
}

func (d Deployment) checkPool() error {
	if v := d.Pool.Version; v != 0 && (v < 2 || v > 4) {
		return fmt.Errorf("pool: version %d; there are 2, 3 and 4", v)
	}
	for _, s := range d.Pool.Schemes {
		if !slices.Contains(schemes, s) {
			return fmt.Errorf("pool: there is no scheme %q: %v", s, schemes)
		}
	}
	return nil
}

// checkRoots checks the domain controller and its roots.
func (d Deployment) checkRoots() error {
	for _, name := range d.Publish {
		if !strings.EqualFold(name, EnterpriseRoot) && !strings.EqualFold(name, PublicRoot) {
			return fmt.Errorf("publish: there is no root %q: %s, %s", name, EnterpriseRoot, PublicRoot)
		}
	}
	if d.DC.LockoutAfter < 0 {
		return fmt.Errorf("dc: lockoutAfter: %d; 0 means never", d.DC.LockoutAfter)
	}
	if d.MoreRoots < 0 || d.MoreRoots > maxMoreRoots {
		return fmt.Errorf("moreRoots: %d; 0 to %d", d.MoreRoots, maxMoreRoots)
	}
	return nil
}

func (d Deployment) checkUsers() error {
	for _, u := range d.Users {
		if u.Name == "" {
			return errors.New("users: every user needs a name")
		}
		if user, domain, _ := strings.Cut(u.SIP, "@"); u.SIP != "" && (user == "" || domain == "") {
			return fmt.Errorf("users: %s: %q is no sign-in address user@domain", u.Name, u.SIP)
		}
	}
	return nil
}

func (d Deployment) checkServers() error {
	for _, s := range []Server{d.DC.Server, d.Pool.Server, d.Edge, d.Exchange.Server} {
		if err := d.checkServer(s); err != nil {
			return err
		}
	}
	return nil
}

func (d Deployment) checkServer(s Server) error {
	if !dnsName().MatchString(s.Host) || !strings.HasSuffix(s.Host, "."+d.Domain) {
		return fmt.Errorf("host: %q is no host of the domain %s", s.Host, d.Domain)
	}
	if s.Defect != "" && s.Defect.Description() == "" {
		return fmt.Errorf("%s: there is no defect %q", s.Host, s.Defect)
	}
	return nil
}

// checkPlans returns an error that names a dial plan that does not exist or
// exists twice.
func (d Deployment) checkPlans() error {
	names := map[string]bool{}
	for _, p := range d.Profiles {
		if key := strings.ToLower(p.Name); p.Name == "" || names[key] {
			return fmt.Errorf("profiles: %q: each needs a name of its own", p.Name)
		}
		names[strings.ToLower(p.Name)] = true
		if err := p.check(); err != nil {
			return fmt.Errorf("profiles: %w", err)
		}
	}
	known := func(name string) bool { return name == "" || names[strings.ToLower(name)] }
	if !known(d.Pool.Profile) {
		return fmt.Errorf("pool: there is no profile %q", d.Pool.Profile)
	}
	for _, u := range d.Users {
		if !known(u.Profile) {
			return fmt.Errorf("users: %s: there is no profile %q", u.Name, u.Profile)
		}
	}
	for _, f := range d.Pool.FrontEnds {
		if f.Name == "" || f.ReplicationDelay < 0 || f.ReplicationDelay > maxReplication {
			return fmt.Errorf("pool: frontEnds: %q, replicationDelay %s: it needs a name and a delay of 0 to %s",
				f.Name, f.ReplicationDelay, maxReplication)
		}
	}
	return nil
}

// maxReplication bounds a replication delay: AD's longest interval between sites.
const maxReplication = 7 * 24 * time.Hour

// schemes are the schemes of a pool.
var schemes = []pool.Scheme{pool.NTLM, pool.Kerberos, pool.DigestMD5, pool.DigestSHA256}

// addTo adds users and dial plans to dir.
func (d Deployment) addTo(dir *directory.Directory) error {
	for _, p := range d.Profiles {
		if err := dir.SetLocationProfile(p.wire()); err != nil {
			return fmt.Errorf("profiles: %w", err)
		}
	}
	for _, u := range d.Users {
		if err := dir.AddUser(d.directoryUser(u)); err != nil {
			return fmt.Errorf("users: %w", err)
		}
	}
	return nil
}

func (d Deployment) directoryUser(u User) directory.User {
	a := directory.User{
		SAM:             u.Name,
		SIP:             u.SIP,
		UPN:             u.UPN,
		Password:        u.Password,
		DisplayName:     u.Display,
		Mail:            u.Mail,
		LineURI:         u.Line,
		EUM:             u.EUM,
		LocationProfile: u.Profile,
		Locked:          u.Locked,
		Disabled:        u.Disabled,
		SIPDisabled:     u.NoSIP,
	}
	setDefault(&a.SIP, u.Name+"@"+d.Domain)
	setDefault(&a.Mail, a.SIP)
	setDefault(&a.UPN, u.Name+"@"+d.Domain)
	setDefault(&a.Password, DefaultPassword)
	for _, c := range u.Contacts {
		a.Contacts = append(a.Contacts, directory.Contact{
			Address: d.contactAddress(c.Address),
			Name:    c.Name,
			Groups:  c.Groups,
		})
	}
	return a
}

// contactAddress returns the sign-in address of the user with that name, or name
// itself if it is an address.
func (d Deployment) contactAddress(name string) string {
	for _, u := range d.Users {
		if u.SIP != "" && strings.EqualFold(u.Name, name) {
			return u.SIP
		}
	}
	if !strings.Contains(name, "@") {
		return name + "@" + d.Domain
	}
	return name
}
