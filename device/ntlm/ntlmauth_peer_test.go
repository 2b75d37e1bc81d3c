//go:build realpeers && linux

package ntlm_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	ntlmssp "github.com/Azure/go-ntlmssp"

	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/peer"
)

// ntlmAuth is Samba's NTLM on its own, in the given role, without a domain
// behind it.
func ntlmAuth(t *testing.T, protocol, password string) *peer.Conversation {
	t.Helper()
	peer.Need(t, "winbind", "ntlm_auth")
	dir := peer.Dir(t)
	conf := peer.Write(t, dir, "smb.conf", "[global]\nworkgroup = CONTOSO\nnetbios name = PEER\nprivate dir = "+dir+"\nlock directory = "+dir+"\nstate directory = "+dir+"\ncache directory = "+dir+"\n")
	return peer.Command{Dir: dir}.Converse(t, "ntlm_auth", "--configfile="+conf, "--helper-protocol="+protocol, "--username=tu", "--domain=CONTOSO", "--password="+password)
}

// answer reads "TT base64".
func answer(t *testing.T, line, want string) []byte {
	t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	b, err := base64.StdEncoding.DecodeString(rest)
	if verb != want || err != nil {
		t.Fatalf("ntlm_auth answers %q, want %s", line, want)
	}
	return b
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func TestPeerNTLMAuth(t *testing.T) {
	for _, row := range []struct {
		name, password string
		features       string // of the client
		stamp, mic     bool
	}{
		{"sealed", password, "SF NTLMSSP_FEATURE_SESSION_KEY NTLMSSP_FEATURE_SIGN NTLMSSP_FEATURE_SEAL", true, true},
		{"sealed, no time stamp", password, "SF NTLMSSP_FEATURE_SESSION_KEY NTLMSSP_FEATURE_SIGN NTLMSSP_FEATURE_SEAL", false, false},
		{"plain", password, "", true, false},
		{"wrong password", "x", "", true, false},
	} {
		t.Run("client/"+row.name, func(t *testing.T) {
			talk := ntlmAuth(t, "ntlmssp-client-1", row.password)
			if row.features != "" {
				if got := talk.Ask(row.features); got != "OK" {
					t.Fatalf("%s: %s", row.features, got)
				}
			}
			s := server()
			s.RequireV2, s.Timestamp = true, row.stamp
			challenge, err := s.Challenge(answer(t, talk.Ask("YR"), "YR"))
			if err != nil {
				t.Fatal(err)
			}
			id, session, err := s.Authenticate(answer(t, talk.Ask("TT "+b64(challenge)), "AF"))
			if row.password != password {
				if !errors.Is(err, ntlm.ErrLogon) {
					t.Fatalf("%+v, %v", id, err)
				}
				return
			}
			if err != nil || id.User != "tu" || id.Domain != "CONTOSO" || id.V1 || id.MIC != row.mic {
				t.Fatalf("%+v, %v", id, err)
			}
			sameKey(t, talk, session, true)
		})
	}
	for _, row := range []struct {
		name  string
		flags ntlm.Flags
		mic   bool
	}{
		{"sealed, MIC", ntlm.FlagsLDAP, true},
		{"sealed", ntlm.FlagsLDAP, false},
		{"plain", ntlm.FlagsHTTP, true},
	} {
		for _, right := range []bool{true, false} {
			t.Run(fmt.Sprintf("server/%s/%v", row.name, right), func(t *testing.T) {
				talk := ntlmAuth(t, "squid-2.5-ntlmssp", password)
				c := &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: password, Flags: row.flags, Require: ntlm.NegotiateESS | ntlm.Negotiate128, MIC: row.mic, TargetName: "HTTP/web.contoso.com"}
				if !right {
					c.Password = "x"
				}
				msg, session, err := c.Authenticate(answer(t, talk.Ask("YR "+b64(c.Negotiate())), "TT"))
				if err != nil {
					t.Fatal(err)
				}
				got := talk.Ask("KK " + b64(msg))
				if want := map[bool]string{true: "AF ", false: "NA "}[right]; !strings.HasPrefix(got, want) {
					t.Fatalf("ntlm_auth says %q, want %q", got, want)
				}
				if right {
					sameKey(t, talk, session, false)
				}
			})
		}
	}
	peer.Row(t, "winbind", "ntlm_auth as client of the lab's NTLM and as server of the phone's, plain, signed and sealed: log-on, same session key; refused with a wrong password")
}

