package setup_test

import (
	"context"
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
		"--registrar r --firmware f --roots s --clock c --state t --allow-outside --key-log k"))
	want := setup.Options{SignIn: "a@example.com", User: "u", PasswordFile: "p", Lab: "l", Outside: true, DNS: "d", Domain: "e", WINS: "w", NetBIOS: true,
		Registrar: "r", Firmware: "f", Roots: "s", Clock: "c", State: "t", AllowOutside: true, KeyLog: "k"}
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
