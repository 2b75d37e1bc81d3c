package screen

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
)

// contact is one person, with the data of the pool and of Exchange. It is not
// changed after the index is made.
type contact struct {
	name      string
	company   string
	address   string // sign-in address at the pool; "": none is known
	email     string
	phones    []phoneNumber
	inPool    bool // in the contact list of the pool
	inOutlook bool // in the contacts of Outlook

	sortKey    string   // folded name, to sort by
	nameWords  []string // of the name, folded
	otherWords []string // words of company and addresses, folded
	dialKeys   string   // digit keys of all words of the name, concatenated
	wordStarts []int    // where the words begin in dialKeys
	numbers    []string // digits of each of phones, with a leading + if it has one
}

// phoneNumber is a number as it is stored, with its kind.
type phoneNumber struct {
	kind string // of Exchange: BusinessPhone, …
	text string
}

// contactGroup is one group of the pool's contact list.
type contactGroup struct {
	name     string
	other    bool // contacts without a group
	contacts []*contact
}

// contactIndex is the index of contacts. It is made once for each contact list
// and kept until another list arrives. The zero index is empty.
type contactIndex struct {
	version  int             // grows with each list; 0: no list yet
	source   device.Snapshot // has the lists
	all      []*contact      // sorted by name
	outlook  []*contact
	groups   []contactGroup
	byNumber map[string][]contactMatch // by telephone; that with an extension also by the number and ";"

	query string // of found
	found []contactMatch
}

// contactMatch is a contact that was found, and by which of its numbers: -1 for
// its name.
type contactMatch struct {
	*contact
	number int
}

// contacts is the index of the contacts, made when a page first needs it.
func (d pageContext) contacts() *contactIndex {
	if d.index == nil {
		d.index = &contactIndex{}
	}
	d.index.update(d.now)
	return d.index
}

// update makes the index again if the lists of now differ.
func (b *contactIndex) update(now device.Snapshot) {
	fresh := b.version > 0 && b.source.Contacts == now.Contacts && (b.source.Mailbox == nil) == (now.Mailbox == nil) &&
		(now.Mailbox == nil || identical(b.source.Mailbox.Contacts, now.Mailbox.Contacts))
	if fresh {
		b.source = now
		return
	}
	*b = contactIndex{version: b.version + 1, source: now, byNumber: map[string][]contactMatch{}}
	at := map[string]*contact{}
	b.readOutlook(at)
	b.readPool(at)
	for _, p := range b.all {
		p.prepare()
	}
	slices.SortStableFunc(b.all, byName)
	for _, p := range b.all {
		for i, n := range p.phones {
			key := numberKey(n.text)
			if key == "" {
				continue
			}
			b.byNumber[key] = append(b.byNumber[key], contactMatch{p, i})
			if number, _, extended := strings.Cut(key, ";"); extended {
				b.byNumber[number+";"] = append(b.byNumber[number+";"], contactMatch{p, i})
			}
		}
	}
	slices.SortStableFunc(b.outlook, byName)
	for _, s := range b.groups {
		slices.SortStableFunc(s.contacts, byName)
	}
}

