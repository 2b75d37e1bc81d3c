//go:build desktoptest

package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ocphone/ocphone/device/lab"
)

// TestNoLineShowsAboveTheSoftKeys looks for a row of the home page that is lighter
// than the row above it: the ground of the page only becomes darker downwards.
// With the panel of the lab, the phone has 383 pixels less: 557 of 940.
func TestNoLineShowsAboveTheSoftKeys(t *testing.T) {
	world, err := lab.New(lab.ContosoToday())
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	file := filepath.Join(t.TempDir(), "lab.json")
	if err := world.WriteReady(file); err != nil {
		t.Fatal(err)
	}
	p := sit(t, "--lab", file)
	p.until("the lab's user stands in the form", func(s seen) bool { return s.value("address") == world.Ready().Users[0].SignIn })
	p.click("sign-in")
	p.until("the home page is shown", func(s seen) bool { return s.Phone.State == "ready" && s.View.Page.ID == "home" })
	for _, size := range [][2]int{{900, 648}, {557, 500}, {557, 520}, {938, 500}, {1200, 620}, {1280, 648}} {
		p.resize(size[0], size[1])
		img := p.picture(fmt.Sprintf("line-%dx%d", size[0], size[1]))
		page, bar := p.now.Places["page"], p.now.Places["nav"]
		x := page[0] + page[2]/80 // left of every control
		light := func(y int) uint32 { r, g, b, _ := img.At(x, y).RGBA(); return (r + g + b) >> 8 }
		for y := page[1] + 3; y < bar[1]; y++ {
			if light(y) > light(y-1)+3 {
				t.Errorf("at %v row %d is lighter than the row above it: %d and %d; the bar begins at %d", size, y, light(y), light(y-1), bar[1])
			}
		}
	}
	p.leave()
}
