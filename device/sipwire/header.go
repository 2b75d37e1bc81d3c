package sipwire

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
)

// maxHeaders bounds the headers of one message; 64 KiB could hold 16,000.
const maxHeaders = 512

// block is a parsed header block. Its values are unchanged except for folding:
// signatures are made of the values as sent (docs/protocol/sip-connection.md#message-signing).
type block struct {
	start  string
	fields []field
}

// field is one header line. name is the long form in lower case,
// original the name as received.
type field struct{ name, original, value string }

// readBlock parses a header block, from the start line to the empty line. With an
// error it returns the part before it. The values are parts of raw.
func readBlock(raw string) (block, error) {
	text, ok := strings.CutSuffix(raw, "\r\n\r\n")
	if !ok {
		return block{}, errors.New("the header block has no end")
	}
	lines := strings.Count(text, "\r\n")
	start, text, more := strings.Cut(text, "\r\n")
	b := block{start: start, fields: make([]field, 0, min(lines, maxHeaders))}
	if strings.ContainsAny(start, "\r\n") {
		return b, errors.New("CR or LF alone in the start line")
	}
	for more {
		var line string
		line, text, more = strings.Cut(text, "\r\n")
		if strings.ContainsAny(line, "\r\n") {
			return b, errors.New("CR or LF alone in a header")
		}
		if line != "" && isBlank(line[0]) { // folded, RFC 3261 7.3.1
			if len(b.fields) == 0 {
				return b, errors.New("a continuation line without a header")
			}
			last := &b.fields[len(b.fields)-1]
			last.value = strings.TrimLeft(last.value+" "+trim(line), " ")
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimRight(name, " \t")
		if !ok || !isToken(name) {
			return b, fmt.Errorf("line %d is no header", len(b.fields)+2) // not its text: it may be part of a secret
		}
		if len(b.fields) == maxHeaders {
			return b, fmt.Errorf("more than %d headers", maxHeaders)
		}
		b.fields = append(b.fields, field{longName(name), name, trim(value)})
	}
	return b, nil
}

func (b *block) isResponse() bool { return strings.HasPrefix(strings.ToUpper(b.start), "SIP/") }

// printableStart is the start line for a person. The copy does not keep the
// message in memory.
func (b *block) printableStart() string { return strings.Clone(journal.Printable(b.start, 200)) }

// statusCode is the code of a response, as sent, "" for a request.
func (b *block) statusCode() string {
	if !b.isResponse() {
		return ""
	}
	_, rest, _ := strings.Cut(b.start, " ")
	code, _, _ := strings.Cut(rest, " ")
	return code
}

// get returns the first value of a header, or "".
func (b *block) get(name string) string {
	name = longName(name)
	for _, f := range b.fields {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// all returns the values of every header of that name.
func (b *block) all(name string) (values []string) {
	name = longName(name)
	for _, f := range b.fields {
		if f.name == name {
			values = append(values, f.value)
		}
	}
	return values
}

// cseq splits the CSeq header.
func (b *block) cseq() (number, method string) {
	f := strings.Fields(b.get("CSeq"))
	if len(f) != 2 {
		return "", ""
	}
	return f[0], f[1]
}

// key is the key of the message's transaction; ok is false if CSeq has no number.
func (b *block) key() (key transactionKey, ok bool) {
	number, method := b.cseq()
	seq, err := strconv.ParseUint(number, 10, 31)
	return transactionKey{b.get("Call-ID"), uint32(seq), method}, err == nil
}

// singleHeaders are the headers that a message must have once. Of two, sipgo would
// use the last one and a signature the first.
var singleHeaders = [...]string{"from", "to", "call-id", "cseq"}

// statusError is an error of a request that another status than 400 answers.
type statusError struct{ status, text string }

func (e *statusError) Error() string { return e.text }

// otherVersion is the version of another protocol than SIP/2.0 (RFC 3261 25.1).
var otherVersion = regexp.MustCompile(`(?i)^SIP/\d+\.\d+$`)

// scheme is the scheme of a URI (RFC 3986 3.1).
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):`)

// check finds the errors that sipgo's parser ignores.
func (b *block) check() error {
	for _, name := range singleHeaders {
		values := b.all(name)
		switch {
		case len(values) == 0:
			return fmt.Errorf("no %s header", name)
		case len(values) > 1:
			return fmt.Errorf("more than one %s header", name)
		case strings.TrimSpace(values[0]) != values[0]: // sipgo would trim what was signed
			return fmt.Errorf("%s begins or ends with a space that SIP does not know", name)
		}
	}
	if b.get("via") == "" {
		return errors.New("no via header")
	}
	if _, ok := b.key(); !ok {
		return errors.New("CSeq is not a number and a method")
	}
	if b.isResponse() {
		code := b.statusCode()
		valid := len(code) == 3 && isDigits(code) && code >= "100" && code <= "699"
		if !valid || !strings.HasPrefix(strings.ToUpper(b.start), "SIP/2.0 ") {
			return fmt.Errorf("status line %.40q", b.start)
		}
		return nil
	}
	method, rest, _ := strings.Cut(b.start, " ")
	uri, version, _ := strings.Cut(rest, " ")
	if _, m := b.cseq(); m != method { // RFC 3261 8.1.1.5
		return errors.New("the method of CSeq is another than that of the request")
	}
	if !isToken(method) || uri == "" || !strings.EqualFold(version, "SIP/2.0") {
		if otherVersion.MatchString(version) {
			return &statusError{"505 Version Not Supported", "a request of another version than SIP/2.0"}
		}
		return errors.New("no SIP/2.0 request line")
	}
	found := scheme.FindStringSubmatch(uri)
	if found == nil {
		return errors.New("the Request-URI is not a URI")
	}
	if !strings.EqualFold(found[1], "sip") && !strings.EqualFold(found[1], "sips") { // RFC 3261 8.2.2.1
		return &statusError{"416 Unsupported URI Scheme", "the scheme of the Request-URI is not sip or sips"}
	}
	return nil
}

// parser is sipgo's parser for start lines, headerParsers those for the headers that
// identify a transaction; they are never changed. From and To are signed, so
// ParseAddress parses them as for the signature: the handler of a message gets the
// signed values. The other headers stay text: sipgo's Contact splits a quoted gruu
// at its semicolons and writes methods="INVITE, ACK" back with double quotes.
var (
	parser        = sip.NewParser()
	headerParsers = sip.HeadersParser(sip.DefaultHeadersParser())
)

// parseNameAddr fills the fields of sipgo's From and To.
func parseNameAddr(value string, display *string, uri *sip.Uri, params *sip.HeaderParams) error {
	a, err := ParseAddress(value)
	if err != nil {
		return err
	}
	if quoted := strings.HasPrefix(value, `"`); !quoted && strings.ContainsFunc(a.Display, isNotInTokens) {
		return errors.New("a display name that needs quotes") // RFC 3261 25.1
	}
	*display = strings.TrimSuffix(strings.TrimPrefix(quote(a.Display), `"`), `"`) // sipgo adds the quotes
	*params = sip.NewParams()
	for _, p := range a.Params {
		name, v := strings.ToLower(p.Name), p.Value
		if name == "tag" && !isToken(v) { // RFC 3261 25.1
			return errors.New("a tag that is no token")
		}
		if v != "" && !isToken(v) {
			v = quote(v)
		}
		if !params.Has(name) { // the first counts, as in Address.Param
			params.Add(name, v)
		}
	}
	return sip.ParseUri(a.URI, uri)
}

