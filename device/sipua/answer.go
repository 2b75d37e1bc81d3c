package sipua

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// The ids of ms-diagnostics that decide something
// (docs/protocol/sip-connection.md#client-identification and
// docs/protocol/sip-connection.md#registration).
const (
	diagTimeSkew     = 1013 // significant time skew detected during authentication
	diagUserDisabled = 4141
	diagVersionFirst = 17000 // client version filter …
	diagVersionLast  = 17004
	warnVersion      = "310" // Warning code of the client version filter
)

// diagnosis is the reason for an error that a server gives in headers.
type diagnosis struct {
	ids       []int
	texts     []string // "4141 User disabled (from fe1.contoso.com)"
	warnCodes []string // warning codes
	demands   []string // "Require: outbound"
}

// demandHeaders are the headers of a refusal that say what the server demands
// (RFC 3261 20, RFC 3329 2.2).
var demandHeaders = []string{"Unsupported", "Require", "Min-Expires", "Retry-After", "Security-Server"}

var (
	reasonParam = regexp.MustCompile(`(?i);\s*reason\s*=\s*"([^"]*)"`)
	detailParam = regexp.MustCompile(`(?i);\s*detail\s*=\s*"([^"]*)"`)
	sourceParam = regexp.MustCompile(`(?i);\s*source\s*=\s*"([^"]*)"`)
	warning     = regexp.MustCompile(`^\s*(\d{3})\s+\S+\s+"([^"]*)"`)
)

const (
	maxText  = 300 // characters that one text of the server may add to a step
	maxTexts = 16  // texts of one answer; real servers send one or two
)

// diagnose reads ms-diagnostics, ms-diagnostics-public, Warning and demandHeaders.
func diagnose(in *sipwire.Incoming) diagnosis {
	var d diagnosis
	for _, name := range []string{"ms-diagnostics", "ms-diagnostics-public"} {
		for _, v := range in.Headers(name) {
			number, _, _ := strings.Cut(v, ";")
			id, err := strconv.Atoi(strings.TrimSpace(number))
			if err != nil {
				continue
			}
			text := strconv.Itoa(id)
			if r := reasonParam.FindStringSubmatch(v); r != nil {
				text += " " + r[1]
			}
			if s := detailParam.FindStringSubmatch(v); s != nil {
				text += ", " + s[1]
			}
			if s := sourceParam.FindStringSubmatch(v); s != nil {
				text += " (from " + s[1] + ")"
			}
			d.ids = append(d.ids, id)
			d.texts = append(d.texts, printable(text))
		}
	}
	for _, v := range in.Headers("Warning") {
		if w := warning.FindStringSubmatch(v); w != nil {
			d.warnCodes = append(d.warnCodes, w[1])
			d.texts = append(d.texts, printable(w[2]))
		}
	}
	d.texts = slices.Compact(d.texts)
	d.texts = d.texts[:min(len(d.texts), maxTexts)]
	for _, name := range demandHeaders {
		if values := in.Headers(name); len(values) > 0 {
			d.demands = append(d.demands, name+": "+printable(strings.Join(values, ", ")))
		}
	}
	return d
}

// remedy is what to change when a refusal has no remedy of its own.
func (d diagnosis) remedy() string {
	if len(d.texts) == 0 {
		return "The server gives no reason: look for this request in its log."
	}
	return fmt.Sprintf("Act on the server's reason: %s.", strings.TrimSuffix(strings.Join(d.texts, "; "), "."))
}

// printable bounds a text of the server. The copy does not keep the message in
// memory.
func printable(s string) string { return strings.Clone(journal.Printable(s, maxText)) }

// mentions reports whether a text of the server contains one of the words.
func (d diagnosis) mentions(words ...string) bool {
	all := strings.ToLower(strings.Join(d.texts, "\n"))
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(all, w) })
}

// accountBlocked reports whether the account is disabled, locked or expired.
func (d diagnosis) accountBlocked() bool {
	return slices.Contains(d.ids, diagUserDisabled) || d.mentions("disabled", "locked", "expired")
}

