package screenshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/setup"
)

// Exit codes of Main, as of ocphone (docs/ci.md#exit-codes).
const (
	exitDone        = 0
	exitPerson      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// Main is the program Program: it runs the command line of the process and returns the
// exit code.
func Main(draw Draw) int {
	ctx, stop := signal.NotifyContext(context.Background(), setup.EndSignals()...)
	defer stop()
	err := run(ctx, os.Args[1:], draw)
	var refused *journal.Failure
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil:
		return complain(exitInterrupted, "interrupted")
	case errors.As(err, &refused) && refused.Code == journal.Usage:
		return complain(exitUsage, strings.TrimSuffix(err.Error(), " ["+string(journal.Usage)+"]"))
	}
	return complain(exitPerson, err.Error())
}

func complain(code int, text string) int {
	fmt.Fprintf(os.Stderr, "%s: %s\n", Program, journal.Printable(text, 0))
	return code
}

func run(ctx context.Context, args []string, draw Draw) error {
	var o Options
	s := pflag.NewFlagSet(Program, pflag.ContinueOnError)
	s.Usage = func() {
		fmt.Printf("%s %s does the work of `ocphone screenshot`, which starts it.\n\n%s", Program, setup.Version(),
			s.FlagUsages())
	}
	o.AddFlags(s)
	switch err := s.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return nil
	case err != nil:
		return journal.Usagef("%v (see `%s --help`)", err, Program)
	case s.NArg() > 0:
		return journal.Usagef("%s takes no argument %q", Program, s.Arg(0))
	case o.Out == Stdout && term.IsTerminal(int(os.Stdout.Fd())):
		return journal.Usagef("--out -: the standard output is a terminal; give a file")
	}
	return Run(ctx, o, os.Stdout, draw)
}
