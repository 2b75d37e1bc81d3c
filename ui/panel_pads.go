//go:build !darwin || cgo

package ui

import (
	"strings"

	"github.com/ocphone/ocphone/device/screen/view"
)

// wordsHeight is the height of the words between the number and the keys of the
// dial pad.
const wordsHeight = rowHeight

// iconSpace is the width that the icon of a text takes.
func iconSpace(c view.Control) float32 {
	if c.Icon == "" {
		return 0
	}
	return textIcon
}

// dial lays out the dial pad: at the left the number, its translation and the
// keys; at the right the buttons and the contacts that match.
func (r layout) dial(s *pageLayout, p *view.Page, body rect) {
	const left, right = 290, 316
	var number view.Control
	var words, buttons []view.Control
	for _, c := range p.Controls {
		switch {
		case c.Role == view.Field && number.ID == "":
			number = c
		case c.Role == view.Button || c.Role == view.Tile || c.Role == view.Tab:
			buttons = append(buttons, c)
		default:
			words = append(words, c)
		}
	}
	y := body.y + 8
	s.fixed = append(s.fixed, placed{Control: number, style: asNumber, at: rect{margin, y, left, 42},
		focus: p.Focus == number.ID})
	// The words have one place, with text or without: the keys below do not move
	// while a number is typed.
	y += 46
	for i, c := range words {
		high := wordsHeight / float32(len(words))
		word := placed{Control: c, at: rect{margin + 4, y + float32(i)*high, left - 8, high}}
		if word.focus = p.Focus != "" && p.Focus == c.ID; c.Role != view.Row {
			word.split = r.height(c.Text, bodyText, left-8-iconSpace(c), c.Role == view.Heading, 2)
		}
		s.fixed = append(s.fixed, word)
	}
	y += wordsHeight + 2
	s.fixed = append(s.fixed, keypad(rect{margin, y, left, body.y + body.h - y - 4}, true)...)

	g := &flow{r: r, p: p, x: right, y: body.y + 8, w: panelW - right - margin}
	from := len(s.fixed)
	for _, c := range buttons {
		h := float32(36)
		if c.Tone == view.ToneGood && len(buttons) < 4 {
			h = 42
		}
		g.put(placed{Control: c, at: rect{g.x, g.y, g.w, h}})
		g.y += h + 5
	}
	s.fixed = append(s.fixed, g.out...)
	if from < len(s.fixed) && s.fixed[from].Tone == view.ToneNone && !s.fixed[from].Off {
		s.fixed[from].primary = true
	}
	if p.List != nil {
		s.port = rect{right - 4, g.y, panelW - right - margin + 8, body.y + body.h - g.y}
		s.rows, s.contentHeight = p.List, float32(p.List.Len)*rowHeight
		r.empty(s, p)
	}
}

// pinPad lays out the lock: texts and buttons at the left, keys at the right.
func (r layout) pinPad(s *pageLayout, p *view.Page, body rect) {
	const split, button = 236, 44
	f := &flow{r: r, p: p, x: margin, y: 10, w: split - 2*margin}
	var buttons []view.Control
	for _, c := range p.Controls {
		if c.Role == view.Button {
			buttons = append(buttons, c)
			continue
		}
		f.add([]view.Control{c})
	}
	// Below each other, since half of the panel is narrow, and at the bottom, where
	// a message above does not move them.
	g := &flow{r: r, p: p, x: margin, w: f.w, y: body.y + body.h - 8 - button*float32(len(buttons)) + gap}
	for _, c := range buttons {
		g.put(placed{Control: c, at: rect{g.x, g.y, g.w, button - gap}})
		g.y += button
	}
	if len(g.out) > 0 {
		g.out[0].primary = g.out[0].Tone == view.ToneNone
	}
	s.fixed = append(s.fixed, g.out...)
	room := body.h - 8 - button*float32(len(buttons))
	s.flow, s.contentHeight, s.port = f.out, f.y+2, rect{0, body.y, split, room}
	s.fixed = append(s.fixed, keypad(rect{split + 4, body.y + 10, panelW - split - 4 - margin, body.h - 18}, false)...)
}

// padKeys are the digits with the letters of the telephone.
const padKeys = "1,2 ABC,3 DEF,4 GHI,5 JKL,6 MNO,7 PQRS,8 TUV,9 WXYZ,*,0 +,#"

// keypad places the keys of a telephone. Those for a PIN have no letters, no star,
// and a delete key in the place of #.
func keypad(at rect, letters bool) []placed {
	const space = 5
	w, h := (at.w-2*space)/3, (at.h-3*space)/4
	var out []placed
	for i, spec := range strings.Split(padKeys, ",") {
		digit, sub, _ := strings.Cut(spec, " ")
		key := view.Control{ID: "pad." + digit, Role: view.Button, Text: digit}
		c := placed{Control: key, style: asDigit, action: tapAction{key: view.Key(digit)}}
		if letters {
			c.Second = sub
		}
		c.at = rect{at.x + float32(i%3)*(w+space), at.y + float32(i/3)*(h+space), w, h}
		if !letters && digit == "*" {
			continue
		}
		if !letters && digit == "#" {
			c.Control = view.Control{ID: "pad.delete", Role: view.Button}
			c.style, c.ownIcon, c.action = asLetter, iconBackspace, tapAction{key: view.KeyDelete}
		}
		out = append(out, c)
	}
	return out
}

