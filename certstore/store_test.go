package certstore

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"crypto/x509"
	"crypto/x509/pkix"

	"github.com/ocphone/ocphone/device/journal"
)

func TestInstallKeepsAllRootsAndTheirSources(t *testing.T) { // R1.1
	factory, one, two := root(t, "Factory"), root(t, "One"), root(t, "Two")
	before := New(held(factory, Factory))
	from := Source{Kind: AD, DN: "CN=One", Server: "dc1.contoso.com", Account: `CONTOSO\tu`, At: now}
	after, d := before.Install([]Root{{one.Certificate, from}, held(two, AD), held(two, Import), held(factory, AD)})
	if before.Len() != 1 || after.Len() != 3 {
		t.Fatalf("before %d, after %d roots", before.Len(), after.Len())
	}
	if len(d.Added) != 2 || len(d.Removed) != 0 || len(d.Kept) != 1 || d.Kept[0].Source.Kind != Factory {
		t.Errorf("diff %+v", d)
	}
	got, is := after.Find(Root{Certificate: one.Certificate}.Fingerprint())
	if !is || got.Source != from || !got.Downloaded() {
		t.Errorf("Find = %+v, %v", got, is)
	}
	if again, d := after.Install([]Root{held(one, Import)}); again.Len() != 3 || len(d.Added) != 0 || len(d.Kept) != 3 {
		t.Errorf("a second install of the same root changed the store: %v", d)
	}
}

func TestResetKeepsOnlyTheRootSet(t *testing.T) { // R1.3
	var roots []Root
	for _, kind := range []SourceKind{Factory, AD, Enrolment, System, Import, File} {
		roots = append(roots, held(root(t, string(kind)), kind))
	}
	after, d := New(roots...).Reset()
	kinds := func(roots []Root) (all []SourceKind) {
		for _, r := range roots {
			all = append(all, r.Source.Kind)
		}
		return all
	}
	if want := []SourceKind{Factory, System, File}; !slices.Equal(kinds(after.Roots()), want) || !slices.Equal(kinds(d.Kept), want) {
		t.Errorf("stayed %v", kinds(after.Roots()))
	}
	if want := []SourceKind{AD, Enrolment, Import}; !slices.Equal(kinds(d.Removed), want) {
		t.Errorf("went %v", kinds(d.Removed))
	}
	if _, d := after.Reset(); len(d.Removed) != 0 || d.String() != "no root was added or removed\n= 1 root stays: factory\n= 1 root stays: system\n= 1 root stays: file\n" {
		t.Errorf("second reset: %s", d)
	}
}

func TestDiffAsText(t *testing.T) {
	old := mk(t, x509.Certificate{Subject: pkix.Name{CommonName: "Contoso Root CA", ExtraNames: []pkix.AttributeTypeAndValue{
		{Type: []int{0, 9, 2342, 19200300, 100, 1, 25}, Value: "com"}, {Type: []int{0, 9, 2342, 19200300, 100, 1, 25}, Value: "contoso"}, {Type: []int{2, 5, 4, 3}, Value: "Contoso Root CA"}}}}, nil, nil)
	s := New(held(root(t, "F1"), Factory), held(root(t, "F2"), Factory), Root{old.Certificate, Source{Kind: AD, Server: "dc1.contoso.com", Account: `CONTOSO\tu`}})
	_, d := s.Without(Root{Certificate: old.Certificate}.Fingerprint())
	want := "- CN=Contoso Root CA,DC=contoso,DC=com  ECDSA P-256, valid until 2009-04-21, AD, from dc1.contoso.com as CONTOSO\\tu\n= 2 roots stay: factory\n"
	if d.String() != want {
		t.Errorf("got  %q\nwant %q", d.String(), want)
	}
	if b, err := json.Marshal(d); err != nil || !strings.Contains(string(b), `"went":[{"subject":"CN=Contoso Root CA,DC=contoso,DC=com","key":"ECDSA P-256"`) {
		t.Errorf("%s %v", b, err)
	}
}

