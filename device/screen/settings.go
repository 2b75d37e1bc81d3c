package screen

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strconv"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
)

// settingsPage is the menu of the phone. Entries of a user are shown while one is
// signed in.
func settingsPage() page {
	return &builtPage{id: "settings", public: true, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("settings.title")
		var rows []view.Control
		act := func(id string, icon view.Icon, second string, f func(*Screen)) {
			p.row(&rows, row("settings."+id, icon, d.say("settings."+id), second, ""), f)
		}
		entry := func(id string, icon view.Icon, second string, open func() page) {
			act(id, icon, second, func(s *Screen) { s.open(open()) })
		}
		entry("security", view.IconCert, d.say("start.roots", "Count", len(d.now.Roots)), securityPage)
		entry("journal", view.IconLog, d.say("settings.journal.what"), journalPage)
		entry("network", view.IconNetwork, d.now.Place, networkPage)
		entry("system", view.IconInfo, d.now.Firmware, systemPage)
		entry("sound", view.IconSound, "", soundPage)
		entry("time", view.IconTime, d.date(d.clockTime)+", "+d.clock(d.clockTime), timePage)
		entry("language", view.IconLanguage, d.languageName(d.lang), languagePage)
		if d.now.Settings != nil {
			entry("provisioning", view.IconGroup, d.now.Server, provisioningPage)
			entry("logging", view.IconLog, d.logLevel(), loggingPage)
		}
		if d.now.Plan != nil {
			entry("dialplan", view.IconDial, d.planName(), dialPlanPage)
		}
		if d.signedIn() {
			act("pin", view.IconLock, "", func(s *Screen) {
				aim := pinOld
				if s.phone.PINDigits() == 0 {
					aim = pinChange
				}
				s.open(newPINPage(aim))
			})
		}
		if d.now.Address != "" && d.now.State != device.SignedOut {
			act("signout", view.IconSignOut, d.now.Address, (*Screen).askSignOut)
		}
		act("restart", view.IconRestart, "", func(s *Screen) {
			title := s.texts.say("settings.restart")
			s.confirm("restart", title, []string{s.texts.say("restart.sure")}, title, (*Screen).restart)
		})
		entry("reset", view.IconReset, "", resetMenu)
		p.list("settings", rows, "")
	}}
}

// restart turns the power off and on. The user must sign in again: the phone does
// not keep a password.
func (s *Screen) restart() {
	s.home()
	s.background(func(ctx context.Context) {
		if s.opt.Restart != nil {
			s.opt.Restart()
			return
		}
		s.phone.ShutDown(ctx) // the power goes off even if the sign-out fails
		s.phone.PowerOn()
	}, func() {})
}

// volumes are the names of the volumes, as in preferences.
func volumes() []string { return []string{"ring", "receiver", "speaker"} }

// Range and default of a volume; the least is 0.
const (
	maxVolume     = 10
	defaultVolume = 5
)

// Volume is the volume of "ring", "receiver" or "speaker" in a phone's
// preferences, from 0 (silent) to most.
func Volume(preferences map[string]string, of string) (step, most int) {
	return volumeOf(preferences, of), maxVolume
}

func volumeOf(prefs map[string]string, which string) int {
	v, err := strconv.Atoi(prefs["volume."+which])
	if err != nil {
		return defaultVolume
	}
	return min(max(v, 0), maxVolume)
}

// changeVolume changes a volume by one step and stores it.
func (s *Screen) changeVolume(which string, by int) {
	v := min(max(volumeOf(s.prefs, which)+by, 0), maxVolume)
	next := maps.Clone(s.prefs)
	next["volume."+which] = number(v)
	s.prefs = next
	s.save(map[string]string{"volume." + which: number(v)})
}

// save writes preferences to the phone's flash in the background. Values that
// change meanwhile are written afterwards, only the latest of each.
func (s *Screen) save(prefs map[string]string) {
	if s.saving != nil {
		maps.Copy(s.unsaved, prefs)
		return
	}
	through := make(chan struct{})
	s.saving, s.unsaved = through, map[string]string{}
	var err error
	s.background(func(context.Context) {
		defer close(through)
		for name, value := range prefs {
			err = errors.Join(err, s.phone.SetPreference(name, value))
		}
	}, func() {
		rest := s.unsaved
		if s.saving = nil; err != nil {
			s.showMessage("sound-failed", s.texts.say("settings.sound"), sentenceOf(err))
			s.prefs = s.phone.Preferences()
		} else if len(rest) > 0 {
			s.save(rest)
		}
	})
}

// volumeKey is a volume key of the body. It changes the volume of the receiver
// while that is lifted, else that of the ringing.
func (s *Screen) volumeKey(up bool) {
	which, by := "ring", -1
	if s.hook {
		which = "receiver"
	}
	if up {
		by = 1
	}
	s.changeVolume(which, by)
	if s.lock == nil && s.dialog == nil && pageID(s.currentPage()) != "sound" {
		s.open(soundPage())
	}
}

func soundPage() page {
	return &builtPage{id: "sound", public: true, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("settings.sound")
		for _, which := range volumes() {
			v := volumeOf(d.prefs, which)
			p.add(view.Control{
				ID:       which,
				Role:     view.Slider,
				Text:     d.say("sound." + which),
				Value:    number(v),
				Fraction: float64(v) / maxVolume,
			})
			p.actions[which+"-"] = func(s *Screen) { s.changeVolume(which, -1) }
			p.actions[which+"+"] = func(s *Screen) { s.changeVolume(which, 1) }
		}
	}}
}

// languagePage shows the language, which is that of the hardware (R10.1).
func languagePage() page {
	return &builtPage{id: "language", public: true, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("settings.language")
		p.label("language", d.say("settings.language"), d.languageName(d.lang))
		p.add(view.Control{ID: "why", Role: view.Text, Text: d.say("language.why"), Tone: view.ToneDim})
	}}
}

// languageName is the name of a language in that language.
func (t *texts) languageName(tag string) string {
	names := map[string]string{
		"en": "English", "nl": "Nederlands", "fr": "Français", "de": "Deutsch",
		"it": "Italiano", "ja": "日本語", "ko": "한국어", "es": "Español",
	}
	return cmp.Or(names[tag], tag)
}

// timePage shows the phone's clock and the source of its time.
func timePage() page {
	return &builtPage{id: "time", public: true, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("settings.time")
		zone, _ := d.clockTime.Zone()
		p.label("date", d.say("time.date"), d.fullDate(d.clockTime))
		p.label("clock", d.say("time.clock"), d.clock(d.clockTime))
		p.label("zone", d.say("time.zone"), zone)
		for i := len(d.steps) - 1; i >= 0; i-- {
			if st := d.steps[i]; st.Name == "time" {
				icon, tone := stateLook(st.State)
				c := row("from", icon, st.Decided, st.By, "")
				c.Tone = tone
				p.addAction(c, func(s *Screen) { s.open(stepPage(st)) })
				return
			}
		}
		p.add(view.Control{ID: "own", Role: view.Text, Text: d.say("time.own"), Tone: view.ToneDim})
	}}
}
