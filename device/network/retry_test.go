package network_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/network"
)

// retryable is the table of Retryable's doc comment, a row a code.
var retryable = map[journal.Code]bool{
	journal.DNSNoServer:    true,
	journal.DNSNoRecords:   true,
	journal.DNSRefused:     true,
	journal.ConnRefused:    true,
	journal.ConnTimeout:    true,
	journal.ConnFailed:     true,
	journal.TLSFailed:      true,
	journal.OutsideDomain:  true,
	journal.SIPUnavailable: true,
	journal.SIPNoAnswer:    true,
	journal.SIPLost:        true,
	journal.SIPMalformed:   true,

	journal.CertUntrusted:         false,
	journal.CertSelfSigned:        false,
	journal.CertExpired:           false,
	journal.CertNotYetValid:       false,
	journal.CertName:              false,
	journal.CertUsage:             false,
	journal.CertSHA2:              false,
	journal.CertWeak:              false,
	journal.CertConstraint:        false,
	journal.CertMalformed:         false,
	journal.AuthPassword:          false,
	journal.AuthNoScheme:          false,
	journal.AuthServer:            false,
	journal.AuthDisabled:          false,
	journal.SIPForbidden:          false,
	journal.SIPUnknownUser:        false,
	journal.SIPVersion:            false,
	journal.SIPRejected:           false,
	journal.SIPRedirects:          false,
	journal.SIPDeregistered:       false,
	journal.SIPNotListed:          false,
	journal.SIPSignOut:            false,
	journal.NoCandidate:           false,
	journal.NetUnplugged:          false,
	journal.Timeout:               false,
	journal.Usage:                 false,
	journal.Internal:              false,
	journal.TimeNone:              false,
	journal.TimeJump:              false,
	journal.TimeSkew:              false,
	journal.FlashBusy:             false,
	journal.FlashDamaged:          false,
	journal.FlashNewer:            false,
	journal.ExchangeNone:          false,
	journal.ExchangeHTTP:          false,
	journal.ExchangeMalformed:     false,
	journal.ExchangeError:         false,
	journal.ExchangeMailbox:       false,
	journal.ExchangeRedirects:     false,
	journal.ExchangeNoEWS:         false,
	journal.ExchangeAddress:       false,
	journal.AuthBinding:           false,
	journal.AuthBlocked:           false,
	journal.AuthDenied:            false,
	journal.AuthUnanswered:        false,
	journal.ExchangeUnreached:     false,
	journal.ExchangeBusy:          false,
	journal.ExchangeMoved:         false,
	journal.ExchangeDenied:        false,
	journal.ExchangeGone:          false,
	journal.ExchangeRefused:       false,
	journal.ExchangeForms:         false,
	journal.ProvMalformed:         false,
	journal.ProvNoProfile:         false,
	journal.ProvNoVoice:           false,
	journal.FlashFailed:           false,
	journal.ADNoDomain:            false,
	journal.ADNoController:        false,
	journal.ADUnreachable:         false,
	journal.ADCredentials:         false,
	journal.ADLocked:              false,
	journal.ADDisabled:            false,
	journal.ADExpired:             false,
	journal.ADRestricted:          false,
	journal.ADWeakBind:            false,
	journal.ADUnverified:          false,
	journal.ADProtocol:            false,
	journal.ADNoRoots:             false,
	journal.ADNoMatch:             false,
	journal.ADEnrolment:           false,
	journal.SIPNoEnhancedPresence: false,
	journal.CertOrder:             false,
}

func TestRetryableFailures(t *testing.T) {
	for code, want := range retryable {
		err := fmt.Errorf("candidate 1: %w", &journal.Failure{Code: code})
		if got := network.Retryable(err); got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
	for _, code := range journal.Codes() {
		if _, decided := retryable[code]; !decided {
			t.Errorf("%s: decide in Retryable whether it goes on", code)
		}
	}
	for _, err := range []error{nil, errors.New("anything"), &journal.Failure{Code: journal.ConnFailed, Err: context.Canceled}} {
		if network.Retryable(err) {
			t.Errorf("%v goes on", err)
		}
	}
}