func TestStoreSurvivesFlash(t *testing.T) {
	s := New(held(root(t, "F"), Factory), Root{root(t, "A").Certificate, Source{Kind: AD, DN: "CN=A,DC=contoso,DC=com", Server: "dc1", Account: "tu", At: now}})
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Store
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(s.Roots(), back.Roots(), func(a, b Root) bool { return a.Source == b.Source && a.Certificate.Equal(b.Certificate) }) {
		t.Errorf("came back as %s", b)
	}
	for name, bad := range map[string]string{
		"newer version":  strings.Replace(string(b), `"v":1`, `"v":2`, 1),
		"no version":     `{"roots":[]}`,
		"no certificate": `{"v":1,"roots":[{"subject":"CN=A"}]}`,
		"not JSON":       "{",
		"not a store":    "[]",
	} {
		kept := back
		if err := json.Unmarshal([]byte(bad), &kept); err == nil || kept.Len() != 2 {
			t.Errorf("%s: error %v, %d roots", name, err, kept.Len())
		}
	}
	if b, err := json.Marshal(Store{}); err != nil || string(b) != `{"v":1,"roots":[]}` {
		t.Errorf("empty store: %s %v", b, err)
	}
}

func TestFactorySetMatchesItsTable(t *testing.T) { // R1.1, docs/protocol/trust.md#built-in-public-roots
	s, err := RootSet(SetFactory2007)
	if err != nil {
		t.Fatal(err)
	}
	included := 0
	for _, row := range FactoryTable() {
		if !row.Included() {
			if !strings.HasPrefix(row.Remark, "missing: ") || row.File != "" {
				t.Errorf("%s: missing without a reason", row.Name)
			}
			continue
		}
		included++
		r, is := s.Find(row.Fingerprint)
		if !is || row.File == "" || row.Remark == "" {
			t.Fatalf("%s: not in the set, or without its origin", row.Name)
		}
		if r.Source != (Source{Kind: Factory, Set: SetFactory2007}) || r.Downloaded() || r.Key() != "RSA 2048" || row.Bits != 2048 {
			t.Errorf("%s: %+v %s", row.Name, r.Source, r.Key())
		}
		if name := strings.TrimSuffix(row.Name, "ification Authority"); !strings.Contains(r.Subject(), name) {
			t.Errorf("row %s is stood for by %s", row.Name, r.Subject())
		}
		same := r.Certificate.NotAfter.Format(time.DateOnly) == row.Expires
		if same != strings.HasPrefix(row.Remark, "as printed") {
			t.Errorf("%s: valid until %s, printed %s, remark %q", row.Name, r.Certificate.NotAfter, row.Expires, row.Remark)
		}
	}
	if included != s.Len() || len(FactoryTable()) != 16 {
		t.Errorf("%d rows included, %d roots, %d rows", included, s.Len(), len(FactoryTable()))
	}
	if d := Describe(SetFactory2007); !strings.Contains(d, "6 of 16 rows") || strings.Count(d, "\n") != 17 {
		t.Errorf("description:\n%s", d)
	}
	if after, _ := s.Reset(); after.Len() != s.Len() {
		t.Error("a reset took a factory root")
	}
}

