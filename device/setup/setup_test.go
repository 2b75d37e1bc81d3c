package setup_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

func isUsage(err error) bool {
	var f *journal.Failure
	return errors.As(err, &f) && f.Code == journal.Usage
}

// runningLab is the ready file of a lab.
func runningLab(t *testing.T) string {
	t.Helper()
	world, err := lab.New(lab.Contoso())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	file := filepath.Join(t.TempDir(), "lab.json")
	if err := world.WriteReady(file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestEachOptionIsAFlag(t *testing.T) {
	var o setup.Options
	s := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddFlags(s)
	if o.Clock != setup.ClockNTP {
		t.Errorf("the clock is %q by default", o.Clock)
	}
	err := s.Parse(strings.Fields("--sign-in a@example.com --user u --password-file p --lab l --outside --dns d --domain e --wins w --netbios " +
		"--registrar r --auth-user n --expires 600 --tls-min 1.1 --tls-max 1.2 --tls-cert c.pem --tls-key k.pem --firmware f --roots s --clock c --state t --allow-outside --key-log k"))
	want := setup.Options{SignIn: "a@example.com", User: "u", PasswordFile: "p", Lab: "l", Outside: true, DNS: "d", Domain: "e", WINS: "w", NetBIOS: true,
		Registrar: "r", AuthUser: "n", Expires: 600, TLSMin: "1.1", TLSMax: "1.2", TLSCert: "c.pem", TLSKey: "k.pem", Firmware: "f", Roots: "s", Clock: "c", State: "t", AllowOutside: true, KeyLog: "k"}
	if err != nil || o != want {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestContradictionsAreUsage(t *testing.T) {
	for name, o := range map[string]setup.Options{
		"no domain":             {SignIn: "tu"},
		"the lab's domain":      {SignIn: "tu@Contoso.com"},
		"below it":              {SignIn: "tu@sip.contoso.com"},
		"two name servers":      {Lab: "f", DNS: "192.0.2.53"},
		"outside of nothing":    {Outside: true},
		"NetBIOS of nothing":    {NetBIOS: true},
		"a name for an address": {DNS: "example.com"},
		"port 0":                {DNS: "192.0.2.53:0"},
		"port 70000":            {WINS: "192.0.2.53:70000"},
		"no time":               {Clock: "yesterday"},
		"half an account":       {User: `EXAMPLE\`},
		"the other half":        {User: `\tu`},
		"two domains":           {User: `A\B\tu`},
		"half a UPN":            {User: "tu@"},
		"a URL for an account":  {User: "https://example.com/tu"},
		"dots for a domain":     {Domain: ".."},
		"a URL for a domain":    {Domain: "https://example.com"},
		"no address":            {SignIn: "tu@"},
		"two addresses":         {SignIn: "a b@example.com"},
		"a URL for a registrar": {Registrar: "http://sip.example.com"},
		"no port of it":         {Registrar: "sip.example.com:abc"},
		"UDP":                   {Registrar: "sip.example.com;transport=udp"},
		"a name for nobody":     {AuthUser: "alice"},
		"a key of nothing":      {TLSKey: "key.pem"},
		"no such TLS":           {TLSMin: "3.0"},
		"TLS of no version":     {TLSMin: "1.3", TLSMax: "1.2"},
		"two years":             {Expires: 63072000},
		"beyond all years":      {Expires: 1 << 62},
	} {
		t.Run(name, func(t *testing.T) {
			if err := o.Check(); !isUsage(err) {
				t.Error(err)
			}
			if s, err := o.OpenForm(); !isUsage(err) {
				t.Error(s, err)
			}
		})
	}
	for name, o := range map[string]setup.Options{
		"nothing":                      {},
		"a server of the lab's domain": {SignIn: "tu@contoso.com", DNS: "[2001:db8::53]:5353"},
		"the lab":                      {SignIn: "tu@contoso.com", Lab: "f"},
		"a registrar":                  {SignIn: "tu@contoso.com", Registrar: "sip.example.com"},
		"a registrar without TLS":      {SignIn: "tu@bücher.example", Registrar: "bücher.example:5060;transport=tcp", AuthUser: "line7", Expires: 600},
		"one TLS version":              {TLSMin: "1.2", TLSMax: "1.2"},
		"an account":                   {User: `EXAMPLE\tu`, Domain: "bücher.example"},
		"a UPN":                        {User: "tu+1@example.com", Domain: "EXAMPLE"},
		"a plain name":                 {User: "Test User"},
	} {
		if err := o.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPasswordComesFromASafePlace(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	prompt := func(context.Context) (string, error) { return "typed", nil }
	for _, c := range []struct {
		name, file, env, known string
		prompt                 setup.Prompt
		want                   string
		wrong                  bool
	}{
		{name: "file", file: write("a", "secret\r\nmore\n"), env: "other", want: "secret"},
		{name: "empty file", file: write("b", "\n"), wrong: true},
		{name: "long file", file: write("c", strings.Repeat("x", 1025)), wrong: true},
		{name: "no file", file: filepath.Join(dir, "nowhere"), wrong: true},
		{name: "environment", env: "other", known: "public", want: "other"},
		{name: "lab", known: "public", prompt: prompt, want: "public"},
		{name: "prompt", prompt: prompt, want: "typed"},
		{name: "nobody to ask", wrong: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(setup.PasswordVariable, c.env)
			o := setup.Options{PasswordFile: c.file}
			got, err := o.Password(context.Background(), c.known, c.prompt)
			if got != c.want || (err != nil) != c.wrong || err != nil && !isUsage(err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestLabBringsUserPlaceAndFirmware(t *testing.T) {
	t.Setenv(setup.PasswordVariable, "")
	file := runningLab(t)
	for _, c := range []struct {
		o           setup.Options
		user, place string
	}{
		{setup.Options{}, `CONTOSO\tu`, "inside"},
		{setup.Options{SignIn: "Kerry@contoso.com"}, `CONTOSO\kerry`, "inside"},
		{setup.Options{User: `contoso\kerry`, Outside: true}, `CONTOSO\kerry`, "outside"},
	} {
		c.o.Lab = file
		s, err := c.o.Open(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.EqualFold(s.Credentials.User, c.user) || s.Credentials.Password != lab.DefaultPassword || s.Place.Name != c.place ||
			s.Config.Firmware.Name != setup.LabFirmware(false) || !s.Config.NTP || s.Lab == nil {
			t.Errorf("%+v: %s at %s, firmware %s", c.o, s.Credentials.User, s.Place.Name, s.Config.Firmware.Name)
		}
	}
	stranger := setup.Options{Lab: file, SignIn: "nobody@contoso.com"}
	if _, err := stranger.Open(context.Background(), nil); !isUsage(err) || !strings.Contains(err.Error(), "tu@contoso.com, kerry@") {
		t.Error(err)
	}
	if s, err := stranger.OpenForm(); err != nil || s.Credentials != (device.Credentials{Address: "nobody@contoso.com"}) {
		t.Errorf("what is not known is typed on the phone: %+v, %v", s, err)
	}
}

func TestVariableOfStateIsNamedOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(setup.StateVariable, file)
	_, ofFlash := setup.OpenState(file, true)
	_, ofForm := (&setup.Options{State: file}).OpenForm()
	for _, err := range []error{ofFlash, ofForm} {
		if !isUsage(err) || strings.Count(err.Error(), setup.StateVariable) != 1 {
			t.Error(err)
		}
	}
}

func TestPhoneKeepsItsMemory(t *testing.T) {
	dir := t.TempDir()
	if _, err := setup.OpenState(dir, false); !isUsage(err) {
		t.Errorf("an empty folder is taken for a phone: %v", err)
	}
	o := setup.Options{State: dir, KeyLog: filepath.Join(dir, "keys")}
	s, err := o.OpenForm()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.OpenForm(); err == nil {
		t.Error("the memory is open twice")
	}
	phone, err := s.NewPhone()
	if err != nil {
		t.Fatal(err)
	}
	mac := phone.Snapshot().MAC
	if err := errors.Join(phone.Close(), s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	memory, err := setup.OpenState(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer memory.Close()
	if id, err := device.ReadIdentity(memory); err != nil || id.MAC != mac {
		t.Errorf("%+v, %v, want %s", id, err, mac)
	}
	if err := (&setup.Setup{}).Close(); err != nil {
		t.Error(err)
	}
}

func TestSetupWithoutAPhoneGivesItsMemoryBack(t *testing.T) {
	o := setup.Options{State: t.TempDir()}
	for range 2 {
		s, err := o.OpenForm()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFirmwareLimitsTheTLSVersions(t *testing.T) {
	o := setup.Options{TLSMin: "1.2", Firmware: "1.0.522.71"}
	if _, err := o.Resolve(t.Context()); !isUsage(err) {
		t.Error(err)
	}
	o.TLSMax = "1.3"
	if s, err := o.Resolve(t.Context()); err != nil || s.Config.MinTLS != tls.VersionTLS12 || s.Config.MaxTLS != tls.VersionTLS13 {
		t.Errorf("%+v, %v", s, err)
	}
}

// The key of the phone's certificate shows in no error (docs/decisions.md#secrets).
func TestClientCertificate(t *testing.T) {
	const secret = "c2VjcmV0IGtleQ=="
	world, err := lab.New(lab.Contoso())
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	own, err := world.Certificate("pool.contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	chain := write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}))
	key := write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	o := setup.Options{TLSCert: chain, TLSKey: key}
	s, err := o.Resolve(t.Context())
	if err != nil || s.Config.Certificate.Leaf.Subject.CommonName != own.Leaf.Subject.CommonName {
		t.Fatalf("%+v, %v", s, err)
	}
	for name, file := range map[string]string{
		"no key":         write("none.pem", []byte("-----BEGIN PRIVATE KEY-----\n"+secret+"\n-----END PRIVATE KEY-----\n")),
		"no PEM":         write("text", []byte(secret)),
		"no file":        filepath.Join(dir, "nowhere"),
		"too long":       write("long", bytes.Repeat([]byte(secret), 1<<17)),
		"without an end": "/dev/zero",
	} {
		o.TLSKey = file
		if _, err := o.Resolve(t.Context()); !isUsage(err) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
