//go:build !darwin || cgo

package ui

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/screen/view"
)

// focusPhone is an Input that moves the focus of one View as device/screen does, and
// logs the rest.
type focusPhone struct {
	inputLog
	handset *Handset
	view    view.View
}

func (p *focusPhone) Press(k view.Key) {
	top := p.view.Top()
	by, moves := map[view.Key]int{view.KeyTab: 1, view.KeyDown: 1, view.KeyRight: 1, view.KeyBackTab: -1, view.KeyUp: -1, view.KeyLeft: -1}[k]
	if !moves {
		p.inputLog.Press(k)
		return
	}
	if id, _ := top.Next(by, k == view.KeyTab || k == view.KeyBackTab); id != "" {
		top.Focus = id
		if c, _ := top.Find(id); c.Role != view.Field && c.Role != view.Secret {
			top.Keyboard = view.NoKeyboard // as the presenter does: the soft keys come back
		}
		p.handset.Apply(p.view)
	}
}

// inLabWindow is a phone that shows a page, beside a button of a lab panel.
func inLabWindow(t *testing.T, v view.View) (*focusPhone, *rig, *widget.Button, fyne.Canvas) {
	t.Helper()
	if v.Dialog != nil {
		over := *v.Dialog
		v.Dialog = &over
	}
	phone := &focusPhone{view: v}
	phone.handset = NewHandset(phone)
	button := widget.NewButton("Publish", nil)
	w := test.NewTempWindow(t, container.NewBorder(nil, nil, nil, button, phone.handset))
	w.Resize(fyne.NewSize(1100, 720))
	phone.handset.BindKeyboard(w.Canvas())
	phone.handset.Apply(phone.view)
	return phone, &rig{Handset: phone.handset, did: &phone.inputLog}, button, w.Canvas()
}

// rings are what is drawn with a ring.
func rings(h *Handset, button *widget.Button, c fyne.Canvas) (out []string) {
	t := h.panel.(*touchPanel)
	for _, k := range append(t.page.controls(), t.over.controls()...) {
		if k.placed.focus && !h.turned {
			out = append(out, "panel "+k.placed.ID)
		}
	}
	for _, k := range append([]*hardKey{h.turn}, sortedKeys(h)...) {
		if k.look.Focus {
			out = append(out, "body "+k.id)
		}
	}
	if h.receiver.focus {
		out = append(out, "body hook")
	}
	if h.hole.focus {
		out = append(out, "body hole")
	}
	if c.Focused() == fyne.Focusable(button) {
		out = append(out, "lab button")
	}
	return out
}

func sortedKeys(h *Handset) (keys []*hardKey) {
	for _, k := range h.keys {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *hardKey) int { return strings.Compare(a.id, b.id) })
	return keys
}

func TestTabReachesEverythingAndOneRingIsDrawn(t *testing.T) {
	test.NewTempApp(t)
	for name, v := range pages(t) {
		if !v.On {
			continue
		}
		t.Run(name, func(t *testing.T) {
			phone, r, button, c := inLabWindow(t, v)
			seen := map[string]bool{}
			for _, back := range []bool{false, true} {
				clear(seen)
				for range 80 {
					r.hitTab(c, back)
					all := rings(r.Handset, button, c)
					if len(all) != 1 {
						t.Fatalf("Tab (back %v) draws the rings %q", back, all)
					}
					seen[all[0]] = true
				}
				want := []string{"lab button", "body turn", "body hook", "body key.5", "body key.mute"}
				for _, id := range tabStops(phone.view.Top()) {
					want = append(want, "panel "+id)
				}
				for _, id := range want {
					if !seen[id] {
						t.Errorf("Tab (back %v) never came to %s, but to %d others", back, id, len(seen))
					}
				}
			}
		})
	}
}

