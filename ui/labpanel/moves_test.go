//go:build !darwin || cgo

package labpanel

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"github.com/ocphone/ocphone/device/journal"
)

// visible reports whether o is below root and not hidden.
func visible(root, o fyne.CanvasObject) bool {
	found := false
	each(root, fyne.NewPos(0, 0), func(x fyne.CanvasObject, _ fyne.Position) { found = found || x == o })
	return found
}

// each calls do with each visible object and its position.
func each(o fyne.CanvasObject, at fyne.Position, do func(fyne.CanvasObject, fyne.Position)) {
	if !o.Visible() {
		return
	}
	at = at.Add(o.Position())
	do(o, at)
	var parts []fyne.CanvasObject
	switch o := o.(type) {
	case *fyne.Container:
		parts = o.Objects
	case fyne.Widget:
		parts = test.WidgetRenderer(o).Objects()
	}
	for _, p := range parts {
		each(p, at, do)
	}
}

// places are the places and sizes of the visible widgets that a person presses, by ID.
func places(p *Panel) map[string][4]float32 {
	all := map[string][4]float32{}
	each(p.Object(), fyne.NewPos(0, 0), func(o fyne.CanvasObject, at fyne.Position) {
		_, presses := o.(fyne.Tappable)
		if named, ok := o.(interface{ ID() string }); ok && presses && named.ID() != "" {
			all[named.ID()] = [4]float32{at.X, at.Y, o.Size().Width, o.Size().Height}
		}
	})
	return all
}

// TestNothingMovesUnderThePointer shows every state of the story, changes and
// notices: each widget that can be pressed keeps its place and size.
func TestNothingMovesUnderThePointer(t *testing.T) {
	p, _, c := newPanel(t)
	for tab := range p.upper.Items {
		for _, width := range []float32{MinWidth, Width} {
			c.Resize(fyne.NewSize(width, 648))
			p.upper.SelectIndex(tab)
			p.Show(fresh())
			p.ShowDone("")
			c.Capture()
			first := places(p)
			if n := len(first); n < 12 {
				t.Fatalf("tab %d: %d widgets", tab, n)
			}
			same := func(after string) {
				t.Helper()
				for _, more := range []float32{1, 0} { // lays out all that it holds
					c.Resize(fyne.NewSize(width+more, 648+more))
				}
				for id, at := range places(p) {
					if at != first[id] {
						t.Errorf("tab %d, width %v: after %s %s has moved from %v to %v", tab, width, after, id, first[id], at)
					}
				}
			}
			for done, press := range []string{"fill", "root.edge", "", "plug.outside", "again"} {
				for _, hint := range []string{"Short.", strings.Repeat("A longer hint ", 12)} {
					f := signedInInside()
					f.Story, f.Next, f.Press, f.SignedIn = theStory(done), hint, press, press == ""
					p.Show(f)
					same(fmt.Sprintf("act %d, %q, %s", done, hint, press))
				}
			}
			f := bothRoots()
			f.Place, f.PoolPublished, f.Failure = Unplugged, false, "It failed"
			f.Certificates = map[string]string{ExchangeServer: SelfSigned}
			p.Show(f)
			same("everything else")
			p.ShowProblem(strings.Repeat("trouble ", 30))
			same("a problem")
			p.ShowDone(strings.Repeat("done ", 5))
			p.Add(step(1, journal.Failed), step(2, journal.OK))
			same("steps")
		}
	}
}

// TestRowsHaveTheSameMargins checks the rows with buttons at the right.
func TestRowsHaveTheSameMargins(t *testing.T) {
	p, _, c := newPanel(t)
	for _, width := range []float32{MinWidth, Width} {
		c.Resize(fyne.NewSize(width, 900))
		p.Show(fresh())
		c.Capture()
		at := places(p)
		left := at["lab.fill"][0]
		for _, id := range []string{"lab.again", "lab.plug.none", "lab.root.pool", "lab.root.edge", "lab.exchange"} {
			if right := width - at[id][0] - at[id][2]; math.Abs(float64(right-left)) > 1 {
				t.Errorf("width %v: %s has the margin %v at the right, and %v is at the left", width, id, right, left)
			}
			if strings.HasPrefix(id, "lab.root") && at[id][2] != at["lab.exchange"][2] {
				t.Errorf("%s is %v wide, and others are %v", id, at[id][2], at["lab.exchange"][2])
			}
		}
	}
}

func TestPrimaryButtonIsTheOneOfTheAct(t *testing.T) {
	p, _, _ := newPanel(t)
	for _, f := range []Facts{fresh(), signedInInside(), {Press: "plug.outside"}, {Press: "again"}, {Press: "root.pool"}, {}} {
		p.Show(f)
		for id, o := range p.named {
			if b, ok := o.(*button); ok && (b.Importance == widget.HighImportance) != (id == f.Press) {
				t.Errorf("to press: %q; %s has importance %v", f.Press, id, b.Importance)
			}
		}
	}
	p.Show(signedInInside())
	if !p.Find("fill").(*button).Disabled() {
		t.Error("the form of a phone that is signed in can be filled in")
	}
}

