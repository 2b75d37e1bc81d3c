//go:build realpeers && linux

package device_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/peer"
)

// capture is what tshark sees of lo: only what goes to or from the lab.
type capture struct {
	file   string
	dumper *peer.Process
	sip    string // ports
	ldap   string
}

func startCapture(t *testing.T, world *lab.Lab) *capture {
	t.Helper()
	peer.Need(t, "tshark", "tshark", "dumpcap")
	if os.Geteuid() != 0 {
		t.Fatal("captures on lo need root: run make test-real as root")
	}
	port := func(addr string) string {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	c := &capture{file: filepath.Join(peer.Dir(t), "lo.pcapng"), sip: port(world.Pool.Addr()), ldap: port(world.DC.Addr())}
	c.dumper = peer.Start(t, "dumpcap", "-q", "-i", "lo", "-f", fmt.Sprintf("tcp port %s or tcp port %s", c.sip, c.ldap), "-w", c.file)
	peer.Eventually(t, "dumpcap to listen", func() error {
		if strings.Contains(c.dumper.Log(), "File:") {
			return nil
		}
		return errors.New("not yet")
	})
	return c
}

// read asks tshark for fields of the packets that filter chooses, a line each.
func (c *capture) read(t *testing.T, options []string, filter string, fields ...string) []string {
	t.Helper()
	args := append([]string{"-r", c.file, "-n", "-d", "tcp.port==" + c.sip + ",tls", "-d", "tls.port==" + c.sip + ",sip",
		"-d", "tcp.port==" + c.ldap + ",ldap", "-Y", filter, "-T", "fields", "-E", "separator=|"}, options...)
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, _ := peer.Run(t, "tshark", args...) // it complains of a file that still grows
	var lines []string
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); strings.Contains(line, "|") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestPeerTshark(t *testing.T) {
	for name, d := range map[string]lab.Deployment{"2007": lab.Contoso(), "today": lab.ContosoToday()} {
		t.Run(name, func(t *testing.T) {
			logs := map[string]*os.File{}
			for _, end := range []string{"lab", "phone"} {
				f, err := os.Create(filepath.Join(peer.Dir(t), "keys"))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				logs[end] = f
			}
			world := lab.NewUnstarted(d)
			world.KeyLog = logs["lab"]
			if err := world.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { world.Close() })
			c := startCapture(t, world)

			p := newPhone(t, firmwareOf(d), func(c *device.Config) { c.KeyLog = logs["phone"] })
			r := rig{Phone: p, t: t, lab: world, creds: credentials(world, 0)}
			r.wantReady(r.signIn(world.Inside()))
			if err := p.SignOut(context.Background()); err != nil {
				t.Fatal(err)
			}

			keys := func(end string) []string { return []string{"-o", "tls.keylog_file:" + logs[end].Name()} }
			// Three REGISTERs of the handshake, what the phone then asks of the pool
			// without waiting for answers (settings, location profile, the user's own
			// data, contact list), and one REGISTER to sign out.
			requests := []string{"REGISTER||", "REGISTER||NTLM", "REGISTER||NTLM",
				"SUBSCRIBE||NTLM", "SERVICE||NTLM", "SUBSCRIBE||NTLM", "SUBSCRIBE||NTLM", "REGISTER||NTLM"}
			answers := []string{"|401|NTLM", "|401|NTLM", "|200|", "|200|", "|200|", "|200|", "|200|", "|200|"}
			want := slices.Concat(requests, answers)
			var got []string
			peer.Eventually(t, "the whole capture", func() error {
				if got = c.read(t, keys("lab"), "sip", "sip.Method", "sip.Status-Code", "sip.auth.scheme"); len(got) >= len(want) {
					return nil
				}
				return fmt.Errorf("so far %q", got)
			})
			c.dumper.Stop()
			var ordered [2][]string // requests and answers, each in the order of the wire
			for _, line := range got {
				line, _, _ = strings.Cut(line, ",") // a challenge names every scheme that is offered
				i := 0
				if strings.HasPrefix(line, "|") {
					i = 1
				}
				ordered[i] = append(ordered[i], line)
			}
			got = slices.Concat(ordered[:]...)
			if !slices.Equal(got, want) {
				t.Errorf("with the lab's keys tshark reads\n%q, want\n%q", got, want)
			}
			for _, end := range []string{"lab", "phone"} {
				if bodies := c.read(t, keys(end), "sip", "sip.CSeq", "sip.User-Agent"); len(bodies) != len(want) {
					t.Errorf("with the keys of the %s tshark reads %d SIP messages, want %d: %q", end, len(bodies), len(want), bodies)
				}
			}
			if none := c.read(t, nil, "sip", "sip.CSeq", "sip.Method"); len(none) != 0 {
				t.Errorf("without keys tshark reads %q", none)
			}
			peer.Row(t, "tshark", fmt.Sprintf("SIP of the %s deployment decrypts with the key log of the lab and with the phone's", name))

			// tshark knows the password and computes the response of the bind anew.
			known := []string{"-o", "ntlmssp.nt_password:" + world.Ready().Users[0].Password}
			ntlm := c.read(t, known, "ntlmssp.messagetype", "ntlmssp.messagetype", "ntlmssp.challenge.target_name", "ntlmssp.auth.username", "_ws.expert.message")
			if len(ntlm) != 3 || ntlm[0] != "0x00000001|||" || ntlm[1] != "0x00000002|CONTOSO||" ||
				!strings.HasPrefix(ntlm[2], "0x00000003||tu|NTLMv2 authenticated using <Global NT Password>") {
				t.Errorf("tshark reads the bind as %q", ntlm)
			}
			if bad := c.read(t, append(keys("lab"), known...), `_ws.malformed or _ws.expert.severity == "Error"`, "frame.number", "_ws.expert.message"); len(bad) != 0 {
				t.Errorf("tshark finds errors: %q", bad)
			}
			peer.Row(t, "tshark", fmt.Sprintf("NTLM of SIP and LDAP in the %s deployment dissects without an error; the bind's response is the password's", name))
		})
	}
}
