package directory_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/ntlm"
)

var start = time.Date(2008, 4, 21, 9, 0, 0, 0, time.UTC)

func newDirectory(t *testing.T) *directory.Directory {
	t.Helper()
	d := directory.New("contoso.com", "CONTOSO")
	d.Clock = clock.NewManual(start)
	for _, u := range []directory.User{
		{SAM: "tu", SIP: "sip:tu@contoso.com", Password: "tu's", DisplayName: "Test User", LineURI: "tel:+4544890101;ext=200", EUM: "EUM:tu@contoso.com;phone-context=Hellerup.contoso.com"},
		{SAM: "bobs", UPN: "robert.smith@sip.contoso.com", Password: "bob's"},
		{SAM: "eve", UPN: "tu2@contoso.com", Password: "eve's"},
		{SAM: "tu2", UPN: "someone@contoso.com", Password: "tu2's"},
	} {
		if err := d.AddUser(u); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestUserIsFoundByEveryNameFormOfAD(t *testing.T) {
	d := newDirectory(t)
	for _, tt := range []struct{ test, name, domain, want string }{
		{"SAM and NetBIOS domain", "tu", "CONTOSO", "tu"},
		{"case does not matter", "TU", "contoso", "tu"},
		{"SAM and DNS domain", "tu", "contoso.com", "tu"},
		{"SAM alone", "tu", "", "tu"},
		{"foreign domain", "tu", "FABRIKAM", ""},
		{"one piece", `CONTOSO\tu`, "", "tu"},
		{"one piece, foreign domain", `FABRIKAM\tu`, "", ""},
		{"default UPN", "tu@contoso.com", "", "tu"},
		{"UPN unlike the account", "Robert.Smith@sip.contoso.com", "", "bobs"},
		{"UPN with a domain beside it", "robert.smith@sip.contoso.com", "CONTOSO", "bobs"},
		{"implicit UPN", "bobs@contoso.com", "", "bobs"},
		{"implicit UPN, NetBIOS suffix", "bobs@CONTOSO", "", "bobs"},
		{"explicit UPN beats implicit one", "tu2@contoso.com", "", "eve"},
		{"UPN suffix with another local part", "bobs@sip.contoso.com", "", ""},
		{"unknown", "nobody", "CONTOSO", ""},
		{"empty", "", "", ""},
	} {
		t.Run(tt.test, func(t *testing.T) {
			u, ok := d.FindUser(tt.name, tt.domain)
			if u.SAM != tt.want || ok != (tt.want != "") {
				t.Errorf("FindUser(%q, %q) = %q, %v, want %q", tt.name, tt.domain, u.SAM, ok, tt.want)
			}
		})
	}
	if u, ok := d.UserBySIP("SIP:TU@contoso.com"); !ok || u.SAM != "tu" {
		t.Errorf("UserBySIP = %v, %v", u.SAM, ok)
	}
}

func TestDefaultsAndPrefixesOfAUser(t *testing.T) {
	d := newDirectory(t)
	u, _ := d.User("TU")
	if u.SIP != "tu@contoso.com" || u.EUM != "tu@contoso.com;phone-context=Hellerup.contoso.com" || u.UPN != "tu@contoso.com" {
		t.Errorf("user is %+v", u)
	}
	if b, _ := d.User("bobs"); b.DisplayName != "bobs" {
		t.Errorf("display name is %q", b.DisplayName)
	}
}

func TestNamesMustBeUniqueAndValid(t *testing.T) {
	d := newDirectory(t)
	for name, u := range map[string]directory.User{
		"no SAM":         {UPN: "x@contoso.com"},
		"SAM too long":   {SAM: "a23456789012345678901"},
		"SAM with an @":  {SAM: "a@b"},
		"SAM taken":      {SAM: "Tu"},
		"UPN taken":      {SAM: "new", UPN: "Tu@contoso.com"},
		"SIP taken":      {SAM: "new", SIP: "TU@contoso.com"},
		"SAM with slash": {SAM: `a\b`},
	} {
		if err := d.AddUser(u); err == nil {
			t.Errorf("%s: added", name)
		}
	}
	if err := d.SetUser("bobs", func(u *directory.User) { u.SAM, u.Password = "tu", "new" }); err == nil {
		t.Error("an account took the name of another")
	}
	if u, ok := d.FindUser("robert.smith@sip.contoso.com", ""); !ok || u.SAM != "bobs" || u.Password != "bob's" {
		t.Errorf("a refused change left %+v", u)
	}
	if len(d.Users()) != 4 {
		t.Errorf("%d users", len(d.Users()))
	}
	if err := d.SetUser("nobody", func(*directory.User) {}); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("err = %v", err)
	}
}

func TestRenamedUserIsFoundByTheNewNameOnly(t *testing.T) {
	d := newDirectory(t)
	if err := d.SetUser("bobs", func(u *directory.User) { u.SAM, u.UPN = "rob", "" }); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.FindUser("robert.smith@sip.contoso.com", ""); ok {
		t.Error("found by the old UPN")
	}
	if u, ok := d.FindUser("rob@contoso.com", ""); !ok || u.Password != "bob's" {
		t.Errorf("not found by the new name: %+v", u)
	}
	d.BadLogon("rob") // the record that the names lead to must be the one that is listed
	if u := d.Users()[1]; u.SAM != "rob" || u.BadLogons != 1 {
		t.Errorf("listed as %+v", u)
	}
	d.RemoveUser("rob")
	if _, ok := d.User("rob"); ok || len(d.Users()) != 3 {
		t.Error("still there")
	}
}

func TestUnusableAccountsHaveNoHash(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*directory.User)
		want   error
	}{
		"usable":           {func(*directory.User) {}, nil},
		"locked":           {func(u *directory.User) { u.Locked, u.Disabled = true, true }, directory.ErrLocked},
		"disabled":         {func(u *directory.User) { u.Disabled = true }, directory.ErrDisabled},
		"account expired":  {func(u *directory.User) { u.AccountExpired = true }, directory.ErrAccountExpired},
		"password expired": {func(u *directory.User) { u.PasswordExpired = true }, directory.ErrPasswordExpired},
		"must change":      {func(u *directory.User) { u.MustChange = true }, directory.ErrMustChange},
		"disabled for SIP": {func(u *directory.User) { u.SIPDisabled = true }, nil},
	} {
		d := newDirectory(t)
		if err := d.SetUser("tu", tt.change); err != nil {
			t.Fatal(err)
		}
		hash, err := d.NTHash("tu", "CONTOSO")
		if !errors.Is(err, tt.want) || (err == nil) != bytes.Equal(hash, ntlm.NTHash("tu's")) {
			t.Errorf("%s: %x, %v", name, hash, err)
		}
		if err := d.GoodLogon("tu"); !errors.Is(err, tt.want) {
			t.Errorf("%s: GoodLogon = %v", name, err)
		}
	}
	if _, err := newDirectory(t).NTHash("nobody", ""); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("err = %v", err)
	}
}

