package screen

import (
	"context"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
)

// signInPage is the form: address, user, password.
type signInPage struct {
	noHold
	fields   [3]field
	suggest  device.Credentials
	busy     bool // the phone is starting the sign-in
	keepOnce bool // the next clear keeps the fields
}

// Fields of the form.
const (
	atAddress = iota
	atUser
	atPassword
)

func newSignInPage(suggest device.Credentials) *signInPage {
	p := &signInPage{suggest: suggest}
	p.fields[atAddress] = field{id: "address", label: "signin.address"}
	p.fields[atUser] = field{id: "user", label: "signin.user"}
	p.fields[atPassword] = field{id: "password", label: "signin.password", secret: true}
	p.fill(suggest)
	return p
}

func (p *signInPage) fill(c device.Credentials) {
	p.fields[atAddress].text, p.fields[atUser].text, p.fields[atPassword].text = c.Address, c.User, c.Password
}

// credentials are the fields of the form.
func (p *signInPage) credentials() device.Credentials {
	return device.Credentials{
		Address:  p.fields[atAddress].text,
		User:     p.fields[atUser].text,
		Password: p.fields[atPassword].text,
	}
}

// forgetPassword removes the password after a sign-in. A suggested password is
// public and is put back.
func (p *signInPage) forgetPassword() {
	p.fields[atPassword].text = ""
	if c := p.credentials(); c.Address == p.suggest.Address && c.User == p.suggest.User {
		p.fields[atPassword].text = p.suggest.Password
	}
}

// clear prepares the form for the next user.
func (p *signInPage) clear() {
	if !p.keepOnce {
		p.fill(p.suggest)
	}
	p.keepOnce = false
}

// remember fills an empty form with the user that signed in last.
func (p *signInPage) remember(now device.Snapshot) {
	if c := p.credentials(); c.Address == "" && c.User == "" && now.Address != "" {
		p.fill(device.Credentials{Address: now.Address, User: now.User})
	}
}

// Fill puts credentials into the sign-in form, as if they were typed.
func (s *Screen) Fill(c device.Credentials) { s.change(func() { s.form.fill(c) }) }

func (p *signInPage) view(d pageContext) view.Page {
	v := view.Page{ID: "signin", Layout: view.Form, Title: d.say("signin.title"), Keyboard: view.Letters}
	v.Focus = p.firstEmpty()
	for i := range p.fields {
		c := p.fields[i].control(d.texts)
		if i == atUser {
			c.Second = d.say("signin.user.form")
		}
		v.Controls = append(v.Controls, c)
	}
	v.Controls = append(v.Controls, view.Control{ID: "sign-in", Role: view.Button, Text: d.say("signin.go"), Off: p.busy})
	v.Nav = []view.Control{{ID: "settings", Role: view.Button, Text: d.say("settings.title"), Icon: view.IconSettings}}
	return v
}

// firstEmpty is the ID of the first required field that is empty, else of the
// button.
func (p *signInPage) firstEmpty() string {
	for _, f := range p.fields {
		if f.text == "" && f.id != "user" { // the user may be left out
			return f.id
		}
	}
	return "sign-in"
}

// focusedField is the field that has the focus; nil: none. It fixes the focus,
// which so far may be the page's choice.
func (p *signInPage) focusedField(s *Screen) *field {
	if s.focus == "" {
		s.focus = p.firstEmpty()
	}
	for i := range p.fields {
		if p.fields[i].id == s.focus {
			return &p.fields[i]
		}
	}
	return nil
}

func (p *signInPage) typed(s *Screen, text string) {
	if f := p.focusedField(s); f != nil {
		f.typed(text)
	}
}

func (p *signInPage) key(s *Screen, k view.Key) bool {
	f := p.focusedField(s)
	switch {
	case k == view.KeyDelete && f != nil:
		f.erase()
	case k == view.KeyEnter && f != nil && f.id == "password":
		p.submit(s)
	case k == view.KeyEnter && f != nil:
		s.moveFocus(1, true)
	case len(k) == 1 && f != nil:
		f.typed(string(k))
	default:
		return false
	}
	return true
}

func (p *signInPage) tap(s *Screen, id string) {
	switch id {
	case "sign-in":
		p.submit(s)
	case "settings":
		s.open(settingsPage())
	}
}

func (p *signInPage) submit(s *Screen) {
	for _, f := range p.fields {
		if f.text == "" && f.id != "user" {
			s.focus = f.id
			s.showMessage("signin-missing", s.texts.say("signin.title"), s.texts.say("signin.missing."+f.id))
			return
		}
	}
	s.signIn(p.credentials())
}

// signIn signs in. An error of SignIn itself is shown in a dialog.
func (s *Screen) signIn(c device.Credentials) {
	if s.form.busy {
		return
	}
	s.form.busy = true
	another := s.now.Address != "" && s.now.Address != c.Address
	var err error
	s.background(func(context.Context) {
		if err = s.phone.SignIn(c); err == nil && another {
			s.phone.SetPIN("") // the PIN of the former user
		}
	}, func() {
		s.form.busy = false
		if err != nil {
			s.showMessage("signin-refused", s.texts.say("signin.title"), s.texts.sentenceOf(err))
			return
		}
		s.home()
	})
}
