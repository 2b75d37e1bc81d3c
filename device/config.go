package device

import (
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/sipua"
)

// Config says how to build a phone. Its zero value is a phone of firmware
// "today" with the host's roots and clock.
type Config struct {
	Firmware Firmware             // zero: the one in flash, else "today"
	RootSet  string               // factory root set by name; "": the one in flash, else the firmware's
	Factory  certstore.Store      // the roots of RootSet, read once for many phones; zero: RootSet is read
	Plans    *PlanCache           // compiled dial plans, shared by many phones; nil: this one has its own
	Policy   certstore.PolicyName // "": the firmware's
	Flash    flash.Flash          // non-volatile memory, closed by Close; nil: a new one in memory
	Clock    *clock.Adjustable    // the phone's clock; nil: one that runs from the host's time
	NTP      bool                 // set the clock by NTP; else the clock is taken as right
	MAC      string               // 00-04-F2-xx-xx-xx; "": the one in flash, else a new one

	Domain       string // AD domain to ask for roots, before all others
	NetBIOS      bool   // ask the place's WINS server too (docs/decisions.md#do-no-harm)
	Registrar    string // HOST[:PORT][;transport=tls|tcp] of an RFC 3261 registrar; "": the pool of the SIP domain
	AllowOutside bool   // accept servers outside the SIP domain

	// Budget is how long a sign-in may take, in real time; 0: DefaultBudget. No wait
	// for a server is longer than its part of it (docs/go.md#time-limits).
	Budget      time.Duration
	DialTimeout time.Duration // 0: DefaultDialTimeout; at most a sixth of Budget
	DNSTimeout  time.Duration // 0: DefaultDNSTimeout; at most a twentieth of Budget
	KeyLog      io.Writer     // TLS key log, for captures; nil: none
	Wire        network.Tap   // sees the bytes of every connection; nil: no tap

	AuthUser string        // user name in a registrar's digest; "": the user of the sign-in address
	Expires  time.Duration // lifetime of the registration to request, in whole seconds; 0: the server chooses it

	MinTLS, MaxTLS uint16           // TLS versions; 0: the firmware's
	Certificate    *tls.Certificate // shown to a SIP server that asks for one; nil: none

	registrar *sipua.Registrar // Registrar; nil: none
}

// maxExpires bounds Config.Expires.
const maxExpires = 366 * 24 * time.Hour

// Check reports a Registrar, a lifetime or TLS versions that cannot work, as New
// does. The error is a *journal.Failure with code usage.
func (c *Config) Check() error {
	if c.Registrar != "" {
		if _, err := sipua.ParseRegistrar(c.Registrar); err != nil {
			return err
		}
	}
	if c.Expires < 0 || c.Expires > maxExpires || c.Expires%time.Second != 0 {
		return journal.Usagef("a registration cannot live for %v: request whole seconds, 366 days at most", c.Expires)
	}
	least, most := cmp.Or(c.MinTLS, c.Firmware.MinTLS), cmp.Or(c.MaxTLS, c.Firmware.MaxTLS)
	if least != 0 && most != 0 && least > most {
		return journal.Usagef("no TLS version is left: at least %s and at most %s; change --tls-min, --tls-max or the "+
			"firmware, which has such bounds too", tls.VersionName(least), tls.VersionName(most))
	}
	return nil
}

// Credentials are what a person types on the touch keyboard.
type Credentials struct {
	Address  string // sign-in address: user@domain
	User     string // DOMAIN\user or a UPN; "": the sign-in address
	Password string
}

// Check reports a sign-in address that cannot be one, as SignIn does. The error is
// a *journal.Failure with code usage.
func (c Credentials) Check() error {
	_, err := sipua.ParseAddress(c.Address)
	return err
}

// account splits User of the form DOMAIN\user. A UPN stays whole, with an
// empty domain.
func (c Credentials) account() (domain, user string) {
	if domain, user, ok := strings.Cut(c.User, `\`); ok {
		return domain, user
	}
	return "", c.User
}

// login is the credentials of the user whom the phone signs in. It lasts until
// the user signs out or somebody types other credentials: a restart passes it
// on to the next session.
type login struct {
	Credentials
	refused *journal.Step // Exchange has refused the password; nil: it has not
}

// settle fills in firmware, root set, policy, MAC address and guards: what the Config
// says, else what id says, which was in flash, else the default. It returns
// the factory roots.
func (c *Config) settle(id *Identity) (factory certstore.Store, err error) {
	if c.Firmware.Name == "" {
		if c.Firmware, err = FirmwareNamed(cmp.Or(id.Firmware, "today")); err != nil {
			return factory, err
		}
	}
	if id.Firmware != c.Firmware.Name { // a new phone, or another image: its own root set
		id.Firmware, id.RootSet = c.Firmware.Name, c.Firmware.RootSet
	}
	id.RootSet = cmp.Or(c.RootSet, id.RootSet)
	if file, ok := strings.CutPrefix(id.RootSet, certstore.FilePrefix); ok {
		if file, err = filepath.Abs(file); err != nil { // the next process may run in another folder
			return factory, err
		}
		id.RootSet = certstore.FilePrefix + file
	}
	if id.MAC, err = parseMAC(cmp.Or(c.MAC, id.MAC, newMAC())); err != nil {
		return factory, err
	}
	if err := c.Check(); err != nil {
		return factory, err
	}
	if c.Registrar != "" {
		place, _ := sipua.ParseRegistrar(c.Registrar) // Check has read it
		c.registrar = &place
	}
	c.MinTLS, c.MaxTLS = cmp.Or(c.MinTLS, c.Firmware.MinTLS), cmp.Or(c.MaxTLS, c.Firmware.MaxTLS)
	c.Policy = cmp.Or(c.Policy, c.Firmware.Policy)
	if c.Budget <= 0 {
		c.Budget = DefaultBudget
	}
	if factory = c.Factory; factory.Len() > 0 || factory.HostTrusted() {
		return factory, nil
	}
	return certstore.RootSet(id.RootSet)
}

func parseMAC(s string) (string, error) {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 {
		return "", &journal.Failure{Code: journal.Usage, Asked: s, What: fmt.Sprintf("%q is no MAC address", s),
			Fix: "Write it as 00-04-F2-12-34-56."}
	}
	return strings.ToUpper(strings.ReplaceAll(mac.String(), ":", "-")), nil
}

// newMAC makes an address with the vendor part of the CX700's maker.
func newMAC() string {
	var b [3]byte
	rand.Read(b[:])
	return fmt.Sprintf("00-04-F2-%02X-%02X-%02X", b[0], b[1], b[2])
}
