//go:build !darwin || cgo

package ui

import "github.com/ocphone/ocphone/device/screen/view"

const corner = 6 // radius of buttons and tiles

// buttonColours are the colours of a button's surface and text.
func (p palette) buttonColours(c placed, down bool) (gradient, uint32) {
	pick := func(up, pressed gradient) gradient {
		if down {
			return pressed
		}
		return up
	}
	switch {
	case c.Off:
		return p.tileOff, p.faint
	case c.Tone == view.ToneGood:
		return pick(p.green, p.greenDown), p.onDark
	case c.Tone == view.ToneBad:
		return pick(p.red, p.redDown), p.onDark
	case c.primary || c.On:
		return pick(p.primary, p.primaryDown), p.onDark
	}
	return pick(p.tile, p.tileDown), p.inkOf(c, p.ink)
}

// button: icon and text in the middle, Second below.
func (p palette) button(f *appearance, c placed, down bool) {
	g, ink := p.buttonColours(placed{Control: c.Control, primary: c.primary}, down)
	f.fill(g, rect{0, 0, c.at.w, c.at.h}, corner, p.outline)
	room := rect{6, 0, c.at.w - 12, c.at.h}
	align := alignCenter
	if i := c.icon(); i != "" {
		side := min(20, c.at.h-12)
		if c.Text == "" {
			f.icon(i, ink, (c.at.w-side)/2, (c.at.h-side)/2, side)
			return
		}
		f.icon(i, ink, 9, (c.at.h-side)/2, side)
		room = rect{side + 13, 0, c.at.w - side - 17, c.at.h}
		if even := c.at.w - 2*(side+13); even > estimatedWidth(c.Text) { // in the middle of the whole, as its neighbours
			room.w = even
		}
	}
	two := c.Second != "" && c.at.h >= 32
	if two {
		below := rect{room.x, c.at.h*.5 + 1, room.w, c.at.h*.5 - 4}
		f.text(textBox{s: c.Second, at: below, size: secondText, ink: ink, align: align, minSize: 9})
		room.h = c.at.h*.5 + 3
	}
	lines := 1
	if !two && c.at.h >= 30 {
		lines = 2
	}
	f.text(textBox{s: c.Text, at: room, size: titleText, minSize: 9.5, bold: true, ink: ink, align: align, lines: lines})
}

// estimatedWidth is the approximate width of a bold text of a button.
func estimatedWidth(s string) (w float32) {
	for _, r := range s {
		w += 8.2
		if isEastAsian(r) {
			w += 6
		}
	}
	return w
}

// valueWidth is the room for the value of a row, rather too much than too little.
func valueWidth(s string) float32 {
	w := float32(8)
	for _, r := range s {
		if w += 9; isEastAsian(r) {
			w += 3
		}
	}
	return w
}

// tile: orb or icon at the left, Text bold, Second below, Badge in the corner.
func (p palette) drawTile(f *appearance, c placed, down bool) {
	g, ink := p.buttonColours(placed{Control: view.Control{Off: c.Off, On: c.On}}, down)
	second := p.second
	if c.Off {
		second = p.faint
	} else if c.On {
		second = p.onDark
	}
	f.fill(g, rect{0, 0, c.at.w, c.at.h}, corner, p.outline)
	x := p.leading(f, c, p.inkOf(c, p.link), 24)
	room := rect{x - 1, 3, c.at.w - x - 2, c.at.h - 6}
	if c.Badge != "" && c.Second != "" {
		c.spare = 18 // the badge is beside the first line
	} else if c.Badge != "" {
		room.w -= 18
	}
	if c.Second != "" && c.Value != "" {
		room.w -= 5 // keeps the value clear of the edge
		w := min(estimatedWidth(c.Value)*.75+4, room.w*.45)
		at := rect{room.x + room.w - w - c.spare, room.y, w, min(room.h, 40) * .54}
		f.text(textBox{s: c.Value, at: at, size: secondText, minSize: 9, ink: second, align: alignRight})
		c.spare += w + 4
	} else {
		c.Second = joined(c.Second, c.Value)
	}
	p.twoLines(f, c, room, ink, second, true)
	p.badge(f, c.Badge, c.at.w-4, 3)
}

func joined(a, b string) string {
	if a != "" && b != "" {
		return a + " • " + b
	}
	return a + b
}

// leading draws orb or icon at the left of a row or tile, and returns where the
// text begins.
func (p palette) leading(f *appearance, c placed, ink uint32, side float32) float32 {
	if c.Off {
		ink = p.faint
	}
	x := float32(10)
	if c.Role == view.Row && c.at.w < narrow {
		x = 6
	}
	if c.Presence != "" {
		p.orb(f, c.Presence, x, (c.at.h-16)/2, 16)
		x += 23
	}
	if i := c.icon(); i != "" && c.Presence == "" {
		side = min(side, c.at.h-10)
		f.icon(i, ink, x, (c.at.h-side)/2, side)
		x += side + 7
	}
	return x
}

