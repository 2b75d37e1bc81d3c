package sipua

import (
	"testing"

	"github.com/ocphone/ocphone/device/sipwire"
)

// RFC 7616 3.9.1 gives MD5 and SHA-256. The answers of MD5-sess and SHA-256-sess are
// those of curl 7.88 to the challenge of that section, with the cnonce that it chose.
// The others follow from the formula of RFC 7616 3.4.
func TestDigestVectors(t *testing.T) {
	const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	for _, row := range []struct{ algorithm, cnonce, response string }{
		{"", cnonce, "8ca523f5e9506fed4657c9700eebdbec"},
		{"MD5", cnonce, "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", cnonce, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{"MD5-sess", "ZDc1MjQ1NTExYzUxMWE3MTY1YTJkNDI3NmQzODE2ZjY=", "5e3a1b3107e6531d3d357958c61c8a92"},
		{"sha-256-SESS", "OGZiOGZmMzc3YTgyM2I5N2Q4ZDdhNzQ4M2QxNDc1ODY=", "0c8adfcf45e75e228df38fad5833ec342d46130a0b50cbb2d682dca8a641ae43"},
		{"SHA-512-256-sess", cnonce, "3f2a34f923c38b0fb26dce2fdfc2ce326c23cecf86fbb1444f3e51fbbc2cb92e"},
	} {
		t.Run(row.algorithm, func(t *testing.T) {
			d := digester{user: "Mufasa", password: "Circle of Life", cnonce: row.cnonce, challenge: digestOffer(
				"realm", "http-auth@example.org", "nonce", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "qop", "auth, auth-int", "algorithm", row.algorithm)}
			if d.challenge.digestStrength() == 0 {
				t.Fatal("the phone does not answer it")
			}
			h, err := d.credentials("GET", "/dir/index.html")
			if err != nil {
				t.Fatal(err)
			}
			a, err := sipwire.ParseAuth(h.Value)
			if err != nil || a[0].Get("response") != row.response || a[0].Get("algorithm") != row.algorithm || a[0].Get("cnonce") != row.cnonce {
				t.Errorf("%s, %v", h.Value, err)
			}
		})
	}
}

// RFC 7616 3.4.2: the hash of the password is bound to the first cnonce, so that
// later answers to the same nonce keep it.
func TestSessionDigestKeepsItsCnonce(t *testing.T) {
	d := digester{user: "u", password: "p", challenge: digestOffer("realm", "r", "nonce", "n", "qop", "auth", "algorithm", "MD5-sess")}
	seen := map[string]bool{}
	for range 3 {
		h, err := d.credentials("REGISTER", "sip:r")
		if err != nil {
			t.Fatal(err)
		}
		a, _ := sipwire.ParseAuth(h.Value)
		seen[a[0].Get("cnonce")] = true
	}
	if len(seen) != 1 || seen[""] {
		t.Errorf("cnonces %v", seen)
	}
}

func TestDigestsThatThePhoneDoesNotAnswer(t *testing.T) {
	for name, c := range map[string]challenge{
		"no nonce":                    digestOffer("realm", "r", "algorithm", "MD5"),
		"another algorithm":           digestOffer("nonce", "n", "algorithm", "AKAv1-MD5"),
		"an unknown protection":       digestOffer("nonce", "n", "qop", "auth-conf"),
		"a session that has no qop":   digestOffer("nonce", "n", "algorithm", "MD5-sess"),
		"a session of nothing at all": digestOffer("nonce", "n", "qop", "auth", "algorithm", "X-sess"),
	} {
		if c.digestStrength() != 0 {
			t.Errorf("%s: the phone answers it", name)
		}
	}
}

// digestOffer is a digest challenge of names and values in turn.
func digestOffer(params ...string) challenge {
	c := challenge{Auth: sipwire.Auth{Scheme: schemeDigest}}
	for i := 0; i < len(params); i += 2 {
		c.Params = append(c.Params, sipwire.Param{Name: params[i], Value: params[i+1]})
	}
	return c
}
