// Package provisioning reads what the pool provisions at sign-in: the answer to a
// vnd-microsoft-provisioning-v2 query, as typed Settings. The packages below it
// read the other documents: dialplan the location profile, roaming the user's
// own entry and contact list.
//
// It implements MS-SIPREGE 2.2.2
// (docs/protocol/sip-services.md#in-band-provisioning), for R9.1 (primary e-mail
// address). It parses and writes documents and does not send them.
//
//	body, err := provisioning.Request(provisioning.Groups2007()...) // into the SUBSCRIBE, whose Expires is 0
//	answer, err := provisioning.Parse(reply)                        // the 200's body, or that of the one BENOTIFY
//	settings := answer.Settings(provisioning.Subscriber{Address: "kerry@contoso.com", RemoteUser: grant.RemoteUser})
//
// The query creates no subscription ([MS-SIPREGE] 2.2.2): to learn of changes,
// the phone queries again, and the new answer replaces the old one.
//
// A document that cannot be read to its end is an error, and nothing of it is
// used. An unknown name, a value out of range or a name given twice is a Warning
// in the result: the default or the first value is used. The package starts no
// goroutine and keeps no state; its values may be shared between goroutines.
package provisioning

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/device/journal"
)

// Names of the SIP messages that carry these documents.
const (
	EventPackage = "vnd-microsoft-provisioning-v2"                         // Event of the SUBSCRIBE and of a BENOTIFY
	MediaType    = "application/vnd-microsoft-roaming-provisioning-v2+xml" // of request and answer
	requestSpace = "http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist"
	answerSpace  = "http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification"
)

// Names of groups, spelled as servers compare them
// (docs/protocol/sip-services.md#provisioning-request).
const (
	ServerConfiguration = "ServerConfiguration"
	MeetingPolicy       = "meetingPolicy"
	UCPolicy            = "ucPolicy"
	PublicationGrammar  = "publicationGrammar"
	UserSetting         = "userSetting"
)

// Limits on documents from the network.
const (
	MaxBody     = 1 << 20 // bytes of one document: as much as one SIP message may have
	maxGroups   = 64      // of one answer; Lync has 13
	maxProperty = 512     // properties of one group; ServerConfiguration has some 70
	maxValue    = 4096    // bytes of one property's value; URLs are the longest
	maxText     = 256     // bytes of a name or a line for display
)

// ErrNoBody is in the error for an empty body. A pool may answer 200 without a
// body and send the answer in a BENOTIFY (docs/protocol/sip-services.md#provisioning-answer).
var ErrNoBody = errors.New("there is no body")

// Groups2007 returns the groups that a client of OCS 2007 and 2007 R2 requests
// (docs/protocol/sip-services.md#provisioning-request).
func Groups2007() []string {
	return []string{ServerConfiguration, MeetingPolicy, UCPolicy, PublicationGrammar, UserSetting}
}

type requestWriter struct {
	XMLName xml.Name       `xml:"http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist provisioningGroupList"`
	Groups  []requestGroup `xml:"provisioningGroup"`
}

type requestGroup struct {
	Name string `xml:"name,attr"`
}

// Request writes the body that requests these groups.
func Request(groups ...string) ([]byte, error) {
	if len(groups) == 0 || slices.Contains(groups, "") {
		return nil, fmt.Errorf("a provisioning request names its groups: %q", groups)
	}
	var w requestWriter
	for _, g := range groups {
		w.Groups = append(w.Groups, requestGroup{g})
	}
	return xml.Marshal(w)
}

// ParseRequest reads a request's body as a pool does: the names in their order,
// each once. A name that no server knows is not an error (MS-SIPREGE
// 2.2.2.1): the pool leaves it out of its answer.
func ParseRequest(body []byte) ([]string, error) {
	root, err := parseTree(body, "provisioning request")
	if err != nil {
		return nil, err
	}
	if !root.Is("provisioningGroupList") {
		return nil, wrongRoot("provisioning request", root, "provisioningGroupList")
	}
	var names []string
	for _, g := range root.Children {
		name, _ := g.Attr("name")
		if g.Is("provisioningGroup") && name != "" && !slices.Contains(names, name) && len(names) < maxGroups {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, malformed("provisioning request", "It names no group.", nil)
	}
	return names, nil
}

// malformed returns the failure for a document that cannot be read.
func malformed(document, what string, err error) error {
	return &journal.Failure{
		Code:    journal.ProvMalformed,
		Asked:   document,
		What:    "The " + document + " cannot be read. " + what,
		Because: "MS-SIPREGE 2.2.2, MS-SIPRE 2.2.8",
		Err:     err,
		Fix: "Look at the body of the message in the SIP log of the pool: something between pool and phone has cut or " +
			"rewritten it, or the sender is no OCS pool.",
	}
}

func wrongRoot(document string, root *boundedxml.Node, want string) error {
	what := fmt.Sprintf("Its root element is <%s>, not <%s>.", journal.Excerpt(root.Name.Local), want)
	return malformed(document, what, nil)
}
