package pool

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
)

// digestNonce is a nonce with the highest nonce count that a client has used,
// which prevents replay. Each challenge has its own nonce: the users of one
// connection (a proxy, a phone with several lines) must not invalidate each
// other's.
type digestNonce struct {
	value string
	count uint64
}

// maxNonces bounds the valid nonces of a connection. A further one makes the
// oldest stale.
const maxNonces = 64

// newNonce makes a nonce for one challenge.
func (c *conn) newNonce() string {
	n := &digestNonce{value: rand.Text()}
	c.nonces = append(c.nonces, n)
	c.nonces = c.nonces[max(0, len(c.nonces)-maxNonces):]
	return n.value
}

// useNonce reports whether the nonce is valid with this count, and uses up the
// count. A count that was used before invalidates the nonce.
func (c *conn) useNonce(value string, count uint64) bool {
	i := slices.IndexFunc(c.nonces, func(n *digestNonce) bool { return n.value == value })
	switch {
	case i < 0:
		return false
	case count <= c.nonces[i].count:
		c.nonces = slices.Delete(c.nonces, i, i+1)
		return false
	}
	c.nonces[i].count = count
	return true
}

// digestChallenge returns a WWW-Authenticate value. stale means that the nonce was
// not valid, rather than the password.
func digestChallenge(s Scheme, nonce string, stale bool) string {
	value := fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s, qop="auth"`, Realm, nonce, s)
	if stale {
		value += ", stale=true"
	}
	return value
}

// digest checks an RFC 3261 22.4 response, qop=auth, MD5 or SHA-256 (RFC 8760).
func (c *conn) digest(req *sip.Request, cred sipwire.Auth) (*session, *sip.Response) {
	algorithm, newHash := DigestMD5, md5.New
	if strings.EqualFold(cred.Get("algorithm"), string(DigestSHA256)) {
		algorithm, newHash = DigestSHA256, sha256.New
	}
	if !sameResource(cred.Get("uri"), req.Recipient) { // RFC 7616 3.4.6
		return nil, c.refusal(req, 400, diagDigestURI)
	}
	count, err := strconv.ParseUint(cred.Get("nc"), 16, 32)
	if !c.pool.offersScheme(algorithm) || err != nil || !c.useNonce(cred.Get("nonce"), count) {
		c.stale = true // or a replay
		return nil, c.challenge(req, Diagnostics{})
	}
	u, known := c.pool.dir.FindUser(cred.Get("username"), "")
	sum := func(parts ...string) string { return hexDigest(newHash, parts...) }
	want := sum(
		sum(cred.Get("username"), Realm, u.Password), cred.Get("nonce"), cred.Get("nc"), cred.Get("cnonce"), cred.Get("qop"),
		sum(string(req.Method), cred.Get("uri")))
	good := subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(cred.Get("response")))) == 1
	switch {
	case !known || !u.Locked && (!good || cred.Get("qop") != "auth" || cred.Get("realm") != Realm):
		if known {
			c.pool.dir.BadLogon(u.SAM)
		}
		return nil, c.badLogon(req)
	case u.Locked:
		return nil, c.accountRefusal(req, u.Status())
	}
	if err := c.pool.dir.GoodLogon(u.SAM); err != nil {
		return nil, c.accountRefusal(req, err)
	}
	return &session{sam: u.SAM, auth: "digest " + string(algorithm)}, nil
}

// sameResource reports whether uri names the resource of a Request-URI. URI parameters
// are not compared.
func sameResource(uri string, of sip.Uri) bool {
	var named sip.Uri
	return sip.ParseUri(uri, &named) == nil && named.Scheme == of.Scheme && named.User == of.User &&
		strings.EqualFold(named.Host, of.Host) && named.Port == of.Port
}

func hexDigest(newHash func() hash.Hash, parts ...string) string {
	h := newHash()
	h.Write([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h.Sum(nil))
}
