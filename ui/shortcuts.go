//go:build !darwin || cgo

package ui

// Shortcut is one row of the list of keys: keys of the computer's keyboard, and
// what they do. Both are English.
type Shortcut struct{ Keys, Does string }

// Shortcuts are the keys of the computer's keyboard that work in the window, for
// a list in the window and for the table in docs/handset.md, which a test compares.
func Shortcuts() []Shortcut {
	return []Shortcut{
		{"0–9, *, #", "press the keys of the phone; hold 0 for +"},
		{"letters", "are typed into the field that has the ring"},
		{"Tab, Shift+Tab", "move the ring forward or back: touch panel, keys of the phone, lab panel"},
		{"arrows", "move the ring on the touch panel or among the keys of the phone; change a volume that has the ring"},
		{"Enter, Space", "press what has the ring"},
		{"Enter", "calls while no ring is shown"},
		{"Esc", "ends the call, or goes back one page"},
		{"Backspace", "deletes the last character"},
		{"Home", "shows the home page"},
		{"Page Up, Page Down", "change the volume"},
		{"M, S, H", "press Mute, Speaker, Headset"},
		{"F1", "shows this list"},
		{"F2", "lifts the receiver, or hangs up"},
		{"F9", "turns the phone over"},
	}
}
