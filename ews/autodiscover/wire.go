package autodiscover

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/journal"
)

const (
	requestSchema  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
	answerSchema   = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	settingsSchema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

	contentType = "text/xml; charset=utf-8"

	maxAnswer   = 1 << 20 // octets; a real answer has under 8 KiB
	maxDepth    = 32
	maxElements = 10_000
	maxText     = 2048 // characters of one value
)

// requestWriter is the request of MS-OXDSCLI (exchange.md 1.2).
type requestWriter struct {
	XMLName xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006 Autodiscover"`
	Address string   `xml:"Request>EMailAddress"`
	Schema  string   `xml:"Request>AcceptableResponseSchema"`
}

// writeRequest is the body of a POST.
func writeRequest(address string) ([]byte, error) {
	body, err := xml.Marshal(requestWriter{Address: address, Schema: settingsSchema})
	return append([]byte(xml.Header), body...), err
}

// answerReader reads settings, redirects and errors. Errors stand in either
// namespace, depending on the server (exchange.md 1.5).
type answerReader struct {
	XMLName  xml.Name         `xml:"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006 Autodiscover"`
	Settings []responseReader `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Response"`
	Base     []responseReader `xml:"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006 Response"`
}

type responseReader struct {
	Error       *errorReader `xml:"Error"`
	DisplayName string       `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a User>DisplayName"`
	// There is one account; a second would be ambiguous.
	Accounts []accountReader `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Account"`
}

type errorReader struct {
	Code    string `xml:"ErrorCode"`
	Message string `xml:"Message"`
}

type accountReader struct {
	Action       string           `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Action"`
	RedirectAddr string           `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a RedirectAddr"`
	RedirectURL  string           `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a RedirectUrl"`
	RedirectURL2 string           `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a RedirectURL"` // both are seen
	Protocols    []protocolReader `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Protocol"`    // not those inside Internal and External
}

type protocolReader struct {
	Type          string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Type"`
	Server        string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a Server"`
	ServerVersion string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a ServerVersion"`
	SSL           string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a SSL"`
	AuthPackage   string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a AuthPackage"`
	ASURL         string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a ASUrl"`
	EWSURL        string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a EwsUrl"`
	UMURL         string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a UMUrl"`
	OABURL        string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a OABUrl"`
	OOFURL        string `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a OOFUrl"`
}

// answer is what a server said, exactly one of its parts.
type answer struct {
	code         int    // an error code, 0: none
	message      string // with code
	redirectAddr string
	redirectURL  string
	protocols    []Protocol // settings; may be empty
	displayName  string
}

// errNotAutodiscover is for XML, or what is none, that is no answer of Autodiscover.
var errNotAutodiscover = errors.New("no answer of Autodiscover")

// parse reads an answer of at most maxAnswer octets.
func parse(body []byte) (answer, error) {
	var r answerReader
	limits := boundedxml.Limits{Bytes: maxAnswer, Depth: maxDepth, Elements: maxElements}
	if err := boundedxml.Unmarshal(body, limits, &r); err != nil {
		return answer{}, fmt.Errorf("%w: %w", errNotAutodiscover, err)
	}
	all := append(r.Settings, r.Base...)
	if len(all) != 1 {
		return answer{}, fmt.Errorf("%w: %d Response elements, one is expected", errNotAutodiscover, len(all))
	}
	return all[0].answer()
}

func (r responseReader) answer() (answer, error) {
	if r.Error != nil {
		code, err := strconv.Atoi(strings.TrimSpace(r.Error.Code))
		if err != nil || code <= 0 || code > 99_999 {
			return answer{}, fmt.Errorf("%w: an error without a number", errNotAutodiscover)
		}
		return answer{code: code, message: clean(r.Error.Message)}, nil
	}
	if len(r.Accounts) != 1 {
		return answer{}, fmt.Errorf("%w: %d Account elements, one is expected", errNotAutodiscover, len(r.Accounts))
	}
	a := r.Accounts[0]
	switch action := strings.TrimSpace(a.Action); {
	case strings.EqualFold(action, "redirectAddr"):
		if addr := cleanURL(a.RedirectAddr); addr != "" {
			return answer{redirectAddr: addr}, nil
		}
		return answer{}, fmt.Errorf("%w: a redirect without an address", errNotAutodiscover)
	case strings.EqualFold(action, "redirectUrl"):
		for _, u := range []string{a.RedirectURL, a.RedirectURL2} {
			if u = cleanURL(u); u != "" {
				return answer{redirectURL: u}, nil
			}
		}
		return answer{}, fmt.Errorf("%w: a redirect without a URL", errNotAutodiscover)
	case strings.EqualFold(action, "settings"):
		out := answer{displayName: clean(r.DisplayName), protocols: []Protocol{}}
		for _, p := range a.Protocols[:min(len(a.Protocols), 16)] {
			out.protocols = append(out.protocols, Protocol{
				Type:          strings.ToUpper(clean(p.Type)),
				Server:        clean(p.Server),
				ServerVersion: clean(p.ServerVersion),
				SSL:           strings.EqualFold(clean(p.SSL), "On"),
				AuthPackage:   clean(p.AuthPackage),
				ASURL:         cleanURL(p.ASURL),
				EWSURL:        cleanURL(p.EWSURL),
				UMURL:         cleanURL(p.UMURL),
				OABURL:        cleanURL(p.OABURL),
				OOFURL:        cleanURL(p.OOFURL),
			})
		}
		return out, nil
	default:
		return answer{}, fmt.Errorf("%w: the action %q is unknown", errNotAutodiscover, clean(action))
	}
}

// clean makes a value of a server fit to be shown: one line, printable, bounded.
func clean(s string) string { return journal.Printable(strings.TrimSpace(s), maxText) }

// cleanURL makes a value of a server fit to be followed; a URL that is cut or
// has lost a character leads elsewhere, and becomes "".
func cleanURL(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxText || clean(s) != s || strings.ContainsRune(s, utf8.RuneError) {
		return ""
	}
	return s
}
