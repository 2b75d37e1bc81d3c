package ad_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/ocphone/ocphone/device/lab/directory"
)

func TestRootsAreWhereR1_1SaysTheyAre(t *testing.T) {
	s, dir := newServer(t, nil)
	dir.PublishRoot(`Public, "Inc." <Root> #1`, []byte("public"))
	dir.PublishRoot("Empty")
	dir.PublishEnrolment("Contoso Issuing CA", "ca.contoso.com", []byte("issuing"))
	c := bound(t, s)
	got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range got.Entries {
		have = append(have, e.GetAttributeValue("cn")+": "+strings.Join(e.GetAttributeValues("cACertificate"), ", "))
		again, err := find(c, e.DN, ldap.ScopeBaseObject, "(objectClass=certificationAuthority)")
		if err != nil || len(again.Entries) != 1 {
			t.Errorf("%s is not found by its DN: %v", e.DN, err)
		}
		if e.GetAttributeValue("authorityRevocationList") != "\x00" || e.GetAttributeValue("objectCategory") != "CN=Certification-Authority,CN=Schema,"+config {
			t.Errorf("entry is %+v", e)
		}
	}
	if want := []string{"Contoso Root CA: root one, root two", `Public, "Inc." <Root> #1: public`, "Empty: "}; !slices.Equal(have, want) {
		t.Errorf("roots are %q, want %q", have, want)
	}
	got, err = find(c, config, ldap.ScopeWholeSubtree, "(objectCategory=pKIEnrollmentService)", "dNSHostName", "cACertificate;binary")
	if err != nil || len(got.Entries) != 1 || got.Entries[0].GetAttributeValue("dNSHostName") != "ca.contoso.com" ||
		got.Entries[0].DN != "CN=Contoso Issuing CA,CN=Enrollment Services,"+publicKeys || got.Entries[0].GetAttributeValue("cACertificate;binary") != "issuing" {
		t.Errorf("enrolment services: %+v, %v", got, err)
	}
	dir.WithdrawRoot("Contoso Root CA") // it changes while it runs
	if got, err := find(c, authorities, ldap.ScopeSingleLevel, allRoots); err != nil || len(got.Entries) != 2 {
		t.Errorf("after withdrawing: %+v, %v", got, err)
	}
}

func TestUsersShowWhatOCSAndUMRead(t *testing.T) { // R5.1, R7.1
	s, _ := newServer(t, nil)
	got, err := find(bound(t, s), "DC=contoso,DC=com", ldap.ScopeWholeSubtree, "(sAMAccountName=TU)")
	if err != nil || len(got.Entries) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	e := got.Entries[0]
	for name, want := range map[string]string{
		"objectClass":                 "top|person|organizationalPerson|user",
		"userPrincipalName":           "tu@contoso.com",
		"displayName":                 "Test User",
		"proxyAddresses":              "SMTP:tu@contoso.com|EUM:tu@contoso.com;phone-context=Hellerup.contoso.com|sip:tu@contoso.com",
		"msRTCSIP-PrimaryUserAddress": "sip:tu@contoso.com",
		"msRTCSIP-Line":               "tel:+4544890101;ext=200",
		"msRTCSIP-UserEnabled":        "TRUE",
		"userAccountControl":          "512",
		"badPwdCount":                 "0",
		"lockoutTime":                 "0",
	} {
		if have := strings.Join(e.GetAttributeValues(name), "|"); have != want {
			t.Errorf("%s is %q, want %q", name, have, want)
		}
	}
	if want := []string{"ldap://contoso.com/" + config}; !slices.Equal(got.Referrals, want) {
		t.Errorf("continuations are %q, want %q", got.Referrals, want)
	}
}

