//go:build !darwin || cgo

package ui

import (
	"image"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/driver/mobile"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
)

// control is the widget of one placed control: one raster with all that is
// painted, then icons, then texts.
type control struct {
	widget.BaseWidget
	t       *touchPanel
	is      placed
	drawn   bool    // what is shown is is, at scale k
	k       float32 // scale of what is shown
	down    bool
	held    bool   // the hold was told; the tap that follows it is none
	pressed bool   // the key was told; the tap that follows adds nothing
	unhold  func() // stops what waits for the end of the hold time
	raster  *canvas.Raster
	look    face
	name    string
	objects []fyne.CanvasObject
}

func newControl(t *touchPanel) *control {
	c := &control{t: t}
	c.raster = canvas.NewRaster(c.paint)
	c.ExtendBaseWidget(c)
	return c
}

// set says what to draw; the same again costs nothing.
func (c *control) set(p placed) {
	if c.drawn && c.is == p && c.k == c.t.k {
		return
	}
	if c.is.ID != p.ID { // the widget of another row
		c.lift()
	}
	c.is = p
	c.draw()
}

// place moves the control, by an offset in design units.
func (c *control) place(dx, dy float32) {
	k := c.t.k
	c.Move(fyne.NewPos((c.is.at.x+dx)*k, (c.is.at.y+dy)*k))
	c.Resize(fyne.NewSize(c.is.at.w*k, c.is.at.h*k))
}

func (c *control) draw() {
	c.k = c.t.k
	c.drawn = c.k > 0
	if !c.drawn {
		return
	}
	c.look = c.t.pal.draw(c.is, c.down)
	c.name = c.look.name()
	c.objects = c.objects[:0:0]
	size := fyne.NewSize(c.is.at.w*c.k, c.is.at.h*c.k)
	if len(c.look.shapes) > 0 {
		c.raster.Move(fyne.NewPos(0, 0))
		c.raster.Resize(size)
		c.objects = append(c.objects, c.raster)
	}
	for _, g := range c.look.icons {
		res := picture(g.icon, g.ink)
		if res == nil {
			continue
		}
		img := canvas.NewImageFromResource(res)
		img.FillMode = canvas.ImageFillContain
		img.Move(fyne.NewPos(g.at.x*c.k, g.at.y*c.k))
		img.Resize(fyne.NewSize(g.at.w*c.k, g.at.h*c.k))
		c.objects = append(c.objects, img)
	}
	for _, l := range c.look.texts {
		runs, _ := ruler{c.k}.set(l)
		for _, r := range runs {
			t := canvas.NewText(r.s, opaque(l.ink))
			t.TextSize, t.TextStyle.Bold, t.FontSource = r.size, r.bold, r.face
			t.Move(r.at)
			t.Resize(r.box)
			c.objects = append(c.objects, t)
		}
	}
	c.Refresh()
}

func (c *control) paint(w, h int) image.Image {
	if c.is.at.w <= 0 || w <= 0 || h <= 0 {
		return image.NewRGBA(image.Rect(0, 0, 1, 1))
	}
	return c.t.skin.paint(c.name, c.look.shapes, w, h, float64(w)/float64(c.is.at.w))
}

// works tells whether a finger does anything here.
func (c *control) works() bool {
	if c.is.Off || c.is.act.quiet {
		return false
	}
	if c.is.act != (act{}) {
		return true
	}
	switch c.is.Role {
	case view.Text, view.Heading, view.Label, view.Progress, "":
		return false
	}
	return true
}

// push shows the finger, lift its end.
func (c *control) push() {
	if !c.works() || c.down {
		return
	}
	c.down, c.held = true, false
	if c.is.act == (act{}) {
		c.unhold = c.t.after(holdTime, c.hold)
	}
	if k := c.is.act.key; k != "" {
		c.pressed = true
		c.t.in.Press(k)
		if k == view.KeyDelete {
			c.unhold = c.t.after(holdTime, c.repeat)
		}
	}
	c.draw()
}

// repeatTime is how often a key that is held down repeats.
const repeatTime = 90 * time.Millisecond

