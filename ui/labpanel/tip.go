//go:build !darwin || cgo

package labpanel

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// tip is a text beside the button under the pointer, which appears after tipDelay.
// Fyne has no tooltips. It lies over the window, and moves nothing.
type tip struct {
	layer   *fyne.Container
	box     *fyne.Container
	text    *label
	waiting *fyne.Animation
}

const (
	tipDelay = 600 * time.Millisecond
	tipWidth = 240
)

func newTip() *tip {
	t := &tip{text: &label{id: idPrefix + "tip"}}
	t.text.ExtendBaseWidget(t.text)
	t.text.Wrapping, t.text.SizeName = fyne.TextWrapWord, theme.SizeNameCaptionText
	ground := canvas.NewRectangle(theme.Color(theme.ColorNameOverlayBackground))
	ground.StrokeColor, ground.StrokeWidth = theme.Color(theme.ColorNamePlaceHolder), 1
	t.box = container.NewStack(ground, t.text)
	t.box.Hide()
	t.layer = container.New(free{}, t.box)
	return t
}

// show shows text below the object, or above it where there is no room below.
func (t *tip) show(at fyne.CanvasObject, text string) {
	t.hide()
	if text == "" {
		return
	}
	t.waiting = fyne.NewAnimation(tipDelay, func(done float32) {
		if done >= 1 && at.Visible() {
			t.place(at, text)
		}
	})
	t.waiting.Start()
}

func (t *tip) place(at fyne.CanvasObject, text string) {
	driver := fyne.CurrentApp().Driver()
	within := t.layer.Size()
	pos := driver.AbsolutePositionForObject(at).Subtract(driver.AbsolutePositionForObject(t.layer))
	t.text.SetText(text)
	wide := min(tipWidth, within.Width)
	t.text.Resize(fyne.NewSize(wide, 1)) // a label has the height of its text at its width
	high := t.text.MinSize().Height
	pos.X = max(0, min(pos.X, within.Width-wide))
	if pos.Y += at.Size().Height; pos.Y+high > within.Height {
		pos.Y -= at.Size().Height + high
	}
	t.box.Resize(fyne.NewSize(wide, high))
	t.box.Move(pos)
	t.box.Show()
	t.layer.Refresh() // Show alone paints nothing
}

func (t *tip) hide() {
	if t.waiting != nil {
		t.waiting.Stop()
		t.waiting = nil
	}
	t.box.Hide()
}

// free leaves its objects where they are, and needs no room.
type free struct{}

// MinSize implements fyne.Layout.
func (free) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

// Layout implements fyne.Layout.
func (free) Layout([]fyne.CanvasObject, fyne.Size) {}
