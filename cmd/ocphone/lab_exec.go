package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

func (e environment) labExec() *cobra.Command {
	var f labFlags
	var phone bool
	c := &cobra.Command{
		Use: "exec [flags] -- CMD [ARGS…]", Short: "Run a command with a lab of its own", DisableFlagsInUseLine: true,
		Long: `Exec starts a lab, runs CMD once everything listens, and ends the lab when CMD
has ended. CMD has the standard streams of exec and its environment, with:

  ` + setup.LabVariable + `    the ready file of the lab, which is the default of --lab
  ` + setup.StateVariable + `  with --phone, the folder of a new phone, the default of --state

and without ` + setup.PasswordVariable + `: the ready file has the passwords of the lab's users.
Ready file and phone are in a temporary folder, which is removed at the end with
all that is in it.

The exit code is that of CMD, 128+N if signal N has ended it, 127 if there is no
such program and 126 if it cannot be started. SIGINT, SIGTERM and SIGHUP are passed
on to CMD; the second SIGINT kills it.`,
		Example: `  ocphone lab exec -- ocphone run --outside --expect cert.untrusted
  ocphone lab exec --phone -- sh -e roll-over.sh
  ocphone lab exec --today -- go test ./...`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("which command? It is called as `ocphone lab exec -- CMD ARGS…`")
			}
			return e.execInLab(c.Context(), f, phone, args)
		},
	}
	s := c.Flags()
	f.register(s)
	s.BoolVar(&phone, "phone", false, "all sign-ins of CMD are of one new phone: set "+setup.StateVariable)
	s.SetInterspersed(false) // flags behind CMD are of CMD
	return c
}

// execInLab runs args with a lab.
func (e environment) execInLab(ctx context.Context, f labFlags, phone bool, args []string) error {
	if _, err := exec.LookPath(args[0]); err != nil {
		return startError(args[0], err)
	}
	return f.serve(ctx, func(world *lab.Lab) (err error) {
		dir, err := os.MkdirTemp("", "ocphone-lab-") // 0700
		if err != nil {
			return err
		}
		defer func() {
			if left := os.RemoveAll(dir); err == nil && left != nil {
				err = personf("the lab's folder cannot be removed: %w", left)
			}
		}()
		ready := filepath.Join(dir, "lab.json")
		if err := world.WriteReady(ready); err != nil {
			return err
		}
		c := exec.Command(args[0], args[1:]...)
		c.Env = append(setup.Environ(), setup.LabVariable+"="+ready)
		if phone {
			c.Env = append(c.Env, setup.StateVariable+"="+filepath.Join(dir, "phone"))
		}
		return e.runProgram(ctx, c)
	})
}
