//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSignalsReachTheCommandOfExec and what it has started: the standard output, which
// all of them hold, comes to its end. No process has a terminal here.
func TestSignalsReachTheCommandOfExec(t *testing.T) {
	for _, c := range []struct {
		name, script string
		signals      []syscall.Signal // each follows a line of output
		want         int
	}{
		{"a shell that waits", "echo up; cat", []syscall.Signal{syscall.SIGTERM}, 128 + int(syscall.SIGTERM)},
		{"hang-up", "echo up; cat", []syscall.Signal{syscall.SIGHUP}, 128 + int(syscall.SIGHUP)},
		{"a trap", "trap 'exit 7' INT; (echo up; exec cat)", []syscall.Signal{syscall.SIGINT}, 7},
		{"no end at SIGINT", "trap 'echo once' INT; while :; do (echo up; exec cat); done",
			[]syscall.Signal{syscall.SIGINT, syscall.SIGINT}, 128 + int(syscall.SIGKILL)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			dir := t.TempDir()
			process := exec.CommandContext(ctx, "ocphone", "lab", "exec", "--", "sh", "-c", c.script)
			process.Env = append(os.Environ(), "TMPDIR="+dir)
			process.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			hold, err := process.StdinPipe() // cat waits for it
			if err != nil {
				t.Fatal(err)
			}
			defer hold.Close()
			defer context.AfterFunc(ctx, func() { hold.Close() })()
			out, err := process.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			sent := 0
			for lines := bufio.NewScanner(out); lines.Scan(); sent++ {
				if sent < len(c.signals) {
					process.Process.Signal(c.signals[sent])
				}
			}
			err = process.Wait()
			if failed := (*exec.ExitError)(nil); !errors.As(err, &failed) || failed.ExitCode() != c.want || sent < len(c.signals) {
				t.Errorf("%v after %d signals, want exit code %d", err, sent, c.want)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestExecsRunSideBySide: each has a lab of its own.
func TestExecsRunSideBySide(t *testing.T) {
	for range 3 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			out, err := exec.CommandContext(ctx, "ocphone", "lab", "exec", "--phone", "--", "ocphone", "run", "--brief").CombinedOutput()
			if err != nil || !strings.HasSuffix(string(out), "\nready\n") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
