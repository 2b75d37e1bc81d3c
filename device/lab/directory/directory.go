// Package directory is the data of the lab's Active Directory: the users with
// their passwords, the published roots and the dial plans. Every server of the
// lab (domain controller, pool, Exchange) reads the same Directory; tests,
// `ocphone lab` and the control panel change it while the servers run.
//
// It follows R1.1 (published roots), R5.1 (EUM proxy addresses),
// R7.1 (line URIs of non-DID users) and R12.2 (location profiles). MS-ADTS
// 5.1.1.1.1 and MS-NLMP 2.2.1.3 define the names by which a user can log on.
//
//  1. d := directory.New("contoso.com", "CONTOSO"); set d.LockoutAfter to lock
//     accounts after bad logons.
//  2. AddUser, PublishRoot and SetLocationProfile fill it.
//  3. A server that checks a password calls FindUser (or NTHash) and then
//     BadLogon or GoodLogon.
//
// All methods are safe for concurrent use and return copies. Passwords of the
// lab are public: never store a real one.
package directory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/ntlm"
)

var (
	// ErrUnknown: there is no user with that name.
	ErrUnknown = errors.New("directory: no such user")
	// ErrLocked: the account is locked out, by hand or after too many bad logons.
	ErrLocked = errors.New("directory: account locked out")
	// ErrDisabled: the account is disabled.
	ErrDisabled = errors.New("directory: account disabled")
	// ErrAccountExpired: the account has expired.
	ErrAccountExpired = errors.New("directory: account expired")
	// ErrPasswordExpired: the password is right but too old.
	ErrPasswordExpired = errors.New("directory: password expired")
	// ErrMustChange: the user must change the password before the first logon.
	ErrMustChange = errors.New("directory: password must be changed")
)

// User is an account. Names are compared without regard to case.
type User struct {
	SIP         string // sign-in address without "sip:"; empty: not enabled for SIP
	UPN         string // user principal name; empty: SAM@domain
	SAM         string // sAMAccountName, the key; at most 20 characters, none of "/\[]:;|=,+*?<>@
	Password    string
	DisplayName string // empty: SAM
	Mail        string // primary SMTP address; empty: no mailbox
	LineURI     string // tel:+4544890101;ext=200 (R7.1); empty: not enabled for voice
	EUM         string // EUM proxy address without "EUM:": tu@contoso.com;phone-context=Hellerup.contoso.com (R5.1)

	LocationProfile string    // name of the user's dial plan (R12.1), which need not exist; empty: the pool's
	Contacts        []Contact // contact list on the pool, in the order of the list; at most MaxContacts

	Locked          bool // every logon fails until it is cleared
	Disabled        bool // reported only after a correct password, as AD does
	SIPDisabled     bool // has a SIP address, msRTCSIP-UserEnabled is FALSE
	AccountExpired  bool
	PasswordExpired bool
	MustChange      bool // password must be changed at next logon

	// NoEnhancedPresence: not enabled for enhanced presence, as a user who was moved
	// from LCS 2005 (R14.1, R14.2).
	NoEnhancedPresence bool

	BadLogons int       // wrong passwords since the last good logon
	LockedAt  time.Time // when Locked was set by BadLogon; zero otherwise
	LastBad   time.Time // last wrong password; zero: never
	LastLogon time.Time // last good logon; zero: never
}

// Contact is an entry of a user's contact list on the server
// (docs/protocol/sip-services.md#contact-list).
type Contact struct {
	Address string   // sign-in address without "sip:"
	Name    string   // given by the owner of the list; empty: the name of the contact's own card
	Groups  []string // names of the owner's groups that hold the contact; none: only the default group
}

// MaxContacts is the maximum number of contacts of a user.
const MaxContacts = 1000

// clone returns a deep copy of u.
func (u User) clone() User {
	u.Contacts = slices.Clone(u.Contacts)
	for i := range u.Contacts {
		u.Contacts[i].Groups = slices.Clone(u.Contacts[i].Groups)
	}
	return u
}

// Status returns the reason why u cannot log on with the correct password, or nil.
func (u User) Status() error {
	switch {
	case u.Locked:
		return ErrLocked
	case u.Disabled:
		return ErrDisabled
	case u.AccountExpired:
		return ErrAccountExpired
	case u.PasswordExpired:
		return ErrPasswordExpired
	case u.MustChange:
		return ErrMustChange
	}
	return nil
}

