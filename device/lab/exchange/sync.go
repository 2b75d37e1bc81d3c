package exchange

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
)

// Synchronisation ([MS-OXWSSYNC]): a state is two marks. All changes up to the
// first are known to the client, and of the round after it those up to the second.

type syncState struct {
	folder       string
	base, cursor uint64
}

// String returns the state as a client gets it.
func (st syncState) String() string {
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, st.base), st.cursor)
	return base64.StdEncoding.EncodeToString(append(b, st.folder...))
}

// syncStateOf reads the SyncState of the request, which may be absent or empty.
func (c *ewsRequest) syncStateOf(folder string) (syncState, error) {
	v := child(c.body, "m:SyncState").Value()
	if v == "" {
		return syncState{folder: folder}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(v)
	if err != nil || len(raw) < 16 || string(raw[16:]) != folder {
		return syncState{}, codeError("ErrorInvalidSyncStateData", "")
	}
	st := syncState{folder, binary.BigEndian.Uint64(raw), binary.BigEndian.Uint64(raw[8:])}
	if st.base > st.cursor || st.cursor > c.s.lastID || st.base > 0 && st.base < c.mailbox.forgotten {
		return syncState{}, codeError("ErrorInvalidSyncStateData", "")
	}
	return st, nil
}

// change is a change of a folder. item is nil if an item has left.
type change struct {
	mark, id uint64
	item     *item
}

// changesSince returns the changes of a folder that st does not know, oldest
// first.
func (b *mailbox) changesSince(st syncState) []change {
	var all []change
	for _, it := range b.itemsIn(st.folder) {
		if it.change > st.cursor {
			all = append(all, change{it.change, it.id, it})
		}
	}
	for _, d := range b.left {
		if d.folder == st.folder && d.mark > st.cursor && st.base > 0 {
			all = append(all, change{mark: d.mark, id: d.id})
		}
	}
	slices.SortFunc(all, func(x, y change) int { return cmp.Compare(x.mark, y.mark) })
	return all
}

func (c *ewsRequest) syncFolderItems() ([]*elem, error) {
	m, err := c.syncItems()
	if err != nil {
		m = failure(c.op, err)
	}
	return []*elem{m}, nil
}

func (c *ewsRequest) syncItems() (*elem, error) {
	f, err := c.target("m:SyncFolderId", "", "ErrorSyncFolderNotFound")
	if err != nil {
		return nil, err
	}
	if f.element == "SearchFolder" {
		return nil, codeError("ErrorInvalidFolderTypeForOperation", "")
	}
	st, err := c.syncStateOf(f.name)
	if err != nil {
		return nil, err
	}
	ignored := map[uint64]bool{}
	if n := child(c.body, "m:Ignore"); n != nil {
		for _, id := range n.Children {
			numbers, err := c.mailbox.readID(attr(id, "Id"), 'I', 1)
			if err != nil {
				return nil, err
			}
			ignored[numbers[0]] = true
		}
	}
	all := c.mailbox.changesSince(st)
	limit, _ := strconv.Atoi(child(c.body, "m:MaxChangesReturned").Value()) // the schema has checked it
	part := all[:min(limit, len(all))]
	list := el("m:Changes")
	for _, ch := range part {
		if !ignored[ch.id] {
			list.add(c.changeElement(ch, st))
		}
		st.cursor = ch.mark
	}
	last := len(part) == len(all)
	isLast := tx("m:IncludesLastItemInRange", strconv.FormatBool(last))
	if last { // the next round begins
		st.base, st.cursor = c.s.lastID, c.s.lastID
	}
	return success(c.op, tx("m:SyncState", st.String()), isLast, list), nil
}

// changeElement returns the element of a change for a client whose round began
// with st.
func (c *ewsRequest) changeElement(ch change, st syncState) *elem {
	sh := shapeOf(child(c.body, "m:ItemShape"), true)
	switch it := ch.item; {
	case it == nil:
		return el("t:Delete", el("t:ItemId").attr("Id", makeID('I', c.mailbox.sam, ch.id)))
	case it.id > st.base:
		return el("t:Create", sh.write(c.mailbox, it))
	case it.updated > st.base:
		return el("t:Update", sh.write(c.mailbox, it))
	default:
		return el("t:ReadFlagChange", c.mailbox.itemID(it), tx("t:IsRead", it.values["message:IsRead"]))
	}
}

// syncFolderHierarchy returns all folders to a client without a state, and then
// no change, since the lab does not change folders.
func (c *ewsRequest) syncFolderHierarchy() ([]*elem, error) {
	f, err := c.target("m:SyncFolderId", "root", "ErrorSyncFolderNotFound")
	if err != nil {
		return []*elem{failure(c.op, err)}, nil
	}
	st, err := c.syncStateOf("hierarchy/" + f.name)
	if err != nil {
		return []*elem{failure(c.op, err)}, nil
	}
	sh := shapeOf(child(c.body, "m:FolderShape"), false)
	list := el("m:Changes")
	if st.base == 0 {
		for _, below := range c.mailbox.children(f.name, true) {
			list.add(el("t:Create", folderView{c.mailbox, below}.write(sh)))
		}
	}
	st.base, st.cursor = c.s.lastID, c.s.lastID
	return []*elem{success(c.op, tx("m:SyncState", st.String()), tx("m:IncludesLastFolderInRange", "true"), list)}, nil
}
