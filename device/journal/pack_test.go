package journal_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unique"

	"github.com/ocphone/ocphone/device/journal"
)

func TestPackedStepsAreUnchanged(t *testing.T) {
	at := time.Date(2008, 4, 21, 9, 0, 0, 123456789, time.UTC)
	for name, s := range map[string]journal.Step{
		"zero": {},
		"full": {Name: journal.Trust, State: journal.Warned, Asked: "asked", Answered: "answered", By: "by",
			Decided: "decided", Because: "because", Fix: "fix", Code: journal.CertUntrusted, Details: []string{"one", "", "three"}},
		"address":     {Name: journal.Register, Asked: "REGISTER sip:user@contoso.com", Details: []string{"one"}},
		"long":        {Name: journal.Roots, Decided: strings.Repeat("ä", 5000), Details: make([]string, 300)},
		"another day": {At: at.In(time.FixedZone("", 3600))},
	} {
		for _, want := range []journal.Step{s, s.Stamp(1<<40, at)} {
			got := journal.UnpackStep(want.Pack())
			if !got.At.Equal(want.At) || got.At.Format(time.RFC3339Nano) != want.At.Format(time.RFC3339Nano) {
				t.Errorf("%s: at %v, want %v", name, got.At, want.At)
			}
			got.At = want.At
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
		}
	}
}

// The texts of equal steps are in memory once, whichever log holds them. Those with
// an address of a user are in one log only.
func TestPackedStepsShareTexts(t *testing.T) {
	pack := func(seq uint64, host string) journal.Packed {
		s := journal.Step{Name: journal.Discovery, Decided: "To try: " + host, Details: []string{host}}
		return s.Stamp(seq, time.Unix(int64(seq), 0)).Pack()
	}
	first, equal, other := pack(1, "a.contoso.com"), pack(2, "a.contoso.com"), pack(3, "b.contoso.com")
	if first.Shared != equal.Shared || first.Own == equal.Own || first.Shared == other.Shared {
		t.Errorf("%+v, equal %+v, other %+v", first, equal, other)
	}
	if user := pack(1, "user@contoso.com"); user.Shared != (unique.Handle[string]{}) ||
		!strings.HasSuffix(user.Own, "user@contoso.com") {
		t.Errorf("with an address: %+v", user)
	}
}

// A log that packs returns the same as one that does not, also when it is full.
func TestLogThatPacks(t *testing.T) {
	plain := journal.Log[int]{Keep: 3}
	pack := func(n int) journal.Packed { return journal.Packed{Own: fmt.Sprint(n)} }
	unpack := func(p journal.Packed) (n int) {
		fmt.Sscan(p.Own, &n)
		return n
	}
	packing := journal.Log[int]{Keep: 3, Pack: pack, Unpack: unpack}
	for n := range 8 {
		for cursor := range uint64(9) {
			e1, next1, missed1 := plain.Since(cursor)
			e2, next2, missed2 := packing.Since(cursor)
			if !reflect.DeepEqual(e1, e2) || next1 != next2 || missed1 != missed2 {
				t.Errorf("%d entries, after %d: %v %d %d, packed %v %d %d", n, cursor, e1, next1, missed1, e2, next2, missed2)
			}
		}
		stamp := func(e *int, cursor uint64) { *e = 100*n + int(cursor) }
		if c1, c2 := plain.Append(0, stamp), packing.Append(0, stamp); c1 != c2 {
			t.Errorf("cursor %d, packed %d", c1, c2)
		}
	}
	if entries, _, _, ok := packing.Wait(context.Background(), 7); !ok || !reflect.DeepEqual(entries, []int{708}) {
		t.Errorf("%v %t", entries, ok)
	}
}

func FuzzPack(f *testing.F) {
	f.Add("asked", "decided", "detail", uint64(7), int64(1208768400))
	f.Fuzz(func(t *testing.T, asked, decided, detail string, seq uint64, unix int64) {
		want := journal.Step{Asked: asked, Decided: decided, Details: []string{detail, asked}}.Stamp(seq, time.Unix(unix, 0).UTC())
		got := journal.UnpackStep(want.Pack())
		if !got.At.Equal(want.At) {
			t.Errorf("at %v, want %v", got.At, want.At)
		}
		got.At = want.At
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}
