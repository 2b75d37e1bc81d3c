//go:build !darwin || cgo

package ui

import (
	"fmt"
	"strings"

	"github.com/ocphone/ocphone/device/screen/view"
)

// views are a hand-made View of every layout, by name.
func views() map[string]view.View {
	status := view.Status{Clock: "10:42", Date: "Tuesday 16 October", Who: "Anna Berg", Presence: view.Available, Cable: true, Signed: true, Exchange: view.ToneGood, Missed: 2, Voice: 1}
	out := map[string]view.View{}
	add := func(p view.Page, change ...func(*view.View)) {
		v := view.View{On: true, Lang: "en", Page: p, Status: status}
		for _, f := range change {
			f(&v)
		}
		out[p.ID] = v
	}
	signedOut := func(v *view.View) {
		v.Status = view.Status{Clock: "10:42", Date: "Tuesday 16 October", Cable: true}
	}
	nav := []view.Control{
		{ID: "nav.home", Role: view.Button, Icon: view.IconHome, Text: "Home", On: true},
		{ID: "nav.contacts", Role: view.Button, Icon: view.IconContacts, Text: "Contacts"},
		{ID: "nav.calls", Role: view.Button, Icon: view.IconCalls, Text: "Calls", Badge: "2"},
		{ID: "nav.voice", Role: view.Button, Icon: view.IconVoicemail, Text: "Voice mail"},
		{ID: "nav.dial", Role: view.Button, Icon: view.IconDial, Text: "Dial"},
	}
	add(view.Page{ID: "boot", Layout: view.Centered, Controls: []view.Control{
		{ID: "what", Role: view.Heading, Text: "Starting…"},
		{ID: "step", Role: view.Text, Text: "The phone asks for the time", Tone: view.ToneDim},
		{ID: "progress", Role: view.Progress, Fraction: .4},
	}}, func(v *view.View) { v.Status = view.Status{} })
	add(view.Page{ID: "signin", Layout: view.Form, Title: "Sign in", Controls: signInFields(), Focus: "user", Keyboard: view.Letters}, signedOut)
	add(view.Page{ID: "signin-quiet", Layout: view.Form, Title: "Sign in", Controls: signInFields(), Nav: nav[:1]}, signedOut)
	add(view.Page{ID: "failure", Layout: view.Centered, Title: "Not signed in", Controls: []view.Control{
		{ID: "why", Role: view.Heading, Icon: view.IconError, Tone: view.ToneBad, Text: "The certificate of pool.contoso.com is not trusted"},
		{ID: "text", Role: view.Text, Text: "It was issued by Contoso Root CA, which is none of the roots that this phone trusts. An administrator must publish it in Active Directory.", Second: "cert.untrusted"},
		{ID: "again", Role: view.Button, Text: "Try again", Icon: view.IconRestart},
		{ID: "details", Role: view.Button, Text: "Details"},
	}}, signedOut)
	add(view.Page{ID: "home", Layout: view.Tiles, Title: "Home", Nav: nav, Controls: []view.Control{
		{ID: "clock", Role: view.Heading, Text: "10:42", Second: "Tuesday 16 October"},
		{ID: "me", Role: view.Row, Presence: view.Available, Text: "Anna Berg", Second: "+1 425 555 0123", Value: "Available"},
		{ID: "trouble.0", Role: view.Row, Icon: view.IconWarning, Tone: view.ToneWarn, Text: "Exchange is refused", Second: "Exchange"},
		{ID: "meeting", Role: view.Row, Icon: view.IconCalendar, Text: "Budget review", Second: "11:00 – 11:30, Room 3"},
		{ID: "contacts", Role: view.Tile, Icon: view.IconContacts, Text: "Contacts"},
		{ID: "calls", Role: view.Tile, Icon: view.IconCalls, Text: "Calls", Second: "2 missed calls", Badge: "2"},
		{ID: "voicemail", Role: view.Tile, Icon: view.IconVoicemail, Text: "Voice mail", Second: "1 new message", Badge: "1"},
		{ID: "dial", Role: view.Tile, Icon: view.IconDial, Text: "Dial"},
		{ID: "calendar", Role: view.Tile, Icon: view.IconCalendar, Text: "Calendar"},
		{ID: "settings", Role: view.Tile, Icon: view.IconSettings, Text: "Settings"},
	}})
	add(view.Page{ID: "contacts", Layout: view.List, Title: "Contacts", Back: true, Nav: nav, Focus: "contact.1", Controls: []view.Control{
		{ID: "search", Role: view.Field, Text: "Search", Icon: view.IconSearch},
		{ID: "tab.all", Role: view.Tab, Text: "All", On: true}, {ID: "tab.ocs", Role: view.Tab, Text: "Communicator"}, {ID: "tab.outlook", Role: view.Tab, Text: "Outlook"},
	}, List: contacts(5000)})
	add(view.Page{ID: "calls-empty", Layout: view.List, Title: "Calls", Back: true, List: &view.Rows{ID: "calls", Empty: "No calls yet"}})
	add(view.Page{ID: "agenda", Layout: view.List, Title: "Calendar", Back: true, List: &view.Rows{ID: "day", Len: 5, Row: func(i int) view.Control {
		if i%3 == 0 {
			return view.Control{ID: fmt.Sprint("day.", i), Role: view.Heading, Icon: view.IconCalendar, Text: "Tuesday 16 October", Value: "2"}
		}
		return view.Control{ID: fmt.Sprint("day.", i), Role: view.Row, Text: "The quarterly budget review with everybody from both of the buildings in Hellerup", Second: "11:00 – 11:30", Value: "Busy", Tone: view.ToneDim}
	}}})
	add(view.Page{ID: "root", Layout: view.Detail, Title: "Trusted root", Back: true, Controls: []view.Control{
		{ID: "name", Role: view.Heading, Icon: view.IconCert, Text: "Contoso Root CA", Second: "From Active Directory"},
		{ID: "subject", Role: view.Label, Text: "Subject", Value: "CN=Contoso Root CA, DC=contoso, DC=com"},
		{ID: "valid", Role: view.Label, Text: "Valid until", Value: "16 October 2017"},
		{ID: "print", Role: view.Label, Text: "Thumbprint (SHA-1)", Value: "7F:3A:9C:00:12:B4:55:E1:9D:6A:02:4C:88:F0:31:D7:42:AA:5B:11"},
		{ID: "verdict", Role: view.Label, Text: "Last verdict", Value: "Trusted", Tone: view.ToneGood},
		{ID: "source", Role: view.Label, Text: "Source", Value: "LDAP, dc1.contoso.com as CONTOSO\\tu"},
		{ID: "when", Role: view.Label, Text: "Installed", Value: "16 October 2007, 10:41"},
		{ID: "step", Role: view.Row, Icon: view.IconOK, Tone: view.ToneGood, Text: "All that was found is installed: 1 new root, 0 held before. The phone dials again.", Second: "Trusted roots", Value: "10:41:12"},
		{ID: "remove", Role: view.Button, Text: "Remove", Tone: view.ToneBad, Icon: view.IconDelete},
	}})
	add(view.Page{ID: "dial", Layout: view.Dial, Title: "Dial", Nav: nav, Controls: []view.Control{
		{ID: "number", Role: view.Field, Text: "Enter a name or number", Value: "51234"},
		{ID: "rule", Role: view.Text, Text: "+1 425 555 1234", Second: "Rule “Internal”"},
		{ID: "call", Role: view.Button, Tone: view.ToneGood, Icon: view.IconCalls, Text: "Call"},
		{ID: "delete", Role: view.Button, Icon: view.IconDelete, Text: "Delete"},
	}, List: contacts(3)})
	add(view.Page{ID: "lock", Layout: view.PINPad, Title: "Locked", Controls: []view.Control{
		{ID: "text", Role: view.Text, Icon: view.IconLock, Text: "Enter your PIN to unlock the phone."},
		{ID: "pin", Role: view.Secret, Text: "PIN", Value: "••••"},
		{ID: "enter", Role: view.Button, Text: "Unlock"},
		{ID: "emergency", Role: view.Button, Tone: view.ToneBad, Icon: view.IconEmergency, Text: "Emergency call"},
	}, Focus: "pin"}, func(v *view.View) { v.Status.Locked = true })
	add(view.Page{ID: "sounds", Layout: view.Form, Title: "Sounds", Back: true, Controls: []view.Control{
		{ID: "ring", Role: view.Slider, Text: "Ring volume", Fraction: .6, Value: "60 %"},
		{ID: "mute", Role: view.Toggle, Text: "Ring in meetings too", Second: "While your calendar says busy", On: true},
		{ID: "tones", Role: view.Toggle, Text: "Key tones", Off: true},
		{ID: "tone.1", Role: view.Choice, Text: "Classic", On: true}, {ID: "tone.2", Role: view.Choice, Text: "Bell"},
		{ID: "level", Role: view.Progress, Text: "Receiving the update", Value: "3 of 12 MB", Fraction: .25},
		{ID: "busy", Role: view.Progress, Fraction: -1},
		{ID: "save", Role: view.Button, Text: "Save"}, {ID: "cancel", Role: view.Button, Text: "Cancel", Off: true},
	}}, func(v *view.View) { v.Status.Exchange, v.Status.Cable = view.ToneWarn, false })
	add(view.Page{ID: "ask", Layout: view.Detail, Title: "System", Back: true, Nav: nav, Controls: []view.Control{
		{ID: "mac", Role: view.Label, Text: "MAC address", Value: "00:04:F2:00:00:01"},
	}}, func(v *view.View) {
		v.Dialog = &view.Page{ID: "restart", Layout: view.Centered, Title: "Restart the phone?", Focus: "no", Controls: []view.Control{
			{ID: "text", Role: view.Text, Icon: view.IconWarning, Tone: view.ToneWarn, Text: "Calls end. The phone is back in a minute."},
			{ID: "yes", Role: view.Button, Text: "Restart"}, {ID: "no", Role: view.Button, Text: "Cancel"},
		}}
	})
	return out
}

func signInFields() []view.Control {
	return []view.Control{
		{ID: "address", Role: view.Field, Text: "Sign-in address", Value: "anna.berg@contoso.com"},
		{ID: "user", Role: view.Field, Text: "User name", Value: `CONTOSO\annab`},
		{ID: "password", Role: view.Secret, Text: "Password", Value: "•••••••"},
		{ID: "signin", Role: view.Button, Text: "Sign in"},
		{ID: "cancel", Role: view.Button, Text: "Cancel"},
	}
}

// contacts is a list; every row that is asked for says so.
func contacts(n int) *view.Rows {
	names := []string{"Kim Akers", "David Hamilton", "Yuki Tanaka", "Sara Davis", "Jun Park", "Reception"}
	orbs := []view.Presence{view.Available, view.Busy, view.Away, view.Offline, view.DoNotDisturb, view.PresenceUnknown}
	return &view.Rows{ID: "contact", Len: n, Empty: "Nobody", Row: func(i int) view.Control {
		return view.Control{ID: fmt.Sprintf("contact.%d", i), Role: view.Row, Presence: orbs[i%6], Text: names[i%6], Second: fmt.Sprintf("%d", 4700+i), Value: "Work"}
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
