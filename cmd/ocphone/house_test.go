package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "github.com/ocphone/ocphone"

// open rooms may be imported by every other one (docs/architecture.md#who-may-import-whom).
var open = []string{"device/boundedfile", "device/boundedxml", "device/clock", "device/journal", "device/ntlm", "device/ntlm/ntlmhttp", "device/ntlm/spnego"}

// leaf rooms, whose world comes in as small interfaces.
var leaf = []string{"certstore", "certstore/adroots", "provisioning", "provisioning/dialplan", "provisioning/roaming", "provisioning/update", "ews", "ews/autodiscover"}

// mayImport lists, beside the open rooms, what each room may import of this
// project. A room that is missing here may import open rooms only; one that
// ends in /... stands for all below it.
var mayImport = map[string][]string{
	"device/boundedfile":   {"device/journal"},
	"certstore/adroots":    {"certstore"},
	"provisioning":         {"certstore", "provisioning/dialplan"},
	"provisioning/update":  {"certstore"},
	"ews":                  {"certstore", "ews/autodiscover"},
	"ews/autodiscover":     {"certstore"},
	"device/ntlm/ntlmhttp": {"device/ntlm"},
	"device/ntlm/spnego":   {"device/ntlm"},
	"device/sipwire":       {"device/ntlm"},
	"device/sipua":         {"device/sipwire"},
	"device":               append([]string{"device/network", "device/sipua", "device/media", "device/flash", "device/trust"}, leaf...),
	"device/trust":         {"certstore"},
	"device/peer":          {"device/network"},
	"device/screen":        {"device", "device/screen/view", "ews"}, // the items that a Snapshot has
	"device/screen/view":   {},
	"device/setup":         {"device", "device/network", "device/flash", "certstore", "device/lab"},
	"device/check":         {"device", "device/network", "device/flash", "device/trust", "certstore", "certstore/adroots"},
	"device/script":        {"device", "device/screen", "device/screen/view", "device/setup", "device/lab"},
	"device/control":       {"device", "device/screen"},
	"device/lab/labtest":   {"device", "device/lab", "device/setup"},
	"device/lab":           {"device/lab/...", "device/network", "certstore", "provisioning", "provisioning/dialplan"},
	"device/lab/...":       {"device/lab/...", "device/sipwire", "device/media", "device/network", "certstore", "certstore/adroots", "provisioning", "provisioning/dialplan", "provisioning/roaming", "provisioning/update", "ews", "ews/autodiscover"},
	"ui":                   {"device/screen/view", "ui/art", "ui/locale"},
	"ui/labpanel":          {"ui"},
	"cmd/ocphone":          {"..."},
	"cmd/ocphone/...":      {"..."},
	"cmd/ocphone-desktop":  {"..."},
	// ui and its Fyne are not for ocphone.
	"cmd/ocphone-screenshot": {"cmd/ocphone/screenshot", "device/screen/view", "ui", "ui/locale"},
}

// onlyIn names the rooms in which a protocol library may appear
// (docs/architecture.md#who-may-import-whom).
var onlyIn = map[string][]string{
	"github.com/emiago/sipgo":    {"device/sipwire", "device/sipua", "device/lab/pool", "device/lab/gateway"},
	"github.com/pion/":           {"device/media"},
	"github.com/miekg/dns":       {"device/network", "device/lab/dns"},
	"github.com/go-ldap/ldap":    {"certstore/adroots", "device/lab/ad"},
	"github.com/go-asn1-ber/":    {"certstore/adroots", "device/lab/ad"},
	"github.com/dlclark/regexp2": {"provisioning/dialplan"},
	"go.etcd.io/bbolt":           {"device/flash"},
	"github.com/beevik/ntp":      {"device/network"},
	"github.com/gen2brain/malgo": {"cmd/ocphone-desktop"},
	"fyne.io/":                   {"ui", "ui/labpanel", "cmd/ocphone-desktop"},
	"github.com/spf13/":          {"cmd/ocphone", "cmd/ocphone/screenshot", "cmd/ocphone-desktop", "device/setup"},
	"github.com/icholy/digest":   {"device/sipua", "device/lab/pool"},
	"testing":                    {"device/peer", "device/lab/labtest"},
}

func TestImportsFollowTheDesign(t *testing.T) {
	eachGoFile(t, func(t *testing.T, file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			return
		}
		room := path.Dir(file)
		for _, spec := range f.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			if other, ours := strings.CutPrefix(imp, module+"/"); ours {
				if !allowed(room, other) {
					t.Errorf("%s: %s may not import %s", file, room, other)
				}
				continue
			}
			for lib, rooms := range onlyIn {
				if (imp == lib || lib != "testing" && strings.HasPrefix(imp, lib)) && !slices.Contains(rooms, room) {
					t.Errorf("%s: %s belongs to %v", file, imp, rooms)
				}
			}
		}
	})
}

