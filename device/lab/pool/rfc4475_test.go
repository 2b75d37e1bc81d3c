package pool_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/icholy/digest"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// rfc4475 has the messages of RFC 4475.
const rfc4475 = "../../sipwire/testdata/rfc4475"

// TestRFC4475 sends each message of RFC 4475 over a connection of its own to a plain
// registrar of example.com. A REGISTER is repeated with credentials. The status
// "alive" is the answer to an OPTIONS that follows; without it the pool has closed
// the connection.
func TestRFC4475(t *testing.T) {
	answers := map[string]string{
		// 3.1.1: valid messages
		"wsinv":      "405 alive",     // 3.1.1.1
		"intmeth":    "400 alive",     // 3.1.1.2: valid, but the pool accepts no NUL
		"esc01":      "405 alive",     // 3.1.1.3
		"escnull":    "401 404 alive", // 3.1.1.4: no such user
		"esc02":      "501 alive",     // 3.1.1.5
		"lwsdisp":    "200 alive",     // 3.1.1.6
		"longreq":    "405 alive",     // 3.1.1.7
		"dblreq":     "401 405",       // 3.1.1.8: on a stream the INVITE is the next message; its length leaves an octet
		"semiuri":    "200 alive",     // 3.1.1.9
		"transports": "200 alive",     // 3.1.1.10
		"mpart01":    "405 alive",     // 3.1.1.11
		"unreason":   "alive",         // 3.1.1.12: a response
		"noreason":   "alive",         // 3.1.1.13: a response
		// 3.1.2: invalid messages
		"badinv01":   "400 alive", // 3.1.2.1
		"clerr":      "",          // 3.1.2.2: waits for the rest
		"ncl":        "400",       // 3.1.2.3: the framing cannot be recovered
		"scalar02":   "400 alive", // 3.1.2.4
		"scalarlg":   "alive",     // 3.1.2.5: a response
		"quotbal":    "400 alive", // 3.1.2.6
		"ltgtruri":   "400 alive", // 3.1.2.7
		"lwsruri":    "400 alive", // 3.1.2.8
		"lwsstart":   "400 alive", // 3.1.2.9
		"trws":       "400 alive", // 3.1.2.10
		"escruri":    "400 alive", // 3.1.2.11
		"baddate":    "405 alive", // 3.1.2.12: the pool does not read Date
		"regbadct":   "401 400 alive",
		"badaspec":   "400 alive", // 3.1.2.14
		"baddn":      "400 alive", // 3.1.2.15
		"badvers":    "505 alive", // 3.1.2.16
		"mismatch01": "400 alive", // 3.1.2.17
		"mismatch02": "400 alive", // 3.1.2.18: 501 or 400
		"bigcode":    "alive",     // 3.1.2.19: a response
		// 3.2: transaction layer
		"badbranch": "200 alive", // 3.2.1: transactions are matched without the branch
		// 3.3: application layer
		"insuf":    "400 alive",     // 3.3.1
		"unkscm":   "416 alive",     // 3.3.2
		"novelsc":  "416 alive",     // 3.3.3
		"unksm2":   "400 alive",     // 3.3.4: an address-of-record is a SIP URI
		"bext01":   "420 alive",     // 3.3.5
		"invut":    "405 alive",     // 3.3.6: RFC 3261 8.2.1 comes before 8.2.3
		"regaut01": "401 200 alive", // 3.3.7
		"multi01":  "400 alive",     // 3.3.8
		"mcl01":    "400",           // 3.3.9: the framing cannot be recovered
		"bcast":    "alive",         // 3.3.10: a response
		"zeromf":   "200 alive",     // 3.3.11: the pool answers OPTIONS itself
		"cparam01": "401 200 alive", // 3.3.12
		"cparam02": "401 200 alive", // 3.3.13
		"regescrt": "401 200 alive", // 3.3.14
		"sdp01":    "405 alive",     // 3.3.15
		// 3.4: backward compatibility
		"inv2543": "400", // 3.4.1: a stream needs Content-Length (RFC 3261 18.3)
	}
	contacts := map[string][]string{ // bindings after the message
		"cparam01": {"sip:+19725552222@gw1.example.net"}, // the parameter belongs to the header
		"cparam02": {"sip:+19725552222@gw1.example.net;unknownparam"},
		"regescrt": {"sip:user@example.com?Route=%3Csip:sip.example.com%3E"},
	}
	files, err := filepath.Glob(rfc4475 + "/*.dat")
	if err != nil || len(files) != 49 || len(answers) != 49 {
		t.Fatalf("%d files and %d answers, want 49; %v", len(files), len(answers), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dat")
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newTortureWorld(t, pool.DigestMD5)
			if got, want := w.answers(t, raw), strings.Fields(answers[name]); !slices.Equal(got, want) {
				t.Errorf("answered %q, want %q", got, want)
			}
			var bound []string
			for _, r := range w.Registrations() {
				bound = append(bound, r.Contact)
			}
			if !slices.Equal(bound, contacts[name]) {
				t.Errorf("bound %q, want %q", bound, contacts[name])
			}
			// With NTLM the pool challenges, or refuses for the same reason.
			first := strings.Fields(answers[name] + " alive")[0]
			if got := newTortureWorld(t, pool.NTLM).answers(t, raw); len(got) > 0 && got[0] != first && got[0] != "401" {
				t.Errorf("answered %q with NTLM, want 401 or %s", got, first)
			}
		})
	}
}

