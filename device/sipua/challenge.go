package sipua

import (
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"github.com/ocphone/ocphone/device/sipwire"
)

// Authentication schemes.
const (
	schemeNTLM     = "NTLM"
	schemeDigest   = "Digest"
	schemeKerberos = "Kerberos"
)

// maxChallenges bounds what one answer may offer; real servers send three.
const maxChallenges = 16

// challenge is one offer of a server to authenticate.
type challenge struct {
	sipwire.Auth
	proxy bool // from Proxy-Authenticate: answered by Proxy-Authorization
}

// challenges reads all offers of an answer: any order, several headers or one
// that joins them with commas, 401 or 407 (docs/protocol/sip-connection.md#registration).
func challenges(res *sip.Response) []challenge {
	var all []challenge
	for _, a := range sipwire.Auths(res, "WWW-Authenticate") {
		all = append(all, challenge{Auth: a})
	}
	for _, a := range sipwire.Auths(res, "Proxy-Authenticate") {
		all = append(all, challenge{Auth: a, proxy: true})
	}
	return all[:min(len(all), maxChallenges)]
}

// chooseChallenge returns the strongest challenge that the phone supports; ok is
// false if there is none. skipped has a sentence for each other challenge. The
// phone uses NTLM and digest only where ntlm and digest are set.
func chooseChallenge(all []challenge, ntlm, digest bool) (best challenge, ok bool, skipped []string) {
	strength := func(c challenge) int {
		switch {
		case c.hasScheme(schemeNTLM) && ntlm:
			return 100 + c.version()
		case c.hasScheme(schemeDigest) && digest:
			return c.digestStrength()
		}
		return 0
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b challenge) int { return strength(b) - strength(a) })
	for i, c := range all {
		switch {
		case strength(c) > 0 && i == 0:
			best, ok = c, true
		case strength(c) > 0:
			skipped = append(skipped, c.String()+" skipped: weaker.")
		case c.hasScheme(schemeKerberos):
			skipped = append(skipped, "Kerberos skipped: no Kerberos ticket.")
		case c.hasScheme(schemeNTLM) && !ntlm:
			skipped = append(skipped, c.String()+" skipped: the phone uses it over TLS only.")
		case c.hasScheme(schemeDigest) && !digest:
			skipped = append(skipped, c.String()+" skipped: this firmware does not sign in to a pool with it.")
		default:
			skipped = append(skipped, c.String()+" skipped: the phone does not support it.")
		}
	}
	return best, ok, skipped
}

func (c challenge) hasScheme(scheme string) bool { return strings.EqualFold(c.Scheme, scheme) }

// version is the version of the authentication protocol, 2 when absent.
func (c challenge) version() int {
	n, _ := strconv.ParseUint(c.Get("version"), 10, 8)
	return max(int(n), 2)
}

// String names the challenge in steps.
func (c challenge) String() string {
	switch {
	case c.hasScheme(schemeNTLM):
		server := cmp.Or(printable(c.Get("targetname")), "a server without a name")
		return fmt.Sprintf("NTLM version %d for %s", c.version(), server)
	case c.hasScheme(schemeDigest):
		return fmt.Sprintf("Digest %s for realm %q", cmp.Or(printable(c.Get("algorithm")), "MD5"), printable(c.Get("realm")))
	}
	return printable(c.Scheme)
}

// credentials is the header that answers the challenge.
func (c challenge) credentials(value string) sipwire.Header {
	if c.proxy {
		return sipwire.Header{Name: "Proxy-Authorization", Value: value}
	}
	return sipwire.Header{Name: "Authorization", Value: value}
}

// stale says that only the nonce was too old: the password is not refused
// (RFC 7616 3.3).
func (c challenge) stale() bool { return strings.EqualFold(c.Get("stale"), "true") }

// digest converts c for the digest library.
func (c challenge) digest() *digest.Challenge {
	d := &digest.Challenge{Realm: c.Get("realm"), Nonce: c.Get("nonce"), Opaque: c.Get("opaque"),
		Algorithm: c.Get("algorithm"), Userhash: strings.EqualFold(c.Get("userhash"), "true")}
	for q := range strings.SplitSeq(c.Get("qop"), ",") {
		if q = strings.ToLower(strings.TrimSpace(q)); q != "" {
			d.QOP = append(d.QOP, q)
		}
	}
	return d
}

// sessionSuffix is the end of an algorithm's name whose hash of user and password
// is bound to the first nonce (RFC 7616 3.4.2).
const sessionSuffix = "-SESS"

// digestAlgorithm is one that the phone answers challenges with.
type digestAlgorithm struct {
	strength int // RFC 8760 2.3
	hash     func() hash.Hash
}

var digestAlgorithms = map[string]digestAlgorithm{
	"":            {1, md5.New}, // RFC 7616 3.3: absent means MD5
	"MD5":         {1, md5.New},
	"SHA-256":     {2, sha256.New},
	"SHA-512-256": {3, sha512.New512_256},
}

// algorithm returns the name of the algorithm without sessionSuffix, and whether
// it had that suffix.
func (c challenge) algorithm() (name string, session bool) {
	return strings.CutSuffix(strings.ToUpper(c.Get("algorithm")), sessionSuffix)
}

// digestStrength orders digests by their algorithm (RFC 8760 2.3); 0 means that
// the phone cannot answer it.
func (c challenge) digestStrength() int {
	d := c.digest()
	name, session := c.algorithm()
	if d.Algorithm = name; d.Nonce == "" || !digest.CanDigest(d) {
		return 0
	}
	if session && len(d.QOP) == 0 { // without qop the answer may not carry the cnonce that it depends on
		return 0
	}
	return digestAlgorithms[name].strength
}

// digester makes the credentials of requests from one digest challenge. It uses
// the nonce with a rising count until the server calls it stale (RFC 7616 3.4).
type digester struct {
	challenge      challenge
	user, password string
	count          int
	cnonce         string // the same in all answers; "": chosen with the first
}

func (d *digester) credentials(method, uri string) (sipwire.Header, error) {
	d.count++
	d.cnonce = cmp.Or(d.cnonce, rand.Text())
	offer := d.challenge.digest()
	o := digest.Options{Method: method, URI: uri, Count: d.count, Username: d.user, Password: d.password, Cnonce: d.cnonce}
	name, session := d.challenge.algorithm()
	if session {
		o.A1 = d.sessionA1(name)
	}
	named := offer.Algorithm
	offer.Algorithm = name
	c, err := digest.Digest(offer, o)
	if err != nil {
		return sipwire.Header{}, err
	}
	c.Algorithm = named
	return d.challenge.credentials(c.String()), nil
}

// sessionA1 is H(A1) of an algorithm with sessionSuffix (RFC 7616 3.4.2). The
// library does not compute it.
func (d *digester) sessionA1(algorithm string) string {
	sum := func(parts ...string) string {
		h := digestAlgorithms[algorithm].hash()
		io.WriteString(h, strings.Join(parts, ":"))
		return hex.EncodeToString(h.Sum(nil))
	}
	return sum(sum(d.user, d.challenge.Get("realm"), d.password), d.challenge.Get("nonce"), d.cnonce)
}
