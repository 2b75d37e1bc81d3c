package ntlm

import (
	"fmt"
	"time"
)

// Challenge is the content of a server's challenge. It is not authenticated: use it
// only for hints to a person.
type Challenge struct {
	Flags           Flags
	ServerChallenge [8]byte
	NetBIOSDomain   string // the domain for DOMAIN\user (R1.5)
	NetBIOSComputer string
	DNSDomain       string
	DNSComputer     string
	DNSTree         string
	Timestamp       time.Time // of the server's clock; zero if absent

	targetInfo []byte // raw, as the client returns it
	filetime   []byte // raw timestamp, nil if absent
}

// Ids of attribute-value pairs, MS-NLMP 2.2.2.1.
const (
	avEOL             = 0
	avNetBIOSComputer = 1
	avNetBIOSDomain   = 2
	avDNSComputer     = 3
	avDNSDomain       = 4
	avDNSTree         = 5
	avFlags           = 6
	avTimestamp       = 7
	avTargetName      = 9
	avChannelBindings = 10
)

// avFlagMIC in avFlags says that the AUTHENTICATE message holds a MIC.
const avFlagMIC = 2

// maxAVPairs bounds the list of pairs; eleven ids are defined.
const maxAVPairs = 64

// challengeSize is the fixed part up to the target information; a version of 8
// octets follows it in everything newer than Windows NT.
const challengeSize = 48

// ParseChallenge reads a challenge of at most MaxMessage octets. The error is
// ErrMalformed.
func ParseChallenge(b []byte) (Challenge, error) {
	var c Challenge
	if err := checkHeader(b, typeChallenge, challengeSize); err != nil {
		return c, err
	}
	c.Flags = Flags(le.Uint32(b[20:]))
	copy(c.ServerChallenge[:], b[24:])
	var err error
	if c.targetInfo, err = field(b, 40); err != nil {
		return c, err
	}
	pairs, err := parsePairs(c.targetInfo)
	if err != nil {
		return c, err
	}
	for id, text := range map[uint16]*string{avNetBIOSComputer: &c.NetBIOSComputer, avNetBIOSDomain: &c.NetBIOSDomain,
		avDNSComputer: &c.DNSComputer, avDNSDomain: &c.DNSDomain, avDNSTree: &c.DNSTree} {
		*text = decodeUTF16(pairs[id])
	}
	if ft := pairs[avTimestamp]; len(ft) == 8 {
		c.filetime, c.Timestamp = ft, parseFiletime(ft)
	}
	return c, nil
}

// parsePairs parses a list of pairs up to its end mark; an empty list needs no
// mark. Of a repeated id the first is used.
func parsePairs(b []byte) (map[uint16][]byte, error) {
	pairs := map[uint16][]byte{}
	if len(b) == 0 {
		return pairs, nil
	}
	for range maxAVPairs {
		if len(b) < 4 {
			return nil, fmt.Errorf("%w: target information without an end", ErrMalformed)
		}
		id, n := le.Uint16(b), int(le.Uint16(b[2:]))
		if id == avEOL {
			return pairs, nil
		}
		if len(b) < 4+n {
			return nil, fmt.Errorf("%w: target information is cut off", ErrMalformed)
		}
		if _, ok := pairs[id]; !ok {
			pairs[id] = b[4 : 4+n]
		}
		b = b[4+n:]
	}
	return nil, fmt.Errorf("%w: too many pairs of target information", ErrMalformed)
}

func appendPair(b []byte, id uint16, value []byte) []byte {
	b = le.AppendUint16(b, id)
	b = le.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// filetimeEpoch is 1970 in seconds after 1601, where FILETIME begins.
const filetimeEpoch = 11644473600

// filetime counts 100 ns from 1601, MS-DTYP 2.3.3.
func filetime(t time.Time) []byte {
	return le.AppendUint64(nil, uint64((t.Unix()+filetimeEpoch)*1e7+int64(t.Nanosecond()/100)))
}

func parseFiletime(b []byte) time.Time {
	ticks := le.Uint64(b)
	return time.Unix(int64(ticks/1e7)-filetimeEpoch, int64(ticks%1e7)*100).UTC()
}
