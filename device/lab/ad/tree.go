package ad

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/lab/directory"
)

// entry is an object of the directory in LDAP.
type entry struct {
	dn    string
	key   string // normalized dn, see dnKey
	attrs []attr

	category string // key of objectCategory
}

type attr struct {
	name   string
	values []string
}

// octetAttributes have binary values. A client can request them with the option
// ";binary"; they are compared byte for byte.
var octetAttributes = map[string]bool{
	"cacertificate":             true,
	"authorityrevocationlist":   true,
	"certificaterevocationlist": true,
	"objectguid":                true,
}

// attribute returns the attribute with that description: name and options, RFC
// 4512 2.5. It returns nil for other options than ;binary and for ;binary on text.
func (e *entry) attribute(description string) *attr {
	name, option, optioned := strings.Cut(description, ";")
	if optioned && (!strings.EqualFold(option, "binary") || !octetAttributes[strings.ToLower(name)]) {
		return nil
	}
	for i := range e.attrs {
		if strings.EqualFold(e.attrs[i].name, name) {
			return &e.attrs[i]
		}
	}
	return nil
}

// set adds an attribute without its empty values.
func (e *entry) set(name string, values ...string) {
	a := attr{name: name}
	for _, v := range values {
		if v != "" {
			a.values = append(a.values, v)
		}
	}
	if len(a.values) > 0 {
		e.attrs = append(e.attrs, a)
	}
}

// dnKey normalizes a DN for comparison: lower-case RDNs, leaf first, each followed
// by a NUL.
func dnKey(dn string) (string, bool) {
	if len(dn) > maxDN {
		return "", false
	}
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	for _, rdn := range parsed.RDNs {
		for i, a := range rdn.Attributes {
			key := rdnKey(a.Type, a.Value)
			if i < len(rdn.Attributes)-1 {
				key = key[:len(key)-1] + "+"
			}
			b.WriteString(key)
		}
	}
	return b.String(), true
}

func rdnKey(kind, value string) string {
	value = strings.ReplaceAll(value, "\x00", "\x01")
	return strings.ToLower(strings.TrimSpace(kind)+"="+value) + "\x00"
}

// parentKey returns the key of the parent object.
func parentKey(key string) string {
	_, parent, _ := strings.Cut(key, "\x00")
	return parent
}

// naming holds the DNs of the domain's partitions, with their keys.
type naming struct {
	domain, domainKey               string
	configuration, configurationKey string
	schema, schemaKey               string
	usersKey                        string // of CN=Users
}

func newNaming(domain string) naming {
	var n naming
	for i, label := range strings.Split(domain, ".") {
		if i > 0 {
			n.domain += ","
		}
		n.domain += "DC=" + ldap.EscapeDN(label)
		n.domainKey += rdnKey("DC", label)
	}
	n.configuration, n.configurationKey = "CN=Configuration,"+n.domain, rdnKey("CN", "Configuration")+n.domainKey
	n.schema, n.schemaKey = "CN=Schema,"+n.configuration, rdnKey("CN", "Schema")+n.configurationKey
	n.usersKey = rdnKey("CN", "Users") + n.domainKey
	return n
}

// categories maps the LDAP display name of a class, which a filter may have in
// place of the DN of an objectCategory, to the category's common name (MS-ADTS
// 3.1.1.3.1.3.1).
var categories = map[string]string{
	"certificationauthority": "Certification-Authority",
	"configuration":          "Configuration",
	"container":              "Container",
	"dmd":                    "DMD",
	"domain":                 "Domain-DNS",
	"domaindns":              "Domain-DNS",
	"organizationalperson":   "Person",
	"person":                 "Person",
	"pkienrollmentservice":   "PKI-Enrollment-Service",
	"user":                   "Person",
}

// newChild makes the entry CN=name under parent.
func (s *Server) newChild(parent *entry, name, category string, classes ...string) *entry {
	e := &entry{dn: "CN=" + ldap.EscapeDN(name) + "," + parent.dn, key: rdnKey("CN", name) + parent.key}
	s.addCommonAttributes(e, "cn", name, category, classes...)
	return e
}

// addCommonAttributes sets the attributes that every object has.
func (s *Server) addCommonAttributes(e *entry, kind, name, category string, classes ...string) {
	guid := sha256.Sum256([]byte(e.key)) // stable: clients identify objects by it
	e.category = rdnKey("CN", category) + s.names.schemaKey
	e.set("objectClass", append([]string{"top"}, classes...)...)
	e.set(kind, name)
	e.set("distinguishedName", e.dn)
	e.set("name", name)
	e.set("objectGUID", string(guid[:16]))
	e.set("objectCategory", "CN="+category+","+s.names.schema)
}

