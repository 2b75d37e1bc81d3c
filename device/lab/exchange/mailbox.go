package exchange

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/lab/directory"
)

// Item classes (docs/protocol/exchange-items.md#item-classes-and-properties).
const (
	classVoiceMail      = "IPM.Note.Microsoft.Voicemail.UM.CA"
	classVoiceReply     = "IPM.Note.Microsoft.Voicemail"
	classMissed         = "IPM.Note.Microsoft.Missed.Voice"
	classCall           = "IPM.Note.Microsoft.Conversation.Voice"
	classContact        = "IPM.Contact"
	classAppointment    = "IPM.Appointment"
	conversationHistory = "Conversation History" // a folder of Communicator, not distinguished in 2007
	maxItems            = 50000                  // of one mailbox; no source
)

// folder is a folder of a mailbox. Its items are those with its name; the items of
// the voicemail search folder are those with its class.
type folder struct {
	name    string // distinguished id; "history" for Conversation History
	display string
	class   string
	parent  string
	element string // element of its EWS type
}

func folders() []folder {
	return []folder{
		{"root", "Root", "", "", "Folder"},
		{"msgfolderroot", "Top of Information Store", "", "root", "Folder"},
		{"calendar", "Calendar", "IPF.Appointment", "msgfolderroot", "CalendarFolder"},
		{"contacts", "Contacts", "IPF.Contact", "msgfolderroot", "ContactsFolder"},
		{"history", conversationHistory, "IPF.Note", "msgfolderroot", "Folder"},
		{"deleteditems", "Deleted Items", "IPF.Note", "msgfolderroot", "Folder"},
		{"drafts", "Drafts", "IPF.Note", "msgfolderroot", "Folder"},
		{"inbox", "Inbox", "IPF.Note", "msgfolderroot", "Folder"},
		{"journal", "Journal", "IPF.Journal", "msgfolderroot", "Folder"},
		{"junkemail", "Junk E-mail", "IPF.Note", "msgfolderroot", "Folder"},
		{"notes", "Notes", "IPF.StickyNote", "msgfolderroot", "Folder"},
		{"outbox", "Outbox", "IPF.Note", "msgfolderroot", "Folder"},
		{"sentitems", "Sent Items", "IPF.Note", "msgfolderroot", "Folder"},
		{"tasks", "Tasks", "IPF.Task", "msgfolderroot", "TasksFolder"},
		{"searchfolders", "Finder", "", "root", "Folder"},
		{"voicemail", "Voice Mail", "IPF.Note.Microsoft.Voicemail", "searchfolders", "SearchFolder"},
	}
}

// mailbox is guarded by Server.mu.
type mailbox struct {
	s     *Server
	sam   string
	mail  string
	um    bool // enabled for Unified Messaging
	items []*item
	byID  map[uint64]*item
}

// item is an item of a folder.
type item struct {
	id, change  uint64
	element     string // Message, Contact, CalendarItem
	folder      string
	values      map[string]string   // by property uri, entries by uri and key
	extended    map[string]extValue // by path
	attachments []attachment
}

// extValue is an extended property with its path as first set.
type extValue struct {
	attrs []string // of ExtendedFieldURI
	value string
}

// attachment is a file; content makes its content on demand.
type attachment struct {
	name, contentType string
	content           func() []byte
}

// mailboxOf returns the user's mailbox. It makes and fills it if there is none.
// The directory decides whether it has voice mail.
func (s *Server) mailboxOf(u directory.User) *mailbox {
	key := strings.ToLower(u.SAM)
	b, filled := s.mailboxes[key]
	if !filled {
		b = &mailbox{s: s, sam: key, byID: map[uint64]*item{}}
		s.mailboxes[key] = b
	}
	b.um, b.mail = u.EUM != "", u.Mail
	if !filled {
		b.fill(u)
	}
	return b
}

func (s *Server) nextID() uint64 {
	s.lastID++
	return s.lastID
}

// add adds a new item to its folder and notifies the subscriptions.
func (b *mailbox) add(it *item) *item {
	it.id, it.change = b.s.nextID(), b.s.nextID()
	if it.extended == nil {
		it.extended = map[string]extValue{}
	}
	now := formatTime(b.s.Clock.Now())
	setDefault := func(uri, value string) { it.values[uri] = cmp.Or(it.values[uri], value) }
	setDefault("item:DateTimeReceived", now)
	setDefault("item:DateTimeSent", now)
	setDefault("item:DateTimeCreated", now)
	setDefault("item:LastModifiedTime", now)
	setDefault("item:Size", strconv.Itoa(1024+100*len(it.values)))
	it.values["item:HasAttachments"] = strconv.FormatBool(len(it.attachments) > 0)
	setDefault("item:Sensitivity", "Normal")
	setDefault("item:Importance", "Normal")
	b.items = append(b.items, it)
	b.byID[it.id] = it
	b.notify("CreatedEvent", it)
	return it
}

// markChanged gives a changed item a new change key and notifies the subscriptions.
func (b *mailbox) markChanged(it *item) {
	it.change = b.s.nextID()
	it.values["item:LastModifiedTime"] = formatTime(b.s.Clock.Now())
	b.notify("ModifiedEvent", it)
}

