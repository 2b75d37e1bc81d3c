package journal

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// DecodeText returns the text of a file as UTF-8 without a byte order mark. It
// recognises UTF-8 and UTF-16 by the mark, as Windows PowerShell writes them, and
// UTF-16 without a mark by the zero octets of its first two characters, if these
// are ASCII (RFC 4627 3). Other contents are returned as they are: DER begins in
// neither way.
func DecodeText(b []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		return b[3:]
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		order, b = binary.LittleEndian, b[2:]
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		order, b = binary.BigEndian, b[2:]
	case len(b) < 4:
		return b
	case b[0] != 0 && b[1] == 0 && b[2] != 0 && b[3] == 0:
		order = binary.LittleEndian
	case b[0] == 0 && b[1] != 0 && b[2] == 0 && b[3] != 0:
		order = binary.BigEndian
	default:
		return b
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}
