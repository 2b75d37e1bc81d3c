//go:build !darwin || cgo

package ui

import (
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/device/screen"
)

// views are a hand-made View of every layout, by name.
func views() map[string]screen.View {
	status := screen.Status{Clock: "10:42", Date: "Tuesday 16 October", Who: "Anna Berg", Presence: screen.Available, Cable: true, Signed: true, Exchange: screen.ToneGood, Missed: 2, Voice: 1}
	out := map[string]screen.View{}
	add := func(p screen.Page, change ...func(*screen.View)) {
		v := screen.View{On: true, Lang: "en", Page: p, Status: status}
		for _, f := range change {
			f(&v)
		}
		out[p.ID] = v
	}
	signedOut := func(v *screen.View) {
		v.Status = screen.Status{Clock: "10:42", Date: "Tuesday 16 October", Cable: true}
	}
	nav := []screen.Control{
		{ID: "nav.home", Role: screen.Button, Icon: screen.IconHome, Text: "Home", On: true},
		{ID: "nav.contacts", Role: screen.Button, Icon: screen.IconContacts, Text: "Contacts"},
		{ID: "nav.calls", Role: screen.Button, Icon: screen.IconCalls, Text: "Calls", Badge: "2"},
		{ID: "nav.voice", Role: screen.Button, Icon: screen.IconVoicemail, Text: "Voice mail"},
		{ID: "nav.dial", Role: screen.Button, Icon: screen.IconDial, Text: "Dial"},
	}
	add(screen.Page{ID: "boot", Layout: screen.Centered, Controls: []screen.Control{
		{ID: "what", Role: screen.Heading, Text: "Starting…"},
		{ID: "step", Role: screen.Text, Text: "The phone asks for the time", Tone: screen.ToneDim},
		{ID: "progress", Role: screen.Progress, Fraction: .4},
	}}, func(v *screen.View) { v.Status = screen.Status{} })
	add(screen.Page{ID: "signin", Layout: screen.Form, Title: "Sign in", Controls: signInFields(), Focus: "user", Keyboard: screen.Letters}, signedOut)
	add(screen.Page{ID: "signin-quiet", Layout: screen.Form, Title: "Sign in", Controls: signInFields(), Nav: nav[:1]}, signedOut)
	add(screen.Page{ID: "failure", Layout: screen.Centered, Title: "Not signed in", Controls: []screen.Control{
		{ID: "why", Role: screen.Heading, Icon: screen.IconError, Tone: screen.ToneBad, Text: "The certificate of pool.contoso.com is not trusted"},
		{ID: "text", Role: screen.Text, Text: "It was issued by Contoso Root CA, which is none of the roots that this phone trusts. An administrator must publish it in Active Directory.", Second: "cert.untrusted"},
		{ID: "again", Role: screen.Button, Text: "Try again", Icon: screen.IconRestart},
		{ID: "details", Role: screen.Button, Text: "Details"},
	}}, signedOut)
	add(screen.Page{ID: "home", Layout: screen.Tiles, Title: "Home", Nav: nav, Controls: []screen.Control{
		{ID: "clock", Role: screen.Heading, Text: "10:42", Second: "Tuesday 16 October"},
		{ID: "me", Role: screen.Row, Presence: screen.Available, Text: "Anna Berg", Second: "+1 425 555 0123", Value: "Available"},
		{ID: "trouble.0", Role: screen.Row, Icon: screen.IconWarning, Tone: screen.ToneWarn, Text: "Exchange is refused", Second: "Exchange"},
		{ID: "meeting", Role: screen.Row, Icon: screen.IconCalendar, Text: "Budget review", Second: "11:00 – 11:30, Room 3"},
		{ID: "contacts", Role: screen.Tile, Icon: screen.IconContacts, Text: "Contacts"},
		{ID: "calls", Role: screen.Tile, Icon: screen.IconCalls, Text: "Calls", Second: "2 missed calls", Badge: "2"},
		{ID: "voicemail", Role: screen.Tile, Icon: screen.IconVoicemail, Text: "Voice mail", Second: "1 new message", Badge: "1"},
		{ID: "dial", Role: screen.Tile, Icon: screen.IconDial, Text: "Dial"},
		{ID: "calendar", Role: screen.Tile, Icon: screen.IconCalendar, Text: "Calendar"},
		{ID: "settings", Role: screen.Tile, Icon: screen.IconSettings, Text: "Settings"},
	}})
	add(screen.Page{ID: "contacts", Layout: screen.List, Title: "Contacts", Back: true, Nav: nav, Focus: "contact.1", Controls: []screen.Control{
		{ID: "search", Role: screen.Field, Text: "Search", Icon: screen.IconSearch},
		{ID: "tab.all", Role: screen.Tab, Text: "All", On: true}, {ID: "tab.ocs", Role: screen.Tab, Text: "Communicator"}, {ID: "tab.outlook", Role: screen.Tab, Text: "Outlook"},
	}, List: contacts(5000)})
	add(screen.Page{ID: "calls-empty", Layout: screen.List, Title: "Calls", Back: true, List: &screen.Rows{ID: "calls", Empty: "No calls yet"}})
	add(screen.Page{ID: "agenda", Layout: screen.List, Title: "Calendar", Back: true, List: &screen.Rows{ID: "day", Len: 5, Row: func(i int) screen.Control {
		if i%3 == 0 {
			return screen.Control{ID: fmt.Sprint("day.", i), Role: screen.Heading, Icon: screen.IconCalendar, Text: "Tuesday 16 October", Value: "2"}
		}
		return screen.Control{ID: fmt.Sprint("day.", i), Role: screen.Row, Text: "The quarterly budget review with everybody from both of the buildings in Hellerup", Second: "11:00 – 11:30", Value: "Busy", Tone: screen.ToneDim}
	}}})
	add(screen.Page{ID: "root", Layout: screen.Detail, Title: "Trusted root", Back: true, Controls: []screen.Control{
		{ID: "name", Role: screen.Heading, Icon: screen.IconCert, Text: "Contoso Root CA", Second: "From Active Directory"},
		{ID: "subject", Role: screen.Label, Text: "Subject", Value: "CN=Contoso Root CA, DC=contoso, DC=com"},
		{ID: "valid", Role: screen.Label, Text: "Valid until", Value: "16 October 2017"},
		{ID: "print", Role: screen.Label, Text: "Thumbprint (SHA-1)", Value: "7F:3A:9C:00:12:B4:55:E1:9D:6A:02:4C:88:F0:31:D7:42:AA:5B:11"},
		{ID: "verdict", Role: screen.Label, Text: "Last verdict", Value: "Trusted", Tone: screen.ToneGood},
		{ID: "source", Role: screen.Label, Text: "Source", Value: "LDAP, dc1.contoso.com as CONTOSO\\tu"},
		{ID: "when", Role: screen.Label, Text: "Installed", Value: "16 October 2007, 10:41"},
		{ID: "step", Role: screen.Row, Icon: screen.IconOK, Tone: screen.ToneGood, Text: "All that was found is installed: 1 new root, 0 held before. The phone dials again.", Second: "Trusted roots", Value: "10:41:12"},
		{ID: "remove", Role: screen.Button, Text: "Remove", Tone: screen.ToneBad, Icon: screen.IconDelete},
	}})
	add(screen.Page{ID: "dial", Layout: screen.Dial, Title: "Dial", Nav: nav, Controls: []screen.Control{
		{ID: "number", Role: screen.Field, Text: "Enter a name or number", Value: "51234"},
		{ID: "rule", Role: screen.Text, Text: "+1 425 555 1234", Second: "Rule “Internal”"},
		{ID: "call", Role: screen.Button, Tone: screen.ToneGood, Icon: screen.IconCalls, Text: "Call"},
		{ID: "delete", Role: screen.Button, Icon: screen.IconDelete, Text: "Delete"},
	}, List: contacts(3)})
	add(screen.Page{ID: "lock", Layout: screen.PINPad, Title: "Locked", Controls: []screen.Control{
		{ID: "text", Role: screen.Text, Icon: screen.IconLock, Text: "Enter your PIN to unlock the phone."},
		{ID: "pin", Role: screen.Secret, Text: "PIN", Value: "••••"},
		{ID: "enter", Role: screen.Button, Text: "Unlock"},
		{ID: "emergency", Role: screen.Button, Tone: screen.ToneBad, Icon: screen.IconEmergency, Text: "Emergency call"},
	}, Focus: "pin"}, func(v *screen.View) { v.Status.Locked = true })
	add(screen.Page{ID: "sounds", Layout: screen.Form, Title: "Sounds", Back: true, Controls: []screen.Control{
		{ID: "ring", Role: screen.Slider, Text: "Ring volume", Fraction: .6, Value: "60 %"},
		{ID: "mute", Role: screen.Toggle, Text: "Ring in meetings too", Second: "While your calendar says busy", On: true},
		{ID: "tones", Role: screen.Toggle, Text: "Key tones", Off: true},
		{ID: "tone.1", Role: screen.Choice, Text: "Classic", On: true}, {ID: "tone.2", Role: screen.Choice, Text: "Bell"},
		{ID: "level", Role: screen.Progress, Text: "Receiving the update", Value: "3 of 12 MB", Fraction: .25},
		{ID: "busy", Role: screen.Progress, Fraction: -1},
		{ID: "save", Role: screen.Button, Text: "Save"}, {ID: "cancel", Role: screen.Button, Text: "Cancel", Off: true},
	}}, func(v *screen.View) { v.Status.Exchange, v.Status.Cable = screen.ToneWarn, false })
	add(screen.Page{ID: "ask", Layout: screen.Detail, Title: "System", Back: true, Nav: nav, Controls: []screen.Control{
		{ID: "mac", Role: screen.Label, Text: "MAC address", Value: "00:04:F2:00:00:01"},
	}}, func(v *screen.View) {
		v.Dialog = &screen.Page{ID: "restart", Layout: screen.Centered, Title: "Restart the phone?", Focus: "no", Controls: []screen.Control{
			{ID: "text", Role: screen.Text, Icon: screen.IconWarning, Tone: screen.ToneWarn, Text: "Calls end. The phone is back in a minute."},
			{ID: "yes", Role: screen.Button, Text: "Restart"}, {ID: "no", Role: screen.Button, Text: "Cancel"},
		}}
	})
	return out
}

