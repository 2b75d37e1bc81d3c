//go:build realpeers && linux

// Package peer runs servers and clients of other projects against the phone and
// the lab, because two ends from the same project can agree on a mistake. It is
// for tests with the build tag realpeers (`make test-real`).
//
//  1. Need names the programs that a test uses. A missing one fails the test with
//     the package to install; it does not skip the test.
//  2. Start runs a server until the test ends; Run runs a client to its end.
//     Both show the peer's output if the test fails.
//  3. Row adds the result to the table of peers.
//
// Peers listen on addresses of 127.0.0.0/8 only. Each one has its own process
// group, which is ended with the test.
package peer

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Times, in real time: peers are foreign processes.
const (
	readyTimeout = 60 * time.Second // until a server answers
	runTimeout   = 60 * time.Second // a client's whole run
	grace        = 5 * time.Second  // between SIGTERM and SIGKILL
	pollEvery    = 20 * time.Millisecond
	maxLog       = 256 << 10 // bytes kept of the output of a peer
)

// Need fails the test if a program is not installed. pkg is the Debian package of
// the programs.
func Need(t testing.TB, pkg string, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%s is missing: apt-get install %s (make test-real does it when run as root on Debian)", p, pkg)
		}
	}
}

// Process is a running peer.
type Process struct {
	cmd  *exec.Cmd
	out  *outputTail
	done chan struct{}
	stop sync.Once
}

// Command has the settings to start a peer.
type Command struct {
	Dir string
	Env []string // added to the environment
	// Ready is called until it returns nil; then the peer is ready. Nil: the peer
	// is ready at once.
	Ready func() error
	Limit time.Duration // of the run of a client; 0: a minute
}

// Start runs a server in the foreground and waits until it is ready. The server is
// ended at the end of the test.
func (c Command) Start(t testing.TB, program string, args ...string) *Process {
	t.Helper()
	p := &Process{out: new(outputTail), done: make(chan struct{})}
	p.cmd = exec.Command(program, args...)
	p.cmd.Dir, p.cmd.Env = c.Dir, append(os.Environ(), c.Env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.WaitDelay = grace
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.done); p.cmd.Wait() }()
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(program), p.Log())
		}
	})
	if c.Ready != nil {
		Eventually(t, program+" to be ready", func() error {
			select {
			case <-p.done:
				t.Fatalf("%s ended:\n%s", program, p.Log())
			default:
			}
			return c.Ready()
		})
	}
	return p
}

// Stop ends the peer and its children and waits for it.
func (p *Process) Stop() {
	p.stop.Do(func() {
		group := -p.cmd.Process.Pid
		syscall.Kill(group, syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(grace):
		}
		syscall.Kill(group, syscall.SIGKILL)
		<-p.done
	})
}

// Log returns the newest part of the output of the peer.
func (p *Process) Log() string { return p.out.String() }

// Run runs a client to its end and returns its output and exit code.
func (c Command) Run(t testing.TB, program string, args ...string) (output string, code int) {
	t.Helper()
	limit := cmp.Or(c.Limit, runTimeout)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out outputTail
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = c.Dir, append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = grace
	err := cmd.Run()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("$ %s %s\n%s", filepath.Base(program), strings.Join(args, " "), out.String())
		}
	})
	if ctx.Err() != nil {
		t.Fatalf("%s did not end within %s:\n%s", program, limit, out.String())
	}
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// Output is Run for a client that must succeed.
func (c Command) Output(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, code := c.Run(t, program, args...)
	if code != 0 {
		t.Fatalf("%s ended with %d:\n%s", program, code, out)
	}
	return out
}

// Start runs a server with the zero Command.
func Start(t testing.TB, program string, args ...string) *Process {
	t.Helper()
	return Command{}.Start(t, program, args...)
}

// Run runs a client with the zero Command.
func Run(t testing.TB, program string, args ...string) (string, int) {
	t.Helper()
	return Command{}.Run(t, program, args...)
}

// Output runs a client that must succeed, with the zero Command.
func Output(t testing.TB, program string, args ...string) string {
	t.Helper()
	return Command{}.Output(t, program, args...)
}

// Eventually calls f until it returns nil. It fails the test after a minute.
func Eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	deadline := time.After(readyTimeout)
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %s for %s: %v", readyTimeout, what, err)
		}
	}
}

// Listening is a Ready for a TCP server.
func Listening(addr string) func() error {
	return func() error {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err
	}
}

// Write puts a file for a peer into dir and returns its path.
func Write(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Dir makes a folder that other users may enter, with a short path because of the
// limit of Unix sockets. It is removed at the end of the test.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Row adds a row to the table of peers if the test passes. peer is a Debian package,
// the path of a Go module, or "npm:" and an npm package, whose version Row looks
// up. proves is the text of the last column.
func Row(t testing.TB, peer, proves string) {
	t.Helper()
	file := os.Getenv("OCPHONE_PEERS")
	if file == "" {
		return
	}
	line := fmt.Sprintf("| %s | %s | %s |\n", peer, version(t, peer), proves)
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = io.WriteString(f, line) // one write: packages are tested in parallel
			f.Close()
		}
		if err != nil {
			t.Error(err)
		}
	})
}

func version(t testing.TB, peer string) string {
	t.Helper()
	if strings.HasPrefix(peer, npmPrefix) {
		return npmVersion(t, peer)
	}
	if strings.Contains(peer, "/") { // the binary of a test has no module information
		return strings.TrimSpace(Output(t, "go", "list", "-m", "-f", "{{.Version}}", peer))
	}
	out, code := Run(t, "dpkg-query", "-W", "-f", "${Version}", peer)
	if code != 0 {
		t.Fatalf("package %s is not installed", peer)
	}
	return out
}

// outputTail keeps the newest maxLog bytes.
type outputTail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *outputTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Write(p)
	if over := l.b.Len() - maxLog; over > 0 {
		l.b.Next(over)
	}
	return len(p), nil
}

func (l *outputTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
