package setup_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ocphone/ocphone/device/setup"
)

// TestReadyFileReplacesNothingElse: a ready file is written and later removed, so it
// must not take the place of another file.
func TestReadyFileReplacesNothingElse(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{other, dir + "/missing/../other", dir, dir + "/missing/ready"} {
		if path, err := setup.ReadyPath(t.Context(), file); !isUsage(err) {
			t.Errorf("%s: %q, %v", file, path, err)
		}
	}
	t.Chdir(dir)
	want, err := filepath.Abs("ready")
	if err != nil {
		t.Fatal(err)
	}
	if path, err := setup.ReadyPath(t.Context(), "ready"); err != nil || path != want {
		t.Errorf("%q, %v", path, err)
	}
}
