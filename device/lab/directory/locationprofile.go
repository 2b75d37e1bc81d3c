package directory

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// Bounds of the location profiles. MaxLocationProfiles is the maximum number of
// profiles; maxVersions is the length of the history for LocationProfilesAt. A
// profile must fit in one SIP message with headers of about 2 KiB.
const (
	MaxLocationProfiles = 256
	maxVersions         = 256
	maxProfile          = provisioning.MaxBody - 16<<10 // bytes as XML
)

// profilesAt holds all location profiles since a time. It does not change once it
// is in the history. The first element of the history applies to all earlier
// times too.
type profilesAt struct {
	since time.Time
	all   []dialplan.Plan
}

// SetLocationProfile adds a location profile, or replaces the one of that name in
// its place; names are compared without regard to case. It returns an error if
// the profile has no name or is larger than a phone reads, and if there are
// MaxLocationProfiles already. It does not validate the rules and drops the notes.
func (d *Directory) SetLocationProfile(p dialplan.Plan) error {
	if p.Name = strings.TrimSpace(p.Name); p.Name == "" {
		return fmt.Errorf("directory: a location profile needs a name: users and pools refer to it by its name")
	}
	body, err := p.XML()
	if err == nil && len(body) > maxProfile {
		err = fmt.Errorf(
			"it has %d bytes as XML: with more than %d it would not fit into the message that a phone reads",
			len(body), maxProfile)
	}
	if err != nil {
		return fmt.Errorf("directory: location profile %s: %w", p.Name, err)
	}
	p.Rules, p.Notes = slices.Clone(p.Rules), nil
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.Clone(d.currentProfiles())
	i := slices.IndexFunc(all, hasName(p.Name))
	switch {
	case i >= 0:
		all[i] = p
	case len(all) >= MaxLocationProfiles:
		return fmt.Errorf("directory: %d location profiles are kept at most: remove one", MaxLocationProfiles)
	default:
		all = append(all, p)
	}
	d.setProfiles(all)
	return nil
}

// RemoveLocationProfile deletes the profile of that name and reports whether
// there was one. It does not change users and pools that refer to it.
func (d *Directory) RemoveLocationProfile(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(d.currentProfiles()), hasName(name))
	if len(all) == len(d.currentProfiles()) {
		return false
	}
	d.setProfiles(all)
	return true
}

func hasName(name string) func(dialplan.Plan) bool {
	return func(p dialplan.Plan) bool { return strings.EqualFold(p.Name, strings.TrimSpace(name)) }
}

// LocationProfiles returns the current profiles, in the order they were added.
func (d *Directory) LocationProfiles() []dialplan.Plan {
	d.mu.Lock()
	defer d.mu.Unlock()
	return cloneProfiles(d.currentProfiles())
}

// LocationProfilesAt returns the profiles as they were at t by the directory's
// clock: the content of a replica that lags by the time since t (R12.2). It
// includes a change made at t. For a time before the history it returns the
// oldest state in the history.
func (d *Directory) LocationProfilesAt(t time.Time) []dialplan.Plan {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, v := range slices.Backward(d.profiles) {
		if i == 0 && len(d.profiles) == maxVersions || !v.since.After(t) {
			return cloneProfiles(v.all)
		}
	}
	return nil
}

// currentProfiles returns the current state; d.mu must be held.
func (d *Directory) currentProfiles() []dialplan.Plan {
	if len(d.profiles) == 0 {
		return nil
	}
	return d.profiles[len(d.profiles)-1].all
}

// setProfiles makes all the current state; d.mu must be held.
func (d *Directory) setProfiles(all []dialplan.Plan) {
	d.profiles = append(d.profiles, profilesAt{d.now(), all})
	d.profiles = slices.Delete(d.profiles, 0, max(0, len(d.profiles)-maxVersions))
}

func cloneProfiles(all []dialplan.Plan) []dialplan.Plan {
	all = slices.Clone(all)
	for i := range all {
		all[i].Rules = slices.Clone(all[i].Rules)
	}
	return all
}
