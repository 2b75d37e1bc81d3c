package device

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/provisioning"
)

// query is the input of the work that asks the pool; nothing in it changes.
type query struct {
	sip      *sipua.Registration
	user     provisioning.Subscriber
	server   string
	opaque   string // Firmware.LocationProfileOpaque
	now      func() time.Time
	plans    *PlanCache             // of Config
	plan     *Plan                  // in force at the beginning; nil: none
	settings *provisioning.Settings // held at the beginning; nil: none
}

func (r *registration) query() query {
	user := provisioning.Subscriber{Address: r.login.Address, RemoteUser: r.sip.Info().RemoteUser}
	return query{sip: r.sip, user: user, server: r.server.Addr(), opaque: r.cfg.Firmware.LocationProfileOpaque,
		now: r.clock.Now, plans: r.cfg.Plans, plan: r.plan, settings: r.settings}
}

// queryFailure makes the step for a failed query; nil if the connection was lost,
// which has a step of its own.
func queryFailure(reg *sipua.Registration, name journal.Name, err error) *journal.Step {
	select {
	case <-reg.Done():
		return nil
	default:
		s := journal.FailureOf(err).Step(name)
		return &s
	}
}

// What a sentence shows of foreign names; Lync has 13 groups.
const (
	maxGroupsNamed = 16
	maxShown       = 64 // characters
)

// askSettings asks for the provisioning groups. Without an answer the settings
// held before stay, or the defaults. The step is that of queryFailure.
func (q query) askSettings(ctx context.Context) (provisioning.Settings, *journal.Step) {
	answer, reply, err := q.provisioning(ctx)
	settings := answer.Settings(q.user)
	if err != nil {
		f := *journal.FailureOf(err)
		f.What = strings.TrimSuffix(cmp.Or(f.What, f.Code.Title()), ".") +
			". The phone goes on with the settings that it has"
		if q.settings != nil {
			settings = *q.settings
		}
		return settings, queryFailure(q.sip, journal.Provisioning, &f)
	}
	var names []string
	for _, g := range answer.Groups {
		names = append(names, journal.Printable(g.Name, maxShown))
	}
	step := journal.Step{
		Name: journal.Provisioning, State: journal.OK, Because: "MS-SIPREGE 2.2.2",
		Asked: "SUBSCRIBE " + provisioning.EventPackage, Answered: reply.Text, By: q.server,
		Decided: fmt.Sprintf("The pool provisioned %s: %s.",
			journal.Count(len(answer.Groups), "group", "groups"), journal.List(maxGroupsNamed, ", ", names)),
		Details: append(settings.Lines(), provisioning.WarningLines(settings.Warnings)...),
	}
	if len(names) == 0 {
		step.Decided = "The pool provisioned nothing; the defaults hold."
	}
	return settings, &step
}

func (q query) provisioning(ctx context.Context) (answer provisioning.Answer, reply sipua.Reply, err error) {
	body, err := provisioning.Request(provisioning.Groups2007()...)
	if err != nil {
		return answer, reply, err
	}
	reply, err = q.sip.Subscribe(ctx, sipua.Subscription{Event: provisioning.EventPackage,
		Accept: provisioning.MediaType, ContentType: provisioning.MediaType, Body: body, Once: true})
	if err == nil {
		answer, err = provisioning.Parse(reply.Body)
	}
	return answer, reply, err
}
