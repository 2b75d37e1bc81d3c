package sipua

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// request is a request of the phone other than REGISTER.
type request struct {
	dialog      *dialog // guarded by the registration's mu; stays in dialogNone if the method creates none
	method      string
	uri         string // Request-URI as last sent
	headers     []sipwire.Header
	contentType string
	body        []byte
	subject     string                  // object of a sentence: "the subscription to …"
	asked       string                  // Asked of a step
	onSuccess   func(*sipwire.Incoming) // the reader calls it with a 2xx, before the next message; may be nil
}

type sentKey struct{}

// OnSent returns a context for Subscribe and Service that calls f when their request
// was written to the connection, before its answer. f must not block. With it a
// caller sends several requests, in an order of its own, before the first answer: each
// is a transaction by itself (RFC 3261 17), and the connection keeps their order.
func OnSent(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, sentKey{}, f)
}

// do sends q and returns its 2xx. A digest challenge of the realm that the
// phone is signed in to is answered once (RFC 3261 22.2).
func (r *Registration) do(ctx context.Context, q *request) (*sipwire.Incoming, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Profile.AnswerTimeout)
	defer cancel()
	in, err := r.doOnce(ctx, q, nil)
	if err == nil && (in.Response().StatusCode == 401 || in.Response().StatusCode == 407) {
		if c, ok := r.digestFor(in, q); ok {
			in, err = r.doOnce(ctx, q, &c)
		}
	}
	if err != nil {
		return nil, r.waitFailure(q.asked, err)
	}
	if !in.Response().IsSuccess() {
		return nil, r.refusedFailure(in, q)
	}
	return in, nil
}

// doOnce sends q once and waits for the final answer.
func (r *Registration) doOnce(ctx context.Context, q *request, credentials *sipwire.Header) (*sipwire.Incoming, error) {
	g := r.Info()
	contact := r.contact()
	if g.GRUU != "" {
		contact = "<" + g.GRUU + ">"
	}
	r.mu.Lock()
	c := q.dialog.request(q.method)
	r.mu.Unlock()
	q.uri = c.URI
	c.Transport, c.Via, c.Body = r.server.transport(), r.conn.LocalAddr().String(), q.body
	c.From += ";epid=" + r.cfg.EPID
	own := []sipwire.Header{{Name: "Contact", Value: contact}, {Name: "User-Agent", Value: r.cfg.Profile.UserAgent}}
	c.Headers = slices.Concat(own, c.Headers, q.headers)
	if q.contentType != "" {
		c.Headers = append(c.Headers, sipwire.Header{Name: "Content-Type", Value: q.contentType})
	}
	if credentials != nil {
		c.Headers = append(c.Headers, *credentials)
	}
	req, err := sipwire.NewRequest(c)
	if err != nil {
		return nil, err
	}
	sent, _ := ctx.Value(sentKey{}).(func())
	return r.conn.Do(ctx, req, sipwire.Sent(sent), sipwire.Final(func(in *sipwire.Incoming) {
		if in.Response().IsSuccess() && q.onSuccess != nil {
			q.onSuccess(in)
		}
	}))
}

// timeoutError is the error of a wait that ctx ended.
func (r *Registration) timeoutError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &journal.Failure{Code: journal.SIPNoAnswer, Err: ctx.Err()}
	}
	return fmt.Errorf("waiting for the server: %w", context.Cause(ctx))
}

// digestFor makes the credentials for a digest challenge. Only the realm of the
// sign-in gets them (docs/decisions.md#do-no-harm).
func (r *Registration) digestFor(in *sipwire.Incoming, q *request) (sipwire.Header, bool) {
	c, ok, _ := chooseChallenge(challenges(in.Response()), true, true)
	g := r.Info()
	if !ok || !c.hasScheme(schemeDigest) || g.Scheme != schemeDigest || printable(c.Get("realm")) != g.Target {
		return sipwire.Header{}, false
	}
	d := digester{challenge: c, user: r.cfg.AuthUser, password: r.cfg.Password}
	h, err := d.credentials(q.method, q.uri)
	return h, err == nil
}

// waitFailure turns the error of a wait into a Failure for the user. It does not
// change the error of ctx, nor ErrClosed after Close.
func (r *Registration) waitFailure(asked string, err error) error {
	if !errors.Is(err, sipwire.ErrClosed) {
		return r.connFailureFor(asked, err)
	}
	r.mu.Lock()
	e := r.endEvent
	r.mu.Unlock()
	if e == nil {
		return err
	}
	return &journal.Failure{Code: journal.SIPLost, Asked: asked, By: r.by(), Err: e.Err,
		What: "The registration ended before the server had answered."}
}

// refusedFailure turns a final response other than 2xx into a Failure.
func (r *Registration) refusedFailure(in *sipwire.Incoming, q *request) *journal.Failure {
	refused := &Refused{newReply(in, "", nil)}
	f := &journal.Failure{
		Code:     journal.SIPRejected,
		Asked:    q.asked,
		Answered: refused.Text,
		By:       r.by(),
		Because:  "RFC 3261 21; ms-diagnostics of MS-OCER",
		Err:      refused,
		What:     fmt.Sprintf("The server refused %s with %d.", q.subject, refused.Status),
	}
	switch {
	case refused.Status == 403:
		f.Code = journal.SIPForbidden
		f.What = fmt.Sprintf("The server forbids %s %s.", r.address, q.subject)
		f.Fix = diagnose(in).remedy() + " The user may need to be enabled for this on the pool."
	case refused.Status == 404 && q.uri == r.address.URI():
		f.Code = journal.SIPUnknownUser
		f.What = fmt.Sprintf("The server does not know %s when asked for %s.", r.address, q.subject)
	case refused.Status == 404:
		f.What = fmt.Sprintf("The server does not know %s.", q.subject)
	case refused.Status == 406:
		f.What = fmt.Sprintf("The server does not have %s in a format that the phone reads.", q.subject)
	case refused.Status == 489: // RFC 6665 8.3.2
		f.What = fmt.Sprintf("The server does not offer %s.", q.subject)
		if offered := in.Header("Allow-Events"); offered != "" {
			f.Details = append(f.Details, "It offers "+printable(offered))
		}
	case refused.Status >= 500 && refused.Status < 600:
		f.Code = journal.SIPUnavailable
		f.What = fmt.Sprintf("The server cannot serve %s now.", q.subject)
	}
	if f.Code == journal.SIPRejected {
		f.Fix = diagnose(in).remedy()
	}
	f.Fix = cmp.Or(f.Fix, f.Code.Page().Change)
	return f
}
