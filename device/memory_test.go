package device_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/certstore"
	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
)

// filled is the memory of a phone that has a user, a PIN, a preference, a dial plan
// and downloaded roots.
func filled(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	memory, err := flash.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, nil, func(c *device.Config) { c.Flash = memory })
	r.wantReady(r.signIn(r.lab.Inside()))
	if err := r.SetPIN("864213"); err != nil {
		t.Fatal(err)
	}
	if err := r.SetPreference("volume.ring", "7"); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// inMemory calls do with the memory in dir.
func inMemory(t *testing.T, dir string, do func(*flash.File) error) {
	t.Helper()
	memory, err := flash.Open(dir)
	if err == nil {
		err = do(memory)
		memory.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func bytesOf(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, flash.FileName))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestResetLeavesNoTraceInTheFile: not in free pages either (R1.3,
// docs/decisions.md#secrets).
func TestResetLeavesNoTraceInTheFile(t *testing.T) {
	roots := []string{"Contoso Root CA", "dc1.contoso.com"}
	user := `"address":"tu@contoso.com"` // the source of a root that stays names the account
	for name, row := range map[string]struct {
		reset func(*device.Phone) error
		gone  []string
	}{
		"factory":    {func(p *device.Phone) error { _, err := p.FactoryReset(); return err }, append(roots, user, `CONTOSO\\tu`)},
		"paper clip": {func(p *device.Phone) error { _, err := p.PressReset(); return err }, roots},
		"user":       {(*device.Phone).ResetUser, []string{user, "volume.ring"}},
		"sign-out":   {func(p *device.Phone) error { return p.SignOut(t.Context()) }, []string{user}},
		"no PIN":     {func(p *device.Phone) error { return p.SetPIN("") }, []string{`"salt"`}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			before := bytesOf(t, dir)
			inMemory(t, dir, func(memory *flash.File) error {
				p := newPhone(t, "1.0.522.71", func(c *device.Config) { c.Flash = memory })
				if err := row.reset(p); err != nil {
					return err
				}
				return p.Close()
			})
			after := bytesOf(t, dir)
			for _, text := range row.gone {
				if !bytes.Contains(before, []byte(text)) || bytes.Contains(after, []byte(text)) {
					t.Errorf("%q: in the file before: %t, after: %t", text, bytes.Contains(before, []byte(text)),
						bytes.Contains(after, []byte(text)))
				}
			}
		})
	}
}

// TestResetSurvivesADamagedMetaPage: a phone that falls back to the other meta page of
// its file does not trust the removed roots again (R1.3).
func TestResetSurvivesADamagedMetaPage(t *testing.T) {
	dir := filled(t)
	inMemory(t, dir, func(memory *flash.File) error {
		p := newPhone(t, "1.0.522.71", func(c *device.Config) { c.Flash = memory })
		if _, err := p.PressReset(); err != nil {
			return err
		}
		return p.Close()
	})
	good := bytesOf(t, dir)
	for page := range 2 {
		damaged := bytes.Clone(good)
		damaged[page*os.Getpagesize()+16+40] ^= 1
		if err := os.WriteFile(filepath.Join(dir, flash.FileName), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		inMemory(t, dir, func(memory *flash.File) error {
			roots, err := device.ReadRoots(memory)
			if roots.Len() != 0 {
				t.Errorf("page %d: %d removed roots are trusted again", page, roots.Len())
			}
			return err
		})
	}
}

// TestReadingAPhoneDoesNotWrite: neither New nor reading the memory.
func TestReadingAPhoneDoesNotWrite(t *testing.T) {
	dir := filled(t)
	before := bytesOf(t, dir)
	inMemory(t, dir, func(memory *flash.File) error {
		p := newPhone(t, "1.0.522.71", func(c *device.Config) { c.Flash = memory })
		if s := p.Snapshot(); s.Address == "" || p.PINDigits() != 6 || p.Preferences()["volume.ring"] != "7" {
			t.Errorf("%+v", s)
		}
		return p.Close()
	})
	if !bytes.Equal(before, bytesOf(t, dir)) {
		t.Error("the file was changed")
	}
}

// TestMemoryOfAnotherVersionIsRefusedAndKept: what this version does not know is not
// taken for something else, such as no PIN.
func TestMemoryOfAnotherVersionIsRefusedAndKept(t *testing.T) {
	dir := filled(t)
	good := bytesOf(t, dir)
	values := map[string][]byte{}
	inMemory(t, dir, func(memory *flash.File) error {
		keys, err := memory.Keys()
		for _, k := range keys {
			values[k], _ = memory.Get(k)
		}
		return err
	})
	if len(values) != 7 {
		t.Fatalf("the memory holds %d values", len(values))
	}
	type change struct{ name, key, value string }
	rows := []change{
		{"unknown key", "distrusted", `{}`},
		{"lock without a hash", "lock", `{"salt":"AAAA","hash":"","digits":4}`},
		{"lock without digits", "lock", `{}`},
		{"identity without content", "identity", `{}`},
		{"answer of Autodiscover without a time", "autodiscover", `{"address":"tu@contoso.com","email":"tu@contoso.com"}`},
		{"roots of version 2", "roots", `{"v":2,"roots":[]}`},
		{"roots with an unknown field", "roots", `{"v":1,"roots":[],"revoked":[]}`},
		{"root with an unknown field", "roots", strings.Replace(string(values["roots"]), `"subject"`, `"purpose":"sip","subject"`, 1)},
	}
	for key, value := range values {
		var fields map[string]any
		if err := json.Unmarshal(value, &fields); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, change{key + " is not JSON", key, "{"}, change{key + " is null", key, " null"},
			change{key + " has two values", key, string(value) + "{}"}, change{key + " is a list", key, "[1]"})
		if key != "preferences" { // names and values of the screen
			rows = append(rows, change{key + " of version 2", key, strings.Replace(string(value), "{", `{"version":2,`, 1)})
		}
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, flash.FileName), good, 0o600); err != nil {
				t.Fatal(err)
			}
			inMemory(t, dir, func(memory *flash.File) error {
				return memory.Update(func(put func(string, []byte), _ func(string)) error { put(row.key, []byte(row.value)); return nil })
			})
			before := bytesOf(t, dir)
			inMemory(t, dir, func(memory *flash.File) error {
				p, err := device.New(device.Config{Flash: memory})
				if err == nil {
					p.Close()
				}
				if f := journal.FailureOf(err); f.Code != journal.FlashNewer || !strings.Contains(f.What, row.key) {
					t.Errorf("%v", err)
				}
				return nil
			})
			if !bytes.Equal(before, bytesOf(t, dir)) {
				t.Error("the file was changed")
			}
		})
	}
}

