//go:build !darwin || cgo

package ui

import (
	"fmt"
	"image"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/driver/mobile"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
)

// inputLog is an Input that writes down what a person did.
type inputLog struct{ log []string }

func (d *inputLog) Tap(id string)      { d.log = append(d.log, "tap "+id) }
func (d *inputLog) Hold(id string)     { d.log = append(d.log, "hold "+id) }
func (d *inputLog) Type(s string)      { d.log = append(d.log, "type "+s) }
func (d *inputLog) Press(k view.Key)   { d.log = append(d.log, "press "+string(k)) }
func (d *inputLog) Release(k view.Key) { d.log = append(d.log, "release "+string(k)) }
func (d *inputLog) Lift(up bool)       { d.log = append(d.log, word(up, "lift", "hang up")) }
func (d *inputLog) Poke(in bool)       { d.log = append(d.log, word(in, "poke", "pull")) }

func word(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// want compares and forgets what was done.
func (d *inputLog) want(t *testing.T, what ...string) {
	t.Helper()
	if !slices.Equal(d.log, what) {
		t.Errorf("did %q, want %q", d.log, what)
	}
	d.log = nil
}

// emptyPanel is a touch panel that shows one colour.
type emptyPanel struct {
	widget.BaseWidget
	shown []view.View
}

func (b *emptyPanel) show(v view.View) { b.shown = append(b.shown, v) }
func (b *emptyPanel) setFocused(bool)  {}
func (b *emptyPanel) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(canvas.NewRectangle(opaque(0x2f62a8)))
}

type rig struct {
	*Handset
	did   *inputLog
	panel *emptyPanel
	canv  *memoryCanvas
}

// build makes a handset of a size in a canvas without a window.
func build(tb testing.TB, w, h float32) *rig {
	tb.Helper()
	test.NewTempApp(tb)
	r := &rig{did: &inputLog{}, panel: &emptyPanel{}}
	r.panel.ExtendBaseWidget(r.panel)
	r.Handset = newHandset(r.did, &Unit{}, r.panel)
	r.canv = headless(r.Handset, int(w), int(h))
	return r
}

// inWindow makes a handset in a window of the test driver, with its keyboard.
func inWindow(t *testing.T) (*rig, fyne.Canvas) {
	t.Helper()
	r := build(t, 1000, 720)
	w := test.NewTempWindow(t, r.Handset)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(1000, 720))
	r.BindKeyboard(w.Canvas())
	return r, w.Canvas()
}

func (r *rig) key(k view.Key) *hardKey { return r.keys[k] }

var everything = view.View{
	On:     true,
	Lamps:  view.Lamps{Message: true, Speaker: true, Mute: true, Headset: true},
	Status: view.Status{Cable: true},
}

func TestHardKeyReportsPressAndRelease(t *testing.T) {
	mouse, touch := &desktop.MouseEvent{Button: desktop.MouseButtonPrimary}, &mobile.TouchEvent{}
	for _, c := range []struct {
		name string
		do   func(k *hardKey)
		want []string
	}{
		{"a click is one press", func(k *hardKey) { k.MouseIn(mouse); k.MouseDown(mouse); k.MouseUp(mouse); k.Tapped(nil) }, []string{"press 5", "release 5"}},
		{"a tap alone too", func(k *hardKey) { k.Tapped(nil) }, []string{"press 5", "release 5"}},
		{"a finger too", func(k *hardKey) { k.TouchDown(touch); k.TouchUp(touch); k.Tapped(nil) }, []string{"press 5", "release 5"}},
		{"a finger that slips off lets go", func(k *hardKey) { k.TouchDown(touch); k.TouchCancel(touch) }, []string{"press 5", "release 5"}},
		{"a held key stays down", func(k *hardKey) { k.MouseIn(mouse); k.MouseDown(mouse); k.MouseMoved(mouse) }, []string{"press 5"}},
		{"a pointer that leaves lets go", func(k *hardKey) { k.MouseIn(mouse); k.MouseDown(mouse); k.MouseOut(); k.MouseUp(mouse) }, []string{"press 5", "release 5"}},
		{"after leaving, a tap counts again", func(k *hardKey) { k.MouseDown(mouse); k.MouseOut(); k.Tapped(nil) }, []string{"press 5", "release 5", "press 5", "release 5"}},
		{"the right button does nothing", func(k *hardKey) {
			k.MouseDown(&desktop.MouseEvent{Button: desktop.MouseButtonSecondary})
			k.MouseUp(mouse)
		}, nil},
		{"losing the focus lets go", func(k *hardKey) { k.FocusGained(); k.KeyDown(&fyne.KeyEvent{Name: fyne.KeySpace}); k.FocusLost() }, []string{"press 5", "release 5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := build(t, 1000, 720)
			c.do(r.key(view.Key5))
			r.did.want(t, c.want...)
		})
	}
}

