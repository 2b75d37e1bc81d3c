//go:build !darwin || cgo

package ui

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/device/screen/view"
)

// style is how a control is drawn where its role alone does not say it.
type style uint8

const (
	asRole     style = iota
	asSoftKey        // of the bar at the bottom
	asLetter         // of the on-screen keyboard
	asDigit          // of a pad: the digit, its letters below
	asInfo           // a row beside the clock
	asTitle          // the bar on top
	asBar            // background of soft keys and keyboard
	asBackKey        // of the bar on top
	asStatus         // an icon or a text of the bar on top
	asPage           // background of the page
	asSplash         // background of a page without bars
	asVeil           // over the page while a dialog is open
	asBox            // background of a dialog
	asBoxTitle       // title of a dialog
	asClock          // time and date of the home page
	asNumber         // the number of the dial page
	asGroup          // a heading among the rows of a list
	asLabel          // of a slider
	asStep           // minus or plus of a slider
	asNote           // a short message over the page
)

// tapAction is the effect of a tap; the zero value calls Input.Tap with the ID.
type tapAction struct {
	text     string        // typed
	key      view.Key      // pressed and released
	keyboard view.Keyboard // shown instead of the present one
	inert    bool          // a tap has no effect
}

// placed is a control with its place and style. It is comparable, so that only
// controls that have changed are drawn again.
type placed struct {
	view.Control
	style   style
	at      rect
	action  tapAction
	focus   bool
	primary bool      // the main button of a page
	dark    bool      // on a dark background
	middle  bool      // of a page that is centered
	split   float32   // where the text of a title begins, the values of a detail page
	spare   float32   // free room at the right of a title
	ownIcon view.Icon // of the panel, instead of Icon
}

// appearance is the drawing of a control, in its own coordinates: the shapes, the
// icons over them, then the texts.
type appearance struct {
	shapes []shape
	icons  []placedIcon
	texts  []textBox
}

func (f *appearance) fill(g gradient, at rect, radius, line float32) {
	f.shapes = append(f.shapes, shape{plate, at, radius, line, g})
}

// shade paints a surface without the step in the middle.
func (f *appearance) shade(at rect, g gradient) {
	f.shapes = append(f.shapes, shape{shade, at, 0, 0, g})
}

// line paints a surface of one colour, a thin line mostly.
func (f *appearance) line(at rect, c uint32) { f.shade(at, gradient{c, c, c, noOutline}) }

func (f *appearance) icon(i view.Icon, ink uint32, x, y, side float32) {
	f.icons = append(f.icons, placedIcon{i, ink, rect{x, y, side, side}})
}

func (f *appearance) text(t textBox) {
	if t.s != "" {
		f.texts = append(f.texts, t)
	}
}

// painted reports whether the appearance is more than texts.
func (f *appearance) painted() bool { return len(f.shapes)+len(f.icons) > 0 }

// name is the cache key of what is painted.
func (f *appearance) name() string { return fmt.Sprint(f.shapes, f.icons) }

