//go:build cgo

package main

import (
	"sync/atomic"

	"fyne.io/fyne/v2"
)

// thread is Fyne's goroutine. It is the one place that calls fyne.Do; the rest
// of the program knows of goroutines, not of Fyne's. Once the window is gone it
// does nothing: Fyne would then run what it is given on the caller's goroutine.
type thread struct{ over atomic.Bool }

// do runs f on Fyne's goroutine, later.
func (t *thread) do(f func()) {
	if t.over.Load() {
		return
	}
	fyne.Do(func() {
		if !t.over.Load() {
			f()
		}
	})
}

// latest has what changes shown on Fyne's goroutine: however often it is told
// before that comes round to it, it shows once.
type latest struct {
	on      *thread
	show    func()
	waiting atomic.Bool
}

// changed may be called by any goroutine and never blocks.
func (l *latest) changed() {
	if l.waiting.Swap(true) {
		return
	}
	l.on.do(func() {
		l.waiting.Store(false)
		l.show()
	})
}
