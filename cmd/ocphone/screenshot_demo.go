package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/device/setup"
)

// sight is something to see on the phone.
type sight struct {
	name, about string
	back        bool // it is at the back of the phone
	play        func(*stage) error
}

// sights are all there are, in the order of their names. Each page that the
// phone opens is one; what is not listed here by hand is shown signed in.
func sights() []sight {
	signedIn := func(then ...func(*stage) error) func(*stage) error {
		return func(s *stage) error { return s.inOrder(append([]func(*stage) error{(*stage).signIn}, then...)...) }
	}
	all := []sight{
		{name: "off", about: "the phone without power", play: func(*stage) error { return nil }},
		{name: "start", about: "switched on, without a cable", play: func(s *stage) error { s.phone.PowerOn(); return s.page("start") }},
		{name: "signin", about: "plugged in, nobody is signed in", play: func(s *stage) error { s.on(s.world.Inside()); return s.page("signin") }},
		{name: "signing-in", about: "the roots are being asked for, and the domain controller is slow", play: (*stage).signingIn},
		{name: "failure", about: "outside: the Edge's certificate is not trusted", play: (*stage).refused},
		{name: "step", about: "the details of that failure", play: func(s *stage) error { return s.inOrder((*stage).refused, opens("step")) }},
		{name: "dial", about: "a number, what the rules make of it, and whose it is", play: signedIn(opens("dial"), types("44890101"), has("rules"), has("match.0"))},
		{name: "search", about: "somebody is looked for among the contacts", play: signedIn(opens("contacts"), types("ke"), has("contact.0"))},
		{name: "outlook", about: "the contacts of Outlook", play: signedIn(opens("contacts"), taps("tab.outlook"), has("contact.0"))},
		{name: "lock", about: "locked with a PIN", play: signedIn((*stage).lock)},
		{name: "sign-out", about: "the question before the user is signed out", play: signedIn(taps("sign-out"))},
		{name: "back", about: "the back of the phone", back: true, play: signedIn()},
		{name: "clip", about: "a paper clip in the reset hole", back: true, play: signedIn(func(s *stage) error { s.poke(clipHeld); return nil })},
		{name: "reset", about: "after the paper clip: which roots went and which stayed", play: signedIn((*stage).reset)},
	}
	for _, id := range screen.Pages() {
		if !slices.ContainsFunc(all, func(s sight) bool { return s.name == id }) {
			all = append(all, sight{name: id, about: cmp.Or(pageAbout()[id], "signed in: page "+id), play: signedIn(opens(id))})
		}
	}
	slices.SortFunc(all, func(a, b sight) int { return strings.Compare(a.name, b.name) })
	return all
}

// pageAbout says what is on the pages that are shown signed in.
func pageAbout() map[string]string {
	return map[string]string{
		"calendar":     "the appointments of today and tomorrow",
		"calls":        "the call log",
		"card":         "a contact of Outlook",
		"contacts":     "the contact list that the pool keeps",
		"dialplan":     "the rules by which numbers are dialled",
		"home":         "the home page of a phone that is ready",
		"journal":      "what happened: every step of the phone",
		"language":     "the phone's language",
		"logging":      "the log level that the pool sets",
		"meeting":      "an appointment",
		"network":      "where the phone is plugged in, DNS and what DHCP told",
		"pin":          "a PIN is chosen",
		"player":       "a voice mail",
		"presence":     "the user: addresses and number",
		"provisioning": "the settings from the pool",
		"reset-menu":   "the resets besides the paper clip",
		"root":         "a trusted root",
		"roots":        "all trusted roots",
		"security":     "policy, root set and the last verdicts",
		"settings":     "the menu of settings",
		"sound":        "the volumes",
		"system":       "firmware, MAC address and user",
		"time":         "date, time and where they come from",
		"voicemail":    "the list of voice mails",
	}
}

// stage is a phone before its lab, and what its screen shows.
type stage struct {
	ctx     context.Context
	cancel  context.CancelFunc
	world   *lab.Lab
	phone   *device.Phone
	screen  *screen.Screen
	clock   *clock.Adjustable // of the phone
	changed chan struct{}     // one token: the View is another
	silent  []func()          // ends servers that never answer
}

// pictureMAC is the same in all pictures.
const pictureMAC = "00-04-F2-20-07-16"

