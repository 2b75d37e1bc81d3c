package ntlm

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wantHex(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if hex.EncodeToString(got) != want {
		t.Errorf("%s = %x, want %s", what, got, want)
	}
}

// MS-NLMP 4.2.1, common values.
var (
	nlmpServerChallenge = "0123456789abcdef"
	nlmpClientChallenge = bytes.Repeat([]byte{0xaa}, 8)
	nlmpSessionKey      = bytes.Repeat([]byte{0x55}, 16)
)

func TestHashesOfMSNLMP(t *testing.T) {
	nt := NTHash("Password")
	wantHex(t, "NTOWFv1", nt, "a4f49c406510bdcab6824ee7c30fd852")
	wantHex(t, "NTOWFv2", ntHashV2(nt, "User", "Domain"), "0c868a403bfd7a93a3001ef22ef02e3f")
}

func TestResponsesOfMSNLMP(t *testing.T) {
	sc := unhex(t, nlmpServerChallenge)
	nt := NTHash("Password")
	info := unhex(t, "02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000")
	v1 := responseV1(0xe2028233, nt, sc, nlmpClientChallenge)
	ess := responseV1(0x820a8233, nt, sc, nlmpClientChallenge)
	v2 := responseV2(ntHashV2(nt, "User", "Domain"), sc, nlmpClientChallenge, make([]byte, 8), info)
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"v1 NT (4.2.2.2.1)", v1.nt, "67c43011f30298a2ad35ece64f16331c44bdbed927841f94"},
		{"v1 session base key (4.2.2.1.3)", v1.sessionBaseKey, "d87262b0cde4b1cb7499becccdf10784"},
		{"v1 encrypted session key (4.2.2.2.3)", rc4Once(v1.keyExchangeKey, nlmpSessionKey), "518822b1b3f350c8958682ecbb3e3cb7"},
		{"v1 ESS LM (4.2.3.2.1)", ess.lm, "aaaaaaaaaaaaaaaa00000000000000000000000000000000"},
		{"v1 ESS NT (4.2.3.2.2)", ess.nt, "7537f803ae367128ca458204bde7caf81e97ed2683267232"},
		{"v1 ESS key exchange key (4.2.3.1.3)", ess.keyExchangeKey, "eb93429a8bd952f8b89c55b87f475edc"},
		{"v2 LM (4.2.4.2.1)", v2.lm, "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"},
		{"v2 proof (4.2.4.2.2)", v2.nt[:16], "68cd0ab851e51c96aabc927bebef6a1c"},
		{"v2 session base key (4.2.4.1.2)", v2.sessionBaseKey, "8de40ccadbc14a82f15cb0ad0de95ca3"},
		{"v2 encrypted session key (4.2.4.2.3)", rc4Once(v2.keyExchangeKey, nlmpSessionKey), "c5dad2544fc9799094ce1ce90bc9d03e"},
	} {
		wantHex(t, c.name, c.got, c.want)
	}
}

func TestSealAndSignOfMSNLMP(t *testing.T) {
	plain := encodeUTF16("Plaintext")
	for _, c := range []struct {
		name         string
		flags        Flags
		key          []byte
		signKey      string // "" with CRC-32 signatures
		sealKey      string
		sealed, sign string
	}{
		// The random pad, octets 4 to 7, is printed in MS-NLMP 4.2.2.4 and sent as 0 here, by OCS too.
		{"v1 (4.2.2.4)", 0xe2028233, nlmpSessionKey, "", "55555555555555555555555555555555",
			"56fe04d861f9319af0d7238a2e3b4d457fb8", "010000000000000009dcd1df2e459d36"},
		{"v1 ESS (4.2.3.4)", 0x820a8233, unhex(t, "eb93429a8bd952f8b89c55b87f475edc"),
			"60e799be5c72fc92922ae8ebe961fb8d", "04dd7f014d8504d265a25cc86a3a7c06", "", "01000000ff2aeb52f681793a00000000"},
		{"v2 (4.2.4.4)", 0xe28a8233, nlmpSessionKey, "4788dc861b4782f35d43fd98fe1a2d39", "59f600973cc4960a25480a7c196e4c58",
			"54e50165bf1936dc996020c1811b0f06fb5f", "010000007fb38ec5c55d497600000000"},
		{"v2 without key exchange", 0xe28a8233 &^ NegotiateKeyExch, nlmpSessionKey, "4788dc861b4782f35d43fd98fe1a2d39",
			"59f600973cc4960a25480a7c196e4c58", "54e50165bf1936dc996020c1811b0f06fb5f", "0100000070352851f256430900000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, server := newSession(c.flags, c.key, false), newSession(c.flags, c.key, true)
			wantHex(t, "seal key", client.out.seal, c.sealKey)
			if c.signKey != "" {
				wantHex(t, "sign key", client.out.sign, c.signKey)
			}
			sealed, sig := client.Seal(plain)
			if c.sealed != "" {
				wantHex(t, "sealed", sealed, c.sealed)
			}
			wantHex(t, "signature", sig, c.sign)
			if got, err := server.Unseal(sealed, sig); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("Unseal = %q, %v", got, err)
			}
		})
	}
}

