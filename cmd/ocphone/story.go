package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/script"
)

// story is a sequence of acts with an introduction and an end.
type story struct {
	title, scene string // before the first act; scene is a sentence about the deployment
	acts         func(context.Context) []script.Act
	moral        string   // after the last one
	next         []string // commands to try
}

// storyCommand adds to c what every story command has.
func (e environment) storyCommand(c *cobra.Command, run func(context.Context, *printer, bool) error) *cobra.Command {
	var today, verbose bool
	c.Args = noArguments
	c.RunE = func(c *cobra.Command, _ []string) error {
		p := e.printer()
		p.brief = !verbose
		return run(c.Context(), p, today)
	}
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show all evidence and the rule of each step")
	c.Flags().BoolVar(&today, "today", false, "use a deployment and firmware of today instead of 2007")
	return c
}

// playStory plays a story in w and prints it.
func (p *printer) playStory(ctx context.Context, w *script.World, s story) error {
	p.line(bold, "%s", s.title)
	p.line(dim, "%s", s.scene)
	acts := s.acts(ctx)
	if err := w.Play(ctx, acts, &storyPrinter{printer: p, last: map[journal.Name]string{}}); err != nil {
		return err
	}
	p.blank()
	p.line(bold, "What was proved")
	if p.json {
		return nil
	}
	for _, act := range acts {
		p.wrap(p.paint(green, "✓")+" ", act.Claim, "")
	}
	p.blank()
	p.line("", "%s", s.moral)
	p.blank()
	p.line(bold, "Try it by hand")
	for _, command := range s.next {
		fmt.Fprintf(p.w, "  %s\n", command) // never wrapped, to be copied
	}
	return nil
}

// storyPrinter prints acts as they are played.
type storyPrinter struct {
	*printer
	last map[journal.Name]string // content of the last step of each name
}

// Begin implements script.Audience.
func (t *storyPrinter) Begin(n int, a script.Act) {
	t.act = n
	t.blank()
	t.line(bold+";"+cyan, "%d. %s", n, a.Title)
	t.line("", "%s", a.Text)
	t.blank()
}

// Show implements script.Audience.
func (t *storyPrinter) Show(lines []string) {
	for _, l := range lines {
		t.line("", "%s", l)
	}
}

// Steps implements script.Audience. In brief, steps after the registration that
// are as they were in an earlier act are named only.
func (t *storyPrinter) Steps(steps []journal.Step) {
	var same []string
	nameSame := func() {
		if len(same) > 0 {
			t.line(dim, "· %s as before.", strings.Join(same, ", "))
		}
		same = nil
	}
	for _, s := range steps {
		if t.brief && !t.json && followsRegistration(s.Name) && t.last[s.Name] == content(s) {
			if name := string(s.Name); !slices.Contains(same, name) {
				same = append(same, name)
			}
			continue
		}
		nameSame()
		t.last[s.Name] = content(s)
		t.step(s)
	}
	nameSame()
}

// content is what distinguishes a step from another of its name.
func content(s journal.Step) string {
	return strings.Join(append([]string{s.Decided}, s.Details...), "\n")
}
