package screen

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// constructors are the pages that Open can open, by ID. They return nil while
// there is nothing to show.
func constructors() map[string]func(*Screen) page {
	fixed := func(f func() page) func(*Screen) page { return func(*Screen) page { return f() } }
	return map[string]func(*Screen) page{
		"presence":     fixed(presencePage),
		"contacts":     newContactsPage,
		"calls":        newCallsPage,
		"voicemail":    newVoicemailPage,
		"dial":         func(s *Screen) page { return newDialPage(s, "") },
		"calendar":     newCalendarPage,
		"settings":     fixed(settingsPage),
		"sound":        fixed(soundPage),
		"language":     fixed(languagePage),
		"time":         fixed(timePage),
		"security":     fixed(securityPage),
		"roots":        fixed(rootsPage),
		"network":      fixed(networkPage),
		"journal":      fixed(journalPage),
		"provisioning": fixed(provisioningPage),
		"dialplan":     fixed(dialPlanPage),
		"system":       fixed(systemPage),
		"reset-menu":   fixed(resetMenu),
		"logging":      fixed(loggingPage),
		"pin":          func(*Screen) page { return newPINPage(pinChange) },
		"card": func(s *Screen) page {
			all := s.pageContext().contacts().all
			if len(all) == 0 {
				return nil
			}
			i := slices.IndexFunc(all, func(p *contact) bool { return len(p.phones) > 0 }) // the card shows more
			return newCardPage(s, all[max(i, 0)])
		},
		"player": func(s *Screen) page {
			if d := s.pageContext(); d.now.Mailbox != nil && len(d.now.Mailbox.VoiceMails) > 0 {
				return newPlayerPage(s, d.now.Mailbox.VoiceMails[0].ID.ID)
			}
			return nil
		},
		"meeting": func(s *Screen) page {
			if d := s.pageContext(); d.now.Mailbox != nil {
				for from := range 2 {
					day := midnight(d.clockTime).AddDate(0, 0, from)
					if all := d.meetings(day, day.AddDate(0, 0, 1)); len(all) > 0 {
						return meetingPage(all[0])
					}
				}
			}
			return nil
		},
		"root": func(s *Screen) page {
			if len(s.now.Roots) == 0 {
				return nil
			}
			return rootPage(s.now.Roots[len(s.now.Roots)-1].Fingerprint())
		},
		"step": func(s *Screen) page {
			if f := s.now.Failure; f != nil {
				return stepPage(*f)
			}
			if len(s.steps) == 0 {
				return nil
			}
			return stepPage(s.steps[len(s.steps)-1])
		},
	}
}

// userPages are the pages that exist only while a user is signed in.
func userPages() []string {
	return []string{"presence", "contacts", "card", "calls", "voicemail", "player", "dial", "calendar", "meeting",
		"provisioning", "logging", "pin", "lock"}
}

// statePages are the base pages, each with the state that shows it.
func statePages() map[string]string {
	return map[string]string{
		"start":      "no network cable is plugged in",
		"signin":     "nobody is signed in",
		"signing-in": "somebody is being signed in",
		"failure":    "a sign-in has failed",
		"home":       "somebody is signed in",
	}
}

// Pages are the IDs that Open knows, in order.
func Pages() []string {
	ids := slices.AppendSeq(slices.Collect(maps.Keys(constructors())), maps.Keys(statePages()))
	return slices.Sorted(slices.Values(append(ids, "lock")))
}

// Open goes straight to a page. It fails for one that is unknown, and for one
// that the phone cannot show in its present state: "failure" while nothing has
// failed, "contacts" while nobody is signed in, "player" while there is no voice
// mail, anything while it is locked.
func (s *Screen) Open(id string) error {
	err := errors.New("screen: it is closed")
	s.change(func() { err = s.openNamed(id) })
	return err
}

func (s *Screen) openNamed(id string) error {
	open, known := constructors()[id]
	while, state := statePages()[id]
	switch {
	case !slices.Contains(Pages(), id):
		return fmt.Errorf("screen: there is no page %q; there are %s", id, strings.Join(Pages(), ", "))
	case !s.now.On() || s.lock != nil && id != "lock":
		return fmt.Errorf("screen: the phone is off or locked, and shows no page %q", id)
	case state && pageID(s.basePage) != id:
		return fmt.Errorf("screen: the phone shows page %q now; page %q is there while %s", pageID(s.basePage), id, while)
	case slices.Contains(userPages(), id) && !signedIn(s.now):
		return fmt.Errorf("screen: page %q is there while somebody is signed in", id)
	case id == "lock":
		s.home()
		s.showLock()
	case known:
		p := open(s)
		if p == nil {
			return fmt.Errorf("screen: there is nothing to show on page %q yet", id)
		}
		s.home()
		s.open(p)
	default:
		s.home()
	}
	return nil
}