// message makes sipgo's message of the block: with long names and without white
// space around separators. The values of headers that stay text are parts of the
// block.
func (b *block) message() (sip.Message, error) {
	msg, _, err := parser.ParseHeaders([]byte(b.start+"\r\n\r\n"), false)
	if err != nil {
		return nil, err
	}
	var parsed []sip.Header // of one field
	var line []byte
	for _, f := range b.fields {
		switch f.name {
		case "from":
			h := new(sip.FromHeader)
			err = parseNameAddr(strings.Clone(f.value), &h.DisplayName, &h.Address, &h.Params)
			msg.AppendHeader(h)
		case "to":
			h := new(sip.ToHeader)
			err = parseNameAddr(strings.Clone(f.value), &h.DisplayName, &h.Address, &h.Params)
			msg.AppendHeader(h)
		case "call-id", "content-length", "content-type", "cseq", "max-forwards", "via":
			value := f.value
			if f.name == "via" || f.name == "cseq" { // sipgo takes no white space there (RFC 4475 3.1.1.1)
				value = trimSeparators(value, f.name == "via")
			}
			line = append(append(append(line[:0], f.name...), ':'), value...)
			parsed, err = headerParsers.ParseHeader(parsed[:0], line)
			for _, h := range parsed {
				msg.AppendHeader(h)
			}
		default:
			name := f.original
			if len(name) == 1 { // a compact form
				name = f.name
			}
			msg.AppendHeader(sip.NewHeader(name, strings.TrimSpace(f.value)))
		}
		if err != nil {
			return nil, err
		}
	}
	return msg, nil
}

