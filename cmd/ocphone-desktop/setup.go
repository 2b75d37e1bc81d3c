//go:build cgo

package main

import (
	"context"
	"os"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/media"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/setup"
)

// set is a phone with its screen, plugged in and on, and perhaps a lab.
type set struct {
	world  *lab.Lab // nil: the bare handset
	phone  *device.Phone
	screen *screen.Screen
	quiet  func()             // gives the loudspeaker back
	user   device.Credentials // of the lab's first user
	files  *setup.Setup       // closed after the phone
}

// build makes what the options describe.
func build(o options) (_ *set, err error) {
	s := &set{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if o.bare {
		s.files, err = o.OpenForm()
	} else {
		s.files, err = s.startLab(o.today)
	}
	if err != nil {
		return nil, err
	}
	if s.phone, err = s.files.NewPhone(); err != nil {
		return nil, err
	}
	phoneClock := s.files.Config.Clock
	loud := func() float64 { return media.Volume(screen.Volume(s.phone.Preferences(), "speaker")) }
	var speaker media.Output
	speaker, s.quiet = loudspeaker(loud, phoneClock, os.Stderr)
	s.screen, err = screen.New(s.phone, screen.Options{
		Lang:    o.lang,
		Clock:   phoneClock,
		Suggest: s.files.Credentials,
		Player:  media.Player{Output: speaker},
	})
	if err != nil {
		return nil, usagef("%v", err)
	}
	s.phone.PowerOn()
	s.phone.Plug(s.files.Place)
	return s, nil
}

// startLab starts a lab in this process and describes a phone that fits it. The
// form of the phone stays empty until the side panel fills it in.
func (s *set) startLab(today bool) (_ *setup.Setup, err error) {
	firmware, err := device.FirmwareNamed(setup.LabFirmware(today))
	if err != nil {
		return nil, err
	}
	if s.world, err = lab.New(setup.Contoso(today)); err != nil {
		return nil, err
	}
	s.user = setup.LabCredentials(s.world.Ready().Users[0])
	return &setup.Setup{
		Config: device.Config{Firmware: firmware, RootSet: "factory-2007", Clock: clock.New(time.Now()), NTP: true},
		Place:  s.world.Inside().Place,
	}, nil
}

// goodbye bounds how long a farewell to the server may take.
const goodbye = 3 * time.Second

// close takes leave of the server, and returns everything.
func (s *set) close() {
	if s.screen != nil {
		s.screen.Close()
	}
	if s.quiet != nil {
		s.quiet()
	}
	if s.phone != nil {
		ctx, cancel := context.WithTimeout(context.Background(), goodbye)
		defer cancel()
		s.phone.ShutDown(ctx)
		s.phone.Close()
	}
	if s.files != nil {
		s.files.Close()
	}
	if s.world != nil {
		s.world.Close()
	}
}
