package sipua

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipwire"
)

// Reply is the answer to a SUBSCRIBE or SERVICE.
type Reply struct {
	Status      int    // of the final response: 200 to 299, in a Refused any other
	Reason      string // phrase of the status line
	ContentType string // as sent by the server; "" without a body
	Body        []byte // at most 512 KiB; the caller owns it; nil if there is none
	Text        string // status line and the server's reasons, for a step's Answered
	// Stop ends the subscription, at the server too. It does not wait. Notify and
	// Ended are not called after it. nil for a query and for a service.
	Stop func()
}

// Refused is the cause of the Failure for a final response other than 2xx.
// errors.As finds it, so that a caller can distinguish 404, 406, 485 and 489.
type Refused struct{ Reply }

func (r *Refused) Error() string { return r.Text }

// Service sends one SERVICE (MS-SIP) and returns its answer: the location profile
// (docs/protocol/sip-services.md#location-profile), a publication (5.2), a change
// of the contact list (6). to is a SIP URI, "" means that of the user; accept and
// contentType may be empty.
//
// The error holds a *journal.Failure, with a *Refused for a final response other
// than 2xx; or it is the error of ctx, or sipwire.ErrClosed after Close. ctx and
// the profile's Answer bound the wait.
func (r *Registration) Service(ctx context.Context, to, accept, contentType string, body []byte) (Reply, error) {
	uri := cmp.Or(to, r.address.URI())
	q := request{
		dialog:      newDialog(r.address.URI(), uri, r.server.TLS),
		method:      sipwire.SERVICE,
		contentType: contentType,
		body:        body,
		subject:     "the service " + cmp.Or(to, accept, contentType),
		asked:       "SERVICE " + printable(uri),
	}
	if !isURI(uri) {
		return Reply{}, &journal.Failure{Code: journal.Internal, Asked: q.asked, By: "the phone",
			What: "A service needs a SIP address to be asked at."}
	}
	if accept != "" {
		q.headers = []sipwire.Header{{Name: "Accept", Value: accept}}
		q.asked += " for " + accept
	}
	in, err := r.do(ctx, &q)
	if err != nil {
		return Reply{}, err
	}
	body = in.Msg.Body()
	if len(body) > maxBody {
		return Reply{}, r.tooLargeFailure(q.asked, len(body))
	}
	return newReply(in, contentTypeOf(in), body), nil
}

// maxBody bounds the body of an answer or a notification, in bytes. A contact
// list of 1000 has some 300 KiB.
const maxBody = 512 << 10

func (r *Registration) tooLargeFailure(asked string, n int) *journal.Failure {
	return &journal.Failure{
		Code:     journal.SIPMalformed,
		Asked:    asked,
		Answered: fmt.Sprintf("a body of %d bytes", n),
		By:       r.by(),
		Because:  "a body has at most 512 KiB",
		What:     fmt.Sprintf("The server sent %d KiB, more than the phone takes.", n>>10),
		Fix:      "Let the server send less: shorten the user's contact list or the profile that was asked for.",
	}
}

// newReply makes a Reply of a final response and a body, which may have come in a
// notification.
func newReply(in *sipwire.Incoming, contentType string, body []byte) Reply {
	res := in.Response()
	text := diagnose(in).summary(res)
	if len(body) > 0 {
		text += fmt.Sprintf(", %d bytes of %s", len(body), cmp.Or(contentType, "no type"))
	}
	return Reply{Status: res.StatusCode, Reason: printable(res.Reason), ContentType: contentType, Body: body, Text: text}
}

func contentTypeOf(in *sipwire.Incoming) string { return printable(in.Header("Content-Type")) }

// isURI reports whether s is a SIP or SIPS URI that may be written into a later
// request.
func isURI(s string) bool {
	var uri sip.Uri
	return printable(s) == s && !strings.ContainsAny(s, "<>\" ,") && sip.ParseUri(s, &uri) == nil &&
		(uri.Scheme == "sip" || uri.Scheme == "sips")
}
