// Package view describes what the handset shows, as data: a View with its page,
// controls, status, lamps and keys. device/screen makes Views; ui, the terminal
// and a control API show them, and need no other part of the presenter.
//
//  1. Take v := s.View() of a *screen.Screen.
//  2. Draw v.Dialog if there is one, else v.Page: Layout says how its controls
//     are arranged, Role what each of them is.
//  3. For a terminal, v.Plain writes the same as text.
package view

import (
	"strconv"
	"strings"
	"time"
)

// View is everything that the handset shows at one moment. It is not changed
// after it is made; what is shown next is another View.
type View struct {
	Seq    uint64 // grows with each View
	On     bool   // the phone has power; off, panel and lamps are dark
	Lang   string // BCP 47 tag of the texts: en, nl, fr, de, it, ja, ko, es
	Page   Page
	Dialog *Page // over Page; takes all taps; nil: none
	// Note is a short message over everything, a Text or the Progress of a volume. It
	// takes no taps and goes by itself. Nil: none.
	Note   *Control `json:",omitempty"`
	Status Status
	Lamps  Lamps
	Hook   bool  // the receiver is lifted
	Sound  Sound `json:",omitempty"`
	Hole   Hole
	// Names are the names of what is drawn beside the controls, for accessibility
	// and for what is printed beside a key. They are found by the ID that ui gives
	// the part, such as "back", "status.missed", "keyboard.delete", "key.mute",
	// "hook", "turn". The map is read only.
	Names map[string]string
}

// Status is the line on top of every page.
type Status struct {
	Clock    string // "14:05", as the language writes it
	Date     string
	Who      string // name of the user; "": no user is signed in
	Presence Presence
	Cable    bool // plugged in
	Signed   bool
	Exchange Tone // ToneNone: not shown; ToneGood; ToneWarn: the error icon
	Missed   int  // calls
	Voice    int  // unread voice mails
	Locked   bool
}

// Presence is the colour of the orb.
type Presence string

// The colours of Communicator 2007.
const (
	PresenceUnknown Presence = ""
	Available       Presence = "available"
	Busy            Presence = "busy"
	DoNotDisturb    Presence = "do-not-disturb"
	Away            Presence = "away"
	Offline         Presence = "offline"
)

// Lamps are the lights on the body.
type Lamps struct {
	Message bool // missed call or unread voice mail
	Speaker bool
	Mute    bool
	Headset bool
}

// Sound is what the phone sounds until another View says otherwise.
type Sound string

const (
	Silence  Sound = ""
	DialTone Sound = "dial-tone" // on the receiver, the headset or the loudspeaker, by Hook and Lamps
)

// Hole is the reset hole on the back.
type Hole struct {
	Clip bool          // the paper clip is in
	Left time.Duration // until the reset; 0 when nothing is held
	Of   time.Duration // how long it must be held
}

// Top is the page that takes taps and keys: the dialog if there is one.
func (v *View) Top() *Page {
	if v.Dialog != nil {
		return v.Dialog
	}
	return &v.Page
}

// Layout says how the controls of a page are arranged.
type Layout string

const (
	Centered Layout = "centered" // a few texts, a progress bar or a picture in the middle
	Form     Layout = "form"     // fields below each other, buttons, a keyboard when a field has the focus
	List     Layout = "list"     // Page.List fills the page; controls above it (a search field, tabs)
	Detail   Layout = "detail"   // a heading and rows of label and value, then buttons
	Tiles    Layout = "tiles"    // the home page: tiles in a grid of three columns
	Dial     Layout = "dial"     // the number on top, Page.List of matches, buttons
	PINPad   Layout = "pinpad"   // a field of dots and the keys 0-9
)

// Page is one page of the panel as data.
type Page struct {
	ID       string // "signin", "home", …: names of tests and of `ocphone screenshot --page`
	Layout   Layout
	Title    string
	Back     bool      // a back button is shown; its control id is "back"
	Controls []Control // in the order of the focus
	List     *Rows     // nil: none
	Nav      []Control // the bar at the bottom: soft keys; at most five
	Focus    string    // id of the control that has the focus; "": none
	Keyboard Keyboard  // shown at the bottom instead of Nav
}

// Find gives the control with an ID; ok is false if p has none.
func (p *Page) Find(id string) (c Control, ok bool) {
	for _, list := range [][]Control{p.Controls, p.Nav} {
		for _, c := range list {
			if c.ID == id {
				return c, true
			}
		}
	}
	return p.List.find(id)
}

// find tries the row whose number ends the ID first: most lists name theirs so.
func (r *Rows) find(id string) (c Control, ok bool) {
	if r == nil || !strings.HasPrefix(id, r.ID) {
		return Control{}, false
	}
	if i, err := strconv.Atoi(strings.TrimPrefix(id, r.ID)); err == nil && i >= 0 && i < r.Len {
		if c = r.Row(i); c.ID == id {
			return c, true
		}
	}
	for i := range r.Len {
		if c = r.Row(i); c.ID == id {
			return c, true
		}
	}
	return Control{}, false
}

