// Package screenshot is the command that draws the handset into a PNG file, except for
// the drawing itself: its flags, the pages that it can show, and how a phone is brought
// to each. It is shared by ocphone, which has the flags and starts the program
// ocphone-screenshot, and by that program, which links Fyne and draws.
//
//  1. Fill in Options, or let a command line do it with Options.AddFlags.
//  2. options.Picture reports what cannot work, before anything is started.
//  3. Run brings the phone to the page and draws it with a function of the caller.
package screenshot

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/device/script"
)

// Program is the name of the program that draws.
const Program = "ocphone-screenshot"

// Options are the flags of the command. Make them with AddFlags, which sets the
// defaults.
type Options struct {
	Demo     string // name of a Scene; List: the names of all are printed
	Lang     string // one of screen.Languages
	Whole    bool   // draw the body too, not the touch panel alone
	Scale    int    // factor for Size, 1 to 8
	Size     string // WIDTHxHEIGHT in pixels; "": 640x480, or 1000x720 with Whole
	Contrast bool   // draw in high contrast
	Today    bool   // a deployment and firmware of today, not of 2007
	Out      string // file to write; "": the name of the scene and .png; Stdout
	Force    bool   // replace a file that exists
}

const (
	// List is the value of Options.Demo that prints what there is to see.
	List = "list"
	// Stdout is the value of Options.Out that stands for the standard output.
	Stdout = "-"
)

// Sizes of a picture at scale 1, and the bounds of every picture, in pixels.
const (
	panelWidth, panelHeight = 640, 480
	phoneWidth, phoneHeight = 1000, 720
	minSide, maxSide        = 160, 8000
	maxScale                = 8
)

// AddFlags adds a flag for each option to s.
func (o *Options) AddFlags(s *pflag.FlagSet) {
	s.StringVar(&o.Demo, "demo", "", "the `PAGE` to show; "+List+" names all")
	s.StringVar(&o.Lang, "lang", "en", "`LANGUAGE` of the phone: "+strings.Join(screen.Languages(), ", "))
	s.BoolVar(&o.Whole, "whole", false, "draw the whole phone, not the touch panel alone")
	s.IntVar(&o.Scale, "scale", 1, "`N` times as large, 1 to "+strconv.Itoa(maxScale))
	s.StringVar(&o.Size, "size", "", fmt.Sprintf("`SIZE` at scale 1, in pixels (default: %dx%d, with --whole %dx%d)",
		panelWidth, panelHeight, phoneWidth, phoneHeight))
	s.BoolVar(&o.Contrast, "high-contrast", false, "draw it in the look of high contrast")
	s.BoolVar(&o.Today, "today", false, "use a deployment and firmware of today instead of 2007")
	s.StringVarP(&o.Out, "out", "o", "", "`FILE` to write, "+Stdout+" for the standard output (default: the name of the "+
		"demo and .png)")
	s.BoolVar(&o.Force, "force", false, "replace a file that exists")
}

// Picture is what the options describe. It starts nothing; options that cannot work are
// an error with code journal.Usage.
func (o *Options) Picture() (s Scene, p Picture, err error) {
	all := Scenes()
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	which := slices.Index(names, o.Demo)
	switch {
	case o.Demo == "":
		return s, p, journal.Usagef("which page? Give --demo PAGE; `ocphone screenshot --demo list` names all")
	case which < 0:
		return s, p, journal.Usagef("--demo %q: there is no such page%s; `ocphone screenshot --demo list` names all", o.Demo,
			journal.Suggestion(o.Demo, names))
	case !slices.Contains(screen.Languages(), o.Lang):
		return s, p, journal.Usagef("--lang %q: there are %s", o.Lang, strings.Join(screen.Languages(), ", "))
	}
	s = all[which]
	p = Picture{Whole: o.Whole || s.back, Back: s.back, Contrast: o.Contrast}
	if err := p.measure(o.Size, o.Scale); err != nil {
		return s, p, err
	}
	if o.Out == Stdout {
		return s, p, nil
	}
	return s, p, boundedfile.CheckOutput(o.File(), o.Force)
}

// File is the file to write.
func (o *Options) File() string { return cmp.Or(o.Out, o.Demo+".png") }

// Picture is the form of a picture.
type Picture struct {
	Width, Height int      // in pixels
	Whole         bool     // the body too, not the panel alone
	Back          bool     // the body from behind
	Contrast      bool     // high contrast
	Plate         []string // lines of the rating plate at the back
}

// measure sets the size of the picture.
func (p *Picture) measure(size string, scale int) error {
	if scale < 1 || scale > maxScale {
		return journal.Usagef("--scale %d: 1 to %d", scale, maxScale)
	}
	p.Width, p.Height = panelWidth, panelHeight
	if p.Whole {
		p.Width, p.Height = phoneWidth, phoneHeight
	}
	if size != "" {
		w, h, _ := strings.Cut(strings.ToLower(size), "x")
		var bad [2]error
		p.Width, bad[0] = strconv.Atoi(w)
		p.Height, bad[1] = strconv.Atoi(h)
		if bad[0] != nil || bad[1] != nil {
			return journal.Usagef("--size %q: a size has the form %dx%d", size, panelWidth, panelHeight)
		}
	}
	for _, side := range []int{p.Width, p.Height} {
		if side < minSide || side > maxSide/scale {
			return journal.Usagef("a picture of %dx%d at scale %d: each side is from %d to %d pixels", p.Width, p.Height,
				scale, minSide, maxSide)
		}
	}
	p.Width, p.Height = p.Width*scale, p.Height*scale
	return nil
}

// Draw draws what a View shows.
type Draw func(view.View, Picture) image.Image

// Run brings a phone to the page of o and draws it into the file, which it names on
// out, or on out itself. Errors have code journal.Usage if an option is wrong.
func Run(ctx context.Context, o Options, out io.Writer, draw Draw) error {
	if o.Demo == List {
		return WriteList(out)
	}
	s, p, err := o.Picture()
	if err != nil {
		return err
	}
	shot, err := take(ctx, s, p, o, draw)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, shot); err != nil {
		return err
	}
	if o.Out == Stdout {
		_, err := out.Write(b.Bytes())
		return err
	}
	if err := boundedfile.Save(o.File(), b.Bytes(), o.Force); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s, %dx%d\n", journal.Printable(o.File(), 0), s.Name, p.Width, p.Height)
	return err
}

// take plays a scene and draws it.
func take(ctx context.Context, s Scene, p Picture, o Options, draw Draw) (image.Image, error) {
	st, err := script.NewStage(ctx, script.WorldOptions{Today: o.Today, MAC: pictureMAC}, o.Lang)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	if err := s.play(st); err != nil {
		return nil, fmt.Errorf("demo %s: %w", s.Name, err)
	}
	now := st.Phone.Snapshot()
	p.Plate = []string{"ocphone", "Firmware " + now.Firmware, "MAC " + now.MAC, "Root set " + now.RootSet}
	return draw(st.Screen.View(), p), nil
}

// WriteList writes what there is to see, a line for each scene.
func WriteList(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range Scenes() {
		fmt.Fprintf(t, "%s\t%s\n", s.Name, s.About)
	}
	return t.Flush()
}
