//go:build unix

package flash_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
)

// TestFileThatIsNoPhonesIsRefusedAndNotWritten: bbolt makes a file of its own out of
// an empty one, or behind a link.
func TestFileThatIsNoPhonesIsRefusedAndNotWritten(t *testing.T) {
	for name, row := range map[string]struct {
		make func(path string) error
		what string // part of the failure
	}{
		"empty": {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "it is empty"},
		"dangling link": {func(path string) error { return os.Symlink(path+".elsewhere", path) },
			"a link to a file that does not exist"},
		"link to an empty file": {func(path string) error {
			return errors.Join(os.WriteFile(path+".elsewhere", nil, 0o600), os.Symlink(path+".elsewhere", path))
		}, "it is empty"},
		"folder": {func(path string) error { return os.Mkdir(path, 0o700) }, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := row.make(filepath.Join(dir, flash.FileName)); err != nil {
				t.Fatal(err)
			}
			_, err := flash.Open(dir)
			if f := journal.FailureOf(err); f.Code != journal.FlashDamaged || !strings.Contains(err.Error(), row.what) || f.Fix == "" {
				t.Errorf("%v, fix %q", err, f.Fix)
			}
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && !info.IsDir() && info.Size() > 0 {
					t.Errorf("%s has %d bytes now", e.Name(), info.Size())
				}
			}
			if _, err := os.Stat(filepath.Join(dir, flash.FileName+".elsewhere")); name == "dangling link" && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the target of the link was made (%v)", err)
			}
		})
	}
}

func TestNextStartRemovesTheFilesOfAKilledFirstStart(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "notes")
	for _, name := range []string{filepath.Join(dir, flash.FileName+".new-123"), filepath.Join(dir, flash.FileName+".new-456"), mine} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 2 || left[0] != mine {
		t.Errorf("%q, want %s and the phone's file", left, mine)
	}
}

// TestEraseKeepsALinkToTheFile: a state folder may lie on another disk.
func TestEraseKeepsALinkToTheFile(t *testing.T) {
	there, here := t.TempDir(), t.TempDir()
	f := open(t, there)
	put(t, f, "user", "secret@example.com")
	f.Close()
	path := filepath.Join(there, flash.FileName)
	if err := os.Symlink(path, filepath.Join(here, flash.FileName)); err != nil {
		t.Fatal(err)
	}
	f = open(t, here)
	if err := f.Erase(func(_ putFunc, del delFunc) error { del("user"); return nil }); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || strings.Contains(string(b), "secret") {
		t.Errorf("the file behind the link still holds the user (%v)", err)
	}
}

func TestErasingPhoneKeepsItsLock(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for range 3 {
		if err := f.Erase(func(put putFunc, _ delFunc) error { put("user", []byte("x")); return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := flash.Open(dir); journal.FailureOf(err).Code != journal.FlashBusy {
			t.Errorf("it was opened twice: %v", err)
		}
	}
}

// TestProcessThatWaitsDoesNotGetTheReplacedFile: it has opened the old file, whose
// lock becomes free when the phone has a new one.
func TestProcessThatWaitsDoesNotGetTheReplacedFile(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	done := make(chan error)
	go func() {
		var err error
		for range 5 {
			if err == nil {
				err = f.Erase(func(put putFunc, _ delFunc) error { put("user", []byte("x")); return nil })
			}
		}
		done <- err
	}()
	second, err := flash.Open(dir)
	if err == nil {
		second.Close()
		t.Error("two processes have the phone on")
	} else if journal.FailureOf(err).Code != journal.FlashBusy {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFailedEraseChangesNothing(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	put(t, f, "roots", "old")
	if err := os.RemoveAll(dir); err != nil { // nothing can be made in a folder that is gone
		t.Fatal(err)
	}
	err := f.Erase(func(put putFunc, _ delFunc) error { put("roots", []byte("new")); return nil })
	if journal.FailureOf(err).Code != journal.FlashFailed {
		t.Errorf("%v", err)
	}
	wantValue(t, f, "roots", "old")
	own := errors.New("the caller's")
	if err := f.Erase(func(putFunc, delFunc) error { return own }); !errors.Is(err, own) {
		t.Error(err)
	}
}
