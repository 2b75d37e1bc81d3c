//go:build !darwin || cgo

package ui

import (
	"image"
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/driver/mobile"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
)

// control is the widget of one placed control: one raster with all that is
// painted, then texts.
type control struct {
	widget.BaseWidget
	panel      *touchPanel
	placed     placed
	drawn      bool    // placed is shown, at scale
	scale      float32 // scale of what is shown
	down       bool
	held       bool   // the hold was reported; ignore the tap that follows
	pressed    bool   // the key was reported; ignore the tap that follows
	stopHold   func() // stops the timer of a long press or of a repetition
	raster     *canvas.Raster
	appearance appearance
	name       string
	objects    []fyne.CanvasObject
}

func newControl(t *touchPanel) *control {
	c := &control{panel: t}
	c.raster = canvas.NewRaster(c.paint)
	c.ExtendBaseWidget(c)
	return c
}

// set draws p, unless it is drawn already.
func (c *control) set(p placed) {
	if c.drawn && c.placed == p && c.scale == c.panel.k {
		return
	}
	if c.placed.ID != p.ID { // the widget of another row
		c.release()
	}
	c.placed = p
	c.draw()
}

// place moves the control, by an offset in design units.
func (c *control) place(dx, dy float32) {
	k := c.panel.k
	c.Move(fyne.NewPos((c.placed.at.x+dx)*k, (c.placed.at.y+dy)*k))
	c.Resize(fyne.NewSize(c.placed.at.w*k, c.placed.at.h*k))
}

func (c *control) draw() {
	c.scale = c.panel.k
	c.drawn = c.scale > 0
	if !c.drawn {
		return
	}
	c.appearance = c.panel.palette.draw(c.placed, c.down)
	c.name = c.appearance.name()
	c.objects = c.objects[:0:0]
	size := fyne.NewSize(c.placed.at.w*c.scale, c.placed.at.h*c.scale)
	if c.appearance.painted() {
		c.raster.Move(fyne.NewPos(0, 0))
		c.raster.Resize(size)
		c.objects = append(c.objects, c.raster)
	}
	for _, l := range c.appearance.texts {
		runs, _ := layout{c.scale}.setText(l)
		for _, r := range runs {
			t := canvas.NewText(r.s, opaque(l.ink))
			t.TextSize, t.TextStyle.Bold, t.FontSource = r.size, r.bold, r.font
			t.Move(r.at)
			t.Resize(r.box)
			c.objects = append(c.objects, t)
		}
	}
	c.Refresh()
}

func (c *control) paint(w, h int) image.Image {
	if c.placed.at.w <= 0 || c.placed.at.h <= 0 || w <= 0 || h <= 0 {
		return image.NewRGBA(image.Rect(0, 0, 1, 1))
	}
	return c.panel.shapes.paint(c.name, &c.appearance, w, h, c.placed.at)
}

// takesTaps reports whether a tap has an effect.
func (c *control) takesTaps() bool {
	if c.placed.Off || c.placed.action.inert {
		return false
	}
	if c.placed.action != (tapAction{}) {
		return true
	}
	return !slices.Contains([]view.Role{view.Text, view.Heading, view.Label, view.Progress, ""}, c.placed.Role)
}

// press shows the control pressed; release ends that.
func (c *control) press() {
	if !c.takesTaps() || c.down {
		return
	}
	c.down, c.held = true, false
	if c.placed.action == (tapAction{}) {
		c.stopHold = c.panel.after(holdTime, c.hold)
	}
	if k := c.placed.action.key; k != "" {
		c.pressed = true
		c.panel.in.Press(k)
		if k == view.KeyDelete {
			c.stopHold = c.panel.after(holdTime, c.repeat)
		}
	}
	c.draw()
}

// repeatTime is how often a key that is held down repeats.
const repeatTime = 90 * time.Millisecond

