// Package boundedfile reads the files that a user names: passwords, certificates, the
// ready file of a lab, dial plans. It follows
// docs/decisions.md#one-way-in-one-way-out: a name may lead to an endless file, a
// device or a pipe that never ends, so a read has a limit and can be interrupted. It
// also writes the file of --out, which replaces nothing unless that is allowed.
//
//	var plans = boundedfile.Kind{Name: "a dial plan", Limit: 16 << 20}
//	b, err := plans.Read(ctx, name)
//
// No other package of the product opens a file for reading by a name that a user
// gave.
package boundedfile

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/ocphone/ocphone/device/journal"
)

// Kind is a kind of file.
type Kind struct {
	Name  string // with its article, for messages: "a ready file"
	Limit int64  // the largest file that is read, in bytes
	// Kept: its name is kept, and the file is read again later. A pipe is refused
	// then.
	Kept bool
}

// Read returns the content of a file: a regular file or a pipe, such as /dev/stdin or
// the <(command) of a shell. It returns when ctx ends, with the error of ctx. Other
// errors are *journal.Failure with code usage.
func (k Kind) Read(ctx context.Context, name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, k.unreadable(name, err)
	}
	if err := k.accepts(name, info); err != nil {
		return nil, err
	}
	return interruptible(ctx, func() ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, k.unreadable(name, err)
		}
		defer f.Close()
		return k.read(f, name)
	})
}

// ReadOpen is Read for an open file, such as the standard input, which may be a
// terminal too. name is for messages.
func (k Kind) ReadOpen(ctx context.Context, f *os.File, name string) ([]byte, error) {
	return interruptible(ctx, func() ([]byte, error) { return k.read(f, name) })
}

func (k Kind) accepts(name string, info fs.FileInfo) error {
	f := &journal.Failure{Code: journal.Usage, Asked: name, Fix: fmt.Sprintf("name %s.", k.Name)}
	switch mode := info.Mode(); {
	case mode.IsRegular() && info.Size() > k.Limit:
		return k.tooLong(name)
	case mode.IsRegular():
		return nil
	case mode&fs.ModeNamedPipe != 0 && !k.Kept:
		return nil
	case mode&fs.ModeNamedPipe != 0:
		f.What = fmt.Sprintf("%s is a pipe, and %s is read again at each start", name, k.Name)
		f.Fix = "write it to a file that stays in its place, and name that file."
	case mode.IsDir():
		f.What = name + " is a folder, not a file"
	default:
		f.What = fmt.Sprintf("%s is a device, and %s is read from a regular file or a pipe", name, k.Name)
	}
	return f
}

func (k Kind) read(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, k.Limit+1))
	switch {
	case err != nil:
		return nil, k.unreadable(name, err)
	case int64(len(b)) > k.Limit:
		return nil, k.tooLong(name)
	}
	return b, nil
}

func (k Kind) tooLong(name string) error {
	size, unit := k.Limit>>20, "MiB"
	if size == 0 {
		size, unit = k.Limit>>10, "KiB"
	}
	return &journal.Failure{Code: journal.Usage, Asked: name, Because: "limit of ocphone",
		What: fmt.Sprintf("%s is longer than %d %s, the limit for %s", name, size, unit, k.Name),
		Fix:  fmt.Sprintf("name %s, or make this one shorter.", k.Name)}
}

func (k Kind) unreadable(name string, err error) error {
	return &journal.Failure{Code: journal.Usage, Asked: name, Err: err, What: "the file cannot be read",
		Fix: fmt.Sprintf("name %s that exists and that this user may read.", k.Name)}
}

// interruptible returns what read returns, or when ctx ends. The goroutine of a pipe
// that delivers nothing ends with the pipe.
func interruptible(ctx context.Context, read func() ([]byte, error)) (b []byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	var got []byte
	var failed error
	go func() {
		defer close(done)
		got, failed = read()
	}()
	select {
	case <-done:
		return got, failed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
