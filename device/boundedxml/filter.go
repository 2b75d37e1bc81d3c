package boundedxml

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// state of the filter: which part of a document the next byte belongs to.
type state int

const (
	inText state = iota
	inTag
	inComment
	inCDATA
	inInstruction
)

// ends are the last bytes of the parts that end with more than a '>'.
var ends = map[state]string{inComment: "-->", inCDATA: "]]>", inInstruction: "?>"}

const replacement = "\ufffd"

// maxReference bounds a character reference, with its leading zeros.
const maxReference = 24

// filter passes the bytes of a document on, bounds them and replaces forbidden
// characters in text and attribute values. It implements io.ByteReader, so that
// an xml.Decoder takes no byte before it needs it: see Decoder.Text.
type filter struct {
	in       *bufio.Reader
	strict   bool
	begun    bool
	state    state
	quote    byte    // in a tag: the quote that ends the attribute value, or 0
	last     [2]byte // the two bytes before, within the same part
	pass     int     // bytes to pass on as they are
	pending  string  // the rest of a replacement
	replaced int
	failed   error // of the reader or of the filter itself, other than io.EOF
}

func newFilter(r io.Reader, l Limits) *filter {
	return &filter{in: bufio.NewReader(&limited{in: r, left: l.Bytes, most: l.Bytes}), strict: l.Strict}
}

