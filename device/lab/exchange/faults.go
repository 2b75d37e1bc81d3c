package exchange

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Faults are the misbehaviours of EWS. The zero value is a correct server.
// Operations are named as in the body ("FindItem"); "*" means every operation.
type Faults struct {
	// Instead of an answer.
	Refuse401  bool // 401 for every request; Exchange also does it to slow clients down
	Status     int  // HTTP status with an HTML page, before the log-on: 503, 302 to /owa/, 456 …; 0: none
	Location   string
	RetryAfter int // seconds, with Status; 0: no header

	// In place of the operation's result.
	Busy      bool              // SOAP fault ErrorServerBusy
	BackOff   time.Duration     // BackOffMilliseconds of Busy; 0: absent
	InnerBusy bool              // 200, ErrorInternalServerError with ErrorServerBusy in MessageXml, as 2010
	SOAPFault map[string]string // by operation: the response code of a SOAP fault
	Codes     map[string]string // by operation: the response code of every response message

	// In an otherwise correct answer.
	NoServerVersion bool   // without the ServerVersionInfo header
	Raw             []byte // this body, with status 200 and type text/xml
	Truncate        int    // close the connection after that many bytes of the body; 0: never
	CloseAfter      bool   // Connection: close with each final answer
	CorruptBase64   bool   // attachments whose content is not base64
	HugeAttachment  int64  // bytes of every attachment; 0: the real length
	ShiftingPages   bool   // a mail arrives before each page after the first
	EndlessPages    bool   // no page is the last one
	EmptyPages      bool   // pages without items that are not the last

	CloseBetweenLegs bool // Connection: close with NTLM's second message

	Delay time.Duration // real time before each operation
	// Hold is called with each operation before it runs, and may wait. ctx ends when
	// the client or the server has gone.
	Hold func(ctx context.Context, operation string)
}

// SetFaults replaces the faults of later requests.
func (s *Server) SetFaults(f Faults) { s.faults.Store(&f) }

// Faults returns the current faults.
func (s *Server) Faults() Faults { return *cmp.Or(s.faults.Load(), &Faults{}) }

func codeFor(m map[string]string, op string) string { return cmp.Or(m[op], m["*"]) }

// Counters count since Start.
type Counters struct {
	Connections    int            // accepted, http and https
	Requests       int            // by https, including those of log-ons in progress
	Redirects      int            // answered by http
	ClearText      int            // requests by http with a password or a body
	Logons         int            // NTLM exchanges and requests with Basic that succeeded
	BadLogons      int            // wrong user, password or message
	BindingRefused int            // NTLM without the required channel binding, or for another service
	Autodiscovers  int            // authenticated autodiscover requests
	Operations     map[string]int // of EWS and UM, by name
}

// Counters returns the current counters.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters
	c.Operations = maps.Clone(c.Operations)
	return c
}

func (s *Server) count(add func(*Counters)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add(&s.counters)
}

// Request is one line of the web server's log (R9.3).
type Request struct {
	Time      time.Time // by the Clock
	User      string    // sAMAccountName; "": not logged on
	Host      string    // requested host
	Method    string
	Path      string
	Operation string // of EWS or UM
	Agent     string // User-Agent
	Status    int    // 0: the connection was closed instead
}

// maxLogged bounds a field of the log, in bytes.
const maxLogged = 256

func clipField(v string) string { return v[:min(len(v), maxLogged)] }

// maxRequests bounds the log.
const maxRequests = 1000

// Requests returns the latest requests by https, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// recorder logs the response to a request.
type recorder struct {
	http.ResponseWriter
	s    *Server
	log  Request
	done bool
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader logs the request before the response is sent, so that a client that
// has the response finds it in the log.
func (w *recorder) WriteHeader(status int) {
	w.logRequest(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	w.logRequest(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// logRequest logs the request, once; status 0 means that it was not answered.
func (w *recorder) logRequest(status int) {
	if w.done {
		return
	}
	w.done = true
	w.log.Time, w.log.Status = w.s.Clock.Now(), status
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.counters.Requests++
	if len(w.s.requests) == maxRequests {
		w.s.requests = slices.Delete(w.s.requests, 0, maxRequests/10)
	}
	w.s.requests = append(w.s.requests, w.log)
}

// operation logs and counts an operation. Only known operations are counted by
// name, since the name is the client's.
func (w *recorder) operation(name string, known bool) {
	if !known {
		name = "unknown"
	}
	w.log.Operation = name
	w.s.count(func(c *Counters) { c.Operations[name]++ })
}