// Directory holds users and published certificates. Make it with New; the
// exported fields are frozen at the first method call.
type Directory struct {
	LockoutAfter int         // bad logons after which an account is locked; 0: never
	Clock        clock.Clock // stamps logons and publications; nil: clock.System

	domain, netbios string

	mu         sync.Mutex
	users      []*User          // in the order they came
	names      map[string]*User // by kind and lower-case name, see keys
	roots      []Entry
	enrolments []Enrolment
	profiles   []profilesAt // oldest first, see profilesAt
}

// New returns an empty directory of the domain with that DNS name
// ("contoso.com") and NetBIOS name ("CONTOSO").
func New(domain, netbios string) *Directory {
	return &Directory{domain: domain, netbios: netbios, names: map[string]*User{}}
}

// Domain is the DNS name of the domain.
func (d *Directory) Domain() string { return d.domain }

// NetBIOS is the NetBIOS name of the domain.
func (d *Directory) NetBIOS() string { return d.netbios }

func (d *Directory) now() time.Time {
	if d.Clock == nil {
		return clock.System.Now()
	}
	return d.Clock.Now()
}

// AddUser adds an account and sets its defaults. It returns an error if SAM is
// missing or invalid, or if another account has one of the names.
func (d *Directory) AddUser(u User) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	u = u.clone()
	if err := d.normalize(&u); err != nil {
		return err
	}
	if err := d.index(&u); err != nil {
		return err
	}
	d.users = append(d.users, &u)
	return nil
}

// SetUser changes the account sam. change gets a copy, which takes effect after
// change returns; change must not call the Directory. Errors are ErrUnknown and
// those of AddUser; after an error the account has not changed.
func (d *Directory) SetUser(sam string, change func(*User)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.names[samKey(sam)]
	if u == nil {
		return fmt.Errorf("%w: %s", ErrUnknown, sam)
	}
	changed := u.clone()
	change(&changed)
	changed = changed.clone() // change may keep references
	if err := d.normalize(&changed); err != nil {
		return err
	}
	for _, k := range keys(u) {
		delete(d.names, k)
	}
	if err := d.index(&changed); err != nil {
		_ = d.index(u) // cannot fail: the names of u have just been removed
		return err
	}
	*u = changed
	for _, k := range keys(u) {
		d.names[k] = u
	}
	return nil
}

// RemoveUser deletes the account sam, if there is one.
func (d *Directory) RemoveUser(sam string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.names[samKey(sam)]
	if u == nil {
		return
	}
	for _, k := range keys(u) {
		delete(d.names, k)
	}
	d.users = slices.DeleteFunc(d.users, func(x *User) bool { return x == u })
}

// normalize sets defaults and removes the prefixes "sip:" and "EUM:".
func (d *Directory) normalize(u *User) error {
	if u.SAM == "" || len(u.SAM) > 20 || strings.ContainsAny(u.SAM, "\"/\\[]:;|=,+*?<>@\x00") {
		return fmt.Errorf("directory: %q cannot be a sAMAccountName", u.SAM)
	}
	if len(u.Contacts) > MaxContacts {
		return fmt.Errorf("directory: %s would have %d contacts: %d are kept at most", u.SAM, len(u.Contacts), MaxContacts)
	}
	for i := range u.Contacts {
		c := &u.Contacts[i]
		if c.Address = trimPrefixFold(c.Address, "sip:"); c.Address == "" {
			return fmt.Errorf("directory: contact %d of %s has no address: give it a sign-in address", i+1, u.SAM)
		}
	}
	u.SIP, u.EUM = trimPrefixFold(u.SIP, "sip:"), trimPrefixFold(u.EUM, "EUM:")
	u.UPN = cmp.Or(u.UPN, u.SAM+"@"+d.domain)
	u.DisplayName = cmp.Or(u.DisplayName, u.SAM)
	return nil
}

func trimPrefixFold(s, prefix string) string {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):]
	}
	return s
}

func samKey(sam string) string { return "sam:" + strings.ToLower(sam) }
func upnKey(upn string) string { return "upn:" + strings.ToLower(upn) }
func sipKey(sip string) string { return "sip:" + strings.ToLower(sip) }

func keys(u *User) []string {
	k := []string{samKey(u.SAM), upnKey(u.UPN)}
	if u.SIP != "" {
		k = append(k, sipKey(u.SIP))
	}
	return k
}

func (d *Directory) index(u *User) error {
	for _, k := range keys(u) {
		if d.names[k] != nil {
			return fmt.Errorf("directory: %s is taken", k)
		}
	}
	for _, k := range keys(u) {
		d.names[k] = u
	}
	return nil
}

