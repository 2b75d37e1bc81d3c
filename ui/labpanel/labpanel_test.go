//go:build !darwin || cgo

package labpanel

import (
	"fmt"
	"image/png"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/ui"
)

// pressed notes what is asked of the lab.
type pressed []string

func (p *pressed) note(format string, args ...any)      { *p = append(*p, fmt.Sprintf(format, args...)) }
func (p *pressed) Plug(place string)                    { p.note("plug %s", place) }
func (p *pressed) Publish(edge, on bool)                { p.note("publish edge=%t %t", edge, on) }
func (p *pressed) Pass(by time.Duration)                { p.note("pass %s", by) }
func (p *pressed) PassTo(day string)                    { p.note("pass to %s", day) }
func (p *pressed) SetAccount(user, state string)        { p.note("account %s %s", user, state) }
func (p *pressed) SetFault(server, fault string)        { p.note("fault %s %q", server, fault) }
func (p *pressed) SetCertificate(server, defect string) { p.note("certificate %s %q", server, defect) }
func (p *pressed) Fold()                                { p.note("fold") }
func (p *pressed) ShowKeys()                            { p.note("keys") }
func (p *pressed) SavePicture()                         { p.note("picture") }
func (p *pressed) Copy(what, text string)               { p.note("copy %s: %s", what, text) }
func (p *pressed) FillIn()                              { p.note("fill in") }
func (p *pressed) BeginAgain()                          { p.note("begin again") }

// The phone in some states of a story.
var (
	enterprise = Root{Subject: "CN=Contoso Root CA", Source: "AD", Downloaded: true}
	public     = Root{Subject: "CN=Public Root", Source: "AD", Downloaded: true}
	factory    = Root{Subject: "CN=Factory", Source: "factory"}
)

// theStory is a story of which some acts are done.
func theStory(done int) []Act {
	all := []Act{
		{ID: "act.inside", Title: "Inside, a new phone signs in. The root that it needs comes from Active Directory."},
		{ID: "act.refused", Title: "The Edge's root is published, and the phone taken outside. It is refused."},
		{ID: "act.clip", Title: "A paper clip goes into the hole. What was downloaded goes, the factory roots stay."},
		{ID: "act.outside", Title: "Inside once, then outside. Both roots arrived, and the Edge lets the phone in."},
	}
	for i := range all {
		all[i].Done, all[i].Now = i < done, i == done
	}
	return all
}

// fresh is a new phone inside.
func fresh() Facts {
	return Facts{Place: Inside, Trusted: []Root{factory}, PoolPublished: true,
		Time: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), Accounts: map[string]string{"tu": "good", "kerry": "good"},
		Story: theStory(0), Next: "Press Fill in the user, then Sign in on the phone's screen.", Press: "fill"}
}

func signedInInside() Facts {
	f := fresh()
	f.Trusted = []Root{factory, enterprise}
	f.Story, f.SignedIn, f.Press = theStory(1), true, "root.edge"
	f.Next = "Be the administrator: press Publish beside the Edge's root. It does what certutil -f -dspublish … RootCA does."
	return f
}

func bothRoots() Facts {
	f := signedInInside()
	f.Trusted, f.EdgePublished = []Root{factory, enterprise, public}, true
	return f
}

// offered are the choices of a small lab.
func offered() Choices {
	return Choices{
		Users:    []string{"tu", "kerry"},
		Accounts: []Choice{{"good", "can sign in"}, {"locked", "locked out"}},
		Servers: []Server{
			{ID: "pool", Name: "Pool", Faults: []Choice{{"silent", "It does not answer"}}, Certificates: []Choice{{"expired", "expired"}}},
			{ID: "dns", Name: "DNS", Faults: []Choice{{"refused", "It answers REFUSED"}}},
			{ID: ExchangeServer, Name: "Exchange", Certificates: []Choice{{SelfSigned, "self-signed"}, {"expired", "expired"}}},
		},
		Shell: "export OCPHONE_LAB='/home/tu/.cache/ocphone/lab.json'",
	}
}

