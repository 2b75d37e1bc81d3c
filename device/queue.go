package device

import (
	"net"
	"sync"
)

// taskQueue runs posted functions one after the other (docs/decisions.md#one-owner). The
// goroutine that drains it exists only while there is work, so an idle phone
// rests with none.
type taskQueue struct {
	mu       sync.Mutex
	tasks    []func()
	draining bool
	closed   bool
	idle     sync.WaitGroup // the drain goroutine
}

// post queues f. It reports false once the queue is closed; f then never runs.
func (q *taskQueue) post(f func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.tasks = append(q.tasks, f)
	if !q.draining {
		q.draining = true
		q.idle.Add(1)
		go q.drain()
	}
	return true
}

func (q *taskQueue) drain() {
	defer q.idle.Done()
	for {
		q.mu.Lock()
		if len(q.tasks) == 0 {
			q.draining, q.tasks = false, nil
			q.mu.Unlock()
			return
		}
		f := q.tasks[0]
		q.tasks = q.tasks[1:]
		q.mu.Unlock()
		f()
	}
}

// do runs f in the queue and waits for it. It must not be called from a task.
func (q *taskQueue) do(f func()) bool {
	done := make(chan struct{})
	if !q.post(func() { defer close(done); f() }) {
		return false
	}
	<-done
	return true
}

// try runs f in the queue and returns its error; net.ErrClosed: the queue is closed.
func (q *taskQueue) try(f func() error) (err error) {
	if !q.do(func() { err = f() }) {
		return net.ErrClosed
	}
	return err
}

// close takes no more functions, runs those already queued and waits for them.
func (q *taskQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.idle.Wait()
}
