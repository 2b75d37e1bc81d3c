package device

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// The phone's lock (docs/protocol/phone.md#phone-lock) and what a person has set on it. Both are in
// flash, the PIN as a salted hash only.

const (
	keyLock        = "lock"
	keyPreferences = "preferences"
	maxPIN         = 15 // digits
	minPIN         = 4  // digits, even if fewer are provisioned
	pinRounds      = 20_000
	maxPreferences = 64
	maxPreference  = 256 // bytes of a name or a value
)

// lock is the PIN in flash. A few digits can be guessed by anybody who has the
// file; the hash only keeps them from being read.
type lock struct {
	Salt   []byte `json:"salt"`
	Hash   []byte `json:"hash"`
	Digits int    `json:"digits"`
}

func (l *lock) valid() bool {
	return len(l.Salt) > 0 && len(l.Hash) == sha256.Size && l.Digits >= minPIN && l.Digits <= maxPIN
}

func hashPIN(pin string, salt []byte) ([]byte, error) {
	return pbkdf2.Key(sha256.New, pin, salt, pinRounds, sha256.Size)
}

// SetPIN sets the PIN that unlocks the phone; "" removes it. It fails unless the
// PIN has 4 to 15 digits, and at least as many as the pool demands.
func (p *Phone) SetPIN(pin string) (err error) {
	var l lock
	if pin != "" {
		l.Salt, l.Digits = make([]byte, 16), len(pin)
		rand.Read(l.Salt)
		if l.Hash, err = hashPIN(pin, l.Salt); err != nil {
			return err
		}
	}
	return p.queue.try(func() error {
		least := minPIN
		if r := p.registration(); r != nil && r.settings != nil {
			least = max(least, r.settings.Lock.MinPINLength)
		}
		switch {
		case pin == "":
			err = erase(p.flash, nil, keyLock)
		case len(pin) < least || len(pin) > maxPIN || strings.Trim(pin, "0123456789") != "":
			return &journal.Failure{Code: journal.Usage, What: fmt.Sprintf("A PIN has %d to %d digits", least, maxPIN)}
		default:
			err = erase(p.flash, map[string]any{keyLock: l})
		}
		if err == nil {
			p.pin = l
		}
		return err
	})
}

// PINDigits is the number of digits of the PIN; 0: there is none.
func (p *Phone) PINDigits() int { return p.lock().Digits }

// Unlocks reports whether pin is the PIN. It does not count wrong ones.
func (p *Phone) Unlocks(pin string) bool {
	l := p.lock()
	if len(pin) > maxPIN || len(l.Hash) == 0 {
		return false
	}
	h, err := hashPIN(pin, l.Salt)
	return err == nil && subtle.ConstantTimeCompare(h, l.Hash) == 1
}

func (p *Phone) lock() (l lock) {
	p.queue.do(func() { l = p.pin })
	return l
}

// Preferences are what a person has set on the phone, such as volumes: names
// and values, which have no meaning for the phone.
func (p *Phone) Preferences() map[string]string {
	all := map[string]string{}
	p.queue.do(func() { _ = load(p.flash, keyPreferences, &all) }) // New has read it: only a closed one fails
	return all
}

// SetPreference keeps one preference; an empty value removes it. It fails
// when name or value are too long, or there are too many.
func (p *Phone) SetPreference(name, value string) error {
	return p.queue.try(func() error {
		all := map[string]string{}
		if err := load(p.flash, keyPreferences, &all); err != nil {
			return err
		}
		if all[name] = value; value == "" {
			delete(all, name)
		}
		if len(name) > maxPreference || len(value) > maxPreference || len(all) > maxPreferences {
			return &journal.Failure{Code: journal.Usage, Asked: name,
				What: "That is too much for the phone's memory of preferences"}
		}
		return store(p.flash, map[string]any{keyPreferences: all})
	})
}
