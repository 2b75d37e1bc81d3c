package exchange

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device/lab/directory"
)

// Ids are opaque: a letter for the kind, numbers, the mailbox, and zeros up to the
// length of the Ids of Exchange, by which DavMail recognises them.

const idLength = 114 // octets: 152 characters

func makeID(kind byte, sam string, numbers ...uint64) string {
	b := []byte{0, 0, 0x16, kind}
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(b, sam...)
	return base64.StdEncoding.EncodeToString(append(b, make([]byte, idLength-len(b))...))
}

// readID returns the numbers of an Id; the errors are those of EWS.
func (b *mailbox) readID(id string, kind byte, count int) ([]uint64, error) {
	if id == "" {
		return nil, codeError("ErrorInvalidIdEmpty", "Id must be non-empty.")
	}
	raw, err := base64.StdEncoding.DecodeString(id)
	switch {
	case err != nil || len(raw) < 4+8 || [3]byte(raw) != [3]byte{0, 0, 0x16}:
		return nil, codeError("ErrorInvalidIdMalformed", "")
	case kind == 'I' && raw[3] == 'F':
		return nil, codeError("ErrorCannotUseFolderIdForItemId", "")
	case kind == 'F' && raw[3] == 'I':
		return nil, codeError("ErrorCannotUseItemIdForFolderId", "")
	case raw[3] != kind || len(raw) < 4+8*count:
		return nil, codeError("ErrorInvalidIdMalformed", "")
	}
	if strings.TrimRight(string(raw[4+8*count:]), "\x00") != b.sam {
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

// oldID returns the ids of an item that is moved or copied, for an event.
func (b *mailbox) oldID(it *item) []*elem {
	id := b.itemID(it)
	id.name = "t:OldItemId"
	return []*elem{id, b.folderID("t:OldParentFolderId", it.folder)}
}

func (b *mailbox) folderID(element, name string) *elem {
	i := slices.IndexFunc(folders(), func(f folder) bool { return f.name == name })
	return el(element).attr("Id", makeID('F', b.sam, uint64(i)), "ChangeKey", changeKey(uint64(i)+1))
}

func changeKey(n uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte("\x09\x00\x00\x00\x16\x00\x00\x00"), n))
}

// checkChangeKey checks the form of the ChangeKey of an id, if there is one.
func checkChangeKey(n *node) error {
	key, ok := n.FindAttr(xmlName("ChangeKey"))
	if raw, err := base64.StdEncoding.DecodeString(key); ok && (err != nil || len(raw) == 0) {
		return codeError("ErrorInvalidChangeKey", "")
	}
	return nil
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
	if err := checkChangeKey(n); err != nil {
		return nil, err
	}
	if it := b.byID[numbers[0]]; it != nil {
		return it, nil
	}
	return nil, codeError("ErrorItemNotFound", "")
}

// findFolder returns the folder of a FolderId or DistinguishedFolderId element.
func (b *mailbox) findFolder(n *node) (folder, error) {
	if err := checkChangeKey(n); err != nil {
		return folder{}, err
	}
	if n.Name.Local == "t:DistinguishedFolderId" {
		if err := b.checkOwner(child(n, "t:Mailbox")); err != nil {
			return folder{}, err
		}
		if f, ok := b.folder(attr(n, "Id")); ok {
			return f, nil
		}
		return folder{}, codeError("ErrorFolderNotFound", "")
	}
	numbers, err := b.readID(attr(n, "Id"), 'F', 1)
	if err != nil {
		return folder{}, err
	}
	if all := folders(); numbers[0] < uint64(len(all)) {
		if f, ok := b.folder(all[numbers[0]].name); ok {
			return f, nil
		}
	}
	return folder{}, codeError("ErrorFolderNotFound", "")
}

// checkOwner checks the Mailbox of a folder id: no user has access to another
// user's mailbox.
func (b *mailbox) checkOwner(n *node) error {
	address := child(n, "t:EmailAddress").Value()
	if err := checkRouting(n); err != nil {
		return err
	}
	switch {
	case n == nil, strings.EqualFold(address, b.mail):
		return nil
	case address == "":
		return codeError("ErrorMissingInformationEmailAddress", "")
	case !slices.ContainsFunc(b.s.dir.Users(), func(u directory.User) bool { return strings.EqualFold(u.Mail, address) }):
		return codeError("ErrorNonExistentMailbox", "")
	}
	return codeError("ErrorAccessDenied", "")
}
