package boundedxml_test

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device/boundedxml"
)

var small = boundedxml.Limits{Bytes: 1000, Depth: 5, Elements: 10, Attributes: 3}

func TestDocumentsThatAreRefused(t *testing.T) {
	for _, r := range []struct {
		name, body, what string
		cause            error
	}{
		{"nothing", "", "It is empty.", boundedxml.ErrEmpty},
		{"white space", "\ufeff \r\n\t", "It is empty.", boundedxml.ErrEmpty},
		{"a comment alone", "<!-- x -->", "It has no element.", io.ErrUnexpectedEOF},
		{"a word", "Bad Gateway", "It is no XML.", nil},
		{"text after the root", "<a/>x", "It has text after its root element.", nil},
		{"a second root", "<a/><b/>", "A second document, <b>, follows the first.", nil},
		{"half a document", "<a><b>", "It ends inside the element <b>.", io.ErrUnexpectedEOF},
		{"half a tag", "<a", "It ends inside a tag.", io.ErrUnexpectedEOF},
		{"crossed tags", "<a><b></a></b>", "It is not well-formed XML: element <b> is closed by </a>.", nil},
		{"crossed prefixes", `<p:a xmlns:p="u" xmlns:q="u"></q:a>`, "It is not well-formed XML: element <a> is closed by </a>.", nil},
		{"an end tag alone", "</a>", "It has an end tag </a> without a start tag.", nil},
		{"an unknown entity", "<a>&e;</a>", "It is not well-formed XML: invalid character entity &e;.", nil},
		{"a reference without a semicolon", "<a>&#x11 </a>", "It is not well-formed XML: invalid character entity &#x11 (no semicolon).", nil},
		{"XML 1.1", `<?xml version="1.1"?><a/>`, `It is not XML 1.0: xml: unsupported version "1.1"; only version 1.0 is supported.`, nil},
		{"a DTD", "<!DOCTYPE a><a/>", "It has a document type definition, which is never read.", boundedxml.ErrDTD},
		{"a DTD inside", "<a><!DOCTYPE a></a>", "It has a document type definition, which is never read.", boundedxml.ErrDTD},
		{"UTF-16 by its mark", "\xff\xfe<\x00a\x00", "It is UTF-16 or UTF-32; only UTF-8 is read.", boundedxml.ErrEncoding},
		{"UTF-16 big-endian", "\xfe\xff\x00<", "It is UTF-16 or UTF-32; only UTF-8 is read.", boundedxml.ErrEncoding},
		{"UTF-16 without a mark", "<\x00a\x00", "It is UTF-16 or UTF-32; only UTF-8 is read.", boundedxml.ErrEncoding},
		{"UTF-16 by its declaration", `<?xml version="1.0" encoding="utf-16"?><a/>`, `It says that its encoding is "utf-16"; only UTF-8 is read.`, boundedxml.ErrEncoding},
		{"bytes", "<a>" + strings.Repeat(" ", 994) + "</a>", "It has more than 1000 bytes.", boundedxml.ErrLimit},
		{"bytes after the root", "<a/>" + strings.Repeat(" ", 997), "It has more than 1000 bytes.", boundedxml.ErrLimit},
		{"depth", strings.Repeat("<a>", 6), "Its elements are nested deeper than 5 levels.", boundedxml.ErrLimit},
		{"elements", "<a>" + strings.Repeat("<b/>", 10) + "</a>", "It has more than 10 elements.", boundedxml.ErrLimit},
		{"attributes", `<a b="" c="" d="" e=""/>`, "The element <a> has more than 3 attributes.", boundedxml.ErrLimit},
		{"a long name", "<a/><" + strings.Repeat("b", 900) + "/>", "A second document, <" + strings.Repeat("b", 60) + ">, follows the first.", nil},
	} {
		t.Run(r.name, func(t *testing.T) {
			_, err := boundedxml.Parse([]byte(r.body), small)
			var e *boundedxml.Error
			if !errors.As(err, &e) || e.What != r.what || r.cause != nil && !errors.Is(err, r.cause) {
				t.Fatalf("%v", err)
			}
			var v any
			if other := boundedxml.Unmarshal([]byte(r.body), small, &v); other == nil || other.Error() != err.Error() {
				t.Errorf("Unmarshal says %v, Parse %v", other, err)
			}
		})
	}
}

