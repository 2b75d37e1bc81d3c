package sipua

import (
	"cmp"
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
}

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

// diagnose reads ms-diagnostics, ms-diagnostics-public and Warning.
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
	return d
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

// summary is the status line with the server's reasons.
func (d diagnosis) summary(res *sip.Response) string {
	s := fmt.Sprintf("%d %s", res.StatusCode, printable(res.Reason))
	for _, t := range d.texts {
		s += "; " + t
	}
	return s
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
func (r *Registration) refusal(in *sipwire.Incoming) *journal.Failure {
	d := diagnose(in)
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
	case code == 403:
		f.Code = journal.SIPForbidden
		f.What = fmt.Sprintf("The server forbids %s to sign in.", r.address)
		f.Fix = fmt.Sprintf("Check that this account may sign in as %s (the sign-in address belongs to one account) and "+
			"that remote access is allowed if the phone is outside.", r.address)
	case code == 404:
		f.Code = journal.SIPUnknownUser
		f.What = fmt.Sprintf("The server does not know %s: SIP is not enabled for this user, or there is no such user.",
			r.address)
		f.Fix = "Check the spelling of the sign-in address, and enable the user for Communications Server."
	case code >= 500 && code < 600:
		f.Code = journal.SIPUnavailable
		f.What = "The server cannot serve the phone now. The phone tries again later by itself."
		if wait := in.Header("Retry-After"); wait != "" {
			f.Details = append(f.Details, "The server asks to wait: Retry-After "+printable(wait))
		}
	default:
		f.Code = journal.SIPRejected
		f.What = fmt.Sprintf("The server refused the registration with %d.", code)
	}
	return f
}

// passwordRefused is the Failure for a challenge after the password was used
// (docs/decisions.md#do-no-harm).
func (h *handshake) passwordRefused(in *sipwire.Incoming) *journal.Failure {
	d := diagnose(in)
	if d.timeSkew() || d.accountBlocked() {
		return h.refusal(in)
	}
	typed := h.cfg.userAsTyped
	f := h.registerFailure(in, journal.AuthPassword, "a password is tried once",
		fmt.Sprintf("The server refused user name %s or the password. It was tried once; the phone does not "+
			"try it again.", typed))
	f.Fix = "Check user name and password; the sign-in address need not be the logon name."
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
