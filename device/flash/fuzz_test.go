package flash_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
)

// FuzzOpen overwrites a part of a phone's file: it is opened or refused with a code,
// and a file that is refused keeps its bytes.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	path := filepath.Join(dir, flash.FileName)
	file, err := flash.Open(dir)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 20 { // several pages, some of them free
		if err := file.Update(func(put putFunc, _ delFunc) error { put("roots", []byte(bulk(i))); return nil }); err != nil {
			f.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte("not a phone"))
	f.Add(uint32(os.Getpagesize()), make([]byte, 16))
	f.Add(uint32(len(good)-1), []byte{1})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		damaged := bytes.Clone(good)
		copy(damaged[at%uint32(len(good)):], patch)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := flash.Open(dir)
		if err == nil {
			file.Close()
			return
		}
		if code := journal.FailureOf(err).Code; code != journal.FlashDamaged && code != journal.FlashFailed {
			t.Errorf("code %s: %v", code, err)
		}
		if now, err := os.ReadFile(path); err != nil || runtime.GOOS != "windows" && !bytes.Equal(now, damaged) {
			t.Errorf("the file was changed: %v", err)
		}
	})
}
