//go:build cgo

package main

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/storage"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/script"
	"github.com/ocphone/ocphone/device/setup"
	"github.com/ocphone/ocphone/ui"
	"github.com/ocphone/ocphone/ui/labpanel"
)

// refusedWith signs in and waits until that has failed, for a reason with that code.
func (b *board) refusedWith(what string, code journal.Code) {
	b.t.Helper()
	b.signIn()
	var now device.Snapshot
	b.until(what, func(boardFacts) bool {
		now = b.emulator.phone.Snapshot()
		return now.State == device.Ready || now.Failure != nil && now.State != device.SigningIn
	})
	if now.Failure == nil || now.Failure.Code != code {
		b.t.Errorf("%s: %+v, want %q", what, now.Failure, code)
	}
}

// TestAccountStatesAreSeenAtTheNextSignIn sets each state of an account by the panel.
func TestAccountStatesAreSeenAtTheNextSignIn(t *testing.T) {
	b := newBoard(t)
	for _, c := range []struct {
		state string
		code  journal.Code
	}{
		{"locked", journal.ADLocked}, {"disabled", journal.ADDisabled}, {"expired", journal.ADExpired},
		{"password-expired", journal.ADExpired}, {"must-change", journal.ADExpired}, {"other-password", journal.ADCredentials},
	} {
		b.SetAccount("tu", c.state)
		b.until(c.state, func(boardFacts) bool { return b.facts().Accounts["tu"] == c.state })
		b.notice("Sign in again")
		b.refusedWith(c.state, c.code)
	}
	b.SetAccount("tu", accountGood)
	b.until("tu can sign in", func(boardFacts) bool { return b.facts().Accounts["tu"] == accountGood })
	b.signIn()
	b.until("the phone is signed in", func(f boardFacts) bool { return f.SignedIn })
	b.SetAccount("nobody", "locked")
	b.notice("nobody")
	b.SetAccount("tu", "nonsense")
	b.notice("nonsense")
}

// TestFaultsAreSeenAndCleared sets one fault of each kind, and clears it.
func TestFaultsAreSeenAndCleared(t *testing.T) {
	b := newBoard(t)
	for _, c := range []struct {
		server, fault string
		code          journal.Code
	}{
		{"dc", "no-seal", journal.ADWeakBind}, // first: later the phone trusts the pool, and does not search
		{"pool", "version", journal.SIPVersion},
		{"dns", "refused", journal.DNSRefused},
	} {
		b.SetFault(c.server, c.fault)
		b.until(c.fault, func(boardFacts) bool { return b.facts().Faults[c.server] == c.fault })
		b.notice("to see it")
		b.refusedWith(c.server+" "+c.fault, c.code)
		b.SetFault(c.server, "")
		b.until("no fault", func(boardFacts) bool { return b.facts().Faults[c.server] == "" })
	}
	b.SetFault("nobody", "silent")
	b.notice("no server")
	b.SetFault("pool", "nonsense")
	b.notice("nonsense")
	b.signIn()
	b.until("the phone is signed in", func(f boardFacts) bool { return f.SignedIn })
}

// TestEachFaultCanBeSetAndRepaired covers every entry of the table.
func TestEachFaultCanBeSetAndRepaired(t *testing.T) {
	b := newBoard(t)
	for _, s := range breakables {
		if s.name == "" || s.see == "" || s.faults[0].id != "" {
			t.Errorf("%s: no name, no advice, or the first fault is one", s.id)
		}
		seen := map[string]bool{}
		for _, f := range s.faults {
			if seen[f.id] || seen[f.text] || f.text == "" {
				t.Errorf("%s: %q is there twice or says nothing", s.id, f.id)
			}
			seen[f.id], seen[f.text] = true, true
			f.set(b.emulator.world.Lab)
		}
		s.faults[0].set(b.emulator.world.Lab)
	}
	b.signIn()
	b.until("the phone is signed in at repaired servers", func(f boardFacts) bool { return f.SignedIn })
}

