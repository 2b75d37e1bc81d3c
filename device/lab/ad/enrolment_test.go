package ad_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"
	"github.com/smallstep/pkcs7"

	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/ntlm"
)

const chainPath = "/certsrv/certnew.p7b?ReqID=CACert&Renewal=-1&Enc=b64" // docs/protocol/trust.md#root-download

func client(t *testing.T, rt http.RoundTripper) *http.Client {
	t.Helper()
	c := &http.Client{Transport: rt, Timeout: 10 * time.Second}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func get(t *testing.T, c *http.Client, url, authorization string) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func enrolmentServer(t *testing.T) (*ad.Server, string, *x509.Certificate, *x509.Certificate) {
	s, dir := newServer(t, func(s *ad.Server) { s.Enrolment = true })
	ca := newAuthority(t, "Enterprise Root", nil)
	root, issuing := ca.cert, newAuthority(t, "Contoso Issuing CA", ca).cert
	dir.PublishRoot("Garbage", []byte("garbage"))
	dir.PublishRoot("Enterprise Root", root.Raw)
	dir.PublishEnrolment("Contoso Issuing CA", "ca.contoso.com", issuing.Raw)
	return s, "http://" + s.EnrolmentAddr(), root, issuing
}

func TestEnrolmentReturnsTheChain(t *testing.T) {
	s, url, root, issuing := enrolmentServer(t)
	negotiator := ntlmssp.Negotiator{RoundTripper: &http.Transport{}}
	r, err := http.NewRequest(http.MethodGet, url+chainPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(`CONTOSO\tu`, testPassword)
	resp, err := client(t, negotiator).Do(r) // a foreign client
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	block, _ := pem.Decode(body)
	if block == nil || block.Type != "CERTIFICATE" || resp.Header.Get("Content-Type") != "application/x-pkcs7-certificates" {
		t.Fatalf("answered %q", body)
	}
	p, err := pkcs7.Parse(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(p.Certificates, []*x509.Certificate{issuing, root}, (*x509.Certificate).Equal) {
		t.Errorf("%d certificates", len(p.Certificates))
	}
	if s.Searches() != 0 {
		t.Error("that was no LDAP search")
	}
	negotiator.RoundTripper.(*http.Transport).CloseIdleConnections()
}

func TestEnrolmentByHand(t *testing.T) {
	_, url, _, _ := enrolmentServer(t)
	for _, scheme := range []string{"NTLM", "Negotiate"} {
		t.Run(scheme, func(t *testing.T) {
			c := client(t, &http.Transport{MaxConnsPerHost: 1})
			resp, _ := get(t, c, url+chainPath, "")
			if want := []string{"Negotiate", "NTLM"}; resp.StatusCode != 401 || !slices.Equal(resp.Header.Values("WWW-Authenticate"), want) {
				t.Fatalf("%s, %q", resp.Status, resp.Header)
			}
			n := &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: testPassword, Flags: ntlm.FlagsHTTP}
			resp, _ = get(t, c, url+chainPath, scheme+" "+base64.StdEncoding.EncodeToString(n.Negotiate()))
			header := resp.Header.Get("WWW-Authenticate")
			if resp.StatusCode != 401 || len(header) < len(scheme)+2 {
				t.Fatalf("%s, %q", resp.Status, resp.Header)
			}
			challenge, err := base64.StdEncoding.DecodeString(header[len(scheme)+1:])
			if err != nil {
				t.Fatal(err)
			}
			msg, _, err := n.Authenticate(challenge)
			if err != nil {
				t.Fatal(err)
			}
			authorization := scheme + " " + base64.StdEncoding.EncodeToString(msg)
			if resp, _ = get(t, c, url+"/certsrv/certnew.p7b?Enc=bin", authorization); resp.StatusCode != 200 {
				t.Fatal(resp.Status)
			}
			if resp, body := get(t, c, url+"/certsrv/certnew.p7b", ""); resp.StatusCode != 200 || body[0] != 0x30 {
				t.Errorf("the connection is not the user's any more: %s", resp.Status)
			}
			if resp, _ = get(t, client(t, &http.Transport{DisableKeepAlives: true}), url+chainPath, authorization); resp.StatusCode != 401 {
				t.Errorf("another connection takes the same message: %s", resp.Status)
			}
		})
	}
}

func TestEnrolmentRefusesAndCounts(t *testing.T) {
	s, dir := newServer(t, func(s *ad.Server) { s.Enrolment = true })
	url := "http://" + s.EnrolmentAddr()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	login := func(password string) int {
		r, err := http.NewRequest(http.MethodGet, url+chainPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(`CONTOSO\tu`, password)
		resp, err := client(t, ntlmssp.Negotiator{RoundTripper: transport}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if code := login("wrong"); code != 401 {
		t.Errorf("wrong password: %d", code)
	}
	if u, _ := dir.User("tu"); u.BadLogons != 1 {
		t.Errorf("%d bad logons counted", u.BadLogons)
	}
	if code := login(testPassword); code != 404 {
		t.Errorf("no CA is published: %d", code)
	}
	c := client(t, transport)
	for _, authorization := range []string{"Basic dHU6eA==", "NTLM !!!", "Negotiate AAAA", "NTLM"} {
		if resp, _ := get(t, c, url+chainPath, authorization); resp.StatusCode != 401 {
			t.Errorf("%q: %s", authorization, resp.Status)
		}
	}
	if resp, _ := get(t, c, url+"/certsrv/", ""); resp.StatusCode != 404 {
		t.Errorf("other pages: %s", resp.Status)
	}
}
