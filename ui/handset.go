//go:build !darwin || cgo

package ui

// NewHandset makes a whole phone whose user's actions go to in. Call Apply with a
// View on Fyne's goroutine to show it.
func NewHandset(in Input) *Handset {
	u := &Unit{}
	w := &focusInput{Input: in}
	h := newHandset(in, u, newPanel(w, u))
	w.takeFocus = h.takeKeyboard
	return h
}
