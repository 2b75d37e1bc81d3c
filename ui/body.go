//go:build !darwin || cgo

// Package ui draws the whole handset, plastic and touch panel, and turns the
// user's actions into calls of an Input. What is shown is a View of
// device/screen/view; ui only paints it. It does not import fyne/app, so that it
// works in a window, for a screenshot and in tests without a display.
//
//  1. h := NewHandset(in), where in is a *screen.Screen; put h in a window and
//     call h.BindKeyboard with the window's canvas.
//  2. On Fyne's goroutine, call h.Apply with each View.
//  3. h.Turn, h.Plate, h.Contrast and h.Name are for the window around it.
package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ui/art"
)

// Input receives the user's actions; *screen.Screen implements it. Its methods
// must not block.
type Input interface {
	Tap(id string)
	Hold(id string)
	Type(text string)
	Press(k view.Key)
	Release(k view.Key)
	Lift(up bool)
	Poke(in bool) // the paper clip is at the bottom of the reset hole
}

// panel is the touch panel.
type panel interface {
	fyne.CanvasObject
	show(view.View)
	setFocused(bool) // whether the desk has the focus: the ring is shown
}

// focusInput is the Input of the touch panel. A tap on the panel gives the phone
// the keyboard focus of the window. Set takeFocus once there is a handset.
type focusInput struct {
	Input
	takeFocus func()
}

// Tap implements Input.
func (a *focusInput) Tap(id string) {
	a.takeFocus()
	a.Input.Tap(id)
}

// Hold implements Input.
func (a *focusInput) Hold(id string) {
	a.takeFocus()
	a.Input.Hold(id)
}

// Smallest width and height of a handset, in device independent pixels.
const (
	minWidth  = 560
	minHeight = minWidth * art.Height / art.Width
)

// Handset is the whole phone, front and back. It is drawn in the middle of the
// widget, as large as fits; the desk fills the rest. Call all methods on Fyne's
// goroutine.
type Handset struct {
	widget.BaseWidget
	u        *Unit
	in       Input
	panel    panel
	images   imageCache
	keyboard *hostKeyboard

	desk         *desk
	gates        [2]*gate // before and behind the desk
	front, back  *fyne.Container
	turned       bool
	keys         map[view.Key]*hardKey
	turn         *hardKey
	lamp         *artImage
	cord         *artImage
	receiver     *receiver
	hole         *hole
	plugs        *plugs
	plate        []*canvas.Text
	printedTexts []*canvas.Text // change their colour in high contrast

	view     view.View
	settling *fyne.Animation

	focus string // the field of the panel that has the focus
}

// newHandset builds the phone around its touch panel.
func newHandset(in Input, u *Unit, p panel) *Handset {
	h := &Handset{u: u, in: in, panel: p}
	h.keyboard = &hostKeyboard{press: h.press, release: h.release, typed: in.Type, hook: h.hook,
		turn: func() { h.Turn(!h.turned) }, shifted: shiftDown}
	h.desk, h.gates = newDesk(h), [2]*gate{newGate(h, 1), newGate(h, -1)}
	h.front, h.back = h.buildFront(), h.buildBack()
	h.back.Hide()
	turn := art.Key{W: 100, H: 60, Round: 15, Colour: art.Light, Mark: art.MarkTurn, Raise: 8}
	h.turn = newHardKey(h, "turn", "Turn over", turn, "", "Turn over")
	h.turn.up = func() { h.Turn(!h.turned) }
	h.ExtendBaseWidget(h)
	return h
}

// Apply shows a View. Only what differs from the last one is painted again.
func (h *Handset) Apply(v view.View) {
	asks := v.Dialog != nil && (h.view.Dialog == nil || h.view.Dialog.ID != v.Dialog.ID)
	h.view = v
	h.panel.show(v)
	h.setLamp(v.On && v.Lamps.Message)
	h.keys[view.KeySpeaker].light(v.On && v.Lamps.Speaker)
	h.keys[view.KeyMute].light(v.On && v.Lamps.Mute)
	h.keys[view.KeyHeadset].light(v.On && v.Lamps.Headset)
	if h.receiver.up != v.Hook {
		h.receiver.lift(v.Hook)
		h.setCord()
	}
	h.plugs.show(v.Status.Cable, v.On)
	h.hole.show(v.Hole)

	for id, name := range v.Names {
		h.Name(id, name)
	}
	field := focusedField(&v)
	h.keyboard.field, h.keyboard.focus = field != "", v.Top().Focus != ""
	if field != "" && field != h.focus || asks && h.partFocused() {
		h.takeKeyboard()
	}
	h.focus = field
}

// focusedField is the id of the field that characters go to; "": none.
func focusedField(v *view.View) string {
	p := v.Top()
	for _, c := range p.Controls {
		if c.ID == p.Focus && !c.Off && (c.Role == view.Field || c.Role == view.Secret) {
			return c.ID
		}
	}
	return ""
}

// Turn shows the back of the phone, or its front.
func (h *Handset) Turn(back bool) {
	if h.turned == back {
		return
	}
	hidden := h.partFocused() && h.canvas().Focused() != fyne.Focusable(h.turn)
	if hidden {
		h.takeKeyboard()
	}
	h.turned = back
	h.hole.leave()
	setVisible(h.front, !back)
	setVisible(h.back, back)
	h.desk.turn()
	h.Refresh()
}

// Turned reports whether the back is shown.
func (h *Handset) Turned() bool { return h.turned }

// Plate prints lines on the rating plate of the back. The first line, in bold, is
// the name of the phone. Lines that do not fit are left out.
func (h *Handset) Plate(lines ...string) {
	for i, t := range h.plate {
		t.Text = ""
		if i < len(lines) {
			t.Text = lines[i]
		}
	}
	h.back.Refresh()
}

