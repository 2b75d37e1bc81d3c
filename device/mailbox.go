package device

import "sync"

// mailbox runs posted functions one after the other (design decision 1). The
// goroutine that drains it exists only while there is work, so an idle phone
// rests with none.
type mailbox struct {
	mu       sync.Mutex
	queue    []func()
	draining bool
	closed   bool
	idle     sync.WaitGroup // the drain goroutine
}

// post queues f. It reports false once the mailbox is closed; f then never runs.
func (m *mailbox) post(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.queue = append(m.queue, f)
	if !m.draining {
		m.draining = true
		m.idle.Add(1)
		go m.drain()
	}
	return true
}

func (m *mailbox) drain() {
	defer m.idle.Done()
	for {
		m.mu.Lock()
		if len(m.queue) == 0 {
			m.draining, m.queue = false, nil
			m.mu.Unlock()
			return
		}
		f := m.queue[0]
		m.queue = m.queue[1:]
		m.mu.Unlock()
		f()
	}
}

// do runs f in the mailbox and waits for it. It must not be called from inside.
func (m *mailbox) do(f func()) bool {
	done := make(chan struct{})
	if !m.post(func() { defer close(done); f() }) {
		return false
	}
	<-done
	return true
}

// close takes no more functions, runs those already queued and waits for them.
func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.idle.Wait()
}
