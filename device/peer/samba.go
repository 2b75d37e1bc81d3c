//go:build realpeers && linux

package peer

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/ocphone/ocphone/device/network"
)

// The domain that Samba serves.
const (
	Domain  = "contoso.com"
	NetBIOS = "CONTOSO"
	Base    = "DC=contoso,DC=com"
	// Authorities is the container of published roots (R1.1).
	Authorities = "CN=Certification Authorities,CN=Public Key Services,CN=Services,CN=Configuration," + Base

	administrator = "Passw0rd!"
)

// Samba is an Active Directory domain controller, dc1.contoso.com, in one
// process with its own folder: LDAP, DNS, NetBIOS names, Kerberos and RPC.
//
//  1. dc := Samba{Addr: "127.x.y.z"}.Start(t): each needs its own /24 of
//     127.0.0.0/8 and uses the ports 53, 88, 135, 137, 389, …
//  2. AddUser, PublishRoot, AddRecord and Modify change it, Attribute reads it.
//  3. Place is the network of a phone that uses it.
type Samba struct {
	Addr        string
	Options     []string         // lines of smb.conf, such as "ldap server require strong auth = no"
	Certificate *tls.Certificate // for LDAPS and StartTLS; nil: neither

	dir     string
	process *Process
}

// Start makes a new domain and serves it until the test ends.
func (s Samba) Start(t testing.TB) *Samba {
	t.Helper()
	Need(t, "samba-ad-dc", "samba")
	Need(t, "samba-ad-provision", "samba-tool")
	Need(t, "ldb-tools", "ldbmodify", "ldbsearch")
	s.dir = Dir(t)
	// Without this file, provisioning copies settings of the host's Samba.
	base := Write(t, s.dir, "base.conf", "[global]\n")
	s.command().Output(t, "samba-tool", "domain", "provision", "-s", base, "--targetdir="+s.dir,
		"--realm="+Domain, "--domain="+NetBIOS, "--server-role=dc", "--dns-backend=SAMBA_INTERNAL",
		"--host-name=dc1", "--host-ip="+s.Addr, "--adminpass="+administrator)
	Write(t, s.dir, "run/.keep", "")
	s.Serve(t, s.Options...)
	return &s
}

// Serve starts Samba with other options; a running one is stopped first.
func (s *Samba) Serve(t testing.TB, options ...string) {
	t.Helper()
	if s.process != nil {
		s.process.Stop()
	}
	tls := "tls enabled = no"
	if s.Certificate != nil {
		tls = s.tls(t)
	}
	// The settings replace what provisioning wrote, which forwards DNS queries
	// to the first resolver of the host.
	conf := strings.NewReplacer("DIR", s.dir, "ADDR", s.Addr, "OPTIONS", strings.Join(options, "\n")+"\n"+tls)
	Write(t, s.dir, "etc/smb.conf", conf.Replace(sambaConf))
	n := network.New(s.Place(), network.Options{Timeout: time.Second})
	defer n.Close()
	cmd := s.command()
	cmd.Ready = func() error {
		if _, _, err := n.LookupSRV(t.Context(), "_ldap._tcp.dc._msdcs."+Domain); err != nil {
			return err
		}
		if _, _, err := n.Query(t.Context(), NetBIOS, network.NetBIOSDomainControllers); err != nil {
			return err
		}
		return Listening(s.Addr + ":389")()
	}
	s.process = cmd.Start(t, "samba", "-s", s.Conf(), "-F", "--no-process-group", "--debug-stdout", "-M", "single")
}

// Stop ends the server; Serve starts it again.
func (s *Samba) Stop() { s.process.Stop() }

const sambaConf = `[global]
netbios name = DC1
realm = CONTOSO.COM
workgroup = CONTOSO
server role = active directory domain controller
interfaces = ADDR/24
bind interfaces only = yes
dns forwarder =
server services = rpc, nbt, ldap, cldap, kdc, dns
allow dns updates = disabled
private dir = DIR/private
state directory = DIR/state
cache directory = DIR/cache
lock directory = DIR
pid directory = DIR/run
ncalrpc dir = DIR/run/ncalrpc
winbindd socket directory = DIR/run/winbindd
ntp signd socket directory = DIR/run/ntp_signd
binddns dir = DIR/bind-dns
log file = DIR/log.%m
load printers = no
disable spoolss = yes
OPTIONS
[sysvol]
path = DIR/state/sysvol
read only = no
[netlogon]
path = DIR/state/sysvol/contoso.com/scripts
read only = no
`

