//go:build !darwin || cgo

package ui

import (
	"strconv"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ui/art"
)

// plateLines is how many lines the rating plate has room for.
const plateLines = 7

func (h *Handset) buildBack() *fyne.Container {
	g := &grid{u: h.u}
	for i := range plateLines {
		size, y := float32(12.5), 108+20*float32(i-1)
		if i == 0 {
			size, y = 18, 80
		}
		h.plate = append(h.plate, g.addText("", 0x2a2f36, size, i == 0, alignLeft, rect{560, y, 332, 22}))
	}
	h.plate[0].Text = "ocphone"
	for _, l := range []struct {
		text string
		x    float32
	}{
		{"LAN", 244}, {"PC", 332}, {"24 V", 414}, {"USB", 531},
		{"RESET", art.HoleX}, {"HEADSET", 684}, {"HANDSET", 785}, {"LOCK", 867},
	} {
		y := float32(548)
		if l.x == art.HoleX { // below the hole, since the clip is above it
			y = 624
		}
		label := g.addText(l.text, printGrey, 11, true, alignCenter, rect{l.x - 41, y, 82, 20})
		h.printedTexts = append(h.printedTexts, label)
	}
	h.plugs = newPlugs(h)
	g.add(h.plugs.lan.Raster, art.LANX-8, art.JackY-8, art.PlugW, art.PlugH)
	g.add(h.plugs.power.Raster, art.PowerX-36, art.PowerY-28, art.PlugW, art.PlugH)
	h.hole = newHole(h)
	g.add(h.hole, art.HoleX-holeSize/2, art.HoleY-holeSize/2, holeSize, holeSize)
	return g.container()
}

// plugs are in their sockets while the phone is plugged in and has power.
type plugs struct{ lan, power *artImage }

func newPlugs(h *Handset) *plugs {
	p := &plugs{newArtImage(h.u, &h.images, art.PlugW), newArtImage(h.u, &h.images, art.PlugW)}
	p.lan.set("lan", func() *art.Scene { return art.NetworkPlug(h.u.Contrast) })
	p.power.set("power", func() *art.Scene { return art.PowerPlug(h.u.Contrast) })
	p.show(false, false)
	return p
}

func (p *plugs) show(cable, on bool) {
	for s, in := range map[*artImage]bool{p.lan: cable, p.power: on} {
		setVisible(s.Raster, in)
	}
}

// Sizes around the reset hole, in design units.
const (
	holeSize  = 44 // of the area that reacts to the pointer; it ends before USB and HEADSET
	ringSize  = 34
	secondsW  = 31 // of the text beside the hole, up to the jack of the headset
	clipHover = 16 // height of the tip above the hole while the hole has the keyboard's focus
)

// hole is the reset hole. Over it the pointer becomes a paper clip. Pressing the
// pointer pushes the clip in; releasing it or leaving the hole pulls the clip out.
// The presenter decides how long it must be held and what happens then; ring and
// seconds show what the View says.
type hole struct {
	widget.BaseWidget
	pressable
	handset   *Handset
	clip      *artImage
	ring      *canvas.Arc
	focusRing *canvas.Circle
	seconds   *canvas.Text

	pointer fyne.Position // of the pointer
	hovered bool
	focus   bool
	in      bool // the user holds the clip in the hole
	state   view.Hole
	done    bool // held long enough
}

func newHole(h *Handset) *hole {
	o := &hole{handset: h, clip: newArtImage(h.u, &h.images, art.ClipW)}
	o.ring = canvas.NewArc(0, 0, .74, opaque(0xff8a2e))
	o.focusRing = canvas.NewCircle(nil)
	o.focusRing.StrokeColor = opaque(0x2f8bff)
	o.seconds = canvas.NewText("", opaque(0xffd9a8))
	o.seconds.TextStyle.Bold = true
	o.pressable = pressable{"hole", "Reset hole", h.keyboard, o.push, o.pull, func(n fyne.KeyName) { h.moveRing(o, n) }}
	o.ExtendBaseWidget(o)
	o.arrange(o.Size())
	return o
}

// show shows the state of the hole in the View.
func (o *hole) show(s view.Hole) {
	if s == o.state {
		return
	}
	if o.in && o.state.Left > 0 && s.Left <= 0 && o.handset.view.On { // without power nothing is reset
		o.done = true
	}
	o.state = s
	o.arrange(o.Size())
}

func (o *hole) push() {
	if o.in {
		return
	}
	o.in, o.done = true, false
	o.arrange(o.Size())
	o.handset.in.Poke(true)
}

