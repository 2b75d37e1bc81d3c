package flash_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
)

// metaSize is the part of a meta page that bbolt uses, in bytes: the header of a page
// (16) and the meta data with its checksum (64).
const metaSize = 80

// erased makes a file whose old value was erased, closes it and returns its bytes.
func erased(t *testing.T, dir string) []byte {
	t.Helper()
	f := open(t, dir)
	put(t, f, "user", "secret@example.com")
	put(t, f, "roots", strings.Repeat("removed root ", 2000))
	put(t, f, "identity", "stays")
	if err := f.Erase(func(put putFunc, del delFunc) error {
		put("roots", []byte("factory roots"))
		del("user")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wantValue(t, f, "roots", "factory roots")
	wantValue(t, f, "identity", "stays")
	if keys, err := f.Keys(); err != nil || strings.Join(keys, " ") != "identity roots" {
		t.Errorf("keys %q, %v", keys, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, flash.FileName))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestErasedValuesAreNotInTheFile(t *testing.T) { // R1.3, docs/decisions.md#secrets
	dir := t.TempDir()
	b := erased(t, dir)
	for _, old := range []string{"secret@example.com", "removed root"} {
		if bytes.Contains(b, []byte(old)) {
			t.Errorf("%q is still in the file", old)
		}
	}
	f := open(t, dir)
	wantValue(t, f, "roots", "factory roots")
	put(t, f, "user", "next@example.com") // the new file is a file like any other
	wantValue(t, f, "user", "next@example.com")
}

// TestErasedValuesDoNotComeBackWithADamagedMetaPage flips each bit of the meta data in
// both meta pages, and a sample of the rest: bbolt falls back to the other page, which
// is that of the change before.
func TestErasedValuesDoNotComeBackWithADamagedMetaPage(t *testing.T) { // R1.3
	good := erased(t, t.TempDir())
	page := os.Getpagesize()
	dir := t.TempDir()
	path := filepath.Join(dir, flash.FileName)
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	opened, refused := 0, 0
	check := func(name string, at int, with ...byte) {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.WriteAt(with, int64(at)); err != nil {
			t.Fatal(err)
		}
		f, err := flash.Open(dir)
		if err == nil {
			opened++
			wantValue(t, f, "roots", "factory roots")
			if v, _ := f.Get("user"); v != nil {
				t.Errorf("%s: the user is back: %q", name, v)
			}
			f.Close()
		} else if refused++; journal.FailureOf(err).Code != journal.FlashDamaged {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := file.WriteAt(good[at:at+len(with)], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	for at := range 2 * page {
		if at%page >= metaSize && at%64 > 0 {
			continue // bbolt does not use the rest of the page: a sample is enough
		}
		for bit := range 8 {
			check("bit", at, good[at]^1<<bit)
		}
	}
	if refused > 0 {
		t.Errorf("%d flipped bits were not survived, %d were", refused, opened)
	}
	check("first page lost", 0, make([]byte, page)...)
	check("second page lost", page, make([]byte, page)...)
	if refused > 0 {
		t.Error("the loss of one page was not survived")
	}
}