func TestRootSets(t *testing.T) {
	dir := t.TempDir()
	a, b := root(t, "A"), root(t, "B")
	file := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(file, ExportPEM(held(a, AD), held(b, AD), Root{}), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := RootSet("file:" + file)
	if err != nil || s.Len() != 2 || s.Roots()[0].Source != (Source{Kind: File, Set: "file:" + file}) {
		t.Errorf("file set: %v %v", s.Roots(), err)
	}
	if s, err := RootSet(SetNone); err != nil || s.Len() != 0 {
		t.Errorf("none: %d %v", s.Len(), err)
	}
	for _, bad := range []string{"", "file:", "file:" + filepath.Join(dir, "absent"), "file:" + dir, "file:/dev/zero", "factory-2008"} {
		if _, err := RootSet(bad); journal.FailureOf(err).Code != journal.Usage {
			t.Errorf("RootSet(%q): %v", bad, err)
		}
	}
}

func TestSystemSetHasTheRootsOfTheHost(t *testing.T) {
	if hostVerifies() {
		if s, err := RootSet(SetSystem); err != nil || !s.HostTrusted() || s.Len() != 0 {
			t.Errorf("%v %v", s.HostTrusted(), err)
		}
		return
	}
	dir := t.TempDir()
	a, b := root(t, "A"), root(t, "B")
	file := filepath.Join(dir, "bundle.pem")
	more := filepath.Join(dir, "more")
	damaged := "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
	for path, data := range map[string]string{file: damaged + string(ExportPEM(held(a, AD))), filepath.Join(more, "b.pem"): string(ExportPEM(held(b, AD))), filepath.Join(more, "README"): "no bundle"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SSL_CERT_FILE", file)
	t.Setenv("SSL_CERT_DIR", more)
	s, err := RootSet(SetSystem)
	if err != nil || s.Len() != 2 || s.Roots()[0].Source.Kind != System || s.HostTrusted() {
		t.Errorf("%v %v", s.Roots(), err)
	}
	t.Setenv("SSL_CERT_FILE", filepath.Join(dir, "absent"))
	t.Setenv("SSL_CERT_DIR", filepath.Join(dir, "absent"))
	if _, err := RootSet(SetSystem); journal.FailureOf(err).Code != journal.Usage {
		t.Errorf("a host without roots: %v", err)
	}
}

// TestChangesKeepHostTrust covers macOS and Windows: changes and flash keep that the
// host's roots are trusted.
func TestChangesKeepHostTrust(t *testing.T) {
	s := newStore(nil, true)
	a := root(t, "A")
	s, _ = s.Install([]Root{held(a, AD)})
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Store
	if err := json.Unmarshal(b, &back); err != nil || !back.HostTrusted() {
		t.Fatalf("%s %v", b, err)
	}
	if back, _ = back.Reset(); !back.HostTrusted() || back.Len() != 0 {
		t.Error("a reset took the host's roots")
	}
	if v := s.Verify(Request{Chain: chain(leaf(t, a)), Name: pool, At: now}); !v.OK || v.Anchor.Source.Kind != AD {
		t.Errorf("installed root beside the host's: %s", v.Sentence)
	}
	if v := s.Verify(Request{Chain: chain(leaf(t, root(t, "B"))), Name: pool, At: now}); !v.NeedsRoot() || !strings.Contains(v.Sentence, "among those that this host and the phone trust") {
		t.Errorf("unknown root: %s", v.Sentence)
	}
	// If today accepts a chain with a root that only the host has, 2007 accepts that root.
	hostOnly := root(t, "Host")
	server := leaf(t, hostOnly)
	s.c.pool.AddCert(hostOnly.Certificate)
	v := s.Verify(Request{Chain: chain(server), Name: pool, At: now, Policy: Policy2007})
	if !v.OK || v.Anchor == nil || v.Anchor.Source.Kind != System {
		t.Errorf("by the host's root: %s %+v", v.Sentence, v.Anchor)
	}
}

func TestNamesAreSafeToPrint(t *testing.T) {
	for _, row := range []struct{ in, want string }{
		{"plain", "CN=plain"},
		{"a,b+c\"d\\e<f>g;h", `CN=a\,b\+c\"d\\e\<f\>g\;h`},
		{"#x ", `CN=\#x\ `},
		{"\x1b[2Jgone", `CN=\1B[2Jgone`},
		{"Økonomi", "CN=Økonomi"},
		{"\u202eevil", `CN=\E2\80\AEevil`},
	} {
		c := mk(t, x509.Certificate{Subject: pkix.Name{CommonName: row.in}}, nil, nil)
		if got := (Root{Certificate: c.Certificate}).Subject(); got != row.want {
			t.Errorf("%q: got %s, want %s", row.in, got, row.want)
		}
	}
	long := mk(t, x509.Certificate{Subject: pkix.Name{CommonName: strings.Repeat("å", 5000)}}, nil, nil)
	if got := (Root{Certificate: long.Certificate}).Subject(); utf8.RuneCountInString(got) != maxName+1 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes of name: %s", len(got), got)
	}
	if got := DistinguishedName([]byte{0x30, 0x00}); got != "(empty name)" {
		t.Error(got)
	}
	if got := DistinguishedName([]byte{0xff, 0x00}); got != "#ff00" {
		t.Error(got)
	}
}
