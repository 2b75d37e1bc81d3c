package journal_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestEachCodeHasAPage reads the constants from the source, so that a new code
// without a page fails here.
func TestEachCodeHasAPage(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		lit, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		seen++
		value, _ := strconv.Unquote(lit.Value)
		p := journal.Code(value).Page()
		for field, text := range map[string]string{"Title": p.Title, "Cause": p.Cause, "Prove": p.Prove, "Change": p.Change, "Rule": p.Rule} {
			if text == "" {
				t.Errorf("%s (%s): the page has no %s", spec.Names[0], value, field)
			}
		}
		if string(p.Code) != value {
			t.Errorf("%s: page says %q", value, p.Code)
		}
		return true
	})
	if seen != len(journal.Codes()) {
		t.Errorf("%d codes, %d pages", seen, len(journal.Codes()))
	}
}

func TestFailureHasReasonAndRemedy(t *testing.T) {
	err := fmt.Errorf("signing in: %w", &journal.Failure{Code: journal.ConnRefused, Asked: "pool.contoso.com:5061", Err: errors.New("connect: connection refused")})
	s := journal.FailureOf(err).Step(journal.Connect)
	if s.State != journal.Failed || s.Decided == "" || s.Fix == "" || s.Answered == "" || s.Asked == "" {
		t.Errorf("incomplete step: %+v", s)
	}
	if !strings.Contains(err.Error(), "net.refused") {
		t.Errorf("no code in %q", err)
	}
	if got := journal.FailureOf(errors.New("boom")).Code; got != journal.Internal {
		t.Errorf("an unknown error has code %q", got)
	}
}

func TestSlowReaderGetsTheNumberOfMissedEntries(t *testing.T) {
	l := journal.Log[int]{Keep: 4}
	for i := 1; i <= 10; i++ {
		l.Append(i, nil)
	}
	got, next, missed := l.Since(2)
	if fmt.Sprint(got) != "[7 8 9 10]" || next != 10 || missed != 4 {
		t.Errorf("Since(2) = %v, next %d, missed %d", got, next, missed)
	}
	if got, _, _ := l.Since(9); fmt.Sprint(got) != "[10]" {
		t.Errorf("Since(9) = %v", got)
	}
}

func TestWaitReturnsOnEntryCancelAndClose(t *testing.T) {
	var l journal.Log[string]
	go l.Append("a", nil)
	got, next, _, ok := l.Wait(context.Background(), 0)
	if !ok || len(got) != 1 || next != 1 {
		t.Fatalf("Wait = %v %d %v", got, next, ok)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, _, ok := l.Wait(ctx, next); ok {
		t.Error("Wait did not end with its context")
	}
	go l.Close()
	if _, _, _, ok := l.Wait(context.Background(), next); ok {
		t.Error("Wait did not end with Close")
	}
	if l.Append("b", nil) != 0 {
		t.Error("a closed log took an entry")
	}
}
