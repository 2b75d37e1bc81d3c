//go:build cgo

package main

import (
	"sync/atomic"

	"fyne.io/fyne/v2"
)

// thread is Fyne's goroutine. It is the one place that calls fyne.Do. After the
// window has closed it does nothing, because Fyne would then run the function on
// the caller's goroutine.
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

// latest calls show on Fyne's goroutine after a change. Changes before that call
// are combined into one call.
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
