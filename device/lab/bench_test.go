package lab_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/ocphone/ocphone/device/lab"
)

// BenchmarkLabNew measures the time until every server listens.
func BenchmarkLabNew(b *testing.B) {
	for name, d := range map[string]lab.Deployment{"2007": lab.Contoso(), "today": lab.ContosoToday()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				l, err := lab.New(d)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := l.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}

// Benchmark100Labs has a hundred labs stand side by side, started as many at a
// time as there are processors, and says what each of them weighs.
func Benchmark100Labs(b *testing.B) {
	const n = 100
	var heap, goroutines float64
	for b.Loop() {
		b.StopTimer()
		heap0, goroutines0 := weigh()
		b.StartTimer()
		var labs [n]*lab.Lab
		var errs [n]error
		turn := make(chan struct{}, runtime.GOMAXPROCS(0))
		var all sync.WaitGroup
		for i := range n {
			turn <- struct{}{}
			all.Go(func() {
				labs[i], errs[i] = lab.New(lab.ContosoToday())
				<-turn
			})
		}
		all.Wait()
		b.StopTimer()
		heap1, goroutines1 := weigh()
		heap, goroutines = (heap1-heap0)/n, (goroutines1-goroutines0)/n
		for i, l := range labs {
			if errs[i] != nil {
				b.Fatal(errs[i])
			}
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(n*b.N), "ms/lab")
	b.ReportMetric(heap, "heap-B/lab")
	b.ReportMetric(goroutines, "goroutines/lab")
}

func weigh() (heap, goroutines float64) {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc), float64(runtime.NumGoroutine())
}
