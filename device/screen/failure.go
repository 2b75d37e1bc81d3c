package screen

import (
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// failurePage says in a sentence why the sign-in failed, and what to change.
func failurePage() page {
	return &builtPage{id: "failure", build: func(d pageContext, p *pageBuilder) {
		p.Title = d.say("failure.title")
		f := d.now.Failure
		if f == nil {
			return
		}
		p.add(heading("what", d.say("failure.heading"), view.IconError, view.ToneBad))
		if at := d.now.NextTry; !at.IsZero() {
			next := d.say("failure.next", "Time", d.precise(at.In(d.location)))
			p.add(textLine("next", next, view.IconTime, view.ToneNone))
		}
		p.stepLog(d, *f)
		p.softKey("details", d.say("failure.details"), view.IconInfo, func(s *Screen) { s.open(stepPage(*f)) })
		if d.now.State == device.Failed {
			p.softKey("again", d.say("failure.again"), view.IconRestart, (*Screen).signInAgain)
		}
		p.softKey("other", d.say("failure.other"), view.IconPerson, (*Screen).signOut)
		p.toSettings(d)
	}}
}

// signInAgain signs in with the credentials of the form. Credentials that a
// server refused are not sent again: the form opens with an empty password.
func (s *Screen) signInAgain() {
	c := s.form.credentials()
	if f := s.now.Failure; f == nil || credentialsRefused(f.Code) {
		s.form.fields[atPassword].text = ""
		c.Password = ""
	}
	if c.Password == "" || c.Address != s.now.Address {
		if c.Address != s.now.Address {
			s.form.fill(device.Credentials{Address: s.now.Address, User: s.now.User})
		}
		s.open(s.form)
		return
	}
	s.signIn(c)
}

// credentialsRefused reports whether a server has refused user or password.
func credentialsRefused(code journal.Code) bool {
	return slices.Contains([]journal.Code{journal.AuthPassword, journal.AuthDisabled,
		journal.ADCredentials, journal.ADLocked, journal.ADExpired, journal.ADDisabled,
		journal.ADRestricted}, code)
}

// stepPage shows all fields of one step.
func stepPage(st journal.Step) page {
	return &builtPage{id: "step", public: true, build: func(d pageContext, p *pageBuilder) {
		p.Title = d.stepName(st.Name)
		at := st.At.In(d.location)
		p.label("at", d.say("step.at"), d.day(at)+" "+d.precise(at))
		p.stepLog(d, st)
		from := len(p.Controls)
		p.labels(d.texts, "step.", "asked", st.Asked, "answered", st.Answered, "by", st.By,
			"because", plainLog(st.Because), "code", string(st.Code))
		for i := range p.Controls[from:] {
			p.Controls[from+i].Log = true
		}
		if len(st.Details) > 0 {
			p.add(heading("details", d.say("step.details"), view.NoIcon, view.ToneNone))
		}
		for i, line := range st.Details {
			p.add(logText("details."+number(i), line))
		}
	}}
}

// stepLog adds what a step says: what was decided, and what to change.
func (p *pageBuilder) stepLog(d pageContext, st journal.Step) {
	p.log(d)
	decided := logText("decided", st.Decided)
	decided.Icon, decided.Tone = stateLook(st.State)
	if p.add(decided); st.Fix != "" {
		p.add(heading("change", d.say("step.change"), view.NoIcon, view.ToneNone), logText("fix", st.Fix))
	}
}

// stateLook is the icon and the tone for the state of a step.
func stateLook(s journal.State) (view.Icon, view.Tone) {
	switch s {
	case journal.OK:
		return view.IconOK, view.ToneGood
	case journal.Warned:
		return view.IconWarning, view.ToneWarn
	case journal.Failed:
		return view.IconError, view.ToneBad
	}
	return view.IconInfo, view.ToneDim
}

// stepName is the name of a step in the language of the phone, else its own name.
func (d pageContext) stepName(n journal.Name) string {
	return d.sayOr("stepname."+string(n), string(n))
}

// stepRows lists steps, the newest first. Their second texts are from the log.
func (p *pageBuilder) stepRows(d pageContext, steps []journal.Step, wanted func(journal.Step) bool) []view.Control {
	var rows []view.Control
	for i := len(steps) - 1; i >= 0; i-- {
		st := steps[i]
		if !wanted(st) {
			continue
		}
		icon, tone := stateLook(st.State)
		at := d.precise(st.At.In(d.location))
		c := row("steps."+number(int(st.Seq)), icon, d.stepName(st.Name), shorten(plainLog(st.Decided)), at)
		c.Tone, c.Log = tone, true
		p.row(&rows, c, func(s *Screen) { s.open(stepPage(st)) })
	}
	return rows
}

// maxShort is the number of characters of a sentence that a row of a list has
// room for. The page that the row opens shows the whole sentence.
const maxShort = 60

// shorten cuts a sentence to the room in a row.
func shorten(sentence string) string {
	runes := []rune(sentence)
	if len(runes) <= maxShort {
		return sentence
	}
	cut := maxShort
	for i := maxShort; i > maxShort/2; i-- { // not within a word
		if runes[i] == ' ' {
			cut = i
			break
		}
	}
	return strings.TrimRight(string(runes[:cut]), " ,;:.") + "…"
}
