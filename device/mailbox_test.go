package device

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
)

func TestMailboxRunsInTheOrderOfPosting(t *testing.T) {
	var m mailbox
	defer m.close()
	const posters, each = 8, 200
	var got [posters][]int // written by the mailbox alone, or the race detector says so
	var all sync.WaitGroup
	for p := range posters {
		all.Go(func() {
			for i := range each {
				if !m.post(func() { got[p] = append(got[p], i) }) {
					t.Error("an open mailbox refused")
				}
			}
		})
	}
	all.Wait()
	m.do(func() {})
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

func TestMailboxMayBePostedToFromInside(t *testing.T) {
	var m mailbox
	defer m.close()
	done := make(chan struct{})
	m.post(func() { m.post(func() { close(done) }) })
	<-done
}

func TestMailboxRestsWithoutAGoroutine(t *testing.T) { // design decision 1
	var m mailbox
	for range 3 {
		m.do(func() {})
		m.idle.Wait() // for ever, if the drain goroutine stayed
		m.mu.Lock()
		if m.draining || len(m.queue) != 0 {
			t.Error("an idle mailbox still drains")
		}
		m.mu.Unlock()
	}
}

func TestMailboxRunsWhatIsQueuedAtClose(t *testing.T) {
	var m mailbox
	held, ran := make(chan struct{}), 0
	m.post(func() { <-held })
	for range 10 {
		m.post(func() { ran++ })
	}
	closed := make(chan struct{})
	go func() {
		m.close()
		close(closed)
	}()
	close(held)
	<-closed
	if ran != 10 {
		t.Errorf("%d of 10 ran before close returned", ran)
	}
}

func TestMailboxRefusesAfterClose(t *testing.T) {
	var m mailbox
	m.close()
	m.close()
	never := func() { t.Error("it ran after close") }
	if m.post(never) || m.do(never) {
		t.Error("a closed mailbox takes functions")
	}
	m.idle.Wait()
}

func TestSignOutDropsTheSignInThatIsUnderWay(t *testing.T) {
	p, err := New(Config{RootSet: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	p.PowerOn()
	release, dropped := make(chan struct{}), make(chan bool, 1)
	p.box.do(func() {
		p.creds = &Credentials{Address: "tu@contoso.com"}
		p.errand(func(context.Context, journal.Recorder) (apply, drop func()) {
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
	p.errands.spawn(func() { <-release })
	closed := make(chan error)
	go func() { closed <- p.Close() }()
	for began := false; !began; { // Close waits for the errand now
		p.box.do(func() { began = p.ctx.Err() != nil })
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
