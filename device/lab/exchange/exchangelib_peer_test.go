//go:build realpeers && linux

package exchange_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/lab/dns"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/peer"
)

// casAddr is where clients find the server at the ports that they insist on.
const casAddr = "127.21.6.10"

// foreign is a world for foreign clients: at the real ports, with a name server.
type foreign struct {
	*world
	names *dns.Server
	ca    string // PEM file of the root
	shown []byte // certificate of the server, DER
}

func newForeign(t testing.TB, change func(*exchange.Server)) foreign {
	t.Helper()
	f := foreign{names: dns.New("contoso.com")}
	f.world = newWorld(t, func(s *exchange.Server) {
		s.Address, s.RedirectAddress = net.JoinHostPort(casAddr, "443"), net.JoinHostPort(casAddr, "80")
		if change != nil {
			change(s)
		}
	})
	for _, host := range foreignHosts() {
		if err := f.names.Set(host, "A", casAddr); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.names.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.names.Close() })
	f.show(t, f.root)
	return f
}

// foreignHosts are the names of the deployment.
func foreignHosts() []string {
	return []string{"contoso.com", "autodiscover.contoso.com", "cas01.contoso.com", "mail.contoso.com", "emea.contoso.com"}
}

// show makes the server show a certificate of root, and clients trust that alone.
func (f *foreign) show(t testing.TB, root *pki.Authority) {
	t.Helper()
	cert, err := root.Issue(pki.Leaf{Names: append(foreignHosts(), casAddr)})
	if err != nil {
		t.Fatal(err)
	}
	f.SetCertificate(cert)
	f.shown = cert.Certificate[0]
	f.ca = peer.Write(t, peer.Dir(t), "ca.pem", string(root.PEM()))
}

// asked are the requests without the legs of log-ons: "POST host status".
func (f foreign) asked() (l []string) {
	for _, r := range f.Requests() {
		if r.Status != 401 {
			l = append(l, fmt.Sprintf("%s %s %d", r.Method, r.Host, r.Status))
		}
	}
	return l
}

// python runs a script on Debian's Python, alone with the lab's name server,
// and reads the JSON that it ends with.
func (f foreign) python(t testing.TB, script string, arguments map[string]any, into any) {
	t.Helper()
	const interpreter = "/usr/bin/python3" // another one does not see Debian's modules
	peer.Need(t, "python3-exchangelib", interpreter)
	dir := peer.Dir(t) // exchangelib keeps what it found for the next run, where temporary files are
	_, port, err := net.SplitHostPort(f.names.Addr())
	if err != nil {
		t.Fatal(err)
	}
	arguments["port"], arguments["today"] = port, spring.Format("2006-01-02")
	args, err := json.Marshal(arguments)
	if err != nil {
		t.Fatal(err)
	}
	out := peer.Command{Dir: dir, Env: []string{"REQUESTS_CA_BUNDLE=" + f.ca, "TZ=UTC", "no_proxy=*", "HOME=" + dir, "TMPDIR=" + dir}}.Output(t,
		interpreter, "-I", "-W", "ignore", peer.Write(t, dir, "client.py", pythonNames+script), string(args))
	answer(t, out, into)
}

// answer reads the JSON that a client's output ends with.
func answer(t testing.TB, out string, into any) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), into); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
}

// wantAnswer compares it with the JSON that was expected, part by part.
func wantAnswer(t *testing.T, got map[string]any, expected string) {
	t.Helper()
	var want map[string]any
	if err := json.Unmarshal([]byte(expected), &want); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if !reflect.DeepEqual(got[name], want[name]) {
			t.Errorf("%s: %v\nwant %v", name, got[name], want[name])
		}
	}
}

// pythonNames lets Python look names up at the lab and reach loopback only.
const pythonNames = `
import json, socket, sys
import dns.resolver
arg = json.loads(sys.argv[1])
names = dns.resolver.Resolver(configure=False)
names.nameservers, names.port = ["127.0.0.1"], int(arg["port"])
numeric = socket.getaddrinfo
def lookup(host, port, *more, **kw):
    host = host.decode() if isinstance(host, bytes) else host
    if not host.startswith("127."):
        try:
            host = names.resolve(host + ".", "A")[0].to_text()
        except Exception as e:
            raise socket.gaierror(socket.EAI_NONAME, str(e))
    assert host.startswith("127."), host
    return numeric(host, port, socket.AF_INET, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
socket.getaddrinfo = lookup
`

