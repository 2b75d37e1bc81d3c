package screen_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

func pseudo(o *screen.Options, c device.Credentials) { o.Lang = screen.Pseudo }

// TestTapStorm lets eight people tap everything at once, while the cable comes
// and goes.
func TestTapStorm(t *testing.T) {
	r := newRig(t, setup{screen: func(o *screen.Options, c device.Credentials) { o.Suggest = c }}).home()
	keys := []view.Key{view.Key1, view.Key0, view.KeyStar, view.KeyDelete, view.KeyEnter, view.KeyTab, view.KeyUp, view.KeyHome, view.KeyVolumeUp, view.KeyCall, view.KeyEnd}
	var people sync.WaitGroup
	for seed := range uint64(8) {
		people.Go(func() {
			dice := rand.New(rand.NewPCG(seed, 1))
			for range 150 {
				v := r.View()
				if v.Page.ID == "lock" || v.Page.ID == "pin" {
					r.Press(view.Key1)
				}
				p := v.Page
				if v.Dialog != nil {
					p = *v.Dialog
				}
				switch all := controls(p); dice.IntN(8) {
				case 0:
					r.Press(keys[dice.IntN(len(keys))])
				case 1:
					r.Type("5ä🙂\x00\n")
				case 2:
					r.Tap("back")
				case 3:
					r.Hold("nothing")
				default:
					if len(all) > 0 {
						r.Tap(all[dice.IntN(len(all))].ID)
					}
				}
			}
		})
	}
	people.Go(func() {
		for i := range 10 {
			if i%2 == 0 {
				r.phone.Unplug()
			} else {
				r.phone.Plug(r.lab.Inside().Place)
			}
			r.Poke(true)
			r.Poke(false)
			r.Lift(i%2 == 0)
		}
	})
	people.Wait()
	v := r.View()
	if v.On {
		check(t, v.Page)
	}
}

func TestWindowThatClosesDuringASignIn(t *testing.T) {
	r := newRig(t, setup{})
	hold := make(chan struct{})
	r.holdPool(hold)
	r.on()
	r.page("signin")
	r.Fill(r.creds)
	r.Tap("sign-in")
	r.page("signing-in")
	r.Tap("cancel") // background work is under way, too
	r.Close()
	r.Close()
	seq := r.View().Seq
	close(hold)
	r.phone.PowerOff()
	r.Tap("sign-in")
	r.Type("x")
	r.Press(view.KeyHome)
	r.Poke(true)
	if v := r.View(); v.Seq != seq {
		t.Error("a closed screen goes on")
	}
	if err := r.Open("settings"); err == nil {
		t.Error("a closed screen opens pages")
	}
}

func TestStoppedWatcherIsNotCalled(t *testing.T) {
	r := newRig(t, setup{}).on()
	r.page("signin")
	heard := 0
	var mu sync.Mutex
	stop := r.Watch(func() { mu.Lock(); heard++; mu.Unlock() })
	r.Type("a")
	stop()
	mu.Lock()
	before := heard
	mu.Unlock()
	r.Type("b")
	mu.Lock()
	defer mu.Unlock()
	if before == 0 || heard != before {
		t.Errorf("heard %d, then %d", before, heard)
	}
}
