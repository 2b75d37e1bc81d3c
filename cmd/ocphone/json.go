package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
)

// jsonVersion is the v of every document (docs/json.md#versions).
const jsonVersion = 1

// form is how a command prints: text, JSON documents, or nothing but its end.
type form struct {
	json, quiet bool
	result      result
	begun       time.Time
}

// addFlags adds the flags that every command has.
func (f *form) addFlags(c *cobra.Command) {
	c.PersistentFlags().BoolVar(&f.json, "json", false, "print JSON lines, the last of them the result (docs/json.md)")
	c.PersistentFlags().BoolVarP(&f.quiet, "quiet", "q", false,
		"print no text, only a failure on the standard error; with --json only the result")
}

// silent reports whether no text is printed to the standard output.
func (f *form) silent() bool { return f != nil && (f.json || f.quiet) }

// check reports flags of c that do not fit the form.
func (f *form) check(c *cobra.Command) error {
	set := map[string]bool{"json": f.json, "quiet": f.quiet}
	for _, name := range []string{"json", "quiet"} {
		for _, other := range []string{"screen", "junit"} {
			if flag := c.Flags().Lookup(other); set[name] && flag != nil && flag.Changed {
				return usagef("--%s and --%s exclude each other", name, other)
			}
		}
	}
	if f.json && c.HasParent() && c.Parent().Name() == "completion" {
		return usagef("%s prints a script, not JSON: leave out --json", c.CommandPath())
	}
	return nil
}

// Outcomes of a command (docs/json.md#the-result).
const (
	outcomeDone        = "done"        // exit code 0; there was no sign-in to follow
	outcomeReady       = "ready"       // the phone is ready, perhaps with warnings
	outcomeSignedIn    = "signed-in"   // registered, with --until signed-in
	outcomeExpected    = "expected"    // --expect is met
	outcomeUnexpected  = "unexpected"  // --expect is not met
	outcomeFailed      = "failed"      // a person must act
	outcomeUsage       = "usage"       // options or arguments cannot work
	outcomeTimeout     = "time-out"    //
	outcomeInterrupted = "interrupted" // by a signal
)

// result is how a command ended: the last line of --json. A command sets Outcome
// only where the exit code does not decide it.
type result struct {
	Command  string         `json:"command"` // without the name of the program; "": none is known
	Outcome  string         `json:"outcome"`
	Exit     int            `json:"exit"`     // exit code of the process
	Code     journal.Code   `json:"code"`     // of the failure; "": none, or it has no code
	Message  string         `json:"message"`  // what the standard error says; "": nothing failed
	Fix      string         `json:"fix"`      // what to change, where Message does not say it
	Warnings []journal.Code `json:"warnings"` // of a phone that is ready, the latest last
	Expect   *expectation   `json:"expect,omitempty"`
	State    device.State   `json:"state,omitempty"`   // of the phone, before it signed out
	Address  string         `json:"address,omitempty"` // sign-in address
	Server   string         `json:"server,omitempty"`  // registered with, host:port
	Seconds  float64        `json:"seconds"`           // how long the command ran
}

// expectation is what --expect named.
type expectation struct {
	Code journal.Code `json:"code"`
	Met  bool         `json:"met"`
}

// of takes over the state of a phone.
func (r *result) of(s device.Snapshot) {
	r.State, r.Address, r.Server, r.Warnings = s.State, s.Address, s.Server, warningsOf(s)
	if s.Failure != nil {
		r.Code, r.Fix = s.Failure.Code, s.Failure.Fix
	}
}

// signedIn is the outcome of a sign-in that was followed to state s.
func (r *result) signedIn(s device.State) {
	switch s {
	case device.Ready:
		r.Outcome = outcomeReady
	case device.SignedIn:
		r.Outcome = outcomeSignedIn
	}
}

// expected notes whether --expect is met.
func (r *result) expected(met bool) {
	r.Expect.Met = met
	if r.Outcome = outcomeUnexpected; met {
		r.Outcome = outcomeExpected
	}
}

// end completes r for a command that ended with err.
func (r *result) end(err error) {
	coded, ok := errors.AsType[exit](err)
	another := ok && coded.err == nil // the exit code is that of another program, and has the meaning that it has there
	switch r.Exit = exitCode(err); {
	case r.Exit == exitInterrupted:
		r.Outcome = outcomeInterrupted
	case another:
		r.Outcome = outcomeFailed
	case r.Exit == exitDone:
		if r.Outcome == "" {
			r.Outcome = outcomeDone
		}
	case r.Exit == exitUsage:
		r.Outcome, r.Code = outcomeUsage, journal.Usage
	case r.Exit == exitTimeout:
		r.Outcome, r.Code = outcomeTimeout, cmp.Or(r.Code, journal.Timeout)
	case r.Outcome != outcomeUnexpected:
		r.Outcome = outcomeFailed
	}
	if err == nil || another {
		r.Fix = ""
		return
	}
	if f, ok := errors.AsType[*journal.Failure](err); ok {
		r.Code = f.Code
	}
	what, fix := complaint(err)
	r.Message, r.Fix = what, cmp.Or(fix, r.Fix)
}

// writeResult writes the last line of a command that ended with err. args are its
// arguments, which may not have been understood.
func (e environment) writeResult(root *cobra.Command, args []string, err error) {
	if e.result.Command == "" && err != nil { // the flags may not all be read
		e.json = e.json || wantsJSON(args)
	}
	if r := &e.result; e.json && (r.Command != "" || err != nil) { // help and version are text
		if c, _, found := root.Find(args); r.Command == "" && found == nil {
			r.Command = commandName(c)
		}
		r.end(err)
		r.Warnings = nonNil(r.Warnings)
		r.Seconds = math.Round(time.Since(e.begun).Seconds()*1000) / 1000
		writeDocument(e.out, struct { // that it was lost is noticed elsewhere
			Result *result `json:"result"`
		}{r})
	}
}

// wantsJSON reports whether args hold --json.
func wantsJSON(args []string) (wants bool) {
	for _, a := range args {
		name, value, given := strings.Cut(a, "=")
		switch on, err := strconv.ParseBool(value); {
		case a == "--":
			return wants
		case name == "--json":
			wants = !given || on && err == nil
		}
	}
	return wants
}

// commandName is the name of c without that of the program.
func commandName(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	return name
}

// text takes the text of a command; in JSON, and in quiet, it drops it.
func (e environment) text() io.Writer {
	if e.form.silent() {
		return io.Discard
	}
	return e.out
}

// document writes one document of a command in JSON; nothing in quiet.
func (e environment) document(v any) error {
	if e.quiet {
		return nil
	}
	return writeDocument(e.out, v)
}

// writeDocument writes v, an object, as one line of JSON. It adds the version to
// documents that have none. Characters that are not printable are escaped, since a terminal may
// show it.
func writeDocument(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var versioned struct{ V int }
	if err := json.Unmarshal(b, &versioned); err != nil {
		return fmt.Errorf("%T is no object in JSON: %w", v, err)
	}
	if versioned.V == 0 {
		b = slices.Concat(fmt.Appendf(nil, `{"v":%d,`, jsonVersion), b[1:])
	}
	var line strings.Builder
	for _, r := range string(b) {
		if unicode.IsPrint(r) {
			line.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&line, "\\u%04x", unit)
		}
	}
	line.WriteByte('\n')
	_, err = io.WriteString(w, line.String())
	return err
}

// nonNil is a copy of list that is [] in JSON if it is empty.
func nonNil[T any](list []T) []T { return append([]T{}, list...) }
