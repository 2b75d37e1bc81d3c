//go:build !darwin || cgo

package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	_ "github.com/ocphone/ocphone/ui/locale" // before fyne/lang asks for the user's language
)

// gradient is the colours of a surface from top to bottom, with a step in the
// middle as was the style of 2008, and of its outline. Colours are 0xRRGGBB; an
// outline of noOutline is not drawn.
type gradient struct{ top, mid, low, edge uint32 }

const noOutline = 1 << 24

// palette is the colours of a theme. Inks have a contrast of at least 4.5:1 on the
// surfaces where they are used (tested).
type palette struct {
	pageTop, pageLow                uint32
	splashTop, splashLow            uint32
	ink, second, onDark, onDark2    uint32
	good, warn, bad, link, faint    uint32 // texts and icons by tone; faint is greyed out
	rule, focus                     uint32
	title, nav, navOn               gradient
	tile, tileDown, tileOff         gradient
	primary, primaryDown            gradient
	green, greenDown, red, redDown  gradient
	field, key, keyDown, keySpecial gradient
	box, track, filled, knob        gradient
	outline                         float32 // width in design units
}

// vista is the look of the phone's panel in 2008.
func vista() palette {
	return palette{
		pageTop: 0xf6fafe, pageLow: 0xcfe0f2, splashTop: 0x14263f, splashLow: 0x05090f,
		ink: 0x14263d, second: 0x3d5878, onDark: 0xffffff, onDark2: 0xdce8f6,
		good: 0x1f6b10, warn: 0x7a4a00, bad: 0xa7231a, link: 0x1d5aa6, faint: 0x75869a,
		rule: 0xa9c2de, focus: 0xf09a1a,
		title:       gradient{0x5f8fcd, 0x2f62a8, 0x1d4380, noOutline},
		nav:         gradient{0x4b5563, 0x2a323d, 0x161b22, noOutline},
		navOn:       gradient{0x7fb0ea, 0x3a76c4, 0x265699, 0x163a6e},
		tile:        gradient{0xffffff, 0xeaf2fb, 0xd3e3f4, 0x9db8d6},
		tileDown:    gradient{0xd9e8f9, 0xb9d3f0, 0xa3c4ea, 0x5c8fc9},
		tileOff:     gradient{0xf1f4f7, 0xe6ebf1, 0xdde4ec, 0xc0ccd9},
		primary:     gradient{0x6a9fdc, 0x2f6cba, 0x24569c, 0x1b4687},
		primaryDown: gradient{0x3f7cc9, 0x265da5, 0x1c488a, 0x123463},
		green:       gradient{0x7cbf5c, 0x3d8c24, 0x2f7518, 0x2c6c16},
		greenDown:   gradient{0x5aa23c, 0x2f7518, 0x265f13, 0x1d4d0e},
		red:         gradient{0xe27a6c, 0xbf3527, 0xa02519, 0x7d1a10},
		redDown:     gradient{0xc24a3b, 0xa02519, 0x861b11, 0x5e110a},
		field:       gradient{0xffffff, 0xffffff, 0xf4f8fc, 0x8fa9c6},
		key:         gradient{0xffffff, 0xf1f5fa, 0xdde6f0, 0x8b9db3},
		keyDown:     gradient{0xb9d3f0, 0xa3c4ea, 0x8fb5e2, 0x5c8fc9},
		keySpecial:  gradient{0xd5dee9, 0xbccada, 0xa9bacd, 0x8092a8},
		box:         gradient{0xfbfdff, 0xf2f7fc, 0xe0ebf7, 0x1d4380},
		track:       gradient{0xb9c7d8, 0xcdd8e5, 0xdde6f0, 0x8fa9c6},
		filled:      gradient{0x8fbcf0, 0x3f7cc9, 0x2a5fa9, noOutline},
		knob:        gradient{0xffffff, 0xe6edf5, 0xc9d6e5, 0x5b7391},
		outline:     1,
	}
}

// highContrast is the theme for users with low vision: black on white, plain
// fills, thick outlines.
func highContrast() palette {
	white, black := uint32(0xffffff), uint32(0x000000)
	plain := func(fill, edge uint32) gradient { return gradient{fill, fill, fill, edge} }
	return palette{
		pageTop: white, pageLow: white, splashTop: black, splashLow: black,
		ink: black, second: black, onDark: white, onDark2: white,
		good: 0x004b00, warn: 0x5c3200, bad: 0x8b0000, link: 0x00308f, faint: 0x595959,
		rule: black, focus: 0xd04a00,
		title: plain(black, noOutline), nav: plain(black, noOutline), navOn: plain(0x00308f, white),
		tile: plain(white, black), tileDown: plain(0xffe066, black), tileOff: plain(white, 0x8a8a8a),
		primary: plain(0x00308f, black), primaryDown: plain(black, 0x00308f),
		green: plain(0x004b00, black), greenDown: plain(black, 0x004b00),
		red: plain(0x8b0000, black), redDown: plain(black, 0x8b0000),
		field: plain(white, black), key: plain(white, black),
		keyDown: plain(0xffe066, black), keySpecial: plain(0xe6e6e6, black),
		box: plain(white, black), track: plain(white, black), filled: plain(0x00308f, noOutline), knob: plain(black, white),
		outline: 2,
	}
}

// panelTheme is the theme for Fyne's own widgets beside the panel.
type panelTheme struct {
	fyne.Theme
	unit    *Unit
	colours map[fyne.ThemeColorName]uint32
}

// Theme gives Fyne's own widgets the colours of the panel, and sizes that scale
// with the phone. Set it as the theme of the application; the panel itself does
// not need it. It ignores the dark or light variant of the desktop.
func Theme(u *Unit, contrast bool) fyne.Theme {
	p := vista()
	if contrast {
		p = highContrast()
	}
	return &panelTheme{theme.DefaultTheme(), u, map[fyne.ThemeColorName]uint32{
		theme.ColorNameBackground: p.pageTop, theme.ColorNameForeground: p.ink, theme.ColorNamePrimary: p.link,
		theme.ColorNameSelection: p.link, theme.ColorNameHyperlink: p.link, theme.ColorNameFocus: p.focus,
		theme.ColorNameInputBackground: p.field.top, theme.ColorNameInputBorder: p.field.edge,
		theme.ColorNameButton: p.tile.low, theme.ColorNamePlaceHolder: p.faint, theme.ColorNameDisabled: p.faint,
		theme.ColorNameError: p.bad, theme.ColorNameForegroundOnPrimary: p.onDark,
	}}
}

// Color implements fyne.Theme.
func (l *panelTheme) Color(n fyne.ThemeColorName, _ fyne.ThemeVariant) color.Color {
	if c, ok := l.colours[n]; ok {
		return opaque(c)
	}
	return l.Theme.Color(n, theme.VariantLight)
}

// Size implements fyne.Theme.
func (l *panelTheme) Size(n fyne.ThemeSizeName) float32 {
	v := l.Theme.Size(n)
	switch n {
	case theme.SizeNameText:
		v = bodyText
	case theme.SizeNamePadding:
		v = 3
	case theme.SizeNameInnerPadding:
		v = 6
	case theme.SizeNameInputRadius, theme.SizeNameSelectionRadius:
		v = 3
	}
	if l.unit == nil || l.unit.K <= 0 { // the window has no size yet
		return v
	}
	return v * l.unit.K
}
