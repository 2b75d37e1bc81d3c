//go:build !darwin || cgo

package ui

import (
	"os"
	"strings"
	"testing"
)

func TestHandbookHasTheTableOfKeys(t *testing.T) {
	page, err := os.ReadFile("../docs/handset.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| ") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	want := []string{"| keys | what they do |"}
	for _, k := range Shortcuts() {
		want = append(want, "| "+strings.ReplaceAll(k.Keys, "*", "`*`")+" | "+k.Does+" |")
	}
	if got, should := strings.Join(rows, "\n"), strings.Join(want, "\n"); got != should {
		t.Errorf("the table of docs/handset.md is\n%s\nwant, as Shortcuts has it,\n%s", got, should)
	}
}
