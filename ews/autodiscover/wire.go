package autodiscover

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
)

const (
	requestSchema  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
	answerSchema   = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	settingsSchema = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

	contentType = "text/xml; charset=utf-8"

	maxAnswer   = 1 << 20 // octets; a real answer has under 8 KiB
	maxDepth    = 32
	maxElements = 10_000
	maxText     = 2048 // octets of one value
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
	if len(body) > maxAnswer {
		return answer{}, fmt.Errorf("%w: more than %d octets", errNotAutodiscover, maxAnswer)
	}
	if err := inspect(body); err != nil {
		return answer{}, fmt.Errorf("%w: %w", errNotAutodiscover, err)
	}
	var r answerReader
	if err := xml.Unmarshal(body, &r); err != nil {
		return answer{}, fmt.Errorf("%w: %w", errNotAutodiscover, err)
	}
	all := append(r.Settings, r.Base...)
	if len(all) != 1 {
		return answer{}, fmt.Errorf("%w: %d Response elements, one is expected", errNotAutodiscover, len(all))
	}
	return all[0].answer()
}

// inspect refuses what a decoder would let pass: document types, depth,
// length, and text after the end (exchange.md 7.2).
func inspect(body []byte) error {
	if bytes.HasPrefix(body, []byte("\xff\xfe")) || bytes.HasPrefix(body, []byte("\xfe\xff")) || bytes.IndexByte(body[:min(len(body), 64)], 0) >= 0 {
		return errors.New("it is UTF-16, UTF-8 is expected")
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	depth, elements := 0, 0
	for {
		token, err := d.RawToken()
		if err == io.EOF && depth == 0 && elements > 0 {
			return nil
		}
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("it has a document type, which is not read")
		case xml.StartElement:
			if depth == 0 && elements > 0 {
				return errors.New("it goes on after its end")
			}
			depth++
			elements++
			if depth > maxDepth || elements > maxElements {
				return fmt.Errorf("more than %d levels or %d elements", maxDepth, maxElements)
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && len(bytes.Trim(t, " \t\r\n\ufeff")) > 0 {
				return errors.New("text outside the root element")
			}
		}
	}
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
		if addr := clean(a.RedirectAddr); addr != "" {
			return answer{redirectAddr: addr}, nil
		}
		return answer{}, fmt.Errorf("%w: a redirect without an address", errNotAutodiscover)
	case strings.EqualFold(action, "redirectUrl"):
		for _, u := range []string{a.RedirectURL, a.RedirectURL2} {
			if u = clean(u); u != "" {
				return answer{redirectURL: u}, nil
			}
		}
		return answer{}, fmt.Errorf("%w: a redirect without a URL", errNotAutodiscover)
	case strings.EqualFold(action, "settings"):
		out := answer{displayName: clean(r.DisplayName), protocols: []Protocol{}}
		for _, p := range a.Protocols[:min(len(a.Protocols), 16)] {
			out.protocols = append(out.protocols, Protocol{
				Type: strings.ToUpper(clean(p.Type)), Server: clean(p.Server), ServerVersion: clean(p.ServerVersion),
				SSL: strings.EqualFold(clean(p.SSL), "On"), AuthPackage: clean(p.AuthPackage),
				ASURL: clean(p.ASURL), EWSURL: clean(p.EWSURL), UMURL: clean(p.UMURL), OABURL: clean(p.OABURL), OOFURL: clean(p.OOFURL),
			})
		}
		return out, nil
	default:
		return answer{}, fmt.Errorf("%w: the action %q is unknown", errNotAutodiscover, clean(action))
	}
}

// clean makes a value of a server fit to be shown and used: one line, bounded.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.TrimSpace(s[:min(len(s), maxText)]))
	return strings.TrimSpace(s)
}
