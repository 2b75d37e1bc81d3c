package autodiscover

import (
	"encoding/xml"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ocphone/ocphone/device/journal"
)

func TestRequestIsTheOneOfTheSpecification(t *testing.T) {
	b, err := writeRequest("a&b@contoso.com")
	want := xml.Header + `<Autodiscover xmlns="` + requestSchema + `"><Request><EMailAddress>a&amp;b@contoso.com</EMailAddress><AcceptableResponseSchema>` + settingsSchema +
		`</AcceptableResponseSchema></Request></Autodiscover>`
	if err != nil || string(b) != want {
		t.Errorf("%s %v", b, err)
	}
}

func TestR9_2Settings(t *testing.T) {
	asURL := in("<Action>settings</Action><Protocol><Type>EXCH</Type><ASUrl>https://cas/EWS/Exchange.asmx</ASUrl></Protocol>")
	for _, row := range []struct{ name, body, inside, outside, um string }{
		{"2007 SP1", settingsOf(t, "settings-2007sp1.xml"), "https://cas01.contoso.com/EWS/Exchange.asmx", "https://mail.contoso.com/EWS/Exchange.asmx", "https://cas01.contoso.com/UnifiedMessaging/Service.asmx"},
		{"2019", settingsOf(t, "settings-2019.xml"), "https://in.contoso.com/EWS/Exchange.asmx", "https://out.contoso.com/EWS/Exchange.asmx", ""},
		{"2007 RTM: ASUrl alone", asURL, "https://cas/EWS/Exchange.asmx", "https://cas/EWS/Exchange.asmx", ""},
		{"EXPR alone", strings.ReplaceAll(asURL, "EXCH", "expr"), "https://cas/EWS/Exchange.asmx", "https://cas/EWS/Exchange.asmx", ""},
		{"byte order mark", "\ufeff" + asURL, "https://cas/EWS/Exchange.asmx", "https://cas/EWS/Exchange.asmx", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(map[string]reply{bare: xmlOf(row.body)})
			got, err := r.Discover(t.Context(), alice)
			if err != nil || got.EWS(false) != row.inside || got.EWS(true) != row.outside || got.UM(false) != row.um {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

// TestBadBodies: each is skipped with exchange.malformed.
func TestBadBodies(t *testing.T) {
	good := settingsOf(t, "settings-2007sp1.xml")
	wide := ""
	for _, u := range utf16.Encode([]rune("\ufeff" + good)) {
		wide += string([]byte{byte(u), byte(u >> 8)})
	}
	for name, body := range map[string]string{
		"empty":             "",
		"garbage":           "\x00\x01\x02 nothing",
		"half an answer":    good[:len(good)/2],
		"UTF-16":            wide,
		"UTF-16 undeclared": wide[2:],
		"says UTF-16":       strings.Replace(good, "utf-8", "utf-16", 1),
		"document type":     strings.Replace(good, "<Autodiscover", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Autodiscover`, 1),
		"entity":            strings.Replace(good, "Alice", "&e;", 1),
		"more than 1 MiB":   good + strings.Repeat(" ", maxAnswer),
		"deep":              in(strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)),
		"wide":              in(strings.Repeat("<a/>", maxElements)),
		"goes on":           good + "<more/>",
		"two answers":       strings.Replace(in("<Action>settings</Action>"), "</Response>", `</Response><Response xmlns="`+answerSchema+`"/>`, 1),
		"another schema":    strings.ReplaceAll(good, "responseschema", "urn-evil"),
		"unknown action":    in("<Action>dance</Action>"),
		"error, no number":  strings.Replace(settingsOf(t, "error-600.xml"), "600", "many", 1),
		"redirect, nowhere": in("<Action>redirectUrl</Action>"),
		"redirect, nobody":  in("<Action>redirectAddr</Action>"),
		"SOAP":              `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(map[string]reply{bare: xmlOf(body), named: xmlOf(good)})
			if _, err := r.Discover(t.Context(), alice); err != nil || len(r.asked) != 2 || r.steps[0].State != journal.Skipped || r.steps[0].Code != journal.ExchangeMalformed {
				t.Errorf("%v\n%s", err, r.text())
			}
		})
	}
}

// TestForbiddenCharacterCostsItsValueOnly: a display name keeps its other
// characters, and a URL with such a character is not followed.
func TestForbiddenCharacterCostsItsValueOnly(t *testing.T) {
	for _, odd := range []string{"&#x11;", "\x0b", "\ufffe", "\xfc"} {
		r := newRig(map[string]reply{bare: xmlOf(strings.Replace(settingsOf(t, "settings-2007sp1.xml"), "Alice", "Al"+odd+"ice", 1))})
		got, err := r.Discover(t.Context(), alice)
		if err != nil || !strings.HasPrefix(got.DisplayName, "Al\ufffdice") || got.EWS(true) != "https://mail.contoso.com/EWS/Exchange.asmx" {
			t.Errorf("%q: %+v %v", odd, got, err)
		}
		a, err := parse([]byte(in("<Action>settings</Action><Protocol><Type>EXCH</Type><EwsUrl>https://cas" + odd + "/EWS</EwsUrl><ASUrl>https://cas/EWS</ASUrl></Protocol>")))
		if err != nil || a.protocols[0].EWSURL != "" || a.protocols[0].ASURL != "https://cas/EWS" {
			t.Errorf("%q: %+v %v", odd, a, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	// Short seeds: the fuzzer would spend its time on shortening the real ones.
	f.Add([]byte(in("<Action>settings</Action><Protocol><Type>EXCH</Type><EwsUrl>https://a/</EwsUrl></Protocol>")))
	f.Add([]byte(`<Autodiscover xmlns="` + answerSchema + `"><Response><Error><ErrorCode>600</ErrorCode></Error></Response></Autodiscover>`))
	f.Add([]byte(in("<Action>redirectAddr</Action><RedirectAddr>a@b.com</RedirectAddr>")))
	f.Add([]byte("<!DOCTYPE x><x/>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parse(body)
		if err != nil {
			return
		}
		kinds := 0
		for _, is := range []bool{a.code != 0, a.redirectAddr != "", a.redirectURL != "", a.protocols != nil} {
			if is {
				kinds++
			}
		}
		if kinds != 1 || len(a.redirectURL) > maxText || strings.ContainsAny(a.redirectURL+a.redirectAddr+a.message, "\r\n\x1b") {
			t.Errorf("%+v", a)
		}
	})
}
