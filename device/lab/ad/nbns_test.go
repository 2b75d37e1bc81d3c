package ad

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"
)

// nbnsQuery is a NetBIOS question as RFC 1002 4.2.12 draws it.
func nbnsQuery(id uint16, name string, suffix byte, kind uint16) []byte {
	raw := [16]byte{}
	if name != "*" {
		copy(raw[:], strings.Repeat(" ", 15))
	}
	copy(raw[:15], name)
	raw[15] = suffix
	q := binary.BigEndian.AppendUint16(nil, id)
	q = append(q, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 32) // recursion desired, one question
	for _, c := range raw {
		q = append(q, 'A'+c>>4, 'A'+c&15)
	}
	q = append(q, 0)
	q = binary.BigEndian.AppendUint16(q, kind)
	return append(q, 0, 1)
}

func ask(t *testing.T, s *Server, q []byte) []byte {
	t.Helper()
	c, err := net.Dial("udp", s.NBNSAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Write(q); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1500)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func TestNetBIOSNamesOfADC(t *testing.T) { // docs/peers.md#netbios-name-service
	s := newTestServer(t)
	for _, tt := range []struct {
		name   string
		suffix byte
		group  bool
	}{{"CONTOSO", 0x1c, true}, {"CONTOSO", 0x1b, false}, {"CONTOSO", 0x00, true}, {"DC1", 0x20, false}, {"dc1", 0x00, false}} {
		q := nbnsQuery(0x1234, tt.name, tt.suffix, nbnsTypeName)
		a := ask(t, s, q)
		if len(q) != 50 || len(a) != 62 {
			t.Fatalf("%s<%02x>: %d octets asked, %d answered", tt.name, tt.suffix, len(q), len(a))
		}
		if string(a[:2]) != "\x12\x34" || a[2] != 0x85 || a[3]&0x0f != 0 || string(a[4:12]) != "\x00\x00\x00\x01\x00\x00\x00\x00" || string(a[12:50]) != string(q[12:50]) {
			t.Errorf("%s<%02x>: header %x", tt.name, tt.suffix, a[:50])
		}
		if group := a[56]&0x80 != 0; string(a[54:56]) != "\x00\x06" || group != tt.group || net.IP(a[58:]).String() != "127.0.0.1" {
			t.Errorf("%s<%02x>: data %x", tt.name, tt.suffix, a[54:])
		}
	}
}

func TestNodeStatusListsAllNames(t *testing.T) {
	s := newTestServer(t)
	for _, q := range [][]byte{nbnsQuery(1, "*", 0, nbnsTypeStatus), nbnsQuery(1, "DC1", 0x20, nbnsTypeStatus)} {
		d := ask(t, s, q)[56:]
		var have []string
		for i := range int(d[0]) {
			e := d[1+18*i:]
			group := map[bool]string{true: "group"}[e[16]&0x80 != 0]
			have = append(have, strings.TrimRight(string(e[:15]), " ")+" "+string("0123456789abcdef"[e[15]>>4])+string("0123456789abcdef"[e[15]&15])+" "+group)
		}
		if want := "DC1 00 |DC1 20 |CONTOSO 00 group|CONTOSO 1c group|CONTOSO 1b "; strings.Join(have, "|") != want {
			t.Errorf("names are %q, want %q", have, want)
		}
		if len(d) != 1+5*18+46 {
			t.Errorf("%d octets", len(d))
		}
	}
}

func TestNetBIOSDoesNotAnswerOtherQueries(t *testing.T) {
	s := newTestServer(t)
	change := func(at int, v byte) []byte {
		q := nbnsQuery(1, "CONTOSO", 0x1c, nbnsTypeName)
		q[at] = v
		return q
	}
	for name, q := range map[string][]byte{
		"unknown name":         nbnsQuery(1, "NOSUCH", 0x1c, nbnsTypeName),
		"unknown suffix":       nbnsQuery(1, "CONTOSO", 0x1d, nbnsTypeName),
		"status of a stranger": nbnsQuery(1, "NOSUCH", 0x20, nbnsTypeStatus),
		"an answer":            change(2, 0x85),
		"a registration":       change(2, 0x29),
		"two questions":        change(5, 2),
		"a scope":              change(45, 3),
		"half-octet too big":   change(13, 'Z'),
		"other type":           change(47, 0x0a),
		"other class":          change(49, 2),
		"cut short":            nbnsQuery(1, "CONTOSO", 0x1c, nbnsTypeName)[:49],
		"empty":                {},
	} {
		if a := s.nbnsAnswer(q); a != nil {
			t.Errorf("%s: answered %x", name, a)
		}
	}
	s.SetFaults(Faults{Silent: true})
	if a := s.nbnsAnswer(change(0, 0)); a != nil {
		t.Errorf("answered %x though silent", a)
	}
	s.SetFaults(Faults{})
	if s.nbnsAnswer(change(0, 0)) == nil {
		t.Error("silent on its own name")
	}
}
