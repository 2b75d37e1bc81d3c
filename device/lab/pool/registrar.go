package pool

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
)

// Registration is a registered endpoint.
type Registration struct {
	User      string // sign-in address, without "sip:"
	EPID      string
	Instance  string // UUID of +sip.instance, lower case; empty when the client sent none
	GRUU      string // empty when the client did not ask for one
	Contact   string // registered URI, with the client's address
	Remote    bool   // registered through the Edge
	UserAgent string
	Auth      string    // "NTLM v4", "NTLM v2 NTLMv1", "digest SHA-256", …
	Since     time.Time // of its first REGISTER, by the pool's clock
	Expires   time.Time
}

// binding is a Registration with its connection.
type binding struct {
	Registration
	conn   *sipwire.Conn
	callID string // of its REGISTERs; the deregistration NOTIFY is in the same dialog
	cseq   uint32 // of its last REGISTER
	client string // From and To of that NOTIFY, parameters included
	server string
}

// cloneStrings copies the strings that are parts of a message, so that b does not
// keep the message in memory.
func (b *binding) cloneStrings() {
	for _, s := range []*string{&b.EPID, &b.Instance, &b.Contact, &b.UserAgent, &b.callID, &b.client, &b.server} {
		*s = strings.Clone(*s)
	}
}

// Registrations lists the current registrations, by user and epid.
func (s *Server) Registrations() []Registration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Registration
	for _, user := range slices.Sorted(maps.Keys(s.bindings)) {
		for _, b := range s.liveBindings(user) {
			all = append(all, b.Registration)
		}
	}
	return all
}

// liveBindings removes the expired bindings of user and returns the others in the
// order of their epids; s.mu must be held.
func (s *Server) liveBindings(user string) []*binding {
	now := s.Clock.Now()
	of := s.bindings[user]
	maps.DeleteFunc(of, func(_ string, b *binding) bool { return !b.Expires.After(now) })
	if len(of) == 0 {
		delete(s.bindings, user)
		return nil
	}
	all := slices.Collect(maps.Values(of))
	slices.SortFunc(all, func(a, b *binding) int {
		return cmp.Or(strings.Compare(a.EPID, b.EPID), strings.Compare(a.Contact, b.Contact))
	})
	return all
}

// register-action values of presence-state (docs/protocol/sip-connection.md#registration).
const (
	added     = "added"
	refreshed = "refreshed"
	corrected = "fixed" // the endpoint was registered with another Contact
)

var (
	errEndpoints = errors.New("too many endpoints")
	errOrder     = errors.New("a REGISTER that is not newer than the one before")
)

// bind makes the changes of r by key, all or none; nil removes the binding. action
// is the register-action of the last new binding, "" if there is none.
func (s *Server) bind(r registerRequest, changes map[string]*binding) (action string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := strings.ToLower(r.user)
	count := len(s.liveBindings(user))
	have := s.bindings[user]
	if r.all {
		clear(changes)
		for key := range have {
			changes[key] = nil
		}
	}
	for key, b := range changes {
		old := have[key]
		switch {
		case old != nil && r.precedes(old):
			return "", errOrder
		case old == nil && b != nil:
			count++
		case old != nil && b == nil:
			count--
		}
	}
	if count > maxEndpoints {
		return "", errEndpoints
	}
	if have == nil {
		have = map[string]*binding{}
	}
	for key, b := range changes {
		old := have[key]
		if b == nil {
			delete(have, key)
			continue
		}
		have[key], action = b, added
		if old == nil || old.callID != b.callID { // an endpoint has one Call-ID
			continue
		}
		if b.Since, action = old.Since, refreshed; old.Contact != b.Contact {
			action = corrected
		}
	}
	s.bindings[user] = have
	return action, nil
}

