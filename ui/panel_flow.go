//go:build !darwin || cgo

package ui

import (
	"cmp"

	"github.com/ocphone/ocphone/device/screen/view"
)

// Measures of the flow of controls, in design units.
const (
	iconLarge      = 44 // above the text of a page that is centered
	maxLines       = 12
	gap            = 6
	fieldLine      = 36
	formLabelWidth = 140 // of a form: labels are left of it
	rowHeight      = 44
	rowInset       = 8  // of what is drawn of a row
	textIcon       = 31 // the icon of a text with its space, as that of a row in a flow
)

// flow lays controls below each other.
type flow struct {
	r          layout
	p          *view.Page
	x, y       float32
	w          float32
	labelWidth float32 // of labels left of fields; 0: labels are inside empty fields
	tile       float32 // height of tiles; 0: the usual one
	maxLines   int     // of a text; 0: the constant maxLines
	middle     bool
	dark       bool
	out        []placed
}

// add places the controls in their order; neighbouring buttons, tabs or tiles
// share a line.
func (f *flow) add(controls []view.Control) {
	for i := 0; i < len(controls); {
		c := controls[i]
		n := i + 1
		if c.Role == view.Button || c.Role == view.Tab || c.Role == view.Tile {
			for n < len(controls) && controls[n].Role == c.Role {
				n++
			}
		}
		switch c.Role {
		case view.Button:
			f.buttons(controls[i:n])
		case view.Tab:
			f.line(controls[i:n], f.x, f.w, n-i, 30, 4)
		case view.Tile:
			f.line(controls[i:n], f.x, f.w, 3, max(f.tile, 47), gap)
		default:
			f.single(c)
		}
		i = n
	}
}

// line places controls of equal width, so many to a line.
func (f *flow) line(controls []view.Control, x, w float32, most int, h, space float32) {
	each := (w - space*float32(most-1)) / float32(most)
	for i, c := range controls {
		f.put(placed{Control: c, at: rect{x + float32(i%most)*(each+space), f.y, each, h}})
		if i%most == most-1 || i == len(controls)-1 {
			f.y += h + space
		}
	}
}

// buttons places two buttons on a line, or three if there are three; in a form
// they begin where the fields begin. The first button that is not red is primary.
func (f *flow) buttons(controls []view.Control) {
	x, w := f.x, f.w
	if f.labelWidth > 0 {
		x, w = f.x+f.labelWidth, f.w-f.labelWidth
	}
	most := min(len(controls), 3)
	switch {
	case len(controls) == 4 || f.labelWidth > 0 && most == 3:
		most = 2
	case most == 1:
		most = 2
		if f.middle {
			x, w = f.x+f.w*.2, f.w*.6
			most = 1
		}
	}
	from := len(f.out)
	f.y += 2
	f.line(controls, x, w, most, f.spacing(38, 33), f.spacing(gap, 4))
	for i := from; i < len(f.out); i++ {
		if b := &f.out[i]; !b.Off && b.Tone != view.ToneBad {
			b.primary = b.Tone == view.ToneNone
			break
		}
	}
}

func (f *flow) put(c placed) {
	c.dark, c.middle = f.dark, f.middle
	c.focus = f.p.Focus != "" && c.ID == f.p.Focus
	f.out = append(f.out, c)
}

func (f *flow) single(c view.Control) {
	p := placed{Control: c, at: rect{f.x, f.y, f.w, 0}, split: f.labelWidth}
	switch c.Role {
	case view.Field, view.Secret:
		p.at.h = f.spacing(fieldLine, 30)
	case view.Toggle, view.Choice:
		p.at.x, p.at.w, p.at.h = f.x+max(f.labelWidth-6, 0), f.w-max(f.labelWidth-6, 0), 32
		if c.Second != "" {
			p.at.h = 38
		}
	case view.Row:
		p.split, p.at.h = f.row(c)
		if !f.middle && f.x >= rowInset { // aligns its texts with those of other controls
			p.at.x, p.at.w = f.x-rowInset, f.w+2*rowInset
		}
	case view.Label:
		p.split = f.w * .36
		h := f.r.height(c.Text, bodyText-.5, p.split-8, false, 3)
		h = max(h, f.r.height(c.Value, bodyText, f.w-p.split-4, boldValue(c), 6))
		p.at.h = max(26, h+8)
	case view.Progress:
		p.at.h = 16
		if c.Text != "" || c.Value != "" {
			p.at.h = 38
		}
		if f.middle {
			p.at.x, p.at.w = f.x+f.w*.1, f.w*.8
		}
	case view.Slider:
		f.slider(c)
		return
	default:
		f.text(p)
		return
	}
	f.put(p)
	f.y += p.at.h + f.spacing(gap, 3)
}

