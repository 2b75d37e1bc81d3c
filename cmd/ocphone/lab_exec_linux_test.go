package main

import (
	"bufio"
	"context"
	"errors"
	"os/exec"
	"syscall"
	"testing"
)

// TestCtrlCReachesTheCommandOfExecOnce: the terminal sends SIGINT to both, so exec does
// not pass it on.
func TestCtrlCReachesTheCommandOfExecOnce(t *testing.T) {
	keyboard, terminal := openTerminal(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	script := `n=0; trap 'n=$((n+1)); echo interrupt $n' INT; echo up; read line; read line; exit $((40+n))`
	process := exec.CommandContext(ctx, "ocphone", "lab", "exec", "--", "bash", "-c", script)
	process.Stdin = terminal
	process.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch lines.Text() {
		case "up":
			keyboard.WriteString("\x03")
		case "interrupt 1":
			keyboard.WriteString("one\ntwo\n")
		}
	}
	err = process.Wait()
	if failed := (*exec.ExitError)(nil); !errors.As(err, &failed) || failed.ExitCode() != 41 {
		t.Errorf("%v, want exit code 41: 40 and one interrupt", err)
	}
}
