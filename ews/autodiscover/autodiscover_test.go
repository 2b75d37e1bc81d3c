package autodiscover

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
)

const home = "<html><body>Welcome to Contoso</body></html>"

// TestR9_1CandidatesInOrder: exactly three, each only when the one before gave
// nothing, and redirects by hand that keep the POST.
func TestR9_1CandidatesInOrder(t *testing.T) {
	good := xmlOf(settingsOf(t, "settings-2007sp1.xml"))
	const (
		moved  = "https://mail.fabrikam.com/autodiscover/autodiscover.xml"
		moved2 = "https://mail.contoso.com/x/autodiscover.xml"
		emea   = "https://emea.contoso.com/autodiscover/autodiscover.xml"
	)
	for _, row := range []struct {
		name    string
		replies map[string]reply
		asked   []string
	}{
		{"first", map[string]reply{bare: good, named: good}, []string{"POST " + bare}},
		{"bare domain has no address", map[string]reply{named: good}, []string{"POST " + bare, "POST " + named}},
		{"home page on the bare domain", map[string]reply{bare: says(200, "text/html", home), named: good}, []string{"POST " + bare, "POST " + named}},
		{"home page that says it is XML", map[string]reply{bare: xmlOf(home), named: good}, []string{"POST " + bare, "POST " + named}},
		{"404", map[string]reply{bare: says(404, "text/html", ""), named: good}, []string{"POST " + bare, "POST " + named}},
		{"403", map[string]reply{bare: says(403, "", ""), named: good}, []string{"POST " + bare, "POST " + named}},
		{"503", map[string]reply{bare: says(503, "", ""), named: good}, []string{"POST " + bare, "POST " + named}},
		{"401 by a server that NTLM is not spoken to", map[string]reply{bare: says(401, "", ""), named: good}, []string{"POST " + bare, "POST " + named}},
		{"an error of Autodiscover is not the last word", map[string]reply{bare: sayError(500, answerSchema), named: good}, []string{"POST " + bare, "POST " + named}},
		{"302, posted again", map[string]reply{bare: to(302, moved2), moved2: good}, []string{"POST " + bare, "POST " + moved2}},
		{"301, relative", map[string]reply{bare: to(301, "/Autodiscover/x/"), "https://contoso.com/Autodiscover/x/": good}, []string{"POST " + bare, "POST https://contoso.com/Autodiscover/x/"}},
		{"302 to http is passed over", map[string]reply{bare: to(302, "http://contoso.com/autodiscover/autodiscover.xml"), named: good}, []string{"POST " + bare, "POST " + named}},
		{"302 to itself", map[string]reply{bare: to(302, strings.ToUpper(bare)), named: good}, []string{"POST " + bare, "POST " + named}},
		{"302 to nowhere", map[string]reply{bare: to(302, ""), named: good}, []string{"POST " + bare, "POST " + named}},
		{"the third redirects to https", map[string]reply{plain: to(302, moved), moved: good}, []string{"POST " + bare, "POST " + named, "GET " + plain, "POST " + moved}},
		{"redirectUrl", map[string]reply{bare: toURL(moved2), moved2: good}, []string{"POST " + bare, "POST " + moved2}},
		{"RedirectURL, as some spell it", map[string]reply{bare: xmlOf(in("<Action>redirectUrl</Action><RedirectURL>" + moved2 + "</RedirectURL>")), moved2: good}, []string{"POST " + bare, "POST " + moved2}},
		{"redirectAddr to another domain", map[string]reply{bare: toAddress("alice@emea.contoso.com"), emea: good}, []string{"POST " + bare, "POST " + emea}},
		{"redirectAddr in the same domain", map[string]reply{bare: func(r *http.Request) (*http.Response, error) {
			if r.Context().Value(secondKey{}) == nil && r.ContentLength > 0 && strings.Contains(bodyOf(r), "a.ciccu") {
				return good(r)
			}
			return toAddress("a.ciccu@contoso.com")(r)
		}}, []string{"POST " + bare, "POST " + bare}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(row.replies)
			result, err := r.Discover(t.Context(), "Alice@Contoso.com")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(r.asked, row.asked) {
				t.Errorf("asked %q, want %q", r.asked, row.asked)
			}
			if result.EWS(false) != "https://cas01.contoso.com/EWS/Exchange.asmx" || result.EWS(true) != "https://mail.contoso.com/EWS/Exchange.asmx" ||
				result.UM(true) != "https://mail.contoso.com/UnifiedMessaging/Service.asmx" || result.DisplayName != "Alice Ciccu" || len(result.Via) != len(row.asked) {
				t.Errorf("%+v", result)
			}
			for i, a := range r.asked {
				if post := strings.HasPrefix(a, "POST"); post != strings.Contains(r.bodies[i], "<EMailAddress>") || post != strings.Contains(r.bodies[i], settingsSchema) {
					t.Errorf("%s with body %q", a, r.bodies[i])
				}
			}
			if len(r.steps) != len(row.asked) {
				t.Errorf("%d steps for %d questions:\n%s", len(r.steps), len(row.asked), r.text())
			}
		})
	}
}

