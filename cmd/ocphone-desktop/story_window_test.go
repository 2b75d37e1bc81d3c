//go:build desktoptest

package main

import (
	"path/filepath"
	"testing"

	"github.com/ocphone/ocphone/device/lab"
)

// TestNewcomerPlaysTheStory plays the four acts of the card with mouse and
// keyboard: the first sign-in on the phone's own keyboard and the computer's,
// the second with the user filled in.
func TestNewcomerPlaysTheStory(t *testing.T) {
	t.Parallel()
	p := sit(t)
	world := lab.Contoso().Users[0]
	p.until("the form waits", func(s seen) bool { return s.View.Page.ID == "signin" })
	img := p.picture("signin")
	if n := painted(img, p.now.Places["panel"]); n < 100 {
		t.Errorf("the touchscreen has %d colours", n)
	}

	// 1. Inside, by hand.
	for _, letter := range world.Name { // on the touchscreen
		p.click("keyboard." + string(letter))
	}
	p.until("the name is typed", func(s seen) bool { return s.value("address") == world.Name })
	p.write("@contoso.com")
	p.until("the address is typed", func(s seen) bool { return s.value("address") == world.Name+"@contoso.com" })
	p.key("Tab")
	p.until("the user has the focus", func(s seen) bool { return s.View.Page.Focus == "user" })
	p.write(`CONTOSO\` + world.Name)
	p.click("password")
	p.until("the password has the focus", func(s seen) bool { return s.View.Page.Focus == "password" })
	p.write(lab.DefaultPassword)
	p.until("the password is typed", func(s seen) bool { return len([]rune(s.value("password"))) == len(lab.DefaultPassword) })
	p.key("Return")
	p.until("the phone is ready", func(s seen) bool { return s.acts() == 1 && s.View.Page.ID == "home" })
	if p.now.Phone.Fetched != 1 || p.now.Phone.Remote {
		t.Errorf("inside: %+v", p.now.Phone)
	}
	p.dismiss()
	p.picture("home")

	// 2. The Edge's root is published, and the phone taken home.
	p.click("lab.root.edge")
	p.click("lab.plug.outside")
	p.until("the phone is refused", func(s seen) bool { return s.acts() == 2 })
	if p.now.Phone.Code != "cert.untrusted" || p.now.Phone.Fetched != 1 {
		t.Errorf("outside: %+v", p.now.Phone)
	}
	p.until("the touchscreen says so", func(s seen) bool { return s.View.Page.ID == "failure" })
	p.picture("failure")

	// 3. The paper clip: once too short, once long enough.
	p.click("turn")
	p.until("the back is shown", func(s seen) bool { return s.Turned && s.Places["hole"][2] > 0 })
	p.pointAt("hole")
	p.do("mousedown", "1")
	p.until("the clip is in", func(s seen) bool { return s.View.Hole.Clip && s.View.Hole.Left < s.View.Hole.Of })
	p.do("mouseup", "1")
	p.until("the clip is out", func(s seen) bool { return !s.View.Hole.Clip })
	if p.now.Phone.Fetched != 1 || p.now.acts() != 2 {
		t.Errorf("a short push took something away: %+v", p.now.Phone)
	}
	p.do("mousedown", "1")
	p.until("the ring is half full", func(s seen) bool { return s.View.Hole.Clip && s.View.Hole.Left < s.View.Hole.Of/2 })
	p.picture("paperclip")
	p.until("the roots are gone", func(s seen) bool { return s.acts() == 3 })
	p.do("mouseup", "1")
	if p.now.Phone.Fetched != 0 || p.now.Phone.Roots == 0 {
		t.Errorf("after the paper clip: %+v", p.now.Phone)
	}
	p.until("the front tells what went and what stayed", func(s seen) bool {
		return !s.Turned && s.View.Page.ID == "reset" && s.View.Page.List != nil && len(s.View.Page.List.Rows) > 2
	})
	p.picture("reset")
	p.click("continue")

	// 4. Inside once, then outside.
	p.click("lab.plug.inside")
	p.until("the form waits inside", func(s seen) bool { return s.View.Page.ID == "signin" && s.Phone.Place == "inside" })
	p.click("lab.fill")
	p.until("the user is filled in", func(s seen) bool { return s.value("password") != "" })
	p.click("sign-in")
	p.until("both roots are there", func(s seen) bool { return s.Phone.State == "ready" && s.Phone.Fetched == 2 })
	p.click("lab.plug.outside")
	p.until("the story is over", func(s seen) bool { return s.acts() == 4 && s.View.Page.ID == "home" })
	if !p.now.Phone.Remote {
		t.Errorf("outside: %+v", p.now.Phone)
	}
	p.dismiss()
	p.picture("outside")
	p.leave()
	p.neverSaid(lab.DefaultPassword)
}

// dismiss closes what the phone tells in dialogs.
func (p *person) dismiss() {
	for range 5 {
		if p.now.View.Dialog == nil {
			return
		}
		id := p.now.View.Dialog.ID
		p.key("Return")
		p.until("the dialog is gone", func(s seen) bool { return s.View.Dialog == nil || s.View.Dialog.ID != id })
	}
}

// TestBareHandsetTakesLeave signs in at a lab of another process, and unregisters
// when the window is closed.
func TestBareHandsetTakesLeave(t *testing.T) {
	t.Parallel()
	world, err := lab.New(lab.ContosoToday())
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	file := filepath.Join(t.TempDir(), "lab.json")
	if err := world.WriteReady(file); err != nil {
		t.Fatal(err)
	}
	p := sit(t, "--lab", file, "--high-contrast", "--lang", "en-XA")
	p.until("the lab's user stands in the form", func(s seen) bool { return s.value("address") == world.Ready().Users[0].SignIn })
	p.click("sign-in")
	p.until("the phone is ready", func(s seen) bool { return s.Phone.State == "ready" })
	if len(p.now.Story) > 0 {
		t.Error("the bare handset has a side panel")
	}
	if n := len(world.Pool.Registrations()); n != 1 {
		t.Fatalf("the pool knows %d phones that are signed in", n)
	}
	p.leave()
	if n := len(world.Pool.Registrations()); n != 0 {
		t.Errorf("the window is closed, and the pool knows %d phones still", n)
	}
}

// TestWindowOfEverySizeShowsThePhone makes the window small and large.
func TestWindowOfEverySizeShowsThePhone(t *testing.T) {
	t.Parallel()
	p := sit(t, "--no-panel")
	for _, size := range [][2]int{{560, 404}, {2000, 1440}, {700, 1000}, {1000, 720}} {
		p.resize(size[0], size[1])
		if n := painted(p.picture("size"), p.now.Places["panel"]); n < 50 {
			t.Errorf("at %v the touchscreen has %d colours", size, n)
		}
	}
	p.leave()
}

// TestWindowClosesDuringASignIn ends the program while the phone is at it.
func TestWindowClosesDuringASignIn(t *testing.T) {
	t.Parallel()
	p := sit(t)
	p.click("lab.fill")
	p.until("the user is filled in", func(s seen) bool { return s.value("password") != "" })
	p.click("sign-in")
	p.leave()
}
