package journal

import (
	"strings"
	"testing"
)

func TestWarningsAreLimited(t *testing.T) {
	list := func(n int) []string {
		var w Warnings[string]
		for range n {
			w.Add("odd")
		}
		return w.List(strings.ToUpper)
	}
	if list(0) != nil || len(list(100)) != 100 {
		t.Error("warnings up to the limit must be kept")
	}
	for n, want := range map[int]string{101: "1 MORE WARNING IS NOT LISTED.", 102: "2 MORE WARNINGS ARE NOT LISTED."} {
		if got := list(n); len(got) != 101 || got[100] != want {
			t.Errorf("%d: %d, %q", n, len(got), got[len(got)-1])
		}
	}
}

func TestExcerpt(t *testing.T) {
	for in, want := range map[string]string{
		"Redmond":                                      "Redmond",
		"a\u202eb\x1b":                                 "a\ufffdb\ufffd",
		strings.Repeat("é", 90):                        strings.Repeat("é", 80) + "…",
		"https://kerry:hunter2@contoso.com/":           "https://…@contoso.com/",
		"https://a:b@c@contoso.com?x=a@b":              "https://…@contoso.com?x=a@b",
		"https://contoso.com/kerry@contoso.com":        "https://contoso.com/kerry@contoso.com",
		"https://k:" + strings.Repeat("p", 100) + "@c": "https://…@c",
	} {
		if got := Excerpt(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