// Contrast turns the theme of high contrast on or off.
func (h *Handset) Contrast(on bool) {
	if h.u.Contrast == on {
		return
	}
	h.u.Contrast = on
	for _, k := range h.keys {
		k.repaint()
	}
	h.turn.repaint()
	for _, t := range h.printedTexts {
		t.Color = h.printInk()
	}
	h.repaint()
	h.hole.arrange(h.hole.Size())
	h.panel.Refresh()
	h.Refresh()
}

// repaint paints all pictures again.
func (h *Handset) repaint() {
	h.desk.repaint()
	movable := []*artImage{h.turn.image, h.lamp, h.cord, h.receiver.image, h.plugs.lan, h.plugs.power, h.hole.clip}
	for _, s := range movable {
		s.Refresh()
	}
	for _, k := range h.keys {
		k.image.Refresh()
	}
}

// Name sets the name of a part, "key.5", "hook", "hole" or "turn", in the user's
// language. It is printed on the turn key, and is the accessibility label of the
// other parts.
func (h *Handset) Name(id, name string) {
	switch p := h.Find(id).(type) {
	case *hardKey:
		if p.name == name {
			return
		}
		p.name = name
		if p == h.turn {
			p.small.Text, p.small.FontSource = name, fontRuns(name)[0].font // a caption is in one script
			p.repaint()
		}
	case *receiver:
		p.name = name
	case *hole:
		p.name = name
	}
}

// Find gives the part with an id, or nil.
func (h *Handset) Find(id string) fyne.CanvasObject {
	switch id {
	case "hook":
		return h.receiver
	case "hole":
		return h.hole
	case "turn":
		return h.turn
	case "phone":
		return h.desk
	}
	for _, k := range h.keys {
		if k.id == id {
			return k
		}
	}
	return nil
}

// BindKeyboard makes a window's canvas send typed keys to the phone while no
// widget of the window has the focus.
func (h *Handset) BindKeyboard(c fyne.Canvas) {
	if d, ok := c.(desktop.Canvas); ok {
		d.SetOnKeyDown(func(e *fyne.KeyEvent) { h.keyboard.keyDown(e.Name) })
		d.SetOnKeyUp(func(e *fyne.KeyEvent) { h.keyboard.keyUp(e.Name) })
	}
	c.SetOnTypedKey(func(e *fyne.KeyEvent) { h.keyboard.typedKey(e.Name) })
	c.SetOnTypedRune(h.keyboard.typedRune)
	c.Focus(h.desk)
}

// OnOtherKey sets what handles a key of the computer's keyboard that is not one of
// the phone, such as F1. Characters that are typed follow their keys.
func (h *Handset) OnOtherKey(f func(fyne.KeyName)) { h.keyboard.other = f }

// AccessibilityLabel implements fyne.Accessible.
func (h *Handset) AccessibilityLabel() string { return "ocphone" }

// AccessibilityRole implements fyne.Accessible.
func (h *Handset) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleContainer }

func (h *Handset) press(k view.Key) {
	if key := h.keys[k]; key != nil {
		key.press()
		return
	}
	h.in.Press(k)
}

func (h *Handset) release(k view.Key) {
	if key := h.keys[k]; key != nil {
		key.release()
		return
	}
	h.in.Release(k)
}

func (h *Handset) hook() { h.in.Lift(!h.view.Hook) }

// takeKeyboard gives the phone the keyboard focus; a key that had it loses it.
func (h *Handset) takeKeyboard() {
	if c := h.canvas(); c != nil {
		c.Focus(h.desk)
	}
}

func shiftDown() bool {
	d, ok := fyne.CurrentApp().Driver().(desktop.Driver)
	return ok && d.CurrentKeyModifiers()&fyne.KeyModifierShift != 0
}

// CreateRenderer implements fyne.Widget.
func (h *Handset) CreateRenderer() fyne.WidgetRenderer {
	return &handsetRenderer{partRenderer{h.arrange, []fyne.CanvasObject{
		h.gates[0], h.desk, h.gates[1], h.front, h.back, h.turn,
	}}}
}

type handsetRenderer struct{ partRenderer }

func (r *handsetRenderer) MinSize() fyne.Size { return fyne.NewSize(minWidth, minHeight) }

// arrange fits the phone into the size. Fyne calls it once with size zero.
func (h *Handset) arrange(s fyne.Size) {
	k := min(s.Width/art.Width, s.Height/art.Height)
	if k <= 0 {
		return
	}
	changed := k != h.u.K
	if changed && h.u.K > 0 {
		h.stretchImages()
	}
	h.u.K = k
	at := fyne.NewPos((s.Width-art.Width*k)/2, (s.Height-art.Height*k)/2)
	h.desk.Resize(s)
	for _, side := range []*fyne.Container{h.front, h.back} {
		side.Move(at)
		side.Resize(h.u.size(art.Width, art.Height))
	}
	h.turn.Resize(h.u.size(100, 60))
	h.turn.Move(at.Add(h.u.pos(4, 654)))
	if changed { // texts of the panel are sized in units
		h.panel.Refresh()
	}
}

// settleTime is the time after the last change of a window's size until the phone
// is painted for the new size.
const settleTime = 180 * time.Millisecond

// stretchImages stretches the existing pictures while a window is being resized.
// To paint all of them for each size in between would be too slow.
func (h *Handset) stretchImages() {
	if h.settling != nil {
		h.settling.Stop()
	}
	h.images.setStretching(true)
	h.settling = fyne.NewAnimation(settleTime, func(done float32) {
		if done >= 1 {
			h.images.setStretching(false)
			h.repaint()
		}
	})
	h.settling.Start()
}
