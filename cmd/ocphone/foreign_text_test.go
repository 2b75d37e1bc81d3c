//go:build !darwin || cgo

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	"github.com/dlclark/regexp2"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/lab/pool"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
	"github.com/ocphone/ocphone/provisioning/dialplan"
	"github.com/ocphone/ocphone/ui"
)

// marks are characters that can move a cursor or hide and reorder text: ESC, C1
// and bidirectional marks.
const marks = "\x1b[2J\u009b31m\u202e\u2066\u200f"

// foreign is a name with marks, a newline and a byte that is not UTF-8. Its
// harmless part stands on both sides.
func foreign(name string) string { return name + marks + "\xff\n" + name }

// foreignLine is foreign for formats whose values are one line of UTF-8.
func foreignLine(name string) string { return name + marks + name }

// checkForeign fails unless out contains every name and, beside the ends of its
// lines, printable characters only.
func checkForeign(t *testing.T, out string, names ...string) {
	t.Helper()
	if out == "" {
		t.Error("nothing is shown")
	}
	bad := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) || unicode.In(r, unicode.Cf) }
	if i := strings.IndexFunc(out, bad); i >= 0 || !utf8.ValidString(out) {
		t.Errorf("not printable: %q", out[max(i-80, 0):])
	}
	for _, name := range names {
		if !strings.Contains(out, name) {
			t.Errorf("no %q in\n%.2000s", name, out)
		}
	}
}

// foreignOutput is one output and the names that it has to contain.
type foreignOutput struct {
	name  string
	names []string
	show  func(*testing.T) string
}

// commandOutput is the output of the command line. Both streams are one text.
func commandOutput(args []string, names ...string) foreignOutput {
	return foreignOutput{args[0] + " " + args[1] + " " + filepath.Base(args[len(args)-1]), names, func(t *testing.T) string {
		out, complaints, _ := call(t, args...)
		return out + complaints
	}}
}

