//go:build cgo

package main

import (
	"context"
	"sync"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/script"
	"github.com/ocphone/ocphone/ui/labpanel"
)

// labControl carries out the buttons of the side panel, one after the other on its
// own goroutine, and shows the state of phone and lab on the panel.
type labControl struct {
	emulator *emulator
	requests chan func() error
	onUI     func(func())
	panel    *labpanel.Panel
	ctx      context.Context // ends with close
	cancel   context.CancelFunc
	ends     sync.WaitGroup

	showing  sync.Mutex // held from taking the facts until they are queued for the panel
	mu       sync.Mutex
	progress script.Progress // of the story
	exchange labpanel.Certificate
}

// maxRequests bounds the queued requests: more than a person presses while a
// certificate is made.
const maxRequests = 32

func newLabControl(s *emulator, onUI func(func())) *labControl {
	d := &labControl{emulator: s, requests: make(chan func() error, maxRequests), onUI: onUI}
	if s.world.Lab.Exchange != nil {
		d.exchange = labpanel.Good
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.panel = labpanel.New(d, d.facts())
	return d
}

// start begins to follow the phone; call it when the user interface runs.
func (d *labControl) start() {
	d.refresh()
	d.ends.Go(d.followPhone)
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

// handleRequests carries out requests.
func (d *labControl) handleRequests() {
	for {
		select {
		case <-d.ctx.Done():
			return
		case f := <-d.requests:
			err := f()
			d.refresh()
			d.onUI(func() {
				if d.panel.ShowProblem(""); err != nil {
					d.panel.ShowProblem(err.Error())
				}
			})
		}
	}
}

func (d *labControl) request(f func() error) {
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
	d.onUI(func() { d.panel.Show(f) })
}

// facts are what phone and lab report now, and how far the story is.
func (d *labControl) facts() labpanel.Facts {
	d.mu.Lock()
	defer d.mu.Unlock()
	world := d.emulator.world
	now := world.Facts()
	d.progress.Follow(now)
	f := labpanel.Facts{
		Place:         now.Place,
		PoolPublished: now.Pool.Published,
		EdgePublished: now.Edge.Published,
		Exchange:      d.exchange,
		Next:          d.progress.Next(now),
	}
	for _, p := range d.progress.Parts() {
		f.Story = append(f.Story, labpanel.Act(p))
	}
	for _, r := range d.emulator.phone.Snapshot().Roots {
		root := labpanel.Root{Subject: r.Subject(), Source: r.Source.String(), Downloaded: r.Downloaded()}
		f.Trusted = append(f.Trusted, root)
	}
	return f
}

// Plug implements labpanel.Lab.
func (d *labControl) Plug(place string) {
	d.request(func() error {
		switch place {
		case labpanel.Inside:
			d.emulator.phone.Plug(d.emulator.world.Lab.Inside().Place)
		case labpanel.Outside:
			d.emulator.phone.Plug(d.emulator.world.Lab.Outside().Place)
		default:
			d.emulator.phone.Unplug()
		}
		return nil
	})
}

// Publish implements labpanel.Lab.
func (d *labControl) Publish(edge, on bool) {
	d.request(func() error {
		name := lab.EnterpriseRoot
		if edge {
			name = lab.PublicRoot
		}
		if on {
			return d.emulator.world.Lab.PublishRoot(name)
		}
		return d.emulator.world.Lab.WithdrawRoot(name)
	})
}

// CertifyExchange implements labpanel.Lab.
func (d *labControl) CertifyExchange(good bool) {
	d.request(func() error { return d.certify(good) })
}

func (d *labControl) certify(good bool) error {
	defect, is := pki.SelfSigned, labpanel.SelfSigned
	if good {
		defect, is = "", labpanel.Good
	}
	err := d.emulator.world.Lab.SetDefect("exchange", defect)
	if err == nil {
		d.mu.Lock()
		d.exchange = is
		d.mu.Unlock()
	}
	return err
}

// FillIn implements labpanel.Lab.
func (d *labControl) FillIn() {
	d.request(func() error { d.emulator.screen.Fill(d.emulator.world.User); return nil })
}

// BeginAgain implements labpanel.Lab: directory, certificates and phone are as
// at the start.
func (d *labControl) BeginAgain() {
	d.request(func() error {
		ctx, cancel := context.WithTimeout(d.ctx, signOutTimeout)
		defer cancel()
		d.emulator.phone.SignOut(ctx) // a server that does not answer does not matter: the phone forgets all
		now := d.facts()
		if now.EdgePublished {
			if err := d.emulator.world.Lab.WithdrawRoot(lab.PublicRoot); err != nil {
				return err
			}
		}
		if err := d.emulator.world.Lab.PublishRoot(lab.EnterpriseRoot); err != nil {
			return err
		}
		if now.Exchange == labpanel.SelfSigned {
			if err := d.certify(true); err != nil {
				return err
			}
		}
		if _, err := d.emulator.phone.FactoryReset(); err != nil {
			return err
		}
		d.emulator.screen.Fill(device.Credentials{})
		d.emulator.phone.Plug(d.emulator.world.Lab.Inside().Place)
		d.mu.Lock()
		d.progress = script.Progress{}
		d.mu.Unlock()
		d.refresh()
		return nil
	})
}
