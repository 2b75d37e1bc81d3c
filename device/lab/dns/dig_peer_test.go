//go:build realpeers && linux

package dns_test

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/dns"
	"github.com/ocphone/ocphone/device/peer"
)

// dug is what dig understood of an answer.
type dug struct {
	status, flags string
	records       []string // "name TTL IN TYPE value" of the answer section
	text          string
}

var (
	statusLine = regexp.MustCompile(`status: (\w+)`)
	flagsLine  = regexp.MustCompile(`flags: ([a-z ]*);`)
	answerPart = regexp.MustCompile(`(?s);; ANSWER SECTION:\n(.*?)\n\n`)
)

// dig asks a server of the lab. What dig warns of fails the test: it says so
// of messages that are not as they should be.
func dig(t *testing.T, server string, args ...string) dug {
	t.Helper()
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-r", "+norecurse", "+tries=1", "+timeout=5", "@" + host, "-p", port}, args...)
	text := peer.Output(t, "dig", args...)
	d := dug{text: text}
	if m := statusLine.FindStringSubmatch(text); m != nil {
		d.status = m[1]
	}
	if m := flagsLine.FindStringSubmatch(text); m != nil {
		d.flags = m[1]
	}
	if m := answerPart.FindStringSubmatch(text); m != nil {
		for line := range strings.Lines(m[1]) {
			d.records = append(d.records, strings.Join(strings.Fields(line), " "))
		}
	}
	for _, bad := range []string{"WARNING", "Warning", "Got bad packet", "extra bytes", "mismatch", "malformed"} {
		if strings.Contains(text, bad) {
			t.Errorf("dig %q: %s", args, text)
		}
	}
	return d
}

func newLab(t *testing.T) *lab.Lab {
	t.Helper()
	peer.Need(t, "bind9-dnsutils", "dig")
	world, err := lab.New(lab.Contoso())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	return world
}

func TestPeerDigReadsEveryRecordOfTheLab(t *testing.T) {
	world := newLab(t)
	for _, row := range []struct {
		place      string
		server     *dns.Server
		have, lack []string // "TYPE name value"
	}{
		{"inside", world.InsideDNS, []string{
			"A contoso.com 127.0.0.1", "A dc1.contoso.com 127.0.0.1", "A pool.contoso.com 127.0.0.1", "A ca.contoso.com 127.0.0.1",
			"SRV _ldap._tcp.dc._msdcs.contoso.com 0 100 389 dc1.contoso.com.", "SRV _ldap._tcp.contoso.com 0 100 389 dc1.contoso.com.",
			"SRV _ntp._udp.contoso.com 0 0 123 dc1.contoso.com.", "SRV _sipinternaltls._tcp.contoso.com 0 0 5061 pool.contoso.com.",
		}, []string{"SRV _sip._tls.contoso.com", "A sip.contoso.com", "A time.contoso.com"}},
		{"outside", world.OutsideDNS, []string{
			"A sip.contoso.com 127.0.0.1", "A time.contoso.com 127.0.0.1",
			"SRV _ntp._udp.contoso.com 0 0 123 time.contoso.com.", "SRV _sip._tls.contoso.com 0 0 443 sip.contoso.com.",
		}, []string{"SRV _sipinternaltls._tcp.contoso.com", "SRV _ldap._tcp.dc._msdcs.contoso.com", "A pool.contoso.com", "A dc1.contoso.com"}},
	} {
		t.Run(row.place, func(t *testing.T) {
			peer.Row(t, "bind9-dnsutils", "dig reads every record of the lab inside and outside, by UDP, TCP, with and without EDNS; NXDOMAIN")
			for _, how := range [][]string{{"+notcp"}, {"+tcp"}, {"+noedns"}, {"+bufsize=512", "+cookie"}, {"+dnssec"}} {
				for _, r := range row.have {
					f := strings.SplitN(r, " ", 3)
					d := dig(t, row.server.Addr(), append(how, f[1], f[0])...)
					want := []string{fmt.Sprintf("%s. 5 IN %s %s", f[1], f[0], f[2])}
					if d.status != "NOERROR" || d.flags != "qr aa" || !slices.Equal(d.records, want) {
						t.Errorf("%q:\n%s", r, d.text)
					}
				}
				for _, r := range row.lack {
					typ, name, _ := strings.Cut(r, " ")
					d := dig(t, row.server.Addr(), append(how, name, typ)...)
					if d.status != "NXDOMAIN" || d.flags != "qr aa" || d.records != nil || !strings.Contains(d.text, "contoso.com.\t\t5\tIN\tSOA") {
						t.Errorf("%q:\n%s", r, d.text)
					}
				}
			}
		})
	}
}