// draw makes the appearance of a control.
func (p palette) draw(c placed, down bool) appearance {
	var f appearance
	whole := rect{0, 0, c.at.w, c.at.h}
	switch c.style {
	case asPage:
		f.shade(whole, gradient{p.pageTop, p.pageTop, p.pageLow, noOutline})
	case asSplash:
		f.shade(whole, gradient{p.splashTop, p.splashTop, p.splashLow, noOutline})
	case asVeil:
		f.shapes = append(f.shapes, shape{veil, whole, 0, 0, gradient{0, 0x0a1626, 0, noOutline}})
	case asBox:
		f.fill(p.box, whole, 7, p.outline)
	case asBar:
		f.fill(p.nav, whole, 0, 0)
	case asTitle, asBoxTitle:
		p.titleBar(&f, c)
	case asBackKey:
		p.softKeyGround(&f, c, down)
		f.icon(view.IconBack, p.onDark, (c.at.w-20)/2, (c.at.h-20)/2, 20)
	case asStatus:
		p.status(&f, c)
	case asClock:
		f.text(textBox{s: c.Text, at: rect{0, 0, c.at.w, 62}, size: clockText, minSize: 26, ink: p.title.low})
		f.text(textBox{s: c.Second, at: rect{2, 64, c.at.w - 2, 20}, size: titleText, minSize: 10, ink: p.second})
	case asGroup:
		p.group(&f, c)
	case asLabel:
		t := textBox{s: c.Text, at: whole, size: bodyText, minSize: 9.5, bold: true, align: alignRight, lines: 2}
		t.ink = p.inkOf(c, p.second)
		f.text(t)
	case asSoftKey:
		p.softKey(&f, c, down)
	case asLetter, asStep:
		p.letter(&f, c, down)
	case asDigit:
		p.button(&f, c, down)
		f.texts = nil
		digit, letters := whole, rect{0, c.at.h * .6, c.at.w, c.at.h * .36}
		at, align := alignCenter, alignCenter // of the digit and of the letters
		switch {
		case c.Second != "" && c.at.h < lowKey: // the letters are beside the digit
			digit, at, align = rect{0, 0, c.at.w * .46, c.at.h}, alignRight, alignLeft
			letters = rect{c.at.w*.46 + 6, 0, c.at.w*.54 - 8, c.at.h}
		case c.Second != "":
			digit = rect{0, 1, c.at.w, c.at.h * .68}
		}
		f.text(textBox{s: c.Text, at: digit, size: 19, minSize: 14, bold: true, ink: p.ink, align: at})
		f.text(textBox{s: c.Second, at: letters, size: 9.5, ink: p.second, align: align})
	case asNumber:
		f.fill(p.field, whole, 5, p.outline)
		p.number(&f, c)
	case asInfo:
		p.drawTile(&f, c, down)
	case asNote:
		p.note(&f, c)
	default:
		p.byRole(&f, c, down)
	}
	if c.focus {
		at := whole
		if c.Role == view.Field || c.Role == view.Secret {
			at.x, at.w = at.x+c.split, at.w-c.split
		}
		f.shapes = append(f.shapes, shape{ring, at, corner, p.outline, gradient{edge: p.focusLine}},
			shape{ring, at.inset(p.outline), corner - p.outline, 2 * p.outline, gradient{edge: p.focus}})
	}
	return f
}

// lowKey is the height below which a key has no room for two lines.
const lowKey = 36

func (p palette) byRole(f *appearance, c placed, down bool) {
	switch c.Role {
	case view.Button:
		p.button(f, c, down)
	case view.Tile:
		p.drawTile(f, c, down)
	case view.Row:
		p.row(f, c, down)
	case view.Label:
		p.label(f, c)
	case view.Field, view.Secret:
		p.inputField(f, c)
	case view.Toggle, view.Choice:
		p.choice(f, c, down)
	case view.Tab:
		p.tab(f, c, down)
	case view.Progress:
		p.progress(f, c)
	case view.Slider:
		p.slider(f, c)
	default:
		p.text(f, c)
	}
}

// inkOf colours a text by its tone.
func (p palette) inkOf(c placed, plain uint32) uint32 {
	switch {
	case c.dark && c.Tone == view.ToneDim:
		return p.onDark2
	case c.dark:
		return p.onDark
	case c.Off:
		return p.faint
	case c.Tone == view.ToneGood:
		return p.good
	case c.Tone == view.ToneWarn:
		return p.warn
	case c.Tone == view.ToneBad:
		return p.bad
	case c.Tone == view.ToneDim:
		return p.second
	}
	return plain
}

// orb paints the presence and returns how much room it took.
func (p palette) orb(f *appearance, s view.Presence, x, y, side float32) {
	colour := cmp.Or(map[view.Presence]uint32{
		view.Available: 0x4fb932, view.Busy: 0xd03a2c, view.DoNotDisturb: 0xd03a2c, view.Away: 0xf0b41c,
	}[s], 0x9aa5b1)
	orb := gradient{mid: colour, edge: mix(colour, 0, .45)}
	f.shapes = append(f.shapes, shape{ball, rect{x, y, side, side}, side / 2, .8, orb})
	if s == view.DoNotDisturb {
		bar := gradient{0xffffff, 0xffffff, 0xffffff, noOutline}
		f.shapes = append(f.shapes, shape{plate, rect{x + side*.22, y + side*.42, side * .56, side * .18}, 1, 0, bar})
	}
}

// badge is a small number on red at the upper right.
func (p palette) badge(f *appearance, s string, right, y float32) {
	if s == "" {
		return
	}
	w := min(max(15, 9+6.5*float32(len([]rune(s)))), 40)
	f.fill(gradient{p.red.top, p.red.mid, p.red.low, 0xffffff}, rect{right - w, y, w, 15}, 7.5, 1)
	at := rect{right - w + 2, y, w - 4, 15}
	f.text(textBox{s: s, at: at, size: 10, minSize: 8, bold: true, ink: p.onDark, align: alignCenter, data: true})
}

