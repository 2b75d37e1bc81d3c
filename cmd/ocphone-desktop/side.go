//go:build cgo

package main

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/script"
	"github.com/ocphone/ocphone/ui/labpanel"
)

// labControl carries out the buttons of the side panel, one after the other on its
// own goroutine, and shows the state of phone and lab on the panel.
type labControl struct {
	emulator *emulator
	requests chan func() (done string, err error)
	onUI     func(func())
	ask      func(question) // on Fyne's goroutine
	panel    *labpanel.Panel
	ctx      context.Context // ends with close
	cancel   context.CancelFunc
	ends     sync.WaitGroup

	showing  sync.Mutex // held from taking the facts until they are queued for the panel
	shown    labpanel.Facts
	mu       sync.Mutex
	progress script.Progress   // of the story
	faults   map[string]string // by the ID of a server: that of its fault
}

// maxRequests bounds the queued requests: more than a person presses while a
// certificate is made.
const maxRequests = 32

// lookInterval is how often the panel looks at the lab, which a shell changes too.
const lookInterval = 300 * time.Millisecond

// newLabControl makes the panel of the lab of s. Functions for Fyne's goroutine go
// to onUI; ask puts a question to the person.
func newLabControl(s *emulator, onUI func(func()), ask func(question), w labpanel.Window, shell shell) *labControl {
	d := &labControl{
		emulator: s,
		requests: make(chan func() (string, error), maxRequests),
		onUI:     onUI,
		ask:      ask,
		faults:   map[string]string{},
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.panel = labpanel.New(d, w, choices(s.world.Lab, shell), d.facts())
	return d
}

// start begins to follow the phone; call it when the user interface runs.
func (d *labControl) start() {
	d.refresh()
	d.ends.Go(d.followPhone)
	d.ends.Go(d.followLab)
	d.ends.Go(d.handleRequests)
}

// close ends the goroutines.
func (d *labControl) close() {
	d.cancel()
	d.ends.Wait()
}

// followPhone passes the steps of the phone on to the panel.
func (d *labControl) followPhone() {
	for cursor := uint64(0); ; {
		events, next, _, ok := d.emulator.phone.Events().Wait(d.ctx, cursor)
		if !ok {
			return
		}
		cursor = next
		var steps []journal.Step
		for _, e := range events {
			if e.Step != nil {
				steps = append(steps, *e.Step)
			}
		}
		d.emulator.world.Observe(steps...)
		d.onUI(func() { d.panel.Add(steps...) })
		d.refresh()
	}
}

// followLab shows what a shell or a server has changed in the lab.
func (d *labControl) followLab() {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-tick.C:
			d.refresh()
		}
	}
}

// handleRequests carries out requests.
func (d *labControl) handleRequests() {
	for {
		select {
		case <-d.ctx.Done():
			return
		case f := <-d.requests:
			done, err := f()
			d.refresh()
			d.onUI(func() {
				if d.panel.ShowDone(done); err != nil {
					d.panel.ShowProblem(err.Error())
				}
			})
		}
	}
}

// request queues f, which returns what to show when it is done.
func (d *labControl) request(f func() (string, error)) {
	select {
	case d.requests <- f:
	default: // too many taps: the request is dropped
	}
}

// refresh shows the current facts.
func (d *labControl) refresh() {
	d.showing.Lock() // so that older facts do not follow newer ones
	defer d.showing.Unlock()
	f := d.facts()
	if reflect.DeepEqual(f, d.shown) {
		return
	}
	d.shown = f
	d.onUI(func() { d.panel.Show(f) })
}

// facts are what phone and lab report now, and how far the story is.
func (d *labControl) facts() labpanel.Facts {
	d.mu.Lock()
	defer d.mu.Unlock()
	world := d.emulator.world
	now := world.Facts()
	d.progress.Follow(now)
	hint := d.progress.Next(now)
	f := labpanel.Facts{
		Place:         now.Place,
		SignedIn:      now.SignedIn,
		PoolPublished: now.Pool.Published,
		EdgePublished: now.Edge.Published,
		Time:          world.Lab.Clock.Now().Truncate(time.Minute), // it is shown by the day
		Accounts:      map[string]string{},
		Faults:        maps.Clone(d.faults),
		Certificates:  map[string]string{},
		Next:          hint.Text,
		Press:         string(hint.Button),
	}
	for server, defect := range world.Lab.Defects() {
		if f.Certificates[server] = string(defect); defect == lab.OtherCertificate {
			f.Certificates[server] = "set by a shell"
		}
	}
	for _, u := range world.Lab.Directory.Users() {
		f.Accounts[u.SAM] = accountState(u)
	}
	for _, p := range d.progress.Parts() {
		f.Story = append(f.Story, labpanel.Act(p))
	}
	snapshot := d.emulator.phone.Snapshot()
	if snapshot.Failure != nil {
		f.Failure = failureText(snapshot.Failure)
	}
	for _, r := range snapshot.Roots {
		root := labpanel.Root{Subject: r.Subject(), Source: r.Source.String(), Downloaded: r.Downloaded()}
		f.Trusted = append(f.Trusted, root)
	}
	return f
}

