package ad

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const (
	oidPaged       = "1.2.840.113556.1.4.319"  // RFC 2696
	oidDomainScope = "1.2.840.113556.1.4.1339" // no continuation references, MS-ADTS 3.1.1.3.4.1.4
)

// Limits of AD's LDAP policy, MS-ADTS 3.1.1.3.4.6.
const (
	maxPageSize   = 1000 // entries of one answer
	maxResultSets = 10   // paged searches of one connection with further pages
)

const (
	scopeBase = 0
	scopeOne  = 1
	scopeSub  = 2
)

// searchRequest is a SearchRequest, RFC 4511 4.5.1. The directory has no aliases,
// and no search needs a time limit.
type searchRequest struct {
	base      string
	scope     int64
	size      int64
	typesOnly bool
	match     filter
	attrs     []string

	paged       bool
	page        int64
	cookie      string
	domainScope bool
}

// pagedSearch holds the entries of a paged search that were not sent yet.
type pagedSearch struct {
	cookie string
	rest   []*entry
}

func parseSearch(m message) (r searchRequest, err error) {
	p := m.op.Children
	if len(p) != 8 {
		return r, errMalformed
	}
	var okScope, okSize bool
	r.base = text(p[0])
	r.scope, okScope = integer(p[1])
	r.size, okSize = integer(p[3])
	if !okScope || !okSize || r.scope < scopeBase || r.scope > scopeSub || r.size < 0 {
		return r, errMalformed
	}
	r.typesOnly, _ = p[5].Value.(bool)
	if r.match, err = parseFilter(p[6]); err != nil {
		return r, err
	}
	for _, a := range p[7].Children {
		r.attrs = append(r.attrs, text(a))
	}
	for _, ctl := range m.controls {
		switch ctl.oid {
		case oidDomainScope:
			r.domainScope = true
		case oidPaged:
			v, err := decode(ctl.value)
			if err != nil || len(v.Children) != 2 {
				return r, errMalformed
			}
			var ok bool
			if r.page, ok = integer(v.Children[0]); !ok || r.page < 0 {
				return r, errMalformed
			}
			r.paged, r.cookie = true, text(v.Children[1])
		}
	}
	return r, nil
}

// unsupported reports whether there is an unknown critical control.
func unsupported(controls []control) bool {
	return slices.ContainsFunc(controls, func(ctl control) bool {
		return ctl.critical && ctl.oid != oidPaged && ctl.oid != oidDomainScope
	})
}

// searchResult is the result of a search: entries and continuations, or an error.
type searchResult struct {
	entries    []*entry
	references []string
	code       int
	matched    string
	diagnostic string
	referral   string
}

func (c *conn) search(m message) error {
	c.s.searches.Add(1)
	r, err := parseSearch(m)
	if err != nil {
		return err
	}
	a := c.find(r, m.controls)
	if hold := c.faults.BeforeResults; hold != nil {
		hold(c.s.ctx, r.base)
		if err := c.s.ctx.Err(); err != nil {
			return err
		}
	}
	if c.faults.Garbage {
		c.pending = append(c.pending, bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef}, 16)...)
		return nil
	}
	controls := c.cutToPage(r, &a)
	for _, url := range a.references {
		if err := c.send(m.id, constructed(ber.ClassApplication, opSearchReference, octets(url))); err != nil {
			return err
		}
	}
	done := result(opSearchDone, a.code, a.matched, a.diagnostic)
	if a.referral != "" {
		done.AppendChild(constructed(ber.ClassContext, 3, octets(a.referral)))
	}
	if c.faults.CloseMidAnswer {
		if len(a.entries) > 0 {
			done = r.encode(a.entries[0])
		}
		return c.sendHalf(m.id, done)
	}
	for _, e := range a.entries {
		if err := c.send(m.id, r.encode(e)); err != nil {
			return err
		}
	}
	return c.send(m.id, done, controls...)
}

// cutToPage reduces the entries of a to one page or to the size limit. It returns
// the controls of the SearchResultDone.
func (c *conn) cutToPage(r searchRequest, a *searchResult) []*ber.Packet {
	limit := int64(maxPageSize)
	if r.size > 0 {
		limit = min(limit, r.size)
	}
	all := a.entries
	// RFC 2696 3: a size limit up to the page size means one page without paging.
	if !r.paged || a.code != success || r.size > 0 && r.size <= r.page {
		if int64(len(all)) > limit {
			a.entries, a.code = all[:limit], sizeLimitExceeded
		}
		return nil
	}
	a.entries = all[:min(int64(len(all)), limit, r.page)]
	cookie := ""
	if rest := all[len(a.entries):]; len(rest) > 0 && r.page > 0 { // page size 0 abandons a paged search
		cookie = c.storePage(rest)
	}
	value := sequence(number(0), octets(cookie))
	return []*ber.Packet{sequence(octets(oidPaged), octets(string(value.Bytes())))}
}

// sendHalf sends the first half of an answer and ends the connection.
func (c *conn) sendHalf(id int64, op *ber.Packet) error {
	whole := sequence(number(id), op).Bytes()
	c.pending = append(c.pending, whole[:len(whole)/2]...)
	if err := c.flush(); err != nil {
		return err
	}
	return errUnbind
}

