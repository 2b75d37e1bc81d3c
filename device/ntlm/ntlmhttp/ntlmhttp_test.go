package ntlmhttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/ntlm"
)

// TestLogOn: the legs on the wire, in order, with or without the body.
func TestLogOn(t *testing.T) {
	legs := func(l ...string) []string { return l }
	for _, row := range []struct {
		name   string
		server *server
		client func(*Client)
		body   string
		kind   error // nil: answered
		spent  bool
		log    []string
		conns  int
	}{
		{"NTLM: the body goes once, with the proof", &server{}, nil, "hello", nil, false, legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"GET", &server{}, nil, "", nil, false, legs("greeting/NTLM/-", "proof/NTLM/-"), 1},
		{"NTLM alone", &server{offers: []string{"NTLM"}}, nil, "hello", nil, false, legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"Negotiate alone carries NTLM", &server{offers: []string{"Negotiate"}}, nil, "hello", nil, false,
			legs("greeting/NTLM/-", "greeting/Negotiate/-", "proof/Negotiate/body"), 1},
		{"schemes in one line", &server{offers: []string{`Basic realm="a, NTLM", Negotiate, NTLM`}}, nil, "hello", nil, false, legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"the channel binding is required and sent", &server{binding: true}, nil, "hello", nil, false, legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"nobody wants a log-on", &server{anonymous: true}, nil, "hello", nil, false, legs("greeting/NTLM/-", "none//body"), 1},
		{"nobody wants a log-on, GET", &server{anonymous: true}, nil, "", nil, false, legs("greeting/NTLM/-"), 1},
		{"no user", &server{anonymous: true}, func(c *Client) { c.User = "" }, "hello", nil, false, legs("none//body"), 1},
		{"Basic, allowed", &server{offers: []string{`Basic realm="x"`}}, func(c *Client) { c.AllowBasic = true }, "hello", nil, false, legs("greeting/NTLM/-", "basic//body"), 1},
		{"Basic, not allowed", &server{offers: []string{`Basic realm="x"`}}, nil, "hello", ErrNoScheme, false, legs("greeting/NTLM/-"), 1},
		{"Basic is no way around blocked NTLM", &server{offers: []string{"NTLM", "Basic"}, blocked: true}, func(c *Client) { c.AllowBasic = true }, "hello", ErrBlocked, false, legs("greeting/NTLM/-"), 1},
		{"Kerberos alone", &server{offers: []string{"Negotiate"}, blocked: true}, nil, "hello", ErrBlocked, false, legs("greeting/NTLM/-", "greeting/Negotiate/-"), 1},
		{"wrong password", &server{}, func(c *Client) { c.Password = "wrong" }, "hello", ErrPassword, true, legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"wrong password, Basic", &server{offers: []string{"Basic"}}, func(c *Client) { c.Password, c.AllowBasic = "wrong", true }, "hello", ErrPassword, true, legs("greeting/NTLM/-", "basic//body"), 1},
		{"Extended Protection refuses, and says so", &server{binding: true, foreign: true, why: "Error Code 0x80090346"}, nil, "hello", ErrBinding, true, legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"Extended Protection refuses a good password in silence", &server{binding: true, foreign: true}, func(c *Client) { c.Proven = func() bool { return true } }, "hello", ErrDenied, true,
			legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"the domain blocks NTLM, and says so", &server{binding: true, foreign: true, why: "0xC0000418"}, nil, "hello", ErrBlocked, true, legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"closed after the challenge", &server{closing: true}, nil, "hello", ErrKeepAlive, false, legs("greeting/NTLM/-"), 1},
		{"closed between the legs", &server{dropping: true}, nil, "hello", ErrUnanswered, true, legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"closed between the legs, password known to be good", &server{dropping: true}, func(c *Client) { c.Proven = func() bool { return true } }, "hello", ErrUnanswered, false,
			legs("greeting/NTLM/-", "proof/NTLM/body"), 1},
		{"weak", &server{weak: true}, nil, "hello", ntlm.ErrWeak, false, legs("greeting/NTLM/-"), 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := row.server.start(t)
			c := s.client(t)
			if row.client != nil {
				row.client(c)
			}
			method := http.MethodPost
			if row.body == "" {
				method = http.MethodGet
			}
			status, answer, err := ask(t, c, t.Context(), method, site, row.body)
			if row.kind == nil && (err != nil || status != 200 || answer != "got "+row.body) {
				t.Errorf("%d %q %v", status, answer, err)
			}
			if row.kind != nil && !errors.Is(err, row.kind) {
				t.Errorf("%v, want %v", err, row.kind)
			}
			if row.kind != nil && row.kind != ErrPassword && errors.Is(err, ErrPassword) {
				t.Errorf("%v reads as a wrong password", err)
			}
			if errors.Is(err, ErrPasswordUsed) != row.spent {
				t.Errorf("spent: %v, want %v", err, row.spent)
			}
			log, conns := s.seen()
			if !slices.Equal(log, row.log) || conns != row.conns {
				t.Errorf("legs %q on %d connections, want %q on %d", log, conns, row.log, row.conns)
			}
			if row.spent { // the password is tried once, at whatever host
				_, _, err := ask(t, c, t.Context(), method, "https://www.example.com/", row.body)
				if after, _ := s.seen(); !errors.Is(err, ErrPasswordUsed) || len(after) != len(log) {
					t.Errorf("after a refusal: %v, legs %q", err, after)
				}
			}
		})
	}
}

