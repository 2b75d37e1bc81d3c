package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/ews"
)

// mailboxFlags are those of every command that reads the mailbox.
type mailboxFlags struct {
	phoneFlags
	timeout time.Duration
	verbose bool
}

func (f *mailboxFlags) register(c *cobra.Command) {
	f.phoneFlags.register(c)
	c.Flags().DurationVar(&f.timeout, "timeout", device.DefaultBudget, "how long the sign-in may take, in real time")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "show the steps of the sign-in, on the standard error")
}

func (e environment) mailbox() *cobra.Command {
	c := &cobra.Command{Use: "mailbox", Short: "Show what the phone shows of Exchange: contacts, calls, voice mail, " +
		"calendar",
		Long: `Mailbox signs a phone in, reads the mailbox as the phone does (R9.1, R9.2), shows
a list and signs out. An asterisk is what is unread; nothing is marked as read.
Times are local.`}
	var search string
	contacts := e.mailboxList("contacts", "List the Outlook contacts", func(b device.Mailbox) ([][]string, any) {
		return contactList(b, search)
	})
	contacts.Flags().StringVar(&search, "search", "", "only those with `TEXT` in a name, company, address or number")
	contacts.Example += "\n  ocphone mailbox contacts --lab lab.json --search kelly"
	return addCommands(c, contacts,
		e.mailboxList("calls", "List missed calls and the call log, the newest first", callList),
		e.mailboxList("voicemail", "List the voice mails, the newest first, with the numbers that ocphone voicemail takes",
			voicemailList),
		e.mailboxList("calendar", "List today's and tomorrow's events", calendarList))
}

// contactList and the functions after it return the rows of a table and its JSON
// form.
func contactList(b device.Mailbox, search string) ([][]string, any) {
	all := slices.DeleteFunc(slices.Clone(b.Contacts), func(c ews.Contact) bool { return !matchesContact(c, search) })
	rows := [][]string{{"NAME", "COMPANY", "NUMBERS", "E-MAIL"}}
	for _, c := range all {
		rows = append(rows, []string{c.Name(), c.Company, numbers(c), c.Email})
	}
	return rows, struct {
		mailboxHead
		Contacts []ews.Contact `json:"contacts"`
	}{mailboxHeadOf(b), nonNil(all)}
}

func callList(b device.Mailbox) ([][]string, any) {
	rows := [][]string{{"", "WHEN", "KIND", "WHO", "NUMBER", "LENGTH"}}
	for _, c := range b.Calls {
		isNew := c.Kind == ews.Missed && !c.Read
		rows = append(rows, []string{unreadMark(isNew), localTime(c.At), string(c.Kind), partyName(c.Name, c.Number),
			c.Number, lengthOf(c.Duration)})
	}
	return rows, struct {
		mailboxHead
		Calls []ews.Call `json:"calls"`
	}{mailboxHeadOf(b), nonNil(b.Calls)}
}

func voicemailList(b device.Mailbox) ([][]string, any) {
	rows := [][]string{{"N", "", "WHEN", "WHO", "NUMBER", "LENGTH"}}
	for i, v := range b.VoiceMails {
		length := lengthOf(v.Duration) + protection(v)
		rows = append(rows, []string{strconv.Itoa(i + 1), unreadMark(!v.Read), localTime(v.Received),
			partyName(v.Name, v.Number), v.Number, length})
	}
	return rows, struct {
		mailboxHead
		Unread     int             `json:"unread"`
		VoiceMails []ews.VoiceMail `json:"voiceMails"`
	}{mailboxHeadOf(b), b.Unread, nonNil(b.VoiceMails)}
}

func calendarList(b device.Mailbox) ([][]string, any) {
	rows := [][]string{{"DAY", "TIME", "SUBJECT", "PLACE", "STATUS"}}
	for _, v := range b.Calendar {
		day := v.Start.Local().Format("Mon 2 Jan")
		rows = append(rows, []string{day, span(v), subject(v), place(v), string(v.Status)})
	}
	return rows, struct {
		mailboxHead
		Events []ews.Event `json:"events"`
	}{mailboxHeadOf(b), nonNil(b.Calendar)}
}

// mailboxHead begins every JSON document.
type mailboxHead struct {
	Address string    `json:"address"`
	Polled  time.Time `json:"polled"`
}

func mailboxHeadOf(b device.Mailbox) mailboxHead { return mailboxHead{b.Address, b.Polled} }

