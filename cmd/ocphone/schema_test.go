//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spf13/cobra"
)

// schemas are the forms of lines, by their names in docs/schema.json.
type schemas map[string]*jsonschema.Schema

func readSchemas(t *testing.T) schemas {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "docs/schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	all := schemas{}
	for name := range document.(map[string]any)["$defs"].(map[string]any) {
		if all[name], err = c.Compile("schema.json#/$defs/" + name); err != nil {
			t.Fatal(err)
		}
	}
	all[""] = c.MustCompile("schema.json") // any line
	return all
}

// check reports a line that has not the form of that name, or that would have it with
// a field more.
func (s schemas) check(t *testing.T, name, line string) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
	if err != nil {
		t.Errorf("no JSON: %s", line)
		return
	}
	for _, form := range []string{name, ""} {
		if err := s[form].Validate(value); err != nil {
			t.Errorf("no %s: %v\n%s", form, err, line)
		}
	}
	value.(map[string]any)["more"] = true
	if s[name].Validate(value) == nil {
		t.Errorf("%s allows any field", name)
	}
}

// documented are the forms of the lines of each command in docs/json.md.
func documented(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "docs/json.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(b), "| Command |")
	quoted := regexp.MustCompile("`([a-z -]+)`")
	forms := map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			continue
		}
		for _, command := range quoted.FindAllStringSubmatch(cells[1], -1) {
			for _, form := range quoted.FindAllStringSubmatch(cells[2], -1) {
				if !strings.HasPrefix(form[1], "--") {
					forms[command[1]] = append(forms[command[1]], form[1])
				}
			}
		}
	}
	return forms
}

// formOf is the form of a line of a command: what a key of it names, else the first
// that is documented.
func formOf(line string, documented []string) string {
	var keys map[string]json.RawMessage
	json.Unmarshal([]byte(line), &keys)
	for _, form := range append([]string{"result"}, documented...) {
		if keys[form] != nil {
			return form
		}
	}
	return append(documented, "result")[0]
}

// watched is an output that calls end when a text is written.
type watched struct {
	bytes.Buffer
	text string
	end  context.CancelFunc
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.Buffer.Write(b)
	if bytes.Contains(b, []byte(w.text)) {
		w.end()
	}
	return n, err
}

// TestJSONHasTheDocumentedForm: of every command, at its success and at a mistake.
func TestJSONHasTheDocumentedForm(t *testing.T) {
	all, forms, words := readSchemas(t), documented(t), callWords(t)
	used := map[string]bool{}
	run := func(name, line string) {
		t.Helper()
		args := append(strings.Fields(words.Replace(line)), "--json")
		ctx, end := context.WithCancel(t.Context())
		defer end()
		out := &watched{text: "\n", end: func() {}}
		if name == "lab" {
			out.end = end
		}
		var complaints bytes.Buffer
		code := environment{in: os.Stdin, out: out, err: &complaints}.run(ctx, args)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		seen := map[string]bool{}
		for i, line := range lines {
			form := formOf(line, forms[name])
			all.check(t, form, line)
			if seen[form] = true; (form == "result") != (i == len(lines)-1) ||
				form != "result" && !slices.Contains(forms[name], form) {
				t.Errorf("ocphone %s: line %d of %d is a %s, documented are %q", name, i+1, len(lines), form, forms[name])
			}
		}
		if r := readDocument(t, out.String(), new(any)); r.Exit != code || r.Command != name || (r.Message != "") != (code != exitDone) {
			t.Errorf("ocphone %s: exit code %d, result %+v, %s", strings.Join(args, " "), code, r, &complaints)
		}
		if code == exitDone && len(seen) == 1 && forms[name] != nil {
			t.Errorf("ocphone %s: there is only a result", strings.Join(args, " "))
		}
		maps.Copy(used, seen)
	}
	everyCommand(func(c *cobra.Command) {
		name := commandName(c)
		line, ok := callsOfAll[name]
		switch {
		case name == "", name == "lab exec": // the output of the latter is that of another program
			return
		case name == "voicemail play":
			line = "voicemail play 1 --player cat --lab LAB"
		case !ok:
			line = name
		}
		run(name, line)
		run(name, name+" --frobnicate")
	})
	for _, line := range []string{"run --lab LAB --outside", "run --lab LAB --outside --expect cert.untrusted", "run --lab LAB --expect cert.name"} {
		run("run", line)
	}
	run("check trust", "check trust --lab LAB pool.contoso.com sip.contoso.com:443 gone.contoso.com --ad contoso.com --without 00")
	run("check trust", "check trust --lab LAB pool.contoso.com sip.contoso.com:443 gone.contoso.com --ad contoso.com --with CHAIN")
	run("certs list", "certs list --state STATE --provenance")
	run("certs export", "certs export --state STATE --out OUT --force")
	run("version", "version --guesses")
	run("screenshot", "screenshot --demo off --out OUT --force")
	run("explain", "explain")
	run("dialplan test", "dialplan test PLAN CASES")
	run("dialplan test", "dialplan test PLAN 1 77 x")
	run("dialplan explain", "dialplan explain PLAN 1 77 x +1")
	for command, documented := range forms {
		for _, form := range documented {
			if !used[form] {
				t.Errorf("ocphone %s: no %s was seen", command, form)
			}
		}
	}
}
