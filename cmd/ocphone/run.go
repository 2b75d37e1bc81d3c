package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// phoneFlags are the flags of every command that has a phone sign in.
type phoneFlags struct {
	signIn, user, passwordFile string
	lab                        string
	outside                    bool
	dns, domain, wins          string
	netbios                    bool
	registrar                  string
	firmware, roots            string
	clock                      string
	state                      string
	allowOutside               bool
	keyLog                     string
}

func (f *phoneFlags) register(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.signIn, "sign-in", "", "sign-in address: `user@domain` (with --lab: its first user)")
	s.StringVar(&f.user, "user", "", "user name: `DOMAIN\\user` or a UPN (default: the sign-in address)")
	s.StringVar(&f.passwordFile, "password-file", "", "`FILE` whose first line is the password (else OCPHONE_PASSWORD, else a prompt)")
	s.StringVar(&f.lab, "lab", "", "ready `FILE` of a running lab (ocphone lab --ready FILE)")
	s.BoolVar(&f.outside, "outside", false, "plug into the lab's outside instead of its inside")
	s.StringVar(&f.dns, "dns", "", "the phone's own DNS server, `ADDR[:PORT]` (default: the host's)")
	s.StringVar(&f.domain, "domain", "", "Active Directory `DOMAIN` to ask for roots")
	s.StringVar(&f.wins, "wins", "", "NetBIOS name server, `ADDR[:PORT]`; without it NetBIOS is not asked")
	s.BoolVar(&f.netbios, "netbios", false, "ask the lab's NetBIOS name server")
	s.StringVar(&f.registrar, "registrar", "", "RFC 3261 registrar `HOST[:PORT]` instead of an OCS pool; HOST is the name its certificate must bear")
	s.StringVar(&f.firmware, "firmware", "", "firmware `PROFILE`, see ocphone version (default: the lab's, else the state's, else today)")
	s.StringVar(&f.roots, "roots", "", "factory root `SET`: system, factory-2007, file:F, none (default: the firmware's)")
	s.StringVar(&f.clock, "clock", "ntp", "the phone's clock: ntp, host, or a `TIME` such as 2008-04-21T09:00:00Z")
	s.StringVar(&f.state, "state", "", "`FOLDER` that keeps the phone's memory (default: none is kept)")
	s.BoolVar(&f.allowOutside, "allow-outside", false, "accept servers outside the SIP domain")
	s.StringVar(&f.keyLog, "key-log", "", "append TLS secrets to `FILE`, for captures (NSS format)")
	c.RegisterFlagCompletionFunc("firmware", cobra.FixedCompletions(firmwareNames(), cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("roots", cobra.FixedCompletions([]string{"system", "factory-2007", "file:", "none"}, cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("clock", cobra.FixedCompletions([]string{"ntp", "host"}, cobra.ShellCompDirectiveNoFileComp))
}

func firmwareNames() (names []string) {
	for _, f := range device.Firmwares() {
		names = append(names, f.Name)
	}
	return names
}

// rig is what the flags describe, ready to be used.
type rig struct {
	config device.Config
	place  network.Place
	creds  device.Credentials
	close  func() error // what the phone does not own
}

// build reads files, settles defaults and asks for the password last.
func (f *phoneFlags) build(ctx context.Context, e environment) (r rig, err error) {
	r.close = func() error { return nil }
	ready, err := f.plug(&r)
	if err != nil {
		return r, err
	}
	if err := f.configure(&r, ready); err != nil {
		return r, err
	}
	r.creds.Address, r.creds.User = or(f.signIn, r.creds.Address), or(f.user, r.creds.User)
	if r.creds.Address == "" {
		return r, usagef("who signs in? Give --sign-in user@domain")
	}
	if _, domain, ok := strings.Cut(strings.ToLower(r.creds.Address), "@"); !ok {
		return r, usagef("--sign-in %q: a sign-in address has the form user@domain", r.creds.Address)
	} else if (domain == "contoso.com" || strings.HasSuffix(domain, ".contoso.com")) && ready == nil && f.dns == "" && f.registrar == "" {
		return r, usagef("contoso.com is the lab's domain: give --lab FILE of a running `ocphone lab --ready FILE`, or --dns ADDR of a server that holds it")
	}
	if r.creds.Password, err = f.password(ctx, e, r.creds.Password); err != nil {
		if errors.Is(err, errNoPassword) && ready != nil {
			return r, usagef("the lab has no user %s, so it tells no password; its users: %s", r.creds.Address, signIns(*ready))
		}
		return r, err
	}
	if f.state != "" {
		if r.config.Flash, err = flash.Open(f.state); err != nil {
			return r, err
		}
	}
	return r, nil
}

// plug settles the place: the lab's inside or outside, or a network with the
// DNS server told. The lab is nil without one.
func (f *phoneFlags) plug(r *rig) (ready *lab.Ready, err error) {
	switch {
	case f.lab != "":
		if ready, err = f.readLab(); err != nil {
			return nil, err
		}
		f.useLab(r, *ready)
	case f.outside || f.netbios:
		return nil, usagef("--outside and --netbios are for a lab: give --lab FILE (or --wins ADDR)")
	default:
		if r.place.DNS, err = serverList(f.dns, "53"); err != nil {
			return nil, err
		}
	}
	if f.wins != "" {
		servers, err := serverList(f.wins, "137")
		if err != nil {
			return nil, err
		}
		r.place.WINS, r.config.NetBIOS = servers[0], true
	}
	return ready, nil
}

func or(v, otherwise string) string {
	if v != "" {
		return v
	}
	return otherwise
}

func (f *phoneFlags) readLab() (*lab.Ready, error) {
	if f.dns != "" {
		return nil, usagef("--lab and --dns exclude each other: the lab has its own DNS")
	}
	ready, err := readReady(f.lab)
	if err != nil {
		return nil, err
	}
	if !runs(ready) {
		return nil, fmt.Errorf("the lab of %[1]s does not run any more: start one with `ocphone lab --ready %[1]s`", f.lab)
	}
	return &ready, nil
}

// useLab plugs into the lab; its passwords are public.
func (f *phoneFlags) useLab(r *rig, ready lab.Ready) {
	r.place = ready.Inside.Place("inside")
	if f.outside {
		r.place = ready.Outside.Place("outside")
	}
	r.config.NetBIOS = f.netbios
	for i, u := range ready.Users {
		switch {
		case strings.EqualFold(f.signIn, u.SignIn), f.signIn == "" && (strings.EqualFold(f.user, u.User) || strings.EqualFold(f.user, u.UPN)),
			f.signIn == "" && f.user == "" && i == 0:
			r.creds = device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}
		}
	}
}

func (f *phoneFlags) configure(r *rig, ready *lab.Ready) (err error) {
	name := f.firmware
	if name == "" && ready != nil { // the firmware follows the lab
		name = "1.0.522.71"
		if ready.Today {
			name = "today"
		}
	}
	if name != "" {
		if r.config.Firmware, err = device.FirmwareNamed(name); err != nil {
			return err
		}
	}
	r.config.RootSet, r.config.Domain = f.roots, f.domain
	r.config.Registrar, r.config.AllowOutside = f.registrar, f.allowOutside
	switch f.clock {
	case "ntp":
		r.config.NTP = true
	case "host":
	default:
		t, err := parseTime(f.clock)
		if err != nil {
			return usagef("--clock %q: %w", f.clock, err)
		}
		r.config.Clock = clock.New(t)
	}
	if f.keyLog != "" {
		file, err := os.OpenFile(f.keyLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return exit{exitUsage, err}
		}
		r.config.KeyLog, r.close = file, file.Close
	}
	return nil
}

// parseTime reads a date or a date with time.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("a time has the form 2008-04-21 or 2008-04-21T09:00:00Z")
}

// serverList reads ADDR[:PORT]; the empty string is an empty list.
func serverList(addr, port string) ([]string, error) {
	if addr == "" {
		return nil, nil
	}
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		host, p = strings.Trim(addr, "[]"), port
	}
	if net.ParseIP(host) == nil {
		return nil, usagef("%q is no IP address: a name server is given as ADDR or ADDR:PORT", addr)
	}
	if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
		return nil, usagef("%q: there is no port %q", addr, p)
	}
	return []string{net.JoinHostPort(host, p)}, nil
}

