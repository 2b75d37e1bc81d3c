package journal

import "testing"

func TestDistanceCountsChanges(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"signin", "sign-in", 1}, {"same", "same", 0}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNearestNameIsLikeTheTypedOne(t *testing.T) {
	known := []string{"cert.untrusted", "cert.name", "GRUU", "expired"}
	for typed, want := range map[string]string{
		"cert.untrustd": "cert.untrusted", "CERT.NAME": "cert.name", "gru": "GRUU", "exp": "expired", "ex": "", "": "",
		"cert": "cert.untrusted", "frobnicated": "", "cert.überall": "",
	} {
		if got := Nearest(typed, known); got != want {
			t.Errorf("%q: %q, want %q", typed, got, want)
		}
	}
}