func TestTimePassesForLabAndPhone(t *testing.T) {
	b := newBoard(t)
	world := b.emulator.world
	b.signIn()
	b.until("the phone is signed in", func(f boardFacts) bool { return f.SignedIn })
	start, labStart := world.Clock.Now(), world.Lab.Clock.Now()
	b.Pass(8 * time.Hour)
	b.notice("kept its registration")
	if by, of := world.Clock.Now().Sub(start), world.Lab.Clock.Now().Sub(labStart); by < 8*time.Hour || by > 9*time.Hour || of < 8*time.Hour {
		t.Errorf("for the phone %v have passed, for the lab %v", by, of)
	}
	if f := b.now(); !f.SignedIn {
		t.Errorf("after eight hours: %+v", f)
	}
	for _, bad := range []string{"", "tomorrow", "2027-13-01", start.Format(time.DateOnly)[:8] + "99"} {
		b.PassTo(bad)
		b.notice("is no day")
		b.Pass(0)
		b.notice("It is ")
	}
	b.PassTo("2001-01-01")
	b.notice("does not run backwards")
	b.PassTo("9999-01-01")
	b.notice("at most ten years")
	to := world.Clock.Now().AddDate(6, 0, 0)
	b.PassTo(to.Format(time.DateOnly))
	b.notice("What has expired")
	if got := world.Clock.Now().Format(time.DateOnly); got != to.Format(time.DateOnly) {
		t.Errorf("it is %s, want %s", got, to.Format(time.DateOnly))
	}
	b.emulator.phone.SignOut(t.Context())
	b.refusedWith("certificates of six years ago", journal.CertExpired)
	b.until("the panel shows the day", func(boardFacts) bool {
		return b.facts().Time.Format(time.DateOnly) == to.Format(time.DateOnly)
	})
}

func TestTimeUntilADayIsCountedInDaysOfTheClock(t *testing.T) {
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("east", 13*3600), time.FixedZone("west", -11*3600)} {
		for _, hour := range []int{0, 12, 23} {
			now := time.Date(2026, 11, 30, hour, 30, 0, 0, zone)
			by, err := timeUntil(now, "2026-12-02")
			if err != nil || !now.Add(by).Equal(time.Date(2026, 12, 2, hour, 30, 0, 0, zone)) {
				t.Errorf("%s: %v, %v", now, by, err)
			}
			if _, err := timeUntil(now, "2026-11-30"); err == nil {
				t.Errorf("%s: today is a day to go to", now)
			}
		}
	}
}

// TestShellReachesTheLabInTheWindow changes the lab by its ready file, as `ocphone
// lab` does, and waits until the panel shows that.
func TestShellReachesTheLabInTheWindow(t *testing.T) {
	b := newBoard(t)
	file := strings.TrimSuffix(strings.TrimPrefix(b.shellLine(), "export OCPHONE_LAB='"), "'")
	ready, err := setup.ReadLab(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	shell := lab.Client{Address: ready.Control}
	if _, err := shell.PublishRoot(t.Context(), lab.PublicRoot); err != nil {
		t.Fatal(err)
	}
	if _, err := shell.SetCertificate(t.Context(), "exchange", lab.CertificateChange{Defect: pki.Expired}); err != nil {
		t.Fatal(err)
	}
	locked := true
	if err := shell.SetUser(t.Context(), "kerry", lab.UserChange{Locked: &locked}); err != nil {
		t.Fatal(err)
	}
	shown := func() labpanel.Facts {
		b.showing.Lock()
		defer b.showing.Unlock()
		return b.shown
	}
	b.until("the panel shows what the shell did", func(boardFacts) bool {
		f := shown()
		return f.EdgePublished && f.Certificates["exchange"] == "expired" && f.Accounts["kerry"] == "locked"
	})
}

func (b *board) shellLine() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.panel.Find("shell.copy").(fyne.Tappable).Tapped(&fyne.PointEvent{})
	return b.copied
}

func TestSecondWindowHasAReadyFileOfItsOwn(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("LocalAppData", t.TempDir())
	var files []string
	for range 2 {
		l, err := lab.New(lab.ContosoToday())
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s, err := openShell(t.Context(), l, "")
		if err != nil || s.file == "" {
			t.Fatalf("%v, %+v", err, s)
		}
		defer s.close(l)
		files = append(files, filepath.Base(s.file))
	}
	if want := []string{"lab.json", "lab-2.json"}; !slices.Equal(files, want) {
		t.Errorf("%q, want %q", files, want)
	}
}

// TestReadyFileThatCannotBeWritten: one that was named is a mistake in the call; without
// a cache folder the panel says why.
func TestReadyFileThatCannotBeWritten(t *testing.T) {
	l, err := lab.New(lab.ContosoToday())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := openShell(t.Context(), l, filepath.Join(t.TempDir(), "nowhere", "lab.json")); !isUsage(err) {
		t.Errorf("a folder that is not there: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openShell(t.Context(), l, file); !isUsage(err) {
		t.Errorf("a file that is no ready file: %v", err)
	}
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} {
		t.Setenv(name, filepath.Join(file, "below"))
	}
	s, err := openShell(t.Context(), l, "")
	if err != nil || s.file != "" || !strings.Contains(s.problem, "--ready FILE") {
		t.Errorf("%v, %+v", err, s)
	}
}

