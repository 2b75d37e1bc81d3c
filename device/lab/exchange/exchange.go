// Package exchange is the lab's Exchange 2007 SP1: a Client Access Server with
// Autodiscover and Exchange Web Services (EWS), its mailboxes, and the Unified
// Messaging web service.
//
// It follows
// docs/protocol/exchange-autodiscover.md#autodiscover-how-the-phone-finds-exchange
// (Autodiscover, [MS-OXDSCLI]), 2 (EWS in schema version Exchange2007_SP1 and UM
// web service), 3 (errors) and 5 (NTLM over HTTP, channel binding), for R9.1, R9.2
// and the manual checks of an administrator, R9.3. It can misbehave
// (docs/decisions.md#hostile-lab): see Faults and Autodiscover.
//
//  1. s := exchange.New(dir); set at least Certificate.
//  2. s.Start(). https://<Host>, <OutsideHost>, <domain>, autodiscover.<domain>
//     are all at s.Addr(); http://autodiscover.<domain>, which redirects, is at
//     s.RedirectAddr(). The Host header selects the site; an IP address means
//     Host.
//  3. Change it while it runs: SetFaults, SetAutodiscover, SetCertificate,
//     AddContacts, LeaveVoiceMail, ReportMissedCall, and the accounts in dir.
//     Counters, Requests and Unread show its state.
//  4. s.Close().
//
// A mailbox is made with the first request for it. It has contacts, a call log
// with missed calls, voice mails with G.711 and one with WMA, and a calendar of
// the current weeks. Only a user with an EUM address has voice mail (R5.1).
//
// Choices where the reference leaves one:
//   - A user without EUM address has no voicemail folder: ErrorFolderNotFound.
//   - A voice mail in Deleted Items is not in the voicemail folder.
//   - An operation of 2007 that the lab does not have is the fault
//     ErrorInvalidOperation; an operation that 2007 does not have is
//     ErrorSchemaValidation.
//   - The schema of SP1 holds for requests with the version Exchange2007 too.
//   - A property that an item does not have is absent, also in FindItem.
//   - What Exchange can do and the lab cannot (send mail, group items, recurring
//     items, tasks, MIME content in a request) is refused with the nearest code.
package exchange

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/directory"
)

// Scheme is an authentication scheme, as in WWW-Authenticate.
type Scheme string

const (
	Negotiate Scheme = "Negotiate" // NTLM, inside SPNEGO (RFC 4559) or raw; the lab has no KDC
	NTLM      Scheme = "NTLM"      // authenticates the connection (MS-NTHT)
	Basic     Scheme = "Basic"     // RFC 7617
)

// Paths of the services; compared without regard to case, as in IIS.
const (
	AutodiscoverPath = "/autodiscover/autodiscover.xml"
	EWSPath          = "/EWS/Exchange.asmx"
	WSDLPath         = "/EWS/Services.wsdl"
	UMPath           = "/UnifiedMessaging/Service.asmx"
)

// Server is a Client Access Server. Make it with New; the exported fields are
// frozen by Start.
type Server struct {
	Host            string          // inside name of the CAS; "" means "cas01." and the domain
	OutsideHost     string          // outside name of the CAS; "" means "mail." and the domain
	InsideURL       string          // prefix of the inside URLs in Autodiscover; "" means "https://" and Host
	OutsideURL      string          // prefix of the outside URLs in Autodiscover; "" means "https://" and OutsideHost
	Address         string          // listen address for https; "" means a free port of 127.0.0.1
	RedirectAddress string          // listen address for http; "" means a free port of 127.0.0.1
	Certificate     tls.Certificate // this or Issue must be set
	// Issue makes the certificate for the first connection if Certificate is not
	// set, since an RSA key takes longer than the rest of Start. It is called at
	// most once.
	Issue  func() (tls.Certificate, error)
	MinTLS uint16      // tls.VersionTLS…; 0 means 1.0, as in 2007
	MaxTLS uint16      // 0 means 1.3
	KeyLog io.Writer   // receives TLS secrets in NSS key log format; nil: not written
	Clock  clock.Clock // nil means clock.System

	Schemes []Scheme // offered, in the order of the headers; nil means all
	// RequireChannelBinding refuses a log-on by NTLM that is not bound to its TLS
	// connection, as a current server with Extended Protection (RFC 5929).
	RequireChannelBinding bool
	RequireNTLMv2         bool // refuse NTLMv1 responses
	MaxFind               int  // items of one FindItem response; 0 sets no bound, as 2007 (2010 had 1,000)

	dir    *directory.Directory
	https  *webServer
	http   *webServer
	cert   atomic.Pointer[tls.Certificate]
	faults atomic.Pointer[Faults]
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu           sync.Mutex
	certs        map[string]*tls.Certificate // by lower-case host; SetHostCertificate
	autodiscover map[string]Autodiscover     // by lower-case host, or "http://" and host
	mailboxes    map[string]*mailbox         // by lower-case SAM
	subs         map[string]*subscription
	calls        map[string]*playedCall // UM web service
	lastID       uint64                 // of items, change keys, subscriptions
	counters     Counters
	requests     []Request
	startedAt    time.Time
}

