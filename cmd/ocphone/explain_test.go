package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
)

// eachText calls f for each string literal of the program itself: whatever a
// person reads is made of these.
func eachText(t *testing.T, f func(at token.Position, text string)) {
	t.Helper()
	eachGoFile(t, func(t *testing.T, file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		files := token.NewFileSet()
		tree, err := parser.ParseFile(files, filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Error(err)
				}
				f(files.Position(lit.Pos()), text)
			}
			return true
		})
	})
}

// TestTextsCiteWhatTheReaderHas: a rule id, a public document or the rule
// itself, never a page that only the makers of ocphone have.
func TestTextsCiteWhatTheReaderHas(t *testing.T) {
	ours := regexp.MustCompile(`(?i)\b(device|ocs-sip|design|requirements|conventions|peers-ad|peers-sip|exchange|ui)\.md\b|\bdesign (decision )?\d`)
	n := 0
	eachText(t, func(at token.Position, text string) {
		n++
		if found := ours.FindString(text); found != "" {
			t.Errorf("%s: %q in %q", at, found, text)
		}
	})
	if n < 1000 {
		t.Errorf("only %d texts were seen", n)
	}
}

func TestEachRuleThatIsCitedIsExplained(t *testing.T) {
	id := regexp.MustCompile(`\bR\d+\.\d+\b`)
	cited := map[string]bool{}
	eachText(t, func(at token.Position, text string) {
		for _, found := range id.FindAllString(text, -1) {
			cited[found] = true
			if _, ok := journal.RuleNamed(found); !ok {
				t.Errorf("%s: %s has no page", at, found)
			}
		}
	})
	list, _, _ := call(t, "explain")
	for _, r := range journal.Rules() {
		if !cited[r.ID] {
			t.Errorf("nothing cites %s", r.ID)
		}
		out, complaints, code := call(t, "explain", r.ID)
		if code != exitDone || complaints != "" || !strings.HasPrefix(out, r.ID+": "+r.Title+"\n") || r.Text == "" {
			t.Errorf("%s: exit code %d, %s%s", r.ID, code, complaints, out)
		}
		if !strings.Contains(list, "\n"+r.ID+" ") {
			t.Errorf("%s is not listed", r.ID)
		}
		var back explanation
		out, _, _ = call(t, "explain", r.ID, "--json")
		if readDocument(t, out, &back); len(back.Codes)+len(back.Terms) > 0 || len(back.Rules) != 1 || back.Rules[0] != r {
			t.Errorf("%s as JSON: %s", r.ID, out)
		}
	}
}

func TestEachTermIsExplained(t *testing.T) {
	list, _, _ := call(t, "explain")
	last := ""
	for _, term := range journal.Terms() {
		if strings.ToLower(term.Word) <= last || term.Meaning == "" {
			t.Errorf("%q: out of order after %q, or without a meaning", term.Word, last)
		}
		last = strings.ToLower(term.Word)
		out, complaints, code := call(t, append([]string{"explain"}, strings.Fields(strings.ToUpper(term.Word))...)...)
		if code != exitDone || complaints != "" || !strings.HasPrefix(out, term.Word+"\n") || !strings.Contains(list, "\n"+term.Word+" ") {
			t.Errorf("%s: exit code %d, %s%s", term.Word, code, complaints, out)
		}
		var back explanation
		out, _, _ = call(t, "explain", term.Word, "--json")
		if readDocument(t, out, &back); len(back.Codes)+len(back.Rules) > 0 || len(back.Terms) != 1 || back.Terms[0] != term {
			t.Errorf("%s as JSON: %s", term.Word, out)
		}
	}
	if _, complaints, code := call(t, "explain", "no", "such", "word"); code != exitUsage || !strings.Contains(complaints, "no such word") {
		t.Errorf("exit code %d, %s", code, complaints)
	}
}

func TestListOfExplanationsAsJSONHasCodesRulesAndTerms(t *testing.T) {
	out, _, code := call(t, "explain", "--json")
	var all struct {
		Codes []struct{ Code, Title, Cause string }
		Rules []struct{ ID, Title, Text string }
		Terms []struct{ Word, Meaning string }
	}
	if r := readDocument(t, out, &all); r.Exit != code || code != exitDone {
		t.Fatalf("%+v, exit code %d", r, code)
	}
	if len(all.Terms) != len(journal.Terms()) || len(all.Codes) != len(journal.Codes()) || len(all.Rules) != len(journal.Rules()) || all.Codes[0].Cause == "" || all.Rules[0].ID != "R1.1" {
		t.Errorf("%d codes and %d rules", len(all.Codes), len(all.Rules))
	}
}
