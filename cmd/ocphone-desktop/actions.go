//go:build cgo

package main

import (
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"fyne.io/fyne/v2"
)

// key handles a key of the computer's keyboard that the phone does not use.
func (w *window) key(name fyne.KeyName) {
	switch name {
	case fyne.KeyF1:
		w.ShowKeys()
	case fyne.KeyF8:
		w.Fold()
	case fyne.KeyF12:
		w.SavePicture()
	}
}

// ShowKeys implements labpanel.Window.
func (w *window) ShowKeys() { w.dialogs.ask(keysSheet(w.sides != nil)) }

// Fold implements labpanel.Window. The phone has the keyboard afterwards, since a
// button that had it may be hidden.
func (w *window) Fold() {
	if w.sides == nil {
		return
	}
	w.sides.toggle()
	w.beside.Refresh()
	w.keep()
	w.focusPhone()
}

// Copy implements labpanel.Window.
func (w *window) Copy(what, text string) {
	w.app.Clipboard().SetContent(text)
	w.say("Copied: "+what+".", nil)
}

// SavePicture implements labpanel.Window. The picture shows no password: the phone
// shows dots.
func (w *window) SavePicture() {
	file, err := savePicture(w.win.Canvas().Capture(), picturesFolder(), time.Now())
	w.say(fmt.Sprintf("Picture saved: %s, in %s", filepath.Base(file), filepath.Dir(file)), err)
}

// say shows what was done, or what was not, on the panel; in a dialog if that is not
// shown.
func (w *window) say(done string, err error) {
	switch {
	case w.sides == nil || !w.sides.open():
		q := question{id: "done", title: "Done", text: done}
		if err != nil {
			q.id, q.title, q.text = "problem", "That did not work", err.Error()
		}
		w.dialogs.ask(q)
	case err != nil:
		w.labControl.panel.ShowProblem(err.Error())
	default:
		w.labControl.panel.ShowDone(done)
	}
}

// focusPhone gives the keyboard to the phone.
func (w *window) focusPhone() {
	if phone, ok := w.handset.Find("phone").(fyne.Focusable); ok {
		w.win.Canvas().Focus(phone)
	}
}

func (w *window) importer() importer {
	now := time.Now
	if c := w.emulator.files.Config.Clock; c != nil {
		now = c.Now
	}
	return importer{
		phone: w.emulator.phone,
		now:   now,
		onUI:  w.thread.do,
		ask:   w.dialogs.ask,
		say:   w.say,
		ends:  &w.ends,
	}
}

// picturesFolder is the folder Pictures of the user if there is one, else the
// working folder.
func picturesFolder() string {
	if home, err := os.UserHomeDir(); err == nil {
		pictures := filepath.Join(home, "Pictures")
		if info, err := os.Stat(pictures); err == nil && info.IsDir() {
			return pictures
		}
	}
	return ""
}

// maxPictures bounds the pictures of one second.
const maxPictures = 100

// savePicture writes a picture to a new file in dir, named by the time, and returns
// its path.
func savePicture(img image.Image, dir string, at time.Time) (string, error) {
	for n := range maxPictures {
		name := at.Format("ocphone-2006-01-02-15.04.05")
		if n > 0 {
			name += fmt.Sprintf("-%d", n+1)
		}
		file, err := filepath.Abs(filepath.Join(dir, name+".png"))
		if err != nil {
			return "", err
		}
		f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		switch {
		case errors.Is(err, fs.ErrExist):
			continue
		case err != nil:
			return "", fmt.Errorf("the picture cannot be written: %w; start the program in a folder that you may write to", err)
		}
		if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
			return "", errors.Join(err, os.Remove(file))
		}
		return file, nil
	}
	return "", fmt.Errorf("there are %d pictures of this second already: wait a second", maxPictures)
}
