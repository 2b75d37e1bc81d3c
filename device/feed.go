package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/sipua"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// The documents that the pool keeps for the user and tells changes of: the
// user's own data and his contact list (ocs-sip.md 5 and 6).

// document is what changes are applied to; the result is another one.
type document[T any] interface{ Apply([]byte) (T, error) }

// feed is a document of the pool that the phone follows; nothing in it changes.
type feed[T document[T]] struct {
	name     journal.Name
	held     func(*told) **T      // where the mailbox has it
	describe func(T) journal.Step // a step with a code is a trouble
	changed  func(*Phone)         // runs when it has become another
}

// followSelf follows the user's own data (MS-PRES): number, voice mail, e-mail
// address.
func followSelf(ctx context.Context, a asking) {
	feed[roaming.Self]{journal.Self, func(t *told) **roaming.Self { return &t.self }, describeSelf, (*Phone).reconsider}.
		follow(ctx, a, roaming.Self{Address: a.who.Address}, followSelf,
			sipua.Subscription{Event: roaming.SelfEvent, Accept: roaming.SelfType, ContentType: roaming.SelfType, Body: roaming.SelfRequest()})
}

// followContacts follows the contact list that the pool keeps.
func followContacts(ctx context.Context, a asking) {
	feed[roaming.ContactList]{journal.Contacts, func(t *told) **roaming.ContactList { return &t.contacts }, describeContacts, func(*Phone) {}}.
		follow(ctx, a, roaming.ContactList{}, followContacts, sipua.Subscription{Event: roaming.ContactsEvent, Accept: roaming.ContactsType})
}

// maxEarly bounds the notifications that wait, for the first document or for
// the mailbox. Each has at most 512 KiB.
const maxEarly = 16

// follow asks for s, and has the first document, which changes none, and all
// later ones taken in the order in which they came. Whatever ends that, the
// document held stays, and again is run later.
func (f feed[T]) follow(ctx context.Context, a asking, none T, again func(context.Context, asking), s sipua.Subscription) {
	r := &follower[T]{feed: f, again: again, stop: func() {}}
	// What lives as long as the subscription holds on to little.
	reg, tell := a.reg, a.tell
	s.Notify = func(_ string, body []byte) {
		switch {
		case r.flooded.Load():
		case r.waiting.Add(1) > maxEarly:
			r.flooded.Store(true)
			tell(r.flood)
		default:
			tell(func(p *Phone) { r.waiting.Add(-1); r.tell(p, body) })
		}
	}
	s.Ended = func(err error) {
		if s, ok := failed(reg, r.name, err); ok {
			tell(func(p *Phone) { r.end(p, s) })
		}
	}
	reply, err := reg.Subscribe(ctx, s)
	if err != nil {
		s.Ended(err)
		return
	}
	asked := journal.Step{Asked: "SUBSCRIBE " + s.Event, Answered: reply.Text, By: a.by}
	tell(func(p *Phone) { r.begin(p, none, reply, asked) })
}

// follower is one subscription of a feed; the mailbox owns it, but for what is
// atomic.
type follower[T document[T]] struct {
	feed[T]
	again   func(context.Context, asking)
	early   [][]byte // notifications that came before the first document
	begun   bool     // the first document is held
	over    bool
	stop    func()       // tells the pool that nothing more is wanted
	waiting atomic.Int32 // notifications on their way to the mailbox
	flooded atomic.Bool  // they were too many
}

// begin takes the first document.
func (r *follower[T]) begin(p *Phone, none T, reply sipua.Reply, step journal.Step) {
	r.stop = reply.Stop
	if !r.take(p, none, reply.Body) || r.over {
		r.stop() // what has ended it came with the document
		return
	}
	r.begun = true
	told := r.describe(**r.held(&p.told))
	told.Name, told.Asked, told.Answered, told.By = r.name, step.Asked, step.Answered, step.By
	p.outcome(told)
	r.changed(p)
	for _, body := range r.early {
		r.tell(p, body)
	}
	r.early = nil
}

// tell takes a later document.
func (r *follower[T]) tell(p *Phone, body []byte) {
	switch {
	case r.over:
	case !r.begun && len(r.early) < maxEarly:
		r.early = append(r.early, body)
	case !r.begun:
		r.flood(p)
	case r.take(p, **r.held(&p.told), body):
		step := r.describe(**r.held(&p.told))
		if step.Name = r.name; step.Code != p.troubled(r.name) {
			p.outcome(step)
		}
		r.changed(p)
	}
}

