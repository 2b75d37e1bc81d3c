package exchange

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/ntlm"
	"github.com/ocphone/ocphone/device/ntlm/spnego"
)

// NTLM over HTTP authenticates the connection, not the request (MS-NTHT;
// docs/protocol/http-ntlm.md#ntlm-over-http), therefore the log-on is stored with the connection.

// login is the log-on of one connection.
type login struct {
	mu          sync.Mutex
	exchange    *spnego.Acceptor
	claimedUser directory.User // user of the exchange, not authenticated yet
	sam         string         // of the authenticated user; "" if there is none
}

// authenticate returns the user of r. If r is not authenticated, it answers 401,
// which contains the next message of an NTLM log-on in progress, and returns
// false.
func (s *Server) authenticate(w *recorder, r *http.Request) (directory.User, bool) {
	if s.Faults().Refuse401 {
		return s.challenge(w, r)
	}
	l := &connOf(r).login
	l.mu.Lock()
	defer l.mu.Unlock()
	header := r.Header.Get("Authorization")
	if header == "" && l.sam != "" { // the connection is authenticated; IIS does not need the header
		if u, ok := s.dir.User(l.sam); ok {
			w.log.User = u.SAM
			return u, true
		}
	}
	l.sam = ""
	scheme, encoded, _ := strings.Cut(header, " ")
	token, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil || len(token) == 0 || len(token) > ntlm.MaxMessage || !s.offers(scheme) {
		return s.challenge(w, r)
	}
	var u directory.User
	if strings.EqualFold(scheme, string(Basic)) {
		u, err = s.basic(token)
	} else {
		var reply []byte
		u, reply, err = s.handshake(l, strings.EqualFold(scheme, string(Negotiate)), token, r)
		if err == nil && u.SAM == "" {
			s.sendNTLMChallenge(w, r, scheme, reply)
			return directory.User{}, false
		}
		if err == nil {
			l.sam = u.SAM
			if reply != nil { // the last message of SPNEGO
				w.Header().Set("WWW-Authenticate", scheme+" "+base64.StdEncoding.EncodeToString(reply))
			}
		}
	}
	switch {
	case err == nil:
		s.count(func(c *Counters) { c.Logons++ })
		w.log.User = u.SAM
		return u, true
	case errors.Is(err, ntlm.ErrBinding), errors.Is(err, ntlm.ErrTarget):
		s.count(func(c *Counters) { c.BindingRefused++ })
	default:
		s.count(func(c *Counters) { c.BadLogons++ })
	}
	return s.challenge(w, r)
}

func (s *Server) offers(scheme string) bool {
	return slices.ContainsFunc(s.Schemes, func(x Scheme) bool { return strings.EqualFold(string(x), scheme) })
}

// challenge answers 401 with every offered scheme, and an HTML page as IIS does. It
// returns the result of authenticate.
func (s *Server) challenge(w *recorder, r *http.Request) (directory.User, bool) {
	for _, x := range s.Schemes {
		v := string(x)
		if x == Basic {
			v += ` realm="` + s.Host + `"`
		}
		w.Header().Add("WWW-Authenticate", v)
	}
	s.refuse(w, r, http.StatusUnauthorized, "You are not authorized to view this page")
	return directory.User{}, false
}

// sendNTLMChallenge answers 401 with NTLM's second message.
func (s *Server) sendNTLMChallenge(w *recorder, r *http.Request, scheme string, reply []byte) {
	w.Header().Set("WWW-Authenticate", scheme+" "+base64.StdEncoding.EncodeToString(reply))
	if s.Faults().CloseBetweenLegs {
		w.Header().Set("Connection", "close")
	}
	discardBody(r)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusUnauthorized)
}

// discardBody reads the body of a request that is not authenticated, so that the
// connection stays open.
func discardBody(r *http.Request) { _, _ = io.Copy(io.Discard, io.LimitReader(r.Body, maxBody+1)) }

// refuse answers with an HTML page, as IIS does
// (docs/protocol/exchange-errors.md#shapes-of-an-error (4)).
func (s *Server) refuse(w *recorder, r *http.Request, status int, title string) {
	discardBody(r)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html><head><title>"+title+"</title></head><body><h1>"+title+"</h1></body></html>")
}

// basic checks the credentials of Basic, RFC 7617.
func (s *Server) basic(token []byte) (directory.User, error) {
	name, password, ok := strings.Cut(string(token), ":")
	if !ok {
		return directory.User{}, ntlm.ErrLogon
	}
	u, ok := s.dir.FindUser(name, "")
	switch {
	case !ok:
		return u, directory.ErrUnknown
	case u.Locked:
		return u, directory.ErrLocked
	case subtle.ConstantTimeCompare([]byte(password), []byte(u.Password)) != 1:
		s.dir.BadLogon(u.SAM)
		return u, ntlm.ErrLogon
	}
	return u, s.dir.GoodLogon(u.SAM)
}

// handshake processes one token: an NTLM message, raw or, with Negotiate, inside
// SPNEGO. While u is empty, reply is the next message to the client.
func (s *Server) handshake(
	l *login, negotiate bool, token []byte, r *http.Request,
) (u directory.User, reply []byte, err error) {
	if spnego.IsInitial(token) {
		l.exchange = s.newExchange(l, connOf(r))
	}
	exchange := l.exchange
	l.exchange = nil
	if exchange == nil || !negotiate && ntlm.Type(token) == 0 { // nil: the exchange began on another connection
		return u, nil, ntlm.ErrMalformed
	}
	l.claimedUser = directory.User{}
	reply, session, err := exchange.Step(token)
	switch {
	case errors.Is(err, ntlm.ErrLogon):
		s.dir.BadLogon(l.claimedUser.SAM)
	case session != nil:
		err, u = s.dir.GoodLogon(l.claimedUser.SAM), l.claimedUser
	case err == nil:
		l.exchange = exchange
	}
	return u, reply, err
}

func (s *Server) newExchange(l *login, c *peerConn) *spnego.Acceptor {
	// Signing is for SPNEGO's MIC. go-ntlmssp refuses key exchange
	// (docs/protocol/http-ntlm.md#ntlm-over-http).
	flags := ntlm.FlagsHTTP | ntlm.NegotiateSign
	x := s.dir.NTLMServer(s.Host, flags, s.Clock.Now, func(u directory.User) { l.claimedUser = u })
	x.RequireV2, x.Timestamp = s.RequireNTLMv2, true
	x.Target = ntlm.ForService("HTTP", func(host string) bool { return s.isHost(c, host) })
	// 2007 SP1 ignores channel bindings. Extended Protection refuses a binding that is
	// missing or belongs to another connection (a relay,
	// docs/protocol/http-ntlm.md#ntlm-over-http).
	if leaf := c.leaf.Load(); leaf != nil && s.RequireChannelBinding {
		x.ChannelBinding, x.RequireChannelBinding = ntlm.ChannelBindings(leaf), true
	}
	return &spnego.Acceptor{NTLM: x}
}

// isHost reports whether host is a name or address of this server.
func (s *Server) isHost(c *peerConn, host string) bool {
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return true
	}
	leaf := c.leaf.Load() // nil by http
	return strings.EqualFold(host, s.Host) ||
		leaf != nil && (leaf.VerifyHostname(host) == nil || strings.EqualFold(host, leaf.Subject.CommonName))
}
