package sipua

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
)

// dialogState is how far a dialog has come (RFC 3261 12.1, 13.2.2.4).
type dialogState int

const (
	dialogNone      dialogState = iota // no response yet: only the values of the first request are known
	dialogEarly                        // a provisional response with a To tag
	dialogConfirmed                    // a 2xx
)

// dialog is what one end keeps of a dialog with a peer (RFC 3261 12). It does
// not depend on the method that creates the dialog. The owner guards it against
// concurrent use.
//
//   - UAC: newDialog, request for the first request, establish for each
//     response. A forked request has one dialog for each To tag: the owner
//     copies the dialog in the state dialogNone (all fields are values or are
//     replaced as a whole).
//   - UAS: acceptDialog with the request; the owner sets dialogConfirmed when
//     it sends a 2xx.
//
// The owner ends a dialog by dropping it (RFC 3261 12.3).
type dialog struct {
	state               dialogState
	callID              string
	localURI, remoteURI string
	localTag, remoteTag string   // remoteTag is "" before the first response, and for a peer of RFC 2543
	localSeq            uint32   // CSeq number of the last request sent; 0: none
	remoteSeq           int64    // greatest CSeq number received; -1: none
	routes              []string // route set: values of Route headers, nearest proxy first
	target              string   // remote target; "": not known, requests go to remoteURI
	secure              bool     // the first request went to a SIPS URI over TLS: targets must be SIPS URIs
}

// newDialog returns the values of a request from localURI to remoteURI that may
// create a dialog (RFC 3261 8.1.1). tls says that the request goes over TLS.
func newDialog(localURI, remoteURI string, tls bool) *dialog {
	return &dialog{
		callID:    sipwire.NewCallID(),
		localURI:  localURI,
		remoteURI: remoteURI,
		localTag:  sipwire.NewTag()[:10],
		remoteSeq: -1,
		secure:    tls && isSIPS(remoteURI),
	}
}

// acceptDialog returns the early dialog that in, a request without a To tag,
// creates at this end (RFC 3261 12.1.1). tls says that the request came over
// TLS. It fails if the request has no usable Contact.
func acceptDialog(in *sipwire.Incoming, tls bool) (*dialog, error) {
	req := in.Request()
	from, errFrom := sipwire.ParseAddress(in.Header("From"))
	to, errTo := sipwire.ParseAddress(in.Header("To"))
	if err := cmp.Or(errFrom, errTo); err != nil {
		return nil, err
	}
	d := &dialog{
		state:     dialogEarly,
		callID:    strings.Clone(req.CallID().Value()),
		localURI:  strings.Clone(to.URI),
		remoteURI: strings.Clone(from.URI),
		localTag:  sipwire.NewTag()[:10],
		remoteTag: strings.Clone(from.Param("tag")),
		remoteSeq: int64(req.CSeq().SeqNo),
		routes:    recordRoutes(in),
		secure:    tls && req.Recipient.IsEncrypted(),
	}
	if !d.refreshTarget(in) {
		return nil, errors.New("a request that creates a dialog needs a Contact with a SIP URI")
	}
	return d, nil
}

// establish applies a response to a request of this dialog. The first
// provisional response with a tag makes the dialog early, the first 2xx confirms
// it, and both set the route set (RFC 3261 12.1.2, 13.2.2.4). A later 2xx only
// refreshes the remote target (RFC 3261 12.2.1.2); other responses have no
// effect.
func (d *dialog) establish(in *sipwire.Incoming) {
	res, state := in.Response(), dialogConfirmed
	tag := tagOf(res.To().Params)
	if d.state == dialogEarly && tag != d.remoteTag {
		return // of another dialog of the forked request
	}
	if res.IsProvisional() {
		state = dialogEarly
		if d.state != dialogNone || res.StatusCode == sip.StatusTrying || tag == "" {
			return
		}
	} else if !res.IsSuccess() {
		return
	}
	if d.state < state {
		d.state, d.remoteTag, d.routes = state, strings.Clone(tag), recordRoutes(in)
		slices.Reverse(d.routes)
	}
	d.refreshTarget(in)
}

