// Package dialplan turns what a person dials into a number: the normalization
// rules of a location profile, compiled, applied, explained and checked.
//
// It follows requirement R12.1 and docs/protocol/sip-services.md#location-profile
// (the location profile document and its rules); patterns and translations mean
// what .NET's regular expressions mean (docs/decisions.md#net-regular-expressions,
// docs/peers.md#regexp2-and-net).
//
//  1. Read a plan: ReadXML for the document the pool sends, Read for any file
//     of XML, CSV or the JSON of Get-CsDialPlan and Get-CsTenantDialPlan.
//  2. Compile it. A bad rule does not affect the others: Skipped returns the rules
//     that are skipped, why, and what to change.
//  3. Translate what was dialled; Result.URI is what the INVITE is sent to.
//  4. Explain says what each rule did with an input and why; Lint finds what is
//     wrong with the rules themselves.
//
// A Compiled is immutable and may be shared by any number of phones.
//
// The matching engine's time-outs need a clock of its own: one goroutine in the
// process that ends by itself about a second after the last translation. Tests
// that look for leaks end it with regexp2.StopTimeoutClock.
package dialplan

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// Limits of this package; the specifications have none.
const (
	// MaxRule is the limit for pattern and translation of one rule together, in
	// bytes; a longer rule is skipped.
	MaxRule = 1 << 10
	// MaxRules is how many rules a document may hold.
	MaxRules = 10_000
	// MaxDocument is the largest document that is read, in bytes.
	MaxDocument = 4 << 20
	// MaxDialled is the longest text that rules are applied to, in characters.
	MaxDialled = 256
	// TeamsRules is how many rules a dial plan of Teams may hold
	// (New-CsTenantDialPlan, NormalizationRules).
	TeamsRules = 50
)

// DefaultContext is the phone-context of a phone without a location profile.
// docs/protocol/sip-services.md#location-profile-rules
const DefaultContext = "dialstring"

// Plan is a location profile: an ordered list of rules under a name.
type Plan struct {
	Name                 string `json:"name"` // the phone-context; empty: DefaultContext
	Rules                []Rule `json:"rules" xml:"Rule"`
	ExternalAccessPrefix string `json:"externalAccessPrefix,omitempty" xml:",omitempty"` // such as 9; empty: none
	// a phone may send before the Call key is pressed
	OptimizeDeviceDialing bool     `json:"optimizeDeviceDialing,omitempty" xml:",omitempty"`
	Notes                 []string `json:"notes,omitempty" xml:"-"` // warnings of the reader, a sentence each
}

// Rule is one normalization rule. Rules are tried in order; the first that
// matches is the only one that is applied. docs/protocol/sip-services.md#location-profile-rules
type Rule struct {
	Name        string `json:"name,omitempty" xml:"-"` // location profiles on the wire have none
	Description string `json:"description,omitempty" xml:"-"`
	Pattern     string `json:"pattern"`     // a .NET regular expression
	Translation string `json:"translation"` // a .NET replacement pattern: $1, ${name}, $$, $&
	// InternalEnterpriseExtension: the result is an internal number, which needs
	// no external access prefix.
	InternalEnterpriseExtension bool `json:"internalEnterpriseExtension,omitempty" xml:",omitempty"`
	// ApplicableForDeviceDialing: a phone may send as soon as this rule
	// matches and no longer match is possible.
	ApplicableForDeviceDialing bool `json:"applicableForDeviceDialing,omitempty" xml:",omitempty"`
}

// context returns the phone-context of numbers that no rule translates.
func (p Plan) context() string { return cmp.Or(p.Name, DefaultContext) }

// label names rule n (from 1) for display.
func (p Plan) label(n int) string {
	if name := strings.TrimSpace(p.Rules[n-1].Name); name != "" {
		return fmt.Sprintf("rule %d (%s)", n, journal.Excerpt(name))
	}
	return fmt.Sprintf("rule %d", n)
}
