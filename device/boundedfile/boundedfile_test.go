package boundedfile_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var notes = boundedfile.Kind{Name: "a file of notes", Limit: 2 << 10}

func TestFileIsReadUpToItsLimit(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int64) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(file, size); err != nil { // without using the disk
			t.Fatal(err)
		}
		return file
	}
	for _, c := range []struct {
		name, file string
		want       int    // bytes
		what       string // part of the failure
	}{
		{name: "empty", file: write("empty", 0)},
		{name: "at the limit", file: write("most", notes.Limit), want: int(notes.Limit)},
		{name: "above it", file: write("more", notes.Limit+1), what: "is longer than 2 KiB, the limit for a file of notes"},
		{name: "endless", file: write("endless", 1<<40), what: "is longer than 2 KiB"},
		{name: "missing", file: filepath.Join(dir, "missing"), what: "cannot be read"},
		{name: "folder", file: dir, what: "is a folder"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := notes.Read(t.Context(), c.file)
			if len(b) != c.want || (err != nil) != (c.what != "") {
				t.Fatalf("%d bytes, %v", len(b), err)
			}
			if err == nil {
				return
			}
			f := journal.FailureOf(err)
			if f.Code != journal.Usage || !strings.Contains(err.Error(), c.what) || !strings.Contains(err.Error(), c.file) ||
				!strings.Contains(f.Fix, notes.Name) {
				t.Errorf("%v, fix %q", err, f.Fix)
			}
			if c.name == "missing" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the cause is lost in %v", err)
			}
		})
	}
}

func TestOpenFileIsReadUpToItsLimit(t *testing.T) {
	for _, size := range []int{5, int(notes.Limit) + 1} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer w.Close()
			w.WriteString(strings.Repeat("x", size))
		}()
		b, err := notes.ReadOpen(t.Context(), r, "the standard input")
		if tooLong := size > int(notes.Limit); tooLong != (err != nil) || !tooLong && len(b) != size {
			t.Errorf("%d bytes of %d, %v", len(b), size, err)
		}
		r.Close()
	}
}

func TestReadOfASilentPipeIsInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { _, err := notes.ReadOpen(ctx, r, "-"); done <- err }()
	if _, err := w.WriteString("x"); err != nil { // it delivers, but never ends
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := notes.Read(ctx, "anything"); err == nil {
		t.Error("it was read after the interruption")
	}
}