type secondKey struct{}

// bodyOf re-reads what web has read already: GetBody is set by net/http.
func bodyOf(r *http.Request) string {
	body, err := r.GetBody()
	if err != nil {
		return ""
	}
	b := make([]byte, r.ContentLength)
	n, _ := body.Read(b)
	return string(b[:n])
}

// TestLogOnForms: the remedy is to publish without a form, and the phone's request
// goes to no log-on page (docs/protocol/exchange-autodiscover.md#log-on-forms).
func TestLogOnForms(t *testing.T) {
	form := says(200, "text/html", `<html><title>Sign in</title><FORM action="/x"><input name=username></form></html>`)
	owa := says(200, "text/html", `<html><form action="/owa/auth.owa"></form></html>`)
	for _, row := range []struct {
		name    string
		replies map[string]reply
		code    journal.Code
		asked   int
	}{
		{"Outlook Web Access", map[string]reply{bare: to(302, "https://mail.contoso.com/owa/auth/logon.aspx?url=x&reason=0")}, journal.ExchangeForms, 3},
		{"ISA Server", map[string]reply{named: to(302, "/CookieAuth.dll?GetLogon?curl=Z2F&reason=0&formdir=3")}, journal.ExchangeForms, 3},
		{"AD FS", map[string]reply{named: to(302, "https://sts.contoso.com/adfs/ls/?wa=wsignin1.0")}, journal.ExchangeForms, 3},
		{"from plain http", map[string]reply{plain: to(302, "https://mail.contoso.com/owa/auth/logon.aspx")}, journal.ExchangeForms, 3},
		{"any form at autodiscover", map[string]reply{named: form}, journal.ExchangeForms, 3},
		{"any form after a redirect", map[string]reply{bare: to(302, "https://mail.contoso.com/login"), "https://mail.contoso.com/login": form}, journal.ExchangeForms, 4},
		{"the form of Outlook Web Access at the bare domain", map[string]reply{bare: owa}, journal.ExchangeForms, 3},
		{"a web site with a form at the bare domain", map[string]reply{bare: form}, journal.ExchangeNone, 3},
		{"a certificate that is not trusted says more", map[string]reply{bare: owa, named: fails(&certstore.VerdictError{Verdict: certstore.Verdict{Code: journal.CertSelfSigned}})}, journal.CertSelfSigned, 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(row.replies)
			_, err := r.Discover(t.Context(), alice)
			f := journal.FailureOf(err)
			if f.Code != row.code || len(r.asked) != row.asked || f.Code == journal.ExchangeForms && !strings.Contains(f.Fix, "Publish /autodiscover/*") {
				t.Errorf("%s after %q, %s\n%s", f.Code, r.asked, f.Fix, r.text())
			}
		})
	}
}

// TestNoneNamesWhatToChange: a record that exists is not to be created.
func TestNoneNamesWhatToChange(t *testing.T) {
	for want, replies := range map[string]map[string]reply{
		"Create the A record autodiscover.contoso.com":                  {bare: says(404, "", "")},
		"Publish /autodiscover of the Client Access server at autodisc": {named: says(404, "", ""), plain: says(404, "", "")},
	} {
		_, err := newRig(replies).Discover(t.Context(), alice)
		if f := journal.FailureOf(err); f.Code != journal.ExchangeNone || !strings.HasPrefix(f.Fix, want) {
			t.Errorf("%s: %s, want %s", f.Code, f.Fix, want)
		}
	}
}

