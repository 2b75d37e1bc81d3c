package dialplan

import (
	"testing"

	"github.com/dlclark/regexp2"
)

// TestR12_1CategoriesInSets: as .NET takes them, where regexp2 alone does not.
func TestR12_1CategoriesInSets(t *testing.T) {
	for _, row := range []struct{ pattern, input, want string }{
		{`^[\W\d]+$`, "*31#", "+"},
		{`^[\W\d]+$`, "x31", ""},
		{`^[^\W\d]+$`, "ext", "+"},
		{`^[^\W\d_]+$`, "e1t", ""},
		{`^[\W\D]$`, "x", "+"},
		{`^[\W\D]$`, "5", ""},
		{`^[^\S\D]$`, "5", ""},
		{`^[5\W\d-7]+$`, "6-7", "+"},
		{`^[\W\d-[*5]]$`, "6", "+"},
		{`^[\W\d-[*5]]$`, "5", ""},
		{`^[\d-[^\W\d]]$`, "5", "+"},
		{`^[]\W\d]$`, "]", "+"},
		{`^[\P{Lu}\d]$`, "5", "+"},
		{`^[[:x:]\W\d]$`, "5", "+"},
		{`^\[\W\d]$`, "[*5]", "+"},
		{`^(?#[\W\d])\W5$`, "*5", "+"},
		{`\W*(\d{4})$`, "51234", "5+"}, // what a match may begin with
		{`\D?\w$`, "5", "+"},
		{`^(\W|\d)+$`, "*31#", "+"},
		{`^([#\W]|\D|\d)+$`, "*3x#", "+"},
		{`(?i)^(\P{Lu}|[a\W])+$`, "5#a", "+"},
		{`(?:([^\W\d])|(\d))+`, "x5", "+"},
		{`(?<=[^\W\d])5`, "x5", "x+"},
		{`^(?:[\W\d]|x)*$`, "555-0100-555-0100-555-0100-555-0100y", ""}, // in time
	} {
		c := Compile(planOfRules(Rule{Pattern: row.pattern, Translation: "+"}), Options{})
		if r := c.Translate("5"); len(c.Skipped()) > 0 || len(r.Skipped) > 0 {
			t.Errorf("%s is skipped: %v %v", row.pattern, c.Skipped(), r.Skipped)
			continue
		}
		got := ""
		ok, err := c.rules[0].match([]rune(row.input))
		if ok {
			got, err = c.rules[0].replace(row.input)
		}
		if got != row.want || err != nil {
			t.Errorf("%s on %s: %q, %v, want %q; it is compiled as %s", row.pattern, row.input, got, err, row.want, rewrite(row.pattern))
		}
	}
	for _, plain := range []string{`^5(\d{4})$`, `^[^0-9*#]+$`, `^(?<a>\w+)[\s\d]$`} {
		if got := rewrite(plain); got != plain {
			t.Errorf("%s is changed to %s", plain, got)
		}
	}
}

// FuzzRewrite: a pattern that regexp2 compiles is compiled, with the same groups.
func FuzzRewrite(f *testing.F) {
	for _, s := range []string{`[^\W\d-[\D5-[^\S]]]+(?<n>x)`, `(?#[\W)[a-\W\d]`, `[]\W\d[:a:]\c]]`, `\D[^\P{L}\d`, `(?x) # [\W\d]`,
		"(?x) # [\\W\n\\d]", `\W[5-\-[^\S]]`, `[\Wd-[]\+(?<n\D5-[^]S]]]`, `[\W\d[:_:])\c]]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		plain, err := func() (re *regexp2.Regexp, err error) {
			defer recoverEngine(&err)
			return regexp2.Compile(pattern, regexp2.None)
		}()
		if err != nil {
			return
		}
		re, err := compile(pattern)
		if err != nil {
			t.Fatalf("%q, rewritten as %q: %v", pattern, rewrite(pattern), err)
		}
		if a, b := plain.GetGroupNumbers(), re.GetGroupNumbers(); len(a) != len(b) {
			t.Errorf("%q has groups %v, rewritten as %q %v", pattern, a, rewrite(pattern), b)
		}
	})
}
