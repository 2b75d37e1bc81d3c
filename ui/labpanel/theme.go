//go:build !darwin || cgo

package labpanel

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// readable is a theme whose success and warning colours are readable on a light
// background, unlike those of Fyne, and whose buttons differ from the background.
type readable struct{ fyne.Theme }

// Theme is base, which has a light background, with colours that are readable in
// this panel.
func Theme(base fyne.Theme) fyne.Theme { return readable{base} }

// Color implements fyne.Theme. Each colour has a contrast of at least 4.5:1 to
// white.
func (r readable) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	switch n {
	case theme.ColorNameSuccess:
		return color.NRGBA{0x1f, 0x6b, 0x10, 0xff}
	case theme.ColorNameWarning:
		return color.NRGBA{0x7a, 0x4a, 0x00, 0xff}
	case theme.ColorNameError:
		return color.NRGBA{0xa7, 0x23, 0x1a, 0xff}
	case theme.ColorNameForegroundOnSuccess, theme.ColorNameForegroundOnWarning, theme.ColorNameForegroundOnError:
		return color.NRGBA{0xff, 0xff, 0xff, 0xff}
	case theme.ColorNameButton:
		c := r.Theme.Color(n, v)
		if c == r.Theme.Color(theme.ColorNameBackground, v) { // high contrast: its buttons have outlines, Fyne's have none
			return color.NRGBA{0xcc, 0xcc, 0xcc, 0xff}
		}
		return c
	}
	return r.Theme.Color(n, v)
}
