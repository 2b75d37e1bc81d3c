//go:build cgo

package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2/test"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/script"
	"github.com/ocphone/ocphone/ui/labpanel"
)

// board is a side panel without a window: what is for Fyne's goroutine runs
// under a lock.
type board struct {
	*labControl
	t    *testing.T
	mu   sync.Mutex
	more chan struct{} // has something in it after each change

	asked  []question // on Fyne's goroutine
	copied string
}

// Fold and the others implement labpanel.Window.
func (b *board) Fold()                  {}
func (b *board) ShowKeys()              {}
func (b *board) SavePicture()           {}
func (b *board) Copy(what, text string) { b.copied = text }

func newBoard(t *testing.T) *board {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	test.NewTempApp(t)
	s, err := newEmulator(options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &board{t: t, more: make(chan struct{}, 1)}
	access, err := openShell(t.Context(), s.world.Lab, filepath.Join(t.TempDir(), "lab.json"))
	if err != nil {
		t.Fatal(err)
	}
	b.labControl = newLabControl(s, b.onFyne, func(q question) { b.asked = append(b.asked, q) }, b, access)
	b.start()
	t.Cleanup(func() {
		b.close()
		access.close(s.world.Lab)
		if _, err := os.Stat(access.file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the ready file is left: %v", err)
		}
		s.close()
		goleak.VerifyNone(t, ignore)
	})
	return b
}

// onFyne runs f as Fyne's goroutine does.
func (b *board) onFyne(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	select {
	case b.more <- struct{}{}:
	default:
	}
}

// answer presses the button of the question that was asked last.
func (b *board) answer(id string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.asked) == 0 || b.asked[len(b.asked)-1].id != id {
		b.t.Fatalf("%q is not asked: %+v", id, b.asked)
	}
	b.asked[len(b.asked)-1].do()
}

// boardFacts are the facts of phone and lab, and the certificate of Exchange.
type boardFacts struct {
	script.Facts
	Exchange string
}

func (b *board) now() boardFacts {
	return boardFacts{b.emulator.world.Facts(), b.facts().Certificates[labpanel.ExchangeServer]}
}

// notice waits until the panel says something with text in it.
func (b *board) notice(text string) {
	b.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		b.mu.Lock()
		said := b.panel.Notice()
		b.mu.Unlock()
		if strings.Contains(said, text) {
			return
		}
		select {
		case <-b.more:
		case <-late:
			b.t.Fatalf("the panel says %q, want %q", said, text)
		}
	}
}

// until waits until phone and lab say something of themselves.
func (b *board) until(what string, good func(boardFacts) bool) {
	b.t.Helper()
	late := time.After(2 * time.Minute)
	for !good(b.now()) {
		select {
		case <-b.more:
		case <-late:
			b.t.Fatalf("not in time: %s; %+v", what, b.now())
		}
	}
}

// acts says how many acts are ticked, once n are.
func (b *board) acts(n int) {
	b.t.Helper()
	late := time.After(2 * time.Minute)
	for {
		b.mu.Lock()
		done := 0
		for _, a := range b.panel.Acts() {
			if a.Done {
				done++
			}
		}
		b.mu.Unlock()
		if done == n {
			return
		}
		select {
		case <-b.more:
		case <-late:
			b.t.Fatalf("%d acts are ticked, want %d; %+v", done, n, b.facts())
		}
	}
}

func (b *board) signIn() {
	b.t.Helper()
	if err := b.emulator.phone.SignIn(b.emulator.world.User); err != nil {
		b.t.Fatal(err)
	}
}

func TestStoryIsTickedByWhatPhoneAndLabSay(t *testing.T) {
	b := newBoard(t)
	b.signIn()
	b.acts(1)
	b.Publish(true, true)
	b.Plug(labpanel.Outside)
	b.acts(2)
	if _, err := b.emulator.phone.PressReset(); err != nil {
		t.Fatal(err)
	}
	b.acts(3)
	b.Plug(labpanel.Inside)
	b.until("the phone is inside", func(f boardFacts) bool { return f.Place == labpanel.Inside })
	b.signIn()
	b.until("both roots are there", func(f boardFacts) bool { return f.SignedIn && f.Edge.Trusted && f.Pool.Trusted })
	b.Plug(labpanel.Outside)
	b.acts(4)

	b.SetCertificate(labpanel.ExchangeServer, labpanel.SelfSigned)
	b.until("Exchange has a bad certificate", func(f boardFacts) bool { return f.Exchange == labpanel.SelfSigned })
	b.SetAccount("tu", "locked")
	b.SetFault("dns", "refused")
	b.until("DNS is broken", func(boardFacts) bool { return b.facts().Faults["dns"] == "refused" })
	b.BeginAgain()
	if f := b.now(); !f.Edge.Published || !f.Edge.Trusted {
		t.Errorf("before the answer: %+v", f)
	}
	b.answer("again")
	b.until("all is as at the start", func(f boardFacts) bool {
		return f.Place == labpanel.Inside && !f.Edge.Published && !f.Edge.Trusted && !f.Pool.Trusted && f.Pool.Published && f.Exchange == "" && !f.SignedIn
	})
	b.acts(0)
	b.signIn()
	b.acts(1)
}

func TestPoolRefusesWithoutItsRootInAD(t *testing.T) {
	b := newBoard(t)
	b.Publish(false, false)
	b.until("the pool's root is withdrawn", func(f boardFacts) bool { return !f.Pool.Published })
	b.signIn()
	b.until("the phone is refused", func(f boardFacts) bool { return f.Refused == journal.ADNoRoots })
	b.Plug(labpanel.Unplugged)
	b.until("the cable is out", func(f boardFacts) bool { return f.Place == labpanel.Unplugged })
}

func TestUserIsFilledInOnRequestOnly(t *testing.T) {
	b := newBoard(t)
	value := func() string { return b.emulator.screen.View().Page.Controls[0].Value }
	if _, err := b.emulator.phone.Wait(context.Background(), func(s device.Snapshot) bool { return s.State == device.SignedOut && s.Place != "" }); err != nil {
		t.Fatal(err)
	}
	b.FillIn()
	b.until("the form is filled in", func(boardFacts) bool { return value() == lab.Contoso().Users[0].Name+"@contoso.com" })
}

func TestTapStormBlocksNobody(t *testing.T) {
	b := newBoard(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 40 {
				switch (i + n) % 5 {
				case 0:
					b.Plug(labpanel.Outside)
				case 1:
					b.Plug(labpanel.Inside)
				case 2:
					b.Publish(true, n%2 == 0)
				case 3:
					b.FillIn()
				default:
					b.Plug(labpanel.Unplugged)
				}
			}
		})
	}
	all.Wait()
}
