// Command ocphone is the phone without a window: it signs in and shows why a
// sign-in works or fails, resets the phone, and runs the lab. It parses flags and
// prints; the packages below device do the work.
//
// Exit codes: 0 done; 1 a person must act; 2 usage; 3 time-out; 130 interrupted.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/setup"
)

// Exit codes.
const (
	exitDone        = 0
	exitPerson      = 1
	exitUsage       = 2
	exitTimeout     = 3
	exitInterrupted = 130 // by any signal; what a shell reports for a program that Ctrl-C has ended
)

func main() { os.Exit(Main()) }

// Main runs the command line of the process and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), setup.EndSignals()...)
	defer stop()
	env := environment{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	return env.run(ctx, os.Args[1:])
}

// environment holds the standard streams of a command.
type environment struct {
	in       *os.File
	out, err io.Writer
	asks     setup.Prompt // asks for a password; nil: the terminal does, if in is one
	*form                 // settled by the flags of the command
}

func (e environment) run(ctx context.Context, args []string) int {
	ctx, end := context.WithCancel(ctx)
	defer end()
	out := &output{Writer: e.out, end: end}
	e.out, e.form = out, &form{begun: time.Now()}
	root := e.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	coded := exit{}
	if err != nil && ctx.Err() != nil && !errors.As(err, &coded) {
		err = errInterrupted // whatever it broke off
	}
	if out.lost() == nil {
		e.writeResult(root, args, err)
	}
	if lost := out.lost(); lost != nil {
		err = personf("the standard output cannot be written: %w; make room, or write it to another place", lost)
	}
	return e.report(err)
}

// output is the standard output. The first write that fails ends the command, and
// the command fails (docs/ci.md#exit-codes): a script must not take half an output
// for the whole.
type output struct {
	io.Writer
	end context.CancelFunc

	mu  sync.Mutex
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil {
		o.mu.Lock()
		o.err = cmp.Or(o.err, err)
		o.mu.Unlock()
		o.end()
	}
	return n, err
}

// lost is why output was lost; nil: all of it is written.
func (o *output) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// exit is an error with an exit code of its own.
type exit struct {
	code    int
	err     error // nil: there is no more to say, another program has said it
	printed bool  // the standard output has the text of err already, unless in quiet
}

func (e exit) Error() string { return fmt.Sprint(e.err) }
func (e exit) Unwrap() error { return e.err }

// errInterrupted is returned when a signal ended the command.
var errInterrupted error = exit{code: exitInterrupted, err: errors.New("interrupted")}

// usagef is an error with the exit code for usage.
func usagef(format string, a ...any) error {
	return exit{code: exitUsage, err: fmt.Errorf(format, a...)}
}

// personf is an error with the exit code for what a person must do.
func personf(format string, a ...any) error {
	return exit{code: exitPerson, err: fmt.Errorf(format, a...)}
}

// timeoutf is an error with the exit code for a time-out.
func timeoutf(format string, a ...any) error {
	return exit{code: exitTimeout, err: fmt.Errorf(format, a...)}
}

// report prints err, with what to change, and returns the exit code.
func (e environment) report(err error) int {
	var coded exit
	if err == nil || errors.As(err, &coded) && (coded.err == nil || coded.printed && (e.json || !e.quiet)) {
		return exitCode(err)
	}
	what, fix := complaint(err)
	if e.quiet { // no step has said it
		fix = cmp.Or(fix, e.result.Fix)
	}
	e.complain(what)
	if fix != "" {
		e.warnf("  fix: %s\n", fix)
	}
	return exitCode(err)
}

// exitCode is the exit code of a command that ended with err.
func exitCode(err error) int {
	var coded exit
	if errors.As(err, &coded) {
		return coded.code
	}
	f, failed := errors.AsType[*journal.Failure](err)
	switch {
	case err == nil:
		return exitDone
	case failed && f.Code == journal.Usage:
		return exitUsage
	case failed && f.Code == journal.Timeout:
		return exitTimeout
	}
	return exitPerson
}

