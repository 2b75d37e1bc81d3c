package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
)

// A run whose time has passed says what it was waiting for, and since when.
func TestTimeOutNamesWhatWasAwaited(t *testing.T) {
	waits := device.Awaiting{What: "the answer of pool01.contoso.com:5061 to REGISTER", Since: time.Now().Add(-20 * time.Second)}
	const waiting = "waiting for the answer of pool01.contoso.com:5061 to REGISTER since 2"
	for name, row := range map[string]struct {
		s    device.Snapshot
		want []string
	}{
		"first attempt": {device.Snapshot{State: device.SigningIn, Awaiting: waits}, []string{"not signed in after 30s", waiting}},
		"nothing known": {device.Snapshot{State: device.SigningIn}, []string{"not signed in after 30s", "the last step"}},
		"later attempt": {device.Snapshot{State: device.SigningIn, Awaiting: waits, Failure: &journal.Step{Code: journal.SIPNoAnswer}},
			[]string{"not signed in after 30s", "the last failure was sip.no-answer", waiting}},
		"back-off":  {device.Snapshot{State: device.Waiting, Failure: &journal.Step{Code: journal.SIPNoAnswer}}, []string{"the last failure was sip.no-answer"}},
		"signed in": {device.Snapshot{State: device.SignedIn, Awaiting: waits}, []string{"signed in, but not ready after 30s", waiting, "--timeout"}},
	} {
		err := environment{}.verdict(row.s, context.DeadlineExceeded, "", 30*time.Second, false)
		for _, want := range row.want {
			if e, ok := err.(exit); !ok || e.code != exitTimeout || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}
