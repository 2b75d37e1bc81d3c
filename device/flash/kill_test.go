package flash_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/flash"
)

// childDir names the environment variable that turns the test binary into a
// phone that updates its flash until it is killed.
const childDir = "FLASH_TEST_CHILD_DIR"

// bulk makes a value of many pages, another size each time.
func bulk(i int) string { return strings.Repeat(strconv.Itoa(i)+" ", 1+i*i%4000) }

func updateForEver(dir string) {
	fmt.Println("0") // before the file is there
	f, err := flash.Open(dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	last, _ := f.Get("serial")
	i, _ := strconv.Atoi(string(last))
	for {
		i++
		update := f.Update
		if i%3 == 0 {
			update = f.Erase
		}
		if err := update(func(put putFunc, del delFunc) error {
			put("serial", []byte(strconv.Itoa(i)))
			put("roots", []byte(bulk(i)))
			put("root "+strconv.Itoa(i), nil)
			del("root " + strconv.Itoa(i-1))
			return nil
		}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(i) // update i is durable
	}
}

func TestAfterAKillTheOldOrTheNewStateIsComplete(t *testing.T) { // docs/decisions.md#the-store-is-a-value
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const kills = 20
	dir, durable := "", 0
	for kill := range kills {
		if kill%4 == 0 {
			dir, durable = t.TempDir(), 0 // the first start is a moment like any other
		}
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		read := func() bool {
			if !lines.Scan() {
				return false
			}
			if i, err := strconv.Atoi(lines.Text()); err != nil {
				t.Errorf("the child says %q", lines.Text())
			} else if i > 0 {
				durable = i
			}
			return true
		}
		for range 1 + kill%4*3 {
			read()
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for read() { // output from before the signal
		}
		cmd.Wait()

		f, err := flash.Open(dir)
		if err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
		serial, _ := f.Get("serial")
		got, _ := strconv.Atoi(string(serial))
		if got != durable && got != durable+1 {
			t.Errorf("kill %d: serial %d, but %d was durable", kill, got, durable)
		}
		durable = got
		if got != 0 {
			wantValue(t, f, "roots", bulk(got))
			wantValue(t, f, "root "+strconv.Itoa(got), "")
			if old, _ := f.Get("root " + strconv.Itoa(got-1)); old != nil {
				t.Errorf("kill %d: half an update: root %d is still there", kill, got-1)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