// FuzzMemory gives a phone a record of any content: it is read or refused, and a
// phone that is made shows a snapshot.
func FuzzMemory(f *testing.F) {
	keys := []string{"identity", "roots", "user", "dialplan", "lock", "preferences", "autodiscover"}
	for i, value := range []string{`{"mac":"00-04-F2-12-34-56","firmware":"today","rootSet":"none"}`, `{"v":1,"roots":[]}`,
		`{"address":"tu@contoso.com","user":"CONTOSO\\tu"}`,
		`{"address":"tu@contoso.com","loaded":"2008-04-21T09:00:00Z","plan":{"name":"x","rules":[{"pattern":"^1$","translation":"2"}]}}`,
		`{"salt":"AAAA","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","digits":4}`, `{"volume.ring":"7"}`,
		`{"address":"tu@contoso.com","user":"CONTOSO\\tu","email":"tu@contoso.com","place":"","found":{"address":"tu@contoso.com","at":"2008-04-21T09:00:00Z"}}`} {
		f.Add(uint8(i), []byte(value))
	}
	factory, err := certstore.RootSet(certstore.SetFactory2007) // given, so that no record names a file to read
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, which uint8, value []byte) {
		memory := new(flash.Memory)
		if err := memory.Update(func(put func(string, []byte), _ func(string)) error {
			put("identity", []byte(`{"mac":"00-04-F2-12-34-56","firmware":"today","rootSet":"none"}`))
			put("user", []byte(`{"address":"tu@contoso.com","user":"CONTOSO\\tu"}`))
			put(keys[int(which)%len(keys)], value)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		p, err := device.New(device.Config{Flash: memory, Factory: factory})
		if err != nil {
			if journal.FailureOf(err).Code == journal.Internal {
				t.Errorf("no remedy: %v", err)
			}
			return
		}
		p.Unlocks("1234")
		if s := p.Snapshot(); s.MAC == "" || s.Clock.Before(time.Unix(0, 0)) {
			t.Errorf("%+v", s)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}