func (r *follower[T]) take(p *Phone, held T, body []byte) bool {
	next, err := held.Apply(body)
	if err == nil {
		*r.held(&p.told) = &next
		p.changed()
		return true
	}
	if s := journal.FailureOf(err).Step(r.name); r.begun && !errors.Is(err, roaming.ErrOutOfStep) {
		p.trouble(s) // until the next one can be read
	} else { // ocs-sip.md 6: reload the list
		r.end(p, s)
	}
	return false
}

// end ends it with a trouble, once.
func (r *follower[T]) end(p *Phone, s journal.Step) {
	if r.over {
		return
	}
	r.over, r.early = true, nil
	s.Details = append(s.Details, p.lose(r.name, s.Code, r.again))
	p.trouble(s)
	r.stop()
}

// flood ends it because the phone cannot hold what comes.
func (r *follower[T]) flood(p *Phone) {
	f := journal.Failure{Code: journal.ProvMalformed, What: fmt.Sprintf("More than %d notifications of the pool wait to be read, so the phone asks for the whole again", maxEarly),
		Because: "the phone bounds what it takes from a server", Fix: "Look for what changes so often in the SIP log of the pool."}
	r.end(p, f.Step(r.name))
}

// lost is a feed that nobody follows at the moment.
type lost struct {
	follow func(context.Context, asking) // nil: it is followed
	tries  int                           // since the last reload, for the back-off
	timer  clock.Timer
}

// lose has a feed followed again: after a back-off if what ended it may pass by
// itself, else at the next reload. It says which.
func (p *Phone) lose(name journal.Name, code journal.Code, follow func(context.Context, asking)) string {
	l := p.told.lost[name]
	if l == nil {
		if l = new(lost); p.told.lost == nil {
			p.told.lost = map[journal.Name]*lost{}
		}
		p.told.lost[name] = l
	}
	l.follow = follow
	if !code.Page().Retry {
		return "tries again when the settings are read again"
	}
	l.tries++
	wait := p.cfg.Firmware.SIP.Backoff(l.tries, nil)
	p.after(&l.timer, wait, func() {
		if l.follow != nil {
			l.follow = nil
			p.inSession(follow, func() {})
		}
	})
	return fmt.Sprintf("tries again in %s", wait.Round(time.Second))
}

// lostFeeds takes the feeds that nobody follows, to follow them now.
func (p *Phone) lostFeeds() (all []func(context.Context, asking)) {
	for _, l := range p.told.lost {
		if l.tries = 0; l.follow != nil {
			all = append(all, l.follow)
			l.follow = nil
		}
	}
	return all
}

// outcome journals what came of asking: a step with a code is a trouble.
func (p *Phone) outcome(s journal.Step) {
	if s.Code != "" {
		p.trouble(s)
	} else {
		p.learned(s)
	}
}

// describeSelf is the step of the user's own data.
func describeSelf(s roaming.Self) journal.Step {
	step := journal.Step{State: journal.OK, Because: "MS-PRES 2.2.2", Details: s.Warnings}
	var has []string
	for _, l := range s.Lines {
		has = append(has, fmt.Sprintf("line %s (%s)", l.Number, l.Kind))
	}
	if s.UM {
		has = append(has, "voice mail at "+s.EUM)
	}
	if s.Email != "" {
		has = append(has, "e-mail "+s.Email)
	}
	step.Decided = fmt.Sprintf("%s: %s.", cmp.Or(s.DisplayName, s.Address), cmp.Or(strings.Join(has, ", "), "nothing is told"))
	if !s.VoiceEnabled() { // ocs-sip.md 5.6
		step.Code = journal.ProvNoVoice
		step.Decided = strings.TrimSuffix(step.Decided, ".") + ". The user is not enabled for voice: the phone makes no calls to numbers."
		step.Fix = journal.ProvNoVoice.Page().Change
	}
	return step
}

func describeContacts(l roaming.ContactList) journal.Step {
	return journal.Step{State: journal.OK, Because: "MS-SIP", Details: l.Warnings,
		Decided: fmt.Sprintf("The contact list holds %s in %s.", journal.Count(len(l.Contacts), "contact", "contacts"), journal.Count(len(l.Groups), "group", "groups"))}
}