// find returns the result of a search.
func (c *conn) find(r searchRequest, controls []control) searchResult {
	s := c.s
	if unsupported(controls) {
		return searchResult{code: unavailableCriticalExtension, diagnostic: textControl}
	}
	if r.base == "" && r.scope == scopeBase {
		return searchResult{entries: []*entry{s.rootDSE()}}
	}
	if c.user == "" {
		return searchResult{code: operationsError, diagnostic: textBindFirst}
	}
	if c.faults.Referral != "" {
		return searchResult{code: referral, referral: c.faults.Referral, diagnostic: textReferral}
	}
	if r.paged && r.cookie != "" {
		rest, ok := c.takePage(r.cookie)
		if !ok {
			return searchResult{code: unwillingToPerform, diagnostic: textCookie}
		}
		return searchResult{entries: rest}
	}
	key, ok := dnKey(r.base)
	if !ok {
		return searchResult{code: invalidDNSyntax, diagnostic: textBadName + bestMatch(r.base)}
	}
	var tree []*entry
	switch {
	case inScope(key, s.names.configurationKey, scopeSub):
		tree = s.configuration(c.faults)
	case inScope(key, s.names.domainKey, scopeSub):
		tree = s.users()
	default:
		return referralTo(r.base)
	}
	if refusal := findBase(tree, key); refusal != nil {
		return *refusal
	}
	a := searchResult{references: c.faults.Continuations}
	for _, e := range tree {
		if inScope(e.key, key, r.scope) && r.match(e) == isTrue {
			a.entries = append(a.entries, e)
		}
	}
	if key == s.names.domainKey && r.scope == scopeSub { // other partitions below it, MS-ADTS 3.1.1.4.6
		a.references = append([]string{"ldap://" + s.dir.Domain() + "/" + s.names.configuration}, a.references...)
	}
	if r.domainScope {
		a.references = nil
	}
	return a
}

// findBase returns nil if the object exists, else the error that names its
// nearest ancestor.
func findBase(tree []*entry, key string) *searchResult {
	for k := key; k != ""; k = parentKey(k) {
		i := slices.IndexFunc(tree, func(e *entry) bool { return e.key == k })
		if i >= 0 && k == key {
			return nil
		}
		if i >= 0 {
			return noObject(tree[i].dn)
		}
	}
	return noObject("")
}

func noObject(best string) *searchResult {
	return &searchResult{code: noSuchObject, matched: best, diagnostic: textNoObject + bestMatch(best)}
}

// referralTo returns a referral to the domain of a DN outside this domain.
func referralTo(base string) searchResult {
	var labels []string
	if dn, err := ldap.ParseDN(base); err == nil {
		for _, rdn := range dn.RDNs {
			if a := rdn.Attributes[0]; strings.EqualFold(a.Type, "DC") {
				labels = append(labels, a.Value)
			}
		}
	}
	domain := strings.Join(labels, ".")
	if domain == "" {
		return *noObject("")
	}
	return searchResult{code: referral, referral: "ldap://" + domain + "/" + base,
		diagnostic: textReferral + "\n\tref 1: '" + domain + "'\n"}
}

func inScope(key, base string, scope int64) bool {
	switch scope {
	case scopeBase:
		return key == base
	case scopeOne:
		return parentKey(key) == base
	}
	return key == base || strings.HasSuffix(key, "\x00"+base)
}

// storePage stores the rest of a paged search and returns its cookie. It drops the
// oldest search if there are maxResultSets.
func (c *conn) storePage(rest []*entry) string {
	c.cookie++
	if len(c.pagedSearches) >= maxResultSets {
		c.pagedSearches = c.pagedSearches[1:]
	}
	cookie := strconv.FormatUint(c.cookie, 10)
	c.pagedSearches = append(c.pagedSearches, pagedSearch{cookie, rest})
	return cookie
}

func (c *conn) takePage(cookie string) ([]*entry, bool) {
	i := slices.IndexFunc(c.pagedSearches, func(p pagedSearch) bool { return p.cookie == cookie })
	if i < 0 {
		return nil, false
	}
	rest := c.pagedSearches[i].rest
	c.pagedSearches = slices.Delete(c.pagedSearches, i, i+1)
	return rest, true
}

// encode returns the SearchResultEntry with the requested attributes, under the
// requested names: all attributes for an empty list or "*", none for "1.1".
func (r searchRequest) encode(e *entry) *ber.Packet {
	list := sequence()
	add := func(a *attr, name string) {
		values := constructed(ber.ClassUniversal, ber.TagSet)
		if !r.typesOnly {
			for _, v := range a.values {
				values.AppendChild(octets(v))
			}
		}
		list.AppendChild(sequence(octets(name), values))
	}
	given := make(map[*attr]bool, len(r.attrs))
	all := len(r.attrs) == 0
	for _, want := range r.attrs {
		all = all || want == "*"
		if a := e.attribute(want); a != nil && !given[a] {
			given[a] = true
			_, option, _ := strings.Cut(want, ";")
			add(a, strings.TrimSuffix(a.name+";"+option, ";"))
		}
	}
	for i := range e.attrs {
		if a := &e.attrs[i]; all && !given[a] {
			add(a, a.name)
		}
	}
	return constructed(ber.ClassApplication, opSearchEntry, octets(e.dn), list)
}