// TestConnectionStaysLoggedOn: one handshake for many requests, none after
// CloseIdle, and one to each request where the server wants it so.
func TestConnectionStaysLoggedOn(t *testing.T) {
	s := new(server).start(t)
	c := s.client(t)
	for range 3 {
		if _, got, err := ask(t, c, t.Context(), http.MethodPost, site, "x"); err != nil || got != "got x" {
			t.Fatal(got, err)
		}
	}
	c.CloseIdle()
	if _, _, err := ask(t, c, t.Context(), http.MethodPost, site, "x"); err != nil {
		t.Fatal(err)
	}
	want := []string{"greeting/NTLM/-", "proof/NTLM/body", "none//body", "none//body", "greeting/NTLM/-", "proof/NTLM/body"}
	if log, conns := s.seen(); !slices.Equal(log, want) || conns != 2 {
		t.Errorf("%q on %d connections", log, conns)
	}

	each := (&server{each: true}).start(t)
	c = each.client(t)
	for range 2 {
		if _, got, err := ask(t, c, t.Context(), http.MethodPost, site, "x"); err != nil || got != "got x" {
			t.Fatal(got, err)
		}
	}
	want = []string{"greeting/NTLM/-", "proof/NTLM/body", "none//body", "greeting/NTLM/-", "proof/NTLM/body"}
	if log, conns := each.seen(); !slices.Equal(log, want) || conns != 1 {
		t.Errorf("%q on %d connections", log, conns)
	}
}

// TestClosedByTheServer: Connection: close after each answer costs a
// connection each, and an idle connection that the server closed is noticed.
func TestClosedByTheServer(t *testing.T) {
	s := (&server{handler: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		_, _ = io.WriteString(w, "bye")
	}}).start(t)
	c := s.client(t)
	for range 3 {
		if _, got, err := ask(t, c, t.Context(), http.MethodPost, site, "x"); err != nil || got != "bye" {
			t.Fatal(got, err)
		}
	}
	if log, conns := s.seen(); conns != 3 || len(log) != 6 {
		t.Errorf("%q on %d connections", log, conns)
	}

	idle := new(server).start(t)
	c = idle.client(t)
	if _, _, err := ask(t, c, t.Context(), http.MethodPost, site, "x"); err != nil {
		t.Fatal(err)
	}
	idle.CloseClientConnections()
	if _, got, err := ask(t, c, t.Context(), http.MethodPost, site, "x"); err != nil || got != "got x" {
		t.Error(got, err)
	}
}

// TestManyAtOnce: pollers wait for each other on the one connection.
func TestManyAtOnce(t *testing.T) {
	s := new(server).start(t)
	c := s.client(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, got, err := ask(t, c, t.Context(), http.MethodPost, site, "x"); err != nil || got != "got x" {
				t.Error(got, err)
			}
		})
	}
	all.Wait()
	if log, conns := s.seen(); conns != 1 || len(log) != 21 || s.peak != 1 {
		t.Errorf("%d legs on %d connections, %d at once", len(log), conns, s.peak)
	}
}

// TestPlainHTTP: no password over http, unless NTLM is allowed there.
func TestPlainHTTP(t *testing.T) {
	s := &server{offers: []string{"NTLM"}}
	s.start(t)
	c := s.client(t)
	web := httpServer(t, s)
	c.Dialer = &to{addr: web}
	status, _, err := ask(t, c, t.Context(), http.MethodGet, "http://example.com/", "")
	if log, _ := s.seen(); err != nil || status != http.StatusUnauthorized || !slices.Equal(log, []string{"none//-"}) {
		t.Errorf("%d %v %q", status, err, log)
	}
	allowed := s.client(t)
	allowed.Dialer, allowed.AllowPlain, allowed.AllowBasic = &to{addr: web}, true, true
	if status, _, err := ask(t, allowed, t.Context(), http.MethodGet, "http://example.com/", ""); err != nil || status != 200 {
		t.Errorf("NTLM over http: %d %v", status, err)
	}
	basic := s.client(t)
	basic.Dialer, basic.AllowPlain, basic.AllowBasic = &to{addr: web}, true, true
	s.mu.Lock()
	s.offers = []string{"Basic"}
	s.mu.Unlock()
	if _, _, err := ask(t, basic, t.Context(), http.MethodGet, "http://example.com/", ""); !errors.Is(err, ErrNoScheme) {
		t.Errorf("Basic over http: %v", err)
	}
}

