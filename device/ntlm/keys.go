package ntlm

import (
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"strings"
	"unicode/utf16"

	//lint:ignore SA1019 NTLM is built on MD4, MS-NLMP 3.3.1
	"golang.org/x/crypto/md4"
)

// NTHash is NTOWFv1 of MS-NLMP 3.3.1: MD4 of the password in UTF-16LE. Protect it
// like the password: it is sufficient for a log-on.
func NTHash(password string) []byte {
	h := md4.New()
	h.Write(encodeUTF16(password))
	return h.Sum(nil)
}

// ntHashV2 is NTOWFv2 of MS-NLMP 3.3.2. Only the user is upper-cased.
func ntHashV2(ntHash []byte, user, domain string) []byte {
	return hmacMD5(ntHash, encodeUTF16(strings.ToUpper(user)+domain))
}

// ChannelBindings is the channel binding token of a TLS connection whose
// server presented cert: MD5 of a gss_channel_bindings_struct without
// addresses that holds "tls-server-end-point:" and the certificate's hash
// (RFC 5929 4.1, MS-NLMP 2.2.2.1).
func ChannelBindings(cert *x509.Certificate) []byte {
	var sum []byte
	switch cert.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		s := sha512.Sum384(cert.Raw)
		sum = s[:]
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		s := sha512.Sum512(cert.Raw)
		sum = s[:]
	default: // SHA-256; RFC 5929 4.1 replaces MD5 and SHA-1 with it
		s := sha256.Sum256(cert.Raw)
		sum = s[:]
	}
	data := append([]byte("tls-server-end-point:"), sum...)
	return md5sum(make([]byte, 16), le.AppendUint32(nil, uint32(len(data))), data)
}

// response is the result of ComputeResponse, MS-NLMP 3.3.
type response struct {
	nt, lm         []byte
	sessionBaseKey []byte
	keyExchangeKey []byte
}

// responseV1 is MS-NLMP 3.3.1 with NoLMResponseNTLMv1: without extended session
// security the NT response is used as the LM response too.
func responseV1(flags Flags, ntHash, serverChallenge, clientChallenge []byte) response {
	base := md4.New()
	base.Write(ntHash)
	r := response{sessionBaseKey: base.Sum(nil)}
	if flags&NegotiateESS == 0 {
		r.nt = desLong(ntHash, serverChallenge)
		r.lm = r.nt
		r.keyExchangeKey = r.sessionBaseKey
		return r
	}
	r.nt = desLong(ntHash, md5sum(serverChallenge, clientChallenge)[:8])
	r.lm = concat(clientChallenge, make([]byte, 16))
	r.keyExchangeKey = hmacMD5(r.sessionBaseKey, serverChallenge, clientChallenge) // MS-NLMP 3.4.5.1
	return r
}

// responseV2 is MS-NLMP 3.3.2; filetime has 8 octets.
func responseV2(hashV2, serverChallenge, clientChallenge, filetime, targetInfo []byte) response {
	temp := concat([]byte{1, 1, 0, 0, 0, 0, 0, 0}, filetime, clientChallenge, make([]byte, 4), targetInfo, make([]byte, 4))
	proof := hmacMD5(hashV2, serverChallenge, temp)
	key := hmacMD5(hashV2, proof)
	return response{
		nt:             concat(proof, temp),
		lm:             concat(hmacMD5(hashV2, serverChallenge, clientChallenge), clientChallenge),
		sessionBaseKey: key,
		keyExchangeKey: key,
	}
}

func hmacMD5(key []byte, parts ...[]byte) []byte {
	h := hmac.New(md5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func md5sum(parts ...[]byte) []byte {
	h := md5.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// newRC4 never fails: every key here has 16 octets.
func newRC4(key []byte) *rc4.Cipher {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic("ntlm: " + err.Error())
	}
	return c
}

func rc4Once(key, data []byte) []byte {
	out := make([]byte, len(data))
	newRC4(key).XORKeyStream(out, data)
	return out
}

// desLong is DESL of MS-NLMP 6: three DES encryptions under the 16 octets of
// key, padded with zeros to 21.
func desLong(key, data []byte) []byte {
	padded := make([]byte, 21)
	copy(padded, key)
	out := make([]byte, 24)
	for i := range 3 {
		k7 := padded[7*i : 7*i+7]
		k8 := make([]byte, 8) // 7 bits an octet, the parity bit is free
		k8[0] = k7[0]
		for j := 1; j < 7; j++ {
			k8[j] = k7[j-1]<<(8-j) | k7[j]>>j
		}
		k8[7] = k7[6] << 1
		c, err := des.NewCipher(k8)
		if err != nil {
			panic("ntlm: " + err.Error())
		}
		c.Encrypt(out[8*i:], data)
	}
	return out
}

func encodeUTF16(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = le.AppendUint16(b, u)
	}
	return b
}

func decodeUTF16(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = le.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}
