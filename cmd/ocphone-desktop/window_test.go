//go:build desktoptest

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is needed to use the program as a person does: a display in memory
// (Xvfb), hands (xdotool) and eyes (ImageMagick). `make desktop-test` sees to
// them. Where things are, and when something has come about, is read from the
// file of --follow; nothing waits for a length of time.

// quick are the build tags with which a cold build takes half a minute.
const quick = "gles,x11,migrated_fynedo"

// patience bounds every wait.
const patience = 2 * time.Minute

var program string // the built ocphone-desktop

func TestMain(m *testing.M) {
	os.Exit(func() int {
		if program, _ = filepath.Abs(os.Getenv("OCPHONE_DESKTOP")); os.Getenv("OCPHONE_DESKTOP") == "" {
			dir, err := os.MkdirTemp("", "ocphone-desktop")
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			defer os.RemoveAll(dir)
			program = filepath.Join(dir, "ocphone-desktop")
			build := exec.Command("go", "build", "-tags", quick, "-o", program, ".")
			build.Env = append(os.Environ(), "CGO_ENABLED=1")
			if out, err := build.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
				return 1
			}
		}
		return m.Run()
	}())
}

// display starts an X server of its own, and gives its name.
func display(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	server := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "2100x1600x24", "-nolisten", "tcp")
	server.ExtraFiles = []*os.File{w}
	err = server.Start()
	w.Close()
	if err != nil {
		t.Fatalf("there is no Xvfb: make desktop-deps installs it (%v)", err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		server.Wait()
	})
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("Xvfb named no display: %v", err)
	}
	return ":" + strings.TrimSpace(number)
}

// seen is a line of --follow, as far as a test asks for it.
type seen struct {
	View struct {
		On     bool
		Page   page
		Dialog *page
		Hook   bool
		Hole   struct {
			Clip     bool
			Left, Of time.Duration
		}
	}
	Phone struct {
		State, Place, Server, Code string
		Remote                     bool
		Roots, Fetched             int
	}
	Turned bool
	Story  []struct{ Done bool }
	Notice string // of the side panel
	Ready  string // the ready file of the lab in the window
	Ask    string // the question of the window
	Places map[string][4]int
}

type page struct {
	ID, Focus string
	Controls  []struct{ ID, Value string }
	List      *struct{ Rows []struct{ ID, Text string } }
}

// acts says how many acts of the story are done.
func (s seen) acts() (n int) {
	for _, a := range s.Story {
		if a.Done {
			n++
		}
	}
	return n
}

// value is what stands in a field.
func (s seen) value(id string) string {
	for _, c := range s.View.Page.Controls {
		if c.ID == id {
			return c.Value
		}
	}
	return ""
}

// person sits before a window of the program.
type person struct {
	t       *testing.T
	display string
	id      string // of the window
	cmd     *exec.Cmd
	ended   chan error
	log     *bytes.Buffer
	file    string
	dir     string // where the program runs
	lines   *bufio.Reader
	part    []byte // of a line that is being written
	now     seen
}

// sit starts the program with args and waits for its window.
func sit(t *testing.T, args ...string) *person {
	t.Helper()
	return sitAt(t, display(t), t.TempDir(), args...)
}

// sitAt is sit at a display that runs already, for a person whose preferences are kept
// in a folder.
func sitAt(t *testing.T, display, preferences string, args ...string) *person {
	t.Helper()
	p := &person{t: t, display: display, ended: make(chan error, 1), log: new(bytes.Buffer), dir: t.TempDir(), file: filepath.Join(t.TempDir(), "follow")}
	p.cmd = exec.Command(program, append(args, "--follow", p.file)...)
	// LANG=C: the program sees to it that nothing is said about that.
	p.cmd.Env = append(os.Environ(), "DISPLAY="+p.display, "WAYLAND_DISPLAY=", "FYNE_SCALE=1", "LANG=C", "LC_ALL=", "XDG_CACHE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+preferences, "HOME="+p.dir)
	p.cmd.Dir = p.dir
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.cmd.Process.Kill()
		}
	})
	p.id = p.do("search", "--sync", "--onlyvisible", "--name", "^ocphone$")
	p.open()
	return p
}

// open begins to read the file of --follow.
func (p *person) open() {
	p.t.Helper()
	f, err := os.Open(p.file)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { f.Close() })
	p.lines = bufio.NewReader(f)
	p.until("the window shows the phone", func(s seen) bool { return s.Places["turn"][2] > 0 && s.View.On })
}

// do runs xdotool and gives what it says.
func (p *person) do(args ...string) string {
	p.t.Helper()
	c := exec.Command("xdotool", args...)
	c.Env = append(os.Environ(), "DISPLAY="+p.display)
	out, err := c.CombinedOutput()
	if err != nil {
		p.t.Fatalf("xdotool %s: %v\n%s\nThe program says:\n%s", strings.Join(args, " "), err, out, p.log)
	}
	return strings.TrimSpace(string(out))
}

