package device_test

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/flash"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab"
	discovery "github.com/ocphone/ocphone/ews/autodiscover"
)

const (
	keptKey = "autodiscover"
	ewsURL  = "https://cas01.contoso.com/EWS/Exchange.asmx"
)

// keeper is a phone that has kept an answer of Autodiscover.
type keeper struct {
	*rig
	memory *flash.Memory
	clock  *clock.Adjustable
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{memory: new(flash.Memory), clock: clock.New(time.Now())}
	k.rig = newRig(t, func(d *lab.Deployment) {
		d.Today, d.Publish = true, []string{lab.EnterpriseRoot, lab.PublicRoot}
		d.Users = append(d.Users, lab.User{Name: "eve", Line: "tel:+4544890109;ext=209", Mail: "eve@contoso.com",
			EUM: "209;phone-context=" + d.Users[0].Profile + ".contoso.com"})
	}, func(c *device.Config) {
		c.Flash, c.Clock, c.NTP = k.memory, k.clock, false
	})
	k.wantReady(k.signIn(k.lab.Inside()))
	if k.kept() == nil {
		t.Fatal("the answer is not kept")
	}
	return k
}

func (k *keeper) kept() []byte {
	k.t.Helper()
	value, err := k.memory.Get(keptKey)
	if err != nil {
		k.t.Fatal(err)
	}
	return value
}

// restart signs in again at a place, and returns the steps since.
func (k *keeper) restart(at lab.Attachment) (device.Snapshot, []journal.Step) {
	k.t.Helper()
	k.PowerOff()
	before := len(steps(k.Phone))
	k.PowerOn()
	k.Plug(at.Place)
	if err := k.SignIn(k.creds); err != nil {
		k.t.Fatal(err)
	}
	s := k.rest()
	return s, steps(k.Phone)[before:]
}

// searched reports whether Autodiscover was asked.
func searched(all []journal.Step) bool {
	return slices.ContainsFunc(all, func(s journal.Step) bool {
		return s.Name == journal.Autodiscover && strings.HasPrefix(s.Asked, http.MethodPost+" https://contoso.com/autodiscover")
	})
}

// TestKeptAnswerOfAutodiscover: the answer lives 24 hours, for one user in one place.
func TestKeptAnswerOfAutodiscover(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*keeper) lab.Attachment
		search bool
	}{
		{"restart", func(k *keeper) lab.Attachment { return k.lab.Inside() }, false},
		{"almost a day later", func(k *keeper) lab.Attachment {
			k.clock.Advance(discovery.Lifetime - time.Minute)
			return k.lab.Inside()
		}, false},
		{"a day later", func(k *keeper) lab.Attachment {
			k.clock.Advance(discovery.Lifetime)
			return k.lab.Inside()
		}, true},
		{"the clock is set back", func(k *keeper) lab.Attachment {
			k.clock.Set(k.clock.Now().Add(-time.Hour))
			return k.lab.Inside()
		}, true},
		{"another place", func(k *keeper) lab.Attachment { return k.lab.Outside() }, true},
		{"another user", func(k *keeper) lab.Attachment {
			k.creds = credentials(k.lab, len(k.lab.Ready().Users)-1)
			return k.lab.Inside()
		}, true},
		{"the same user by another name", func(k *keeper) lab.Attachment {
			k.creds.User = k.creds.Address
			return k.lab.Inside()
		}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := newKeeper(t)
			s, all := k.restart(row.change(k))
			k.wantReady(s)
			if s.Mailbox == nil || searched(all) != row.search {
				t.Errorf("mailbox %v, searched: %v, want %v\n%s", s.Mailbox, searched(all), row.search, story(k.Phone))
			}
			used := slices.ContainsFunc(all, func(s journal.Step) bool {
				return s.Name == journal.Autodiscover && strings.Contains(s.Decided, "UTC, at most 24 h old, is used") &&
					strings.Contains(s.Because, "every 24 hours")
			})
			if used == row.search {
				t.Errorf("the journal says that the answer kept is used: %v\n%s", used, story(k.Phone))
			}
		})
	}
}

