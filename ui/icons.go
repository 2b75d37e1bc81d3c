//go:build !darwin || cgo

package ui

import (
	"bytes"
	"embed"
	"fmt"
	"image"
	"image/draw"

	"github.com/fyne-io/oksvg"
	"github.com/srwiley/rasterx"

	"github.com/ocphone/ocphone/device/screen/view"
)

// Icons that the panel itself needs.
const (
	iconShift     view.Icon = "panel.shift"
	iconBackspace view.Icon = "panel.backspace"
	iconEnter     view.Icon = "panel.enter"
	iconNext      view.Icon = "panel.next"
	iconUnplugged view.Icon = "panel.unplugged"
	iconTick      view.Icon = "panel.tick"
)

// iconFiles are the icons, drawn for this project: 24 by 24, all in iconInk.
//
//go:embed icons/*.svg
var iconFiles embed.FS

// iconInk is the colour of the files; each icon is shown in another.
const iconInk = "#000000"

// placedIcon is a square icon with its place in design units of its control.
type placedIcon struct {
	icon view.Icon
	ink  uint32
	at   rect
}

// paint paints the icon over m, at kx by ky pixels to the design unit. Its place is
// rounded to whole pixels, so that its straight edges are sharp. Nothing is
// painted if there is no such icon.
func (p placedIcon) paint(m *image.RGBA, kx, ky float64) {
	svg, err := iconFiles.ReadFile("icons/" + string(p.icon) + ".svg")
	side := int(float64(p.at.w)*kx + .5)
	if err != nil || side <= 0 {
		return
	}
	svg = bytes.ReplaceAll(svg, []byte(iconInk), fmt.Appendf(nil, "#%06x", p.ink))
	icon, err := oksvg.ReadIconStream(bytes.NewReader(svg))
	if err != nil { // a test reads every icon
		return
	}
	for i := range icon.SVGPaths { // oksvg scales the path of a stroke, not its width
		icon.SVGPaths[i].LineWidth *= float64(side) / icon.ViewBox.W
	}
	icon.SetTarget(0, 0, float64(side), float64(side))
	drawn := image.NewRGBA(image.Rect(0, 0, side, side))
	icon.Draw(rasterx.NewDasher(side, side, rasterx.NewScannerGV(side, side, drawn, drawn.Rect)), 1)
	at := image.Pt(int(float64(p.at.x)*kx+.5), int(float64(p.at.y)*ky+.5))
	draw.Draw(m, drawn.Rect.Add(at), drawn, image.Point{}, draw.Over)
}
