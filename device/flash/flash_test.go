package flash_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		updateForEver(dir)
	}
	goleak.VerifyTestMain(m)
}

type (
	putFunc = func(key string, value []byte)
	delFunc = func(key string)
)

func open(t *testing.T, dir string) *flash.File {
	t.Helper()
	f, err := flash.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func wantValue(t *testing.T, f flash.Flash, key, want string) {
	t.Helper()
	if got, err := f.Get(key); err != nil || string(got) != want || got == nil {
		t.Errorf("%s: %.40q, %v; want %.40q", key, got, err, want)
	}
}

func put(t *testing.T, f flash.Flash, key, value string) {
	t.Helper()
	if err := f.Update(func(put putFunc, _ delFunc) error { put(key, []byte(value)); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestFlashKeepsTheChangesOfAnUpdate(t *testing.T) {
	for name, f := range map[string]flash.Flash{"memory": new(flash.Memory), "file": open(t, t.TempDir())} {
		t.Run(name, func(t *testing.T) {
			if v, err := f.Get("roots"); v != nil || err != nil {
				t.Fatalf("a new flash holds %q, %v", v, err)
			}
			put(t, f, "gone", "x")
			mine := []byte("old")
			if err := f.Update(func(put putFunc, del delFunc) error {
				put("roots", mine)
				put("empty", nil)
				put("twice", []byte("1"))
				del("twice")
				del("gone")
				del("never there")
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			mine[0] = 'X'
			wantValue(t, f, "roots", "old")
			wantValue(t, f, "empty", "")
			for _, key := range []string{"gone", "twice"} {
				if v, _ := f.Get(key); v != nil {
					t.Errorf("%s is still there: %q", key, v)
				}
			}
			v, _ := f.Get("roots")
			v[0] = 'X' // the caller's copy
			wantValue(t, f, "roots", "old")
		})
	}
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	own := errors.New("the caller's")
	for name, f := range map[string]flash.Flash{"memory": new(flash.Memory), "file": open(t, t.TempDir())} {
		put(t, f, "roots", "old")
		for what, row := range map[string]struct {
			change func(put putFunc) error
			want   error
		}{
			"change fails":    {func(putFunc) error { return own }, own},
			"empty key":       {func(put putFunc) error { put("", nil); return nil }, flash.ErrBounds},
			"long key":        {func(put putFunc) error { put(strings.Repeat("k", flash.MaxKey+1), nil); return nil }, flash.ErrBounds},
			"a value too big": {func(put putFunc) error { put("big", make([]byte, flash.MaxValue+1)); return nil }, flash.ErrBounds},
		} {
			err := f.Update(func(put putFunc, del delFunc) error {
				put("roots", []byte("new"))
				del("roots")
				put("other", nil)
				return row.change(put)
			})
			if !errors.Is(err, row.want) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			wantValue(t, f, "roots", "old")
			if v, _ := f.Get("other"); v != nil {
				t.Errorf("%s, %s: half an update stayed", name, what)
			}
			if code := journal.FailureOf(err).Code; strings.Contains(what, "too big") != (code == journal.FlashFailed) {
				t.Errorf("%s, %s: code %s", name, what, code)
			}
		}
	}
}

func TestClosedFlashReturnsErrClosed(t *testing.T) {
	for name, f := range map[string]flash.Flash{"memory": new(flash.Memory), "file": open(t, t.TempDir())} {
		if err := errors.Join(f.Close(), f.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := f.Get("roots")
		_, err2 := f.Keys()
		change := func(put putFunc, _ delFunc) error { put("a", nil); return nil }
		for _, err := range []error{err, err2, f.Update(change), f.Erase(change)} {
			if !errors.Is(err, flash.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestFlashIsSafeForConcurrentUse(t *testing.T) {
	for _, f := range []flash.Flash{new(flash.Memory), open(t, t.TempDir())} {
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				for range 5 {
					key := fmt.Sprint(i)
					if err := f.Update(func(put putFunc, _ delFunc) error {
						_, err := f.Get(key) // reading inside a change is allowed
						put(key, []byte(key))
						return err
					}); err != nil {
						t.Error(err)
					}
				}
				wantValue(t, f, fmt.Sprint(i), fmt.Sprint(i))
			})
		}
		all.Wait()
	}
}

func TestFileKeepsValuesAndIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "phones", "one")
	f := open(t, dir)
	big := strings.Repeat("root ", 1<<20)
	put(t, f, "roots", big)
	put(t, f, "epid", "01010101")
	if err := f.Update(func(_ putFunc, del delFunc) error { del("epid"); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	wantValue(t, again, "roots", big)
	if v, _ := again.Get("epid"); v != nil {
		t.Errorf("epid is back: %q", v)
	}
	if runtime.GOOS != "windows" { // no such modes there
		for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, flash.FileName): 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFileOpenInAnotherProcessIsBusy(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	_, err := flash.Open(dir)
	if f := journal.FailureOf(err); f.Code != journal.FlashBusy || f.What != "this phone is on in another process" || f.Fix == "" {
		t.Errorf("%+v", f)
	}
}

func TestDamagedFileIsAnErrorAndIsNotChanged(t *testing.T) {
	whole := t.TempDir()
	f := open(t, whole)
	put(t, f, "roots", strings.Repeat("r", 64<<10))
	put(t, f, "settings", strings.Repeat("s", 20<<10))
	put(t, f, "epid", "01010101")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(whole, flash.FileName))
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	spoil := func(from, to int, with byte) []byte {
		b := bytes.Clone(good)
		for i := from; i < to; i++ {
			b[i] = with
		}
		return b
	}
	value := bytes.LastIndex(good, []byte("rrrr"))
	for name, content := range map[string][]byte{
		"garbage":                    bytes.Repeat([]byte("not a phone "), 10_000),
		"garbage, short":             []byte("x"),
		"zeros":                      make([]byte, 1<<16),
		"cut in the first page":      good[:100],
		"cut after the first page":   good[:page],
		"cut after the second page":  good[:2*page],
		"cut in the middle":          good[:len(good)/2],
		"cut by one page":            good[:bytes.LastIndex(good, []byte("ssss"))&^(page-1)],
		"both meta pages zero":       spoil(0, 2*page, 0),
		"all but the meta pages 0":   spoil(2*page, len(good), 0),
		"all but the meta pages 255": spoil(2*page, len(good), 255),
		"one byte of a value":        spoil(value, value+1, 'x'),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, flash.FileName)
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first failure must not keep the lock
				f, err := flash.Open(dir)
				if err == nil {
					f.Close()
					t.Fatal("opened")
				}
				if f := journal.FailureOf(err); f.Code != journal.FlashDamaged || !strings.Contains(f.What, path) || f.Fix == "" {
					t.Fatalf("%+v", f)
				}
			}
			if now, err := os.ReadFile(path); err != nil || runtime.GOOS != "windows" && !bytes.Equal(now, content) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}

func TestDirectoryThatCannotBeUsedIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(file, []byte("notes"), 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, code := range map[string]journal.Code{file: journal.Usage, filepath.Join(file, "below"): journal.FlashFailed} {
		f, err := flash.Open(dir)
		if err == nil {
			f.Close()
			t.Fatalf("%s is a phone", dir)
		}
		if f := journal.FailureOf(err); f.Code != code || !strings.Contains(f.What, dir) {
			t.Errorf("%s: %s: %s, want %s", dir, f.Code, f.What, code)
		}
	}
}