func TestPeerDigGetsNoMoreThanItShould(t *testing.T) {
	world := newLab(t)
	peer.Row(t, "bind9-dnsutils", "dig is refused zone transfers and names of others; EDNS of a later version gets BADVERS; a large answer is truncated and comes by TCP")
	server := world.InsideDNS.Addr()
	if d := dig(t, server, "contoso.com", "AXFR"); !strings.Contains(d.text, "; Transfer failed.") || strings.Contains(d.text, "pool.contoso.com") {
		t.Errorf("AXFR:\n%s", d.text)
	}
	if d := dig(t, server, "contoso.com", "IXFR=1"); strings.Contains(d.text, "pool.contoso.com") {
		t.Errorf("IXFR:\n%s", d.text)
	}
	var targets []string
	for i := range 60 {
		targets = append(targets, fmt.Sprintf("%d 0 5061 front-end-%02d.contoso.com", i, i))
	}
	if err := world.InsideDNS.Set("_many._tcp.contoso.com", "SRV", targets...); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name          string
		args          []string
		status, flags string
		answers       int
	}{
		{"another's name", []string{"www.example.com"}, "REFUSED", "qr", 0},
		{"the root", []string{".", "NS"}, "REFUSED", "qr", 0},
		{"another class", []string{"-c", "CH", "-t", "TXT", "version.bind"}, "REFUSED", "qr", 0},
		{"no record of the type", []string{"pool.contoso.com", "SRV"}, "NOERROR", "qr aa", 0},
		{"an empty name", []string{"_tcp.contoso.com"}, "NOERROR", "qr aa", 0},
		{"letter case", []string{"PoOl.CoNtOsO.cOm"}, "NOERROR", "qr aa", 1},
		{"EDNS version 1", []string{"+edns=1", "+noednsneg", "pool.contoso.com"}, "BADVERS", "qr", 0},
		{"unknown EDNS option", []string{"+ednsopt=65001:00ff", "pool.contoso.com"}, "NOERROR", "qr aa", 1},
		{"NOTIFY", []string{"+opcode=NOTIFY", "contoso.com", "SOA"}, "NOTIMP", "qr", 0},
		{"truncated", []string{"+ignore", "_many._tcp.contoso.com", "SRV"}, "NOERROR", "qr aa tc", -1},
		{"truncated, 512 bytes", []string{"+ignore", "+noedns", "_many._tcp.contoso.com", "SRV"}, "NOERROR", "qr aa tc", -1},
		{"whole by TCP", []string{"_many._tcp.contoso.com", "SRV"}, "NOERROR", "qr aa", 60},
		{"large by UDP", []string{"+ignore", "+bufsize=4096", "_many._tcp.contoso.com", "SRV"}, "NOERROR", "qr aa", 60},
		{"many questions on one connection", []string{"+tcp", "+keepopen", "pool.contoso.com", "dc1.contoso.com", "ca.contoso.com"}, "NOERROR", "qr aa", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := dig(t, server, row.args...)
			if d.status != row.status || d.flags != row.flags || row.answers >= 0 && len(d.records) != row.answers {
				t.Errorf("status %s flags %q, %d answers; want %s %q %d\n%s", d.status, d.flags, len(d.records), row.status, row.flags, row.answers, d.text)
			}
			if row.name == "many questions on one connection" && strings.Count(d.text, "127.0.0.1\n") != 3 {
				t.Errorf("not three answers:\n%s", d.text)
			}
		})
	}
}
