package journal

import (
	"context"
	"sync"
)

// Log keeps the newest entries of type T and hands them to any number of
// readers, each with a cursor of its own. The zero Log keeps DefaultKeep.
type Log[T any] struct {
	Keep int // entries kept; 0 means DefaultKeep; frozen at the first Append

	mu     sync.Mutex
	ring   []T
	newest uint64 // cursor of the newest entry; the first entry has 1
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
	if len(l.ring) < keep {
		l.ring = append(l.ring, entry)
	} else {
		l.ring[(l.newest-1)%uint64(keep)] = entry
	}
	if l.more != nil {
		close(l.more)
		l.more = nil
	}
	return l.newest
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
	oldest := l.newest - uint64(len(l.ring)) // cursor before the oldest kept
	if cursor < oldest {
		missed, cursor = oldest-cursor, oldest
	}
	for c := cursor; c < l.newest; c++ {
		entries = append(entries, l.ring[c%uint64(len(l.ring))])
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
