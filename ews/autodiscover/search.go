package autodiscover

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/ntlm/ntlmhttp"
)

// search is one search, with all candidates and redirects.
type search struct {
	*Client
	timeout      time.Duration
	addresses    []string        // tried, lower case
	visited      map[string]bool // address and URL, lower case
	hops         int             // redirects of all kinds
	withoutBasic bool            // the host came from an unauthenticated redirect
	via          []Hop
}

// Ranks of failures: of several, the one with the highest rank is returned.
const (
	rankAgain    = 1 + iota // leads to a URL that was asked before
	rankNet                 // no connection
	rankAnswer              // an answer that is not Autodiscover
	rankRedirect            // redirected in a circle, too often, or to http
	rankForm                // a form asks for the log-on
	rankCert                // R1.6
	rankAuth                // the log-on was refused
	rankError               // Exchange says what is wrong
)

// candidateFailure says why a candidate is not used.
type candidateFailure struct {
	*journal.Failure
	rank int
	stop bool // no further candidate is asked
}

const path = "/autodiscover/autodiscover.xml"

// candidate is a URL at which a search begins (R9.1).
type candidate struct{ method, url string }

// candidates are the three of R9.1, in its order.
func candidates(domain string) []candidate {
	return []candidate{
		{http.MethodPost, "https://" + domain + path},
		{http.MethodPost, "https://autodiscover." + domain + path},
		{http.MethodGet, "http://autodiscover." + domain + path},
	}
}

// domainOf returns the SMTP domain of an address, empty if it has none.
func domainOf(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	odd := func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-.", r) }
	if !ok || local == "" || len(address) > 254 || cleanURL(address) != address || strings.ContainsFunc(domain, odd) ||
		!strings.Contains(domain, ".") || slices.Contains(strings.Split(domain, "."), "") {
		return ""
	}
	return domain
}

func noDomain(asked, because string) *journal.Failure {
	return &journal.Failure{Code: journal.ExchangeAddress, Asked: asked, Because: because,
		What: "The e-mail address has no domain to search in"}
}

func (s *search) run(ctx context.Context, address string) (Result, *candidateFailure) {
	s.visited = map[string]bool{}
	asked := "Autodiscover for " + clean(address)
	domain := domainOf(address)
	if domain == "" {
		f := noDomain(asked, "R9.1")
		f.Fix = "Give the user a primary e-mail address; the pool tells the phone."
		return Result{}, &candidateFailure{rank: rankError, Failure: f}
	}
	for {
		s.addresses = append(s.addresses, address)
		result, next, t := s.candidates(ctx, address, domain)
		if t != nil {
			t.Asked = asked
			for _, h := range s.via {
				t.Details = append(t.Details, h.String())
			}
			return Result{}, t
		}
		if next == "" {
			result.Via = s.via
			return result, nil
		}
		// The candidates of the new domain (docs/protocol/exchange-autodiscover.md#redirect-answers)
		address, domain = next, domainOf(next)
	}
}

// candidates asks one after the other. next is the address of a redirect.
func (s *search) candidates(ctx context.Context, address, domain string) (r Result, next string,
	worst *candidateFailure) {
	for _, c := range candidates(domain) {
		r, next, t := s.follow(ctx, address, domain, c)
		if t == nil {
			return r, next, nil
		}
		// Of two with the same rank the later one: the bare domain is mostly a web site.
		if worst == nil || t.rank >= worst.rank || t.stop {
			worst = t
		}
		if t.stop {
			return r, "", worst
		}
	}
	if worst.rank == rankNet && strings.HasPrefix(string(worst.Code), "dns.") || worst.rank == rankAnswer {
		host := "autodiscover." + domain
		fix := "Create the A record " + host + " for the Client Access server, which needs a certificate with that name."
		if worst.By == host { // it is there, and answers with something else
			fix = "Publish /autodiscover of the Client Access server at " + host + ", which answers with something else, or " +
				"correct its A record."
		}
		worst = &candidateFailure{rank: worst.rank, Failure: &journal.Failure{
			Code:     journal.ExchangeNone,
			Answered: worst.Answered,
			By:       worst.By,
			Because:  "R9.1",
			What:     "None of the places where a phone looks for Exchange answers as Autodiscover",
			Fix: fix + " In a browser https://" + host + path +
				" must show 600 Invalid Request. A phone reads neither service connection points nor SRV records.",
			Err: worst.Failure,
		}}
	}
	return r, "", worst
}

