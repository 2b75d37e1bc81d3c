package sipwire

import (
	"net"
	"runtime"
	"testing"
)

// BenchmarkIdleConn measures the cost of an idle connection above its net.Conn
// (heap bytes, goroutines), having exchanged a signed message before.
func BenchmarkIdleConn(b *testing.B) {
	const n = 200
	measure := func() (heap uint64, goroutines int) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, runtime.NumGoroutine()
	}
	for b.Loop() {
		var ends [n][2]net.Conn
		for i := range ends {
			ends[i][0], ends[i][1] = loopback(b)
		}
		heap, goroutines := measure()
		var conns [2 * n]*Conn
		for i, e := range ends {
			client, server := associations(4, "A")
			conns[2*i] = New(e[0], Config{RequireSigned: true, Handler: answerAll})
			conns[2*i+1] = New(e[1], Config{Handler: answerAll})
			conns[2*i].Use(client)
			conns[2*i+1].Use(server)
			if _, err := conns[2*i].Do(b.Context(), request(b, "OPTIONS", 1)); err != nil {
				b.Fatal(err)
			}
		}
		heapAfter, goroutinesAfter := measure()
		b.ReportMetric(float64(heapAfter-heap)/float64(len(conns)), "heap-B/conn")
		b.ReportMetric(float64(goroutinesAfter-goroutines)/float64(len(conns)), "goroutines/conn")
		for _, c := range conns {
			c.Close()
			<-c.Done()
		}
	}
}

// BenchmarkExchange is one signed request and its signed answer, both ends.
func BenchmarkExchange(b *testing.B) {
	c, s := pair(b, Config{RequireSigned: true}, Config{Handler: answerAll})
	client, server := associations(4, "A")
	c.Use(client)
	s.Use(server)
	req := request(b, "OPTIONS", 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}
