package exchange

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/lab/directory"
)

// maxResolutions is how many ResolveNames tells (exchange.md 2.6).
const maxResolutions = 100

// resolveNames looks for persons in the directory and the user's contacts.
func (c *call) resolveNames() ([]*elem, error) {
	full, ok := truth(c.body.attr("ReturnFullContactData"))
	if !ok {
		return nil, invalid(&xmlError{"the required attribute 'ReturnFullContactData' is missing", c.body.line, c.body.col})
	}
	entry := strings.ToLower(c.body.kid("m:UnresolvedEntry").value())
	for _, prefix := range []string{"smtp:", "sip:"} {
		entry = strings.TrimPrefix(entry, prefix)
	}
	if entry == "" {
		return []*elem{failure(c.op, refusal("ErrorNameResolutionNoResults", ""))}, nil
	}
	scope := orDefault(c.body.attr("SearchScope"), "ActiveDirectoryContacts")
	var found []*elem
	if strings.Contains(scope, "ActiveDirectory") {
		for _, u := range c.s.dir.Users() {
			if u.Mail != "" && meant(entry, u.DisplayName, u.SAM, u.Mail) {
				found = append(found, resolution(u, full))
			}
		}
	}
	if strings.Contains(scope, "Contacts") {
		sh := shape{base: "Default", find: true}
		for _, it := range c.box.list("contacts") {
			name, mail := it.values["contacts:DisplayName"], it.values["contacts:EmailAddress:EmailAddress1"]
			if !meant(entry, name, it.values["contacts:FileAs"], mail) {
				continue
			}
			r := el("t:Resolution", el("t:Mailbox", tx("t:Name", name), tx("t:EmailAddress", mail), tx("t:RoutingType", "SMTP"),
				tx("t:MailboxType", "Contact"), c.box.itemID(it)))
			if full {
				r.add(sh.write(c.box, it))
			}
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return []*elem{failure(c.op, refusal("ErrorNameResolutionNoResults", ""))}, nil
	}
	total := len(found)
	found = found[:min(total, maxResolutions)]
	set := el("m:ResolutionSet", found...).at("TotalItemsInView", strconv.Itoa(total), "IncludesLastItemInRange", strconv.FormatBool(total == len(found)))
	if total == 1 {
		return []*elem{success(c.op, set)}, nil
	}
	return []*elem{el("m:ResolveNamesResponseMessage", tx("m:MessageText", sentence("ErrorNameResolutionMultipleResults")),
		tx("m:ResponseCode", "ErrorNameResolutionMultipleResults"), tx("m:DescriptiveLinkKey", "0"), set).at("ResponseClass", "Warning")}, nil
}

// meant is ambiguous name resolution: the entry begins a name, a word of it, or
// an address.
func meant(entry string, names ...string) bool {
	for _, n := range names {
		n = strings.ToLower(n)
		if strings.HasPrefix(n, entry) || strings.Contains(n, " "+entry) {
			return true
		}
	}
	return false
}

func resolution(u directory.User, full bool) *elem {
	r := el("t:Resolution", el("t:Mailbox", tx("t:Name", u.DisplayName), tx("t:EmailAddress", u.Mail), tx("t:RoutingType", "SMTP"), tx("t:MailboxType", "Mailbox")))
	if full {
		given, sur, _ := strings.Cut(u.DisplayName, " ")
		contact := el("t:Contact", tx("t:DisplayName", u.DisplayName), tx("t:GivenName", given),
			el("t:EmailAddresses", tx("t:Entry", "SMTP:"+u.Mail).at("Key", "EmailAddress1")))
		if u.LineURI != "" {
			contact.add(el("t:PhoneNumbers", tx("t:Entry", strings.TrimPrefix(u.LineURI, "tel:")).at("Key", "BusinessPhone")))
		}
		r.add(contact.add(tx("t:ContactSource", "ActiveDirectory"), tx("t:Surname", sur)))
	}
	return r
}

// convertID makes ids of other formats (exchange.md 2.9). In the lab an entry id
// is what the EWS id is made of, so the UM web service can find the item.
func (c *call) convertID() ([]*elem, error) {
	to := c.body.attr("DestinationFormat")
	return c.each("m:SourceIds", func(n *node) (*elem, error) {
		if n.name != "t:AlternateId" {
			return nil, refusal("ErrorInvalidIdMalformed", "")
		}
		if box := n.attr("Mailbox"); !strings.EqualFold(box, c.box.mail) {
			return nil, refusal("ErrorNonExistentMailbox", "")
		}
		raw, err := base64.StdEncoding.DecodeString(n.attr("Id"))
		if n.attr("Format") == "HexEntryId" {
			raw, err = hex.DecodeString(n.attr("Id"))
		}
		if err != nil {
			return nil, refusal("ErrorInvalidIdMalformed", "")
		}
		id := base64.StdEncoding.EncodeToString(raw)
		switch to {
		case "HexEntryId":
			id = strings.ToUpper(hex.EncodeToString(raw))
		case "EwsId", "EwsLegacyId", "EntryId", "StoreId", "OwaId":
		default:
			return nil, refusal("ErrorInvalidRequest", "")
		}
		return success(c.op, el("m:AlternateId").at("xmlns:xsi", nsXSI, "xsi:type", "t:AlternateIdType", "Format", to, "Id", id, "Mailbox", c.box.mail)), nil
	})
}
