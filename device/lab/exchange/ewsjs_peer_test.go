//go:build realpeers && linux

package exchange_test

import (
	"encoding/json"
	"testing"

	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/peer"
)

// ewsjs asks what Microsoft's own client library would, whose port to
// JavaScript it uses. All names are at one address.
const ewsjs = `
const dns = require('dns');
const arg = JSON.parse(process.argv[2]);
dns.lookup = (host, options, done) => options && options.all ? done(null, [{address: arg.addr, family: 4}]) : done(null, arg.addr, 4);
const ews = require('ews-javascript-api');
const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2007_SP1);
service.Url = new ews.Uri(arg.url);
service.Credentials = new ews.WebCredentials(arg.login, arg.password);
if (arg.auth === 'NTLM') {
  service.XHRApi = new ews.XhrApi().useNtlmAuthentication(arg.login, arg.password);
}
const {WellKnownFolderName: known, PropertySet, BasePropertySet, ItemSchema, MapiPropertyType, EventType} = ews;
const answer = {};

async function walk() {
  const inbox = await ews.Folder.Bind(service, known.Inbox);
  answer.inbox = [inbox.DisplayName, inbox.TotalCount, inbox.UnreadCount];
  const voicemail = await ews.Folder.Bind(service, known.VoiceMail);
  answer.voicemail = [voicemail.DisplayName, voicemail.TotalCount, voicemail.UnreadCount];

  const people = await service.FindItems(known.Contacts, new ews.ItemView(50));
  answer.contacts = people.Items.map(c => {
    const found = {};
    return [c.DisplayName, c.CompanyName, c.PhoneNumbers.TryGetValue(ews.PhoneNumberKey.BusinessPhone, found) ? found.outValue : ''];
  });

  const tag = (number, type) => new ews.ExtendedPropertyDefinition(number, type);
  const asked = [tag(0x6801, MapiPropertyType.Integer), tag(0x6802, MapiPropertyType.String), tag(0x6805, MapiPropertyType.String)];
  const value = (item, property) => {
    const found = {};
    return item.TryGetProperty(property, found) ? found.outValue : null;
  };
  const view = new ews.ItemView(2);
  view.PropertySet = new PropertySet(BasePropertySet.IdOnly, [ItemSchema.Subject, ItemSchema.ItemClass, ItemSchema.DateTimeReceived, ...asked]);
  view.OrderBy.Add(ItemSchema.DateTimeReceived, ews.SortDirection.Descending);
  const filter = new ews.SearchFilter.ContainsSubstring(ItemSchema.ItemClass, 'IPM.Note.Microsoft.Voicemail', ews.ContainmentMode.Prefixed, ews.ComparisonMode.IgnoreCase);
  const mails = [];
  for (let more = true; more;) {
    const page = await service.FindItems(known.Inbox, filter, view);
    mails.push(...page.Items);
    more = page.MoreAvailable;
    view.Offset = page.NextPageOffset;
  }
  answer.mails = mails.map(m => [m.Subject, m.ItemClass, ...asked.map(p => value(m, p))]);

  const newest = await ews.EmailMessage.Bind(service, mails[0].Id, new PropertySet(BasePropertySet.FirstClassProperties, asked));
  answer.from = [newest.From.Name, newest.From.Address, newest.IsRead];
  const sound = newest.Attachments.Items[0];
  await sound.Load();
  answer.sound = [sound.Name, Buffer.from(sound.Base64Content, 'base64').subarray(0, 4).toString('latin1')];

  const subscription = await service.SubscribeToPullNotifications([new ews.FolderId(known.Inbox)], 5, null, EventType.Created, EventType.Modified, EventType.Deleted);
  newest.IsRead = true;
  await newest.Update(ews.ConflictResolutionMode.AutoResolve);
  const events = await subscription.GetEvents();
  answer.events = Array.from(events.AllEvents, e => EventType[e.EventType]);
  answer.more = (await subscription.GetEvents()).AllEvents.length;
  await subscription.Unsubscribe();

  const names = await service.ResolveName('kerry', ews.ResolveNameSearchLocation.DirectoryOnly, true);
  answer.resolved = names.GetEnumerator().map(n => n.Mailbox.Address);
  try {
    await ews.Item.Bind(service, new ews.ItemId('AAAA'));
  } catch (e) {
    answer.malformed = e.ErrorCode === undefined ? String(e) : ews.ServiceError[e.ErrorCode];
  }
}
walk().then(() => console.log(JSON.stringify(answer)), e => { console.log(e); process.exit(1); });
`

