package view

import "slices"

// TakesTaps reports whether a tap on a control of that role has an effect.
func (c Control) TakesTaps() bool {
	return !c.Off && !slices.Contains([]Role{Text, Heading, Label, Progress}, c.Role)
}

// Next is the control to which the focus goes from Focus: by 1 the next one, by -1
// the one before. With tab, a list is one stop, which is at the row that has the
// focus, else at its first row; without it, each row is one. Around says that the
// focus went past the end and begins again. The ID is "" if no control takes taps.
func (p *Page) Next(by int, tab bool) (id string, around bool) {
	ids := p.stops(tab)
	if len(ids) == 0 {
		return "", true
	}
	at := slices.Index(ids, p.Focus)
	if at < 0 && by < 0 {
		at = 0
	}
	next := at + by
	return ids[(next+len(ids))%len(ids)], next < 0 || next >= len(ids)
}

// stops are the IDs of the controls that can have the focus, in its order.
func (p *Page) stops(tab bool) (ids []string) {
	add := func(controls []Control) {
		for _, c := range controls {
			if c.TakesTaps() {
				ids = append(ids, c.ID)
			}
		}
	}
	add(p.Controls)
	if _, inList := p.List.find(p.Focus); tab && inList {
		ids = append(ids, p.Focus)
	} else if l := p.List; l != nil {
		for i := range l.Len {
			c := l.Row(i)
			if add([]Control{c}); tab && c.TakesTaps() {
				break
			}
		}
	}
	add(p.Nav)
	if p.Back {
		ids = append(ids, "back")
	}
	return ids
}
