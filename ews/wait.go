package ews

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"
)

// waitBudget is the rest of the time that one call may wait.
type waitBudget struct {
	left   time.Duration // negative: never wait
	wait   time.Duration // the next wait when the server names none
	jitter func() float64
}

func (c *Client) newWaitBudget() *waitBudget {
	p := &waitBudget{left: cmp.Or(c.Patience, DefaultPatience), wait: firstWait, jitter: c.Jitter}
	if p.jitter == nil {
		p.jitter = rand.Float64
	}
	return p
}

// next returns how long to wait after e; ok is false if too little time is left.
// The time that the server gives is used exactly; the phone's own varies by 20 %,
// so that many phones do not repeat their requests at once
// (docs/protocol/exchange-errors.md#retry-times).
func (p *waitBudget) next(e *Error) (wait time.Duration, ok bool) {
	switch {
	case e.After > 0:
		wait = e.After
	case e.Action == Wait:
		wait = busyWait
	default:
		wait = time.Duration(float64(p.wait) * (0.8 + 0.4*p.jitter()))
		p.wait *= 2
	}
	if p.left < wait {
		return wait, false
	}
	p.left -= wait
	return wait, true
}

// setBusy stops all requests for wait.
func (c *Client) setBusy(wait time.Duration) {
	until := c.clock().Now().Add(min(wait, cmp.Or(max(c.Patience, 0), DefaultPatience)))
	c.mu.Lock()
	defer c.mu.Unlock()
	if until.After(c.busyUntil) {
		c.busyUntil = until
	}
}

// BusyUntil returns when the next request may be sent; the zero time: now.
func (c *Client) BusyUntil() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	// A wait that is too long comes from a clock that was set back: ignore it.
	if left := c.busyUntil.Sub(c.clock().Now()); left <= 0 || left > max(c.Patience, DefaultPatience) {
		return time.Time{}
	}
	return c.busyUntil
}

// waitWhileBusy waits while the server is busy
// (docs/protocol/exchange-errors.md#what-a-client-does-about-each-code), or
// returns the busy error if waits are not allowed.
func (c *Client) waitWhileBusy(ctx context.Context, p *waitBudget, op string) error {
	for {
		if ctx.Err() != nil {
			return c.canceled(ctx, op)
		}
		until := c.BusyUntil()
		if until.IsZero() {
			return nil
		}
		wait := until.Sub(c.clock().Now())
		if p.left < 0 {
			return c.itemError(&Error{Op: op, Code: ErrorServerBusy, Action: Wait, After: wait,
				Text: "not asked: the server asked to be left alone a while ago"})
		}
		if err := c.sleep(ctx, wait, op); err != nil {
			return err
		}
	}
}

// sleep waits by the phone's clock.
func (c *Client) sleep(ctx context.Context, d time.Duration, op string) error {
	if d <= 0 {
		return nil
	}
	done := make(chan struct{})
	t := c.clock().AfterFunc(d, func() { close(done) })
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return c.canceled(ctx, op)
	}
}
