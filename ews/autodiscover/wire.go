package autodiscover

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
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

	maxAnswer    = 1 << 20 // octets; a real answer has under 8 KiB
	maxDepth     = 32
	maxElements  = 10_000
	maxProtocols = 16   // of one account
	maxText      = 2048 // characters of one value
)

// requestWriter is the request of MS-OXDSCLI
// (docs/protocol/exchange-autodiscover.md#autodiscover-request).
type requestWriter struct {
	XMLName xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006 Autodiscover"`
	Address string   `xml:"Request>EMailAddress"`
	Schema  string   `xml:"Request>AcceptableResponseSchema"`
}

// writeRequest returns the body of a POST.
func writeRequest(address string) ([]byte, error) {
	body, err := xml.Marshal(requestWriter{Address: address, Schema: settingsSchema})
	return append([]byte(xml.Header), body...), err
}

// answer is the content of an answer: an error, a redirect or settings.
type answer struct {
	code         int    // an error code, 0: none
	message      string // with code
	redirectAddr string
	redirectURL  string
	protocols    []Protocol // settings; may be empty
	displayName  string
}

// errNotAutodiscover: the body is not an answer of Autodiscover.
var errNotAutodiscover = errors.New("no answer of Autodiscover")

// parse reads an answer of at most maxAnswer octets. Settings and errors stand in
// either namespace, depending on the server
// (docs/protocol/exchange-autodiscover.md#error-answers).
func parse(body []byte) (answer, error) {
	limits := boundedxml.Limits{Bytes: maxAnswer, Depth: maxDepth, Elements: maxElements}
	root, err := boundedxml.Parse(body, limits)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", errNotAutodiscover, err)
	}
	if root.Name != (xml.Name{Space: answerSchema, Local: "Autodiscover"}) {
		return answer{}, fmt.Errorf("%w: the root element is <%s>", errNotAutodiscover, clean(root.Name.Local))
	}
	responses := slices.DeleteFunc(root.Children, func(n *boundedxml.Node) bool {
		return n.Name.Local != "Response" || n.Name.Space != answerSchema && n.Name.Space != settingsSchema
	})
	if len(responses) != 1 {
		return answer{}, fmt.Errorf("%w: %d Response elements, one is expected", errNotAutodiscover, len(responses))
	}
	return readResponse(responses[0])
}

// setting names an element of the settings.
func setting(local string) xml.Name { return xml.Name{Space: settingsSchema, Local: local} }

func readResponse(r *boundedxml.Node) (answer, error) {
	if e := r.Child("Error"); e != nil {
		code, err := strconv.Atoi(e.Child("ErrorCode").Value())
		if err != nil || code <= 0 || code > 99_999 {
			return answer{}, fmt.Errorf("%w: an error without a number", errNotAutodiscover)
		}
		return answer{code: code, message: clean(e.Child("Message").Value())}, nil
	}
	accounts := r.FindAll(setting("Account"))
	if len(accounts) != 1 { // a second would be ambiguous
		return answer{}, fmt.Errorf("%w: %d Account elements, one is expected", errNotAutodiscover, len(accounts))
	}
	a := accounts[0]
	switch action := a.Find(setting("Action")).Value(); strings.ToLower(action) {
	case "redirectaddr":
		if addr := cleanURL(a.Find(setting("RedirectAddr")).Value()); addr != "" {
			return answer{redirectAddr: addr}, nil
		}
		return answer{}, fmt.Errorf("%w: a redirect without an address", errNotAutodiscover)
	case "redirecturl":
		for _, name := range []string{"RedirectUrl", "RedirectURL"} { // both are seen
			if u := cleanURL(a.Find(setting(name)).Value()); u != "" {
				return answer{redirectURL: u}, nil
			}
		}
		return answer{}, fmt.Errorf("%w: a redirect without a URL", errNotAutodiscover)
	case "settings":
		out := answer{displayName: clean(r.Find(setting("User"), setting("DisplayName")).Value()), protocols: []Protocol{}}
		protocols := a.FindAll(setting("Protocol")) // not those inside Internal and External
		for _, p := range protocols[:min(len(protocols), maxProtocols)] {
			out.protocols = append(out.protocols, readProtocol(p))
		}
		return out, nil
	default:
		return answer{}, fmt.Errorf("%w: the action %q is unknown", errNotAutodiscover, clean(action))
	}
}

func readProtocol(p *boundedxml.Node) Protocol {
	text := func(name string) string { return clean(p.Find(setting(name)).Value()) }
	address := func(name string) string { return cleanURL(p.Find(setting(name)).Value()) }
	return Protocol{
		Type:          strings.ToUpper(text("Type")),
		Server:        text("Server"),
		ServerVersion: text("ServerVersion"),
		SSL:           strings.EqualFold(text("SSL"), "On"),
		AuthPackage:   text("AuthPackage"),
		ASURL:         address("ASUrl"),
		EWSURL:        address("EwsUrl"),
		UMURL:         address("UMUrl"),
		OABURL:        address("OABUrl"),
		OOFURL:        address("OOFUrl"),
	}
}

// clean makes a value of a server one printable line.
func clean(s string) string { return journal.Printable(strings.TrimSpace(s), maxText) }

// cleanURL returns a URL or address of a server; "" if it is too long or has a
// character that is not printable or was lost.
func cleanURL(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxText || clean(s) != s || strings.ContainsRune(s, utf8.RuneError) {
		return ""
	}
	return s
}