// newStage makes a phone that is off and unplugged.
func newStage(ctx context.Context, lang string, today bool) (_ *stage, err error) {
	s := &stage{clock: clock.New(time.Now()), changed: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithTimeoutCause(ctx, storyTimeout, errors.New("the phone did not get there in time"))
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.world, err = lab.New(setup.Contoso(today)); err != nil {
		return nil, err
	}
	firmware, err := device.FirmwareNamed(setup.LabFirmware(today))
	if err != nil {
		return nil, err
	}
	if s.phone, err = device.New(device.Config{Firmware: firmware, RootSet: "factory-2007", Clock: s.clock, NTP: true, MAC: pictureMAC}); err != nil {
		return nil, err
	}
	if s.screen, err = screen.New(s.phone, screen.Options{Lang: lang, Clock: s.clock, Suggest: s.user()}); err != nil {
		return nil, exit{exitUsage, err}
	}
	s.screen.Watch(func() {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	})
	return s, nil
}

func (s *stage) close() {
	for _, end := range s.silent {
		end()
	}
	if s.screen != nil {
		s.screen.Close()
	}
	if s.phone != nil {
		s.phone.Close()
	}
	if s.world != nil {
		s.world.Close()
	}
	s.cancel()
}

// user is the first one of the lab.
func (s *stage) user() device.Credentials {
	return setup.LabCredentials(s.world.Ready().Users[0])
}

func (s *stage) on(at lab.Attachment) {
	s.phone.PowerOn()
	s.phone.Plug(at.Place)
}

func (s *stage) inOrder(do ...func(*stage) error) error {
	for _, f := range do {
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}

// until waits for a View that is good.
func (s *stage) until(what string, good func(view.View) bool) error {
	for {
		v := s.screen.View()
		if good(v) {
			return nil
		}
		select {
		case <-s.changed:
		case <-s.ctx.Done():
			return fmt.Errorf("%w: no %s; it shows page %s", context.Cause(s.ctx), what, top(v).ID)
		}
	}
}

// top is the page that takes taps.
func top(v view.View) view.Page {
	if v.Dialog != nil {
		return *v.Dialog
	}
	return v.Page
}

func (s *stage) page(id string) error {
	return s.until("page "+id, func(v view.View) bool { return top(v).ID == id })
}

// signIn ends when the phone has everything, both roots of the lab as well.
func (s *stage) signIn() error {
	if err := s.world.PublishRoot(lab.PublicRoot); err != nil {
		return err
	}
	s.on(s.world.Inside())
	if err := s.phone.SignIn(s.user()); err != nil {
		return err
	}
	return s.until("home page", func(v view.View) bool {
		return v.Page.ID == "home" && !shows(v.Page, "loading") && v.Status.Exchange != view.ToneNone
	})
}

// refused goes outside, where the phone has never been.
func (s *stage) refused() error {
	s.on(s.world.Outside())
	if err := s.phone.SignIn(s.user()); err != nil {
		return err
	}
	return s.page("failure")
}

// signingIn halts at the download of the roots: whoever is asked for them
// listens, and says nothing.
func (s *stage) signingIn() error {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var hear sync.WaitGroup
	var heard []net.Conn
	hear.Go(func() {
		for {
			c, err := mute.Accept()
			if err != nil {
				return
			}
			heard = append(heard, c)
		}
	})
	s.silent = append(s.silent, func() {
		mute.Close()
		hear.Wait()
		for _, c := range heard {
			c.Close()
		}
	})
	inside := s.world.Inside()
	inside.Place.Patch = maps.Clone(inside.Place.Patch)
	for name := range inside.Place.Patch {
		if strings.HasSuffix(name, ":389") {
			inside.Place.Patch[name] = mute.Addr().String()
		}
	}
	s.on(inside)
	if err := s.phone.SignIn(s.user()); err != nil {
		return err
	}
	return s.until("download", func(v view.View) bool { return v.Page.ID == "signing-in" && shows(v.Page, "download") })
}

// picturePIN locks phones in pictures only.
const picturePIN = "271828"

func (s *stage) lock() error {
	if err := s.phone.SetPIN(picturePIN); err != nil {
		return err
	}
	return s.inOrder(opens("lock"), types(picturePIN[:3]))
}

// How long the paper clip is held, by the phone's clock: for a picture of it,
// and so that the phone resets.
const (
	clipHeld = 3 * time.Second
	clipLong = 10 * time.Second
)

func (s *stage) poke(held time.Duration) {
	s.screen.Poke(true)
	s.clock.Advance(held)
}

func (s *stage) reset() error {
	s.poke(clipLong)
	return s.until("end of the reset", func(v view.View) bool {
		return v.Page.ID == "reset" && !shows(v.Page, "progress") && !v.Status.Signed
	})
}

// opens goes to a page of a phone that is on.
func opens(id string) func(*stage) error {
	return func(s *stage) error { return s.screen.Open(id) }
}

// taps taps what is there, or comes.
func taps(id string) func(*stage) error {
	return func(s *stage) error {
		if err := has(id)(s); err != nil {
			return err
		}
		s.screen.Tap(id)
		return nil
	}
}

func types(text string) func(*stage) error {
	return func(s *stage) error { s.screen.Type(text); return nil }
}

// has waits until a control is there.
func has(id string) func(*stage) error {
	return func(s *stage) error {
		return s.until("control "+id, func(v view.View) bool { return shows(top(v), id) })
	}
}

// shows reports whether a page has a control.
func shows(p view.Page, id string) bool {
	is := func(c view.Control) bool { return c.ID == id }
	if p.List != nil {
		for i := range p.List.Len {
			if is(p.List.Row(i)) {
				return true
			}
		}
	}
	return slices.ContainsFunc(p.Controls, is) || slices.ContainsFunc(p.Nav, is)
}
