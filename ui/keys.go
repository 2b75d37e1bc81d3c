//go:build !darwin || cgo

package ui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/driver/mobile"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/ui/art"
)

// hardKey is a moulded key. It reports down and up separately, so that the
// presenter can detect a long press. It does not stay down: a pointer that leaves
// releases it.
type hardKey struct {
	widget.BaseWidget
	pressable
	handset  *Handset
	look     art.Key
	image    *artImage
	big      *canvas.Text // 5
	small    *canvas.Text // JKL, or the caption below a mark
	down, up func()       // nil: nothing
	pointed  bool         // pressed by the pointer: ignore the tap that follows
}

func newHardKey(h *Handset, id, name string, look art.Key, big, small string) *hardKey {
	k := &hardKey{handset: h, look: look}
	k.image = newArtImage(h.u, &h.images, look.W)
	k.big, k.small = canvas.NewText(big, nil), canvas.NewText(small, nil)
	k.big.TextStyle.Bold = true
	k.small.TextStyle.Bold = look.Mark != art.NoMark
	k.pressable = pressable{id, name, h.keyboard, k.press, k.release, func(n fyne.KeyName) { h.moveRing(k, n) }}
	k.ExtendBaseWidget(k)
	k.repaint()
	return k
}

// repaint paints the key; keys of the same look and size share a picture.
func (k *hardKey) repaint() {
	k.look.Plain = k.handset.u.Contrast
	look := k.look
	k.image.set(fmt.Sprint(look), look.Scene)
	ink := opaque(look.Colour.Ink(look.Plain))
	k.big.Color, k.small.Color = ink, ink
	k.arrange(k.Size())
	canvas.Refresh(k)
}

func (k *hardKey) press() {
	if k.look.Pressed {
		return
	}
	k.look.Pressed = true
	k.repaint()
	if k.down != nil {
		k.down()
	}
}

func (k *hardKey) release() {
	if !k.look.Pressed {
		return
	}
	k.look.Pressed = false
	k.repaint()
	if k.up != nil {
		k.up()
	}
}

func (k *hardKey) light(on bool) {
	if k.look.Lit != on {
		k.look.Lit = on
		k.repaint()
	}
}

// MouseDown implements desktop.Mouseable.
func (k *hardKey) MouseDown(e *desktop.MouseEvent) {
	if e.Button == desktop.MouseButtonSecondary || e.Button == desktop.MouseButtonTertiary {
		return
	}
	k.pointed = true
	k.handset.takeKeyboard()
	k.press()
}

// MouseUp implements desktop.Mouseable.
func (k *hardKey) MouseUp(*desktop.MouseEvent) { k.release() }

// MouseIn implements desktop.Hoverable.
func (k *hardKey) MouseIn(*desktop.MouseEvent) { k.look.Hover = true; k.repaint() }

// MouseMoved implements desktop.Hoverable.
func (k *hardKey) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable. No MouseUp comes to a widget that the
// pointer has left, so leaving lets the key go.
func (k *hardKey) MouseOut() {
	k.look.Hover, k.pointed = false, false
	k.release()
	k.repaint()
}

// TouchDown implements mobile.Touchable.
func (k *hardKey) TouchDown(*mobile.TouchEvent) { k.pointed = true; k.press() }

// TouchUp implements mobile.Touchable.
func (k *hardKey) TouchUp(*mobile.TouchEvent) { k.release() }

// TouchCancel implements mobile.Touchable.
func (k *hardKey) TouchCancel(*mobile.TouchEvent) { k.pointed = false; k.release() }

// Tapped implements fyne.Tappable for drivers that know of taps only.
func (k *hardKey) Tapped(*fyne.PointEvent) {
	if k.pointed {
		k.pointed = false
		return
	}
	k.press()
	k.release()
}

// Cursor implements desktop.Cursorable.
func (k *hardKey) Cursor() desktop.Cursor { return desktop.PointerCursor }

// FocusGained implements fyne.Focusable.
func (k *hardKey) FocusGained() { k.look.Focus = true; k.repaint() }

// FocusLost implements fyne.Focusable: it releases the key.
func (k *hardKey) FocusLost() {
	k.look.Focus = false
	k.release()
	k.repaint()
}