func (p palette) twoLines(f *appearance, c placed, room rect, ink, second uint32, bold bool) {
	if c.Second == "" {
		f.text(textBox{s: c.Text, at: room, size: bodyText + 1, minSize: 9.5, bold: bold, ink: ink, lines: 2})
		return
	}
	if room.h > 40 {
		room.y, room.h = room.y+(room.h-40)/2, 40
	}
	first := textBox{s: c.Text, size: bodyText, minSize: 9.5, bold: bold, ink: ink}
	half := room.h * .54
	if room.h >= 36 && estimatedWidth(c.Text)*bodyText/titleText >= 1.25*(room.w-c.spare) { // a sentence
		half = room.h * .68
		first.size, first.minSize, first.lines = secondText, 9, 2
	}
	first.at = rect{room.x, room.y, room.w - c.spare, half}
	f.text(first)
	below := rect{room.x, room.y + half, room.w, room.h - half}
	f.text(textBox{s: c.Second, at: below, size: secondText, minSize: 8.5, ink: second})
}

// valueText is the value at the right of a row.
func (p palette) valueText(f *appearance, s string, at rect) {
	f.text(textBox{s: s, at: at, size: secondText + .5, minSize: 9, ink: p.second, align: alignRight, lines: 2})
}

// narrow is the width below which a row has no room for a value beside the text.
const narrow = 220

// row of a list: a line below, Value at the right.
func (p palette) row(f *appearance, c placed, down bool) {
	if down || c.On {
		f.fill(p.tileDown, rect{2, 1, c.at.w - 4, c.at.h - 2}, 4, p.outline)
	}
	f.line(rect{8, c.at.h - 1, c.at.w - 16, 1}, p.rule)
	ink := p.inkOf(c, p.ink)
	icon := ink
	if c.Tone == view.ToneNone {
		icon = p.link
	}
	side, end := float32(22), float32(10)
	if c.at.w < narrow {
		side, end = 16, 6
	}
	x := p.leading(f, c, icon, side)
	room := rect{x, 3, c.at.w - x - end, c.at.h - 6}
	if c.Badge != "" {
		p.badge(f, c.Badge, c.at.w-8, (c.at.h-15)/2)
		room.w -= 30
	}
	if c.at.w < narrow { // both below the text, or Second alone
		if both := joined(c.Second, c.Value); c.Second == "" || estimatedWidth(both)*.62 < room.w {
			c.Second = both
		}
		c.Value = ""
	}
	if c.Value != "" {
		w := min(room.w*.42, valueWidth(c.Value))
		p.valueText(f, c.Value, rect{room.x + room.w - w, 2, w, c.at.h - 4})
		room.w -= w + 6
	}
	if c.split > 0 { // in a flow it is as high as its texts
		first := textBox{s: c.Text, size: bodyText, minSize: 9.5, bold: true, ink: ink, lines: maxLines, top: true}
		first.at = rect{room.x, 5, room.w, c.split}
		second := textBox{s: c.Second, size: secondText, minSize: 9, ink: p.second, lines: maxLines, top: true}
		second.at = rect{room.x, 5 + c.split, room.w, c.at.h - c.split - 7}
		f.text(first)
		f.text(second)
		return
	}
	p.twoLines(f, c, room, ink, p.second, true)
}

// group is a heading among rows: at the bottom of its place, by a line.
func (p palette) group(f *appearance, c placed) {
	ink := p.inkOf(c, p.second)
	x := float32(10)
	if i := c.icon(); i != "" {
		f.icon(i, p.iconInk(c, ink), x, c.at.h-25, 18)
		x += 25
	}
	room := rect{x, c.at.h - 28, c.at.w - x - 10, 24}
	value := joined(c.Second, c.Value)
	if value != "" {
		w := min(estimatedWidth(value)*.8+6, room.w*.4)
		at := rect{room.x + room.w - w, room.y, w, room.h}
		f.text(textBox{s: value, at: at, size: secondText, minSize: 9, ink: p.second, align: alignRight})
		room.w -= w + 6
	}
	f.text(textBox{s: c.Text, at: room, size: bodyText, minSize: 9.5, bold: c.Role == view.Heading, ink: ink})
	f.line(rect{8, c.at.h - 2, c.at.w - 16, 1.4}, p.second)
}

