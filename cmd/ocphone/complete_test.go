package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// complete is what a shell gets for a call, without descriptions, and what it does then.
func complete(t *testing.T, args ...string) (words []string, then cobra.ShellCompDirective) {
	t.Helper()
	out, _, code := call(t, append([]string{"__complete"}, args...)...)
	if code != exitDone {
		t.Fatalf("%q: exit code %d", args, code)
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if number, last := strings.CutPrefix(line, ":"); last {
			n, err := strconv.Atoi(number)
			if err != nil {
				t.Fatal(err)
			}
			return words, cobra.ShellCompDirective(n)
		}
		word, _, _ := strings.Cut(line, "\t")
		words = append(words, word)
	}
	t.Fatalf("%q: no directive in %s", args, out)
	return nil, 0
}

func TestShellCompletes(t *testing.T) {
	none, files := cobra.ShellCompDirectiveNoFileComp, cobra.ShellCompDirectiveDefault
	for _, c := range []struct {
		line, word string // in the list; empty: the list is empty
		then       cobra.ShellCompDirective
	}{
		{"run --expect cert.unt", "cert.untrusted", none},
		{"run --firmware ", "today", none},
		{"run --roots ", "factory-2007", none},
		{"run --lang d", "de", none},
		{"run --until ", "ready", none},
		{"run --lab ", "json", cobra.ShellCompDirectiveFilterFileExt},
		{"run --state ", "", cobra.ShellCompDirectiveFilterDirs},
		{"mailbox calls --lab ", "json", cobra.ShellCompDirectiveFilterFileExt},
		{"certs list --state ", "", cobra.ShellCompDirectiveFilterDirs},
		{"check trust --published ", "", cobra.ShellCompDirectiveFilterDirs},
		{"run ", "", none},
		{"lab --config ", "yaml", cobra.ShellCompDirectiveFilterFileExt},
		{"lab cert set ", "exchange", none},
		{"lab cert set pool ", "", none},
		{"lab cert set pool --defect expi", "expired", none},
		{"lab cert set pool --defect ", "good", none},
		{"lab root publish ", "public", none},
		{"lab root withdraw ", "enterprise", none},
		{"lab exec -- ", "", files},
		{"certs import ", "", files},
		{"dialplan lint ", "", files},
		{"screenshot --demo ", "home", none},
		{"screenshot --lang ", "ja", none},
		{"explain cert.", "cert.untrusted", none},
		{"explain R1.", "R1.2", none},
		{"la", "lab", none},
	} {
		words, then := complete(t, strings.Split(c.line, " ")...)
		if then != c.then || c.word == "" && len(words) > 0 || c.word != "" && !slices.Contains(words, c.word) {
			t.Errorf("%q: %q and %d, want %q and %d", c.line, words, then, c.word, c.then)
		}
	}
}

// TestFingerprintsAreCompleted: those of the phone that --state names.
func TestFingerprintsAreCompleted(t *testing.T) {
	_, ready := runningLab(t)
	state := t.TempDir()
	if _, complaints, code := call(t, "run", "--lab", ready, "--state", state); code != exitDone {
		t.Fatal(complaints)
	}
	words, then := complete(t, "certs", "export", "--state", state, "")
	if len(words) < 7 || then != cobra.ShellCompDirectiveNoFileComp {
		t.Fatalf("%q, %d", words, then)
	}
	if more, _ := complete(t, "certs", "export", "--state", state, words[0], ""); len(more) != len(words)-1 {
		t.Errorf("%q, although %s is given", more, words[0])
	}
	if words, then := complete(t, "certs", "export", "--state", t.TempDir(), ""); len(words) > 0 || then&cobra.ShellCompDirectiveError == 0 {
		t.Errorf("no phone: %q, %d", words, then)
	}
}
