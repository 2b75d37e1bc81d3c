//go:build !darwin || cgo

package ui

import (
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/ocphone/ocphone/device/screen/view"
)

func TestPanelLooksAsBefore(t *testing.T) {
	test.NewTempApp(t)
	for _, name := range []string{"home", "signin", "contacts", "agenda", "root", "dial", "lock", "sounds", "ask"} {
		t.Run(name, func(t *testing.T) { compare(t, "panel-"+name, Picture(views()[name], 640, 480)) })
	}
	t.Run("contrast", func(t *testing.T) { compare(t, "panel-contrast", ContrastPicture(views()["home"], 640, 480)) })
	t.Run("japanese", func(t *testing.T) { compare(t, "panel-japanese", Picture(japanese(), 640, 480)) })
}

// japanese is a page in Japanese, with a Korean name and Latin between.
func japanese() view.View {
	v := views()["home"]
	v.Lang = "ja"
	v.Status.Date, v.Status.Who = "10月16日 火曜日", "김철수"
	v.Page.Title = "ホーム"
	v.Page.Controls = []view.Control{
		{ID: "clock", Role: view.Heading, Text: "10:42", Second: "10月16日 火曜日"},
		{ID: "me", Role: view.Row, Presence: view.Away, Text: "김철수 (주)한국전자통신", Second: "+82 2 555 0123", Value: "退席中"},
		{ID: "meeting", Role: view.Row, Icon: view.IconCalendar, Text: "Q3 予算会議", Second: "11:00 – 11:30、会議室 3"},
		{ID: "contacts", Role: view.Tile, Icon: view.IconContacts, Text: "連絡先"},
		{ID: "calls", Role: view.Tile, Icon: view.IconCalls, Text: "通話履歴", Second: "不在着信 2 件", Badge: "2"},
		{ID: "settings", Role: view.Tile, Icon: view.IconSettings, Text: "設定"},
	}
	return v
}

func TestEveryPageIsReadableAtEverySize(t *testing.T) {
	test.NewTempApp(t)
	all := views()
	all["japanese"] = japanese()
	for name, v := range all {
		for _, w := range []int{320, 480, 640, 1280} {
			for _, bad := range Check(v, w, w*3/4) {
				t.Errorf("%s at %d: %s", name, w, bad)
			}
		}
	}
}

func TestCheckNamesWhatCannotBeRead(t *testing.T) {
	test.NewTempApp(t)
	long := strings.Repeat("Benutzerkontensteuerung ", 6)
	page := func(layout view.Layout, controls ...view.Control) view.View {
		return view.View{On: true, Page: view.Page{ID: "p", Layout: layout, Controls: controls}}
	}
	for _, row := range []struct {
		name string
		view view.View
		want string
	}{
		{"a button", page(view.Form, view.Control{ID: "b", Role: view.Button, Text: long}), "p: b: "},
		{"two of one name", page(view.Dial, view.Control{ID: "b", Role: view.Button, Text: "x"}, view.Control{ID: "b", Role: view.Button, Text: "y"}), "two controls"},
		{"a title", view.View{On: true, Page: view.Page{ID: "p", Title: long}}, "p: title: "},
		{"a soft key", view.View{On: true, Page: view.Page{ID: "p", Nav: []view.Control{{ID: "n", Role: view.Button, Icon: view.IconHome, Text: long}}}}, "p: n: "},
		{"too many buttons to dial", page(view.Dial, strings2buttons("a b c d e f g h i")...), "outside"},
		{"a row", view.View{On: true, Page: view.Page{ID: "p", Layout: view.List, List: &view.Rows{ID: "l", Len: 2, Row: func(i int) view.Control {
			return view.Control{ID: "row", Role: view.Row, Text: strings.Repeat(long, i*3), Second: "x"}
		}}}}, "p: row: "},
		{"a dialog", view.View{On: true, Dialog: &view.Page{ID: "d", Title: long}}, "d: dialog.title: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Check(row.view, 640, 480); !strings.Contains(strings.Join(got, "\n"), row.want) {
				t.Errorf("%q, want one with %q", got, row.want)
			}
		})
	}
	if got := Check(view.View{}, 640, 480); got != nil {
		t.Errorf("a panel without power: %q", got)
	}
}

func strings2buttons(names string) (out []view.Control) {
	for _, n := range strings.Fields(names) {
		out = append(out, view.Control{ID: n, Role: view.Button, Text: n})
	}
	return out
}

// TestHostileTextsAreCutButNothingElse puts what a server may hold into every
// text of every page.
func TestHostileTextsAreCutButNothingElse(t *testing.T) {
	test.NewTempApp(t)
	for kind, s := range hostile() {
		for name, v := range views() {
			spoil(&v, s)
			for _, bad := range Check(v, 640, 480) {
				if !strings.HasSuffix(bad, "is cut") {
					t.Errorf("%s in %s: %s", kind, name, bad)
				}
			}
		}
		v := views()["contacts"]
		spoil(&v, s)
		if blankPicture(Picture(v, 320, 240)) {
			t.Errorf("%s: nothing is drawn", kind)
		}
	}
}

