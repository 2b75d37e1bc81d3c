//go:build realpeers && linux

package ntp_test

import (
	"math"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/ntp"
	"github.com/ocphone/ocphone/device/peer"
)

var wrongBy = regexp.MustCompile(`System clock wrong by (-?[0-9.]+) seconds`)

// TestPeerChronySeesTheLabsTime lets chronyd ask once, without touching the
// host's clock (-Q).
func TestPeerChronySeesTheLabsTime(t *testing.T) {
	peer.Need(t, "chrony", "chronyd")
	const year = 365 * 24 * time.Hour
	for _, row := range []struct {
		name    string
		advance time.Duration // the lab's clock
		offset  time.Duration // of SetOffset
		fault   ntp.Fault
		version string
		refused bool
	}{
		{name: "right"},
		{name: "NTP version 3", version: " version 3"},
		{name: "lab's clock 8 hours on", advance: 8 * time.Hour},
		{name: "a year slow", offset: -year},
		{name: "a year fast", offset: year},
		{name: "18 years slow", offset: -18 * year},
		{name: "not in step", fault: ntp.Unsynchronised, refused: true},
		{name: "kiss of death", fault: ntp.KissOfDeath, refused: true},
		{name: "silent", fault: ntp.Silence, refused: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			peer.Row(t, "chrony", "as a client it takes the lab's time within a second, sees its offset, and believes no server that is not in step")
			lab := clock.New(time.Now())
			lab.Advance(row.advance)
			s := ntp.New(lab)
			s.SetOffset(row.offset)
			s.SetFault(row.fault)
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			host, port, err := net.SplitHostPort(s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			dir := peer.Dir(t)
			wait := "10" // seconds
			if row.refused {
				wait = "2"
			}
			args := append([]string{"-Q", "-U", "-u", "root", "-t", wait, "server " + host + " port " + port + " iburst maxsamples 1" + row.version},
				strings.Split(strings.TrimSpace(peer.ChronyPrivate(dir)), "\n")...)
			out, code := peer.Run(t, "chronyd", args...)
			m := wrongBy.FindStringSubmatch(out)
			if row.refused {
				if code == 0 || m != nil {
					t.Errorf("believed:\n%s", out)
				}
				return
			}
			if code != 0 || m == nil {
				t.Fatalf("ended with %d:\n%s", code, out)
			}
			seen, err := strconv.ParseFloat(m[1], 64)
			if want := (row.advance + row.offset).Seconds(); err != nil || math.Abs(seen-want) > 1 {
				t.Errorf("sees an offset of %s s, want %v s", m[1], want)
			}
		})
	}
}