// Rows is a list that may be long: call Row only for the rows that are drawn.
type Rows struct {
	Empty string // shown when Len is 0
	ID    string
	Len   int
	Row   func(i int) Control `json:"-"` // safe for use by any goroutine, for the life of the View
}

// Keyboard is an on-screen keyboard.
type Keyboard string

// Keyboards. What is tapped on them goes to Screen.Type and Screen.Press. A tap
// on "keyboard." and the name of another keyboard shows that one.
const (
	NoKeyboard Keyboard = ""
	Letters    Keyboard = "letters" // QWERTY
	Capitals   Keyboard = "capitals"
	Symbols    Keyboard = "symbols"
)

// Role is what a control is, for drawing and for accessibility.
type Role string

const (
	Text     Role = "text"    // Text, below it Second
	Heading  Role = "heading" //
	Button   Role = "button"
	Tile     Role = "tile"  // a large button: Icon, Text, Second, Badge
	Row      Role = "row"   // of a list: Icon or Presence, Text, Second, Value at the right
	Label    Role = "label" // of a detail page: Text at the left, Value at the right
	Field    Role = "field" // Text is its label, Value what is in it
	Secret   Role = "secret"
	Toggle   Role = "toggle"   // On
	Choice   Role = "choice"   // one of a group of radio buttons: On
	Tab      Role = "tab"      // On: the one that is shown
	Progress Role = "progress" // Fraction; below 0: not known
	Slider   Role = "slider"   // Fraction; taps on ID+"-" and ID+"+" change it
)

// Tone colours a control.
type Tone string

const (
	ToneNone Tone = ""
	ToneGood Tone = "good"
	ToneWarn Tone = "warn"
	ToneBad  Tone = "bad"
	ToneDim  Tone = "dim" // of less weight
)

// Control is one thing on a page. Its ID is unique on the page and stable: tests
// and the control API find it by this name. Text is its accessibility label.
type Control struct {
	ID       string
	Role     Role
	Text     string
	Second   string
	Value    string // of a Secret: as many dots as there are characters
	Icon     Icon
	Presence Presence
	Badge    string // a small number; "": none
	On       bool
	Off      bool // greyed out: a tap does nothing
	Tone     Tone
	Fraction float64
	// Log: what it says beside its name is from the log, which is English in every
	// language: the text of a Text or Heading, the second text of a Row, the value
	// of a Label.
	Log bool `json:",omitempty"`
}

// Icon names a picture of the set that ui draws.
type Icon string

const (
	NoIcon        Icon = ""
	IconContacts  Icon = "contacts"
	IconCalls     Icon = "calls"
	IconMissed    Icon = "missed"
	IconIncoming  Icon = "incoming"
	IconOutgoing  Icon = "outgoing"
	IconVoicemail Icon = "voicemail"
	IconDial      Icon = "dial"
	IconCalendar  Icon = "calendar"
	IconSettings  Icon = "settings"
	IconLock      Icon = "lock"
	IconHome      Icon = "home"
	IconBack      Icon = "back"
	IconSearch    Icon = "search"
	IconPerson    Icon = "person"
	IconGroup     Icon = "group"
	IconMail      Icon = "mail"
	IconPlay      Icon = "play"
	IconPause     Icon = "pause"
	IconDelete    Icon = "delete"
	IconInfo      Icon = "info"
	IconWarning   Icon = "warning"
	IconError     Icon = "error"
	IconOK        Icon = "ok"
	IconCert      Icon = "certificate"
	IconNetwork   Icon = "network"
	IconTime      Icon = "time"
	IconLanguage  Icon = "language"
	IconSound     Icon = "sound"
	IconForward   Icon = "forward"
	IconRestart   Icon = "restart"
	IconReset     Icon = "reset"
	IconLog       Icon = "log"
	IconSignOut   Icon = "sign-out"
	IconEmergency Icon = "emergency"
	IconKeyboard  Icon = "keyboard"
	IconCall      Icon = "call"      // a receiver
	IconBackspace Icon = "backspace" // erases a character
	IconCancel    Icon = "cancel"
	IconPending   Icon = "pending" // not begun yet
	IconStar      Icon = "star"
)

// Key is a key of the body.
type Key string

const (
	Key0          Key = "0"
	Key1          Key = "1"
	Key2          Key = "2"
	Key3          Key = "3"
	Key4          Key = "4"
	Key5          Key = "5"
	Key6          Key = "6"
	Key7          Key = "7"
	Key8          Key = "8"
	Key9          Key = "9"
	KeyStar       Key = "*"
	KeyPound      Key = "#"
	KeyCall       Key = "call" // green
	KeyEnd        Key = "end"  // red
	KeyDelete     Key = "delete"
	KeyHome       Key = "home"
	KeyVolumeUp   Key = "volume-up"
	KeyVolumeDown Key = "volume-down"
	KeyMute       Key = "mute"
	KeySpeaker    Key = "speaker"
	KeyHeadset    Key = "headset"
	// Of a computer's keyboard only.
	KeyEnter   Key = "enter"
	KeyTab     Key = "tab"
	KeyBackTab Key = "back-tab" // Tab with Shift
	KeyUp      Key = "up"
	KeyDown    Key = "down"
	KeyLeft    Key = "left"
	KeyRight   Key = "right"
)
