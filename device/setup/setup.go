// Package setup turns options into what a phone needs: its configuration, the
// place it is plugged into, and who signs in. The options are those of the
// command line of ocphone and ocphone-desktop. They follow
// docs/decisions.md#firmware-profiles, docs/decisions.md#do-no-harm and
// docs/decisions.md#secrets.
//
//  1. Fill in Options, or let the command line do it with Options.AddFlags.
//  2. s, err := options.Open(ctx, prompt), or options.OpenForm() if the user
//     types on the phone what the options leave out. Close s at the end.
//  3. phone, err := s.NewPhone(); then s.SignIn(ctx, phone), which asks for the
//     password last, when everything else is known to work.
//
// A value that cannot work is a *journal.Failure with code journal.Usage.
package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/network"
)

// Options describe a phone and its deployment. The zero value is a new phone of
// the firmware "today" on the host's network, at which nobody is signed in.
type Options struct {
	SignIn       string // sign-in address, user@domain; "": the first user of Lab
	User         string // of Active Directory: DOMAIN\user or a UPN; "": the one of Lab, else SignIn
	PasswordFile string // file whose first line is the password; "": see Password

	Lab     string // ready file of a running lab; "": no lab
	Outside bool   // plug into the outside of Lab instead of its inside

	DNS     string // the phone's DNS server, ADDR[:PORT]; "": the host's
	Domain  string // AD domain to ask for roots, before all others
	WINS    string // NetBIOS name server, ADDR[:PORT]; "": NetBIOS is not used
	NetBIOS bool   // ask the NetBIOS name server of Lab

	Registrar string // HOST[:PORT][;transport=tls|tcp] of an RFC 3261 registrar; "": the pool of the SIP domain
	AuthUser  string // user name in the registrar's digest; "": the user of SignIn
	Expires   uint   // lifetime of the registration to request, in seconds; 0: the server chooses it
	TLSMin    string // lowest TLS version, such as "1.2"; "": the firmware's
	TLSMax    string // highest TLS version; "": the firmware's
	TLSCert   string // file of the certificate for a SIP server that asks for one, PEM; "": none
	TLSKey    string // file of its key, PEM

	Firmware     string // profile; "": the one that fits Lab, else the one of State, else "today"
	Roots        string // factory root set; "": the firmware's
	Clock        string // "ntp", "host" or a time such as 2008-04-21T09:00:00Z; "": "ntp"
	State        string // folder that keeps the phone's memory; "": it is not kept
	AllowOutside bool   // accept servers outside the SIP domain
	KeyLog       string // file to which TLS secrets are appended; "": no file
}

// Values of Options.Clock.
const (
	ClockNTP  = "ntp"  // set the clock from the network
	ClockHost = "host" // take the host's clock as right
)

