package exchange

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/lab/directory"
)

// xmlType is the Content-Type of every XML answer
// (docs/protocol/exchange-ews.md#transport-and-envelope).
const xmlType = "text/xml; charset=utf-8"

// ewsRequest is one request of an operation.
type ewsRequest struct {
	s       *Server
	user    directory.User
	mailbox *mailbox
	op      string // local name
	body    *node
}

// responseError is an error with a response code: of a response message or, if it
// concerns the whole operation, of a SOAP fault.
type responseError struct {
	code, text string
	values     []string // of MessageXml: name, value, name, value …
	at         *boundedxml.Error
}

func (p *responseError) Error() string { return p.code + ": " + p.text }

// codeError returns a responseError; text "" means the usual text of the code.
func codeError(code, text string) *responseError {
	if text == "" {
		text = messageText(code)
	}
	return &responseError{code: code, text: text}
}

// serveEWS serves EWS: the WSDL for GET, operations for POST.
func (s *Server) serveEWS(w *recorder, r *http.Request) {
	f := s.Faults()
	if f.Status != 0 {
		if f.Location != "" {
			w.Header().Set("Location", f.Location)
		}
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		s.refuse(w, r, f.Status, http.StatusText(f.Status))
		return
	}
	user, ok := s.authenticate(w, r)
	if !ok {
		return
	}
	if f.CloseAfter {
		w.Header().Set("Connection", "close")
	}
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		w.Header().Set("Content-Type", xmlType)
		_, _ = io.WriteString(w, wsdl(s.InsideURL+EWSPath))
	case r.Method != http.MethodPost:
		s.refuse(w, r, http.StatusMethodNotAllowed, "HTTP verb used to access this page is not allowed")
	case !isXML(r):
		s.refuse(w, r, http.StatusUnsupportedMediaType, "Unsupported media type")
	default:
		s.post(w, r, f, user)
	}
}

func isXML(r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "text/xml" || kind == "application/xml" || kind == "" // some clients do not send a type
}

// readBody reads the whole body, or answers 413.
func (s *Server) readBody(w *recorder, r *http.Request) ([]byte, bool) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		s.refuse(w, r, http.StatusBadRequest, "Bad request")
		return nil, false
	}
	if len(b) > maxBody {
		w.Header().Set("Connection", "close")
		s.refuse(w, r, http.StatusRequestEntityTooLarge, "Request entity too large")
		return nil, false
	}
	return b, true
}

func (s *Server) post(w *recorder, r *http.Request, f Faults, user directory.User) {
	b, ok := s.readBody(w, r)
	if !ok {
		return
	}
	op, err := decode(b)
	if op == nil {
		w.operation("", false)
		s.soapFault(w, f, err)
		return
	}
	name := strings.TrimPrefix(op.Name.Local, "m:")
	w.operation(name, known(name))
	if f.Delay > 0 && !s.wait(r, f.Delay) {
		panic(http.ErrAbortHandler)
	}
	if f.Hold != nil {
		f.Hold(r.Context(), name)
	}
	switch code := codeFor(f.SOAPFault, name); {
	case f.Busy:
		p := codeError("ErrorServerBusy", "")
		if f.BackOff > 0 {
			p.values = []string{"BackOffMilliseconds", strconv.FormatInt(f.BackOff.Milliseconds(), 10)}
		}
		err = p
	case code != "":
		err = codeError(code, "")
	}
	if err != nil {
		s.soapFault(w, f, err)
		return
	}
	if f.Raw != nil {
		w.Header().Set("Content-Type", xmlType)
		_, _ = w.Write(f.Raw)
		return
	}
	messages, err := s.dispatch(f, user, op, name)
	if err != nil {
		s.soapFault(w, f, err)
		return
	}
	s.write(w, f, http.StatusOK,
		el("m:"+name+"Response", el("m:ResponseMessages", messages...)).attr("xmlns:m", nsMessages, "xmlns:t", nsTypes))
}