func TestLimitsAreInclusive(t *testing.T) {
	for name, body := range map[string]string{
		"bytes":      "<a>" + strings.Repeat(" ", 993) + "</a>",
		"depth":      strings.Repeat("<a>", 5) + strings.Repeat("</a>", 5),
		"elements":   "<a>" + strings.Repeat("<b/>", 9) + "</a>",
		"attributes": `<a b="" c="" d=""/>`,
	} {
		if _, err := boundedxml.Parse([]byte(body), small); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorHasItsPosition(t *testing.T) {
	_, err := boundedxml.Parse([]byte("<a>\n  <b>\n    &e;</b></a>"), boundedxml.Limits{})
	var e *boundedxml.Error
	if !errors.As(err, &e) || e.Line != 3 || e.Column != 8 || !strings.HasPrefix(err.Error(), "line 3, column 8: It is not") {
		t.Error(err)
	}
}

func TestErrorOfTheReaderIsTheCause(t *testing.T) {
	broken := errors.New("the connection broke")
	for _, head := range []string{"", "<a", "<a>", "<a>&#", "<a>\xc3", "<a/>"} {
		d := boundedxml.NewDecoder(io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken)), boundedxml.Limits{})
		if err := d.End(); !errors.Is(err, broken) {
			t.Errorf("after %q: %v", head, err)
		}
	}
}

// forbidden are the cases of XML 1.0 2.2; the text is what stays of each.
var forbidden = []struct {
	name, text, want string
	replaced         int
}{
	{"a raw control character", "a\x0bb", "a\ufffdb", 1},
	{"a raw zero byte", "a\x00b", "a\ufffdb", 1},
	{"U+FFFE", "a\ufffeb\uffff", "a\ufffdb\ufffd", 2},
	{"a byte that is not UTF-8", "M\xfcller", "M\ufffdller", 1},
	{"a cut character", "a\xe2\x82", "a\ufffd\ufffd", 2},
	{"an encoded surrogate", "\xed\xa0\x80", "\ufffd\ufffd\ufffd", 3},
	{"a hexadecimal reference", "a&#x11;b&#x0;", "a\ufffdb\ufffd", 2},
	{"a decimal reference", "a&#11;b&#0031;", "a\ufffdb\ufffd", 2},
	{"a reference to a surrogate", "&#xD83D;&#xDE00;", "\ufffd\ufffd", 2},
	{"a reference beyond Unicode", "&#x110000;&#99999999999;", "\ufffd\ufffd", 2},
	{"characters that are allowed", "\t\u0080é\u202e\ufffd😀&#9;&#xA0;&#x1F600;&amp;#x11;", "\t\u0080é\u202e\ufffd😀\t\u00a0😀&#x11;", 0},
}

