package flash

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
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

	newFile    = FileName + ".new-" // begins the name of a file that does not have its final name yet
	bucketName = "phone"
	crcSize    = 4 // bytes of CRC-32C before each stored value: bbolt checks only its meta pages
)

// Reasons why Open refuses a file, beside damage.
var (
	errCreate   = errors.New("a new file cannot be made")
	errDangling = errors.New("it is a link to a file that does not exist")
	errNoFile   = errors.New("it is not a regular file")
	errEmpty    = errors.New("it is empty")
	errReplaced = errors.New("another process has replaced the file")
)

// File is a Flash in one bbolt file. Open reads and checks all values, so that a
// damaged file is found then, and not during a sign-in.
type File struct {
	Memory
	path string // without symbolic links once the file is open
	database
}

// database is an open bbolt file.
type database struct {
	db     *bolt.DB
	file   *os.File // the descriptor with the lock of db
	broken bool     // bbolt panicked and may still hold its locks
}

// Open opens the memory in dir, and creates dir (mode 0700) and the file (mode
// 0600) if they are missing. Errors are *journal.Failure: usage if dir is a file,
// flash.busy if another process has it open, flash.failed if the system refuses,
// flash.damaged if the contents are invalid. Open does not change a file that it
// refuses. It removes new files that a killed process has left.
func Open(dir string) (*File, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, &journal.Failure{Code: journal.Usage, Asked: dir,
			What: dir + " is a file, and a phone is kept in a folder", Fix: "name a folder; it is made when it is not there"}
	}
	f := &File{path: filepath.Join(dir, FileName)}
	if err := f.open(dir); err != nil {
		f.release()
		code, what := journal.FlashDamaged, "cannot be read"
		if errno := syscall.Errno(0); errors.As(err, &errno) || errors.Is(err, errCreate) {
			code, what = journal.FlashFailed, "cannot be opened"
		}
		return nil, f.failure(err, code, what)
	}
	f.commit = f.write
	return f, nil
}

// maxOpenings bounds how often Open begins again because another process has
// replaced the file meanwhile.
const maxOpenings = 3

func (f *File) open(dir string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if _, err := os.Lstat(f.path); errors.Is(err, fs.ErrNotExist) {
		if err := create(f.path); err != nil {
			return fmt.Errorf("%w: %w", errCreate, err)
		}
	}
	path, err := filepath.EvalSymlinks(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return errDangling
	}
	if err != nil {
		return err
	}
	f.path = path
	for range maxOpenings {
		if f.database, err = openDatabase(f.path); !errors.Is(err, errReplaced) {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := f.catchPanic(func() error { return f.db.View(f.load) }); err != nil {
		return err
	}
	removeNewFiles(filepath.Dir(f.path))
	return nil
}

// removeNewFiles removes what killed processes have left in dir. The caller has the
// phone's lock: a process that still makes a first file does not need it any more.
func removeNewFiles(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), newFile) && e.Type().IsRegular() {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// openDatabase opens and locks a file that exists. If it returns an error, the
// database must be released nevertheless.
func openDatabase(path string) (d database, err error) {
	err = d.catchPanic(func() (err error) {
		d.db, err = bolt.Open(path, 0o600, &bolt.Options{
			Timeout: BusyTimeout,
			OpenFile: func(name string, flag int, perm os.FileMode) (file *os.File, err error) {
				if err := usable(name); err != nil { // bbolt would make it a file of its own
					return nil, err
				}
				d.file, err = os.OpenFile(name, flag&^os.O_CREATE, perm)
				return d.file, err
			},
		})
		return err
	})
	if err != nil {
		return d, err
	}
	// The lock is that of the file, and not of its name.
	opened, err := d.file.Stat()
	if err != nil {
		return d, err
	}
	if named, err := os.Stat(path); err != nil || !os.SameFile(opened, named) {
		return database{}, errors.Join(errReplaced, d.release())
	}
	return d, nil
}

// usable reports why a file cannot be a phone's.
func usable(name string) error {
	switch info, err := os.Stat(name); {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errNoFile
	case info.Size() == 0:
		return errEmpty
	}
	return nil
}

// create makes an empty file under a temporary name first: a process that is killed
// while bbolt writes its first pages must not leave an invalid file.
func create(path string) error {
	tmp, err := writeNew(filepath.Dir(path), nil)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	// A link, unlike a rename, does not replace a file that another process has
	// just created.
	if err = os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(tmp, path) // a file system without links
	}
	if _, found := os.Lstat(path); found == nil { // its process may have removed tmp
		return nil
	}
	return err
}

// writeNew writes a whole file with values under a temporary name in dir, and
// returns its name.
func writeNew(dir string, values map[string][]byte) (name string, err error) {
	tmp, err := os.CreateTemp(dir, newFile+"*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	if err := tmp.Close(); err != nil {
		return "", err
	}
	db, err := bolt.Open(tmp.Name(), 0o600, &bolt.Options{Timeout: BusyTimeout})
	if err != nil {
		return "", err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		if _, err := tx.CreateBucket([]byte(bucketName)); err != nil {
			return err
		}
		return change(tx, values)
	})
	if err == nil { // each commit writes the older of two meta pages: now both lead to the values
		err = db.Update(func(*bolt.Tx) error { return nil })
	}
	return tmp.Name(), errors.Join(err, db.Close())
}

