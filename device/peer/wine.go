//go:build realpeers && linux

package peer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Wine runs this project's programs for Windows. Debian 12 has wine 8, which lacks
// three things that Go's standard library needs: each is put in its place for the
// tests alone. A release is built without them.
type Wine struct {
	Env []string // of programs that run in it

	// For go build and go test: the changed files of the standard library.
	forPrograms, forTests string
}

// bcryptprimitives is the library from which Go takes its random numbers.
const bcryptprimitives = `#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T n) { return RtlGenRandom(buffer, (ULONG)n); }
`

// change is one to a file of the standard library.
type change struct{ file, from, to string }

// Wine refuses SIO_UDP_CONNRESET and SIO_UDP_NETRESET, which only suppress reports of
// closed ports.
var udpReports = change{"net/fd_windows.go", `return wrapSyscallError("wsaioctl", err)`, "_ = err"}

// Wine cannot delete a file in the way of POSIX, and the code by which it refuses is
// none of those for which os.RemoveAll has a fallback.
var removeAll = change{"internal/syscall/windows/at_windows.go", "var TestDeleteatFallback bool",
	"var TestDeleteatFallback = true"}

// Times, in real time, on a computer that is busy.
const (
	wineBoot  = 3 * time.Minute
	wineBuild = 30 * time.Minute
)

// NewWine makes a Windows of its own, which ends with the test. env is added to the
// environment of its programs.
func NewWine(t testing.TB, env ...string) *Wine {
	t.Helper()
	Need(t, "wine wine64", "wine", "wineboot", "wineserver")
	Need(t, "gcc-mingw-w64-x86-64-win32", "x86_64-w64-mingw32-gcc")
	dir := Dir(t)
	w := &Wine{Env: append([]string{
		"WINEPREFIX=" + filepath.Join(dir, "wine"),
		"WINEDEBUG=-all",
		"WINEDLLOVERRIDES=mscoree,mshtml=", // neither .NET nor a browser
	}, env...)}
	w.forPrograms, w.forTests = overlay(t, dir, udpReports), overlay(t, dir, udpReports, removeAll)
	t.Cleanup(func() { w.command("", time.Minute).Run(t, "wineserver", "-k", "-w") })
	w.command("", wineBoot).Output(t, "wineboot", "-i")
	library := filepath.Join(dir, "wine/drive_c/windows/system32/bcryptprimitives.dll")
	source := Write(t, dir, "bcryptprimitives.c", bcryptprimitives)
	Output(t, "x86_64-w64-mingw32-gcc", "-shared", "-o", library, source, "-ladvapi32")
	return w
}

// overlay writes the changed files to dir, and the JSON that leads to them.
func overlay(t testing.TB, dir string, changes ...change) string {
	t.Helper()
	source := filepath.Join(strings.TrimSpace(Output(t, "go", "env", "GOROOT")), "src")
	var files struct{ Replace map[string]string }
	files.Replace = map[string]string{}
	for _, o := range changes {
		path := filepath.Join(source, o.file)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), o.from) {
			t.Fatalf("%s of this version of Go has no %q: adapt this change of device/peer, or remove it", path, o.from)
		}
		files.Replace[path] = Write(t, dir, filepath.Base(path), strings.ReplaceAll(string(b), o.from, o.to))
	}
	b, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	return Write(t, dir, fmt.Sprintf("overlay%d.json", len(changes)), string(b))
}

func (w *Wine) command(dir string, limit time.Duration, env ...string) Command {
	return Command{Dir: dir, Env: append(env, w.Env...), Limit: limit}
}

// Build builds a main package for Windows, with env and the flags args, to program.
func (w *Wine) Build(t testing.TB, env []string, program string, args ...string) {
	t.Helper()
	c := w.command("", wineBuild, append(env, "GOOS=windows", "GOARCH=amd64")...)
	c.Output(t, "go", append([]string{"build", "-overlay", w.forPrograms, "-o", program}, args...)...)
}

// Test runs `go test` with args in dir: what is built for Windows runs in w. It
// returns the output and the exit code.
func (w *Wine) Test(t testing.TB, dir string, args ...string) (output string, code int) {
	t.Helper()
	c := w.command(dir, wineBuild, "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	return c.Run(t, "go", append([]string{"test", "-vet=off", "-overlay", w.forTests, "-exec", "wine"}, args...)...)
}

// Command has the settings to run a program in w, by `wine PROGRAM ARGS…`, in dir.
func (w *Wine) Command(dir string) Command { return w.command(dir, wineBoot) }