// follow asks a candidate and follows its redirects.
func (s *search) follow(ctx context.Context, address, domain string, c candidate) (Result, string, *candidateFailure) {
	method, at := c.method, c.url
	for {
		s.visited[address+" "+strings.ToLower(at)] = true
		q := s.ask(ctx, method, at, address)
		switch {
		case q.failure != nil:
		case q.redirectAddr != "":
			if next := strings.ToLower(q.redirectAddr); domainOf(next) == "" {
				q.fail(rankRedirect, journal.ExchangeRedirects,
					fmt.Sprintf("the redirect to %q is passed over: that is no e-mail address", q.redirectAddr))
			} else if slices.Contains(s.addresses, next) {
				q.fail(rankRedirect, journal.ExchangeRedirects, fmt.Sprintf("the redirect to %s goes in a circle", next))
			} else if s.countRedirect(q) {
				q.recordDecision(journal.OK, "search again for "+next)
				return Result{}, next, nil
			}
		case q.redirectURL != "":
			next, why := s.redirectTarget(q, at, address)
			switch why {
			case toLogon:
				q.failForm("redirects, and the phone does not go there, to the log-on form " + clean(next.Redacted()))
			case askedAlready: // as most web servers redirect http to https
				q.fail(rankAgain, journal.ExchangeRedirects,
					"passed over: the redirect leads to "+clean(next.Redacted())+", which was asked before")
			case "":
				if !s.countRedirect(q) {
					break
				}
				q.recordDecision(journal.OK, "ask "+next.String())
				s.withoutBasic = s.withoutBasic || method == http.MethodGet && !isInDomain(next.Hostname(), domain)
				method, at = http.MethodPost, next.String()
				continue
			default:
				q.fail(rankRedirect, journal.ExchangeRedirects, why)
			}
		default:
			if r, ok := s.readSettings(q, at, address); ok {
				return r, "", nil
			}
		}
		return Result{}, "", q.failure
	}
}

// countRedirect counts a redirect.
func (s *search) countRedirect(q *query) bool {
	if s.hops == MaxHops {
		q.fail(rankRedirect, journal.ExchangeRedirects, fmt.Sprintf("more than %d redirects", MaxHops))
		q.failure.stop = true
		return false
	}
	s.hops++
	return true
}

// Reasons not to follow a redirect that lead to codes of their own
// (docs/protocol/exchange-autodiscover.md#log-on-forms).
const (
	askedAlready = "asked before" // from http to a candidate
	toLogon      = "to a log-on page"
)

// redirectTarget returns the URL of a redirect, or why it is not followed: one of
// the reasons above or a sentence.
func (s *search) redirectTarget(q *query, at, address string) (next *url.URL, why string) {
	base, err := url.Parse(at)
	if err != nil {
		return nil, "the URL cannot be read"
	}
	location, err := url.Parse(q.redirectURL)
	if err != nil {
		return nil, "the redirect names no URL"
	}
	plain := base.Scheme == "http"
	absolute := location.IsAbs()
	next = base.ResolveReference(location)
	next.Fragment = ""
	switch {
	case ntlmhttp.IsLogonPage(next.String()):
		return next, toLogon
	case next.Scheme != "https" || plain && !absolute:
		return nil, "the redirect to " + clean(next.Redacted()) + " is passed over: only https is followed"
	case next.Hostname() == "" || next.User != nil || next.Opaque != "" || len(next.String()) > maxText:
		return nil, "the redirect is passed over: its URL is odd"
	case plain && !isAutodiscoverPath(next.Path):
		return nil, "the redirect to " + clean(next.Redacted()) + " is passed over: that is no path of Autodiscover"
	case plain && s.visited[address+" "+strings.ToLower(next.String())]:
		return next, askedAlready
	case s.visited[address+" "+strings.ToLower(next.String())]:
		return nil, "the redirect to " + clean(next.Redacted()) + " goes in a circle"
	}
	return next, ""
}

