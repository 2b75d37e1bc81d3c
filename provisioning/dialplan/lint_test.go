package dialplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// found are the ids of findings on one rule, sorted.
func found(findings []Finding, rule int) (ids []FindingID) {
	for _, f := range findings {
		if f.Rule == rule {
			ids = append(ids, f.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// TestLintFindsWhatIsWrong with a rule, and nothing else.
func TestLintFindsWhatIsWrong(t *testing.T) {
	for _, row := range []struct {
		name, pattern, translation string
		want                       []FindingID
	}{
		{"sound", `^(\d{10})$`, `+1$1`, nil},
		{"sound in alternatives", `^(?:(9)|0)(\d{10})$`, `+1$2`, nil},
		{"sound, each alternative anchored", `(^9(\d{10})$)|(^0(\d{10})$)`, `+1$2$4`, nil},
		{"sound with look-ahead", `^(?!911$)(\d{10})$`, `+1$1`, nil},
		{"sound with a name and an atomic group", `^(?>9)(?<n>\d{10})$`, `+1${n}`, nil},
		{"no anchors", `555(\d{4})`, `+1425555$1`, []FindingID{Unanchored}},
		{"no end", `^555(\d{4})`, `+1425555$1`, []FindingID{Unanchored}},
		{"one alternative without", `^1(\d{4})$|^2(\d{4})`, `+14255$1$2`, []FindingID{Unanchored}},
		{"no end after look-ahead", `^(?=5)(\d{7})`, `+1425$1`, []FindingID{Unanchored}},
		{"contradiction", `^5^(\d{7})$`, `+1425$1`, []FindingID{NeverMatches}},
		{"wants a hyphen", `^(\d{3})-(\d{4})$`, `+1425$1$2`, []FindingID{NeverMatches}},
		{"wants a plus", `^\+1(\d{10})$`, `+1$1`, []FindingID{NeverMatches}},
		{"wants nothing", `^$`, `+1`, []FindingID{NeverMatches}},
		{"no plus", `^(\d{10})$`, `1$1`, []FindingID{NotE164}},
		{"some too long", `^011(\d+)$`, `+$1`, []FindingID{NotE164}},
		{"no such group", `^(\d{4})$`, `+1425555$10`, []FindingID{NoSuchGroup, NotE164}},
		{"does not compile", `^(\d{4}$`, `+1425555$1`, []FindingID{NotUsable}},
		{"too long", `^(\d{4})$` + strings.Repeat("|^1", MaxRule), `+1425555$1`, []FindingID{NotUsable}},
		{"slow", `^(\d+)+$`, `+1$1`, []FindingID{Slow}},
		{"slow on its own prefix", `^55(a|aa)+$`, `+1$1`, []FindingID{Slow}},
		{"back-reference that no sample meets", `^(\d{9})\1$`, `+1$1`, []FindingID{NotExamined}},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := Lint(planOfRules(Rule{Pattern: row.pattern, Translation: row.translation}), Options{MatchTimeout: 20 * time.Millisecond})
			if ids := found(got, 1); !slices.Equal(ids, row.want) || len(got) != len(ids) {
				t.Errorf("%v, want %v: %+v", ids, row.want, got)
			}
			for _, f := range got {
				if f.Sentence == "" || f.Fix == "" || f.Method == "" || f.Severity == "" || f.Label != "rule 1" {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// TestServiceNumbersNeedNoE164: emergency and service numbers have no such form,
// and a plan that holds them passes.
func TestServiceNumbersNeedNoE164(t *testing.T) {
	for _, row := range []struct {
		pattern, translation string
		want                 Severity // of not-e164; empty: no finding
	}{
		{`^([2-9]11)$`, `$1`, Note},
		{`^(112|144|140\d{2,3}|116\d{3}|18\d{2})$`, `$1`, Note},
		{`^(999|112|1(?:16\d{3}|\d{2})|[\*#][\*#\d]*#)$`, `$1`, Note},
		{`^9(911)$`, `$1`, Note},
		{`^(\d{4})$`, `$1`, Note}, // a service number or an extension: the pattern does not say
		{`^(\d{2})$`, `$1`, Warning},
		{`^(\d{7})$`, `$1`, Warning},
		{`^(\d{10})$`, `1$1`, Warning},
		{`^(911|\d{10})$`, `$1`, Warning},
		{`^(\d{3})$`, `x$1`, Warning},
		{`^(\d{7})$`, `+1425$1`, ""},
	} {
		var got Severity
		for _, f := range Lint(planOfRules(Rule{Pattern: row.pattern, Translation: row.translation}), Options{}) {
			if f.ID != NotE164 {
				t.Errorf("%s: %+v", row.pattern, f)
			}
			if got = f.Severity; got == Note && (!strings.HasPrefix(f.Fix, "leave it as it is") || !strings.Contains(f.Sentence, "emergency")) {
				t.Errorf("%s: %s; %s", row.pattern, f.Sentence, f.Fix)
			}
		}
		if got != row.want {
			t.Errorf("%s: %q, want %q", row.pattern, got, row.want)
		}
	}
}

// TestLintFindsShadowedRules by identical patterns and by samples.
func TestLintFindsShadowedRules(t *testing.T) {
	for _, row := range []struct {
		name     string
		patterns []string // the last is judged
		want     bool
	}{
		{"identical", []string{`^(\d{4})$`, `^(\d{4})$`}, true},
		{"identical with back-reference", []string{`^(\d{9})\1$`, `^(\d{9})\1$`}, true},
		{"part of a wider one", []string{`^\d{4,7}$`, `^(55\d{3})$`}, true},
		{"a literal", []string{`^9\d\d$`, `^(911)$`}, true},
		{"two together", []string{`^[0-4]\d{3}$`, `^[5-9]\d{3}$`, `^(\d{4})$`}, true},
		{"exception first", []string{`^911$`, `^(\d{3})$`}, false},
		{"all but a tenth", []string{`^[0-8]\d{3}$`, `^(\d{4})$`}, false},
		{"other lengths", []string{`^\d{4}$`, `^(\d{4,5})$`}, false},
		{"earlier one is slow, and passed over", []string{`^(\d+)+$`, `^(\d{4})$`}, false},
		{"earlier one does not compile", []string{`^(\d{4}`, `^(\d{4})$`}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var p Plan
			for _, pattern := range row.patterns {
				p.Rules = append(p.Rules, Rule{Pattern: pattern, Translation: "+1425$&"})
			}
			findings := Lint(p, Options{MatchTimeout: 20 * time.Millisecond})
			if got := slices.Contains(found(findings, len(p.Rules)), Shadowed); got != row.want {
				t.Errorf("%v: %+v", got, findings)
			}
		})
	}
	f := Lint(planOfRules(Rule{Name: "a", Pattern: `^[0-4]\d{3}$`, Translation: "+14$&"}, Rule{Pattern: `^[5-9]\d{3}$`, Translation: "+14$&"}, Rule{Pattern: `^(\d{4})$`, Translation: "+14$1"}), Options{})
	if len(f) != 1 || !strings.HasPrefix(f[0].Sentence, "rule 1 (a), rule 2 take all that it matches") || !strings.Contains(f[0].Method, "others may behave differently") {
		t.Errorf("%+v", f)
	}
}

func TestLintFindsWhatIsWrongWithThePlan(t *testing.T) {
	var p Plan
	for i := range TeamsRules + 1 {
		p.Rules = append(p.Rules, Rule{Name: fmt.Sprint("r", i), Pattern: fmt.Sprintf(`^%02d(\d{4})$`, i), Translation: "+1425$1"})
	}
	p.Rules[7].Name = "R3"
	p.Notes = []string{"Rule 1 has no Pattern."}
	f := Lint(p, Options{})
	if !slices.Equal(found(f, 0), []FindingID{DocumentWarning, TooMany}) || !slices.Equal(found(f, 8), []FindingID{Duplicate}) || len(f) != 3 {
		t.Errorf("%+v", f)
	}
}

// TestLintEnds on a plan that is made to keep it busy, and says what it left out.
func TestLintEnds(t *testing.T) {
	var p Plan
	for range 200 {
		p.Rules = append(p.Rules, Rule{Pattern: `^(\d+)+$`, Translation: "+1$1"})
	}
	f := Lint(p, Options{MatchTimeout: time.Millisecond})
	if !slices.Contains(found(f, 0), NotExamined) {
		t.Errorf("%v", found(f, 0))
	}
}

// TestGroupFixIsRight: what the fix says makes what the author meant.
func TestGroupFixIsRight(t *testing.T) {
	f := Lint(planOfRules(Rule{Pattern: `^(\d{7})$`, Translation: `+$1000`}), Options{})
	i := slices.IndexFunc(f, func(f Finding) bool { return f.ID == NoSuchGroup })
	if i < 0 || !strings.HasPrefix(f[i].Fix, "write ${1}000: ") {
		t.Fatalf("%+v", f)
	}
	for translation, want := range map[string]string{`$1000`: "1", `$05`: "", `$9`: "", `$x`: ""} {
		c := Compile(planOfRules(Rule{Pattern: `^(\d)$`, Translation: translation}), Options{})
		if got := c.rules[0].shorterGroup(translation[1:]); got != want {
			t.Errorf("%s: %q", translation, got)
		}
	}
	for translation, want := range map[string]int{`$$1`: 0, `$&$0`: 0, `${n}`: 0, `${x}`: 1, `$`: 1, `$x`: 1, `$2`: 1, `${1`: 1, "$`$'$+$_": 0} {
		c := Compile(planOfRules(Rule{Pattern: `^(?<n>\d)$`, Translation: translation}), Options{})
		bad := 0
		for _, ref := range references(translation) {
			if !c.rules[0].hasGroup(ref.name) {
				bad++
			}
		}
		if bad != want {
			t.Errorf("%s: %d", translation, bad)
		}
	}
}

func FuzzLint(f *testing.F) {
	for _, s := range []string{`^(\d+)+$`, `^(?!9[)\]])(\d{3})$`, `(?<n>a|b)*\k<n>`, `[^\d]{3,}`, `(?>a(b)`, `\`} {
		f.Add(s, "+$1")
	}
	f.Fuzz(func(t *testing.T, pattern, translation string) {
		for _, x := range Lint(planOfRules(Rule{Pattern: pattern, Translation: translation}, Rule{Pattern: "^" + pattern, Translation: "$&"}), Options{MatchTimeout: 2 * time.Millisecond}) {
			if x.Sentence == "" || x.Fix == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}
