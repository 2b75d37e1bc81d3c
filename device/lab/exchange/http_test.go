package exchange_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/go-ntlmssp"

	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/ntlm"
)

const (
	discover = `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>TU@contoso.com</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`
	path     = "/autodiscover/autodiscover.xml"
	base2006 = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	outlook  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

func TestR9_3WhatAnAdministratorChecks(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(w.transport())
	for _, url := range []string{"https://contoso.com/Autodiscover/Autodiscover.xml", "https://autodiscover.contoso.com" + path, "https://cas01.contoso.com" + path} {
		if resp, _ := w.do(c, "GET", url, "", "", ""); resp.StatusCode != 401 {
			t.Errorf("%s without log-on: %s", url, resp.Status)
		}
		resp, text := w.do(c, "GET", url, "tu", password, "")
		root := parseTree(t, text)
		if resp.StatusCode != 200 || root.first("ErrorCode").Text != "600" || root.first("Message").Text != "Invalid Request" || root.first("Error").XMLName.Space != base2006 {
			t.Errorf("%s: %s %s", url, resp.Status, text)
		}
		if root.first("Error").attr("Time") != "10:00:00.0000000" {
			t.Errorf("time %v", root.first("Error").Attrs)
		}
	}
	resp, text := w.do(c, "GET", "http://autodiscover.contoso.com"+path, "", "", "")
	if resp.StatusCode != 302 || resp.Header.Get("Location") != "https://cas01.contoso.com"+path {
		t.Errorf("http: %s %s %s", resp.Status, resp.Header, text)
	}
	if resp, _ = w.do(c, "GET", ewsURL, "", "", ""); resp.StatusCode != 401 || !slices.Equal(resp.Header.Values("WWW-Authenticate"), []string{"Negotiate", "NTLM", `Basic realm="cas01.contoso.com"`}) {
		t.Errorf("EWS without log-on: %s %q", resp.Status, resp.Header)
	}
	resp, text = w.do(c, "GET", ewsURL, "tu", password, "")
	if n := len(parseTree(t, text).first("portType").all("operation")); resp.StatusCode != 200 || n != 34 {
		t.Errorf("the WSDL has %d operations: %s", n, resp.Status)
	}
	for host, page := range map[string]string{"contoso.com": "/ews/exchange.asmx", "cas01.contoso.com": "/owa", "www.example.com": path} {
		r, err := http.NewRequest("GET", "https://cas01.contoso.com"+page, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 404 {
			t.Errorf("%s%s: %s", host, page, resp.Status)
		}
	}
	log := w.Requests()
	if len(log) != w.Counters().Requests || log[1].User != "tu" || log[1].Host != "contoso.com" || log[1].Status != 200 || log[0].Status != 401 {
		t.Errorf("the log: %+v", log[:2])
	}
}

func TestR9_1SettingsAndTheOtherAnswers(t *testing.T) {
	w := newWorld(t, nil)
	c := w.client(w.transport())
	post := func(body string) (*http.Response, string) {
		return w.do(c, "POST", "https://autodiscover.contoso.com"+path, "tu", password, body)
	}
	_, text := post(discover)
	root := parseTree(t, text)
	account := root.first("Account")
	if root.XMLName.Space != base2006 || account == nil || account.XMLName.Space != outlook || account.first("Action").Text != "settings" {
		t.Fatalf("%s", text)
	}
	if got := root.texts("EwsUrl"); !slices.Equal(got, []string{"https://cas01.contoso.com/EWS/Exchange.asmx", "https://mail.contoso.com/EWS/Exchange.asmx"}) {
		t.Errorf("EwsUrl %q", got)
	}
	if got := root.texts("Type"); !slices.Equal(got, []string{"EXCH", "EXPR", "WEB", "EXCH"}) {
		t.Errorf("types %q", got)
	}

	for body, code := range map[string]string{
		"":                             "600",
		"no xml":                       "600",
		"<!DOCTYPE a>" + discover[38:]: "600",
		strings.Replace(discover, "TU@", "who@", 1):        "500",
		strings.Replace(discover, "2006a", "2099", 1):      "601",
		strings.Replace(discover, "requestschema", "x", 1): "600",
	} {
		if _, text := post(body); parseTree(t, text).first("ErrorCode").Text != code {
			t.Errorf("%.60q: want %s, got %s", body, code, text)
		}
	}
	dn := root.first("LegacyDN").Text
	if _, text := post(strings.Replace(strings.Replace(discover, "EMailAddress>", "LegacyDN>", 2), "TU@contoso.com", dn, 1)); !strings.Contains(text, "settings") {
		t.Errorf("by LegacyDN: %s", text)
	}

	for name, c := range map[string]struct {
		a      exchange.Autodiscover
		status int
		want   string
	}{
		"redirectAddr": {exchange.Autodiscover{RedirectAddr: "tu@emea.contoso.com"}, 200, "<Action>redirectAddr</Action><RedirectAddr>tu@emea.contoso.com</RedirectAddr>"},
		"redirectUrl":  {exchange.Autodiscover{RedirectURL: "https://other/"}, 200, "<Action>redirectUrl</Action><RedirectUrl>https://other/</RedirectUrl>"},
		"HTTP 302":     {exchange.Autodiscover{Location: "https://other/"}, 302, "Object moved"},
		"HTTP 307":     {exchange.Autodiscover{Location: "https://other/", Status: 307}, 307, "Object moved"},
		"404":          {exchange.Autodiscover{Status: 404}, 404, "Not Found"},
		"home page":    {exchange.Autodiscover{HomePage: true}, 200, "<html>"},
		"602":          {exchange.Autodiscover{Error: 602}, 200, "<ErrorCode>602</ErrorCode>"},
		"raw":          {exchange.Autodiscover{Raw: []byte("<!DOCTYPE x>")}, 200, "<!DOCTYPE x>"},
		"huge":         {exchange.Autodiscover{Huge: 2 << 20}, 200, strings.Repeat(" ", 1<<20)},
		"no EwsUrl":    {exchange.Autodiscover{NoEWSURL: true}, 200, "<ASUrl>https://cas01.contoso.com/EWS/Exchange.asmx</ASUrl><OOFUrl>"},
		"outside":      {exchange.Autodiscover{OnlyOutside: true}, 200, `</AccountType><Action>settings</Action><Protocol><Type>EXPR</Type>`},
		"http EwsUrl":  {exchange.Autodiscover{EWSURL: "http://cas01/"}, 200, "<EwsUrl>http://cas01/</EwsUrl>"},
	} {
		w.SetAutodiscover("Autodiscover.contoso.com", c.a)
		resp, text := post(discover)
		if resp.StatusCode != c.status || !strings.Contains(text, c.want) || resp.Header.Get("Location") != c.a.Location {
			t.Errorf("%s: %s %.600s", name, resp.Status, text)
		}
	}
	w.SetAutodiscover("autodiscover.contoso.com", exchange.Autodiscover{Cut: true})
	if _, _, err := w.try(c, "POST", "https://autodiscover.contoso.com"+path, "tu", password, discover); err == nil {
		t.Error("the connection was not cut")
	}
	w.SetAutodiscover("http://autodiscover.contoso.com", exchange.Autodiscover{Location: "http://evil.example.com/"})
	if resp, _ := w.do(c, "GET", "http://autodiscover.contoso.com"+path, "", "", ""); resp.Header.Get("Location") != "http://evil.example.com/" {
		t.Errorf("http: %s", resp.Header)
	}
	if resp, _ := w.do(c, "POST", "http://autodiscover.contoso.com"+path, "tu", password, discover); resp.StatusCode == 200 || w.Counters().ClearText != 1 {
		t.Errorf("a password in clear text: %s, %+v", resp.Status, w.Counters())
	}
}

func TestHostCertificate(t *testing.T) {
	w := newWorld(t, nil)
	other, err := pki.NewRoot("Other", pki.Options{Algorithm: pki.ECDSAP256SHA256})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := other.Issue(pki.Leaf{Names: []string{"contoso.com"}})
	if err != nil {
		t.Fatal(err)
	}
	w.SetHostCertificate("Contoso.com", cert)
	c := w.client(w.transport())
	if _, _, err := w.try(c, "GET", "https://contoso.com"+path, "", "", ""); err == nil {
		t.Error("the name has no certificate of its own")
	}
	w.do(c, "GET", ewsURL, "", "", "")
	w.SetHostCertificate("contoso.com", tls.Certificate{})
	w.do(c, "GET", "https://contoso.com"+path, "", "", "")
}

func TestForeignNTLMClientLogsOn(t *testing.T) {
	w := newWorld(t, nil)
	for _, user := range []string{`CONTOSO\tu`, "tu@contoso.com"} {
		c := w.client(ntlmssp.Negotiator{RoundTripper: w.transport()})
		resp, text := w.do(c, "POST", ewsURL, user, password, soapHead+getFolder("inbox")+soapTail)
		if resp.StatusCode != 200 || !strings.Contains(text, "NoError") {
			t.Errorf("%s: %s %s", user, resp.Status, text)
		}
	}
	c := w.client(ntlmssp.Negotiator{RoundTripper: w.transport()})
	if resp, _ := w.do(c, "POST", ewsURL, `CONTOSO\tu`, "wrong", soapHead+getFolder("inbox")+soapTail); resp.StatusCode != 401 {
		t.Errorf("wrong password: %s", resp.Status)
	}
	if u, _ := w.dir.User("tu"); u.BadLogons != 1 {
		t.Errorf("%d bad logons counted", u.BadLogons)
	}
	if resp, _ := w.do(w.client(w.transport()), "POST", ewsURL, "tu", "wrong", soapHead+getFolder("inbox")+soapTail); resp.StatusCode != 401 {
		t.Errorf("wrong password, Basic: %s", resp.Status)
	}
	if u, _ := w.dir.User("tu"); u.BadLogons != 2 {
		t.Errorf("%d bad logons counted", u.BadLogons)
	}
	for _, user := range []string{"locked", "nobody"} {
		if resp, _ := w.do(w.client(w.transport()), "GET", ewsURL, user, password, ""); resp.StatusCode != 401 {
			t.Errorf("%s: %s", user, resp.Status)
		}
	}
}

// handshake goes through NTLM over c, whose transport has one connection.
func handshake(w *world, c *http.Client, scheme string, n *ntlm.Client) (*http.Response, error) {
	send := func(token []byte) (*http.Response, error) {
		r, err := http.NewRequest("POST", ewsURL, strings.NewReader(soapHead+getFolder("inbox")+soapTail))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "text/xml")
		if token != nil {
			r.Header.Set("Authorization", scheme+" "+base64.StdEncoding.EncodeToString(token))
		}
		resp, err := c.Do(r)
		if err != nil {
			return nil, err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return resp, err
	}
	resp, err := send(n.Negotiate())
	if err != nil {
		return nil, err
	}
	if resp.TLS != nil && n.ChannelBinding != nil {
		n.ChannelBinding = bindings(resp.TLS.PeerCertificates[0], n.ChannelBinding)
	}
	_, encoded, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " ")
	challenge, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	msg, _, err := n.Authenticate(challenge)
	if err != nil {
		return nil, err
	}
	if resp, err = send(msg); err != nil || resp.StatusCode != 200 {
		return resp, err
	}
	return send(nil) // the connection is the user's from now on
}

func bindings(cert *x509.Certificate, given []byte) []byte {
	if string(given) == "true" {
		return ntlm.ChannelBindings(cert)
	}
	return given
}

// A false domain controller, or a false web server, passes this server's challenge on
// to its victim and brings the answer: the service name in it refuses that
// (MS-NLMP 2.2.2.1).
func TestRelayedLogonIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		target string
		status int
	}{
		{"an old client", "", 200},
		{"for this server", "HTTP/cas01.contoso.com", 200},
		{"for its other name", "http/MAIL.contoso.com:443", 200},
		{"for the loopback of the lab", "HTTP/127.0.0.1", 200},
		{"made for a domain controller", "ldap/dc1.contoso.com", 401},
		{"made for the pool", "sip/pool.contoso.com", 401},
		{"made for another web server", "HTTP/evil.org", 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			tr := w.transport()
			tr.MaxConnsPerHost = 1
			resp, err := handshake(w, w.client(tr), "NTLM", &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: password, Flags: ntlm.FlagsHTTP, TargetName: c.target})
			if err != nil {
				t.Fatal(err)
			}
			u, _ := w.dir.User("tu")
			if n := w.Counters(); resp.StatusCode != c.status || u.BadLogons != 0 || n.BindingRefused != 0 != (c.status == 401) {
				t.Errorf("%s, %d bad log-ons, %+v", resp.Status, u.BadLogons, n)
			}
		})
	}
}

func TestChannelBindingIsRequired(t *testing.T) {
	for _, c := range []struct {
		name, scheme string
		required     bool
		binding      []byte
		status       int
	}{
		{"2007, none", "NTLM", false, nil, 200},
		{"2007, bound", "Negotiate", false, []byte("true"), 200},
		{"today, none", "NTLM", true, nil, 401},
		{"today, bound", "NTLM", true, []byte("true"), 200},
		{"today, bound elsewhere", "NTLM", true, []byte("0123456789abcdef"), 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, func(s *exchange.Server) { s.RequireChannelBinding = c.required })
			tr := w.transport()
			tr.MaxConnsPerHost = 1
			resp, err := handshake(w, w.client(tr), c.scheme, &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: password, Flags: ntlm.FlagsHTTP, ChannelBinding: c.binding})
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status {
				t.Errorf("%s", resp.Status)
			}
			n := w.Counters()
			if u, _ := w.dir.User("tu"); u.BadLogons != 0 || n.BindingRefused != 0 != (c.status == 401) || n.Connections != 1 {
				t.Errorf("%d bad log-ons, %+v", u.BadLogons, n)
			}
		})
	}
}
