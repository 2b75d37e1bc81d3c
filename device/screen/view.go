package screen

import "time"

// View is everything that the handset shows at one moment. Nobody changes it
// once it is made; what is shown next is another View.
type View struct {
	Seq    uint64 // grows with each View
	On     bool   // the phone has power; off, panel and lamps are dark
	Lang   string // BCP 47 tag of the texts: en, nl, fr, de, it, ja, ko, es
	Page   Page
	Dialog *Page // lies over Page and takes all taps; nil: none
	Status Status
	Lamps  Lamps
	Hook   bool // the receiver is lifted
	Hole   Hole
	// Names are what the view draws beside the page, for those who cannot see it
	// and for what is printed beside a key: by the ID that ui gives it, such as
	// "back", "status.missed", "keyboard.delete", "key.mute", "hook", "turn".
	// Nobody changes the map.
	Names map[string]string
}

// Status is the line on top of every page.
type Status struct {
	Clock    string // "14:05", as the language writes it
	Date     string
	Who      string // name of the user; "": nobody
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

// Hole is the reset hole on the back.
type Hole struct {
	Clip bool          // the paper clip is in
	Left time.Duration // until the reset; 0 when nothing is held
	Of   time.Duration // how long it must be held
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

// Rows is a list that may be long: the view asks for the rows that it shows.
type Rows struct {
	ID    string
	Len   int
	Row   func(i int) Control // safe for use by any goroutine, for the life of the View
	Empty string              // shown when Len is 0
}

// Keyboard is an on-screen keyboard.
type Keyboard string

// Keyboards; what is tapped on them goes to Screen.Type and Screen.Press. A tap
// on "keyboard." and the name of another one shows that.
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
	Progress Role = "progress" // Fraction; below 0: nobody knows
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

// Control is one thing on a page. Its ID is unique on the page and stable: it
// is the name by which tests and the control API find it. Text is its
// accessibility label.
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
	KeyEnter Key = "enter"
	KeyTab   Key = "tab"
	KeyUp    Key = "up"
	KeyDown  Key = "down"
	KeyLeft  Key = "left"
	KeyRight Key = "right"
)
