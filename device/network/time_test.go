package network_test

import (
	"encoding/binary"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
)

// udpServer answers datagrams; nil is silence.
func udpServer(t *testing.T, answer func(q []byte) []byte) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if a := answer(buf[:n]); a != nil {
				pc.WriteTo(a, from)
			}
		}
	}()
	t.Cleanup(func() { pc.Close(); <-done })
	return pc.LocalAddr().String()
}

// ntpServer serves the time at; change may alter the answer.
func ntpServer(t *testing.T, at time.Time, change func(a []byte)) string {
	t.Helper()
	stamp := func(b []byte, at time.Time) { // RFC 5905 6: seconds since 1900
		binary.BigEndian.PutUint32(b, uint32(at.Unix()+2208988800))
	}
	return udpServer(t, func(q []byte) []byte {
		a := make([]byte, 48)
		a[0], a[1], a[3] = 4<<3|4, 2, 0xec // version 4, server; stratum 2
		stamp(a[16:], at.Add(-time.Minute))
		copy(a[24:32], q[40:48])
		stamp(a[32:], at)
		stamp(a[40:], at)
		if change != nil {
			change(a)
		}
		return a
	})
}

var (
	phoneTime = time.Date(2007, 4, 21, 9, 0, 0, 0, time.UTC)
	worldTime = phoneTime.AddDate(1, 0, 0) // the phone is a year off
)

func TestTimeServerIsFoundBySRVOfEachDomainThenTheFallback(t *testing.T) { // docs/protocol/phone.md#time
	t.Parallel()
	good := ntpServer(t, worldTime, nil)
	patch := network.AddressMap{
		"dc1.contoso.com:123":      good,
		"dead.contoso.com:123":     silent(t),
		"refuses.contoso.com:123":  closed(t),
		"unsynced.contoso.com:123": ntpServer(t, worldTime, func(a []byte) { a[0] |= 3 << 6 }),
		"kiss.contoso.com:123":     ntpServer(t, worldTime, func(a []byte) { a[1] = 0; copy(a[12:], "DENY") }),
		"stratum.contoso.com:123":  ntpServer(t, worldTime, func(a []byte) { a[1] = 16 }),
		"forger.contoso.com:123":   ntpServer(t, worldTime, func(a []byte) { a[24]++ }),
		"short.contoso.com:123":    udpServer(t, func([]byte) []byte { return []byte{0x24} }),
	}
	outside := network.AddressMap{"time.windows.com:123": good}
	const dhcp, sip = "corp.example", "contoso.com"
	dc1 := "_ntp._udp.contoso.com. SRV 0 0 123 dc1.contoso.com."
	for _, row := range []struct {
		name    string
		domains []string
		patch   network.AddressMap
		records []string
		record  string // the record of the server; "": none
		tried   []string
		asked   []string
	}{
		{"the first domain", []string{sip, dhcp}, patch, []string{dc1}, "SRV _ntp._udp.contoso.com", nil, []string{"udp SRV _ntp._udp.contoso.com."}},
		{"the second domain", []string{dhcp, sip}, patch, []string{dc1}, "SRV _ntp._udp.contoso.com", []string{"_ntp._udp.corp.example"},
			[]string{"udp SRV _ntp._udp.corp.example.", "udp SRV _ntp._udp.contoso.com."}},
		{"empty and repeated domains", []string{"", dhcp, dhcp, sip}, patch, []string{dc1}, "SRV _ntp._udp.contoso.com", []string{"corp.example"},
			[]string{"udp SRV _ntp._udp.corp.example.", "udp SRV _ntp._udp.contoso.com."}},
		{"several servers of one record set", []string{sip}, patch,
			[]string{"_ntp._udp.contoso.com. SRV 0 0 123 refuses.contoso.com.", "_ntp._udp.contoso.com. SRV 1 0 123 dead.contoso.com.", "_ntp._udp.contoso.com. SRV 2 0 123 dc1.contoso.com."},
			"SRV _ntp._udp.contoso.com", []string{"refuses", "dead"}, []string{"udp SRV _ntp._udp.contoso.com."}},
		{"bad answers are no time", []string{sip}, patch,
			[]string{"_ntp._udp.contoso.com. SRV 1 0 123 unsynced.contoso.com.", "_ntp._udp.contoso.com. SRV 2 0 123 kiss.contoso.com.", "_ntp._udp.contoso.com. SRV 3 0 123 stratum.contoso.com.",
				"_ntp._udp.contoso.com. SRV 4 0 123 forger.contoso.com.", "_ntp._udp.contoso.com. SRV 5 0 123 short.contoso.com.", "_ntp._udp.contoso.com. SRV 6 0 123 dc1.contoso.com."},
			"SRV _ntp._udp.contoso.com", []string{"unsynced", "kiss", "stratum", "forger", "short"}, []string{"udp SRV _ntp._udp.contoso.com."}},
		{"no domain known: the fallback", nil, outside, nil, "A time.windows.com", nil, nil},
		{"no record: the fallback", []string{sip}, outside, nil, "A time.windows.com", []string{"contoso.com"}, []string{"udp SRV _ntp._udp.contoso.com."}},
		{"nowhere", []string{sip}, patch, nil, "", []string{"contoso.com", "time.windows.com"}, []string{"udp SRV _ntp._udp.contoso.com.", "udp A time.windows.com."}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newDNS(t, nil, row.records...)
			o := brisk
			o.Now = func() time.Time { return phoneTime }
			n := plug(t, network.Place{DNS: []string{s.addr}, Patch: row.patch}, o)
			got, err := n.FindTime(t.Context(), row.domains...)
			if q := s.questions(); !slices.Equal(q, row.asked) {
				t.Errorf("asked %q, want %q", q, row.asked)
			}
			tried := got.Tried
			if row.record == "" {
				tried = wantCode(t, err, journal.TimeNone).Details
			} else if err != nil {
				t.Fatal(err)
			} else if off := worldTime.Sub(phoneTime); got.Record != row.record || got.Offset != off || got.Stratum != 2 || got.Address != good ||
				(got.By != "") != strings.HasPrefix(row.record, "SRV") {
				t.Errorf("%+v, want an offset of %v", got, off)
			}
			if len(tried) != len(row.tried) {
				t.Fatalf("tried %q", tried)
			}
			for i := range tried {
				if !strings.Contains(tried[i], row.tried[i]) {
					t.Errorf("tried %q, want %q", tried, row.tried)
				}
			}
		})
	}
}

func TestTimeWithoutDNSServerFails(t *testing.T) {
	var asked []string
	o := hasty
	o.Tap = tapFunc(func(m network.Traffic) {
		q := new(dns.Msg)
		if err := q.Unpack(m.Bytes); err != nil {
			t.Error(err)
			return
		}
		asked = append(asked, q.Question[0].Name)
	})
	n := plug(t, network.Place{DNS: []string{silent(t)}}, o)
	_, err := n.FindTime(t.Context(), "corp.example", "contoso.com")
	wantCode(t, err, journal.DNSNoServer)
	if want := []string{"_ntp._udp.corp.example.", "_ntp._udp.corp.example."}; !slices.Equal(asked, want) {
		t.Errorf("asked %q, want one question twice", asked)
	}
}

func TestTimeOfANamedServer(t *testing.T) {
	good := ntpServer(t, worldTime, nil)
	o := network.Options{Now: func() time.Time { return phoneTime }}
	got, err := plug(t, network.Place{}, o).Time(t.Context(), good)
	if err != nil || got.Offset != worldTime.Sub(phoneTime) || got.Server != good || got.Record != "" {
		t.Fatalf("%+v, %v", got, err)
	}
}
