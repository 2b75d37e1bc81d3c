//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// fullDisk is a standard output that takes some bytes, and then fails.
type fullDisk struct{ free int }

var errFull = errors.New("no space left on device")

func (d *fullDisk) Write(b []byte) (int, error) {
	n := min(d.free, len(b))
	d.free -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

// callsOfAll is a call of each command, with words that are replaced: LAB, STATE,
// PLAN, CHAIN and OUT are files.
var callsOfAll = map[string]string{
	"demo":                  "demo",
	"demo rules":            "demo rules",
	"run":                   "run --lab LAB",
	"mailbox contacts":      "mailbox contacts --lab LAB",
	"mailbox calls":         "mailbox calls --lab LAB",
	"mailbox voicemail":     "mailbox voicemail --lab LAB",
	"mailbox calendar":      "mailbox calendar --lab LAB",
	"mailbox resolve":       "mailbox resolve kerry --lab LAB",
	"voicemail play":        "voicemail play --help", // it prints no more
	"voicemail save":        "voicemail save 1 --lab LAB --out OUT --force",
	"voicemail delete":      "voicemail delete 1 --yes --lab LAB",
	"screenshot":            "screenshot --demo list",
	"lab":                   "lab",
	"lab exec":              "lab exec -- ocphone version",
	"lab root list":         "lab root list --lab LAB",
	"lab root publish":      "lab root publish public --lab LAB",
	"lab root withdraw":     "lab root withdraw public --lab LAB",
	"lab cert set":          "lab cert set edge --defect good --lab LAB",
	"lab user set":          "lab user set kerry --display Kerry --lab LAB",
	"lab rule list":         "lab rule list --lab LAB",
	"lab rule set":          "lab rule set Hellerup.contoso.com end ^9$ +9 --lab LAB",
	"lab rule remove":       "lab rule remove Hellerup.contoso.com 1 --lab LAB",
	"lab rule load":         "lab rule load Hellerup.contoso.com PLAN --lab LAB",
	"lab mailbox contacts":  "lab mailbox contacts tu 1 --lab LAB",
	"lab mailbox missed":    "lab mailbox missed tu --lab LAB",
	"lab mailbox voicemail": "lab mailbox voicemail tu --lab LAB",
	"lab clock advance":     "lab clock advance 1s --lab LAB",
	"check trust":           "check trust --lab LAB pool.contoso.com",
	"certs list":            "certs list --state STATE",
	"certs verify":          "certs verify CHAIN --name pool.contoso.com --state STATE",
	"certs import":          "certs import CHAIN --state STATE",
	"certs export":          "certs export --state STATE",
	"reset":                 "reset --paper-clip --state STATE",
	"explain":               "explain cert.untrusted",
	"dialplan lint":         "dialplan lint PLAN",
	"dialplan test":         "dialplan test PLAN 1",
	"dialplan explain":      "dialplan explain PLAN 1",
	"version":               "version",
}

// callWords replaces the words in callsOfAll. Beside those there is CASES, a table of
// cases for PLAN.
func callWords(t *testing.T) *strings.Replacer {
	t.Helper()
	world, ready := runningLab(t)
	if _, err := world.Serve(); err != nil {
		t.Fatal(err)
	}
	if err := world.WriteReady(ready); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	state := filepath.Join(dir, "phone")
	if _, complaints, code := call(t, "run", "--lab", ready, "--state", state); code != exitDone {
		t.Fatal(complaints)
	}
	plan := dialplanFile(t, "plan.csv", "Name,Pattern,Translation\n"+strings.Repeat("x,^1$,+1\n", 10)+"y,(((,1\nz,^2$,+14255550100\n")
	return strings.NewReplacer("LAB", ready, "STATE", state, "PLAN", plan, "OUT", filepath.Join(dir, "out"),
		"CASES", dialplanFile(t, "cases.csv", "input,expected\n2,+14255550100\n1,+2\n"),
		"CHAIN", filepath.Join(ready+".roots", "enterprise.pem"))
}

// TestLostOutputIsAFailure: of every command, in every form that it prints
// (docs/ci.md#exit-codes).
func TestLostOutputIsAFailure(t *testing.T) {
	words := callWords(t)
	everyCommand(func(c *cobra.Command) {
		name := strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), "ocphone"), " ")
		line, ok := callsOfAll[name]
		if !ok && !c.HasSubCommands() {
			t.Errorf("no call of %q is here", name)
		}
		if !ok {
			line = name // it shows its help
		}
		forms := []string{line, name + " --help"}
		if forms = append(forms, line+" --json"); c.Flags().Lookup("junit") != nil {
			forms = append(forms, line+" --junit")
		}
		for _, form := range forms {
			for _, free := range []int{0, 7} {
				if name == "lab root withdraw" {
					call(t, strings.Fields(words.Replace("lab root publish public --lab LAB"))...)
				}
				var complaints bytes.Buffer
				code := environment{in: os.Stdin, out: &fullDisk{free}, err: &complaints}.run(t.Context(),
					strings.Fields(words.Replace(form)))
				if code != exitPerson || !strings.Contains(complaints.String(), "ocphone: the standard output cannot be written: "+errFull.Error()) {
					t.Errorf("ocphone %s: exit code %d, %s", form, code, &complaints)
				}
			}
		}
	})
	for _, line := range []string{"--version", "completion bash", "help run", "explain", "run --lab LAB --screen", "version --guesses"} {
		var complaints bytes.Buffer
		code := environment{in: os.Stdin, out: &fullDisk{}, err: &complaints}.run(t.Context(), strings.Fields(words.Replace(line)))
		if code != exitPerson || !strings.Contains(complaints.String(), errFull.Error()) {
			t.Errorf("ocphone %s: exit code %d, %s", line, code, &complaints)
		}
	}
}
