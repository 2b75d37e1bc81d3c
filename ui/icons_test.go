//go:build !darwin || cgo

package ui

import (
	"image"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/screen/view"
)

// drawnIcon is an icon alone, side pixels wide.
func drawnIcon(i view.Icon, side int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	placedIcon{i, 0x14263d, rect{0, 0, float32(side), float32(side)}}.paint(m, 1, 1)
	return m
}

// inked is the part of a picture that is covered, from 0 to 1.
func inked(m *image.RGBA) float64 {
	sum := 0
	for i := 3; i < len(m.Pix); i += 4 {
		sum += int(m.Pix[i])
	}
	return float64(sum) / 255 / float64(len(m.Pix)/4)
}

func TestEveryNamedIconHasAFile(t *testing.T) {
	source, err := os.ReadFile("../device/screen/view/view.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`Icon = "([a-z-]+)"|Icon\w+\s+= "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(names) < 30 {
		t.Fatalf("only %d icons found", len(names))
	}
	for _, n := range names {
		if i := view.Icon(n[1] + n[2]); inked(drawnIcon(i, 24)) == 0 {
			t.Errorf("nothing is drawn of %q", i)
		}
	}
}

// TestIconsScaleWithTheirStrokes: an icon covers the same part of its square at
// every size, since its strokes grow as its surfaces do.
func TestIconsScaleWithTheirStrokes(t *testing.T) {
	files, err := filepath.Glob("icons/*.svg")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d icons, %v", len(files), err)
	}
	for _, f := range files {
		i := view.Icon(strings.TrimSuffix(filepath.Base(f), ".svg"))
		want := inked(drawnIcon(i, 24))
		if want < .04 {
			t.Errorf("%s covers %.3f of its square", i, want)
		}
		for _, side := range []int{48, 96, 192} {
			if got := inked(drawnIcon(i, side)); math.Abs(got/want-1) > .03 {
				t.Errorf("%s covers %.3f of its square at %d pixels, %.3f at 24", i, got, side, want)
			}
		}
	}
}

func TestTheGearIsWhole(t *testing.T) {
	const middle, hole = 12.1, 3.4 // of the 24 units of the file
	for _, side := range []int{24, 48, 96} {
		m, k := drawnIcon(view.IconSettings, side), float64(side)/24
		for y := range side {
			for x := range side {
				far := math.Hypot(float64(x)+.5-middle*k, float64(y)+.5-middle*k) / k
				switch a := m.RGBAAt(x, y).A; {
				case far < hole-.9 && a != 0:
					t.Fatalf("at %d pixels the hole has ink %d at %d,%d", side, a, x, y)
				case far > hole+1.1 && far < 6.2 && a != 255:
					t.Fatalf("at %d pixels the ring has ink %d at %d,%d", side, a, x, y)
				}
			}
		}
	}
}
