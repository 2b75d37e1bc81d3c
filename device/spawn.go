package device

import "sync"

// background counts the goroutines of a phone, so that Close can wait for them.
// The zero value is ready for use.
type background struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// spawn runs f on a goroutine of its own; after close it does nothing.
func (b *background) spawn(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.running.Go(f)
	}
}

// close takes no more functions and waits for those under way.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.running.Wait()
}