func (d diagnosis) timeSkew() bool { return slices.Contains(d.ids, diagTimeSkew) }

func (d diagnosis) versionDeclined() bool {
	return slices.Contains(d.warnCodes, warnVersion) ||
		slices.ContainsFunc(d.ids, func(id int) bool { return id >= diagVersionFirst && id <= diagVersionLast })
}

// summary is the status line with the server's reasons, and with its demands if it
// refuses.
func (d diagnosis) summary(res *sip.Response) string {
	parts := append([]string{fmt.Sprintf("%d %s", res.StatusCode, printable(res.Reason))}, d.texts...)
	if res.StatusCode >= 300 {
		parts = append(parts, d.demands...)
	}
	return strings.Join(parts, "; ")
}

// registerFailure is a Failure about in, a response to REGISTER.
func (r *Registration) registerFailure(in *sipwire.Incoming, code journal.Code, because, what string) *journal.Failure {
	return &journal.Failure{
		Code:     code,
		Asked:    r.asked(),
		Answered: diagnose(in).summary(in.Response()),
		By:       r.by(),
		Because:  because,
		What:     what,
	}
}

// refusal turns a final response to REGISTER into a Failure. It is not for 2xx,
// 3xx, and challenges that the phone answers.
func (h *handshake) refusal(in *sipwire.Incoming) *journal.Failure {
	r, d := h.Registration, diagnose(in)
	f := r.registerFailure(in, "", "RFC 3261 21; ms-diagnostics of MS-OCER", "")
	code := in.Response().StatusCode
	switch {
	case d.timeSkew():
		r.setTimeSkew(f, in)
	case code == 403 && d.versionDeclined():
		f.Code = journal.SIPVersion
		f.What = fmt.Sprintf("The pool does not admit this firmware: its client version filter declined %q.",
			r.cfg.Profile.UserAgent)
		f.Fix = "Allow the product OCPhone of this version in the client version filter of the pool, or update the firmware."
	case (code == 401 || code == 403) && d.accountBlocked():
		f.Code = journal.AuthDisabled
		f.What = fmt.Sprintf("The pool says that the account of %s is disabled or locked.", r.address)
		f.Fix = "Unlock or enable the account in Active Directory and check that the user is enabled for " +
			"Communications Server."
	case code == 403 && r.cfg.Registrar:
		f.Code = journal.SIPForbidden
		f.What = fmt.Sprintf("The registrar forbids %s to register, before it has asked for a password.", r.address)
		f.Fix = fmt.Sprintf("Allow %s to register from the phone's address at the registrar. %s", r.address, d.remedy())
	case code == 403:
		f.Code = journal.SIPForbidden
		f.What = fmt.Sprintf("The server forbids %s to sign in.", r.address)
		f.Fix = fmt.Sprintf("Check that this account may sign in as %s (the sign-in address belongs to one account) and "+
			"that remote access is allowed if the phone is outside.", r.address)
	case code == 404 && r.cfg.Registrar:
		f.Code = journal.SIPUnknownUser
		f.What = fmt.Sprintf("The registrar does not know %s.", r.address)
		f.Fix = fmt.Sprintf("Create the account %s at the registrar, or correct the sign-in address.", r.address)
	case code == 404:
		f.Code = journal.SIPUnknownUser
		f.What = fmt.Sprintf("The server does not know %s: SIP is not enabled for this user, or there is no such user.",
			r.address)
		f.Fix = "Check the spelling of the sign-in address, and enable the user for Communications Server."
	case code == 405 || code == 501: // before the other 5xx: a later attempt gets the same answer
		f.Code = journal.SIPRejected
		f.What = fmt.Sprintf("The server at %s takes no registrations.", r.server.Addr())
		f.Fix = "Check host and port: they must be those of the pool or registrar of the user."
	case code == 480 || code >= 500 && code < 600:
		f.Code, f.Wait = journal.SIPUnavailable, retryAfter(in)
		f.What = "The server cannot serve the phone now. The phone tries again later by itself."
		if f.Wait > 0 {
			f.What = fmt.Sprintf("The server cannot serve the phone now. The phone tries again after %v at the earliest, "+
				"as the server demands.", f.Wait)
		}
	default:
		f.Code = journal.SIPRejected
		f.What, f.Fix = h.rejection(in, d)
	}
	if h.digest != nil && (f.Code == journal.SIPForbidden || f.Code == journal.SIPUnknownUser) {
		f.What = fmt.Sprintf("The registrar answers %d to the user name %s and the password.", code, r.cfg.AuthUser)
		f.Fix = fmt.Sprintf("Check the user name %s (--auth-user) and the password first: many registrars refuse wrong "+
			"ones so. If both are right, check that this account may register as %s.", r.cfg.AuthUser, r.address)
	}
	return f
}

