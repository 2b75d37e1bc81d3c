package directory

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// Bounds of the location profiles. MaxLocationProfiles is how many there may be
// at a time; maxVersions is how many states of all of them are remembered, so
// that LocationProfilesAt can answer for the past. A profile is sent in one SIP
// message, which has a head of some 2 KiB beside it.
const (
	MaxLocationProfiles = 256
	maxVersions         = 256
	maxProfile          = provisioning.MaxBody - 16<<10 // bytes as XML
)

// profilesAt are all location profiles from a time on. Nothing in it changes
// once it is in the history. The first of the history goes for all time before.
type profilesAt struct {
	since time.Time
	all   []dialplan.Plan
}

// SetLocationProfile adds a location profile, or replaces the one of that name
// in its place; names are compared without regard to case. It fails without a
// name, with more bytes than a phone reads, and beyond MaxLocationProfiles. Its
// rules are not judged. Notes are left out.
func (d *Directory) SetLocationProfile(p dialplan.Plan) error {
	if p.Name = strings.TrimSpace(p.Name); p.Name == "" {
		return fmt.Errorf("directory: a location profile needs a name: users and pools refer to it by its name")
	}
	body, err := p.XML()
	if err == nil && len(body) > maxProfile {
		err = fmt.Errorf("it has %d bytes as XML: with more than %d it would not fit into the message that a phone reads", len(body), maxProfile)
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
// there was one. Users and pools that refer to it are left as they are.
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

// LocationProfiles returns the profiles of now, in the order of first appearance.
func (d *Directory) LocationProfiles() []dialplan.Plan {
	d.mu.Lock()
	defer d.mu.Unlock()
	return cloneProfiles(d.currentProfiles())
}

// LocationProfilesAt returns the profiles as they were at t by the directory's
// clock: what a replica sees that lags by the time since (R12.2). A change of
// the very moment t is in it. Of times before all that is remembered it returns
// the oldest that is.
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

// currentProfiles is the state of now; d.mu is held.
func (d *Directory) currentProfiles() []dialplan.Plan {
	if len(d.profiles) == 0 {
		return nil
	}
	return d.profiles[len(d.profiles)-1].all
}

// setProfiles makes all the state of now; d.mu is held.
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
