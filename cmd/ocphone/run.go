package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/setup"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// phoneFlags are the flags of every command that signs a phone in.
type phoneFlags struct{ setup.Options }

func (f *phoneFlags) register(c *cobra.Command) {
	f.AddFlags(c.Flags())
	completeFlags(c)
}

// completeFlags completes the values of those flags of setup.Options that c has.
func completeFlags(c *cobra.Command) {
	for flag, values := range map[string][]string{
		"firmware": firmwareNames(),
		"roots":    {"system", "factory-2007", "file:", "none"},
		"clock":    {setup.ClockNTP, setup.ClockHost},
		"tls-min":  {"1.0", "1.1", "1.2", "1.3"},
		"tls-max":  {"1.0", "1.1", "1.2", "1.3"},
	} {
		if c.Flags().Lookup(flag) != nil {
			c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

func firmwareNames() (names []string) {
	for _, f := range device.Firmwares() {
		names = append(names, f.Name)
	}
	return names
}

// open resolves the flags. It prompts for the password if no other source has it.
func (f *phoneFlags) open(ctx context.Context, e environment) (*setup.Setup, error) {
	return f.Open(ctx, e.prompt())
}

// prompt asks for a password; nil if there is nobody to ask.
func (e environment) prompt() setup.Prompt {
	if _, ok := terminal(e.in); !ok {
		return e.asks
	}
	return e.ask
}

// ask prompts for a password, which is not echoed. It returns when ctx ends: the
// signal of Ctrl-C is caught elsewhere.
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
	case <-ctx.Done(): // the reading goroutine ends with the process
		fmt.Fprintln(e.err)
		return "", errors.Join(errInterrupted, term.Restore(fd, echoing))
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

// runEnds are the ends of a run.
var runEnds = []string{untilSignedIn, untilReady, untilInterrupted}

// runFlags are the flags of `ocphone run`.
type runFlags struct {
	phoneFlags
	until, expect, lang    string
	timeout                time.Duration
	brief, screen, verbose bool
}

func (e environment) runPhone() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use: "run", Short: "Sign a phone in and show every step", Args: noArguments,
		Long: `Run powers a phone on, plugs it in and signs a user in; each step says what was
asked, who answered, what was decided and why. When the end is reached the phone
signs out, so that nothing stays behind on the server. A sign-out that the server
does not confirm is a warning.

A password is tried once. Failures that may pass by themselves are retried until
the time-out. Each wait for a server takes at most a part of it, so that a step
with a code names the server that does not answer. What fails after the sign-in,
at Exchange say, leaves the phone ready, with warnings: the exit code is 0, and the
last line names their codes.

--screen shows what the phone's panel shows instead, as text, each time that it
changes; with --verbose the steps go to the standard error.`,
		Example: `  ocphone run --sign-in tu@example.com --user 'EXAMPLE\tu'
  ocphone lab --ready lab.json &
  ocphone run --lab lab.json
  ocphone run --lab lab.json --outside --expect cert.untrusted
  ocphone run --lab lab.json --screen --until interrupted
  ocphone run --sign-in alice@example.com --registrar sip.example.com:5061 --roots system
  ocphone run --sign-in alice@example.com --registrar 'pbx.example.com:5060;transport=tcp' --auth-user line7`,
		RunE: func(c *cobra.Command, _ []string) error { return e.runWith(c.Context(), &f) },
	}
	f.register(c)
	s := c.Flags()
	s.StringVar(&f.until, "until", untilReady,
		"`END` when the phone is "+untilSignedIn+" or "+untilReady+", or stay until "+untilInterrupted)
	s.StringVar(&f.expect, "expect", "",
		"exit 0 exactly when the sign-in fails, or the phone is ready with a warning, of this `CODE`")
	s.DurationVar(&f.timeout, "timeout", device.DefaultBudget,
		"how long to try, in real time; each wait for a server takes a part of it")
	s.BoolVarP(&f.brief, "brief", "b", false, "leave out the evidence")
	s.BoolVar(&f.screen, "screen", false, "show what the phone's panel shows, as text, instead of the steps")
	s.BoolVarP(&f.verbose, "verbose", "v", false, "with --screen: show the steps too, on the standard error")
	s.StringVar(&f.lang, "lang", "", "with --screen: `LANGUAGE` of the phone: "+strings.Join(screen.Languages(), ", "))
	c.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(screen.Languages(), cobra.ShellCompDirectiveNoFileComp))
	c.RegisterFlagCompletionFunc("until", cobra.FixedCompletions(runEnds, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// check finds mistakes in the flags that need no phone.
func (f *runFlags) check() error {
	switch {
	case !slices.Contains(runEnds, f.until):
		return usagef("--until %q%s: the end is %s, %s or %s", f.until, journal.Suggestion(f.until, runEnds), untilSignedIn,
			untilReady, untilInterrupted)
	case f.expect != "" && !slices.Contains(journal.Codes(), journal.Code(f.expect)):
		return usagef("--expect %q is no code%s; `ocphone explain` lists them", f.expect,
			journal.Suggestion(f.expect, codeNames()))
	case f.timeout <= 0:
		return usagef("--timeout %s: it has to be longer than nothing", f.timeout)
	case f.lang != "" && !slices.Contains(screen.Languages(), f.lang):
		return usagef("--lang %q: there are %s", f.lang, strings.Join(screen.Languages(), ", "))
	case !f.screen && (f.verbose || f.lang != ""):
		return usagef("--verbose and --lang are for --screen; without it every step is shown anyway")
	}
	return nil
}

func (e environment) runWith(ctx context.Context, f *runFlags) error {
	if f.expect != "" {
		e.result.Expect = &expectation{Code: journal.Code(f.expect)}
	}
	if err := f.check(); err != nil {
		return err
	}
	s, err := f.open(ctx, e)
	if err != nil {
		return err
	}
	defer s.Close()
	s.Config.Budget = f.timeout
	phone, err := s.NewPhone()
	if err != nil {
		return err
	}
	defer phone.Close()
	p := e.printer()
	p.brief = f.brief
	w := watcher{printer: p, steps: p}
	if f.screen {
		if err := w.showPages(e, phone, f.lang, s.Config.Clock, f.verbose); err != nil {
			return err
		}
	}
	return e.follow(ctx, phone, s, f, w)
}

// follow signs in, shows how, and turns the end into an exit code.
func (e environment) follow(ctx context.Context, phone *device.Phone, r *setup.Setup, f *runFlags, w watcher) error {
	session, err := startSession(ctx, phone, r, w.steps, w.steps != nil)
	if err != nil {
		w.pages.close()
		return err
	}
	expect := journal.Code(f.expect)
	s, err := session.wait(ctx, f.timeout, func(s device.Snapshot) bool {
		expected := expect != "" && s.Failure != nil && s.Failure.Code == expect
		return expected || f.until == untilSignedIn && s.State == device.SignedIn
	})
	if err == nil && f.until == untilInterrupted && s.Failure == nil {
		<-ctx.Done()
	}
	w.pages.close()
	s.Warnings = slices.Concat(s.Warnings, session.finish())
	if s.State == device.Ready {
		w.summary(s)
	}
	e.result.of(s)
	e.result.signedIn(s.State)
	if expect != "" {
		e.result.expected(meets(s, expect))
	}
	return e.verdict(s, err, expect, f.timeout, err != nil && ctx.Err() != nil)
}

// summary prints in a line or two what a ready phone has.
func (p *printer) summary(s device.Snapshot) {
	has := []string{s.Address}
	if s.Self != nil {
		if l, ok := s.Self.Line(); ok {
			has = append(has, "line "+strings.TrimPrefix(l.Number, "tel:"))
		}
	}
	if s.Plan != nil {
		plan := s.Plan.Plan()
		has = append(has, fmt.Sprintf("%s of %s", journal.Count(len(plan.Rules), "rule", "rules"),
			cmp.Or(plan.Name, dialplan.DefaultContext)))
	}
	if b := s.Mailbox; b != nil {
		has = append(has, fmt.Sprintf("mailbox with %s, %s, %s (%d unread)",
			journal.Count(len(b.Contacts), "contact", "contacts"), journal.Count(len(b.Calls), "call", "calls"),
			journal.Count(len(b.VoiceMails), "voice mail", "voice mails"), b.Unread))
	}
	p.blank()
	p.line("", "%s", strings.Join(has, "; "))
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
	var codes []string
	for _, c := range warningsOf(s) {
		codes = append(codes, string(c))
	}
	if len(codes) == 0 {
		return ""
	}
	return fmt.Sprintf(", with %s: %s", journal.Count(len(codes), "warning", "warnings"), strings.Join(codes, ", "))
}

// meets reports whether the sign-in failed, or the phone is ready with a warning,
// of the expected code.
func meets(s device.Snapshot, expect journal.Code) bool {
	return s.Failure != nil && s.Failure.Code == expect ||
		s.State == device.Ready && slices.Contains(warningsOf(s), expect)
}

// warningsOf are the codes of the failures after the sign-in.
func warningsOf(s device.Snapshot) (codes []journal.Code) {
	for _, t := range s.Warnings {
		codes = append(codes, t.Code)
	}
	return codes
}

// verdict is the error, with its exit code, of a run that has ended.
func (e environment) verdict(s device.Snapshot, err error, expect journal.Code, timeout time.Duration,
	interrupted bool) error {
	failed := journal.Code("")
	if s.Failure != nil {
		failed = s.Failure.Code
	}
	switch {
	case interrupted:
		return errInterrupted
	case expect != "" && meets(s, expect):
		return nil
	case expect != "" && err == nil && failed != "":
		return personf("%s was expected, but not signed in: %s (ocphone explain %s)", expect, failed.Title(), failed)
	case expect != "" && err == nil:
		return personf("%s was expected, but the phone signed in%s", expect, warnings(s))
	case err != nil && s.State == device.SignedIn:
		return timeoutf("signed in, but not ready after %s%s; a slow server needs a longer --timeout", timeout, awaiting(s))
	case err != nil && failed != "":
		return timeoutf("not signed in after %s; the last failure was %s (ocphone explain %s)%s", timeout, failed, failed,
			awaiting(s))
	case err != nil:
		return timeoutf("not signed in after %s%s; correct that server, or give a longer --timeout", timeout,
			cmp.Or(awaiting(s), ": the last step says what the phone was doing"))
	case failed == journal.Usage:
		return exit{code: exitUsage, err: errors.New(s.Failure.Decided), printed: true}
	case failed != "":
		return personf("not signed in: %s (ocphone explain %s)", failed.Title(), failed)
	}
	return nil
}

// awaiting is ": waiting for X since T"; empty if nothing is awaited.
func awaiting(s device.Snapshot) string {
	if s.Awaiting.What == "" {
		return ""
	}
	return fmt.Sprintf(": waiting for %s since %s", s.Awaiting.What, time.Since(s.Awaiting.Since).Round(time.Second))
}