// exchangelibDiscover walks autodiscover and then asks what it found.
const exchangelibDiscover = `
from exchangelib import Account, Credentials, DELEGATE
from exchangelib.autodiscover import Autodiscovery
Autodiscovery.DNS_RESOLVER_KWARGS = {"configure": False}
Autodiscovery.DNS_RESOLVER_ATTRS = {"nameservers": ["127.0.0.1"], "port": int(arg["port"]), "timeout": 4}
try:
    account = Account(arg["email"], credentials=Credentials(arg["login"], arg["password"]), autodiscover=True, access_type=DELEGATE)
except Exception as e:
    print(json.dumps({"error": type(e).__name__}))
    sys.exit()
answer = {"address": account.primary_smtp_address, "url": account.protocol.service_endpoint, "auth": account.protocol.auth_type,
    "version": str(account.version.api_version), "build": str(account.version.build)}
answer["contacts"] = account.contacts.total_count
print(json.dumps(answer))
`

type discovered struct {
	Error, Address, URL, Auth, Version, Build string
	Contacts                                  int
}

// TestPeerR9_1Exchangelib is autodiscover as another client understands it: the
// bare domain, the name autodiscover, and the redirect from http to https.
func TestPeerR9_1Exchangelib(t *testing.T) {
	page, missing := exchange.Autodiscover{HomePage: true}, exchange.Autodiscover{Status: 404}
	for _, row := range []struct {
		name    string
		schemes []exchange.Scheme
		set     map[string]exchange.Autodiscover
		email   string   // "" is tu@contoso.com
		asked   []string // but for legs, up to EWS
		want    discovered
	}{
		{name: "bare domain", asked: []string{"POST contoso.com 200"}},
		{name: "bare domain, Basic", schemes: []exchange.Scheme{exchange.Basic}, asked: []string{"POST contoso.com 200"}, want: discovered{Auth: "basic"}},
		{name: "a home page there", set: map[string]exchange.Autodiscover{"contoso.com": page},
			asked: []string{"POST contoso.com 200", "POST autodiscover.contoso.com 200"}},
		{name: "http redirect", set: map[string]exchange.Autodiscover{"contoso.com": page, "autodiscover.contoso.com": missing},
			asked: []string{"POST contoso.com 200", "POST autodiscover.contoso.com 404", "POST cas01.contoso.com 200"}},
		{name: "https redirect", set: map[string]exchange.Autodiscover{"contoso.com": {Location: "https://mail.contoso.com" + path}},
			asked: []string{"POST contoso.com 302", "POST mail.contoso.com 200"}},
		{name: "redirectAddr", email: "anna@contoso.com", set: map[string]exchange.Autodiscover{"contoso.com": {RedirectAddr: "tu@emea.contoso.com"}, "emea.contoso.com": {}},
			asked: []string{"POST contoso.com 200", "POST emea.contoso.com 200"}, want: discovered{Address: "tu@emea.contoso.com"}},
		{name: "inside only", set: map[string]exchange.Autodiscover{"contoso.com": {OnlyInside: true}},
			asked: []string{"POST contoso.com 200"}, want: discovered{URL: "https://cas01.contoso.com/EWS/Exchange.asmx", Build: "8.1.240.0"}}, // of ServerVersion
		{name: "nobody", email: "nobody@contoso.com", asked: []string{"POST contoso.com 200"}, want: discovered{Error: "ErrorNonExistentMailbox"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newForeign(t, func(s *exchange.Server) { s.Schemes = row.schemes })
			if row.name == "redirectAddr" {
				if err := f.dir.SetUser("tu", func(u *directory.User) { u.Mail = row.want.Address }); err != nil {
					t.Fatal(err)
				}
			}
			for host, a := range row.set {
				f.SetAutodiscover(host, a)
			}
			var got discovered
			f.python(t, exchangelibDiscover, map[string]any{"email": cmp.Or(row.email, "tu@contoso.com"), "login": `CONTOSO\tu`, "password": password}, &got)
			want := row.want
			if want.Error == "" {
				want = discovered{Address: cmp.Or(want.Address, "tu@contoso.com"), URL: cmp.Or(want.URL, "https://mail.contoso.com/EWS/Exchange.asmx"),
					Auth: cmp.Or(want.Auth, "NTLM"), Version: "Exchange2007_SP1", Build: cmp.Or(want.Build, "8.1.240.6"), Contacts: 7}
			}
			if got != want {
				t.Errorf("found %+v\nwant  %+v", got, want)
			}
			asked := f.asked()
			if len(asked) < len(row.asked) || !slices.Equal(asked[:len(row.asked)], row.asked) {
				t.Errorf("asked %q, want %q first", asked, row.asked)
			}
			n := f.Counters()
			if n.ClearText != 0 || n.BadLogons != 0 || n.BindingRefused != 0 {
				t.Errorf("%+v", n)
			}
		})
	}
	peer.Row(t, "python3-exchangelib", "autodiscover at the lab by the bare domain, the name autodiscover, http and https redirect and redirectAddr, with NTLM and Basic")
}