// rejection says what a refusal means that has no code of its own, and what to
// change. It uses what the server names.
func (h *handshake) rejection(in *sipwire.Incoming, d diagnosis) (what, fix string) {
	code := in.Response().StatusCode
	what = fmt.Sprintf("The server refused the registration with %d.", code)
	named := func(header string) string { return printable(strings.Join(in.Headers(header), ", ")) }
	switch required := cmp.Or(named("Require"), named("Unsupported")); {
	case code == 420 && required != "": // RFC 3261 21.4.15
		return fmt.Sprintf("The server does not support the extension %s, which the phone has not required.", required),
			fmt.Sprintf("Look for a proxy that adds Require: %s to requests, or allow the extension at the server.", required)
	case code == 421 && required != "": // RFC 3261 21.4.16
		return fmt.Sprintf("The server demands the extension %s, which the phone does not support.", required),
			fmt.Sprintf("Let the server register this user without %s.", required)
	case code == 423 && named("Min-Expires") == "": // RFC 3261 21.4.17
		return "The server finds the lifetime of the registration too brief and does not say which one it accepts.",
			"Request a longer lifetime, such as --expires 3600. A 423 must bear Min-Expires: correct the server."
	case code == 423:
		return fmt.Sprintf("The server demands a lifetime of at least %s seconds, which is no answer to what the phone has "+
			"requested.", named("Min-Expires")), "Correct the least lifetime of a registration at the server."
	case code == 494: // RFC 3329 2.3.1
		return "The server demands a security agreement, which the phone does not support.",
			"Let the server register this user without a security agreement (RFC 3329)."
	}
	return what, d.remedy()
}

// maxRetryAfter bounds how long a server may make the phone wait.
const maxRetryAfter = 24 * time.Hour

// retryAfter is the delay in Retry-After, at most maxRetryAfter; 0 without the
// header: "18000 (maintenance);duration=3600" (RFC 3261 20.33).
func retryAfter(in *sipwire.Incoming) time.Duration {
	value := strings.TrimSpace(in.Header("Retry-After"))
	if end := strings.IndexFunc(value, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		value = value[:end]
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // then n is the greatest number
		return 0
	}
	return min(time.Duration(n)*time.Second, maxRetryAfter)
}

// passwordRefused is the Failure for a challenge after the password was used
// (docs/decisions.md#do-no-harm).
func (h *handshake) passwordRefused(in *sipwire.Incoming) *journal.Failure {
	d := diagnose(in)
	if d.timeSkew() || d.accountBlocked() {
		return h.refusal(in)
	}
	typed := h.cfg.userAsTyped
	if h.digest != nil {
		typed = h.cfg.AuthUser
	}
	f := h.registerFailure(in, journal.AuthPassword, "a password is tried once",
		fmt.Sprintf("The server refused user name %s or the password. It was tried once; the phone does not "+
			"try it again.", typed))
	f.Fix = "Check user name and password; the sign-in address need not be the logon name."
	if h.digest != nil {
		f.Fix = fmt.Sprintf("Check the password, and whether %s is the user name for authentication at the registrar; "+
			"give another one with --auth-user.", typed)
	}
	if at, ok := serverTime(in); ok && h.challenge.hasScheme(schemeNTLM) && h.clock.Now().Sub(at).Abs() > ntlmSkew {
		h.setTimeSkew(f, in)
		return f
	}
	user, suffix, upn := strings.Cut(typed, "@")
	if upn && h.challenge.hasScheme(schemeNTLM) && h.cfg.Domain == "" { // R1.5
		f.Fix = fmt.Sprintf(`Type the user name as %s\%s instead of %s, since the domain calls itself %[1]s. If that is `+
			`refused too, the password is wrong.`, h.netbios, user, typed)
		if h.netbios == "" {
			first, _, _ := strings.Cut(strings.ToUpper(suffix), ".")
			f.Fix = fmt.Sprintf(`Type the user name as DOMAIN\user instead of %s, perhaps %s\%s. If that is refused too, `+
				`the password is wrong.`, typed, first, user)
		}
		f.Because = "R1.5"
	}
	return f
}

