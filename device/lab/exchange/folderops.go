package exchange

import "strconv"

func (c *ewsRequest) getFolder() ([]*elem, error) {
	sh := shapeOf(child(c.body, "m:FolderShape"), false)
	return c.forAll("m:FolderIds", func(id *node) (*elem, error) {
		f, err := c.mailbox.findFolder(id)
		if err != nil {
			return nil, err
		}
		return success(c.op, el("m:Folders", c.folder(sh, f))), nil
	}), nil
}

// folder returns the element of a folder, in the order of
// docs/protocol/exchange-ews.md#mailbox-folders.
func (c *ewsRequest) folder(sh shape, f folder) *elem {
	e := el("t:"+f.element, c.mailbox.folderID("t:FolderId", f.name))
	want := func(uri string, inDefault bool) bool {
		ok, _ := sh.wants(property{uri: uri, inDefault: inDefault})
		return ok
	}
	if want("folder:ParentFolderId", false) && f.parent != "" {
		e.add(c.mailbox.folderID("t:ParentFolderId", f.parent))
	}
	for _, p := range []struct {
		uri, element string
		inDefault    bool
	}{
		{"folder:FolderClass", "FolderClass", false},
		{"folder:DisplayName", "DisplayName", true},
		{"folder:TotalCount", "TotalCount", true},
		{"folder:ChildFolderCount", "ChildFolderCount", true},
		{"folder:UnreadCount", "UnreadCount", true},
	} {
		if v, ok := (folderView{c.mailbox, f}).value(p.uri); ok && want(p.uri, p.inDefault) {
			e.add(tx("t:"+p.element, v))
		}
	}
	return e
}

// folderView makes the properties of a folder available to a Restriction.
type folderView struct {
	box *mailbox
	f   folder
}

func (v folderView) get(n *node) (string, bool) { return v.value(pathOf(n)) }

func (v folderView) value(uri string) (string, bool) {
	switch uri {
	case "folder:FolderClass":
		return v.f.class, v.f.class != ""
	case "folder:DisplayName":
		return v.f.display, true
	case "folder:TotalCount":
		return strconv.Itoa(len(v.box.itemsIn(v.f.name))), true
	case "folder:ChildFolderCount":
		return strconv.Itoa(len(v.box.children(v.f.name, false))), true
	case "folder:UnreadCount": // not of contacts and calendar (docs/protocol/exchange-ews.md#mailbox-folders)
		return strconv.Itoa(v.box.unread(v.f.name)), v.f.element != "ContactsFolder" && v.f.element != "CalendarFolder"
	}
	return "", false
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
	return c.forAll("m:ParentFolderIds", func(id *node) (*elem, error) { return c.foldersIn(sh, id) }), nil
}

func (c *ewsRequest) foldersIn(sh shape, id *node) (*elem, error) {
	parent, err := c.mailbox.findFolder(id)
	if err != nil {
		return nil, err
	}
	all := c.mailbox.children(parent.name, attr(c.body, "Traversal") == "Deep")
	found, err := restrict(all, c.body, func(f folder) propertied { return folderView{c.mailbox, f} })
	if err != nil {
		return nil, err
	}
	root, total, last := el("m:RootFolder"), len(found), true
	if view := child(c.body, "m:IndexedPageFolderView"); view != nil {
		var offset int
		if found, offset, last, err = page(found, view, 0); err != nil {
			return nil, err
		}
		root.attr("IndexedPagingOffset", strconv.Itoa(offset))
	}
	list := el("t:Folders")
	for _, f := range found {
		list.add(c.folder(sh, f))
	}
	root.attr("TotalItemsInView", strconv.Itoa(total), "IncludesLastItemInRange", strconv.FormatBool(last))
	return success(c.op, root.add(list)), nil
}