// AddFlags adds a flag for each option to s.
func (o *Options) AddFlags(s *pflag.FlagSet) {
	s.StringVar(&o.SignIn, "sign-in", "", "sign-in address: `user@domain` (with --lab: its first user)")
	s.StringVar(&o.User, "user", "",
		"user name in Active Directory: `DOMAIN\\user` or a UPN (default: the sign-in address)")
	s.StringVar(&o.PasswordFile, "password-file", "",
		"`FILE` whose first line is the password (else OCPHONE_PASSWORD, else it is asked for)")
	s.StringVar(&o.Lab, "lab", "", "ready `FILE` of a running lab (ocphone lab --ready FILE)")
	s.BoolVar(&o.Outside, "outside", false, "plug into the lab's outside instead of its inside")
	s.StringVar(&o.DNS, "dns", "", "the phone's own DNS server, `ADDR[:PORT]` (default: the host's)")
	s.StringVar(&o.Domain, "domain", "", "Active Directory `DOMAIN` to ask for roots")
	s.StringVar(&o.WINS, "wins", "", "NetBIOS name server, `ADDR[:PORT]`; without it NetBIOS is not asked")
	s.BoolVar(&o.NetBIOS, "netbios", false, "ask the lab's NetBIOS name server")
	s.StringVar(&o.Registrar, "registrar", "",
		"RFC 3261 registrar `HOST[:PORT]` instead of an OCS pool; HOST is the name its certificate must bear. "+
			"HOST:PORT;transport=tcp is without TLS: not encrypted, password by digest only")
	s.StringVar(&o.AuthUser, "auth-user", "",
		"user `NAME` for digest at the registrar (default: the part of the sign-in address before @)")
	s.UintVar(&o.Expires, "expires", 0,
		"lifetime of the registration to request, in `SECONDS` (default: the server chooses it)")
	s.StringVar(&o.TLSMin, "tls-min", "", "lowest TLS `VERSION`: 1.0, 1.1, 1.2, 1.3 (default: the firmware's)")
	s.StringVar(&o.TLSMax, "tls-max", "", "highest TLS `VERSION` (default: the firmware's)")
	s.StringVar(&o.TLSCert, "tls-cert", "", "PEM `FILE` with a certificate for SIP servers that ask for one")
	s.StringVar(&o.TLSKey, "tls-key", "", "PEM `FILE` with its key, without a passphrase")
	s.StringVar(&o.Firmware, "firmware", "",
		"firmware `PROFILE`, see ocphone version (default: the lab's, else the state's, else today)")
	s.StringVar(&o.Roots, "roots", "",
		"factory root `SET`: system, factory-2007, file:F, none (default: the firmware's)")
	s.StringVar(&o.Clock, "clock", ClockNTP, "the phone's clock: ntp, host, or a `TIME` such as 2008-04-21T09:00:00Z")
	s.StringVar(&o.State, "state", "", "`FOLDER` that keeps the phone's memory (default: none is kept)")
	s.BoolVar(&o.AllowOutside, "allow-outside", false, "accept servers outside the SIP domain")
	s.StringVar(&o.KeyLog, "key-log", "", "append TLS secrets to `FILE`, for captures (NSS format)")
}

// Check reports options that contradict each other or have a form that cannot
// work. It opens no file and uses no network.
func (o *Options) Check() error {
	_, domain, ok := strings.Cut(o.SignIn, "@")
	switch {
	case o.SignIn != "" && (!ok || device.Credentials{Address: o.SignIn}.Check() != nil):
		return journal.Usagef("--sign-in %q: a sign-in address has the form user@domain", o.SignIn)
	case o.User != "" && !isAccount(o.User):
		return journal.Usagef(`--user %s: an account has the form DOMAIN\user, or is a UPN, user@domain`, o.User)
	case o.Domain != "" && !IsDomain(o.Domain):
		return journal.Usagef("--domain %s: a domain of Active Directory has the form example.com", o.Domain)
	case o.Lab != "" && o.DNS != "":
		return journal.Usagef("%s and --dns exclude each other: the lab has its own DNS", source("lab", o.Lab))
	case o.Lab == "" && (o.Outside || o.NetBIOS):
		return journal.Usagef("--outside and --netbios are for a lab: give --lab FILE (or --wins ADDR)")
	case o.Registrar == "":
		if err := o.CheckDomain(domain); err != nil {
			return err
		}
	}
	if _, err := serverList("dns", o.DNS, dnsPort); err != nil {
		return err
	}
	if _, err := serverList("wins", o.WINS, winsPort); err != nil {
		return err
	}
	if err := o.sip(new(device.Config)); err != nil {
		return err
	}
	_, _, err := o.clock()
	return err
}

// IsDomain reports whether name has the form of a domain, internationalized or not.
func IsDomain(name string) bool {
	return !strings.ContainsAny(name, "@") && device.Credentials{Address: "user@" + name}.Check() == nil
}

