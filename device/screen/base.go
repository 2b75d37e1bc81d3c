package screen

import (
	"context"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// The pages before a user is signed in: off, starting, signing in.

func offPage() page {
	return &builtPage{id: "off", public: true, build: func(pageContext, *pageBuilder) {}}
}

// startPage shows the bring-up of the phone, which waits for a network cable.
func startPage() page {
	return &builtPage{id: "start", title: "start.title", build: func(d pageContext, p *pageBuilder) {
		p.add(textLine("power", d.say("start.power", "Firmware", d.now.Firmware), view.IconOK, view.ToneGood),
			textLine("roots", d.say("start.roots", "Count", len(d.now.Roots)), view.IconOK, view.ToneGood),
			textLine("network", d.say("start.cable"), view.IconNetwork, view.ToneWarn),
			view.Control{ID: "progress", Role: view.Progress, Text: d.say("start.network"), Fraction: -1})
		p.toSettings(d)
	}}
}

// toSettings adds the soft key that opens the settings.
func (p *pageBuilder) toSettings(d pageContext) {
	p.softKey("settings", d.say("settings.title"), view.IconSettings, func(s *Screen) { s.open(settingsPage()) })
}

// signingInPage shows the steps of the present connection attempt: those after the
// last failure. The download of certificates is shown only if the phone asks for
// roots (R1.2).
func signingInPage() page {
	return &builtPage{id: "signing-in", title: "signing.title", build: func(d pageContext, p *pageBuilder) {
		p.add(view.Control{ID: "who", Role: view.Heading, Text: d.say("signing.who", "Address", d.now.Address)})
		last := map[journal.Name]journal.Step{}
		for _, st := range d.recentSteps() {
			if last[st.Name] = st; st.State == journal.Failed { // another attempt follows
				clear(last)
			}
		}
		verdict, judged := last[journal.Trust]
		searching := verdict.State == journal.Warned // the phone asks for roots
		var done, all float64
		fetching := false // the stage under way is that of the roots
		for _, st := range []journal.Name{
			journal.Time, journal.Discovery, journal.Connect, journal.Trust, journal.Roots, journal.Register,
		} {
			step, begun := last[st]
			switch {
			case st == journal.Roots && !begun && !searching:
				continue
			case st == journal.Time && !begun && len(last) > 0:
				continue // the clock was right already
			}
			all++
			c := textLine("stage."+string(st), d.say("signing."+string(st)), view.IconPending, view.ToneDim)
			switch {
			case begun && st == journal.Roots && searching: // its steps go on until all are installed
				c.Tone, c.Icon, c.Second = view.ToneNone, view.IconCert, d.logLine(step.Decided)
				fetching = true
			case begun && step.State == journal.Warned:
				c.Tone, c.Icon, done = view.ToneWarn, view.IconWarning, done+1
			case begun, st == journal.Connect && judged: // a verdict needs a connection
				c.Tone, c.Icon, done = view.ToneGood, view.IconOK, done+1
			case st == journal.Roots:
				fetching = true
			}
			p.add(c)
		}
		if fetching {
			p.add(view.Control{ID: "download", Role: view.Progress, Text: d.say("signing.download"), Fraction: -1})
		} else {
			p.add(view.Control{ID: "progress", Role: view.Progress, Text: d.say("signing.title"), Fraction: done / max(all, 1)})
		}
		p.softKey("cancel", d.say("cancel"), view.IconCancel, func(s *Screen) {
			s.form.keepOnce = true // the user may want to correct what he typed
			s.signOut()
		})
		p.toSettings(d)
	}}
}

// signOut signs out, or ends a sign-in that is under way. It also removes the
// PIN: the next user proves his identity by a password and sets a PIN of his own.
func (s *Screen) signOut() {
	s.background(func(ctx context.Context) {
		s.phone.SignOut(ctx) // an error is in the journal; the phone forgets the user in any case
		s.phone.SetPIN("")
	}, func() {})
}
