package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/device/journal"
)

// flagError is the error for flags that cannot be read.
func flagError(c *cobra.Command, err error) error {
	unknown := (*pflag.NotExistError)(nil)
	if !errors.As(err, &unknown) {
		return usagef("%s (see `%s --help`)", flagErrorText(err), c.CommandPath())
	}
	typed := unknown.GetSpecifiedName()
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, "--"+f.Name)
		}
	})
	if strings.HasPrefix(typed, "pass") && slices.Contains(known, "--password-file") {
		return usagef("there is no flag --%s, since every user of this computer can read the arguments of a program: give "+
			"--password-file FILE, set OCPHONE_PASSWORD, or run in a terminal to be asked", typed)
	}
	if name := journal.Nearest("--"+typed, known); len(typed) > 1 && name != "" {
		return usagef("there is no flag --%s: is %s meant?", typed, name)
	}
	return usagef("%w (see `%s --help`)", err, c.CommandPath())
}

// codeNames are the codes that journal.Codes lists.
func codeNames() (names []string) {
	for _, c := range journal.Codes() {
		names = append(names, string(c))
	}
	return names
}
