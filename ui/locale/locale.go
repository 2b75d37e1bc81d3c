// Package locale prevents an error message of Fyne about the user's language.
//
// Fyne asks the operating system for it while its packages initialize, and
// writes an error to stderr when LANG is "C", "POSIX" or missing, as in a
// container or a cron job. The texts of the phone come from its own catalogue,
// so the answer does not matter. Import this package for its effect, from a
// package that imports Fyne:
//
//	import _ "github.com/ocphone/ocphone/ui/locale"
//
// It imports os alone. Of all packages whose imports are initialized, Go takes
// the one whose path sorts first; this one is ready as soon as os is, which is
// long before what fyne/lang imports.
package locale

import (
	"os"
	"strings"
)

// fallback is a locale that every parser of locales understands.
const fallback = "en_US.UTF-8"

func init() { settle(os.Getenv, os.Setenv) }

// settle replaces values that do not name a language. The locale is looked up in
// LC_ALL, then LC_MESSAGES, then LANG.
func settle(get func(string) string, set func(string, string) error) {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANGUAGE"} {
		if v := get(name); v != "" && nameless(v) {
			_ = set(name, fallback) // it fails only for an invalid name
		}
	}
	if nameless(get("LANG")) {
		_ = set("LANG", fallback)
	}
}

// nameless reports whether a locale does not name a language: "", C, C.UTF-8, POSIX.
func nameless(v string) bool {
	if i := strings.IndexAny(v, ".@"); i >= 0 {
		v = v[:i]
	}
	return v == "" || v == "C" || v == "POSIX"
}
