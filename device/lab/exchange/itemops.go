package exchange

import (
	"cmp"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"time"
)

func (c *ewsRequest) getItem() ([]*elem, error) {
	sh := shapeOf(child(c.body, "m:ItemShape"), false)
	return c.forEach("m:ItemIds", func(id *node) (*elem, error) {
		it, err := c.mailbox.findItem(id)
		if err != nil {
			return nil, err
		}
		if err := sh.check(it.element); err != nil {
			return nil, err
		}
		return success(c.op, el("m:Items", sh.write(c.mailbox, it))), nil
	}), nil
}

// forEach returns one response message for each child of list, in their order.
func (c *ewsRequest) forEach(list string, do func(*node) (*elem, error)) (messages []*elem) {
	for _, k := range child(c.body, list).Children {
		m, err := do(k)
		if err != nil {
			m = failure(c.op, err)
		}
		messages = append(messages, m)
	}
	return messages
}

func (b *mailbox) attachmentID(it *item, i int) *elem {
	return el("t:AttachmentId").attr("Id", makeID('A', b.sam, it.id, uint64(i)))
}

func (c *ewsRequest) getAttachment() ([]*elem, error) {
	f := c.s.Faults()
	return c.forEach("m:AttachmentIds", func(id *node) (*elem, error) {
		numbers, err := c.mailbox.readID(attr(id, "Id"), 'A', 2)
		if err != nil {
			return nil, err
		}
		it := c.mailbox.byID[numbers[0]]
		if it == nil || numbers[1] >= uint64(len(it.attachments)) {
			return nil, codeError("ErrorInvalidAttachmentId", "")
		}
		a := it.attachments[numbers[1]]
		content := &elem{name: "t:Content", stream: func(w io.Writer) error {
			switch {
			case f.CorruptBase64:
				_, err := io.WriteString(w, "UklGR*** this is no base64 ***")
				return err
			case f.HugeAttachment > 0:
				return encode(w, io.LimitReader(endless(0), f.HugeAttachment))
			}
			return encode(w, strings.NewReader(string(a.content())))
		}}
		return success(c.op, el("m:Attachments", el("t:FileAttachment", c.mailbox.attachmentID(it, int(numbers[1])),
			tx("t:Name", a.name), tx("t:ContentType", a.contentType), content))), nil
	}), nil
}

// endless is an endless reader of one byte.
type endless byte

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

func encode(w io.Writer, r io.Reader) error {
	enc := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := io.Copy(enc, r); err != nil {
		return err
	}
	return enc.Close()
}

// newItem is what CreateItem does with an element of an item.
type newItem struct {
	class      string // of the item, unless the request says so
	prefix     string // of every class that it can have
	folder     string // where it is saved unless the request says so
	folderType string // element of the folders that can hold it; "" any but search folders
	wrongType  string // the code for another folder
	attribute  string // required of the request
	missing    string // the code without it
}

var newItems = map[string]newItem{
	"Message": {
		class:     "IPM.Note",
		prefix:    "IPM",
		folder:    "drafts",
		wrongType: "ErrorInvalidFolderTypeForOperation",
		attribute: "MessageDisposition",
		missing:   "ErrorMessageDispositionRequired",
	},
	"Contact": {
		class:      classContact,
		prefix:     classContact,
		folder:     "contacts",
		folderType: "ContactsFolder",
		wrongType:  "ErrorCannotCreateContactInNonContactFolder",
	},
	"CalendarItem": {
		class:      classAppointment,
		prefix:     classAppointment,
		folder:     "calendar",
		folderType: "CalendarFolder",
		wrongType:  "ErrorCannotCreateCalendarItemInNonCalendarFolder",
		attribute:  "SendMeetingInvitations",
		missing:    "ErrorSendMeetingInvitationsRequired",
	},
}

func (c *ewsRequest) createItem() ([]*elem, error) {
	return c.forEach("m:Items", func(n *node) (*elem, error) {
		it, err := c.makeItem(n)
		if err != nil {
			return nil, err
		}
		c.mailbox.add(it)
		return success(c.op, el("m:Items", el("t:"+it.element, c.mailbox.itemID(it)))), nil
	}), nil
}

// makeItem returns the item that n, a child of Items, describes.
func (c *ewsRequest) makeItem(n *node) (*item, error) {
	element := strings.TrimPrefix(n.Name.Local, "t:")
	rules, ok := newItems[element]
	if !ok {
		return nil, codeError("ErrorInvalidItemForOperationCreateItem", "")
	}
	if rules.attribute != "" && attr(c.body, rules.attribute) == "" {
		return nil, codeError(rules.missing, "")
	}
	if err := c.checkDisposition(element); err != nil {
		return nil, err
	}
	f, err := c.target("m:SavedItemFolderId", rules.folder, "ErrorSavedItemFolderNotFound")
	if err != nil {
		return nil, err
	}
	if f.element == "SearchFolder" || rules.folderType != "" && f.element != rules.folderType {
		return nil, codeError(rules.wrongType, "")
	}
	if len(c.mailbox.items) >= maxItems {
		return nil, codeError("ErrorQuotaExceeded", "")
	}
	it := &item{element: element, folder: f.name, values: map[string]string{}, extended: map[string]string{}}
	if element == "Message" {
		it.values["message:IsRead"], it.values["item:IsDraft"] = "true", "true"
	}
	if err := it.setProperties(n); err != nil {
		return nil, err
	}
	it.values["item:ItemClass"] = cmp.Or(it.values["item:ItemClass"], rules.class)
	if !classIs(it.values["item:ItemClass"], rules.prefix) {
		return nil, codeError("ErrorObjectTypeChanged", "")
	}
	return it, it.checkTimes(c.s.Clock.Now())
}

