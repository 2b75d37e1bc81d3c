package ntlm

import (
	"crypto/hmac"
	"crypto/rc4"
	"hash/crc32"
)

// SignatureSize is the length of every signature, in octets.
const SignatureSize = 16

// Session is an established security context, MS-NLMP 3.4.
//
// SignDatagram and VerifyDatagram have no state and are safe for concurrent use.
// Sign, Seal, Verify, Unseal and ResetCrypto have state and are not. With extended
// session security one goroutine may Sign and Seal while another one does Verify
// and Unseal: the directions have separate states.
type Session struct {
	flags   Flags
	out, in direction
}

// direction holds the keys and the state of one direction.
type direction struct {
	sign, seal []byte
	stream     *rc4.Cipher
	seq        uint32
}

// The terminating NUL belongs to the constant, MS-NLMP 3.4.5.2 and 3.4.5.3.
const (
	clientSignMagic = "session key to client-to-server signing key magic constant\x00"
	serverSignMagic = "session key to server-to-client signing key magic constant\x00"
	clientSealMagic = "session key to client-to-server sealing key magic constant\x00"
	serverSealMagic = "session key to server-to-client sealing key magic constant\x00"
)

func newSession(flags Flags, exportedKey []byte, server bool) *Session {
	client := direction{
		sign: md5sum(exportedKey, []byte(clientSignMagic)),
		seal: sealKey(flags, exportedKey, clientSealMagic),
	}
	srv := direction{
		sign: md5sum(exportedKey, []byte(serverSignMagic)),
		seal: sealKey(flags, exportedKey, serverSealMagic),
	}
	s := &Session{flags: flags, out: client, in: srv}
	if server {
		s.out, s.in = srv, client
	}
	return s
}

// sealKey is SEALKEY of MS-NLMP 3.4.5.3 without LM session keys.
func sealKey(flags Flags, key []byte, magic string) []byte {
	switch {
	case flags&NegotiateESS == 0:
		return key
	case flags&Negotiate128 != 0:
	case flags&Negotiate56 != 0:
		key = key[:7]
	default:
		key = key[:5]
	}
	return md5sum(key, []byte(magic))
}

// Flags are the flags that client and server agreed on.
func (s *Session) Flags() Flags { return s.flags }

// ResetCrypto restarts the streams and keeps the sequence numbers: SPNEGO does
// so after its mechListMIC (RFC 4178, MS-SPNG 3.3.5.1).
func (s *Session) ResetCrypto() { s.out.stream, s.in.stream = nil, nil }

// stream is the RC4 handle of a direction. It is made at its first use: it has a
// KiB, and a session of the datagram form does not need it.
func (s *Session) stream(d *direction) *rc4.Cipher {
	if s.flags&NegotiateESS == 0 {
		d = &s.out // one handle for both directions, MS-NLMP 3.4.4.1
	}
	if d.stream == nil {
		d.stream = newRC4(d.seal)
	}
	return d.stream
}

// Sign returns the signature of msg, the next message on the connection.
func (s *Session) Sign(msg []byte) []byte {
	return s.mac(&s.out, s.stream(&s.out), s.out.nextSeq(), msg)
}

// Verify reports whether sig is the peer's signature of msg, the next message on
// the connection.
func (s *Session) Verify(msg, sig []byte) bool {
	return s.equalSignature(sig, s.mac(&s.in, s.stream(&s.in), s.in.nextSeq(), msg))
}

// Seal encrypts msg and returns it with its signature, MS-NLMP 3.4.3.
func (s *Session) Seal(msg []byte) (sealed, sig []byte) {
	sealed = make([]byte, len(msg))
	s.stream(&s.out).XORKeyStream(sealed, msg)
	return sealed, s.mac(&s.out, s.stream(&s.out), s.out.nextSeq(), msg)
}

// Unseal decrypts a message that the peer sealed. If the signature is wrong, it
// returns only ErrSignature, and the session must not be used any more.
func (s *Session) Unseal(sealed, sig []byte) ([]byte, error) {
	msg := make([]byte, len(sealed))
	s.stream(&s.in).XORKeyStream(msg, sealed)
	if !s.equalSignature(sig, s.mac(&s.in, s.stream(&s.in), s.in.nextSeq(), msg)) {
		return nil, ErrSignature
	}
	return msg, nil
}

// SignDatagram returns the signature of msg under a sequence number that the
// protocol supplies; MS-SIPAE has 100 for every message in both directions
// (docs/protocol/sip-connection.md#ntlm-in-sip).
func (s *Session) SignDatagram(seq uint32, msg []byte) []byte {
	return s.mac(&s.out, s.datagramStream(&s.out, seq), seq, msg)
}

// VerifyDatagram reports whether sig is the peer's SignDatagram of msg.
func (s *Session) VerifyDatagram(seq uint32, msg, sig []byte) bool {
	return s.equalSignature(sig, s.mac(&s.in, s.datagramStream(&s.in, seq), seq, msg))
}

// datagramStream is a new handle for one message, MS-NLMP 3.4.4.
func (s *Session) datagramStream(d *direction, seq uint32) *rc4.Cipher {
	if s.flags&NegotiateESS == 0 {
		return newRC4(d.seal)
	}
	return newRC4(md5sum(d.seal, le.AppendUint32(nil, seq)))
}

// mac is MS-NLMP 3.4.4.1 (no extended session security) and 3.4.4.2.
func (s *Session) mac(d *direction, stream *rc4.Cipher, seq uint32, msg []byte) []byte {
	sig := make([]byte, SignatureSize)
	le.PutUint32(sig, 1)
	if s.flags&NegotiateESS != 0 {
		sum := hmacMD5(d.sign, le.AppendUint32(nil, seq), msg)[:8]
		if s.flags&NegotiateKeyExch != 0 {
			stream.XORKeyStream(sum, sum)
		}
		copy(sig[4:], sum)
		le.PutUint32(sig[12:], seq)
		return sig
	}
	b := make([]byte, 12) // random pad, CRC, 0: the pad is sent as 0
	le.PutUint32(b[4:], crc32.ChecksumIEEE(msg))
	stream.XORKeyStream(b, b)
	le.PutUint32(b[8:], le.Uint32(b[8:])^seq)
	copy(sig[8:], b[4:])
	return sig
}

// equalSignature compares in constant time. Without extended session security it
// ignores octets 4 to 7, the sender's random pad, which Windows does not set
// (docs/protocol/sip-connection.md#ntlm-in-sip).
func (s *Session) equalSignature(got, want []byte) bool {
	if len(got) != SignatureSize {
		return false
	}
	if s.flags&NegotiateESS == 0 {
		got = concat(got[:4], want[4:8], got[8:])
	}
	return hmac.Equal(got, want)
}

func (d *direction) nextSeq() uint32 {
	d.seq++
	return d.seq - 1
}
