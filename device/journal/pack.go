package journal

import "encoding/binary"

// Pack returns the step in one string, which needs a third less memory than the
// Step. It is for a journal in memory; the form in files is JSON.
func (s Step) Pack() string {
	at, _ := s.At.MarshalBinary() // it fails only for a zone more than 32767 minutes from UTC
	b := make([]byte, 0, 512)
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(s.V)), s.Seq)
	b = append(append(b, byte(len(at))), at...)
	for _, text := range s.texts() {
		b = appendText(b, *text)
	}
	for _, line := range s.Details {
		b = appendText(b, line)
	}
	return string(b)
}

// UnpackStep is the inverse of Pack; it panics if packed is another string. The
// texts of the step are parts of packed. The time has no monotonic reading.
func UnpackStep(packed string) (s Step) {
	v, packed := cutUvarint(packed)
	s.V = int(v)
	s.Seq, packed = cutUvarint(packed)
	at, packed := cutText(packed)
	_ = s.At.UnmarshalBinary([]byte(at)) // of MarshalBinary
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
