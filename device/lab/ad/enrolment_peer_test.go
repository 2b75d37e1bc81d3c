//go:build realpeers && linux

package ad_test

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"testing"

	"github.com/smallstep/pkcs7"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/peer"
)

// wantChain looks into what web enrolment handed out, in PEM.
func wantChain(t *testing.T, body []byte, want ...*x509.Certificate) {
	t.Helper()
	block, _ := pem.Decode(body)
	if block == nil {
		t.Fatalf("no PEM: %q", body)
	}
	p, err := pkcs7.Parse(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(p.Certificates, want, (*x509.Certificate).Equal) {
		t.Errorf("%d certificates, want %d", len(p.Certificates), len(want))
	}
}

// TestPeerCurl is the phone's second way to a root
// (docs/protocol/trust.md#root-download), taken by curl.
func TestPeerCurl(t *testing.T) {
	peer.Need(t, "curl", "curl")
	s, tree := newServer(t, func(s *ad.Server) { s.Enrolment, s.Clock = true, clock.System }) // gss-ntlmssp refuses a challenge of another day
	url := "http://" + s.EnrolmentAddr()
	ca := newAuthority(t, "Enterprise Root", nil)
	root, issuing := ca.cert, newAuthority(t, "Contoso Issuing CA", ca).cert
	tree.PublishRoot("Enterprise Root", root.Raw)
	tree.PublishEnrolment("Contoso Issuing CA", "ca.contoso.com", issuing.Raw)
	dir := peer.Dir(t)
	curl := peer.Command{Dir: dir, Env: []string{"KRB5_CONFIG=" + peer.Write(t, dir, "krb5.conf", "[libdefaults]\ndns_lookup_kdc = false\ndns_canonicalize_hostname = false\nrdns = false\n"),
		"KRB5CCNAME=FILE:" + dir + "/none", "NTLM_USER_FILE=" + peer.Write(t, dir, "credentials", "CONTOSO:tu:"+testPassword+"\n")}}
	run := func(args ...string) (string, int) {
		return curl.Run(t, "curl", append([]string{"-q", "-sS", "--noproxy", "*", url + chainPath}, args...)...)
	}
	for name, login := range map[string][]string{
		"--ntlm":      {"--ntlm", "-u", `CONTOSO\tu:` + testPassword},
		"--negotiate": {"--negotiate", "-u", ":"},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := run(login...)
			if code != 0 {
				t.Fatalf("%d: %s", code, out)
			}
			wantChain(t, []byte(out), issuing, root)
		})
	}
	t.Run("wrong password", func(t *testing.T) {
		if out, code := run("--fail", "--ntlm", "-u", `CONTOSO\tu:wrong`); code != 22 {
			t.Errorf("%d: %s", code, out)
		}
	})
	peer.Row(t, "curl", "`--ntlm` and `--negotiate`: the lab's web enrolment hands out the chain")
}

func TestPeerGoNTLMSSP(t *testing.T) {
	t.Run("chain", TestEnrolmentReturnsTheChain)
	t.Run("refusals", TestEnrolmentRefusesAndCounts)
	peer.Row(t, "github.com/Azure/go-ntlmssp", "the lab's web enrolment hands out the chain; a wrong password is one bad log-on")
}
