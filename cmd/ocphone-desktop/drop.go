//go:build cgo

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"fyne.io/fyne/v2"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
)

// importer installs the certificates of a file that was dropped on the window, after
// a question: the real phone had no import (docs/protocol/trust.md#root-download).
type importer struct {
	phone *device.Phone
	now   func() time.Time // of the phone
	onUI  func(func())
	ask   func(question) // on Fyne's goroutine
	say   func(done string, err error)
	ends  *sync.WaitGroup // of the goroutines
}

// maxDescribed bounds the certificates that a question describes.
const maxDescribed = 8

// dropped reads the dropped files on a goroutine of its own, and asks whether to
// install their certificates.
func (i importer) dropped(ctx context.Context, files []fyne.URI) {
	i.ends.Go(func() { i.read(ctx, files) })
}

func (i importer) read(ctx context.Context, files []fyne.URI) {
	roots, name, err := droppedRoots(ctx, files, i.now())
	if ctx.Err() != nil {
		return
	}
	i.onUI(func() {
		if err != nil {
			i.ask(question{id: "drop.refused", title: "Nothing is imported", text: err.Error()})
			return
		}
		title := "Let the phone trust this certificate?"
		if len(roots) > 1 {
			title = fmt.Sprintf("Let the phone trust these %d certificates?", len(roots))
		}
		i.ask(question{id: "drop", title: title, text: describe(roots, name), yes: "Import", do: func() {
			i.ends.Go(func() { i.install(roots) })
		}})
	})
}

// install installs roots, and says what has changed.
func (i importer) install(roots []certstore.Root) {
	diff, err := i.phone.Import(roots)
	done := fmt.Sprintf("Imported: %d. The phone trusted the others already. A reset removes what was imported.",
		len(diff.Added))
	if len(diff.Added) == len(roots) {
		done = fmt.Sprintf("Imported: %d. A reset removes what was imported.", len(diff.Added))
	}
	i.onUI(func() { i.say(done, err) })
}

// droppedRoots are the certificates of the one file that was dropped.
func droppedRoots(ctx context.Context, files []fyne.URI, at time.Time) ([]certstore.Root, string, error) {
	if len(files) != 1 {
		return nil, "", fmt.Errorf("%d files were dropped: drop one file with certificates, PEM or DER", len(files))
	}
	if files[0].Scheme() != "file" {
		return nil, "", fmt.Errorf("%s is no file of this computer: save it, and drop the file", files[0])
	}
	name := filepath.Base(files[0].Path())
	b, err := certstore.CertificateFile.Read(ctx, files[0].Path())
	if err != nil {
		return nil, name, err
	}
	roots, err := certstore.ImportRoots(b, name, at)
	if err != nil {
		return nil, name, fmt.Errorf("%w; drop a file with certificates, PEM or DER", err)
	}
	return roots, name, nil
}

// describe says what is to be imported, so that a person can compare fingerprints.
func describe(roots []certstore.Root, name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "From %s. The real phone could not import certificates; this one forgets them at a reset.\n",
		journal.Printable(name, 0))
	for n, r := range roots {
		if n == maxDescribed {
			fmt.Fprintf(&b, "\nand %d more", len(roots)-n)
			break
		}
		kind := ""
		if !r.Certificate.IsCA {
			kind = " (this is no CA)"
		}
		fmt.Fprintf(&b, "\n%s%s\nvalid until %s\nSHA-256 %s\n", r.Subject(), kind,
			r.Certificate.NotAfter.Format(time.DateOnly), r.Fingerprint())
	}
	return b.String()
}