// label of a detail page: name at the left, value at the right.
func (p palette) label(f *appearance, c placed) {
	split := c.split
	left := rect{4, 3, split - 8, c.at.h - 6}
	f.text(textBox{s: c.Text, at: left, size: bodyText - .5, minSize: 9.5, ink: p.second, lines: 3, top: true})
	value := textBox{s: c.Value, size: bodyText, minSize: 9.5, lines: 6, top: true}
	value.at = rect{split, 3, c.at.w - split - 4, c.at.h - 6}
	value.bold, value.ink = boldValue(c.Control), p.inkOf(c, p.ink)
	f.text(value)
	f.line(rect{0, c.at.h - 1, c.at.w, 1}, p.rule)
}

// inputField is a field: its label at the left of split, or inside when empty.
func (p palette) inputField(f *appearance, c placed) {
	box := rect{c.split, 1, c.at.w - c.split, c.at.h - 2}
	f.fill(p.field, box, 4, p.outline)
	ink := p.inkOf(c, p.ink)
	room := box.inset(0)
	room.x, room.w = room.x+8, room.w-16
	if c.split > 0 {
		label := textBox{s: c.Text, size: bodyText, minSize: 9.5, bold: true, ink: p.second, align: alignRight, lines: 2}
		label.at = rect{0, 0, c.split - 10, c.at.h}
		f.text(label)
	}
	if i := c.icon(); i != "" {
		f.icon(i, p.second, room.x-2, box.y+(box.h-16)/2, 16)
		room.x, room.w = room.x+19, room.w-19
	}
	switch {
	case c.Value != "":
		shown := c.Value
		if c.focus {
			shown += "|"
		}
		f.text(textBox{s: shown, at: room, size: titleText, minSize: 10, ink: ink, tail: true})
	case c.focus:
		f.text(textBox{s: "|", at: rect{room.x, room.y, 6, room.h}, size: titleText, ink: p.link})
		after := rect{room.x + 6, room.y, room.w - 6, room.h}
		f.text(textBox{s: c.hint(), at: after, size: bodyText, minSize: 9.5, ink: p.faint})
	default:
		f.text(textBox{s: c.hint(), at: room, size: bodyText, minSize: 9.5, ink: p.faint})
	}
}

// hint is the text in an empty field.
func (c placed) hint() string {
	if c.Second == "" && c.split == 0 {
		return c.Text
	}
	return c.Second
}

// choice is a check box, or a radio button of a group.
func (p palette) choice(f *appearance, c placed, down bool) {
	side := float32(20)
	y := (c.at.h - side) / 2
	radius, g := float32(4), p.field
	if c.Role == view.Choice {
		radius = side / 2
	}
	if down && !c.Off {
		g = p.tileDown
	}
	if c.Off {
		g = p.tileOff
	}
	f.fill(g, rect{6, y, side, side}, radius, p.outline)
	ink := p.inkOf(c, p.ink)
	switch {
	case c.On && c.Role == view.Choice:
		f.fill(p.filled, rect{6 + 5, y + 5, side - 10, side - 10}, side/2, 0)
	case c.On:
		f.icon(iconTick, p.link, 8, y+2, side-4)
	}
	x := float32(36)
	if i := c.icon(); i != "" {
		f.icon(i, ink, x, (c.at.h-18)/2, 18)
		x += 25
	}
	room := rect{x, 1, c.at.w - x - 4, c.at.h - 2}
	if c.Value != "" {
		w := room.w * .38
		p.valueText(f, c.Value, rect{room.x + room.w - w, 1, w, c.at.h - 2})
		room.w -= w + 6
	}
	p.twoLines(f, c, room, ink, p.second, false)
}

func (p palette) tab(f *appearance, c placed, down bool) {
	g, ink := p.tile, p.inkOf(c, p.ink)
	if down && !c.Off {
		g = p.tileDown
	}
	if c.On {
		g, ink = p.primary, p.onDark
	}
	f.fill(g, rect{0, 0, c.at.w, c.at.h}, 4, p.outline)
	room := rect{4, 0, c.at.w - 8, c.at.h}
	if i := c.icon(); i != "" {
		f.icon(i, ink, 6, (c.at.h-16)/2, 16)
		room = rect{25, 0, c.at.w - 29, c.at.h}
	}
	if c.Badge != "" {
		room.w -= 18
	}
	f.text(textBox{s: c.Text, at: room, size: bodyText - .5, minSize: 9, bold: true, ink: ink, align: alignCenter})
	p.badge(f, c.Badge, c.at.w-4, (c.at.h-15)/2)
}

