package provisioning_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/provisioning"
)

func utf16le(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// TestDocumentsThatCannotBeRead: a clear failure for each reader, and nothing of the document.
func TestDocumentsThatCannotBeRead(t *testing.T) {
	for name, row := range map[string]struct{ body, says string }{
		"nothing":              {"", "It is empty."},
		"white space":          {" \r\n\t ", "It is empty."},
		"no XML":               {"v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\n", "It is no XML."},
		"HTML":                 {"<html><body>Sign in</body></html>", "Its root element is <html>"},
		"another document":     {"<roamingData/>", "Its root element is <roamingData>"},
		"half":                 {"<ROOT><a>", "It ends inside the element <a>. See line 1, column "},
		"crossed":              {"<ROOT><a></ROOT></a>", "It is not well-formed XML: element <a> is closed by"},
		"DTD":                  {`<!DOCTYPE ROOT [<!ENTITY a "b">]><ROOT/>`, "document type definition"},
		"DTD within":           {"<ROOT><!DOCTYPE x></ROOT>", "document type definition"},
		"entity":               {"<ROOT>&lol;</ROOT>", "It is not well-formed XML: invalid character entity &lol;"},
		"UTF-16":               {utf16le("<ROOT/>"), "It is UTF-16"},
		"UTF-16 without a BOM": {utf16le("<ROOT/>")[2:], "It is UTF-16"},
		"says UTF-16":          {`<?xml version="1.0" encoding="utf-16"?><ROOT/>`, "only UTF-8 is read"},
		"says Latin-1":         {`<?xml version="1.0" encoding="iso-8859-1"?><ROOT/>`, "only UTF-8 is read"},
		"two documents":        {"<ROOT/><ROOT/>", "A second document"},
		"text after it":        {"<ROOT/>more", "It has text after its root element."},
		"no element":           {"<?xml version='1.0'?><!-- x -->", "It has no element."},
		"deep":                 {"<ROOT>" + strings.Repeat("<a>", 10_000) + strings.Repeat("</a>", 10_000), "nested deeper than 32 levels"},
		"many":                 {"<ROOT>" + strings.Repeat("<a/>", 70_000) + "</ROOT>", "more than 65536 elements"},
		"huge":                 {"<ROOT>" + strings.Repeat(" ", provisioning.MaxBody) + "</ROOT>", "more than 1048576 bytes"},
	} {
		for root, read := range map[string]func([]byte) (any, error){
			"provisionGroupList":    func(b []byte) (any, error) { a, err := provisioning.Parse(b); return a.Groups, err },
			"provisioningGroupList": func(b []byte) (any, error) { n, err := provisioning.ParseRequest(b); return n, err },
		} {
			t.Run(name+" "+root, func(t *testing.T) {
				got, err := read([]byte(strings.ReplaceAll(row.body, "ROOT", root)))
				var f *journal.Failure
				if !errors.As(err, &f) || !strings.Contains(err.Error(), row.says) {
					t.Fatalf("%v, want %q", err, row.says)
				}
				if f.Fix == "" || f.Because == "" || !strings.HasSuffix(fmt.Sprint(got), "[]") {
					t.Errorf("%+v with %v", f, got)
				}
				if empty := strings.TrimSpace(row.body) == ""; errors.Is(err, provisioning.ErrNoBody) != empty {
					t.Errorf("%v is ErrNoBody: %v", err, !empty)
				}
			})
		}
	}
}

// TestForbiddenCharactersCostNoDocument: they are replaced, and a warning says so.
func TestForbiddenCharactersCostNoDocument(t *testing.T) {
	for _, odd := range []string{"\xff", "&#x0B;", "\x0b", "\ufffe"} {
		s := parse(t, []byte(`<provisionGroupList xmlns="http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification">`+
			`<provisionGroup name="ServerConfiguration"><organization>Con`+odd+`toso</organization><ucMinPinLength>8</ucMinPinLength>`+
			`<poolUri>sip:a`+odd+`@b</poolUri><helpdeskInternalUrl>https://help`+odd+`/</helpdeskInternalUrl><mail>k`+odd+`@contoso.com</mail>`+
			`</provisionGroup></provisionGroupList>`)).Settings(kerry(false))
		if s.Organization != "Con\ufffdtoso" || s.Lock.MinPINLength != 8 || s.PoolURI != "" || s.Helpdesk.Internal != "" || s.PrimaryEmail != "" {
			t.Errorf("%q: %+v", odd, s)
		}
		if lines := provisioning.WarningLines(s.Warnings); len(lines) != 4 || !strings.HasPrefix(lines[3], "It has 4 characters that XML 1.0 forbids") {
			t.Errorf("%q: %q", odd, lines)
		}
	}
}

func TestByteOrderMarkOfUTF8IsRead(t *testing.T) {
	a := parse(t, []byte("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"UTF-8\"?><provisionGroupList><provisionGroup name=\"ucPolicy\"/></provisionGroupList>\r\n"))
	if len(a.Groups) != 1 {
		t.Errorf("%+v", a)
	}
}

// TestWarningsArePrintable: what a hostile pool writes does not move the cursor or fill the screen.
func TestWarningsArePrintable(t *testing.T) {
	evil := "\u202e\u0085 https://kerry:hunter2@contoso.com/ " + strings.Repeat("é", 3000)
	body, err := provisioning.WriteAnswer(provisioning.Group{Name: evil}, provisioning.Group{Name: "userSetting", Form: provisioning.EntryList, Properties: []provisioning.Property{{Name: evil, Value: evil}, {Name: "A", Value: evil}, {Name: "a", Value: evil}}})
	if err != nil {
		t.Fatal(err)
	}
	lines := provisioning.WarningLines(parse(t, body).Settings(kerry(false)).Warnings)
	if len(lines) < 3 {
		t.Errorf("%q", lines)
	}
	for _, line := range lines {
		if len([]rune(line)) > 400 || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.Contains(line, "hunter2") {
			t.Errorf("%d runes: %q", len([]rune(line)), line)
		}
	}
}