// TestFailuresOfASearch: the failure with the highest rank is returned.
func TestFailuresOfASearch(t *testing.T) {
	verdict := &certstore.VerdictError{Verdict: certstore.Verdict{Code: journal.CertSelfSigned, Sentence: "the certificate is self-signed", Rule: "R1.6"}}
	refused := &ntlmhttp.Error{Kind: ntlmhttp.ErrPassword, Host: "contoso.com", Domain: "CONTOSO", PasswordUsed: true}
	for _, row := range []struct {
		name    string
		address string
		replies map[string]reply
		code    journal.Code
		says    string // in the failure
		asked   int
	}{
		{"nobody", alice, nil, journal.ExchangeNone, "autodiscover.contoso.com", 3},
		{"web pages", alice, map[string]reply{bare: says(200, "text/html", home), named: says(404, "", "")}, journal.ExchangeNone, "600 Invalid Request", 3},
		{"no address", "alice", nil, journal.ExchangeAddress, "no domain", 0},
		{"empty domain label", "alice@contoso..com", nil, journal.ExchangeAddress, "no domain", 0},
		{"a path in the domain", "alice@contoso.com/x", nil, journal.ExchangeAddress, "no domain", 0},
		{"R1.6 self-signed at each", alice, map[string]reply{bare: fails(verdict), named: fails(fmt.Errorf("TLS with x: %w", verdict))}, journal.CertSelfSigned, "does not talk to autodiscover.contoso.com", 3},
		{"R1.6 before a web page", alice, map[string]reply{bare: says(200, "text/html", home), named: fails(verdict)}, journal.CertSelfSigned, "self-signed", 3},
		{"500", alice, map[string]reply{bare: fails(verdict), named: sayError(500, answerSchema)}, journal.ExchangeMailbox, "no mailbox", 3},
		{"501 in the other namespace", alice, map[string]reply{named: sayError(501, settingsSchema)}, journal.ExchangeMailbox, "no settings", 3},
		{"600", alice, map[string]reply{named: sayError(600, answerSchema)}, journal.ExchangeError, "invalid", 3},
		{"601", alice, map[string]reply{named: sayError(601, answerSchema)}, journal.ExchangeError, "provider", 3},
		{"602", alice, map[string]reply{named: sayError(602, answerSchema)}, journal.ExchangeError, "wrong", 3},
		{"603", alice, map[string]reply{named: sayError(603, answerSchema)}, journal.ExchangeError, "inside", 3},
		{"an error of the future", alice, map[string]reply{named: sayError(777, answerSchema)}, journal.ExchangeError, "777", 3},
		{"a refused password goes nowhere else", alice, map[string]reply{bare: fails(refused)}, journal.AuthPassword, `CONTOSO\user`, 1},
		{"Extended Protection", alice, map[string]reply{bare: fails(&ntlmhttp.Error{Kind: ntlmhttp.ErrBinding, PasswordUsed: true})}, journal.AuthBinding, "Extended Protection", 1},
		{"NTLM blocked", alice, map[string]reply{named: fails(&ntlmhttp.Error{Kind: ntlmhttp.ErrBlocked})}, journal.AuthBlocked, "not to blame", 3},
		{"denied", alice, map[string]reply{named: fails(&ntlmhttp.Error{Kind: ntlmhttp.ErrDenied, PasswordUsed: true})}, journal.AuthDenied, "not to blame", 2},
		{"no scheme", alice, map[string]reply{named: fails(&ntlmhttp.Error{Kind: ntlmhttp.ErrNoScheme})}, journal.AuthNoScheme, "not used", 3},
		{"closed after the challenge", alice, map[string]reply{named: fails(&ntlmhttp.Error{Kind: ntlmhttp.ErrKeepAlive})}, journal.AuthUnanswered, "keep-alive", 3},
		{"401 everywhere", alice, map[string]reply{bare: says(401, "", ""), named: says(401, "", "")}, journal.AuthPassword, "401", 3},
		{"no https URL of EWS", alice, map[string]reply{bare: xmlOf(in("<Action>settings</Action><Protocol><Type>EXCH</Type><EwsUrl>http://cas01/EWS/Exchange.asmx</EwsUrl></Protocol>"))}, journal.ExchangeNoEWS, "not https", 1},
		{"no protocol", alice, map[string]reply{bare: xmlOf(in("<Action>settings</Action>"))}, journal.ExchangeNoEWS, "no https URL", 1},
		{"redirectAddr to itself", alice, map[string]reply{bare: toAddress("ALICE@contoso.com")}, journal.ExchangeRedirects, "circle", 3},
		{"redirectAddr A, B, A", alice, map[string]reply{bare: toAddress("alice@b.com"), "https://b.com/autodiscover/autodiscover.xml": toAddress(alice)}, journal.ExchangeRedirects, "circle", 4},
		{"redirectAddr to nothing", alice, map[string]reply{bare: toAddress("nobody")}, journal.ExchangeRedirects, "no e-mail address", 3},
		{"redirectUrl circle", alice, map[string]reply{bare: toURL("https://x.com/"), "https://x.com/": toURL(bare)}, journal.ExchangeRedirects, "circle", 4},
		{"redirectUrl to http", alice, map[string]reply{bare: toURL("http://x.com/")}, journal.ExchangeRedirects, "only https", 3},
		{"redirectUrl with a password", alice, map[string]reply{bare: toURL("https://u:secret@x.com/")}, journal.ExchangeRedirects, "odd", 3},
		{"302 circle over http", alice, map[string]reply{plain: to(302, named), named: to(302, "https://contoso.com/autodiscover/autodiscover.xml")}, journal.ExchangeRedirects, "circle", 3},
		{"the third redirects to the second, where a web page is", alice, map[string]reply{named: says(200, "text/html", home), plain: to(301, named)}, journal.ExchangeNone, "None of the places", 3},
		{"the third redirects to the second, which is slow", alice, map[string]reply{named: fails(context.DeadlineExceeded), plain: to(301, named)}, journal.ExchangeUnreached, "in time", 3},
		{"the third redirects to http", alice, map[string]reply{plain: to(302, plain)}, journal.ExchangeRedirects, "only https", 3},
		{"the third redirects to another path", alice, map[string]reply{plain: to(302, "https://contoso.com/owa/")}, journal.ExchangeRedirects, "no path of Autodiscover", 3},
		{"the third redirects in relative form", alice, map[string]reply{plain: to(302, "//contoso.com/autodiscover/autodiscover.xml")}, journal.ExchangeRedirects, "only https", 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(row.replies)
			_, err := r.Discover(t.Context(), row.address)
			f := journal.FailureOf(err)
			whole := fmt.Sprint(f.What, f.Fix, f.Answered, f.Details)
			if f.Code != row.code || !strings.Contains(whole, row.says) || f.Asked == "" || f.Because == "" {
				t.Errorf("%q (want %q with %q): %s\n%s", f.Code, row.code, row.says, whole, r.text())
			}
			if len(r.asked) != row.asked || len(r.steps) < row.asked {
				t.Errorf("asked %d times (want %d) in %d steps: %q", len(r.asked), row.asked, len(r.steps), r.asked)
			}
			if strings.Contains(whole+r.text(), "secret") {
				t.Error("a password of a URL is told")
			}
		})
	}
}

