package ad_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/lab/ad"
	"github.com/ocphone/ocphone/device/ntlm"
)

func TestRefusedBindDoesNotChangeAccounts(t *testing.T) {
	s, dir := newServer(t, nil)
	s.SetFaults(ad.Faults{RefuseBind: ldap.LDAPResultBusy})
	wantCode(t, dial(t, s).Bind("tu@contoso.com", "wrong"), ldap.LDAPResultBusy)
	_, err := sealedBind(t, s, sealed{password: "wrong"})
	wantCode(t, err, ldap.LDAPResultBusy)
	if err := dial(t, s).UnauthenticatedBind(""); err != nil {
		t.Errorf("anonymous bind: %v", err)
	}
	if u, _ := dir.User("tu"); u.BadLogons != 0 || s.Binds() != 2 {
		t.Errorf("%d bad logons, %d binds", u.BadLogons, s.Binds())
	}
	s.SetFaults(ad.Faults{})
	bound(t, s)
}

func TestRefusedLogonHasItsErrorAndIsNoBadLogon(t *testing.T) {
	s, dir := newServer(t, nil)
	s.SetFaults(ad.Faults{RefuseLogon: "569"})
	_, sealedErr := sealedBind(t, s, sealed{})
	for _, err := range []error{dial(t, s).Bind("tu@contoso.com", testPassword), sealedErr} {
		wantCode(t, err, ldap.LDAPResultInvalidCredentials)
		if !strings.Contains(err.Error(), "data 569,") {
			t.Errorf("%v", err)
		}
	}
	if u, _ := dir.User("tu"); u.BadLogons != 0 {
		t.Errorf("%d bad logons", u.BadLogons)
	}
	s.SetFaults(ad.Faults{})
	bound(t, s)
}

func TestDowngradedChallengeLacksTheFlag(t *testing.T) {
	for _, flag := range []ntlm.Flags{ntlm.NegotiateSeal, ntlm.NegotiateSign, ntlm.NegotiateESS, ntlm.Negotiate128, ntlm.NegotiateKeyExch} {
		t.Run(flag.String(), func(t *testing.T) {
			s, dir := newServer(t, nil)
			s.SetFaults(ad.Faults{ClearFlags: flag})
			c, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			client := &ntlm.Client{User: "tu", Domain: "CONTOSO", Password: testPassword, Require: ntlm.FlagsLDAP}
			challenge, err := exchange(c, 1, "GSS-SPNEGO", client.Negotiate(), 14)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ntlm.ParseChallenge(challenge); err != nil || got.Flags&flag != 0 {
				t.Errorf("challenge offers %v, %v", got.Flags, err)
			}
			if _, _, err := client.Authenticate(challenge); !errors.Is(err, ntlm.ErrWeak) {
				t.Errorf("a careful client says %v", err)
			}
			if u, _ := dir.User("tu"); u.BadLogons != 0 {
				t.Error("a bad logon was counted")
			}
		})
	}
}

func TestHugeValue(t *testing.T) {
	s, _ := newServer(t, nil)
	s.SetFaults(ad.Faults{HugeValue: 4 << 20})
	c, err := sealedBind(t, s, sealed{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := find(c, "CN=Huge,"+authorities, ldap.ScopeBaseObject, "(objectClass=*)", "cACertificate")
	if err != nil || len(got.Entries) != 1 || len(got.Entries[0].GetRawAttributeValue("cACertificate")) != 4<<20 {
		t.Errorf("%v", err)
	}
}

func TestReferralsAndContinuations(t *testing.T) {
	s, _ := newServer(t, nil)
	c := bound(t, s)
	s.SetFaults(ad.Faults{Continuations: []string{"ldap://evil.example/CN=x", "ldap://evil.example/CN=y"}})
	if got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots); err != nil || len(got.Entries) != 1 || strings.Join(got.Referrals, " ") != "ldap://evil.example/CN=x ldap://evil.example/CN=y" {
		t.Errorf("%+v, %v", got, err)
	}
	s.SetFaults(ad.Faults{Referral: "ldap://evil.example/CN=x"})
	got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots)
	wantCode(t, err, ldap.LDAPResultReferral)
	var e *ldap.Error
	if len(got.Entries) != 0 || !errors.As(err, &e) || e.Packet.Children[1].Children[3].Children[0].Value != "ldap://evil.example/CN=x" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := find(c, "", ldap.ScopeBaseObject, "(objectClass=*)"); err != nil {
		t.Errorf("rootDSE: %v", err)
	}
}

func TestBrokenAnswers(t *testing.T) {
	for name, f := range map[string]ad.Faults{
		"closed in the middle": {CloseMidAnswer: true},
		"garbage":              {Garbage: true},
		"in clear":             {Unsealed: true},
		"bad signature":        {BadSeal: true},
		"silence":              {Silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newServer(t, nil)
			c, err := sealedBind(t, s, sealed{})
			if err != nil {
				t.Fatal(err)
			}
			c.SetTimeout(5 * time.Second)
			if f.Silent {
				c.SetTimeout(50 * time.Millisecond)
			}
			s.SetFaults(f)
			if got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots); err == nil || got != nil && len(got.Entries) > 0 {
				t.Errorf("answered %+v, %v", got, err)
			}
		})
	}
}

func TestBeforeResultsDelaysTheAnswer(t *testing.T) {
	s, dir := newServer(t, nil)
	held, release := make(chan string), make(chan struct{})
	s.SetFaults(ad.Faults{BeforeResults: func(ctx context.Context, base string) {
		if base != authorities {
			return
		}
		held <- base
		select {
		case <-release:
		case <-ctx.Done():
		}
	}})
	c := bound(t, s)
	type outcome struct {
		got *ldap.SearchResult
		err error
	}
	done := make(chan outcome, 1)
	search := func() {
		got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots)
		done <- outcome{got, err}
	}
	go search()
	<-held
	dir.WithdrawRoot("Contoso Root CA") // the answer was made before
	close(release)
	if o := <-done; o.err != nil || len(o.got.Entries) != 1 {
		t.Fatalf("%+v", o)
	}
	release = make(chan struct{})
	go search()
	<-held
	s.Close() // must not wait for the test
	if o := <-done; o.err == nil {
		t.Errorf("answered %+v", o.got)
	}
}

func TestCloseEndsIdleConnections(t *testing.T) {
	s, _ := newServer(t, nil)
	c := bound(t, s)
	s.Close()
	s.Close()
	if _, err := find(c, "", ldap.ScopeBaseObject, "(objectClass=*)"); err == nil {
		t.Error("still answered")
	}
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("still listening")
	}
}
