package network

import (
	"context"
	"errors"

	"github.com/ocphone/ocphone/device/journal"
)

// Retryable says whether, after err with one candidate, the next may be tried
// (issue A; design decision 6: a password is tried once). The code decides:
//
//	goes on   dns.*                             this name led nowhere, another may
//	          net.refused net.timeout net.failed  dead or filtered
//	          tls.failed                        not TLS, or none in common; nothing was entrusted to it
//	          sip.outside-domain                this target is refused, the next may be inside
//	          sip.unavailable                   5xx: another front end may be up
//	          sip.no-answer sip.lost sip.malformed  silent, gone, or no SIP server at all
//	stops     cert.*                            a person must see it, and it decides about the search for roots (R1.2)
//	          ad.*                              the search came of a certificate
//	          auth.* sip.forbidden              401, 403: another server of the pool knows the same account
//	          sip.unknown-user sip.client-version sip.rejected sip.redirects sip.deregistered
//	                                            the pool has answered
//	          sip.no-server                     there is no next
//	          net.unplugged timeout usage internal time.* prov.* exchange.* flash.*
//	                                            no matter of the candidate
//
// An error without a *journal.Failure stops, and so does one whose cause is a
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
