package sipua_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/sipua"
)

// TestRFC4475 sends each message of RFC 4475 to a registered phone. The status
// "alive" is the answer to an OPTIONS that follows; without it the phone has closed
// the connection.
func TestRFC4475(t *testing.T) {
	answers := map[string]string{
		// 3.1.1: valid messages. The phone does not serve INVITE, MESSAGE and REGISTER (RFC 3261 8.2.1).
		"wsinv":      "481 alive", // 3.1.1.1: of a dialog that there is not (RFC 3261 12.2.2)
		"intmeth":    "400 alive", // 3.1.1.2: valid, but the phone accepts no NUL
		"esc01":      "405 alive", // 3.1.1.3
		"escnull":    "405 alive", // 3.1.1.4
		"esc02":      "405 alive", // 3.1.1.5
		"lwsdisp":    "200 alive", // 3.1.1.6
		"longreq":    "405 alive", // 3.1.1.7
		"dblreq":     "405 405",   // 3.1.1.8: on a stream the INVITE is the next message; its length leaves an octet
		"semiuri":    "200 alive", // 3.1.1.9
		"transports": "200 alive", // 3.1.1.10
		"mpart01":    "405 alive", // 3.1.1.11
		"unreason":   "alive",     // 3.1.1.12: a response
		"noreason":   "alive",     // 3.1.1.13: a response
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
		"baddate":    "405 alive", // 3.1.2.12: the phone does not read Date
		"regbadct":   "405 alive", // 3.1.2.13
		"badaspec":   "400 alive", // 3.1.2.14
		"baddn":      "400 alive", // 3.1.2.15
		"badvers":    "505 alive", // 3.1.2.16
		"mismatch01": "400 alive", // 3.1.2.17
		"mismatch02": "400 alive", // 3.1.2.18: 501 or 400
		"bigcode":    "alive",     // 3.1.2.19: a response
		// 3.2: transaction layer
		"badbranch": "200 alive", // 3.2.1: transactions are matched without the branch
		// 3.3: application layer
		"insuf":    "400 alive", // 3.3.1
		"unkscm":   "416 alive", // 3.3.2
		"novelsc":  "416 alive", // 3.3.3
		"unksm2":   "405 alive", // 3.3.4
		"bext01":   "420 alive", // 3.3.5
		"invut":    "405 alive", // 3.3.6: RFC 3261 8.2.1 comes before 8.2.3
		"regaut01": "405 alive", // 3.3.7
		"multi01":  "400 alive", // 3.3.8
		"mcl01":    "400",       // 3.3.9: the framing cannot be recovered
		"bcast":    "alive",     // 3.3.10: a response
		"zeromf":   "200 alive", // 3.3.11: for proxies only
		"cparam01": "405 alive", // 3.3.12
		"cparam02": "405 alive", // 3.3.13
		"regescrt": "405 alive", // 3.3.14
		"sdp01":    "405 alive", // 3.3.15
		// 3.4: backward compatibility
		"inv2543": "400", // 3.4.1: a stream needs Content-Length (RFC 3261 18.3)
	}
	files, err := filepath.Glob("../sipwire/testdata/rfc4475/*.dat")
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
			if got, want := phoneAnswers(t, raw), strings.Fields(answers[name]); !slices.Equal(got, want) {
				t.Errorf("answered %q, want %q", got, want)
			}
		})
	}
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

var status = regexp.MustCompile(`(?m)^SIP/2\.0 (\d{3}) (?s:.*?)\r\n\r\n`)

// phoneAnswers sends raw to a registered phone and returns the statuses of the
// answers, the last one of which is "alive" if the phone reads on.
func phoneAnswers(t *testing.T, raw []byte) (all []string) {
	t.Helper()
	nc, other := net.Pipe()
	defer other.Close()
	in, send := io.Pipe()
	receive, out := io.Pipe()
	output := bufio.NewReader(receive)
	go func() { // the registrar accepts, by the headers of the REGISTER
		answer := "SIP/2.0 200 OK\r\n"
		for line := ""; line != "\r\n"; answer += line {
			var err error
			if line, err = output.ReadString('\n'); err != nil {
				return
			}
			if strings.HasPrefix(line, "REGISTER ") {
				line = ""
			}
		}
		io.WriteString(send, answer)
	}()
	config := phone(clock.NewManual(start), &steps{})
	config.Registrar = true
	r, err := sipua.Register(t.Context(), &duplex{nc, in, out}, candidate, config)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		send.Write(raw) // fails if the phone has closed
		io.WriteString(send, "OPTIONS sip:tu@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS h\r\nFrom: <sip:contoso.com>;tag=1\r\n"+
			"To: <sip:tu@contoso.com>\r\nCall-ID: alive\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
		send.Close()
	}()
	rest, err := io.ReadAll(output)
	if err != nil {
		t.Fatal(err)
	}
	<-r.Done()
	for _, answer := range status.FindAllStringSubmatch(string(rest), -1) {
		if strings.Contains(answer[0], "Call-ID: alive\r\n") {
			answer[1] = "alive"
		}
		all = append(all, answer[1])
	}
	return all
}
