package main

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/cmd/ocphone/screenshot"
	"github.com/ocphone/ocphone/device/screen/view"
)

// drawBlack stands for the drawing of ocphone-screenshot in the tests here;
// cmd/ocphone-screenshot tests what is drawn.
func drawBlack(_ view.View, p screenshot.Picture) image.Image {
	return image.NewGray(image.Rect(0, 0, p.Width, p.Height))
}

// TestScreenshotNeedsItsProgram: without it the complaint says how to get it.
func TestScreenshotNeedsItsProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	out, complaints, code := call(t, "screenshot", "--demo", "off", "--out", filepath.Join(t.TempDir(), "off.png"))
	if code != exitPerson || out != "" || !strings.Contains(complaints, "go install ./cmd/ocphone-screenshot") {
		t.Errorf("exit code %d, %q, %s", code, out, complaints)
	}
	for _, args := range [][]string{{"--demo", "list"}, {"--help"}} { // need it not
		if _, complaints, code := call(t, append([]string{"screenshot"}, args...)...); code != exitDone {
			t.Errorf("%s: exit code %d, %s", args, code, complaints)
		}
	}
}

// TestEachSceneIsDescribed in words that a person knows.
func TestEachSceneIsDescribed(t *testing.T) {
	for _, s := range screenshot.Scenes() {
		if strings.Contains(s.About, "page "+s.Name) {
			t.Errorf("%s: %s", s.Name, s.About)
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
