package device

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
)

func TestQueueRunsInTheOrderOfPosting(t *testing.T) {
	var q taskQueue
	defer q.close()
	const posters, each = 8, 200
	var got [posters][]int // written by tasks only, or the race detector fails
	var all sync.WaitGroup
	for p := range posters {
		all.Go(func() {
			for i := range each {
				if !q.post(func() { got[p] = append(got[p], i) }) {
					t.Error("an open taskQueue refused")
				}
			}
		})
	}
	all.Wait()
	q.do(func() {})
	for p := range posters {
		if len(got[p]) != each {
			t.Fatalf("%d of %d ran", len(got[p]), each)
		}
		for i, n := range got[p] {
			if i != n {
				t.Fatalf("poster %d: %d ran in place of %d", p, n, i)
			}
		}
	}
}

func TestQueueMayBePostedToFromInside(t *testing.T) {
	var q taskQueue
	defer q.close()
	done := make(chan struct{})
	q.post(func() { q.post(func() { close(done) }) })
	<-done
}

func TestQueueRestsWithoutAGoroutine(t *testing.T) { // docs/decisions.md#one-owner
	var q taskQueue
	for range 3 {
		q.do(func() {})
		q.idle.Wait() // for ever, if the drain goroutine stayed
		q.mu.Lock()
		if q.draining || len(q.tasks) != 0 {
			t.Error("an idle taskQueue still drains")
		}
		q.mu.Unlock()
	}
}

func TestQueueRunsWhatIsQueuedAtClose(t *testing.T) {
	var q taskQueue
	held, ran := make(chan struct{}), 0
	q.post(func() { <-held })
	for range 10 {
		q.post(func() { ran++ })
	}
	closed := make(chan struct{})
	go func() {
		q.close()
		close(closed)
	}()
	close(held)
	<-closed
	if ran != 10 {
		t.Errorf("%d of 10 ran before close returned", ran)
	}
}

func TestQueueRefusesAfterClose(t *testing.T) {
	var q taskQueue
	q.close()
	q.close()
	never := func() { t.Error("it ran after close") }
	if q.post(never) || q.do(never) {
		t.Error("a closed taskQueue takes functions")
	}
	q.idle.Wait()
}

func TestSignOutDropsTheSignInThatIsUnderWay(t *testing.T) {
	p, err := New(Config{RootSet: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.PowerOn()
	release, dropped := make(chan struct{}), make(chan bool, 1)
	p.queue.do(func() {
		p.session = newSession(&p.core, &login{Credentials: Credentials{Address: "tu@contoso.com"}}, nil)
		p.session.run(func(context.Context) (apply, drop func()) {
			<-release
			return func() { dropped <- false }, func() { dropped <- true }
		})
	})
	if err := p.unregister(t.Context(), func() {}); err != nil {
		t.Error(err)
	}
	close(release)
	if !<-dropped {
		t.Error("a result was applied although nobody is to be signed in any more")
	}
}

func TestPhoneThatIsBeingClosedCannotBePoweredOn(t *testing.T) {
	p, err := New(Config{RootSet: "none"})
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	p.background.spawn(func() { <-release })
	closed := make(chan error)
	go func() { closed <- p.Close() }()
	for began := false; !began; { // Close waits for the work in the background now
		p.queue.do(func() { began = p.closed })
	}
	p.PowerOn()
	if s := p.Snapshot(); s.State != Off {
		t.Errorf("it is %s", s.State)
	}
	close(release)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := p.SignOut(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("SignOut after Close: %v", err)
	}
}
