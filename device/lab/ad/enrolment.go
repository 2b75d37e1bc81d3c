package ad

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/ntlm/spnego"
)

// Web enrolment: http://<dNSHostName>/certsrv/certnew.p7b, the phone's second
// source of a root (docs/protocol/trust.md#root-download). NTLM authenticates the
// connection, not the request (MS-NTHT), therefore the logon is stored with the
// connection.

const (
	enrolmentPath = "/certsrv/certnew.p7b"

	httpTimeout   = 30 * time.Second
	httpIdle      = 2 * time.Minute
	httpMaxHeader = 64 << 10
	maxChain      = 8
)

// login is the NTLM logon of one HTTP connection.
type login struct {
	mu            sync.Mutex
	exchange      *acceptor
	authenticated bool
}

type loginKey struct{}

func (s *Server) startEnrolment() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+enrolmentPath, s.serveChain)
	s.http = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: httpTimeout,
		ReadTimeout:       httpTimeout,
		WriteTimeout:      httpTimeout,
		IdleTimeout:       httpIdle,
		MaxHeaderBytes:    httpMaxHeader,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, loginKey{}, new(login))
		},
		ConnState: func(_ net.Conn, state http.ConnState) { // Close waits for the connections
			switch state {
			case http.StateNew:
				s.wg.Add(1)
			case http.StateClosed, http.StateHijacked:
				s.wg.Done()
			}
		},
	}
	s.wg.Go(func() { _ = s.http.Serve(s.httpListener) })
}

func (s *Server) serveChain(w http.ResponseWriter, r *http.Request) {
	if !s.authenticate(w, r) {
		return
	}
	chain := s.chain()
	if len(chain) == 0 {
		http.Error(w, "no certification authority is published", http.StatusNotFound)
		return
	}
	p7b, err := pkcs7.DegenerateCertificate(slices.Concat(chain...))
	if err != nil {
		http.Error(w, "the chain cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-pkcs7-certificates")
	if r.URL.Query().Get("Enc") == "b64" {
		// AD CS labels a PKCS #7 "CERTIFICATE" (CR_OUT_BASE64HEADER), not "PKCS7".
		p7b = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p7b})
	}
	_, _ = w.Write(p7b)
}

// authenticate runs NTLM, raw for the schemes "NTLM" and "Negotiate", inside
// SPNEGO for "Negotiate". It answers 401 until the connection is authenticated.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) bool {
	l := r.Context().Value(loginKey{}).(*login)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.authenticated && r.Header.Get("Authorization") == "" {
		return true
	}
	l.authenticated = false
	scheme, encoded, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	isNTLM, isNegotiate := strings.EqualFold(scheme, "NTLM"), strings.EqualFold(scheme, "Negotiate")
	if err != nil || len(token) == 0 || !isNTLM && !isNegotiate {
		return refuse(w, "Negotiate", "NTLM")
	}
	if spnego.IsInitial(token) {
		l.exchange = s.newAcceptor("HTTP")
	}
	exchange := l.exchange
	l.exchange = nil
	if exchange == nil {
		return refuse(w, "Negotiate", "NTLM")
	}
	reply, session, err := exchange.step(token)
	if err != nil {
		return refuse(w, "Negotiate", "NTLM")
	}
	next := scheme + " " + base64.StdEncoding.EncodeToString(reply)
	if session == nil {
		l.exchange = exchange
		return refuse(w, next)
	}
	if l.authenticated = true; reply != nil {
		w.Header().Set("WWW-Authenticate", next)
	}
	return true
}

// refuse answers 401 with these challenges and returns false.
func refuse(w http.ResponseWriter, challenges ...string) bool {
	w.Header()["WWW-Authenticate"] = challenges
	w.WriteHeader(http.StatusUnauthorized)
	return false
}

// chain returns the certificate of the first enterprise CA and the published
// certificates above it.
func (s *Server) chain() [][]byte {
	enrolments := s.dir.Enrolments()
	if len(enrolments) == 0 {
		return nil
	}
	chain := [][]byte{enrolments[0].DER}
	roots := s.dir.Roots()
	for len(chain) < maxChain {
		issuer := issuerOf(chain[len(chain)-1], roots)
		if issuer == nil {
			break
		}
		chain = append(chain, issuer)
	}
	return chain
}

// issuerOf returns the published certificate of der's issuer; nil for a root.
func issuerOf(der []byte, roots []directory.Entry) []byte {
	cert, err := x509.ParseCertificate(der)
	if err != nil || string(cert.RawSubject) == string(cert.RawIssuer) {
		return nil
	}
	for _, r := range roots {
		for _, v := range r.DER {
			if c, err := x509.ParseCertificate(v); err == nil && string(c.RawSubject) == string(cert.RawIssuer) {
				return v
			}
		}
	}
	return nil
}
