//go:build desktoptest

package main

import (
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/lab"
)

// clipboard is what another program finds in the clipboard.
func (p *person) clipboard() string {
	p.t.Helper()
	c := exec.Command("xclip", "-out", "-selection", "clipboard")
	c.Env = append(os.Environ(), "DISPLAY="+p.display)
	out, err := c.CombinedOutput()
	if err != nil {
		p.t.Fatalf("xclip: %v\n%s", err, out)
	}
	return string(out)
}

// shows reports whether a control is seen.
func shows(id string) func(seen) bool { return func(s seen) bool { return s.Places[id][2] > 0 } }

// TestPanelFoldsAndIsKept folds the panel by key and button: the window keeps its
// size, and the next window is as this one was.
func TestPanelFoldsAndIsKept(t *testing.T) {
	t.Parallel()
	preferences := t.TempDir()
	p := sitAt(t, display(t), preferences)
	p.until("the panel is open", shows("lab.fold"))
	p.do("windowsize", p.id, "1200", "660")
	open := p.until("the window is 1200 wide", func(s seen) bool {
		return s.Places["phone"][2]+s.Places["lab.fold"][2] > 0 && s.Places["phone"][3] == 660
	}).Places
	p.key("F8")
	folded := p.until("the panel is folded", shows("lab.unfold")).Places
	if folded["phone"][2] <= open["phone"][2] || folded["phone"][3] != 660 || folded["lab.fold"][2] > 0 {
		t.Errorf("open %v, folded %v", open["phone"], folded["phone"])
	}
	p.picture("folded")
	p.click("lab.unfold")
	p.until("the panel is open again", func(s seen) bool { return s.Places["phone"] == open["phone"] && shows("lab.fold")(s) })
	p.click("lab.plug.inside") // a button of the panel has the keyboard
	p.key("F8")
	p.until("the panel is folded", shows("lab.unfold"))
	p.until("that is kept", func(seen) bool {
		kept, err := os.ReadFile(filepath.Join(preferences, "fyne", "io.github.ocphone.ocphone", "preferences.json"))
		return err == nil && strings.Contains(string(kept), `"lab.folded":true`) && strings.Contains(string(kept), `"lab.width":1200`)
	})
	p.leave()

	p = sitAt(t, display(t), preferences)
	again := p.until("the panel is folded from the start", shows("lab.unfold"))
	if again.Places["phone"] != folded["phone"] {
		t.Errorf("the phone is at %v, and was at %v", again.Places["phone"], folded["phone"])
	}
	p.leave()
}

// TestNarrowWindowKeepsThePhone: the panel folds by itself, and lies over the phone
// when it is opened.
func TestNarrowWindowKeepsThePhone(t *testing.T) {
	t.Parallel()
	p := sit(t)
	for _, size := range [][2]string{{"1280", "720"}, {"940", "500"}, {"600", "404"}} {
		p.do("windowsize", p.id, size[0], size[1])
		narrow := size[0] == "600"
		p.until("the window has its size", func(s seen) bool {
			return s.Places["phone"][3] > 0 && shows("lab.unfold")(s) == narrow && p.height(s) == size[1]
		})
		if n := p.now.Places["phone"][2]; n < 560 {
			t.Errorf("in a window of %v the phone is %d wide", size, n)
		}
		p.picture("window " + size[0] + "x" + size[1])
	}
	before := p.now.Places["phone"]
	p.click("lab.unfold")
	p.until("the panel lies over the phone", shows("lab.fold"))
	if p.now.Places["phone"] != before {
		t.Errorf("the phone was at %v, and is at %v", before, p.now.Places["phone"])
	}
	p.picture("panel over the phone")
	p.click("lab.fold")
	p.until("the panel is folded", shows("lab.unfold"))
	p.leave()
}

func (p *person) height(s seen) string {
	geometry := p.do("getwindowgeometry", "--shell", p.id)
	for line := range strings.Lines(geometry) {
		if h, ok := strings.CutPrefix(strings.TrimSpace(line), "HEIGHT="); ok && s.Places["phone"][3] > 0 {
			return h
		}
	}
	return ""
}

