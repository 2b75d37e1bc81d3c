//go:build !darwin || cgo

package ui

import (
	"bytes"
	"embed"
	"fmt"

	"fyne.io/fyne/v2"

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

// picture is an icon in one ink, as Fyne takes it; nil when there is none.
func picture(i view.Icon, ink uint32) fyne.Resource {
	svg, err := iconFiles.ReadFile("icons/" + string(i) + ".svg")
	if err != nil {
		return nil
	}
	colour := fmt.Sprintf("#%06x", ink)
	return fyne.NewStaticResource(string(i)+"-"+colour[1:]+".svg", bytes.ReplaceAll(svg, []byte(iconInk), []byte(colour)))
}