// contacts returns the Contact values of all endpoints of user.
func (s *Server) contacts(user string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	now := s.Clock.Now()
	for _, b := range s.liveBindings(strings.ToLower(user)) {
		// Whole seconds, rounded up: the client must not see less than it requested.
		left := (b.Expires.Sub(now) + time.Second - 1) / time.Second
		c := fmt.Sprintf("<%s>;expires=%d", b.Contact, left)
		if b.Instance != "" {
			c += fmt.Sprintf(`;+sip.instance="<urn:uuid:%s>"`, b.Instance)
		}
		if b.GRUU != "" {
			c += fmt.Sprintf(`;gruu="%s"`, b.GRUU)
		}
		all = append(all, c)
	}
	return all
}

// Event is the reason why the pool ends a registration
// (docs/protocol/sip-connection.md#deregistration-by-the-server).
type Event string

const (
	Unregistered Event = "unregistered" // signed in elsewhere, or logged out
	Rejected     Event = "rejected"     // the user was disabled
	Deactivated  Event = "deactivated"  // the user was moved: discover and register again
)

// Deregister ends all registrations of user (the sign-in address) and notifies the
// endpoints by a signed NOTIFY
// (docs/protocol/sip-connection.md#deregistration-by-the-server). The zero why
// means the number of the event (MS-SIPREGE 2.2.1.13). It returns the number of
// notified endpoints; an endpoint without connection is not notified.
func (s *Server) Deregister(user string, event Event, why Diagnostics) int {
	user = strings.ToLower(strings.TrimPrefix(user, "sip:"))
	if why.ID == 0 {
		why = map[Event]Diagnostics{Unregistered: diagUnregistered, Rejected: diagDisabled, Deactivated: diagMoved}[event]
	}
	why.Public = true
	s.mu.Lock()
	all := s.liveBindings(user)
	delete(s.bindings, user)
	s.mu.Unlock()
	notified := 0
	for _, b := range all {
		if b.conn.Send(s.deregistration(b, event, why)) == nil {
			notified++
		}
	}
	s.endpointsRemoved(user)
	return notified
}

func (s *Server) deregistration(b *binding, event Event, why Diagnostics) *sip.Request {
	var to sip.Uri
	if sip.ParseUri(b.Contact, &to) != nil { // cannot happen: it was parsed before
		to = sip.Uri{Scheme: "sip", User: "unknown", Host: s.Host}
	}
	req := sip.NewRequest(sip.NOTIFY, to)
	for _, h := range [][2]string{
		{"Via", fmt.Sprintf("SIP/2.0/TLS %s;branch=%s", s.Addr(), sipwire.NewBranch())},
		{"Max-Forwards", "70"},
		{"From", b.server},
		{"To", b.client},
		{"Call-ID", b.callID},
		{"CSeq", "1 NOTIFY"},
		{"Event", "registration"},
		{"subscription-state", "terminated;expires=0"},
		{"Server", s.ServerHeader},
		{"Content-Type", "text/registration-event"},
	} {
		req.AppendHeader(sip.NewHeader(h[0], h[1]))
	}
	if why.ID != 0 {
		req.AppendHeader(why.header(s.Host))
	}
	req.SetBody([]byte("deregistered;event=" + string(event)))
	return req
}

// gruu returns the globally routable URI of an endpoint
// (docs/protocol/sip-connection.md#endpoint-identity): the instance UUID in the
// memory layout of a little-endian GUID and two zeros, in base64url. It returns ""
// if instance is not a UUID.
func gruu(user, instance string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(instance, "-", ""))
	if err != nil || len(b) != 16 {
		return ""
	}
	le, be := binary.LittleEndian, binary.BigEndian
	e := le.AppendUint32(nil, be.Uint32(b))
	e = le.AppendUint16(e, be.Uint16(b[4:]))
	e = le.AppendUint16(e, be.Uint16(b[6:]))
	e = append(append(e, b[8:]...), 0, 0)
	return fmt.Sprintf("sip:%s;opaque=user:epid:%s;gruu", user, base64.URLEncoding.EncodeToString(e))
}