// refreshTarget takes the remote target from the Contact of a target refresh
// request or of its 2xx (RFC 3261 12.2). It reports whether the Contact is
// usable; otherwise the target stays.
func (d *dialog) refreshTarget(in *sipwire.Incoming) bool {
	c, err := sipwire.ParseAddress(in.Header("Contact"))
	if err != nil || !isURI(c.URI) || d.secure && !isSIPS(c.URI) {
		return false
	}
	d.target = strings.Clone(c.URI)
	return true
}

// request returns what the dialog determines of the next request: Request-URI,
// From, To, Call-ID, CSeq and Route (RFC 3261 12.2.1.1). For an ACK the caller
// sets the CSeq number of the INVITE (RFC 3261 13.2.2.4).
func (d *dialog) request(method string) sipwire.RequestConfig {
	if method != string(sip.ACK) {
		d.localSeq++
	}
	c := sipwire.RequestConfig{
		Method: method,
		URI:    cmp.Or(d.target, d.remoteURI),
		From:   fmt.Sprintf("<%s>;tag=%s", d.localURI, d.localTag),
		To:     "<" + d.remoteURI + ">",
		CallID: d.callID,
		CSeq:   d.localSeq,
	}
	if d.remoteTag != "" {
		c.To += ";tag=" + d.remoteTag
	}
	routes := d.routes
	if len(routes) > 0 {
		if uri, ok := strictRouter(routes[0]); ok {
			routes = append(slices.Clone(routes[1:]), "<"+c.URI+">")
			c.URI = uri
		}
	}
	for _, route := range routes {
		c.Headers = append(c.Headers, sipwire.Header{Name: "Route", Value: route})
	}
	return c
}

// matches reports whether the peer's request belongs to the dialog
// (RFC 3261 12.2.2). While the peer's tag is not known any tag matches.
func (d *dialog) matches(req *sip.Request) bool {
	callID, from, to := req.CallID(), req.From(), req.To()
	if callID == nil || from == nil || to == nil || req.CSeq() == nil {
		return false
	}
	return callID.Value() == d.callID && tagOf(to.Params) == d.localTag &&
		(d.remoteTag == "" || d.remoteTag == tagOf(from.Params))
}

// receive stores the CSeq number of a request that matches, and the peer's tag. The
// result is positive for a number greater than all before, 0 for the greatest
// again, and negative for a lower one, which is answered with 500
// (RFC 3261 12.2.2).
func (d *dialog) receive(req *sip.Request) int {
	seq := int64(req.CSeq().SeqNo)
	order := cmp.Compare(seq, d.remoteSeq)
	d.remoteSeq = max(d.remoteSeq, seq)
	if d.remoteTag == "" {
		d.remoteTag = strings.Clone(tagOf(req.From().Params))
	}
	return order
}

// maxRoutes bounds the proxies between phone and server.
const maxRoutes = 16

// recordRoutes returns the elements of all Record-Route headers in their order,
// not parsed: a proxy may have signed its element.
func recordRoutes(in *sipwire.Incoming) []string {
	var all []string
	for _, value := range in.Headers("Record-Route") {
		for _, route := range sipwire.SplitList(value) {
			if len(all) < maxRoutes {
				all = append(all, strings.Clone(route))
			}
		}
	}
	return all
}

// strictRouter returns the Request-URI for a first route without the lr parameter: a
// strict router expects its own URI there (RFC 3261 12.2.1.1), without the parts that
// RFC 3261 19.1.1 forbids in a Request-URI.
func strictRouter(route string) (string, bool) {
	var uri sip.Uri
	a, err := sipwire.ParseAddress(route)
	if err != nil || !isURI(a.URI) || sip.ParseUri(a.URI, &uri) != nil {
		return "", false
	}
	if _, loose := sipwire.URIParam(uri, "lr"); loose {
		return "", false
	}
	uri.UriParams.Remove("method")
	uri.Headers = nil
	return uri.String(), true
}

func tagOf(params sip.HeaderParams) string { return params.GetOr("tag", "") }

func isSIPS(uri string) bool { return len(uri) > 5 && strings.EqualFold(uri[:5], "sips:") }
