package device_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// TestSettleWaitsForWhatIsUnderWay: afterwards nothing changes by itself.
func TestSettleWaitsForWhatIsUnderWay(t *testing.T) {
	r := newRig(t, nil, nil)
	r.PowerOn()
	r.Plug(r.lab.Inside().Place)
	if err := r.SignIn(r.creds); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := r.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	r.wantReady(r.Snapshot())

	r.lab.Pool.SetFaults(pool.Faults{Silent: true})
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("enough")
	ended, end := context.WithCancelCause(t.Context())
	end(cause)
	if err := r.Settle(ended); !errors.Is(err, cause) {
		t.Errorf("with a request that is not answered: %v", err)
	}
	r.Close()
	if err := r.Settle(ctx); !errors.Is(err, net.ErrClosed) {
		t.Errorf("of a closed phone: %v", err)
	}
	if s := r.Snapshot(); s.State != device.Off {
		t.Error(s.State)
	}
}
