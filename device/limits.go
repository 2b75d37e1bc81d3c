package device

import (
	"cmp"
	"context"
	"time"

	"github.com/ocphone/ocphone/ews"
	"github.com/ocphone/ocphone/ews/autodiscover"
)

// DefaultBudget is Config.Budget if that is zero, and the time limit of
// `ocphone run`.
const DefaultBudget = 30 * time.Second

// The phone's own limits of network I/O, in real time
// (docs/decisions.md#two-kinds-of-time). Config.Budget may shorten them.
const (
	DefaultDialTimeout = 10 * time.Second // TCP connect and TLS handshake, each
	DefaultDNSTimeout  = 3 * time.Second  // one query to one server
)

// limits are the time limits of one phone's network I/O, in real time. Each is a
// part of Config.Budget and at most the phone's own limit, so that a server that
// does not answer ends its own step, with the code of that step, before the time
// of the caller has passed (docs/go.md#time-limits).
type limits struct {
	dns          time.Duration // one query to one DNS, NTP or NetBIOS server
	dial         time.Duration // TCP connect and TLS handshake, each
	answer       time.Duration // one SIP request
	clock        time.Duration // the search for the time
	roots        time.Duration // one search for roots
	autodiscover time.Duration // one request of Autodiscover
	ews          time.Duration // one request of Exchange Web Services

	// The ends of the parts of a sign-in, from its beginning. A part that is
	// finished early leaves its time to the next one.
	registered time.Duration // clock, discovery, roots and REGISTER
	loaded     time.Duration // settings, location profile and the user's documents
	ready      time.Duration // the mailbox
}

// limits divides Budget.
func (c *Config) limits() limits {
	b := c.Budget
	return limits{
		dns:          min(cmp.Or(c.DNSTimeout, DefaultDNSTimeout), b/20),
		dial:         min(cmp.Or(c.DialTimeout, DefaultDialTimeout), b/6),
		answer:       min(cmp.Or(c.Firmware.SIP.AnswerTimeout, b), b/4),
		clock:        b / 6,
		roots:        b / 4,
		autodiscover: min(autodiscover.DefaultTimeout, b/4),
		ews:          min(ews.DefaultTimeout, b/4),
		registered:   b * 3 / 5,
		loaded:       b * 4 / 5,
		ready:        b * 14 / 15,
	}
}

// until is ctx with the end of a part of the sign-in that began at a time; the zero
// time is for work after the sign-in, which has no such end.
func until(ctx context.Context, began time.Time, end time.Duration) (context.Context, context.CancelFunc) {
	if began.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, began.Add(end))
}

// Awaiting is what the phone waits for during a sign-in.
type Awaiting struct {
	What  string    `json:"what"`  // "the answer of pool01.contoso.com:5061 to REGISTER"
	Since time.Time `json:"since"` // by the host's clock, as the limits
}

// await says what the work in the background waits for from now on. It is for any
// goroutine.
func (l *lifetime) await(what string) {
	now := Awaiting{What: what, Since: time.Now()}
	l.post(func() { l.awaiting = now })
}