// TestKeptAnswerIsRemoved: nothing of the user's stays after a sign-out or a reset.
func TestKeptAnswerIsRemoved(t *testing.T) {
	for name, remove := range map[string]func(*keeper) error{
		"sign-out":      func(k *keeper) error { return k.SignOut(t.Context()) },
		"paper clip":    func(k *keeper) error { _, err := k.PressReset(); return err },
		"user reset":    func(k *keeper) error { return k.ResetUser() },
		"factory reset": func(k *keeper) error { _, err := k.FactoryReset(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeper(t)
			if err := remove(k); err != nil {
				t.Fatal(err)
			}
			if kept := k.kept(); kept != nil {
				t.Errorf("kept: %s", kept)
			}
			s, all := k.restart(k.lab.Inside())
			k.wantReady(s)
			if !searched(all) {
				t.Errorf("not searched\n%s", story(k.Phone))
			}
		})
	}
}

// TestKeptAnswerThatFails: an answer that does not lead to the mailbox any more is
// removed, and the phone searches in the same sign-in.
func TestKeptAnswerThatFails(t *testing.T) {
	answer := func(status int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
		}
	}
	for _, row := range []struct {
		name string
		url  string
		old  http.HandlerFunc // https://pool.contoso.com, with the pool's certificate
	}{
		{"the name is gone", "https://gone.contoso.com/EWS/Exchange.asmx", nil},
		{"nothing listens", "https://pool.contoso.com/EWS/Exchange.asmx", nil},
		{"another certificate", "https://old.contoso.com/EWS/Exchange.asmx", answer(200)},
		{"not there", "https://pool.contoso.com/EWS/Exchange.asmx", answer(404)},
		{"forbidden", "https://pool.contoso.com/EWS/Exchange.asmx", answer(403)},
		{"moved", "https://pool.contoso.com/EWS/Exchange.asmx", answer(302, "Location", ewsURL)},
		{"not available", "https://pool.contoso.com/EWS/Exchange.asmx", answer(503)},
		{"401 without a challenge", "https://pool.contoso.com/EWS/Exchange.asmx", answer(401, "WWW-Authenticate", "NTLM")},
		{"401 without a scheme", "https://pool.contoso.com/EWS/Exchange.asmx", answer(401)},
		{"a web page", "https://pool.contoso.com/EWS/Exchange.asmx", answer(200, "Content-Type", "text/html")},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := newKeeper(t)
			k.PowerOff()
			names := map[string]string{"pool.contoso.com:443": closedPort(t), "old.contoso.com:443": closedPort(t)}
			if row.old != nil {
				cert, err := k.lab.Certificate("pool.contoso.com")
				if err != nil {
					t.Fatal(err)
				}
				web := httptest.NewUnstartedServer(row.old)
				web.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
				web.StartTLS()
				t.Cleanup(web.Close)
				for name := range names {
					names[name] = web.Listener.Addr().String()
				}
			}
			k.rewrite(row.url)
			s, all := k.restart(patched(k.lab.Inside(), names))
			k.wantReady(s)
			if s.Mailbox == nil || s.Mailbox.URL != ewsURL || len(s.Warnings) > 0 || !searched(all) {
				t.Errorf("mailbox %+v, warnings %v\n%s", s.Mailbox, s.Warnings, story(k.Phone))
			}
			if !slices.ContainsFunc(all, func(s journal.Step) bool {
				return s.Name == journal.Autodiscover && s.State == journal.Warned && strings.Contains(s.Decided, "asks Autodiscover again")
			}) {
				t.Errorf("the journal does not say why\n%s", story(k.Phone))
			}
			if kept := string(k.kept()); !strings.Contains(kept, ewsURL) || strings.Contains(kept, row.url) {
				t.Errorf("kept: %s", kept)
			}
			if k.badLogons() > 0 {
				t.Error("a password was refused")
			}
		})
	}
}

// rewrite replaces the URL in flash, which a new process then reads.
func (k *keeper) rewrite(url string) {
	k.t.Helper()
	var value map[string]any
	if err := json.Unmarshal(k.kept(), &value); err != nil {
		k.t.Fatal(err)
	}
	internal := value["found"].(map[string]any)["internal"].(map[string]any)
	internal["ewsURL"] = url
	b, err := json.Marshal(value)
	if err == nil {
		err = k.memory.Update(func(put func(string, []byte), _ func(string)) error { put(keptKey, b); return nil })
	}
	if err != nil {
		k.t.Fatal(err)
	}
	k.Phone = newPhone(k.t, "today", func(c *device.Config) {
		c.Flash, c.Clock, c.NTP = k.memory, k.clock, false
	})
}

// closedPort is an address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
