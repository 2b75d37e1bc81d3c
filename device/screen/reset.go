package screen

import (
	"context"
	"errors"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// holeTime is how long a paper clip must be held. It is not documented; this is
// too long to happen by accident.
const holeTime = 5 * time.Second

// holeStep is how often the ring around the paper clip grows.
const holeStep = 100 * time.Millisecond

// heldClip is a paper clip at the bottom of the reset hole. It counts steps, since
// the clock may be set meanwhile.
type heldClip struct {
	timer clock.Timer
	held  time.Duration
}

// Poke pushes a paper clip to the bottom of the reset hole, or takes it out. Held
// for five seconds it resets the phone (R1.3); if it is taken out before, nothing
// happens.
func (s *Screen) Poke(in bool) {
	s.change(func() {
		s.removeClip()
		if in && s.now.On() {
			s.clip = &heldClip{}
			s.scheduleClip(s.clip)
		}
	})
}

// removeClip takes the paper clip out.
func (s *Screen) removeClip() {
	if s.clip != nil && s.clip.timer != nil {
		s.clip.timer.Stop()
	}
	s.clip = nil
}

func (s *Screen) scheduleClip(c *heldClip) {
	c.timer = s.opt.Clock.AfterFunc(holeStep, func() { s.change(func() { s.clipTick(c) }) })
}

// clipTick is the timer of the paper clip.
func (s *Screen) clipTick(c *heldClip) {
	if s.clip != c {
		return // taken out meanwhile
	}
	if c.held += holeStep; c.held < holeTime {
		s.scheduleClip(c)
		return
	}
	s.clip = nil
	s.reset(func() (went, stayed []string, err error) {
		diff, err := s.phone.PressReset()
		return rootNames(diff.Removed), rootNames(diff.Kept), err
	})
}

func (s *Screen) clipView() view.Hole {
	if s.clip == nil {
		return view.Hole{}
	}
	return view.Hole{Clip: true, Of: holeTime, Left: holeTime - s.clip.held}
}

// reset runs one of the phone's resets and shows what it did.
func (s *Screen) reset(press func() (went, stayed []string, err error)) {
	r := &resetPage{}
	s.lastUse = s.opt.Clock.Now()
	s.home()
	s.unlock()
	saving := s.saving
	clear(s.unsaved)
	s.open(&builtPage{id: "reset", public: true, build: r.build})
	s.opt.Clock.AfterFunc(restartTime, func() { s.change(func() { r.seen = true }) })
	s.background(func(ctx context.Context) {
		if saving != nil { // preferences that are still being written would survive the reset
			<-saving
		}
		if r.went, r.stayed, r.err = press(); r.err == nil { // then the status must not show the user either
			s.waitFor(ctx, func(now device.Snapshot) bool { return !signedIn(now) })
		}
	}, func() { r.done = true })
}

// restartTime is how long the page shows the restart at least: the restart
// itself is too quick to be seen.
const restartTime = 1500 * time.Millisecond

// resetPage shows the restart, then which roots were removed and which stay. The
// results are read only after done is set.
type resetPage struct {
	done, seen   bool
	went, stayed []string
	err          error
}

func (r *resetPage) build(d pageContext, p *pageBuilder) {
	p.Title = d.say("reset.title")
	switch {
	case !r.done || !r.seen:
		p.Layout, p.Title = view.Centered, d.say("settings.restart")
		p.add(view.Control{ID: "text", Role: view.Text, Text: d.say("reset.running"), Icon: view.IconRestart},
			view.Control{ID: "progress", Role: view.Progress, Text: d.say("start.title"), Fraction: -1})
		return
	case r.err != nil:
		p.add(heading("failed", d.say("reset.failed"), view.IconError, view.ToneBad),
			view.Control{ID: "why", Role: view.Text, Text: d.sentenceOf(r.err)})
	default:
		var rows []view.Control
		list := func(id string, roots []string, title, each view.Icon, tone view.Tone) {
			rows = append(rows, row("roots."+id, title, d.say("reset."+id, "Count", len(roots)), "", ""))
			for i, root := range roots {
				c := row("roots."+id+"."+number(i), each, root, "", "")
				c.Tone = tone
				rows = append(rows, c)
			}
		}
		list("went", r.went, view.IconDelete, view.IconCert, view.ToneWarn)
		list("stayed", r.stayed, view.IconOK, view.IconCert, view.ToneGood)
		p.list("roots", rows, "")
		if len(r.went) > 0 {
			p.add(view.Control{ID: "next", Role: view.Text, Text: d.say("reset.next"), Tone: view.ToneDim})
		}
	}
	p.softKey("continue", d.say("continue"), view.IconOK, (*Screen).home)
}

// resetMenu offers the resets of the menu; the paper clip is on the back.
func resetMenu() page {
	return &builtPage{id: "reset-menu", public: true, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("settings.reset")
		p.add(view.Control{ID: "clip", Role: view.Text, Text: d.say("resetmenu.clip"), Tone: view.ToneDim})
		icons := map[string]view.Icon{"user": view.IconPerson, "factory": view.IconReset}
		for _, kind := range []string{"user", "factory"} {
			title, what := d.say("resetmenu."+kind), d.say("resetmenu."+kind+".what")
			lines, yes := []string{what, d.say("sure")}, d.say("settings.reset")
			p.addAction(row(kind, icons[kind], title, what, ""), func(s *Screen) {
				s.confirm("reset-confirm", title, lines, yes, func(s *Screen) {
					s.reset(func() (went, stayed []string, err error) {
						if kind == "user" {
							err = s.phone.ResetUser()
							return nil, rootNames(s.phone.Snapshot().Roots), err
						}
						diff, err := s.phone.FactoryReset()
						return rootNames(diff.Removed), rootNames(diff.Kept), err
					})
				})
			})
		}
	}}
}

// rootNames are the subjects of roots.
func rootNames[T interface{ Subject() string }](roots []T) []string {
	names := make([]string, len(roots))
	for i, r := range roots {
		names[i] = r.Subject()
	}
	return names
}

// sentenceOf puts an error into a sentence for the user.
func (t *texts) sentenceOf(err error) string {
	var f *journal.Failure
	if !errors.As(err, &f) {
		return t.logLine(sentence(oneLine(err.Error())))
	}
	step := f.Step("").Stamp(0, time.Time{})
	return t.logLine(step.Decided + " " + step.Fix)
}
