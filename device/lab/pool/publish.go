package pool

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/boundedxml"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// refusedChange is the error of a change that the pool refuses.
type refusedChange Diagnostics

func (r refusedChange) Error() string { return r.Reason }

// versionConflict is the error of changes whose version is not the current one
// (docs/protocol/presence.md#publishing).
type versionConflict []conflict

type conflict struct {
	Index      int    `xml:"index,attr"` // of the change in its request, from 1
	Version    uint32 `xml:"version,attr"`
	CurVersion uint32 `xml:"curVersion,attr"`
}

func (w versionConflict) Error() string {
	return fmt.Sprintf("%d versions are not those of now", len(w))
}

// XML returns the body of the 409.
func (w versionConflict) XML() []byte {
	body, _ := xml.Marshal(struct { // cannot fail: numbers and constants
		XMLName    xml.Name   `xml:"Fault"`
		Code       string     `xml:"Faultcode"`
		Operations []conflict `xml:"details>operation"`
	}{Code: "Client.BadCall.WrongDelta", Operations: w})
	return body
}

// serviceChanges are the changes by SERVICE, by Content-Type. The result is the
// body of the 200; nil means no body. a.mu is held.
var serviceChanges = map[string]func(a *account, epid string, body []byte) ([]byte, error){
	publishType:     (*account).publish,
	membersType:     (*account).setMembers,
	acknowledgeType: (*account).acknowledge,
}

// Bounds of a client's document, beside maxMessage.
const (
	maxDepth    = 32
	maxElements = 1 << 14
)

// readXML reads a whole document into v, by struct tags.
func readXML(body []byte, v any) error {
	return boundedxml.Unmarshal(body, boundedxml.Limits{
		Bytes:    maxMessage,
		Depth:    maxDepth,
		Elements: maxElements,
		Strict:   true,
	}, v)
}

type publishReader struct {
	XMLName xml.Name   `xml:"publish"`
	Attrs   []xml.Attr `xml:",any,attr"`
	Lists   []struct {
		URI          string            `xml:"uri,attr"`
		Attrs        []xml.Attr        `xml:",any,attr"`
		Publications []publishedReader `xml:"publication"`
	} `xml:"publications"`
}

type publishedReader struct {
	Category   string     `xml:"categoryName,attr"`
	Instance   uint32     `xml:"instance,attr"`
	Container  uint32     `xml:"container,attr"`
	Version    uint32     `xml:"version,attr"`
	ExpireType string     `xml:"expireType,attr"`
	Expires    string     `xml:"expires,attr"`
	Attrs      []xml.Attr `xml:",any,attr"`
	Body       string     `xml:",innerxml"`
}

// publish applies a publish document: all publications or none
// (docs/protocol/presence.md#publishing). It returns the changed categories as
// XML.
func (a *account) publish(epid string, body []byte) ([]byte, error) {
	var doc publishReader
	if err := readXML(body, &doc); err != nil {
		return nil, err
	}
	refreshed := a.refresh()
	work, categories, err := a.applyPublish(epid, doc)
	if conflict := versionConflict(nil); errors.As(err, &conflict) {
		a.notifyCategories("", refreshed)
	}
	if err != nil {
		return nil, err
	}
	before := a.publications
	a.publications = work
	maps.Copy(categories, a.refresh()) // the aggregate
	maps.Copy(categories, refreshed)
	answer, err := a.categoriesXML(categories)
	if err != nil { // a body that is not an element
		a.publications = before
		return nil, err
	}
	a.queueNotification(epid, answer)
	return answer, nil
}

// applyPublish returns the publications of a after doc, and the categories that
// doc changes. It does not change a.
func (a *account) applyPublish(epid string, doc publishReader) (map[slot]*publication, categorySet, error) {
	work, categories, now := maps.Clone(a.publications), categorySet{}, a.now()
	var conflicts versionConflict
	index := 0
	for _, list := range doc.Lists {
		if uri := strings.ToLower(list.URI); uri != "" && strings.TrimPrefix(uri, "sip:") != a.address {
			return nil, nil, refusedChange(diagForbidden)
		}
		for _, p := range list.Publications {
			index++
			at := slot{p.Category, p.Instance, p.Container}
			next, err := p.publication(epid, now, list.Attrs, doc.Attrs)
			if err != nil {
				return nil, nil, err
			}
			if at == slotProperties || at == slotCard || at == slotAggregate {
				return nil, nil, refusedChange(diagReadOnly)
			}
			current := work[at].currentVersion()
			if p.Version != current {
				conflicts = append(conflicts, conflict{index, p.Version, current})
				continue
			}
			categories[p.Category] = true
			if next == nil {
				delete(work, at)
				continue
			}
			next.version = current + 1
			work[at] = next
		}
	}
	if len(conflicts) > 0 {
		return nil, nil, conflicts
	}
	if tooLarge(work) {
		return nil, nil, refusedChange(diagTooMuch)
	}
	return work, categories, nil
}

// currentVersion returns the version of p; 0 if there is no publication.
func (p *publication) currentVersion() uint32 {
	if p == nil {
		return 0
	}
	return p.version
}

