package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/provisioning"
	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// maxRules is how many rules of a location profile the phone keeps: twenty times
// what a dial plan of Teams may hold.
const maxRules = 1000

// setPlan takes a dial plan that the pool has sent; it goes to flash, for the
// next start.
func (r *registration) setPlan(p *Plan) {
	p.Loaded = r.clock.Now()
	r.plan = p
	r.keep(map[string]any{keyPlan: keptPlan{Address: r.login.Address, Loaded: p.Loaded, Plan: p.Plan()}})
}

// profileAnswer is what the pool answered to a query for a location profile.
type profileAnswer struct {
	plan  dialplan.Plan
	reply sipua.Reply
	err   error
}

// askProfile asks for the location profile that is bound to the user.
func (q query) askProfile(ctx context.Context) (a profileAnswer) {
	a.plan, a.reply, a.err = q.locationProfile(ctx, "default")
	return a
}

// readProfile takes the answer of askProfile, and asks for the profile that
// provisioning names where that is another. Plan is nil when none comes: the last
// good one stays.
func (q query) readProfile(ctx context.Context, a profileAnswer, s provisioning.Settings) (*Plan, journal.Step) {
	plan, reply, err := a.plan, a.reply, a.err
	asked, passed := "SERVICE default", ""
	if name := s.LocationProfile(); name != "" && (err != nil || !strings.EqualFold(plan.Name, name)) {
		// Only a profile that is found goes before the pool's default.
		phoneContext := "phone-context=" + strings.ReplaceAll(url.PathEscape(name), "@", "%40")
		short := journal.Printable(name, maxShown)
		if named, r, e := q.locationProfile(ctx, phoneContext); e == nil {
			plan, reply, err, asked = named, r, nil, "SERVICE phone-context="+short
		} else if err == nil {
			passed = fmt.Sprintf("the pool provisions the profile %s and does not send it: %s",
				short, cmp.Or(journal.FailureOf(e).What, e.Error()))
		}
	}
	if err != nil {
		return nil, q.noProfile(err)
	}
	step := journal.Step{Name: journal.DialPlan, State: journal.OK, Asked: asked, Answered: reply.Text, By: q.server,
		Because: "R12.1", Details: slices.Clone(plan.Notes)}
	if passed != "" {
		step.State, step.Details = journal.Warned, append(step.Details, passed)
	}
	next := q.compile(plan, &step)
	return next, step
}

// compile compiles the rules of plan, as many as the phone holds, and completes
// the step with them.
func (q query) compile(plan dialplan.Plan, step *journal.Step) *Plan {
	cut := ""
	if n := len(plan.Rules); n > maxRules {
		plan.Rules = plan.Rules[:maxRules:maxRules]
		step.State = journal.Warned
		cut = fmt.Sprintf(" The phone holds no more of the %d that came; "+
			"what only the others match goes to the pool as it is dialled.", n)
	}
	step.Decided = fmt.Sprintf("Numbers are dialled by %s of %s.%s",
		journal.Count(len(plan.Rules), "rule", "rules"), planName(plan), cut)
	next := &Plan{Compiled: q.plans.compile(plan)}
	for i, r := range plan.Rules[:min(len(plan.Rules), maxLines)] {
		step.Details = append(step.Details, fmt.Sprintf("%d. %s -> %s", i+1, r.Pattern, r.Translation))
	}
	for i, skip := range next.Skipped() {
		if step.State = journal.Warned; i < maxLines {
			step.Details = append(step.Details, skip.Sentence)
		}
	}
	if q.plan != nil {
		step.Details = append(step.Details, changes(q.plan.Plan(), plan)...)
	}
	return next
}

// noProfile is the step of a query that brought no location profile.
func (q query) noProfile(err error) journal.Step {
	f := *journal.FailureOf(err)
	var refused *sipua.Refused
	if errors.As(err, &refused) && (refused.Status == 404 || refused.Status == 485) {
		f.Code, f.Because = journal.ProvNoProfile, "MS-SIPRE 3.8"
		f.What, f.Fix = "The pool has no location profile for the user", ""
	}
	f.What = strings.TrimSuffix(cmp.Or(f.What, f.Code.Title()), ".") + ". " + stays(q.plan, q.now())
	return f.Step(journal.DialPlan)
}

func planName(p dialplan.Plan) string {
	return cmp.Or(journal.Printable(p.Name, maxShown), dialplan.DefaultContext)
}

// stays says what the phone dials by when the pool sends nothing.
func stays(held *Plan, now time.Time) string {
	if held == nil {
		return "Numbers go to the pool as they are dialled"
	}
	age := "which is yet to come by the phone's clock"
	if d := now.Sub(held.Loaded); d >= 0 {
		age = d.Round(time.Minute).String() + " old"
	}
	return fmt.Sprintf("The rules of %s from %s UTC, %s, stay in force",
		planName(held.Plan()), held.Loaded.UTC().Format(time.DateTime), age)
}

// changes lists the rules that are new in now, and those that are gone.
func changes(before, now dialplan.Plan) (lines []string) {
	had := map[dialplan.Rule]bool{}
	for _, r := range before.Rules {
		had[r] = true
	}
	for _, r := range now.Rules {
		if !had[r] {
			lines = append(lines, fmt.Sprintf("new: %s -> %s", r.Pattern, r.Translation))
		}
		delete(had, r)
	}
	for _, r := range before.Rules {
		if had[r] {
			lines = append(lines, fmt.Sprintf("gone: %s -> %s", r.Pattern, r.Translation))
			delete(had, r)
		}
	}
	return lines[:min(len(lines), maxLines)]
}

// locationProfile asks by SERVICE (MS-SIPRE 3.8); which is "default" or
// "phone-context=" and a name.
func (q query) locationProfile(ctx context.Context, which string) (plan dialplan.Plan, reply sipua.Reply, err error) {
	to := fmt.Sprintf("sip:%s;gruu;opaque=%s;%s", q.user.Address, q.opaque, which)
	if reply, err = q.sip.Service(ctx, to, dialplan.ContentType, "", nil); err != nil {
		return plan, reply, err
	}
	if plan, err = dialplan.ReadXML(reply.Body); err != nil {
		err = &journal.Failure{Code: journal.ProvMalformed, Asked: "SERVICE " + to, Answered: reply.Text, By: q.server,
			Err: err, What: fmt.Sprintf("The location profile cannot be read: %v", err)}
	}
	return plan, reply, err
}
