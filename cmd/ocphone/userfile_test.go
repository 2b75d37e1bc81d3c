//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ocphone/ocphone/device/lab"
)

// filesOfAUser are the calls that read a file that a user names, FILE.
var filesOfAUser = map[string][]string{
	"password":     {"run", "--lab", "LAB", "--password-file", "FILE"},
	"ready file":   {"run", "--lab", "FILE"},
	"lab verb":     {"lab", "root", "list", "--lab", "FILE"},
	"deployment":   {"lab", "--config", "FILE"},
	"chain":        {"lab", "cert", "set", "pool", "--chain", "FILE", "--key", "FILE", "--lab", "LAB"},
	"shape":        {"lab", "cert", "set", "pool", "--like", "FILE", "--lab", "LAB"},
	"rules":        {"lab", "rule", "load", "x", "FILE", "--lab", "LAB"},
	"import":       {"certs", "import", "FILE", "--state", "STATE"},
	"verify":       {"certs", "verify", "FILE", "--name", "pool.example.com", "--state", "STATE"},
	"check with":   {"check", "trust", "127.0.0.1:1", "--with", "FILE", "--lab", "LAB"},
	"check chain":  {"check", "trust", "--chain", "FILE", "--name", "pool.example.com"},
	"dial plan":    {"dialplan", "lint", "FILE"},
	"dialled":      {"dialplan", "explain", "FILE", "112"},
	"cases":        {"dialplan", "test", "PLAN", "FILE.csv"},
	"roots":        {"run", "--lab", "LAB", "--roots", "file:FILE"},
	"folder":       {"check", "trust", "--published", "FOLDER", "127.0.0.1:1", "--lab", "LAB"},
	"lab of check": {"check", "trust", "127.0.0.1:1", "--lab", "FILE"},
}

// fileArguments replaces the words of a call in filesOfAUser.
func fileArguments(t *testing.T, args []string, ready, file string) (call []string) {
	t.Helper()
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan.csv")
	if err := os.WriteFile(plan, []byte("Name,Pattern,Translation\nx,^1$,+1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(dir, "cases.csv")
	folder := filepath.Join(dir, "folder")
	if err := errors.Join(os.Symlink(file, table), os.Mkdir(folder, 0o700), os.Symlink(file, filepath.Join(folder, "root.cer"))); err != nil {
		t.Fatal(err)
	}
	words := strings.NewReplacer("FILE.csv", table, "FILE", file, "LAB", ready, "STATE", filepath.Join(dir, "phone"), "PLAN", plan,
		"FOLDER", folder)
	for _, a := range args {
		call = append(call, words.Replace(a))
	}
	return call
}

// TestEndlessFileIsAUsageError: its name and the remedy are shown.
func TestEndlessFileIsAUsageError(t *testing.T) {
	_, ready := runningLab(t)
	for name, args := range filesOfAUser {
		t.Run(name, func(t *testing.T) {
			out, complaints, code := call(t, fileArguments(t, args, ready, "/dev/zero")...)
			if name == "folder" { // a file of a folder that is no certificate is named in the report
				if !strings.Contains(strings.Join(strings.Fields(out), " "), "root.cer is a device") {
					t.Errorf("exit code %d, %s%s", code, out, complaints)
				}
				return
			}
			device := "/dev/zero"
			if name == "cases" {
				device = "cases.csv"
			}
			if code != exitUsage || !strings.Contains(complaints, device) || !strings.Contains(complaints, "is a device") {
				t.Errorf("exit code %d, %s", code, complaints)
			}
		})
	}
}

// TestOutputReplacesNoDevice: root could. A pipe stands for a device here.
func TestOutputReplacesNoDevice(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{pipe, t.TempDir()} {
		for _, args := range [][]string{{"lab", "--ready", file}, {"screenshot", "--demo", "off", "--force", "--out", file},
			{"certs", "export", "--force", "--state", t.TempDir(), "--out", file}} {
			if _, complaints, code := call(t, args...); code != exitUsage || !strings.Contains(complaints, file) {
				t.Errorf("%s: exit code %d, %s", args, code, complaints)
			}
		}
	}
}

// TestReadOfAPipeIsInterrupted: a pipe that stays silent does not keep a command from
// ending when it is told to.
func TestReadOfAPipeIsInterrupted(t *testing.T) {
	_, ready := runningLab(t)
	for name, args := range filesOfAUser {
		if name == "roots" { // read again at each start: a pipe is refused
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pipe := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var complaints strings.Builder
			process := exec.CommandContext(ctx, "ocphone", fileArguments(t, args, ready, pipe)...)
			process.Stderr = &complaints
			process.Env = append(os.Environ(), "OCPHONE_PASSWORD=x")
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			opened := make(chan *os.File, 1)
			go func() { // until the process has opened it
				w, _ := os.OpenFile(pipe, os.O_WRONLY, 0)
				opened <- w
			}()
			ended := make(chan error, 1)
			go func() { ended <- process.Wait() }()
			select {
			case w := <-opened:
				defer w.Close()
			case err := <-ended:
				t.Errorf("it has not read the pipe: %v, %s", err, &complaints)
				if r, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil { // the writing goroutine ends
					defer r.Close()
					(<-opened).Close()
				}
				return
			}
			if err := process.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			<-ended
			if code := process.ProcessState.ExitCode(); code != exitInterrupted || complaints.String() != "ocphone: interrupted\n" {
				t.Errorf("exit code %d, %s", code, &complaints)
			}
		})
	}
}

func TestPipeIsReadAsAFile(t *testing.T) {
	_, ready := runningLab(t)
	t.Setenv("READY", ready)
	cmd := exec.CommandContext(t.Context(), "bash", "-c",
		`echo 'Passw0rd!' | ocphone run --lab <(cat "$READY") --password-file /dev/stdin --expect ad.credentials --brief`)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestPlayerDoesNotSeeThePassword: it is in the environment of ocphone
// (docs/decisions.md#secrets).
func TestPlayerDoesNotSeeThePassword(t *testing.T) {
	_, ready := runningLab(t)
	t.Setenv("OCPHONE_PASSWORD", lab.DefaultPassword)
	t.Setenv("OCPHONE_OTHER", "is passed on")
	_, environ, code := call(t, "voicemail", "play", "1", "--lab", ready, "--player", "env")
	if code != exitDone || strings.Contains(environ, "OCPHONE_PASSWORD") || strings.Contains(environ, lab.DefaultPassword) ||
		!strings.Contains(environ, "OCPHONE_OTHER=is passed on") {
		t.Errorf("exit code %d, %s", code, environ)
	}
}
