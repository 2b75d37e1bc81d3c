package autodiscover

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	alice = "alice@contoso.com"

	bare  = "https://contoso.com/autodiscover/autodiscover.xml"
	named = "https://autodiscover.contoso.com/autodiscover/autodiscover.xml"
	plain = "http://autodiscover.contoso.com/autodiscover/autodiscover.xml"
)

// reply answers one request.
type reply func(*http.Request) (*http.Response, error)

// web is the Internet: replies by URL. What is missing has no address.
type web struct {
	replies map[string]reply
	mu      sync.Mutex
	asked   []string
	bodies  []string
}

func (w *web) Do(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	w.mu.Lock()
	w.asked, w.bodies = append(w.asked, r.Method+" "+r.URL.String()), append(w.bodies, body)
	answer := w.replies[r.URL.String()]
	w.mu.Unlock()
	if answer == nil {
		return noName(r)
	}
	return answer(r)
}

func noName(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("connecting: %w", &journal.Failure{Code: journal.DNSNoRecords, Asked: r.URL.Hostname() + " A", What: r.URL.Hostname() + " has no A record", Err: errors.New("NXDOMAIN")})
}

// says answers with a status, a media type and a body.
func says(status int, media, body string) reply {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {media}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func xmlOf(body string) reply { return says(200, "text/xml; charset=utf-8", body) }

// to redirects by HTTP.
func to(status int, location string) reply {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Location": {location}}, Body: http.NoBody}, nil
	}
}

func fails(err error) reply {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// in wraps an account as the settings schema has it.
func in(account string) string {
	return `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="` + answerSchema + `"><Response xmlns="` + settingsSchema + `"><Account><AccountType>email</AccountType>` +
		account + `</Account></Response></Autodiscover>`
}

func toAddress(a string) reply {
	return xmlOf(in("<Action>redirectAddr</Action><RedirectAddr>" + a + "</RedirectAddr>"))
}

func toURL(u string) reply {
	return xmlOf(in("<Action>redirectUrl</Action><RedirectUrl>" + u + "</RedirectUrl>"))
}

func sayError(code int, schema string) reply {
	return xmlOf(fmt.Sprintf(`<Autodiscover xmlns="%s"><Response xmlns="%s"><Error Time="21:25:04.8897083" Id="4130155072"><ErrorCode>%d</ErrorCode><Message>What it means</Message><DebugData/></Error></Response></Autodiscover>`,
		answerSchema, schema, code))
}

// settingsOf reads an answer in the form of MS-OXDSCLI: of Exchange 2007 SP1
// (docs/protocol/exchange-autodiscover.md#settings-answer,
// docs/protocol/exchange-autodiscover.md#error-answers), or as later servers
// answer.
func settingsOf(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(b))
}

// rig is a client in a web, with what it recorded.
type rig struct {
	*Client
	*web
	clock *clock.Adjustable
	steps []journal.Step
}

func newRig(replies map[string]reply) *rig {
	r := &rig{web: &web{replies: replies}, clock: clock.NewManual(time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC))}
	r.Client = &Client{HTTP: r.web, Clock: r.clock, Record: func(s journal.Step) { r.steps = append(r.steps, s) }}
	return r
}

// text is all that the steps say.
func (r *rig) text() string {
	var b strings.Builder
	for _, s := range r.steps {
		fmt.Fprintln(&b, s.State, s.Code, s.Asked, "|", s.Answered, "|", s.Decided, "|", s.Because, "|", s.Fix, s.Details)
	}
	return b.String()
}
