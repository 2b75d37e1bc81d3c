package pool

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"github.com/ocphone/ocphone/device/sipwire"
)

// digestNonce is the nonce of one connection and the highest count a client has
// used it with, so that nothing can be replayed.
type digestNonce struct {
	value string
	count uint64
	stale bool // the client used one that is not good any more: this is no wrong password
}

func (n *digestNonce) challenge(s Scheme) string {
	if n.value == "" {
		n.value = rand.Text()
	}
	stale := ""
	if n.stale {
		stale = ", stale=true"
	}
	return fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s, qop="auth"%s`, Realm, n.value, s, stale)
}

// digest checks an RFC 3261 22.4 response, qop=auth, MD5 or SHA-256 (RFC 8760).
func (c *conn) digest(req *sip.Request, cred sipwire.Auth) (*session, *sip.Response) {
	algorithm, newHash := DigestMD5, md5.New
	if strings.EqualFold(cred.Get("algorithm"), string(DigestSHA256)) {
		algorithm, newHash = DigestSHA256, sha256.New
	}
	count, err := strconv.ParseUint(cred.Get("nc"), 16, 32)
	if !c.pool.speaks(algorithm) || c.nonce.value == "" || err != nil || cred.Get("nonce") != c.nonce.value || count <= c.nonce.count {
		c.nonce = digestNonce{stale: true} // or a replay
		return nil, c.challenge(req, Diagnostics{})
	}
	c.nonce.count, c.nonce.stale = count, false
	u, known := c.pool.dir.FindUser(cred.Get("username"), "")
	sum := func(parts ...string) string { return digestSum(newHash, parts...) }
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
		return nil, c.unusable(req, u.Status())
	}
	if err := c.pool.dir.GoodLogon(u.SAM); err != nil {
		return nil, c.unusable(req, err)
	}
	return &session{sam: u.SAM, auth: "digest " + string(algorithm)}, nil
}

func digestSum(newHash func() hash.Hash, parts ...string) string {
	h := newHash()
	h.Write([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(h.Sum(nil))
}
