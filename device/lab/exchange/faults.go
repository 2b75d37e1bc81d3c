package exchange

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// Faults is how EWS misbehaves. The zero value is a good server. Operations are
// named as in the body ("FindItem"); "*" is every one.
type Faults struct {
	// Instead of an answer.
	Refuse401  bool // 401 whatever the client sends, which Exchange also does to slow clients down
	Status     int  // HTTP status with an HTML page, without asking who it is; 0: none. 503, 302 to /owa/, 456 …
	Location   string
	RetryAfter int // seconds, with Status; 0 sends none

	// In place of the operation's outcome.
	Busy      bool              // SOAP fault ErrorServerBusy
	BackOff   time.Duration     // told with Busy; 0: not told
	InnerBusy bool              // 200 with ErrorInternalServerError whose MessageXml tells ErrorServerBusy, as 2010 does
	SOAPFault map[string]string // by operation: the response code of a SOAP fault
	Codes     map[string]string // by operation: the response code of every response message

	// In an otherwise good answer.
	NoServerVersion bool   // without the ServerVersionInfo header
	Raw             []byte // this body, with status 200 and type text/xml
	Truncate        int    // the connection is cut after so many bytes of the body; 0: not
	CloseAfter      bool   // Connection: close with each final answer
	CorruptBase64   bool   // attachments whose content is no base64
	HugeAttachment  int64  // bytes of every attachment; 0: as long as they are
	ShiftingPages   bool   // a mail arrives before each page after the first
	EndlessPages    bool   // no page is ever the last
	EmptyPages      bool   // pages without items that are not the last

	CloseBetweenLegs bool // Connection: close with NTLM's second message

	Delay time.Duration // real time before each operation
	// Hold is called with each operation before anything is done, and may wait.
	// ctx ends when client or server go away.
	Hold func(ctx context.Context, operation string)
}

// SetFaults replaces the faults for all requests from now on.
func (s *Server) SetFaults(f Faults) { s.faults.Store(&f) }

// Faults returns the faults in force.
func (s *Server) Faults() Faults {
	if f := s.faults.Load(); f != nil {
		return *f
	}
	return Faults{}
}

func codeFor(m map[string]string, op string) string {
	if code := m[op]; code != "" {
		return code
	}
	return m["*"]
}

// Counters count since Start.
type Counters struct {
	Connections    int            // accepted, http and https
	Requests       int            // by https, the legs of log-ons included
	Redirects      int            // answered by http
	ClearText      int            // requests by http that brought a password or a body
	Logons         int            // NTLM exchanges and requests with Basic that succeeded
	BadLogons      int            // wrong user, password or message
	BindingRefused int            // NTLM without the channel binding that is required
	Autodiscovers  int            // authenticated autodiscover requests
	Operations     map[string]int // of EWS and UM, by name
}

// Counters returns what was counted so far.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters
	c.Operations = map[string]int{}
	for k, v := range s.counters.Operations {
		c.Operations[k] = v
	}
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
	Host      string    // that the client asked for
	Method    string
	Path      string
	Operation string // of EWS or UM
	Agent     string // User-Agent
	Status    int    // 0: the connection was cut instead
}

// maxLogged bounds what a client writes into one field of the log, in bytes.
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

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	s    *Server
	log  Request
	done bool
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader notes the request before its answer leaves, so that who has the
// answer finds it in the log.
func (w *recorder) WriteHeader(status int) {
	w.logRequest(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	w.logRequest(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// logRequest logs the request, once; status 0 is for one that got no answer.
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

// operation notes what was asked for; names come from the client, so only known
// ones are counted by name.
func (w *recorder) operation(name string, known bool) {
	if !known {
		name = "unknown"
	}
	w.log.Operation = name
	w.s.count(func(c *Counters) {
		if c.Operations == nil {
			c.Operations = map[string]int{}
		}
		c.Operations[name]++
	})
}