// repeat presses a key once more for as long as it is held.
func (c *control) repeat() {
	if k := c.is.act.key; c.down && k != "" {
		c.t.in.Release(k)
		c.t.in.Press(k)
		c.unhold = c.t.after(repeatTime, c.repeat)
	}
}

func (c *control) lift() {
	if !c.down {
		return
	}
	c.down = false
	if c.unhold != nil {
		c.unhold()
		c.unhold = nil
	}
	if k := c.is.act.key; k != "" {
		c.t.in.Release(k)
	}
	c.draw()
}

func (c *control) hold() {
	if c.down && !c.held {
		c.held = true
		c.t.in.Hold(c.is.ID)
	}
}

// Tapped implements fyne.Tappable.
func (c *control) Tapped(*fyne.PointEvent) {
	if c.held || !c.works() {
		c.held = false
		return
	}
	switch a := c.is.act; {
	case a.text != "":
		c.t.in.Type(a.text)
	case a.key != "": // Press and Release told it, unless there was no finger
		if !c.pressed {
			c.t.in.Press(a.key)
			c.t.in.Release(a.key)
		}
		c.pressed = false
	case a.board != "":
		c.t.in.Tap("keyboard." + string(a.board))
	default:
		c.t.in.Tap(c.is.ID)
	}
}

// TappedSecondary implements fyne.SecondaryTappable: a long press of a real
// touchscreen, the other button of a mouse.
func (c *control) TappedSecondary(*fyne.PointEvent) {
	if c.works() && c.is.act == (act{}) && !c.held {
		c.t.in.Hold(c.is.ID)
	}
}

// MouseDown implements desktop.Mouseable.
func (c *control) MouseDown(e *desktop.MouseEvent) {
	if e.Button == desktop.MouseButtonPrimary {
		c.push()
	}
}

// MouseUp implements desktop.Mouseable.
func (c *control) MouseUp(*desktop.MouseEvent) { c.lift() }

// MouseIn implements desktop.Hoverable.
func (c *control) MouseIn(*desktop.MouseEvent) {}

// MouseMoved implements desktop.Hoverable.
func (c *control) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable: the release may go to another object.
func (c *control) MouseOut() { c.lift() }

// TouchDown implements mobile.Touchable.
func (c *control) TouchDown(*mobile.TouchEvent) { c.push() }

// TouchUp implements mobile.Touchable.
func (c *control) TouchUp(*mobile.TouchEvent) { c.lift() }

// TouchCancel implements mobile.Touchable.
func (c *control) TouchCancel(*mobile.TouchEvent) { c.lift() }

// ID is the control's, by which tests find it.
func (c *control) ID() string { return c.is.ID }

// AccessibilityLabel implements fyne.Accessible. What is in a field is not
// told: it may be a secret.
func (c *control) AccessibilityLabel() string {
	name, named := c.t.view.Names[c.is.ID]
	switch {
	case named && c.is.as == asStatus && c.is.Value != "":
		return name + ": " + c.is.Value
	case named:
		return name
	case c.is.Text == "":
		return c.is.ID
	}
	return c.is.Text
}

// AccessibilityRole implements fyne.Accessible.
func (c *control) AccessibilityRole() fyne.AccessibleRole {
	if c.works() {
		return fyne.AccessibleRoleButton
	}
	return fyne.AccessibleRoleText
}

// CreateRenderer implements fyne.Widget.
func (c *control) CreateRenderer() fyne.WidgetRenderer { return &controlRenderer{c} }

type controlRenderer struct{ c *control }

func (r *controlRenderer) Destroy()                     {}
func (r *controlRenderer) MinSize() fyne.Size           { return fyne.NewSize(1, 1) }
func (r *controlRenderer) Layout(fyne.Size)             {}
func (r *controlRenderer) Objects() []fyne.CanvasObject { return r.c.objects }
func (r *controlRenderer) Refresh() {
	for _, o := range r.c.objects {
		o.Refresh()
	}
	canvas.Refresh(r.c)
}
