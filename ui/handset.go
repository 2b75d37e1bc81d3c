//go:build !darwin || cgo

package ui

// NewHandset draws a whole phone; what a person does with it goes to in. Show
// it a View with Apply, on Fyne's goroutine.
func NewHandset(in Input) *Handset {
	u := &Unit{}
	w := &focusInput{Input: in}
	h := newHandset(in, u, newPanel(w, u))
	w.takeFocus = h.takeKeyboard
	return h
}
