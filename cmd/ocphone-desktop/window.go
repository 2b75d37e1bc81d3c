//go:build cgo

package main

import (
	"context"
	_ "embed"
	"os"
	"os/signal"
	"sync"
	"syscall"

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
	labControl *labControl     // nil: none
	sides      *sides          // nil: no panel
	beside     *fyne.Container // the layout of which is sides
	dialogs    *dialogs
	keeper     keeper
	started    bool
	shell      shell
	viewLog    *viewLog
	stop       []func()
	ctx        context.Context // ends with close
	cancel     context.CancelFunc
	ends       sync.WaitGroup
}

// newWindow builds the window; nothing is shown yet.
func newWindow(s *emulator, o options) (_ *window, err error) {
	w := &window{emulator: s}
	if o.follow != "" {
		if w.viewLog, err = newViewLog(o.follow, w); err != nil {
			return nil, err
		}
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	if s.world != nil {
		if w.shell, err = openShell(w.ctx, s.world.Lab, o.ready); err != nil {
			return nil, err
		}
	}
	w.makeApp(o)
	w.handset = ui.NewHandset(s.screen)
	w.handset.Contrast(o.contrast)
	now := s.phone.Snapshot()
	w.handset.Plate("ocphone "+setup.Version(), "Firmware "+now.Firmware, "MAC "+now.MAC, "Root set "+now.RootSet)

	w.win = w.app.NewWindow(title)
	w.win.SetPadded(false)
	w.win.SetMaster()
	w.dialogs = &dialogs{window: w.win, back: w.focusPhone}
	size := fyne.NewSize(phoneWidth, phoneHeight)
	w.keeper = keeper{w.app.Preferences(), "phone"}
	content := fyne.CanvasObject(w.handset)
	if s.world != nil && !o.noPanel {
		w.keeper.prefix = "lab"
		content = w.addPanel()
		size.Width += labpanel.Width
	}
	w.win.SetContent(container.New(&sizeWatch{changed: w.keep}, content))
	w.win.Resize(w.keeper.size(size))
	w.handset.BindKeyboard(w.win.Canvas())
	w.handset.OnOtherKey(w.key)
	w.handset.Apply(s.screen.View())
	w.win.SetOnDropped(func(_ fyne.Position, files []fyne.URI) { w.importer().dropped(w.ctx, files) })
	w.app.Lifecycle().SetOnStarted(w.start)
	w.app.Lifecycle().SetOnStopped(func() { w.thread.over.Store(true) })
	return w, nil
}

func (w *window) makeApp(o options) {
	picture := fyne.NewStaticResource(id+".svg", icon)
	app.SetMetadata(fyne.AppMetadata{ID: id, Name: title, Version: setup.Version(), Icon: picture,
		Migrations: map[string]bool{"fyneDo": true}})
	w.app = app.NewWithID(id)
	w.app.SetIcon(picture)
	w.app.Settings().SetTheme(labpanel.Theme(ui.Theme(nil, o.contrast)))
}

// addPanel puts the side panel beside the handset.
func (w *window) addPanel() fyne.CanvasObject {
	w.labControl = newLabControl(w.emulator, w.thread.do, w.dialogs.ask, w, w.shell)
	panel := w.labControl.panel
	panel.OnKey(w.key)
	w.sides = &sides{phone: w.handset, strip: panel.Strip(), panel: panel.Object(), folded: w.keeper.folded()}
	w.beside = container.New(w.sides, w.handset, w.sides.strip, w.sides.panel)
	return container.NewStack(w.beside, panel.Tips())
}

// start begins to update the window; Fyne is running.
func (w *window) start() {
	shown := &latest{on: &w.thread, show: func() {
		w.handset.Apply(w.emulator.screen.View())
		w.viewLog.write()
	}}
	w.stop = append(w.stop, w.emulator.screen.Watch(shown.changed))
	shown.changed()
	w.started = true
	if w.labControl != nil {
		w.labControl.start()
	}
	w.viewLog.start()
	hangUp := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it for the program that it starts
		signal.Notify(hangUp, syscall.SIGHUP) // a terminal that is closed; Fyne ends at SIGINT and SIGTERM by itself
	}
	w.stop = append(w.stop, func() { signal.Stop(hangUp) })
	w.ends.Go(func() {
		select {
		case <-hangUp:
			w.thread.do(w.app.Quit)
		case <-w.ctx.Done():
		}
	})
}

// keep keeps the state of the window for the next start, once it is shown.
func (w *window) keep() {
	if w.started {
		w.keeper.keep(w.win.Canvas().Size(), w.sides != nil && w.sides.folded)
	}
}

// run shows the window until it is closed.
func (w *window) run() { w.win.ShowAndRun() }

// close ends the updates of the window.
func (w *window) close() {
	w.thread.over.Store(true)
	w.cancel()
	w.ends.Wait()
	for _, stop := range w.stop {
		stop()
	}
	if w.labControl != nil {
		w.labControl.close()
	}
	if w.emulator.world != nil {
		w.shell.close(w.emulator.world.Lab)
	}
	w.viewLog.close()
}
