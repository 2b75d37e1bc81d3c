package exchange

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The UM web service (docs/protocol/exchange-um.md#um-web-service): the user's own
// mailbox, no versions.

// playedCall is a call of PlayOnPhone. Each GetCallInfo advances its state.
type playedCall struct {
	sam   string
	state int
}

func callStates() []string { return []string{"Connecting", "Alerted", "Connected", "Disconnected"} }

// maxPlayed bounds the number of calls; no source.
const maxPlayed = 100

func (s *Server) serveUM(w *recorder, r *http.Request) {
	user, ok := s.authenticate(w, r)
	if !ok {
		return
	}
	switch {
	case r.Method != http.MethodPost:
		s.refuse(w, r, http.StatusMethodNotAllowed, "Only SOAP by POST is served here")
		return
	case !isXML(r):
		s.refuse(w, r, http.StatusUnsupportedMediaType, "Unsupported media type")
		return
	}
	b, ok := s.readBody(w, r)
	if !ok {
		return
	}
	f := s.Faults()
	root, err := parse(b)
	body := child(root, "soap:Body")
	if err != nil || root.Name.Local != "soap:Envelope" || body == nil || len(body.Children) != 1 {
		w.operation("", false)
		s.umFault(w, f, "soap:Client", "Server was unable to read request.")
		return
	}
	op, inNamespace := strings.CutPrefix(body.Children[0].Name.Local, "m:")
	operations := []string{"IsUMEnabled", "GetUMProperties", "PlayOnPhone", "GetCallInfo", "Disconnect"}
	known := inNamespace && slices.Contains(operations, op)
	w.operation(op, known)
	if !known {
		s.umFault(w, f, "soap:Client", "Server did not recognize the operation.")
		return
	}
	if code := codeFor(f.SOAPFault, op); code != "" {
		s.umFault(w, f, "soap:Server", code)
		return
	}
	result, err := s.um(user.SAM, user.EUM, op, body.Children[0])
	if err != nil {
		s.umFault(w, f, "soap:Server", err.Error())
		return
	}
	// The response element and its inner result have the same name.
	s.write(w, f, http.StatusOK, el("m:"+op+"Response", result).attr("xmlns:m", nsMessages))
}

// umFault is the fault of an ASP.NET service, which has no response code.
func (s *Server) umFault(w *recorder, f Faults, code, text string) {
	s.write(w, f, http.StatusInternalServerError,
		el("soap:Fault", tx("faultcode", code), tx("faultstring", text), el("detail")))
}

func (s *Server) um(sam, eum, op string, n *node) (*elem, error) {
	name := "m:" + op + "Response"
	if op == "IsUMEnabled" {
		return tx(name, fmt.Sprint(eum != "")), nil
	}
	if eum == "" {
		return nil, fmt.Errorf("UserNotUmEnabledException: the user %s is not enabled for Unified Messaging", sam)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch op {
	case "GetUMProperties":
		return el(name,
			tx("m:OofStatus", "false"),
			tx("m:MissedCallNotificationEnabled", "true"),
			tx("m:PlayOnPhoneDialString", ""),
			tx("m:TelephoneAccessNumbers", ""),
			tx("m:TelephoneAccessFolderEmail", "")), nil
	case "PlayOnPhone":
		return s.play(sam, name, n)
	}
	id := child(n, "m:CallId").Value()
	c := s.calls[id]
	if c == nil || c.sam != sam {
		return nil, fmt.Errorf("InvalidCallIdException: there is no such call")
	}
	if op == "Disconnect" {
		c.state = len(callStates()) - 1
		return nil, nil
	}
	state := callStates()[c.state]
	c.state = min(c.state+1, len(callStates())-1)
	return el(name, tx("m:CallState", state), tx("m:EventCause", "None")), nil
}

// play starts to play a voice mail on a telephone. The documentation spells
// entryId and DialString in different cases: all are accepted.
func (s *Server) play(sam, name string, n *node) (*elem, error) {
	child := func(local string) string {
		i := slices.IndexFunc(n.Children, func(k *node) bool { return strings.EqualFold(k.Name.Local, "m:"+local) })
		if i < 0 {
			return ""
		}
		return n.Children[i].Value()
	}
	box := s.mailboxes[strings.ToLower(sam)]
	if box == nil {
		return nil, fmt.Errorf("InvalidObjectIdException: there is no such message")
	}
	numbers, err := box.readID(child("EntryId"), 'I', 1)
	if err != nil || box.byID[numbers[0]] == nil || !box.byID[numbers[0]].inFolder("voicemail") {
		return nil, fmt.Errorf("InvalidObjectIdException: there is no such message")
	}
	if child("DialString") == "" {
		return nil, fmt.Errorf("DialingRulesException: there is no number to dial")
	}
	if len(s.calls) >= maxPlayed {
		clear(s.calls)
	}
	id := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "812c44e5-%x@um01.%s", s.nextID(), s.dir.Domain()))
	s.calls[id] = &playedCall{sam: sam}
	return tx(name, id), nil
}
