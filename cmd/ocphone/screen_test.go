package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
)

// TestLastPageIsThatOfTheLastState: whatever the phone has become is shown
// before the pages end.
func TestLastPageIsThatOfTheLastState(t *testing.T) {
	world, err := lab.New(lab.ContosoToday())
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	u := world.Ready().Users[0]
	firmware, err := device.FirmwareNamed("today")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		at   lab.Attachment
		last []string
	}{
		{"inside", world.Inside(), []string{"== home\n", "voice:2", "2 new messages", "Kerry Miller"}},
		{"outside", world.Outside(), []string{"== failure\n", "{details}"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			time := clock.New(time.Now())
			phone, err := device.New(device.Config{Firmware: firmware, RootSet: "none", Clock: time, Budget: 99 * device.DefaultBudget})
			if err != nil {
				t.Fatal(err)
			}
			defer phone.Close()
			var out bytes.Buffer // read when the pages have ended
			p, err := newPages(phone, &out, false, "", time)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			phone.PowerOn()
			phone.Plug(row.at.Place)
			phone.SignIn(device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password})
			_, err = phone.Wait(ctx, func(s device.Snapshot) bool {
				return s.State == device.Ready || s.State == device.Failed
			})
			p.close()
			if err != nil {
				t.Fatal(err)
			}
			all := "\n" + out.String()
			last := all[strings.LastIndex(all, "\n== ")+1:]
			for _, part := range row.last {
				if !strings.Contains(last, part) {
					t.Errorf("no %q in the last page:\n%s", part, last)
				}
			}
			if strings.Contains(all, u.Password) || strings.Contains(all, "(off)\n-") {
				t.Errorf("%s", all)
			}
			if strings.Contains(all, clearScreen) {
				t.Error("a file was cleared like a terminal")
			}
			phone.PowerOff()
			if more := "\n" + out.String(); more != all {
				t.Error("it is shown what came after the end")
			}
		})
	}
}

// TestPagesOfAStormAreShownInOrder: whoever tells of changes, no View is shown
// after a later one.
func TestPagesOfAStormAreShownInOrder(t *testing.T) {
	phone, err := device.New(device.Config{RootSet: "none"})
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	phone.PowerOn()
	var out bytes.Buffer
	p, err := newPages(phone, &out, true, "en", clock.System)
	if err != nil {
		t.Fatal(err)
	}
	var hands sync.WaitGroup
	for range 8 {
		hands.Go(func() {
			for range 100 {
				p.screen.Open("settings")
				p.screen.Open("system")
				p.changed()
			}
		})
	}
	hands.Wait()
	p.screen.Open("sound")
	p.close()
	pages := strings.Split(out.String(), clearScreen)
	if last := pages[len(pages)-1]; pages[0] != "" || !strings.Contains(last, "< Volumes") {
		t.Errorf("the last of %d pages:\n%s", len(pages), last)
	}
	for i := 1; i < len(pages); i++ {
		if pages[i] == pages[i-1] {
			t.Error("the same page was shown twice")
		}
	}
}

func TestNoPagesCloseToo(t *testing.T) {
	var p *pages
	p.close()
}
