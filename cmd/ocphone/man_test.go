package main

import (
	"bytes"
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/ocphone/ocphone/device/setup"
)

// TestEachCommandHasAManualPage writes the pages of `make man` into the folder
// OCPHONE_MAN, else into a temporary one. cobra/doc is in the tests only, since its
// Markdown would be linked into ocphone.
func TestEachCommandHasAManualPage(t *testing.T) {
	dir := cmp.Or(os.Getenv("OCPHONE_MAN"), t.TempDir())
	root := environment{in: os.Stdin, out: &bytes.Buffer{}, err: &bytes.Buffer{}}.root()
	codes := exitCodes.FindString(root.Long)
	var commands []*cobra.Command
	var prepare func(*cobra.Command)
	prepare = func(c *cobra.Command) {
		commands = append(commands, c)
		c.DisableAutoGenTag = true // it names the day
		c.Long = manText(cmp.Or(c.Long, c.Short+"."))
		if !strings.Contains(c.Long, codes) {
			c.Long += "\n\n" + codes
		}
		for _, sub := range c.Commands() {
			prepare(sub)
		}
	}
	prepare(root)
	header := doc.GenManHeader{Section: "1", Source: "ocphone " + setup.Version(), Manual: "ocphone"}
	if err := doc.GenManTree(root, &header, dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		file := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
			continue
		}
		page := strings.Join(strings.Fields(strings.ReplaceAll(string(b), "\\", "")), " ")
		for _, part := range []string{".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS", "Exit codes: 0 done;"} {
			if !strings.Contains(page, part) {
				t.Errorf("%s has no %q", file, part)
			}
		}
		if c.Example != "" && !strings.Contains(page, ".SH EXAMPLE") {
			t.Errorf("%s has no example", file)
		}
	}
}

// manText is the long text of a command in Markdown: lines that are indented in the text
// are preformatted.
func manText(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			line = "    " + line
		}
		b.WriteString(line)
	}
	return b.String()
}
