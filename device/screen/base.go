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

// stage is a part of signing in: its steps in the journal.
type stage struct {
	text string // message
	step journal.Name
}

// stages are in the order in which they happen. The download of certificates
// is shown only if the phone asks for roots (R1.2).
func stages() []stage {
	return []stage{
		{"signing.time", journal.Time},
		{"signing.discovery", journal.Discovery},
		{"signing.connect", journal.Connect},
		{"signing.trust", journal.Trust},
		{"signing.roots", journal.Roots},
		{"signing.register", journal.Register},
	}
}

// attemptSteps are the steps of the present connection attempt: those after the
// last failure.
func (d pageContext) attemptSteps() []journal.Step {
	steps := d.recentSteps()
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].State == journal.Failed {
			return steps[i+1:]
		}
	}
	return steps
}

func signingInPage() page {
	return &builtPage{id: "signing-in", title: "signing.title", build: func(d pageContext, p *pageBuilder) {
		p.add(view.Control{ID: "who", Role: view.Heading, Text: d.say("signing.who", "Address", d.now.Address)})
		last := map[journal.Name]journal.Step{}
		for _, st := range d.attemptSteps() {
			last[st.Name] = st
		}
		var done, all float64
		busy := "" // message of the stage under way: the one after the last stage with steps
		for _, st := range stages() {
			step, begun := last[st.step]
			verdict, judged := last[journal.Trust]
			searching := verdict.State == journal.Warned // the phone asks for roots
			switch {
			case st.step == journal.Roots && !begun && !searching:
				continue
			case st.step == journal.Time && !begun && len(last) > 0:
				continue // the clock was right already
			}
			all++
			c := view.Control{ID: "stage." + string(st.step), Role: view.Text, Text: d.say(st.text), Tone: view.ToneDim}
			switch {
			case begun && st.step == journal.Roots && searching: // its steps go on until all are installed
				c.Tone, c.Icon, busy = view.ToneNone, view.IconCert, st.text
				c.Second = step.Decided
			case begun && step.State == journal.Warned:
				c.Tone, c.Icon, done = view.ToneWarn, view.IconWarning, done+1
			case begun, st.step == journal.Connect && judged: // a verdict needs a connection
				c.Tone, c.Icon, done = view.ToneGood, view.IconOK, done+1
			case st.step == journal.Roots:
				busy = st.text
			}
			p.add(c)
		}
		if busy == "signing.roots" {
			p.add(view.Control{ID: "download", Role: view.Progress, Text: d.say("signing.download"), Fraction: -1})
		} else {
			p.add(view.Control{ID: "progress", Role: view.Progress, Text: d.say("signing.title"), Fraction: done / max(all, 1)})
		}
		p.softKey("cancel", d.say("cancel"), view.IconSignOut, func(s *Screen) {
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
