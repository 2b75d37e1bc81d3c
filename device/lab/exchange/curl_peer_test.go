//go:build realpeers && linux

package exchange_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/peer"
)

// curl posts body as tu, and returns the answer with its status in the last line.
func curl(t *testing.T, w *world, url, body string, login ...string) string {
	t.Helper()
	peer.Need(t, "curl", "curl")
	dir := peer.Dir(t)
	c := peer.Command{Dir: dir, Env: []string{
		"KRB5_CONFIG=" + peer.Write(t, dir, "krb5.conf", "[libdefaults]\ndns_lookup_kdc = false\ndns_canonicalize_hostname = false\nrdns = false\n"),
		"KRB5CCNAME=FILE:" + dir + "/none"}}
	if slices.Contains(login, ":") { // GSS-API knows the password by itself
		c.Env = append(c.Env, "NTLM_USER_FILE="+peer.Write(t, dir, "credentials", "CONTOSO:tu:"+password+"\n"))
	}
	return c.Output(t, "curl", append([]string{"-q", "-sS", "--noproxy", "*", "--cacert", peer.Write(t, dir, "ca.pem", string(w.root.PEM())),
		"--connect-to", "::" + w.Addr(), "-H", "Content-Type: text/xml; charset=utf-8", "--data-binary", "@" + peer.Write(t, dir, "body.xml", body),
		"-w", "\n%{http_code} %{num_connects}", url}, login...)...)
}

func TestPeerCurl(t *testing.T) {
	user := []string{"-u", `CONTOSO\tu:` + password}
	for _, row := range []struct {
		name    string
		schemes []exchange.Scheme
		login   []string
		legs    int // requests before the answer
	}{
		{"--basic", nil, append(user, "--basic"), 0},
		{"--ntlm", nil, append(user, "--ntlm"), 1},
		{"--negotiate", nil, []string{"-u", ":", "--negotiate"}, 1},
		// Where Negotiate is offered curl takes it and nothing else, and asks GSS-API
		// for the password.
		{"--anyauth", nil, []string{"-u", ":", "--anyauth"}, 2},
		{"--anyauth NTLM", []exchange.Scheme{exchange.NTLM}, append(user, "--anyauth"), 2},
		{"--anyauth Basic", []exchange.Scheme{exchange.Basic}, append(user, "--anyauth"), 1},
		{"--anyauth NTLM and Basic", []exchange.Scheme{exchange.NTLM, exchange.Basic}, append(user, "--anyauth"), 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, func(s *exchange.Server) { s.Schemes, s.Clock = row.schemes, clock.System }) // gss-ntlmssp refuses a challenge of another day
			for url, is := range map[string]struct{ body, want string }{
				"https://autodiscover.contoso.com" + path: {discover, "<EwsUrl>https://cas01.contoso.com/EWS/Exchange.asmx</EwsUrl>"},
				ewsURL: {soapHead + getFolder("voicemail") + soapTail, "<t:UnreadCount>2</t:UnreadCount>"},
			} {
				before := w.Counters().Requests
				out := curl(t, w, url, is.body, row.login...)
				if !strings.Contains(out, is.want) || !strings.HasSuffix(out, "\n200 1") {
					t.Errorf("%s: %s", url, out)
				}
				if n := w.Counters().Requests - before - 1; n != row.legs {
					t.Errorf("%s: %d requests before the answer", url, n)
				}
			}
			if n := w.Counters(); n.BadLogons != 0 {
				t.Errorf("%+v", n)
			}
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		w := newWorld(t, func(s *exchange.Server) { s.Schemes = []exchange.Scheme{exchange.NTLM, exchange.Basic} })
		for i, how := range []string{"--basic", "--ntlm", "--anyauth"} {
			if out := curl(t, w, ewsURL, soapHead+getFolder("inbox")+soapTail, "-u", `CONTOSO\tu:wrong`, how); !strings.HasSuffix(out, "\n401 1") {
				t.Errorf("%s: %s", how, out)
			}
			if u, _ := w.dir.User("tu"); u.BadLogons != i+1 {
				t.Errorf("%s: %d bad log-ons", how, u.BadLogons)
			}
		}
	})
	peer.Row(t, "curl", "`--ntlm`, `--basic`, `--negotiate` and `--anyauth`: autodiscover and EWS of the lab answer a POST over one connection")
}

