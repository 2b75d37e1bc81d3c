package adroots

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm"
)

// sessions returns both ends of one sealed session, the same at every call.
func sessions(t testing.TB) (client, server *ntlm.Session) {
	t.Helper()
	now := func() time.Time { return time.Unix(1208768400, 0) }
	c := &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: "x", Rand: bytes.NewReader(make([]byte, 24)), Now: now}
	s := &ntlm.Server{NetBIOSDomain: "CONTOSO", Rand: bytes.NewReader(make([]byte, 8)), Now: now,
		NTHash: func(string, string) ([]byte, error) { return ntlm.NTHash("x"), nil }}
	challenge, err := s.Challenge(c.Negotiate())
	if err != nil {
		t.Fatal(err)
	}
	msg, client, err := c.Authenticate(challenge)
	if err != nil {
		t.Fatal(err)
	}
	if _, server, err = s.Authenticate(msg); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func frame(s *ntlm.Session, plain []byte) []byte {
	sealed, sig := s.Seal(plain)
	b := binary.BigEndian.AppendUint32(nil, uint32(len(sig)+len(sealed)))
	return append(append(b, sig...), sealed...)
}

// ldapMessage is a message whose operation has n octets of content.
func ldapMessage(id int64, n int) []byte {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	p.AppendChild(ber.NewString(ber.ClassApplication, ber.TypePrimitive, 4, strings.Repeat("x", n), ""))
	return p.Bytes()
}

// memory is a net.Conn over a buffer.
type memory struct {
	net.Conn
	io.Reader
	sent bytes.Buffer
}

func (m *memory) Read(p []byte) (int, error)  { return m.Reader.Read(p) }
func (m *memory) Write(p []byte) (int, error) { return m.sent.Write(p) }

func TestSecurityBeginsExactlyAfterTheBindResponse(t *testing.T) {
	cs, ss := sessions(t)
	one, two := ldapMessage(1, 10), ldapMessage(2, 300)
	both := append(bytes.Clone(one), two...)
	wire := bytes.Clone(one) // the bind response, in clear, and sealed octets in the same segment
	wire = append(wire, frame(ss, both[:5])...)
	wire = append(wire, frame(ss, both[5:])...)
	m := &memory{Reader: bytes.NewReader(wire)}
	c := newConn(m, 1<<20)
	if got, err := c.message(); err != nil || !bytes.Equal(got, one) {
		t.Fatalf("bind response %x, %v", got, err)
	}
	c.seal(cs)
	got, err := io.ReadAll(c) // through Read, as go-ldap does
	if err != nil || !bytes.Equal(got, both) {
		t.Errorf("sealed messages %x, %v", got, err)
	}
	if _, err := c.Write(one); err != nil {
		t.Fatal(err)
	}
	b := m.sent.Bytes()
	if binary.BigEndian.Uint32(b) != uint32(len(b)-4) {
		t.Fatalf("frame length in % x", b[:4])
	}
	if plain, err := ss.Unseal(b[20:], b[4:20]); err != nil || !bytes.Equal(plain, one) {
		t.Errorf("sent %x, %v", plain, err)
	}
}

