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

// palette is the colours of a theme. By WCAG 2.1, texts have a contrast of at least
// 4.5:1 (1.4.3), icons, borders and the focus one of 3:1 (1.4.11): a test measures
// them where they are used.
type palette struct {
	pageTop, pageLow                uint32
	splashTop, splashLow            uint32
	ink, second, onDark, onDark2    uint32
	good, warn, bad, link, faint    uint32 // texts and icons by tone; faint is greyed out
	rule                            uint32
	focus, focusLine                uint32 // a light ring in a dark line: one of them differs from every surface
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
		good: 0x1b5f0e, warn: 0x7a4a00, bad: 0xa7231a, link: 0x1d5aa6, faint: 0x61738a,
		rule: 0x5c7ca4, focus: 0xffb020, focusLine: 0x0b1626,
		title:       gradient{0x5f8fcd, 0x2f62a8, 0x1d4380, noOutline},
		nav:         gradient{0x4b5563, 0x2a323d, 0x161b22, noOutline},
		navOn:       gradient{0x5a92d8, 0x3a76c4, 0x265699, 0xa9cbf5},
		tile:        gradient{0xffffff, 0xeaf2fb, 0xd3e3f4, 0x587aa3},
		tileDown:    gradient{0xdfecfa, 0xc6dcf4, 0xb5d0ee, 0x3a6aa5},
		tileOff:     gradient{0xf1f4f7, 0xe6ebf1, 0xdde4ec, 0xc0ccd9},
		primary:     gradient{0x4a80c6, 0x2f6cba, 0x24569c, 0x1b4687},
		primaryDown: gradient{0x3f7cc9, 0x265da5, 0x1c488a, 0x123463},
		green:       gradient{0x4a8230, 0x367e1f, 0x2a6b15, 0x245f10},
		greenDown:   gradient{0x3f7528, 0x2f7518, 0x265f13, 0x1d4d0e},
		red:         gradient{0xd0574a, 0xbf3527, 0xa02519, 0x7d1a10},
		redDown:     gradient{0xc24a3b, 0xa02519, 0x861b11, 0x5e110a},
		field:       gradient{0xffffff, 0xffffff, 0xf4f8fc, 0x587aa3},
		key:         gradient{0xffffff, 0xf1f5fa, 0xdde6f0, 0x587aa3},
		keyDown:     gradient{0xb9d3f0, 0xa3c4ea, 0x8fb5e2, 0x2f5d99},
		keySpecial:  gradient{0xd5dee9, 0xbccada, 0xa9bacd, 0x4a6179},
		box:         gradient{0xfbfdff, 0xf2f7fc, 0xe0ebf7, 0x1d4380},
		track:       gradient{0xb9c7d8, 0xcdd8e5, 0xdde6f0, 0x587aa3},
		filled:      gradient{0x6a9fdc, 0x2f6cba, 0x24569c, noOutline},
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
		rule: black, focus: 0xffb020, focusLine: 0,
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

// widgetFocus fills the widget of Fyne that has the focus: it differs from the page
// around it, and the text on it can be read.
const widgetFocus = 0xc97b1a

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
		theme.ColorNameSelection: p.link, theme.ColorNameHyperlink: p.link, theme.ColorNameFocus: widgetFocus,
		theme.ColorNameInputBackground: p.field.top, theme.ColorNameInputBorder: p.field.edge,
		theme.ColorNameButton: p.tile.low, theme.ColorNamePlaceHolder: p.faint, theme.ColorNameDisabled: p.faint,
		theme.ColorNameError: p.bad, theme.ColorNameWarning: p.warn, theme.ColorNameSuccess: p.good,
		theme.ColorNameForegroundOnPrimary: p.onDark, theme.ColorNameForegroundOnError: p.onDark,
		theme.ColorNameForegroundOnWarning: p.onDark, theme.ColorNameForegroundOnSuccess: p.onDark,
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
