package pool

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

const maxEPID = 16 // characters; phones send 10 (docs/protocol/sip-connection.md#endpoint-identity)

// allowEvents are the event packages of a pool (docs/protocol/sip-connection.md#registration).
const allowEvents = "vnd-microsoft-provisioning,vnd-microsoft-roaming-contacts,vnd-microsoft-roaming-ACL,presence," +
	"presence.wpending,vnd-microsoft-roaming-self,vnd-microsoft-provisioning-v2"

// register answers a REGISTER: authentication, authorization, then the binding.
func (c *conn) register(w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request) *sip.Response {
	reject := c.pool.rejectionFor(in.Header("User-Agent"))
	if reject != nil && reject.First {
		return c.rejection(req, reject)
	}
	if to := req.To().Address.Scheme; to != "sip" && to != "sips" { // RFC 3261 10.2
		return c.refusal(req, 400, diagNoAddress)
	}
	s := c.sessionOf(in)
	if s == nil {
		var res *sip.Response
		if s, res = c.authenticate(w, in, req); res != nil {
			return res
		}
	}
	if res := c.checkUser(req, s); res != nil {
		return res
	}
	if reject != nil {
		return c.rejection(req, reject)
	}
	if home := c.pool.homePool.Load(); home != nil && *home != "" {
		return withHeader(c.response(req, 301), "Contact", "<sip:"+*home+";transport=tls>")
	}
	return c.bind(w, in, req, s)
}

func (s *Server) rejectionFor(userAgent string) *Rejection {
	if r := s.Faults().Reject; r != nil {
		return r
	}
	if s.ClientFilter != nil {
		return s.ClientFilter(userAgent)
	}
	return nil
}

// checkUser checks that the authenticated user is the user to register. It returns
// the response that refuses req, or nil.
func (c *conn) checkUser(req *sip.Request, s *session) *sip.Response {
	dir := c.pool.dir
	self, _ := dir.User(s.sam) // an empty user if the account was removed
	to, from := address(req.To().Address), address(req.From().Address)
	owner, found := dir.UserBySIP(to)
	switch {
	case self.Status() != nil: // locked or disabled after the logon
		return c.accountRefusal(req, self.Status())
	case self.SIP == "", found && owner.SIPDisabled:
		return c.response(req, 404) // docs/protocol/sip-connection.md#registration: without ms-diagnostics
	case !found:
		return c.refusal(req, 404, diagNotEnabled)
	case !strings.EqualFold(owner.SAM, s.sam), !strings.EqualFold(to, from):
		return c.refusal(req, 403, diagForbidden)
	}
	return nil
}

// address returns user@host of a URI.
func address(u sip.Uri) string { return u.User + "@" + u.Host }

// bind changes the bindings as the REGISTER requests and answers it.
func (c *conn) bind(w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request, s *session) *sip.Response {
	if r := in.UnsupportedBody(); r.Status != 0 {
		return c.refused(req, r)
	}
	r, refusal := c.parseRegister(w, in, req, s)
	if refusal != nil {
		return refusal
	}
	action, refusal := c.updateBindings(in, r)
	if refusal != nil {
		return refusal
	}
	c.pool.count(func(n *Counters) { n.Registers++ })
	return c.registerResponse(in, req, r, action)
}

// registerRequest is a valid REGISTER of a user who may register.
type registerRequest struct {
	session  *session
	user     string // sign-in address
	epid     string
	conn     *sipwire.Conn
	callID   string
	cseq     uint32
	contacts []contact // a phone that signs has at most one
	all      bool      // Contact: *, which ends all registrations of the user
}

// signed reports whether the client is a phone that signs its messages. Others use
// the pool as a plain registrar.
func (r registerRequest) signed() bool { return r.session.association != nil }

// precedes reports whether the client has sent r before the REGISTER that made b
// (RFC 3261 10.3). A phone that signs may count from 1 again on a new connection, as
// pidgin-sipe does: the order of its REGISTERs is that of one connection.
func (r registerRequest) precedes(b *binding) bool {
	return b.callID == r.callID && r.cseq <= b.cseq && (!r.signed() || b.conn == r.conn)
}

