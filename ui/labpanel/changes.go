//go:build !darwin || cgo

package labpanel

import (
	"image/color"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// jumps are the buttons by which time passes.
var jumps = []struct {
	id, text, tip string
	by            time.Duration
}{
	{"pass.8h", "+8 h", "Eight hours pass: the phone loads its dial plan again", 8 * time.Hour},
	{"pass.day", "+1 day", "A day passes for lab and phone", 24 * time.Hour},
	{"pass.month", "+30 days", "Thirty days pass for lab and phone", 30 * 24 * time.Hour},
}

// Texts of the choices with an empty ID.
const (
	noFault         = "no fault"
	goodCertificate = "good"
)

// changes is what an administrator, time or a broken server does to the deployment:
// time, accounts, faults and certificates.
func (p *Panel) changes() fyne.CanvasObject {
	passes := container.NewGridWithColumns(len(jumps))
	for _, j := range jumps {
		passes.Add(p.button(j.id, j.text, j.tip, func() { p.lab.Pass(j.by) }))
	}
	p.day = &entry{p: p, id: idPrefix + "day", name: "Day to go to"}
	p.day.ExtendBaseWidget(p.day)
	p.day.SetPlaceHolder("YYYY-MM-DD")
	p.named["day"] = p.day
	to := p.button("pass.to", "Go to", "Time passes until this day", func() { p.lab.PassTo(p.day.Text) })
	p.day.OnSubmitted = func(string) { p.lab.PassTo(p.day.Text) }
	p.today = p.label("today", "")
	p.today.Wrapping, p.today.SizeName = fyne.TextWrapOff, theme.SizeNameCaptionText

	var users []Choice
	for _, u := range p.choices.Users {
		users = append(users, Choice{u, u})
	}
	p.user = p.choice("user", "User", users, func(string) { p.showChanges(p.facts) })
	p.account = p.choice("account", "Account", p.choices.Accounts, func(state string) {
		p.lab.SetAccount(p.user.Selected, state)
	})
	var servers []Choice
	for _, s := range p.choices.Servers {
		servers = append(servers, Choice{s.ID, s.Name})
	}
	p.server = p.choice("server", "Server", servers, func(string) { p.showChanges(p.facts) })
	p.fault = p.choice("fault", "Fault", nil, func(id string) { p.lab.SetFault(p.chosenServer().ID, id) })
	p.cert = p.choice("certificate", "Certificate", nil, func(id string) {
		p.lab.SetCertificate(p.chosenServer().ID, id)
	})
	if len(users) > 0 {
		p.user.mark(users[0].ID)
	}
	if len(servers) > 0 {
		p.server.mark(servers[0].ID)
	}
	row := func(caption fyne.CanvasObject, o fyne.CanvasObject) fyne.CanvasObject {
		return container.New(captionRow{}, caption, o)
	}
	return container.NewVBox(
		row(heading("Time"), passes),
		row(p.today, container.New(buttonRow{}, p.day, to)),
		row(heading("Account"), container.NewGridWithColumns(2, outlined(p.user), outlined(p.account))),
		row(heading("Server"), outlined(p.server)),
		row(widget.NewLabel("Fault"), outlined(p.fault)),
		row(widget.NewLabel("Certificate"), outlined(p.cert)))
}

// outlined draws a border around a choice, which Fyne leaves out.
func outlined(o fyne.CanvasObject) fyne.CanvasObject {
	border := canvas.NewRectangle(color.Transparent)
	border.StrokeColor, border.StrokeWidth = theme.Color(theme.ColorNameInputBorder), theme.InputBorderSize()
	border.CornerRadius = theme.InputRadiusSize()
	return container.NewStack(o, border)
}

// chosenServer is the server whose fault and certificate are shown.
func (p *Panel) chosenServer() Server {
	if i := p.server.SelectedIndex(); i >= 0 {
		return p.choices.Servers[i]
	}
	return Server{}
}

// showChanges shows the facts of the chosen user and server.
func (p *Panel) showChanges(f Facts) {
	setText(p.today, f.Time.Format(time.DateOnly))
	p.account.mark(f.Accounts[p.user.Selected])
	s := p.chosenServer()
	p.fault.offer(append([]Choice{{"", noFault}}, s.Faults...))
	p.fault.mark(f.Faults[s.ID])
	if len(s.Certificates) == 0 {
		p.cert.offer(nil)
		p.cert.mark("the phone does not see one")
		p.cert.Disable()
		return
	}
	p.cert.offer(append([]Choice{{"", goodCertificate}}, s.Certificates...))
	p.cert.mark(f.Certificates[s.ID])
	p.cert.Enable()
}

// shell is how a shell changes this lab.
func (p *Panel) shell() fyne.CanvasObject {
	text := widget.NewLabel("")
	text.Wrapping, text.SizeName = fyne.TextWrapWord, theme.SizeNameCaptionText
	line := p.label("shell", p.choices.Shell)
	line.Wrapping, line.SizeName, line.Selectable = fyne.TextWrapBreak, theme.SizeNameCaptionText, true
	line.TextStyle.Monospace = true
	copyLine := p.button("shell.copy", "Copy", "Copy this line", func() { p.window.Copy("the line", p.choices.Shell) })
	if p.choices.Shell == "" {
		text.Text = p.choices.NoShell
		line.Hide()
		copyLine.Disable()
	} else {
		text.Text = "A shell that has run this line changes this lab, until the window is closed. " +
			"Try: ocphone lab root list"
	}
	return container.NewVBox(text, line, container.NewHBox(copyLine))
}
