package device

import "sync"

// errands counts the goroutines of a phone, so that Close can wait for them.
// The zero value takes errands.
type errands struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// spawn runs f on a goroutine of its own; after close it does nothing.
func (e *errands) spawn(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.running.Go(f)
	}
}

// close takes no more errands and waits for those under way.
func (e *errands) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.running.Wait()
}
