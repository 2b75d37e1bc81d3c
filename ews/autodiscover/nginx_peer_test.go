//go:build realpeers && linux

package autodiscover

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
	"github.com/ocphone/ocphone/device/peer"
)

// site is one server of nginx: the host and port that the phone asks for, and
// its lines of the configuration.
type site struct{ at, lines string }

// world is nginx, where all names lead, and what it wrote down.
type world struct {
	*peer.Process
	ports map[string]string // host:port -> address
	log   string
}

// DialContext knows the names of the row alone.
func (w world) DialContext(ctx context.Context, network, hostport string) (net.Conn, error) {
	if at := w.ports[hostport]; at != "" {
		return new(net.Dialer).DialContext(ctx, network, at)
	}
	return nil, &journal.Failure{Code: journal.DNSNoRecords, Asked: hostport, What: hostport + " has no A record"}
}

// free is an address of 127.0.0.1 that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// nginx serves the sites, each on a port of its own, until the test ends.
func nginx(t *testing.T, dir string, sites []site) world {
	t.Helper()
	w := world{ports: map[string]string{}, log: filepath.Join(dir, "access.log")}
	var servers strings.Builder
	last := ""
	for _, s := range sites {
		last = free(t)
		w.ports[s.at] = last
		secure := ""
		if strings.HasSuffix(s.at, ":443") && !strings.Contains(s.lines, clearText) {
			secure = " ssl http2"
		}
		fmt.Fprintf(&servers, "server { listen %s%s; %s }\n", last, secure, s.lines)
	}
	// In one process without a daemon, and nothing of the host is touched.
	conf := peer.Write(t, dir, "nginx.conf", fmt.Sprintf(`
daemon off; master_process off; pid nginx.pid; error_log stderr;
events { }
http {
  map $request $method { ~^(?<first>\S+) $first; } # as it came, before any error_page
  log_format asked '$method $scheme://$host$request_uri $status $remote_user';
  access_log %s asked;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  types { text/xml xml; text/html html; }
  root %s;
  %s
}
`, w.log, dir, servers.String()))
	w.Process = peer.Command{Dir: dir, Ready: peer.Listening(last)}.Start(t, "nginx", "-p", dir, "-e", "stderr", "-c", conf)
	return w
}

// asked is what nginx was asked, a line each, n at the least: it writes a line
// when the answer is gone.
func (w world) asked(t *testing.T, n int) (lines []string) {
	t.Helper()
	peer.Eventually(t, fmt.Sprintf("nginx to log %d requests", n), func() error {
		b, err := os.ReadFile(w.log)
		if lines = strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' }); err == nil && len(lines) < n {
			err = fmt.Errorf("%q", lines)
		}
		return err
	})
	return lines
}

const (
	clearText = "# no TLS\n"
	// nginx answers no POST with a file unless it is told to.
	service = ` location = ` + path + ` { auth_basic Exchange; auth_basic_user_file users; error_page 405 =200 $uri; }`
	page    = ` location / { error_page 405 404 =200 /home.html; }`
)

