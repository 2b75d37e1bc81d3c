package network

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

func TestNetBIOSNameEncoding(t *testing.T) {
	// RFC 1001 14.1: "FRED            " is EGFCEFEECACACACACACACACACACACACA.
	got, err := encodeNetBIOS("Fred", ' ')
	if want := "\x20EGFCEFEECACACACACACACACACACACACA\x00"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	got, err = encodeNetBIOS("CONTOSO", NetBIOSDomainControllers)
	if want := "\x20EDEPEOFEEPFDEPCACACACACACACACABM\x00"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := encodeNetBIOS("A", 0xfe); err != nil || !bytes.HasSuffix(got, []byte("PO\x00")) || len(got) != nbnsNameSize {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "SIXTEENCHARSLONG", "dänemark", "a\x00b"} {
		if got, err := encodeNetBIOS(bad, 0); err == nil {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

// nbnsReply is a response to the request q with the given flags and, after the
// name, rr in hex.
func nbnsReply(q []byte, flags, rr string) []byte {
	counts := "0000000100000000"
	b, err := hex.DecodeString(hex.EncodeToString(q[:2]) + flags + counts + hex.EncodeToString(q[nbnsHeader:nbnsHeader+nbnsNameSize]) + strings.ReplaceAll(rr, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// Responses as RFC 1002 4.2.13, 4.2.14 and 4.2.16 draw them.
const (
	nbnsPositive = "0020 0001 0003f480 0012 e000 7f00000a e000 7f00000b e000 7f00000a"
	nbnsNegative = "000a 0001 00000000 0000"
	nbnsPatience = "0020 0001 00000002 0002 0100"
)

func TestNetBIOSNameServerIsAsked(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		// reply gets the request and its number and returns the datagrams sent.
		reply func(q []byte, number int) [][]byte
		want  []netip.Addr
		code  journal.Code
	}{
		{"domain controllers", func(q []byte, _ int) [][]byte { return [][]byte{nbnsReply(q, "8580", nbnsPositive)} },
			[]netip.Addr{netip.MustParseAddr("127.0.0.10"), netip.MustParseAddr("127.0.0.11")}, ""},
		{"a lost datagram", func(q []byte, number int) [][]byte {
			if number < 3 {
				return nil
			}
			return [][]byte{nbnsReply(q, "8580", nbnsPositive)}
		}, []netip.Addr{netip.MustParseAddr("127.0.0.10"), netip.MustParseAddr("127.0.0.11")}, ""},
		{"patience, noise, then the answer", func(q []byte, _ int) [][]byte {
			other := slices.Clone(q)
			other[0]++
			return [][]byte{nbnsReply(q, "bc00", nbnsPatience), []byte("noise"), q, nbnsReply(other, "8583", nbnsNegative),
				nbnsReply(q, "8580", "0020 0001 00000000 0006 0000 7f000001")}
		}, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, ""},
		{"no such name", func(q []byte, _ int) [][]byte { return [][]byte{nbnsReply(q, "8583", nbnsNegative)} }, nil, journal.DNSNoRecords},
		{"refused", func(q []byte, _ int) [][]byte { return [][]byte{nbnsReply(q, "8585", nbnsNegative)} }, nil, journal.DNSRefused},
		{"silent", func([]byte, int) [][]byte { return nil }, nil, journal.DNSNoServer},
		{"garbage only", func(q []byte, _ int) [][]byte {
			return [][]byte{nbnsReply(q, "8580", "0020 0001 00000000 0007 0000 7f000001 00"), nbnsReply(q, "8580", "0020 0001 00000000 0600 0000"),
				nbnsReply(q, "8580", "0020 0001 00000000 0000"), nbnsReply(q, "8580", "0021 0001 00000000 0006 0000 7f000001"), nbnsReply(q, "8580", "0020")}
		}, nil, journal.DNSNoServer},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			pc, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				buf := make([]byte, 1500)
				for number := 1; ; number++ {
					k, from, err := pc.ReadFrom(buf)
					if err != nil {
						return
					}
					if k != 50 {
						t.Errorf("a request of %d bytes, want 50", k)
						return
					}
					for _, b := range row.reply(buf[:k], number) {
						pc.WriteTo(b, from)
					}
				}
			}()
			defer func() { pc.Close(); <-done }()
			server := pc.LocalAddr().String()
			o := Options{Timeout: 300 * time.Millisecond}
			if row.code == journal.DNSNoServer {
				o.Timeout = 40 * time.Millisecond
			}
			n := New(Place{WINS: server}, o)
			defer n.Close()
			got, by, err := n.Query(t.Context(), "contoso", NetBIOSDomainControllers)
			if row.code != "" {
				if f := journal.FailureOf(err); f.Code != row.code || f.Asked != "NetBIOS contoso<1C>" || f.By != server {
					t.Fatalf("%+v", f)
				}
				return
			}
			if err != nil || by != server || !slices.Equal(got, row.want) {
				t.Errorf("%v by %s, %v", got, by, err)
			}
		})
	}
}

func TestNoNetBIOSQueryWithoutAServer(t *testing.T) { // docs/decisions.md#do-no-harm
	n := New(Place{}, Options{})
	defer n.Close()
	_, _, err := n.Query(context.Background(), "CONTOSO", NetBIOSDomainControllers)
	if f := journal.FailureOf(err); f.Code != journal.DNSNoServer || !strings.Contains(f.Fix, "--wins") {
		t.Errorf("%+v", f)
	}
}

func FuzzNBNSResponse(f *testing.F) {
	name, _ := encodeNetBIOS("CONTOSO", NetBIOSDomainControllers)
	q := append([]byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}, name...)
	f.Add(nbnsReply(q, "8580", nbnsPositive))
	f.Add(nbnsReply(q, "8583", nbnsNegative))
	f.Add(nbnsReply(q, "bc00", nbnsPatience))
	f.Add(q)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseNBNS(b, 0x1234, name)
		if err == nil && !a.wait && (a.rcode == 0) != (len(a.addrs) > 0) {
			t.Errorf("%+v from %x", a, b)
		}
		if len(a.addrs) > len(b)/6 {
			t.Errorf("%d addresses in %d bytes", len(a.addrs), len(b))
		}
	})
}