func newPanel(t *testing.T) (*Panel, *pressed, software.WindowlessCanvas) {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(Theme(ui.Theme(nil, false)))
	lab := new(pressed)
	p := New(lab, lab, offered(), Facts{Story: theStory(0)})
	c := software.NewCanvas()
	c.SetPadded(false)
	c.SetContent(container.NewStack(p.Object(), p.Tips()))
	c.Resize(fyne.NewSize(Width, 720))
	return p, lab, c
}

func step(n int, state journal.State) journal.Step {
	s := journal.Step{Name: journal.Trust, State: state, Asked: "pool.contoso.com:5061", Answered: "CN=pool.contoso.com, issued by CN=Contoso Issuing CA",
		By: "127.0.0.1:5061", Decided: fmt.Sprintf("step %d decided", n)}
	if state == journal.Failed {
		s.Code, s.Fix = journal.CertUntrusted, "publish the root"
	}
	return s.Stamp(uint64(n), time.Date(2026, 11, 22, 12, 0, n%60, 0, time.UTC))
}

func TestButtonsAskTheLab(t *testing.T) {
	p, lab, _ := newPanel(t)
	f := fresh()
	f.EdgePublished = true
	p.Show(f)
	for _, c := range []struct{ id, want string }{
		{"plug.inside", "plug inside"}, {"plug.outside", "plug outside"}, {"plug.none", "plug "},
		{"root.pool", "publish edge=false false"}, {"root.edge", "publish edge=true false"},
		{"exchange", `certificate exchange "self-signed"`}, {"fill", "fill in"}, {"again", "begin again"},
		{"pass.8h", "pass 8h0m0s"}, {"pass.day", "pass 24h0m0s"}, {"pass.month", "pass 720h0m0s"},
		{"fold", "fold"}, {"unfold", "fold"}, {"keys", "keys"}, {"picture", "picture"}, {"keys.folded", "keys"},
		{"shell.copy", "copy the line: export OCPHONE_LAB='/home/tu/.cache/ocphone/lab.json'"},
	} {
		*lab = nil
		test.Tap(p.Find("lab." + c.id).(fyne.Tappable))
		if want := (pressed{c.want}); !slices.Equal(*lab, want) {
			t.Errorf("%s: the lab was asked for %q, want %q", c.id, *lab, want)
		}
	}
	f.PoolPublished, f.EdgePublished, f.Certificates = false, false, map[string]string{ExchangeServer: SelfSigned}
	p.Show(f)
	*lab = nil
	for _, id := range []string{"root.pool", "root.edge", "exchange"} {
		test.Tap(p.Find(id).(fyne.Tappable))
	}
	if want := (pressed{"publish edge=false true", "publish edge=true true", `certificate exchange ""`}); !slices.Equal(*lab, want) {
		t.Errorf("the other way round: %q, want %q", *lab, want)
	}
}

func TestPressingTicksNothing(t *testing.T) {
	p, _, _ := newPanel(t)
	p.Show(fresh())
	for _, id := range []string{"plug.inside", "plug.outside", "root.edge", "fill"} {
		test.Tap(p.Find(id).(fyne.Tappable))
	}
	if p.Acts()[0].Done {
		t.Error("an act is ticked that did not happen")
	}
	p.Show(signedInInside())
	if acts := p.Acts(); !acts[0].Done || acts[1].Done || !acts[1].Now {
		t.Errorf("after the sign-in: %+v", acts)
	}
	if text := p.next.Text; text != signedInInside().Next {
		t.Errorf("what to do next is %q", text)
	}
	p.Show(fresh())
	if p.Acts()[0].Done {
		t.Error("a story that begins again has an act that is done")
	}
}