func TestExportLineIsOneWordForTheShell(t *testing.T) {
	for _, c := range [][3]string{
		{"linux", "/home/o'brien/lab.json", `export OCPHONE_LAB='/home/o'\''brien/lab.json'`},
		{"darwin", "/Users/tu/Library/Caches/ocphone/lab.json", "export OCPHONE_LAB='/Users/tu/Library/Caches/ocphone/lab.json'"},
		{"windows", `C:\Users\tu\lab.json`, `set "OCPHONE_LAB=C:\Users\tu\lab.json"`},
	} {
		if got := exportLine(c[0], c[1]); got != c[2] {
			t.Errorf("%s: %s, want %s", c[0], got, c[2])
		}
	}
}

// TestNoticesAndHintsFit shows, on the narrowest panel, what the panel says of each
// change, and each hint of the story.
func TestNoticesAndHintsFit(t *testing.T) {
	b := newBoard(t)
	fyne.CurrentApp().Settings().SetTheme(labpanel.Theme(ui.Theme(nil, false)))
	b.mu.Lock()
	defer b.mu.Unlock()
	panel := labpanel.New(b, b, choices(b.emulator.world.Lab, shell{}), b.facts())
	c := software.NewCanvas()
	c.SetContent(panel.Object())
	c.SetPadded(false)
	c.Resize(fyne.NewSize(labpanel.MinWidth, 648))
	fits := func(id string) {
		t.Helper()
		o := panel.Find(id)
		if text := o.(fyne.Accessible).AccessibilityLabel(); o.MinSize().Height > o.Size().Height {
			t.Errorf("%s is cut off: %q", id, text)
		}
	}
	for _, s := range breakables {
		var texts []string
		if s.certificate {
			texts = []string{"A good certificate again. "}
			for _, d := range pki.Defects() {
				texts = append(texts, d.Description()+" ")
			}
		}
		for _, f := range s.faults {
			texts = append(texts, f.text+". ")
		}
		for _, text := range texts {
			panel.ShowDone(text + s.see)
			fits("notice")
		}
	}
	hints := map[script.Hint]bool{}
	yes := []bool{false, true}
	stages := [][]script.Facts{{}}
	inside := script.Facts{On: true, SignedIn: true, Place: script.Inside, Pool: script.RootFacts{Trusted: true}}
	refused := script.Facts{On: true, Place: script.Outside, Refused: journal.CertUntrusted, Edge: script.RootFacts{Published: true}}
	clip := script.Facts{On: true, Place: script.Outside, PaperClips: 1}
	through := script.Facts{On: true, SignedIn: true, Place: script.Outside, Remote: true, Edge: script.RootFacts{Trusted: true}}
	for _, f := range []script.Facts{inside, refused, clip, through} {
		stages = append(stages, append(slices.Clone(stages[len(stages)-1]), f))
	}
	for _, before := range stages {
		for _, place := range []string{"", script.Inside, script.Outside} {
			for bits := range 1 << 7 {
				on := func(n int) bool { return yes[bits>>n&1] }
				f := script.Facts{On: on(0), Place: place, SignedIn: on(1), Busy: on(2)}
				f.Pool.Published, f.Edge.Published, f.Edge.Trusted = on(3), on(4), on(5)
				if on(6) {
					f.Refused = journal.AuthPassword
				}
				var p script.Progress
				for _, b := range before {
					p.Follow(b)
				}
				hints[p.Next(f)] = true
			}
		}
	}
	if len(hints) < 15 {
		t.Errorf("%d hints", len(hints))
	}
	for h := range hints {
		if h.Button != script.NoButton && panel.Find(string(h.Button)) == nil {
			t.Errorf("%q names the button %q, which the panel does not have", h.Text, h.Button)
		}
		f := b.facts()
		f.Next = h.Text
		panel.Show(f)
		fits("next")
	}
}

// drops makes an importer for the phone of b.
func (b *board) drops(ends *sync.WaitGroup) importer {
	return importer{phone: b.emulator.phone, now: time.Now, onUI: b.onFyne, ends: ends,
		ask: func(q question) { b.asked = append(b.asked, q) },
		say: func(done string, err error) { b.panel.ShowDone(fmt.Sprint(done, err)) }}
}