// keyboardRows are the lines of the on-screen keyboards; the last line is common.
func keyboardRows(b view.Keyboard) [3]string {
	switch b {
	case view.Capitals:
		return [3]string{"QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM"}
	case view.Symbols:
		return [3]string{"1234567890", "-/:;()$&@\"", "_#%+=!?'*"}
	}
	return [3]string{"qwertyuiop", "asdfghjkl", "zxcvbnm"}
}

// keyboard places an on-screen keyboard at the bottom of the panel. Each one has
// @, backslash and dot, which a sign-in needs.
func keyboard(b view.Keyboard) []placed {
	const pitch, line, space = 47.2, 40.5, 4
	top := float32(panelH - keyHeight)
	out := []placed{background("keyboard", asBar, rect{0, top, panelW, keyHeight})}
	put := func(id, text string, pic view.Icon, x, y, w float32, a tapAction) {
		key := placed{
			Control: view.Control{ID: "keyboard." + id, Role: view.Button, Text: text},
			style:   asLetter,
			at:      rect{x, y, w, line - space},
			action:  a,
			ownIcon: pic,
			primary: pic != "" || len(text) > 1,
		}
		out = append(out, key)
	}
	y := top + 5
	for n, keys := range keyboardRows(b) {
		all := []rune(keys)
		x := (panelW - pitch*float32(len(all)) + space) / 2
		if n == 2 && b != view.Symbols {
			shift := tapAction{keyboard: view.Capitals}
			if b == view.Capitals {
				shift.keyboard = view.Letters
			}
			put(string(shift.keyboard), "", iconShift, 6, y, x-6-space, shift)
			out[len(out)-1].On = b == view.Capitals
		}
		if n == 2 {
			if b == view.Symbols {
				x = 6
			}
			end := x + pitch*float32(len(all))
			put("delete", "", iconBackspace, end, y, panelW-6-end, tapAction{key: view.KeyDelete})
		}
		for _, r := range all {
			put(string(r), string(r), "", x, y, pitch-space, tapAction{text: string(r)})
			x += pitch
		}
		y += line
	}
	other, name := view.Symbols, "?123"
	if b == view.Symbols {
		other, name = view.Letters, "abc"
	}
	put(string(other), name, "", 6, y, 62, tapAction{keyboard: other})
	for i, sign := range []string{"@", "\\"} {
		put(sign, sign, "", 72+float32(i)*44, y, 40, tapAction{text: sign})
	}
	put("space", " ", "", 160, y, 138, tapAction{text: " "})
	for i, sign := range []string{".", "-"} {
		put(sign, sign, "", 302+float32(i)*44, y, 40, tapAction{text: sign})
	}
	put("next", "", iconNext, 390, y, 40, tapAction{key: view.KeyTab})
	put("enter", "", iconEnter, 434, y, 40, tapAction{key: view.KeyEnter})
	return unique(out)
}

// unique gives another ID to the keys of the upper lines that the last line also
// has.
func unique(in []placed) []placed {
	seen := map[string]bool{}
	for i := len(in) - 1; i >= 0; i-- {
		if seen[in[i].ID] {
			in[i].ID += ".upper"
		}
		seen[in[i].ID] = true
	}
	return in
}

// dialog lays out a page over another.
func (r layout) dialog(p *view.Page) pageLayout {
	const w = 400
	s := pageLayout{id: p.ID, focus: p.Focus}
	most := float32(panelH - 24)
	if p.Keyboard != view.NoKeyboard {
		s.above = keyboard(p.Keyboard)
		most = panelH - keyHeight - 8
	}
	f := &flow{r: r, p: p, x: 14, y: 10, w: w - 28, middle: p.Layout == view.Centered}
	if p.Layout == view.Form {
		f.labelWidth = min(labelWidthOf(p.Controls), 120)
	}
	f.add(p.Controls)
	f.add(p.Nav)
	s.flow, s.contentHeight = f.out, f.y+6
	head := float32(0)
	if p.Title != "" {
		head = 30
	}
	h := head + s.contentHeight
	if p.List != nil {
		h = most
	}
	h = min(h, most)
	box := rect{(panelW - w) / 2, (most + 24 - h) / 2, w, h}
	if p.Keyboard != view.NoKeyboard {
		box.y = 4
	}
	whole := rect{0, 0, panelW, panelH}
	s.fixed = append(s.fixed, background("dialog.veil", asVeil, whole), background("dialog", asBox, box))
	if p.Title != "" {
		t := background("dialog.title", asBoxTitle, rect{box.x, box.y, w, head})
		t.Text, t.split, t.spare = p.Title, 12, 12
		s.fixed = append(s.fixed, t)
	}
	s.port = rect{box.x, box.y + head, w, h - head}
	if p.List != nil { // controls stay, the list scrolls
		for _, c := range s.flow {
			c.at.x, c.at.y = c.at.x+s.port.x, c.at.y+s.port.y
			s.fixed = append(s.fixed, c)
		}
		s.port = rect{box.x + 2, s.port.y + f.y, w - 4, max(s.port.h-f.y-4, rowHeight)}
		s.flow, s.rows, s.contentHeight = nil, p.List, float32(p.List.Len)*rowHeight
		r.empty(&s, p)
	}
	return s
}