func TestExchangeRowSaysItsCertificate(t *testing.T) {
	p, _, _ := newPanel(t)
	for is, want := range map[string]string{"": "good certificate", SelfSigned: "signed its own", "expired": "expired"} {
		f := fresh()
		f.Certificates = map[string]string{ExchangeServer: is}
		p.Show(f)
		if got := p.exchange.text.Text; !strings.Contains(got, want) {
			t.Errorf("certificate %q: %q, want %q in it", is, got, want)
		}
	}
	without := offered()
	without.Servers = without.Servers[:2]
	p = New(new(pressed), new(pressed), without, fresh())
	if visible(p.Object(), p.exchange.change) {
		t.Error("a lab without Exchange has its row")
	}
}

func TestStepsHaveRoomInASmallWindow(t *testing.T) {
	p, _, c := newPanel(t)
	c.Resize(fyne.NewSize(Width, 648))
	p.Add(step(1, journal.OK), step(2, journal.Failed), step(3, journal.OK), step(4, journal.OK))
	for _, f := range []Facts{fresh(), signedInInside()} {
		p.Show(f)
		c.Capture()
		if height := p.list.List.Size().Height; height < 160 {
			t.Errorf("the list of steps is %v high", height)
		}
		if !p.list.atBottom() {
			t.Error("the newest step is out of sight")
		}
		for i, a := range p.acts {
			if a.text.Size().Height < a.text.MinSize().Height {
				t.Errorf("act %d is cut off", i+1)
			}
		}
	}
}

func TestNewestStepStandsAtTheBottom(t *testing.T) {
	p, _, c := newPanel(t)
	for n := range keepSteps/10 + 2 {
		var some []journal.Step
		for i := range 10 {
			some = append(some, step(10*n+i, journal.OK))
		}
		p.Add(some...)
	}
	if n := len(p.steps); n > keepSteps || n < keepSteps-slackSteps || len(p.list.all) != n {
		t.Fatalf("%d steps are kept, %d listed, want at most %d", n, len(p.list.all), keepSteps)
	}
	if last := p.steps[len(p.steps)-1].Seq; last != keepSteps+19 {
		t.Errorf("the last step is %d", last)
	}
	c.Capture()
	if !p.list.atBottom() {
		t.Error("the list does not follow the newest step")
	}
	p.list.List.ScrollToTop()
	p.Add(step(1, journal.OK))
	if p.list.atBottom() {
		t.Error("the list jumps away from what is being read")
	}
}

func TestOnlyFailedStepsAreListedWhenTicked(t *testing.T) {
	p, _, _ := newPanel(t)
	p.Add(step(1, journal.OK), step(2, journal.Failed), step(3, journal.Skipped))
	box := p.Find("failed").(*check)
	box.SetChecked(true)
	p.Add(step(4, journal.OK), step(5, journal.Warned))
	if n := len(p.list.all); n != 2 {
		t.Errorf("%d rows, want those of the two steps that failed or warned", n)
	}
	if text := fmt.Sprint(p.list.all[0]); !strings.Contains(text, "cert.untrusted") || !strings.Contains(text, "To change: Publish the root.") {
		t.Errorf("the failed step says %s", text)
	}
	box.SetChecked(false)
	if n := len(p.list.all); n != 5 {
		t.Errorf("%d rows when all are asked for, want 5", n)
	}
}

func TestFetchedRootsStandFirst(t *testing.T) {
	p, _, _ := newPanel(t)
	p.Show(bothRoots())
	var subjects []string
	for _, row := range p.roots.all {
		subjects = append(subjects, row[0].text)
	}
	if want := []string{enterprise.Subject, public.Subject, factory.Subject}; !slices.Equal(subjects, want) {
		t.Errorf("%q, want %q", subjects, want)
	}
	p.Show(Facts{})
	if len(p.roots.all) != 1 {
		t.Errorf("a phone without roots lists %d", len(p.roots.all))
	}
}

func TestWidgetsHaveIDAndName(t *testing.T) {
	p, _, _ := newPanel(t)
	p.Show(fresh())
	p.ShowProblem("something failed")
	for id, o := range p.named {
		if id == "steps" || id == "roots" {
			continue // stock lists
		}
		w, ok := o.(interface {
			ID() string
			fyne.Accessible
		})
		if !ok || w.ID() != "lab."+id || w.AccessibilityLabel() == "" {
			t.Errorf("%s: %T has no ID or no name", id, o)
		}
	}
}

