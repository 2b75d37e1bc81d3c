package sipwire

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Methods of OCS for which sipgo has no constant.
const (
	BENOTIFY = "BENOTIFY" // a NOTIFY without a response
	SERVICE  = "SERVICE"  // SOAP
)

// RequestConfig holds the parts of a request.
type RequestConfig struct {
	Method string
	URI    string // Request-URI
	Via    string // sent-by: this end's host:port; the branch is added
	// Transport of the Via; "": TLS.
	Transport string
	From      string // header value with its parameters, tag and epid
	To        string // header value
	CallID    string
	CSeq      uint32
	Headers   []Header // further headers, in order
	Body      []byte   // its Content-Type is one of Headers
}

// Header is a header line.
type Header struct{ Name, Value string }

// MaxForwards is the initial value of Max-Forwards (RFC 3261 8.1.1.6).
const MaxForwards = 70

// NewRequest returns a request with a new branch. It fails if the peer could not
// parse the request.
func NewRequest(r RequestConfig) (*sip.Request, error) {
	b := block{start: r.Method + " " + r.URI + " SIP/2.0", fields: make([]field, 0, 7+len(r.Headers))}
	line := func(name, value string) {
		b.fields = append(b.fields, field{longName(name), name, trim(value)})
	}
	line("Via", "SIP/2.0/"+cmp.Or(r.Transport, "TLS")+" "+r.Via+";branch="+NewBranch())
	line("Max-Forwards", strconv.Itoa(MaxForwards))
	line("From", r.From)
	line("To", r.To)
	line("Call-ID", r.CallID)
	line("CSeq", strconv.FormatUint(uint64(r.CSeq), 10)+" "+r.Method)
	for _, h := range r.Headers {
		line(h.Name, h.Value)
	}
	line("Content-Length", strconv.Itoa(len(r.Body)))
	err := b.writable()
	if err == nil {
		var msg sip.Message
		if msg, err = b.checked(r.Body); err == nil {
			if req, is := msg.(*sip.Request); is {
				return req, nil
			}
			err = errors.New("a status line for a request")
		}
	}
	return nil, fmt.Errorf("cannot make a %s request: %w", r.Method, err)
}

// writable returns an error for a block of this end that another one would be read
// from: with a line break in a value, or a name that is no token.
func (b *block) writable() error {
	const breaks = "\r\n\x00"
	if strings.ContainsAny(b.start, breaks) {
		return errors.New("a line break in the start line")
	}
	if len(b.fields) > maxHeaders {
		return fmt.Errorf("more than %d headers", maxHeaders)
	}
	for _, f := range b.fields {
		if strings.ContainsAny(f.value, breaks) {
			return errors.New("a line break in a value")
		}
		if !isToken(f.original) {
			return errors.New("the name of a header is no token")
		}
	}
	return nil
}

// NewResponse returns an answer to req with its Via, From, To, Call-ID and
// CSeq. A To without a tag gets toTag, or a new tag when that is empty, except
// in a 100 (RFC 3261 8.2.6.2).
func NewResponse(req *sip.Request, code int, reason, toTag string) *sip.Response {
	res := sip.NewResponse(code, reason)
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		for _, h := range req.GetHeaders(name) {
			res.AppendHeader(sip.HeaderClone(h))
		}
	}
	if to := res.To(); to != nil && code != sip.StatusTrying && to.Params.GetOr("tag", "") == "" {
		if toTag == "" {
			toTag = NewTag()
		}
		to.Params.Add("tag", toTag)
	}
	res.SetBody(nil)
	return res
}

// Received adds the address of the client, as the server sees it, to a response's
// top Via (docs/protocol/sip-connection.md#tcp-connection-and-via): received if it
// differs from the host of the Via, ms-received-port and, unless empty,
// ms-received-cid.
func Received(res *sip.Response, client netip.AddrPort, cid string) {
	via := res.Via()
	if via == nil {
		return
	}
	if addr := client.Addr().Unmap().String(); addr != via.Host {
		via.Params.Add("received", addr)
	}
	via.Params.Add("ms-received-port", strconv.Itoa(int(client.Port())))
	if cid != "" {
		via.Params.Add("ms-received-cid", cid)
	}
}

// NewBranch returns a Via branch (RFC 3261 8.1.1.7).
func NewBranch() string { return sip.RFC3261BranchMagicCookie + randomHex(8) }

// NewTag returns a From or To tag.
func NewTag() string { return randomHex(8) }

// NewCallID returns a Call-ID of 32 hex digits, as Communicator's.
func NewCallID() string { return randomHex(16) }

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

var (
	gssapiData     = regexp.MustCompile(`(?i)(gssapi-data\s*=\s*)("[^"]*"?|[^\s,]*)`)
	digestResponse = regexp.MustCompile(`(?is)(\bDigest\s.*?\bresponse\s*=\s*)("[^"]*"?|[^\s,]*)`)
)

// Redact returns a copy of a message for logs and captures: without gssapi-data and
// a digest's response, which allow a search for the password. The signatures of
// MS-SIPAE stay; their keys are random.
func Redact(raw []byte) []byte {
	head, body := raw, []byte(nil)
	if end := strings.Index(string(raw), "\r\n\r\n"); end >= 0 {
		head, body = raw[:end], raw[end:]
	}
	head = gssapiData.ReplaceAll(head, []byte(`$1"…"`))
	head = digestResponse.ReplaceAll(head, []byte(`$1"…"`))
	return append(head, body...)
}