// configuration returns the configuration partition, which holds the roots (R1.1).
func (s *Server) configuration(f Faults) []*entry {
	top := &entry{dn: s.names.configuration, key: s.names.configurationKey}
	s.addCommonAttributes(top, "cn", "Configuration", "Configuration", "configuration")
	schema := s.newChild(top, "Schema", "DMD", "dMD")
	container := func(parent *entry, name string) *entry {
		return s.newChild(parent, name, "Container", "container")
	}
	services := container(top, "Services")
	keys := container(services, "Public Key Services")
	authorities := container(keys, "Certification Authorities")
	enrolment := container(keys, "Enrollment Services")
	all := []*entry{top, schema, services, keys, authorities, enrolment}

	add := func(r directory.Entry) {
		e := s.newChild(authorities, r.Name, "Certification-Authority", "certificationAuthority")
		values := make([]string, len(r.DER))
		for i, v := range r.DER {
			values[i] = string(v)
		}
		e.set("cACertificate", values...)
		// As written by certutil -dspublish (docs/peers.md#samba-as-a-domain-controller)
		e.set("authorityRevocationList", "\x00")
		e.set("certificateRevocationList", "\x00")
		e.set("whenCreated", generalizedTime(r.At))
		all = append(all, e)
	}
	for _, r := range s.dir.Roots() {
		add(r)
	}
	if f.HugeValue > 0 {
		add(directory.Entry{Name: "Huge", DER: [][]byte{make([]byte, f.HugeValue)}})
	}
	for _, r := range s.dir.Enrolments() {
		e := s.newChild(enrolment, r.Name, "PKI-Enrollment-Service", "pKIEnrollmentService")
		e.set("displayName", r.Name)
		e.set("dNSHostName", r.Host)
		e.set("cACertificate", string(r.DER))
		e.set("whenCreated", generalizedTime(r.At))
		all = append(all, e)
	}
	return all
}

// users returns the domain partition. The common name of a user is the
// sAMAccountName, since no other name is unique.
func (s *Server) users() []*entry {
	domain := s.dir.Domain()
	first, _, _ := strings.Cut(domain, ".")
	top := &entry{dn: s.names.domain, key: s.names.domainKey}
	s.addCommonAttributes(top, "dc", first, "Domain-DNS", "domain", "domainDNS")
	top.set("lockoutThreshold", strconv.Itoa(s.dir.LockoutAfter))
	folder := s.newChild(top, "Users", "Container", "container")
	all := []*entry{top, folder}
	for _, u := range s.dir.Users() {
		e := s.newChild(folder, u.SAM, "Person", "person", "organizationalPerson", "user")
		e.set("sAMAccountName", u.SAM)
		e.set("sAMAccountType", "805306368")
		e.set("userPrincipalName", u.UPN)
		e.set("displayName", u.DisplayName)
		e.set("mail", u.Mail)
		e.set("proxyAddresses", withPrefix("SMTP:", u.Mail), withPrefix("EUM:", u.EUM), withPrefix("sip:", u.SIP)) // R5.1
		e.set("userAccountControl", accountControl(u))
		e.set("badPwdCount", strconv.Itoa(u.BadLogons))
		e.set("badPasswordTime", fileTime(u.LastBad))
		e.set("lastLogon", fileTime(u.LastLogon))
		e.set("lockoutTime", lockoutTime(u))
		e.set("accountExpires", accountExpires(u))
		if u.MustChange {
			e.set("pwdLastSet", "0")
		}
		if u.SIP != "" {
			e.set("msRTCSIP-PrimaryUserAddress", "sip:"+u.SIP)
			e.set("msRTCSIP-UserEnabled", strings.ToUpper(strconv.FormatBool(!u.SIPDisabled)))
			e.set("msRTCSIP-Line", u.LineURI) // R7.1
		}
		all = append(all, e)
	}
	return all
}

func withPrefix(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// accountControl returns userAccountControl, MS-ADTS 2.2.16.
func accountControl(u directory.User) string {
	v := 0x200 // ADS_UF_NORMAL_ACCOUNT
	if u.Disabled {
		v |= 0x2
	}
	if u.PasswordExpired {
		v |= 0x800000
	}
	return strconv.Itoa(v)
}

func lockoutTime(u directory.User) string {
	if u.Locked && u.LockedAt.IsZero() {
		return "1" // locked by an administrator: any time except 0
	}
	return fileTime(u.LockedAt)
}

func accountExpires(u directory.User) string {
	if u.AccountExpired {
		return "1"
	}
	return "9223372036854775807"
}

// fileTime returns t in units of 100 ns since 1601 (MS-DTYP 2.3.3); "0" means never.
func fileTime(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	const unixEpoch = 116444736000000000
	return strconv.FormatInt(t.UnixNano()/100+unixEpoch, 10)
}

func generalizedTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("20060102150405.0Z")
}

// rootDSE returns the rootDSE, MS-ADTS 3.1.1.3.2. It names only what this server
// supports.
func (s *Server) rootDSE() *entry {
	e := &entry{}
	server := "CN=" + s.computer() + ",CN=Servers,CN=Default-First-Site-Name,CN=Sites," + s.names.configuration
	e.set("currentTime", generalizedTime(s.Clock.Now()))
	e.set("dsServiceName", "CN=NTDS Settings,"+server)
	e.set("namingContexts", s.names.domain, s.names.configuration, s.names.schema)
	e.set("defaultNamingContext", s.names.domain)
	e.set("schemaNamingContext", s.names.schema)
	e.set("configurationNamingContext", s.names.configuration)
	e.set("rootDomainNamingContext", s.names.domain)
	e.set("supportedControl", oidPaged, oidDomainScope)
	e.set("supportedExtension", oidStartTLS, oidWhoAmI)
	e.set("supportedLDAPVersion", "3", "2")
	e.set("supportedSASLMechanisms", mechSPNEGO, mechNTLM)
	e.set("dnsHostName", s.Host)
	e.set("ldapServiceName", s.dir.Domain()+":"+strings.ToLower(s.computer())+"$@"+strings.ToUpper(s.dir.Domain()))
	e.set("serverName", server)
	e.set("supportedCapabilities", "1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.1791")
	e.set("isSynchronized", "TRUE")
	e.set("isGlobalCatalogReady", "TRUE")
	e.set("domainFunctionality", "2") // Windows Server 2003, usual with OCS 2007
	e.set("forestFunctionality", "2")
	e.set("domainControllerFunctionality", "2")
	return e
}
