//go:build cgo

package main

import (
	_ "embed"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
	"fyne.io/fyne/v2/container"

	"github.com/ocphone/ocphone/device/setup"
	"github.com/ocphone/ocphone/ui"
	"github.com/ocphone/ocphone/ui/labpanel"
)

// id identifies the program to the desktop; the .desktop and AppStream files have
// the same one.
const id = "io.github.ocphone.ocphone"

// title is that of the window.
const title = "ocphone"

//go:embed io.github.ocphone.ocphone.svg
var icon []byte

// Size of the handset in a new window, in device independent pixels: with the
// side panel it fits on a screen of 1,280 by 800.
const (
	phoneWidth  = 900
	phoneHeight = 648
)

// window is the window and the sources of its content.
type window struct {
	emulator   *emulator
	app        fyne.App
	thread     thread
	win        fyne.Window
	handset    *ui.Handset
	labControl *labControl // nil: none
	viewLog    *viewLog
	stop       []func()
}

// newWindow builds the window; nothing is shown yet.
func newWindow(s *emulator, o options) (_ *window, err error) {
	w := &window{emulator: s}
	if o.follow != "" {
		if w.viewLog, err = newViewLog(o.follow, w); err != nil {
			return nil, err
		}
	}
	picture := fyne.NewStaticResource(id+".svg", icon)
	app.SetMetadata(fyne.AppMetadata{ID: id, Name: title, Version: setup.Version(), Icon: picture,
		Migrations: map[string]bool{"fyneDo": true}})
	w.app = app.NewWithID(id)
	w.app.SetIcon(picture)
	w.app.Settings().SetTheme(labpanel.Theme(ui.Theme(nil, o.contrast)))

	w.handset = ui.NewHandset(s.screen)
	w.handset.Contrast(o.contrast)
	now := s.phone.Snapshot()
	w.handset.Plate("ocphone "+setup.Version(), "Firmware "+now.Firmware, "MAC "+now.MAC, "Root set "+now.RootSet)

	w.win = w.app.NewWindow(title)
	w.win.SetPadded(false)
	w.win.SetMaster()
	size := fyne.NewSize(phoneWidth, phoneHeight)
	if s.world != nil && !o.noPanel {
		w.labControl = newLabControl(s, w.thread.do)
		w.win.SetContent(container.NewBorder(nil, nil, nil, w.labControl.panel.Object(), w.handset))
		size.Width += labpanel.Width
	} else {
		w.win.SetContent(w.handset)
	}
	w.win.Resize(size)
	w.handset.BindKeyboard(w.win.Canvas())
	w.handset.Apply(s.screen.View())
	w.app.Lifecycle().SetOnStarted(w.start)
	w.app.Lifecycle().SetOnStopped(func() { w.thread.over.Store(true) })
	return w, nil
}

// start begins to update the window; Fyne is running.
func (w *window) start() {
	shown := &latest{on: &w.thread, show: func() {
		w.handset.Apply(w.emulator.screen.View())
		w.viewLog.write()
	}}
	w.stop = append(w.stop, w.emulator.screen.Watch(shown.changed))
	shown.changed()
	if w.labControl != nil {
		w.labControl.start()
	}
	w.viewLog.start()
}

// run shows the window until it is closed.
func (w *window) run() { w.win.ShowAndRun() }

// close ends the updates of the window.
func (w *window) close() {
	w.thread.over.Store(true)
	for _, stop := range w.stop {
		stop()
	}
	if w.labControl != nil {
		w.labControl.close()
	}
	w.viewLog.close()
}