// ewsjsSaw is what it says of the mailbox that every user has at first.
const ewsjsSaw = `{
	"inbox": ["Inbox", 5, 3],
	"voicemail": ["Voice Mail", 3, 2],
	"contacts": [
		["Bob Kelly", "Contoso", "+1 (425) 555-0100"],
		["Kerry Miller", "Contoso", "+45 44 89 01 01;ext=201"],
		["Robert Smith", "Contoso", "(425) 555-0103"],
		["Anna Bedecs", "Adatum", "+1 425 555 0104"],
		["Søren Ødegård", "Litware", "+45 33 55 01 05"],
		["Terry Adams", "Fabrikam", "425.555.0106"],
		["Yuki Tanaka <&>", "Tailspin", "+81 3 5555 0107"]
	],
	"mails": [
		["Voice Mail from Bob Kelly (12 seconds)", "IPM.Note.Microsoft.Voicemail.UM.CA", 12, "+14255550100", "+14255550100 (12 seconds) Voice Mail.wav"],
		["FW: Voice Mail", "IPM.Note.Microsoft.Voicemail", 3, null, "vm3.wav; vm2.wav;vm1.wav"],
		["Voice Mail from Terry Adams (7 seconds)", "IPM.Note.Microsoft.Voicemail.UM.CA", 7, "+14255550106", "+14255550106 (7 seconds) Voice Mail.wma"]
	],
	"from": ["Bob Kelly", "bob@contoso.com", false],
	"sound": ["+14255550100 (12 seconds) Voice Mail.wav", "RIFF"],
	"events": ["Modified"],
	"more": 0,
	"resolved": ["kerry@contoso.com"],
	"malformed": "ErrorInvalidIdMalformed"
}`

// TestPeerR9_2EWSJavaScriptAPI is the mailbox as the port of Microsoft's client understands it.
func TestPeerR9_2EWSJavaScriptAPI(t *testing.T) {
	const module = "ews-javascript-api"
	for _, auth := range []exchange.Scheme{exchange.Basic, exchange.NTLM} {
		t.Run(string(auth), func(t *testing.T) {
			f := newForeign(t, func(s *exchange.Server) { s.Schemes = []exchange.Scheme{auth} })
			args, err := json.Marshal(map[string]any{"addr": casAddr, "url": ewsURL, "auth": auth, "login": `CONTOSO\tu`, "password": password})
			if err != nil {
				t.Fatal(err)
			}
			node := peer.Node(t, module)
			node.Env = append(node.Env, "NODE_EXTRA_CA_CERTS="+f.ca, "TZ=UTC", "no_proxy=*")
			out := node.Output(t, "node", peer.Write(t, peer.Dir(t), "client.js", ewsjs), string(args))
			var got map[string]any
			answer(t, out, &got)
			wantAnswer(t, got, ewsjsSaw)
			if unread, err := f.Unread("tu"); err != nil || unread != 1 { // one of two was marked
				t.Errorf("%d unread, %v", unread, err)
			}
			if n := f.Counters(); n.BadLogons != 0 || n.Operations["unknown"] != 0 {
				t.Errorf("%+v", n)
			}
		})
	}
	peer.Row(t, "npm:"+module, "at the lab's EWS with NTLM and Basic: folders, contacts, voice mail with its properties and recording, paging, mark read, pull subscription, ResolveNames")
}