// spacing is small while a keyboard covers half of the panel, else roomy.
func (f *flow) spacing(roomy, small float32) float32 {
	if f.p.Keyboard != view.NoKeyboard {
		return small
	}
	return roomy
}

// boldValue reports whether the value of a detail page is bold.
func boldValue(c view.Control) bool { return c.Tone != "" && c.Tone != view.ToneDim }

// row measures a row in a flow: the height of its text, and its whole height. A
// row of short texts is as high as in a list.
func (f *flow) row(c view.Control) (first, whole float32) {
	w := f.w - 20
	if !f.middle && f.x >= rowInset {
		w += 2 * rowInset
	}
	if c.Icon != "" || c.Presence != "" {
		w -= 29
	}
	if c.Badge != "" {
		w -= 30
	}
	if c.Value != "" && f.w >= narrow {
		w -= min(w*.42, valueWidth(c.Value)) + 6
	}
	most := maxLines
	if f.maxLines > 0 {
		most = f.maxLines + 1
	}
	first = f.r.height(c.Text, bodyText, w, true, most)
	second := f.r.height(c.Second, secondText, w, false, most)
	if first+second <= rowHeight-8 && first < 2*bodyText {
		return 0, rowHeight
	}
	return first, max(first+second+12, rowHeight)
}

// slider places a track with a key at each end; taps on the keys change it.
func (f *flow) slider(c view.Control) {
	const key = 36
	part := f.labelWidth
	if c.Text != "" {
		part = max(part, f.w*.3)
		label := background(c.ID+".label", asLabel, rect{f.x, f.y, part - 10, fieldLine})
		label.Text, label.Off = c.Text, c.Off
		f.put(label)
	}
	step := func(sign, text string, x float32) {
		step := view.Control{ID: c.ID + sign, Role: view.Button, Text: text, Off: c.Off}
		f.put(placed{Control: step, style: asStep, at: rect{x, f.y, key, fieldLine}, primary: true})
	}
	step("-", "–", f.x+part)
	track := placed{Control: c, at: rect{f.x + part + key + 2, f.y, f.w - part - 2*key - 4, fieldLine}}
	track.action.inert = true
	f.put(track)
	step("+", "+", f.x+f.w-key)
	f.y += fieldLine + gap
}

// textSizes are the sizes of a text or heading and of the text below it.
type textSizes struct{ size, second, first float32 }

func textSizesOf(c placed) textSizes {
	t := textSizes{bodyText, secondText + .5, c.split}
	switch {
	case c.Role == view.Heading && c.middle:
		t.size, t.second = 18, bodyText
	case c.Role == view.Heading:
		t.size, t.second = 15, secondText+.5
	case c.middle:
		t.size, t.second = 14, 12
	}
	return t
}

// logInset is the space between text of the log and its box.
func (c placed) logInset() float32 {
	if c.Log && c.Role == view.Text {
		return 6
	}
	return 0
}

// text places a text with the lines that it needs.
func (f *flow) text(p placed) {
	p.middle = f.middle
	t := textSizesOf(p)
	w := f.w
	inset := p.logInset()
	w -= 2 * inset
	var above float32
	switch icon := p.icon() != ""; {
	case f.middle && icon:
		above = iconLarge + 6
	case !f.middle:
		if icon {
			w -= textIcon
		}
		if p.Presence != "" {
			w -= 24
		}
		if p.Value != "" {
			w -= w*.4 + 6
		}
	}
	most := cmp.Or(f.maxLines, maxLines)
	p.split = f.r.height(p.Text, t.size, w, p.Role == view.Heading, most)
	p.at.h = max(above+p.split+f.r.height(p.Second, t.second, w, false, most), 12)
	if !f.middle && p.icon() != "" {
		p.at.h = max(p.at.h, 22)
	}
	p.at.h += 2 * inset
	f.put(p)
	f.y += p.at.h + 4
}
