package exchange

import (
	"bufio"
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/lab/directory"
)

// POX autodiscover,
// docs/protocol/exchange-autodiscover.md#autodiscover-how-the-phone-finds-exchange
// and [MS-OXDSCLI] 2.2.

// Autodiscover is the behaviour of one host. The zero value answers settings by
// https, and redirects http to https (R9.1). Of several fields the first takes
// effect.
type Autodiscover struct {
	// Before the log-on.
	Hang     bool   // no answer until the client or the server has gone
	Cut      bool   // the connection is closed
	Location string // HTTP redirect to this URL, with Status
	Status   int    // with an HTML page; 0 means 302 with Location, else none
	HomePage bool   // 200 and the home page of a web site, as on a bare domain

	// After the log-on.
	Raw          []byte // this body, with status 200: truncated, with a DTD, in UTF-16 …
	ContentType  string // of Raw; "" means text/xml
	Huge         int64  // number of spaces after the document
	Error        int    // ErrorCode, 500 to 603
	RedirectAddr string // Action redirectAddr to this e-mail address
	RedirectURL  string // Action redirectUrl to this URL

	// In the settings.
	OnlyInside  bool   // no EXPR
	OnlyOutside bool   // no EXCH
	NoEWSURL    bool   // only ASUrl, as 2007 RTM
	NoUMURL     bool   // no UM web service
	EWSURL      string // in place of the correct EwsUrl and ASUrl
}

// SetAutodiscover changes the behaviour of a host: a name means https, "http://"
// and a name means http. It applies from the next request on.
func (s *Server) SetAutodiscover(host string, a Autodiscover) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.autodiscover[strings.ToLower(host)] = a
}

func (s *Server) autodiscoverOf(host string) (a Autodiscover, set bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, set = s.autodiscover[host]
	return a, set
}

// answerBeforeLogon answers r if a does not need a log-on. It reports whether it
// has answered.
func (s *Server) answerBeforeLogon(w *recorder, r *http.Request, a Autodiscover) bool {
	switch {
	case a.Hang:
		select {
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
		panic(http.ErrAbortHandler)
	case a.Cut:
		panic(http.ErrAbortHandler)
	case a.Location != "":
		w.Header().Set("Location", a.Location)
		s.refuse(w, r, cmp.Or(a.Status, http.StatusFound), "Object moved")
	case a.Status != 0:
		s.refuse(w, r, a.Status, http.StatusText(a.Status))
	case a.HomePage:
		s.refuse(w, r, http.StatusOK, "Welcome to our web site")
	default:
		return false
	}
	return true
}

// servePlain serves http: it only redirects.
func (s *Server) servePlain(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w, s: s, done: true}
	s.count(func(c *Counters) {
		c.Redirects++
		if r.Header.Get("Authorization") != "" || r.ContentLength != 0 {
			c.ClearText++
		}
	})
	a, _ := s.autodiscoverOf("http://" + hostOf(r))
	if a.Location == "" && strings.ToLower(r.URL.Path) == AutodiscoverPath && r.Method == http.MethodGet {
		a.Location = s.InsideURL + AutodiscoverPath
		if a.Status != 0 && (a.Status < 300 || a.Status > 399) {
			a.Location = ""
		}
	}
	if !s.answerBeforeLogon(rec, r, a) {
		s.refuse(rec, r, http.StatusForbidden, "This page must be viewed over a secure channel")
	}
}

func (s *Server) serveAutodiscover(w *recorder, r *http.Request) {
	host := hostOf(r)
	a, set := s.autodiscoverOf(host)
	if s.answerBeforeLogon(w, r, a) {
		return
	}
	domain := strings.ToLower(s.dir.Domain())
	if !set && !s.isCAS(host) && host != domain && host != "autodiscover."+domain {
		s.refuse(w, r, http.StatusNotFound, "The page cannot be found")
		return
	}
	if _, ok := s.authenticate(w, r); !ok {
		return
	}
	s.count(func(c *Counters) { c.Autodiscovers++ })
	if s.Faults().CloseAfter {
		w.Header().Set("Connection", "close")
	}
	if a.Raw != nil {
		w.Header().Set("Content-Type", cmp.Or(a.ContentType, "text/xml"))
		_, _ = w.Write(a.Raw)
		return
	}
	answer := s.poxError(600)
	if r.Method == http.MethodPost {
		b, ok := s.readBody(w, r)
		if !ok {
			return
		}
		answer = s.pox(a, b)
	} else if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.refuse(w, r, http.StatusMethodNotAllowed, "Method not allowed")
		return
	}
	w.Header().Set("Content-Type", xmlType)
	w.WriteHeader(http.StatusOK)
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(`<?xml version="1.0" encoding="utf-8"?>`)
	_ = answer.write(out)
	_, _ = io.CopyN(out, endless(' '), a.Huge)
	_ = out.Flush()
}