// TestOcphoneHasNoWindowSystem: Fyne and its fonts would double its size and the time
// of its start (docs/decisions.md#screen-and-view-are-apart).
func TestOcphoneHasNoWindowSystem(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	out, err := list.Output()
	if err != nil || !strings.Contains(string(out), "spf13/cobra") {
		t.Fatalf("%v\n%s", err, out)
	}
	for dep := range strings.Lines(string(out)) {
		if dep = strings.TrimSpace(dep); strings.HasPrefix(dep, "fyne.io/") || strings.HasPrefix(dep, module+"/ui") {
			t.Errorf("cmd/ocphone imports %s", dep)
		}
	}
}

func allowed(room, other string) bool {
	if slices.Contains(open, other) && !slices.Contains(open, room) {
		return true
	}
	rules, ok := mayImport[room]
	for at := room; !ok && at != "."; at = path.Dir(at) {
		rules, ok = mayImport[at+"/..."]
	}
	return slices.ContainsFunc(rules, func(r string) bool {
		under, all := strings.CutSuffix(r, "...")
		return r == other || all && strings.HasPrefix(other, under)
	})
}

// TestVerificationIsNeverOff allows the one place of docs/decisions.md#firmware-profiles.
func TestVerificationIsNeverOff(t *testing.T) {
	needle := "InsecureSkip" + "Verify: true"
	var found []string
	eachGoFile(t, func(t *testing.T, file string) {
		b, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(strings.Join(strings.Fields(string(b)), " "), needle) {
			found = append(found, path.Dir(file))
		}
	})
	if !slices.Equal(found, []string{"certstore"}) {
		t.Errorf("certificate verification is switched off in %v, want certstore alone", found)
	}
}

// TestLinesOfProductCodeAreShort: a line that is longer becomes one field or
// argument a line.
func TestLinesOfProductCodeAreShort(t *testing.T) {
	const most = 120 // characters, a tab counts as one
	eachGoFile(t, func(t *testing.T, file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		b, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Error(err)
		}
		n := 0
		for line := range strings.Lines(string(b)) {
			if n++; utf8.RuneCountInString(strings.TrimRight(line, "\r\n")) > most {
				t.Errorf("%s:%d has more than %d characters", file, n, most)
			}
		}
	})
}

func TestTopLevelIsTheDesignsOwn(t *testing.T) {
	want := []string{"cmd", "certstore", "provisioning", "ews", "device", "ui", "docs", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "Makefile", "go.mod", "go.sum", "LICENSE"}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(want, name) && !ignored(name) {
			t.Errorf("%s does not belong to the top level", name)
		}
	}
}

// ignored are the build products of .gitignore.
func ignored(name string) bool {
	return name == "ocphone" || name == "ocphone-desktop" || name == "ocphone-screenshot" || name == "dist" || slices.Contains([]string{".test", ".out", ".prof"}, path.Ext(name))
}

const root = "../.."

func eachGoFile(t *testing.T, f func(t *testing.T, file string)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && len(p) > 1 && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(p, ".go") {
			f(t, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// calls lists the calls of pkg.Name in the product code of a file.
func calls(t *testing.T, file string, names ...string) (found []string) {
	t.Helper()
	if strings.HasSuffix(file, "_test.go") {
		return nil
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, filepath.Join(root, file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return nil
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && slices.Contains(names, x.Name+"."+s.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: %s.%s", set.Position(n.Pos()), x.Name, s.Sel.Name))
			}
		}
		return true
	})
	return found
}

// TestFilesOfAUserAreReadInOnePlace: device/boundedfile bounds them
// (docs/decisions.md#one-way-in-one-way-out).
func TestFilesOfAUserAreReadInOnePlace(t *testing.T) {
	allowed := []string{"device/boundedfile", "device/flash", "device/peer"} // flash opens its own file, peer is of the tests
	seen := 0
	eachGoFile(t, func(t *testing.T, file string) {
		found := calls(t, file, "os.ReadFile", "os.Open", "os.OpenInRoot", "ioutil.ReadFile", "tls.LoadX509KeyPair")
		if seen += len(found); !slices.Contains(allowed, path.Dir(file)) {
			for _, call := range found {
				t.Errorf("%s: read it by device/boundedfile", call)
			}
		}
	})
	if seen == 0 {
		t.Error("no call was found")
	}
}

// TestStartedProgramsDoNotGetThePassword: it is in the environment of this process
// (docs/decisions.md#secrets).
func TestStartedProgramsDoNotGetThePassword(t *testing.T) {
	seen := 0
	eachGoFile(t, func(t *testing.T, file string) {
		started := calls(t, file, "exec.Command", "exec.CommandContext", "os.StartProcess", "syscall.Exec")
		if path.Dir(file) == "device/peer" { // of the tests
			return
		}
		if seen += len(started); len(started) != len(calls(t, file, "setup.Environ")) {
			t.Errorf("%q: set Env of each to setup.Environ()", started)
		}
	})
	if seen == 0 {
		t.Error("no program is started")
	}
}
