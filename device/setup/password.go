package setup

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device/boundedfile"
	"github.com/ocphone/ocphone/device/journal"
)

// Prompt asks a person for a password. It returns when ctx ends.
type Prompt func(ctx context.Context) (string, error)

// ErrNoPassword is returned when no source has a password and nobody can be
// asked for it.
var ErrNoPassword error = &journal.Failure{Code: journal.Usage,
	What: "no password: give --password-file FILE, set OCPHONE_PASSWORD, or run in a terminal to be asked"}

// maxPassword bounds a password, in bytes; Windows allows 127 characters.
const maxPassword = 1024

// PasswordVariable is the environment variable that may hold the password.
const PasswordVariable = "OCPHONE_PASSWORD"

// Environ is the environment of this process without the password, for the programs
// that it starts (docs/decisions.md#secrets).
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.EqualFold(name, PasswordVariable) // Windows does not distinguish case
	})
}

// Password takes the password from a safe place, never from an argument
// (docs/decisions.md#secrets): PasswordFile, the environment, known (which a lab
// publishes), prompt. The error is ErrNoPassword if all of them are empty.
func (o *Options) Password(ctx context.Context, known string, prompt Prompt) (string, error) {
	if o.PasswordFile != "" {
		return firstLine(ctx, o.PasswordFile)
	}
	if p := os.Getenv(PasswordVariable); p != "" {
		return p, nil
	}
	switch {
	case known != "":
		return known, nil
	case prompt == nil:
		return "", ErrNoPassword
	}
	return prompt(ctx)
}

// passwordFile may hold more than the password, such as the notes of a password store.
var passwordFile = boundedfile.Kind{Name: "a file whose first line is the password", Limit: 64 << 10}

func firstLine(ctx context.Context, file string) (string, error) {
	b, err := passwordFile.Read(ctx, file)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 || len(line) > maxPassword {
		return "", journal.Usagef("--password-file %s: its first line is no password, which has 1 to %d bytes", file,
			maxPassword)
	}
	return string(line), nil
}