// progress has the text above the bar and the value at its right. If the fraction
// is not known the bar is full of stripes.
func (p palette) progress(f *appearance, c placed) {
	bar := rect{0, c.at.h - 15, c.at.w, 13}
	f.fill(p.track, bar, 6.5, p.outline)
	inside := bar.inset(1.5)
	if c.Fraction < 0 {
		const stripe = 14
		for x := inside.x; x < inside.x+inside.w; x += 2 * stripe {
			f.fill(p.filled, rect{x, inside.y, min(stripe, inside.x+inside.w-x), inside.h}, 3, 0)
		}
	} else if inside.w *= float32(clamp(c.Fraction)); inside.w > 1 {
		f.fill(p.filled, inside, 5, 0)
	}
	above := rect{0, 0, c.at.w, c.at.h - 17}
	if c.Value != "" {
		w := c.at.w * .35
		ink := p.inkOf(placed{dark: c.dark, Control: view.Control{Tone: view.ToneDim}}, p.second)
		at := rect{c.at.w - w, 0, w, above.h}
		f.text(textBox{s: c.Value, at: at, size: secondText, minSize: 9, ink: ink, align: alignRight})
		above.w -= w + 6
	}
	align := alignLeft
	if c.middle && c.Value == "" {
		align = alignCenter
	}
	f.text(textBox{s: c.Text, at: above, size: bodyText, minSize: 9.5, ink: p.inkOf(c, p.ink), align: align})
}

// slider is the track; label and keys are separate controls.
func (p palette) slider(f *appearance, c placed) {
	track := rect{4, c.at.h/2 - 4, c.at.w - 8, 8}
	if c.Value != "" {
		track.w -= 44
		at := rect{c.at.w - 42, 0, 42, c.at.h}
		f.text(textBox{s: c.Value, at: at, size: secondText, minSize: 9, ink: p.second, align: alignCenter})
	}
	at := float32(clamp(c.Fraction))
	f.fill(p.track, track, 4, p.outline)
	if at > 0 {
		f.fill(p.filled, rect{track.x + 1, track.y + 1, (track.w - 2) * at, track.h - 2}, 3, 0)
	}
	f.fill(p.knob, rect{track.x + (track.w-14)*at, c.at.h/2 - 10, 14, 20}, 4, p.outline)
}

// text is a text or a heading, with an icon or an orb.
func (p palette) text(f *appearance, c placed) {
	ink := p.inkOf(c, p.ink)
	t := textSizesOf(c)
	x, y := c.logInset(), c.logInset()
	if c.Log {
		f.fill(p.field, rect{0, 0, c.at.w, c.at.h}, 4, p.outline)
	}
	align := alignLeft
	if c.middle {
		align = alignCenter
		if i := c.icon(); i != "" {
			f.icon(i, p.iconInk(c, ink), (c.at.w-iconLarge)/2, 0, iconLarge)
			y = iconLarge + 6
		}
	} else {
		if c.Presence != "" {
			p.orb(f, c.Presence, 0, 3, 16)
			x = 24
		}
		if i := c.icon(); i != "" {
			f.icon(i, p.iconInk(c, ink), x+3, y+1, 20)
			x += textIcon
		}
	}
	w := c.at.w - x - c.logInset()
	if c.Value != "" && !c.middle {
		v := w * .4
		value := textBox{s: c.Value, size: secondText, minSize: 9, ink: p.second, align: alignRight, lines: 2, top: true}
		value.at = rect{x + w - v, y, v, c.at.h - y}
		f.text(value)
		w -= v + 6
	}
	first := textBox{s: c.Text, size: t.size, minSize: 9.5, ink: ink, align: align, lines: maxLines, top: true}
	first.at, first.bold = rect{x, y, w, t.first}, c.Role == view.Heading
	f.text(first)
	second := textBox{s: c.Second, size: t.second, minSize: 9, ink: p.second, align: align, lines: maxLines, top: true}
	second.at = rect{x, y + t.first, w, c.at.h - y - t.first}
	if c.dark {
		second.ink = p.onDark2
	}
	f.text(second)
}

// note is a short message, or the level of a volume.
func (p palette) note(f *appearance, c placed) {
	f.fill(p.box, rect{0, 0, c.at.w, c.at.h}, 7, 1.5*p.outline)
	if c.Role == view.Progress {
		bar := c
		bar.at = rect{14, 4, c.at.w - 28, c.at.h - 12}
		p.progress(f, bar)
		for i := range f.shapes[1:] {
			f.shapes[1+i].at.x += bar.at.x
			f.shapes[1+i].at.y += bar.at.y
		}
		for i := range f.texts {
			f.texts[i].at.x += bar.at.x
			f.texts[i].at.y += bar.at.y
		}
		return
	}
	f.icon(c.icon(), p.link, 12, (c.at.h-20)/2, 20)
	at := rect{42, 3, c.at.w - 50, c.at.h - 6}
	f.text(textBox{s: c.Text, at: at, size: bodyText, minSize: 9.5, ink: p.ink, lines: 2})
}

// iconInk gives icons beside texts the colour of the link, unless a tone says
// otherwise.
func (p palette) iconInk(c placed, ink uint32) uint32 {
	if c.Tone == view.ToneNone && !c.dark && !c.Off {
		return p.link
	}
	return ink
}
