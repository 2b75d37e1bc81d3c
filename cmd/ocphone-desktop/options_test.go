//go:build cgo

package main

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFlagsThatNameADeploymentMakeItBare(t *testing.T) {
	for _, c := range []struct {
		args string
		bare bool
	}{
		{"", false}, {"--today", false}, {"--lang de --high-contrast --no-panel --follow f", false},
		{"--sign-in tu@example.com", true}, {"--user EXAMPLE\\tu", true}, {"--dns 192.0.2.53", true}, {"--dns 192.0.2.53:5353", true},
		{"--dns 2001:db8::53", true}, {"--state tu", true}, {"--firmware today", true}, {"--roots none", true}, {"--password-file f", true},
		{"--lab lab.json", true}, {"--lab lab.json --outside", true}, {"--sign-in tu@contoso.com --lab lab.json", true}, {"--sign-in tu@contoso.com --dns 192.0.2.53", true},
	} {
		o, err := parse(strings.Fields(c.args), io.Discard)
		if err != nil || o.bare != c.bare {
			t.Errorf("%s: bare is %t, error %v", c.args, o.bare, err)
		}
	}
}

func TestMistakesInTheCallAreUsage(t *testing.T) {
	for _, args := range []string{"--nonsense", "more", "--sign-in tu", "--sign-in tu@contoso.com", "--sign-in tu@sip.contoso.com", "--dns example.com", "--dns 192.0.2.53:0",
		"--dns 192.0.2.53:99999", "--lab f --dns 192.0.2.53", "--outside", "--today --sign-in tu@example.com", "--today=perhaps"} {
		_, err := parse(strings.Fields(args), io.Discard)
		if !errors.As(err, new(usage)) {
			t.Errorf("%s: %v, want a mistake in the call", args, err)
		}
	}
	for _, o := range []options{{bare: true, lab: "/does/not/exist"}, {bare: true, firmware: "nonsense"}, {lang: "xx"}, {bare: true, passwordFile: "/does/not/exist"}} {
		if s, err := build(o); !errors.As(err, new(usage)) {
			t.Errorf("%+v: %v, want a mistake in the call", o, err)
			if err == nil {
				s.close()
			}
		}
	}
}

func TestHelpNamesEveryFlagWithTwoDashes(t *testing.T) {
	var out strings.Builder
	if _, err := parse([]string{"--help"}, &out); err != flag.ErrHelp {
		t.Fatal(err)
	}
	for _, name := range []string{"sign-in ADDRESS", "today", "lang LANGUAGE", "high-contrast", "no-panel", "follow FILE"} {
		if !strings.Contains(out.String(), "  --"+name+"\n") {
			t.Errorf("--%s is missing:\n%s", name, &out)
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
	for _, c := range []struct {
		name, file, env, known string
		lab                    bool
		want                   string
		wrong                  bool
	}{
		{name: "file", file: write("a", "secret\r\nmore\n"), env: "other", want: "secret"},
		{name: "empty file", file: write("b", "\n"), wrong: true},
		{name: "long file", file: write("c", strings.Repeat("x", maxPassword+1)), wrong: true},
		{name: "environment", env: "other", known: "public", want: "other"},
		{name: "environment, own lab", env: "other", known: "public", lab: true, want: "public"},
		{name: "lab", known: "public", want: "public"},
		{name: "typed on the phone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("OCPHONE_PASSWORD", c.env)
			o := options{passwordFile: c.file, bare: !c.lab}
			got, err := o.password(c.known)
			if got != c.want || (err != nil) != c.wrong {
				t.Errorf("%q, %v", got, err)
			}
		})
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
