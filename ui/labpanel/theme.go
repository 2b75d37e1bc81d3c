//go:build !darwin || cgo

package labpanel

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// buttoned is a theme whose buttons differ from the background.
type buttoned struct{ fyne.Theme }

// Theme is base with buttons that can be seen in this panel.
func Theme(base fyne.Theme) fyne.Theme { return buttoned{base} }

// Color implements fyne.Theme.
func (b buttoned) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	c := b.Theme.Color(n, v)
	if n == theme.ColorNameButton && c == b.Theme.Color(theme.ColorNameBackground, v) {
		return color.NRGBA{0xcc, 0xcc, 0xcc, 0xff} // high contrast: its buttons have outlines, Fyne's have none
	}
	return c
}