func signInFields() []screen.Control {
	return []screen.Control{
		{ID: "address", Role: screen.Field, Text: "Sign-in address", Value: "anna.berg@contoso.com"},
		{ID: "user", Role: screen.Field, Text: "User name", Value: `CONTOSO\annab`},
		{ID: "password", Role: screen.Secret, Text: "Password", Value: "•••••••"},
		{ID: "signin", Role: screen.Button, Text: "Sign in"},
		{ID: "cancel", Role: screen.Button, Text: "Cancel"},
	}
}

// contacts is a list; every row that is asked for says so.
func contacts(n int) *screen.Rows {
	names := []string{"Kim Akers", "David Hamilton", "Yuki Tanaka", "Sara Davis", "Jun Park", "Reception"}
	orbs := []screen.Presence{screen.Available, screen.Busy, screen.Away, screen.Offline, screen.DoNotDisturb, screen.PresenceUnknown}
	return &screen.Rows{ID: "contact", Len: n, Empty: "Nobody", Row: func(i int) screen.Control {
		return screen.Control{ID: fmt.Sprintf("contact.%d", i), Role: screen.Row, Presence: orbs[i%6], Text: names[i%6], Second: fmt.Sprintf("%d", 4700+i), Value: "Work"}
	}}
}

// hostile are texts that a server may hold and that break layouts.
func hostile() map[string]string {
	return map[string]string{
		"long":    strings.Repeat("Wolfeschlegelsteinhausen ", 8),
		"oneword": strings.Repeat("x", 200),
		"arabic":  "محمد بن عبد الله الطويل الاسم جدا جدا جدا جدا",
		"hebrew":  "יעקב בן אברהם (office) 4711",
		"emoji":   "👩‍👩‍👧‍👦 Team 🎉🎉🎉 👍🏽 Straße",
		"control": "a\x00b\tc\r\nd\u202e e\ufffd",
		"invalid": "abc\xff\xfe",
		"cjk":     strings.Repeat("日本語の長い名前", 20),
		"korean":  "김철수 (주)한국전자통신 연구원 대외협력부",
		"marks":   strings.Repeat("e\u0301\u0323\u0331", 60),
	}
}