// TestForeignTextFromServers: names that a pool, Exchange and a domain controller
// send are printable in a terminal, in the window and in a picture. The lab reads
// them from a deployment file.
func TestForeignTextFromServers(t *testing.T) {
	ui.HandsetPicture(view.View{}, 160, 160, nil) // starts what Fyne keeps until the process ends
	d, err := lab.Read(strings.NewReader(deploymentYAML))
	if err != nil {
		t.Fatal(err)
	}
	c := newChecking(t, d)
	t.Cleanup(regexp2.StopTimeoutClock)
	u := c.world.Ready().Users[0]
	password := filepath.Join(c.dir, "password")
	if err := os.WriteFile(password, []byte(u.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	addContact(c, "Contact"+strings.TrimPrefix(marks, "\x1b[2J")+"\nPerson")
	for _, err := range []error{
		c.world.Deliver("tu", lab.DeliverMissedCall, lab.Delivery{Number: "+1" + marks, Name: foreign("Caller")}),
		c.world.Deliver("tu", lab.DeliverVoiceMail, lab.Delivery{Number: "+14255550177", Name: foreign("Speaker")}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.world.Directory.PublishRoot("Strange Root", foreignChain(t, foreign("Strange Root"), "a.contoso.com")[1])

	state := filepath.Join(c.dir, "phone")
	run := func(names ...string) []foreignOutput {
		return []foreignOutput{
			commandOutput([]string{"run", "--lab", c.ready}, names...),
			commandOutput([]string{"run", "--lab", c.ready, "--brief", "--state", state}),
			commandOutput([]string{"run", "--lab", c.ready, "--json"}, names...),
			commandOutput([]string{"run", "--lab", c.ready, "--screen"}),
		}
	}
	list := func(kind string, names ...string) []foreignOutput {
		args := []string{"mailbox", kind, "--lab", c.ready}
		return []foreignOutput{commandOutput(args, names...), commandOutput(slices.Concat(args, []string{"--json"}), names...)}
	}
	window := func(names ...string) foreignOutput {
		return foreignOutput{"window", names, func(t *testing.T) string { return windowText(t, c.world) }}
	}
	none := func() {}
	for _, edge := range []struct {
		name    string
		set     func()
		outputs [][]foreignOutput
	}{
		{"XML and YAML", none, [][]foreignOutput{
			run("Strange Root"), {window("Owner", "Kerry", "Contact", "Caller", "Speaker")},
			{commandOutput([]string{"run", "--lab", c.ready, "--screen"}, "Owner")},
			list("contacts", "Contact"), list("calls", "Caller"), list("voicemail", "Speaker"), list("calendar"),
			{commandOutput([]string{"certs", "list", "--state", state}, "Strange Root"), commandOutput([]string{"certs", "export", "--state", state}, "Strange Root")},
		}},
		{"SIP body", func() {
			c.world.Pool.SetFaults(pool.Faults{Body: map[string]string{"vnd-microsoft-roaming-contacts": `<contactList deltaNum="1">` +
				`<group id="1" name="` + foreign("Group") + `&#x9b;&#27;"/><contact uri="k@contoso.com" name="` + foreign("Friend") + `" groups="1"/></contactList>`}})
		}, [][]foreignOutput{run("Group"), {window("Friend")}}},
		{"SIP headers", func() {
			c.world.Pool.SetFaults(pool.Faults{Reject: &pool.Rejection{Status: 403, Warning: `399 pool "` + foreignLine("Warned") + "\xff\"",
				Diagnostics: pool.Diagnostics{ID: 4099, Reason: foreignLine("Refused") + "\xff"}}})
		}, [][]foreignOutput{run("Refused"), {window("Refused")}, list("contacts", "Refused")}},
		{"SIP reason phrase", func() {
			c.world.Pool.SetFaults(pool.Faults{Reject: &pool.Rejection{Status: 403}, Reason: foreignLine("Phrase") + "\xff"})
		}, [][]foreignOutput{run("Phrase"), {window("Phrase")}, list("contacts", "Phrase")}},
		{"LDAP", func() {
			c.world.Pool.SetFaults(pool.Faults{})
			c.world.DC.SetFaults(ad.Faults{Continuations: []string{"ldap://" + foreign("Elsewhere")}})
		}, [][]foreignOutput{run("Elsewhere"), {window(), commandOutput([]string{"check", "trust", thePool, "--lab", c.ready, "--ad", "contoso.com",
			"--user", u.User, "--password-file", password}, "Elsewhere")}}},
		{"LDAP entry", func() { c.world.DC.SetFaults(ad.Faults{}) }, [][]foreignOutput{{
			commandOutput([]string{"check", "trust", thePool, "--lab", c.ready, "--ad", "contoso.com", "--user", u.User, "--password-file", password}),
			commandOutput([]string{"check", "trust", thePool, "--lab", c.ready, "--ad", "contoso.com", "--user", u.User, "--password-file", password, "--json"}),
		}}},
	} {
		edge.set()
		for _, outputs := range edge.outputs {
			for _, o := range outputs {
				t.Run(edge.name+" "+o.name, func(t *testing.T) { checkForeign(t, o.show(t), o.names...) })
			}
		}
	}
}

// deploymentYAML is the file of a deployment whose names are not printable.
const deploymentYAML = `today: true
users:
  - {name: tu, display: "Owner\e[2J\x9b31m\u202e\u2066\u200f\nTest", line: "tel:+4544890101;ext=200", eum: "tu@contoso.com;phone-context=Plan",
     contacts: [{address: kerry, groups: ["Sales\e\x9b\u202e\nTeam"]}, {address: bob@contoso.com, name: "Bobby\e\x9b\u202e\u2066\nName"}]}
  - {name: kerry, display: "Kerry\e[2J\x9b31m\u202e\u2066\nMiller"}
profiles:
  - {name: Plan, rules: [{pattern: "(\e\x9b\u202e", translation: "\u2066\n"}]}
`

// addContact adds a contact to the mailbox of tu, as Outlook does. Exchange
// refuses what XML forbids, such as ESC.
func addContact(c checking, name string) {
	c.Helper()
	c.world.Exchange.Schemes = append(c.world.Exchange.Schemes, exchange.Basic)
	body := `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"` +
		` xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><soap:Header><t:RequestServerVersion Version="Exchange2007_SP1"/>` +
		`</soap:Header><soap:Body><m:CreateItem><m:Items><t:Contact><t:FileAs>` + name + `</t:FileAs><t:DisplayName>` + name + `</t:DisplayName>` +
		`</t:Contact></m:Items></m:CreateItem></soap:Body></soap:Envelope>`
	r, err := http.NewRequest(http.MethodPost, "https://"+c.world.Deployment.Exchange.Host+"/EWS/Exchange.asmx", strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	r.SetBasicAuth("tu", lab.DefaultPassword)
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	client := c.world.Inside().HTTPClient()
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	if text.ReadFrom(answer.Body); answer.StatusCode != http.StatusOK || !strings.Contains(text.String(), "NoError") {
		c.Fatalf("%s: %s", answer.Status, &text)
	}
}

// windowText signs a phone in and returns every text that the handset draws, of
// every page that there is, and the same pages as plain text.
func windowText(t *testing.T, world *lab.Lab) string {
	t.Helper()
	firmware, err := device.FirmwareNamed("today")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := device.New(device.Config{Firmware: firmware, RootSet: "none", Clock: world.Clock, Budget: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	s, err := screen.New(phone, screen.Options{Lang: "en", Clock: world.Clock})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	u := world.Ready().Users[0]
	phone.PowerOn()
	phone.Plug(world.Inside().Place)
	if err := phone.SignIn(device.Credentials{Address: u.SignIn, User: u.User, Password: u.Password}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	now, err := phone.Wait(ctx, func(s device.Snapshot) bool { return s.State == device.Ready || s.State == device.Failed })
	if err != nil {
		t.Fatal(err)
	}
	for changed := make(chan struct{}, 1); !showsState(s.View(), now); {
		stop := s.Watch(func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
		select {
		case <-changed:
		case <-time.After(10 * time.Millisecond):
		}
		stop()
	}
	var all strings.Builder
	isLock := func(page string) bool { return page == "lock" } // a locked phone shows no other page
	for _, page := range append(slices.DeleteFunc(screen.Pages(), isLock), "lock") {
		if s.Open(page) != nil {
			continue // there is none in this state
		}
		v := s.View()
		all.WriteString(v.Plain())
		var handset *ui.Handset
		ui.HandsetPicture(v, 250, 180, func(h *ui.Handset) { handset = h })
		drawnText(&all, handset)
	}
	return all.String()
}

// drawnText appends the texts that a canvas object draws.
func drawnText(all *strings.Builder, o fyne.CanvasObject) {
	switch o := o.(type) {
	case *canvas.Text:
		fmt.Fprintln(all, o.Text)
	case *fyne.Container:
		for _, part := range o.Objects {
			drawnText(all, part)
		}
	case fyne.Widget:
		for _, part := range test.WidgetRenderer(o).Objects() {
			drawnText(all, part)
		}
	}
}

// TestForeignTextOfCertificates: names in a chain and in a root are printable.
func TestForeignTextOfCertificates(t *testing.T) {
	c := checking{T: t, dir: t.TempDir()}
	chain := foreignChain(t, foreign("Strange Root"), "alt\x1b[2J\nname.contoso.com")
	file := c.write("chain.pem", chain[0])
	root := c.write("published/root.pem", chain[1])
	for _, args := range [][]string{
		{"check", "trust", "--chain", file, "--name", "pool.contoso.com", "--published", filepath.Dir(root)},
		{"check", "trust", "--chain", file, "--name", "pool.contoso.com"},
	} {
		for _, o := range []foreignOutput{commandOutput(args, "Strange Root"), commandOutput(slices.Concat(args, []string{"--json"}), "Strange Root")} {
			t.Run(o.name, func(t *testing.T) { checkForeign(t, o.show(t), o.names...) })
		}
	}
}

// foreignChain is a server certificate and its root in DER. The name is the CN of
// both, as a T61String, which may hold any byte.
func foreignChain(t *testing.T, name, san string) [2][]byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	commonName := func(s string) []byte {
		der, err := asn1.Marshal(pkix.RDNSequence{{{
			Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: asn1.RawValue{Tag: asn1.TagT61String, Bytes: []byte(s)},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: commonName(name), NotBefore: time.Now().AddDate(-1, 0, 0),
		NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), RawSubject: commonName(foreign("Server")), NotBefore: root.NotBefore,
		NotAfter: root.NotAfter, DNSNames: []string{san}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	var chain [2][]byte
	for i, c := range []*x509.Certificate{leaf, root} {
		if chain[i], err = x509.CreateCertificate(rand.Reader, c, root, &key.PublicKey, key); err != nil {
			t.Fatal(err)
		}
	}
	return chain
}

// TestForeignTextOfDialPlans: names and rules of a table, of JSON and of a
// location profile are printable in text, in JSON and in JUnit.
func TestForeignTextOfDialPlans(t *testing.T) {
	profile, err := dialplan.Plan{Name: "Plan", Rules: []dialplan.Rule{{Pattern: `(\d{3})`, Translation: "Number$1"}, {Pattern: `(Broken`, Translation: "1"}}}.XML()
	if err != nil {
		t.Fatal(err)
	}
	inXML := func(name string) string {
		return name + strings.TrimPrefix(marks, "\x1b") + "&#x1b;&#x9b;\xff\n" + name
	}
	for name, text := range map[string]string{
		"plan.csv": "Name,Pattern,Translation\n\"" + foreign("Rule") + "\",(\\d{3}),\"" + foreign("Number") + "$1\"\nx,\"(" + foreign("Broken") + "\",1\n",
		"plan.json": `{"SimpleName":"Plan","NormalizationRules":[{"Name":"Rule` + strings.TrimPrefix(marks, "\x1b") + `\u001b\u009b\n` + "\xff" +
			`Rule","Pattern":"(\\d{3})","Translation":"Number\u001b\u202e\n$1"},{"Name":"x","Pattern":"(Broken\u001b\u202e\n","Translation":"1"}]}`,
		"plan.xml": strings.NewReplacer("Number", inXML("Number"), "Broken", inXML("Broken")).Replace(string(profile)),
	} {
		file := dialplanFile(t, name, text)
		cases := dialplanFile(t, "cases.csv", "input,expected\n123,\""+foreign("Expected")+"\"\n")
		for _, row := range []struct {
			part string // of the output
			args []string
			json bool // with --json too
			xml  bool // with --junit too
		}{
			{"Broken", []string{"lint", file}, true, true},
			{"Number", []string{"test", file, "123"}, true, true},
			{"Expected", []string{"test", file, cases}, true, true},
			{"Number", []string{"explain", file, "123"}, true, false},
			{"Dialled", []string{"explain", file, "Dialled" + marks}, true, false},
			{"Unknown", []string{"lint", file, "--plan", "Unknown" + marks}, false, false},
		} {
			args := append([]string{"dialplan"}, row.args...)
			outputs := []foreignOutput{commandOutput(args, row.part)}
			if row.json {
				outputs = append(outputs, commandOutput(slices.Concat(args, []string{"--json"}), row.part))
			}
			if row.xml {
				outputs = append(outputs, commandOutput(slices.Concat(args, []string{"--junit"}), row.part))
			}
			for _, o := range outputs {
				t.Run(name+" "+o.name, func(t *testing.T) { checkForeign(t, o.show(t), o.names...) })
			}
		}
	}
}