// TestHopLimit: ten redirects are followed, the eleventh ends the search.
func TestHopLimit(t *testing.T) {
	for _, hops := range []int{MaxHops, MaxHops + 1} {
		replies := map[string]reply{}
		at := bare
		for i := range hops {
			next := fmt.Sprintf("https://h%d.contoso.com/", i)
			replies[at], at = toURL(next), next
			if i%2 == 0 {
				replies[fmt.Sprintf("https://h%d.contoso.com/", i-1)] = to(307, next)
			}
		}
		replies[at] = xmlOf(settingsOf(t, "settings-2007sp1.xml"))
		r := newRig(replies)
		_, err := r.Discover(t.Context(), alice)
		if hops == MaxHops && err != nil || hops > MaxHops && (journal.FailureOf(err).Code != journal.ExchangeRedirects || len(r.asked) != MaxHops+1) {
			t.Errorf("%d hops: %v, asked %d times", hops, err, len(r.asked))
		}
	}
}

// TestForeignHostNamedInClearGetsNoBasic: what anybody on the way could have
// named is not sent a readable password, nor is what that names.
func TestForeignHostNamedInClearGetsNoBasic(t *testing.T) {
	const evil = "https://evil.org/autodiscover/autodiscover.xml"
	good := xmlOf(settingsOf(t, "settings-2007sp1.xml"))
	for _, row := range []struct {
		name, location string
		answers        reply // of location
		forbidden      []bool
	}{
		{"in the domain", "https://mail.contoso.com/autodiscover/autodiscover.xml", good, []bool{false}},
		{"elsewhere", evil, good, []bool{true}},
		{"elsewhere, then to an address", "https://x.org/autodiscover/autodiscover.xml", toAddress("alice@evil.org"), []bool{true, true}},
	} {
		var got []bool
		watch := func(answer reply) reply {
			return func(r *http.Request) (*http.Response, error) {
				got = append(got, ntlmhttp.BasicForbidden(r.Context()))
				return answer(r)
			}
		}
		replies := map[string]reply{plain: to(302, row.location), evil: watch(good)}
		replies[row.location] = watch(row.answers)
		if _, err := newRig(replies).Discover(t.Context(), alice); err != nil || !slices.Equal(got, row.forbidden) {
			t.Errorf("%s: Basic forbidden %v, want %v (%v)", row.name, got, row.forbidden, err)
		}
	}
}

