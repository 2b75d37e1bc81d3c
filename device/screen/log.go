package screen

import (
	"regexp"
	"strings"

	"github.com/ocphone/ocphone/device/screen/view"
)

// The log of the phone, its failures included, is English whatever the language is:
// the command line, the lab and an administrator's search show the same sentences.
// Pages show such text in a box under a heading in the user's language, or behind
// the word for the log. It has no rule ids, which nothing on the phone explains.

// ruleIDs are ids of rules, with the parentheses or the punctuation around them.
var ruleIDs = regexp.MustCompile(`\s*\(R\d+\.\d+(?:, R\d+\.\d+)*\)|R\d+\.\d+[,;:]\s*|[,;]?\s*\bR\d+\.\d+`)

// plainLog is text of the log as pages show it.
func plainLog(text string) string { return strings.TrimSpace(ruleIDs.ReplaceAllString(text, "")) }

// logLine is text of the log on a line of a page that is not about the log.
func (t *texts) logLine(text string) string {
	if text = plainLog(text); text == "" {
		return ""
	}
	return t.say("log.line", "Text", text)
}

// logText is text of the log in a box.
func logText(id, text string) view.Control {
	return view.Control{ID: id, Role: view.Text, Text: plainLog(text), Log: true}
}

// log adds the heading of the log, and lines of it.
func (p *pageBuilder) log(d pageContext, lines ...string) {
	p.add(heading("log", d.say("log.title"), view.IconLog, view.ToneNone))
	for i, line := range lines {
		p.add(logText("log."+number(i), line))
	}
}