// New returns a Client Access Server, not yet started, for the users of dir.
func New(dir *directory.Directory) *Server {
	return &Server{
		dir:          dir,
		certs:        map[string]*tls.Certificate{},
		autodiscover: map[string]Autodiscover{},
		mailboxes:    map[string]*mailbox{},
		subs:         map[string]*subscription{},
		calls:        map[string]*playedCall{},
		counters:     Counters{Operations: map[string]int{}},
	}
}

// Start sets the defaults, listens and returns. It is called once.
func (s *Server) Start() error {
	if len(s.Certificate.Certificate) == 0 && s.Issue == nil {
		return errors.New("exchange: no Certificate")
	}
	s.Host = cmp.Or(s.Host, "cas01."+s.dir.Domain())
	s.OutsideHost = cmp.Or(s.OutsideHost, "mail."+s.dir.Domain())
	s.InsideURL = cmp.Or(s.InsideURL, "https://"+s.Host)
	s.OutsideURL = cmp.Or(s.OutsideURL, "https://"+s.OutsideHost)
	s.MinTLS = cmp.Or(s.MinTLS, tls.VersionTLS10)
	s.MaxTLS = cmp.Or(s.MaxTLS, tls.VersionTLS13)
	if s.Clock == nil {
		s.Clock = clock.System
	}
	if s.Schemes == nil {
		s.Schemes = []Scheme{Negotiate, NTLM, Basic}
	}
	s.startedAt = s.Clock.Now()
	if s.Certificate.Certificate != nil {
		s.cert.CompareAndSwap(nil, &s.Certificate) // SetCertificate may have come first
	} else {
		s.Issue = sync.OnceValues(s.Issue)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	var err error
	if s.https, err = s.listen(s.Address, http.HandlerFunc(s.serve), true); err != nil {
		s.cancel()
		return err
	}
	if s.http, err = s.listen(s.RedirectAddress, http.HandlerFunc(s.servePlain), false); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// Addr returns the address of https, host:port; "" before Start.
func (s *Server) Addr() string { return s.https.addr() }

// RedirectAddr returns the address of http, host:port; "" before Start.
func (s *Server) RedirectAddr() string { return s.http.addr() }

// SetCertificate changes the certificate of new connections.
func (s *Server) SetCertificate(c tls.Certificate) { s.cert.Store(&c) }

// SetHostCertificate sets the certificate of new connections that request host
// (SNI). The zero certificate removes it.
func (s *Server) SetHostCertificate(host string, c tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(c.Certificate) == 0 {
		delete(s.certs, strings.ToLower(host))
		return
	}
	s.certs[strings.ToLower(host)] = &c
}

// DropAll closes all connections.
func (s *Server) DropAll() {
	s.https.drop()
	s.http.drop()
}

// Close stops listening, closes all connections and waits for all goroutines.
// Faults.Hold must return first.
func (s *Server) Close() error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	return errors.Join(s.https.close(), s.http.close())
}

// serve serves https.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w, s: s, log: Request{
		Host:   clipField(hostOf(r)),
		Method: clipField(r.Method),
		Path:   clipField(r.URL.Path),
		Agent:  clipField(r.UserAgent()),
	}}
	defer rec.logRequest(0)
	path := strings.ToLower(r.URL.Path)
	switch {
	case path == AutodiscoverPath:
		s.serveAutodiscover(rec, r)
	case !s.isCAS(hostOf(r)):
		http.NotFound(rec, r)
	case path == strings.ToLower(EWSPath), path == strings.ToLower(WSDLPath):
		s.serveEWS(rec, r)
	case path == strings.ToLower(UMPath):
		s.serveUM(rec, r)
	default:
		http.NotFound(rec, r)
	}
}

// hostOf returns the requested host in lower case, without the port.
func hostOf(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// isCAS reports whether host serves EWS. Foreign clients that cannot resolve the
// lab's names use an IP address.
func (s *Server) isCAS(host string) bool {
	return strings.EqualFold(host, s.Host) || strings.EqualFold(host, s.OutsideHost) ||
		host == "localhost" || net.ParseIP(host) != nil
}

// wait waits for d of real time. It returns false if the client or the server has
// gone.
func (s *Server) wait(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
	return false
}