// TestOddTextsAreLaidOut paints what could break a layout.
func TestOddTextsAreLaidOut(t *testing.T) {
	p, _, c := newPanel(t)
	f := bothRoots()
	for _, name := range []string{strings.Repeat("long ", 200), "שלום עולם", "🦊🦊🦊", strings.Repeat("x", 5000), ""} {
		f.Trusted = append(f.Trusted, Root{Subject: name, Source: name})
		s := step(1, journal.Failed)
		s.Asked, s.Answered, s.Decided = name, name, name
		p.Add(s)
	}
	p.ShowProblem(strings.Repeat("trouble ", 30))
	p.Show(f)
	c.Capture()
	if size := p.Object().MinSize(); size.Height > 404 || size.Width > MinWidth {
		t.Errorf("the panel needs %v", size)
	}
}

func TestThemeCanBeRead(t *testing.T) {
	for _, contrast := range []bool{false, true} {
		th := Theme(ui.Theme(nil, contrast))
		light := func(n fyne.ThemeColorName) float64 {
			r, g, b, _ := th.Color(n, theme.VariantLight).RGBA()
			linear := func(v uint32) float64 {
				if f := float64(v) / 0xffff; f > 0.04045 {
					return math.Pow((f+0.055)/1.055, 2.4)
				} else {
					return f / 12.92
				}
			}
			return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
		}
		for _, c := range [][2]fyne.ThemeColorName{ // ink, ground
			{theme.ColorNameSuccess, theme.ColorNameBackground}, {theme.ColorNameWarning, theme.ColorNameBackground},
			{theme.ColorNameError, theme.ColorNameBackground}, {theme.ColorNameForeground, theme.ColorNameButton},
			{theme.ColorNameForegroundOnSuccess, theme.ColorNameSuccess}, {theme.ColorNameForegroundOnPrimary, theme.ColorNamePrimary},
		} {
			a, b := light(c[0]), light(c[1])
			if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < 4.5 {
				t.Errorf("high contrast %t: %s on %s has a contrast of %.1f", contrast, c[0], c[1], got)
			}
		}
		if th.Color(theme.ColorNameButton, theme.VariantLight) == th.Color(theme.ColorNameBackground, theme.VariantLight) {
			t.Errorf("high contrast %t: a button cannot be told from the ground", contrast)
		}
	}
}

// TestPictureIsPainted is for a person to look at: OCPHONE_PICTURE names the file.
func TestPictureIsPainted(t *testing.T) {
	p, _, c := newPanel(t)
	p.Show(signedInInside())
	for n, s := range []journal.State{journal.OK, journal.Skipped, journal.Failed, journal.Warned} {
		p.Add(step(n, s))
	}
	img := c.Capture()
	if img.Bounds().Dx() != Width {
		t.Errorf("the panel is %v", img.Bounds())
	}
	if file := os.Getenv("OCPHONE_PICTURE"); file != "" {
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForeignTextIsPrintable shows a name with ESC, C1 and bidirectional marks.
func TestForeignTextIsPrintable(t *testing.T) {
	const name = "a\x1b[2J\u009b31m\u202eb\u2066c\nd"
	p, _, _ := newPanel(t)
	s := step(1, journal.Failed)
	s.Asked, s.Answered, s.Decided = name, name, name
	rows := append(rootRows([]Root{{Subject: name, Source: name}}), stepRow(s))
	shown := []string{}
	for _, row := range rows {
		text := paragraph()
		write(text, row)
		for _, segment := range text.Segments {
			shown = append(shown, segment.Textual())
		}
	}
	p.ShowProblem(name)
	for _, text := range append(shown, p.Notice()) {
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q", text)
		}
	}
	if len(shown) < 6 {
		t.Errorf("%d texts are shown", len(shown))
	}
}
