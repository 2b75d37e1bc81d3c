//go:build cgo

package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/setup"
)

// options are the flags of the command line.
type options struct {
	setup.Options

	today    bool
	lang     string
	contrast bool
	noPanel  bool
	follow   string
	ready    string

	bare bool // no lab in the window
}

// isUsage reports whether err has code journal.Usage.
func isUsage(err error) bool {
	var f *journal.Failure
	return errors.As(err, &f) && f.Code == journal.Usage
}

// parse reads the command line. Help goes to out.
func parse(args []string, out io.Writer) (o options, err error) {
	f := pflag.NewFlagSet("ocphone-desktop", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.SortFlags = false
	f.Usage = func() { help(f, out) }
	o.AddFlags(f)
	setup.UseVariables(f)
	var ofPhone []string // these make it the bare handset
	f.VisitAll(func(g *pflag.Flag) { ofPhone = append(ofPhone, g.Name) })
	f.BoolVar(&o.today, "today", false, "the lab is a deployment of today, not of 2007")
	f.StringVar(&o.lang, "lang", "en", "`LANGUAGE` of the phone: "+strings.Join(screen.Languages(), ", "))
	f.BoolVar(&o.contrast, "high-contrast", false, "thick outlines, plain fills")
	f.BoolVar(&o.noPanel, "no-panel", false, "the lab without its side panel")
	f.StringVar(&o.ready, "ready", "",
		"write the ready `FILE` of the lab in the window here, not into the user's cache folder")
	f.StringVar(&o.follow, "follow", "",
		"write what the window shows to `FILE`, a JSON line for each change; never a password")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return o, err
		}
		return o, journal.Usagef("%v", err)
	}
	if f.NArg() > 0 {
		return o, journal.Usagef("%q is too much: everything is said by flags, see --help", f.Arg(0))
	}
	for _, name := range ofPhone {
		o.bare = o.bare || f.Changed(name)
	}
	o.bare = o.bare || o.Lab != "" || o.State != "" // by the environment
	if o.today && o.bare {
		return o, journal.Usagef("--today is for the lab in the window, and the other flags are for a phone without it")
	}
	if o.ready != "" && o.bare {
		return o, journal.Usagef("--ready is for the lab in the window, and the other flags are for a phone without it")
	}
	return o, o.Check()
}

func help(f *pflag.FlagSet, out io.Writer) {
	fmt.Fprintf(out, `ocphone-desktop shows the phone in a window: with a lab of 2007 beside it, or,
when one of the flags down to --key-log describes a phone, without a lab.

  ocphone-desktop
  ocphone-desktop --sign-in tu@example.com --user 'EXAMPLE\tu'
  ocphone-desktop --lab lab.json

%s`, f.FlagUsages())
}