func TestWithoutBasic(t *testing.T) {
	s := (&server{offers: []string{"Basic"}}).start(t)
	c := s.client(t)
	c.AllowBasic = true
	for range 2 {
		if _, _, err := ask(t, c, WithoutBasic(t.Context()), http.MethodGet, site, ""); !errors.Is(err, ErrNoScheme) {
			t.Errorf("%v", err)
		}
		if _, _, err := ask(t, c, t.Context(), http.MethodGet, site, ""); err != nil {
			t.Error(err)
		}
	}
}

func TestCertificateIsJudgedBeforeAnythingIsSent(t *testing.T) {
	s := new(server).start(t)
	c := s.client(t)
	_, _, err := ask(t, c, t.Context(), http.MethodPost, "https://other.contoso.com/", "x")
	if log, _ := s.seen(); err == nil || len(log) > 0 {
		t.Errorf("a wrong name: %v, %q", err, log)
	}
}

func TestTimeAndContext(t *testing.T) {
	s := (&server{silent: true}).start(t)
	c := s.client(t)
	c.Timeout = 50 * time.Millisecond
	var timeout interface{ Timeout() bool }
	if _, _, err := ask(t, c, t.Context(), http.MethodGet, site, ""); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a silent server: %v", err)
	}
	c = s.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(30*time.Millisecond, cancel)
	if _, _, err := ask(t, c, ctx, http.MethodGet, site, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who gave up: %v", err)
	}
	c = s.client(t)
	time.AfterFunc(30*time.Millisecond, func() { _ = c.Close() })
	if _, _, err := ask(t, c, t.Context(), http.MethodGet, site, ""); err == nil {
		t.Error("a closed client answered")
	}
	if _, _, err := ask(t, c, t.Context(), http.MethodGet, site, ""); err == nil {
		t.Error("a closed client answered")
	}
}

// TestCallerWaitsForTheBody: the next request waits, and gives up with its context.
func TestCallerWaitsForTheBody(t *testing.T) {
	s := new(server).start(t)
	c := s.client(t)
	req, _ := http.NewRequest(http.MethodGet, site, nil)
	first, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := ask(t, c, ctx, http.MethodGet, site, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	c.CloseIdle()
	_ = first.Body.Close()
	_ = first.Body.Close() // twice does no harm
	if _, err := first.Body.Read(make([]byte, 1)); err == nil {
		t.Error("a closed body was read")
	}
	if _, _, err := ask(t, c, t.Context(), http.MethodGet, site, ""); err != nil {
		t.Error(err)
	}
	if _, conns := s.seen(); conns != 2 {
		t.Errorf("%d connections, CloseIdle closes the first", conns)
	}
}

func TestBounds(t *testing.T) {
	for _, row := range []struct {
		name    string
		handler http.HandlerFunc
		body    string
	}{
		{"header", func(w http.ResponseWriter, _ *http.Request) {
			for _, k := range []string{"A", "B", "C"} {
				w.Header().Set("X-"+k, strings.Repeat("x", 4000))
			}
		}, "x"},
		{"answer", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 1<<20)) }, "x"},
		{"request", nil, strings.Repeat("x", 5000)},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := (&server{handler: row.handler}).start(t)
			c := s.client(t)
			c.MaxHeader, c.MaxRequest, c.MaxResponse = 8000, 4096, 8<<10
			if _, _, err := ask(t, c, t.Context(), http.MethodPost, site, row.body); !errors.Is(err, ErrTooLarge) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	c := &Client{Dialer: &to{}, User: user}
	for _, at := range []string{site, "http://example.com/", "ftp://example.com/", "https:///x"} {
		if _, _, err := ask(t, c, t.Context(), http.MethodGet, at, ""); err == nil {
			t.Errorf("%s answered", at)
		}
	}
}

func FuzzOffers(f *testing.F) {
	for _, s := range []string{"NTLM", "Negotiate, NTLM", `Basic realm="a, \"b", charset="UTF-8", NTLM TlRMTVNTUAAC==`, ",,=,", `"`, "NTLM a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		all := parseOffers(http.Header{"Www-Authenticate": {line}})
		if len(all) > maxOffers {
			t.Errorf("%d offers", len(all))
		}
		for _, o := range all {
			if o.scheme == "" || len(o.scheme) > maxScheme || strings.ContainsAny(o.scheme+o.token, `" `) || !hasOffer(all, o.scheme) {
				t.Errorf("%q in %q", o, line)
			}
		}
	})
}

// A log-on names the host of the URL, without its port, against a relay
// (MS-NLMP 2.2.2.1).
func TestLogonNamesTheService(t *testing.T) {
	s := new(server).start(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.target != "HTTP/127.0.0.1" {
		t.Errorf("%q", s.target)
	}
}
