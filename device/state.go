package device

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// State is what the phone is doing, seen from outside.
type State string

const (
	Off       State = "off"
	SignedOut State = "signed-out" // on, nobody signed in
	SigningIn State = "signing-in" //
	Waiting   State = "waiting"    // a temporary failure; the phone tries again at NextTry
	Failed    State = "failed"     // a failure that a person must remedy
	SignedIn  State = "signed-in"  // registered
	Ready     State = "ready"      // signed in, and every later step is done or decided against
)

// Snapshot is a picture of the phone. It is a copy and never changes.
type Snapshot struct {
	State    State                `json:"state"`
	Epoch    uint64               `json:"epoch"` // grows with each power-on, plug and reset
	Firmware string               `json:"firmware"`
	MAC      string               `json:"mac"`
	Place    string               `json:"place,omitempty"` // name of the place plugged into; empty: unplugged
	Network  network.Place        `json:"-"`               // its facts, as DHCP hands them out; no Patch
	Clock    time.Time            `json:"clock"`           // the phone's time
	Address  string               `json:"address,omitempty"`
	User     string               `json:"user,omitempty"`
	Server   string               `json:"server,omitempty"` // host:port registered with
	Remote   bool                 `json:"remote,omitempty"` // through an Edge
	GRUU     string               `json:"gruu,omitempty"`
	Failure  *journal.Step        `json:"failure,omitempty"` // why State is waiting or failed
	Awaiting Awaiting             `json:"awaiting,omitzero"` // while State is signing-in or signed-in; no Event of its own
	NextTry  time.Time            `json:"nextTry,omitzero"`  // while State is waiting, by the phone's clock
	Verdict  *certstore.Verdict   `json:"-"`                 // on a SIP server's certificate that is not trusted; else nil
	Roots    []certstore.Root     `json:"-"`                 // what the phone trusts now
	RootSet  string               `json:"rootSet"`
	Policy   certstore.PolicyName `json:"policy"`

	// What pool and Exchange have sent; nil until then, and at a registrar that
	// is not a pool. What these point to does not change.
	Settings *provisioning.Settings `json:"settings,omitempty"`
	Plan     *Plan                  `json:"-"` // dial plan in force, perhaps from the phone's memory
	Self     *roaming.Self          `json:"self,omitempty"`
	Contacts *roaming.ContactList   `json:"contacts,omitempty"`
	Mailbox  *Mailbox               `json:"mailbox,omitempty"`
	Reload   time.Time              `json:"reload,omitzero"`    // of settings and rules (R12.1); zero: it is running
	Warnings []journal.Step         `json:"warnings,omitempty"` // what did not succeed after the sign-in, the latest last
}

// On reports whether the phone has power.
func (s Snapshot) On() bool { return s.State != Off }

// Done reports whether the phone has come to rest: nothing more happens
// until a person acts.
func (s Snapshot) Done() bool {
	return s.State == Off || s.State == SignedOut || s.State == Failed || s.State == Ready
}

// Keys of the phone's flash. Each value is JSON. A version that adds a key or a field,
// or changes the meaning of one, is refused by the versions before it: they refuse
// each key and each field that they do not know. A new meaning comes with a field
// "v", as certstore.Store has.
const (
	keyIdentity = "identity"
	keyRoots    = "roots" // what a reset removes; the identity names the factory set
	keyUser     = "user"
	keyPlan     = "dialplan"     // the last good location profile
	keyFound    = "autodiscover" // the last answer that led to the mailbox
)

var knownKeys = []string{keyIdentity, keyRoots, keyUser, keyPlan, keyFound, keyLock, keyPreferences}

// Identity is what the phone has from the factory.
type Identity struct {
	MAC      string `json:"mac"`      // 00-04-F2-xx-xx-xx
	Firmware string `json:"firmware"` // name of the firmware profile
	RootSet  string `json:"rootSet"`  // name of the factory root set
}

func (id *Identity) valid() bool { return id.MAC != "" && id.Firmware != "" && id.RootSet != "" }

// lastUser is the user who signed in last; it has no password (docs/decisions.md#secrets).
type lastUser struct {
	Address string `json:"address"`
	User    string `json:"user"`
}

// load reads one key into v; an absent key leaves v as it is. It fails with
// flash.newer if the memory holds something that this version does not know: to go
// on without it could trust a root that was removed, or open a phone that is locked.
func load(f flash.Flash, key string, v any) error {
	keys, err := f.Keys()
	if err != nil {
		return err
	}
	for _, k := range keys {
		if !slices.Contains(knownKeys, k) {
			return newer(k, errors.New("the key is not known"))
		}
	}
	b, err := f.Get(key)
	if err != nil || b == nil {
		return err
	}
	if err := decode(b, v); err != nil {
		return newer(key, err)
	}
	return nil
}

func newer(key string, err error) error {
	return &journal.Failure{Code: journal.FlashNewer, Asked: key, Err: err,
		What: fmt.Sprintf("The phone's memory holds %.40q in a form that this version cannot read", key)}
}

// decode reads a JSON value that has no unknown field and, if v has a method valid,
// is valid.
func decode(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	_, err := dec.Token()
	checked, hasCheck := v.(interface{ valid() bool })
	if !errors.Is(err, io.EOF) || string(bytes.TrimSpace(b)) == "null" || hasCheck && !checked.valid() {
		return errors.New("the value is not whole")
	}
	return nil
}

// ReadIdentity returns the identity of the phone in f; zero: it is new.
func ReadIdentity(f flash.Flash) (Identity, error) {
	var id Identity
	err := load(f, keyIdentity, &id)
	return id, err
}

// ReadRoots returns what the phone in f trusts beyond its factory set.
func ReadRoots(f flash.Flash) (certstore.Store, error) {
	var s certstore.Store
	err := load(f, keyRoots, &s)
	return s, err
}

// store keeps several values in one transaction: after a crash the phone has
// the old or the new state, never half (docs/decisions.md#the-store-is-a-value).
func store(f flash.Flash, values map[string]any, drop ...string) error {
	return write(f.Update, values, drop)
}

// erase is store, after which nothing is left of the old values.
func erase(f flash.Flash, values map[string]any, drop ...string) error {
	return write(f.Erase, values, drop)
}

func write(update func(func(func(string, []byte), func(string)) error) error, values map[string]any,
	drop []string) error {
	encoded := make(map[string][]byte, len(values))
	for k, v := range values {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		encoded[k] = b
	}
	return update(func(put func(string, []byte), del func(string)) error {
		for k, b := range encoded {
			put(k, b)
		}
		for _, k := range drop {
			del(k)
		}
		return nil
	})
}

// added returns what s holds beyond its factory set.
func added(s certstore.Store) certstore.Store {
	var roots []certstore.Root
	for _, r := range s.Roots() {
		if r.Downloaded() || r.Source.Kind == certstore.Import {
			roots = append(roots, r)
		}
	}
	return certstore.New(roots...)
}