// Read implements io.Reader, byte by byte: see ReadByte.
func (f *filter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := f.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// ReadByte implements io.ByteReader.
func (f *filter) ReadByte() (byte, error) {
	if f.pending != "" {
		b := f.pending[0]
		f.pending = f.pending[1:]
		return b, nil
	}
	if !f.begun {
		f.begun = true
		if head, _ := f.in.Peek(2); isUTF16(head) {
			return 0, f.fail(ErrEncoding, "It is UTF-16 or UTF-32; only UTF-8 is read.")
		}
	}
	b, err := f.in.ReadByte()
	if err != nil {
		if err != io.EOF {
			f.failed = err
		}
		return 0, err
	}
	if f.pass > 0 {
		if f.pass--; f.pass == 0 {
			f.last = [2]byte{}
		}
		return b, nil
	}
	if b < 0x20 && b != '\t' && b != '\n' && b != '\r' || b >= utf8.RuneSelf {
		return f.unusual(b)
	}
	if b == '&' && (f.state == inText || f.state == inTag) {
		if size, value := f.reference(); size > 0 && !allowed(value) {
			return f.replace(size, fmt.Sprintf("the reference &#x%X;", value))
		}
	}
	f.follow(b)
	return b, nil
}

// unusual checks a control character, or the first byte of a character beyond
// ASCII.
func (f *filter) unusual(b byte) (byte, error) {
	size, value := 1, rune(b)
	if b >= utf8.RuneSelf {
		_ = f.in.UnreadByte()
		head, _ := f.in.Peek(utf8.UTFMax)
		value, size = utf8.DecodeRune(head)
		_, _ = f.in.ReadByte()
	}
	invalid := value == utf8.RuneError && size == 1
	if f.state == inComment || f.state == inInstruction || !invalid && allowed(uint64(value)) {
		f.pass, f.last = size-1, [2]byte{}
		return b, nil
	}
	if invalid {
		return f.replace(0, fmt.Sprintf("the byte 0x%02X, which is not UTF-8", b))
	}
	return f.replace(size-1, fmt.Sprintf("the character %U", value))
}

// replace drops more bytes and gives U+FFFD in their place.
func (f *filter) replace(more int, what string) (byte, error) {
	if f.strict {
		return 0, f.fail(ErrCharacter, "It has "+what+", which XML 1.0 forbids.")
	}
	_, _ = f.in.Discard(more) // they were peeked
	f.replaced++
	f.last = [2]byte{}
	f.pending = replacement[1:]
	return replacement[0], nil
}

// reference looks at what follows an '&': the bytes and the value of a
// character reference, or 0.
func (f *filter) reference() (size int, value uint64) {
	for n := 1; n <= maxReference; n++ {
		head, err := f.in.Peek(n)
		if err != nil || n == 1 && head[0] != '#' {
			return 0, 0
		}
		switch b := head[n-1]; {
		case b == ';':
			digits, base := string(head[1:n-1]), 10
			if hex, ok := strings.CutPrefix(digits, "x"); ok {
				digits, base = hex, 16
			}
			value, err := strconv.ParseUint(digits, base, 64)
			if err != nil {
				return 0, 0
			}
			return n, value
		case n > 1 && strings.IndexByte("x0123456789abcdefABCDEF", b) < 0:
			return 0, 0
		}
	}
	return 0, 0
}

// follow keeps track of the part of the document that b belongs to.
func (f *filter) follow(b byte) {
	switch f.state {
	case inText:
		if b == '<' {
			f.enter()
			return
		}
	case inTag:
		switch {
		case f.quote != 0 && b == f.quote:
			f.quote = 0
		case f.quote == 0 && (b == '"' || b == '\''):
			f.quote = b
		case f.quote == 0 && b == '>':
			f.state = inText // last tells Decoder.Text of <Content/>
		}
	default:
		end := ends[f.state]
		if b == '>' && strings.HasSuffix(string(f.last[:])+">", end) {
			f.state = inText
		}
	}
	f.last = [2]byte{f.last[1], b}
}

// enter chooses the part that begins with the '<' just read.
func (f *filter) enter() {
	f.state, f.last, f.quote = inTag, [2]byte{}, 0
	for _, part := range []struct {
		prefix string
		state  state
	}{{"?", inInstruction}, {"!--", inComment}, {"![CDATA[", inCDATA}} {
		for n := 1; ; n++ { // no byte more than needed is waited for
			head, err := f.in.Peek(n)
			if err != nil || head[n-1] != part.prefix[n-1] {
				break
			}
			if n == len(part.prefix) {
				f.state, f.pass = part.state, n
				return
			}
		}
	}
}

// fail returns an error without a position, which the guard adds.
func (f *filter) fail(cause error, what string) error {
	f.failed = &Error{What: what, Err: cause}
	return f.failed
}

// allowed reports whether XML 1.0 2.2 allows a character.
func allowed(c uint64) bool {
	return c == '\t' || c == '\n' || c == '\r' || c >= 0x20 && c < 0xd800 || c > 0xdfff && c < 0xfffe ||
		c >= 0x10000 && c <= 0x10ffff
}

// isUTF16 reports whether a document is UTF-16 or UTF-32, by its byte order mark
// or by the zero byte beside its first character.
func isUTF16(head []byte) bool {
	return bytes.IndexByte(head, 0) >= 0 || bytes.Equal(head, []byte{0xfe, 0xff}) || bytes.Equal(head, []byte{0xff, 0xfe})
}

// limited fails after most bytes, unless the document ends there. It repeats
// its error, which a bufio.Reader forgets after Peek.
type limited struct {
	in         io.Reader
	left, most int64
	err        error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.in.Read(p[:min(int64(len(p)), l.left+1)])
	if int64(n) > l.left {
		n = int(l.left)
		err = &Error{What: fmt.Sprintf("It has more than %d bytes.", l.most), Err: ErrLimit}
	}
	l.left -= int64(n)
	l.err = err
	return n, err
}

// textReader is Decoder.Text.
type textReader struct{ f *filter }

func (t *textReader) Read(p []byte) (int, error) {
	in := t.f.in
	if t.f.last == [2]byte{'/', '>'} {
		return 0, io.EOF // the element is empty: its end tag was read with it
	}
	for len(p) > 0 {
		if _, err := in.Peek(1); err == io.EOF {
			return 0, io.ErrUnexpectedEOF
		} else if err != nil {
			return 0, err
		}
		chunk, _ := in.Peek(min(in.Buffered(), len(p)))
		end := bytes.IndexByte(chunk, '<')
		if end == 0 {
			return 0, io.EOF
		}
		if end > 0 {
			chunk = chunk[:end]
		}
		n := 0
		for _, b := range chunk {
			if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
				p[n] = b
				n++
			}
		}
		_, _ = in.Discard(len(chunk))
		if n > 0 {
			return n, nil
		}
	}
	return 0, nil
}
