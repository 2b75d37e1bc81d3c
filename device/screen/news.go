package screen

import (
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
)

// notice tells what is new since before: missed calls, voice mails, troubles.
// A locked phone shows what the lamps show.
func (s *Screen) notice(before device.Snapshot) {
	if signedIn(s.now) && !signedIn(before) {
		s.withdraw("news-lost") // it is no longer so
	}
	if s.lock != nil || !s.now.On() {
		return
	}
	was, is := draw{now: before}, draw{now: s.now}
	if before.Mailbox != nil && s.now.Mailbox != nil && before.Mailbox != s.now.Mailbox {
		if n := is.missed() - was.missed(); n > 0 {
			s.news("news-missed", s.texts.say("news.missed", "Count", n), newCallsPage)
		}
		if n := is.unread() - was.unread(); n > 0 {
			s.news("news-voicemail", s.texts.say("news.voice", "Count", n), newVoicemailPage)
		}
	}
	for _, t := range s.now.Warnings { // those of the sign-in stand on the home page
		if before.State == device.Ready && !had(before.Warnings, t) {
			s.news("news-trouble", t.Decided, func(*Screen) page { return stepPage(t) })
		}
	}
	if f := s.now.Failure; signedIn(before) && f != nil && (s.now.State == device.Waiting || s.now.State == device.Failed) {
		s.news("news-lost", f.Decided, func(*Screen) page { return stepPage(*f) })
	}
}

func signedIn(now device.Snapshot) bool {
	return now.State == device.SignedIn || now.State == device.Ready
}

// had reports whether a trouble of that kind and for that reason was there: one
// that stays is told once, not at every poll.
func had(troubles []journal.Step, t journal.Step) bool {
	for _, old := range troubles {
		if old.Name == t.Name && old.Code == t.Code {
			return true
		}
	}
	return false
}

// news is a dialog that tells something and can show more of it.
func (s *Screen) news(id, text string, more func(*Screen) page) {
	s.ask(dialog(id, s.texts.say("news.title"), []string{text},
		choice{id: "show", text: s.texts.say("news.show"), do: func(s *Screen) { s.open(more(s)) }},
		choice{id: "close", text: s.texts.say("close")}))
}