// key identifies the binding of the contact among those of the user.
func (r registerRequest) key(c contact) string {
	if r.signed() {
		return strings.Clone(r.epid)
	}
	return strings.Clone(c.uri)
}

// parseRegister reads a REGISTER of s, or returns the response that refuses it.
func (c *conn) parseRegister(
	w *sipwire.Conn, in *sipwire.Incoming, req *sip.Request, s *session,
) (r registerRequest, refusal *sip.Response) {
	contacts, err := parseContacts(in)
	if err != nil {
		return r, c.response(req, 400)
	}
	r = registerRequest{
		session:  s,
		conn:     w,
		user:     address(req.To().Address),
		callID:   req.CallID().Value(),
		cseq:     req.CSeq().SeqNo,
		contacts: contacts,
	}
	r.epid, _ = req.From().Params.Get("epid")
	// docs/protocol/sip-connection.md#endpoint-identity; a plain registrar does not know epids.
	switch {
	case !r.signed():
	case len(contacts) > 1: // docs/protocol/sip-connection.md#answer-to-register: one for each endpoint
		return r, c.refusal(req, 400, diagContacts)
	case r.epid == "" && (len(contacts) == 0 || contacts[0].instance == ""):
		return r, c.refusal(req, 400, diagNoEndpoint)
	case r.epid == "":
		return r, c.refusal(req, 400, diagNoEPID)
	case len(r.epid) > maxEPID:
		return r, c.refusal(req, 400, diagLongEPID)
	}
	event := in.Headers("Event")
	if len(event) > 1 || len(event) == 1 && !strings.EqualFold(event[0], "registration") {
		return r, withHeader(c.response(req, 489), "Allow-Events", "registration")
	}
	minimum := c.pool.MinExpires
	for i := range contacts {
		one := &contacts[i]
		one.lifetime, err = c.pool.expires(in.Header("Expires"), one.expires)
		r.all = r.all || one.uri == "*"
		switch {
		case err != nil, r.all && (len(contacts) > 1 || one.lifetime > 0): // RFC 3261 10.3
			return r, c.response(req, 400)
		case one.lifetime > 0 && one.lifetime < minimum:
			return r, withHeader(c.response(req, 423), "Min-Expires", fmt.Sprint(int(minimum.Seconds())))
		}
	}
	return r, nil
}

// updateBindings adds, refreshes or removes the bindings that r names. A REGISTER
// without Contact does not change them. action is the register-action of the
// response; "" means none.
func (c *conn) updateBindings(in *sipwire.Incoming, r registerRequest) (action string, refusal *sip.Response) {
	p, changes, removes := c.pool, map[string]*binding{}, false
	for _, one := range r.contacts {
		changes[r.key(one)] = nil
		if removes = removes || one.lifetime == 0; one.lifetime > 0 {
			changes[r.key(one)] = c.newBinding(in, r, one)
		}
	}
	action, err := p.bind(r, changes)
	switch {
	case errors.Is(err, errOrder): // RFC 3261 10.3
		return "", c.refusal(in.Request(), 500, diagOrder)
	case err != nil:
		return "", c.refusal(in.Request(), 503, diagEndpoints)
	case removes:
		p.endpointsRemoved(r.user)
	case action != "" && p.Faults().ClaimAdded:
		action = added
	}
	return action, nil
}

func (c *conn) newBinding(in *sipwire.Incoming, r registerRequest, of contact) *binding {
	now := c.pool.Clock.Now()
	b := &binding{
		Registration: Registration{
			User:      r.user,
			EPID:      r.epid,
			Instance:  of.instance,
			Contact:   of.uri,
			Remote:    c.front.remote,
			UserAgent: in.Header("User-Agent"),
			Auth:      r.session.auth,
			Since:     now,
			Expires:   now.Add(of.lifetime),
		},
		conn:   r.conn,
		callID: r.callID,
		cseq:   r.cseq,
	}
	if r.signed() {
		b.Contact = of.contactURI(c)
	}
	b.client, b.server = dialogHeaders(in, c.tag)
	if hasToken(in.Headers("Supported"), "gruu-10") {
		b.GRUU = gruu(r.user, of.instance)
	}
	b.cloneStrings()
	return b
}

