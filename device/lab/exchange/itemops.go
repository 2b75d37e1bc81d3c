package exchange

import (
	"encoding/base64"
	"io"
	"maps"
	"slices"
	"strings"
)

func (c *ewsRequest) getItem() ([]*elem, error) {
	sh := shapeOf(child(c.body, "m:ItemShape"), false)
	return c.forEach("m:ItemIds", func(id *node) (*elem, error) {
		it, err := c.mailbox.findItem(id)
		if err != nil {
			return nil, err
		}
		return success(c.op, el("m:Items", sh.write(c.mailbox, it))), nil
	})
}

// forEach returns one response message for each child of list, in their order.
func (c *ewsRequest) forEach(list string, do func(*node) (*elem, error)) ([]*elem, error) {
	messages := c.forAll(list, do)
	if len(messages) == 0 {
		return nil, schemaError(c.body, "the element '"+list+"' has incomplete content")
	}
	return messages, nil
}

// forAll is forEach for a list that may be empty.
func (c *ewsRequest) forAll(list string, do func(*node) (*elem, error)) (messages []*elem) {
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
			return nil, codeError("ErrorItemNotFound", "")
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
	})
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

func (c *ewsRequest) createItem() ([]*elem, error) {
	where := "drafts"
	saved := child(c.body, "m:SavedItemFolderId")
	if saved != nil && len(saved.Children) == 1 {
		f, err := c.mailbox.findFolder(saved.Children[0])
		if err != nil {
			return []*elem{failure(c.op, err)}, nil
		}
		where = f.name
	}
	return c.forEach("m:Items", func(n *node) (*elem, error) {
		element, own := strings.TrimPrefix(n.Name.Local, "t:"), where
		it := &item{element: element, folder: where, values: map[string]string{}, extended: map[string]extValue{}}
		switch element {
		case "Contact":
			it.values["item:ItemClass"], own = classContact, "contacts"
		case "CalendarItem":
			it.values["item:ItemClass"], own = classAppointment, "calendar"
		case "Message":
			it.values["item:ItemClass"], it.values["message:IsRead"] = "IPM.Note", "true"
			if attr(c.body, "MessageDisposition") == "" {
				return nil, codeError("ErrorMessageDispositionRequired", "")
			}
		default:
			return nil, codeError("ErrorInvalidItemForOperationCreateItem", "")
		}
		if saved == nil {
			it.folder = own
		}
		if it.folder == "voicemail" || it.folder == "root" || len(c.mailbox.items) >= maxItems {
			return nil, codeError("ErrorQuotaExceeded", "")
		}
		if err := it.setProperties(n); err != nil {
			return nil, err
		}
		c.mailbox.add(it)
		return success(c.op, el("m:Items", el("t:"+element, c.mailbox.itemID(it)))), nil
	})
}

// setProperties sets the properties in n, an item element of a request. They must
// be in the order of the schema.
func (it *item) setProperties(n *node) error {
	properties := propertiesOf(it.element)
	at := 0
	for _, k := range n.Children {
		i := slices.IndexFunc(properties[at:], func(p property) bool { return "t:"+p.element == k.Name.Local })
		if i < 0 {
			return invalidChild(n, k)
		}
		at += i
		if err := properties[at].kind.read(it, properties[at], k); err != nil {
			return err
		}
	}
	return nil
}

func (c *ewsRequest) updateItem() ([]*elem, error) {
	mode := attr(c.body, "ConflictResolution")
	if mode != "AlwaysOverwrite" && mode != "AutoResolve" && mode != "NeverOverwrite" {
		return nil, schemaError(c.body, "the required attribute 'ConflictResolution' is missing or unknown")
	}
	return c.forEach("m:ItemChanges", func(change *node) (*elem, error) {
		if len(change.Children) != 2 {
			return nil, codeError("ErrorInvalidRequest", "")
		}
		id := change.Children[0]
		it, err := c.mailbox.findItem(id)
		if err != nil {
			return nil, err
		}
		key := attr(id, "ChangeKey")
		switch {
		case it.element == "Message" && attr(c.body, "MessageDisposition") == "":
			return nil, codeError("ErrorMessageDispositionRequired", "")
		case mode != "AlwaysOverwrite" && key == "":
			return nil, codeError("ErrorChangeKeyRequiredForWriteOperations", "")
		case mode != "AlwaysOverwrite" && key != changeKey(it.change):
			return nil, codeError("ErrorIrresolvableConflict", "")
		}
		changed := *it
		changed.values, changed.extended = maps.Clone(it.values), maps.Clone(it.extended)
		for _, u := range change.Children[1].Children {
			if err := changed.update(u); err != nil {
				return nil, err
			}
		}
		it.values, it.extended = changed.values, changed.extended
		c.mailbox.markChanged(it)
		items := el("m:Items", el("t:"+it.element, c.mailbox.itemID(it)))
		return success(c.op, items, el("m:ConflictResults", tx("t:Count", "0"))), nil
	})
}

// update applies a SetItemField, AppendToItemField or DeleteItemField.
func (it *item) update(u *node) error {
	if u.Name.Local == "t:DeleteItemField" && len(u.Children) == 1 {
		delete(it.values, pathOf(u.Children[0]))
		delete(it.extended, extendedPath(u.Children[0]))
		return nil
	}
	if u.Name.Local != "t:SetItemField" && u.Name.Local != "t:AppendToItemField" || len(u.Children) != 2 {
		return schemaError(u, "'"+u.Name.Local+"' is no change of this form")
	}
	set := u.Children[1]
	// The item element has exactly the property that the path names.
	if set.Name.Local != "t:"+it.element && set.Name.Local != "t:Item" || len(set.Children) != 1 {
		return codeError("ErrorUpdatePropertyMismatch", "")
	}
	return it.setProperties(set)
}

func (c *ewsRequest) deleteItem() ([]*elem, error) {
	kind := attr(c.body, "DeleteType")
	if kind != "HardDelete" && kind != "SoftDelete" && kind != "MoveToDeletedItems" {
		return nil, schemaError(c.body, "the required attribute 'DeleteType' is missing or unknown")
	}
	return c.forEach("m:ItemIds", func(id *node) (*elem, error) {
		it, err := c.mailbox.findItem(id)
		if err != nil {
			return nil, err
		}
		switch {
		case it.element == "CalendarItem" && attr(c.body, "SendMeetingCancellations") == "":
			return nil, codeError("ErrorSendMeetingCancellationsRequired", "")
		case kind == "MoveToDeletedItems":
			c.mailbox.move(it, "deleteditems")
		default:
			c.mailbox.remove(it)
		}
		return success(c.op), nil
	})
}
