package sipwire

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keys is a Signer made of the session keys in
// docs/protocol/sip-connection.md#test-vectors (b): the MAC of
// docs/protocol/sip-connection.md#ntlm-in-sip with extended session security and
// key exchange.
type keys struct{ sign, seal, peerSign, peerSeal []byte }

func (k keys) SignDatagram(seq uint32, msg []byte) []byte { return mac(k.sign, k.seal, seq, msg) }

func (k keys) VerifyDatagram(seq uint32, msg, sig []byte) bool {
	return hmac.Equal(sig, mac(k.peerSign, k.peerSeal, seq, msg))
}

func mac(signKey, sealKey []byte, seq uint32, msg []byte) []byte {
	le := binary.LittleEndian.AppendUint32(nil, seq)
	h := hmac.New(md5.New, signKey)
	h.Write(le)
	h.Write(msg)
	k := md5.Sum(append(append([]byte(nil), sealKey...), le...))
	sum := h.Sum(nil)[:8]
	stream, _ := rc4.NewCipher(k[:])
	stream.XORKeyStream(sum, sum)
	return append(append([]byte{1, 0, 0, 0}, sum...), le...)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func clientKeys() keys {
	return keys{
		sign: unhex("9b52e70996bd32c71f2398b552d207d2"), seal: unhex("157cc91ead98fd67ff4911a6c338be2c"),
		peerSign: unhex("24708083b479de7c5807cac27aeefbce"), peerSeal: unhex("537dc0b821115fd8177313be127b7d90"),
	}
}

func serverKeys() keys {
	k := clientKeys()
	return keys{sign: k.peerSign, seal: k.peerSeal, peerSign: k.sign, peerSeal: k.seal}
}

// associations returns the two ends of one association.
func associations(version int, opaque string) (client, server *Association) {
	config := AssociationConfig{Version: version, Realm: "SIP Communications Service",
		TargetName: "fe1.contoso.local", Opaque: opaque, Session: clientKeys()}
	client = NewAssociation(config)
	config.Server, config.Session = true, serverKeys()
	return client, NewAssociation(config)
}

// loopback returns the two ends of a TCP connection.
func loopback(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// start makes a Conn that is closed and waited for when the test ends.
func start(t testing.TB, nc net.Conn, cfg Config) *Conn {
	t.Helper()
	c := New(nc, cfg)
	t.Cleanup(func() {
		c.Close()
		wait(t, c.Done(), "the reader to end")
	})
	return c
}

// pair connects a client and a server.
func pair(t testing.TB, client, server Config) (c, s *Conn) {
	t.Helper()
	a, b := loopback(t)
	return start(t, a, client), start(t, b, server)
}

// rawPeer connects a Conn with a peer that the test drives byte by byte.
func rawPeer(t testing.TB, cfg Config) (*Conn, net.Conn) {
	t.Helper()
	a, b := loopback(t)
	t.Cleanup(func() { b.Close() })
	return start(t, a, cfg), b
}

func wait[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(time.Minute):
		t.Fatalf("waited too long for %s", what)
	}
	return v
}

func request(t testing.TB, method string, seq uint32) *sip.Request {
	t.Helper()
	r, err := NewRequest(RequestConfig{Method: method, URI: "sip:contoso.com", Via: "10.0.0.21:1044",
		From: "<sip:kerry@contoso.com>;tag=7d1f0c2a55;epid=01010101aa", To: "<sip:kerry@contoso.com>",
		CallID: "0123456789abcdef0123456789abcdef", CSeq: seq})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// answerAll is a server's handler that answers every request with 200.
func answerAll(c *Conn, in *Incoming) {
	if req := in.Request(); req != nil {
		_ = c.Answer(req, NewResponse(req, 200, "OK", ""))
	}
}

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func wantCode(t testing.TB, err error, code journal.Code) {
	t.Helper()
	var f *journal.Failure
	if !errors.As(err, &f) || f.Code != code {
		t.Fatalf("error %v, want code %s", err, code)
	}
}

// crlf turns a readable message into its wire form.
func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}
