package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/script"
)

// pictureOptions describe a picture of the phone.
type pictureOptions struct {
	width, height int
	whole         bool // the body too, not the panel alone
	back          bool // the body from behind
	contrast      bool
	plate         []string // on the rating plate at the back
}

// Sizes of a picture at scale 1, and the bounds of every picture, in pixels.
const (
	panelWidth, panelHeight = 640, 480
	phoneWidth, phoneHeight = 1000, 720
	minSide, maxSide        = 160, 8000
	maxScale                = 8
)

// toStdout is the file name that stands for the standard output.
const toStdout = "-"

func (e environment) screenshot() *cobra.Command {
	var demo, lang, size, out string
	var scale int
	var pic pictureOptions
	var today, force bool
	c := &cobra.Command{
		Use: "screenshot", Short: "Draw the handset into a PNG file, without a display", Args: noArguments,
		Long: `Screenshot starts a lab and a phone, brings the phone to where --demo says, draws
what its touch panel shows, and with --whole the body around it. Nothing leaves
this machine, and neither a display nor cgo is needed (on macOS: cgo).

` + "`ocphone screenshot --demo list`" + ` names what there is to see.`,
		Example: "  ocphone screenshot --demo home --out home.png\n  ocphone screenshot --demo failure --whole --scale 2 " +
			"--lang de\n  ocphone screenshot --demo list",
		RunE: func(c *cobra.Command, _ []string) error {
			all := allScenes()
			which := slices.IndexFunc(all, func(s scene) bool { return s.name == demo })
			switch {
			case demo == "list":
				if e.json {
					return e.document(demoPages(all))
				}
				var rows [][]string
				for _, s := range all {
					rows = append(rows, []string{s.name, s.about})
				}
				writeTable(e.text(), rows)
				return nil
			case demo == "":
				return usagef("which page? Give --demo PAGE; `ocphone screenshot --demo list` names all")
			case which < 0:
				return usagef("--demo %q: there is no such page; `ocphone screenshot --demo list` names all", demo)
			case !slices.Contains(screen.Languages(), lang):
				return usagef("--lang %q: there are %s", lang, strings.Join(screen.Languages(), ", "))
			}
			s := all[which]
			pic.back, pic.whole = s.back, pic.whole || s.back
			if err := pic.measure(size, scale); err != nil {
				return err
			}
			out = cmp.Or(out, s.name+".png")
			if err := e.checkOutput(out, force); err != nil {
				return err
			}
			if err := canDraw(); err != nil {
				return err
			}
			shot, err := takePicture(c.Context(), s, pic, lang, today)
			if err != nil {
				return err
			}
			return e.savePicture(shot, out, s.name, force)
		},
	}
	c.Flags().StringVar(&demo, "demo", "", "the `PAGE` to show; list names all")
	c.Flags().StringVar(&lang, "lang", "en", "`LANGUAGE` of the phone: "+strings.Join(screen.Languages(), ", "))
	c.Flags().BoolVar(&pic.whole, "whole", false, "draw the whole phone, not the touch panel alone")
	c.Flags().IntVar(&scale, "scale", 1, "`N` times as large, 1 to "+strconv.Itoa(maxScale))
	c.Flags().StringVar(&size, "size", "", fmt.Sprintf("`SIZE` at scale 1, in pixels (default: %dx%d, with --whole "+
		"%dx%d)", panelWidth, panelHeight, phoneWidth, phoneHeight))
	c.Flags().BoolVar(&pic.contrast, "high-contrast", false, "draw it in the look of high contrast")
	c.Flags().BoolVar(&today, "today", false, "use a deployment and firmware of today instead of 2007")
	c.Flags().StringVarP(&out, "out", "o", "", "`FILE` to write, - for the standard output (default: the name of the "+
		"demo and .png)")
	c.Flags().BoolVar(&force, "force", false, "replace a file that exists")
	c.RegisterFlagCompletionFunc("demo", cobra.FixedCompletions(append(sceneNames(), "list"),
		cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(screen.Languages(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// measure sets the size of the picture.
func (p *pictureOptions) measure(size string, scale int) error {
	if scale < 1 || scale > maxScale {
		return usagef("--scale %d: 1 to %d", scale, maxScale)
	}
	p.width, p.height = panelWidth, panelHeight
	if p.whole {
		p.width, p.height = phoneWidth, phoneHeight
	}
	if size != "" {
		w, h, _ := strings.Cut(strings.ToLower(size), "x")
		var bad [2]error
		p.width, bad[0] = strconv.Atoi(w)
		p.height, bad[1] = strconv.Atoi(h)
		if bad[0] != nil || bad[1] != nil {
			return usagef("--size %q: a size has the form %dx%d", size, panelWidth, panelHeight)
		}
	}
	for _, side := range []int{p.width, p.height} {
		if side < minSide || side > maxSide/scale {
			return usagef("a picture of %dx%d at scale %d: each side is from %d to %d pixels", p.width, p.height, scale,
				minSide, maxSide)
		}
	}
	p.width, p.height = p.width*scale, p.height*scale
	return nil
}

// checkOutput reports in advance why a file could not be written.
func (e environment) checkOutput(out string, force bool) error {
	if out == toStdout {
		if e.json {
			return usagef("--json and --out - exclude each other: give --out a file")
		}
		if _, ok := terminal(e.out); ok {
			return usagef("--out -: the standard output is a terminal; give a file")
		}
		return nil
	}
	switch s, err := os.Lstat(out); {
	case err != nil:
	case !force || s.IsDir():
		return existsError(out)
	case s.Mode()&^(os.ModePerm|os.ModeSymlink) != 0: // a rename would replace a device
		return usagef("--out %s: it is no regular file; give another name, or - for the standard output", out)
	}
	if s, err := os.Stat(filepath.Dir(out)); err != nil || !s.IsDir() {
		return usagef("--out %s: there is no folder %s", out, filepath.Dir(out))
	}
	return nil
}

func (e environment) savePicture(shot image.Image, out, name string, force bool) error {
	var b bytes.Buffer
	if err := png.Encode(&b, shot); err != nil {
		return err
	}
	if out == toStdout {
		_, err := e.out.Write(b.Bytes())
		return err
	}
	if err := saveFile(out, b.Bytes(), force); err != nil {
		return err
	}
	if e.json {
		return e.document(pictureDocument{out, name, shot.Bounds().Dx(), shot.Bounds().Dy()})
	}
	e.printf("%s: %s, %dx%d\n", out, name, shot.Bounds().Dx(), shot.Bounds().Dy())
	return nil
}

// pictureDocument is the JSON form of what screenshot saved.
type pictureDocument struct {
	File   string `json:"file"`
	Page   string `json:"page"`
	Width  int    `json:"width"`  // in pixels
	Height int    `json:"height"` // in pixels
}

// pagesDocument is the JSON form of `ocphone screenshot --demo list`.
type pagesDocument struct {
	Pages []pageDocument `json:"pages"`
}

type pageDocument struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

func demoPages(all []scene) (d pagesDocument) {
	for _, s := range all {
		d.Pages = append(d.Pages, pageDocument{s.name, s.about})
	}
	return d
}

// takePicture plays a scene and draws it.
func takePicture(ctx context.Context, s scene, p pictureOptions, lang string, today bool) (image.Image, error) {
	st, err := script.NewStage(ctx, script.WorldOptions{Today: today, MAC: pictureMAC}, lang)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	if err := s.play(st); err != nil {
		return nil, fmt.Errorf("demo %s: %w", s.name, err)
	}
	now := st.Phone.Snapshot()
	p.plate = []string{"ocphone", "Firmware " + now.Firmware, "MAC " + now.MAC, "Root set " + now.RootSet}
	return p.draw(st.Screen.View()), nil
}

func sceneNames() (names []string) {
	for _, s := range allScenes() {
		names = append(names, s.name)
	}
	return names
}