// sameKey compares the exported session keys: a session made of theirs signs
// as ours does.
func sameKey(t *testing.T, talk *peer.Conversation, s *ntlm.Session, server bool) {
	t.Helper()
	theirs := ntlm.NewSession(s.Flags(), answer(t, talk.Ask("GK"), "GK"), !server)
	if !theirs.VerifyDatagram(1, []byte("m"), s.SignDatagram(1, []byte("m"))) {
		t.Error("ntlm_auth has another session key")
	}
}

// TestPeerCurl is the lab's NTLM on a web server.
func TestPeerCurl(t *testing.T) {
	peer.Need(t, "curl", "curl")
	url := webServer(t)
	for _, row := range []struct{ scheme, user, code string }{
		{"--ntlm", `CONTOSO\tu:` + password, "200"},
		{"--ntlm", `tu@contoso.com:` + password, "200"},
		{"--ntlm", `CONTOSO\tu:x`, "401"},
	} {
		t.Run(row.user+" "+row.code, func(t *testing.T) {
			out := peer.Output(t, "curl", "-q", "-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", row.scheme, "-u", row.user, url)
			if out != row.code {
				t.Errorf("answered %s", out)
			}
		})
	}
	peer.Row(t, "curl", "`--ntlm`, as DOMAIN\\user and as UPN, logs on to a web server on the lab's NTLM; a wrong password does not")
}

// TestPeerGoNTLMSSP is a Go program's client.
func TestPeerGoNTLMSSP(t *testing.T) {
	url := webServer(t)
	for pw, want := range map[string]int{password: http.StatusOK, "x": http.StatusUnauthorized} {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(`CONTOSO\tu`, pw)
		resp, err := (&http.Client{Transport: ntlmssp.Negotiator{RoundTripper: transport}}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s, want %d", resp.Status, want)
		}
	}
	peer.Row(t, "github.com/Azure/go-ntlmssp", "logs on to a web server on the lab's NTLM; a wrong password does not")
}

// TestPeerGoNTLM is the SIP form, MS-SIPAE, in both roles.
func TestPeerGoNTLM(t *testing.T) {
	t.Run("server", TestSIPSignaturesAgreeWithGoNTLM)
	t.Run("client", TestGoNTLMClientLogsOnToOurServer)
	peer.Row(t, "github.com/vadimi/go-ntlm", "the datagram form of SIP, both roles: log-on and detached signatures")
}

// webServer accepts only the user tu, authenticated by NTLM.
func webServer(t *testing.T) (url string) {
	t.Helper()
	type connection struct{}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := r.Context().Value(connection{}).(*ntlm.Server) // NTLM authenticates a connection
		token, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "NTLM "))
		w.Header().Set("WWW-Authenticate", "NTLM")
		switch {
		case err != nil:
		case ntlm.Type(token) == 1:
			if challenge, err := s.Challenge(token); err == nil {
				w.Header().Set("WWW-Authenticate", "NTLM "+base64.StdEncoding.EncodeToString(challenge))
			}
		case ntlm.Type(token) == 3:
			if id, _, err := s.Authenticate(token); err == nil && strings.HasPrefix(id.User, "tu") {
				return
			}
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	web.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		s := server()
		s.Flags, s.Timestamp, s.RequireV2 = ntlm.FlagsHTTP, true, true
		return context.WithValue(ctx, connection{}, s)
	}
	web.Start()
	t.Cleanup(web.Close)
	return web.URL
}
