package journal

import (
	"context"
	"sync"
)

// Log keeps the newest entries of type T and hands them to any number of
// readers, each with a cursor of its own. The zero Log keeps DefaultKeep.
type Log[T any] struct {
	Keep int // entries kept; 0 means DefaultKeep; frozen at the first Append
	// Pack and Unpack convert an entry to the form in which it is kept, which needs
	// less memory. Each reading unpacks an entry anew. Nil: entries are kept as they
	// are. Both are frozen at the first Append, and run under the lock of the log.
	Pack   func(T) Packed
	Unpack func(Packed) T

	mu     sync.Mutex
	ring   []T      // without Pack
	packed []Packed // with Pack
	newest uint64   // cursor of the newest entry; the first entry has 1
	more   chan struct{}
	closed bool
}

// DefaultKeep is enough for several sign-ins with a large root download.
const DefaultKeep = 1024

// Append adds an entry and returns its cursor. stamp, when not nil, may write
// that cursor into the entry before readers see the entry. A closed log
// drops the entry and returns 0.
func (l *Log[T]) Append(entry T, stamp func(*T, uint64)) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0
	}
	keep := l.Keep
	if keep <= 0 {
		keep = DefaultKeep
	}
	l.newest++
	if stamp != nil {
		stamp(&entry, l.newest)
	}
	if l.Pack != nil {
		l.packed = put(l.packed, keep, l.newest, l.Pack(entry))
	} else {
		l.ring = put(l.ring, keep, l.newest, entry)
	}
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	return l.newest
}

// put stores the entry of a cursor in a ring of at most keep entries.
func put[E any](ring []E, keep int, cursor uint64, entry E) []E {
	if len(ring) < keep {
		return append(ring, entry)
	}
	ring[(cursor-1)%uint64(keep)] = entry
	return ring
}

// Last is the cursor of the newest entry: reading from it returns later entries only.
func (l *Log[T]) Last() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest
}

// Since returns the kept entries after cursor, the cursor to go on from, and
// how many entries after cursor were already overwritten.
func (l *Log[T]) Since(cursor uint64) (entries []T, next, missed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since(cursor)
}

func (l *Log[T]) since(cursor uint64) (entries []T, next, missed uint64) {
	kept := uint64(len(l.ring) + len(l.packed))
	oldest := l.newest - kept // cursor before the oldest kept
	if cursor < oldest {
		missed, cursor = oldest-cursor, oldest
	}
	for c := cursor; c < l.newest; c++ {
		if l.Pack != nil {
			entries = append(entries, l.Unpack(l.packed[c%kept]))
		} else {
			entries = append(entries, l.ring[c%kept])
		}
	}
	return entries, l.newest, missed
}

// Wait is Since, but blocks until there is at least one entry, ctx ends or the
// log is closed. ok is false once the log is closed and read to its end, or
// ctx has ended.
func (l *Log[T]) Wait(ctx context.Context, cursor uint64) (entries []T, next, missed uint64, ok bool) {
	for {
		l.mu.Lock()
		entries, next, missed = l.since(cursor)
		if len(entries) > 0 {
			l.mu.Unlock()
			return entries, next, missed, true
		}
		if l.closed {
			l.mu.Unlock()
			return nil, next, missed, false
		}
		if l.more == nil {
			l.more = make(chan struct{})
		}
		more := l.more
		l.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return nil, cursor, 0, false
		}
	}
}

// Close wakes every waiting reader; later entries are dropped.
func (l *Log[T]) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	l.closed = true
}
