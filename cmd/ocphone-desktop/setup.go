//go:build cgo

package main

import (
	"context"
	"os"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/media"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/script"
	"github.com/ocphone/ocphone/device/setup"
)

// emulator is a phone with its screen, plugged in and on, and possibly a lab.
type emulator struct {
	world        *script.World // the lab in the window; nil: the bare handset
	phone        *device.Phone
	screen       *screen.Screen
	closeSpeaker func() // gives the loudspeaker back
	tone         *tonePlayer
	files        *setup.Setup // closed after the phone
}

// newEmulator makes what the options describe.
func newEmulator(o options) (_ *emulator, err error) {
	s := &emulator{files: &setup.Setup{}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if err = s.makePhone(o); err != nil {
		return nil, err
	}
	phoneClock := s.files.Config.Clock
	volume := func() float64 { return media.Volume(screen.Volume(s.phone.Preferences(), "speaker")) }
	var speaker media.Output
	speaker, s.closeSpeaker = loudspeaker(volume, phoneClock, os.Stderr)
	s.screen, err = screen.New(s.phone, screen.Options{
		Lang:    o.lang,
		Clock:   phoneClock,
		Suggest: s.files.Credentials,
		Player:  media.Player{Output: speaker},
	})
	if err != nil {
		return nil, journal.Usagef("%v", err)
	}
	s.tone = &tonePlayer{out: speaker}
	s.screen.Watch(func() { s.tone.set(s.screen.View().Sound) })
	s.phone.PowerOn()
	s.phone.Plug(s.files.Place)
	return s, nil
}

// makePhone makes the phone that the options describe. If they do not describe a
// phone it starts a lab, with a phone that fits it. The form of the latter stays empty until the side
// panel fills it in.
func (s *emulator) makePhone(o options) (err error) {
	if !o.bare {
		if s.world, err = script.NewWorld(script.WorldOptions{Today: o.today}); err == nil {
			s.phone = s.world.Phone
			s.files.Config.Clock, s.files.Place = s.world.Clock, s.world.Lab.Inside().Place
		}
		return err
	}
	files, err := o.OpenForm()
	if err != nil {
		return err
	}
	s.files = files
	s.phone, err = s.files.NewPhone()
	return err
}

// signOutTimeout bounds how long signing out may take.
const signOutTimeout = 3 * time.Second

// close signs out and closes everything.
func (s *emulator) close() {
	if s.screen != nil {
		s.screen.Close()
	}
	if s.tone != nil {
		s.tone.close()
	}
	if s.closeSpeaker != nil {
		s.closeSpeaker()
	}
	if s.phone != nil {
		ctx, cancel := context.WithTimeout(context.Background(), signOutTimeout)
		defer cancel()
		s.phone.ShutDown(ctx)
		s.phone.Close()
	}
	s.files.Close()
	if s.world != nil {
		s.world.Close()
	}
}
