package main

import (
	"strings"
	"testing"
)

// TestMistypedWordsAreRecognized: the complaint names what is most like the word.
func TestMistypedWordsAreRecognized(t *testing.T) {
	_, ready := runningLab(t)
	for _, c := range []struct{ line, says string }{
		{"run --signin tu@example.com", "there is no flag --signin: is --sign-in meant?"},
		{"run --timeuot 1s", "is --timeout meant?"},
		{"run --bref", "is --brief meant?"},
		{"run --regist x", "is --registrar meant?"},
		{"mailbox calls --stat x", "is --state meant?"},
		{"run --password secret", "give --password-file FILE, set OCPHONE_PASSWORD"},
		{"run --passwd=secret", "give --password-file FILE, set OCPHONE_PASSWORD"},
		{"run --frobnicate", "unknown flag: --frobnicate (see `ocphone run --help`)"},
		{"run -Z", "unknown shorthand flag"},
		{"run --expect cert.untrustd", "is no code (is cert.untrusted meant?)"},
		{"run --expect frobnicated", "is no code; `ocphone explain` lists them"},
		{"run --until redy", "--until \"redy\" (is ready meant?)"},
		{"run --sign-in tu@example.com --dns 127.0.0.1 --firmware todya", "(is today meant?)"},
		{"explain auth.pasword", "(is auth.password meant?)"},
		{"lab cert set pool --defect expird --lab " + ready, "(is expired meant?)"},
		{"lab certs set pool", "is `ocphone lab cert` meant?"},
		{"screenshot --demo hom", "(is home meant?)"},
		{"rnu", "is `ocphone run` meant?"},
	} {
		out, complaints, code := call(t, strings.Fields(c.line)...)
		if code != exitUsage || out != "" || !strings.Contains(complaints, c.says) || strings.Contains(complaints, "secret") {
			t.Errorf("%s: exit code %d, %q, %s", c.line, code, out, complaints)
		}
	}
}
