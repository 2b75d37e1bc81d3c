package check_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/network"
)

const poolName, edgeName = "pool.example.com", "sip.example.com"

// deployment is a pool and an Edge with certificates of different CAs.
type deployment struct {
	*pki.PKI
	pool, edge check.Endpoint
}

func newDeployment(t *testing.T) deployment {
	t.Helper()
	set, err := pki.New(pki.Options{Algorithm: pki.ECDSAP256SHA256}, pki.Names{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := func(by *pki.Authority, address string) check.Endpoint {
		e, err := check.ParseEndpoint(address)
		if err != nil {
			t.Fatal(err)
		}
		issued, err := by.Issue(pki.Leaf{Names: []string{e.Name}})
		if err != nil {
			t.Fatal(err)
		}
		for _, der := range issued.Certificate {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			e.Chain = append(e.Chain, c)
		}
		return e
	}
	return deployment{set, endpoint(set.Issuing, poolName), endpoint(set.Public, edgeName+":443")}
}

func (d deployment) config() check.Config {
	return check.Config{
		RootSet:   certstore.SetNone,
		Endpoints: []check.Endpoint{d.pool, d.edge},
		Published: check.Published{From: "a test", Known: true, Roots: []certstore.Root{{Certificate: d.Enterprise.Certificate}}},
	}
}

func states(e check.EndpointReport) (all []check.State) {
	for _, v := range e.Cells {
		if v.Policy == certstore.Today {
			all = append(all, v.State)
		}
	}
	return all
}

// TestR1_1MissingRootIsNamed needs no network: the chains are given.
func TestR1_1MissingRootIsNamed(t *testing.T) {
	d := newDeployment(t)
	r, err := check.Trust(context.Background(), d.config())
	if err != nil {
		t.Fatal(err)
	}
	if got := states(r.Endpoints[0]); !slices.Equal(got, []check.State{check.Trusted}) {
		t.Errorf("pool: %v", got)
	}
	if got := states(r.Endpoints[1]); !slices.Equal(got, []check.State{check.Refused}) {
		t.Errorf("Edge: %v", got)
	}
	public := certstore.Root{Certificate: d.Public.Certificate}
	if len(r.Publish) != 1 || r.Publish[0].Root != public.Subject() || !slices.Equal(r.Publish[0].For, []string{edgeName + ":443"}) {
		t.Errorf("to publish: %+v", r.Publish)
	}
	if r.OK || r.Phone != "a new phone" || r.Firmware != "today" || len(r.Steps) > 0 || r.At.IsZero() {
		t.Errorf("%+v", r)
	}
}

func TestR1_4ChangeIsJudgedBeforeItIsMade(t *testing.T) {
	d := newDeployment(t)
	c := d.config()
	c.With, c.AsIfReset = []check.RootFile{{Name: "roots/edge root.cer", Certificates: []*x509.Certificate{d.Public.Certificate}}}, true
	r, err := check.Trust(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got := states(r.Endpoints[1]); !r.OK || !slices.Equal(got, []check.State{check.Refused, check.Trusted}) || r.Decides != "change and reset" {
		t.Errorf("Edge: %v; %s", got, r.Summary)
	}
	if len(r.Publish) != 1 || r.Publish[0].Command != `certutil -f -dspublish "edge root.cer" RootCA` {
		t.Errorf("to publish: %+v", r.Publish)
	}
	c.With, c.Without = nil, []string{check.Thumbprint(d.Enterprise.Certificate)[:8]}
	if r, err = check.Trust(context.Background(), c); err != nil || r.OK || states(r.Endpoints[0])[1] != check.Refused {
		t.Errorf("the pool's root is gone: %s, %v", r.Summary, err)
	}
}

func TestWhatIsNotAskedIsUnknown(t *testing.T) {
	d := newDeployment(t)
	c := d.config()
	c.Published = check.Published{}
	r, err := check.Trust(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got := states(r.Endpoints[0]); got[0] != check.Unknown || r.Publish[0].If == "" {
		t.Errorf("%v, to publish %+v", got, r.Publish)
	}
}

func TestConfigThatCannotWorkIsUsage(t *testing.T) {
	d := newDeployment(t)
	for name, change := range map[string]func(*check.Config){
		"no endpoint":        func(c *check.Config) { c.Endpoints = nil },
		"no such root set":   func(c *check.Config) { c.RootSet = "nonsense" },
		"with no root":       func(c *check.Config) { c.With = []check.RootFile{{"leaf", d.pool.Chain[:1]}} },
		"without what is no": func(c *check.Config) { c.Without = []string{"no fingerprint"} },
		"without all":        func(c *check.Config) { c.Without = []string{""} },
	} {
		c := d.config()
		change(&c)
		if _, err := check.Trust(context.Background(), c); journal.FailureOf(err).Code != journal.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, s := range []string{"", "https://pool.example.com", "a@b", "a:0", "a:65536", "2001:db8::1:x"} {
		if e, err := check.ParseEndpoint(s); journal.FailureOf(err).Code != journal.Usage {
			t.Errorf("%q: %+v, %v", s, e, err)
		}
	}
}

// TestServerThatIsSilentEndsWithTheContext dials a server that accepts and says
// nothing.
func TestServerThatIsSilentEndsWithTheContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			cancel()
			<-ctx.Done()
		}
	}()
	defer cancel()
	c := check.Config{
		RootSet:   certstore.SetNone,
		Endpoints: []check.Endpoint{{Addr: poolName + ":5061", Name: poolName}},
		Places:    []network.Place{{Name: "test", Patch: network.AddressMap{poolName + ":5061": l.Addr().String()}}},
	}
	if _, err := check.Trust(ctx, c); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestJSONFormStays holds the names that programs read.
func TestJSONFormStays(t *testing.T) {
	d := newDeployment(t)
	r, err := check.Trust(context.Background(), d.config())
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(b, &top); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(top))
	want := strings.Fields("at code decides endpoints firmware leads ok phone policy publish published rootSet situations summary v")
	if !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
	var endpoints []map[string]json.RawMessage
	if err := json.Unmarshal(top["endpoints"], &endpoints); err != nil {
		t.Fatal(err)
	}
	names = slices.Sorted(maps.Keys(endpoints[1]))
	if want := strings.Fields("cells edge endpoint fix issuer name notes presented published"); !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

func TestFolderIsTakenForWhatIsPublished(t *testing.T) {
	d, dir := newDeployment(t), t.TempDir()
	for name, der := range map[string][]byte{"root.cer": d.Enterprise.Certificate.Raw, "issuing.crt": d.Issuing.Certificate.Raw, "broken.der": []byte("no"), "notes.txt": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), der, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := check.ReadFolder(t.Context(), dir)
	if err != nil || !p.Known || len(p.Roots) != 1 || len(p.Rejected) != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := check.ReadFolder(t.Context(), filepath.Join(dir, "nowhere")); journal.FailureOf(err).Code != journal.Usage {
		t.Error(err)
	}
}

func TestR1_2PhoneIsJudgedByItsMemory(t *testing.T) {
	d := newDeployment(t)
	memory := &flash.Memory{}
	phone, err := device.New(device.Config{RootSet: certstore.SetNone, Flash: memory})
	if err != nil {
		t.Fatal(err)
	}
	root := certstore.Root{Certificate: d.Enterprise.Certificate, Source: certstore.Source{Kind: certstore.AD}}
	if _, err := phone.Import([]certstore.Root{root}); err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	c := d.config()
	c.Memory, c.Phone, c.RootSet = memory, "the phone on the desk", ""
	r, err := check.Trust(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got := states(r.Endpoints[0]); got[0] != check.Trusted || r.Phone != c.Phone || r.RootSet != certstore.SetNone {
		t.Errorf("pool: %v; %+v", got, r)
	}
}