func (s *Server) dispatch(f Faults, user directory.User, op *node, name string) ([]*elem, error) {
	code := codeFor(f.Codes, name)
	p := codeError(code, "")
	if f.InnerBusy { // docs/protocol/exchange-errors.md#shapes-of-an-error (3)
		code, p = "ErrorInternalServerError", codeError("ErrorInternalServerError", "")
		p.values = []string{"InnerErrorResponseCode", "ErrorServerBusy"}
	}
	if code != "" {
		return failures(op, name, p), nil
	}
	if user.Mail == "" {
		return nil, codeError("ErrorNonExistentMailbox", "")
	}
	if exceedsLimits(op) {
		return nil, codeError("ErrorInvalidRequest", "The request asks for too much at once.")
	}
	if err := checkPaths(op); err != nil {
		return failures(op, name, err), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &ewsRequest{s: s, user: user, mailbox: s.mailboxOf(user), op: name, body: op}
	return c.run()
}

// failures returns a response message with the same error for each object that op
// names.
func failures(op *node, name string, err error) (all []*elem) {
	for range max(1, messageCount(op)) {
		all = append(all, failure(name, err))
	}
	return all
}

// messageCount returns the number of response messages: one for each object that
// op names.
func messageCount(op *node) int {
	for _, list := range []string{
		"m:ItemIds", "m:FolderIds", "m:AttachmentIds", "m:ParentFolderIds", "m:ItemChanges", "m:Items", "m:SourceIds",
	} {
		if n := child(op, list); n != nil {
			return len(n.Children)
		}
	}
	return 1
}

// exceedsLimits reports whether op would cost too much work for its size.
func exceedsLimits(op *node) bool {
	folders := child(op, "m:ParentFolderIds")
	return messageCount(op) > maxMessages ||
		folders != nil && len(folders.Children) > maxSearched ||
		child(op, "m:SortOrder").Size() > 3*maxSort ||
		child(op, "m:ItemShape", "t:AdditionalProperties").Size() > maxPaths ||
		child(op, "m:FolderShape", "t:AdditionalProperties").Size() > maxPaths
}

// decode returns the operation of an envelope and checks it against the schema. If
// it returns an operation and an error, the operation or a header is invalid.
func decode(b []byte) (*node, error) {
	root, err := parse(b)
	if err != nil {
		return nil, xmlError(err)
	}
	body := child(root, "soap:Body")
	if root.Name.Local != "soap:Envelope" || checkChildren(root, "soap:Header? soap:Body") != nil ||
		len(body.Children) != 1 {
		return nil, schemaError(root, "the root must be a SOAP 1.1 Envelope with a Body that holds one operation")
	}
	op := body.Children[0]
	if header := child(root, "soap:Header"); header != nil {
		for _, h := range header.Children {
			if err := checkHeader(h); err != nil {
				return op, err
			}
		}
	}
	if !strings.HasPrefix(op.Name.Local, "m:") || !known(op.Name.Local[2:]) {
		return op, schemaError(op, "the element 'Body' has invalid child element '"+op.Name.Local+"'")
	}
	return op, checkSchema(op, "soap:Body")
}

// checkHeader checks a child of the SOAP header
// (docs/protocol/exchange-ews.md#transport-and-envelope). Those of later clients,
// such as TimeZoneContext, are ignored.
func checkHeader(h *node) error {
	switch v := attr(h, "Version"); {
	case h.Name.Local == "t:RequestServerVersion":
		if v != "Exchange2007" && v != "Exchange2007_SP1" {
			return codeError("ErrorInvalidServerVersion", "")
		}
	case h.Name.Local == "t:ExchangeImpersonation": // no user of the lab may act as another
		return codeError("ErrorImpersonateUserDenied", "")
	case h.Name.Local == "t:SerializedSecurityContext":
		return codeError("ErrorTokenSerializationDenied", "")
	case mustUnderstand(h):
		name := strings.TrimPrefix(h.Name.Local, "t:")
		return codeError("ErrorInvalidRequest", "The SOAP header "+name+" is not understood.")
	}
	return nil
}

func mustUnderstand(h *node) bool {
	for _, a := range h.Attrs {
		if a.Name.Space == nsSOAP && a.Name.Local == "mustUnderstand" && (a.Value == "1" || a.Value == "true") {
			return h.Name.Local != "t:MailboxCulture"
		}
	}
	return false
}

// schemaError is the fault for a request that violates the schema at n.
func schemaError(n *node, violation string) *responseError {
	return xmlError(&boundedxml.Error{Line: n.Line, Column: n.Column, What: violation})
}

// xmlError is the fault for a request that cannot be read, or violates the
// schema.
func xmlError(err error) *responseError {
	p := codeError("ErrorSchemaValidation", "")
	if errors.As(err, &p.at) {
		p.text = strings.TrimSuffix(p.text, ".") + ": " + p.at.What
	}
	return p
}

// soapFault answers with HTTP 500 and a fault
// (docs/protocol/exchange-errors.md#shapes-of-an-error (2)).
func (s *Server) soapFault(w *recorder, f Faults, err error) {
	var p *responseError
	if !errors.As(err, &p) {
		p = codeError("ErrorInternalServerError", "")
	}
	detail := el("detail",
		tx("e:ResponseCode", p.code).attr("xmlns:e", nsErrors),
		tx("e:Message", p.text).attr("xmlns:e", nsErrors))
	if m := p.messageXML("t:MessageXml"); m != nil {
		detail.add(m.attr("xmlns:t", nsTypes))
	}
	s.write(w, f, http.StatusInternalServerError, el("soap:Fault",
		tx("faultcode", "a:"+p.code).attr("xmlns:a", nsTypes),
		tx("faultstring", p.text).attr("xml:lang", "en-US"),
		detail))
}

// messageXML returns the machine-readable details of p; nil if there are none.
func (p *responseError) messageXML(name string) *elem {
	m := el(name)
	if p.at != nil {
		m.add(
			tx("t:LineNumber", strconv.Itoa(p.at.Line)),
			tx("t:LinePosition", strconv.Itoa(p.at.Column)),
			tx("t:Violation", p.at.What),
		)
	}
	for i := 0; i+1 < len(p.values); i += 2 {
		m.add(tx("t:Value", p.values[i+1]).attr("Name", p.values[i]))
	}
	if m.kids == nil {
		return nil
	}
	return m
}

// success returns a response message of op.
func success(op string, kids ...*elem) *elem {
	kids = slices.Concat([]*elem{tx("m:ResponseCode", "NoError")}, kids)
	return el("m:"+op+"ResponseMessage", kids...).attr("ResponseClass", "Success")
}

// failure returns a response message of op with an error. Messages for items have
// an empty list (docs/protocol/exchange-errors.md#shapes-of-an-error).
func failure(op string, err error) *elem {
	var p *responseError
	if !errors.As(err, &p) {
		p = codeError("ErrorInternalServerError", "")
	}
	m := el("m:"+op+"ResponseMessage",
		tx("m:MessageText", p.text),
		tx("m:ResponseCode", p.code),
		tx("m:DescriptiveLinkKey", "0"),
		p.messageXML("m:MessageXml"),
	).attr("ResponseClass", "Error")
	switch op {
	case "GetItem", "CreateItem", "UpdateItem", "CopyItem", "MoveItem":
		m.add(el("m:Items"))
	case "GetFolder":
		m.add(el("m:Folders"))
	case "GetAttachment":
		m.add(el("m:Attachments"))
	}
	return m
}

// write sends content as the Body of an envelope.
func (s *Server) write(w *recorder, f Faults, status int, content *elem) {
	header := el("soap:Header", el("t:ServerVersionInfo").attr(
		"MajorVersion", "8",
		"MinorVersion", "1",
		"MajorBuildNumber", "240",
		"MinorBuildNumber", "6",
		"Version", "Exchange2007_SP1",
		"xmlns:t", nsTypes))
	if f.NoServerVersion {
		header = nil
	}
	w.Header().Set("Content-Type", xmlType)
	w.WriteHeader(status)
	var to io.Writer = w
	if f.Truncate > 0 {
		to = &truncatingWriter{w: w, left: f.Truncate}
	}
	out := bufio.NewWriter(to)
	_, _ = out.WriteString(`<?xml version="1.0" encoding="utf-8"?>`)
	err := el("soap:Envelope", header, el("soap:Body", content)).attr("xmlns:soap", nsSOAP).write(out)
	if err == nil {
		err = out.Flush()
	}
	if err != nil { // the client has gone, or Faults.Truncate
		panic(http.ErrAbortHandler)
	}
}

// truncatingWriter writes the first left bytes and then fails (Faults.Truncate).
type truncatingWriter struct {
	w    http.ResponseWriter
	left int
}

func (c *truncatingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b[:min(len(b), c.left)])
	c.left -= n
	if err == nil && c.left == 0 {
		_ = http.NewResponseController(c.w).Flush()
		err = io.ErrShortWrite
	}
	return n, err
}

// formatTime returns an xs:dateTime as Exchange 2007 writes it.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
