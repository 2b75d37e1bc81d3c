package device

import (
	"slices"

	"github.com/ocphone/ocphone/device/journal"
)

// report journals the answer to a query. A step with a code is a warning; any
// other ends the warning of its name.
func (r *registration) report(s journal.Step) {
	if s.Code != "" {
		r.warn(s)
		return
	}
	r.clearWarnings(s.Name)
	r.step(s)
}

// warn journals a step after the sign-in that did not succeed, and keeps it
// for the Snapshot, in place of an earlier warning of that name.
func (r *registration) warn(s journal.Step) {
	s.State = journal.Warned
	r.clearWarnings(s.Name)
	r.warnings = append(r.warnings, *r.step(s))
	r.changed()
}

// clearWarnings removes the warnings of these names, and reports whether there
// were any. Snapshots keep the slice that they have.
func (r *registration) clearWarnings(names ...journal.Name) bool {
	before := len(r.warnings)
	r.warnings = slices.DeleteFunc(slices.Clone(r.warnings), func(s journal.Step) bool {
		return slices.Contains(names, s.Name)
	})
	return len(r.warnings) < before
}

// warning is the code of the warning of name; "": there is none.
func (r *registration) warning(name journal.Name) journal.Code {
	for _, s := range r.warnings {
		if s.Name == name {
			return s.Code
		}
	}
	return ""
}
