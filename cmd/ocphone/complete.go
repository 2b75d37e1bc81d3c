package main

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
)

// addCompletions adds what a shell completes in the calls of c and of its sub-commands.
// A command keeps what it completes by itself.
func addCompletions(c *cobra.Command) {
	for flag, complete := range flagCompletions {
		if _, has := c.GetFlagCompletionFunc(flag); !has && c.LocalFlags().Lookup(flag) != nil {
			c.RegisterFlagCompletionFunc(flag, complete)
		}
	}
	if c.ValidArgsFunction == nil && !slices.Contains(takeFiles, c.CommandPath()) {
		c.ValidArgsFunction = cobra.NoFileCompletions
		if complete := argumentCompletions[c.CommandPath()]; complete != nil {
			c.ValidArgsFunction = complete
		}
	}
	for _, sub := range c.Commands() {
		addCompletions(sub)
	}
}

// flagCompletions complete the values of flags, which mean the same in every command.
var flagCompletions = map[string]cobra.CompletionFunc{
	"expect": words(func() (all []string) {
		for _, c := range journal.Codes() {
			all = append(all, string(c)+"\t"+c.Title())
		}
		return all
	}),
	"defect": words(func() []string {
		all := []string{goodCertificate + "\ta certificate without a defect"}
		for _, d := range pki.Defects() {
			all = append(all, string(d)+"\t"+d.Description())
		}
		return all
	}),
	"lab":       cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt),
	"ready":     cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt),
	"config":    cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt),
	"state":     cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
	"published": cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
}

// takeFiles are the commands whose arguments a shell completes by itself.
var takeFiles = []string{
	"ocphone certs import", "ocphone certs verify", "ocphone dialplan lint", "ocphone dialplan test",
	"ocphone dialplan explain", "ocphone lab rule load", "ocphone lab exec",
}

// argumentCompletions complete the argument of a command.
var argumentCompletions = map[string]cobra.CompletionFunc{
	"ocphone lab cert set": firstArgument(words(func() []string {
		return []string{"pool\tthe front end, inside", "edge\tthe Access Edge, outside", "dc\tthe domain controller, LDAPS",
			"exchange\tthe client access server"}
	})),
	"ocphone lab root publish":  firstArgument(words(rootNames)),
	"ocphone lab root withdraw": firstArgument(words(rootNames)),
	"ocphone certs export":      completeFingerprints,
}

func rootNames() []string {
	return []string{
		lab.EnterpriseRoot + "\tof the pool, the domain controller and Exchange",
		lab.PublicRoot + "\tof the Edge",
	}
}

// words completes the words that list returns, each with its description behind a tab.
func words(list func() []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list(), cobra.ShellCompDirectiveNoFileComp
	}
}

// firstArgument completes the first argument, and no other one.
func firstArgument(complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(c, args, typed)
	}
}

// completeFingerprints completes the roots that the phone of --state trusts.
func completeFingerprints(c *cobra.Command, args []string, _ string) (all []string, _ cobra.ShellCompDirective) {
	state, err := c.Flags().GetString("state")
	if err == nil {
		err = withPhone(state, false, func(p *device.Phone) error {
			for _, r := range p.Snapshot().Roots {
				if short := r.Fingerprint()[:16]; !slices.Contains(args, short) {
					all = append(all, short+"\t"+printable(r.Subject()))
				}
			}
			return nil
		})
	}
	if err != nil {
		return nil, cobra.ShellCompDirectiveError | cobra.ShellCompDirectiveNoFileComp
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
