package device

import (
	"context"
	"net"
	"sync"
)

// background counts the goroutines of a phone, so that Close and Settle can wait
// for them. The zero value is ready for use.
type background struct {
	mu      sync.Mutex
	closed  bool
	running int
	idle    chan struct{} // closed when running becomes 0; nil: nothing waits for that
}

// spawn runs f on a goroutine of its own; after close it does nothing.
func (b *background) spawn(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	b.running++
	go func() {
		defer b.done()
		f()
	}()
}

func (b *background) done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running--; b.running == 0 && b.idle != nil {
		close(b.idle)
		b.idle = nil
	}
}

// wait waits until no goroutine runs. It reports whether one did.
func (b *background) wait(ctx context.Context) (waited bool, err error) {
	b.mu.Lock()
	if b.running == 0 {
		b.mu.Unlock()
		return false, nil
	}
	if b.idle == nil {
		b.idle = make(chan struct{})
	}
	idle := b.idle
	b.mu.Unlock()
	select {
	case <-idle:
		return true, nil
	case <-ctx.Done():
		return true, context.Cause(ctx)
	}
}

// close takes no more functions and waits for those under way.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.wait(context.Background())
}

// Settle waits until the phone does nothing any more by itself before its next
// timer: each request that is under way has been answered or given up. Call it
// between two advances of the phone's clock. It returns the cause of the end of ctx,
// or net.ErrClosed after Close.
func (p *Phone) Settle(ctx context.Context) error {
	for {
		if !p.queue.do(func() {}) { // what has been posted may begin something
			return net.ErrClosed
		}
		if waited, err := p.background.wait(ctx); !waited || err != nil {
			return err
		}
	}
}