// remove deletes an item permanently.
func (b *mailbox) remove(it *item) {
	b.notify("DeletedEvent", it)
	delete(b.byID, it.id)
	b.items = slices.DeleteFunc(b.items, func(x *item) bool { return x == it })
}

// move moves an item to another folder, which changes its Id
// (docs/protocol/exchange-ews.md#transport-and-envelope).
func (b *mailbox) move(it *item, to string) {
	delete(b.byID, it.id)
	it.id, it.change, it.folder = b.s.nextID(), b.s.nextID(), to
	b.byID[it.id] = it
	b.notify("MovedEvent", it)
}

// inFolder reports whether the item is in that folder.
func (it *item) inFolder(name string) bool {
	if name == "voicemail" {
		return it.folder != "deleteditems" && classIs(it.values["item:ItemClass"], classVoiceReply)
	}
	return it.folder == name
}

// classIs reports whether class is prefix or a subclass of it, without regard to
// case (docs/protocol/exchange-items.md#item-classes-and-properties).
func classIs(class, prefix string) bool {
	class, prefix = strings.ToLower(class), strings.ToLower(prefix)
	return class == prefix || strings.HasPrefix(class, prefix+".")
}

func (b *mailbox) itemsIn(name string) []*item {
	var l []*item
	for _, it := range b.items {
		if it.inFolder(name) {
			l = append(l, it)
		}
	}
	return l
}

func (b *mailbox) unread(name string) int {
	n := 0
	for _, it := range b.itemsIn(name) {
		if it.values["message:IsRead"] == "false" {
			n++
		}
	}
	return n
}

// folder returns a folder by its name; the voicemail folder exists only with UM.
func (b *mailbox) folder(name string) (folder, bool) {
	for _, f := range folders() {
		if f.name == name && (name != "voicemail" || b.um) {
			return f, true
		}
	}
	return folder{}, false
}

// Ids are opaque: a letter for the kind, numbers, the mailbox.

func makeID(kind byte, sam string, numbers ...uint64) string {
	b := []byte{0, 0, 0x16, kind}
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return base64.StdEncoding.EncodeToString(append(b, sam...))
}

// readID returns the numbers of an Id; the errors are those of EWS.
func (b *mailbox) readID(id string, kind byte, count int) ([]uint64, error) {
	if id == "" {
		return nil, codeError("ErrorInvalidIdEmpty", "Id must be non-empty.")
	}
	raw, err := base64.StdEncoding.DecodeString(id)
	if err != nil || len(raw) < 4+8*count || [4]byte(raw) != [4]byte{0, 0, 0x16, kind} {
		return nil, codeError("ErrorInvalidIdMalformed", "")
	}
	if string(raw[4+8*count:]) != b.sam {
		return nil, codeError("ErrorAccessDenied", "")
	}
	numbers := make([]uint64, count)
	for i := range numbers {
		numbers[i] = binary.BigEndian.Uint64(raw[4+8*i:])
	}
	return numbers, nil
}

func (b *mailbox) itemID(it *item) *elem {
	return el("t:ItemId").attr("Id", makeID('I', b.sam, it.id), "ChangeKey", changeKey(it.change))
}

func (b *mailbox) folderID(element, name string) *elem {
	i := slices.IndexFunc(folders(), func(f folder) bool { return f.name == name })
	return el(element).attr("Id", makeID('F', b.sam, uint64(i)), "ChangeKey", changeKey(uint64(i)+1))
}

func changeKey(n uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte("\x09\x00\x00\x00\x16\x00\x00\x00"), n))
}

// findItem returns the item of an ItemId element.
func (b *mailbox) findItem(n *node) (*item, error) {
	if n.Name.Local != "t:ItemId" {
		return nil, codeError("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange", "The lab has no recurring items.")
	}
	numbers, err := b.readID(attr(n, "Id"), 'I', 1)
	if err != nil {
		return nil, err
	}
	if it := b.byID[numbers[0]]; it != nil {
		return it, nil
	}
	return nil, codeError("ErrorItemNotFound", "")
}

// findFolder returns the folder of a FolderId or DistinguishedFolderId element.
func (b *mailbox) findFolder(n *node) (folder, error) {
	switch n.Name.Local {
	case "t:DistinguishedFolderId":
		if m := child(n, "t:Mailbox", "t:EmailAddress"); m != nil && !strings.EqualFold(m.Value(), b.mail) {
			return folder{}, codeError("ErrorAccessDenied", "") // no user has access to another user's mailbox
		}
		if name := attr(n, "Id"); name != "history" {
			if f, ok := b.folder(name); ok {
				return f, nil
			}
		}
	case "t:FolderId":
		numbers, err := b.readID(attr(n, "Id"), 'F', 1)
		if err != nil {
			return folder{}, err
		}
		if all := folders(); numbers[0] < uint64(len(all)) {
			if f, ok := b.folder(all[numbers[0]].name); ok {
				return f, nil
			}
		}
	}
	return folder{}, codeError("ErrorFolderNotFound", "")
}

// day returns midnight of t's day in UTC.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
