package sipua

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// onRequest handles requests of the server. The connection's reader calls it.
func (r *Registration) onRequest(c *sipwire.Conn, in *sipwire.Incoming) {
	req := in.Request()
	if req == nil {
		return // a response after the end of its transaction
	}
	methods := sipwire.SplitList(r.cfg.Profile.Methods)
	allowed := slices.Contains(methods, string(req.Method))
	if x := in.UnsupportedExtensions(r.extensions(), "Require"); allowed && x.Status != 0 { // RFC 3261 8.2.2.3
		refuse(c, req, x)
		return
	}
	// Once messages are signed, sipwire drops unsigned requests. Without signatures
	// there must at least be a registration.
	r.mu.Lock()
	trusted := in.Signature == sipwire.Valid || r.phase == phaseRegistered && r.info.Scheme != schemeNTLM
	r.mu.Unlock()
	if trusted && isNotify(req) && strings.EqualFold(eventPackage(in), "registration") {
		if notice, ok := parseNotice(req.Body()); ok {
			_ = c.Answer(req, sipwire.NewResponse(req, 200, "OK", r.tag)) // a failure ends the connection, as the next line does
			r.onDeregistered(in, notice)
			return
		}
	}
	if trusted && isNotify(req) && r.onNotify(c, in) {
		return
	}
	if trusted && r.cfg.Handler != nil && r.cfg.Handler(c, in) {
		return
	}
	var res *sip.Response
	switch x := in.UnsupportedBody(); {
	case req.Method == sip.OPTIONS && x.Status != 0:
		refuse(c, req, x)
		return
	case req.Method == sip.OPTIONS: // RFC 3261 11.2
		res = sipwire.NewResponse(req, 200, "OK", r.tag)
		res.AppendHeader(sip.NewHeader("Allow", r.cfg.Profile.Methods))
		res.AppendHeader(sip.NewHeader("Supported", strings.Join(r.extensions(), ", ")))
	case isNotify(req), req.Method == sip.CANCEL, req.To() != nil && req.To().Params.Has("tag"):
		res = sipwire.NewResponse(req, 481, "Call Leg/Transaction Does Not Exist", "") // RFC 3261 12.2.2
	default:
		res = sipwire.NewResponse(req, 405, "Method Not Allowed", "")
		res.AppendHeader(sip.NewHeader("Allow", r.cfg.Profile.Methods))
	}
	_ = c.Answer(req, res) // Answer does not answer ACK and BENOTIFY; a failure ends the connection, which is an event
}

// refuse answers a request that needs what the phone does not support.
func refuse(c *sipwire.Conn, req *sip.Request, x sipwire.Refusal) {
	res := sipwire.NewResponse(req, x.Status, x.Reason, "")
	res.AppendHeader(sip.NewHeader(x.Header.Name, x.Header.Value))
	_ = c.Answer(req, res) // a failure ends the connection, which is an event
}

// extensions are the option tags that the phone names as Supported, and that a
// request to it may require.
func (r *Registration) extensions() (all []string) {
	for _, value := range slices.Concat(r.cfg.Profile.Supported, subscribeExtensions) {
		all = append(all, sipwire.SplitList(value)...)
	}
	return all
}

func isNotify(req *sip.Request) bool {
	return req.Method == sip.NOTIFY || req.Method == sipwire.BENOTIFY
}

func eventPackage(in *sipwire.Incoming) string {
	name, _, _ := strings.Cut(in.Header("Event"), ";")
	return strings.TrimSpace(name)
}

// The events of a deregistration (docs/protocol/sip-connection.md#deregistration-by-the-server).
const (
	NoticeUnregistered = "unregistered" // signed in elsewhere, or signed out by the server
	NoticeRejected     = "rejected"     // the user was disabled
	NoticeDeactivated  = "deactivated"  // the user was moved: discover and register anew
)

// maxNotice bounds the body of a notice, in bytes; a real one has 30.
const maxNotice = 1 << 10

// parseNotice reads the body of type text/registration-event:
// "deregistered;event=rejected". ok is false for anything else.
func parseNotice(body []byte) (event string, ok bool) {
	if len(body) > maxNotice {
		return "", false
	}
	state, rest, _ := strings.Cut(string(body), ";")
	if !strings.EqualFold(strings.TrimSpace(state), "deregistered") {
		return "", false
	}
	switch event = strings.ToLower(parseParams(rest)["event"]); event {
	case NoticeRejected, NoticeDeactivated:
		return event, true
	}
	return NoticeUnregistered, true // also for unknown events
}

// onDeregistered ends the registration after a notice of the server.
func (r *Registration) onDeregistered(in *sipwire.Incoming, notice string) {
	f := &journal.Failure{
		Code:     journal.SIPDeregistered,
		Asked:    fmt.Sprintf("the registration of %s", r.address),
		Answered: strings.Join(append([]string{"deregistered, event " + notice}, diagnose(in).texts...), "; "),
		By:       r.by(),
		Because:  "MS-SIPREGE",
	}
	switch notice {
	case NoticeRejected:
		f.What = fmt.Sprintf("The pool has signed %s out: the user was disabled for Communications Server.", r.address)
		f.Fix = "Enable the user again if that was not meant."
	case NoticeDeactivated:
		f.What = fmt.Sprintf("The pool has signed %s out: the user is served by another pool now. The phone looks for it "+
			"and signs in again.", r.address)
		f.Fix = "Nothing, if the user was moved on purpose."
	default:
		f.What = fmt.Sprintf("The pool has signed %s out on this phone.", r.address)
		f.Fix = "Sign in again; if this comes back, another device of the user ends the session."
	}
	r.end(&Event{Kind: Deregistered, Notice: notice, Err: f})
}