// tabStops are the controls that Tab comes to: of a list, one row.
func tabStops(p *view.Page) (ids []string) {
	q := *p
	q.Focus = ""
	for around := false; ; {
		var id string
		if id, around = q.Next(1, true); around {
			return ids
		}
		if p.List == nil || !strings.HasPrefix(id, p.List.ID) {
			ids = append(ids, id)
		}
		q.Focus = id
	}
}

func TestWhatHasTheRingIsPressed(t *testing.T) {
	test.NewTempApp(t)
	random := rand.New(rand.NewPCG(1, 2))
	for name, v := range pages(t) {
		if !v.On {
			continue
		}
		t.Run(name, func(t *testing.T) {
			phone, r, button, c := inLabWindow(t, v)
			did := ""
			for i := range 150 {
				switch random.IntN(8) {
				case 0, 1, 2:
					r.hitTab(c, random.IntN(3) == 0)
					did += " tab"
				case 3, 4, 5:
					if k, ok := c.Focused().(interface {
						KeyDown(*fyne.KeyEvent)
						KeyUp(*fyne.KeyEvent)
						TypedKey(*fyne.KeyEvent)
						TypedRune(rune)
					}); ok {
						arrow := []fyne.KeyName{fyne.KeyUp, fyne.KeyDown, fyne.KeyLeft, fyne.KeyRight}[random.IntN(4)]
						play(k, hit(arrow, 0))
						did += " " + string(arrow)
					}
				case 6:
					r.key(view.Key5).MouseDown(mouseAt(10, 10))
					r.key(view.Key5).MouseUp(mouseAt(10, 10))
					did += " click"
				case 7:
					r.Turn(!r.Turned())
					did += " turn"
				}
				all := rings(r.Handset, button, c)
				if len(all) > 1 {
					t.Fatalf("after%s the rings are %q", did, all)
				}
				if i%5 != 0 || len(all) == 0 || strings.HasPrefix(all[0], "lab") {
					continue
				}
				phone.log = nil
				k := c.Focused().(interface {
					KeyDown(*fyne.KeyEvent)
					KeyUp(*fyne.KeyEvent)
					TypedKey(*fyne.KeyEvent)
					TypedRune(rune)
				})
				turned := r.Turned()
				play(k, hit(fyne.KeyReturn, 0))
				want := "press enter"
				if id, body := strings.CutPrefix(all[0], "body "); body {
					want = map[string]string{"hook": word(!r.view.Hook, "lift", "hang up"), "hole": "poke", "turn": ""}[id]
					if key, ok := strings.CutPrefix(id, "key."); ok {
						want = "press " + key
					}
					if id == "turn" && r.Turned() == turned {
						t.Errorf("the ring is on the turn key, and Enter did not turn the phone")
					}
				}
				if got := fmt.Sprint(phone.log); want != "" && !strings.HasPrefix(got, "["+want) {
					t.Errorf("after%s the ring is on %s, and Enter did %s", did, all[0], got)
				}
			}
		})
	}
}

func TestArrowsMoveAmongTheKeys(t *testing.T) {
	r, c := inWindow(t)
	c.Focus(r.key(view.Key5))
	for _, row := range []struct {
		arrow fyne.KeyName
		to    view.Key
	}{{fyne.KeyRight, view.Key6}, {fyne.KeyDown, view.Key9}, {fyne.KeyLeft, view.Key8}, {fyne.KeyUp, view.Key5}, {fyne.KeyLeft, view.Key4}} {
		play(c.Focused().(*hardKey), hit(row.arrow, 0))
		if c.Focused() != fyne.Focusable(r.key(row.to)) {
			t.Fatalf("%s leads to %v, not to %s", row.arrow, c.Focused().(*hardKey).id, row.to)
		}
	}
	r.did.want(t)
}

func TestSpacePressesTheControlWithTheRing(t *testing.T) {
	r, _ := inWindow(t)
	button := form
	button.Page.Focus = "next"
	r.Apply(button)
	play(r.desk, hit(fyne.KeySpace, ' '))
	r.did.want(t, "press enter", "release enter")
}