// Plug implements labpanel.Lab.
func (d *labControl) Plug(place string) {
	d.request(func() (string, error) {
		switch place {
		case labpanel.Inside:
			d.emulator.phone.Plug(d.emulator.world.Lab.Inside().Place)
		case labpanel.Outside:
			d.emulator.phone.Plug(d.emulator.world.Lab.Outside().Place)
		default:
			d.emulator.phone.Unplug()
		}
		return "", nil
	})
}

// Publish implements labpanel.Lab.
func (d *labControl) Publish(edge, on bool) {
	d.request(func() (string, error) {
		name, whose := lab.EnterpriseRoot, "pool's"
		if edge {
			name, whose = lab.PublicRoot, "Edge's"
		}
		if on {
			return "The " + whose + " root is published. A phone gets it when it searches AD: " +
				"only if what it trusts is not enough.", d.emulator.world.Lab.PublishRoot(name)
		}
		return "The " + whose + " root is withdrawn. A phone that has it keeps it.", d.emulator.world.Lab.WithdrawRoot(name)
	})
}

// SetCertificate implements labpanel.Lab.
func (d *labControl) SetCertificate(server, defect string) {
	d.request(func() (string, error) {
		done := "A good certificate again. " + toSee(server)
		if defect != "" {
			done = pki.Defect(defect).Description() + " " + toSee(server)
		}
		return done, d.emulator.world.Lab.SetDefect(server, pki.Defect(defect))
	})
}

// SetFault implements labpanel.Lab.
func (d *labControl) SetFault(server, id string) {
	d.request(func() (string, error) {
		f, err := faultNamed(server, id)
		if err != nil {
			return "", err
		}
		f.set(d.emulator.world.Lab)
		d.mu.Lock()
		if d.faults[server] = id; id == "" {
			delete(d.faults, server)
		}
		d.mu.Unlock()
		return f.text + ". " + toSee(server), nil
	})
}

// SetAccount implements labpanel.Lab.
func (d *labControl) SetAccount(user, state string) {
	d.request(func() (string, error) {
		s, err := accountStateNamed(state)
		if err != nil {
			return "", err
		}
		err = d.emulator.world.Lab.Directory.SetUser(user, func(u *directory.User) {
			resetAccount(u)
			s.set(u)
		})
		return fmt.Sprintf("%s: %s. Sign in again to see it.", user, s.text), err
	})
}

// FillIn implements labpanel.Lab.
func (d *labControl) FillIn() {
	d.request(func() (string, error) { d.emulator.screen.Fill(d.emulator.world.User); return "", nil })
}

// BeginAgain implements labpanel.Lab: directory, certificates, faults and phone are
// as at the start. The clocks stay: time does not run backwards.
func (d *labControl) BeginAgain() {
	d.ask(question{
		id:    "again",
		title: "Begin again?",
		text: "The phone is reset to its factory state: it forgets the user and every root but the factory's. " +
			"The lab's roots, certificates, accounts and faults become as at the start; the time stays.",
		yes: "Begin again",
		do:  func() { d.request(func() (string, error) { return "All is as at the start.", d.beginAgain() }) },
	})
}

func (d *labControl) beginAgain() error {
	ctx, cancel := context.WithTimeout(d.ctx, signOutTimeout)
	defer cancel()
	d.emulator.phone.SignOut(ctx) // a server that does not answer does not matter: the phone forgets all
	world, now := d.emulator.world.Lab, d.facts()
	if now.EdgePublished {
		if err := world.WithdrawRoot(lab.PublicRoot); err != nil {
			return err
		}
	}
	if err := world.PublishRoot(lab.EnterpriseRoot); err != nil {
		return err
	}
	for server, defect := range now.Certificates {
		if defect == "" {
			continue
		}
		if err := world.SetDefect(server, ""); err != nil {
			return err
		}
	}
	if err := d.repair(now); err != nil {
		return err
	}
	if _, err := d.emulator.phone.FactoryReset(); err != nil {
		return err
	}
	d.emulator.screen.Fill(device.Credentials{})
	d.emulator.phone.Plug(world.Inside().Place)
	d.mu.Lock()
	d.progress = script.Progress{}
	d.mu.Unlock()
	return nil
}

// repair ends all faults, and lets every account sign in.
func (d *labControl) repair(now labpanel.Facts) error {
	for server := range now.Faults {
		f, err := faultNamed(server, "")
		if err != nil {
			return err
		}
		f.set(d.emulator.world.Lab)
	}
	for user, state := range now.Accounts {
		if state == accountGood {
			continue
		}
		err := d.emulator.world.Lab.Directory.SetUser(user, resetAccount)
		if err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.faults)
	return nil
}

// Pass implements labpanel.Lab.
func (d *labControl) Pass(by time.Duration) {
	d.request(func() (string, error) { return d.pass(by) })
}

// PassTo implements labpanel.Lab. The time of the day stays.
func (d *labControl) PassTo(day string) {
	d.request(func() (string, error) {
		by, err := timeUntil(d.emulator.world.Clock.Now(), day)
		if err != nil {
			return "", err
		}
		return d.pass(by)
	})
}
