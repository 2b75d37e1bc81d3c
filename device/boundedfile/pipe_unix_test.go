//go:build unix

package boundedfile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
)

func TestPipeIsReadAndADeviceIsNot(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if err == nil {
			_, err = w.WriteString(text)
			w.Close()
		}
		if err != nil && !errors.Is(err, syscall.EPIPE) { // the reader has stopped at its limit
			t.Error(err)
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); write("text") }()
	if b, err := notes.Read(t.Context(), pipe); err != nil || string(b) != "text" {
		t.Errorf("%q, %v", b, err)
	}
	<-done
	done = make(chan struct{})
	go func() { defer close(done); write(strings.Repeat("x", 1<<20)) }()
	if _, err := notes.Read(t.Context(), pipe); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("too long: %v", err)
	}
	<-done
	kept := boundedfile.Kind{Name: "a root set", Limit: 1 << 20, Kept: true}
	if _, err := kept.Read(t.Context(), pipe); !strings.Contains(journal.FailureOf(err).What, "is a pipe, and a root set is read again") {
		t.Error(err)
	}
	for _, device := range []string{"/dev/zero", "/dev/null"} {
		_, err := notes.Read(t.Context(), device)
		if f := journal.FailureOf(err); f.Code != journal.Usage || !strings.Contains(f.What, device+" is a device") || f.Fix == "" {
			t.Errorf("%s: %v", device, err)
		}
	}
}

// TestReadOfAPipeThatNobodyWritesIsInterrupted: it waits already when it is opened.
func TestReadOfAPipeThatNobodyWritesIsInterrupted(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := notes.Read(ctx, pipe); done <- err }()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for goleak.Find() != nil { // the reading goroutine, once it has opened the pipe, ends with it
		if w, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			w.Close()
		}
	}
}
