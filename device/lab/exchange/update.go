package exchange

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

func (c *ewsRequest) updateItem() ([]*elem, error) {
	return c.forEach("m:ItemChanges", func(change *node) (*elem, error) {
		it, err := c.mailbox.findItem(change.Children[0])
		if err != nil {
			return nil, err
		}
		if err := c.checkUpdate(it, attr(change.Children[0], "ChangeKey")); err != nil {
			return nil, err
		}
		changed := *it
		changed.values, changed.extended = maps.Clone(it.values), maps.Clone(it.extended)
		onlyRead := true
		for _, u := range change.Children[1].Children {
			if err := changed.update(u); err != nil {
				return nil, err
			}
			onlyRead = onlyRead && pathOf(u.Children[0]) == "message:IsRead"
		}
		if err := changed.checkTimes(c.s.Clock.Now()); err != nil {
			return nil, err
		}
		it.values, it.extended = changed.values, changed.extended
		c.mailbox.markChanged(it, onlyRead)
		items := el("m:Items", el("t:"+it.element, c.mailbox.itemID(it)))
		return success(c.op, items, el("m:ConflictResults", tx("t:Count", "0"))), nil
	}), nil
}

// checkUpdate checks the attributes of UpdateItem for an item, and its change key.
func (c *ewsRequest) checkUpdate(it *item, key string) error {
	overwrite := attr(c.body, "ConflictResolution") == "AlwaysOverwrite"
	switch {
	case it.element == "Message" && attr(c.body, "MessageDisposition") == "":
		return codeError("ErrorMessageDispositionRequired", "")
	case it.element == "CalendarItem" && attr(c.body, "SendMeetingInvitationsOrCancellations") == "":
		return codeError("ErrorSendMeetingInvitationsOrCancellationsRequired", "")
	case !overwrite && key == "":
		return codeError("ErrorChangeKeyRequiredForWriteOperations", "")
	case !overwrite && key != changeKey(it.change):
		return codeError("ErrorIrresolvableConflict", "")
	}
	return c.checkDisposition(it.element)
}

// update applies a SetItemField, AppendToItemField or DeleteItemField. The path
// and the item element name the same property.
func (it *item) update(u *node) error {
	path := u.Children[0]
	p, ok := propertyOf(it.element, path)
	switch {
	case !ok:
		return codeError("ErrorInvalidPropertyRequest", "")
	case u.Name.Local == "t:DeleteItemField":
		return it.delete(p, path)
	case u.Name.Local == "t:AppendToItemField" && !p.kind.appends:
		return codeError("ErrorInvalidPropertyAppend", "")
	case p.readOnly, p.kind.entries && path.Name.Local == "t:FieldURI":
		return notSet(p)
	}
	set := u.Children[1]
	switch {
	case set.Name.Local != "t:"+it.element && set.Name.Local != "t:Item":
		return codeError("ErrorUpdatePropertyMismatch", "")
	case len(set.Children) != 1:
		return codeError("ErrorIncorrectUpdatePropertyCount", "")
	case !sets(set.Children[0], p, path):
		return codeError("ErrorUpdatePropertyMismatch", "")
	case u.Name.Local == "t:AppendToItemField":
		return it.append(p, set.Children[0])
	}
	return p.kind.read(it, p, set.Children[0])
}

// sets reports whether n, a child of an item element, has exactly the property p,
// or the part of it that path names.
func sets(n *node, p property, path *node) bool {
	switch {
	case n.Name.Local != "t:"+p.element:
		return false
	case p.kind == extended:
		return extendedKey(n.Children[0]) == extendedKey(path)
	case !p.kind.entries:
		return true
	case len(n.Children) != 1 || attr(n.Children[0], "Key") != attr(path, "FieldIndex"):
		return false
	}
	part := strings.TrimPrefix(attr(path, "FieldURI"), p.uri)
	entry := n.Children[0].Children
	return part == "" || len(entry) == 1 && ":"+strings.TrimPrefix(entry[0].Name.Local, "t:") == part
}

// append adds the value in n to that of a property.
func (it *item) append(p property, n *node) error {
	before, beforeType := it.values[p.uri], cmp.Or(it.values[bodyType], "Text")
	if err := p.kind.read(it, p, n); err != nil || before == "" {
		return err
	}
	switch {
	case p.kind != body:
		it.values[p.uri] = before + listSeparator + it.values[p.uri]
	case beforeType != it.values[bodyType]:
		return codeError("ErrorInvalidPropertyAppend", "The body is of the type "+beforeType+".")
	default:
		it.values[p.uri] = before + it.values[p.uri]
	}
	if len(it.values[p.uri]) > maxBody { // as long as one request can make it
		return codeError("ErrorDataSizeLimitExceeded", "The property would be longer than the lab stores.")
	}
	return nil
}

// delete removes the property p, or the part of it that path names.
func (it *item) delete(p property, path *node) error {
	switch {
	case p.kind == extended:
		return it.deleteExtended(path)
	case p.readOnly, p.kind == unsupported, p.kind == mimeContent, p.kind.flag,
		p.kind.entries && path.Name.Local == "t:FieldURI",
		slices.Contains([]string{"item:ItemClass", "calendar:Start", "calendar:End"}, p.uri):
		return codeError("ErrorInvalidPropertyDelete", "")
	}
	delete(it.values, pathOf(path))
	return nil
}