// identical reports whether two slices share their elements.
func identical[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func byName(a, b *contact) int { return cmp.Compare(a.sortKey, b.sortKey) }

// readOutlook takes the contacts of Outlook; at finds them by address.
func (b *contactIndex) readOutlook(at map[string]*contact) {
	if b.source.Mailbox == nil {
		return
	}
	for _, c := range b.source.Mailbox.Contacts {
		p := &contact{name: oneLine(c.Name()), company: oneLine(c.Company), email: oneLine(c.Email), inOutlook: true}
		for _, n := range c.Phones {
			p.phones = append(p.phones, phoneNumber{string(n.Key), numberText(n.Text)})
		}
		for _, address := range []string{withoutSIP(c.IM), c.Email} {
			if key := strings.ToLower(address); key != "" && at[key] == nil {
				at[key] = p
			}
		}
		b.all, b.outlook = append(b.all, p), append(b.outlook, p)
	}
}

func withoutSIP(address string) string {
	if scheme, rest, ok := strings.Cut(address, ":"); ok && strings.EqualFold(scheme, "sip") {
		return rest
	}
	return address
}

// readPool takes the contact list of the pool in its groups. A contact of the
// pool that Outlook also has is one contact.
func (b *contactIndex) readPool(at map[string]*contact) {
	list := b.source.Contacts
	if list == nil {
		return
	}
	const others = "~" // OCS's name of the group of contacts without a group
	index := map[uint32]int{}
	rest := contactGroup{other: true}
	for _, g := range list.Groups {
		if g.Name == others {
			continue
		}
		index[g.ID] = len(b.groups)
		b.groups = append(b.groups, contactGroup{name: oneLine(g.Name)})
	}
	for _, c := range list.Contacts {
		p := at[strings.ToLower(c.Address)]
		if p == nil || p.inPool {
			p = &contact{}
			b.all = append(b.all, p)
		}
		p.inPool, p.address = true, oneLine(c.Address)
		if own := oneLine(c.Name); own != "" {
			if p.name != "" && p.name != own {
				p.otherWords = words(p.name)
			}
			p.name = own
		}
		grouped := false
		for _, id := range c.Groups {
			if i, ok := index[id]; ok {
				b.groups[i].contacts = append(b.groups[i].contacts, p)
				grouped = true
			}
		}
		if !grouped {
			rest.contacts = append(rest.contacts, p)
		}
	}
	if len(rest.contacts) > 0 {
		b.groups = append(b.groups, rest)
	}
}

// displayName is the name, else address, e-mail or number.
func (p *contact) displayName() string {
	number := ""
	if len(p.phones) > 0 {
		number = p.phones[0].text
	}
	return cmp.Or(p.name, p.address, p.email, number)
}

// prepare fills the fields that find compares.
func (p *contact) prepare() {
	p.sortKey = fold(p.displayName())
	p.nameWords = splitWords(p.sortKey)
	p.otherWords = append(append(append(p.otherWords, words(p.company)...), words(p.address)...), words(p.email)...)
	var keys strings.Builder
	for _, w := range p.nameWords {
		p.wordStarts = append(p.wordStarts, keys.Len())
		for _, r := range w {
			if k := keyOf(r); k != 0 {
				keys.WriteByte(k)
			}
		}
	}
	p.dialKeys = keys.String()
	for _, n := range p.phones {
		p.numbers = append(p.numbers, digitsOf(n.text))
	}
}

// keyOf is the key of the dial pad for a letter; 0: none.
func keyOf(r rune) byte {
	switch {
	case r >= '0' && r <= '9':
		return byte(r)
	case r >= 'a' && r <= 'z':
		return "22233344455566677778889999"[r-'a'] // ITU-T E.161
	}
	return 0
}

// digitsOf is a number without separators and without its extension; a leading
// + stays.
func digitsOf(text string) string {
	text, _, _ = strings.Cut(text, ";")
	var b strings.Builder
	for _, r := range text {
		if r >= '0' && r <= '9' || r == '+' && b.Len() == 0 {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// fold makes texts comparable: lower case, without diacritics.
func fold(s string) string {
	s = strings.ToLower(s)
	if strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0 {
		return s
	}
	return latin.Replace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(s)))
}

// latin replaces letters that have no decomposition. It is read only.
var latin = strings.NewReplacer("ø", "o", "æ", "ae", "œ", "oe", "ß", "ss",
	"ł", "l", "đ", "d", "ð", "d", "ı", "i")

func words(s string) []string { return splitWords(fold(s)) }

func splitWords(folded string) []string {
	return strings.FieldsFunc(folded, func(r rune) bool {
		return !unicode.In(r, unicode.Letter, unicode.Digit, unicode.Mark)
	})
}

// find gives the contacts that match query. Letters match the beginnings of
// words; digits match the keys of names on the dial pad, and numbers. Matches of
// names come before those of numbers; both are sorted by name.
func (b *contactIndex) find(query string) []contactMatch {
	query = strings.TrimSpace(query)
	if query == b.query {
		return b.found
	}
	b.query, b.found = query, nil
	if strings.Trim(query, "0123456789*#+ ()-./") == "" {
		b.found = b.findDigits(digitsOf(query))
		return b.found
	}
	folded := fold(query)
	parts := splitWords(folded)
	for _, p := range b.all {
		if p.matches(parts) || len(parts) == 0 && strings.Contains(p.sortKey, folded) {
			b.found = append(b.found, contactMatch{p, -1})
		}
	}
	return b.found
}

// matches reports whether each part begins a word of p.
func (p *contact) matches(parts []string) bool {
	for _, part := range parts {
		begins := func(w string) bool { return strings.HasPrefix(w, part) }
		if !slices.ContainsFunc(p.nameWords, begins) && !slices.ContainsFunc(p.otherWords, begins) {
			return false
		}
	}
	return len(parts) > 0
}

func (b *contactIndex) findDigits(q string) []contactMatch {
	if q == "" || q == "+" {
		return nil
	}
	var named, numbered []contactMatch
	for _, p := range b.all {
		begins := func(at int) bool { return strings.HasPrefix(p.dialKeys[at:], q) }
		if slices.ContainsFunc(p.wordStarts, begins) {
			named = append(named, contactMatch{p, -1})
			continue
		}
		for i, d := range p.numbers {
			if numberMatches(d, q) {
				numbered = append(numbered, contactMatch{p, i})
				break
			}
		}
	}
	return append(named, numbered...)
}

// numberMatches compares a number with digits that were typed: one digit or a +
// must begin the number, more digits may be anywhere in it.
func numberMatches(number, q string) bool {
	if q[0] == '+' {
		return strings.HasPrefix(number, q)
	}
	number = strings.TrimPrefix(number, "+")
	return strings.HasPrefix(number, q) || len(q) > 1 && strings.Contains(number, q)
}

// numberKey is a number in byNumber; "": it is none.
func numberKey(text string) string { return strings.TrimPrefix(telephone(text), "+") }

// withNumber are the contacts with exactly that number and extension.
func (b *contactIndex) withNumber(number string) []contactMatch { return b.byNumber[numberKey(number)] }

// nameOf is the name of the contact with that number, also of the only one that has
// it with an extension; "": none is known.
func (b *contactIndex) nameOf(number string) string {
	found := b.withNumber(number)
	if extended := b.byNumber[numberKey(number)+";"]; len(found) == 0 && len(extended) == 1 {
		found = extended
	}
	if len(found) == 0 {
		return ""
	}
	return found[0].name
}

// oneLine is foreign text for a line of a page.
func oneLine(s string) string { return strings.TrimSpace(journal.Printable(s, 0)) }

// numberText is a phone number without the invisible characters that a number
// has when it was copied out of a document: the dial plan must not see them.
func numberText(s string) string {
	return oneLine(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s))
}
