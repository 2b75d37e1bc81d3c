package screen

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/screen/view"
)

// provisioningPage shows the settings that the pool provisions.
func provisioningPage() page {
	return &builtPage{id: "provisioning", title: "settings.provisioning", build: func(d pageContext, p *pageBuilder) {
		set := d.now.Settings
		if set == nil {
			p.add(view.Control{ID: "none", Role: view.Text, Text: d.say("provisioning.none"), Icon: view.IconInfo})
			return
		}
		p.settings(d)
		for i, odd := range set.Warnings {
			p.add(textLine("odd."+number(i), d.logLine(odd.String()), view.IconWarning, view.ToneWarn))
		}
		p.softKey("reload", d.say("reload"), view.IconRestart, (*Screen).reload)
	}}
}

// settings adds the most important settings.
func (p *pageBuilder) settings(d pageContext) {
	set := d.now.Settings
	allowed := func(yes bool) string {
		if yes {
			return d.say("provisioning.allowed")
		}
		return d.say("provisioning.notAllowed")
	}
	poll := d.say("provisioning.never")
	if set.Exchange.Poll > 0 {
		poll = d.span(set.Exchange.Poll)
	}
	media, updates := set.Media, set.Updates
	book, query, groups := set.AddressBook, set.AddressBookQuery, set.GroupExpansion
	p.labels(d.texts, "provisioning.",
		"email", cmp.Or(journal.Excerpt(set.PrimaryEmail), d.say("provisioning.noemail")),
		"profile", cmp.Or(journal.Excerpt(set.LocationProfile()), d.say("provisioning.default")),
		"lock", d.lockRule(set.Lock.Enforced, set.Lock.Idle, set.Lock.MinPINLength),
		"poll", poll,
		"sip", d.sayOr("logging."+string(set.SIPSecurity), string(set.SIPSecurity)),
		"encryption", d.sayOr("encryption."+string(media.Encryption), string(media.Encryption)),
		"ports", fmt.Sprintf("%d–%d", media.Ports.Min, media.Ports.Max),
		"priority", fmt.Sprintf("DSCP %d, 802.1p %d", set.QoS.DSCP, set.QoS.Priority),
		"ring", allowed(set.Policy.SimultaneousRing),
		"forwarding", allowed(set.Policy.CallForwarding),
		"voicemail", cmp.Or(journal.Excerpt(set.VoiceMailURI), d.say("provisioning.absent")),
		"addressBook", d.service(book.URL, book.Enabled, book.Internal, book.External),
		"query", d.service(query.URL, query.Enabled, query.Internal, query.External),
		"groups", d.service(groups.URL, groups.Enabled, groups.Internal, groups.External),
		"updates", d.service(updates.URL, updates.Enabled, updates.Internal, updates.External))
}

// lockRule says when the phone locks itself.
func (d pageContext) lockRule(enforced bool, idle time.Duration, digits int) string {
	switch {
	case !enforced:
		return d.say("provisioning.lock.never")
	case idle == 0:
		return d.say("provisioning.lock.demand", "Digits", digits)
	}
	return d.say("provisioning.lock.after", "Time", d.span(idle), "Digits", digits)
}

// service is the address of a web service, or why it is not used; "": the pool does
// not name it.
func (d pageContext) service(url string, enabled bool, addresses ...string) string {
	switch {
	case url != "":
		return journal.Excerpt(url)
	case enabled:
		return d.say("provisioning.noaddress")
	case strings.Join(addresses, "") != "":
		return d.say("provisioning.off")
	}
	return ""
}
