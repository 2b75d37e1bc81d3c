package view

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/ocphone/ocphone/device/journal"
)

// Measures of a page as text.
const (
	plainWidth = 64
	plainRows  = 20 // rows of a list that are written
)

// Plain is what the panel shows, as lines of text for a terminal: the status,
// the page or the dialog over it, the soft keys. A control that takes taps is
// followed by its ID in braces. The View holds no secret, and neither does the
// text.
func (v View) Plain() string {
	if !v.On {
		return "(off)\n"
	}
	p := v.Top()
	var b strings.Builder
	line := strings.Repeat("-", plainWidth)
	if v.Note != nil {
		b.WriteString(v.Note.plain(""))
	}
	fmt.Fprintln(&b, line)
	fmt.Fprintln(&b, besides(p.plainTitle(), v.Status.plain()))
	fmt.Fprintln(&b, line)
	for _, c := range p.Controls {
		b.WriteString(c.plain(p.Focus))
	}
	if p.List != nil {
		p.List.plain(&b, p.Focus)
	}
	if len(p.Nav) > 0 {
		fmt.Fprintln(&b, line)
		var keys []string
		for _, c := range p.Nav {
			keys = append(keys, strings.TrimSpace(c.plain(p.Focus)))
		}
		fmt.Fprintln(&b, strings.Join(keys, " "))
	}
	fmt.Fprintln(&b, line)
	return b.String()
}

func (p *Page) plainTitle() string {
	if p.Back && p.Focus == "back" {
		return "> < " + printable(p.Title)
	} else if p.Back {
		return "< " + printable(p.Title)
	}
	return printable(p.Title)
}

func (s Status) plain() string {
	var parts []string
	add := func(on bool, text string) {
		if on && text != "" {
			parts = append(parts, printable(text))
		}
	}
	add(s.Signed, s.Who)
	add(s.Signed, string(s.Presence))
	add(s.Missed > 0, fmt.Sprint("missed:", s.Missed))
	add(s.Voice > 0, fmt.Sprint("voice:", s.Voice))
	add(!s.Cable, "no cable")
	add(s.Exchange == ToneWarn || s.Exchange == ToneBad, "exchange!")
	add(s.Locked, "locked")
	add(true, s.Clock)
	return strings.Join(parts, "  ")
}

// plain is a control as one line, or more where its texts have more.
func (c Control) plain(focus string) string {
	mark, sign := "  ", ""
	if focus != "" && focus == c.ID {
		mark = "> "
	}
	text, id := printable(c.Text), " {"+c.ID+"}"
	if c.Off {
		id = " (off)"
	}
	switch c.Role {
	case Text, Heading:
		id = ""
	case Label:
		return mark + text + ": " + printable(c.Value) + "\n"
	case Field, Secret:
		return mark + text + ": [" + printable(c.Value) + "]" + id + "\n"
	case Button, Tile:
		text = "[" + text + "]"
	case Toggle:
		sign = "[" + tick(c.On, "x") + "] "
	case Choice:
		sign = "(" + tick(c.On, "o") + ") "
	case Tab:
		text = "/" + text + "\\"
		sign = tick(c.On, "*")
	case Progress:
		id = ""
		sign = gauge(c.Fraction) + " "
	case Slider:
		sign = gauge(c.Fraction) + " "
	}
	if c.Presence != PresenceUnknown {
		sign += "(" + string(c.Presence) + ") "
	}
	if c.Badge != "" {
		text += " (" + printable(c.Badge) + ")"
	}
	out := mark + sign + besides(text, printable(c.Value)) + id + "\n"
	if c.Second != "" {
		out += "    " + printable(c.Second) + "\n"
	}
	return out
}

// plain writes the rows at the top, or those around the focus.
func (r *Rows) plain(b *strings.Builder, focus string) {
	if r.Len == 0 {
		fmt.Fprintln(b, "  "+printable(r.Empty))
		return
	}
	from := 0
	if focus != "" {
		for i := range r.Len {
			if r.Row(i).ID == focus {
				from = max(min(i-plainRows/2, r.Len-plainRows), 0)
				break
			}
		}
	}
	to := min(from+plainRows, r.Len)
	for i := from; i < to; i++ {
		c := r.Row(i)
		if c.Role == "" {
			c.Role = Row
		}
		b.WriteString(c.plain(focus))
	}
	if to-from < r.Len {
		fmt.Fprintf(b, "  %d–%d / %d\n", from+1, to, r.Len)
	}
}

func tick(on bool, mark string) string {
	if on {
		return mark
	}
	return " "
}

// gauge is a bar of ten characters; a fraction below 0 is not known.
func gauge(fraction float64) string {
	if fraction < 0 {
		return "[..........]"
	}
	n := int(min(fraction, 1)*10 + .5)
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", 10-n) + "]"
}

// besides puts right at the end of the line when there is room.
func besides(left, right string) string {
	if right == "" {
		return left
	}
	room := plainWidth - Width(left) - Width(right)
	return left + strings.Repeat(" ", max(room, 2)) + right
}

// printable is foreign text on one line.
func printable(s string) string { return strings.Join(strings.Fields(journal.Printable(s, 0)), " ") }

// Width is the number of cells that s takes on a terminal: two for a wide East
// Asian character or an emoji (UAX #11), none for a combining character and for
// a Hangul vowel or final that joins its syllable. Like most terminals it counts
// each code point by itself.
func Width(s string) (n int) {
	for _, r := range s {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf), r >= 0x1160 && r <= 0x11ff:
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