// checkDisposition refuses to send: the lab has no transport.
func (c *ewsRequest) checkDisposition(element string) error {
	if d := attr(c.body, "MessageDisposition"); element == "Message" && d != "SaveOnly" {
		return codeError("ErrorInvalidOperation", "The lab sends no mail: use the MessageDisposition SaveOnly.")
	}
	return nil
}

// checkTimes gives a calendar item the times that it lacks, and checks their
// order.
func (it *item) checkTimes(now time.Time) error {
	if it.element != "CalendarItem" {
		return nil
	}
	start, err := parseTime(it.values["calendar:Start"])
	if err != nil {
		start = now.Truncate(30 * time.Minute)
	}
	end, err := parseTime(it.values["calendar:End"])
	if err != nil {
		end = start.Add(30 * time.Minute)
	}
	if end.Before(start) {
		return codeError("ErrorCalendarEndDateIsEarlierThanStartDate", "")
	}
	it.values["calendar:Start"], it.values["calendar:End"] = formatTime(start), formatTime(end)
	return nil
}

// setProperties sets the properties in n, an item element of a request. The schema
// has checked their form and order.
func (it *item) setProperties(n *node) error {
	all := itemElements[it.element]
	for _, k := range n.Children {
		i := slices.IndexFunc(all, func(p property) bool { return "t:"+p.element == k.Name.Local })
		if i < 0 {
			return codeError("ErrorInvalidPropertyRequest", "")
		}
		if all[i].readOnly {
			return notSet(all[i])
		}
		if err := all[i].kind.read(it, all[i], k); err != nil {
			return err
		}
	}
	return nil
}

func (c *ewsRequest) deleteItem() ([]*elem, error) {
	return c.forEach("m:ItemIds", func(id *node) (*elem, error) {
		it, err := c.mailbox.findItem(id)
		if err != nil {
			return nil, err
		}
		if it.element == "CalendarItem" && attr(c.body, "SendMeetingCancellations") == "" {
			return nil, codeError("ErrorSendMeetingCancellationsRequired", "")
		}
		switch attr(c.body, "DeleteType") {
		case "MoveToDeletedItems":
			c.mailbox.move(it, "deleteditems")
		case "SoftDelete":
			c.mailbox.softDelete(it)
		default:
			c.mailbox.remove(it)
		}
		return success(c.op), nil
	}), nil
}

func (c *ewsRequest) copyItem() ([]*elem, error) {
	return c.toFolder(func(it *item, to folder) (*item, error) {
		if len(c.mailbox.items) >= maxItems {
			return nil, codeError("ErrorQuotaExceeded", "")
		}
		return c.mailbox.copy(it, to.name), nil
	})
}

func (c *ewsRequest) moveItem() ([]*elem, error) {
	return c.toFolder(func(it *item, to folder) (*item, error) {
		c.mailbox.move(it, to.name)
		return it, nil
	})
}

// toFolder does something with each item and the folder of ToFolderId.
func (c *ewsRequest) toFolder(do func(it *item, to folder) (*item, error)) ([]*elem, error) {
	to, err := c.target("m:ToFolderId", "", "ErrorToFolderNotFound")
	if err == nil && to.element == "SearchFolder" {
		err = codeError("ErrorMoveCopyFailed", "")
	}
	return c.forEach("m:ItemIds", func(id *node) (*elem, error) {
		if err != nil {
			return nil, err
		}
		it, err := c.mailbox.findItem(id)
		if err != nil {
			return nil, err
		}
		if it, err = do(it, to); err != nil {
			return nil, err
		}
		return success(c.op, el("m:Items", el("t:"+it.element, c.mailbox.itemID(it)))), nil
	}), nil
}

// target returns the folder that the child name of the request names, or the one
// called otherwise if there is no such child. missing is the code if the folder
// does not exist.
func (c *ewsRequest) target(name, otherwise, missing string) (folder, error) {
	n := child(c.body, name)
	if n == nil {
		f, _ := c.mailbox.folder(otherwise)
		return f, nil
	}
	f, err := c.mailbox.findFolder(n.Children[0])
	if p, ok := err.(*responseError); ok && p.code == "ErrorFolderNotFound" {
		err = codeError(missing, "")
	}
	return f, err
}