// exchangelibMailbox does with a mailbox what the phone does, and a little more.
const exchangelibMailbox = `
import datetime
from exchangelib import Account, BASIC, Build, Configuration, Credentials, DELEGATE, EWSDateTime, EWSTimeZone, NTLM, Version
from exchangelib.errors import ErrorItemNotFound
from exchangelib.extended_properties import ExtendedProperty
from exchangelib.indexed_properties import EmailAddress, PhoneNumber
from exchangelib.items import Contact, Message
def register(field, tag, kind):
    Message.register(field, type(field, (ExtendedProperty,), {"property_tag": tag, "property_type": kind}))
register("um_seconds", 0x6801, "Integer")
register("um_number", 0x6802, "String")
register("um_order", 0x6805, "String")
register("um_call", 0x6806, "String")
utc = EWSTimeZone("UTC")
account = Account("tu@contoso.com", autodiscover=False, access_type=DELEGATE, default_timezone=utc, config=Configuration(
    service_endpoint="https://cas01.contoso.com/EWS/Exchange.asmx", version=Version(build=Build(8, 1)),
    credentials=Credentials(arg["login"], arg["password"]), auth_type={"NTLM": NTLM, "Basic": BASIC}[arg["auth"]]))
answer = {}

answer["folders"] = sum(1 for f in account.root.walk())
answer["contacts"] = {c.display_name: {p.label: p.phone_number for p in c.phone_numbers or [] if p.phone_number} for c in account.contacts.all().only("display_name", "phone_numbers")}  # by default a property of 2010

inbox = account.inbox
mails = list(inbox.filter(item_class__startswith="IPM.Note.Microsoft.Voicemail").order_by("-datetime_received"))
answer["voicemail"] = [[m.subject, m.item_class, m.is_read, m.um_seconds, m.um_number, m.um_order, m.um_call] for m in mails]
answer["missed"] = inbox.filter(item_class="IPM.Note.Microsoft.Missed.Voice").count()
pages = inbox.all().only("subject")
pages.page_size = 2
answer["paged"] = len({m.id for m in pages})
answer["sounds"] = [len(a.content) for m in mails for a in m.attachments if a.content[:4] == b"RIFF"]

unread = next(m for m in mails if not m.is_read)
unread.is_read = True
unread.save(update_fields=["is_read"])
assert inbox.all().only("is_read").get(id=unread.id, changekey=unread.changekey).is_read

start = EWSDateTime.from_string(arg["today"] + "T00:00:00Z")
view = list(account.calendar.view(start=start, end=start + datetime.timedelta(days=1)))
answer["calendar"] = [" ".join([e.subject, e.location, e.start.isoformat(), e.legacy_free_busy_status, e.organizer.name]) for e in view]

answer["resolved"] = sorted(m.email_address for m in account.protocol.resolve_names(["kerry"], search_scope="ActiveDirectory"))

new = Contact(account=account, folder=account.contacts, given_name="Zoë", surname="<&> New", display_name="Zoë <&> New",
    file_as="New, Zoë", email_addresses=[EmailAddress(label="EmailAddress1", email="zoe@example.com")],
    phone_numbers=[PhoneNumber(label="BusinessPhone", phone_number="+1 425 555 0199")])
contacts = account.contacts
answer["synced"] = [sum(1 for _ in contacts.sync_items(only_fields=["display_name"]))]
new.save()
found = contacts.filter(display_name="Zoë <&> New").only("surname", "phone_numbers").get()
assert (found.id, found.surname) == (new.id, "<&> New"), found
assert [p.phone_number for p in found.phone_numbers if p.phone_number] == ["+1 425 555 0199"], found
answer["synced"] += [[change, item.display_name] for change, item in contacts.sync_items(only_fields=["display_name"])]
new.delete()
answer["synced"] += [[change, item.id == found.id] for change, item in contacts.sync_items(only_fields=["display_name"])]
answer["hierarchy"] = [sum(1 for _ in account.root.sync_hierarchy()) for _ in range(2)]
gone = list(account.fetch(ids=[(found.id, None)], only_fields=["subject"]))[0]
assert isinstance(gone, ErrorItemNotFound), gone

copy_id, copy_key = unread.copy(to_folder=account.drafts)
copied = account.drafts.all().only("subject", "um_call", "mime_content").get(id=copy_id, changekey=copy_key)
answer["copied"] = [copied.subject, copied.um_call, copied.mime_content.split(b"\r\n")[0].decode()]

subscription, watermark = inbox.subscribe_to_pull(event_types=["CreatedEvent", "ModifiedEvent"], timeout=10)
unread.is_read = False
unread.save(update_fields=["is_read"])
for notification in inbox.get_events(subscription, watermark):
    answer["events"] = [type(e).__name__ for e in notification.events]
inbox.unsubscribe(subscription)
unread.delete()
print(json.dumps(answer))
`

