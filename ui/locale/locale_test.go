package locale

import (
	"maps"
	"testing"
)

func TestOnlyWhatNamesNoLanguageIsReplaced(t *testing.T) {
	for _, row := range []struct {
		name       string
		have, want map[string]string
	}{
		{"nothing is set", map[string]string{}, map[string]string{"LANG": fallback}},
		{"C", map[string]string{"LANG": "C"}, map[string]string{"LANG": fallback}},
		{"C with a character set", map[string]string{"LANG": "C.UTF-8"}, map[string]string{"LANG": fallback}},
		{"POSIX for all", map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": fallback}},
		{"a language stays", map[string]string{"LANG": "nl_NL.UTF-8"}, map[string]string{"LANG": "nl_NL.UTF-8"}},
		{"messages in C", map[string]string{"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "C"}, map[string]string{"LANG": "ja_JP.UTF-8", "LC_MESSAGES": fallback}},
	} {
		t.Run(row.name, func(t *testing.T) {
			settle(func(k string) string { return row.have[k] }, func(k, v string) error { row.have[k] = v; return nil })
			if !maps.Equal(row.have, row.want) {
				t.Errorf("%v, want %v", row.have, row.want)
			}
		})
	}
}
