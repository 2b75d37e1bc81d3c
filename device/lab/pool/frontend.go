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
	Name string // FQDN, in the Contact of its responses
	// ReplicationDelay is the time by which the front end's domain controller lags
	// behind the directory (R12.2).
	ReplicationDelay time.Duration
}

// frontEnd is a running front end with the location profiles that it read last.
type frontEnd struct {
	FrontEnd
	pool    *Server
	started time.Time

	mu       sync.Mutex
	reads    int64 // number of intervals ReloadEvery from started to the last read
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
		fe := &frontEnd{FrontEnd: f, pool: s, started: s.Clock.Now(), profiles: s.dir.LocationProfiles()}
		s.frontEnds = append(s.frontEnds, fe)
	}
	return nil
}

// locationProfile returns a profile that the front end has read, by its name
// without regard to case. R12.2: the front end reads at each ReloadEvery after its
// start. Here the state at the time of the last read is looked up on demand.
func (f *frontEnd) locationProfile(name string) (dialplan.Plan, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	every := f.pool.ReloadEvery
	if n := int64(f.pool.Clock.Now().Sub(f.started) / every); n > f.reads {
		f.reads = n
		// Until the delay has passed, the domain controller has the state of the start.
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

// contact returns the value of Contact in responses of this front end.
func (f *frontEnd) contact() string { return "<sip:" + f.Name + ":5061;transport=tls>" }
