package ews

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestR9_2_PollDecision(t *testing.T) {
	m := func(n int) *int { return &n }
	failed := func(a Action) error { return &Error{Op: "GetFolder", Action: a} }
	user := Situation{EnterpriseVoice: true, UM: true}
	with := func(f func(*Situation)) Situation { s := user; f(&s); return s }
	rows := []struct {
		name string
		s    Situation
		want Decision
	}{
		{"no Enterprise Voice", Situation{UM: true}, Decision{}},
		{"no Unified Messaging", Situation{EnterpriseVoice: true}, Decision{}},
		{"no Voice Mail folder", with(func(s *Situation) { s.Last = errors.Join(ErrNoVoiceMail, failed(Gone)) }), Decision{}},
		{"nothing provisioned", user, Decision{Show: true, Poll: true, Next: 3 * time.Minute}},
		{"off", with(func(s *Situation) { s.Minutes = m(0) }), Decision{Show: true}},
		{"off, and rediscovery with it", with(func(s *Situation) { s.Minutes, s.Last = m(0), failed(Rediscover) }), Decision{Show: true, Warn: true}},
		{"an hour", with(func(s *Situation) { s.Minutes = m(60) }), Decision{Show: true, Poll: true, Next: time.Hour}},
		{"too long", with(func(s *Situation) { s.Minutes = m(61) }), Decision{Show: true, Poll: true, Next: time.Hour}},
		{"negative", with(func(s *Situation) { s.Minutes = m(-1) }), Decision{Show: true}},
		{"jitter", with(func(s *Situation) { s.Minutes, s.Jitter = m(10), 0.5 }), Decision{Show: true, Poll: true, Next: 10*time.Minute + 30*time.Second}},
		{"refused for good", with(func(s *Situation) { s.Last = failed(Hide) }), Decision{Warn: true}},
		{"wrong password", with(func(s *Situation) { s.Last = failed(Credentials) }), Decision{Show: true, Warn: true, Ask: true}},
		{"wrong server", with(func(s *Situation) { s.Last = failed(Rediscover) }), Decision{Show: true, Warn: true, Poll: true, Next: 3 * time.Minute, Rediscover: true}},
		{"not reached, found just now", with(func(s *Situation) { s.Last, s.DiscoveredFor = failed(Reconnect), time.Hour }), Decision{Show: true, Warn: true, Poll: true, Next: 3 * time.Minute}},
		{"not reached, found long ago", with(func(s *Situation) { s.Last, s.DiscoveredFor = failed(Reconnect), time.Hour+1 }), Decision{Show: true, Warn: true, Poll: true, Next: 3 * time.Minute, Rediscover: true}},
		{"busy", with(func(s *Situation) { s.Last = failed(Wait) }), Decision{Show: true, Warn: true, Poll: true, Next: 3 * time.Minute}},
		{"any other", with(func(s *Situation) { s.Last = errors.New("x") }), Decision{Show: true, Warn: true, Poll: true, Next: 3 * time.Minute}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got := Decide(r.s)
			if got.Why == "" {
				t.Error("no reason")
			}
			got.Why = ""
			if got != r.want {
				t.Errorf("%+v, want %+v", got, r.want)
			}
		})
	}
}

func TestIsElsewhere(t *testing.T) {
	for _, row := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("no connection"), true},
		{&Error{Action: Reconnect}, true},
		{&Error{Action: Report, Status: 302}, true},
		{&Error{Action: Rediscover, Status: 404}, true},
		{&Error{Action: Hide, Err: errors.New("not trusted")}, true},
		{fmt.Errorf("wrapped: %w", &Error{Action: Rediscover, Code: "ErrorNoRespondingCASInDestinationSite"}), true},
		{&Error{Action: Reconnect, Code: "ErrorMailboxMoveInProgress"}, true},
		{&Error{Action: Wait, Status: 429}, false},
		{&Error{Action: Wait, Code: ErrorServerBusy}, false},
		{&Error{Action: Hide, Code: "ErrorAccessDenied"}, false},
		{errors.Join(ErrNoVoiceMail, &Error{Action: Gone, Code: ErrorFolderNotFound}), false},
	} {
		if got := IsElsewhere(row.err); got != row.want {
			t.Errorf("%v: %v, want %v", row.err, got, row.want)
		}
	}
}