func TestForbiddenCharactersAreReplaced(t *testing.T) {
	for _, r := range forbidden {
		t.Run(r.name, func(t *testing.T) {
			body := "<list><one name='" + r.text + "'>" + r.text + "</one><two><!-- \x0b --><![CDATA[&#x11;]]></two></list>"
			for _, in := range []io.Reader{strings.NewReader(body), iotest.OneByteReader(strings.NewReader(body)), iotest.DataErrReader(strings.NewReader(body))} {
				d := boundedxml.NewDecoder(in, boundedxml.Limits{})
				if err := d.End(); err != nil || d.Replaced() != 2*r.replaced {
					t.Errorf("%d replaced, %v", d.Replaced(), err)
				}
			}
			root, err := boundedxml.Parse([]byte(body), boundedxml.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			one, two := root.Child("one"), root.Child("two")
			if name, _ := one.FindAttr(xml.Name{Local: "name"}); one.Text != r.want || strings.ReplaceAll(name, " ", "\t") != r.want {
				t.Errorf("%q %q, want %q", one.Text, name, r.want)
			}
			if root.Replaced != 2*r.replaced || one.Replaced != 2*r.replaced || two.Replaced != 0 || two.Text != "&#x11;" {
				t.Errorf("%+v %+v %+v", root, one, two)
			}
			var v struct {
				Name string `xml:"name,attr"`
				One  string `xml:"one"`
			}
			if err := boundedxml.Unmarshal([]byte(body), boundedxml.Limits{}, &v); err != nil || v.One != r.want {
				t.Errorf("%q %v", v.One, err)
			}
			_, err = boundedxml.Parse([]byte(body), boundedxml.Limits{Strict: true})
			if (r.replaced == 0) != (err == nil) || err != nil && !errors.Is(err, boundedxml.ErrCharacter) {
				t.Errorf("strict: %v", err)
			}
		})
	}
}

// TestPartsOfADocument: the filter must see comments, CDATA and instructions
// end where encoding/xml does.
func TestPartsOfADocument(t *testing.T) {
	for body, want := range map[string]string{
		"<a><!-->--></a>":                     "",
		"<a><!---->&#1;</a>":                  "\ufffd",
		"<a><![CDATA[]]>&#1;</a>":             "\ufffd",
		"<a><![CDATA[]>&#1;]]]>&#1;</a>":      "]>&#1;]\ufffd",
		"<a><?p ?>&#1;</a>":                   "\ufffd",
		"<a><?p > &#1; ?>&#1;</a>":            "\ufffd",
		"<a><b c='>' d=\"'>\"/>&#1;</a>":      "\ufffd",
		"<?xml version='1.0'?><a>&#1;</a>":    "\ufffd",
		"\r\n<?xml version='1.0'?><a>x</a>":   "x",
		"\ufeff<a>x</a>\ufeff":                "x",
		"<a>é<!-- é\xff -->é<?p é\xff?>é</a>": "ééé",
	} {
		n, err := boundedxml.Parse([]byte(body), boundedxml.Limits{})
		if err != nil || n.Text != want {
			t.Errorf("%q: %+v %v", body, n, err)
		}
	}
}

func TestEncodingIsIgnoredOnRequest(t *testing.T) {
	body := []byte(`<?xml version="1.0" encoding="utf-16"?><a>é&#1;</a>`)
	n, err := boundedxml.Parse(body, boundedxml.Limits{IgnoreEncoding: true})
	if err != nil || n.Text != "é\ufffd" {
		t.Errorf("%+v %v", n, err)
	}
	var s string
	if err := boundedxml.Unmarshal(body, boundedxml.Limits{IgnoreEncoding: true}, &s); err != nil || s != "é\ufffd" {
		t.Errorf("%q %v", s, err)
	}
}

func TestTree(t *testing.T) {
	root, err := boundedxml.Parse([]byte("<M:List xmlns:M='urn:m' xmlns='urn:t' Count=' 2 '>\n <Item Id='x' M:id='y'> one <b/>two</Item><M:Item/></M:List>"), boundedxml.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	item := root.Child("ITEM")
	other := root.Find(xml.Name{Space: "urn:m", Local: "Item"})
	if !root.Is("list") || root.Name.Space != "urn:m" || item == nil || other == nil || item == other || root.Size() != 4 {
		t.Fatalf("%+v", root)
	}
	if item.Line != 2 || item.Column != 24 || item.Text != " one two" || item.Value() != "one two" {
		t.Errorf("%+v", item)
	}
	if v, ok := root.Attr("count"); v != "2" || !ok {
		t.Errorf("%q", v)
	}
	if v, _ := root.FindAttr(xml.Name{Local: "Count"}); v != " 2 " {
		t.Errorf("%q", v)
	}
	if v, _ := item.FindAttr(xml.Name{Space: "urn:m", Local: "id"}); v != "y" {
		t.Errorf("%q", v)
	}
	if _, ok := root.Attr("M"); ok {
		t.Error("a declaration of a prefix is no attribute")
	}
	if all := root.FindAll(xml.Name{Space: "urn:m", Local: "Item"}); len(all) != 1 || all[0] != other {
		t.Errorf("%v", all)
	}
	missing := root.Child("item", "nothing", "below")
	_, ok := missing.Attr("x")
	if missing != nil || ok || missing.Value() != "" || missing.Size() != 0 || missing.Find(xml.Name{Local: "x"}) != nil {
		t.Error("a missing element has values")
	}
}

func TestUnmarshalKeepsInnerXML(t *testing.T) {
	var v struct {
		Body string `xml:",innerxml"`
	}
	if err := boundedxml.Unmarshal([]byte("<a><b c='&#1;'/>x</a>"), boundedxml.Limits{}, &v); err != nil || v.Body != "<b c='\ufffd'/>x" {
		t.Errorf("%q %v", v.Body, err)
	}
	var n struct {
		N int `xml:"n"`
	}
	if err := boundedxml.Unmarshal([]byte("<a><n>many</n></a>"), boundedxml.Limits{}, &n); err == nil {
		t.Error("a word is no number")
	}
}

func TestLongTextIsStreamed(t *testing.T) {
	sound := bytes.Repeat([]byte("G.711 "), 100_000)
	text := base64.StdEncoding.EncodeToString(sound)
	body := "<a><name>x</name><data> \r\n\t" + text[:50] + " \r\n " + text[50:] + "\n</data><empty/>AAAA<next>y</next></a>"
	d := boundedxml.NewDecoder(iotest.HalfReader(strings.NewReader(body)), boundedxml.Limits{})
	if _, err := d.Root(); err != nil {
		t.Fatal(err)
	}
	var names []string
	err := boundedxml.EachChild(d.Decoder, func(start xml.StartElement) error {
		switch start.Name.Local {
		case "data", "empty":
			got, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, d.Text()))
			names = append(names, fmt.Sprint(start.Name.Local, " ", len(got), " ", bytes.Equal(got, sound)))
			if err != nil {
				return err
			}
			return d.Skip()
		}
		var s string
		err := d.DecodeElement(&s, &start)
		names = append(names, s)
		return err
	})
	if err != nil || strings.Join(names, " ") != "x data 600000 true empty 0 false y" || d.End() != nil {
		t.Errorf("%v %v", names, err)
	}
}

