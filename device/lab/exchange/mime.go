package exchange

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// mimeOf returns the MimeContent of an item.
func mimeOf(it *item) []byte {
	if it.element == "CalendarItem" {
		return calendarOf(it)
	}
	var b bytes.Buffer
	b.WriteString(headersOf(it))
	if len(it.attachments) == 0 {
		fmt.Fprintf(&b, "Content-Type: %s\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", bodyMediaType(it))
		writeQuoted(&b, it.values["item:Body"])
		return b.Bytes()
	}
	w := multipart.NewWriter(&b)
	_ = w.SetBoundary(fmt.Sprintf("=_item_%d", it.id)) // the same at each request
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%q\r\n\r\n", w.Boundary())
	part, _ := w.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {bodyMediaType(it)},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	writeQuoted(part, it.values["item:Body"])
	for _, a := range it.attachments {
		part, _ = w.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {a.contentType},
			"Content-Disposition":       {mime.FormatMediaType("attachment", map[string]string{"filename": a.name})},
			"Content-Transfer-Encoding": {"base64"},
		})
		writeBase64(part, a.content())
	}
	_ = w.Close()
	return b.Bytes()
}

// headersOf returns the header fields of a message but for those of its content;
// "" if the item is no message.
func headersOf(it *item) string {
	if it.element != "Message" {
		return ""
	}
	var b strings.Builder
	for _, h := range [][2]string{
		{"From", addressList(it.values["message:From"])},
		{"Sender", addressList(it.values["message:Sender"])},
		{"To", addressList(it.values["message:ToRecipients"])},
		{"Cc", addressList(it.values["message:CcRecipients"])},
		{"Subject", mime.QEncoding.Encode("utf-8", oneLine(it.values["item:Subject"]))},
		{"Date", mailDate(it.values["item:DateTimeSent"])},
		{"Message-ID", oneLine(it.values["message:InternetMessageId"])},
		{"Content-Class", "urn:content-classes:message"},
		{"MIME-Version", "1.0"},
	} {
		if h[1] != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
		}
	}
	return b.String()
}

// oneLine returns v as the value of a header field.
func oneLine(v string) string { return strings.Join(strings.Fields(v), " ") }

func bodyMediaType(it *item) string {
	if it.values[bodyType] == "HTML" {
		return "text/html; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

// writeQuoted and writeBase64 write to a bytes.Buffer, which never fails.
func writeQuoted(w io.Writer, v string) {
	q := quotedprintable.NewWriter(w)
	_, _ = io.WriteString(q, v)
	_ = q.Close()
}

func writeBase64(w io.Writer, b []byte) {
	const perLine = 57 // octets in the 76 characters of RFC 2045 6.8
	for len(b) > 0 {
		n := min(perLine, len(b))
		_, _ = io.WriteString(w, base64.StdEncoding.EncodeToString(b[:n])+"\r\n")
		b = b[n:]
	}
}

// addressList returns people as the value of a header field.
func addressList(v string) string {
	if v == "" {
		return ""
	}
	var list []string
	for one := range strings.SplitSeq(v, listSeparator) {
		name, address, _ := strings.Cut(one, "\n")
		a := mail.Address{Name: oneLine(name), Address: cmp.Or(oneLine(address), "unknown@invalid")}
		list = append(list, a.String())
	}
	return strings.Join(list, ", ")
}

func mailDate(v string) string {
	t, err := parseTime(v)
	if err != nil {
		return ""
	}
	return t.Format(time.RFC1123Z)
}

// calendarOf returns a calendar item as iCalendar (RFC 5545).
func calendarOf(it *item) []byte {
	name, address, _ := strings.Cut(it.values["calendar:Organizer"], "\n")
	organizer := ""
	if address != "" {
		organizer = "ORGANIZER;CN=\"" + strings.ReplaceAll(oneLine(name), `"`, "'") + "\":mailto:" + oneLine(address)
	}
	transparent := "OPAQUE"
	if it.values["calendar:LegacyFreeBusyStatus"] == "Free" {
		transparent = "TRANSPARENT"
	}
	var b bytes.Buffer
	for _, line := range []string{
		"BEGIN:VCALENDAR", "METHOD:PUBLISH", "PRODID:-//ocphone//lab//EN", "VERSION:2.0", "BEGIN:VEVENT",
		"UID:" + icalText(it.values["calendar:UID"]),
		"SUMMARY:" + icalText(it.values["item:Subject"]),
		"DTSTART:" + icalTime(it.values["calendar:Start"]),
		"DTEND:" + icalTime(it.values["calendar:End"]),
		"DTSTAMP:" + icalTime(it.values["item:LastModifiedTime"]),
		"LOCATION:" + icalText(it.values["calendar:Location"]),
		organizer,
		"CLASS:PUBLIC", "TRANSP:" + transparent, "STATUS:CONFIRMED", "SEQUENCE:0",
		"X-MICROSOFT-CDO-BUSYSTATUS:" + strings.ToUpper(it.values["calendar:LegacyFreeBusyStatus"]),
		"END:VEVENT", "END:VCALENDAR",
	} {
		writeFolded(&b, line)
	}
	return b.Bytes()
}

func icalText(v string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r", "", "\n", `\n`).Replace(v)
}

func icalTime(v string) string { return strings.NewReplacer("-", "", ":", "").Replace(v) }

// writeFolded writes a line of at most 75 octets, and the rest on lines that
// begin with a blank (RFC 5545 3.1).
func writeFolded(b *bytes.Buffer, line string) {
	if line == "" {
		return
	}
	used := 0
	for _, r := range line {
		n := len(string(r))
		if used+n > 75 {
			b.WriteString("\r\n ")
			used = 1
		}
		b.WriteRune(r)
		used += n
	}
	b.WriteString("\r\n")
}