func spoil(v *view.View, s string) {
	each := func(in []view.Control) (out []view.Control) {
		for _, c := range in {
			c.Text, c.Second, c.Value = s, s, s
			if c.Role == view.Slider {
				c.Value = ""
			}
			out = append(out, c)
		}
		return out
	}
	v.Status.Who, v.Page.Title = s, s
	v.Page.Controls, v.Page.Nav = each(v.Page.Controls), each(v.Page.Nav)
	if l := v.Page.List; l != nil {
		rows := *l
		rows.Empty = s
		rows.Row = func(i int) view.Control { c := l.Row(i); c.Text, c.Second, c.Value = s, s, s; return c }
		rows.Len = min(rows.Len, 6)
		v.Page.List = &rows
	}
	if v.Dialog != nil {
		d := *v.Dialog
		d.Title, d.Controls = s, each(d.Controls)
		v.Dialog = &d
	}
}

func TestJapaneseAndKoreanHaveGlyphs(t *testing.T) {
	test.NewTempApp(t)
	draw := func(s string) image.Image {
		return Picture(view.View{On: true, Page: view.Page{ID: "p", Layout: view.Centered, Controls: []view.Control{{ID: "t", Role: view.Heading, Text: s}}}}, 320, 240)
	}
	nothing := draw("\u9fff\u9fff") // in no font
	for _, pair := range [][2]string{{"設定", "電話"}, {"ｱｲ", "カナ"}, {"전화", "설정"}, {"、。", "「」"}} {
		a, b := draw(pair[0]), draw(pair[1])
		if n, _ := differ(a, b); n == 0 {
			t.Errorf("%s and %s look the same", pair[0], pair[1])
		}
		if n, _ := differ(a, nothing); n == 0 {
			t.Errorf("%s is drawn as boxes", pair[0])
		}
	}
}

func TestTextsChangeTheFontForEastAsianLetters(t *testing.T) {
	for _, row := range []struct {
		s    string
		want []string
	}{
		{"Settings", []string{"Settings"}},
		{"Wi-Fi 設定 画面 OK", []string{"Wi-Fi ", "*設定 画面 ", "OK"}},
		{"김철수 3", []string{"*김철수 ", "3"}},
		{"", []string{""}},
	} {
		var got []string
		for _, p := range fontRuns(row.s) {
			if p.font != nil {
				p.s = "*" + p.s
			}
			got = append(got, p.s)
		}
		if strings.Join(got, "|") != strings.Join(row.want, "|") {
			t.Errorf("%q: %q, want %q", row.s, got, row.want)
		}
	}
}

// TestBoldJapaneseAndKoreanAreHeavier compares the ink of a heading with that of a
// text of the same size, and what it is wide with what is measured.
func TestBoldJapaneseAndKoreanAreHeavier(t *testing.T) {
	test.NewTempApp(t)
	for _, s := range []string{"設定を変更する", "통화 기록", "ボイスメール"} {
		for _, k := range []float32{1, 1.33, 2, 5.33} {
			r := layout{k}
			ink := func(bold bool) (sum float64, right int) {
				runs, _ := r.setText(textBox{s: s, at: rect{4, 4, 180, 24}, size: titleText, bold: bold})
				all := &fyne.Container{}
				for _, run := range runs {
					one := canvas.NewText(run.s, opaque(0))
					one.TextSize, one.TextStyle.Bold, one.FontSource = run.size, run.bold, run.font
					one.Move(run.at)
					one.Resize(run.box)
					all.Add(one)
				}
				m := headless(all, int(190*k), int(32*k)).Capture().(*image.RGBA)
				for i := 3; i < len(m.Pix); i += 4 {
					if m.Pix[i] > 0 {
						right = max(right, i/4%m.Rect.Dx()+1)
					}
				}
				return inked(m), right
			}
			plain, _ := ink(false)
			bold, right := ink(true)
			if bold < 1.2*plain || bold > 1.8*plain {
				t.Errorf("%s at %v: bold has %.2f times the ink", s, k, bold/plain)
			}
			if w := 4*k + r.width(s, titleText, true); float32(right) > w+2 {
				t.Errorf("%s at %v: bold ends at %d, and is measured as ending at %.1f", s, k, right, w)
			}
		}
	}
}

