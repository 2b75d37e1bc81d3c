package setup_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/setup"
)

// FuzzOptions: options that Check lets pass can be resolved, or the failure is one of
// usage.
func FuzzOptions(f *testing.F) {
	f.Add("tu@example.com", `EX\tu`, "192.0.2.53:53", "192.0.2.1", "sip.example.com:5061", "2008-04-21T09:00:00Z", "today")
	f.Add("a b@\x00", "@", "[2001:db8::53]", ":", "http://x", "ntp", "1.0.522.71")
	f.Fuzz(func(t *testing.T, signIn, user, dns, wins, registrar, clock, firmware string) {
		o := setup.Options{SignIn: signIn, User: user, DNS: dns, WINS: wins, Registrar: registrar, Clock: clock, Firmware: firmware}
		err := o.Check()
		if err != nil && !isUsage(err) {
			t.Errorf("%v", err)
		}
		s, resolved := o.Resolve(t.Context())
		if (err != nil && resolved == nil) || resolved != nil && !isUsage(resolved) {
			t.Errorf("checked: %v, resolved: %v", err, resolved)
		}
		if resolved == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzFiles: the ready file of a lab and the file of a password, of any content.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(`{"inside":{"dns":"127.0.0.1:53"},"users":[{"signIn":"tu@contoso.com"}],"control":{"url":"http://127.0.0.1:1"}}`))
	f.Add([]byte("secret\r\nnotes"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		file := filepath.Join(dir, "file")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		ready, err := setup.ReadLab(t.Context(), file)
		if err != nil && !isUsage(err) || err == nil && (!json.Valid(content) || ready.Inside.DNS == "") {
			t.Errorf("ready file: %+v, %v", ready, err)
		}
		o := setup.Options{PasswordFile: file}
		line, _, _ := strings.Cut(string(content), "\n")
		got, err := o.Password(t.Context(), "", nil)
		if err != nil && !isUsage(err) || errors.Is(err, setup.ErrNoPassword) || err == nil && strings.TrimSuffix(line, "\r") != got {
			t.Errorf("password file: %q, %v", got, err)
		}
	})
}