// Users returns all accounts in the order they were added.
func (d *Directory) Users() []User {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]User, len(d.users))
	for i, u := range d.users {
		all[i] = u.clone()
	}
	return all
}

// Watchers returns the accounts whose contact lists hold the sign-in address,
// with or without "sip:", in the order they were added.
func (d *Directory) Watchers(address string) []User {
	address = trimPrefixFold(address, "sip:")
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []User
	for _, u := range d.users {
		watches := func(c Contact) bool { return strings.EqualFold(c.Address, address) }
		if u.SIP != "" && slices.ContainsFunc(u.Contacts, watches) {
			all = append(all, u.clone())
		}
	}
	return all
}

// User returns the account with that sAMAccountName.
func (d *Directory) User(sam string) (User, bool) { return d.lookUp(samKey(sam)) }

// UserBySIP returns the account with that sign-in address, with or without "sip:".
func (d *Directory) UserBySIP(address string) (User, bool) {
	return d.lookUp(sipKey(trimPrefixFold(address, "sip:")))
}

// FindUser returns the account of a client that logs on as name in domain. name is
// a sAMAccountName, with the NetBIOS name, the DNS name or "" as domain (MS-NLMP
// 2.2.1.3); DOMAIN\name; a UPN; or an implicit UPN, sAMAccountName@domain, which
// works for every account (MS-ADTS 5.1.1.1.1;
// docs/peers.md#samba-as-a-domain-controller). An explicit UPN has precedence over
// an implicit one. For an explicit UPN domain is ignored.
func (d *Directory) FindUser(name, domain string) (User, bool) {
	if before, after, ok := strings.Cut(name, `\`); ok {
		domain, name = before, after
	}
	if local, suffix, ok := cutLast(name, '@'); ok {
		if u, found := d.lookUp(upnKey(name)); found {
			return u, true
		}
		name, domain = local, suffix
	}
	if domain != "" && !strings.EqualFold(domain, d.netbios) &&
		!strings.EqualFold(strings.TrimSuffix(domain, "."), d.domain) {
		return User{}, false
	}
	return d.User(name)
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func (d *Directory) lookUp(key string) (User, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if u := d.names[key]; u != nil {
		return u.clone(), true
	}
	return User{}, false
}

// NTHash returns the NT hash of the user's password. It is the NTHash of an
// ntlm.Server that refuses an unusable account before it checks the password.
// The error is ErrUnknown or that of User.Status.
func (d *Directory) NTHash(name, domain string) ([]byte, error) {
	u, ok := d.FindUser(name, domain)
	if !ok {
		return nil, ErrUnknown
	}
	if err := u.Status(); err != nil {
		return nil, err
	}
	return ntlm.NTHash(u.Password), nil
}

// NTLMServer returns the server of an NTLM log-on to host. claimed gets the user
// that the client claims to be. Lockout is reported even for a wrong password;
// "disabled" and "expired" only by GoodLogon, after a correct one, as AD does.
func (d *Directory) NTLMServer(host string, flags ntlm.Flags, now func() time.Time, claimed func(User)) *ntlm.Server {
	computer, _, _ := strings.Cut(strings.ToUpper(host), ".")
	return &ntlm.Server{
		NetBIOSDomain:   d.netbios,
		NetBIOSComputer: computer[:min(15, len(computer))],
		DNSDomain:       d.domain,
		DNSComputer:     host,
		Flags:           flags,
		Now:             now,
		NTHash: func(name, domain string) ([]byte, error) {
			u, ok := d.FindUser(name, domain)
			switch {
			case !ok:
				return nil, ErrUnknown
			case u.Locked:
				return nil, ErrLocked
			}
			claimed(u)
			return ntlm.NTHash(u.Password), nil
		},
	}
}

// BadLogon counts a wrong password for sam and locks the account at
// LockoutAfter. It ignores unknown names.
func (d *Directory) BadLogon(sam string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.names[samKey(sam)]
	if u == nil {
		return
	}
	u.BadLogons++
	u.LastBad = d.now()
	if d.LockoutAfter > 0 && u.BadLogons >= d.LockoutAfter && !u.Locked {
		u.Locked, u.LockedAt = true, u.LastBad
	}
}

// GoodLogon records a logon of sam with the correct password. The error is
// ErrUnknown or that of User.Status: then the server must refuse the logon, and
// nothing is recorded.
func (d *Directory) GoodLogon(sam string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	u := d.names[samKey(sam)]
	if u == nil {
		return ErrUnknown
	}
	if err := u.Status(); err != nil {
		return err
	}
	u.BadLogons, u.LastLogon = 0, d.now()
	return nil
}
