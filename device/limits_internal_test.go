package device

import (
	"testing"
	"time"
)

// Every wait is shorter than the part of the sign-in that it belongs to, and all
// parts together are shorter than the caller's time limit.
func TestLimitsArePartsOfTheBudget(t *testing.T) {
	for _, budget := range []time.Duration{0, time.Nanosecond, 200 * time.Millisecond, 2 * time.Second, DefaultBudget, time.Hour, 1 << 55} {
		c := Config{Budget: budget}
		var id Identity
		c.RootSet = "none"
		if _, err := c.settle(&id); err != nil {
			t.Fatal(err)
		}
		l := c.limits()
		for name, wait := range map[string]time.Duration{"DNS": 2 * l.dns, "time": l.clock, "dial": 2 * l.dial, "answer": 2 * l.answer, "roots": l.roots} {
			if wait < 0 || wait > l.registered {
				t.Errorf("%s of %s: %s is longer than the sign-in, %s", name, c.Budget, wait, l.registered)
			}
		}
		for name, wait := range map[string]time.Duration{"Autodiscover": 3 * l.autodiscover, "EWS": 3 * l.ews} {
			if wait > l.ready {
				t.Errorf("%s of %s: %s is longer than the whole, %s", name, c.Budget, wait, l.ready)
			}
		}
		if budget > time.Second && (l.registered >= l.loaded || l.loaded >= l.ready || l.ready >= c.Budget || l.dns == 0) {
			t.Errorf("parts of %s: %+v", c.Budget, l)
		}
	}
	if l := (&Config{Budget: time.Hour}).limits(); l.dns != DefaultDNSTimeout || l.dial != DefaultDialTimeout {
		t.Errorf("a long time limit makes single waits longer than the phone's own: %+v", l)
	}
}