func TestReadingFailsOnBadMessages(t *testing.T) {
	long := func(tag byte, n int) []byte { return binary.BigEndian.AppendUint32([]byte{tag, 0x84}, uint32(n)) }
	deep := []byte{0x02, 0x01, 0x00}
	for range 20 {
		deep = append([]byte{0x30, byte(len(deep))}, deep...)
	}
	for _, c := range []struct {
		name   string
		plain  []byte                            // sealed into a frame when there is a session
		wire   func(server *ntlm.Session) []byte // else the octets as they are
		want   error
		sealed bool
	}{
		{"nothing", nil, nil, io.EOF, false},
		{"half a message", ldapMessage(1, 10)[:8], nil, io.ErrUnexpectedEOF, false},
		{"a large message before the bind", long(0x30, maxBindMessage+1), nil, errTooLarge, false},
		{"a huge message", long(0x30, maxMessage+1), nil, errTooLarge, true},
		{"a negative length", long(0x30, 1<<31), nil, errTooLarge, true},
		{"no sequence", []byte{0x04, 0x01, 'x'}, nil, errNotBER, true},
		{"an indefinite length", []byte{0x30, 0x80, 0x02, 0x01, 0x01, 0, 0}, nil, errNotBER, true},
		{"a length of five octets", []byte{0x30, 0x85, 0, 0, 0, 0, 1, 0}, nil, errNotBER, true},
		{"a tag of two octets", []byte{0x30, 0x03, 0x1f, 0x01, 0x00}, nil, errNotBER, true},
		{"a cut element", []byte{0x30, 0x03, 0x02, 0x05, 0x01}, nil, errNotBER, true},
		{"nested too deep", deep, nil, errNotBER, true},
		{"too many elements", append(long(0x30, 2*maxElements+2), bytes.Repeat([]byte{5, 0}, maxElements+1)...), nil, errNotBER, true},
		{"an answer in clear", nil, func(*ntlm.Session) []byte { return ldapMessage(1, 200) }, errUnsealed, true},
		{"a huge frame", nil, func(*ntlm.Session) []byte { return []byte{0xff, 0xff, 0xff, 0xff} }, errTooLarge, true},
		{"a frame without content", nil, func(*ntlm.Session) []byte { return append([]byte{0, 0, 0, 16}, make([]byte, 16)...) }, errNotBER, true},
		{"a frame that was changed", nil, func(s *ntlm.Session) []byte { b := frame(s, ldapMessage(1, 10)); b[30] ^= 1; return b }, ntlm.ErrSignature, true},
		{"a frame that was replayed", nil, func(s *ntlm.Session) []byte { b := frame(s, ldapMessage(1, 10)[:5]); return append(b, b...) }, ntlm.ErrSignature, true},
		{"a frame that was cut", nil, func(s *ntlm.Session) []byte { return frame(s, ldapMessage(1, 10))[:20] }, io.ErrUnexpectedEOF, true},
		{"more than the connection may bring", nil, func(s *ntlm.Session) []byte { return frame(s, ldapMessage(1, 1<<20)) }, errTooLarge, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cs, ss := sessions(t)
			wire := c.plain
			switch {
			case c.wire != nil:
				wire = c.wire(ss)
			case c.sealed:
				wire = frame(ss, c.plain)
			}
			conn := newConn(&memory{Reader: bytes.NewReader(wire)}, 1<<20)
			if c.sealed {
				conn.seal(cs)
			}
			msg, err := conn.message()
			if !errors.Is(err, c.want) || msg != nil || !errors.Is(conn.firstCause(), c.want) {
				t.Errorf("message %x, error %v, kept %v, want %v", msg, err, conn.firstCause(), c.want)
			}
		})
	}
}

// Many small messages cost more memory than octets.
func TestElementsOfOneConnectionAreBounded(t *testing.T) {
	for name, msg := range map[string][]byte{"messages without content": {0x30, 0}, "messages of empty values": append([]byte{0x30, 0x7e}, bytes.Repeat([]byte{4, 0}, 63)...)} {
		wire := bytes.Repeat(msg, maxAllElements+1)
		c := newConn(&memory{Reader: bytes.NewReader(wire)}, int64(len(wire)))
		n, err := io.Copy(io.Discard, c)
		if most := int64(maxAllElements * 2); !errors.Is(err, errTooLarge) || n > most || n < most-128 {
			t.Errorf("%s: %d octets, error %v", name, n, err)
		}
	}
}

// AD writes long-form lengths where the short form would do.
func TestLongFormLengthsAreRead(t *testing.T) {
	msg := []byte{0x30, 0x84, 0, 0, 0, 5, 0x02, 0x83, 0, 0, 0}
	c := newConn(&memory{Reader: bytes.NewReader(msg)}, 1<<20)
	if got, err := c.message(); err != nil || !bytes.Equal(got, msg) {
		t.Errorf("%x, %v", got, err)
	}
}

