package setup

import (
	"context"
	"os"
	"path/filepath"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
)

// ReadyPath returns the absolute path of a ready file to write, so that the paths in
// it are valid from every folder. A file that is not a ready file is not overwritten,
// since the lab removes the file at its end; neither is that of a lab that runs.
// Every error is a *journal.Failure with code usage.
func ReadyPath(ctx context.Context, file string) (string, error) {
	path, err := filepath.Abs(file) // which resolves "missing/../file" to a file that may exist
	if err != nil {
		return "", journal.Usagef("--ready %s: %v", file, err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return "", journal.Usagef("--ready %s: there is no folder %s", file, filepath.Dir(file))
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return "", journal.Usagef("--ready %s: it is there already and is no ready file; give another name", file)
	}
	if err == nil && info.Size() > 0 {
		r, err := lab.ReadReady(ctx, path)
		if err != nil {
			return "", journal.Usagef("--ready %s: it is there already and is not written over: %v", file, err)
		}
		if r.Control.URL != "" && Runs(r) {
			return "", journal.Usagef("--ready %s: a lab runs already that is found by this file; use that one, end it, or "+
				"give another --ready", file)
		}
	}
	return path, nil
}
