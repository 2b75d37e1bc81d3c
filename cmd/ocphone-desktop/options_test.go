//go:build cgo

package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ocphone/ocphone/device/setup"
)

func TestFlagsThatNameADeploymentMakeItBare(t *testing.T) {
	for _, c := range []struct {
		args string
		bare bool
	}{
		{"", false}, {"--today", false}, {"--lang de --high-contrast --no-panel --follow f", false},
		{"--sign-in tu@example.com", true}, {"--user EXAMPLE\\tu", true}, {"--dns 192.0.2.53", true}, {"--dns 192.0.2.53:5353", true},
		{"--dns 2001:db8::53", true}, {"--state tu", true}, {"--firmware today", true}, {"--roots none", true}, {"--password-file f", true},
		{"--lab lab.json", true}, {"--registrar sip.example.com", true}, {"--domain example.com", true}, {"--wins 192.0.2.53", true}, {"--clock host", true},
		{"--key-log keys", true}, {"--allow-outside", true}, {"--lab lab.json --outside", true}, {"--sign-in tu@contoso.com --lab lab.json", true}, {"--sign-in tu@contoso.com --dns 192.0.2.53", true},
	} {
		o, err := parse(strings.Fields(c.args), io.Discard)
		if err != nil || o.bare != c.bare {
			t.Errorf("%s: bare is %t, error %v", c.args, o.bare, err)
		}
	}
}

func TestMistakesInTheCallAreUsage(t *testing.T) {
	for _, args := range []string{"--nonsense", "more", "--sign-in tu", "--sign-in tu@contoso.com", "--sign-in tu@sip.contoso.com", "--dns example.com", "--dns 192.0.2.53:0",
		"--dns 192.0.2.53:99999", "--lab f --dns 192.0.2.53", "--outside", "--today --sign-in tu@example.com", "--today=perhaps", "--netbios", "--wins example.com", "--clock yesterday"} {
		_, err := parse(strings.Fields(args), io.Discard)
		if !isUsage(err) {
			t.Errorf("%s: %v, want a mistake in the call", args, err)
		}
	}
	for _, o := range []options{
		{bare: true, Options: setup.Options{Lab: "/does/not/exist"}}, {bare: true, Options: setup.Options{Firmware: "nonsense"}}, {lang: "xx"},
		{bare: true, Options: setup.Options{PasswordFile: "/does/not/exist"}}, {bare: true, Options: setup.Options{KeyLog: "/does/not/exist"}}} {
		if s, err := newEmulator(o); !isUsage(err) {
			t.Errorf("%+v: %v, want a mistake in the call", o, err)
			if err == nil {
				s.close()
			}
		}
	}
}

func TestHelpNamesEveryFlagWithTwoDashes(t *testing.T) {
	var out strings.Builder
	if _, err := parse([]string{"--help"}, &out); err != pflag.ErrHelp {
		t.Fatal(err)
	}
	for _, name := range []string{"sign-in user@domain", "today", "lang LANGUAGE", "high-contrast", "no-panel", "follow FILE", "registrar HOST[:PORT]", "clock TIME"} {
		if !strings.Contains(out.String(), "  --"+name+" ") {
			t.Errorf("--%s is missing:\n%s", name, &out)
		}
	}
}

func TestDisplayIsAskedForOnlyWhereItCanBe(t *testing.T) {
	env := func(set string) func(string) string {
		return func(name string) string { return map[bool]string{true: ":0"}[name == set] }
	}
	for _, c := range []struct {
		system, set string
		want        bool
	}{{"linux", "", false}, {"linux", "DISPLAY", true}, {"linux", "WAYLAND_DISPLAY", true}, {"freebsd", "", false}, {"windows", "", true}, {"darwin", "", true}} {
		if got := hasDisplay(c.system, env(c.set)); got != c.want {
			t.Errorf("%s with %q: %t", c.system, c.set, got)
		}
	}
}
