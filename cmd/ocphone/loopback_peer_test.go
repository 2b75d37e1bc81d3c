//go:build realpeers && linux

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestPeerNamespaceWithoutLoopback: a new network namespace has a loopback interface
// that is down.
func TestPeerNamespaceWithoutLoopback(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "unshare", "--net", "ocphone", "demo").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "ip link set lo up") {
		t.Errorf("%v: %s", err, out)
	}
}
