package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// printer shows steps to a person, or as JSON lines to a program.
type printer struct {
	w     io.Writer
	json  bool
	color bool // only on a terminal, and not with NO_COLOR (no-color.org)
	width int
	brief bool // evidence only where it is the point: what resets and downloads changed
	act   int  // of a story; 0: none
}

// Widths of lines, in characters.
const (
	defaultWidth = 100
	minWidth     = 40  // the narrower ones are left to the terminal
	maxWidth     = 110 // longer lines are hard to read
	nameWidth    = 12  // of the longest name of a step
	gutter       = 2 + nameWidth + 1
	maxEvidence  = 40 // lines of one step
)

func newPrinter(w io.Writer, asJSON bool) *printer {
	p := &printer{w: w, json: asJSON, width: defaultWidth}
	if width, ok := terminal(w); ok {
		p.color = os.Getenv("NO_COLOR") == "" && controls(w)
		p.width = max(minWidth, min(width, maxWidth))
	}
	return p
}

// printer prints to the standard output in the form of the command.
func (e environment) printer() *printer {
	p := newPrinter(e.out, e.json)
	if e.quiet {
		p.w = io.Discard
	}
	return p
}

// Colours of the terminal.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (p *printer) paint(code, s string) string {
	if !p.color || s == "" || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

var stateSigns = map[journal.State][2]string{
	journal.OK:      {"✓", green},
	journal.Failed:  {"✗", red},
	journal.Warned:  {"!", yellow},
	journal.Skipped: {"·", dim},
}

// step prints one step.
func (p *printer) step(s journal.Step) {
	if p.json {
		writeDocument(p.w, struct {
			Act int `json:"act,omitempty"`
			journal.Step
		}{p.act, s})
		return
	}
	sign := stateSigns[s.State]
	head := p.paint(sign[1], sign[0]) + " " + p.paint(bold, fmt.Sprintf("%-*s", nameWidth, s.Name)) + " "
	text := s.Decided
	if s.Code != "" {
		text += " [" + string(s.Code) + "]"
	}
	p.wrap(head, text, "")
	indent := strings.Repeat(" ", gutter)
	if line := exchangeText(s); line != "" && !(p.brief && hasOnlyDecision(s)) {
		p.wrap(indent, line, dim)
	}
	if !p.brief || s.Name == journal.Reset || s.Name == journal.Roots {
		for _, d := range s.Details[:min(len(s.Details), maxEvidence)] {
			p.wrap(indent+"  ", d, dim)
		}
		if more := len(s.Details) - maxEvidence; more > 0 {
			p.wrap(indent+"  ", fmt.Sprintf("and %d more lines; --json shows them", more), dim)
		}
	}
	if s.Because != "" && !p.brief {
		p.wrap(indent, "because: "+s.Because, dim)
	}
	if s.Fix != "" && s.State != journal.Skipped {
		label := "fix: "
		if s.State == journal.OK {
			label = "hint: "
		}
		p.wrap(indent+p.paint(yellow, label), s.Fix, "")
	}
}

// hasOnlyDecision reports whether brief output shows only the decision of a step.
func hasOnlyDecision(s journal.Step) bool {
	return s.Name == journal.Trust || s.State == journal.OK && followsRegistration(s.Name)
}

// laterSteps are the steps that come after the registration.
var laterSteps = []journal.Name{journal.Session, journal.Provisioning, journal.DialPlan, journal.Self,
	journal.Contacts, journal.Autodiscover, journal.Exchange}

// followsRegistration reports whether a step of that name comes after the
// registration.
func followsRegistration(n journal.Name) bool { return slices.Contains(laterSteps, n) }

// exchangeText is question, answer and answering server in one line.
func exchangeText(s journal.Step) string {
	line := s.Asked
	// An answer that the decision repeats is left out.
	if s.Answered != "" && (s.Decided == "" || !strings.HasPrefix(s.Answered, strings.TrimSuffix(s.Decided, "."))) {
		line = strings.TrimSpace(line + " → " + s.Answered)
	}
	if s.By != "" {
		line = strings.TrimSpace(line + " (by " + s.By + ")")
	}
	return line
}

// wrap prints text, made printable, after head, which may hold colours; later
// lines are indented below it.
func (p *printer) wrap(head, text, color string) {
	indent := visibleWidth(head)
	room := max(20, p.width-indent)
	line := ""
	for _, word := range strings.Fields(printable(text)) {
		if line != "" && view.Width(line)+1+view.Width(word) > room {
			fmt.Fprintf(p.w, "%s%s\n", head, p.paint(color, line))
			head, line = strings.Repeat(" ", indent), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	fmt.Fprintf(p.w, "%s%s\n", head, p.paint(color, line))
}

// visibleWidth is the width of s without its colours, in cells of a terminal.
func visibleWidth(s string) int {
	return view.Width(colorCodes.ReplaceAllString(s, ""))
}

var colorCodes = regexp.MustCompile("\x1b\\[[0-9;]*m")

// pad fills s with blanks up to a width in cells.
func pad(s string, cells int) string {
	return s + strings.Repeat(" ", max(0, cells-visibleWidth(s)))
}

// printable makes text from a server or a file safe to print in a line.
func printable(s string) string { return journal.Printable(s, 0) }

// printf writes text to the standard output; text among a is made printable.
func (e environment) printf(format string, a ...any) {
	fmt.Fprintf(e.text(), format, allPrintable(a)...)
}

// warnf writes to the standard error; text among a is made printable.
func (e environment) warnf(format string, a ...any) { fmt.Fprintf(e.err, format, allPrintable(a)...) }

func allPrintable(a []any) []any {
	for i := range a {
		switch v := a[i].(type) {
		case string:
			a[i] = printable(v)
		case fmt.Stringer:
			a[i] = printable(v.String())
		}
	}
	return a
}

// writeTable writes rows, made printable, in columns.
func writeTable(w io.Writer, rows [][]string) {
	for _, row := range rows {
		for i := range row {
			row[i] = printable(row[i])
		}
	}
	writeColumns(w, rows)
}

// columnGap is the least distance of two columns.
const columnGap = 2

// writeColumns writes rows, whose cells may hold colours, in columns. The last
// cell of a row does not widen its column.
func writeColumns(w io.Writer, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], visibleWidth(cell))
		}
	}
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			if i < len(row)-1 {
				cell = pad(cell, widths[i]+columnGap)
			}
			line += cell
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// line prints plain text; nothing in JSON.
func (p *printer) line(color, format string, a ...any) {
	if !p.json {
		p.wrap("", fmt.Sprintf(format, a...), color)
	}
}

func (p *printer) blank() {
	if !p.json {
		fmt.Fprintln(p.w)
	}
}
