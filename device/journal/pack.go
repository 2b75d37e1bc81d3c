package journal

import (
	"bytes"
	"encoding/binary"
	"unique"
)

// Packed is an entry of a Log in memory. The form in files is JSON.
type Packed struct {
	Own    string                // what is of this entry alone
	Shared unique.Handle[string] // texts, kept once for all logs of the process; zero: none
}

// Pack returns the step in the form of a journal in memory, which needs a third less
// memory than the Step. Many phones in a process journal the same texts: these are
// shared, unless an address of a user is in them.
func (s Step) Pack() Packed {
	at, _ := s.At.MarshalBinary() // it fails only for a zone more than 32767 minutes from UTC
	own := binary.AppendUvarint(binary.AppendUvarint(make([]byte, 0, 32), uint64(s.V)), s.Seq)
	own = append(append(own, byte(len(at))), at...)
	b := make([]byte, 0, 512)
	for _, text := range s.texts() {
		b = appendText(b, *text)
	}
	for _, line := range s.Details {
		b = appendText(b, line)
	}
	if bytes.IndexByte(b, '@') >= 0 {
		return Packed{Own: string(append(own, b...))}
	}
	return Packed{string(own), unique.Make(string(b))}
}

// UnpackStep is the inverse of Pack; it panics if p is of something else. The
// texts of the step are parts of p. The time has no monotonic reading.
func UnpackStep(p Packed) (s Step) {
	v, packed := cutUvarint(p.Own)
	s.V = int(v)
	s.Seq, packed = cutUvarint(packed)
	at, packed := cutText(packed)
	_ = s.At.UnmarshalBinary([]byte(at)) // of MarshalBinary
	if packed == "" {
		packed = p.Shared.Value()
	}
	for _, text := range s.texts() {
		*text, packed = cutText(packed)
	}
	for packed != "" {
		var line string
		line, packed = cutText(packed)
		s.Details = append(s.Details, line)
	}
	return s
}

// texts are the fields of text but Details.
func (s *Step) texts() [9]*string {
	return [...]*string{(*string)(&s.Name), (*string)(&s.State), &s.Asked, &s.Answered, &s.By, &s.Decided, &s.Because,
		&s.Fix, (*string)(&s.Code)}
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// cutText returns the text at the beginning of packed, and what follows it.
func cutText(packed string) (text, rest string) {
	n, rest := cutUvarint(packed)
	return rest[:n], rest[n:]
}

// cutUvarint returns the number at the beginning of packed, and what follows it.
func cutUvarint(packed string) (n uint64, rest string) {
	for shift := 0; ; shift += 7 {
		c := packed[0]
		n, packed = n|uint64(c&0x7f)<<shift, packed[1:]
		if c < 0x80 {
			return n, packed
		}
	}
}
