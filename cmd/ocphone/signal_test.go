//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
)

// TestEndedPhoneSignsOut: nothing stays registered (docs/decisions.md#do-no-harm),
// whichever signal ends the phone.
func TestEndedPhoneSignsOut(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			world, ready := runningLab(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			phone := exec.CommandContext(ctx, "ocphone", "run", "--lab", ready, "--until", "interrupted", "--json")
			var complaints bytes.Buffer
			phone.Stderr = &complaints
			out, err := phone.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := phone.Start(); err != nil {
				t.Fatal(err)
			}
			var last journal.Step
			var end struct{ Result result }
			for lines := bufio.NewScanner(out); lines.Scan(); {
				var s journal.Step
				if err := errors.Join(json.Unmarshal(lines.Bytes(), &s), json.Unmarshal(lines.Bytes(), &end)); err != nil {
					t.Fatalf("%v in %q", err, lines.Text())
				}
				switch s.Name {
				case journal.Ready:
					if n := len(world.Pool.Registrations()); n != 1 {
						t.Errorf("%d registrations while the phone is on", n)
					}
					if err := phone.Process.Signal(signal); err != nil {
						t.Error(err)
					}
				case journal.Session:
					last = s
				}
			}
			if err := phone.Wait(); err != nil || complaints.Len() > 0 {
				t.Errorf("the phone ended with %v: %s", err, &complaints)
			}
			if end.Result.Outcome != outcomeReady || end.Result.Exit != exitDone {
				t.Errorf("result %+v", end.Result)
			}
			if n := len(world.Pool.Registrations()); n != 0 || last.State != journal.OK || !strings.Contains(last.Decided, "Signed out") {
				t.Errorf("%d registrations are left; the last step was %+v", n, last)
			}
		})
	}
}

// TestInterruptedPhoneSaysSo: before it has signed in, whatever it was to wait for.
func TestInterruptedPhoneSaysSo(t *testing.T) {
	_, ready := runningLab(t)
	for _, args := range [][]string{{"demo"}, {"screenshot", "--demo", "home", "--out", filepath.Join(t.TempDir(), "home.png")}} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var complaints bytes.Buffer
		code := environment{in: os.Stdin, out: io.Discard, err: &complaints}.run(ctx, args)
		if code != exitInterrupted || complaints.String() != "ocphone: interrupted\n" {
			t.Errorf("%s: exit code %d, %q", args, code, &complaints)
		}
	}
	for _, until := range []string{untilReady, untilInterrupted} {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var out, complaints bytes.Buffer
		code := environment{in: os.Stdin, out: &out, err: &complaints}.run(ctx, []string{"run", "--lab", ready, "--until", until})
		if code != exitInterrupted || complaints.String() != "ocphone: interrupted\n" {
			t.Errorf("--until %s: exit code %d, %q", until, code, &complaints)
		}
	}
}

// TestEndedLabRemovesItsFiles: a script waits for the ready file of the next lab.
func TestEndedLabRemovesItsFiles(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			process := exec.CommandContext(ctx, "ocphone", "lab", "--ready", filepath.Join(dir, "lab.json"))
			out, err := process.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if !strings.HasPrefix(lines.Text(), "try ") { // the last line
					continue
				}
				if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 2 {
					t.Errorf("the lab runs with the files %q", files)
				}
				if err := process.Process.Signal(signal); err != nil {
					t.Error(err)
				}
			}
			if err := process.Wait(); err != nil {
				t.Error(err)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestIgnoredHangUpStaysIgnored: nohup starts a program so.
func TestIgnoredHangUpStaysIgnored(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ready := filepath.Join(t.TempDir(), "lab.json")
	process := exec.CommandContext(ctx, "sh", "-c", "trap '' HUP; exec ocphone lab --ready \"$0\"", ready)
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "try ") {
			if err := process.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.CommandContext(ctx, "ocphone", "lab", "root", "list", "--lab", ready).CombinedOutput(); err != nil {
				t.Errorf("it serves no longer after the signal that it ignores: %v\n%s", err, out)
			}
			process.Process.Signal(syscall.SIGTERM)
		}
	}
	if err := process.Wait(); err != nil {
		t.Error(err)
	}
}
