//go:build !darwin || cgo

package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/screen"
)

// shoot calls screenshot and reads the picture.
func takeScreenshot(t *testing.T, args ...string) image.Image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shot.png")
	out, complaints, code := call(t, append([]string{"screenshot", "--out", file}, args...)...)
	if code != exitDone || complaints != "" || !strings.HasPrefix(out, file+": ") {
		t.Fatalf("%q: exit code %d, %q, %s", args, code, out, complaints)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// colours counts those of a picture, and tells whether it hides nothing; of a
// large one it looks at some pixels.
func colours(m image.Image) (n int, opaque bool) {
	seen := map[color.Color]bool{}
	opaque = true
	step := 1 + m.Bounds().Dx()/400
	for y := m.Bounds().Min.Y; y < m.Bounds().Max.Y; y += step {
		for x := m.Bounds().Min.X; x < m.Bounds().Max.X; x += step {
			c := m.At(x, y)
			seen[c] = true
			if _, _, _, a := c.RGBA(); a != 0xffff {
				opaque = false
			}
		}
	}
	return len(seen), opaque
}

// TestEveryPageIsDrawn: each demo gives a picture of its own, which is not blank.
func TestEveryPageIsDrawn(t *testing.T) {
	seen := map[string]string{}
	for _, s := range allScenes() {
		t.Run(s.name, func(t *testing.T) {
			m := takeScreenshot(t, "--demo", s.name, "--size", "240x180")
			if m.Bounds() != image.Rect(0, 0, 240, 180) {
				t.Errorf("size %v", m.Bounds())
			}
			n, opaque := colours(m)
			if least := 100; n < least && s.name != "off" || !opaque {
				t.Errorf("%d colours; opaque: %t", n, opaque)
			}
			var b bytes.Buffer
			png.Encode(&b, m)
			if other := seen[b.String()]; other != "" {
				t.Errorf("looks like %s", other)
			}
			seen[b.String()] = s.name
		})
	}
	for _, id := range screen.Pages() {
		if !slices.Contains(sceneNames(), id) {
			t.Errorf("page %s cannot be seen", id)
		}
	}
}

func TestPictureHasTheSizeThatWasAsked(t *testing.T) {
	for _, row := range []struct {
		args string
		w, h int
	}{
		{"--demo start", 640, 480},
		{"--demo start --scale 2 --size 640x480", 1280, 960},
		{"--demo start --size 320x240 --scale 2 --high-contrast", 640, 480},
		{"--demo start --whole", 1000, 720},
		{"--demo start --whole --size 300X216", 300, 216},
		{"--demo back --size 240x180 --scale 2", 480, 360},
	} {
		m := takeScreenshot(t, strings.Fields(row.args)...)
		if n, opaque := colours(m); m.Bounds() != image.Rect(0, 0, row.w, row.h) || n < 20 || !opaque {
			t.Errorf("%s: %v with %d colours; opaque: %t", row.args, m.Bounds(), n, opaque)
		}
	}
}

// TestPictureFollowsItsFlags: each flag changes what is drawn.
func TestPictureFollowsItsFlags(t *testing.T) {
	small := []string{"--demo", "start", "--size", "240x180"}
	plain := takeScreenshot(t, small...)
	for _, more := range []string{"--lang en-XA", "--high-contrast", "--today", "--whole"} {
		if n, m := 0, takeScreenshot(t, append(slices.Clone(small), strings.Fields(more)...)...); true {
			for y := range 180 {
				for x := range 240 {
					if m.At(x, y) != plain.At(x, y) {
						n++
					}
				}
			}
			if n < 100 {
				t.Errorf("%s changes %d pixels", more, n)
			}
		}
	}
}

func TestPictureGoesToStandardOutput(t *testing.T) {
	out, complaints, code := call(t, "screenshot", "--demo", "start", "--out", "-")
	m, err := png.Decode(strings.NewReader(out))
	if code != exitDone || complaints != "" || err != nil || m.Bounds().Dx() != panelWidth {
		t.Errorf("exit code %d, %s, %v", code, complaints, err)
	}
}

// TestEachSceneIsDescribed in words that a person knows.
func TestEachSceneIsDescribed(t *testing.T) {
	for _, s := range allScenes() {
		if strings.Contains(s.about, "page "+s.name) {
			t.Errorf("%s: %s", s.name, s.about)
		}
	}
}

func TestScreenshotRefusesWhatItCannotDo(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there.png")
	if err := os.WriteFile(there, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ args, says string }{
		{"", "--demo list"},
		{"--demo nonsense", "--demo list"},
		{"--demo home --lang tlh", "en-XA"},
		{"--demo home --lang ../en", "en-XA"},
		{"--demo home --scale 0", "1 to 8"},
		{"--demo home --scale -1", "1 to 8"},
		{"--demo home --scale 9", "1 to 8"},
		{"--demo home --size large", "640x480"},
		{"--demo home --size 640", "640x480"},
		{"--demo home --size 640x480x3", "640x480"},
		{"--demo home --size 0x0", "160"},
		{"--demo home --size -640x-480", "160"},
		{"--demo home --size 99999999999999999999x480", "640x480"},
		{"--demo home --size 4001x4001 --scale 2", "8000"},
		{"--demo home --out " + there, "--force"},
		{"--demo home --force --out " + dir, "exists"},
		{"--demo home --out " + filepath.Join(dir, "no", "such.png"), "no folder"},
		{"--demo home more", "no argument"},
	} {
		out, complaints, code := call(t, append([]string{"screenshot"}, strings.Fields(row.args)...)...)
		if code != exitUsage || out != "" || !strings.Contains(complaints, row.says) {
			t.Errorf("%q: exit code %d, %q, %s", row.args, code, out, complaints)
		}
	}
	if b, _ := os.ReadFile(there); string(b) != "precious" {
		t.Error("a file was replaced")
	}
	if _, complaints, code := call(t, "screenshot", "--demo", "off", "--force", "--out", there); code != exitDone {
		t.Error(complaints)
	}
	if b, _ := os.ReadFile(there); !bytes.HasPrefix(b, []byte("\x89PNG")) {
		t.Error("--force replaced nothing")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}