// errNoPassword is when there is nobody to ask for one.
var errNoPassword = errors.New("no password: give --password-file FILE, set OCPHONE_PASSWORD, or run in a terminal to be asked")

// maxPassword bounds a password, in bytes; Windows allows 127 characters.
const maxPassword = 1024

// password takes it from where it is safe: a file, the environment, the lab
// (whose passwords are public), a prompt; never from an argument.
func (f *phoneFlags) password(ctx context.Context, e environment, known string) (string, error) {
	if f.passwordFile != "" {
		b, err := os.ReadFile(f.passwordFile)
		if err != nil {
			return "", exit{exitUsage, err}
		}
		line, _, _ := bytes.Cut(b, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 || len(line) > maxPassword {
			return "", usagef("the first line of %s is no password", f.passwordFile)
		}
		return string(line), nil
	}
	if p := os.Getenv("OCPHONE_PASSWORD"); p != "" {
		return p, nil
	}
	if known != "" {
		return known, nil
	}
	if _, ok := terminal(e.in); !ok {
		return "", exit{exitUsage, errNoPassword}
	}
	return e.ask(ctx)
}

// ask prompts for a password, which is not echoed. The end of ctx ends that too:
// Ctrl-C is a signal that somebody else has caught.
func (e environment) ask(ctx context.Context) (string, error) {
	fd := int(e.in.Fd())
	echoing, err := term.GetState(fd)
	if err = errors.Join(err, ctx.Err()); err != nil {
		return "", err
	}
	fmt.Fprint(e.err, "Password: ")
	var typed []byte
	done := make(chan error, 1)
	go func() {
		b, err := term.ReadPassword(fd)
		typed = b
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done(): // the reader goes with the process
		fmt.Fprintln(e.err)
		return "", errors.Join(exit{exitTimeout, errInterrupted}, term.Restore(fd, echoing))
	}
	fmt.Fprintln(e.err)
	if err == nil && len(typed) == 0 {
		err = usagef("no password was typed")
	}
	return string(typed), err
}

// Ends of a run.
const (
	untilSignedIn    = "signed-in"
	untilReady       = "ready"
	untilInterrupted = "interrupted"
)

func (e environment) runPhone() *cobra.Command {
	var f phoneFlags
	var until, expect string
	var timeout time.Duration
	var asJSON, brief, onScreen, verbose bool
	var lang string
	c := &cobra.Command{
		Use: "run", Short: "Sign a phone in and show every step", Args: noArgs,
		Long: `Run powers a phone on, plugs it in and signs a user in; each step says what was
asked, who answered, what was decided and why. When the end is reached the phone
signs out, so that nothing stays behind on the server.

A password is tried once. Failures that may pass by themselves are retried until
the time-out. What fails after the sign-in, at Exchange say, leaves the phone
ready, with warnings: the exit code is 0, and the last line names their codes.

--screen shows what the phone's panel shows instead, as text, each time that it
changes; with --verbose the steps go to the standard error.`,
		Example: `  ocphone run --sign-in tu@example.com --user 'EXAMPLE\tu'
  ocphone lab --ready lab.json &
  ocphone run --lab lab.json
  ocphone run --lab lab.json --outside --expect cert.untrusted
  ocphone run --lab lab.json --screen --until interrupted
  ocphone run --sign-in alice@example.com --registrar sip.example.com:5061 --roots system`,
		RunE: func(c *cobra.Command, _ []string) error {
			if !slices.Contains([]string{untilSignedIn, untilReady, untilInterrupted}, until) {
				return usagef("--until %q: %s, %s or %s", until, untilSignedIn, untilReady, untilInterrupted)
			}
			if expect != "" && !slices.Contains(journal.Codes(), journal.Code(expect)) {
				return usagef("--expect %q is no code; `ocphone explain` lists them", expect)
			}
			if timeout <= 0 {
				return usagef("--timeout %s: it has to be longer than nothing", timeout)
			}
			if !onScreen && (verbose || lang != "") {
				return usagef("--verbose and --lang are for --screen; without it every step is shown anyway")
			}
			r, err := f.build(c.Context(), e)
			if err != nil {
				return err
			}
			defer r.close()
			if onScreen && r.config.Clock == nil { // one that the screen knows too
				r.config.Clock = clock.New(time.Now())
			}
			phone, err := device.New(r.config)
			if err != nil {
				return err
			}
			defer phone.Close()
			p := newPrinter(e.out, asJSON)
			p.brief = brief
			w := watcher{printer: p, steps: p}
			if onScreen {
				if err := w.turnToPages(e, phone, lang, r.config.Clock, verbose); err != nil {
					return err
				}
			}
			return e.follow(c.Context(), phone, r, until, journal.Code(expect), timeout, w)
		},
	}
	f.register(c)
	c.Flags().StringVar(&until, "until", untilReady, "`END` when the phone is "+untilSignedIn+" or "+untilReady+", or stay until "+untilInterrupted)
	c.Flags().StringVar(&expect, "expect", "", "exit 0 exactly when the sign-in fails, or the phone is ready with a warning, of this `CODE`")
	c.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to try, in real time")
	c.Flags().BoolVar(&asJSON, "json", false, "print the steps as JSON lines")
	c.Flags().BoolVarP(&brief, "brief", "b", false, "leave out the evidence")
	c.Flags().BoolVar(&onScreen, "screen", false, "show what the phone's panel shows, as text, instead of the steps")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "with --screen: show the steps too, on the standard error")
	c.Flags().StringVar(&lang, "lang", "", "with --screen: `LANGUAGE` of the phone: "+strings.Join(screen.Languages(), ", "))
	c.MarkFlagsMutuallyExclusive("screen", "json")
	c.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(screen.Languages(), cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("until", cobra.FixedCompletions([]string{untilSignedIn, untilReady, untilInterrupted}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// follow signs in, shows how, and turns the end into an exit code.
func (e environment) follow(ctx context.Context, phone *device.Phone, r rig, until string, expect journal.Code, timeout time.Duration, w watcher) error {
	session, err := begin(phone, r, w.steps, w.steps != nil)
	if err != nil {
		w.pages.close()
		return err
	}
	s, err := session.wait(ctx, timeout, func(s device.Snapshot) bool {
		return s.State == device.SignedIn && until == untilSignedIn || expect != "" && s.Failure != nil && s.Failure.Code == expect
	})
	if err == nil && until == untilInterrupted && s.Failure == nil {
		<-ctx.Done()
	}
	w.pages.close()
	session.finish()
	if s.State == device.Ready {
		w.summary(s)
	}
	return e.verdict(s, err, expect, timeout, err != nil && ctx.Err() != nil)
}

// summary says in a line or two what a phone that is ready has.
func (p *printer) summary(s device.Snapshot) {
	has := []string{s.Address}
	if s.Self != nil {
		if l, ok := s.Self.Line(); ok {
			has = append(has, "line "+strings.TrimPrefix(l.Number, "tel:"))
		}
	}
	if s.Plan != nil {
		plan := s.Plan.Plan()
		has = append(has, fmt.Sprintf("%s of %s", plural(len(plan.Rules), "rule", "rules"), or(plan.Name, dialplan.DefaultContext)))
	}
	if b := s.Mailbox; b != nil {
		has = append(has, fmt.Sprintf("mailbox with %s, %s, %s (%d unread)", plural(len(b.Contacts), "contact", "contacts"), plural(len(b.Calls), "call", "calls"),
			plural(len(b.VoiceMails), "voice mail", "voice mails"), b.Unread))
	}
	p.blank()
	p.line("", "%s", printable(strings.Join(has, "; ")))
	color := green
	if len(s.Warnings) > 0 {
		color = yellow
	}
	if !p.json {
		fmt.Fprintln(p.w, p.paint(color, "ready"+warnings(s))) // one line, for scripts
	}
}

// warnings is ", with 2 warnings: " and their codes; empty if there is none.
func warnings(s device.Snapshot) string {
	codes := warningsOf(s)
	if len(codes) == 0 {
		return ""
	}
	return fmt.Sprintf(", with %s: %s", plural(len(codes), "warning", "warnings"), strings.Join(codes, ", "))
}

// warningsOf are the codes of what did not succeed after the sign-in.
func warningsOf(s device.Snapshot) (codes []string) {
	for _, t := range s.Warnings {
		codes = append(codes, string(t.Code))
	}
	return codes
}

// verdict is the exit of a run.
func (e environment) verdict(s device.Snapshot, err error, expect journal.Code, timeout time.Duration, interrupted bool) error {
	failed := journal.Code("")
	if s.Failure != nil {
		failed = s.Failure.Code
	}
	switch {
	case interrupted:
		return exit{exitTimeout, errInterrupted}
	case expect != "" && (failed == expect || s.State == device.Ready && slices.Contains(warningsOf(s), string(expect))):
		return nil
	case expect != "" && err == nil && failed != "":
		return exit{exitPerson, fmt.Errorf("%s was expected, but not signed in: %s (ocphone explain %s)", expect, failed.Title(), failed)}
	case expect != "" && err == nil:
		return exit{exitPerson, fmt.Errorf("%s was expected, but the phone signed in%s", expect, warnings(s))}
	case err != nil && failed != "":
		return exit{exitTimeout, fmt.Errorf("not signed in after %s; the last failure was %s (ocphone explain %s)", timeout, failed, failed)}
	case err != nil:
		return exit{exitTimeout, fmt.Errorf("not signed in after %s; the last step says what the phone was doing", timeout)}
	case failed == journal.Usage: // the step has said what is wrong
		return exit{code: exitUsage}
	case failed != "":
		return exit{exitPerson, fmt.Errorf("not signed in: %s (ocphone explain %s)", failed.Title(), failed)}
	}
	return nil
}
