//go:build !darwin || cgo

package ui

import (
	"cmp"
	_ "embed"
	"math"
	"sort"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"

	"github.com/ocphone/ocphone/device/journal"
)

// Text sizes of the panel in design units.
const (
	clockText   = 56
	digitText   = 22
	titleText   = 14
	bodyText    = 13
	secondText  = 11
	minText     = 9.5 // nothing is drawn smaller; longer texts end in an ellipsis
	linePitch   = 1.24
	ellipsis    = "…"
	leadingText = 1.36 // height of a line of Noto Sans, as a multiple of its size
)

// Alignments of a text in its place.
const (
	alignLeft   = fyne.TextAlignLeading
	alignCenter = fyne.TextAlignCenter
	alignRight  = fyne.TextAlignTrailing
)

// textBox is a text with its place, in design units of its control. The text
// shrinks from size to minSize, breaks into at most lines lines, and ends in an
// ellipsis if that is not enough.
type textBox struct {
	s             string
	at            rect
	size, minSize float32
	bold          bool
	ink           uint32
	align         fyne.TextAlign
	lines         int  // 0 is 1
	top           bool // at the top of its place and not in the middle
	tail          bool // a text that is too long shows its end, as a field does
	data          bool // may be of any length: tests do not report a cut
}

// textRun is a part of a line in one font, placed in device independent pixels.
type textRun struct {
	s    string
	bold bool
	font fyne.Resource // nil: that of the theme
	size float32
	at   fyne.Position
	box  fyne.Size
}

// layout lays out texts and pages at a scale of k pixels to the design unit.
type layout struct{ k float32 }

//go:embed fonts/noto-sans-cjk-subset.otf
var cjkFace []byte

// eastAsian is the font of Japanese and Korean. Fyne parses it when the first
// such text is measured, and caches it by this pointer.
var eastAsian = &fyne.StaticResource{StaticName: "noto-sans-cjk-subset.otf", StaticContent: cjkFace}

// fontRun is a part of a text in one font.
type fontRun struct {
	s    string
	font fyne.Resource
}

// fontRuns cuts a text where the font changes; a space stays with the text before
// it.
func fontRuns(s string) []fontRun {
	if !strings.ContainsFunc(s, isEastAsian) {
		return []fontRun{{s, nil}}
	}
	var out []fontRun
	start, east, first := 0, false, true
	face := func() fyne.Resource {
		if east {
			return eastAsian
		}
		return nil
	}
	for i, r := range s {
		e := isEastAsian(r)
		if !first && r == ' ' {
			e = east
		}
		if !first && e != east {
			out = append(out, fontRun{s[start:i], face()})
			start = i
		}
		east, first = e, false
	}
	return append(out, fontRun{s[start:], face()})
}

// smear is how far a bold text in the East Asian font is drawn again to the right,
// one device independent pixel after the other: whole ones, which both painters
// round in the same way. That font has one weight, since a bold one is another
// 4.6 MB. A stroke is .065 of the size wide there, and .115 in the bold face of
// Noto Sans CJK. Below 11 pixels, characters would be filled: they stay as they
// are.
func (r layout) smear(p fontRun, size float32, bold bool) float32 {
	if p.font == nil || !bold || size*r.k < 11 {
		return 0
	}
	return max(1, float32(math.Round(float64(size*r.k*.05))))
}

func isEastAsian(r rune) bool {
	return r >= 0x1100 && r < 0x1200 || r >= 0x2e80 && r < 0xa000 || r >= 0xac00 && r < 0xd7b0 ||
		r >= 0xf900 && r < 0xfb00 || r >= 0xff01 && r < 0xfff0
}

// isRightToLeft reports whether the first letter of a text is of a right-to-left
// script.
func isRightToLeft(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) {
			return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
		}
	}
	return false
}

// width is that of one line, in device independent pixels.
func (r layout) width(s string, size float32, bold bool) float32 {
	var w float32
	for _, p := range fontRuns(s) {
		box, _ := fyne.CurrentApp().Driver().RenderedTextSize(p.s, size*r.k, fyne.TextStyle{Bold: bold}, p.font)
		w += box.Width + r.smear(p, size, bold)
	}
	return w
}

// setText places a text; cut: it does not show all of it.
func (r layout) setText(t textBox) (runs []textRun, cut bool) {
	s := tidy(t.s)
	if s == "" || t.at.w <= 0 || t.at.h <= 0 || r.k <= 0 {
		return nil, s != ""
	}
	size, lines, cut := r.fit(s, t)
	pitch := size * linePitch * r.k
	high := pitch*float32(len(lines)-1) + size*leadingText*r.k
	y := t.at.y * r.k
	if !t.top {
		y += (t.at.h*r.k - high) / 2
	}
	if t.align == alignLeft && isRightToLeft(s) {
		t.align = alignRight
	}
	for _, line := range lines {
		x := t.at.x * r.k
		switch t.align {
		case alignCenter:
			x += (t.at.w*r.k - r.width(line, size, t.bold)) / 2
		case alignRight:
			x += t.at.w*r.k - r.width(line, size, t.bold)
		}
		_, base := fyne.CurrentApp().Driver().RenderedTextSize("x", size*r.k, fyne.TextStyle{Bold: t.bold}, nil)
		for _, p := range fontRuns(line) {
			box, b := fyne.CurrentApp().Driver().RenderedTextSize(p.s, size*r.k, fyne.TextStyle{Bold: t.bold}, p.font)
			run := textRun{p.s, t.bold && p.font == nil, p.font, size * r.k, fyne.NewPos(x, y+base-b), box}
			runs = append(runs, run)
			for range int(r.smear(p, size, t.bold)) {
				run.at.X++
				runs = append(runs, run)
				x++
			}
			x += box.Width
		}
		y += pitch
	}
	return runs, cut
}

