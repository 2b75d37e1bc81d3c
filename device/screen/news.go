package screen

import (
	"slices"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
)

// announce shows a dialog for what is new since before: missed calls, voice
// mails, warnings. A locked phone shows none.
func (s *Screen) announce(before device.Snapshot) {
	if signedIn(s.now) && !signedIn(before) {
		s.withdrawDialog("news-lost") // no longer true
	}
	if s.lock != nil || !s.now.On() {
		return
	}
	was, is := pageContext{now: before}, pageContext{now: s.now}
	if before.Mailbox != nil && s.now.Mailbox != nil && before.Mailbox != s.now.Mailbox {
		if n := is.missed() - was.missed(); n > 0 {
			s.newsDialog("news-missed", s.texts.say("news.missed", "Count", n), newCallsPage)
		}
		if n := is.unread() - was.unread(); n > 0 {
			s.newsDialog("news-voicemail", s.texts.say("news.voice", "Count", n), newVoicemailPage)
		}
	}
	for _, t := range s.now.Warnings { // the home page shows those of the sign-in
		if before.State == device.Ready && !hasWarning(before.Warnings, t) {
			s.newsDialog("news-trouble", s.texts.logLine(t.Decided), func(*Screen) page { return stepPage(t) })
		}
	}
	lost := s.now.State == device.Waiting || s.now.State == device.Failed
	if f := s.now.Failure; signedIn(before) && f != nil && lost {
		s.newsDialog("news-lost", s.texts.logLine(f.Decided), func(*Screen) page { return stepPage(*f) })
	}
}

func signedIn(now device.Snapshot) bool {
	return now.State == device.SignedIn || now.State == device.Ready
}

// hasWarning reports whether list has a warning of the same name and code: a
// lasting warning is announced once, not at every poll.
func hasWarning(troubles []journal.Step, t journal.Step) bool {
	return slices.ContainsFunc(troubles, func(old journal.Step) bool { return old.Name == t.Name && old.Code == t.Code })
}

// newsDialog shows a dialog with a text and a button that opens a page.
func (s *Screen) newsDialog(id, text string, more func(*Screen) page) {
	s.showDialog(newDialog(id, s.texts.say("news.title"), []string{text},
		dialogButton{id: "show", text: s.texts.say("news.show"), do: func(s *Screen) { s.open(more(s)) }},
		dialogButton{id: "close", text: s.texts.say("close")}))
}
