package script

import (
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
)

// The phone in the states of the story.

// fresh is a new phone inside.
func fresh() Facts {
	return Facts{Place: Inside, On: true, Pool: RootFacts{Published: true}}
}

func signedInInside() Facts {
	f := fresh()
	f.SignedIn, f.Downloaded, f.Pool.Trusted = true, 1, true
	return f
}

func refusedOutside() Facts {
	f := signedInInside()
	f.SignedIn, f.Place, f.Refused, f.Edge.Published = false, Outside, journal.CertUntrusted, true
	return f
}

func emptied() Facts {
	f := fresh()
	f.Place, f.Edge.Published, f.PaperClips = Outside, true, 1
	return f
}

func bothRoots() Facts {
	f := signedInInside()
	f.Downloaded, f.Edge, f.PaperClips = 2, RootFacts{Published: true, Trusted: true}, 1
	return f
}

func throughEdge() Facts {
	f := bothRoots()
	f.Place, f.Remote = Outside, true
	return f
}

func TestActsAreTickedInTheirOrder(t *testing.T) {
	var s Progress
	for i, f := range []Facts{fresh(), signedInInside(), refusedOutside(), emptied(), throughEdge()} {
		s.Follow(f)
		if s.done != i {
			t.Fatalf("after picture %d: %d acts are done", i, s.done)
		}
	}
	if !s.Over() || !strings.Contains(s.Next(throughEdge()).Text, "That was the story") {
		t.Error("four acts are not the end")
	}
}

func TestActIsTickedOnlyWhenItHappened(t *testing.T) {
	with := func(f Facts, change func(*Facts)) Facts { change(&f); return f }
	for _, c := range []struct {
		name  string
		after []Facts // that lead there
		not   Facts   // does not complete the next act
	}{
		{"signed in with both roots at once", nil, bothRoots()},
		{"signed in through the Edge", nil, throughEdge()},
		{"signing in", nil, with(signedInInside(), func(f *Facts) { f.SignedIn, f.Busy = false, true })},
		{"refused for a wrong password", []Facts{signedInInside()}, with(refusedOutside(), func(f *Facts) { f.Refused = journal.AuthPassword })},
		{"refused without the root in AD", []Facts{signedInInside()}, with(refusedOutside(), func(f *Facts) { f.Edge.Published = false })},
		{"refused inside", []Facts{signedInInside()}, with(refusedOutside(), func(f *Facts) { f.Place = Inside })},
		{"published, and nothing else", []Facts{signedInInside()}, with(signedInInside(), func(f *Facts) { f.Edge.Published = true })},
		{"emptied by another reset", []Facts{signedInInside(), refusedOutside()}, with(emptied(), func(f *Facts) { f.PaperClips = 0 })},
		{"a paper clip before the second act", []Facts{signedInInside(), with(refusedOutside(), func(f *Facts) { f.PaperClips = 1 })}, emptied()},
		{"inside with both roots", []Facts{signedInInside(), refusedOutside(), emptied()}, bothRoots()},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s Progress
			for _, f := range c.after {
				s.Follow(f)
			}
			if s.done != len(c.after) {
				t.Fatalf("%d acts are done before, want %d", s.done, len(c.after))
			}
			if s.Follow(c.not) {
				t.Errorf("act %d was ticked", s.done)
			}
		})
	}
}

func TestNextSaysWhatBringsTheStoryOn(t *testing.T) {
	with := func(f Facts, change func(*Facts)) Facts { change(&f); return f }
	one, two := []Facts{signedInInside()}, []Facts{signedInInside(), refusedOutside()}
	three := append(append([]Facts(nil), two...), emptied())
	for _, c := range []struct {
		name  string
		after []Facts
		now   Facts
		want  string
		press Button
	}{
		{"new", nil, fresh(), "Fill in the user", FillButton},
		{"off", nil, Facts{}, "is off", NoButton},
		{"outside", nil, with(fresh(), func(f *Facts) { f.Place = Outside }), "Inside", InsideButton},
		{"pool's root withdrawn", nil, with(fresh(), func(f *Facts) { f.Pool.Published = false }), "pool's root", PoolButton},
		{"Edge's root published too soon", nil, with(fresh(), func(f *Facts) { f.Edge.Published = true }), "Withdraw", EdgeButton},
		{"Edge's root trusted too soon", nil, with(fresh(), func(f *Facts) { f.Edge.Trusted = true }), "Begin again", AgainButton},
		{"signing in", nil, with(fresh(), func(f *Facts) { f.Busy = true }), "Wait", NoButton},
		{"wrong password", nil, with(fresh(), func(f *Facts) { f.Refused = journal.AuthPassword }), "Details", FillButton},
		{"signed in", one, signedInInside(), "press Publish beside the Edge's root", EdgeButton},
		{"published", one, with(signedInInside(), func(f *Facts) { f.Edge.Published = true }), "Outside", OutsideButton},
		{"outside, signed out", one, with(refusedOutside(), func(f *Facts) { f.Refused = "" }), "Sign in", FillButton},
		{"refused", two, refusedOutside(), "paper clip", NoButton},
		{"emptied outside", three, emptied(), "Inside", InsideButton},
		{"emptied inside", three, with(emptied(), func(f *Facts) { f.Place = Inside }), "Sign in", FillButton},
		{"emptied, withdrawn", three, with(emptied(), func(f *Facts) { f.Edge.Published = false }), "Publish", EdgeButton},
		{"both roots", three, bothRoots(), "Outside", OutsideButton},
		{"both roots, outside, signing in", three, with(throughEdge(), func(f *Facts) { f.SignedIn, f.Busy = false, true }), "Wait", NoButton},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s Progress
			for _, f := range c.after {
				s.Follow(f)
			}
			if got := s.Next(c.now); !strings.Contains(got.Text, c.want) || got.Button != c.press {
				t.Errorf("Next says %q, want something with %q and button %q", got, c.want, c.press)
			}
		})
	}
}
