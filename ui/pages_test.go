//go:build !darwin || cgo

package ui

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
	"golang.org/x/image/font/sfnt"

	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

// pages are the Views that device/screen keeps in its testdata: every page, in
// every state, of a phone of which everything is known.
func pages(t *testing.T) map[string]view.View {
	t.Helper()
	files, err := filepath.Glob("../device/screen/testdata/pages/*.json")
	if err != nil || len(files) < len(screen.Pages()) {
		t.Fatalf("%d pages in testdata, %v", len(files), err)
	}
	all := map[string]view.View{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var in struct {
			view.View
			Rows []view.Control
		}
		if err := json.Unmarshal(b, &in); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if in.Page.List != nil {
			in.Page.List.Row = func(i int) view.Control { return in.Rows[i] }
		}
		all[strings.TrimSuffix(filepath.Base(name), ".json")] = in.View
	}
	return all
}

func TestEveryPageIsDrawnAsBefore(t *testing.T) {
	test.NewTempApp(t)
	for name, v := range pages(t) {
		t.Run(name, func(t *testing.T) {
			compareMarkup(t, "page-"+name, litPanel(t, v))
			for _, w := range []int{420, 640, 1280} { // on windows from 560 to 2,000 pixels
				for _, bad := range Check(v, w, w*3/4) {
					t.Errorf("at %d: %s", w, bad)
				}
			}
		})
	}
}

func TestPagesLookAsBefore(t *testing.T) {
	test.NewTempApp(t)
	all := pages(t)
	for _, name := range []string{"home", "failure", "signing-in", "dial-number", "reset", "security", "system", "news"} {
		t.Run(name, func(t *testing.T) { compare(t, "page-"+name, Picture(all[name], 640, 480)) })
	}
}

// TestEveryRuneOfEveryMessageHasAGlyph looks into the fonts that come with the
// program: what this machine has beside them does not count.
func TestEveryRuneOfEveryMessageHasAGlyph(t *testing.T) {
	test.NewTempApp(t)
	parse := func(r fyne.Resource) *sfnt.Font {
		f, err := sfnt.Parse(r.Content())
		if err != nil {
			t.Fatalf("%s: %v", r.Name(), err)
		}
		return f
	}
	latin := []*sfnt.Font{parse(theme.DefaultTheme().Font(fyne.TextStyle{})), parse(theme.DefaultTheme().Font(fyne.TextStyle{Bold: true}))}
	asian := []*sfnt.Font{parse(eastAsian)}
	files, err := filepath.Glob("../device/screen/messages/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d catalogues, %v", len(files), err)
	}
	var buf sfnt.Buffer
	lacks := func(s string) (out []rune) {
		for _, p := range fontRuns(s) {
			fonts := latin
			if p.font != nil {
				fonts = asian
			}
			for _, r := range p.s {
				if slices.ContainsFunc(fonts, func(f *sfnt.Font) bool { i, err := f.GlyphIndex(&buf, r); return err != nil || i == 0 }) {
					out = append(out, r)
				}
			}
		}
		return out
	}
	if got := lacks("\ufffd…"); got != nil {
		t.Errorf("what stands for characters that are not shown has no glyph: %q", string(got))
	}
	if got := lacks("a → 設定 ⟦"); string(got) != "→⟦" {
		t.Errorf("the fonts lack %q, so this test finds nothing", got)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]any
		if err := json.Unmarshal(b, &texts); err != nil {
			t.Fatal(err)
		}
		for id, text := range texts {
			forms, ok := text.(map[string]any)
			if !ok {
				forms = map[string]any{"": text}
			}
			for _, form := range forms {
				if bad := lacks(form.(string)); len(bad) > 0 {
					t.Errorf("%s: %s has %q, which is in no font", filepath.Base(name), id, bad)
				}
			}
		}
	}
	for _, r := range padKeys + "•|…·–+" { // what the panel and the pages put in themselves
		if bad := lacks(string(r)); len(bad) > 0 {
			t.Errorf("the panel uses %q, which is in no font", bad)
		}
	}
}
