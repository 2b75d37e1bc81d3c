package view

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestFocusGoesFromControlToControl(t *testing.T) {
	rows := &Rows{ID: "r.", Len: 3, Row: func(i int) Control {
		return Control{ID: fmt.Sprint("r.", i), Role: []Role{Heading, Row, Row}[i]}
	}}
	p := Page{Back: true, List: rows, Controls: []Control{
		{ID: "field", Role: Field}, {ID: "text", Role: Text}, {ID: "grey", Role: Button, Off: true},
	}, Nav: []Control{{ID: "call", Role: Button}}}
	for _, c := range []struct {
		name string
		by   int
		tab  bool
		from string
		want []string // "*": past the end
	}{
		{"arrows", 1, false, "", []string{"field", "r.1", "r.2", "call", "back", "*field"}},
		{"arrows back", -1, false, "", []string{"*back", "call", "r.2", "r.1", "field", "*back"}},
		{"Tab: the list is one stop", 1, true, "", []string{"field", "r.1", "call", "back", "*field"}},
		{"Tab back", -1, true, "call", []string{"r.1", "field", "*back"}},
		{"Tab from within the list", 1, true, "r.2", []string{"call"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, got := p, []string(nil)
			q.Focus = c.from
			for range c.want {
				id, around := q.Next(c.by, c.tab)
				q.Focus = id
				if around {
					id = "*" + id
				}
				got = append(got, id)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	if id, around := (&Page{}).Next(1, true); id != "" || !around {
		t.Errorf("a page without controls: %q, %v", id, around)
	}
}

func TestPlainShowsTheNote(t *testing.T) {
	v := View{On: true, Note: &Control{ID: "note", Role: Progress, Text: "Ringing", Value: "6", Fraction: .6}}
	if got := v.Plain(); !strings.Contains(got, "[######....] Ringing") {
		t.Error(got)
	}
}
