package main

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "draw .github/demo.svg anew")

// TestPictureShowsTheDemo: the picture of the README is what the demo says now.
func TestPictureShowsTheDemo(t *testing.T) {
	file := filepath.Join(root, ".github", "demo.svg")
	drawn := picture("go run ./cmd/ocphone demo", scenes(t, recordDemo(t)))
	if err := xml.Unmarshal(drawn, new(struct{})); err != nil {
		t.Fatalf("the picture is no XML: %v", err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, drawn, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.ReplaceAll(kept, []byte("\r\n"), []byte("\n")), drawn) {
		t.Errorf("%s does not show the demo as it is; draw it anew: go test ./cmd/ocphone -run Picture -update", file)
	}
}

// pictureWidth is that of the terminal in the picture, in characters.
const pictureWidth = 92

// recordDemo is the output of the demo in a colour terminal, without what
// differs from run to run.
func recordDemo(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if err := runStory(t.Context(), &printer{w: &out, color: true, brief: true, width: pictureWidth}, false); err != nil {
		t.Fatal(err)
	}
	stable := []string{ // fingerprints of the two roots, which are new each time
		"d16c3a1f7be402959f0c52e8846ab1d35e77290cc4f81b06a3d95e24713f8ab6",
		"90f3b2c64ea58d17c25b70e91dd4836fa8120f5b6ce397447b0ad81c92e5f360",
	}
	var seen []string
	return regexp.MustCompile(`([0-9a-f]{16}){1,4}`).ReplaceAllStringFunc(out.String(), func(fingerprint string) string {
		n := slices.Index(seen, fingerprint[:16])
		if n < 0 {
			n, seen = len(seen), append(seen, fingerprint[:16])
		}
		return stable[n][:len(fingerprint)]
	})
}

// shown are the steps that tell the story on one page: by act, how each begins.
var shown = map[int][]string{
	1: {"! trust", "✓ roots        1 root to install", "✓ ready"},
	2: {"✗ trust"},
	3: {"✓ trust", "✓ ready"},
	5: {"✓ reset"},
	6: {"✓ roots        2 roots to install", "✓ ready"},
	7: {"✓ ready"},
	8: {"· provisioning"},
	9: {"✓ exchange"}, 10: {"✓ exchange"},
}

// ends is the act that stands for what follows the last one.
const ends = 11

// scenes keeps of the demo what is shown; a line of dots stands for the rest.
func scenes(t *testing.T, demo string) (lines []string) {
	t.Helper()
	act, keep, found := 0, true, 0
	for line := range strings.Lines(strings.TrimSuffix(demo, "\n")) {
		line = strings.TrimSuffix(line, "\n")
		plain := escapes.ReplaceAllString(line, "")
		switch title := strings.HasPrefix(plain, fmt.Sprint(act+1, ". ")); {
		case title, plain == "What was proved":
			if act++; !title {
				act = ends
			}
			if keep = act == ends || shown[act] != nil; !keep {
				lines = dots(lines)
			} else if lines[len(lines)-1] == omitted {
				lines = append(lines, "")
			}
		case act > 0 && act < ends && plain != "" && strings.ContainsRune("✓✗!·", []rune(plain)[0]):
			keep = slices.ContainsFunc(shown[act], func(step string) bool { return strings.HasPrefix(plain, step) })
			if keep {
				found++
			} else if shown[act] != nil {
				lines = dots(lines)
			}
		case plain == "":
			keep = lines[len(lines)-1] != omitted
		}
		if keep {
			lines = append(lines, line)
		}
	}
	if want := 13; found != want || act != ends {
		t.Errorf("%d steps are shown, want %d: the list of shown steps does not fit the demo", found, want)
	}
	return lines
}

// omitted stands for lines that are left out, and for a blank one beside them.
const omitted = "  \x1b[2m⋯\x1b[0m"

func dots(lines []string) []string {
	switch n := len(lines); lines[n-1] {
	case omitted:
		return lines
	case "":
		lines = lines[:n-1]
	}
	return append(lines, omitted)
}

var escapes = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// Measures of the picture, in pixels; a character of the fonts named is 0.6 em wide.
const (
	fontSize   = 14
	charWidth  = fontSize * 0.6
	lineHeight = 19
	bar        = 36 // of the window
	margin     = 20
)

// palette is the class of each colour of the terminal.
const palette = `text{fill:#c9d1d9;font:14px ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",Consolas,monospace;white-space:pre}
.c1{fill:#f0f6fc;font-weight:700}.c2{fill:#8b949e}.c31{fill:#ff7b72}.c32{fill:#3fb950}.c33{fill:#e3b341}.c36{fill:#56d4dd}`

// picture draws terminal output as an SVG that needs nothing else.
func picture(title string, lines []string) []byte {
	lines = append([]string{"\x1b[32m$\x1b[0m \x1b[1m" + title + "\x1b[0m", ""}, lines...)
	width, height := pictureWidth*fontSize*6/10+2*margin, bar+len(lines)*lineHeight+2*margin
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="%[3]s">
<style>%[4]s</style>
<rect x="0.5" y="0.5" width="%[5]d" height="%[6]d" rx="10" fill="#0d1117" stroke="#30363d"/>
<path d="M1 %[7]dV10.5a9.5 9.5 0 0 1 9.5-9.5H%[8]da9.5 9.5 0 0 1 9.5 9.5V%[7]dz" fill="#161b22"/>
<circle cx="22" cy="18" r="6" fill="#ff5f57"/><circle cx="42" cy="18" r="6" fill="#febc2e"/><circle cx="62" cy="18" r="6" fill="#28c840"/>
<text class="c2" x="%[9]d" y="23" text-anchor="middle">ocphone</text>
`, width, height, escaped("terminal: "+title), palette, width-1, height-1, bar, width-11, width/2)
	for i, line := range lines {
		drawLine(&b, line, bar+margin+i*lineHeight+fontSize-2)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// drawLine places each run of one colour at its column, so that columns stand
// in whatever font there is.
func drawLine(b *bytes.Buffer, line string, y int) {
	column, class := 0, ""
	spans := escapes.FindAllStringSubmatchIndex(line, -1)
	spans = append(spans, []int{len(line), len(line), len(line), len(line)})
	from := 0
	for _, s := range spans {
		run := line[from:s[0]]
		if text := strings.TrimLeft(run, " "); text != "" {
			indent := len(run) - len(text)
			fmt.Fprintf(b, `<text x="%.1f" y="%d"`, margin+float64(column+indent)*charWidth, y)
			if class != "" {
				fmt.Fprintf(b, ` class="%s"`, class)
			}
			fmt.Fprintf(b, ">%s</text>\n", escaped(strings.TrimRight(text, " ")))
		}
		column += utf8.RuneCountInString(run)
		from = s[1]
		class = ""
		for code := range strings.SplitSeq(line[s[2]:s[3]], ";") {
			if code != "" && code != "0" {
				class = strings.TrimSpace(class + " c" + code)
			}
		}
	}
}

func escaped(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}