// complaint is the text of err, and what to change where the text does not say it.
func complaint(err error) (what, fix string) {
	what = err.Error()
	f, ok := errors.AsType[*journal.Failure](err)
	if !ok {
		return what, ""
	}
	if f.Code != journal.Usage || f.Fix != "" {
		fix = f.Step(journal.Power).Fix
	}
	return strings.TrimSuffix(what, " ["+string(journal.Usage)+"]"), fix // no code to explain
}

// complain prints the text of an error, which may have several lines.
func (e environment) complain(text string) {
	fmt.Fprintf(e.err, "ocphone: %s\n", journal.PrintableLines(text))
}

func (e environment) root() *cobra.Command {
	c := &cobra.Command{
		Use:     "ocphone",
		Version: setup.Version(),
		Short:   "The Office Communicator 2007 desk phone, in software",
		Long: `ocphone emulates the Office Communicator 2007 Phone Edition desk phone against
real servers or against its own lab, and shows why every step was decided.

  ocphone demo                            the story of the paper clip, in one process
  ocphone run --sign-in tu@example.com    will this phone sign in to my deployment?
  ocphone mailbox voicemail --sign-in …   what the phone shows of Exchange
  ocphone screenshot --demo home          the handset as a picture, without a display
  ocphone check trust pool.example.com    does the phone trust this server, and why not?
  ocphone lab                             a whole deployment of 2007 on loopback

Exit codes: 0 done; 1 a person must act; 2 usage; 3 time-out; 130 interrupted.`,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	if e.form == nil { // the commands are only looked at
		e.form = &form{}
	}
	e.form.addFlags(c)
	c.SetIn(e.in)
	c.SetOut(e.out)
	c.SetErr(e.err)
	c.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		e.result.Command = commandName(c)
		if err := c.ValidateFlagGroups(); err != nil { // cobra does so too, later and with exit code 1
			return usagef("%s (see `%s --help`)", flagGroupText(err), c.CommandPath())
		}
		return e.form.check(c)
	}
	c.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	c.SetFlagErrorFunc(flagError)
	addCommands(c, e.demo(), e.runPhone(), e.mailbox(), e.voicemail(), e.screenshot(), e.lab(), e.check(),
		e.certs(), e.reset(), e.explain(), e.dialplan(), e.version())
	useVariables(c)
	addCompletions(c)
	return c
}

// useVariables gives flags of c and of its sub-commands their defaults in the
// environment.
func useVariables(c *cobra.Command) {
	setup.UseVariables(c.Flags())
	for _, sub := range c.Commands() {
		useVariables(sub)
	}
}

// addCommands adds sub-commands to c and returns it. Without a sub-command c shows
// its help; an unknown sub-command is a usage error.
func addCommands(c *cobra.Command, sub ...*cobra.Command) *cobra.Command {
	c.AddCommand(sub...)
	c.Args = cobra.ArbitraryArgs
	if c.RunE == nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noCommand(c, args[0])
			}
			return showHelp(c)
		}
	}
	return c
}

// showHelp shows the help of a command that was called without a sub-command.
func showHelp(c *cobra.Command) error {
	if json, err := c.Flags().GetBool("json"); err == nil && json {
		return usagef("which command? `%s --help` lists them", c.CommandPath())
	}
	return c.Help()
}

// useLine is how c is called, without its flags.
func useLine(c *cobra.Command) string { return strings.Replace(c.UseLine(), " [flags]", "", 1) }

// noCommand is the error for an unknown sub-command; it suggests a similar one.
func noCommand(c *cobra.Command, name string) error {
	c.SuggestionsMinimumDistance = 2
	if like := c.SuggestionsFor(name); len(like) > 0 {
		return usagef("there is no command %q: is `%s %s` meant?", name, c.CommandPath(), like[0])
	}
	return usagef("there is no command %q (see `%s --help`)", name, c.CommandPath())
}

// flagGroup finds the flags in an error of cobra about a group of flags.
var flagGroup = regexp.MustCompile(`\[([^]]+)\]`)

