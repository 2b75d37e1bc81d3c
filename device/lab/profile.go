package lab

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// Profile is a location profile: the normalization rules of a dial plan (R12.1).
type Profile struct {
	Name  string `yaml:"name" json:"name"`
	Rules []Rule `yaml:"rules" json:"rules"` // in the order in which they are tried
	// Prefix is the number for an outside line; "": none.
	Prefix string `yaml:"prefix" json:"prefix,omitempty"`
	// Optimize lets a phone dial before the Call key is pressed, see Rule.Device.
	Optimize bool `yaml:"optimize" json:"optimize,omitempty"`
}

// Rule is a normalization rule. The lab does not validate it: a phone must cope
// with any rule.
type Rule struct {
	Pattern     string `yaml:"pattern" json:"pattern"`             // .NET regular expression
	Translation string `yaml:"translation" json:"translation"`     // .NET replacement pattern
	Internal    bool   `yaml:"internal" json:"internal,omitempty"` // the result is an internal number
	Device      bool   `yaml:"device" json:"device,omitempty"`     // a phone may dial as soon as it matches
}

func (p Profile) wire() dialplan.Plan {
	w := dialplan.Plan{Name: p.Name, ExternalAccessPrefix: p.Prefix, OptimizeDeviceDialing: p.Optimize}
	for _, r := range p.Rules {
		w.Rules = append(w.Rules, dialplan.Rule{Pattern: r.Pattern, Translation: r.Translation,
			InternalEnterpriseExtension: r.Internal, ApplicableForDeviceDialing: r.Device})
	}
	return w
}

func profileOf(w dialplan.Plan) Profile {
	p := Profile{Name: w.Name, Rules: []Rule{}, Prefix: w.ExternalAccessPrefix, Optimize: w.OptimizeDeviceDialing}
	for _, r := range w.Rules {
		p.Rules = append(p.Rules, Rule{r.Pattern, r.Translation, r.InternalEnterpriseExtension, r.ApplicableForDeviceDialing})
	}
	return p
}

// Profiles lists the location profiles in Active Directory. A front end gets a
// change with its next read, a phone with its next reload (R12.2).
func (l *Lab) Profiles() []Profile {
	all := []Profile{}
	for _, p := range l.Directory.LocationProfiles() {
		all = append(all, profileOf(p))
	}
	return all
}

// SetProfile adds a profile or replaces the one of that name.
func (l *Lab) SetProfile(p Profile) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.setProfile(p)
}

func (l *Lab) setProfile(p Profile) error {
	if err := p.check(); err != nil {
		return err
	}
	return l.Directory.SetLocationProfile(p.wire())
}

func (p Profile) check() error {
	if strings.TrimSpace(p.Name) == "" || p.Name != journal.Printable(p.Name, 0) {
		return fmt.Errorf("%q is no name of a location profile: give at least one character, and no control characters",
			p.Name)
	}
	for i, r := range p.Rules {
		if r.Pattern == "" || r.Translation == "" {
			return fmt.Errorf("%s: rule %d needs a pattern and a translation", p.Name, i+1)
		}
	}
	return nil
}

// SetRule replaces rule n of a profile, counted from 1. It appends r if n is 0 or
// the number of rules plus 1.
func (l *Lab) SetRule(profile string, n int, r Rule) (Profile, error) {
	return l.editProfile(profile, func(p *Profile) error {
		switch {
		case n == 0 || n == len(p.Rules)+1:
			p.Rules = append(p.Rules, r)
		case n < 0 || n > len(p.Rules):
			return fmt.Errorf("%s has %d rules: there is no rule %d; `end` adds one", p.Name, len(p.Rules), n)
		default:
			p.Rules[n-1] = r
		}
		return nil
	})
}

// RemoveRule removes rule n of a profile, counted from 1.
func (l *Lab) RemoveRule(profile string, n int) (Profile, error) {
	return l.editProfile(profile, func(p *Profile) error {
		if n < 1 || n > len(p.Rules) {
			return fmt.Errorf("%s has %d rules: there is no rule %d", p.Name, len(p.Rules), n)
		}
		p.Rules = slices.Delete(p.Rules, n-1, n)
		return nil
	})
}

// editProfile changes one profile under the lock.
func (l *Lab) editProfile(name string, change func(*Profile) error) (Profile, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, err := l.profile(name)
	if err == nil {
		err = change(&p)
	}
	if err == nil {
		err = l.setProfile(p)
	}
	return p, err
}

func (l *Lab) profile(name string) (Profile, error) {
	return named("location profile", name, l.Profiles(), func(p Profile) string { return p.Name })
}
