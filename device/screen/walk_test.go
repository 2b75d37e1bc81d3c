package screen_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

// TestEveryPageIsWhole walks all pages of a signed-in phone, and all that their
// controls open.
func TestEveryPageIsWhole(t *testing.T) {
	r := newRig(t, setup{}).home()
	seen := map[string]bool{}
	for _, id := range screen.Pages() {
		if id == "lock" {
			continue
		}
		if err := r.Open(id); err != nil {
			if slices.Contains([]string{"start", "signin", "signing-in", "failure"}, id) {
				continue // pages of another state
			}
			t.Errorf("Open(%q): %v", id, err)
			continue
		}
		v := r.page(id)
		seen[id] = true
		check(t, v.Page)
		for _, c := range controls(v.Page) {
			if strings.HasPrefix(c.ID, "security.") || strings.HasPrefix(c.ID, "settings.") {
				continue // pages of their own
			}
			if c.Role == view.Row || c.Role == view.Tile {
				if r.Open(id); !c.Off {
					r.Tap(c.ID)
					check(t, r.View().Page)
					if d := r.View().Dialog; d != nil {
						check(t, *d)
						answer := d.Controls[len(d.Controls)-1].ID // close
						if _, risky := find(*d, "cancel"); risky {
							answer = "cancel"
						}
						r.Tap(answer)
					}
				}
			}
		}
		r.Press(view.KeyHome)
	}
	if len(seen) < 20 {
		t.Errorf("%d pages were seen", len(seen))
	}
	if err := r.Open("lock"); err != nil || !r.View().Status.Locked {
		t.Errorf("Open(lock): %v", err)
	}
}

// check is what holds for every page.
func check(t testing.TB, p view.Page) {
	t.Helper()
	if p.ID == "" || p.Layout == "" {
		t.Errorf("page %q has layout %q", p.ID, p.Layout)
	}
	ids := map[string]bool{}
	for _, c := range controls(p) {
		said := c.Text + c.Second + c.Value
		if !c.Log && strings.Contains(said, "[") && regexp.MustCompile(`\[[a-z-]+\.[a-z.-]+\]`).MatchString(said) {
			t.Errorf("page %s misses a message: %s", p.ID, said)
		}
		if c.ID == "" || ids[c.ID] {
			t.Errorf("page %s: control %q is there twice, or has no ID", p.ID, c.ID)
		}
		if c.Role == "" {
			t.Errorf("page %s: control %s has no role", p.ID, c.ID)
		}
		if c.Text == "" && c.Role != view.Label {
			t.Errorf("page %s: control %s has no text, which is its accessibility label", p.ID, c.ID)
		}
		ids[c.ID] = true
	}
	if p.Focus != "" && p.Focus != "back" && !ids[p.Focus] {
		t.Errorf("page %s: the focus is at %q, which is not there", p.ID, p.Focus)
	}
	if len(p.Nav) > 5 {
		t.Errorf("page %s has %d soft keys", p.ID, len(p.Nav))
	}
}

func TestOpenSaysWhatItCannotShow(t *testing.T) {
	r := newRig(t, setup{})
	for _, row := range []struct{ id, says string }{{"nonsense", "there are"}, {"settings", "off"}} {
		if err := r.Open(row.id); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("off: Open(%q): %v", row.id, err)
		}
	}
	r.on()
	r.page("signin")
	for id, says := range map[string]string{"contacts": "signed in", "failure": "signin", "home": "signin"} {
		if err := r.Open(id); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("signed out: Open(%q): %v", id, err)
		}
	}
	if err := r.Open("signin"); err != nil {
		t.Error(err)
	}
}

// TestEveryMessageIsThereAndUsed compares the catalogue with the calls of say.
func TestEveryMessageIsThereAndUsed(t *testing.T) {
	b, err := os.ReadFile("messages/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var catalogue map[string]any
	if err := json.Unmarshal(b, &catalogue); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	used, starts := map[string]bool{}, []string(nil)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil {
					used[s] = true
					if strings.HasSuffix(s, ".") && !strings.Contains(s, " ") {
						starts = append(starts, s)
					}
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"say", "plain", "layout"}, f.Sel.Name) && len(n.Args) > 0 {
					if lit, ok := n.Args[0].(*ast.BasicLit); ok {
						if id, _ := strconv.Unquote(lit.Value); catalogue[id] == nil {
							t.Errorf("%s(%q): there is no such message", f.Sel.Name, id)
						}
					}
				}
			}
			return true
		})
	}
	for id := range catalogue {
		if !used[id] && !slices.ContainsFunc(starts, func(s string) bool { return strings.HasPrefix(id, s) }) {
			t.Errorf("message %q is used by nobody", id)
		}
	}
}

func TestPseudoLocaleShowsEveryTextOfTheCatalogue(t *testing.T) {
	r := newRig(t, setup{screen: pseudo}).on()
	v := r.page("signin")
	for _, c := range controls(v.Page) {
		if !strings.HasPrefix(c.Text, "«") {
			t.Errorf("%s says %q, which is not from the catalogue", c.ID, c.Text)
		}
	}
	if v.Lang != screen.Pseudo {
		t.Errorf("language %q", v.Lang)
	}
}

func TestUnknownLanguageIsRefused(t *testing.T) {
	r := newRig(t, setup{})
	for lang, good := range map[string]bool{"": true, "en": true, "en-GB": true, "en_US": true, "tlh": false, "../x": false} {
		s, err := screen.New(r.phone, screen.Options{Lang: lang})
		if (err == nil) != good {
			t.Errorf("language %q: %v", lang, err)
		}
		if err == nil {
			s.Close()
		}
	}
}
