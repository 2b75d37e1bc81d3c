package flash_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
)

// TestDamagedTreeEndsTheReading: bbolt follows the pages of a file without looking
// whether it has been there.
func TestDamagedTreeEndsTheReading(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	for i := range 200 { // more than a page holds: the tree has branches
		put(t, f, fmt.Sprintf("key %03d", i), strings.Repeat("v", 200))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, flash.FileName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	branches := 0
	for at := 2 * os.Getpagesize(); at+os.Getpagesize() <= len(b); at += os.Getpagesize() {
		if binary.NativeEndian.Uint16(b[at+8:]) != 1 { // flags of a page: a branch
			continue
		}
		branches++
		id := binary.NativeEndian.Uint64(b[at:])
		for i := range int(binary.NativeEndian.Uint16(b[at+10:])) {
			binary.NativeEndian.PutUint64(b[at+16+16*i+8:], id) // each child is the page itself
		}
	}
	if branches == 0 {
		t.Fatal("the file has no branch")
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := flash.Open(dir); journal.FailureOf(err).Code != journal.FlashDamaged {
		t.Error(err)
	}
}
