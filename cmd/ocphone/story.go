package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

// story is a deployment and a phone in one process, and what is proved about
// them act by act.
type story struct {
	*printer
	world    *lab.Lab
	phone    *device.Phone
	clock    *clock.Adjustable // the phone's
	firmware device.Firmware
	creds    device.Credentials
	cursor   uint64
	asked    int // searches that the domain controller has seen at the start of the act
	heard    map[journal.Name]string
	proved   []string
}

// act is one scene of a story.
type act struct {
	title, tale string
	do          func() error
	until       func(device.Snapshot) bool // when the act is over; nil: the phone has come to rest
	shows       func(device.Snapshot) []string
	proves      func(device.Snapshot) (claim string, ok bool)
}

// storyTimeout bounds each act in real time; an act takes milliseconds.
const storyTimeout = 20 * time.Second

// newStory starts a deployment of 2007 or of today and builds a phone that fits
// it; prepare may be nil.
func newStory(p *printer, today bool, prepare func(*lab.Deployment)) (_ *story, err error) {
	deployment := setup.Contoso(today)
	if prepare != nil {
		prepare(&deployment)
	}
	s := &story{printer: p, clock: clock.New(time.Now()), heard: map[journal.Name]string{}}
	if s.world, err = lab.New(deployment); err != nil {
		return nil, err
	}
	s.firmware, err = device.FirmwareNamed(setup.LabFirmware(today))
	if err == nil {
		s.phone, err = device.New(device.Config{Firmware: s.firmware, RootSet: "factory-2007", Clock: s.clock, NTP: true})
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.creds = setup.LabCredentials(s.world.Ready().Users[0])
	return s, nil
}

func (s *story) close() {
	if s.phone != nil {
		s.phone.Close()
	}
	s.world.Close()
}

// pass lets time pass for deployment and phone. It halts whenever the phone has
// to refresh its registration or security association, and goes on when that is
// done: else the pool's clock would run away meanwhile.
func (s *story) pass(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, storyTimeout, errors.New("the phone did not refresh its registration in time"))
	defer cancel()
	sip := s.firmware.SIP
	for until := s.clock.Now().Add(d); ; {
		said, proved := s.lastRegister()
		due := said.Add(s.world.Pool.DefaultExpires - sip.RefreshMargin)
		if renew := proved.Add(sip.AssociationLifetime); renew.Before(due) {
			due = renew
		}
		if said.IsZero() || due.After(until) {
			s.advance(until.Sub(s.clock.Now()))
			return nil
		}
		s.advance(due.Sub(s.clock.Now()))
		if _, err := s.phone.Wait(ctx, func(device.Snapshot) bool {
			again, _ := s.lastRegister()
			return again.After(said)
		}); err != nil {
			return err
		}
	}
}

func (s *story) advance(d time.Duration) {
	s.world.Clock.Advance(d)
	s.clock.Advance(d)
}

// lastRegister is when the phone was last registered, and when it last proved
// who it is; zero when it never did, or the journal has forgotten.
func (s *story) lastRegister() (said, proved time.Time) {
	events, _, _ := s.phone.Events().Since(0)
	var begun time.Time // a log-on, which the next step of the session closes
	for _, e := range events {
		switch {
		case e.Step == nil:
		case e.Step.Name == journal.Register:
			begun = e.Step.At
		case e.Step.Name == journal.Ready:
			said, proved, begun = begun, begun, time.Time{}
		case e.Step.Name == journal.Session && e.Step.State == journal.OK:
			if said = e.Step.At; !begun.IsZero() {
				proved, begun = said, time.Time{}
			}
		}
	}
	return said, proved
}

// play plays the acts; the first claim that does not hold ends it.
func (s *story) play(ctx context.Context, acts []act) error {
	for _, act := range acts {
		s.act++
		s.blank()
		s.line(bold+";"+cyan, "%d. %s", s.act, act.title)
		s.line("", "%s", act.tale)
		s.blank()
		s.asked = s.world.DC.Searches()
		if err := act.do(); err != nil {
			return fmt.Errorf("act %d: %w", s.act, err)
		}
		now, err := s.settle(ctx, act.until)
		if err != nil {
			return fmt.Errorf("act %d: %w", s.act, err)
		}
		if act.shows != nil {
			for _, line := range act.shows(now) {
				s.line("", "%s", line)
			}
		}
		claim, ok := act.proves(now)
		if !ok {
			return fmt.Errorf("act %d: this should have held and did not: %s", s.act, claim)
		}
		s.proved = append(s.proved, claim)
	}
	return nil
}

// conclude tells what was proved, the moral, and which commands to try next.
func (s *story) conclude(moral string, next ...string) {
	s.blank()
	s.line(bold, "What was proved")
	for _, claim := range s.proved {
		if !s.json {
			s.wrap(s.paint(green, "✓")+" ", claim, "")
		}
	}
	s.blank()
	s.line("", "%s", moral)
	if s.json {
		return
	}
	s.blank()
	s.line(bold, "Try it by hand")
	for _, command := range next {
		fmt.Fprintf(s.w, "  %s\n", command) // never wrapped, to be copied
	}
}

// settle waits until the act is over, and prints the steps of the phone. In
// brief, what came after the registration as it did before is named only.
func (s *story) settle(ctx context.Context, over func(device.Snapshot) bool) (device.Snapshot, error) {
	if over == nil {
		over = func(now device.Snapshot) bool { return now.Done() || now.State == device.Waiting }
	}
	ctx, cancel := context.WithTimeoutCause(ctx, storyTimeout, errors.New("the phone did not come to rest in time"))
	defer cancel()
	now, err := s.phone.Wait(ctx, over)
	events, next, _ := s.phone.Events().Since(s.cursor)
	s.cursor = next
	var same []string
	tell := func() {
		if len(same) > 0 {
			s.line(dim, "· %s as before.", strings.Join(same, ", "))
		}
		same = nil
	}
	for _, e := range events {
		switch {
		case e.Step == nil:
		case s.brief && !s.json && s.heard[e.Step.Name] == content(*e.Step) && (afterwards(e.Step.Name) || e.Step.Name == journal.Session):
			if name := string(e.Step.Name); !slices.Contains(same, name) {
				same = append(same, name)
			}
		default:
			tell()
			s.heard[e.Step.Name] = content(*e.Step)
			s.step(*e.Step)
		}
	}
	tell()
	return now, err
}

// content is what tells a step from another of its name.
func content(s journal.Step) string {
	return strings.Join(append([]string{s.Decided}, s.Details...), "\n")
}
