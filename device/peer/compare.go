package peer

import (
	"slices"
	"testing"
	"time"
)

// Side is one of the programs that Compare measures. Run does the same work as
// the Run of the other sides; it ends the benchmark if it fails.
type Side struct {
	Name string // without spaces: it is a part of a unit
	Run  func()
}

// Compare measures sides in one run, in turn and with a different one first in
// each round, because the speed of a machine changes from minute to minute. It
// reports the median time of each side in milliseconds, and the time of the first
// side divided by that of each other one: below 1 the first side is the faster one.
// It needs no build tag, since the other sides are Go packages.
func Compare(b *testing.B, sides ...Side) {
	b.Helper()
	times := make([][]time.Duration, len(sides))
	for round := 0; b.Loop(); round++ {
		for i := range sides {
			n := (round + i) % len(sides)
			begin := time.Now()
			sides[n].Run()
			times[n] = append(times[n], time.Since(begin))
		}
	}
	b.ReportMetric(0, "ns/op") // of all sides together: it says nothing
	first := median(times[0])
	for i, s := range sides {
		b.ReportMetric(median(times[i])*1e3, "ms-"+s.Name)
		if i > 0 {
			b.ReportMetric(first/median(times[i]), "x-"+s.Name)
		}
	}
}

// median is in seconds.
func median(all []time.Duration) float64 {
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]).Seconds() / 2
}