func (f *File) load(tx *bolt.Tx) error {
	seen := map[uint64]bool{}
	if err := f.checkTree(uint64(tx.Cursor().Bucket().Root()), seen); err != nil {
		return err
	}
	b := tx.Bucket([]byte(bucketName))
	if b == nil {
		return errors.New("not a file of a phone: the bucket is missing")
	}
	if root := b.Root(); root != 0 { // 0: it lies in the tree above
		if err := f.checkTree(uint64(root), seen); err != nil {
			return err
		}
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

// The layout of a page of bbolt 1.5: id (8 bytes), flags (2), number of elements (2),
// overflow (4), then the elements. An element of a branch ends with the id of a page.
const (
	pageHeader    = 16
	pageFlags     = 8
	pageCount     = 10
	branchFlag    = 1
	branchElement = 16
	branchPage    = 8
)

// checkTree reports a damaged tree that leads to a page twice: bbolt follows the pages
// without looking whether it has been there, and would not end.
func (d *database) checkTree(root uint64, seen map[uint64]bool) error {
	if seen[root] {
		return fmt.Errorf("page %d is in the tree twice", root)
	}
	seen[root] = true
	at := int64(root) * int64(d.db.Info().PageSize)
	header := make([]byte, pageHeader)
	if _, err := d.file.ReadAt(header, at); err != nil {
		return fmt.Errorf("page %d cannot be read: %w", root, err)
	}
	if binary.NativeEndian.Uint16(header[pageFlags:])&branchFlag == 0 {
		return nil
	}
	elements := make([]byte, branchElement*int(binary.NativeEndian.Uint16(header[pageCount:])))
	if _, err := d.file.ReadAt(elements, at+pageHeader); err != nil {
		return fmt.Errorf("page %d cannot be read: %w", root, err)
	}
	for e := range slices.Chunk(elements, branchElement) {
		if err := d.checkTree(binary.NativeEndian.Uint64(e[branchPage:]), seen); err != nil {
			return err
		}
	}
	return nil
}

// write is Memory.commit.
func (f *File) write(changes map[string][]byte, erase bool) error {
	if f.broken {
		return f.failure(errors.New("an earlier write failed"), journal.FlashFailed, "cannot be written")
	}
	commit := func() error { return f.db.Update(func(tx *bolt.Tx) error { return change(tx, changes) }) }
	if erase {
		commit = func() error { return f.replace(applied(f.values, changes)) }
	}
	if err := f.catchPanic(commit); err != nil {
		return f.failure(err, journal.FlashFailed, "cannot be written")
	}
	return nil
}

// change puts and deletes values; a nil value is a deletion.
func change(tx *bolt.Tx, changes map[string][]byte) error {
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
}

// replace puts a new file with values in the place of the old one. A bbolt file holds
// its state before the last change too, in pages that are free, and goes back to it
// when the newer of its two meta pages is damaged.
func (f *File) replace(values map[string][]byte) error {
	tmp, err := writeNew(filepath.Dir(f.path), values)
	if err != nil {
		return err
	}
	if closesFirst {
		if err := f.release(); err != nil {
			return err
		}
		err = os.Rename(tmp, f.path)
		next, openErr := openDatabase(f.path)
		f.database = next
		f.broken = openErr != nil
		return errors.Join(err, openErr)
	}
	next, err := openDatabase(tmp)
	if err == nil {
		err = os.Rename(tmp, f.path)
	}
	if err != nil {
		next.release()
		os.Remove(tmp)
		return err
	}
	// The old file is locked until here, the new one from before it has its name: no
	// other process can open the phone in between.
	old := f.database
	f.database = next
	old.release()
	syncFolder(filepath.Dir(f.path))
	return nil
}

// closesFirst: Windows does not replace a file that is open.
const closesFirst = runtime.GOOS == "windows"

// syncFolder makes a rename in dir durable as far as the system can: the new file is
// in its place already, so an error changes nothing.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
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

func (d *database) release() error {
	switch {
	case d.broken && d.file != nil:
		return errors.Join(unlock(d.file), d.file.Close()) // bbolt's own Close could block for ever
	case d.db != nil && !d.broken:
		return d.db.Close()
	}
	return nil
}

// catchPanic turns the panics of bbolt on damaged pages, and the faults of its
// memory map past the end of a truncated file, into errors.
func (d *database) catchPanic(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			d.broken = true
			err = fmt.Errorf("%w: %v", bolterrors.ErrInvalid, r)
		}
	}()
	return do()
}

// failure returns the Failure for err.
func (f *File) failure(err error, code journal.Code, what string) error {
	if errors.Is(err, bolterrors.ErrTimeout) || errors.Is(err, errReplaced) {
		return &journal.Failure{Code: journal.FlashBusy, Asked: f.path, Because: "one process has a phone on", Err: err,
			What: "this phone is on in another process",
			Fix:  "switch that one off, or give this one another state directory"}
	}
	fix := "put back a copy, or move the file away: the phone starts as new, " +
		"and downloaded roots arrive again from Active Directory"
	switch {
	case code == journal.FlashFailed:
		fix = "make room on the disk, allow this user to write the folder and its files, or give another state directory"
	case errors.Is(err, errDangling):
		fix = "put back the file that the link names, or remove the link: the phone starts as new then"
	}
	return &journal.Failure{Code: code, Asked: f.path, Err: err, What: "the phone's file " + f.path + " " + what,
		Because: "the phone has the old state or the new one, never half", Fix: fix}
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
