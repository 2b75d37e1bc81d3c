package ntlmhttp

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/ntlm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	user     = "alice"
	domain   = "CONTOSO"
	password = "Passw0rd!"
)

// server is a web server that requires a log-on. Set the fields before start.
type server struct {
	*httptest.Server
	offers    []string // schemes; nil: NTLM and Negotiate
	anonymous bool     // wants no log-on
	binding   bool     // Extended Protection: required
	foreign   bool     // expects the channel binding of another certificate
	blocked   bool     // offers NTLM, gives no challenge
	each      bool     // authenticates each request anew
	closing   bool     // Connection: close with the challenge
	dropping  bool     // closes the connection instead of answering a proof
	silent    bool     // never answers
	weak      bool     // no extended session security
	why       string   // body of the refusal
	handler   http.HandlerFunc

	mu     sync.Mutex
	log    []string // "greeting/NTLM/0", "proof/NTLM/12", "none//12", "basic//12": kind, scheme, octets of the body
	conns  int
	active int
	peak   int
	target string // service name in the last proof
}

type login struct {
	exchange *ntlm.Server
	done     bool
}

type loginKey struct{}

func (s *server) start(t *testing.T) *server {
	t.Helper()
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		s.mu.Lock()
		s.conns++
		s.mu.Unlock()
		return context.WithValue(ctx, loginKey{}, new(login))
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) note(kind, scheme string, body int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, kind+"/"+scheme+"/"+map[bool]string{true: "body", false: "-"}[body > 0])
}

func (s *server) seen() ([]string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log), s.conns
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	scheme, encoded, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token, _ := base64.StdEncoding.DecodeString(encoded)
	kind := "none"
	switch {
	case scheme == "Basic":
		kind, scheme = "basic", ""
	case ntlm.Type(token) == 1:
		kind = "greeting"
	case ntlm.Type(token) == 3:
		kind = "proof"
	}
	s.note(kind, scheme, len(body))
	if s.silent {
		<-r.Context().Done()
		return
	}
	if s.anonymous || s.logOn(w, r, kind, scheme, token) {
		s.mu.Lock()
		s.active++
		s.peak = max(s.peak, s.active)
		s.mu.Unlock()
		if s.handler != nil {
			s.handler(w, r)
		} else {
			_, _ = w.Write(append([]byte("got "), body...))
		}
		s.mu.Lock()
		s.active--
		s.mu.Unlock()
	}
}

// logOn answers everything but a request that may go on.
func (s *server) logOn(w http.ResponseWriter, r *http.Request, kind, scheme string, token []byte) bool {
	l := r.Context().Value(loginKey{}).(*login)
	offers := s.offers
	if offers == nil {
		offers = []string{"Negotiate", "NTLM"}
	}
	refuse := func(why string) bool {
		w.Header()["Www-Authenticate"] = offers
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, why)
		return false
	}
	takes := slices.ContainsFunc(offers, func(o string) bool { return strings.Contains(o, scheme) })
	switch {
	case kind == "none" && l.done:
		l.done = !s.each
		return true
	case kind == "basic" && takes:
		u, p, _ := r.BasicAuth()
		return u == domain+`\`+user && p == password || refuse("wrong")
	case kind == "greeting" && takes && !s.blocked:
		l.exchange = &ntlm.Server{NetBIOSDomain: domain, DNSDomain: "contoso.com", Flags: ntlm.FlagsHTTP, RequireChannelBinding: s.binding, Timestamp: true,
			NTHash: func(u, _ string) ([]byte, error) {
				if strings.EqualFold(u, user) {
					return ntlm.NTHash(password), nil
				}
				return nil, nil
			}}
		if s.weak {
			l.exchange.Flags &^= ntlm.NegotiateESS
		}
		if l.exchange.ChannelBinding = ntlm.ChannelBindings(s.Certificate()); s.foreign {
			l.exchange.ChannelBinding = slices.Repeat([]byte{7}, 16)
		}
		challenge, err := l.exchange.Challenge(token)
		if err != nil {
			return refuse(err.Error())
		}
		if s.closing {
			w.Header().Set("Connection", "close")
		}
		w.Header().Set("WWW-Authenticate", scheme+" "+base64.StdEncoding.EncodeToString(challenge))
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, strings.Repeat("<p>You are not authorized.</p>", 200))
		return false
	case kind == "proof" && l.exchange != nil:
		if s.dropping {
			panic(http.ErrAbortHandler)
		}
		id, _, err := l.exchange.Authenticate(token)
		s.mu.Lock()
		s.target = id.TargetName
		s.mu.Unlock()
		l.exchange = nil
		if err != nil {
			return refuse(s.why)
		}
		l.done = !s.each
		return true
	}
	return refuse("")
}

// client trusts only s.
func (s *server) client(t *testing.T) *Client {
	t.Helper()
	pool := s.Server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	c := &Client{Dialer: &to{addr: s.Listener.Addr().String()}, TLS: &tls.Config{RootCAs: pool}, User: user, Domain: domain, Password: password, Timeout: 10 * time.Second}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// to dials one address instead of the requested one.
type to struct {
	addr string
	mu   sync.Mutex
	n    int
}

func (d *to) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	d.mu.Lock()
	d.n++
	d.mu.Unlock()
	if d.addr == "" {
		return nil, errors.New("nobody there")
	}
	return new(net.Dialer).DialContext(ctx, network, d.addr)
}

const site = "https://example.com/EWS/Exchange.asmx" // httptest's certificate names example.com

// ask posts body and returns status and answer.
func ask(t *testing.T, c *Client, ctx context.Context, method, at, body string) (int, string, error) {
	t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, at, in)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		if strings.Contains(err.Error(), password) || strings.Contains(err.Error(), base64.StdEncoding.EncodeToString([]byte(password))) {
			t.Errorf("the password is in the error: %v", err)
		}
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// httpServer serves s without TLS too and returns the address.
func httpServer(t *testing.T, s *server) string {
	t.Helper()
	web := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	web.Config.ConnContext = s.Config.ConnContext
	web.Start()
	t.Cleanup(web.Close)
	return web.Listener.Addr().String()
}
