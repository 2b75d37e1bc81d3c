package exchange

import (
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

// NewForFuzz returns a server with one user, which does not listen.
func NewForFuzz() *Server {
	d := directory.New("contoso.com", "CONTOSO")
	_ = d.AddUser(directory.User{SAM: "tu", Mail: "tu@contoso.com", EUM: "tu@contoso.com;phone-context=x"})
	s := New(d)
	s.Clock = clock.NewManual(time.Date(2008, 4, 1, 10, 0, 0, 0, time.UTC))
	return s
}

// Run decodes a request and runs its operation for tu; "" is a fault.
func (s *Server) Run(b []byte) string {
	op, err := decode(b)
	if err != nil {
		return ""
	}
	u, _ := s.dir.User("tu")
	messages, err := s.dispatch(Faults{}, u, op, op.Name.Local[2:])
	if err != nil {
		return ""
	}
	var out writerString
	_ = el("m:R", messages...).attr("xmlns:m", nsMessages, "xmlns:t", nsTypes).write(&out)
	return string(out)
}