// TestBeginAgainAsks: No, Esc and Enter change nothing.
func TestBeginAgainAsks(t *testing.T) {
	t.Parallel()
	p := sit(t)
	p.click("lab.root.edge")
	p.until("the Edge's root is published", func(s seen) bool { return strings.Contains(s.Notice, "is published") })
	for _, leave := range []func(){func() { p.click("ask.no") }, func() { p.key("Escape") }, func() { p.key("Return") }} {
		p.click("lab.again")
		p.until("the window asks", func(s seen) bool { return s.Ask == "again" && shows("ask.yes")(s) })
		p.look()
		leave()
		p.until("the question is gone", func(s seen) bool { return s.Ask == "" })
		if strings.Contains(p.now.Notice, "start") {
			t.Fatalf("the panel says %q", p.now.Notice)
		}
	}
	p.click("lab.again")
	p.until("the window asks", func(s seen) bool { return s.Ask == "again" })
	p.picture("begin again")
	p.click("ask.yes")
	p.until("all is as at the start", func(s seen) bool { return strings.Contains(s.Notice, "at the start") && s.Ask == "" })
	p.leave()
}

// TestShellChangesTheLabInTheWindow runs `ocphone lab` with the ready file of the
// window, whose line the panel copies, and sees the change in the window.
func TestShellChangesTheLabInTheWindow(t *testing.T) {
	t.Parallel()
	ocphone := filepath.Join(t.TempDir(), "ocphone")
	build := exec.Command("go", "build", "-o", ocphone, "../ocphone")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := sit(t)
	file := p.until("the lab can be reached", func(s seen) bool { return s.Ready != "" }).Ready
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(ocphone, append(args, "--lab", file)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	if out := run("lab", "root", "list"); strings.Count(out, "not published") != 1 {
		t.Errorf("the roots are\n%s", out)
	}
	if out := run("lab", "root", "publish", lab.PublicRoot); strings.Contains(out, "not published") {
		t.Errorf("the roots are\n%s", out)
	}
	run("lab", "cert", "set", "exchange", "--defect", "self-signed")
	p.picture("changed by a shell")
	p.click("lab.root.edge")
	p.until("the button withdraws the root", func(s seen) bool { return strings.Contains(s.Notice, "is withdrawn") })
	if out := run("lab", "root", "list"); strings.Count(out, "not published") != 1 {
		t.Errorf("the roots are\n%s", out)
	}
	p.leave()
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the window is closed, and its ready file is left: %v", err)
	}
}

// TestCopiesPicturesAndKeys: the clipboard has what is copied, the picture is that of
// the window, F1 shows the keys.
func TestCopiesPicturesAndKeys(t *testing.T) {
	t.Parallel()
	p := sit(t, "--ready", filepath.Join(t.TempDir(), "lab.json"))
	p.click("lab.fill")
	p.until("the user is filled in", func(s seen) bool { return s.value("password") != "" })
	p.click("sign-in")
	p.until("the phone is ready", func(s seen) bool { return s.Phone.State == "ready" })
	p.dismiss()
	p.click("lab.copy.steps")
	p.until("the steps are copied", func(s seen) bool { return strings.HasPrefix(s.Notice, "Copied: ") })
	text := p.clipboard()
	if !strings.Contains(text, "  trust  ok\n    Asked: ") || strings.Contains(text, lab.DefaultPassword) {
		t.Errorf("the clipboard has\n%s", text)
	}
	p.click("lab.picture")
	p.until("the picture is saved", func(s seen) bool { return strings.HasPrefix(s.Notice, "Picture saved: ") })
	files, err := filepath.Glob(filepath.Join(p.dir, "ocphone-*.png"))
	if err != nil || len(files) != 1 {
		t.Fatalf("pictures: %q, %v", files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if n := painted(img, p.now.Places["panel"]); n < 50 || img.Bounds().Dx() != 1280 {
		t.Errorf("the picture is %v and the touchscreen has %d colours", img.Bounds(), n)
	}
	p.key("F1")
	p.until("the keys are shown", func(s seen) bool { return s.Ask == "keys" })
	p.picture("keys")
	p.key("Escape")
	p.until("the keys are gone", func(s seen) bool { return s.Ask == "" })
	p.pointAt("lab.root.edge")
	p.until("the button says what it does", shows("lab.tip"))
	p.picture("tip")
	p.leave()
	p.neverSaid(lab.DefaultPassword)
}