func TestEveryPartHasNameRoleAndID(t *testing.T) {
	r := build(t, 1000, 720)
	for _, id := range []string{"key.0", "key.5", "key.*", "key.#", "key.call", "key.end", "key.delete", "key.home", "key.volume-up",
		"key.volume-down", "key.mute", "key.speaker", "key.headset", "hook", "hole", "turn", "phone"} {
		p, ok := r.Find(id).(interface {
			fyne.Accessible
			ID() string
		})
		if !ok || p.ID() != id || p.AccessibilityLabel() == "" || p.AccessibilityRole() == "" {
			t.Errorf("%s is %v", id, p)
		}
	}
	if r.Find("nothing") != nil {
		t.Error("found what is not there")
	}
	r.Name("turn", "Umdrehen")
	r.Name("hook", "Hörer")
	if r.turn.AccessibilityLabel() != "Umdrehen" || r.turn.small.Text != "Umdrehen" || r.receiver.AccessibilityLabel() != "Hörer" {
		t.Error("a part did not take its name")
	}
	r.Apply(view.View{On: true, Names: map[string]string{"turn": "Keren", "key.mute": "Dempen", "hole": "Resetgat", "back": "Terug"}})
	if r.turn.small.Text != "Keren" || r.key(view.KeyMute).AccessibilityLabel() != "Dempen" || r.hole.AccessibilityLabel() != "Resetgat" {
		t.Error("a part did not take the name of the view")
	}
	for name, font := range map[string]fyne.Resource{"裏返す": eastAsian, "뒤집기": eastAsian, "Turn over": nil} {
		if r.Name("turn", name); r.turn.small.FontSource != font {
			t.Errorf("%s is drawn in the font %v", name, r.turn.small.FontSource)
		}
	}
}

func TestLampsFollowTheViewAndGoOutWithThePower(t *testing.T) {
	r := build(t, 1000, 720)
	r.Apply(everything)
	lit := func() (n int) {
		for _, k := range r.keys {
			n += int(raisedBy(k.look.Lit))
		}
		return n
	}
	if lit() != 3 || r.lamp.name != "lamptrue" || !r.plugs.lan.Visible() || !r.plugs.power.Visible() {
		t.Errorf("%d lamps, message %s", lit(), r.lamp.name)
	}
	off := everything
	off.On = false
	r.Apply(off)
	if lit() != 0 || r.lamp.name != "lampfalse" || r.plugs.power.Visible() {
		t.Errorf("without power: %d lamps, message %s", lit(), r.lamp.name)
	}
	if len(r.panel.shown) != 2 {
		t.Errorf("the panel was shown %d views", len(r.panel.shown))
	}
}

func TestReceiverFollowsTheView(t *testing.T) {
	r, c := inWindow(t)
	test.TapCanvas(c, fyne.NewPos(224, 300))
	r.did.want(t, "lift")
	if r.receiver.up {
		t.Error("it moved before the phone knew")
	}
	r.Apply(view.View{Hook: true})
	if !r.receiver.up || r.receiver.raised != 1 || r.cord.name != "cord1" {
		t.Errorf("up %t, raised %v, %s", r.receiver.up, r.receiver.raised, r.cord.name)
	}
	test.TapCanvas(c, fyne.NewPos(60, 200)) // where it leans now
	r.did.want(t, "hang up")
	r.Apply(view.View{})
	test.TapCanvas(c, fyne.NewPos(60, 200)) // the bare desk
	r.did.want(t)
}

