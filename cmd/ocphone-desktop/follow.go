//go:build cgo

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test" // for the parts of a widget, which Fyne shows to tests alone

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ui/labpanel"
)

// viewLog writes what the window shows to a file: a JSON line for each change. A
// test waits for a line, and clicks at the position of a control in that line. The
// modification time of the file is that of the last check by the user interface:
// events from before the last two checks have been handled. A nil viewLog does
// nothing.
type viewLog struct {
	w    *window
	file *os.File
	last []byte
	done chan struct{}
	ends sync.WaitGroup
}

// logInterval is how often the window is checked for changes without a new View: it
// was resized, or the phone was turned over.
const logInterval = 100 * time.Millisecond

// maxLoggedRows bounds the rows of a list in a line.
const maxLoggedRows = 50

// line is the content of the window at one moment. A View holds no secrets: a
// password is dots.
type line struct {
	View   viewLine          `json:"view"`
	Phone  phoneLine         `json:"phone"`
	Turned bool              `json:"turned"`           // the back is shown
	Story  []labpanel.Act    `json:"story,omitempty"`  // of the side panel
	Notice string            `json:"notice,omitempty"` // of the side panel
	Ready  string            `json:"ready,omitempty"`  // the ready file of the lab in the window
	Ask    string            `json:"ask,omitempty"`    // the ID of the question that the window asks
	Places map[string][4]int `json:"places"`           // x, y, width and height of each control, in the window
}

// phoneLine is the state of the phone.
type phoneLine struct {
	State   string `json:"state"`
	Place   string `json:"place"`
	Server  string `json:"server,omitempty"`
	Remote  bool   `json:"remote,omitempty"`
	Code    string `json:"code,omitempty"`
	Roots   int    `json:"roots"`
	Fetched int    `json:"fetched"` // of them, downloaded
}

// viewLine is a View whose lists are written out.
type viewLine struct {
	view.View
	Page   pageLine
	Dialog *pageLine
}

type pageLine struct {
	view.Page
	List *rowsLine
}

type rowsLine struct {
	ID   string
	Len  int
	Rows []view.Control
}

func pageOf(p view.Page) pageLine {
	out := pageLine{Page: p}
	if p.List != nil {
		out.List = &rowsLine{ID: p.List.ID, Len: p.List.Len}
		for i := range min(p.List.Len, maxLoggedRows) {
			out.List.Rows = append(out.List.Rows, p.List.Row(i))
		}
	}
	return out
}

func newViewLog(name string, w *window) (*viewLog, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, journal.Usagef("%v", err)
	}
	return &viewLog{w: w, file: file, done: make(chan struct{})}, nil
}

// start begins to check the window.
func (f *viewLog) start() {
	if f == nil {
		return
	}
	f.ends.Go(func() {
		tick := time.NewTicker(logInterval)
		defer tick.Stop()
		moved := &latest{on: &f.w.thread, show: func() {
			f.write()
			now := time.Now()
			os.Chtimes(f.file.Name(), now, now)
		}}
		for {
			select {
			case <-f.done:
				return
			case <-tick.C:
				moved.changed()
			}
		}
	})
}

// close ends the file.
func (f *viewLog) close() {
	if f == nil {
		return
	}
	close(f.done)
	f.ends.Wait()
	f.file.Close()
}

// write appends a line if it differs from the last one. Call it on Fyne's
// goroutine.
func (f *viewLog) write() {
	if f == nil {
		return
	}
	b, err := json.Marshal(f.now())
	if err != nil || bytes.Equal(b, f.last) {
		return
	}
	f.last = b
	f.file.Write(append(b, '\n'))
}

func (f *viewLog) now() line {
	view, phone := f.w.emulator.screen.View(), f.w.emulator.phone.Snapshot()
	l := line{Turned: f.w.handset.Turned(), Places: map[string][4]int{},
		Phone: phoneLine{State: string(phone.State), Place: phone.Place, Server: phone.Server, Remote: phone.Remote,
			Roots: len(phone.Roots)}}
	if phone.Failure != nil {
		l.Phone.Code = string(phone.Failure.Code)
	}
	for _, r := range phone.Roots {
		if r.Downloaded() {
			l.Phone.Fetched++
		}
	}
	l.View = viewLine{View: view, Page: pageOf(view.Page)}
	l.View.Seq = 0 // a View that shows the same is no change
	if view.Dialog != nil {
		d := pageOf(*view.Dialog)
		l.View.Dialog = &d
	}
	if f.w.labControl != nil {
		l.Story, l.Notice = f.w.labControl.panel.Acts(), f.w.labControl.panel.Notice()
	}
	l.Ready, l.Ask = f.w.shell.file, f.w.dialogs.id
	find(f.w.win.Content(), fyne.NewPos(0, 0), l.Places)
	for _, o := range f.w.win.Canvas().Overlays().List() {
		find(o, fyne.NewPos(0, 0), l.Places)
	}
	return l
}

// find collects the position of each object with an ID. Of two with the same ID
// the later one is kept: it lies on top.
func find(o fyne.CanvasObject, at fyne.Position, places map[string][4]int) {
	if o == nil || !o.Visible() {
		return
	}
	at = at.Add(o.Position())
	if named, ok := o.(interface{ ID() string }); ok && named.ID() != "" {
		s := o.Size()
		places[named.ID()] = [4]int{int(at.X), int(at.Y), int(s.Width), int(s.Height)}
	}
	var parts []fyne.CanvasObject
	switch o := o.(type) {
	case *fyne.Container:
		parts = o.Objects
	case fyne.Widget:
		parts = test.WidgetRenderer(o).Objects()
	}
	for _, p := range parts {
		find(p, at, places)
	}
}
