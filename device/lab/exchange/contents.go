package exchange

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/lab/directory"
)

// VoiceMail is a message that a caller left.
type VoiceMail struct {
	Number   string        // E.164 or SIP URI; "": withheld
	Name     string        // "": unknown
	Duration time.Duration // 0: three seconds
	Received time.Time     // zero: now
	Read     bool
	WMA      bool   // as Windows Media, which the phone cannot play, instead of G.711
	CallID   string // of SIP
}

// MissedCall is a missed call without a message.
type MissedCall struct {
	Number, Name string
	Received     time.Time // zero: now
	Read         bool
	CallID       string
}

// MaxMailbox is the maximum number of items of a mailbox.
const MaxMailbox = maxItems

// LeaveVoiceMail adds a voice mail to the user's Inbox. The error is
// directory.ErrUnknown.
func (s *Server) LeaveVoiceMail(sam string, v VoiceMail) error {
	return s.withMailbox(sam, func(b *mailbox) { b.addVoiceMail(v) })
}

// ReportMissedCall adds a missed-call notification to the user's Inbox (R2.1).
// The error is directory.ErrUnknown.
func (s *Server) ReportMissedCall(sam string, m MissedCall) error {
	return s.withMailbox(sam, func(b *mailbox) { b.addMissedCall(m) })
}

// AddContacts adds n contacts to the user's Contacts, up to MaxMailbox. The error
// is directory.ErrUnknown.
func (s *Server) AddContacts(sam string, n int) error {
	return s.withMailbox(sam, func(b *mailbox) {
		for i := range min(n, maxItems-len(b.items)) {
			b.addContact(fmt.Sprintf("Person%04d", i+1), "Sample", "Fabrikam", fmt.Sprintf("+1 (425) 556-%04d", i%10000), "")
		}
	})
}

// Unread returns the number of the user's unread voice mails. The error is
// directory.ErrUnknown.
func (s *Server) Unread(sam string) (n int, err error) {
	err = s.withMailbox(sam, func(b *mailbox) { n = b.unread("voicemail") })
	return n, err
}

