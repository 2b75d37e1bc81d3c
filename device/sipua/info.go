package sipua

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

const (
	maxListed  = 256                  // event packages or option tags in one answer
	maxParams  = 32                   // parameters of one header
	maxExpires = 366 * 24 * time.Hour // longer lifetimes are reduced to it

	// registrarExpires is the lifetime if a registrar names none, or no number
	// (RFC 3261 10.2).
	registrarExpires = 3600 * time.Second
)

// registrationInfo reads the 200 to a REGISTER
// (docs/protocol/sip-connection.md#registration). notes are details for the step.
func (r *Registration) registrationInfo(in *sipwire.Incoming) (g RegistrationInfo, notes []string, err error) {
	g = RegistrationInfo{
		InstanceUUID: r.instance, EPID: r.cfg.EPID,
		KeepAlive:   r.cfg.Profile.KeepAlive,
		Server:      printable(in.Header("Server")),
		Action:      strings.ToLower(printable(parseParams(in.Header("presence-state"))["register-action"])),
		AllowEvents: headerList(in, "Allow-Events"),
		Supported:   headerList(in, "Supported"),
		RemoteUser:  strings.Contains(strings.ToLower(in.Header("ms-user-logon-data")), "remoteuser"),
	}
	contacts := contactsOf(in)
	c, ours := r.ourContact(contacts)
	switch {
	case ours:
		if g.GRUU = strings.Clone(c.Param("gruu")); g.GRUU != "" && !r.isGRUU(g.GRUU) {
			g.GRUU = ""
			notes = append(notes, "The GRUU is not used: it is no SIP address of this domain.")
		}
	case !r.cfg.Registrar:
		notes = append(notes, "No Contact of the answer is this phone's, so it has no GRUU.")
	case len(contacts) == 0:
		g.Unlisted = true
	default:
		c = briefest(contacts)
		notes = append(notes, fmt.Sprintf("No Contact of the answer is the phone's own: the registrar has rewritten the "+
			"address. The lifetime is that of %s.", printable(c.URI)))
	}
	g.Expires = r.lifetime(cmp.Or(c.Param("expires"), in.Header("Expires")))
	if g.Expires == 0 {
		return g, nil, &journal.Failure{
			Code:     journal.SIPRejected,
			Asked:    r.asked(),
			Answered: "200 with a lifetime of 0",
			By:       r.by(),
			What:     "The server accepted the registration and ended it in the same answer.",
			Because:  "RFC 3261 10.2.2",
			Fix:      "Let the server grant a lifetime above 0, or request another one with --expires SECONDS.",
		}
	}
	keep := parseParams(in.Header("ms-keep-alive"))
	if n, err := strconv.ParseUint(keep["timeout"], 10, 31); err == nil && n > 0 {
		g.KeepAlive = time.Duration(n) * time.Second
	}
	if strings.EqualFold(keep["hop-hop"], "no") { // docs/protocol/sip-connection.md#keep-alive
		g.KeepAlive = 0
	}
	return g, notes, nil
}

// lifetime is that of a registration, from the value of an expires parameter or of
// Expires; "" if the server names none.
func (r *Registration) lifetime(seconds string) time.Duration {
	n, err := strconv.ParseUint(seconds, 10, 32)
	requested := r.cfg.Profile.Expires
	switch {
	case err == nil:
		return min(time.Duration(n)*time.Second, maxExpires)
	case !r.cfg.Registrar:
		return r.cfg.Profile.ExpiresDefault
	case requested > 0: // the server may grant less than requested, not more
		return min(requested, registrarExpires)
	}
	return registrarExpires
}

// contactsOf are the bindings that a 200 to REGISTER lists (RFC 3261 10.3).
func contactsOf(in *sipwire.Incoming) (all []sipwire.Address) {
	for _, value := range in.Headers("Contact") {
		for _, element := range sipwire.SplitList(value) {
			if c, err := sipwire.ParseAddress(element); err == nil && len(all) < maxListed {
				all = append(all, c)
			}
		}
	}
	return all
}

// ourContact is the Contact with this phone's instance; the case of UUIDs does not
// matter (docs/protocol/sip-connection.md#registration). A registrar that does not
// store instances returns the URI with this phone's ms-opaque.
func (r *Registration) ourContact(contacts []sipwire.Address) (ours sipwire.Address, ok bool) {
	for _, c := range contacts {
		switch {
		case strings.EqualFold(strings.Trim(c.Param("+sip.instance"), "<>"), "urn:uuid:"+r.instance):
			return c, true
		case strings.Contains(c.URI, ";ms-opaque="+r.opaque):
			ours, ok = c, true
		}
	}
	return ours, ok
}

