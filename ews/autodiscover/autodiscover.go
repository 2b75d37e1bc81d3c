// Package autodiscover finds the Exchange Client Access server of a user: from the
// e-mail address to the URLs of the Exchange Web Services (R9.1, R9.2).
//
// It follows MS-OXDSCLI (the XML of Autodiscover, from Exchange 2007 on) and
// R9.1: three candidates, found by A records alone, without service connection
// points and without SRV records. No request is sent to a server whose certificate
// is not trusted (R1.6), and no root is searched for.
//
//  1. c := &autodiscover.Client{HTTP: doer, Clock: …, Record: …}; the doer logs
//     on (ntlmhttp.Client), judges certificates, and follows no redirect.
//  2. result, err := c.Discover(ctx, "alice@contoso.com"); a fresh answer is
//     kept for 24 hours.
//  3. result.EWS(outside) is the URL of the services. If it cannot be reached,
//     c.Failed(address) reports whether another Discover may help.
//
// Each request is a step of Record. The failure that ends a search is returned and
// not recorded.
package autodiscover

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
)

const (
	// DefaultTimeout is for one request, in real time; exchangelib has the same.
	DefaultTimeout = 10 * time.Second
	// Lifetime of an answer: the phone asks again after 24 hours ("OCPE
	// interactions with EWS", 2008).
	Lifetime = 24 * time.Hour
	// RetryAfter is the least age of an answer for which Failed starts a new
	// search, and how long an answer that could not be renewed is used until the
	// next attempt.
	RetryAfter = time.Hour
	// MaxHops bounds the redirects of one search, of all kinds together.
	MaxHops = 10

	maxKept = 16 // addresses
)

// Doer sends one request. It authenticates over https, judges certificates,
// and follows no redirect: *ntlmhttp.Client, or an *http.Client with
// CheckRedirect set to http.ErrUseLastResponse.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Client searches and remembers. Its fields are frozen at the first method
// call. It is safe for concurrent use; searches wait for each other.
type Client struct {
	HTTP    Doer             // required
	Clock   clock.Clock      // for the age of answers; nil is clock.System
	Record  journal.Recorder // nil drops the steps
	Timeout time.Duration    // for one request, in real time; 0 is DefaultTimeout

	once      sync.Once
	searching chan struct{}
	mu        sync.Mutex
	cache     map[string]*cacheEntry
}

type cacheEntry struct {
	result Result
	retry  time.Time // no search before; set when renewing failed
}

// decision says that the answer is used, for the journal.
func (e *cacheEntry) decision(now time.Time) string {
	at := e.result.At.UTC().Format(time.DateTime)
	if e.isFresh(now) {
		return fmt.Sprintf("The answer of %s UTC, at most 24 h old, is used", at)
	}
	return fmt.Sprintf("The answer of %s UTC is used until the next attempt to renew it", at)
}

func (e *cacheEntry) isFresh(now time.Time) bool {
	age := now.Sub(e.result.At)
	return age >= 0 && age < Lifetime
}

// Result is what Autodiscover answered.
type Result struct {
	Address     string    `json:"address"` // of the answer: after redirects not the requested one
	DisplayName string    `json:"displayName,omitempty"`
	Internal    Protocol  `json:"internal"`        // EXCH: for clients inside
	External    Protocol  `json:"external"`        // EXPR: for clients outside
	URL         string    `json:"url"`             // of the server that answered
	At          time.Time `json:"at"`              // by the phone's clock
	Stale       bool      `json:"stale,omitempty"` // older than Lifetime: it could not be renewed
	Via         []Hop     `json:"via,omitempty"`
}

// Protocol has the URLs of one kind of access to the mailbox. URLs that are not
// https are removed, except that of the offline address book.
type Protocol struct {
	Type   string `json:"type,omitempty"` // EXCH, EXPR, WEB, EXHTTP; empty: not offered
	Server string `json:"server,omitempty"`
	// 32 bits in hex, docs/protocol/exchange-autodiscover.md#settings-answer
	ServerVersion string `json:"serverVersion,omitempty"`
	SSL           bool   `json:"ssl,omitempty"`
	AuthPackage   string `json:"authPackage,omitempty"`
	EWSURL        string `json:"ewsURL,omitempty"` // EwsUrl, or ASUrl where a server of 2007 gives only that
	ASURL         string `json:"asURL,omitempty"`  // availability
	UMURL         string `json:"umURL,omitempty"`  // unified messaging
	OABURL        string `json:"oabURL,omitempty"` // offline address book
	OOFURL        string `json:"oofURL,omitempty"` // out of office
}

// EWS returns the URL of the Exchange Web Services for a phone inside or outside; if
// the server offers only the other one, that.
func (r Result) EWS(outside bool) string {
	return r.pick(outside, func(p Protocol) string { return p.EWSURL })
}