// requestsNTLM posts once, bound to its TLS connection or not.
const requestsNTLM = `
import cryptography.hazmat.backends.openssl, requests  # the first loads the part of OpenSSL that has MD4
from requests_ntlm import HttpNtlmAuth
r = requests.post(arg["url"], data=arg["body"], headers={"Content-Type": "text/xml; charset=utf-8"}, verify=arg["verify"],
    auth=HttpNtlmAuth(arg["login"], arg["password"], send_cbt=arg["bound"]))
print(json.dumps(r.status_code))
`

// TestPeerChannelBinding is Extended Protection before clients that know it and
// clients that do not; the hash follows that of the certificate's signature, and
// is SHA-256 for SHA-1 (RFC 5929 4.1).
func TestPeerChannelBinding(t *testing.T) {
	body := soapHead + getFolder("inbox") + soapTail
	verdict := func(t *testing.T, f foreign, refused bool) {
		t.Helper()
		u, _ := f.dir.User("tu")
		if n := f.Counters(); u.BadLogons != 0 || n.BadLogons != 0 || n.BindingRefused != 0 != refused || n.Logons != 0 == refused {
			t.Errorf("%d bad log-ons, %+v", u.BadLogons, n)
		}
	}
	for name, algorithm := range map[string]pki.Algorithm{"SHA-1": pki.RSA2048SHA1, "RSA": pki.RSA2048SHA256, "ECDSA": pki.ECDSAP256SHA256} {
		for _, row := range []struct {
			name            string
			required, bound bool
		}{{"bound", true, true}, {"not bound", true, false}, {"2007, bound", false, true}} {
			t.Run("requests-ntlm/"+name+", "+row.name, func(t *testing.T) {
				f := newForeign(t, func(s *exchange.Server) { s.RequireChannelBinding = row.required })
				root, err := pki.NewRoot(name, pki.Options{Algorithm: algorithm})
				if err != nil {
					t.Fatal(err)
				}
				f.show(t, root)
				refused := row.required && !row.bound
				status, want := 0, 200
				if refused {
					want = 401
				}
				f.python(t, requestsNTLM, map[string]any{"url": ewsURL, "body": body, "login": `CONTOSO\tu`, "password": password,
					"bound": row.bound, "verify": algorithm != pki.RSA2048SHA1}, &status) // OpenSSL of today takes no SHA-1
				if status != want {
					t.Errorf("%d", status)
				}
				verdict(t, f, refused)
			})
		}
	}
	for name, login := range map[string][]string{
		"--ntlm":      {"--ntlm", "-u", `CONTOSO\tu:` + password},
		"--negotiate": {"--negotiate", "-u", ":"},
	} {
		t.Run("curl/"+name, func(t *testing.T) {
			f := newForeign(t, func(s *exchange.Server) { s.RequireChannelBinding, s.Clock = true, clock.System })
			if out := curl(t, f.world, ewsURL, body, login...); !strings.HasSuffix(out, "\n401 1") {
				t.Error(out)
			}
			verdict(t, f, true)
		})
	}
	t.Run("exchangelib", func(t *testing.T) {
		f := newForeign(t, func(s *exchange.Server) { s.RequireChannelBinding = true })
		var got discovered
		f.python(t, exchangelibDiscover, map[string]any{"email": "tu@contoso.com", "login": `CONTOSO\tu`, "password": password}, &got)
		if got.Contacts != 7 {
			t.Errorf("%+v", got)
		}
		verdict(t, f, false)
	})
	peer.Row(t, "curl", "`--ntlm` and `--negotiate`, which this version does not bind to TLS, are refused where channel binding is required, and no bad log-on is counted")
	peer.Row(t, "python3-requests-ntlm", "its channel binding token is let in where one is required, with certificates of SHA-1, RSA and ECDSA; without it it is refused")
}
