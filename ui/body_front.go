//go:build !darwin || cgo

package ui

import (
	"fmt"
	"image/color"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ui/art"
)

// Place and size of the touch panel, in design units.
const (
	panelX, panelY = 406, 78
	panelW, panelH = 480, 360
)

// printInks: of small print on the dark plastic, and of that in high contrast.
const (
	printGrey  = 0xb9c0c8
	printWhite = 0xffffff
)

func (h *Handset) printInk() color.Color {
	if h.u.Contrast {
		return opaque(printWhite)
	}
	return opaque(printGrey)
}

// keyRound is the radius of the corners of keys.
const keyRound = 11

func (h *Handset) buildFront() *fyne.Container {
	g := &grid{u: h.u}
	h.keys = map[view.Key]*hardKey{}
	brand := g.addText("o c p h o n e", printGrey, 12, true, alignLeft, rect{panelX, 50, 200, 24})
	h.printedTexts = append(h.printedTexts, brand)
	h.lamp = newArtImage(h.u, &h.images, art.LampW)
	g.add(h.lamp.Raster, 801, 45, art.LampW, art.LampH)
	h.setLamp(false)
	g.add(h.panel, panelX, panelY, panelW, panelH)

	for i, d := range strings.Split("1,2 ABC,3 DEF,4 GHI,5 JKL,6 MNO,7 PQRS,8 TUV,9 WXYZ,*,0 +,#", ",") {
		digit, letters, _ := strings.Cut(d, " ")
		h.addKey(g, view.Key(digit), digit, art.Key{Colour: art.Light}, digit, letters,
			535+79*float32(i%3), 493+41.5*float32(i/3), 78, 43)
	}
	for _, k := range []struct {
		key        view.Key
		name       string
		look       art.Key
		x, y, w, h float32
	}{
		{view.KeyHeadset, "Headset", art.Key{Mark: art.MarkHeadset, Lamp: true}, 353, 499, 82, 53},
		{view.KeySpeaker, "Speaker", art.Key{Mark: art.MarkSpeaker, Lamp: true}, 435, 499, 82, 53},
		{view.KeyMute, "Mute", art.Key{Mark: art.MarkMute, Lamp: true, Red: true}, 353, 551, 164, 53},
		{view.KeyVolumeDown, "Volume down", art.Key{Mark: art.MarkMinus}, 353, 603, 82, 53},
		{view.KeyVolumeUp, "Volume up", art.Key{Mark: art.MarkPlus}, 435, 603, 82, 53},
		{view.KeyCall, "Call", art.Key{Mark: art.MarkCall, Colour: art.Green}, 777, 493, 72, 84},
		{view.KeyDelete, "Delete", art.Key{Mark: art.MarkDelete}, 777, 576, 72, 84},
		{view.KeyHome, "Home", art.Key{Mark: art.MarkHome, Colour: art.Blue, Round: 20}, 857, 571, 86, 44},
		{view.KeyEnd, "End", art.Key{Mark: art.MarkEnd, Colour: art.Red, Round: 20}, 857, 614, 86, 44},
	} {
		if k.look.Colour == "" {
			k.look.Colour = art.Dark
		}
		h.addKey(g, k.key, k.name, k.look, "", "", k.x, k.y, k.w, k.h)
	}

	h.cord = newArtImage(h.u, &h.images, art.CordBox.W)
	g.add(h.cord.Raster, float32(art.CordBox.X), float32(art.CordBox.Y), float32(art.CordBox.W), float32(art.CordBox.H))
	h.receiver = newReceiver(h)
	h.receiver.spot = g.add(h.receiver, 0, 0, 0, 0)
	h.receiver.occupy()
	h.setCord()
	return g.container()
}

func (h *Handset) addKey(g *grid, key view.Key, name string, look art.Key, big, small string, x, y, w, high float32) {
	look.W, look.H = float64(w), float64(high)
	if look.Round == 0 {
		look.Round = keyRound
	}
	k := newHardKey(h, "key."+string(key), name, look, big, small)
	k.down = func() { h.in.Press(key) }
	k.up = func() { h.in.Release(key) }
	h.keys[key] = k
	g.add(k, x, y, w, high)
}

