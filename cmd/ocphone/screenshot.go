package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/cmd/ocphone/screenshot"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/setup"
)

func (e environment) screenshot() *cobra.Command {
	var o screenshot.Options
	var own pflag.FlagSet
	o.AddFlags(&own)
	c := &cobra.Command{
		Use: "screenshot", Short: "Draw the handset into a PNG file, without a display", Args: noArguments,
		Long: `Screenshot starts a lab and a phone, brings the phone to where --demo says, draws
what its touch panel shows, and with --whole the body around it. Nothing leaves
this machine, and neither a display nor cgo is needed (on macOS: cgo).

The program ` + screenshot.Program + ` draws. It lies beside ocphone or in PATH.

` + "`ocphone screenshot --demo list`" + ` names what there is to see.`,
		Example: "  ocphone screenshot --demo home --out home.png\n  ocphone screenshot --demo failure --whole --scale 2 " +
			"--lang de\n  ocphone screenshot --demo list",
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Demo == screenshot.List {
				if e.json {
					return e.document(pagesDocument{screenshot.Scenes()})
				}
				return screenshot.WriteList(e.text())
			}
			s, p, err := o.Picture()
			if err != nil {
				return err
			}
			if o.Out == toStdout {
				if err := e.checkOutput(o.Out, o.Force); err != nil {
					return err
				}
			}
			var args []string
			own.VisitAll(func(f *pflag.Flag) {
				if f.Changed {
					args = append(args, "--"+f.Name+"="+f.Value.String())
				}
			})
			if err := e.draw(c.Context(), args, o.Out == toStdout); err != nil || o.Out == toStdout {
				return err
			}
			if e.json {
				return e.document(pictureDocument{o.File(), s.Name, p.Width, p.Height})
			}
			e.printf("%s: %s, %dx%d\n", o.File(), s.Name, p.Width, p.Height)
			return nil
		},
	}
	c.Flags().AddFlagSet(&own)
	c.RegisterFlagCompletionFunc("demo", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		names := []string{screenshot.List + "\tnames all"}
		for _, s := range screenshot.Scenes() {
			names = append(names, s.Name+"\t"+s.About)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	c.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(screen.Languages(), cobra.ShellCompDirectiveNoFileComp))
	return c
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
	Pages []screenshot.Scene `json:"pages"`
}

// draw runs the program that draws. With toOut the picture goes to the standard output.
// What the program complains of is the error, with its exit code.
func (e environment) draw(ctx context.Context, args []string, toOut bool) error {
	program, err := besideThis(screenshot.Program)
	if err != nil {
		return err
	}
	c := exec.Command(program, args...)
	c.Env = setup.Environ()
	if !toOut {
		c.Stdout = io.Discard // it names the file
	}
	var complaints firstBytes
	c.Stderr = &complaints
	err = e.runProgram(ctx, c)
	coded := exit{}
	switch text, _ := strings.CutPrefix(strings.TrimSpace(string(complaints)), screenshot.Program+": "); {
	case err == nil || !errors.As(err, &coded):
		return err
	case coded.code == exitInterrupted:
		return errInterrupted
	case text == "":
		return personf("%s ended with exit code %d and gave no reason; it is at %s", screenshot.Program, coded.code, program)
	default:
		return exit{code: coded.code, err: errors.New(text)}
	}
}

// maxComplaint bounds what is kept of the complaint of a program, in bytes.
const maxComplaint = 16 << 10

// firstBytes keeps the first maxComplaint bytes of what is written.
type firstBytes []byte

func (f *firstBytes) Write(b []byte) (int, error) {
	*f = append(*f, b[:min(len(b), maxComplaint-len(*f))]...)
	return len(b), nil
}

// besideThis finds another program of the project: in the folder of this one, else in
// PATH.
func besideThis(program string) (string, error) {
	this, err := os.Executable()
	if err == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(this), program)); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(program)
	if errors.Is(err, exec.ErrDot) {
		err = personf("%s is found in the current folder only, and is not started from there: put it beside ocphone, or "+
			"its folder into PATH", program)
	} else if err != nil {
		err = personf("to draw the phone needs the program %[1]s, which is neither beside %[2]s nor in PATH: build it with "+
			"`go install ./cmd/%[1]s`; `ocphone run --screen` shows the phone as text without it", program, this)
	}
	return path, err
}
