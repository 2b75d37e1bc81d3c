package exchange

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/lab/directory"
)

// maxResolutions is the maximum number of results of ResolveNames
// (docs/protocol/exchange-contacts.md#contacts).
const maxResolutions = 100

// resolveNames searches the directory and the user's contacts.
func (c *ewsRequest) resolveNames() ([]*elem, error) {
	full, _ := parseBoolean(attr(c.body, "ReturnFullContactData"))
	entry := strings.ToLower(child(c.body, "m:UnresolvedEntry").Value())
	for _, prefix := range []string{"smtp:", "sip:"} {
		entry = strings.TrimPrefix(entry, prefix)
	}
	if strings.Trim(entry, " ,-") == "" {
		return []*elem{failure(c.op, codeError("ErrorInvalidNameForNameResolution", ""))}, nil
	}
	if err := c.checkResolveFolders(); err != nil {
		return []*elem{failure(c.op, err)}, nil
	}
	scope := cmp.Or(attr(c.body, "SearchScope"), "ActiveDirectoryContacts")
	var found []*elem
	if scope != "Contacts" {
		for _, u := range c.s.dir.Users() {
			if u.Mail != "" && nameMatches(entry, u.DisplayName, u.SAM, u.Mail) {
				found = append(found, resolution(u, full))
			}
		}
	}
	if scope != "ActiveDirectory" {
		contacts := c.resolveContacts(entry, full)
		if scope == "ContactsActiveDirectory" { // the order of the search
			found, contacts = contacts, found
		}
		found = append(found, contacts...)
	}
	if len(found) == 0 {
		return []*elem{failure(c.op, codeError("ErrorNameResolutionNoResults", ""))}, nil
	}
	total := len(found)
	found = found[:min(total, maxResolutions)]
	set := el("m:ResolutionSet", found...).attr(
		"TotalItemsInView", strconv.Itoa(total),
		"IncludesLastItemInRange", strconv.FormatBool(total == len(found)))
	if total == 1 {
		return []*elem{success(c.op, set)}, nil
	}
	const code = "ErrorNameResolutionMultipleResults"
	return []*elem{el("m:ResolveNamesResponseMessage",
		tx("m:MessageText", messageText(code)),
		tx("m:ResponseCode", code),
		tx("m:DescriptiveLinkKey", "0"),
		set,
	).attr("ResponseClass", "Warning")}, nil
}

// checkResolveFolders checks the ParentFolderIds of ResolveNames: the user's
// Contacts are the only contacts folder.
func (c *ewsRequest) checkResolveFolders() error {
	list := child(c.body, "m:ParentFolderIds")
	if list == nil {
		return nil
	}
	if len(list.Children) > 1 {
		return codeError("ErrorResolveNamesOnlyOneContactsFolderAllowed", "")
	}
	f, err := c.mailbox.findFolder(list.Children[0])
	if err == nil && f.element != "ContactsFolder" {
		return codeError("ErrorResolveNamesInvalidFolderType", "")
	}
	return err
}

// resolveContacts searches the user's contacts.
func (c *ewsRequest) resolveContacts(entry string, full bool) []*elem {
	var found []*elem
	sh := shape{base: "Default", find: true}
	for _, it := range c.mailbox.itemsIn("contacts") {
		name, mail := it.values["contacts:DisplayName"], it.values["contacts:EmailAddress:EmailAddress1"]
		if !nameMatches(entry, name, it.values["contacts:FileAs"], mail) {
			continue
		}
		r := el("t:Resolution", el("t:Mailbox", tx("t:Name", name), tx("t:EmailAddress", mail),
			tx("t:RoutingType", "SMTP"), tx("t:MailboxType", "Contact"), c.mailbox.itemID(it)))
		if full {
			r.add(sh.write(c.mailbox, it))
		}
		found = append(found, r)
	}
	return found
}

// nameMatches reports whether entry is a prefix of a name or address, or of one of
// its words (ambiguous name resolution).
func nameMatches(entry string, names ...string) bool {
	for _, n := range names {
		n = strings.ToLower(n)
		if strings.HasPrefix(n, entry) || strings.Contains(n, " "+entry) {
			return true
		}
	}
	return false
}

func resolution(u directory.User, full bool) *elem {
	r := el("t:Resolution", el("t:Mailbox",
		tx("t:Name", u.DisplayName),
		tx("t:EmailAddress", u.Mail),
		tx("t:RoutingType", "SMTP"),
		tx("t:MailboxType", "Mailbox")))
	if full {
		given, sur, _ := strings.Cut(u.DisplayName, " ")
		contact := el("t:Contact", tx("t:DisplayName", u.DisplayName), tx("t:GivenName", given),
			el("t:EmailAddresses", tx("t:Entry", "SMTP:"+u.Mail).attr("Key", "EmailAddress1")))
		if u.LineURI != "" {
			contact.add(el("t:PhoneNumbers", tx("t:Entry", strings.TrimPrefix(u.LineURI, "tel:")).attr("Key", "BusinessPhone")))
		}
		r.add(contact.add(tx("t:ContactSource", "ActiveDirectory"), tx("t:Surname", sur)))
	}
	return r
}

// convertID converts ids to other formats
// (docs/protocol/exchange-um.md#entry-ids-for-play-on-phone). In the lab an entry
// id has the bytes of the EWS id, so that the UM web service finds the item. Any
// Mailbox is accepted, and the answer has the user's own: DavMail finds the
// address in that way.
func (c *ewsRequest) convertID() ([]*elem, error) {
	to := attr(c.body, "DestinationFormat")
	return c.forEach("m:SourceIds", func(n *node) (*elem, error) {
		if n.Name.Local != "t:AlternateId" { // the lab has no public folders
			return nil, codeError("ErrorInvalidIdMalformed", "")
		}
		raw, err := base64.StdEncoding.DecodeString(attr(n, "Id"))
		if attr(n, "Format") == "HexEntryId" {
			raw, err = hex.DecodeString(attr(n, "Id"))
		}
		if err != nil {
			return nil, codeError("ErrorInvalidIdMalformed", "")
		}
		id := base64.StdEncoding.EncodeToString(raw)
		if to == "HexEntryId" {
			id = strings.ToUpper(hex.EncodeToString(raw))
		}
		return success(c.op, el("m:AlternateId").attr(
			"xmlns:xsi", nsXSI,
			"xsi:type", "t:AlternateIdType",
			"Format", to,
			"Id", id,
			"Mailbox", c.mailbox.mail)), nil
	}), nil
}