func TestFilters(t *testing.T) {
	s, dir := newServer(t, nil)
	if err := dir.SetUser("bobs", func(u *directory.User) { u.Disabled, u.BadLogons = true, 10 }); err != nil {
		t.Fatal(err)
	}
	c := bound(t, s)
	for _, tt := range []struct{ filter, want string }{
		{"(objectClass=*)", "Users tu bobs"},
		{"(objectCategory=person)", "tu bobs"},
		{"(objectCategory=user)", "tu bobs"},
		{"(objectCategory=CN=Person,CN=Schema,CN=Configuration,DC=contoso,DC=com)", "tu bobs"},
		{"(objectCategory=container)", "Users"},
		{"(objectCategory=unheardOf)", ""},
		{"(!(objectCategory=unheardOf))", ""},
		{"(&(objectClass=user)(mail=TU@contoso.com))", "tu"},
		{"(|(cn=tu)(cn=bobs)(cn=x))", "tu bobs"},
		{"(&)", "Users tu bobs"},
		{"(|)", ""},
		{"(!(mail=*))", "Users bobs"},
		{"(!(!(cn=tu)))", "tu"},
		{"(displayName=test*)", "tu"},
		{"(displayName=*user)", "tu"},
		{"(displayName=t*t*r)", "tu"},
		{"(displayName=*es*us*)", "tu"},
		{"(displayName=*us*es*)", ""},
		{"(proxyAddresses=eum:*phone-context=hellerup*)", "tu"},
		{"(badPwdCount>=9)", "bobs"},
		{"(badPwdCount<=9)", "tu"},
		{"(displayName~=TEST user)", "tu"},
		{"(userAccountControl:1.2.840.113556.1.4.803:=2)", "bobs"},
		{"(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))", "tu"},
		{"(userAccountControl:1.2.840.113556.1.4.804:=514)", "tu bobs"},
		{"(cn:=tu)", "tu"},
		{"(cn:2.5.13.5:=tu)", ""},
		{"(!(cn:2.5.13.5:=tu))", ""},
		{"(userAccountControl:1.2.840.113556.1.4.803:=two)", ""},
		{"(msRTCSIP-UserEnabled=TRUE)", "tu"},
		{"(displayName;lang-en=Test User)", ""},
	} {
		t.Run(tt.filter, func(t *testing.T) {
			got, err := find(c, users, ldap.ScopeWholeSubtree, tt.filter, "cn")
			if err != nil {
				t.Fatal(err)
			}
			var have []string
			for _, e := range got.Entries {
				have = append(have, e.GetAttributeValue("cn"))
			}
			if strings.Join(have, " ") != tt.want {
				t.Errorf("found %v, want %s", have, tt.want)
			}
		})
	}
	for filter, want := range map[string]int{"(cACertificate=root one)": 1, "(cACertificate=ROOT TWO)": 0, "(cACertificate;binary=*)": 1, `(cACertificate=\ff)`: 0} {
		if got, err := find(c, authorities, ldap.ScopeSingleLevel, filter); err != nil || len(got.Entries) != want {
			t.Errorf("%s: %d entries, %v, want %d", filter, len(got.Entries), err, want)
		}
	}
}

func TestOctetsAreComparedByteForByte(t *testing.T) {
	s, dir := newServer(t, nil)
	dir.PublishRoot("Binary", []byte{0xff, 0xfe, 0x41})
	c := bound(t, s)
	for filter, want := range map[string]int{`(cACertificate=\ff\fe\41)`: 1, `(cACertificate=\fd\fc\41)`: 0, `(cACertificate=\ff\fe\61)`: 0} {
		if got, err := find(c, authorities, ldap.ScopeSingleLevel, filter); err != nil || len(got.Entries) != want {
			t.Errorf("%s: %d entries, %v, want %d", filter, len(got.Entries), err, want)
		}
	}
}

func TestScopes(t *testing.T) {
	s, _ := newServer(t, nil)
	c := bound(t, s)
	for scope, want := range map[int]string{
		ldap.ScopeBaseObject:   "Public Key Services",
		ldap.ScopeSingleLevel:  "Certification Authorities|Enrollment Services",
		ldap.ScopeWholeSubtree: "Public Key Services|Certification Authorities|Enrollment Services|Contoso Root CA",
	} {
		got, err := find(c, strings.ToLower(publicKeys), scope, "(objectClass=*)", "name")
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, e := range got.Entries {
			have = append(have, e.GetAttributeValue("name"))
		}
		if strings.Join(have, "|") != want {
			t.Errorf("scope %d: %q, want %s", scope, have, want)
		}
	}
}