// Vectors of E. Glass, "The NTLM Authentication Protocol and Security Support Provider".
func TestSignaturesOfDavenport(t *testing.T) {
	key := unhex(t, "0102030405060708090a0b0c0d0e0f00")
	s := newSession(NegotiateESS|Negotiate128, key, false)
	wantHex(t, "sign key", s.out.sign, "f7f97a82ec390f9c903dac4f6aceb132")
	wantHex(t, "signature", s.Sign([]byte("jCIFS")), "010000000a003602317a759a00000000")

	// The random pad 00090178 of the printed signature must not matter.
	s = &Session{out: direction{seal: unhex(t, "0102030405e538b0")}} // one handle for both directions
	if !s.Verify([]byte("jCIFS"), unhex(t, "0100000078010900397420fe0e5a0f89")) {
		t.Error("the CRC-32 signature of Davenport does not verify")
	}
}

// sipExchange reads testdata/sip-exchange.txt.
func sipExchange(t testing.TB) map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/sip-exchange.txt")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && !strings.HasPrefix(k, "#") {
			m[k] = v
		}
	}
	return m
}

func unbase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The whole exchange of docs/protocol/sip-connection.md#test-vectors (b), octet by
// octet, from both ends.
func TestSIPExchange(t *testing.T) {
	v := sipExchange(t)
	now := func() time.Time { return parseFiletime(le.AppendUint64(nil, 128900000000000000)) }

	server := &Server{NetBIOSDomain: "CONTOSO", NetBIOSComputer: "POOL01-FE1", DNSDomain: "contoso.local", DNSComputer: "fe1.contoso.local",
		Flags: 0xE29882F3, Rand: bytes.NewReader(unhex(t, "0011223344556677")),
		NTHash: func(user, domain string) ([]byte, error) {
			if user != "kerry" || domain != "CONTOSO" {
				t.Errorf("asked for %q of %q", user, domain)
			}
			return unhex(t, v["NTOWFv1"]), nil
		}}
	challenge, err := server.Challenge(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(challenge, unbase64(t, v["t2 b64"])) {
		t.Errorf("challenge %x\nwant      %x", challenge, unbase64(t, v["t2 b64"]))
	}

	client := &Client{User: "kerry", Domain: "CONTOSO", Password: "C0ntoso-Pa55", Workstation: "OCPE-000413AB", Flags: FlagsSIP, Now: now,
		Rand: bytes.NewReader(unhex(t, "8899aabbccddeeff"+v["ExportedSessionKey"]))}
	msg, cs, err := client.Authenticate(unbase64(t, v["t2 b64"]))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(msg, unbase64(t, v["t3 b64"])) {
		t.Errorf("answer %x\nwant   %x", msg, unbase64(t, v["t3 b64"]))
	}
	if cs.Flags() != 0x62988255 {
		t.Errorf("flags %08x", uint32(cs.Flags()))
	}
	id, ss, err := server.Authenticate(unbase64(t, v["t3 b64"]))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Identity{User: "kerry", Domain: "CONTOSO", Workstation: "OCPE-000413AB", Time: now()}); id != want {
		t.Errorf("identity %+v, want %+v", id, want)
	}
	for name, got := range map[string][]byte{"csign": cs.out.sign, "cseal": cs.out.seal, "ssign": ss.out.sign, "sseal": ss.out.seal} {
		wantHex(t, name, got, v[name])
	}
	for _, c := range []struct {
		name     string
		from, to *Session
	}{{"req v4", cs, ss}, {"rsp v4", ss, cs}, {"inv v4", cs, ss}, {"inv v2", cs, ss}} {
		buf := []byte(v[c.name+" buf"])
		sig := c.from.SignDatagram(100, buf)
		wantHex(t, c.name, sig, v[c.name+" sig"])
		if !c.to.VerifyDatagram(100, buf, sig) {
			t.Errorf("%s does not verify", c.name)
		}
		if c.to.VerifyDatagram(100, append(buf, 'x'), sig) || c.to.VerifyDatagram(101, buf, sig) || c.from.VerifyDatagram(100, buf, sig) {
			t.Errorf("%s verifies for another buffer, number or direction", c.name)
		}
	}
}
