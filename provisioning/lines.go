package provisioning

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ocphone/ocphone/device/journal"
)

// Lines returns the most important settings as the Details of a step, one line
// each. WarningLines returns the warnings.
func (s Settings) Lines() []string {
	place := "internal"
	if s.Subscriber.RemoteUser {
		place = "external"
	}
	lines := []string{
		"E-mail address: " + cmp.Or(journal.Excerpt(s.PrimaryEmail), "none, so Exchange cannot be found (R9.1)"),
		"Location profile: " + cmp.Or(journal.Excerpt(s.LocationProfile()), "the default one"),
		s.Lock.line(),
		s.Exchange.line(),
		fmt.Sprintf("SIP security %s, encryption of calls %s, media ports %d to %d, DSCP %d, 802.1p %d.",
			s.SIPSecurity, s.Media.Encryption, s.Media.Ports.Min, s.Media.Ports.Max, s.QoS.DSCP, s.QoS.Priority),
		fmt.Sprintf("Simultaneous ring %s, call forwarding %s.",
			allowed(s.Policy.SimultaneousRing), allowed(s.Policy.CallForwarding)),
		"Voice mail: " + cmp.Or(journal.Excerpt(s.VoiceMailURI), "none"),
	}
	for _, service := range []struct {
		name string
		Service
	}{
		{"Address book", s.AddressBook},
		{"Address book query", s.AddressBookQuery},
		{"Group expansion", s.GroupExpansion},
		{"Updates", s.Updates},
	} {
		switch {
		case service.URL != "":
			lines = append(lines, fmt.Sprintf("%s (%s): %s", service.name, place, journal.Excerpt(service.URL)))
		case service.Enabled:
			lines = append(lines, fmt.Sprintf("%s: on, but without an %s address.", service.name, place))
		case service.Internal != "" || service.External != "":
			lines = append(lines, service.name+": switched off by the pool.")
		}
	}
	return lines
}

func (l Lock) line() string {
	switch {
	case !l.Enforced:
		return "The phone does not lock itself."
	case l.Idle == 0:
		return fmt.Sprintf("The phone locks on demand only, PIN of %d digits.", l.MinPINLength)
	}
	return fmt.Sprintf("The phone locks after %s, PIN of %d digits.", minutes(l.Idle), l.MinPINLength)
}

func (e Exchange) line() string {
	if e.Poll == 0 {
		return "Exchange is not polled."
	}
	return "Exchange is polled every " + minutes(e.Poll) + "."
}

func minutes(d time.Duration) string { return journal.Count(int(d.Minutes()), "minute", "minutes") }

func allowed(ok bool) string {
	if ok {
		return "allowed"
	}
	return "not allowed"
}