// isAccount reports whether user has a form in which a domain controller or a
// registrar could have an account: DOMAIN\user, a UPN or a plain name.
func isAccount(user string) bool {
	domain, name, qualified := strings.Cut(user, `\`)
	if !qualified {
		domain, name = "", user
	}
	local, suffix, isUPN := strings.Cut(name, "@")
	switch {
	case local == "" || qualified && domain == "" || strings.ContainsFunc(user, unicode.IsControl):
		return false
	case isUPN:
		return IsDomain(suffix)
	}
	return !strings.ContainsAny(name, `/\[]:|<>+=;?,*"`) // MS-SAMR 3.1.1.6
}

// CheckDomain reports that name is in the lab's domain, contoso.com, and the
// options name no server that could hold it: a stranger owns contoso.com in the
// Internet.
func (o *Options) CheckDomain(name string) error {
	name = strings.ToLower(name)
	if o.Lab == "" && o.DNS == "" && (name == labDomain || strings.HasSuffix(name, "."+labDomain)) {
		return journal.Usagef("contoso.com is the lab's domain: give --lab FILE of a running `ocphone lab --ready FILE`, " +
			"or --dns ADDR of a server that holds it")
	}
	return nil
}

const labDomain = "contoso.com"

// Setup is what the options describe, ready to be used.
type Setup struct {
	Config      device.Config
	Place       network.Place
	Credentials device.Credentials // what the options leave out is empty
	Lab         *lab.Ready         // nil: no lab

	keyLog *os.File
	memory flash.Flash // nil once a phone has taken it over
	prompt Prompt      // asks for the password; nil: it is known, or the user types it
}

// Resolve reads the ready file of the lab, and settles network, configuration
// and, as far as the options and the lab say, the user. It reads no password and
// does not open the phone's memory.
func (o *Options) Resolve(ctx context.Context) (s *Setup, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	s = &Setup{}
	if err := o.plug(ctx, s); err != nil {
		return nil, err
	}
	name := o.Firmware
	if name == "" && s.Lab != nil {
		name = LabFirmware(s.Lab.Today)
	}
	if name != "" {
		if s.Config.Firmware, err = device.FirmwareNamed(name); err != nil {
			return nil, err
		}
	}
	if s.Config.RootSet, s.Config.Domain = o.Roots, o.Domain; o.Roots != "" {
		if s.Config.Factory, err = certstore.RootSet(o.Roots); err != nil {
			return nil, fmt.Errorf("--roots %s: %w", o.Roots, err)
		}
	}
	s.Config.AllowOutside = o.AllowOutside
	if err = o.sip(&s.Config); err != nil {
		return nil, err
	}
	if s.Config.Certificate, err = o.clientCertificate(ctx); err != nil {
		return nil, err
	}
	if s.Config.Clock, s.Config.NTP, err = o.clock(); err != nil {
		return nil, err
	}
	s.Credentials.Address = cmp.Or(o.SignIn, s.Credentials.Address)
	s.Credentials.User = cmp.Or(o.User, s.Credentials.User)
	if o.KeyLog != "" {
		s.keyLog, err = os.OpenFile(o.KeyLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, journal.Usagef("--key-log %s: it cannot be written: %v", o.KeyLog, err)
		}
		s.Config.KeyLog = s.keyLog
	}
	return s, nil
}

// clock is the phone's clock, and whether NTP sets it.
func (o *Options) clock() (c *clock.Adjustable, ntp bool, err error) {
	now := time.Now()
	switch o.Clock {
	case "", ClockNTP:
		ntp = true
	case ClockHost:
	default:
		if now, err = ParseTime(o.Clock); err != nil {
			return nil, false, journal.Usagef("--clock %q: %v", o.Clock, err)
		}
	}
	return clock.New(now), ntp, nil
}

// Open resolves the options for a phone that signs in at once: address and
// password are needed. prompt asks for the password when it is not known
// otherwise, in SignIn; nil: it cannot be asked for.
func (o *Options) Open(ctx context.Context, prompt Prompt) (*Setup, error) {
	return o.open(ctx, func(s *Setup) (err error) {
		if s.Credentials.Address == "" {
			return journal.Usagef("who signs in? Give --sign-in user@domain")
		}
		s.Credentials.Password, err = o.Password(ctx, s.Credentials.Password, nil)
		switch unknown := errors.Is(err, ErrNoPassword); {
		case unknown && s.Lab != nil:
			return journal.Usagef("the lab has no user %s, so its password is not known; its users: %s",
				s.Credentials.Address, signIns(*s.Lab))
		case unknown && prompt != nil:
			s.prompt = prompt
			return nil
		}
		return err
	})
}

// OpenForm resolves the options for a phone whose user types what they leave
// out, the password too.
func (o *Options) OpenForm() (*Setup, error) {
	ctx := context.Background()
	return o.open(ctx, func(s *Setup) (err error) {
		s.Credentials.Password, err = o.Password(ctx, s.Credentials.Password, nil)
		if errors.Is(err, ErrNoPassword) {
			return nil
		}
		return err
	})
}

func (o *Options) open(ctx context.Context, credentials func(*Setup) error) (*Setup, error) {
	s, err := o.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	err = credentials(s)
	if err == nil && o.State != "" {
		if s.memory, err = OpenState(o.State, true); err == nil {
			s.Config.Flash = s.memory
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// NewPhone makes the phone, off and unplugged. Its Close closes its memory too.
func (s *Setup) NewPhone() (*device.Phone, error) {
	phone, err := device.New(s.Config)
	if err == nil {
		s.memory = nil
	}
	return phone, err
}

// SignIn asks for the password if the options have none, powers phone on, plugs it in
// and begins to sign the user in. It fails if no password is typed, or with the error
// of ctx; the phone is off then.
func (s *Setup) SignIn(ctx context.Context, phone *device.Phone) (err error) {
	c := s.Credentials
	if s.prompt != nil {
		if c.Password, err = s.prompt(ctx); err != nil {
			return err
		}
	}
	phone.PowerOn()
	phone.Plug(s.Place)
	return phone.SignIn(c)
}

// Close closes what no phone has taken over, after the phone was closed.
func (s *Setup) Close() error {
	var errs []error
	if s.memory != nil {
		errs = append(errs, s.memory.Close())
	}
	if s.keyLog != nil {
		errs = append(errs, s.keyLog.Close())
	}
	s.memory, s.keyLog = nil, nil
	return errors.Join(errs...)
}

// OpenState opens the memory of the phone in folder dir. Unless create is set a
// folder that holds no phone is a usage failure.
func OpenState(dir string, create bool) (_ flash.Flash, err error) {
	if dir == "" {
		return nil, journal.Usagef("which phone? Give --state FOLDER, the folder of `ocphone run --state FOLDER`, or set %s",
			StateVariable)
	}
	defer func() { err = namingVariable("state", dir, err) }()
	if _, err := os.Stat(filepath.Join(dir, flash.FileName)); errors.Is(err, fs.ErrNotExist) && !create {
		return nil, journal.Usagef("there is no phone in %[1]s yet; `ocphone run --state %[1]s …` makes one", dir)
	}
	// A file in the place of the folder, or of one above it, is no failure of the disk.
	for above := filepath.Clean(dir); ; above = filepath.Dir(above) {
		switch info, err := os.Stat(above); {
		case err == nil && !info.IsDir():
			return nil, journal.Usagef("--state %s: %s is a file, and a phone is kept in a folder: name one, which is made "+
				"when it is not there", dir, above)
		case err == nil || above == filepath.Dir(above):
			memory, err := flash.Open(dir)
			if err != nil {
				return nil, err
			}
			return memory, nil
		}
	}
}

// ParseTime reads a date, or a date with a time of day, in UTC unless an offset
// is given.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("a time has the form 2008-04-21 or 2008-04-21T09:00:00Z")
}