// TestPeerNginxAutodiscover: the phone's way through a web server of the real
// world (R9.1, R1.6), of which every row tells what it logged.
func TestPeerNginxAutodiscover(t *testing.T) {
	peer.Need(t, "nginx", "nginx")
	const (
		mail = "https://mail.contoso.com/autodiscover/autodiscover.xml"
		evil = "https://autodiscover.example.org/autodiscover/autodiscover.xml"
	)
	o := peer.NewOpenSSL(t)
	root := o.Make(peer.CertificateRequest{Subject: "/CN=Contoso Root CA", Extensions: peer.CA})
	other := o.Make(peer.CertificateRequest{Subject: "/CN=Fabrikam Root CA", Extensions: peer.CA})
	tls := func(change func(*peer.CertificateRequest)) string {
		r := peer.CertificateRequest{Subject: "/CN=mail.contoso.com", Issuer: root, Key: "rsa:2048#server",
			Extensions: peer.Server + "subjectAltName=DNS:contoso.com,DNS:autodiscover.contoso.com,DNS:mail.contoso.com,DNS:autodiscover.example.org\n"}
		if change != nil {
			change(&r)
		}
		c := o.Make(r)
		return fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s;", c.File, c.Key)
	}
	good := tls(nil)
	selfSigned := tls(func(r *peer.CertificateRequest) { r.Issuer = nil })
	block, _ := pem.Decode([]byte(root.PEM(t)))
	trusted, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })

	bareAt := func(lines string) site { return site{"contoso.com:443", lines} }
	namedAt := func(lines string) site { return site{"autodiscover.contoso.com:443", lines} }
	plainAt := func(lines string) site { return site{"autodiscover.contoso.com:80", lines} }
	mailAt := site{"mail.contoso.com:443", good + service}
	toTLS := func(url string) string { return " location / { return 302 " + url + "; }" }
	// Each is greeted with NTLM and without a body. Whoever wants Basic is given it, whoever wants nothing the body.
	loggedOn := func(url string) []string { return []string{"POST " + url + " 401 -", "POST " + url + " 200 tu"} }
	open := func(url string, status int) []string {
		return slices.Repeat([]string{fmt.Sprintf("POST %s %d -", url, status)}, 2)
	}
	all := slices.Concat[[]string]

	for _, row := range []struct {
		name     string
		sites    []site
		password string
		code     journal.Code // of the search; empty: it finds the settings
		first    journal.Code // of the first question
		asked    []string     // as nginx logs it
	}{
		{"the bare domain answers", []site{bareAt(good + service)}, "", "", "", loggedOn(bare)},
		{"connections closed after each answer", []site{bareAt(good + " keepalive_timeout 0;" + service)}, "", "", "", loggedOn(bare)},
		{"an answer in chunks", []site{bareAt(good + " ssi on; ssi_types text/xml;" + service)}, "", "", "", loggedOn(bare)},
		{"a wrong password is used once", []site{bareAt(good + service), namedAt(good + service)}, "wrong", journal.AuthPassword, journal.AuthPassword,
			[]string{"POST " + bare + " 401 -", "POST " + bare + " 401 tu"}},

		{"R1.6 self-signed", []site{bareAt(selfSigned + service), namedAt(selfSigned + service)}, "", journal.CertSelfSigned, journal.CertSelfSigned, nil},
		{"R1.6 self-signed, the next is good", []site{bareAt(selfSigned + service), namedAt(good + service)}, "", "", journal.CertSelfSigned, loggedOn(named)},
		{"R1.6 unknown authority", []site{bareAt(tls(func(r *peer.CertificateRequest) { r.Issuer = other }) + service)}, "", journal.CertUntrusted, journal.CertUntrusted, nil},
		{"R1.6 another name", []site{bareAt(tls(func(r *peer.CertificateRequest) {
			r.Extensions = peer.Server + "subjectAltName=DNS:www.contoso.com\n"
		}) + service)}, "", journal.CertName, journal.CertName, nil},
		{"R1.6 expired", []site{bareAt(tls(func(r *peer.CertificateRequest) {
			r.From, r.To = time.Now().AddDate(-2, 0, 0), time.Now().AddDate(0, 0, -3)
		}) + service)}, "", journal.CertExpired, journal.CertExpired, nil},
		{"R1.6 self-signed where a redirect leads", []site{plainAt(toTLS(mail)), {"mail.contoso.com:443", selfSigned + service}}, "", journal.CertSelfSigned, journal.DNSNoRecords,
			[]string{"GET " + plain + " 302 -"}},

		{"home page on the bare domain", []site{bareAt(good + page), namedAt(good + service)}, "", "", journal.ExchangeNone, all(open(bare, 200), loggedOn(named))},
		{"a file that takes no POST", []site{bareAt(good), namedAt(good + service)}, "", "", journal.ExchangeHTTP, all(open(bare, 405), loggedOn(named))},
		{"404", []site{bareAt(good + " location / { return 404; }"), namedAt(good + service)}, "", "", journal.ExchangeHTTP, all(open(bare, 404), loggedOn(named))},
		{"the server behind is down", []site{bareAt(good + " location / { proxy_pass http://" + free(t) + "; }"), namedAt(good + service)}, "", "", journal.ExchangeHTTP,
			all(open(bare, 502), loggedOn(named))},
		{"a client certificate is wanted", []site{bareAt(good + " ssl_verify_client on; ssl_client_certificate " + root.File + ";" + service), namedAt(good + service)}, "", "",
			journal.ExchangeHTTP, all(open(bare, 400), loggedOn(named))},
		{"closed without an answer", []site{bareAt(good + " location / { return 444; }"), namedAt(good + service)}, "", "", journal.ExchangeMalformed, all([]string{"POST " + bare + " 444 -"}, loggedOn(named))},
		{"no TLS on its port", []site{bareAt(clearText + service), namedAt(good + service)}, "", "", journal.TLSFailed, nil},
		{"a body that never ends", []site{bareAt(good + ` location / { error_page 405 =200 /large.xml; }`), namedAt(good + service)}, "", "", journal.ExchangeMalformed, nil},
		{"silence", []site{bareAt(good + " location / { proxy_pass http://" + silent.Addr().String() + "; }"), namedAt(good + service)}, "", "", journal.ExchangeUnreached, nil},
		{"an answer that drips", []site{bareAt(good + " limit_rate 100; location / { error_page 405 =200 $uri; }"), namedAt(good + service)}, "", "", journal.ExchangeUnreached, nil},
		{"only a home page", []site{bareAt(good + page), namedAt(good + page), plainAt(page)}, "", journal.ExchangeNone, journal.ExchangeNone,
			all(open(bare, 200), open(named, 200), []string{"GET " + plain + " 200 -"})},

		{"http leads to https", []site{plainAt(toTLS(mail)), mailAt}, "", "", journal.DNSNoRecords, all([]string{"GET " + plain + " 302 -"}, loggedOn(mail))},
		{"http leads to itself by https, as web servers do", []site{plainAt(" return 301 https://$host$request_uri;"), namedAt(good + page)}, "", journal.ExchangeNone, journal.DNSNoRecords,
			all(open(named, 200), []string{"GET " + plain + " 301 -"})},
		{"settings over http are not taken", []site{plainAt(" location / { }")}, "", journal.ExchangeNone, journal.DNSNoRecords, []string{"GET " + plain + " 200 -"}},
		{"http leads to another domain, which gets no readable password", []site{plainAt(toTLS(evil)), {"autodiscover.example.org:443", good + service}}, "", journal.AuthNoScheme, journal.DNSNoRecords,
			[]string{"GET " + plain + " 302 -", "POST " + evil + " 401 -"}},
		{"301 is posted again", []site{bareAt(good + " return 301 https://mail.contoso.com$request_uri;"), mailAt}, "", "", "", all(open(bare, 301), loggedOn(mail))},
		{"307 is posted again", []site{bareAt(good + " return 307 https://mail.contoso.com$request_uri;"), mailAt}, "", "", "", all(open(bare, 307), loggedOn(mail))},
		{"https leads to http", []site{bareAt(good + " return 302 http://autodiscover.contoso.com$request_uri;"), namedAt(good + service)}, "", "", journal.ExchangeRedirects,
			all(open(bare, 302), loggedOn(named))},
		{"two that lead to each other", []site{bareAt(good + toTLS(mail)), {"mail.contoso.com:443", good + toTLS(bare)}}, "", journal.ExchangeRedirects, "",
			all(open(bare, 302), open(mail, 302))},
		{"ever on", []site{bareAt(good + " location ~ ^(.*)$ { return 302 https://contoso.com$1/x; }"), namedAt(good + service)}, "", journal.ExchangeRedirects, "", func() (asked []string) {
			asked = open(bare, 302)
			for i := range MaxHops { // the server is known to want nothing
				asked = append(asked, "POST "+bare+strings.Repeat("/x", i+1)+" 302 -")
			}
			return asked
		}()},
	} {
		t.Run(row.name, func(t *testing.T) {
			peer.Row(t, "nginx", "the phone's Autodiscover: Basic over TLS, self-signed and other certificates refused (R1.6), home page, 404, silence, slow answers, redirects of each kind, their loops and those to http")
			dir := peer.Dir(t)
			settings := settingsOf(t, "settings-2007sp1.xml")
			peer.Write(t, dir, "users", "tu:{PLAIN}secret\n")
			peer.Write(t, dir, path, settings)
			peer.Write(t, dir, "home.html", home)
			peer.Write(t, dir, "large.xml", settings+strings.Repeat(" ", maxAnswer))
			w := nginx(t, dir, row.sites)
			password := row.password
			if password == "" {
				password = "secret"
			}
			pinned := &ntlmhttp.Client{Dialer: w, User: "tu", Password: password, AllowBasic: true,
				TLS: certstore.ClientConfig(certstore.ClientOptions{Store: certstore.New(certstore.Root{Certificate: trusted})})}
			t.Cleanup(func() { pinned.Close() })
			r := newRig(nil)
			r.HTTP, r.Timeout = pinned, 2*time.Second
			if row.first == journal.ExchangeUnreached {
				r.Timeout = 200 * time.Millisecond
			}
			result, err := r.Discover(t.Context(), alice)
			if code := journal.FailureOf(err).Code; err != nil && code != row.code || err == nil && (row.code != "" || result.EWS(false) != "https://cas01.contoso.com/EWS/Exchange.asmx") {
				t.Errorf("%q, want %q: %v %+v", code, row.code, err, result)
			}
			if len(r.steps) == 0 || r.steps[0].Code != row.first {
				t.Errorf("the first question has not code %q", row.first)
			}
			if asked := w.asked(t, len(row.asked)); row.asked != nil && !slices.Equal(asked, row.asked) || row.code != "" && row.asked == nil && len(asked) > 0 {
				t.Errorf("nginx was asked\n%q, want\n%q", asked, row.asked)
			}
			if t.Failed() {
				t.Log(r.text())
			}
		})
	}
}
