package exchange

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/directory"
)

// Decode decodes a request and checks it against the schema.
func Decode(b []byte) error { _, err := decode(b); return err }

// POX answers an autodiscover request.
func (s *Server) POX(b []byte) string {
	var out writerString
	_ = s.pox(Autodiscover{}, b).write(&out)
	return string(out)
}

type writerString []byte

func (w *writerString) Write(b []byte) (int, error)       { *w = append(*w, b...); return len(b), nil }
func (w *writerString) WriteString(s string) (int, error) { *w = append(*w, s...); return len(s), nil }

// MuLaw encodes one sample.
var MuLaw = muLaw

// NewForFuzz returns a server with one user, which does not listen. Its calendar
// is short.
func NewForFuzz() *Server {
	d := directory.New("contoso.com", "CONTOSO")
	_ = d.AddUser(directory.User{SAM: "tu", Mail: "tu@contoso.com", EUM: "tu@contoso.com;phone-context=x"})
	s := New(d)
	s.Clock = clock.NewManual(time.Date(2008, 4, 1, 10, 0, 0, 0, time.UTC))
	u, _ := d.User("tu")
	b := s.mailboxOf(u)
	for _, it := range b.itemsIn("calendar")[3:] {
		b.remove(it)
	}
	return s
}

// Run decodes a request and runs its operation for tu; "" is a fault.
func (s *Server) Run(b []byte) string {
	answer, _ := s.Answer(b)
	return answer
}

// Answer decodes a request and runs its operation for tu. It returns the response
// messages inside one element, or the code of the fault.
func (s *Server) Answer(b []byte) (answer, fault string) {
	op, err := decode(b)
	var messages []*elem
	if err == nil {
		u, _ := s.dir.User("tu")
		messages, err = s.dispatch(Faults{}, u, op, op.Name.Local[2:])
	}
	var p *responseError
	if errors.As(err, &p) {
		return "", p.code
	}
	var out writerString
	_ = el("m:R", messages...).attr("xmlns:m", nsMessages, "xmlns:t", nsTypes).write(&out)
	return string(out), ""
}

// State returns a sum of everything that the mailbox of tu holds.
func (s *Server) State() uint64 {
	u, _ := s.dir.User("tu")
	sum := uint64(len(s.subs))
	add := func(v string) { sum += maphash.String(stateSeed, v) }
	for _, it := range s.mailboxOf(u).items {
		id := string(binary.BigEndian.AppendUint64(nil, it.id))
		add(fmt.Sprint(it.id, it.change, it.folder, it.softDeleted))
		for _, m := range []map[string]string{it.values, it.extended} {
			for name, v := range m {
				add(id + name + "=" + v)
			}
		}
	}
	return sum
}

var stateSeed = maphash.MakeSeed()

// CheckTable returns what is missing in the table of the schema.
func CheckTable() (missing []string) {
	for name, e := range schema() {
		if strings.HasPrefix(e.content, "=") || e.content == "any" {
			continue
		}
		for step := range strings.FieldsSeq(e.content) {
			for child := range strings.SplitSeq(strings.TrimRight(step, "?*+"), "|") {
				_, own := schema()[name+"/"+child]
				if _, ok := schema()[child]; !ok && !own {
					missing = append(missing, name+": "+child)
				}
			}
		}
	}
	for _, o := range operations {
		if _, ok := schema()["m:"+o.request]; o.run != nil && !ok {
			missing = append(missing, o.request)
		}
	}
	for _, p := range mapiProperties {
		element, _, _ := strings.Cut(p.uri, ":")
		if p.uri != "" && !slices.Contains([]string{"item", "message", "contacts", "calendar"}, element) {
			missing = append(missing, p.uri)
		}
	}
	return missing
}
