package screen

import (
	"cmp"
	"strings"

	"github.com/ocphone/ocphone/device/screen/view"
)

// field is a line of typed text; the cursor is at its end.
type field struct {
	id     string
	label  string // message
	text   string
	secret bool
	max    int // characters; 0: maxField
}

// maxField is the default limit of a field.
const maxField = 256

// typed appends text; control characters are dropped.
func (f *field) typed(text string) {
	runes := []rune(f.text)
	for _, r := range text {
		if r >= ' ' && r != 0x7f && len(runes) < cmp.Or(f.max, maxField) {
			runes = append(runes, r)
		}
	}
	f.text = string(runes)
}

// erase takes the last character away.
func (f *field) erase() {
	if runes := []rune(f.text); len(runes) > 0 {
		f.text = string(runes[:len(runes)-1])
	}
}

func (f *field) control(t *texts) view.Control {
	c := view.Control{ID: f.id, Role: view.Field, Text: t.say(f.label), Value: f.text}
	if f.secret {
		c.Role, c.Value = view.Secret, strings.Repeat("•", len([]rune(f.text)))
	}
	return c
}
