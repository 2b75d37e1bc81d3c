//go:build realpeers && linux

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/peer"
)

// headless are the packages whose tests run as Windows programs: all but those of
// the user interface, whose windows `make windows-test` uses. Of two packages a part
// is enough for what differs in Windows (files, processes, connections, TLS), since a
// test takes several times as long in wine.
var headless = []struct{ packages, run string }{
	{"./certstore/... ./provisioning/... ./ews/... ./device/...", ""},
	{"./device", "^(Example.*|Test(R1_|Phone|Lab|What|Reset|Reading|Memory|Pulling|RootSet|DNS|NXDOMAIN|Connection|TLS|ServerThat" +
		"|Registrar|PIN|CloseAt|Lost|Settle).*)$"},
	{"./cmd/ocphone", "^Test(Check|Nothing|Self|Unpublished|Stored|Chain|Server|Table|Dialplan|R12_).*$"},
}

// notInWine are the tests that do not run as Windows programs, with the reason.
var notInWine = []struct{ reason, tests string }{
	{"it starts go, which is not in wine", "TestAnotherModuleTestsWithIt"},
	{"hours in which a phone polls its mailbox take minutes", "ExampleWorld_Advance"},
	{"it gives a server 30 ms, which is little in wine", "TestServerAnswersAfterSilence"},
	{"it opens a file thousands of times", "TestErasedValuesDoNotComeBackWithADamagedMetaPage TestResetSurvivesADamagedMetaPage"},
	{"a damaged file stays open (docs/limits.md#what-to-know-about-files), so that the test cannot remove it",
		"TestDamagedFileIsAnErrorAndIsNotChanged"},
}

// TestPeerWindows runs tests and programs that are built for Windows in wine.
func TestPeerWindows(t *testing.T) {
	w := peer.NewWine(t)
	t.Run("story", func(t *testing.T) { storyInWine(t, w) })
	t.Run("tests", func(t *testing.T) { testsInWine(t, w) })
}

func testsInWine(t *testing.T, w *peer.Wine) {
	var skip []string
	for _, n := range notInWine {
		for name := range strings.FieldsSeq(n.tests) {
			t.Logf("%s does not run: %s", name, n.reason)
			skip = append(skip, name)
		}
	}
	wantTests(t, skip)
	flags := []string{"-count=1", "-timeout", "10m", "-skip", "^(" + strings.Join(skip, "|") + ")$"}
	passed := 0
	for _, part := range headless {
		args := flags
		if part.run != "" {
			args = append(slices.Clone(flags), "-run", part.run)
		}
		packages := strings.Fields(peer.Command{Dir: root}.Output(t, "go", append([]string{"list"}, strings.Fields(part.packages)...)...))
		if part.run == "" {
			packages = slices.DeleteFunc(packages, func(p string) bool { return p == module+"/device" })
		}
		out, code := w.Test(t, root, append(args, packages...)...)
		if code != 0 {
			t.Errorf("go test of %s ended with %d:\n%s", part.packages, code, out)
		}
		passed += len(regexp.MustCompile(`(?m)^ok  \t.*[0-9]s$`).FindAllString(out, -1))
	}
	if passed < 35 {
		t.Errorf("the tests of %d packages only were run", passed)
	}
	peer.Row(t, "wine", "the tests of the headless packages pass as Windows programs, but for those that "+
		"`cmd/ocphone/windows_peer_test.go` names")
}

// wantTests fails if a test does not exist.
func wantTests(t *testing.T, names []string) {
	left := slices.Clone(names)
	eachGoFile(t, func(t *testing.T, file string) {
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		b, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Error(err)
		}
		left = slices.DeleteFunc(left, func(name string) bool { return strings.Contains(string(b), "\nfunc "+name+"(") })
	})
	if len(left) > 0 {
		t.Errorf("notInWine names tests that do not exist: %s", left)
	}
}

// storyInWine plays the README's story with the program for Windows.
func storyInWine(t *testing.T, w *peer.Wine) {
	dir := peer.Dir(t)
	program := filepath.Join(dir, "ocphone.exe")
	w.Build(t, []string{"CGO_ENABLED=0"}, program, ".")
	c := w.Command(dir)
	run := func(code int, wants []string, args ...string) string {
		t.Helper()
		out, ended := c.Run(t, "wine", append([]string{program}, args...)...)
		if ended != code {
			t.Errorf("ocphone %s ended with %d, want %d:\n%s", strings.Join(args, " "), ended, code, out)
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("ocphone %s does not say %q:\n%s", strings.Join(args, " "), want, out)
			}
		}
		return out
	}
	run(0, []string{"✓ Inside, one root came from Active Directory", "✓ Outside, the phone signed in through the Edge."}, "demo")

	ready := filepath.Join(dir, "lab.json")
	started := c
	started.Ready = func() error { _, err := os.Stat(ready); return err }
	started.Start(t, "wine", program, "lab", "--ready", "lab.json")
	run(0, []string{"[cert.untrusted]", "Publish the root CN=Adatum Public Root CA"},
		"run", "--lab", "lab.json", "--outside", "--expect", "cert.untrusted")
	run(0, []string{"Signed in as tu@contoso.com at pool.contoso.com."}, "run", "--lab", "lab.json", "--state", "phone")
	const root = "CN=Contoso Root CA,DC=contoso,DC=com"
	run(0, []string{root}, "certs", "list", "--state", "phone")
	run(0, []string{"- " + root, "6 roots stay"}, "reset", "--paper-clip", "--state", "phone")
	if out := run(0, nil, "certs", "list", "--state", "phone"); strings.Contains(out, root) {
		t.Errorf("the paper clip has left a root:\n%s", out)
	}
	run(2, []string{"--nonsense"}, "run", "--nonsense")
	peer.Row(t, "wine", "the README's story, by Windows programs that share a lab and a phone's memory")
}