func TestBindResultsAreMapped(t *testing.T) {
	text := func(data string) string {
		return "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data " + data + ", v1db1"
	}
	for _, c := range []struct {
		name    string
		code    int64
		message string
		want    journal.Code
		fix     string // what the remedy contains; "": the code's page says it
	}{
		{"wrong password", 49, text("52e"), journal.ADCredentials, ""},
		{"wrong password with a UPN, Samba", 49, text("490"), journal.ADCredentials, ""},
		{"wrong password, upper case", 49, text("52E"), journal.ADCredentials, ""},
		{"unknown user", 49, text("525"), journal.ADCredentials, ""},
		{"no reason given", 49, "", journal.ADCredentials, ""},
		{"locked", 49, text("775"), journal.ADLocked, ""},
		{"disabled", 49, text("533"), journal.ADDisabled, ""},
		{"not at this time", 49, text("530"), journal.ADRestricted, "logon hours"},
		{"not from this device", 49, text("531"), journal.ADRestricted, "Log On To"},
		{"Protected Users", 49, text("52f"), journal.ADRestricted, "Protected Users"},
		{"no right to log on", 49, text("569"), journal.ADRestricted, "Access this computer from the network"},
		{"password expired", 49, text("532"), journal.ADExpired, "Change the password"},
		{"password must be changed", 49, text("773"), journal.ADExpired, "Change the password"},
		{"account expired", 49, text("701"), journal.ADExpired, "end date of the account"},
		{"no NTLM, Samba", 49, text("418"), journal.ADWeakBind, "Allow NTLM"},
		{"no NTLM, Windows", 49, text("791"), journal.ADWeakBind, "Allow NTLM"},
		{"no such function", 49, text("80090302"), journal.ADWeakBind, "Allow NTLM"},
		{"channel binding", 49, text("80090346"), journal.AuthBinding, "channel binding token"},
		{"an invalid message", 49, text("57"), journal.ADProtocol, "error 57 (MS-ERREF)"},
		{"an unknown error", 49, text("4BE"), journal.ADProtocol, "error 4be (MS-ERREF)"},
		{"strong authentication", 8, "SASL:[GSS-SPNEGO]: Sign or Seal are required.", journal.ADWeakBind, ""},
		{"no such mechanism", 7, "", journal.ADWeakBind, ""},
		{"busy", 51, "", journal.ADUnreachable, "event log"},
		{"unavailable", 52, "", journal.ADUnreachable, "event log"},
		{"unwilling", 53, "", journal.ADProtocol, ""},
		{"a number that LDAP has not", 70000, "", journal.ADProtocol, ""},
	} {
		f := bindFailure(bindResult{code: c.code, message: c.message}, "", controller{})
		if f.Code != c.want || f.What == "" || !strings.Contains(f.Fix, c.fix) || (f.Fix == "") != (c.fix == "") {
			t.Errorf("%s: %+v, want %s and a remedy with %q", c.name, f, c.want, c.fix)
		}
		advice := f.Step(journal.Roots).Fix
		aboutPassword := strings.Contains(advice, "password") && !strings.Contains(advice, "password is not the cause")
		if mayBe := c.want == journal.ADCredentials || strings.Contains(c.fix, "password"); aboutPassword && !mayBe {
			t.Errorf("%s: the remedy speaks of the password: %s", c.name, advice)
		}
	}
}

func TestTextsFromTheNetworkArePrintable(t *testing.T) {
	for in, want := range map[string]string{
		"data 52e\x00":             "data 52e",
		"a\x1b[2Jb\r\nc":           "a\ufffd[2Jb  c",
		"Købmagergade":             "Købmagergade",
		"\xff":                     "\ufffd",
		strings.Repeat("x", 1000):  strings.Repeat("x", maxText) + "…",
		"right\u202eto left\u0007": "right\ufffdto left\ufffd",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzSealedFrames feeds the frame reader with octets that an attacker
// changed: its output must be a prefix of what the server sealed.
func FuzzSealedFrames(f *testing.F) {
	plain := append(ldapMessage(1, 40), ldapMessage(2, 3)...)
	_, ss := sessions(f)
	wire := append(frame(ss, plain[:20]), frame(ss, plain[20:])...)
	f.Add(wire)
	f.Add(wire[:len(wire)-3])
	f.Add(append(bytes.Clone(wire), wire...))
	f.Add(plain)
	f.Fuzz(func(t *testing.T, wire []byte) {
		cs, _ := sessions(t)
		c := newConn(&memory{Reader: bytes.NewReader(wire)}, 1<<20)
		c.seal(cs)
		got, err := io.ReadAll(c)
		if !bytes.HasPrefix(plain, got) {
			t.Errorf("read %x, which the server did not seal", got)
		}
		if err == nil && len(got) != 0 && len(got) != len(plain) && len(got) != len(ldapMessage(1, 40)) {
			t.Errorf("half a message: %x", got)
		}
	})
}

// FuzzMessage reads messages before the bind.
func FuzzMessage(f *testing.F) {
	f.Add(ldapMessage(1, 10))
	f.Add([]byte("\x30\x2a\x02\x01\x01\x61\x25\x0a\x01\x0e\x04\x00\x04\x00\x87\x1cNTLMSSP\x00\x02\x00\x00\x00aaaaaaaaaaaaaaaa"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		c := newConn(&memory{Reader: bytes.NewReader(wire)}, 1<<20)
		msg, err := c.message()
		if err != nil {
			return
		}
		if !bytes.HasPrefix(wire, msg) {
			t.Errorf("message %x is not what came", msg)
		}
		if r, err := parseBind(msg, 1); err == nil && !bytes.Contains(msg, r.credentials) {
			t.Errorf("credentials %x did not come", r.credentials)
		}
	})
}