// mailboxList is a sub-command that shows a list, as a table or as JSON.
func (e environment) mailboxList(name, short string,
	list func(device.Mailbox) (rows [][]string, form any)) *cobra.Command {
	var f mailboxFlags
	c := &cobra.Command{Use: name, Short: short, Args: noArguments,
		Example: fmt.Sprintf("  ocphone mailbox %[1]s --sign-in tu@example.com --user 'EXAMPLE\\tu'\n"+
			"  ocphone mailbox %[1]s --lab lab.json --json", name),
		RunE: func(c *cobra.Command, _ []string) error {
			return e.withMailbox(c.Context(), &f, func(_ context.Context, _ *device.Phone, b device.Mailbox) error {
				rows, form := list(b)
				if e.json {
					return e.document(form)
				}
				if search := c.Flags().Lookup("search"); len(rows) == 1 && search != nil && search.Value.String() != "" {
					e.warnf("none of %s has %q in it\n", journal.Count(len(b.Contacts), "contact", "contacts"), search.Value.String())
				}
				writeTable(e.text(), rows)
				return nil
			})
		}}
	f.register(c)
	return c
}

// withMailbox signs a phone in, calls use with its mailbox, and signs out. A step
// that failed is shown on the standard error.
func (e environment) withMailbox(ctx context.Context, f *mailboxFlags,
	use func(context.Context, *device.Phone, device.Mailbox) error) error {
	if f.timeout <= 0 {
		return usagef("--timeout %s: it has to be longer than nothing", f.timeout)
	}
	r, err := f.open(ctx, e)
	if err != nil {
		return err
	}
	defer r.Close()
	r.Config.Budget = f.timeout
	phone, err := r.NewPhone()
	if err != nil {
		return err
	}
	defer phone.Close()
	p := newPrinter(e.err, false)
	p.brief = !f.verbose
	session, err := startSession(ctx, phone, r, p, f.verbose)
	if err != nil {
		return err
	}
	s, err := session.wait(ctx, f.timeout, func(device.Snapshot) bool { return false })
	e.result.of(s)
	if err == nil && s.Mailbox != nil {
		err = use(ctx, phone, *s.Mailbox)
		session.finish()
		if err != nil && ctx.Err() != nil {
			return errInterrupted
		}
		return err
	}
	why, known := session.last(journal.Autodiscover, journal.Exchange)
	session.finish()
	if s.Failure != nil {
		why, known = *s.Failure, true
	}
	e.result.Code, e.result.Fix = why.Code, why.Fix
	if known && !f.verbose && !e.quiet {
		p.step(why)
	}
	if err != nil || s.Failure != nil {
		return e.verdict(s, err, "", f.timeout, err != nil && ctx.Err() != nil)
	}
	if why.Code != "" {
		return personf("signed in, but there is no mailbox: %s (ocphone explain %s)", why.Code.Title(), why.Code)
	}
	return personf("signed in, but there is no mailbox")
}

// matchesContact reports whether a name, company, address or number of c contains
// text. Digits match numbers that are written with blanks and hyphens too.
func matchesContact(c ews.Contact, text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	in := []string{c.Name(), c.FileAs, c.Company, c.Email}
	for _, n := range c.Phones {
		in = append(in, n.Text)
		if digits := onlyDigits(text); digits != "" && digits == strings.TrimPrefix(text, "+") &&
			strings.Contains(onlyDigits(n.Text), digits) {
			return true
		}
	}
	return slices.ContainsFunc(in, func(s string) bool { return strings.Contains(strings.ToLower(s), text) })
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// numbers lists the numbers of a contact, each with its kind.
func numbers(c ews.Contact) string {
	var all []string
	for _, n := range c.Phones {
		kind := strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(string(n.Key), "Phone"), "Telephone"))
		all = append(all, n.Text+" ("+kind+")")
	}
	return strings.Join(all, ", ")
}

// unreadMark marks a new row.
func unreadMark(isNew bool) string {
	if isNew {
		return "*"
	}
	return ""
}

// localTime writes a time in the local zone.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// lengthOf writes minutes and seconds; empty if the length is unknown.
func lengthOf(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// partyName is the name of the other party. The number has its own column.
func partyName(name, number string) string {
	if name == "" && number == "" {
		return "withheld"
	}
	return printable(name)
}

// partyText is the name or the number of the other party.
func partyText(name, number string) string { return printable(cmp.Or(name, number, "withheld")) }

func protection(v ews.VoiceMail) string {
	if v.Protected {
		return " protected"
	}
	return ""
}

// span writes the times of an event.
func span(v ews.Event) string {
	if v.AllDay {
		return "all day"
	}
	return v.Start.Local().Format("15:04") + "–" + v.End.Local().Format("15:04")
}

// subject and place hide what is private.
func subject(v ews.Event) string {
	if v.Private {
		return "Private appointment"
	}
	return printable(v.Subject)
}

func place(v ews.Event) string {
	if v.Private {
		return ""
	}
	return printable(v.Location)
}
