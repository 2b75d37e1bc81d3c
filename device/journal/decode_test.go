package journal

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"
)

func TestTextOfEachEncodingIsDecoded(t *testing.T) {
	encode := func(order binary.AppendByteOrder, s string) (b []byte) {
		for _, u := range utf16.Encode([]rune(s)) {
			b = order.AppendUint16(b, u)
		}
		return b
	}
	const text = "[Kjøbenhavn 𝄞]\r\n"
	for name, b := range map[string][]byte{
		"UTF-8":                     []byte(text),
		"UTF-8 with a mark":         []byte("\ufeff" + text),
		"UTF-16LE with a mark":      encode(binary.LittleEndian, "\ufeff"+text),
		"UTF-16BE with a mark":      encode(binary.BigEndian, "\ufeff"+text),
		"UTF-16LE without a mark":   encode(binary.LittleEndian, text),
		"UTF-16BE without a mark":   encode(binary.BigEndian, text),
		"UTF-16LE, an octet beyond": append(encode(binary.LittleEndian, text), 0),
	} {
		if got := string(DecodeText(b)); got != text {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, other := range []string{"", "a", "a\x00", "\x00a\x00", "\x30\x82\x01\x00", "\x00\x00\x00\x01", "a\x00\x00\x00"} {
		if got := string(DecodeText([]byte(other))); got != other {
			t.Errorf("%q became %q", other, got)
		}
	}
}
