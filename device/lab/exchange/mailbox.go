package exchange

import (
	"cmp"
	"fmt"
	"maps"
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

	left      []departure       // the newest last
	forgotten uint64            // mark of the newest departure that is not in left any more
	changed   map[string]string // by folder: time of its newest change
}

// departure records that an item has left a folder.
type departure struct {
	mark, id uint64
	folder   string
}

// item is an item of a folder.
type item struct {
	id, change  uint64 // both are marks: they grow with every change of the server
	updated     uint64 // change, at the newest change of more than IsRead
	softDeleted bool
	element     string // Message, Contact, CalendarItem
	folder      string
	values      map[string]string // by property uri, entries by uri and key, lists with listSeparator
	extended    map[string]string // by extendedKey; those that mapiProperties does not have
	attachments []attachment
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
		b = &mailbox{s: s, sam: key, byID: map[uint64]*item{}, changed: map[string]string{}}
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
	b.insert(it)
	b.notify("CreatedEvent", it, nil)
	return it
}

func (b *mailbox) insert(it *item) {
	it.id, it.change = b.s.nextID(), b.s.nextID()
	it.updated = it.change
	if it.extended == nil {
		it.extended = map[string]string{}
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
	if it.element == "CalendarItem" {
		setDefault("calendar:UID", fmt.Sprintf("%s-%d@%s", b.sam, it.id, b.s.dir.Domain()))
		setDefault("calendar:CalendarItemType", "Single")
		setDefault("calendar:IsRecurring", "false")
	}
	b.items = append(b.items, it)
	b.byID[it.id] = it
	b.changed[it.folder] = now
}

// markChanged gives a changed item a new change key and notifies the subscriptions.
func (b *mailbox) markChanged(it *item, onlyRead bool) {
	it.change = b.s.nextID()
	if !onlyRead {
		it.updated = it.change
	}
	now := formatTime(b.s.Clock.Now())
	it.values["item:LastModifiedTime"] = now
	b.changed[it.folder] = now
	b.notify("ModifiedEvent", it, nil)
}

// leave records that an item leaves its folder.
func (b *mailbox) leave(it *item) {
	b.left = append(b.left, departure{b.s.nextID(), it.id, it.folder})
	if len(b.left) > maxItems {
		b.forgotten = b.left[0].mark
		b.left = b.left[1:]
	}
	delete(b.byID, it.id)
	b.changed[it.folder] = formatTime(b.s.Clock.Now())
}

// remove deletes an item permanently.
func (b *mailbox) remove(it *item) {
	b.notify("DeletedEvent", it, nil)
	b.leave(it)
	b.items = slices.DeleteFunc(b.items, func(x *item) bool { return x == it })
}

// softDelete hides an item: only FindItem with the Traversal SoftDeleted finds it.
func (b *mailbox) softDelete(it *item) {
	b.notify("DeletedEvent", it, nil)
	b.leave(it)
	it.softDeleted = true
}

// move moves an item to another folder, which changes its Id
// (docs/protocol/exchange-ews.md#transport-and-envelope).
func (b *mailbox) move(it *item, to string) {
	old := b.oldID(it)
	b.leave(it)
	it.id, it.change, it.folder = b.s.nextID(), b.s.nextID(), to
	it.updated = it.change
	b.byID[it.id] = it
	b.changed[to] = formatTime(b.s.Clock.Now())
	b.notify("MovedEvent", it, old)
}

// copy copies an item into a folder and returns the copy.
func (b *mailbox) copy(it *item, to string) *item {
	old, c := b.oldID(it), *it
	c.values, c.extended, c.folder = maps.Clone(it.values), maps.Clone(it.extended), to
	b.insert(&c)
	b.notify("CopiedEvent", &c, old)
	return &c
}

// inFolder reports whether the item is in that folder.
func (it *item) inFolder(name string) bool {
	if it.softDeleted {
		return false
	}
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

// softDeletedIn returns the items that were soft-deleted in a folder.
func (b *mailbox) softDeletedIn(name string) []*item {
	var l []*item
	for _, it := range b.items {
		if it.softDeleted && it.folder == name {
			l = append(l, it)
		}
	}
	return l
}

// lastChange returns the time of the newest change in a folder; "" if there was
// none.
func (b *mailbox) lastChange(name string) string {
	if name == "voicemail" {
		name = "inbox"
	}
	return b.changed[name]
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

// day returns midnight of t's day in UTC.
func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