// pressable is embedded by parts of the body. While the part has the keyboard
// focus, Space and Enter press it and arrows go to another part; all other keys go
// to the phone.
type pressable struct {
	id, name string
	board    *hostKeyboard
	down, up func()
	move     func(arrow fyne.KeyName)
}

// ID is the name by which tests and a control API find the part.
func (p *pressable) ID() string { return p.id }

// AccessibilityLabel implements fyne.Accessible.
func (p *pressable) AccessibilityLabel() string { return p.name }

// AccessibilityRole implements fyne.Accessible.
func (p *pressable) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// KeyDown implements desktop.Keyable.
func (p *pressable) KeyDown(e *fyne.KeyEvent) {
	if isPressKey(e.Name) {
		p.down()
		return
	}
	if !isArrow(e.Name) && e.Name != fyne.KeyTab {
		p.board.keyDown(e.Name)
	}
}

// KeyUp implements desktop.Keyable.
func (p *pressable) KeyUp(e *fyne.KeyEvent) {
	if isPressKey(e.Name) {
		p.up()
		return
	}
	p.board.keyUp(e.Name)
}

// TypedKey implements fyne.Focusable.
func (p *pressable) TypedKey(e *fyne.KeyEvent) {
	switch {
	case isArrow(e.Name):
		p.move(e.Name)
	case !isPressKey(e.Name) && e.Name != fyne.KeyTab:
		p.board.typedKey(e.Name)
	}
}

// TypedRune implements fyne.Focusable.
func (p *pressable) TypedRune(r rune) {
	if r != ' ' {
		p.board.typedRune(r)
	}
}

// isPressKey reports whether a key of the computer presses the focused part.
func isPressKey(n fyne.KeyName) bool {
	return n == fyne.KeySpace || n == fyne.KeyReturn || n == fyne.KeyEnter
}

// CreateRenderer implements fyne.Widget.
func (k *hardKey) CreateRenderer() fyne.WidgetRenderer {
	return &partRenderer{k.arrange, []fyne.CanvasObject{k.image.Raster, k.big, k.small}}
}

// Sizes of what is printed on keys, in design units.
const (
	bigText     = 21
	smallText   = 10
	captionText = 12
	textGap     = 7  // between digit and letters
	textBlock   = 48 // the least width of both, so that digits are aligned
)

func (k *hardKey) arrange(s fyne.Size) {
	u := k.handset.u
	if u.K <= 0 {
		return
	}
	k.image.Resize(s)
	dy := float32(-1)
	if k.look.Pressed {
		dy += 1.6
	}
	middle := s.Height/2 + u.F(dy)
	put := func(t *canvas.Text, x, y float32) {
		m := t.MinSize()
		t.Resize(m)
		t.Move(fyne.NewPos(x, y-m.Height/2))
	}
	if k.look.Mark != art.NoMark {
		fit(k.small, u.F(captionText), s.Width-u.F(16))
		put(k.small, (s.Width-k.small.MinSize().Width)/2, s.Height-u.F(17-dy))
		return
	}
	k.big.TextSize, k.small.TextSize = u.F(bigText), u.F(smallText)
	wide := k.big.MinSize().Width
	if k.small.Text == "" {
		put(k.big, (s.Width-wide)/2, middle)
		return
	}
	gap := u.F(textGap)
	left := (s.Width - max(wide+gap+k.small.MinSize().Width, u.F(textBlock))) / 2
	put(k.big, left, middle)
	put(k.small, left+wide+gap, middle+u.F(1.5))
}

// partRenderer draws a part whose objects are kept by the widget, because Fyne
// drops the renderer of a widget that was hidden for a minute.
type partRenderer struct {
	arrange func(fyne.Size)
	objects []fyne.CanvasObject
}

func (r *partRenderer) Destroy()                     {}
func (r *partRenderer) MinSize() fyne.Size           { return fyne.NewSize(1, 1) }
func (r *partRenderer) Layout(s fyne.Size)           { r.arrange(s) }
func (r *partRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *partRenderer) Refresh() {
	for _, o := range r.objects {
		o.Refresh()
	}
}