// TestDroppedCertificateIsImportedAfterAQuestion calls what a drop calls: xdotool
// cannot drop files.
func TestDroppedCertificateIsImportedAfterAQuestion(t *testing.T) {
	b := newBoard(t)
	var ends sync.WaitGroup
	defer ends.Wait()
	root := certstore.Root{Certificate: b.emulator.world.Lab.PKI.Public.Certificate}
	file := filepath.Join(t.TempDir(), "public.pem")
	if err := os.WriteFile(file, certstore.ExportPEM(root), 0o600); err != nil {
		t.Fatal(err)
	}
	imported := func() (all []certstore.Root) {
		for _, r := range b.emulator.phone.Snapshot().Roots {
			if r.Source.Kind == certstore.Import {
				all = append(all, r)
			}
		}
		return all
	}
	b.drops(&ends).dropped(t.Context(), []fyne.URI{storage.NewFileURI(file)})
	ends.Wait()
	q := b.asked[len(b.asked)-1]
	if !strings.Contains(q.text, root.Fingerprint()) || !strings.Contains(q.text, root.Subject()) || len(imported()) != 0 {
		t.Errorf("asked %+v, imported %v", q, imported())
	}
	b.answer("drop")
	ends.Wait()
	if all := imported(); len(all) != 1 || all[0].Fingerprint() != root.Fingerprint() || all[0].Source.Set != "public.pem" {
		t.Errorf("imported: %v", all)
	}
	b.notice("Imported: 1.")
	if _, err := b.emulator.phone.PressReset(); err != nil || len(imported()) != 0 {
		t.Errorf("after a reset: %v, %v", imported(), err)
	}
}

func TestOtherDropsAreRefusedWithAReason(t *testing.T) {
	b := newBoard(t)
	dir := t.TempDir()
	write := func(name string, content []byte) fyne.URI {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return storage.NewFileURI(file)
	}
	link, err := storage.ParseURI("https://example.com/root.pem")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		files []fyne.URI
		want  string
	}{
		{"nothing", nil, "0 files"},
		{"two", []fyne.URI{write("a", nil), write("b", nil)}, "2 files"},
		{"an address", []fyne.URI{link}, "no file of this computer"},
		{"a text", []fyne.URI{write("note\x1b[2J.txt", []byte("Dear \x1b[2J phone"))}, "drop a file with certificates"},
		{"an endless file", []fyne.URI{write("big", make([]byte, certstore.CertificateFile.Limit+1))}, "longer than"},
		{"a folder", []fyne.URI{storage.NewFileURI(dir)}, "is a folder"},
		{"a file that is gone", []fyne.URI{storage.NewFileURI(filepath.Join(dir, "gone"))}, "cannot be read"},
	} {
		var ends sync.WaitGroup
		b.drops(&ends).dropped(t.Context(), c.files)
		ends.Wait()
		q := b.asked[len(b.asked)-1]
		if q.do != nil || !strings.Contains(q.text, c.want) {
			t.Errorf("%s: %+v, want a reason with %q", c.name, q, c.want)
		}
	}
}

func TestPictureIsANewFile(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 11, 30, 7, 20, 2, 0, time.UTC)
	img := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for _, want := range []string{"ocphone-2026-11-30-07.20.02.png", "ocphone-2026-11-30-07.20.02-2.png"} {
		file, err := savePicture(img, dir, at)
		if err != nil || filepath.Base(file) != want || !filepath.IsAbs(file) {
			t.Fatalf("%q, %v, want %q", file, err, want)
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, err := png.Decode(f); err != nil || got.Bounds() != img.Bounds() {
			t.Errorf("%v, %v", got, err)
		}
	}
	if _, err := savePicture(img, filepath.Join(dir, "nowhere"), at); err == nil || !strings.Contains(err.Error(), "start the program") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestFailureTextIsThatOfTheStep: code, reason and remedy, and no password.
func TestFailureTextIsThatOfTheStep(t *testing.T) {
	b := newBoard(t)
	b.Publish(false, false)
	b.until("the pool's root is withdrawn", func(f boardFacts) bool { return !f.Pool.Published })
	b.refusedWith("no roots", journal.ADNoRoots)
	if _, err := b.emulator.phone.Wait(t.Context(), func(s device.Snapshot) bool { return s.Failure != nil }); err != nil {
		t.Fatal(err)
	}
	text := b.facts().Failure
	for _, want := range []string{"Code: ad.no-roots\n", "To change: "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q has no %q", text, want)
		}
	}
	if strings.Contains(text, lab.DefaultPassword) {
		t.Error("the failure has the password")
	}
}
