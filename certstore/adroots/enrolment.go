package adroots

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm"
)

const (
	enrolmentPath = "/certsrv/certnew.p7b"
	// The CA's chain, newest renewal, base64 (docs/protocol/trust.md#root-download)
	enrolmentQuery = "ReqID=CACert&Renewal=-1&Enc=b64"

	maxServices = 8       // enrolment hosts tried
	maxChain    = 1 << 20 // octets of all answers of one host
)

// enrolmentRule is the rule that the steps of web enrolment cite
// (docs/protocol/trust.md#root-download method B;
// docs/decisions.md#no-root-over-an-unauthenticated-channel).
const enrolmentRule = "no root over an unauthenticated channel: only what the sealed directory holds for that CA"

// errRefused ends web enrolment: the password is not tried again (docs/decisions.md#do-no-harm).
var errRefused = errors.New("the server refused the user name or the password")

// enrol is the second method: the web pages of the CAs. A certificate is accepted
// only if the sealed directory holds the same certificate for that CA.
func (d *download) enrol(ctx context.Context, dir *directory, config string) error {
	services, err := d.search(dir, config, "pKIEnrollmentService", enrolmentRule)
	if err != nil {
		return err
	}
	forest := forestRoot(config)
	var last *journal.Failure
	warn := func() {
		if last != nil {
			s := last.Step(journal.Roots)
			s.State = journal.Warned
			d.Record.Record(s)
		}
	}
	for _, service := range services[:min(len(services), maxServices)] {
		if service.host == "" {
			continue
		}
		f := d.enrolAt(ctx, service, forest)
		if f == nil {
			continue
		}
		warn()
		last = f
		if errors.Is(f, errRefused) {
			break
		}
	}
	if last != nil && len(d.Roots)+d.Duplicates == 0 {
		return last // the caller's step
	}
	warn()
	return nil
}

// enrolAt asks one host. It does not ask a host outside the forest, nor one whose
// answer the directory could not confirm: an attacker on the path of plain HTTP
// could test password guesses with the NTLM response.
func (d *download) enrolAt(ctx context.Context, service object, forest string) *journal.Failure {
	target := url.URL{Scheme: "http", Host: service.host, Path: enrolmentPath, RawQuery: enrolmentQuery}
	fail := func(what string, err error) *journal.Failure {
		return &journal.Failure{Code: journal.ADEnrolment, Asked: "GET " + target.String(), By: service.host,
			What: "Web enrolment at " + service.host + " " + what, Because: enrolmentRule, Err: err}
	}
	if host := target.Hostname(); !inDomain(host, d.Config.Domain) && !inDomain(host, forest) {
		return fail(fmt.Sprintf("is not asked: it is not a host of %s or of its forest", d.Config.Domain), nil)
	}
	held, usable := map[string]bool{}, false
	for _, der := range service.certificates {
		held[string(der)] = true
		if !usable {
			_, err := ParseRoot(der)
			usable = err == nil || ctx.Err() != nil // get reports the end of ctx
		}
	}
	if !usable {
		return fail("is not asked: the directory holds no root for this CA that could confirm an answer", nil)
	}
	body, err := d.get(ctx, &target)
	if err != nil {
		return fail("gave no certificates", err)
	}
	chain, err := certstore.ParseCertificates(body)
	if err != nil {
		return fail("sent no certificates", err)
	}
	before := len(d.Roots) + d.Duplicates
	for _, cert := range chain {
		if held[string(cert.Raw)] {
			v := value{dn: service.dn, der: cert.Raw}
			v.cert, v.err = ParseRoot(v.der)
			d.accept(v, certstore.Source{Kind: certstore.Enrolment, DN: service.dn, Server: service.host})
		} else {
			d.reject("http://"+service.host, nil, "sent by web enrolment, but the directory does not hold it for "+service.dn)
		}
	}
	if len(d.Roots)+d.Duplicates == before {
		return fail("sent no root that the directory holds for this CA", nil)
	}
	d.Record.Record(journal.Step{
		Name:     journal.Roots,
		State:    journal.OK,
		Asked:    "GET " + target.String(),
		Answered: journal.Count(len(chain), "certificate", "certificates"),
		By:       service.host,
		Decided:  "The directory holds the same certificate for this CA",
		Because:  enrolmentRule,
	})
	return nil
}

// forestRoot is the DNS name of the forest's root domain, taken from the name of
// the configuration partition (MS-ADTS 6.1.1.1.2): "contoso.com" of
// "CN=Configuration,DC=contoso,DC=com". Empty if config is another name.
func forestRoot(config string) string {
	dn, err := ldap.ParseDN(config)
	if err != nil {
		return ""
	}
	var labels []string
	for _, rdn := range dn.RDNs {
		for _, a := range rdn.Attributes {
			if strings.EqualFold(a.Type, "DC") {
				labels = append(labels, a.Value)
			}
		}
	}
	return strings.Join(labels, ".")
}

// inDomain reports whether host is a host name of domain.
func inDomain(host, domain string) bool {
	host, domain = strings.ToLower(host), strings.ToLower(strings.Trim(domain, "."))
	odd := strings.ContainsFunc(host, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-_.", r)
	})
	return !odd && domain != "" && (host == domain || strings.HasSuffix(host, "."+domain))
}

// get fetches target over one connection. It authenticates with NTLM only: over
// plain HTTP the password must not be readable.
func (d *download) get(ctx context.Context, target *url.URL) ([]byte, error) {
	address := target.Host
	if target.Port() == "" {
		address = net.JoinHostPort(target.Hostname(), "80")
	}
	nc, err := d.Dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	defer context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })()
	in := bufio.NewReader(&limitedReader{nc, maxChain})

	client := d.ntlmClient("HTTP/"+target.Hostname(), ntlm.FlagsHTTP, ntlm.NegotiateESS)
	resp, body, err := roundTrip(nc, in, target, client.Negotiate())
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized {
		challenge := ntlmChallenge(resp.Header)
		if challenge == nil {
			return nil, errors.New("the server offers no NTLM")
		}
		msg, _, err := client.Authenticate(challenge)
		if err != nil {
			return nil, err
		}
		if resp, body, err = roundTrip(nc, in, target, msg); err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
			return nil, errRefused
		}
	}
	if resp.StatusCode != http.StatusOK { // redirects are not followed either
		return nil, fmt.Errorf("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return body, nil
}

// roundTrip sends one request with an NTLM token and reads the whole response.
func roundTrip(nc net.Conn, in *bufio.Reader, target *url.URL, token []byte) (*http.Response, []byte, error) {
	req := &http.Request{Method: http.MethodGet, URL: target, Host: target.Host, Header: http.Header{
		"Authorization": {"NTLM " + base64.StdEncoding.EncodeToString(token)}}}
	if err := req.Write(nc); err != nil {
		return nil, nil, err
	}
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func ntlmChallenge(h http.Header) []byte {
	for _, v := range h.Values("WWW-Authenticate") {
		scheme, token, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "NTLM") {
			continue
		}
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token)); err == nil && len(b) > 0 {
			return b
		}
	}
	return nil
}