func TestAttributeSelection(t *testing.T) {
	s, _ := newServer(t, nil)
	c := bound(t, s)
	base := "CN=Contoso Root CA," + authorities
	for _, tt := range []struct {
		name  string
		attrs []string
		want  string
	}{
		{"plain, by its schema name", []string{"CACERTIFICATE"}, "cACertificate"},
		{"binary", []string{"cACertificate;binary"}, "cACertificate;binary"},
		{"both: one attribute", []string{"cACertificate;binary", "cACertificate"}, "cACertificate;binary"},
		{"other option", []string{"cACertificate;lang-en"}, ""},
		{"binary of a text", []string{"cn;binary"}, ""},
		{"none", []string{"1.1"}, ""},
		{"unknown", []string{"unheardOf", "cn"}, "cn"},
		{"all", []string{"*"}, "objectClass cn distinguishedName name objectGUID objectCategory cACertificate authorityRevocationList certificateRevocationList whenCreated"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := find(c, base, ldap.ScopeBaseObject, "(objectClass=*)", tt.attrs...)
			if err != nil || len(got.Entries) != 1 {
				t.Fatal(got, err)
			}
			var have []string
			for _, a := range got.Entries[0].Attributes {
				have = append(have, a.Name)
			}
			if strings.Join(have, " ") != tt.want {
				t.Errorf("attributes %q, want %s", have, tt.want)
			}
		})
	}
	r := ldap.NewSearchRequest(base, ldap.ScopeBaseObject, 0, 0, 0, true, "(objectClass=*)", []string{"cACertificate"}, nil)
	if got, err := c.Search(r); err != nil || len(got.Entries[0].Attributes) != 1 || len(got.Entries[0].Attributes[0].Values) != 0 {
		t.Errorf("types only: %+v, %v", got, err)
	}
}

func TestRefusedSearches(t *testing.T) {
	s, _ := newServer(t, nil)
	c := bound(t, s)
	for _, tt := range []struct {
		name, base string
		code       uint16
		text       string
	}{
		{"no such object", "CN=x,CN=y," + users, ldap.LDAPResultNoSuchObject, "best match of:\n\t'" + users + "'"},
		{"subtree of the rootDSE", "", ldap.LDAPResultNoSuchObject, "NO_OBJECT"},
		{"no DN", "Users", ldap.LDAPResultInvalidDNSyntax, "BAD_NAME"},
		{"another domain", "CN=Users,DC=fabrikam,DC=com", ldap.LDAPResultReferral, "ref 1: 'fabrikam.com'"},
		{"DN too long", strings.Repeat("CN=x,", 2000) + users, ldap.LDAPResultInvalidDNSyntax, "BAD_NAME"},
		{"no domain", "CN=Users", ldap.LDAPResultNoSuchObject, "NO_OBJECT"},
		{"two names in one", "CN=tu+CN=Users,DC=contoso,DC=com", ldap.LDAPResultNoSuchObject, "DC=contoso,DC=com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := find(c, tt.base, ldap.ScopeWholeSubtree, "(objectClass=*)")
			wantCode(t, err, tt.code, tt.text)
		})
	}
}

