//go:build unix

package main

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"
)

// TestReadmeCommandsWork runs each block of the README that follows a line
// <!-- tested --> as it stands.
func TestReadmeCommandsWork(t *testing.T) {
	n := 0
	for _, block := range shellBlocks(readReadme(t)) {
		if !block.tested {
			continue
		}
		n++
		t.Run(fmt.Sprintf("line %d", block.line), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			shell := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", block.text)
			shell.Dir = t.TempDir()
			shell.WaitDelay = 5 * time.Second // for what it has left in the background
			if out, err := shell.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	if n == 0 {
		t.Error("no block of the README is marked as tested")
	}
}