func (p palette) titleBar(f *appearance, c placed) {
	radius := float32(0)
	if c.style == asBoxTitle {
		radius = 6
	}
	f.fill(p.title, rect{0, 0, c.at.w, c.at.h}, radius, 0)
	if c.style == asBoxTitle { // square below
		f.shade(rect{0, c.at.h / 2, c.at.w, c.at.h / 2}, gradient{p.title.mid, p.title.mid, p.title.low, noOutline})
	}
	x := c.split
	if c.Presence != "" {
		p.orb(f, c.Presence, x, (c.at.h-16)/2, 16)
		x += 24
	}
	at := rect{x, 0, c.at.w - x - c.spare, c.at.h}
	f.text(textBox{s: c.Text, at: at, size: titleText, minSize: 10, bold: true, ink: p.onDark})
}

func (p palette) status(f *appearance, c placed) {
	ink := p.onDark
	if c.Tone == view.ToneWarn {
		ink = 0xffd75e
	}
	x := float32(0)
	if i := c.icon(); i != "" {
		f.icon(i, ink, 0, (c.at.h-15)/2, 15)
		x = 17
	}
	t := textBox{s: c.Value, at: rect{x, 0, c.at.w - x, c.at.h}, size: c.size(), minSize: 9.5, ink: ink, align: alignRight}
	t.bold, t.data = c.split == 0, c.ID == "status.who"
	f.text(t)
}

func (c placed) size() float32 {
	if c.icon() != "" || c.split != 0 {
		return secondText
	}
	return titleText
}

func (c placed) icon() view.Icon {
	return cmp.Or(c.ownIcon, c.Icon)
}

func (p palette) softKeyGround(f *appearance, c placed, down bool) {
	if down || c.On {
		f.fill(p.navOn, rect{0, 0, c.at.w, c.at.h}, 0, p.outline)
	}
}

func (p palette) softKey(f *appearance, c placed, down bool) {
	switch {
	case !c.Off && !down && c.Tone == view.ToneGood:
		f.fill(p.green, rect{0, 0, c.at.w, c.at.h}, 0, p.outline)
	case !c.Off && !down && c.Tone == view.ToneBad:
		f.fill(p.red, rect{0, 0, c.at.w, c.at.h}, 0, p.outline)
	default:
		p.softKeyGround(f, c, down && !c.Off)
	}
	ink := p.onDark
	if c.Off {
		ink = 0x8a95a3
	}
	t := textBox{s: c.Text, size: secondText, minSize: 8.5, bold: true, ink: ink, align: alignCenter}
	t.at, t.lines = rect{3, 0, c.at.w - 6, c.at.h}, 2
	if i := c.icon(); i != "" {
		f.icon(i, ink, (c.at.w-23)/2, 6, 23)
		t.at, t.lines = rect{3, 29, c.at.w - 6, 20}, 1
	}
	f.text(t)
	p.badge(f, c.Badge, c.at.w/2+26, 3)
}

func (p palette) letter(f *appearance, c placed, down bool) {
	g := p.key
	if c.Icon != "" || c.ownIcon != "" || c.primary {
		g = p.keySpecial
	}
	if down || c.On {
		g = p.keyDown
	}
	f.fill(g, rect{0, 0, c.at.w, c.at.h}, 4, p.outline)
	if i := c.icon(); i != "" {
		f.icon(i, p.ink, (c.at.w-20)/2, (c.at.h-20)/2, 20)
		return
	}
	t := textBox{s: c.Text, at: rect{1, 0, c.at.w - 2, c.at.h}, size: 16, minSize: 9, ink: p.ink, align: alignCenter}
	if len([]rune(c.Text)) > 1 {
		t.size = 12
	}
	f.text(t)
}

func (p palette) number(f *appearance, c placed) {
	at := rect{10, 0, c.at.w - 20, c.at.h}
	if c.Value == "" {
		f.text(textBox{s: c.Text, at: at, size: bodyText, minSize: 10, ink: p.faint, lines: 2})
		return
	}
	value := strings.ReplaceAll(c.Value, "\n", " ")
	f.text(textBox{s: value, at: at, size: digitText, minSize: 13, ink: p.ink, tail: true})
}