// pull takes the clip out. After a reset it turns the phone to its front, which
// shows the result.
func (o *hole) pull() {
	if !o.in {
		return
	}
	o.in = false
	o.arrange(o.Size())
	o.handset.in.Poke(false)
	if o.done {
		o.done = false
		o.handset.Turn(false)
	}
}

// leave ends what the pointer does.
func (o *hole) leave() {
	o.hovered = false
	o.pull()
	o.arrange(o.Size())
}

// MouseDown implements desktop.Mouseable.
func (o *hole) MouseDown(e *desktop.MouseEvent) {
	if e.Button != desktop.MouseButtonSecondary && e.Button != desktop.MouseButtonTertiary {
		o.push()
	}
}

// MouseUp implements desktop.Mouseable.
func (o *hole) MouseUp(*desktop.MouseEvent) { o.pull() }

// MouseIn implements desktop.Hoverable.
func (o *hole) MouseIn(e *desktop.MouseEvent) { o.hovered = true; o.MouseMoved(e) }

// MouseMoved implements desktop.Hoverable.
func (o *hole) MouseMoved(e *desktop.MouseEvent) {
	o.pointer = e.Position
	o.arrange(o.Size())
}

// MouseOut implements desktop.Hoverable.
func (o *hole) MouseOut() { o.leave() }

// Cursor implements desktop.Cursorable: the clip is the pointer.
func (o *hole) Cursor() desktop.Cursor { return desktop.HiddenCursor }

// FocusGained implements fyne.Focusable.
func (o *hole) FocusGained() { o.focus = true; o.arrange(o.Size()) }

// FocusLost implements fyne.Focusable.
func (o *hole) FocusLost() {
	o.focus = false
	o.pull()
	o.arrange(o.Size())
}

// CreateRenderer implements fyne.Widget.
func (o *hole) CreateRenderer() fyne.WidgetRenderer {
	return &partRenderer{o.arrange, []fyne.CanvasObject{o.ring, o.focusRing, o.clip.Raster, o.seconds}}
}

func (o *hole) arrange(fyne.Size) {
	u := o.handset.u
	const middle = holeSize / 2
	held := o.state.Clip && o.state.Of > 0 && o.state.Left > 0
	done := o.in && o.done
	setVisible(o.ring, held || done)
	setVisible(o.seconds, held)
	if done {
		o.ring.EndAngle = 360
	} else if held {
		o.ring.EndAngle = 360 * float32(1-min(1, o.state.Left.Seconds()/o.state.Of.Seconds()))
		o.seconds.Text = strconv.Itoa(int((o.state.Left+time.Second-1)/time.Second)) + " s"
	}
	o.ring.FillColor, o.focusRing.StrokeColor, o.seconds.Color = opaque(0xff8a2e), opaque(0x2f8bff), opaque(0xffd9a8)
	if u.Contrast {
		o.ring.FillColor, o.focusRing.StrokeColor, o.seconds.Color = opaque(0xffff00), opaque(0xffff00), opaque(0xffffff)
	}
	if done {
		o.ring.FillColor = opaque(0x5cf04a)
	}
	o.ring.Resize(u.size(ringSize, ringSize))
	o.ring.Move(u.pos(middle-ringSize/2, middle-ringSize/2))
	setVisible(o.focusRing, o.focus)
	o.focusRing.StrokeWidth = u.F(2.4)
	o.focusRing.Resize(u.size(holeSize, holeSize))
	o.seconds.TextSize = u.F(12)
	o.seconds.Resize(u.size(secondsW, 16))
	o.seconds.Move(u.pos(holeSize+3, middle-8))

	in := o.in
	o.clip.set("clip"+strconv.FormatBool(in), func() *art.Scene { return art.Clip(u.Contrast, in) })
	setVisible(o.clip.Raster, o.hovered || o.in || o.focus || o.state.Clip)
	o.clip.Resize(u.size(art.ClipW, art.ClipH))
	tip := u.pos(middle, middle)
	switch {
	case o.in || o.state.Clip:
		tip.Y += u.F(art.ClipDepth)
	case o.hovered:
		tip = o.pointer
	default:
		tip.Y -= u.F(clipHover)
	}
	o.clip.Move(tip.Subtract(u.pos(art.ClipW/2, art.ClipH)))
	canvas.Refresh(o)
}

func setVisible(o fyne.CanvasObject, on bool) {
	if on != o.Visible() {
		if on {
			o.Show()
		} else {
			o.Hide()
		}
	}
}
