package boundedfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
)

func TestOutputIsForItsOwnerAndReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.wav")
	for i, c := range []struct {
		content string
		force   bool
		want    string
	}{{"first", false, "first"}, {"second", false, "first"}, {"third", true, "third"}} {
		err := boundedfile.Save(name, []byte(c.content), c.force)
		var told *journal.Failure
		if refused := c.content != c.want; refused != (errors.As(err, &told) && told.Code == journal.Usage) {
			t.Errorf("%d: %v", i, err)
		}
		got, _ := os.ReadFile(name)
		info, err := os.Stat(name)
		if string(got) != c.want || err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("%d: %q, %v, %v", i, got, info.Mode(), err)
		}
	}
	if err := boundedfile.Save(filepath.Join(dir, "nowhere", "a.wav"), nil, true); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
