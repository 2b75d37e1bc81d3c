package exchange

import (
	"slices"
	"strconv"
)

func (c *ewsRequest) getFolder() ([]*elem, error) {
	sh := shapeOf(child(c.body, "m:FolderShape"), false)
	return c.forEach("m:FolderIds", func(id *node) (*elem, error) {
		f, err := c.mailbox.findFolder(id)
		if err != nil {
			return nil, err
		}
		view := folderView{c.mailbox, f}
		for _, path := range sh.paths {
			if _, ok := view.kindOf(path); !ok {
				return nil, codeError("ErrorInvalidPropertyRequest", "")
			}
		}
		return success(c.op, el("m:Folders", view.write(sh))), nil
	}), nil
}

// folderProperty is a property of folders, in the order of
// docs/protocol/exchange-ews.md#mailbox-folders.
type folderProperty struct {
	uri       string
	mapi      string // of MAPI with the same value, as extendedKey
	kind      *kind
	inDefault bool // in the BaseShape Default
	value     func(folderView) string
}

// folderProperties are those of [MS-OXCFOLD] and, for 0x670a, [MS-OXPROPS] 2.776.
func folderProperties() []folderProperty {
	return []folderProperty{
		{"FolderClass", "0x3613 String", text, false, func(v folderView) string { return v.f.class }},
		{"DisplayName", "0x3001 String", text, true, func(v folderView) string { return v.f.display }},
		{"TotalCount", "0x3602 Integer", number, true, func(v folderView) string {
			return strconv.Itoa(len(v.box.itemsIn(v.f.name)))
		}},
		{"ChildFolderCount", "", number, true, func(v folderView) string {
			return strconv.Itoa(len(v.box.children(v.f.name, false)))
		}},
		{"", "0x360a Boolean", boolean, false, func(v folderView) string {
			return strconv.FormatBool(len(v.box.children(v.f.name, false)) > 0)
		}},
		{"", "0x670a SystemTime", dateTime, false, func(v folderView) string { return v.box.lastChange(v.f.name) }},
		{"UnreadCount", "0x3603 Integer", number, true, func(v folderView) string {
			return strconv.Itoa(v.box.unread(v.f.name))
		}},
	}
}

// folderView is a folder with its properties.
type folderView struct {
	box *mailbox
	f   folder
}

// find returns the property that path names.
func (folderView) find(path *node) (folderProperty, bool) {
	all := folderProperties()
	i := slices.IndexFunc(all, func(p folderProperty) bool {
		if path.Name.Local == "t:ExtendedFieldURI" {
			return p.mapi == extendedKey(path)
		}
		return p.uri != "" && "folder:"+p.uri == attr(path, "FieldURI")
	})
	if i < 0 {
		return folderProperty{}, false
	}
	return all[i], true
}

// kindOf returns text for a property that no folder of the lab has.
func (v folderView) kindOf(path *node) (*kind, bool) {
	if p, ok := v.find(path); ok {
		return p.kind, true
	}
	isFolders := path.Name.Local == "t:ExtendedFieldURI" || otherURI("folder", attr(path, "FieldURI"))
	return text, isFolders
}

func (v folderView) get(path *node) (string, bool) {
	p, ok := v.find(path)
	if !ok || path.Name.Local == "t:FieldURI" && !v.has(p.uri) {
		return "", false
	}
	value := p.value(v)
	return value, value != ""
}

// has reports whether the folder's type has an element: folders of contacts and
// appointments have no UnreadCount (docs/protocol/exchange-ews.md#mailbox-folders).
func (v folderView) has(element string) bool {
	return element != "UnreadCount" || v.f.element != "ContactsFolder" && v.f.element != "CalendarFolder"
}

// write returns the element of the folder.
func (v folderView) write(sh shape) *elem {
	wants := func(element string, inDefault bool) bool {
		return sh.base == "AllProperties" || sh.base == "Default" && inDefault ||
			slices.ContainsFunc(sh.paths, func(n *node) bool { return pathOf(n) == "folder:"+element })
	}
	e := el("t:"+v.f.element, v.box.folderID("t:FolderId", v.f.name))
	if wants("ParentFolderId", false) && v.f.parent != "" {
		e.add(v.box.folderID("t:ParentFolderId", v.f.parent))
	}
	for _, p := range folderProperties() {
		if p.uri == "UnreadCount" { // the schema has these before it
			e.add(sh.extended(v)...)
			if wants("EffectiveRights", false) {
				e.add(effectiveRights(true))
			}
		}
		if value := p.value(v); p.uri != "" && value != "" && wants(p.uri, p.inDefault) && v.has(p.uri) {
			e.add(tx("t:"+p.uri, value))
		}
	}
	return e
}

// children returns the folders below name, in the order of folders; deep includes
// all levels.
func (b *mailbox) children(name string, deep bool) []folder {
	var l []folder
	for _, f := range folders() {
		if f.parent != name || f.name == "voicemail" && !b.um {
			continue
		}
		l = append(l, f)
		if deep {
			l = append(l, b.children(f.name, true)...)
		}
	}
	return l
}

func (c *ewsRequest) findFolder() ([]*elem, error) {
	sh := shapeOf(child(c.body, "m:FolderShape"), false)
	return c.forEach("m:ParentFolderIds", func(id *node) (*elem, error) { return c.foldersIn(sh, id) }), nil
}

func (c *ewsRequest) foldersIn(sh shape, id *node) (*elem, error) {
	parent, err := c.mailbox.findFolder(id)
	if err != nil {
		return nil, err
	}
	if err := judge(c.body, folderView{}); err != nil {
		return nil, err
	}
	var all []folder // none is soft-deleted, since the lab deletes no folders
	if t := attr(c.body, "Traversal"); t != "SoftDeleted" {
		all = c.mailbox.children(parent.name, t == "Deep")
	}
	found := restrict(all, c.body, func(f folder) propertied { return folderView{c.mailbox, f} })
	root := el("m:RootFolder")
	part, last, err := page(found, c.body, 0, root)
	if err != nil {
		return nil, err
	}
	list := el("t:Folders")
	for _, f := range part {
		list.add(folderView{c.mailbox, f}.write(sh))
	}
	root.attr("TotalItemsInView", strconv.Itoa(len(found)), "IncludesLastItemInRange", strconv.FormatBool(last))
	return success(c.op, root.add(list)), nil
}
