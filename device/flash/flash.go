// Package flash is the phone's non-volatile memory, which keeps its contents
// without power. It holds the certificate store, settings and identity of one
// phone as a few named values, but no secrets.
//
// It follows docs/decisions.md#the-store-is-a-value: a change is one transaction, so that after a
// crash the phone has either the old or the new state.
//
// Use it so:
//
//  1. Take new(Memory), which is lost with the process, or Open(dir), which uses
//     the file dir/phone.db and locks it against other processes.
//  2. Read with Get and change with Update. Put changes that belong together into
//     one call. Use Erase if the old values must not come back.
//  3. Close it when the phone is switched off.
package flash

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/ocphone/ocphone/device/journal"
)

const (
	// MaxKey is the longest key, in bytes.
	MaxKey = 256
	// MaxValue is the largest value, in bytes: a store of thousands of roots
	// is a few MiB.
	MaxValue = 32 << 20
)

var (
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("flash: closed")
	// ErrBounds is returned by Update for a key that is empty or longer than
	// MaxKey, or a value longer than MaxValue (a *journal.Failure with code
	// flash.failed).
	ErrBounds = errors.New("flash: key or value out of bounds")
)

// Flash is non-volatile memory, safe for concurrent use.
type Flash interface {
	// Get returns a copy of the value of key, or nil if there is none.
	Get(key string) ([]byte, error)
	// Keys returns the keys in alphabetical order.
	Keys() ([]string, error)
	// Update calls change, which puts and deletes values, and stores all changes
	// as one. If change or Update returns an error, nothing has changed. put
	// copies the value.
	Update(change func(put func(key string, value []byte), del func(key string)) error) error
	// Erase is an Update after which the old values of all keys that change puts or
	// deletes are gone from the memory: damage to the memory does not bring them
	// back, and its bytes do not hold them.
	Erase(change func(put func(key string, value []byte), del func(key string)) error) error
	// Close ends the use. Stored values stay.
	Close() error
}

// Memory is a Flash that lives as long as the process. The zero Memory is empty.
type Memory struct {
	mu     sync.Mutex
	values map[string][]byte
	closed bool
	// commit stores changes before Get returns them, and removes the old values if
	// erase is set; nil for a Memory. A nil value in changes is a deletion.
	commit func(changes map[string][]byte, erase bool) error
}

// Get implements Flash.
func (m *Memory) Get(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	return bytes.Clone(m.values[key]), nil
}

// Keys implements Flash.
func (m *Memory) Keys() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	return slices.Sorted(maps.Keys(m.values)), nil
}

// Update implements Flash.
func (m *Memory) Update(change func(put func(key string, value []byte), del func(key string)) error) error {
	return m.update(change, false)
}

// Erase implements Flash.
func (m *Memory) Erase(change func(put func(key string, value []byte), del func(key string)) error) error {
	return m.update(change, true)
}

func (m *Memory) update(change func(put func(string, []byte), del func(string)) error, erase bool) error {
	changes := make(map[string][]byte)
	var boundsErr error
	put := func(key string, value []byte) {
		if key == "" || len(key) > MaxKey || len(value) > MaxValue {
			boundsErr = fmt.Errorf("%w: key %.40q, value of %d bytes", ErrBounds, key, len(value))
			if len(value) > MaxValue { // downloaded roots can reach this limit
				boundsErr = &journal.Failure{Code: journal.FlashFailed, Because: "limit of ocphone", Err: boundsErr,
					What: fmt.Sprintf("the phone's memory is full: it holds values of %d MiB", MaxValue>>20),
					Fix: "push the paper clip, which removes the downloaded roots; " +
						"remove roots that nobody needs from Active Directory"}
			}
			return
		}
		changes[key] = cloneBytes(value)
	}
	if err := change(put, func(key string) { changes[key] = nil }); err != nil {
		return err
	}
	if boundsErr != nil {
		return boundsErr
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if m.commit != nil && len(changes) > 0 {
		if err := m.commit(changes, erase); err != nil {
			return err
		}
	}
	m.values = applied(m.values, changes)
	return nil
}

// applied is a copy of values after changes.
func applied(values, changes map[string][]byte) map[string][]byte {
	after := make(map[string][]byte, len(values))
	maps.Copy(after, values)
	maps.Copy(after, changes)
	maps.DeleteFunc(after, func(_ string, value []byte) bool { return value == nil })
	return after
}

// Close implements Flash.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed, m.values = true, nil
	return nil
}

// cloneBytes returns a copy that is not nil: an empty value differs from a missing
// one.
func cloneBytes(v []byte) []byte { return append([]byte{}, v...) }
