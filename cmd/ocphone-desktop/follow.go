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

	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/ui/labpanel"
)

// follower writes what the window shows to a file: a JSON line for each
// change. Whoever tests a window waits for a line, and clicks where the line
// says that a control is. The time of the file is when the user interface last
// looked: events that came two looks before have been handled. A nil follower
// does nothing.
type viewLog struct {
	w    *window
	file *os.File
	last []byte
	done chan struct{}
	ends sync.WaitGroup
}

// followEvery is how often it is looked whether anything has moved without
// another View: a window that was resized, a phone that was turned over.
const logInterval = 100 * time.Millisecond

// followRows is how many rows of a list are told.
const maxLoggedRows = 50

// line is what the file tells at one moment. A View holds no secrets: of a
// password it has dots.
type line struct {
	View   viewLine          `json:"view"`
	Phone  phoneLine         `json:"phone"`
	Turned bool              `json:"turned"`          // the back is shown
	Story  []labpanel.Act    `json:"story,omitempty"` // of the side panel
	Places map[string][4]int `json:"places"`          // x, y, width and height of each control, in the window
}

// phoneLine is what the phone itself says.
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
		return nil, usagef("%v", err)
	}
	return &viewLog{w: w, file: file, done: make(chan struct{})}, nil
}

// start looks at the window from now on.
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

// write appends a line if anything is not as in the last one. It belongs on
// Fyne's goroutine.
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
		l.Story = f.w.labControl.panel.Acts()
	}
	find(f.w.win.Content(), fyne.NewPos(0, 0), l.Places)
	return l
}

// find notes where each object with an ID is. Of two with the same ID the later
// one counts: it lies on top.
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