func tooLarge(all map[slot]*publication) bool {
	size := 0
	for _, p := range all {
		size += len(p.body)
	}
	return len(all) > maxPublications || size > maxPublished
}

// publication returns the new content of the slot; nil if p deletes it. outer are
// the attributes of the elements around p, inner ones first.
func (p publishedReader) publication(epid string, now time.Time, outer ...[]xml.Attr) (*publication, error) {
	body := strings.TrimSpace(p.Body)
	if p.Category == "" {
		return nil, errors.New("a publication without a category")
	}
	if p.Expires == "0" && body == "" {
		return nil, nil
	}
	next := &publication{
		expireType: p.ExpireType,
		at:         now,
		epid:       epid,
		body:       withNamespaces(body, append([][]xml.Attr{p.Attrs}, outer...)...),
	}
	switch p.ExpireType {
	case "static", "endpoint", "user":
	case "time":
		seconds, err := strconv.ParseUint(p.Expires, 10, 32)
		if err != nil {
			return nil, err
		}
		next.until = now.Add(time.Duration(seconds) * time.Second)
	default:
		return nil, fmt.Errorf("there is no expireType %q", p.ExpireType)
	}
	return next, nil
}

// withNamespaces adds the namespace declarations of the elements around it to the
// element body, inner ones first, since body is moved to another document.
func withNamespaces(body string, scopes ...[]xml.Attr) string {
	end := strings.IndexByte(body, '>')
	name := strings.IndexAny(body, " \t\r\n/>")
	if !strings.HasPrefix(body, "<") || end < 0 || name < 2 || strings.ContainsAny(body[1:2], "!?") {
		return body
	}
	declared, out := body[:end], body[:name]
	for _, scope := range scopes {
		for _, a := range scope {
			if prefix := "xmlns:" + a.Name.Local; a.Name.Space == "xmlns" && !strings.Contains(declared, prefix) {
				declared += prefix
				var value strings.Builder
				_ = xml.EscapeText(&value, []byte(a.Value)) // a Builder returns no error
				out += fmt.Sprintf(` %s="%s"`, prefix, value.String())
			}
		}
	}
	return out + body[name:]
}

type membersReader struct {
	XMLName    xml.Name `xml:"setContainerMembers"`
	Containers []struct {
		ID      uint32 `xml:"id,attr"`
		Version uint32 `xml:"version,attr"`
		Members []struct {
			Action string `xml:"action,attr"`
			Type   string `xml:"type,attr"`
			Value  string `xml:"value,attr"`
		} `xml:"member"`
	} `xml:"container"`
}

// setMembers changes the members of containers: all changes or none
// (docs/protocol/presence.md#publishing). The answer has no body: every endpoint
// is notified, including the one that sent the request.
func (a *account) setMembers(_ string, body []byte) ([]byte, error) {
	var doc membersReader
	if err := readXML(body, &doc); err != nil {
		return nil, err
	}
	work := maps.Clone(a.containers)
	var wrong versionConflict
	for i, change := range doc.Containers {
		have := work[change.ID]
		if change.Version != have.version {
			wrong = append(wrong, conflict{i + 1, change.Version, have.version})
			continue
		}
		next := container{have.version + 1, slices.Clone(have.members)}
		for _, m := range change.Members {
			member := roaming.Member{Type: m.Type, Value: m.Value}
			next.members = slices.DeleteFunc(next.members, func(x roaming.Member) bool {
				return strings.EqualFold(x.Type, m.Type) && strings.EqualFold(x.Value, m.Value)
			})
			switch {
			case m.Type == "" || m.Action != "add" && m.Action != "remove":
				return nil, errors.New("a member without a type, or an unknown action")
			case m.Action == "add":
				next.members = append(next.members, member)
			}
		}
		work[change.ID] = next
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	members := 0
	for _, c := range work {
		members += len(c.members)
	}
	if len(work) > maxContainers || members > maxMembers {
		return nil, refusedChange(diagTooMuch)
	}
	a.containers = work
	if len(doc.Containers) > 0 {
		return nil, a.notifySection(roaming.Containers)
	}
	return nil, nil
}

// notifySection queues a notification with a section for every endpoint.
func (a *account) notifySection(section string) error {
	body, err := a.selfSections(section).XML()
	if err == nil {
		a.queueNotification("", body)
	}
	return err
}

type subscribersReader struct {
	XMLName     xml.Name `xml:"setSubscribers"`
	Subscribers []struct {
		User         string `xml:"user,attr"`
		Acknowledged bool   `xml:"acknowledged,attr"`
	} `xml:"subscriber"`
}

// acknowledge stores which watchers the user has acknowledged
// (docs/protocol/presence.md#self-subscription).
func (a *account) acknowledge(_ string, body []byte) ([]byte, error) {
	var doc subscribersReader
	if err := readXML(body, &doc); err != nil {
		return nil, err
	}
	for _, s := range doc.Subscribers {
		if len(a.acknowledged) >= maxAcknowledged {
			return nil, refusedChange(diagTooMuch)
		}
		a.acknowledged[strings.ToLower(strings.TrimPrefix(s.User, "sip:"))] = s.Acknowledged
	}
	return nil, a.notifySection(roaming.Subscribers)
}
