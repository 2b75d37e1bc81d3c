//go:build !darwin || cgo

package ui

import (
	"fmt"
	"image"
	"testing"

	"fyne.io/fyne/v2/test"
)

// sizesOfWindows are sizes of the handset at which an edge of the panel's bands is
// within a pixel.
var sizesOfWindows = [][2]int{{900, 648}, {557, 500}, {938, 500}, {1200, 620}}

// TestNothingShowsBetweenTheBandsOfThePanel: the bar on top, the page and the bar at
// the bottom cover every pixel of the panel, at every size.
func TestNothingShowsBetweenTheBandsOfThePanel(t *testing.T) {
	test.NewTempApp(t)
	for name, sizes := range map[string][][2]int{"home": sizesOfWindows, "signin": sizesOfWindows[:1], "boot": sizesOfWindows[:1]} {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s %dx%d", name, size[0], size[1]), func(t *testing.T) {
				m := HandsetPicture(views()[name], size[0], size[1], nil)
				k := min(float64(size[0])/1000, float64(size[1])/720)
				left, top := (float64(size[0])-1000*k)/2, (float64(size[1])-720*k)/2
				panel := image.Rect(int(left+panelX*k)+2, int(top+panelY*k)+2, int(left+(panelX+panelW)*k)-2, int(top+(panelY+panelH)*k)-2)
				for y := panel.Min.Y; y < panel.Max.Y; y++ {
					for x := panel.Min.X; x < panel.Max.X; x++ {
						if _, _, _, a := m.At(x, y).RGBA(); a != 0xffff {
							t.Fatalf("at %d,%d what is below the panel shows: it is covered by %d of 65535", x, y, a)
						}
					}
				}
			})
		}
	}
}