// fit finds the largest size at which a text has room.
func (r layout) fit(s string, t textBox) (size float32, lines []string, cut bool) {
	wide, most := t.at.w*r.k, max(t.lines, 1)
	size = t.size
	least := min(cmp.Or(t.minSize, minText), size)
	if most == 1 { // the width gives the size, approximately
		s = strings.ReplaceAll(s, "\n", " ")
		if w := r.width(s, size, t.bold); w > wide {
			size = max(float32(int(2*size*wide/w))/2, least)
		}
	}
	for ; ; size = max(size-.5, least) {
		room := min(most, max(1, int((t.at.h-size*leadingText)/(size*linePitch)+1.02)))
		if lines = r.wrap(s, wide, size, t.bold); len(lines) <= room {
			return size, lines, false
		}
		if size <= least {
			lines[room-1] = strings.Join(lines[room-1:], " ")
			lines = lines[:room]
			lines[room-1] = r.shorten(lines[room-1], wide, size, t.bold, t.tail)
			return size, lines, true
		}
	}
}

// height is the height of a text at full size within a width, in design units.
func (r layout) height(s string, size, w float32, bold bool, most int) float32 {
	s = tidy(s)
	if s == "" || r.k <= 0 {
		return 0
	}
	n := min(len(r.wrap(s, w*r.k, size, bold)), most)
	return size*linePitch*float32(n-1) + size*leadingText
}

// wrap breaks a text into lines, between words or, in Japanese, between
// characters. A line that is still too wide is one word.
func (r layout) wrap(s string, wide, size float32, bold bool) []string {
	var out []string
	for paragraph := range strings.SplitSeq(s, "\n") {
		line := ""
		flush := func() {
			if line = strings.TrimRight(line, " "); line != "" && r.width(line, size, bold) > wide {
				out = append(out, r.breakWord(line, wide, size, bold)...)
				return
			}
			out = append(out, line)
		}
		for _, word := range words(paragraph) {
			if next := line + word; line == "" || r.width(strings.TrimRight(next, " "), size, bold) <= wide {
				line = next
				continue
			}
			flush()
			line = word
		}
		flush()
	}
	return out
}

// breakWord cuts a word that is too long for a line, such as an address.
func (r layout) breakWord(s string, wide, size float32, bold bool) []string {
	var out []string
	all := []rune(s)
	for len(all) > 0 {
		n := r.prefix(all, wide, size, bold, "")
		out = append(out, string(all[:max(n, 1)]))
		all = all[max(n, 1):]
	}
	return out
}

// prefix is the number of runes that fit together with an ending.
func (r layout) prefix(all []rune, wide, size float32, bold bool, ending string) int {
	n := sort.Search(len(all), func(i int) bool { return r.width(string(all[:i+1])+ending, size, bold) > wide })
	for n > 0 && n < len(all) && joins(all[n]) { // does not cut within a character
		n--
	}
	return n
}

// joins reports whether a rune belongs to the character before it.
func joins(r rune) bool {
	return unicode.Is(unicode.M, r) || r == 0x200d || r >= 0xfe00 && r <= 0xfe0f || r >= 0x1f3fb && r <= 0x1f3ff
}

// shorten ends a line in an ellipsis, or begins it with one to show the tail.
func (r layout) shorten(s string, wide, size float32, bold, tail bool) string {
	if r.width(s, size, bold) <= wide {
		return s
	}
	all := []rune(s)
	if !tail {
		return strings.TrimRight(string(all[:r.prefix(all, wide, size, bold, ellipsis)]), " ") + ellipsis
	}
	from := sort.Search(len(all), func(i int) bool { return r.width(ellipsis+string(all[i:]), size, bold) <= wide })
	return ellipsis + string(all[from:])
}

// words cuts a text where a line may end; each keeps its space.
func words(s string) []string {
	var out []string
	start := 0
	var before rune
	for i, r := range s {
		beside := (isIdeographic(before) || isIdeographic(r)) && !isClosing(r)
		if i > start && (before == ' ' || beside) {
			out = append(out, s[start:i])
			start = i
		}
		before = r
	}
	return append(out, s[start:])
}

// isIdeographic reports whether a line may end beside a rune: kana and kanji.
// Korean breaks between words.
func isIdeographic(r rune) bool {
	return r >= 0x2e80 && r < 0xa000 && (r < 0x3130 || r >= 0x3190)
}

func isClosing(r rune) bool {
	const punctuation = "、。，．）」』】〉》・ー!?！？)"
	const small = "ァィゥェォッャュョぁぃぅぇぉっゃゅょ"
	return strings.ContainsRune(punctuation+small, r)
}

// tidy is text that can be drawn: each line by the rule of the journal, since a
// name from a server may hold anything; line ends stay.
func tidy(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = journal.Printable(line, 0)
	}
	return strings.Trim(strings.Join(lines, "\n"), " \n")
}
