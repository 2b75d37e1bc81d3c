//go:build !darwin || cgo

package ui

import (
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"github.com/ocphone/ocphone/device/screen/view"
)

var updateBody = flag.Bool("update-body", false, "make the pictures of the body anew")

// slack is how much a channel may differ: processors that multiply and add in
// one step round a little differently.
const slack = 4

func TestBodyLooksAsBefore(t *testing.T) {
	half := view.View{On: true, Status: view.Status{Cable: true}, Hole: view.Hole{Clip: true, Left: 2 * time.Second, Of: 5 * time.Second}}
	at := &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(14, 14)}}
	for _, c := range []struct {
		name string
		do   func(r *rig)
	}{
		{"front", func(r *rig) { r.Apply(everything) }},
		{"lifted", func(r *rig) {
			r.Apply(view.View{On: true, Hook: true})
			r.key(view.Key5).press()
			r.key(view.KeyHome).FocusGained()
		}},
		{"back", func(r *rig) {
			r.Plate("ocphone", "Desk phone in software", "MAC 00-50-00-00-00-01")
			r.Apply(half)
			r.Turn(true)
			r.hole.MouseIn(at)
			r.hole.MouseDown(at)
		}},
		{"contrast", func(r *rig) {
			r.Contrast(true)
			r.Apply(everything)
			r.key(view.KeyCall).FocusGained()
		}},
		{"contrast-back", func(r *rig) {
			r.Apply(half)
			r.Turn(true)
			r.hole.FocusGained()
			r.Contrast(true)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := build(t, 640, 461)
			c.do(r)
			compare(t, "body-"+c.name, r.canv.Capture())
		})
	}
}

// compare fails where a picture differs from testdata by more than slack, and
// leaves what was got, what was wanted and where they differ in testdata/failed.
func compare(t *testing.T, name string, got image.Image) {
	t.Helper()
	golden := filepath.Join("testdata", name+".png")
	if *updateBody {
		save(t, golden, got)
		return
	}
	f, err := os.Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	n, diff := differ(got, want)
	if n == 0 {
		return
	}
	failed := filepath.Join("testdata", "failed", name)
	save(t, failed+"-got.png", got)
	save(t, failed+"-want.png", want)
	save(t, failed+"-diff.png", diff)
	t.Errorf("%d pixels of %s differ: see %s-diff.png; if it is meant so, run with -update-body", n, golden, failed)
}

// differ counts pixels that differ by more than slack, and paints them red.
func differ(got, want image.Image) (n int, diff *image.NRGBA) {
	b := got.Bounds().Union(want.Bounds())
	diff = image.NewNRGBA(b)
	if got.Bounds() != want.Bounds() {
		return b.Dx() * b.Dy(), diff
	}
	g, w := image.NewNRGBA(b), image.NewNRGBA(b)
	draw.Draw(g, b, got, b.Min, draw.Src)
	draw.Draw(w, b, want, b.Min, draw.Src)
	for i := 0; i < len(g.Pix); i += 4 {
		for c := range 4 {
			if d := int(g.Pix[i+c]) - int(w.Pix[i+c]); d > slack || d < -slack {
				n++
				diff.SetNRGBA(i/4%b.Dx(), i/4/b.Dx(), color.NRGBA{R: 0xff, A: 0xff})
				break
			}
		}
	}
	return n, diff
}

func save(t *testing.T, name string, m image.Image) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, m); err != nil {
		t.Fatal(err)
	}
}

func TestComparisonSeesAChangedPixel(t *testing.T) {
	a, b := image.NewNRGBA(image.Rect(0, 0, 3, 2)), image.NewNRGBA(image.Rect(0, 0, 3, 2))
	a.Pix[4], b.Pix[4] = 10, 14
	if n, _ := differ(a, b); n != 0 {
		t.Error("4 of 255 is the slack")
	}
	b.Pix[4] = 15
	if n, d := differ(a, b); n != 1 || d.NRGBAAt(1, 0).R == 0 {
		t.Errorf("%d pixels differ", n)
	}
	if n, _ := differ(a, image.NewNRGBA(image.Rect(0, 0, 2, 2))); n == 0 {
		t.Error("another size is no difference")
	}
}
