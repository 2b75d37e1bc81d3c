//go:build realpeers && linux

package peer

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// NameServer is a real DNS server with one zone; it does not ask other servers.
type NameServer struct {
	*Process
	Addr string // host:port, UDP and TCP
}

// queryLine finds a question in the query log of either server.
var queryLine = regexp.MustCompile(`query: (\S+) IN ([A-Z]+)|query\[([A-Z]+)\] (\S+) from`)

// Asked returns the questions in the server's log, in order: "SRV _sip._tls.contoso.com".
func (s NameServer) Asked() (questions []string) {
	for _, m := range queryLine.FindAllStringSubmatch(s.Log(), -1) {
		questions = append(questions, m[2]+m[3]+" "+m[1]+m[4])
	}
	return questions
}

// refusedZone is a zone whose names both servers refuse to look up.
const refusedZone = "refused.example"

// BIND starts a BIND 9 with a zone; records are lines "name type value", each
// name and target absolute, without the final dot. It answers NXDOMAIN to
// names outside the zone, and REFUSED below refused.example.
//
// BIND listens only on addresses of an interface, so it uses a free port of
// 127.0.0.1. With the empty root zone it does not ask the root servers.
func BIND(t testing.TB, zone string, records ...string) NameServer {
	t.Helper()
	Need(t, "bind9", "named")
	dir := Dir(t)
	const soa = "$TTL 5\n@ SOA ns.%[1]s. hostmaster.%[1]s. 1 60 60 60 5\n@ NS ns.%[1]s.\n"
	text := fmt.Sprintf(soa, zone)
	for _, r := range records {
		name, typ, value := splitRecord(t, r)
		if typ == "SRV" || typ == "CNAME" {
			value += "."
		}
		text += fmt.Sprintf("%s. %s %s\n", name, typ, value)
	}
	Write(t, dir, "zone", text+"ns."+zone+". A 127.0.0.1\n")
	Write(t, dir, "empty", fmt.Sprintf(soa, "invalid"))
	port := freePort(t)
	conf := Write(t, dir, "named.conf", fmt.Sprintf(`
options {
  directory %[1]q;
  listen-on port %[2]s { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none; lock-file none; session-keyfile none; managed-keys-directory %[1]q;
  recursion no; forwarders { }; notify no; dnssec-validation no; empty-zones-enable no;
  allow-query { 127.0.0.0/8; }; allow-transfer { none; };
  querylog yes;
};
controls { };
zone "." { type primary; file "empty"; };
zone %[3]q { type primary; file "zone"; };
zone %[4]q { type primary; file "empty"; allow-query { none; }; };
`, dir, port, zone, refusedZone))
	addr := net.JoinHostPort("127.0.0.1", port)
	p := Command{Dir: dir, Ready: Listening(addr)}.Start(t, "named", "-g", "-n", "1", "-4", "-c", conf)
	return NameServer{p, addr}
}

// firstPort is below the range of ephemeral ports.
const firstPort = 22053

// freePort returns a port of 127.0.0.1 that is free for UDP and TCP.
func freePort(t testing.TB) string {
	t.Helper()
	for port := firstPort; port < firstPort+1000; port++ {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		l.Close()
		if p, err := net.ListenPacket("udp", addr); err == nil {
			p.Close()
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no port is free")
	return ""
}

// Dnsmasq starts a dnsmasq on addr with a zone, like BIND. It has no forwarders, so
// it answers REFUSED for all names outside the zone.
func Dnsmasq(t testing.TB, addr, zone string, records ...string) NameServer {
	t.Helper()
	Need(t, "dnsmasq-base", "dnsmasq")
	dir := Dir(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	conf := fmt.Sprintf("port=%s\nlisten-address=%s\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\n"+
		"local=/%s/\nlog-queries\nlog-facility=-\n", port, host, zone)
	for _, r := range records {
		name, typ, value := splitRecord(t, r)
		switch f := strings.Fields(value); typ {
		case "A", "AAAA":
			conf += fmt.Sprintf("host-record=%s,%s\n", name, value)
		case "SRV": // priority weight port target
			conf += fmt.Sprintf("srv-host=%s,%s,%s,%s,%s\n", name, f[3], f[2], f[0], f[1])
		case "CNAME":
			conf += fmt.Sprintf("cname=%s,%s\n", name, value)
		default:
			t.Fatalf("no %s record for dnsmasq", typ)
		}
	}
	args := []string{"-k", "-C", Write(t, dir, "dnsmasq.conf", conf), "--pid-file=", "--user=root"}
	return NameServer{Command{Dir: dir, Ready: Listening(addr)}.Start(t, "dnsmasq", args...), addr}
}

func splitRecord(t testing.TB, record string) (name, typ, value string) {
	t.Helper()
	f := strings.SplitN(record, " ", 3)
	if len(f) != 3 {
		t.Fatalf("record %q: not a name, a type and a value", record)
	}
	return f[0], f[1], f[2]
}

// Chrony starts a chronyd on addr that serves the host's time, shifted by an
// offset of faketime(1) such as "+1500d"; "" is no shift. It does not change the
// host's clock (-x) and does not ask other servers.
func Chrony(t testing.TB, addr, shift string) *Process {
	t.Helper()
	Need(t, "chrony", "chronyd")
	dir := Dir(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	conf := Write(t, dir, "chrony.conf", fmt.Sprintf("local stratum 3\nport %s\nbindaddress %s\n"+
		"allow 127.0.0.0/8\n%s", port, host, ChronyPrivate(dir)))
	// -U: serving time without setting the clock needs no privilege.
	args := []string{"-x", "-d", "-n", "-U", "-u", "root", "-f", conf}
	c := Command{Dir: dir, Ready: timeServerReady(addr)}
	if shift == "" {
		return c.Start(t, "chronyd", args...)
	}
	Need(t, "faketime", "faketime")
	return c.Start(t, "faketime", append([]string{"-f", shift, "chronyd"}, args...)...)
}

// ChronyPrivate returns configuration lines that separate a chronyd, server or
// client, from the host's: its files are in dir, and it has no control port.
func ChronyPrivate(dir string) string {
	return fmt.Sprintf("cmdport 0\nbindcmdaddress /\npidfile %s\ndriftfile %s\n",
		filepath.Join(dir, "pid"), filepath.Join(dir, "drift"))
}

// timeServerReady is a Ready for a time server: its answer must be synchronized.
func timeServerReady(addr string) func() error {
	return func() error {
		c, err := net.DialTimeout("udp", addr, time.Second)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Second))
		packet := make([]byte, 48)
		packet[0] = 4<<3 | 3 // version 4, client: RFC 5905 7.3
		if _, err := c.Write(packet); err != nil {
			return err
		}
		if _, err := c.Read(packet); err != nil {
			return err
		}
		if packet[0]>>6 == 3 || packet[1] == 0 {
			return errors.New("not synchronized")
		}
		return nil
	}
}

// Freeze suspends the process, like a server that hangs, until the end of the test.
func (p *Process) Freeze(t testing.TB) {
	t.Helper()
	if err := syscall.Kill(p.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(p.cmd.Process.Pid, syscall.SIGCONT) })
}
