package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
)

// call runs a command line in this process.
func call(t *testing.T, args ...string) (out, complaints string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	stdin, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	code = environment{in: stdin, out: &stdout, err: &stderr}.run(t.Context(), args)
	return stdout.String(), stderr.String(), code
}

// readDocument reads the first of the JSON lines in out into v, and returns the
// last, which is the result.
func readDocument(t *testing.T, out string, v any) result {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	var last struct {
		V      int
		Result *result
	}
	if err := json.Unmarshal([]byte(lines[0]), v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.V != jsonVersion || last.Result == nil {
		t.Fatalf("%v: the last line is no result: %s", err, out)
	}
	return *last.Result
}

// everyCommand calls f for each command that a person may call.
func everyCommand(f func(*cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" || c.Hidden {
			return // cobra's own
		}
		f(c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(environment{in: os.Stdin, out: &bytes.Buffer{}, err: &bytes.Buffer{}}.root())
}

// TestHelpShowsAnExample: --help of every command that does something has a
// short text and examples that call it.
func TestHelpShowsAnExample(t *testing.T) {
	n := 0
	everyCommand(func(c *cobra.Command) {
		n++
		out, complaints, code := call(t, append(strings.Fields(c.CommandPath())[1:], "--help")...)
		if code != exitDone || complaints != "" || !strings.Contains(out, "Usage:") {
			t.Errorf("%s --help: exit code %d, %s", c.CommandPath(), code, complaints)
		}
		if c.Short == "" {
			t.Errorf("%s has no short text", c.CommandPath())
		}
		// A command with sub-commands alone shows theirs.
		if does := !c.HasSubCommands() || c.Name() == "lab"; does && !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s has no example", c.CommandPath())
		}
	})
	if n < 15 {
		t.Errorf("only %d commands were seen", n)
	}
}

// flagNames finds flags in a call that an example shows.
var flagNames = regexp.MustCompile(` (--?[a-z][a-z-]*)`)

// TestExamplesCallWhatExists: command and flags of each example line are real.
func TestExamplesCallWhatExists(t *testing.T) {
	root := environment{in: os.Stdin, out: &bytes.Buffer{}, err: &bytes.Buffer{}}.root()
	everyCommand(func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			checkCall(t, root, c.CommandPath(), line)
		}
	})
}

func checkCall(t *testing.T, root *cobra.Command, where, line string) {
	t.Helper()
	line, _, _ = strings.Cut(line, "#")
	line, _, _ = strings.Cut(line, "|")
	line, started, _ := strings.Cut(line, " -- ") // a command that the first one starts
	if started != "" {
		checkCall(t, root, where, started)
	}
	words := strings.Fields(line)
	if len(words) < 2 || words[0] != "ocphone" {
		return
	}
	c, _, err := root.Find(words[1:])
	if err != nil || c == root {
		t.Errorf("%s: no such command in %q: %v", where, line, err)
		return
	}
	for _, m := range flagNames.FindAllStringSubmatch(" "+line, -1) {
		name := strings.TrimLeft(m[1], "-")
		known := c.Flags().Lookup(name) != nil
		if len(name) == 1 {
			known = c.Flags().ShorthandLookup(name) != nil
		}
		if !known {
			t.Errorf("%s: %s has no flag %s", where, c.CommandPath(), m[1])
		}
	}
}

// TestSampleDeploymentIsRead: what the help of lab shows is a deployment.
func TestSampleDeploymentIsRead(t *testing.T) {
	d, err := lab.Read(strings.NewReader(sampleDeployment))
	if err != nil || d.Domain != "example.net" || len(d.Users) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestNoArgumentTakesAPassword: secrets come from a prompt, a file or the
// environment (docs/decisions.md#secrets). The lab's own passwords are public.
func TestNoArgumentTakesAPassword(t *testing.T) {
	everyCommand(func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			secret := strings.Contains(f.Name, "pass") || strings.Contains(f.Name, "secret") || strings.Contains(f.Name, "token")
			allowed := f.Name == "password-file" || c.CommandPath() == "ocphone lab user set"
			if secret && !allowed {
				t.Errorf("%s --%s", c.CommandPath(), f.Name)
			}
		})
	})
}

func TestEachFailureCodeIsExplained(t *testing.T) {
	codes := journal.Codes()
	if len(codes) == 0 {
		t.Fatal("there are no codes")
	}
	list, _, _ := call(t, "explain")
	for _, c := range codes {
		out, complaints, code := call(t, "explain", string(c))
		if code != exitDone || complaints != "" {
			t.Errorf("%s: exit code %d, %s", c, code, complaints)
		}
		for _, part := range []string{string(c) + ": ", "\ncause ", "\nprove ", "\nchange ", "\nrule ", "\nretried "} {
			if !strings.Contains("\n"+out, part) {
				t.Errorf("%s: no %q in\n%s", c, part, out)
			}
		}
		if !strings.Contains(list, string(c)+" ") {
			t.Errorf("%s is not listed", c)
		}
	}
}