func TestPhoneTurnsOver(t *testing.T) {
	r, c := inWindow(t)
	test.TapCanvas(c, fyne.NewPos(50, 684))
	if !r.Turned() || r.front.Visible() || !r.back.Visible() {
		t.Fatal("the back is not shown")
	}
	test.TapCanvas(c, fyne.NewPos(570, 515)) // where a key was
	r.did.want(t)
	test.TapCanvas(c, fyne.NewPos(50, 684))
	if r.Turned() || !r.front.Visible() {
		t.Fatal("the front is not shown")
	}
}

func TestPaperClip(t *testing.T) {
	at := &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(22, 22)}, Button: desktop.MouseButtonPrimary}
	heldFor := func(left time.Duration) view.View {
		return view.View{On: true, Hole: view.Hole{Clip: true, Left: left, Of: 5 * time.Second}}
	}
	t.Run("the pointer is the clip, and letting go early takes it out", func(t *testing.T) {
		r := build(t, 1000, 720)
		r.Turn(true)
		o := r.hole
		if o.clip.Visible() || o.Cursor() != desktop.HiddenCursor {
			t.Error("a clip without a hand")
		}
		o.MouseIn(at)
		if !o.clip.Visible() {
			t.Error("no clip")
		}
		o.MouseDown(at)
		r.did.want(t, "poke")
		r.Apply(heldFor(2400 * time.Millisecond))
		if !o.ring.Visible() || o.seconds.Text != "3 s" || o.ring.EndAngle < 187 || o.ring.EndAngle > 188 {
			t.Errorf("ring %t to %v, %q", o.ring.Visible(), o.ring.EndAngle, o.seconds.Text)
		}
		o.MouseUp(at)
		r.did.want(t, "pull")
		r.Apply(view.View{})
		if o.ring.Visible() || o.seconds.Visible() || !r.Turned() {
			t.Error("something was done")
		}
	})
	t.Run("leaving takes it out", func(t *testing.T) {
		r := build(t, 1000, 720)
		r.Turn(true)
		r.hole.MouseIn(at)
		r.hole.MouseDown(at)
		r.hole.MouseOut()
		r.hole.MouseUp(at)
		r.did.want(t, "poke", "pull")
		if r.hole.clip.Visible() {
			t.Error("the clip stayed")
		}
	})
	t.Run("turning the phone takes it out", func(t *testing.T) {
		r := build(t, 1000, 720)
		r.Turn(true)
		r.hole.MouseDown(at)
		r.Turn(false)
		r.did.want(t, "poke", "pull")
	})
	t.Run("held long enough, the phone is turned to its screen on release", func(t *testing.T) {
		r := build(t, 1000, 720)
		r.Turn(true)
		r.hole.MouseDown(at)
		r.Apply(heldFor(time.Second))
		r.Apply(heldFor(0))
		if !r.Turned() {
			t.Error("turned under the hand")
		}
		if !r.hole.ring.Visible() || r.hole.ring.EndAngle != 360 || r.hole.seconds.Visible() {
			t.Error("it does not show that it was long enough")
		}
		r.hole.MouseUp(at)
		if r.Turned() {
			t.Error("the back is still shown")
		}
	})
	t.Run("a phone that loses its power meanwhile is not reset", func(t *testing.T) {
		r := build(t, 1000, 720)
		r.Turn(true)
		r.hole.MouseDown(at)
		r.Apply(heldFor(time.Second))
		r.Apply(view.View{})
		r.hole.MouseUp(at)
		if r.hole.ring.Visible() || !r.Turned() {
			t.Error("it looks as if it were")
		}
	})
	t.Run("by keyboard", func(t *testing.T) {
		r := build(t, 1000, 720)
		r.Turn(true)
		r.hole.FocusGained()
		r.hole.KeyDown(&fyne.KeyEvent{Name: fyne.KeySpace})
		r.hole.KeyDown(&fyne.KeyEvent{Name: fyne.KeySpace})
		r.hole.KeyUp(&fyne.KeyEvent{Name: fyne.KeySpace})
		r.did.want(t, "poke", "pull")
		r.hole.KeyDown(&fyne.KeyEvent{Name: fyne.KeyReturn})
		r.hole.FocusLost()
		r.did.want(t, "poke", "pull")
	})
}

