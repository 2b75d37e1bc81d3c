//go:build !darwin || cgo

package labpanel

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"github.com/ocphone/ocphone/device/journal"
)

// lists are the tabs with steps and trusted roots.
func (p *Panel) lists() fyne.CanvasObject {
	p.list, p.roots = newRows(p), newRows(p)
	p.list.bottom = true
	p.failed = &check{p: p, id: idPrefix + "failed"}
	p.failed.Text, p.failed.OnChanged = "Only failed or warned", func(bool) { p.list.set(p.stepRows(p.steps)) }
	p.failed.ExtendBaseWidget(p.failed)
	p.named["failed"], p.named["steps"], p.named["roots"] = p.failed, p.list.List, p.roots.List
	p.failure = p.button("copy.failure", "Failure", "Copy why the sign-in failed, and what to change", func() {
		p.window.Copy("the failure", p.facts.Failure)
	})
	p.failure.Icon = theme.ContentCopyIcon()
	copySteps := p.icon("copy.steps", theme.ContentCopyIcon(), "Copy the steps that are listed, or the one that is chosen",
		func() { p.copyRows(p.list, "step") })
	copyRoots := p.icon("copy.roots", theme.ContentCopyIcon(), "Copy the roots that are listed, or the one that is chosen",
		func() { p.copyRows(p.roots, "root") })
	tab := func(title string, r *rows, row ...fyne.CanvasObject) *container.TabItem {
		top := container.New(rightMargin{}, container.New(buttonRow{}, row...))
		return container.NewTabItem(title, container.NewBorder(top, nil, nil, nil, container.New(measuredRows{r}, r.List)))
	}
	hint := p.label("roots.hint", "A paper clip removes those from AD")
	hint.SizeName, hint.Wrapping, hint.Truncation = theme.SizeNameCaptionText, fyne.TextWrapOff, fyne.TextTruncateEllipsis
	p.tabs = container.NewAppTabs(tab("Steps", p.list, p.failed, p.failure, copySteps),
		tab("Trusted roots", p.roots, hint, copyRoots))
	return p.tabs
}

// copyRows copies the chosen row, which is then no longer chosen, or all of them.
func (p *Panel) copyRows(r *rows, kind string) {
	all, what := r.all, fmt.Sprintf("%d %ss", len(r.all), kind)
	if r.chosen >= 0 && r.chosen < len(all) {
		all, what = all[r.chosen:r.chosen+1], "the chosen "+kind
	}
	var b strings.Builder
	for _, row := range all {
		for i, l := range row {
			switch {
			case l.text == "":
			case i == 0:
				fmt.Fprintln(&b, journal.Printable(l.text, 0))
			default:
				fmt.Fprintln(&b, "   ", journal.Printable(l.text, 0))
			}
		}
	}
	p.window.Copy(what, b.String())
	r.List.UnselectAll()
}

// Add appends steps to the list, the newest at the bottom.
func (p *Panel) Add(steps ...journal.Step) {
	p.steps = append(p.steps, steps...)
	if over := len(p.steps) - keepSteps; over > 0 {
		p.steps = append([]journal.Step(nil), p.steps[min(over+slackSteps, len(p.steps)-1):]...)
		p.list.set(p.stepRows(p.steps))
		return
	}
	p.list.add(p.stepRows(steps)...)
}

// stepRows are the rows of the steps that pass the filter.
func (p *Panel) stepRows(steps []journal.Step) (all [][]line) {
	for _, s := range steps {
		if !p.failed.Checked || s.State == journal.Failed || s.State == journal.Warned {
			all = append(all, stepRow(s))
		}
	}
	return all
}

// stepRow is the row of a step: question, answer and decision.
func stepRow(s journal.Step) []line {
	head := line{text: fmt.Sprintf("%s  %s  %s", s.At.Format("15:04:05"), s.Name, s.State), bold: true}
	switch s.State {
	case journal.OK:
		head.color = theme.ColorNameSuccess
	case journal.Failed:
		head.color = theme.ColorNameError
	case journal.Warned:
		head.color = theme.ColorNameWarning
	}
	if s.Code != "" {
		head.text += "  " + string(s.Code)
	}
	said := func(what, text string) line {
		if text == "" {
			return line{}
		}
		return line{text: what + " " + shortened(text)}
	}
	answered := said("Answered:", s.Answered)
	if s.By != "" && s.Answered != "" {
		answered.text += " (" + shortened(s.By) + ")"
	}
	return []line{head, said("Asked:", s.Asked), answered, {text: shortened(s.Decided)}, said("To change:", s.Fix)}
}

// maxText bounds a text of a step, in characters: a longer one would fill the list.
const maxText = 300

func shortened(text string) string {
	return journal.Printable(strings.Join(strings.Fields(text), " "), maxText)
}

// rootRows lists the trusted roots, the downloaded ones first, since only they come
// and go.
func rootRows(roots []Root) (all [][]line) {
	for _, want := range []bool{true, false} {
		for _, r := range roots {
			if r.Downloaded != want {
				continue
			}
			head := line{text: r.Subject, bold: true}
			if want {
				head.color = theme.ColorNameSuccess
			}
			all = append(all, []line{head, {text: r.Source}})
		}
	}
	if len(all) == 0 {
		all = [][]line{{{text: "The phone trusts no root."}}}
	}
	return all
}
