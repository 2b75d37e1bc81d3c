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

// minRounds is for a median that can be repeated.
const minRounds = 15

// Compare measures sides in one run, in turn and with a different one first in
// each round, because the speed of a machine changes from minute to minute. It
// reports the median time of each side in milliseconds. x-NAME is the time of the
// first side divided by that of the side NAME: below 1 the first side is the faster
// one. cpu-x-NAME is the same of the processor time of this process, which other
// programs on the machine do not change; it is left out on Windows.
// Compare needs no build tag, since the other sides are Go packages.
func Compare(b *testing.B, sides ...Side) {
	b.Helper()
	wall, cpu := make([][]time.Duration, len(sides)), make([][]time.Duration, len(sides))
	for round := range max(b.N, minRounds) {
		for i := range sides {
			n := (round + i) % len(sides)
			begin, used := time.Now(), processorTime()
			sides[n].Run()
			wall[n] = append(wall[n], time.Since(begin))
			cpu[n] = append(cpu[n], processorTime()-used)
		}
	}
	b.ReportMetric(0, "ns/op") // of all sides together: it says nothing
	for i, s := range sides {
		b.ReportMetric(median(wall[i])*1e3, "ms-"+s.Name)
		if i == 0 {
			continue
		}
		b.ReportMetric(median(wall[0])/median(wall[i]), "x-"+s.Name)
		if used := median(cpu[i]); used > 0 {
			b.ReportMetric(median(cpu[0])/used, "cpu-x-"+s.Name)
		}
	}
}

// median is in seconds.
func median(all []time.Duration) float64 {
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]).Seconds() / 2
}
