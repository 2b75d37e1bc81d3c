package network

import (
	"context"
	"errors"

	"github.com/ocphone/ocphone/device/journal"
)

// Retryable reports whether to try the next candidate after err with one of them
// (docs/decisions.md#do-no-harm: a password is tried once). The code decides:
//
//	yes       dns.*                             this name has no server, another may have
//	          net.refused net.timeout net.failed  down or filtered
//	          tls.failed                        not TLS, or no common version; no secret was sent
//	          sip.outside-domain                this target is refused, the next may be in the domain
//	          sip.unavailable                   480, 5xx: another front end may be up
//	          sip.no-answer sip.lost sip.malformed  no answer, closed, or not a SIP server
//	no        cert.*                            an administrator must see it; it starts the search for roots (R1.2)
//	          ad.*                              the search for roots follows a certificate failure
//	          auth.* sip.forbidden              401, 403: another server of the pool knows the same account
//	          sip.unknown-user sip.client-version sip.rejected sip.redirects sip.deregistered
//	          sip.no-enhanced-presence sip.not-listed sip.sign-out
//	                                            the pool has answered
//	          sip.no-server                     there is no next candidate
//	          net.unplugged timeout usage internal time.* prov.* exchange.* flash.*
//	                                            not about the candidate
//
// It is false for an error without a *journal.Failure and for one whose cause is a
// cancelled context.
func Retryable(err error) bool {
	var f *journal.Failure
	if !errors.As(err, &f) || errors.Is(err, context.Canceled) {
		return false
	}
	switch f.Code {
	case journal.DNSNoServer, journal.DNSNoRecords, journal.DNSRefused,
		journal.ConnRefused, journal.ConnTimeout, journal.ConnFailed, journal.TLSFailed,
		journal.OutsideDomain, journal.SIPUnavailable, journal.SIPNoAnswer, journal.SIPLost, journal.SIPMalformed:
		return true
	}
	return false
}
