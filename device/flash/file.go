package flash

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/ocphone/ocphone/device/journal"
)

const (
	// FileName is the phone's file in its state directory.
	FileName = "phone.db"
	// BusyTimeout is how long Open waits for another process to close the file
	// (docs/decisions.md#the-store-is-a-value).
	BusyTimeout = time.Second

	bucketName = "phone"
	crcSize    = 4 // bytes of CRC-32C before each stored value: bbolt checks only its meta pages
)

// File is a Flash in one bbolt file. Open reads and checks all values, so that a
// damaged file is found then, and not during a sign-in.
type File struct {
	Memory
	path   string
	db     *bolt.DB
	file   *os.File // the descriptor with the lock of db
	broken bool     // bbolt panicked and may still hold its locks
}

// Open opens the memory in dir, and creates dir (mode 0700) and the file (mode
// 0600) if they are missing. Errors are *journal.Failure: usage if dir is a file,
// flash.busy if another process has it open, flash.failed if the system refuses,
// flash.damaged if the contents are invalid. Open does not delete anything.
func Open(dir string) (*File, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, &journal.Failure{Code: journal.Usage, Asked: dir,
			What: dir + " is a file, and a phone is kept in a folder", Fix: "name a folder; it is made when it is not there"}
	}
	f := &File{path: filepath.Join(dir, FileName)}
	if err := f.open(dir); err != nil {
		f.release()
		code, what := journal.FlashDamaged, "cannot be read"
		if errno := syscall.Errno(0); errors.As(err, &errno) {
			code, what = journal.FlashFailed, "cannot be opened"
		}
		return nil, f.failure(err, code, what)
	}
	f.commit = f.write
	return f, nil
}

func (f *File) open(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(f.path); errors.Is(err, fs.ErrNotExist) {
		if err := create(f.path); err != nil {
			return err
		}
	}
	return f.catchPanic(func() (err error) {
		f.db, err = bolt.Open(f.path, 0o600, &bolt.Options{
			Timeout: BusyTimeout,
			OpenFile: func(name string, flag int, perm os.FileMode) (*os.File, error) {
				file, err := os.OpenFile(name, flag, perm)
				f.file = file
				return file, err
			},
		})
		if err != nil {
			return err
		}
		return f.db.View(f.load)
	})
}

// create makes an empty file under a temporary name first: a process that is killed
// while bbolt writes its first pages must not leave an invalid file.
func create(path string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), FileName+".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if err := tmp.Close(); err != nil {
		return err
	}
	db, err := bolt.Open(tmp.Name(), 0o600, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte(bucketName))
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	// A link, unlike a rename, does not replace a file that another process has
	// just created.
	err = os.Link(tmp.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return os.Rename(tmp.Name(), path) // a file system without links
}

func (f *File) load(tx *bolt.Tx) error {
	b := tx.Bucket([]byte(bucketName))
	if b == nil {
		return errors.New("not a file of a phone: the bucket is missing")
	}
	f.values = make(map[string][]byte)
	return b.ForEach(func(k, v []byte) error {
		if len(v) < crcSize || len(v) > crcSize+MaxValue || binary.BigEndian.Uint32(v) != checksum(v[crcSize:]) {
			return fmt.Errorf("the value of %.40q is damaged", k)
		}
		f.values[string(k)] = cloneBytes(v[crcSize:])
		return nil
	})
}

// write is Memory.commit; it is one transaction.
func (f *File) write(changes map[string][]byte) error {
	if f.broken {
		return f.failure(errors.New("an earlier write failed"), journal.FlashFailed, "cannot be written")
	}
	err := f.catchPanic(func() error {
		return f.db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte(bucketName))
			for key, value := range changes {
				if value == nil {
					if err := b.Delete([]byte(key)); err != nil {
						return err
					}
					continue
				}
				stored := binary.BigEndian.AppendUint32(make([]byte, 0, crcSize+len(value)), checksum(value))
				if err := b.Put([]byte(key), append(stored, value...)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return f.failure(err, journal.FlashFailed, "cannot be written")
	}
	return nil
}

// Close implements Flash and unlocks the file for other processes.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed, f.values = true, nil
	return f.release()
}

func (f *File) release() error {
	switch {
	case f.broken && f.file != nil:
		return errors.Join(unlock(f.file), f.file.Close()) // bbolt's own Close could block for ever
	case f.db != nil && !f.broken:
		return f.db.Close()
	}
	return nil
}

// catchPanic turns the panics of bbolt on damaged pages, and the faults of its
// memory map past the end of a truncated file, into errors.
func (f *File) catchPanic(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			f.broken = true
			err = fmt.Errorf("%w: %v", bolterrors.ErrInvalid, r)
		}
	}()
	return do()
}

// failure returns the Failure for err.
func (f *File) failure(err error, code journal.Code, what string) error {
	if errors.Is(err, bolterrors.ErrTimeout) {
		return &journal.Failure{Code: journal.FlashBusy, Asked: f.path, Because: "one process has a phone on", Err: err,
			What: "this phone is on in another process",
			Fix:  "switch that one off, or give this one another state directory"}
	}
	return &journal.Failure{Code: code, Asked: f.path, Err: err, What: "the phone's file " + f.path + " " + what,
		Because: "the phone has the old state or the new one, never half",
		Fix: "check permissions and free space; if it is damaged, move it aside: the phone starts as new, " +
			"and downloaded roots arrive again from Active Directory"}
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