// isAutodiscoverPath reports whether p is /autodiscover/…/autodiscover.xml, the
// only path to which an unauthenticated redirect may lead
// (docs/protocol/exchange-autodiscover.md#autodiscover-candidates).
func isAutodiscoverPath(p string) bool {
	parts := strings.Split(strings.ToLower(p), "/")
	n := len(parts)
	return n >= 3 && parts[0] == "" && parts[1] == "autodiscover" && parts[n-1] == "autodiscover.xml" &&
		!slices.Contains(parts[1:], "")
}

// isInDomain reports whether host is domain or below it.
func isInDomain(host, domain string) bool {
	host = strings.ToLower(host)
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// readSettings makes a Result of the protocols of an answer.
func (s *search) readSettings(q *query, at, address string) (Result, bool) {
	r := Result{Address: address, DisplayName: q.displayName, URL: at}
	types := []string{}
	for _, p := range q.protocols {
		types = append(types, p.Type)
		p.EWSURL = cmp.Or(p.EWSURL, p.ASURL) // servers of 2007 RTM give ASUrl alone
		urls := map[string]*string{"EwsUrl": &p.EWSURL, "ASUrl": &p.ASURL, "UMUrl": &p.UMURL, "OOFUrl": &p.OOFURL}
		for name, u := range urls {
			if *u != "" && !isUsableURL(*u) {
				q.details = append(q.details,
					fmt.Sprintf("%s of %s is left out, it is not https: %s", name, p.Type, journal.Excerpt(*u)))
				*u = ""
			}
		}
		switch {
		case p.Type == "EXCH" && r.Internal.Type == "":
			r.Internal = p
		case p.Type == "EXPR" && r.External.Type == "":
			r.External = p
		}
	}
	for _, p := range q.protocols { // Exchange 2013 and later: inside first, outside last
		if p.EWSURL = cmp.Or(p.EWSURL, p.ASURL); p.Type != "EXHTTP" || !isUsableURL(p.EWSURL) {
			continue
		}
		if r.Internal.EWSURL == "" {
			r.Internal = p
		}
		if r.External.EWSURL == "" || r.External.Type == "EXHTTP" {
			r.External = p
		}
	}
	q.answered += ", settings: " + strings.Join(types, ", ")
	if r.EWS(false) == "" {
		q.fail(rankError, journal.ExchangeNoEWS, "Autodiscover names no https URL of the Exchange Web Services")
		q.failure.Fix = "Set it: Set-WebServicesVirtualDirectory -InternalUrl and -ExternalUrl, https with a name that is " +
			"in the certificate."
		q.failure.stop = true
		return Result{}, false
	}
	q.recordDecision(journal.OK, "EWS inside at "+orNone(r.Internal.EWSURL)+", outside at "+orNone(r.External.EWSURL))
	return r, true
}

func orNone(s string) string { return cmp.Or(s, "(none)") }

// isUsableURL reports whether credentials may be sent to u.
func isUsableURL(u string) bool {
	p, err := url.Parse(u)
	return err == nil && p.Scheme == "https" && p.Hostname() != "" && p.User == nil
}

// Probe sends the GET that an administrator sends with a browser (R9.3): each URL of
// an Autodiscover service answers 600 Invalid Request, and the steps show its
// certificate. Nothing is stored. The error holds a *journal.Failure if there is no
// such service.
func (c *Client) Probe(ctx context.Context, address string) ([]Hop, error) {
	address = strings.ToLower(strings.TrimSpace(address))
	domain := domainOf(address)
	if domain == "" {
		return nil, noDomain("Autodiscover for "+clean(address), "R9.3")
	}
	s := &search{Client: c, timeout: cmp.Or(c.Timeout, DefaultTimeout)}
	var worst *candidateFailure
	found := false
	for _, k := range candidates(domain) {
		q := s.ask(ctx, http.MethodGet, k.url, address)
		switch {
		case q.errorCode == errorInvalidRequest:
			found = true
			q.recordDecision(journal.OK, "an Autodiscover service is here")
		case q.failure != nil:
			if worst == nil || q.failure.rank >= worst.rank {
				worst = q.failure
			}
			if q.failure.stop {
				return s.via, worst.Failure
			}
		case q.redirectURL != "":
			q.recordDecision(journal.OK, "the phone would go on there")
		default:
			q.recordDecision(journal.Warned, "Autodiscover answers a GET with something else than 600 Invalid Request")
		}
	}
	if found || worst == nil {
		return s.via, nil
	}
	return s.via, worst.Failure
}