func TestBadLogonsLockAtTheThreshold(t *testing.T) {
	d := newDirectory(t)
	d.LockoutAfter = 3
	d.BadLogon("tu")
	d.BadLogon("TU")
	if u, _ := d.User("tu"); u.BadLogons != 2 || u.Locked || !u.LastBad.Equal(start) {
		t.Fatalf("after 2: %+v", u)
	}
	if err := d.GoodLogon("tu"); err != nil {
		t.Fatal(err)
	}
	if u, _ := d.User("tu"); u.BadLogons != 0 || !u.LastLogon.Equal(start) {
		t.Fatalf("a good logon left %+v", u)
	}
	for range 3 {
		d.BadLogon("tu")
	}
	if u, _ := d.User("tu"); !u.Locked || !u.LockedAt.Equal(start) {
		t.Fatalf("after 3: %+v", u)
	}
	if err := d.GoodLogon("tu"); !errors.Is(err, directory.ErrLocked) {
		t.Errorf("err = %v", err)
	}
	d.BadLogon("nobody")
}

func TestPublishedRootsKeepEveryValue(t *testing.T) { // R1.1
	d := newDirectory(t)
	first := []byte("first")
	d.PublishRoot("Contoso Root CA", first, []byte("second"))
	d.PublishRoot("Public Root", []byte("public"))
	d.PublishRoot("contoso root ca", []byte("renewed"), []byte("first"))
	d.PublishRoot("Empty")
	first[0] = 'X' // the directory keeps its own copy
	roots := d.Roots()
	if len(roots) != 3 || roots[0].Name != "Contoso Root CA" || string(bytes.Join(roots[0].DER, []byte(" "))) != "first second renewed" || !roots[0].At.Equal(start) {
		t.Fatalf("roots are %q", roots)
	}
	roots[0].DER[0][0] = 'X' // and hands out copies
	if string(d.Roots()[0].DER[0]) != "first" {
		t.Error("a caller changed what is published")
	}
	if !d.WithdrawRoot("PUBLIC ROOT") || d.WithdrawRoot("Public Root") || len(d.Roots()) != 2 {
		t.Errorf("after withdrawing: %q", d.Roots())
	}
}

func TestEnrolmentServiceIsReplacedByName(t *testing.T) {
	d := newDirectory(t)
	d.PublishEnrolment("Contoso CA", "ca.contoso.com", []byte("one"))
	d.PublishEnrolment("Contoso CA", "ca2.contoso.com", []byte("two"))
	if all := d.Enrolments(); len(all) != 1 || all[0].Host != "ca2.contoso.com" || string(all[0].DER) != "two" {
		t.Fatalf("enrolments are %q", all)
	}
	if !d.WithdrawEnrolment("Contoso CA") || d.WithdrawEnrolment("Contoso CA") {
		t.Error("withdrawing must succeed once")
	}
}

func TestDirectoryChangesWhileItIsRead(t *testing.T) {
	d := newDirectory(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				d.BadLogon("tu")
				d.PublishRoot("R", []byte("v"))
				_, _ = d.NTHash("tu", "CONTOSO")
				_ = d.SetUser("tu", func(u *directory.User) { u.Mail = "tu@contoso.com" })
				d.Users()
				d.Roots()
			}
		})
	}
	wg.Wait()
	if u, _ := d.User("tu"); u.BadLogons != 400 {
		t.Errorf("%d bad logons counted", u.BadLogons)
	}
}
