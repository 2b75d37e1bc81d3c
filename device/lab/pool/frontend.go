package pool

import (
	"cmp"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// FrontEnd is a server of the pool.
type FrontEnd struct {
	Name string // FQDN; it stands in the Contact of what this front end answers
	// ReplicationDelay is how much the front end's own domain controller lags
	// behind the directory (R12.2); 0: not at all.
	ReplicationDelay time.Duration
}

// frontEnd holds what it last read of its domain controller.
type frontEnd struct {
	FrontEnd
	pool    *Server
	started time.Time

	mu       sync.Mutex
	reads    int64 // whole ReloadEvery since started at the last read
	profiles []dialplan.Plan
}

func (s *Server) startFrontEnds() error {
	s.ReloadEvery = cmp.Or(s.ReloadEvery, DefaultReload)
	if s.FrontEnds == nil {
		s.FrontEnds = []FrontEnd{{Name: "fe1." + s.dir.Domain()}}
	}
	if len(s.FrontEnds) == 0 || s.ReloadEvery < 0 {
		return errors.New("pool: a pool has at least one front end, and ReloadEvery is not negative")
	}
	for _, f := range s.FrontEnds {
		if f.Name == "" || strings.ContainsAny(f.Name, " \t\r\n<>\",;@") || f.ReplicationDelay < 0 {
			return errors.New("pool: a front end needs a host name as its Name, and its ReplicationDelay is not negative")
		}
		s.frontEnds = append(s.frontEnds, &frontEnd{FrontEnd: f, pool: s, started: s.Clock.Now(), profiles: s.dir.LocationProfiles()})
	}
	return nil
}

// locationProfile finds a profile in what the front end has read, without
// regard to case. R12.2: it reads each ReloadEvery from its start on; what it
// would have read then is looked up when somebody asks.
func (f *frontEnd) locationProfile(name string) (dialplan.Plan, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	every := f.pool.ReloadEvery
	if n := int64(f.pool.Clock.Now().Sub(f.started) / every); n > f.reads {
		f.reads = n
		// Before the delay has passed, the domain controller has what it had at the start.
		if at := f.started.Add(time.Duration(n)*every - f.ReplicationDelay); at.After(f.started) {
			f.profiles = f.pool.dir.LocationProfilesAt(at)
		}
	}
	for _, p := range f.profiles {
		if strings.EqualFold(p.Name, name) {
			return p, true
		}
	}
	return dialplan.Plan{}, false
}

// contact is the value of the Contact of what this front end answers.
func (f *frontEnd) contact() string { return "<sip:" + f.Name + ":5061;transport=tls>" }
