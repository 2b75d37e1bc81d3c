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

// The documents that the pool keeps for the user and sends changes of: the user's
// own data and the contact list
// (docs/protocol/presence.md#presence-subscriptions-publication-calendar and
// docs/protocol/sip-services.md#contact-list).

// applier is a document to which a notification can be applied; the result is
// a new document.
type applier[T any] interface{ Apply([]byte) (T, error) }

// documentKind is what is the same for all documents of type T.
type documentKind[T applier[T]] struct {
	name     journal.Name
	request  sipua.Subscription     // without its functions
	empty    func(address string) T // what the first notification is applied to
	describe func(T) journal.Step   // a step with a code is a warning
}

// selfDocument is the user's own data (MS-PRES): number, voice mail, e-mail
// address.
var selfDocument = documentKind[roaming.Self]{
	name: journal.Self,
	request: sipua.Subscription{Event: roaming.SelfEvent, Accept: roaming.SelfType, ContentType: roaming.SelfType,
		Body: roaming.SelfRequest()},
	empty:    func(address string) roaming.Self { return roaming.Self{Address: address} },
	describe: describeSelf,
}

// contactsDocument is the contact list that the pool keeps.
var contactsDocument = documentKind[roaming.ContactList]{
	name:     journal.Contacts,
	request:  sipua.Subscription{Event: roaming.ContactsEvent, Accept: roaming.ContactsType},
	empty:    func(string) roaming.ContactList { return roaming.ContactList{} },
	describe: describeContacts,
}

// document is one document in one registration. When its subscription ends,
// the phone keeps what it holds and subscribes again later.
type document[T applier[T]] struct {
	*documentKind[T]
	registration *registration
	onChange     func()
	held         *T   // nil until the first notification
	pending      bool // it is not subscribed to, and shall be
	tries        int  // to subscribe again since the last reload, for the back-off
	timer        clock.Timer
}

func newDocument[T applier[T]](kind *documentKind[T], r *registration, onChange func()) document[T] {
	return document[T]{documentKind: kind, registration: r, onChange: onChange, pending: true}
}

// maxEarly bounds the notifications that wait, for the first document or for
// the task queue. Each has at most 512 KiB.
const maxEarly = 16

// subscribe subscribes to the document and waits for the first notification. It
// blocks, and may be called by any goroutine. take is for the task queue, and may be
// nil: the notification is applied to the empty document, later ones in the order in
// which they arrive.
func (d *document[T]) subscribe(ctx context.Context, q query) (take func()) {
	r := d.registration
	if !r.sip.Info().Offers(d.request.Event) { // docs/protocol/sip-connection.md#order-of-a-sign-in
		return func() {
			r.report(journal.Step{Name: d.name, State: journal.Skipped, Asked: "SUBSCRIBE " + d.request.Event, By: q.server,
				Because: "RFC 6665 4.4.4", Decided: "Not asked: the pool does not offer it, as Allow-Events of its 200 shows."})
		}
	}
	s := &subscription[T]{lifetime: newLifetime(r.core, r.ctx), doc: d, stop: func() {}}
	request := d.request
	request.Notify = func(_ string, body []byte) { s.arrived(body) }
	failed := func(err error) func() {
		if step := queryFailure(r.sip, d.name, err); step != nil {
			return func() { s.fail(*step) }
		}
		return nil
	}
	request.Ended = func(err error) {
		if fail := failed(err); fail != nil {
			s.post(fail)
		}
	}
	reply, err := r.sip.Subscribe(ctx, request)
	if err != nil {
		return failed(err)
	}
	return func() { s.begin(reply, q.server) } // even if s has ended meanwhile: the reply holds the document
}

// resubscribe plans the next subscription: after a back-off if code may pass by
// itself, otherwise at the next reload. It returns a line for the journal.
func (d *document[T]) resubscribe(code journal.Code) string {
	r := d.registration
	d.pending = true
	if !code.Page().Retry {
		return "tries again when the settings are read again"
	}
	d.tries++
	wait := r.cfg.Firmware.SIP.Backoff(d.tries, nil)
	r.after(&d.timer, wait, func() {
		if !d.pending { // a reload was faster
			return
		}
		d.pending = false
		q := r.query()
		r.run(func(ctx context.Context) (apply, drop func()) {
			return d.subscribe(ctx, q), nil
		})
	})
	return fmt.Sprintf("tries again in %s", wait.Round(time.Second))
}