// TestLifetimeOfAnAnswer: kept for 24 hours, renewed, used longer when no server answers,
// thrown away when what it named fails.
func TestLifetimeOfAnAnswer(t *testing.T) {
	good := xmlOf(settingsOf(t, "settings-2007sp1.xml"))
	r := newRig(map[string]reply{bare: good})
	discover := func(name string, asked int, stale bool) {
		t.Helper()
		r.asked = nil
		result, err := r.Discover(t.Context(), alice)
		if err != nil || len(r.asked) != asked || result.Stale != stale {
			t.Errorf("%s: %v, asked %q, stale %v", name, err, r.asked, result.Stale)
		}
	}
	discover("first", 1, false)
	r.clock.Advance(Lifetime - time.Second)
	discover("within a day", 0, false)
	r.clock.Advance(time.Second)
	discover("after a day", 1, false)
	if r.Unreachable(alice) {
		t.Error("a fresh answer was thrown away")
	}
	r.clock.Advance(RetryAfter)
	if !r.Unreachable("ALICE@contoso.com") || r.Unreachable(alice) {
		t.Error("an answer of an hour was not thrown away, once")
	}
	discover("after a failure", 1, false)
	r.replies = nil
	r.clock.Advance(Lifetime)
	discover("nobody answers", 3, true)
	discover("and is not asked at once", 0, true)
	if r.Unreachable(alice) {
		t.Error("the last answer was thrown away before the next attempt")
	}
	r.clock.Advance(RetryAfter)
	r.replies = map[string]reply{bare: good}
	discover("is there again", 1, false)
	r.Forget(alice)
	discover("forgotten", 1, false)
	r.replies = map[string]reply{bare: sayError(500, answerSchema)}
	r.clock.Advance(Lifetime)
	if _, err := r.Discover(t.Context(), alice); journal.FailureOf(err).Code != journal.ExchangeMailbox {
		t.Errorf("a mailbox that has gone: %v", err)
	}
	r.clock.Set(r.clock.Now().Add(-48 * time.Hour))
	r.replies = map[string]reply{bare: good}
	discover("clock set back", 1, false)
}