func (h *Handset) setLamp(lit bool) {
	h.lamp.set(fmt.Sprint("lamp", lit), func() *art.Scene { return art.Lamp(h.u.Contrast, lit) })
}

func (h *Handset) setCord() {
	up := raisedBy(h.receiver.up)
	h.cord.set(fmt.Sprint("cord", up), func() *art.Scene { return art.Cord(h.u.Contrast, up) })
}

func raisedBy(up bool) float64 {
	if up {
		return 1
	}
	return 0
}

// The receiver: the middle of its picture on the cradle, and how far that
// moves when it is lifted, in design units.
const (
	receiverX, receiverY = 224, 355
	liftX, liftY         = -104, -19
	liftTime             = 260 * time.Millisecond
)

// receiver is the receiver, which a click or a key lifts.
type receiver struct {
	widget.BaseWidget
	pressable
	handset *Handset
	image   *artImage
	spot    *gridItem
	up      bool
	focus   bool
	raised  float32 // 0 on the cradle, 1 lifted, between while it moves
	moving  *fyne.Animation
}

func newReceiver(h *Handset) *receiver {
	r := &receiver{handset: h, image: newArtImage(h.u, &h.images, 0)}
	r.pressable = pressable{"hook", "Receiver", h.keyboard, h.hook, func() {}, func(n fyne.KeyName) { h.moveRing(r, n) }}
	r.ExtendBaseWidget(r)
	r.repaint()
	return r
}

func (r *receiver) repaint() {
	up, focus := raisedBy(r.up), r.focus
	r.image.wide = art.ReceiverW(up)
	r.image.set(fmt.Sprint("receiver", up, focus), func() *art.Scene {
		return art.Receiver(r.handset.u.Contrast, up, focus)
	})
}

// occupy sets the area that reacts to clicks: the cradle and the receiver. It must
// not cover keys, as the shadow in the picture does.
func (r *receiver) occupy() {
	s := r.spot
	s.x, s.y, s.w, s.h = 136, 46, 176, 602
	if r.up {
		s.x, s.y, s.w = 16, 30, 296
	}
}

// lift moves the receiver off its cradle or back.
func (r *receiver) lift(up bool) {
	r.up = up
	r.occupy()
	r.repaint()
	r.handset.front.Refresh()
	if r.moving != nil {
		r.moving.Stop()
	}
	from, to := r.raised, float32(raisedBy(up))
	r.moving = fyne.NewAnimation(liftTime, func(t float32) {
		r.raised = from + (to-from)*t
		r.arrange(r.Size())
	})
	r.moving.Curve = fyne.AnimationEaseOut
	r.moving.Start()
}

func (r *receiver) arrange(fyne.Size) {
	u := r.handset.u
	wide := float32(r.image.wide)
	r.image.Resize(u.size(wide, art.ReceiverH))
	r.image.Move(u.pos(receiverX-wide/2-r.spot.x+liftX*r.raised, receiverY-art.ReceiverH/2-r.spot.y+liftY*r.raised))
	canvas.Refresh(r.image.Raster)
}

// Tapped implements fyne.Tappable.
func (r *receiver) Tapped(*fyne.PointEvent) { r.handset.takeKeyboard(); r.handset.hook() }

// Cursor implements desktop.Cursorable.
func (r *receiver) Cursor() desktop.Cursor { return desktop.PointerCursor }

// FocusGained implements fyne.Focusable.
func (r *receiver) FocusGained() { r.focus = true; r.repaint() }

// FocusLost implements fyne.Focusable.
func (r *receiver) FocusLost() { r.focus = false; r.repaint() }

// CreateRenderer implements fyne.Widget.
func (r *receiver) CreateRenderer() fyne.WidgetRenderer {
	return &partRenderer{r.arrange, []fyne.CanvasObject{r.image.Raster}}
}
