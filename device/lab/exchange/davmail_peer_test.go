//go:build realpeers && linux

package exchange_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/peer"
)

// TestPeerR9_2DavMail reads the mailbox by the protocols into which DavMail
// translates EWS: IMAP, CardDAV, CalDAV and LDAP. It speaks 2007 SP1 by itself,
// and requests almost everything as extended properties of MAPI.
func TestPeerR9_2DavMail(t *testing.T) {
	f := newForeign(t, func(s *exchange.Server) { s.Schemes = []exchange.Scheme{exchange.NTLM, exchange.Basic} })
	g := peer.DavMail(t, "https://"+casAddr+exchange.EWSPath, f.shown)
	t.Run("IMAP", func(t *testing.T) { davMailMail(t, dialIMAP(t, g.IMAP)) })
	t.Run("CardDAV", func(t *testing.T) { davMailContacts(t, g) })
	t.Run("CalDAV", func(t *testing.T) { davMailCalendar(t, g) })
	t.Run("LDAP", func(t *testing.T) { davMailDirectory(t, g) })
	if unread, err := f.Unread("tu"); err != nil || unread != 1 { // one of two was marked
		t.Errorf("%d unread, %v", unread, err)
	}
	if n := f.Counters(); n.BadLogons != 0 { // GetUserConfiguration of 2010, for the time zone, is refused
		t.Errorf("%+v", n)
	}
	peer.Row(t, "davmail-server", "at the lab's EWS: IMAP folders, messages with their recordings, search, flags and copy; "+
		"contacts by CardDAV and LDAP with numbers; all appointments by CalDAV")
}

// davMailTimeout bounds a conversation with DavMail, which may hang.
const davMailTimeout = time.Minute

// davMailMail lists, reads, searches, marks and copies messages.
func davMailMail(t *testing.T, c *imap) {
	c.do("LOGIN tu " + password)
	if folders := strings.Join(c.do(`LIST "" *`), "\n"); !strings.Contains(folders, `"Conversation History"`) ||
		!strings.Contains(folders, `"INBOX"`) || !strings.Contains(folders, `(\Trash`) {
		t.Errorf("folders: %s", folders)
	}
	for _, row := range []struct{ command, answer string }{
		{"SELECT INBOX", `\* 5 EXISTS`},
		{"SEARCH ALL", `\* SEARCH 1 2 3 4 5`},
		{"SEARCH UNSEEN", `\* SEARCH 1 4 5`},
		{`SEARCH SUBJECT "Bob Kelly"`, `\* SEARCH 5`},
		{`SEARCH FROM "Kerry"`, `\* SEARCH 4`},
		{"FETCH 5 (FLAGS ENVELOPE)", `FLAGS \(\) ENVELOPE \("Tue, 01 Apr 2008 08:00:00 \+0000" "Voice Mail from Bob Kelly \(12 seconds\)" .*"bob" "contoso.com"`},
		{"FETCH 5 (BODY[])", `(?s)audio/WAV.*UklGR`}, // RIFF
		{`STORE 5 +FLAGS (\Seen)`, `FLAGS \(\\Seen\)`},
		{`STORE 5 +FLAGS (\Flagged)`, `FLAGS \(\\Seen \\Flagged\)`},
		{"SEARCH UNSEEN", `\* SEARCH 1 4`},
		{"SEARCH FLAGGED", `\* SEARCH 5`},
		{"COPY 5 Drafts", ``},
		{"SELECT Drafts", `\* 1 EXISTS`},
		{"FETCH 1 (FLAGS ENVELOPE)", `FLAGS \(\\Seen \\Flagged\) ENVELOPE .*Voice Mail from Bob Kelly`},
	} {
		if answer := strings.Join(c.do(row.command), "\n"); !regexp.MustCompile(row.answer).MatchString(answer) {
			t.Errorf("%s: %.400s\nwant %s", row.command, answer, row.answer)
		}
	}
}

// imap is a client of IMAP (RFC 3501), as far as the test needs one.
type imap struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	tag  int
}

func dialIMAP(t *testing.T, addr string) *imap {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(davMailTimeout)); err != nil {
		t.Fatal(err)
	}
	c := &imap{t: t, conn: conn, in: bufio.NewReader(conn)}
	c.line() // greeting
	return c
}

