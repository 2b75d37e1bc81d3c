package ntlmhttp

import (
	"slices"
	"strings"
)

// logonPages are parts of the URLs to which those who publish Exchange send a
// client that has to log on by a form: Outlook Web Access, ISA Server and its
// successor, AD FS (docs/protocol/exchange-autodiscover.md#log-on-forms).
var logonPages = []string{"/owa/auth", "logon.aspx", "cookieauth.dll", "/adfs/ls"}

// IsLogonPage reports whether a URL or an HTML page leads to a log-on form in front
// of Exchange.
func IsLogonPage(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc(logonPages, func(part string) bool { return strings.Contains(text, part) })
}

// HasForm reports whether an HTML page has a form.
func HasForm(page string) bool { return strings.Contains(strings.ToLower(page), "<form") }
