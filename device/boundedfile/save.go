package boundedfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ocphone/ocphone/device/journal"
)

// CheckOutput reports in advance why Save could not write the file of --out: it exists
// and replace is not set, it is a folder or a device, or its folder does not exist. The
// error has code usage.
func CheckOutput(name string, replace bool) error {
	switch s, err := os.Lstat(name); {
	case err != nil:
	case !replace || s.IsDir():
		return existsError(name)
	case s.Mode()&^(os.ModePerm|os.ModeSymlink) != 0: // a rename would replace a device
		return journal.Usagef("--out %s: it is no regular file; give another name, or - for the standard output", name)
	}
	if s, err := os.Stat(filepath.Dir(name)); err != nil || !s.IsDir() {
		return journal.Usagef("--out %s: there is no folder %s", name, filepath.Dir(name))
	}
	return nil
}

func existsError(name string) error {
	return journal.Usagef("%s exists: give another --out, or --force to replace it", name)
}

// Save writes content to a new file that only its owner may read; replace replaces a
// file of that name, otherwise the error has code usage. After an error no partial
// file is left.
func Save(name string, content []byte, replace bool) (err error) {
	var file *os.File
	if replace {
		file, err = os.CreateTemp(filepath.Dir(name), ".ocphone-*") // 0600
	} else {
		file, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	if errors.Is(err, fs.ErrExist) {
		return existsError(name)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil && replace {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}