// exchangelibSaw is what it says of the mailbox that every user has at first.
const exchangelibSaw = `{
	"folders": 15,
	"contacts": {
		"Bob Kelly": {"BusinessPhone": "+1 (425) 555-0100", "MobilePhone": "+1 425 555 0199"},
		"Kerry Miller": {"BusinessPhone": "+45 44 89 01 01;ext=201"},
		"Robert Smith": {"BusinessPhone": "(425) 555-0103", "MobilePhone": "+1 425 555 0193"},
		"Anna Bedecs": {"BusinessPhone": "+1 425 555 0104"},
		"Søren Ødegård": {"BusinessPhone": "+45 33 55 01 05", "MobilePhone": "+45 20 55 01 95"},
		"Terry Adams": {"BusinessPhone": "425.555.0106"},
		"Yuki Tanaka <&>": {"BusinessPhone": "+81 3 5555 0107"}
	},
	"voicemail": [
		["Voice Mail from Bob Kelly (12 seconds)", "IPM.Note.Microsoft.Voicemail.UM.CA", false, 12, "+14255550100", "+14255550100 (12 seconds) Voice Mail.wav", "vm3@um"],
		["FW: Voice Mail", "IPM.Note.Microsoft.Voicemail", false, 3, null, "vm3.wav; vm2.wav;vm1.wav", null],
		["Voice Mail from Terry Adams (7 seconds)", "IPM.Note.Microsoft.Voicemail.UM.CA", true, 7, "+14255550106", "+14255550106 (7 seconds) Voice Mail.wma", "vm1@um"]
	],
	"missed": 2,
	"paged": 5,
	"sounds": [96058, 8058, 16058, 24058],
	"calendar": [
		"Staff meeting Room 1 2008-04-01T09:00:00+00:00 Busy Test User",
		"Lunch with Bob Canteen 2008-04-01T12:00:00+00:00 Tentative Test User",
		"Customer call Phone 2008-04-01T15:00:00+00:00 Busy Test User"
	],
	"resolved": ["kerry@contoso.com"],
	"synced": [7, ["create", "Zoë <&> New"], ["delete", true]],
	"hierarchy": [15, 0],
	"copied": ["Voice Mail from Bob Kelly (12 seconds)", "vm3@um", "From: \"Bob Kelly\" <bob@contoso.com>"],
	"events": ["ModifiedEvent"]
}`

// TestPeerR9_2Exchangelib is the mailbox as another client understands it.
func TestPeerR9_2Exchangelib(t *testing.T) {
	for _, auth := range []string{"NTLM", "Basic"} {
		t.Run(auth, func(t *testing.T) {
			f := newForeign(t, nil)
			var got map[string]any
			f.python(t, exchangelibMailbox, map[string]any{"auth": auth, "login": `CONTOSO\tu`, "password": password}, &got)
			wantAnswer(t, got, exchangelibSaw)
			if unread, err := f.Unread("tu"); err != nil || unread != 1 { // one of two was deleted
				t.Errorf("%d unread, %v", unread, err)
			}
			if n := f.Counters(); n.BadLogons != 0 || n.Operations["unknown"] != 0 {
				t.Errorf("%+v", n)
			}
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		f := newForeign(t, nil)
		var got discovered
		f.python(t, exchangelibDiscover, map[string]any{"email": "tu@contoso.com", "login": `CONTOSO\tu`, "password": "wrong"}, &got)
		if u, _ := f.dir.User("tu"); got.Error == "" || u.BadLogons == 0 || u.BadLogons != f.Counters().BadLogons {
			t.Errorf("%+v, %d bad log-ons, %+v", got, u.BadLogons, f.Counters())
		}
	})
	peer.Row(t, "python3-exchangelib", "at the lab's EWS with NTLM and Basic: folders, contacts, voice mail with its properties and recordings, paging, mark read, calendar view, ResolveNames, create, copy and delete, MIME content, synchronisation, pull subscription")
}