// newTortureWorld is a pool for example.com.
func newTortureWorld(t *testing.T, scheme pool.Scheme) *world {
	t.Helper()
	dir := directory.New("example.com", "EXAMPLE")
	for _, name := range []string{"user", "j.user", "watson"} {
		if err := dir.AddUser(directory.User{SIP: name + "@example.com", SAM: name, Password: "C0ntoso-Pa55"}); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{Server: pool.New(dir), dir: dir}
	w.Certificate, w.Schemes = certificate, []pool.Scheme{scheme}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// duplex is one end of a connection in memory. The other end can end the input and
// still read the output.
type duplex struct {
	net.Conn
	in  *io.PipeReader
	out *io.PipeWriter
}

func (d *duplex) Read(p []byte) (int, error)  { return d.in.Read(p) }
func (d *duplex) Write(p []byte) (int, error) { return d.out.Write(p) }
func (d *duplex) Close() error                { d.in.Close(); d.out.Close(); return d.Conn.Close() }

var (
	status      = regexp.MustCompile(`(?m)^SIP/2\.0 (\d{3}) (?s:.*?)\r\n\r\n`)
	registering = regexp.MustCompile(`^REGISTER (\S+) (?s:.*?)\nTo: sip:([^@]+)@`)
)

// answers sends raw, and a REGISTER again with credentials, and returns the statuses
// of the answers, the last one of which is "alive" if the pool reads on.
func (w *world) answers(t *testing.T, raw []byte) (all []string) {
	t.Helper()
	nc, other := net.Pipe()
	defer other.Close()
	in, send := io.Pipe()
	receive, out := io.Pipe()
	if !w.ServeConn(&duplex{nc, in, out}) {
		t.Fatal("not served")
	}
	answers := bufio.NewReader(receive)
	if registering.Match(raw) {
		go send.Write(raw)
		head := readAnswer(t, answers)
		all = append(all, status.FindStringSubmatch(head)[1])
		raw = authorized(t, raw, head)
	}
	go func() {
		send.Write(raw) // fails if the pool has closed
		io.WriteString(send, "OPTIONS sip:example.com SIP/2.0\r\nVia: SIP/2.0/TLS h\r\nFrom: <sip:user@example.com>;tag=1\r\n"+
			"To: <sip:example.com>\r\nCall-ID: alive\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
		send.Close()
	}()
	rest, err := io.ReadAll(answers)
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range status.FindAllStringSubmatch(string(rest), -1) {
		if strings.Contains(answer[0], "Call-ID: alive\r\n") {
			answer[1] = "alive"
		}
		all = append(all, answer[1])
	}
	return all
}

// authorized is the REGISTER raw with credentials for the challenge in head; nil if
// there is none.
func authorized(t *testing.T, raw []byte, head string) []byte {
	t.Helper()
	challenge := regexp.MustCompile("WWW-Authenticate: (Digest .*)\r\n").FindStringSubmatch(head)
	if challenge == nil {
		return nil
	}
	parsed, err := digest.ParseChallenge(challenge[1])
	if err != nil {
		t.Fatal(err)
	}
	names := registering.FindSubmatch(raw)
	cred, err := digest.Digest(parsed, digest.Options{Method: "REGISTER", URI: string(names[1]), Username: string(names[2]),
		Password: "C0ntoso-Pa55", Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Replace(raw, []byte("\r\n"), []byte("\r\nAuthorization: "+cred.String()+"\r\n"), 1)
}

// readAnswer reads one answer without a body.
func readAnswer(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var head strings.Builder
	for !strings.HasSuffix(head.String(), "\r\n\r\n") {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(fmt.Errorf("after %q: %w", head.String(), err))
		}
		head.WriteString(line)
	}
	return head.String()
}