// briefest is the Contact with the shortest lifetime: a refresh that comes early
// does no harm.
func briefest(contacts []sipwire.Address) sipwire.Address {
	life := func(c sipwire.Address) uint64 {
		n, err := strconv.ParseUint(c.Param("expires"), 10, 32)
		if err != nil {
			return math.MaxUint64
		}
		return n
	}
	return slices.MinFunc(contacts, func(a, b sipwire.Address) int { return cmp.Compare(life(a), life(b)) })
}

// The option tag and the event package that only OCS 2007 and later have
// (docs/protocol/presence.md#enhanced-presence-and-migration-from-lcs-2005).
const (
	tagEnhancedPresence = "msrtc-event-categories"
	eventProvisioning   = "vnd-microsoft-provisioning-v2"
)

// Offers reports whether the server offers an event package. A server that names
// none is taken to offer it (RFC 6665 4.4.4).
func (g RegistrationInfo) Offers(event string) bool {
	return len(g.AllowEvents) == 0 || slices.ContainsFunc(g.AllowEvents, func(e string) bool {
		return strings.EqualFold(e, event)
	})
}

// EnhancedPresence fails with sip.no-enhanced-presence if the user is signed in at
// a pool and not enabled for enhanced presence there: such a user cannot work with
// the phone (R14.1). Other registrars have no enhanced presence.
func (r *Registration) EnhancedPresence() error {
	g := r.Info()
	enabled := slices.ContainsFunc(g.Supported, func(s string) bool { return strings.EqualFold(s, tagEnhancedPresence) })
	if enabled || g.Scheme != schemeNTLM {
		return nil
	}
	f := &journal.Failure{
		Code:  journal.SIPNoEnhancedPresence,
		Asked: r.asked(),
		Answered: fmt.Sprintf("200 with Supported: %s; Allow-Events: %s", cmp.Or(strings.Join(g.Supported, ", "), "none"),
			cmp.Or(strings.Join(g.AllowEvents, ", "), "none")),
		By:      r.by(),
		Because: "R14.1",
		What: fmt.Sprintf("The pool has signed %s in without enhanced presence, which the phone needs. The phone signs out "+
			"again.", r.address),
		Details: []string{"authentication protocol version " + strconv.Itoa(g.Version)},
		Fix: fmt.Sprintf("Enable %s for enhanced presence on the pool (properties of the user, Communications, Configure). "+
			"It cannot be disabled again.", r.address),
	}
	if g.Version < 3 && !slices.Contains(g.AllowEvents, eventProvisioning) { // as LCS 2005 answers
		f.What = fmt.Sprintf("The server of %s is Live Communications Server 2005, which has no enhanced presence. The "+
			"phone needs it, and signs out again.", r.address)
		f.Fix = fmt.Sprintf("Move %s to a pool of OCS 2007, and enable the user for enhanced presence there.", r.address)
	}
	return f
}

// isGRUU reports whether s may be written into the Contact of later requests.
func (r *Registration) isGRUU(s string) bool {
	var uri sip.Uri
	return isURI(s) && sip.ParseUri(s, &uri) == nil && strings.EqualFold(uri.Host, r.address.Domain)
}

// details are the lines of a step about the grant.
func (g RegistrationInfo) details() []string {
	d := []string{fmt.Sprintf("Registered for %v, keep-alive after %v of silence.", g.Expires, g.KeepAlive)}
	if g.GRUU != "" {
		d = append(d, "GRUU "+g.GRUU)
	}
	if g.RemoteUser {
		d = append(d, "The pool says that this user is outside (RemoteUser): external addresses will be used.")
	}
	if len(g.AllowEvents) > 0 {
		d = append(d, "Event packages: "+strings.Join(g.AllowEvents, ", "))
	}
	return d
}

// parseParams reads "UAS; tcp=no; timeout=300" and "register-action=\"added\"":
// names in lower case, values without quotes.
func parseParams(s string) map[string]string {
	all := map[string]string{}
	for part := range strings.SplitSeq(s, ";") {
		k, v, _ := strings.Cut(part, "=")
		if len(all) < maxParams {
			all[strings.ToLower(strings.TrimSpace(k))] = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return all
}

// headerList joins all headers of a name into one list.
func headerList(in *sipwire.Incoming, name string) []string {
	var all []string
	for _, value := range in.Headers(name) {
		for _, item := range sipwire.SplitList(value) {
			if len(all) < maxListed {
				all = append(all, printable(item))
			}
		}
	}
	return all
}
