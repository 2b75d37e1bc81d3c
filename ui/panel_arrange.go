//go:build !darwin || cgo

package ui

import (
	"fmt"
	"slices"

	"github.com/ocphone/ocphone/device/screen/view"
)

// Measures of the panel, in design units.
const (
	barHeight = 34
	navHeight = 52
	keyHeight = 168 // of the on-screen keyboard
	margin    = 12

	maxSoftKeys = 5
)

// pageLayout is a page with its controls placed.
type pageLayout struct {
	id            string
	fixed         []placed // where it is, below to above
	port          rect     // the area that scrolls; empty: none
	flow          []placed // in coordinates of the port's content
	contentHeight float32  // of the port
	rows          *view.Rows
	above         []placed // above the port: keyboard, bars
	focus         string
}

// arrange lays out the page of a View.
func (r layout) arrange(v *view.View) pageLayout {
	p := &v.Page
	s := pageLayout{id: p.ID, focus: p.Focus}
	body := rect{0, barHeight, panelW, panelH - barHeight}
	splash := p.Layout == view.Centered && p.Title == "" && len(p.Nav) == 0 && !p.Back
	switch {
	case p.Keyboard != view.NoKeyboard:
		body.h -= keyHeight
		s.above = append(s.above, keyboard(p.Keyboard)...)
	case len(p.Nav) > 0:
		body.h -= navHeight
		s.above = append(s.above, nav(p)...)
	}
	if splash {
		body = rect{0, 0, panelW, body.y + body.h}
		s.fixed = append(s.fixed, background("page", asSplash, body))
	} else {
		s.fixed = append(s.fixed, background("page", asPage, body))
		s.fixed = append(s.fixed, r.title(v)...)
	}
	switch p.Layout {
	case view.Tiles:
		r.tiles(&s, v, body)
	case view.Dial:
		r.dial(&s, p, body)
	case view.PINPad:
		r.pinPad(&s, p, body)
	default:
		r.plain(&s, p, body, splash)
	}
	return s
}

// note places a short message over the page, above the soft keys.
func note(c view.Control) placed {
	const w, h = 330, 46
	at := rect{(panelW - w) / 2, panelH - navHeight - h - 8, w, h}
	return placed{Control: c, style: asNote, at: at, action: tapAction{inert: true}}
}

func background(id string, as style, at rect) placed {
	return placed{Control: view.Control{ID: id, Role: view.Text}, style: as, at: at, action: tapAction{inert: true}}
}

// plain lays out pages that are a flow of controls, with or without a list below.
func (r layout) plain(s *pageLayout, p *view.Page, body rect, splash bool) {
	f := &flow{r: r, p: p, x: margin, w: panelW - 2*margin, dark: splash}
	switch p.Layout {
	case view.Form:
		f.labelWidth = labelWidthOf(p.Controls)
	case view.Centered:
		f.middle = true
		f.x, f.w = 40, panelW-80
	}
	if p.List != nil {
		f.y = body.y + 6
		f.add(p.Controls)
		s.fixed = append(s.fixed, f.out...)
		top := f.y
		if len(p.Controls) == 0 {
			top = body.y
		}
		s.port, s.rows = rect{0, top, panelW, body.y + body.h - top}, p.List
		s.contentHeight = float32(p.List.Len) * rowHeight
		r.empty(s, p)
		return
	}
	f.y = 8
	f.add(p.Controls)
	s.flow, s.contentHeight, s.port = f.out, f.y+2, body
	if spare := body.h - s.contentHeight; spare > 0 && p.Layout == view.Centered {
		for i := range s.flow {
			s.flow[i].at.y += spare / 2
		}
		s.contentHeight = body.h
	}
}

// labelWidthOf is the width of the labels: forms without fields have none.
func labelWidthOf(controls []view.Control) float32 {
	for _, c := range controls {
		if c.Role == view.Field || c.Role == view.Secret {
			return formLabelWidth
		}
	}
	return 0
}

// empty shows the text of an empty list.
func (r layout) empty(s *pageLayout, p *view.Page) {
	if p.List.Len > 0 || p.List.Empty == "" {
		return
	}
	f := &flow{r: r, p: p, x: 20, w: s.port.w - 40, y: 0, middle: s.port.w > panelW/2}
	f.add([]view.Control{{ID: p.List.ID + ".empty", Role: view.Text, Text: p.List.Empty, Tone: view.ToneDim}})
	f.out[0].at.y = max((s.port.h-f.out[0].at.h)/2, 2)
	s.flow, s.contentHeight, s.rows = f.out, f.out[0].at.y+f.out[0].at.h, nil
}

