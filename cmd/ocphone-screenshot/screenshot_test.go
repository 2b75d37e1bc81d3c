//go:build !darwin || cgo

package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
	"github.com/spf13/pflag"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/cmd/ocphone/screenshot"
	"github.com/ocphone/ocphone/device/screen"
)

func TestMain(m *testing.M) {
	code := m.Run()
	regexp2.StopTimeoutClock()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// takeScreenshot draws with args and reads the picture.
func takeScreenshot(t *testing.T, args ...string) image.Image {
	t.Helper()
	file := filepath.Join(t.TempDir(), "shot.png")
	out, err := run(t, append([]string{"--out", file}, args...)...)
	if err != nil || !strings.HasPrefix(out, file+": ") {
		t.Fatalf("%q: %q, %v", args, out, err)
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

// run draws in this process; args are the flags.
func run(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	var o screenshot.Options
	s := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddFlags(s)
	if err := s.Parse(args); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = screenshot.Run(t.Context(), o, &b, drawHandset)
	return b.String(), err
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
	for _, s := range screenshot.Scenes() {
		t.Run(s.Name, func(t *testing.T) {
			m := takeScreenshot(t, "--demo", s.Name, "--size", "240x180")
			if m.Bounds() != image.Rect(0, 0, 240, 180) {
				t.Errorf("size %v", m.Bounds())
			}
			n, opaque := colours(m)
			if least := 100; n < least && s.Name != "off" || !opaque {
				t.Errorf("%d colours; opaque: %t", n, opaque)
			}
			var b bytes.Buffer
			png.Encode(&b, m)
			if other := seen[b.String()]; other != "" {
				t.Errorf("looks like %s", other)
			}
			seen[b.String()] = s.Name
		})
	}
	for _, id := range screen.Pages() {
		if !slices.ContainsFunc(screenshot.Scenes(), func(s screenshot.Scene) bool { return s.Name == id }) {
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
	out, err := run(t, "--demo", "start", "--out", "-")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := png.Decode(strings.NewReader(out)); err != nil || m.Bounds() != image.Rect(0, 0, 640, 480) {
		t.Error(err)
	}
}

// TestOcphoneStartsIt: the two programs, as they are installed beside each other.
func TestOcphoneStartsIt(t *testing.T) {
	dir := t.TempDir()
	for _, program := range []string{"ocphone", "ocphone-screenshot"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "../"+program)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	call := exec.CommandContext(t.Context(), filepath.Join(dir, "ocphone"), "screenshot", "--demo", "start", "--whole",
		"--size=300x216", "-o", "-")
	call.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PATH=") })
	var complaints bytes.Buffer
	call.Stderr = &complaints
	out, err := call.Output()
	m, broken := png.Decode(bytes.NewReader(out))
	if err != nil || broken != nil || complaints.Len() > 0 || m.Bounds() != image.Rect(0, 0, 300, 216) {
		t.Fatalf("%v, %v, %s", err, broken, &complaints)
	}
	if n, _ := colours(m); n < 20 {
		t.Errorf("%d colours", n)
	}
}
