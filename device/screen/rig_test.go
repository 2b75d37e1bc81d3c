package screen_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stopped{m}) }

// stopped ends the clock of the rules' time-outs, which ends by itself a second
// later.
type stopped struct{ *testing.M }

func (m stopped) Run() int {
	code := m.M.Run()
	regexp2.StopTimeoutClock()
	return code
}

// rig is a phone before its screen, and the lab that it can be plugged into.
type rig struct {
	*screen.Screen
	t       testing.TB
	phone   *device.Phone
	lab     *lab.Lab
	time    *clock.Adjustable // of phone and screen
	creds   device.Credentials
	changes chan struct{} // one token: the View is another
}

// setup changes what newRig makes; what is nil stays as it is.
type setup struct {
	lab    func(*lab.Deployment)
	phone  func(*device.Config)
	screen func(*screen.Options, device.Credentials)
	time   *clock.Adjustable // nil: one that runs
}

// newRig makes a phone that is off and unplugged, with its screen.
func newRig(t testing.TB, s setup) *rig {
	t.Helper()
	d := lab.Contoso()
	if s.lab != nil {
		s.lab(&d)
	}
	world, err := lab.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	fw, err := device.FirmwareNamed("1.0.522.71")
	if err != nil {
		t.Fatal(err)
	}
	if s.time == nil {
		s.time = clock.New(time.Now())
	}
	cfg := device.Config{Firmware: fw, RootSet: "none", Clock: s.time, NTP: true, Budget: time.Hour}
	if s.phone != nil {
		s.phone(&cfg)
	}
	phone, err := device.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phone.Close() })
	u := world.Ready().Users[0]
	r := &rig{t: t, phone: phone, lab: world, time: s.time, changes: make(chan struct{}, 1),
		creds: device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}}
	opt := screen.Options{Clock: s.time, Location: time.UTC}
	if s.screen != nil {
		s.screen(&opt, r.creds)
	}
	if r.Screen, err = screen.New(phone, opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	r.Watch(func() {
		select {
		case r.changes <- struct{}{}:
		default:
		}
	})
	return r
}

// until waits for a View that is good.
func (r *rig) until(what string, good func(view.View) bool) view.View {
	r.t.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for {
		if v := r.View(); good(v) {
			return v
		}
		select {
		case <-r.changes:
		case <-limit.C:
			r.t.Fatalf("waited for %s; the phone shows\n%s", what, shown(r.View()))
		}
	}
}

// page waits for a page.
func (r *rig) page(id string) view.View {
	r.t.Helper()
	return r.until("page "+id, func(v view.View) bool { return v.Page.ID == id && v.Dialog == nil })
}

// dialog waits for a dialog.
func (r *rig) dialog(id string) view.View {
	r.t.Helper()
	return r.until("dialog "+id, func(v view.View) bool { return v.Dialog != nil && v.Dialog.ID == id })
}

// on powers the phone on, inside.
func (r *rig) on() *rig {
	r.phone.PowerOn()
	r.phone.Plug(r.lab.Inside().Place)
	return r
}

// home signs the lab's first user in by the form.
func (r *rig) home() *rig {
	r.t.Helper()
	r.on()
	r.page("signin")
	r.Fill(r.creds)
	r.Tap("sign-in")
	r.page("home")
	r.until("the phone to be ready", func(view.View) bool { return r.phone.Snapshot().State == device.Ready })
	return r
}

// taps taps what must be there, one after the other.
func (r *rig) taps(ids ...string) {
	r.t.Helper()
	for _, id := range ids {
		r.until("control "+id, func(v view.View) bool {
			p := v.Page
			if v.Dialog != nil {
				p = *v.Dialog
			}
			c, ok := find(p, id)
			return ok && !c.Off || id == "back" && p.Back
		})
		r.Tap(id)
	}
}

// controls are all that a page shows, rows and soft keys too.
func controls(p view.Page) []view.Control {
	all := append([]view.Control(nil), p.Controls...)
	if p.List != nil {
		for i := range p.List.Len {
			all = append(all, p.List.Row(i))
		}
	}
	return append(all, p.Nav...)
}

func find(p view.Page, id string) (view.Control, bool) {
	for _, c := range controls(p) {
		if c.ID == id {
			return c, true
		}
	}
	return view.Control{}, false
}

// text is everything that a page says.
func text(p view.Page) string {
	var b strings.Builder
	b.WriteString(p.Title + "\n")
	for _, c := range controls(p) {
		b.WriteString(strings.Join([]string{c.ID + ":", c.Text, c.Second, c.Value, c.Badge}, " | ") + "\n")
	}
	if p.List != nil && p.List.Len == 0 {
		b.WriteString(p.List.Empty + "\n")
	}
	return b.String()
}

func shown(v view.View) string {
	s := v.Page.ID + " " + text(v.Page)
	if v.Dialog != nil {
		s += "dialog " + v.Dialog.ID + " " + text(*v.Dialog)
	}
	return s
}

// want fails unless the page says all of it.
func want(t testing.TB, p view.Page, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text(p), part) {
			t.Errorf("page %s does not say %q:\n%s", p.ID, part, text(p))
		}
	}
}

// holdPool has the pool answer nothing until hold is closed.
func (r *rig) holdPool(hold <-chan struct{}) {
	f := r.lab.Pool.Faults()
	f.Hold = func(*sip.Request) { <-hold }
	r.lab.Pool.SetFaults(f)
}
