//go:build cgo

package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/media"
	"github.com/ocphone/ocphone/device/network"
	"github.com/ocphone/ocphone/device/screen"
)

// set is a phone with its screen, plugged in and on, and perhaps a lab.
type set struct {
	world  *lab.Lab // nil: the bare handset
	phone  *device.Phone
	screen *screen.Screen
	quiet  func()             // gives the loudspeaker back
	user   device.Credentials // of the lab's first user
}

// Firmware that fits a lab.
const (
	firmware2007  = "1.0.522.71"
	firmwareToday = "today"
)

// build makes what the options describe.
func build(o options) (_ *set, err error) {
	s := &set{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	c := device.Config{NTP: true, RootSet: o.roots, Clock: clock.New(time.Now())}
	var place network.Place
	var suggest device.Credentials
	var name string // of the firmware; "": the state's
	if o.bare {
		if place, suggest, name, err = outsideWorld(o); err != nil {
			return nil, err
		}
	} else {
		name = firmware2007
		deployment := lab.Contoso()
		if o.today {
			deployment, name = lab.ContosoToday(), firmwareToday
		}
		if s.world, err = lab.New(deployment); err != nil {
			return nil, err
		}
		place, c.RootSet = s.world.Inside().Place, "factory-2007"
		u := s.world.Ready().Users[0]
		s.user = device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}
	}
	if name != "" {
		if c.Firmware, err = device.FirmwareNamed(name); err != nil {
			return nil, usage{err}
		}
	}
	if o.state != "" {
		if c.Flash, err = flash.Open(o.state); err != nil {
			return nil, err
		}
	}
	if s.phone, err = device.New(c); err != nil {
		if c.Flash != nil {
			c.Flash.Close()
		}
		return nil, err
	}
	loud := func() float64 { return media.Volume(screen.Volume(s.phone.Preferences(), "speaker")) }
	var speaker media.Output
	speaker, s.quiet = loudspeaker(loud, c.Clock, os.Stderr)
	if s.screen, err = screen.New(s.phone, screen.Options{Lang: o.lang, Clock: c.Clock, Suggest: suggest, Player: media.Player{Output: speaker}}); err != nil {
		return nil, usage{err}
	}
	s.phone.PowerOn()
	s.phone.Plug(place)
	return s, nil
}

// outsideWorld is the network and the user of a phone without a lab of its own.
func outsideWorld(o options) (place network.Place, who device.Credentials, firmware string, err error) {
	firmware = o.firmware
	if o.lab != "" {
		ready, err := lab.ReadReady(o.lab)
		if err != nil {
			return place, who, "", usage{err}
		}
		place = ready.Inside.Place("inside")
		if o.outside {
			place = ready.Outside.Place("outside")
		}
		if firmware == "" {
			firmware = firmware2007
			if ready.Today {
				firmware = firmwareToday
			}
		}
		who = userOf(ready, o)
	} else if place.DNS, err = serverList(o.dns); err != nil {
		return place, who, "", err
	}
	if o.signIn != "" {
		who.Address = o.signIn
	}
	if o.user != "" {
		who.User = o.user
	}
	who.Password, err = o.password(who.Password)
	return place, who, firmware, err
}

// userOf is the user of a lab whom the flags name, else its first.
func userOf(ready lab.Ready, o options) (who device.Credentials) {
	for i, u := range ready.Users {
		named := strings.EqualFold(o.signIn, u.SignIn) || o.signIn == "" && (strings.EqualFold(o.user, u.User) || strings.EqualFold(o.user, u.UPN))
		if named || o.signIn == "" && o.user == "" && i == 0 {
			who = device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}
		}
	}
	return who
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
	if s.world != nil {
		s.world.Close()
	}
}
