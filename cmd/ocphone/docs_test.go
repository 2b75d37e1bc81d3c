package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// document is one Markdown file of the project.
type document struct {
	file   string // from the root, with slashes
	text   string
	blocks []shellBlock
}

// documents reads every Markdown file outside of hidden folders and testdata.
func documents(t *testing.T) (all []document) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && len(p) > 1 && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if path.Ext(p) != ".md" {
			return nil
		}
		b, err := os.ReadFile(filepath.Join(root, p))
		text := strings.ReplaceAll(string(b), "\r\n", "\n")
		all = append(all, document{p, text, shellBlocks(text)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// shellBlock is a fenced block of shell commands.
type shellBlock struct {
	text   string
	line   int      // of its first line
	tested bool     // the line before it is <!-- tested -->
	output []string // lines of the block "text" that follows it
}

func shellBlocks(text string) (blocks []shellBlock) {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		kind := strings.TrimSpace(lines[i])
		if kind != "```sh" && kind != "```text" {
			continue
		}
		length := slices.Index(lines[i+1:], "```")
		if length < 0 {
			return blocks
		}
		body := lines[i+1 : i+1+length]
		switch last := len(blocks) - 1; {
		case kind == "```sh":
			tested := i > 0 && strings.TrimSpace(lines[i-1]) == "<!-- tested -->"
			blocks = append(blocks, shellBlock{strings.Join(body, "\n") + "\n", i + 2, tested, nil})
		case last >= 0 && lines[i-1] == "```":
			blocks[last].output = body
		}
		i += length + 1
	}
	return blocks
}

// exitCodes finds "Exit codes: …" up to the end of the sentence.
var exitCodes = regexp.MustCompile(`Exit codes: [^.]+\.`)

func TestDocumentsAndHelpAgree(t *testing.T) {
	help, _, _ := call(t, "--help")
	want := exitCodes.FindString(help)
	commands := environment{in: os.Stdin, out: &bytes.Buffer{}, err: &bytes.Buffer{}}.root()
	calls, codes := 0, 0
	for _, d := range documents(t) {
		for _, found := range exitCodes.FindAllString(d.text, -1) {
			if codes++; found != want {
				t.Errorf("%s: %q, help: %q", d.file, found, want)
			}
		}
		for _, block := range d.blocks {
			for line := range strings.Lines(block.text) {
				calls++
				checkCall(t, commands, d.file, line)
			}
		}
	}
	if calls == 0 || codes == 0 {
		t.Errorf("%d calls and %d lists of exit codes were found", calls, codes)
	}
}

func TestReadmeIsShort(t *testing.T) {
	for _, d := range documents(t) {
		if n := strings.Count(d.text, "\n"); d.file == "README.md" && n > 120 {
			t.Errorf("README.md has %d lines, more than 120: move a part to docs/", n)
		}
	}
}

// anchorOf is the anchor that GitHub makes of a heading.
func anchorOf(heading string) string {
	heading = strings.NewReplacer("`", "", "*", "").Replace(strings.TrimSpace(heading))
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

var heading = regexp.MustCompile(`(?m)^#{1,6} (.+)$`)

// anchors maps each document to the anchors of its headings.
func anchors(t *testing.T, all []document) map[string]map[string]bool {
	t.Helper()
	of := map[string]map[string]bool{}
	for _, d := range all {
		of[d.file] = map[string]bool{"": true}
		for _, h := range heading.FindAllStringSubmatch(withoutFences(d.text), -1) {
			a := anchorOf(h[1])
			if of[d.file][a] {
				t.Errorf("%s: two headings have the anchor #%s, so that a citation is ambiguous", d.file, a)
			}
			of[d.file][a] = true
		}
	}
	return of
}

var fence = regexp.MustCompile("(?ms)^```.*?^```")

func withoutFences(text string) string { return fence.ReplaceAllString(text, "") }

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksInDocumentsResolve(t *testing.T) {
	all := documents(t)
	of := anchors(t, all)
	for _, d := range all {
		for _, m := range link.FindAllStringSubmatch(withoutFences(d.text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			name, anchor, _ := strings.Cut(m[1], "#")
			target := d.file
			if name != "" {
				target = path.Join(path.Dir(d.file), name)
			}
			if known, isDocument := of[target]; isDocument {
				if !known[anchor] {
					t.Errorf("%s: %s has no heading #%s", d.file, target, anchor)
				}
			} else if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", d.file, m[1])
			}
		}
	}
}

// sourcePath finds a file or folder of the tree in a document: `device/lab`.
var sourcePath = regexp.MustCompile("`((?:cmd|certstore|provisioning|ews|device|ui|docs|\\.ci)/[\\w./-]*)`")

func TestPathsInDocumentsExist(t *testing.T) {
	n := 0
	for _, d := range documents(t) {
		if strings.HasPrefix(d.file, "docs/protocol/") {
			continue
		}
		for _, m := range sourcePath.FindAllStringSubmatch(d.text, -1) {
			n++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s: %s does not exist", d.file, m[1])
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d paths were found", n)
	}
}

// citation finds what a comment cites: a document of the project and a heading
// of it, or a page by its bare name, which must not occur.
var citation = regexp.MustCompile(`(?:[\w./-]*/)?[\w-]+\.md(?:#[\w-]*)?`)

// TestCitationsInCodeResolve: each comment that cites a document cites one of
// this tree, by the file and, except for a whole document, a heading.
func TestCitationsInCodeResolve(t *testing.T) {
	all := documents(t)
	of := anchors(t, all)
	cited := map[string]int{}
	eachGoFile(t, func(t *testing.T, file string) {
		files := token.NewFileSet()
		tree, err := parser.ParseFile(files, filepath.Join(root, file), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		for _, group := range tree.Comments {
			for _, c := range group.List {
				for _, found := range citation.FindAllString(c.Text, -1) {
					name, anchor, _ := strings.Cut(found, "#")
					if cited[name]++; of[name] == nil || !of[name][anchor] {
						t.Errorf("%s cites %s, which is no heading of a document of the tree", files.Position(c.Pos()), found)
					}
				}
			}
		}
	})
	for _, d := range all {
		if strings.HasPrefix(d.file, "docs/protocol/") && cited[d.file] == 0 && path.Base(d.file) != "README.md" {
			t.Logf("no line of code cites %s", d.file)
		}
	}
}

// TestEachDocumentIsLinked: a document that nothing links to is not found.
func TestEachDocumentIsLinked(t *testing.T) {
	all := documents(t)
	linked := map[string]bool{"README.md": true}
	for _, d := range all {
		for _, m := range link.FindAllStringSubmatch(d.text, -1) {
			name, _, _ := strings.Cut(m[1], "#")
			linked[path.Join(path.Dir(d.file), name)] = true
		}
	}
	for _, d := range all {
		if !linked[d.file] {
			t.Errorf("no document links to %s", d.file)
		}
	}
}