// repeat presses a key again while it is held.
func (c *control) repeat() {
	if k := c.placed.action.key; c.down && k != "" {
		c.panel.in.Release(k)
		c.panel.in.Press(k)
		c.stopHold = c.panel.after(repeatTime, c.repeat)
	}
}

func (c *control) release() {
	if !c.down {
		return
	}
	c.down = false
	if c.stopHold != nil {
		c.stopHold()
		c.stopHold = nil
	}
	if k := c.placed.action.key; k != "" {
		c.panel.in.Release(k)
	}
	c.draw()
}

func (c *control) hold() {
	if c.down && !c.held {
		c.held = true
		c.panel.in.Hold(c.placed.ID)
	}
}

// Tapped implements fyne.Tappable.
func (c *control) Tapped(*fyne.PointEvent) {
	if c.held || !c.takesTaps() {
		c.held = false
		return
	}
	switch a := c.placed.action; {
	case a.text != "":
		c.panel.in.Type(a.text)
	case a.key != "": // reported by press and release, unless the driver sends taps only
		if !c.pressed {
			c.panel.in.Press(a.key)
			c.panel.in.Release(a.key)
		}
		c.pressed = false
	case a.keyboard != "":
		c.panel.in.Tap("keyboard." + string(a.keyboard))
	default:
		c.panel.in.Tap(c.placed.ID)
	}
}

// TappedSecondary implements fyne.SecondaryTappable: a long press of a real
// touchscreen, the other button of a mouse.
func (c *control) TappedSecondary(*fyne.PointEvent) {
	if c.takesTaps() && c.placed.action == (tapAction{}) && !c.held {
		c.panel.in.Hold(c.placed.ID)
	}
}

// MouseDown implements desktop.Mouseable.
func (c *control) MouseDown(e *desktop.MouseEvent) {
	if e.Button == desktop.MouseButtonPrimary {
		c.press()
	}
}

// MouseUp implements desktop.Mouseable.
func (c *control) MouseUp(*desktop.MouseEvent) { c.release() }

// MouseIn implements desktop.Hoverable.
func (c *control) MouseIn(*desktop.MouseEvent) {}

// MouseMoved implements desktop.Hoverable.
func (c *control) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable: the release may go to another object.
func (c *control) MouseOut() { c.release() }

// TouchDown implements mobile.Touchable.
func (c *control) TouchDown(*mobile.TouchEvent) { c.press() }

// TouchUp implements mobile.Touchable.
func (c *control) TouchUp(*mobile.TouchEvent) { c.release() }

// TouchCancel implements mobile.Touchable.
func (c *control) TouchCancel(*mobile.TouchEvent) { c.release() }

// ID is the control's, by which tests find it.
func (c *control) ID() string { return c.placed.ID }

// AccessibilityLabel implements fyne.Accessible. The content of a
// field is left out, since it may be a secret.
func (c *control) AccessibilityLabel() string {
	name, named := c.panel.view.Names[c.placed.ID]
	switch {
	case named && c.placed.style == asStatus && c.placed.Value != "":
		return name + ": " + c.placed.Value
	case named:
		return name
	case c.placed.Text == "":
		return c.placed.ID
	}
	return c.placed.Text
}

// AccessibilityRole implements fyne.Accessible.
func (c *control) AccessibilityRole() fyne.AccessibleRole {
	if c.takesTaps() {
		return fyne.AccessibleRoleButton
	}
	return fyne.AccessibleRoleText
}

// CreateRenderer implements fyne.Widget.
func (c *control) CreateRenderer() fyne.WidgetRenderer {
	return &controlRenderer{partRenderer{arrange: func(fyne.Size) {}}, c}
}

type controlRenderer struct {
	partRenderer
	c *control
}

func (r *controlRenderer) Objects() []fyne.CanvasObject { return r.c.objects }
func (r *controlRenderer) Refresh() {
	for _, o := range r.c.objects {
		o.Refresh()
	}
	canvas.Refresh(r.c)
}