// ntlmSkew is the difference of two clocks that NTLM tolerates
// (docs/protocol/sip-connection.md#registration).
const ntlmSkew = 15 * time.Minute

// serverTime is the time in the Date header.
func serverTime(in *sipwire.Incoming) (time.Time, bool) {
	t, err := http.ParseTime(in.Header("Date")) // RFC 3261 20.17: the date of RFC 1123, in GMT
	return t, err == nil
}

func (r *Registration) setTimeSkew(f *journal.Failure, in *sipwire.Incoming) {
	f.Code = journal.TimeSkew
	f.What = "The clocks of phone and server differ too much to sign in."
	if at, ok := serverTime(in); ok {
		f.What = fmt.Sprintf("The clocks of phone and server differ too much to sign in: the phone's says %s, "+
			"the server's %s.",
			r.clock.Now().UTC().Format(time.DateTime), at.UTC().Format(time.DateTime))
	}
	f.Fix = "Set the clock: publish the SRV record _ntp._udp of the domain, or let the phone reach time.windows.com."
}

// redirect turns a 3xx into a *Redirect, or a *journal.Failure if it is not
// followed.
func (r *Registration) redirect(in *sipwire.Incoming) error {
	f := r.registerFailure(in, journal.SIPRejected, "RFC 3261 8.1.3.4", "")
	var uri sip.Uri
	contacts := append(sipwire.SplitList(in.Header("Contact")), "") // RFC 3261 8.1.3.4: the first of several
	contact, err := sipwire.ParseAddress(contacts[0])
	if err != nil || sip.ParseUri(contact.URI, &uri) != nil || !isHost(uri.Host) || uri.Port < 0 || uri.Port > 65535 {
		f.What = "The server redirects the phone without saying where to."
		return f
	}
	to := &Redirect{Host: canonicalHost(uri.Host), Port: uint16(cmp.Or(uri.Port, portSIPS)), By: r.server.Addr()}
	transport, _ := uri.UriParams.Get("transport")
	if to.Plain = !r.server.TLS && !uri.IsEncrypted() && !strings.EqualFold(transport, TransportTLS); to.Plain {
		to.Port = uint16(cmp.Or(uri.Port, portSIP))
	}
	if !inDomain(to.Host, r.address.Domain) && !r.cfg.Profile.AllowOutside {
		f.Code, f.Because = journal.OutsideDomain, "no server outside the SIP domain unless it is allowed"
		f.What = fmt.Sprintf("%s redirects the phone to %s, which lies outside the SIP domain %s; the phone does not go "+
			"there.", to.By, to.Host, r.address.Domain)
		f.Fix = fmt.Sprintf("Let the pool name a server whose name ends in %s, or allow servers outside the domain "+
			"(--allow-outside).", r.address.Domain)
		return f
	}
	r.cfg.Record.Record(journal.Step{
		Name:     journal.Register,
		State:    journal.OK,
		Asked:    f.Asked,
		Answered: f.Answered,
		By:       f.By,
		Because:  f.Because,
		Decided:  fmt.Sprintf("This user is served by %s: go there.", to.Candidate()),
	})
	return to
}
