package screen

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"strconv"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// settingsPage is the menu of the phone. Entries of a user are shown while one is
// signed in.
func settingsPage() page {
	return &builtPage{id: "settings", public: true, title: "settings.title", build: func(d pageContext, p *pageBuilder) {
		var rows []view.Control
		act := func(id string, icon view.Icon, second string, f func(*Screen)) {
			p.row(&rows, row("settings."+id, icon, d.say("settings."+id), second, ""), f)
		}
		entry := func(id string, icon view.Icon, second string, open func() page) {
			act(id, icon, second, func(s *Screen) { s.open(open()) })
		}
		entry("security", view.IconCert, d.say("start.roots", "Count", len(d.now.Roots)), securityPage)
		entry("journal", view.IconLog, d.say("settings.journal.what"), journalPage)
		entry("network", view.IconNetwork, d.placeName(), networkPage)
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

// Range and default of a volume; the least is 0.
const (
	maxVolume     = 10
	defaultVolume = 5
)

// Volume is the volume of "ring", "receiver" or "speaker" in a phone's
// preferences, from 0 (silent) to most.
func Volume(preferences map[string]string, of string) (step, most int) {
	v, err := strconv.Atoi(preferences["volume."+of])
	if err != nil {
		return defaultVolume, maxVolume
	}
	return min(max(v, 0), maxVolume), maxVolume
}

// changeVolume changes a volume by one step and stores it.
func (s *Screen) changeVolume(which string, by int) {
	v, most := Volume(s.prefs, which)
	changed := map[string]string{"volume." + which: number(min(max(v+by, 0), most))}
	s.prefs = maps.Clone(s.prefs)
	maps.Copy(s.prefs, changed)
	s.save(changed)
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
			s.showMessage("sound-failed", s.texts.say("settings.sound"), s.texts.sentenceOf(err))
			s.prefs = s.phone.Preferences()
		} else if len(rest) > 0 {
			s.save(rest)
		}
	})
}

// volumeKey is a volume key of the body. It changes and shows the volume of what
// the user listens to, or of the ringing while the line is closed.
func (s *Screen) volumeKey(up bool) {
	which, by := "ring", -1
	switch s.line.via {
	case viaReceiver, viaHeadset: // a headset has no volume of its own
		which = "receiver"
	case viaSpeaker:
		which = "speaker"
	}
	if up {
		by = 1
	}
	s.changeVolume(which, by)
	if pageID(s.currentPage()) != "sound" { // which shows it
		level := s.pageContext().volume(which)
		level.ID, level.Role = "note", view.Progress
		s.showNote(level)
	}
}

// volume is the slider of a volume.
func (d pageContext) volume(which string) view.Control {
	v, most := Volume(d.prefs, which)
	return view.Control{ID: which, Role: view.Slider, Text: d.say("sound." + which), Value: number(v),
		Fraction: float64(v) / float64(most)}
}

func soundPage() page {
	return &builtPage{id: "sound", public: true, title: "settings.sound", build: func(d pageContext, p *pageBuilder) {
		for _, which := range []string{"ring", "receiver", "speaker"} {
			p.add(d.volume(which))
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
	return &builtPage{id: "time", public: true, title: "settings.time", build: func(d pageContext, p *pageBuilder) {
		zone, _ := d.clockTime.Zone()
		p.labels(d.texts, "time.", "date", d.fullDate(d.clockTime), "clock", d.clock(d.clockTime), "zone", zone)
		if st := latest(d.steps, journal.Time); st != nil {
			icon, tone := stateLook(st.State)
			c := row("from", icon, d.say("time.server"), d.logLine(st.Decided), "")
			c.Tone = tone
			p.addAction(c, func(s *Screen) { s.open(stepPage(*st)) })
			return
		}
		p.add(view.Control{ID: "own", Role: view.Text, Text: d.say("time.own"), Tone: view.ToneDim})
	}}
}
