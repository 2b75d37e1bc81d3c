//go:build cgo

package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/screen"
)

// options are what the command line says.
type options struct {
	signIn, user, passwordFile string
	lab                        string
	outside                    bool
	dns                        string
	firmware, roots, state     string

	today    bool
	lang     string
	contrast bool
	noPanel  bool
	follow   string

	bare bool // no lab of its own
}

// usage is a mistake in the call.
type usage struct{ error }

func usagef(format string, args ...any) error { return usage{fmt.Errorf(format, args...)} }

// ofBare are the flags that make it the bare handset.
var ofBare = [...]string{"sign-in", "user", "password-file", "lab", "outside", "dns", "firmware", "roots", "state"}

// parse reads the command line. Help goes to out.
func parse(args []string, out io.Writer) (o options, err error) {
	f := flag.NewFlagSet("ocphone-desktop", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.signIn, "sign-in", "", "sign-in `ADDRESS`, user@domain, that stands in the form")
	f.StringVar(&o.user, "user", "", "user `NAME`, DOMAIN\\user or a UPN, that stands in the form")
	f.StringVar(&o.passwordFile, "password-file", "", "`FILE` whose first line is the password (else OCPHONE_PASSWORD, else it is typed on the phone)")
	f.StringVar(&o.lab, "lab", "", "ready `FILE` of a running lab (ocphone lab --ready FILE)")
	f.BoolVar(&o.outside, "outside", false, "plug into that lab's outside instead of its inside")
	f.StringVar(&o.dns, "dns", "", "the phone's own DNS server, `ADDR[:PORT]` (default: the host's)")
	f.StringVar(&o.firmware, "firmware", "", "firmware `PROFILE`, see ocphone version (default: the lab's, else the state's, else today)")
	f.StringVar(&o.roots, "roots", "", "factory root `SET`: system, factory-2007, file:F, none (default: the firmware's)")
	f.StringVar(&o.state, "state", "", "`FOLDER` that keeps the phone's memory (default: none is kept)")
	f.BoolVar(&o.today, "today", false, "the lab is a deployment of today, not of 2007")
	f.StringVar(&o.lang, "lang", "en", "`LANGUAGE` of the phone: "+strings.Join(screen.Languages(), ", "))
	f.BoolVar(&o.contrast, "high-contrast", false, "thick outlines, plain fills")
	f.BoolVar(&o.noPanel, "no-panel", false, "the lab without its side panel")
	f.StringVar(&o.follow, "follow", "", "write what the window shows to `FILE`, a JSON line for each change; never a password")
	if err := f.Parse(args); err != nil {
		if err == flag.ErrHelp {
			help(f, out)
			return o, err
		}
		return o, usage{err}
	}
	if f.NArg() > 0 {
		return o, usagef("%q is too much: everything is said by flags, see --help", f.Arg(0))
	}
	f.Visit(func(given *flag.Flag) {
		for _, name := range ofBare {
			o.bare = o.bare || given.Name == name
		}
	})
	return o, o.check()
}

// help is written with two dashes, as in the other command.
func help(f *flag.FlagSet, out io.Writer) {
	fmt.Fprint(out, `ocphone-desktop shows the phone in a window: with a lab of 2007 beside it, or,
when one of the flags names a deployment, bare.

  ocphone-desktop
  ocphone-desktop --sign-in tu@example.com --user 'EXAMPLE\tu'
  ocphone-desktop --lab lab.json

`)
	f.VisitAll(func(g *flag.Flag) {
		arg, text := flag.UnquoteUsage(g)
		if arg != "" {
			arg = " " + arg
		}
		fmt.Fprintf(out, "  --%s%s\n        %s\n", g.Name, arg, text)
	})
}

// check finds flags that do not go together.
func (o *options) check() error {
	switch _, domain, ok := strings.Cut(strings.ToLower(o.signIn), "@"); {
	case o.signIn != "" && !ok:
		return usagef("--sign-in %q: a sign-in address has the form user@domain", o.signIn)
	case (domain == "contoso.com" || strings.HasSuffix(domain, ".contoso.com")) && o.lab == "" && o.dns == "":
		return usagef("contoso.com is the lab's domain: start without --sign-in, or give --lab FILE, or --dns ADDR of a server that holds it")
	case o.lab != "" && o.dns != "":
		return usagef("--lab and --dns exclude each other: the lab has its own DNS")
	case o.outside && o.lab == "":
		return usagef("--outside is for a running lab: give --lab FILE; with the lab in the window press Outside")
	case o.today && o.bare:
		return usagef("--today is for the lab in the window, and the other flags are for a phone without it")
	}
	_, err := serverList(o.dns)
	return err
}

// serverList reads ADDR[:PORT] of a DNS server; the empty string is an empty list.
func serverList(addr string) ([]string, error) {
	if addr == "" {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = strings.Trim(addr, "[]"), "53"
	}
	if net.ParseIP(host) == nil {
		return nil, usagef("--dns %q is no IP address: a name server is given as ADDR or ADDR:PORT", addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, usagef("--dns %q: there is no port %q", addr, port)
	}
	return []string{net.JoinHostPort(host, port)}, nil
}

// maxPassword bounds a password, in bytes; Windows allows 127 characters.
const maxPassword = 1024

// password takes it from where it is safe: a file, the environment, the lab
// (whose passwords are public). "" is typed on the phone.
func (o *options) password(known string) (string, error) {
	if o.passwordFile != "" {
		b, err := os.ReadFile(o.passwordFile)
		if err != nil {
			return "", usage{err}
		}
		line, _, _ := bytes.Cut(b, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 || len(line) > maxPassword {
			return "", usagef("the first line of %s is no password", o.passwordFile)
		}
		return string(line), nil
	}
	if p := os.Getenv("OCPHONE_PASSWORD"); p != "" && o.bare {
		return p, nil
	}
	return known, nil
}
