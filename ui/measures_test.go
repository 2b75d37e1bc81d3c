//go:build !darwin || cgo

package ui

import (
	"image/color"
	"math"
)

// What tests measure on a panel: places, contrasts, controls by ID.

func (r rect) overlaps(o rect) bool {
	return r.x < o.x+o.w && o.x < r.x+r.w && r.y < o.y+o.h && o.y < r.y+r.h
}

func (r rect) within(o rect, slack float32) bool {
	return r.x >= o.x-slack && r.y >= o.y-slack && r.x+r.w <= o.x+o.w+slack && r.y+r.h <= o.y+o.h+slack
}

// find gives the control with an id, that of the dialog first; nil: it is not
// shown.
func (t *touchPanel) find(id string) *control {
	for _, l := range []*layer{&t.over, &t.page} {
		for _, c := range l.controls() {
			if c.placed.ID == id && c.Visible() {
				return c
			}
		}
	}
	return nil
}

// contrast is the ratio of WCAG 2.1 between two colours, from 1 to 21.
func contrast(a, b uint32) float64 {
	la, lb := luminance(a), luminance(b)
	return (math.Max(la, lb) + .05) / (math.Min(la, lb) + .05)
}

func luminance(v uint32) float64 {
	c := opaque(v).(color.NRGBA)
	lin := func(b uint8) float64 {
		f := float64(b) / 255
		if f <= .03928 {
			return f / 12.92
		}
		return math.Pow((f+.055)/1.055, 2.4)
	}
	return .2126*lin(c.R) + .7152*lin(c.G) + .0722*lin(c.B)
}