// TestRestore: an answer of an earlier client is used for the rest of its 24 hours.
func TestRestore(t *testing.T) {
	good := xmlOf(settingsOf(t, "settings-2007sp1.xml"))
	r := newRig(map[string]reply{bare: good})
	found, err := r.Discover(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		later  time.Duration
		change func(*Result)
		want   bool
	}{
		{"at once", 0, nil, true},
		{"within a day", Lifetime - time.Second, nil, true},
		{"after a day", Lifetime, nil, false},
		{"from the future", -time.Second, nil, false},
		{"one that could not be renewed", 0, func(r *Result) { r.Stale = true }, false},
		{"no URL", 0, func(r *Result) { r.Internal.EWSURL, r.External.EWSURL = "", "" }, false},
		{"no https inside", 0, func(r *Result) { r.Internal.EWSURL = "http://cas01.contoso.com/EWS/Exchange.asmx" }, false},
		{"no https outside", 0, func(r *Result) { r.External.EWSURL = "ftp://mail.contoso.com/" }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(map[string]reply{bare: good})
			r.clock.Set(found.At.Add(row.later))
			kept := found
			if row.change != nil {
				row.change(&kept)
			}
			asked := map[bool]int{true: 0, false: 1}[row.want]
			if got := r.Restore("Alice@Contoso.com", kept); got != row.want {
				t.Errorf("restored: %v, want %v", got, row.want)
			}
			result, err := r.Discover(t.Context(), alice)
			if err != nil || len(r.asked) != asked || result.EWS(false) != found.EWS(false) {
				t.Errorf("%v, asked %q, %+v", err, r.asked, result)
			}
		})
	}
}

func TestSlowServerEndsTheCandidateOnly(t *testing.T) {
	slow := func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
	r := newRig(map[string]reply{bare: slow, named: xmlOf(settingsOf(t, "settings-2007sp1.xml"))})
	r.Timeout = 10 * time.Millisecond
	if _, err := r.Discover(t.Context(), alice); err != nil || r.steps[0].Code != journal.ExchangeUnreached {
		t.Errorf("%v\n%s", err, r.text())
	}
	r = newRig(map[string]reply{bare: slow, named: slow})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := r.Discover(ctx, alice); journal.FailureOf(err).Code != journal.Timeout || len(r.asked) != 1 {
		t.Errorf("%v, asked %q", err, r.asked)
	}
}

// TestR9_3ProbeShowsWhatAnAdministratorLooksFor.
func TestR9_3ProbeShowsWhatAnAdministratorLooksFor(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write([]byte(settingsOf(t, "error-600.xml")))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	pinned := &ntlmhttp.Client{Dialer: dialer(server.Listener.Addr().String()), TLS: &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}
	t.Cleanup(func() { _ = pinned.Close() })
	r := newRig(nil)
	r.HTTP = pinned
	hops, err := r.Probe(t.Context(), "alice@example.com") // httptest's certificate names example.com
	if err != nil || len(hops) != 3 || !strings.Contains(hops[0].Answered, "600 Invalid Request") || hops[0].Code != "" || hops[2].Code == "" {
		t.Errorf("%v %+v", err, hops)
	}
	if text := r.text(); !strings.Contains(text, "self-signed, issued by") {
		t.Errorf("the certificate is not told:\n%s", text)
	}
	r = newRig(nil)
	if _, err := r.Probe(t.Context(), alice); journal.FailureOf(err).Code != journal.DNSNoRecords {
		t.Errorf("nobody: %v", err)
	}
	if _, err := r.Probe(t.Context(), "nobody"); journal.FailureOf(err).Code != journal.ExchangeAddress {
		t.Errorf("no address: %v", err)
	}
}

// TestR1_6NoRequestToASelfSignedServer: over the real connection, with the
// phone's own verdict.
func TestR1_6NoRequestToASelfSignedServer(t *testing.T) {
	asked := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	pinned := &ntlmhttp.Client{Dialer: dialer(server.Listener.Addr().String()), TLS: certstore.ClientConfig(certstore.ClientOptions{})}
	t.Cleanup(func() { _ = pinned.Close() })
	r := newRig(nil)
	r.HTTP = pinned
	_, err := r.Discover(t.Context(), "alice@example.com")
	var verdict *certstore.VerdictError
	if f := journal.FailureOf(err); !strings.HasPrefix(string(f.Code), "cert.") || asked > 0 || !errors.As(err, &verdict) {
		t.Errorf("%v, asked %d times\n%s", err, asked, r.text())
	}
	if r.steps[0].Code != journal.CertSelfSigned || r.steps[0].State != journal.Warned {
		t.Errorf("%+v", r.steps[0])
	}
}

// dialer dials one address, whatever is asked for.
type dialer string

func (d dialer) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, string(d))
}