// poxError returns an error, in the base namespace
// (docs/protocol/exchange-autodiscover.md#error-answers).
func (s *Server) poxError(code int) *elem {
	h := fnv.New32a()
	_, _ = io.WriteString(h, s.Host)
	return el("Autodiscover", el("Response", el("Error",
		tx("ErrorCode", strconv.Itoa(code)), tx("Message", poxMessage(code)), el("DebugData")).
		attr("Time", s.Clock.Now().UTC().Format("15:04:05.0000000"), "Id", strconv.FormatUint(uint64(h.Sum32()), 10)))).
		attr("xmlns", nsPOX)
}

const (
	nsPOX     = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	nsOutlook = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

// poxMessages are the texts of error codes (docs/protocol/exchange-autodiscover.md#error-answers).
var poxMessages = map[int]string{
	500: "The email address can't be found.",
	501: "Bad Address",
	600: "Invalid Request",
	601: "Provider is not available",
	602: "Bad Address",
}

func poxMessage(code int) string {
	return cmp.Or(poxMessages[code], "The Active Directory query failed")
}

// pox returns the answer to a request.
func (s *Server) pox(a Autodiscover, b []byte) *elem {
	root, err := parse(b)
	request := child(root, "r:Request")
	if err != nil || root.Name.Local != "r:Autodiscover" || request == nil {
		return s.poxError(600)
	}
	address, dn := child(request, "r:EMailAddress").Value(), child(request, "r:LegacyDN").Value()
	switch {
	case address == "" && dn == "":
		return s.poxError(600)
	case child(request, "r:AcceptableResponseSchema").Value() != nsOutlook:
		return s.poxError(601)
	case a.Error != 0:
		return s.poxError(a.Error)
	case a.RedirectAddr != "":
		return poxRedirect("redirectAddr", tx("RedirectAddr", a.RedirectAddr))
	case a.RedirectURL != "":
		return poxRedirect("redirectUrl", tx("RedirectUrl", a.RedirectURL))
	}
	for _, u := range s.dir.Users() {
		byDN := address == "" && strings.EqualFold(s.legacyDN(u), dn)
		if u.Mail != "" && (strings.EqualFold(u.Mail, address) || byDN) {
			return s.settings(a, u)
		}
	}
	return s.poxError(500)
}

func poxRedirect(action string, target *elem) *elem {
	return poxAccount(el("Account", tx("AccountType", "email"), tx("Action", action), target))
}

func poxAccount(kids ...*elem) *elem {
	return el("Autodiscover", el("Response", kids...).attr("xmlns", nsOutlook)).attr("xmlns", nsPOX)
}

func (s *Server) organization() string { return "/o=" + s.dir.NetBIOS() }

func (s *Server) legacyDN(u directory.User) string {
	return s.organization() + "/ou=First Administrative Group/cn=Recipients/cn=" + u.SAM
}

// settings returns the settings of u (docs/protocol/exchange-autodiscover.md#settings-answer).
func (s *Server) settings(a Autodiscover, u directory.User) *elem {
	server, _, _ := strings.Cut(s.Host, ".")
	serverDN := s.organization() + "/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)" +
		"/cn=Configuration/cn=Servers/cn=" + strings.ToUpper(server)
	account := el("Account", tx("AccountType", "email"), tx("Action", "settings"))
	if !a.OnlyOutside {
		account.add(el("Protocol", tx("Type", "EXCH"), tx("Server", s.Host), tx("ServerDN", serverDN),
			tx("ServerVersion", "720180F0"), tx("MdbDN", serverDN+"/cn=Microsoft Private MDB")).add(s.urls(a, s.InsideURL)...))
	}
	if !a.OnlyInside {
		outside := el("Protocol", tx("Type", "EXPR"), tx("Server", s.OutsideHost), tx("SSL", "On"), tx("AuthPackage", "Ntlm"))
		account.add(outside.add(s.urls(a, s.OutsideURL)...))
	}
	// The inner Protocol must not be read as one of the account.
	account.add(el("Protocol", tx("Type", "WEB"), el("Internal",
		tx("OWAUrl", s.InsideURL+"/owa").attr("AuthenticationMethod", "Basic, Fba"),
		el("Protocol", tx("Type", "EXCH"), tx("ASUrl", s.InsideURL+EWSPath)))))
	h := fnv.New64a()
	_, _ = io.WriteString(h, s.dir.Domain())
	return poxAccount(el("User", tx("DisplayName", u.DisplayName), tx("LegacyDN", s.legacyDN(u)),
		tx("DeploymentId", fmt.Sprintf("b2b2f0f4-5f9b-4f55-9d3b-%012x", h.Sum64()>>16))), account)
}

func (s *Server) urls(a Autodiscover, base string) []*elem {
	ews := cmp.Or(a.EWSURL, base+EWSPath)
	all := []*elem{tx("ASUrl", ews)}
	if !a.NoEWSURL {
		all = append(all, tx("EwsUrl", ews))
	}
	all = append(all, tx("OOFUrl", ews))
	if !a.NoUMURL {
		all = append(all, tx("UMUrl", base+UMPath))
	}
	return append(all, tx("OABUrl", base+"/OAB/6f6b7a0e-1f3a-4d0b-9d1a-0b0a54f0a1c2/"))
}
