//go:build unix

package flash_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLimitOfTheSystemIsNoDamage: a new file that cannot be made is flash.failed.
func TestLimitOfTheSystemIsNoDamage(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"-f 0", "-f 1", "-f 9"} { // in blocks of 512 or 1,024 bytes
		dir := t.TempDir()
		cmd := exec.Command("sh", "-c", "ulimit "+limit+" && exec \"$0\"", exe)
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.Output() // the child ends at the first error
		if err == nil || !strings.Contains(string(out), "[flash.failed]") {
			t.Errorf("ulimit %s: %v: %s", limit, err, out)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
			t.Errorf("ulimit %s: left behind: %q", limit, left)
		}
	}
}