// line reads a line with the literals in it.
func (c *imap) line() string {
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	line = strings.TrimSpace(line)
	if _, size, ok := strings.Cut(line, "{"); ok && strings.HasSuffix(size, "}") {
		n, err := strconv.Atoi(size[:len(size)-1])
		if err != nil {
			c.t.Fatal(err)
		}
		literal := make([]byte, n)
		if _, err := io.ReadFull(c.in, literal); err != nil {
			c.t.Fatal(err)
		}
		return line + "\n" + string(literal) + c.line()
	}
	return line
}

// do sends a command, which must succeed, and returns the answers before OK.
func (c *imap) do(command string) (answers []string) {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("a%d ", c.tag)
	if _, err := io.WriteString(c.conn, tag+command+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	for {
		line := c.line()
		if result, ok := strings.CutPrefix(line, tag); ok {
			if !strings.HasPrefix(result, "OK") {
				c.t.Errorf("%s: %s", command, result)
			}
			return answers
		}
		answers = append(answers, line)
	}
}

// dav sends a request of WebDAV for a collection of tu.
func dav(t *testing.T, g peer.Gateway, method, collection, body string) string {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+g.DAV+"/users/tu@contoso.com/"+collection+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(`CONTOSO\tu`, password)
	r.Header.Set("Depth", "1")
	r.Header.Set("Content-Type", "text/xml")
	client := http.Client{Timeout: davMailTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusMultiStatus {
		t.Fatalf("%s %s: %s, %v", method, collection, resp.Status, err)
	}
	return string(b)
}

// hrefs returns those of the members of a collection, as elements.
func hrefs(t *testing.T, g peer.Gateway, collection string) []string {
	t.Helper()
	all := dav(t, g, "PROPFIND", collection, `<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>`)
	found := regexp.MustCompile(`<D:href>[^<]+</D:href>`).FindAllString(all, -1)
	return slices.DeleteFunc(found, func(h string) bool { return strings.HasSuffix(h, "/</D:href>") })
}

func davMailContacts(t *testing.T, g peer.Gateway) {
	cards := dav(t, g, "REPORT", "contacts", `<C:addressbook-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">`+
		`<D:prop><C:address-data/></D:prop>`+strings.Join(hrefs(t, g, "contacts"), "")+`</C:addressbook-multiget>`)
	for _, want := range []string{
		"FN:Bob Kelly", "TEL;TYPE=work:+1 (425) 555-0100", "TEL;TYPE=cell:+1 425 555 0199", "EMAIL;TYPE=work:bob@contoso.com",
		"FN:Søren Ødegård", "FN:Yuki Tanaka &lt;&amp;&gt;", "TEL;TYPE=work:+45 44 89 01 01",
	} {
		if !strings.Contains(cards, want) {
			t.Errorf("no %s in\n%s", want, cards)
		}
	}
	if n := strings.Count(cards, "BEGIN:VCARD"); n != 7 {
		t.Errorf("%d contacts", n)
	}
}

func davMailCalendar(t *testing.T, g peer.Gateway) {
	all := hrefs(t, g, "calendar")
	events := dav(t, g, "REPORT", "calendar", `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`+
		`<D:prop><C:calendar-data/></D:prop>`+strings.Join(all, "")+`</C:calendar-multiget>`)
	if n := strings.Count(events, "BEGIN:VEVENT"); n != 108 || len(all) != 108 {
		t.Errorf("%d events of %d", n, len(all))
	}
	for summary, want := range map[string]int{"Staff meeting": 36, "Lunch with Bob": 36, "Customer call": 36} {
		if n := strings.Count(events, "SUMMARY:"+summary); n != want {
			t.Errorf("%s: %d", summary, n)
		}
	}
	if !strings.Contains(events, "DTSTART:20080401T090000Z") || !strings.Contains(events, "DTEND:20080401T100000Z") ||
		!strings.Contains(events, "LOCATION:Room 1") {
		t.Errorf("no staff meeting on the first day in\n%.2000s", events)
	}
}

func davMailDirectory(t *testing.T, g peer.Gateway) {
	c, err := ldap.DialURL("ldap://" + g.LDAP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Bind(`CONTOSO\tu`, password); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string]string{"(cn=Bob*)": "+1 (425) 555-0100", "(cn=Kerry*)": "+45 44 89 01 01;ext=201"} {
		found, err := c.Search(ldap.NewSearchRequest("ou=people", ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
			filter, nil, nil))
		if err != nil {
			t.Fatal(err)
		}
		var numbers []string
		for _, e := range found.Entries {
			numbers = append(numbers, e.GetAttributeValue("telephoneNumber"))
		}
		if !slices.Contains(numbers, want) {
			t.Errorf("%s: %q", filter, numbers)
		}
	}
}
