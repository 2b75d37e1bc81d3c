package screenshot

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/device/script"
)

// Scene is a state of the phone that can be drawn.
type Scene struct {
	Name  string `json:"name"`
	About string `json:"about"`

	back bool // it is at the back of the phone
	play func(*script.Stage) error
}

// Scenes lists the scenes in the order of their names. Each page that the phone
// can open is one; a page without an entry here is shown signed in.
func Scenes() []Scene {
	signedIn := func(then ...func(*script.Stage) error) func(*script.Stage) error {
		return func(s *script.Stage) error {
			return inOrder(s, append([]func(*script.Stage) error{(*script.Stage).SignInInside}, then...)...)
		}
	}
	all := []Scene{
		{Name: "off", About: "the phone without power", play: func(*script.Stage) error { return nil }},
		{Name: "start", About: "switched on, without a cable",
			play: func(s *script.Stage) error { s.Phone.PowerOn(); return s.Page("start") }},
		{Name: "signin", About: "plugged in, nobody is signed in",
			play: func(s *script.Stage) error { s.PlugIn(s.Lab.Inside()); return s.Page("signin") }},
		{Name: "signing-in", About: "the roots are being asked for, and the domain controller is slow",
			play: (*script.Stage).StopAtDownload},
		{Name: "failure", About: "outside: the Edge's certificate is not trusted", play: (*script.Stage).FailOutside},
		{Name: "step", About: "the details of that failure",
			play: func(s *script.Stage) error { return inOrder(s, (*script.Stage).FailOutside, opens("step")) }},
		{Name: "dial", About: "a number, what the rules make of it, and whose it is",
			play: signedIn(opens("dial"), types("44890101"), has("rules"), has("match.0"))},
		{Name: "search", About: "a search among the contacts",
			play: signedIn(opens("contacts"), types("ke"), has("contact.0"))},
		{Name: "outlook", About: "the contacts of Outlook",
			play: signedIn(opens("contacts"), taps("tab.outlook"), has("contact.0"))},
		{Name: "lock", About: "locked with a PIN", play: signedIn(lock)},
		{Name: "sign-out", About: "the question before the user is signed out", play: signedIn(taps("sign-out"))},
		{Name: "back", About: "the back of the phone", back: true, play: signedIn()},
		{Name: "clip", About: "a paper clip in the reset hole", back: true,
			play: signedIn(func(s *script.Stage) error { s.Poke(clipHeld); return nil })},
		{Name: "reset", About: "after the paper clip: which roots went and which stayed", play: signedIn(pressReset)},
	}
	for _, id := range screen.Pages() {
		if !slices.ContainsFunc(all, func(s Scene) bool { return s.Name == id }) {
			all = append(all, Scene{Name: id, About: cmp.Or(pageAbout()[id], "signed in: page "+id), play: signedIn(opens(id))})
		}
	}
	slices.SortFunc(all, func(a, b Scene) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// pageAbout describes the pages that are shown signed in.
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
		"network":      "where the phone is plugged in, DNS and the facts from DHCP",
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

// pictureMAC is the same in all pictures.
const pictureMAC = "00-04-F2-20-07-16"

func inOrder(s *script.Stage, do ...func(*script.Stage) error) error {
	for _, f := range do {
		if err := f(s); err != nil {
			return err
		}
	}
	return nil
}

// picturePIN locks phones in pictures only.
const picturePIN = "271828"

func lock(s *script.Stage) error {
	if err := s.Phone.SetPIN(picturePIN); err != nil {
		return err
	}
	return inOrder(s, opens("lock"), types(picturePIN[:3]))
}

// How long the paper clip is held, by the phone's clock: for a picture of it,
// and so that the phone resets.
const (
	clipHeld = 3 * time.Second
	clipLong = 10 * time.Second
)

func pressReset(s *script.Stage) error {
	s.Poke(clipLong)
	return s.Until("end of the reset", func(v view.View) bool {
		return v.Page.ID == "reset" && !script.Shows(v.Page, "progress") && !v.Status.Signed
	})
}

// opens goes to a page of a phone that is on.
func opens(id string) func(*script.Stage) error {
	return func(s *script.Stage) error { return s.Screen.Open(id) }
}

// taps taps a control when it is there.
func taps(id string) func(*script.Stage) error {
	return func(s *script.Stage) error { return s.Tap(id) }
}

func types(text string) func(*script.Stage) error {
	return func(s *script.Stage) error { s.Screen.Type(text); return nil }
}

// has waits until a control is there.
func has(id string) func(*script.Stage) error {
	return func(s *script.Stage) error { return s.Control(id) }
}