func (s *Server) withMailbox(sam string, do func(*mailbox)) error {
	u, ok := s.dir.User(sam)
	if !ok {
		return fmt.Errorf("exchange: %w: %s", directory.ErrUnknown, sam)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	do(s.mailboxOf(u))
	return nil
}

// fill adds the initial content of a mailbox. The numbers are of the range that is
// reserved for fiction.
func (b *mailbox) fill(u directory.User) {
	now := b.s.Clock.Now()
	for _, c := range [][5]string{
		{"Bob", "Kelly", "Contoso", "+1 (425) 555-0100", "+1 425 555 0199"},
		{"Kerry", "Miller", "Contoso", "+45 44 89 01 01;ext=201", ""},
		{"Robert", "Smith", "Contoso", "(425) 555-0103", "+1 425 555 0193"},
		{"Anna", "Bedecs", "Adatum", "+1 425 555 0104", ""},
		{"Søren", "Ødegård", "Litware", "+45 33 55 01 05", "+45 20 55 01 95"},
		{"Terry", "Adams", "Fabrikam", "425.555.0106", ""},
		{"Yuki", "Tanaka <&>", "Tailspin", "+81 3 5555 0107", ""},
	} {
		b.addContact(c[0], c[1], c[2], c[3], c[4])
	}
	b.addCallLogEntry("Bob Kelly", "+14255550100", true, 3*time.Minute+12*time.Second, now.Add(-26*time.Hour))
	b.addCallLogEntry("Kerry Miller", "+4544890101;ext=201", false, 55*time.Second, now.Add(-20*time.Hour))
	b.addCallLogEntry("Anna Bedecs", "+14255550104", true, 9*time.Minute, now.Add(-3*time.Hour))
	b.addMissedCall(MissedCall{Number: "+14255550123", Received: now.Add(-4 * time.Hour), CallID: "missed1@pool"})
	b.addMissedCall(MissedCall{
		Number:   "+14255550104",
		Name:     "Anna Bedecs",
		Received: now.Add(-28 * time.Hour),
		Read:     true,
		CallID:   "missed2@pool",
	})
	if b.um {
		b.addVoiceMail(VoiceMail{
			Number:   "+14255550106",
			Name:     "Terry Adams",
			Duration: 7 * time.Second,
			Received: now.Add(-49 * time.Hour),
			Read:     true,
			WMA:      true,
			CallID:   "vm1@um",
		})
		b.addVoiceReply("Kerry Miller", now.Add(-22*time.Hour))
		b.addVoiceMail(VoiceMail{
			Number:   "+14255550100",
			Name:     "Bob Kelly",
			Duration: 12 * time.Second,
			Received: now.Add(-2 * time.Hour),
			CallID:   "vm3@um",
		})
	}
	for d := -7; d <= 28; d++ {
		date := day(now).AddDate(0, 0, d)
		b.addAppointment("Staff meeting", "Room 1", "Busy", true, date.Add(9*time.Hour), time.Hour, u)
		b.addAppointment("Lunch with Bob", "Canteen", "Tentative", false, date.Add(12*time.Hour), 30*time.Minute, u)
		b.addAppointment("Customer call", "Phone", "Busy", false, date.Add(15*time.Hour), 45*time.Minute, u)
	}
}

func (b *mailbox) addContact(given, sur, company, business, mobile string) *item {
	address := strings.ToLower(given) + "@" + b.s.dir.Domain()
	v := map[string]string{
		"item:ItemClass":                      classContact,
		"item:Subject":                        given + " " + sur,
		"contacts:FileAs":                     sur + ", " + given,
		"contacts:DisplayName":                given + " " + sur,
		"contacts:GivenName":                  given,
		"contacts:Surname":                    sur,
		"contacts:CompanyName":                company,
		"contacts:EmailAddress:EmailAddress1": address,
		"contacts:PhoneNumber:BusinessPhone":  business,
		"contacts:ImAddress:ImAddress1":       "sip:" + address,
	}
	if mobile != "" {
		v["contacts:PhoneNumber:MobilePhone"] = mobile
	}
	return b.add(&item{element: "Contact", folder: "contacts", values: v})
}

func (b *mailbox) newMessage(folder, class, subject, body, name, address string, received time.Time, read bool) *item {
	if received.IsZero() {
		received = b.s.Clock.Now()
	}
	at := formatTime(received)
	owner := b.sam + "\n" + b.mail
	it := &item{element: "Message", folder: folder, extended: map[string]string{}, values: map[string]string{
		"item:ItemClass":        class,
		"item:Subject":          subject,
		"item:Body":             body,
		"item:DateTimeReceived": at,
		"item:DateTimeSent":     at,
		"item:DateTimeCreated":  at,
		"message:IsRead":        strconv.FormatBool(read),
		"item:IsDraft":          "false",
		"message:ToRecipients":  owner,
	}}
	if name != "" {
		it.values["message:From"] = name + "\n" + address
		it.values["message:Sender"] = it.values["message:From"]
	}
	return it
}

// setUMProperty sets an extended property of Unified Messaging
// (docs/protocol/exchange-items.md#item-classes-and-properties).
func (it *item) setUMProperty(tag, kind, value string) {
	if value != "" {
		it.extended[tag+" "+kind] = value
	}
}

func (b *mailbox) addressOf(name string) string {
	given, _, _ := strings.Cut(name, " ")
	return strings.ToLower(given) + "@" + b.s.dir.Domain()
}

func (b *mailbox) addVoiceMail(v VoiceMail) {
	v.Duration = cmp.Or(v.Duration, 3*time.Second)
	v.Duration = min(v.Duration, maxRecording)
	seconds := int(v.Duration / time.Second)
	caller := cmp.Or(v.Name, v.Number, "an unknown caller")
	it := b.newMessage("inbox", classVoiceMail, fmt.Sprintf("Voice Mail from %s (%d seconds)", caller, seconds),
		"You received a voice message from "+caller+".", v.Name, b.addressOf(v.Name), v.Received, v.Read)
	a := attachment{
		name:        fmt.Sprintf("%s (%d seconds) Voice Mail.wav", cmp.Or(v.Number, "Unknown"), seconds),
		contentType: "audio/WAV",
		content:     func() []byte { return wave(v.Duration) },
	}
	if v.WMA {
		a = attachment{strings.TrimSuffix(a.name, ".wav") + ".wma", "audio/wma", windowsMedia}
	}
	it.attachments = []attachment{a}
	it.setUMProperty("0x6801", "Integer", strconv.Itoa(seconds))
	it.setUMProperty("0x6802", "String", v.Number)
	it.setUMProperty("0x6803", "String", v.Name)
	it.setUMProperty("0x6805", "String", a.name)
	it.setUMProperty("0x6806", "String", v.CallID)
	b.notify("NewMailEvent", b.add(it), nil)
}

// addVoiceReply adds a voice mail that was answered and forwarded by voice: it has
// several recordings, listed newest first, and no number of a caller.
func (b *mailbox) addVoiceReply(name string, received time.Time) {
	it := b.newMessage("inbox", classVoiceReply, "FW: Voice Mail", "Listen to these.",
		name, b.addressOf(name), received, false)
	for i := range 3 {
		it.attachments = append(it.attachments, attachment{
			name:        fmt.Sprintf("vm%d.wav", i+1),
			contentType: "audio/WAV",
			content:     func() []byte { return wave(time.Duration(i+1) * time.Second) },
		})
	}
	it.setUMProperty("0x6801", "Integer", "3")
	it.setUMProperty("0x6803", "String", name)
	it.setUMProperty("0x6805", "String", "vm3.wav; vm2.wav;vm1.wav")
	b.notify("NewMailEvent", b.add(it), nil)
}

func (b *mailbox) addMissedCall(m MissedCall) {
	it := b.newMessage("inbox", classMissed, "Missed Call from "+cmp.Or(m.Name, m.Number, "an unknown caller"),
		"You missed a call.", m.Name, b.addressOf(m.Name), m.Received, m.Read)
	it.setUMProperty("0x6802", "String", m.Number)
	it.setUMProperty("0x6803", "String", m.Name)
	it.setUMProperty("0x6806", "String", m.CallID)
	b.notify("NewMailEvent", b.add(it), nil)
}

// addCallLogEntry adds an entry to the call log. The properties that Communicator
// wrote are not documented; these are the lab's own
// (docs/protocol/exchange-items.md#extended-properties-of-unified-messaging).
func (b *mailbox) addCallLogEntry(name, number string, outgoing bool, length time.Duration, at time.Time) {
	direction := "Incoming call"
	if outgoing {
		direction = "Outgoing call"
	}
	it := b.newMessage("history", classCall, "Conversation with "+name,
		fmt.Sprintf("%s, %02d:%02d:%02d", direction, int(length.Hours()), int(length.Minutes())%60, int(length.Seconds())%60),
		name, b.addressOf(name), at, true)
	owner := b.sam + "\n" + b.mail
	if outgoing { // From is the caller: there is no property for the direction
		it.values["message:ToRecipients"] = it.values["message:From"]
		it.values["message:From"] = owner
		it.values["message:Sender"] = owner
	}
	it.setUMProperty("0x6801", "Integer", strconv.Itoa(int(length.Seconds())))
	it.setUMProperty("0x6802", "String", number)
	it.setUMProperty("0x6803", "String", name)
	it.setUMProperty("0x6806", "String", fmt.Sprintf("call%d@pool", len(b.items)))
	b.add(it)
}

func (b *mailbox) addAppointment(
	subject, place, busy string, meeting bool, start time.Time, length time.Duration, u directory.User,
) {
	b.add(&item{element: "CalendarItem", folder: "calendar", values: map[string]string{
		"item:ItemClass":                classAppointment,
		"item:Subject":                  subject,
		"item:Sensitivity":              "Normal",
		"calendar:Location":             place,
		"calendar:LegacyFreeBusyStatus": busy,
		"calendar:Start":                formatTime(start),
		"calendar:End":                  formatTime(start.Add(length)),
		"calendar:IsAllDayEvent":        "false",
		"calendar:IsMeeting":            strconv.FormatBool(meeting),
		"calendar:IsRecurring":          "false",
		"calendar:IsCancelled":          "false",
		"calendar:CalendarItemType":     "Single",
		"calendar:Organizer":            u.DisplayName + "\n" + u.Mail,
	}})
}