// takePending reports whether the caller must subscribe to d now. The back-off
// begins anew.
func (d *document[T]) takePending() (pending bool) {
	pending, d.pending, d.tries = d.pending, false, 0
	return pending
}

// subscription is one subscription to a document. Its lifetime ends with a
// failure, at the latest with the registration.
type subscription[T applier[T]] struct {
	lifetime
	doc   *document[T]
	begun bool     // the first document is held
	early [][]byte // notifications that came before it
	stop  func()   // ends the subscription at the pool

	waiting atomic.Int32 // notifications on their way to the task queue
	flooded atomic.Bool  // there were too many of them
}

// arrived passes a notification to the task queue. It is called by the reader
// of the connection.
func (s *subscription[T]) arrived(body []byte) {
	switch {
	case s.flooded.Load():
	case s.waiting.Add(1) > maxEarly:
		s.flooded.Store(true)
		s.post(s.flood)
	default:
		s.post(func() {
			s.waiting.Add(-1)
			s.notified(body)
		})
	}
}

// begin takes the first document.
func (s *subscription[T]) begin(reply sipua.Reply, server string) {
	d, r := s.doc, s.doc.registration
	s.stop = reply.Stop
	if !s.apply(d.empty(r.login.Address), reply.Body) || s.ended() {
		s.stop() // the failure came before the document or with it
		return
	}
	s.begun = true
	step := d.describe(*d.held)
	step.Name, step.Asked, step.Answered, step.By = d.name, "SUBSCRIBE "+d.request.Event, reply.Text, server
	r.report(step)
	d.onChange()
	for _, body := range s.early {
		s.notified(body)
	}
	s.early = nil
}

// notified takes a later document.
func (s *subscription[T]) notified(body []byte) {
	d, r := s.doc, s.doc.registration
	switch {
	case s.ended():
	case !s.begun && len(s.early) < maxEarly:
		s.early = append(s.early, body)
	case !s.begun:
		s.flood()
	case s.apply(*d.held, body):
		step := d.describe(*d.held)
		if step.Name = d.name; step.Code != r.warning(d.name) {
			r.report(step)
		}
		d.onChange()
	}
}

func (s *subscription[T]) apply(to T, body []byte) bool {
	next, err := to.Apply(body)
	if err == nil {
		s.doc.held = &next
		s.changed()
		return true
	}
	if step := journal.FailureOf(err).Step(s.doc.name); s.begun && !errors.Is(err, roaming.ErrOutOfStep) {
		s.doc.registration.warn(step) // until the next one can be read
	} else { // docs/protocol/sip-services.md#contact-list: reload the list
		s.fail(step)
	}
	return false
}

// fail ends the subscription with a warning, once.
func (s *subscription[T]) fail(step journal.Step) {
	if s.ended() {
		return
	}
	s.end()
	s.early = nil
	step.Details = append(step.Details, s.doc.resubscribe(step.Code))
	s.doc.registration.warn(step)
	s.stop()
}

// flood ends the subscription because the phone cannot hold what arrives.
func (s *subscription[T]) flood() {
	f := journal.Failure{Code: journal.ProvMalformed,
		What: fmt.Sprintf("More than %d notifications of the pool wait to be read, so the phone asks for the whole again",
			maxEarly),
		Because: "the phone bounds what it takes from a server",
		Fix:     "Look for what changes so often in the SIP log of the pool."}
	s.fail(f.Step(s.doc.name))
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
	step.Decided = fmt.Sprintf("%s: %s.", cmp.Or(s.DisplayName, s.Address),
		cmp.Or(strings.Join(has, ", "), "no line, voice mail or e-mail"))
	if !s.VoiceEnabled() { // docs/protocol/presence.md#enhanced-presence-and-migration-from-lcs-2005
		step.Code = journal.ProvNoVoice
		step.Decided = strings.TrimSuffix(step.Decided, ".") +
			". The user is not enabled for voice: the phone makes no calls to numbers."
		step.Fix = journal.ProvNoVoice.Page().Change
	}
	return step
}

func describeContacts(l roaming.ContactList) journal.Step {
	return journal.Step{State: journal.OK, Because: "MS-SIP", Details: l.Warnings,
		Decided: fmt.Sprintf("The contact list holds %s in %s.",
			journal.Count(len(l.Contacts), "contact", "contacts"), journal.Count(len(l.Groups), "group", "groups"))}
}