// UM returns the URL of the unified messaging service, empty if there is none.
func (r Result) UM(outside bool) string {
	return r.pick(outside, func(p Protocol) string { return p.UMURL })
}

func (r Result) pick(outside bool, url func(Protocol) string) string {
	if outside {
		return cmp.Or(url(r.External), url(r.Internal))
	}
	return cmp.Or(url(r.Internal), url(r.External))
}

// Hop is one request of a search.
type Hop struct {
	Method   string       `json:"method"`
	URL      string       `json:"url"`
	Answered string       `json:"answered"`
	Decided  string       `json:"decided"`
	Code     journal.Code `json:"code,omitempty"`
}

func (h Hop) String() string {
	said := slices.DeleteFunc([]string{h.Method + " " + h.URL, h.Answered, h.Decided},
		func(s string) bool { return s == "" })
	return strings.Join(said, ": ")
}

func (c *Client) now() time.Time {
	if c.Clock == nil {
		return clock.System.Now()
	}
	return c.Clock.Now()
}

func (c *Client) setup() {
	c.once.Do(func() { c.searching, c.cache = make(chan struct{}, 1), map[string]*cacheEntry{} })
}

// Restore takes r, which an earlier Client has found for address, as if it had been
// found by c. It reports whether Discover returns it: its age is less than 24 hours
// and all URLs of EWS that it has are https.
func (c *Client) Restore(address string, r Result) bool {
	c.setup()
	e := &cacheEntry{result: r}
	if r.Stale || !e.isFresh(c.now()) || !isUsableURL(r.EWS(false)) || !isUsableURL(r.EWS(true)) {
		return false
	}
	c.store(strings.ToLower(strings.TrimSpace(address)), e)
	return true
}

// Discover returns an answer younger than 24 hours, or searches. If no server can be
// reached, an older answer is returned with Stale set. The error holds a *journal.Failure.
func (c *Client) Discover(ctx context.Context, address string) (Result, error) {
	c.setup()
	select {
	case c.searching <- struct{}{}:
		defer func() { <-c.searching }()
	case <-ctx.Done():
		return Result{}, &journal.Failure{Code: journal.Timeout, Asked: "Autodiscover for " + clean(address),
			What: "Another search did not end in time", Err: ctx.Err()}
	}
	key := strings.ToLower(strings.TrimSpace(address))
	now := c.now()
	c.mu.Lock()
	cached := c.cache[key]
	c.mu.Unlock()
	if cached != nil {
		if cached.isFresh(now) || now.Before(cached.retry) {
			c.Record.Record(journal.Step{
				Name:     journal.Autodiscover,
				State:    journal.OK,
				Asked:    "Autodiscover for " + clean(address),
				By:       cached.result.URL,
				Because:  "Autodiscover information is refreshed every 24 hours",
				Answered: "EWS at " + cached.result.EWS(false),
				Decided:  cached.decision(now),
			})
			return cached.result, nil
		}
	}
	s := &search{Client: c, timeout: cmp.Or(c.Timeout, DefaultTimeout)}
	result, trouble := s.run(ctx, key)
	if trouble == nil {
		result.At = now
		c.store(key, &cacheEntry{result: result})
		return result, nil
	}
	if cached != nil && trouble.rank <= rankAnswer {
		stale := *cached
		stale.result.Stale, stale.retry = true, now.Add(RetryAfter)
		c.store(key, &stale)
		step := trouble.Failure.Step(journal.Autodiscover)
		step.State = journal.Warned
		at := cached.result.At.UTC().Format(time.DateTime)
		step.Decided = "The answer of " + at + " UTC cannot be renewed and is used still"
		c.Record.Record(step)
		return stale.result, nil
	}
	c.Forget(address)
	return Result{}, trouble.Failure
}

func (c *Client) store(key string, e *cacheEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.cache[key]; !ok && len(c.cache) >= maxKept {
		clear(c.cache)
	}
	c.cache[key] = e
}

// Unreachable says that the server in the answer for address could not be reached. It
// reports whether the answer was old enough (RetryAfter) to be deleted, so that the
// next Discover searches.
func (c *Client) Unreachable(address string) bool {
	key := strings.ToLower(strings.TrimSpace(address))
	c.mu.Lock()
	defer c.mu.Unlock()
	e, age := c.cache[key], time.Duration(0)
	if e != nil {
		age = c.now().Sub(e.result.At)
	}
	if e == nil || age >= 0 && age < RetryAfter || c.now().Before(e.retry) {
		return false
	}
	delete(c.cache, key)
	return true
}

// Forget deletes the answer for address, whatever its age: for a server that says
// that it is the wrong one.
func (c *Client) Forget(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.cache, strings.ToLower(strings.TrimSpace(address)))
}