// tls writes the certificate and returns its options. The one that Samba makes by
// default may have a negative serial number, which Go refuses.
func (s *Samba) tls(t testing.TB) string {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(s.Certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var chain strings.Builder
	for _, der := range s.Certificate.Certificate {
		pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	cert := Write(t, s.dir, "private/tls/cert.pem", chain.String())
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	keyFile := Write(t, s.dir, "private/tls/key.pem", string(keyPEM))
	if err := os.Chmod(keyFile, 0o600); err != nil { // Samba refuses another mode
		t.Fatal(err)
	}
	return "tls certfile = " + cert + "\ntls keyfile = " + keyFile + "\ntls cafile ="
}

// command is the Command of all Samba programs. Without fsync tdb is faster.
func (s *Samba) command() Command {
	return Command{Dir: s.dir, Env: []string{"TDB_NO_FSYNC=1"}}
}

// Conf is the path of smb.conf, which Samba's clients need too.
func (s *Samba) Conf() string { return filepath.Join(s.dir, "etc/smb.conf") }

// Place is an office network with only this domain controller.
func (s *Samba) Place() network.Place {
	return network.Place{Name: "inside", DNS: []string{s.Addr + ":53"}, Suffix: Domain, WINS: s.Addr + ":137"}
}

func (s *Samba) sam() []string {
	return []string{"-H", filepath.Join(s.dir, "private/sam.ldb"), "--configfile=" + s.Conf()}
}

// Modify applies LDIF change records to the directory.
func (s *Samba) Modify(t testing.TB, ldif string) {
	t.Helper()
	s.command().Output(t, "ldbmodify", append(s.sam(), Write(t, s.dir, "change.ldif", ldif))...)
}

// Attribute reads the first value of an attribute, or "".
func (s *Samba) Attribute(t testing.TB, dn, name string) string {
	t.Helper()
	out := s.command().Output(t, "ldbsearch", append(s.sam(), "-b", dn, "-s", "base", "(objectClass=*)", name)...)
	for line := range strings.Lines(out) {
		if value, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// DN is the distinguished name of a user.
func DN(sam string) string { return "CN=" + sam + ",CN=Users," + Base }

// AddUser adds an account; more are further LDIF lines of its entry, such as
// "userPrincipalName: …".
func (s *Samba) AddUser(t testing.TB, sam, password string, more ...string) {
	t.Helper()
	var quoted []byte
	for _, c := range utf16.Encode([]rune(`"` + password + `"`)) {
		quoted = binary.LittleEndian.AppendUint16(quoted, c)
	}
	lines := append([]string{"dn: " + DN(sam), "changetype: add", "objectClass: user", "sAMAccountName: " + sam,
		"unicodePwd:: " + base64.StdEncoding.EncodeToString(quoted), "userAccountControl: 512"}, more...)
	s.Modify(t, strings.Join(lines, "\n")+"\n")
}

// LockoutAfter sets how many failed log-ons lock an account. Samba counts them only
// after this call.
func (s *Samba) LockoutAfter(t testing.TB, n int) {
	t.Helper()
	s.Modify(t, fmt.Sprintf("dn: %s\nchangetype: modify\nreplace: lockoutThreshold\nlockoutThreshold: %d\n", Base, n))
}

// BadLogons is the account's badPwdCount.
func (s *Samba) BadLogons(t testing.TB, sam string) string {
	t.Helper()
	return s.Attribute(t, DN(sam), "badPwdCount")
}

// Root is one published certificate.
type Root struct {
	Name string
	DER  []byte
}

// PublishRoot publishes roots as `certutil -dspublish` does, each in an entry
// of its own (R1.1).
func (s *Samba) PublishRoot(t testing.TB, roots ...Root) {
	t.Helper()
	var ldif strings.Builder
	for _, r := range roots {
		fmt.Fprintf(&ldif, "dn: CN=%s,%s\nchangetype: add\nobjectClass: certificationAuthority\ncACertificate:: %s\n"+
			"authorityRevocationList:: AA==\ncertificateRevocationList:: AA==\n\n",
			r.Name, Authorities, base64.StdEncoding.EncodeToString(r.DER))
	}
	s.Modify(t, ldif.String())
}

// AddRecord adds a DNS record by RPC: "pool", "A", "127.0.0.1" or
// "_ntp._udp", "SRV", "ntp.contoso.com 123 0 0".
func (s *Samba) AddRecord(t testing.TB, name, typ, data string) {
	t.Helper()
	s.command().Output(t, "samba-tool", "dns", "add", s.Addr, Domain, name, typ, data,
		"-s", s.Conf(), "-U", "administrator%"+administrator, "--use-kerberos=off")
}