// title is the bar on top: back, presence, title, and the status.
func (r layout) title(v *view.View) []placed {
	p, st := &v.Page, &v.Status
	bar := background("title", asTitle, rect{0, 0, panelW, barHeight})
	bar.Role, bar.Text, bar.split = view.Heading, p.Title, 10
	if p.Back {
		bar.split = 46
	}
	if st.Who != "" || st.Signed {
		bar.Presence = st.Presence
	}
	if p.Title == "" {
		bar.Text = st.Who
	}
	right := float32(panelW - 8)
	var marks []placed
	mark := func(id, value string, icon, own view.Icon, tone view.Tone, w float32) {
		right -= w
		m := background("status."+id, asStatus, rect{right, 0, w, barHeight})
		m.Text, m.Value, m.Icon, m.ownIcon, m.Tone = value, value, icon, own, tone
		marks = append(marks, m)
		right -= 5
	}
	count := func(id string, n int, icon view.Icon) {
		if n > 0 {
			text := fmt.Sprint(min(n, 999))
			mark(id, text, icon, "", "", 19+7*float32(len(text)))
		}
	}
	if st.Clock != "" && !hasClock(p) {
		mark("clock", st.Clock, "", "", "", max(44, r.width(st.Clock, titleText, true)/max(r.k, .01)+4))
	}
	if st.Locked {
		mark("locked", "", view.IconLock, "", "", 16)
	}
	if !st.Cable {
		mark("cable", "", view.IconNetwork, iconUnplugged, view.ToneWarn, 16)
	}
	if st.Exchange == view.ToneWarn || st.Exchange == view.ToneBad {
		mark("exchange", "", view.IconWarning, "", view.ToneWarn, 16)
	}
	count("voice", st.Voice, view.IconVoicemail)
	count("missed", st.Missed, view.IconMissed)
	left := bar.split + 8
	if bar.Presence != "" {
		left += 24
	}
	used := left + r.width(tidy(bar.Text), titleText, true)/max(r.k, .01) + 12
	if st.Who != "" && bar.Text != st.Who && right-used > 70 {
		w := min(right-used, r.width(tidy(st.Who), secondText, false)/max(r.k, .01)+4, 170)
		mark("who", st.Who, "", "", "", w)
		marks[len(marks)-1].split = 1
	}
	bar.spare = panelW - right
	out := []placed{bar}
	if p.Back {
		back := view.Control{ID: "back", Role: view.Button, Text: v.Names["back"]}
		at := rect{0, 0, 40, barHeight}
		out = append(out, placed{Control: back, style: asBackKey, at: at, focus: p.Focus == "back"})
	}
	return append(out, marks...)
}

func nav(p *view.Page) []placed {
	n := min(len(p.Nav), maxSoftKeys)
	w := float32(panelW) / float32(max(n, 3))
	x := (panelW - w*float32(n)) / 2
	out := []placed{background("nav", asBar, rect{0, panelH - navHeight, panelW, navHeight})}
	for i, c := range p.Nav[:n] {
		at := rect{x + float32(i)*w, panelH - navHeight, w, navHeight}
		out = append(out, placed{Control: c, style: asSoftKey, at: at, focus: p.Focus != "" && p.Focus == c.ID})
	}
	return out
}

// tileHeight divides the room by the number of lines of tiles.
func tileHeight(rest []view.Control, room float32) float32 {
	lines, n := 0, 0
	for _, c := range rest {
		if c.Role == view.Tile {
			if n++; n%3 == 1 {
				lines++
			}
			continue
		}
		n = 0
		room -= 15*leadingText + 4
	}
	return min(room/float32(max(lines, 1))-gap, 64)
}

// hasClock reports whether a page itself shows the time.
func hasClock(p *view.Page) bool {
	return p.Layout == view.Tiles && slices.ContainsFunc(p.Controls, isClock)
}

func isClock(c view.Control) bool { return c.ID == "clock" && c.Role == view.Heading }

// maxBeside is the number of rows beside the clock; if there are more, the first
// one is below the clock.
const maxBeside = 3

// tiles lays out the home page: the clock, rows beside it, then three columns.
func (r layout) tiles(s *pageLayout, v *view.View, body rect) {
	p := &v.Page
	f := &flow{r: r, p: p, x: 18, y: 8, w: 224}
	var rows, words, rest []view.Control
	for i, c := range p.Controls {
		switch {
		case c.Role == view.Tile || c.Role == view.Heading && !isClock(c):
			rest = p.Controls[i:]
		case isClock(c):
			f.put(placed{Control: c, style: asClock, at: rect{18, 2, 224, 86}, action: tapAction{inert: true}})
			f.y = 90
			continue
		case c.Role == view.Row || c.Role == view.Button:
			rows = append(rows, c)
			continue
		default:
			words = append(words, c)
			continue
		}
		break // the rest is tiles
	}
	g := &flow{r: r, p: p, x: 252, y: 8, w: panelW - 252 - margin}
	for i, c := range rows {
		to := g
		if i == 0 && len(rows) > maxBeside {
			to = f
			to.x, to.w = margin, 232
		}
		to.put(placed{Control: c, style: asInfo, at: rect{to.x, to.y, to.w, 40}})
		to.y += 44
	}
	f.x, f.w = 20, 222
	f.add(words)
	h := &flow{r: r, p: p, x: margin, y: max(f.y, g.y) + 2, w: panelW - 2*margin}
	h.tile = tileHeight(rest, body.h-h.y-2)
	h.add(rest)
	s.flow = slices.Concat(f.out, g.out, h.out)
	s.contentHeight, s.port = h.y-gap+3, body
}