func TestEverySizePaints(t *testing.T) {
	r := build(t, 1000, 720)
	r.Apply(everything)
	for _, s := range []fyne.Size{{Width: 0, Height: 0}, {Width: 1, Height: 1}, {Width: 560, Height: 404}, {Width: 700, Height: 900},
		{Width: 999, Height: 501}, {Width: 2000, Height: 1440}} {
		for _, back := range []bool{false, true} {
			r.Turn(back)
			r.canv.Resize(s)
			img := r.canv.Capture()
			if s.Width >= minWidth && blankPicture(img) {
				t.Errorf("%v is one colour", s)
			}
		}
	}
	if r.images.used > imageCacheBytes {
		t.Errorf("%d bytes of pictures are kept", r.images.used)
	}
	if m := r.MinSize(); m.Width > 560 {
		t.Errorf("cannot be smaller than %v", m)
	}
}

func blankPicture(m image.Image) bool {
	first := m.At(m.Bounds().Min.X, m.Bounds().Min.Y)
	for y := m.Bounds().Min.Y; y < m.Bounds().Max.Y; y += 7 {
		for x := m.Bounds().Min.X; x < m.Bounds().Max.X; x += 7 {
			if m.At(x, y) != first {
				return false
			}
		}
	}
	return true
}

func TestPicturesKeptAreBounded(t *testing.T) {
	var g imageCache
	for i := range 9 {
		g.image(string(rune('a'+i)), "", func() *image.RGBA { return image.NewRGBA(image.Rect(0, 0, 2000, 3000)) })
	}
	if g.used > imageCacheBytes || len(g.images) != 4 || g.images["i/"] == nil {
		t.Errorf("%d pictures of %d bytes", len(g.images), g.used)
	}
}

func TestResizingStretchesOldPicturesUntilItEnds(t *testing.T) {
	var g imageCache
	painted := 0
	get := func(size string, w int) int {
		return g.image("key", size, func() *image.RGBA { painted++; return image.NewRGBA(image.Rect(0, 0, w, 1)) }).Rect.Dx()
	}
	g.setStretching(true)
	if get("a", 1) != 1 || get("b", 2) != 1 || painted != 1 {
		t.Errorf("%d pictures were painted on the way", painted)
	}
	g.setStretching(false)
	if get("b", 2) != 2 {
		t.Error("the picture stayed rough")
	}
	r := build(t, 600, 432)
	r.canv.Resize(fyne.NewSize(700, 504))
	if r.images.stretching {
		t.Error("the phone stayed rough")
	}
}

// Fyne drops the renderers of what was hidden for a minute, and its software
// canvas does not lay new ones out.
func TestHiddenSideSurvivesNewRenderers(t *testing.T) {
	r := build(t, 1000, 720)
	r.Turn(true)
	before := r.hole.Size()
	for _, w := range []fyne.Widget{r.key(view.Key5), r.receiver, r.hole, r.desk, r.turn} {
		for _, o := range w.CreateRenderer().Objects() {
			if t, ok := o.(*canvas.Raster); ok && t.Size().IsZero() {
				before = fyne.Size{}
			}
		}
	}
	if before.IsZero() {
		t.Error("a new renderer draws nothing")
	}
}

func BenchmarkHandsetFrame(b *testing.B) {
	for _, size := range []fyne.Size{{Width: 640, Height: 461}, {Width: 1000, Height: 720}} {
		b.Run(fmt.Sprint(size.Width), func(b *testing.B) {
			r := build(b, size.Width, size.Height)
			r.Apply(everything)
			r.canv.Capture()
			for b.Loop() {
				r.canv.Capture()
			}
		})
	}
}

func mouseAt(x, y float32) *desktop.MouseEvent {
	return &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(x, y)}, Button: desktop.MouseButtonPrimary}
}
