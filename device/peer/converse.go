//go:build realpeers && linux

package peer

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// Conversation is a running program that answers each line with one line.
type Conversation struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Reader
	log outputTail
}

// Converse starts program; it is ended at the end of the test.
func (c Command) Converse(t testing.TB, program string, args ...string) *Conversation {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runTimeout) // the program may not answer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = c.Dir, append(cmd.Environ(), c.Env...), grace
	conv := &Conversation{t: t}
	cmd.Stderr = &conv.log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conv.in, conv.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		in.Close() // the program ends at the end of its input
		cmd.Wait()
		cancel()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, conv.log.String())
		}
	})
	return conv
}

// Ask writes line and returns the answer.
func (c *Conversation) Ask(line string) string {
	c.t.Helper()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		c.t.Fatalf("%q: %v\n%s", line, err, c.log.String())
	}
	answer, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatalf("%q is not answered: %v\n%s", line, err, c.log.String())
	}
	io.WriteString(&c.log, "< "+line+"\n> "+answer)
	return strings.TrimSuffix(answer, "\n")
}
