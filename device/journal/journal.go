// Package journal defines the steps that explain a sign-in, and the registry of
// failure codes.
//
// A Step records one decision (docs/architecture.md#the-way-of-a-sign-in): the
// question, the answer and the server that gave it, the decision, the rule behind
// it, and the remedy for an administrator. The commands run, check and demo and
// the desktop program show these steps and print no other progress.
//
//  1. A package that decides something calls the Recorder that its caller passed.
//  2. A package that fails returns an error that wraps a *Failure. The caller
//     that ends the activity records it with [Failure.Step].
//  3. Readers follow a Log with a cursor. A slow reader does not block the
//     writer: the Log overwrites old entries and returns how many were missed.
//
// Steps never hold secrets: no password, no session key, no ticket.
package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Version of the JSON form of a Step. It changes when a field changes meaning.
const Version = 1

// State is how a step ended.
type State string

const (
	OK      State = "ok"
	Failed  State = "failed"  // Code names the failure; the activity ended here
	Warned  State = "warned"  // the activity went on, but an administrator should look at it
	Skipped State = "skipped" // not done, by decision
)

// Name identifies a kind of step (docs/architecture.md#the-way-of-a-sign-in).
// Names are stable: scripts filter by them.
type Name string

const (
	Power     Name = "power"     // power on, power off, reset hole
	Network   Name = "network"   // plugged in: servers, suffix, domain
	Time      Name = "time"      // where the phone's clock comes from
	Discovery Name = "discovery" // which server to sign in to
	Connect   Name = "connect"   // TCP and TLS to one candidate
	Trust     Name = "trust"     // the verdict on a server's certificate
	Roots     Name = "roots"     // the search for roots in Active Directory
	Register  Name = "register"  // REGISTER, authentication, redirect
	Session   Name = "session"   // keep-alive, refresh, loss, deregistration
	Ready     Name = "ready"     // the sign-in is complete

	Provisioning Name = "provisioning" // the settings from the pool
	DialPlan     Name = "dialplan"     // the location profile and its rules
	Self         Name = "self"         // the user's own number, voice mail and presence
	Contacts     Name = "contacts"     // the contact list on the pool
	Autodiscover Name = "autodiscover" // finding Exchange
	Exchange     Name = "exchange"     // the contents of the mailbox
	Reset        Name = "reset"        // what a reset removed and what it kept
)

// Step is one decision. Empty fields are left out of the JSON form.
type Step struct {
	V        int       `json:"v"`                  // Version, set by Stamp
	Seq      uint64    `json:"seq"`                // 1, 2, … within one journal, set by Stamp
	At       time.Time `json:"at"`                 // by the phone's clock, set by Stamp
	Name     Name      `json:"step"`               //
	State    State     `json:"state"`              //
	Asked    string    `json:"asked,omitempty"`    // the exact DNS name, URL, filter, request
	Answered string    `json:"answered,omitempty"` // what came back
	By       string    `json:"by,omitempty"`       // the server that answered: name and address
	Decided  string    `json:"decided,omitempty"`  // a plain sentence
	Because  string    `json:"because,omitempty"`  // the rule: its id, a public document, or the rule in a few words
	Fix      string    `json:"fix,omitempty"`      // what an administrator would change
	Code     Code      `json:"code,omitempty"`     // with Failed, and Warned where one fits
	Details  []string  `json:"details,omitempty"`  // evidence, a line each
}

// Stamp completes a step for a log: version, number, time, printable text and
// whole sentences. It does not change the caller's Details.
func (s Step) Stamp(seq uint64, at time.Time) Step {
	s.V, s.Seq, s.At = Version, seq, at
	for _, text := range []*string{&s.Asked, &s.Answered, &s.By, &s.Decided, &s.Because, &s.Fix} {
		*text = Printable(*text, maxField)
	}
	cloned := false // Details is a copy
	for i, line := range s.Details {
		if text := Printable(line, maxField); text != line {
			if !cloned {
				s.Details, cloned = slices.Clone(s.Details), true
			}
			s.Details[i] = text
		}
	}
	s.Decided, s.Fix = sentence(s.Decided), sentence(s.Fix)
	return s
}

// sentence adds a full stop and begins s with a capital letter, unless s begins
// with a name such as dc1.contoso.com. Callers may write a step in either form.
func sentence(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if strings.IndexFunc(first, func(r rune) bool { return r < 'a' || r > 'z' }) < 0 && first != "" {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	if s != "" && !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") {
		s += "."
	}
	return s
}

// Recorder takes a step. A nil Recorder drops it.
type Recorder func(Step)

// Record calls r unless it is nil.
func (r Recorder) Record(s Step) {
	if r != nil {
		r(s)
	}
}

// Failure is an error that an administrator can act on: it has a code, the
// question, what happened, and the remedy.
type Failure struct {
	Code     Code
	Asked    string
	Answered string
	By       string
	What     string // a plain sentence: what happened and why; empty: the code's title
	Because  string
	Fix      string // empty: the code's page says what to change
	Details  []string
	Wait     time.Duration // the server allows no attempt before; 0: it does not say
	Err      error         // the cause; may be nil
}

func (f *Failure) Error() string {
	what := f.What
	if what == "" {
		what = f.Code.Title()
	}
	if f.Err != nil {
		return fmt.Sprintf("%s: %v [%s]", what, f.Err, f.Code)
	}
	return fmt.Sprintf("%s [%s]", what, f.Code)
}

func (f *Failure) Unwrap() error { return f.Err }

// Step returns the failure as a step of state Failed. An empty Fix becomes the
// remedy on the page of the code.
func (f *Failure) Step(n Name) Step {
	s := Step{Name: n, State: Failed, Code: f.Code, Asked: f.Asked, Answered: f.Answered, By: f.By,
		Decided: f.What, Because: f.Because, Fix: f.Fix, Details: f.Details}
	if s.Decided == "" {
		s.Decided = f.Code.Title()
	}
	if s.Fix == "" {
		s.Fix = f.Code.Page().Change
	}
	var inner *Failure
	switch {
	case s.Answered != "" || f.Err == nil:
	case errors.As(f.Err, &inner) && inner.What != "" && strings.Contains(f.What, strings.TrimSuffix(inner.What, ".")):
		// f.What holds the text of inner already.
		s.Answered = inner.Step(n).Answered
	default:
		s.Answered = f.Err.Error()
	}
	return s
}

// FailureOf returns the Failure in err. For an error without a Failure it returns
// one with code Internal, so that every failure has a step.
func FailureOf(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return &Failure{Code: Internal, Err: err}
}