// flagGroupText rewords an error about flags that exclude each other or belong
// together.
func flagGroupText(err error) string {
	groups := flagGroup.FindAllStringSubmatch(err.Error(), -1)
	if len(groups) != 2 {
		return err.Error()
	}
	verdict, names := "exclude each other", groups[1][1]
	if strings.Contains(err.Error(), "missing") {
		verdict, names = "belong together", groups[0][1]
	}
	return "--" + strings.Join(strings.Fields(names), " and --") + " " + verdict
}

// valueForms say what to give for a flag, by the type of its value.
var valueForms = map[string]string{"duration": "a duration, such as 30s or 5m", "uint": "a whole number",
	"int": "a whole number", "bool": "true or false"}

// flagErrorText rewords an error about the value of a flag.
func flagErrorText(err error) string {
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err.Error()
	}
	f := invalid.GetFlag()
	form, ok := valueForms[f.Value.Type()]
	if !ok {
		return err.Error()
	}
	return fmt.Sprintf("--%s %q: give %s", f.Name, invalid.GetValue(), form)
}

// noArguments is the check of cobra with the exit code for usage.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 && c.HasSubCommands() {
		return noCommand(c, args[0])
	}
	if len(args) > 0 {
		return usagef("%s takes no argument %q (see `%s --help`)", c.CommandPath(), args[0], c.CommandPath())
	}
	return nil
}

func (e environment) version() *cobra.Command {
	var guesses bool
	c := &cobra.Command{
		Use: "version", Short: "Print the version and the firmware profiles", Args: noArguments,
		Example: "  ocphone version\n  ocphone version --guesses",
		RunE: func(*cobra.Command, []string) error {
			if e.json {
				return e.document(versionOf(guesses))
			}
			w := e.text()
			fmt.Fprintf(w, "ocphone %s %s/%s %s\n", setup.Version(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			for _, f := range device.Firmwares() {
				fmt.Fprintf(w, "firmware %-18s %s\n", f.Name, f.Text)
			}
			if guesses {
				printGuesses(w)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&guesses, "guesses", false, "also list what no document states, with its certainty")
	return c
}

// versionDocument is the JSON form of `ocphone version`.
type versionDocument struct {
	Version   string           `json:"version"`
	OS        string           `json:"os"`
	Arch      string           `json:"arch"`
	Go        string           `json:"go"`
	Firmwares []firmwareOption `json:"firmwares"`
}

// firmwareOption is a firmware profile; Guesses only where they are wanted.
type firmwareOption struct {
	Name    string          `json:"name"`
	Text    string          `json:"text"`
	Guesses []firmwareGuess `json:"guesses,omitempty"`
}

type firmwareGuess struct {
	Value     string `json:"value"`
	Certainty string `json:"certainty"`
	Source    string `json:"source"`
}

func versionOf(guesses bool) versionDocument {
	d := versionDocument{Version: setup.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
	for _, f := range device.Firmwares() {
		option := firmwareOption{Name: f.Name, Text: f.Text}
		for _, g := range f.Guesses {
			if guesses {
				option.Guesses = append(option.Guesses, firmwareGuess{g.Value, g.Certainty, g.Source})
			}
		}
		d.Firmwares = append(d.Firmwares, option)
	}
	return d
}

// printGuesses lists each guess once, and the profiles that do not share it.
func printGuesses(w io.Writer) {
	var order []device.Guess
	for _, f := range device.Firmwares() {
		for _, g := range f.Guesses {
			if !slices.Contains(order, g) {
				order = append(order, g)
			}
		}
	}
	for _, g := range order {
		text := fmt.Sprintf("%-9s %s (%s)", g.Certainty, g.Value, g.Source)
		var without []string
		for _, f := range device.Firmwares() {
			if !slices.Contains(f.Guesses, g) {
				without = append(without, f.Name)
			}
		}
		if len(without) > 0 {
			text += "; not in " + strings.Join(without, ", ")
		}
		fmt.Fprintln(w, text)
	}
}

// terminal reports whether f is one, and its width.
func terminal(f any) (width int, ok bool) {
	if o, isOutput := f.(*output); isOutput {
		f = o.Writer
	}
	file, isFile := f.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	return width, err == nil
}
