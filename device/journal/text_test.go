package journal_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device/journal"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		max            int
	}{
		{"plain", "Tina Udby", "Tina Udby", 0},
		{"other scripts", "Ærø 山田太郎 Ελένη", "Ærø 山田太郎 Ελένη", 0},
		{"combining mark", "e\u0301", "e\u0301", 0},
		{"escape sequence", "a\x1b[2Jb", "a\ufffd[2Jb", 0},
		{"C1 control sequence introducer", "a\u009b2Jb", "a\ufffd2Jb", 0},
		{"newline, tab and no-break space", "a\r\n\tb\u00a0c", "a   b c", 0},
		{"line and paragraph separator", "a\u2028b\u2029c", "a b c", 0},
		{"right-to-left override and isolate", "gnp\u202eexe\u2066.", "gnp\ufffdexe\ufffd.", 0},
		{"right-to-left mark", "a\u200fb", "a\ufffdb", 0},
		{"NUL and DEL", "a\x00b\x7f", "a\ufffdb\ufffd", 0},
		{"not UTF-8", "a\xffb", "a\ufffdb", 0},
		{"joiners", "می\u200cخواهم", "میخواهم", 0},
		{"byte order mark", "\ufeffa", "\ufffda", 0},
		{"as long as allowed", "äöü", "äöü", 3},
		{"longer", "äöüß", "äöü…", 3},
		{"longer and not printable", "ä\x1bü\x1b", "ä\ufffdü…", 3},
		{"joiners beyond the limit", "ab\u200d\u200d", "ab", 2},
		{"empty", "", "", 3},
	} {
		if got := journal.Printable(c.in, c.max); got != c.want {
			t.Errorf("%s: Printable(%q, %d) = %q, want %q", c.name, c.in, c.max, got, c.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[2J\u202e\u009b\xff", 4)
	f.Fuzz(func(t *testing.T, s string, max int) {
		got := journal.Printable(s, max)
		if n := utf8.RuneCountInString(got); max > 0 && n > max+1 {
			t.Errorf("%d characters, at most %d and an ellipsis are allowed", n, max)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q is not printable at byte %d", got, i)
		}
		if again := journal.Printable(got, 0); again != got {
			t.Errorf("Printable changes its own result %q to %q", got, again)
		}
	})
}

func TestStampMakesEveryTextPrintable(t *testing.T) {
	bad := "x\x1b\u202e\u009by"
	s := journal.Step{Asked: bad, Answered: bad, By: bad, Decided: bad, Because: bad, Fix: bad, Details: []string{bad}}
	details := s.Details
	s = s.Stamp(1, time.Time{})
	for _, text := range append([]string{s.Asked, s.Answered, s.By, s.Decided, s.Because, s.Fix}, s.Details...) {
		if strings.ContainsAny(text, "\x1b\u202e\u009b") || !strings.Contains(text, "\ufffd") {
			t.Errorf("%q", text)
		}
	}
	if details[0] != bad {
		t.Error("Stamp changed the caller's slice")
	}
}

// FuzzExcerpt: a value of a document is short and printable, and shows no password.
func FuzzExcerpt(f *testing.F) {
	f.Add("https", "kerry:hunter2", "contoso.com/a?b#c@d")
	f.Add("x", "a@b\u202e", "\xff")
	f.Fuzz(func(t *testing.T, scheme, user, rest string) {
		got := journal.Excerpt(scheme + "://" + user + "@" + rest)
		if n := utf8.RuneCountInString(got); n > 81 || got != journal.Printable(got, 0) {
			t.Errorf("%d characters: %q", n, got)
		}
		// A user part that nothing else of the value holds.
		const secret = "hunter2"
		got = journal.Excerpt("https://kerry:" + secret + "@" + rest)
		if strings.Contains(got, secret) && !strings.Contains(rest, secret) {
			t.Errorf("%q shows the password", got)
		}
	})
}
