//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/setup"
)

// TestMistakesAreFoundBeforeAPasswordIsAskedFor: a call that cannot work exits 2,
// names what is wrong and says what to give, without a question for a password
// and without anything on the standard output.
func TestMistakesAreFoundBeforeAPasswordIsAskedFor(t *testing.T) {
	t.Setenv(setup.PasswordVariable, "")
	_, ready := runningLab(t)
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("empty.json", "")
	write("null.json", "null")
	write("list.json", "[]")
	write("other.json", `{"name": "x"}`)
	write("text", "never-used\n")
	write("empty", "")
	write("bad.csv", "one,two\n1,2\n")
	write("good.csv", "Name,Pattern,Translation\nx,^1$,+1\n")
	write("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	signIn := "run --sign-in tu@example.com "
	for _, row := range []struct{ call, names, says string }{
		// Who signs in.
		{"run", "--sign-in", "user@domain"},
		{"run --sign-in tu", `--sign-in "tu"`, "user@domain"},
		{"run --sign-in foo@", `--sign-in "foo@"`, "user@domain"},
		{"run --sign-in @example.com", `--sign-in "@example.com"`, "user@domain"},
		{"run --sign-in a␣b@c.example", `--sign-in "a b@c.example"`, "user@domain"},
		{"run --sign-in a@b@c", `--sign-in "a@b@c"`, "user@domain"},
		{"run --sign-in a@b..c", `--sign-in "a@b..c"`, "user@domain"},
		{"run --sign-in http://example.com/tu@example.com", "--sign-in", "user@domain"},
		{"run --sign-in tu@contoso.com", "contoso.com is the lab's domain", "--lab FILE"},
		{"run --sign-in tu@pool.CONTOSO.com", "contoso.com is the lab's domain", "--lab FILE"},
		{"run --sign-in nobody@contoso.com --lab LAB", "no user nobody@contoso.com", "tu@contoso.com"},
		{signIn + `--user EX\`, `--user EX\:`, `DOMAIN\user`},
		{signIn + `--user \tu`, `--user \tu:`, `DOMAIN\user`},
		{signIn + `--user A\B\tu`, "--user", `DOMAIN\user`},
		{signIn + "--user tu@", "--user tu@:", "UPN"},
		{signIn + "--user a␣b@", `--user`, "UPN"},
		{signIn + "--password-file nowhere", "--password-file", "first line"},
		{signIn + "--password-file empty", "--password-file empty", "password"},
		{signIn + "--password-file folder", "--password-file: folder", "password"},
		{"run tu@example.com", `"tu@example.com"`, "--help"},
		// Where.
		{signIn + "--lab nowhere.json", "nowhere.json", "ocphone lab --ready"},
		{signIn + "--lab empty.json", "empty.json", "ocphone lab --ready"},
		{signIn + "--lab null.json", "null.json", "ocphone lab --ready"},
		{signIn + "--lab list.json", "list.json", "ocphone lab --ready"},
		{signIn + "--lab other.json", "other.json", "ocphone lab --ready"},
		{signIn + "--lab .", ". is a folder", "ready file"},
		{signIn + "--lab text", "text", "ocphone lab --ready"},
		{"run --lab LAB --dns 192.0.2.1", "--lab and --dns", "exclude each other"},
		{signIn + "--outside", "--outside", "--lab FILE"},
		{signIn + "--netbios", "--netbios", "--lab FILE"},
		{signIn + "--dns example.com", `--dns "example.com"`, "ADDR"},
		{signIn + "--dns 192.0.2.1:0", "--dns", "port"},
		{signIn + "--dns 192.0.2.1:xx", "--dns", `no port "xx"`},
		{signIn + "--wins wins.example.com", `--wins "wins.example.com"`, "ADDR"},
		{signIn + "--wins 192.0.2.1:70000", "--wins", `no port "70000"`},
		{signIn + "--domain ..", "--domain ..:", "example.com"},
		{signIn + "--domain a␣b", "--domain a b:", "example.com"},
		{signIn + "--domain EXAMPLE\\tu", "--domain", "example.com"},
		{signIn + "--domain https://example.com", "--domain", "example.com"},
		// The SIP server.
		{signIn + "--registrar http://sip.example.com", "registrar", "HOST:PORT"},
		{signIn + "--registrar sip.example.com:abc", "registrar", `no port "abc"`},
		{signIn + "--registrar sip.example.com;transport=udp", "registrar", "transport=tcp"},
		{signIn + "--auth-user line7", "--auth-user", "--registrar HOST"},
		{signIn + "--expires 99999999", "--expires", "366 days"},
		{signIn + "--expires soon", `--expires "soon"`, "whole number"},
		{signIn + "--tls-min 4", `--tls-min "4"`, "1.3"},
		{signIn + "--tls-max SSL3", `--tls-max "SSL3"`, "1.3"},
		{signIn + "--tls-min 1.3 --tls-max 1.2", "--tls-min", "no TLS version is left"},
		{signIn + "--firmware 1.0.522.71 --tls-min 1.2", "--tls-min", "no TLS version is left"},
		{signIn + "--tls-cert text", "--tls-cert and --tls-key", "belong together"},
		{signIn + "--tls-cert nowhere --tls-key text", "--tls-cert: ", "PEM file"},
		{signIn + "--tls-cert text --tls-key text", "--tls-cert text", "PEM"},
		// The phone.
		{signIn + "--firmware 0.9", `"0.9"`, "1.0.522.71"},
		{signIn + "--roots frobbed", "--roots frobbed", "factory-2007"},
		{signIn + "--roots file:nowhere.pem", "--roots file:nowhere.pem", "file with certificates"},
		{signIn + "--roots file:", "--roots file:", "certificates"},
		{signIn + "--roots file:text", "--roots file:text", "PEM"},
		{signIn + "--clock yesterday", `--clock "yesterday"`, "2008-04-21"},
		{signIn + "--state text", "text is a file", "folder"},
		{signIn + "--state text/below", "text", "folder"},
		{signIn + "--key-log nowhere/keys", "--key-log", "nowhere"},
		{signIn + "--key-log folder", "--key-log", "folder"},
		// The run.
		{signIn + "--until never", `--until "never"`, "is signed-in, ready or interrupted"},
		{signIn + "--expect cert.frobbed", `--expect "cert.frobbed"`, "ocphone explain"},
		{signIn + "--timeout never", `"never"`, "30s"},
		{signIn + "--timeout 30", `"30"`, "30s"},
		{signIn + "--timeout 0s", "--timeout 0s", "longer"},
		{signIn + "--timeout=-5s", "--timeout -5s", "longer"},
		{signIn + "--screen --lang xx", `--lang "xx"`, "en"},
		{signIn + "--lang de", "--lang", "--screen"},
		{signIn + "--screen --quiet", "--quiet and --screen", "exclude"},
		{"mailbox contacts --timeout never --sign-in tu@example.com", `"never"`, "30s"},
		{"mailbox contacts --sign-in foo@", "--sign-in", "user@domain"},
		{"mailbox frob", `"frob"`, "--help"},
		{"voicemail save", "ocphone voicemail save N", "lists N"},
		{"voicemail save 0 --sign-in tu@example.com", "from 1", "newest"},
		{"voicemail save 1 --sign-in tu@example.com --out nowhere/x.wav", "--out nowhere/x.wav", "no folder"},
		{"voicemail delete 1 --sign-in tu@example.com", "--yes", "changes the mailbox"},
		// check, certs, reset.
		{"check foo", `"foo"`, "--help"},
		{"check trsut", `"trsut"`, "ocphone check trust"},
		{"check pool.example.com", `"pool.example.com"`, "ocphone check trust pool.example.com"},
		{"check pool.example.com:443 --ad example.com", `"pool.example.com:443"`, "ocphone check trust pool.example.com:443"},
		{"check trust", "HOST", "--chain FILE"},
		{"check trust http://pool.example.com", "http://pool.example.com", "HOST"},
		{"check trust pool.example.com:0", "pool.example.com:0", "HOST:PORT"},
		{"check trust pool.contoso.com", "contoso.com is the lab's domain", "--lab FILE"},
		{"check trust pool.example.com --ad example.com", "--ad", "--user"},
		{`check trust pool.example.com --ad example.com --user EX\`, "--user", `DOMAIN\user`},
		{`check trust pool.example.com --ad .. --user EX\tu`, "--ad ..:", "example.com"},
		{`check trust pool.example.com --ad example.com --user EX\tu --roots frobbed`, `"frobbed"`, "factory-2007"},
		{`check trust pool.example.com --ad example.com --user EX\tu --at never`, "--at never", "2008-04-21"},
		{`check trust pool.example.com --ad example.com --user EX\tu --with nowhere.cer`, "--with: ", "certificates"},
		{`check trust pool.example.com --ad example.com --user EX\tu --without zz`, `--without "zz"`, "fingerprint"},
		{`check trust pool.example.com --ad example.com --user EX\tu --state nowhere`, "nowhere", "ocphone run --state"},
		{"check trust pool.example.com --published nowhere", "nowhere", "--published"},
		{"certs list", "--state FOLDER", "ocphone run --state"},
		{"certs list --state nowhere", "nowhere", "ocphone run --state"},
		{"certs import bad.pem --state new", "bad.pem", "certificate"},
		{"certs import", "FILE", "--state FOLDER"},
		{"reset --state nowhere", "--paper-clip", "--factory"},
		{"explain cert.frobbed", `"cert.frobbed"`, "ocphone explain"},
		// The lab and dial plans.
		{"lab root list", "--lab FILE", "ocphone lab --ready"},
		{"lab root list --lab empty.json", "empty.json", "ocphone lab --ready"},
		{"lab root list --lab .", ". is a folder", "ready file"},
		{"lab clock advance soon --lab LAB", `"soon"`, "90m"},
		{"dialplan lint bad.csv", "bad.csv", "Pattern"},
		{"dialplan lint nowhere.csv", "nowhere.csv", "dial plan"},
		{"dialplan test good.csv", "CSV", "input,expected"},
	} {
		args := strings.Fields(strings.ReplaceAll(row.call, "LAB", ready))
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "␣", " ")
		}
		var out, complaints bytes.Buffer
		asked := func(context.Context) (string, error) {
			t.Errorf("ocphone %s: the password was asked for", row.call)
			return "", usagef("no password was typed")
		}
		code := environment{in: os.Stdin, out: &out, err: &complaints, asks: asked}.run(t.Context(), args)
		said := complaints.String()
		if code != exitUsage || out.Len() > 0 || !strings.Contains(said, row.names) || !strings.Contains(said, row.says) ||
			strings.Contains(said, "[usage]") || strings.Contains(said, "nil") {
			t.Errorf("ocphone %s: exit code %d, want %q and %q in\n%s%s", row.call, code, row.names, row.says, said, &out)
		}
		if !strings.Contains(strings.ToLower(row.call), "contoso") && strings.Contains(said, "contoso") {
			t.Errorf("ocphone %s: names the lab's domain:\n%s", row.call, said)
		}
	}
	for _, made := range []string{"new", "keys", "nowhere"} {
		if _, err := os.Stat(made); err == nil {
			t.Errorf("%s was made", made)
		}
	}
}
