package sipua

import (
	"cmp"
	"math/rand/v2"
	"time"
)

// Profile holds the SIP parameters of a firmware. Each value is marked with its
// certainty (docs/protocol/README.md#certainty).
//
// A zero field means "as in DefaultProfile", except for booleans and Expires.
type Profile struct {
	// UserAgent is the User-Agent header; the client version filter of the
	// pool keys on the product OCPhone. Tokens (documented), whole string (recalled).
	UserAgent string
	// Supported are the values of the Supported headers, one header each (documented).
	Supported []string
	// Methods are the methods that the phone serves, for the methods parameter of the
	// Contact and for Allow. The Handler of Config serves those that are added.
	Methods string
	// MaxVersion is the highest version of the authentication protocol that
	// the phone supports: 2 LCS 2005, 3 OCS 2007, 4 OCS 2007 R2. The version of
	// the 1.0.x firmware is not known (guess).
	MaxVersion int
	// Expires is the lifetime that REGISTER requests; 0 sends no Expires header,
	// so that the pool chooses, as Communicator does (observed).
	Expires time.Duration
	// ExpiresDefault is the lifetime if the server names none: 7200 s on OCS 2007
	// R2, 900 s on OCS 2007 RTM (observed).
	ExpiresDefault time.Duration
	// RefreshMargin is how long before Expires the registration is refreshed
	// (observed: pidgin-sipe's 30 s). Lifetimes below four margins are refreshed
	// after three quarters.
	RefreshMargin time.Duration
	// KeepAlive is the idle time before a keep-alive if the server names none
	// (observed: pidgin-sipe's guess).
	KeepAlive time.Duration
	// AssociationLifetime is how long a security association is used, without
	// the safety margin: 8 h less at least 5 min (documented).
	AssociationLifetime time.Duration
	// AnswerTimeout is the time-out of one request. It guards network I/O and so runs in
	// real time (observed: pidgin-sipe's 60 s); the phone's own value is not known.
	AnswerTimeout time.Duration
	// UnregisterTimeout is how long Unregister waits for an answer, in real time (guess).
	UnregisterTimeout time.Duration
	// RetryFirst, RetryMax and RetryFactor determine the back-off of
	// re-registration after a loss: that of the phone is not documented (guess).
	RetryFirst  time.Duration
	RetryMax    time.Duration
	RetryFactor float64
	// RetryJitter is the fraction by which a delay may be longer, so that the
	// phones of a building do not register at the same time (guess).
	RetryJitter float64
	// Digest lets the phone answer RFC 3261 digest challenges. An OCS pool does
	// not offer them; other registrars do.
	Digest bool
	// AllowOutside accepts a redirect to a host outside the SIP domain.
	AllowOutside bool
}

// DefaultProfile is the profile of firmware 1.0.522.71.
func DefaultProfile() Profile {
	return Profile{
		// docs/protocol/phone.md#sign-in
		UserAgent: "CPE/1.0.522.71 OCPhone/1.0.522.71 (Microsoft Office Communicator 2007 Phone Edition)",
		// docs/protocol/sip-connection.md#registration
		Supported:           []string{"gruu-10, adhoclist, msrtc-event-categories", "ms-forking"},
		Methods:             "OPTIONS, NOTIFY, BENOTIFY",
		MaxVersion:          4,
		ExpiresDefault:      7200 * time.Second,
		RefreshMargin:       30 * time.Second,
		KeepAlive:           60 * time.Second,
		AssociationLifetime: 8*time.Hour - 5*time.Minute,
		AnswerTimeout:       60 * time.Second,
		UnregisterTimeout:   2 * time.Second,
		RetryFirst:          5 * time.Second,
		RetryMax:            15 * time.Minute,
		RetryFactor:         2,
		RetryJitter:         0.5,
	}
}

// withDefaults replaces zero fields with those of DefaultProfile.
func (p Profile) withDefaults() Profile {
	d := DefaultProfile()
	p.UserAgent = cmp.Or(p.UserAgent, d.UserAgent)
	p.Methods = cmp.Or(p.Methods, d.Methods)
	p.MaxVersion = cmp.Or(p.MaxVersion, d.MaxVersion)
	p.ExpiresDefault = cmp.Or(p.ExpiresDefault, d.ExpiresDefault)
	p.RefreshMargin = cmp.Or(p.RefreshMargin, d.RefreshMargin)
	p.KeepAlive = cmp.Or(p.KeepAlive, d.KeepAlive)
	p.AssociationLifetime = cmp.Or(p.AssociationLifetime, d.AssociationLifetime)
	p.AnswerTimeout = cmp.Or(p.AnswerTimeout, d.AnswerTimeout)
	p.UnregisterTimeout = cmp.Or(p.UnregisterTimeout, d.UnregisterTimeout)
	p.RetryFirst = cmp.Or(p.RetryFirst, d.RetryFirst)
	p.RetryMax = cmp.Or(p.RetryMax, d.RetryMax)
	p.RetryFactor = cmp.Or(p.RetryFactor, d.RetryFactor)
	p.RetryJitter = cmp.Or(p.RetryJitter, d.RetryJitter)
	if p.Supported == nil {
		p.Supported = d.Supported
	}
	return p
}

// Backoff is the delay before attempt n to register after a loss; n counts from
// 1. random returns numbers in [0,1); nil means math/rand/v2.
func (p Profile) Backoff(n int, random func() float64) time.Duration {
	p = p.withDefaults()
	if random == nil {
		random = rand.Float64
	}
	d := p.RetryFirst
	for ; n > 1 && d < p.RetryMax; n-- {
		d = time.Duration(float64(d) * p.RetryFactor)
	}
	d = min(d, p.RetryMax)
	return d + time.Duration(float64(d)*p.RetryJitter*random())
}

// refreshAfter is when to refresh a registration that lives for expires.
func (p Profile) refreshAfter(expires time.Duration) time.Duration {
	if expires < 4*p.RefreshMargin {
		return max(expires*3/4, minRefresh)
	}
	return expires - p.RefreshMargin
}

// minRefresh limits the rate of refreshes if a server grants very short
// lifetimes.
const minRefresh = time.Second
