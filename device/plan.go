package device

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// Plan is the dial plan in force: the rules of the location profile (R12.1).
type Plan struct {
	*dialplan.Compiled
	Loaded time.Time // by the phone's clock, when the pool sent it
	// Kept: it is from the phone's memory; the pool has not sent one in this
	// sign-in.
	Kept bool
}

// keptPlan is a Plan in flash. It is for one user: other users dial by other
// rules.
type keptPlan struct {
	Address string        `json:"address"`
	Loaded  time.Time     `json:"loaded"`
	Plan    dialplan.Plan `json:"plan"`
}

// PlanCache lets the phones of one process share compiled dial plans of the
// same content: most users of a pool have the same. The zero value is empty; nil
// shares nothing.
type PlanCache struct {
	mu    sync.Mutex
	plans map[[sha256.Size]byte]*dialplan.Compiled
}

// maxPlans bounds the plans that a PlanCache holds.
const maxPlans = 64

func (c *PlanCache) compile(p dialplan.Plan) *dialplan.Compiled {
	b, err := json.Marshal(p)
	if c == nil || err != nil {
		return dialplan.Compile(p, dialplan.Options{})
	}
	key := sha256.Sum256(b)
	c.mu.Lock()
	held := c.plans[key]
	c.mu.Unlock()
	if held != nil {
		return held
	}
	next := dialplan.Compile(p, dialplan.Options{}) // outside the lock: a thousand rules take time
	c.mu.Lock()
	defer c.mu.Unlock()
	if held = c.plans[key]; held != nil {
		return held
	}
	if c.plans == nil || len(c.plans) >= maxPlans {
		c.plans = map[[sha256.Size]byte]*dialplan.Compiled{} // phones keep what they use
	}
	c.plans[key] = next
	return next
}