func TestTextShrinksThenEndsInAnEllipsis(t *testing.T) {
	test.NewTempApp(t)
	r := layout{1}
	l := textBox{s: "Voice mail", at: rect{0, 0, 80, 20}, size: 14}
	runs, cut := r.setText(l)
	if cut || runs[0].size != 14 {
		t.Errorf("with room: %+v", runs)
	}
	l.at.w = 60
	if runs, cut = r.setText(l); cut || runs[0].size >= 14 || runs[0].s != l.s {
		t.Errorf("with less: %+v", runs)
	}
	l.at.w = 30
	if runs, cut = r.setText(l); !cut || runs[0].size != minText || !strings.HasSuffix(runs[0].s, ellipsis) {
		t.Errorf("with little: %+v", runs)
	}
	l.tail = true
	if runs, _ = r.setText(l); !strings.HasPrefix(runs[0].s, ellipsis) || !strings.HasSuffix(runs[0].s, "il") {
		t.Errorf("what is typed: %+v", runs)
	}
}

func TestForeignTextIsDrawnWithoutControlCharacters(t *testing.T) {
	for in, want := range map[string]string{
		"Evil \u202egnp.exe \u009bX": "Evil \ufffdgnp.exe \ufffdX",
		"a\x1b[2Jb":                  "a\ufffd[2Jb",
		"one\n two\u2066\n":          "one\n two\ufffd",
		" abc\xff ":                  "abc\ufffd",
		"שרה":                        "שרה",
	} {
		if got := tidy(in); got != want {
			t.Errorf("%q is drawn as %q, want %q", in, got, want)
		}
	}
}

func TestThemeScalesWithThePhone(t *testing.T) {
	u := &Unit{}
	th := Theme(u, false)
	if got := th.Size(theme.SizeNameText); got != bodyText {
		t.Errorf("before there is a size: %v", got)
	}
	u.K = 2
	if got := th.Size(theme.SizeNameText); got != 2*bodyText {
		t.Errorf("at twice the size: %v", got)
	}
	dark, light := th.Color(theme.ColorNameBackground, theme.VariantDark), th.Color(theme.ColorNameBackground, theme.VariantLight)
	if dark != light {
		t.Error("the panel follows the desktop's wish for dark")
	}
	if th.Color(theme.ColorNameForeground, 0) == Theme(u, true).Color(theme.ColorNameForeground, 0) {
		t.Error("high contrast changes nothing")
	}
}

func BenchmarkPanelFrame(b *testing.B) {
	for _, name := range []string{"home", "signin", "contacts", "dial"} {
		b.Run(name, func(b *testing.B) {
			r := litPanel(b, views()[name])
			r.canvas.Capture()
			b.ReportAllocs()
			for b.Loop() {
				r.canvas.Capture()
			}
		})
	}
	b.Run("scroll 5000", func(b *testing.B) {
		r := litPanel(b, views()["contacts"])
		r.canvas.Capture()
		for b.Loop() {
			r.page.scroll.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.NewDelta(0, -37)})
			r.canvas.Capture()
		}
	})
}

// TestPanelIsBuiltAsBefore compares the objects of every page: it says in words
// what a picture only shows, and is exact.
func TestPanelIsBuiltAsBefore(t *testing.T) {
	for name, v := range views() {
		t.Run(name, func(t *testing.T) { compareMarkup(t, "panel-"+name, litPanel(t, v)) })
	}
}

func compareMarkup(t *testing.T, name string, r *screenRig) {
	got := test.RenderToMarkup(r.canvas) + iconList(r)
	golden := filepath.Join("testdata", name+".xml")
	if *updateBody {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		failed := filepath.Join("testdata", "failed", name+".xml")
		if err := os.MkdirAll(filepath.Dir(failed), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(failed, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Errorf("compare %s with %s; if it is meant so, run with -update-body", failed, golden)
	}
}

// iconList names the icons of every control, which the markup shows as a part of
// the control's raster.
func iconList(r *screenRig) string {
	var out strings.Builder
	for _, l := range []*layer{&r.page, &r.over} {
		for _, c := range l.controls() {
			for _, i := range c.appearance.icons {
				fmt.Fprintf(&out, "<!-- %s: icon %s, ink %06x, %v at %v,%v -->\n", c.ID(), i.icon, i.ink, i.at.w, i.at.x, i.at.y)
			}
		}
	}
	return out.String()
}

// TestNothingIsWrittenUnderLangC starts this test binary again, as cron would.
func TestNothingIsWrittenUnderLangC(t *testing.T) {
	for _, env := range [][]string{{"LANG=C"}, {"LC_ALL=POSIX", "LANG=de_DE.UTF-8"}, {}} {
		var out strings.Builder
		again := exec.Command(os.Args[0], "-test.run=^TestThemeScalesWithThePhone$")
		again.Env, again.Stderr = append(env, "HOME="+t.TempDir()), &out
		if err := again.Run(); err != nil || out.Len() > 0 {
			t.Errorf("%q: %v %s", env, err, out.String())
		}
	}
}