// trimSeparators removes white space around ; = and , (and / : in a Via) and makes
// one blank of several, outside quotes and angle brackets.
func trimSeparators(s string, via bool) string {
	separator := func(c byte) bool {
		return c == ';' || c == '=' || c == ',' || via && (c == '/' || c == ':')
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '<':
			n := enclosedLen(s[i:])
			out = append(out, s[i:i+n]...)
			i += n - 1
		case isBlank(c):
			next := i + 1
			for next < len(s) && isBlank(s[next]) {
				next++
			}
			if len(out) > 0 && !separator(out[len(out)-1]) && next < len(s) && !separator(s[next]) {
				out = append(out, ' ')
			}
			i = next - 1
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// enclosedLen returns the length of the quoted string or <…> at the beginning of s,
// or of all of s if its end is missing.
func enclosedLen(s string) int {
	if s[0] == '<' {
		if n := strings.IndexByte(s, '>'); n >= 0 {
			return n + 1
		}
		return len(s)
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// refusal is the answer to a request that cannot be parsed, made of its raw
// headers (RFC 3261 8.2.6.2); "" if an answer is forbidden or impossible.
func (b *block) refusal(err error) string {
	method, _, _ := strings.Cut(b.start, " ")
	if method == "ACK" || method == BENOTIFY || b.get("via") == "" {
		return ""
	}
	status := "400 Bad Request"
	if other := (*statusError)(nil); errors.As(err, &other) {
		status = other.status
	}
	var out strings.Builder
	fmt.Fprintf(&out, "SIP/2.0 %s\r\n", status)
	for _, f := range b.fields {
		switch f.name {
		case "via", "from", "call-id", "cseq":
			fmt.Fprintf(&out, "%s: %s\r\n", f.original, f.value)
		case "to":
			tag := ""
			if a, err := ParseAddress(f.value); err != nil || a.Param("tag") == "" {
				tag = ";tag=" + NewTag()
			}
			fmt.Fprintf(&out, "%s: %s%s\r\n", f.original, f.value, tag)
		}
	}
	out.WriteString("Content-Length: 0\r\n\r\n")
	return out.String()
}

// longName is the long form of a header name in lower case (RFC 3261 7.3.3).
func longName(name string) string {
	if long, usual := longNames[name]; usual {
		return long
	}
	name = strings.ToLower(strings.TrimRight(name, " \t"))
	if long, compact := longNames[name]; compact {
		return long
	}
	return name
}

// longNames has the compact forms, and the usual headers as they are usually
// written: their names need no memory for each message. It is never changed.
var longNames = func() map[string]string {
	all := map[string]string{
		"a": "accept-contact", "b": "referred-by", "c": "content-type", "e": "content-encoding", "f": "from",
		"i": "call-id", "k": "supported", "l": "content-length", "m": "contact", "o": "event", "r": "refer-to",
		"s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires",
	}
	for _, name := range strings.Fields("Accept Allow Allow-Events Authentication-Info Authorization Call-ID Contact " +
		"Content-Length Content-Type CSeq Date Event Expires From Max-Forwards P-Asserted-Identity P-Preferred-Identity " +
		"Proxy-Authenticate Proxy-Authentication-Info Proxy-Authorization Record-Route Require Route Server " +
		"Subscription-State Supported To User-Agent Via WWW-Authenticate ms-keep-alive") {
		lower := strings.ToLower(name)
		all[name], all[lower] = lower, lower
	}
	return all
}()

func isBlank(c byte) bool    { return c == ' ' || c == '\t' }
func trim(s string) string   { return strings.Trim(s, " \t") }
func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// isToken: RFC 3261 25.1.
func isToken(s string) bool { return s != "" && !strings.ContainsFunc(s, isNotInToken) }

func isNotInToken(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-.!%*_+`'~", c))
}

// isNotInTokens reports whether c may not be in several tokens. Other characters
// than those of ASCII are accepted, since many servers send names without quotes.
func isNotInTokens(c rune) bool { return isNotInToken(c) && c < utf8.RuneSelf && c != ' ' && c != '\t' }