// registerResponse is the 200 to a REGISTER.
func (c *conn) registerResponse(
	in *sipwire.Incoming, req *sip.Request, r registerRequest, action string,
) *sip.Response {
	res := c.response(req, 200)
	for _, value := range c.pool.contacts(r.user) {
		withHeader(res, "Contact", value)
	}
	if len(r.contacts) > 0 {
		withHeader(res, "Expires", fmt.Sprint(int(r.contacts[0].lifetime.Seconds())))
	}
	if !r.signed() {
		return res
	}
	owner, ok := c.pool.dir.User(r.session.sam)
	if ok {
		res.From().DisplayName = journal.Printable(owner.DisplayName, 0) // a header is one line
	}
	if action != "" {
		withHeader(res, "presence-state", fmt.Sprintf(`register-action="%s"`, action))
	}
	if in.Header("ms-keep-alive") != "" { // docs/protocol/sip-connection.md#keep-alive
		withHeader(res, "ms-keep-alive", fmt.Sprintf("UAS; tcp=no; hop-hop=yes; end-end=no; timeout=%d",
			int(c.pool.KeepAlive.Seconds())))
	}
	if c.front.remote {
		withHeader(res, "ms-user-logon-data", "RemoteUser")
	}
	withHeader(res, "Allow-Events", allowEvents)
	if withHeader(res, "Supported", "adhoclist"); ok && owner.NoEnhancedPresence {
		return res
	}
	return withHeader(res, "Supported", "msrtc-event-categories")
}

// expires returns the requested duration within the pool's bounds. The parameter
// of the Contact has precedence over the header (RFC 3261 10.2.1.1).
func (s *Server) expires(header, param string) (time.Duration, error) {
	requested := cmp.Or(param, header)
	if requested == "" {
		return s.DefaultExpires, nil
	}
	n, err := strconv.ParseUint(requested, 10, 32)
	return min(time.Duration(n)*time.Second, s.MaxExpires), err
}

// contact is the Contact of a REGISTER or SUBSCRIBE.
type contact struct {
	uri      string // "" without a Contact
	instance string // lower-case UUID, or another identifier of the client
	expires  string
	lifetime time.Duration // of a REGISTER; 0 ends the registration
	replace  bool          // proxy=replace: the pool replaces the address by the client's
}

// parseContacts reads all Contacts.
func parseContacts(in *sipwire.Incoming) (all []contact, err error) {
	for _, value := range in.Headers("Contact") {
		for _, element := range sipwire.SplitList(value) {
			one, err := parseContact(element)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
	}
	return all, nil
}

func parseContact(element string) (contact, error) {
	a, err := sipwire.ParseAddress(element)
	if err == nil && a.URI != "*" {
		err = sip.ParseUri(a.URI, &sip.Uri{})
	}
	instance := strings.Trim(strings.ToLower(a.Param("+sip.instance")), "<>")
	if strings.ContainsAny(instance, `"\<>`) {
		err = errors.New("an instance that is no URN")
	}
	return contact{
		uri:      a.URI,
		instance: strings.TrimPrefix(instance, "urn:uuid:"),
		expires:  a.Param("expires"),
		replace:  strings.EqualFold(a.Param("proxy"), "replace"),
	}, err
}

// contactURI returns the contact URI with the client's address (if proxy=replace)
// and the id of the connection.
func (h contact) contactURI(c *conn) string {
	var uri sip.Uri
	if sip.ParseUri(h.uri, &uri) != nil {
		return h.uri
	}
	if h.replace && c.client.IsValid() {
		uri.Host, uri.Port = c.client.Addr().Unmap().String(), int(c.client.Port())
	}
	uri.UriParams.Add("ms-received-cid", c.cid)
	return uri.String()
}

// dialogHeaders returns the To and From of a later request to the sender of in.
func dialogHeaders(in *sipwire.Incoming, tag string) (client, server string) {
	client, server = in.Header("From"), in.Header("To")
	if req := in.Request(); req == nil || !req.To().Params.Has("tag") {
		server += ";tag=" + tag
	}
	return client, server
}

func hasToken(values []string, token string) bool {
	return slices.ContainsFunc(strings.Split(strings.Join(values, ","), ","), func(t string) bool {
		return strings.EqualFold(strings.TrimSpace(t), token)
	})
}
