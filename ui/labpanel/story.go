//go:build !darwin || cgo

package labpanel

import (
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Lines that the acts and the hint have room for, whichever is shown: the buttons
// below keep their places.
const (
	hintLines   = 3
	actLines    = 1
	nowActLines = 2 // the title of the present act is shown to its end
)

// story is the card that leads through the story.
func (p *Panel) story() fyne.CanvasObject {
	p.actRows = container.NewVBox()
	for _, a := range p.facts.Story {
		row := newAct()
		p.acts = append(p.acts, row)
		p.named[a.ID] = row.text
		p.actRows.Add(row.object())
	}
	p.next = p.label("next", "")
	p.next.TextStyle.Bold, p.next.SizeName = true, theme.SizeNameCaptionText
	fill := p.button("fill", "Fill in the user", "Put address, user name and password of the lab's user into the form",
		p.lab.FillIn)
	again := p.button("again", "Begin again", "All as at the start; it asks before it does so", p.lab.BeginAgain)
	again.quiet = true
	p.buttons = append(p.buttons, fill, again)
	high := lineHeight(theme.SizeNameCaptionText) * float32(len(p.acts)*actLines+nowActLines-actLines)
	return container.NewVBox(
		container.New(fixedHeight{high + float32(len(p.acts))*actGap}, p.actRows),
		container.New(lines{hintLines, theme.SizeNameCaptionText}, p.next),
		container.New(apart{}, fill, again))
}

// act is an act of the story: a number or a tick, and what happens.
type act struct {
	mark *widget.Icon
	text *label
}

func newAct() *act {
	a := &act{mark: widget.NewIcon(theme.RadioButtonIcon()), text: &label{}}
	a.text.Wrapping, a.text.SizeName = fyne.TextWrapWord, theme.SizeNameCaptionText
	a.text.ExtendBaseWidget(a.text)
	return a
}

func (a *act) object() fyne.CanvasObject {
	return container.New(iconRow{}, a.mark, a.text)
}

// show shows the act, and reports whether it has another height.
func (a *act) show(is Act, number int) (changed bool) {
	mark, weight := theme.RadioButtonIcon(), widget.LowImportance
	state := ", still to come"
	switch {
	case is.Done:
		mark, weight, state = theme.NewSuccessThemedResource(theme.ConfirmIcon()), widget.SuccessImportance, ", done"
	case is.Now:
		mark, weight, state = theme.NewPrimaryThemedResource(theme.MediaPlayIcon()), widget.MediumImportance, ", now"
	}
	a.mark.SetResource(mark)
	a.text.id = idPrefix + is.ID
	a.text.whole = strconv.Itoa(number) + ". " + is.Title
	text, wrapping, truncation := a.text.whole, fyne.TextWrapWord, fyne.TextTruncateOff
	if first, _, more := strings.Cut(is.Title, ". "); !is.Now {
		wrapping, truncation = fyne.TextWrapOff, fyne.TextTruncateEllipsis
		if more {
			text = strconv.Itoa(number) + ". " + first + "."
		}
	}
	a.text.state = state
	changed = a.text.Wrapping != wrapping
	if a.text.Text != text || a.text.Importance != weight || a.text.Wrapping != wrapping {
		a.text.Text, a.text.Importance, a.text.Wrapping, a.text.Truncation = text, weight, wrapping, truncation
		a.text.Refresh()
	}
	return changed
}

// iconRow is a small icon before a text, without the padding that Fyne leaves
// around labels.
type iconRow struct{}

const (
	markSize = 16
	actGap   = 5 // between acts
)

func (iconRow) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(markSize, max(markSize, o[1].MinSize().Height-2*theme.InnerPadding()))
}

func (iconRow) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Resize(fyne.NewSize(markSize, markSize))
	o[0].Move(fyne.NewPos(0, 0))
	o[1].Resize(fyne.NewSize(s.Width-markSize, s.Height+2*theme.InnerPadding()))
	o[1].Move(fyne.NewPos(markSize, -theme.InnerPadding()))
}

// fixedHeight is one object at the top of a space whose height does not depend on it.
type fixedHeight struct{ high float32 }

func (l fixedHeight) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(o[0].MinSize().Width, l.high)
}

func (l fixedHeight) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Resize(fyne.NewSize(s.Width, o[0].MinSize().Height))
}

// lines is a label in a space of a number of lines. A longer text is cut off at the
// end of the last one.
type lines struct {
	n    int
	size fyne.ThemeSizeName
}

func (l lines) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(1, float32(l.n)*lineHeight(l.size)+theme.InnerPadding())
}

func (l lines) Layout(o []fyne.CanvasObject, s fyne.Size) {
	at := theme.InnerPadding() / 2 // a label has InnerPadding around its text; half of that is enough
	o[0].Move(fyne.NewPos(-theme.InnerPadding(), -at))
	o[0].Resize(fyne.NewSize(s.Width+2*theme.InnerPadding(), s.Height+2*at))
}

// lineHeight is the height of a line of text.
func lineHeight(size fyne.ThemeSizeName) float32 {
	one, _ := fyne.CurrentApp().Driver().RenderedTextSize("Ág", theme.Size(size), fyne.TextStyle{Bold: true}, nil)
	return one.Height
}

// apart is a wide button at the left and a narrow one at the right, with a gap
// between them.
type apart struct{}

func (apart) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(o[0].MinSize().Width+o[1].MinSize().Width, rowHeight)
}

func (apart) Layout(o []fyne.CanvasObject, s fyne.Size) {
	left, right := s.Width/2, s.Width/3
	o[0].Resize(fyne.NewSize(left, s.Height))
	o[1].Resize(fyne.NewSize(right, s.Height))
	o[1].Move(fyne.NewPos(s.Width-right, 0))
}