func TestTextIsBounded(t *testing.T) {
	d := boundedxml.NewDecoder(strings.NewReader("<a>"+strings.Repeat("A", 10_000)), boundedxml.Limits{Bytes: 5000})
	if _, err := d.Root(); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, d.Text()); !errors.Is(err, boundedxml.ErrLimit) || n > 5000 {
		t.Errorf("%d %v", n, err)
	}
	d = boundedxml.NewDecoder(strings.NewReader("<a>AAAA"), boundedxml.Limits{})
	_, _ = d.Root()
	if _, err := io.Copy(io.Discard, d.Text()); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
}

// FuzzParse: whatever is read is within limits, and of allowed characters.
func FuzzParse(f *testing.F) {
	for _, r := range forbidden {
		f.Add([]byte("<a b='" + r.text + "'>" + r.text + "<!-- --><![CDATA[]]><?p ?></a>"))
	}
	f.Add([]byte("<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a><a/>"))
	f.Add([]byte("<a><?\x93 "))
	f.Add([]byte("<\x88\n"))
	f.Add([]byte("<a><b/><b/><b/><b/><b/><b/><b/><b/><b/><b/></a>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		root, err := boundedxml.Parse(body, small)
		strict := small
		strict.Strict = true
		exact, strictErr := boundedxml.Parse(body, strict)
		if err != nil {
			var e *boundedxml.Error
			if !errors.As(err, &e) || e.Line < 1 || e.Column < 1 || !utf8.ValidString(e.What) || len(e.What) > 1000 || strictErr == nil {
				t.Errorf("%v; strict: %v", err, strictErr)
			}
			return
		}
		if (strictErr == nil) != (root.Replaced == 0) || exact.Size() != 0 && exact.Size() != root.Size() || len(body) > 1000 || root.Size() > 10 {
			t.Errorf("%d replaced; strict: %v", root.Replaced, strictErr)
		}
		plain := xml.NewDecoder(bytes.NewReader(body))
		plain.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("a charset") }
		for strictErr == nil { // encoding/xml agrees about a document without forbidden characters
			if _, err := plain.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		var check func(n *boundedxml.Node, depth int)
		check = func(n *boundedxml.Node, depth int) {
			texts := []string{n.Text}
			for _, a := range n.Attrs {
				texts = append(texts, a.Value)
			}
			for _, s := range texts {
				if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x0b\x1b\ufffe\uffff") {
					t.Errorf("%q", s)
				}
			}
			if depth > 5 || len(n.Attrs) > 3 {
				t.Error("a limit is exceeded")
			}
			for _, c := range n.Children {
				check(c, depth+1)
			}
		}
		check(root, 1)
	})
}

func BenchmarkParse(b *testing.B) {
	body := []byte("<list>" + strings.Repeat("<item id='1'><name>Müller &amp; Söhne</name><phone>+4544112233</phone></item>", 1000) + "</list>")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := boundedxml.Parse(body, boundedxml.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
