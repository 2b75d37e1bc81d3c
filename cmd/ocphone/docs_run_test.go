//go:build unix

package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestDocumentedCommandsWork runs each block that follows a line <!-- tested -->
// as it stands, and looks for the output that the document shows below it.
func TestDocumentedCommandsWork(t *testing.T) {
	n := 0
	for _, d := range documents(t) {
		for _, block := range d.blocks {
			if !block.tested {
				continue
			}
			n++
			t.Run(fmt.Sprintf("%s:%d", d.file, block.line), func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				shell := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", block.text)
				shell.Dir = t.TempDir()
				shell.WaitDelay = 5 * time.Second // for what it has left in the background
				out, err := shell.CombinedOutput()
				if err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				for _, line := range block.output {
					if !strings.Contains("\n"+string(out), "\n"+line) {
						t.Errorf("no line of the output begins with %q:\n%s", line, out)
					}
				}
			})
		}
	}
	if n < 8 {
		t.Errorf("only %d blocks are marked as tested", n)
	}
}