func TestPagingAndLimits(t *testing.T) {
	s, dir := newServer(t, nil)
	for i := range 1499 {
		dir.PublishRoot(fmt.Sprint("Root ", i), []byte{byte(i >> 8), byte(i)})
	}
	c := bound(t, s)
	t.Run("all in pages", func(t *testing.T) {
		r := ldap.NewSearchRequest(authorities, ldap.ScopeSingleLevel, 0, 0, 0, false, allRoots, []string{"cACertificate"}, nil)
		got, err := c.SearchWithPaging(r, 400)
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]bool{}
		for _, e := range got.Entries {
			names[e.DN] = true
		}
		if len(got.Entries) != 1500 || len(names) != 1500 {
			t.Errorf("%d entries, %d different ones", len(got.Entries), len(names))
		}
	})
	search := func(size int, controls ...ldap.Control) (*ldap.SearchResult, error) {
		return c.Search(ldap.NewSearchRequest(authorities, ldap.ScopeSingleLevel, 0, size, 0, false, allRoots, []string{"1.1"}, controls))
	}
	cookie := func(r *ldap.SearchResult) string {
		if p, ok := ldap.FindControl(r.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging); ok {
			return string(p.Cookie)
		}
		return "no control"
	}
	t.Run("unpaged ends at MaxPageSize", func(t *testing.T) {
		got, err := search(0)
		wantCode(t, err, ldap.LDAPResultSizeLimitExceeded)
		if len(got.Entries) != 1000 {
			t.Errorf("%d entries", len(got.Entries))
		}
	})
	t.Run("size limit of the client", func(t *testing.T) {
		got, err := search(7)
		wantCode(t, err, ldap.LDAPResultSizeLimitExceeded)
		if len(got.Entries) != 7 {
			t.Errorf("%d entries", len(got.Entries))
		}
	})
	t.Run("pages are never larger than MaxPageSize", func(t *testing.T) {
		got, err := search(0, ldap.NewControlPaging(100000))
		if err != nil || len(got.Entries) != 1000 || cookie(got) == "" {
			t.Fatalf("%d entries, cookie %q, %v", len(got.Entries), cookie(got), err)
		}
		next := ldap.NewControlPaging(100000)
		next.SetCookie([]byte(cookie(got)))
		if got, err = search(0, next); err != nil || len(got.Entries) != 500 || cookie(got) != "" {
			t.Errorf("then %d entries, cookie %q, %v", len(got.Entries), cookie(got), err)
		}
		_, err = search(0, next)
		wantCode(t, err, ldap.LDAPResultUnwillingToPerform)
	})
	t.Run("a size limit within one page is no paging", func(t *testing.T) {
		got, err := search(5, ldap.NewControlPaging(10))
		wantCode(t, err, ldap.LDAPResultSizeLimitExceeded)
		if len(got.Entries) != 5 {
			t.Errorf("%d entries", len(got.Entries))
		}
	})
	t.Run("page size 0 gives up", func(t *testing.T) {
		got, err := search(0, ldap.NewControlPaging(3))
		if err != nil {
			t.Fatal(err)
		}
		stop := ldap.NewControlPaging(0)
		stop.SetCookie([]byte(cookie(got)))
		if got, err := search(0, stop); err != nil || len(got.Entries) != 0 || cookie(got) != "" {
			t.Errorf("%d entries, cookie %q, %v", len(got.Entries), cookie(got), err)
		}
	})
	t.Run("only so many at once", func(t *testing.T) {
		first, err := search(0, ldap.NewControlPaging(1))
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if _, err := search(0, ldap.NewControlPaging(1)); err != nil {
				t.Fatal(err)
			}
		}
		old := ldap.NewControlPaging(1)
		old.SetCookie([]byte(cookie(first)))
		_, err = search(0, old)
		wantCode(t, err, ldap.LDAPResultUnwillingToPerform)
	})
	t.Run("pages change under nobody's hands", func(t *testing.T) {
		got, err := search(0, ldap.NewControlPaging(1000))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1499 {
			dir.WithdrawRoot(fmt.Sprint("Root ", i))
		}
		next := ldap.NewControlPaging(1000)
		next.SetCookie([]byte(cookie(got)))
		if got, err := search(0, next); err != nil || len(got.Entries) != 500 {
			t.Errorf("%d entries, %v", len(got.Entries), err)
		}
	})
}

func TestControlsAndOtherOperations(t *testing.T) {
	s, _ := newServer(t, nil)
	c := bound(t, s)
	search := func(control ldap.Control) (*ldap.SearchResult, error) {
		return c.Search(ldap.NewSearchRequest("DC=contoso,DC=com", ldap.ScopeWholeSubtree, 0, 0, 0, false, "(cn=tu)", nil, []ldap.Control{control}))
	}
	if got, err := search(ldap.NewControlString("1.2.840.113556.1.4.473", false, "")); err != nil || len(got.Entries) != 1 {
		t.Errorf("control that is not critical: %v, %v", got, err)
	}
	_, err := search(ldap.NewControlString("1.2.3.4", true, ""))
	wantCode(t, err, ldap.LDAPResultUnavailableCriticalExtension)
	if got, err := search(ldap.NewControlString("1.2.840.113556.1.4.1339", true, "")); err != nil || len(got.Referrals) != 0 {
		t.Errorf("domain scope: %+v, %v", got, err)
	}
	del := func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest("CN=tu,"+users, nil)) }
	wantCode(t, del(c), ldap.LDAPResultUnwillingToPerform)
	wantCode(t, del(dial(t, s)), ldap.LDAPResultOperationsError)
	modify := ldap.NewModifyRequest("CN=tu,"+users, nil)
	modify.Replace("mail", []string{"x"})
	wantCode(t, c.Modify(modify), ldap.LDAPResultUnwillingToPerform)
	_, err = c.Compare("CN=tu,"+users, "cn", "tu")
	wantCode(t, err, ldap.LDAPResultUnwillingToPerform)
	_, err = c.Extended(ldap.NewExtendedRequest("1.2.3.4", nil))
	wantCode(t, err, ldap.LDAPResultProtocolError)
	if who, err := dial(t, s).WhoAmI(nil); err != nil || who.AuthzID != "" {
		t.Errorf("anonymous is %+v, %v", who, err)
	}
	if _, err := find(c, users, ldap.ScopeSingleLevel, "(cn=tu)"); err != nil {
		t.Errorf("the connection did not outlive that: %v", err)
	}
}
