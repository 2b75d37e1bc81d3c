package script

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

// Stage is a World whose phone is used at its screen. All of its waits end
// together, ActTimeout after it was made.
type Stage struct {
	*World
	Screen *screen.Screen

	ctx     context.Context
	cancel  context.CancelFunc
	changed chan struct{} // one token: the View has changed
	silent  net.Listener  // of StopAtDownload; nil: it was not called
}

// NewStage makes a World and the screen of its phone, in a language of
// screen.Languages.
func NewStage(ctx context.Context, o WorldOptions, lang string) (_ *Stage, err error) {
	s := &Stage{changed: make(chan struct{}, 1)}
	if s.World, err = NewWorld(o); err != nil {
		return nil, err
	}
	s.Screen, err = screen.New(s.Phone, screen.Options{Lang: lang, Clock: s.Clock, Suggest: s.User})
	if err != nil {
		return nil, errors.Join(err, s.World.Close())
	}
	s.ctx, s.cancel = context.WithTimeoutCause(ctx, ActTimeout, errors.New("the phone did not get there in time"))
	s.Screen.Watch(func() {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	})
	return s, nil
}

// Close closes screen, phone and lab.
func (s *Stage) Close() error {
	if s.silent != nil {
		s.silent.Close()
	}
	s.Screen.Close()
	s.cancel()
	return s.World.Close()
}

// Until waits for a View; what names it in the error of the time-out.
func (s *Stage) Until(what string, good func(view.View) bool) error {
	for {
		v := s.Screen.View()
		if good(v) {
			return nil
		}
		select {
		case <-s.changed:
		case <-s.ctx.Done():
			return fmt.Errorf("%w: no %s; it shows page %s", context.Cause(s.ctx), what, topPage(v).ID)
		}
	}
}

// topPage is the page that takes taps.
func topPage(v view.View) view.Page {
	if v.Dialog != nil {
		return *v.Dialog
	}
	return v.Page
}

// Page waits for a page or dialog.
func (s *Stage) Page(id string) error {
	return s.Until("page "+id, func(v view.View) bool { return topPage(v).ID == id })
}

// Control waits for a control on the page that takes taps.
func (s *Stage) Control(id string) error {
	return s.Until("control "+id, func(v view.View) bool { return Shows(topPage(v), id) })
}

// Tap taps a control, as soon as it is there.
func (s *Stage) Tap(id string) error {
	err := s.Control(id)
	if err == nil {
		s.Screen.Tap(id)
	}
	return err
}

// Poke puts a paper clip into the reset hole and holds it that long by the
// phone's clock.
func (s *Stage) Poke(held time.Duration) {
	s.Screen.Poke(true)
	s.Clock.Advance(held)
}

// Shows reports whether a page has a control.
func Shows(p view.Page, id string) bool {
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

// SignInInside signs in with both roots published, and waits until the phone
// has loaded everything.
func (s *Stage) SignInInside() error {
	if err := s.Lab.PublishRoot(lab.PublicRoot); err != nil {
		return err
	}
	if err := s.SignIn(s.Lab.Inside()); err != nil {
		return err
	}
	return s.Until("home page", func(v view.View) bool {
		return v.Page.ID == "home" && !Shows(v.Page, "loading") && v.Status.Exchange != view.ToneNone
	})
}

// FailOutside signs in outside, where a new phone does not trust the Edge.
func (s *Stage) FailOutside() error {
	if err := s.SignIn(s.Lab.Outside()); err != nil {
		return err
	}
	return s.Page("failure")
}

// StopAtDownload signs in inside and stops at the download of the roots: what
// stands for the domain controller listens, but never accepts a connection.
func (s *Stage) StopAtDownload() (err error) {
	if s.silent, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	inside := s.Lab.Inside()
	inside.Place.Patch = maps.Clone(inside.Place.Patch)
	for name := range inside.Place.Patch {
		if strings.HasSuffix(name, ":389") {
			inside.Place.Patch[name] = s.silent.Addr().String()
		}
	}
	if err := s.SignIn(inside); err != nil {
		return err
	}
	return s.Until("download", func(v view.View) bool {
		return v.Page.ID == "signing-in" && Shows(v.Page, "download")
	})
}