func TestChangesGoToTheChosenUserAndServer(t *testing.T) {
	p, lab, _ := newPanel(t)
	f := fresh()
	f.Accounts = map[string]string{"tu": "good", "kerry": "locked"}
	f.Faults, f.Certificates = map[string]string{"dns": "refused"}, map[string]string{"pool": "expired"}
	p.Show(f)
	if len(*lab) > 0 {
		t.Errorf("showing facts changes the lab: %q", *lab)
	}
	if p.account.Selected != "can sign in" || p.fault.Selected != noFault || p.cert.Selected != "expired" {
		t.Errorf("tu %q, pool %q %q", p.account.Selected, p.fault.Selected, p.cert.Selected)
	}
	p.user.SetSelected("kerry")
	p.server.SetSelected("DNS")
	if p.account.Selected != "locked out" || p.fault.Selected != "It answers REFUSED" || !p.cert.Disabled() {
		t.Errorf("kerry %q, DNS %q, certificate disabled: %t", p.account.Selected, p.fault.Selected, p.cert.Disabled())
	}
	p.account.SetSelected("can sign in")
	p.fault.SetSelected(noFault)
	p.server.SetSelected("Exchange")
	p.cert.SetSelected("expired")
	p.day.SetText("2027-02-28")
	test.Tap(p.Find("pass.to").(fyne.Tappable))
	want := pressed{"account kerry good", `fault dns ""`, `certificate exchange "expired"`, "pass to 2027-02-28"}
	if !slices.Equal(*lab, want) {
		t.Errorf("%q, want %q", *lab, want)
	}
	if p.today.Text != "2026-11-30" {
		t.Errorf("the day is %q", p.today.Text)
	}
}

func TestStepsFailureAndRootsAreCopied(t *testing.T) {
	p, lab, _ := newPanel(t)
	f := bothRoots()
	f.Failure = "It failed\nCode: cert.untrusted\n"
	p.Show(f)
	p.Add(step(1, journal.OK), step(2, journal.Failed))
	tap := func(id string, want ...string) {
		t.Helper()
		*lab = nil
		test.Tap(p.Find(id).(fyne.Tappable))
		if len(*lab) != 1 {
			t.Fatalf("%s: %q", id, *lab)
		}
		for _, w := range want {
			if !strings.Contains((*lab)[0], w) {
				t.Errorf("%s: %q has no %q", id, *lab, w)
			}
		}
	}
	tap("copy.steps", "copy 2 steps: 12:00:01  trust  ok\n    Asked: pool.contoso.com:5061", "To change: Publish the root.\n")
	tap("copy.failure", "copy the failure: "+f.Failure)
	tap("copy.roots", "copy 3 roots: CN=Contoso Root CA\n    AD\n", "CN=Factory")
	p.list.List.Select(1)
	tap("copy.steps", "copy the chosen step: 12:00:02  trust  failed")
	if strings.Contains((*lab)[0], "12:00:01") {
		t.Errorf("the other step is copied too: %q", *lab)
	}
	tap("copy.steps", "copy 2 steps: ")
	p.Show(fresh())
	if !p.Find("copy.failure").(*button).Disabled() {
		t.Error("a failure that is none can be copied")
	}
}

func TestTipSaysWhatAButtonDoes(t *testing.T) {
	p, _, c := newPanel(t)
	p.Show(fresh())
	c.Capture()
	for id, o := range p.named {
		b, ok := o.(*button)
		if !ok {
			continue
		}
		b.MouseIn(&desktop.MouseEvent{})
		if !p.tip.box.Visible() || p.tip.text.Text != b.tip || b.tip == "" {
			t.Errorf("%s: tip %q, visible %t, want %q", id, p.tip.text.Text, p.tip.box.Visible(), b.tip)
		}
		if at, size := p.tip.box.Position(), p.tip.box.Size(); at.X < 0 || at.Y < 0 || at.X+size.Width > Width || at.Y+size.Height > 720 {
			t.Errorf("%s: the tip is at %v, %v large", id, at, size)
		}
		b.MouseOut()
		if p.tip.box.Visible() {
			t.Errorf("%s: the tip stays", id)
		}
	}
}

func TestKeysOfAButtonReachTheWindow(t *testing.T) {
	p, lab, _ := newPanel(t)
	var keys []fyne.KeyName
	p.OnKey(func(k fyne.KeyName) { keys = append(keys, k) })
	b := p.Find("picture").(*button)
	for _, k := range []fyne.KeyName{fyne.KeyF8, fyne.KeyReturn, fyne.KeySpace, fyne.KeyF1} {
		b.TypedKey(&fyne.KeyEvent{Name: k})
	}
	for _, id := range []string{"server", "day", "failed", "steps"} {
		before := len(keys)
		p.Find(id).(fyne.Focusable).TypedKey(&fyne.KeyEvent{Name: fyne.KeyF12})
		p.Find(id).(fyne.Focusable).TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
		if got := keys[before:]; !slices.Equal(got, []fyne.KeyName{fyne.KeyF12}) {
			t.Errorf("%s: the window gets the keys %q", id, got)
		}
	}
	keys = keys[:2]
	if !slices.Equal(keys, []fyne.KeyName{fyne.KeyF8, fyne.KeyF1}) || !slices.Equal(*lab, pressed{"picture", "picture"}) {
		t.Errorf("keys %q, pressed %q", keys, *lab)
	}
}

// TestPanelFitsALowWindow: its upper part scrolls, and the lists keep their least
// height.
func TestPanelFitsALowWindow(t *testing.T) {
	p, _, c := newPanel(t)
	for _, high := range []float32{404, 500, 720} {
		c.Resize(fyne.NewSize(MinWidth, high))
		p.Show(fresh())
		c.Capture()
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject(p.tabs)
		if got := p.tabs.Size().Height; got < minLists || at.Y+got > high+1 {
			t.Errorf("window %v high: the lists are %v high at %v", high, got, at.Y)
		}
	}
	if got := p.Object().MinSize(); got.Width > MinWidth || got.Height > 404 {
		t.Errorf("the panel needs %v", got)
	}
}