// until reads lines until one is good, from the present one on.
func (p *person) until(what string, good func(seen) bool) seen {
	p.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		for {
			if good(p.now) {
				return p.now
			}
			if !p.next() {
				break
			}
		}
		select {
		case <-tick.C:
		case err := <-p.ended:
			p.t.Fatalf("before %s the program ended: %v\n%s", what, err, p.log)
		case <-deadline:
			now, _ := json.Marshal(p.now)
			p.picture("failed")
			p.t.Fatalf("not in time: %s. The last line: %s\n%s", what, now, p.log)
		}
	}
}

// next reads a line, if a whole one is there.
func (p *person) next() bool {
	p.t.Helper()
	b, err := p.lines.ReadBytes('\n')
	p.part = append(p.part, b...)
	if err != nil {
		return false
	}
	p.now = seen{}
	if err := json.Unmarshal(p.part, &p.now); err != nil {
		p.t.Fatalf("a line of --follow: %v", err)
	}
	p.part = nil
	return true
}

// pointAt moves the pointer to the middle of a control, and waits until the
// window has seen it there: Fyne handles a move after the clicks that come in
// the same moment.
func (p *person) pointAt(id string) {
	p.t.Helper()
	p.look() // what has just changed is laid out by then
	for p.next() {
	}
	at := p.until(id+" is to be seen", func(s seen) bool { return s.Places[id][2] > 0 }).Places[id]
	p.do("mousemove", "--window", p.id, strconv.Itoa(at[0]+at[2]/2), strconv.Itoa(at[1]+at[3]/2))
	for range 2 {
		p.look()
	}
}

// look waits until the user interface has looked at the window once more.
func (p *person) look() {
	p.t.Helper()
	looked := func() time.Time {
		info, err := os.Stat(p.file)
		if err != nil {
			p.t.Fatal(err)
		}
		return info.ModTime()
	}
	// A line that is written in between counts as well, so the next look is one
	// that comes half of a beat later.
	const half = 50 * time.Millisecond
	before := looked()
	p.until("the window comes round to it", func(seen) bool { return looked().Sub(before) > half })
}

func (p *person) click(id string) {
	p.t.Helper()
	p.pointAt(id)
	p.do("click", "1")
}

func (p *person) key(name string)   { p.t.Helper(); p.do("key", name) }
func (p *person) write(text string) { p.t.Helper(); p.do("type", "--delay", "40", text) }

// resize gives the window a size, and waits until the phone fills it. A window
// that is opening gives itself the size that it began with, so it is told again.
func (p *person) resize(width, height int) {
	p.t.Helper()
	for range 20 {
		p.do("windowsize", p.id, strconv.Itoa(width), strconv.Itoa(height))
		for range 3 {
			p.look()
		}
		for p.next() {
		}
		if has := p.now.Places["phone"]; has[2] == width && has[3] == height {
			return
		}
	}
	p.t.Fatalf("the window does not become %d x %d: the phone has %v", width, height, p.now.Places["phone"])
}

// picture takes a screenshot of the window; where OCPHONE_PICTURES names a
// folder it is kept there under that name.
func (p *person) picture(name string) image.Image {
	p.t.Helper()
	for range 2 { // what has just changed is painted by then
		p.look()
	}
	file := filepath.Join(cmp.Or(os.Getenv("OCPHONE_PICTURES"), p.t.TempDir()), name+".png")
	c := exec.Command("import", "-window", p.id, "-strip", file)
	c.Env = append(os.Environ(), "DISPLAY="+p.display)
	if out, err := c.CombinedOutput(); err != nil {
		p.t.Fatalf("import: %v\n%s", err, out)
	}
	f, err := os.Open(file)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		p.t.Fatal(err)
	}
	return img
}

// painted counts the colours of a control in a picture, up to many.
func painted(img image.Image, at [4]int) int {
	colours := map[color.Color]bool{}
	for y := at[1]; y < at[1]+at[3]; y++ {
		for x := at[0]; x < at[0]+at[2]; x++ {
			colours[img.At(x, y)] = true
		}
	}
	return len(colours)
}

// leave ends the program as a session that ends does, and wants it to end well.
func (p *person) leave() {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.ends()
}

// ends waits until the program ends well.
func (p *person) ends() {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("the program ended with %v\n%s", err, p.log)
		}
	case <-time.After(patience):
		p.cmd.Process.Signal(syscall.SIGQUIT) // every goroutine says where it is
		p.t.Fatalf("the program does not end: %v\n%s", <-p.ended, p.log)
	}
	for line := range strings.Lines(p.log.String()) {
		for _, bad := range []string{"call thread", "panic", "DATA RACE", "locale", "fyne.Do"} {
			if strings.Contains(line, bad) {
				p.t.Errorf("the program says: %s", line)
			}
		}
	}
}

// neverSaid fails if text stands in what the program has written.
func (p *person) neverSaid(text string) {
	p.t.Helper()
	b, err := os.ReadFile(p.file)
	if err != nil && !errors.Is(err, io.EOF) {
		p.t.Fatal(err)
	}
	if bytes.Contains(b, []byte(text)) || strings.Contains(p.log.String(), text) {
		p.t.Error("the password stands in what the program has written")
	}
}
