package dialplan

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestR12_1LocationProfileIsRead: the document of
// docs/protocol/sip-services.md#location-profile, and what the writer makes of it
// is read as the same.
func TestR12_1LocationProfileIsRead(t *testing.T) {
	p := redmond(t)
	want := Rule{Pattern: `^5(\d{4})$`, Translation: "+1425555$1", InternalEnterpriseExtension: true, ApplicableForDeviceDialing: true}
	if p.Name != "Redmond" || len(p.Rules) != 7 || p.Rules[0] != want || p.ExternalAccessPrefix != "9" || !p.OptimizeDeviceDialing || len(p.Notes) > 0 {
		t.Errorf("%+v", p)
	}
	p.Rules[1].Pattern = `^<&"'(\d)$`
	document, err := p.XML()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ReadXML(document); err != nil || !reflect.DeepEqual(again, p) {
		t.Errorf("%v %+v", err, again)
	}
}

const profile = `<LocationProfileDescription%s>%s</LocationProfileDescription>`

// TestR12_1ProfileIsReadTolerantly of order, namespace and what it does not know.
func TestR12_1ProfileIsReadTolerantly(t *testing.T) {
	rule := `<Rule><Translation>+1$1</Translation><Pattern> ^(\d+)$ </Pattern></Rule>`
	for _, row := range []struct {
		name, document, note string
	}{
		{"no namespace, other order", fmt.Sprintf(profile, "", rule+"<Name>N</Name>"), ""},
		{"other namespace with a prefix", `<?xml version="1.0"?><q:LocationProfileDescription xmlns:q="urn:other"><q:Name>N</q:Name>` + strings.NewReplacer("</", "</q:", "<", "<q:").Replace(rule) + `</q:LocationProfileDescription>`, ""},
		{"inside another element", "<provisionGroup>" + fmt.Sprintf(profile, "", "<Name>N</Name>"+rule) + "</provisionGroup>", ""},
		{"UTF-16 declared, UTF-8 sent", `<?xml version="1.0" encoding="utf-16"?>` + fmt.Sprintf(profile, "", "<Name>N</Name>"+rule), ""},
		{"unknown element", fmt.Sprintf(profile, "", "<Name>N</Name><New><Deep/></New>"+rule), "New is unknown"},
		{"name twice", fmt.Sprintf(profile, "", "<Name>N</Name><Name>M</Name>"+rule), "more than once"},
		{"no boolean", fmt.Sprintf(profile, "", "<Name>N</Name><OptimizeDeviceDialing>maybe</OptimizeDeviceDialing>"+rule), `"maybe"`},
		{"two profiles", "<x>" + fmt.Sprintf(profile, "", "<Name>N</Name>"+rule) + fmt.Sprintf(profile, "", "<Name>M</Name>"+rule) + "</x>", "2 location profiles"},
		{"forbidden character", fmt.Sprintf(profile, "", "<Name>N</Name>"+rule+"<Rule><Pattern>\x0b&#x11;</Pattern><Translation>1</Translation></Rule>"), "2 characters that XML 1.0 forbids"},
		{"rule without translation", fmt.Sprintf(profile, "", "<Name>N</Name>"+rule+"<Rule><Pattern>1</Pattern></Rule>"), "no Translation"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := ReadXML([]byte(row.document))
			if err != nil || p.Name != "N" || p.Rules[0].Pattern != `^(\d+)$` || p.Rules[0].Translation != "+1$1" {
				t.Fatalf("%v %+v", err, p)
			}
			if notes := strings.Join(p.Notes, "\n"); (row.note == "") != (notes == "") || !strings.Contains(notes, row.note) {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

func TestR12_1BadProfilesAreRefused(t *testing.T) {
	many := strings.Repeat("<Rule><Pattern>1</Pattern><Translation>2</Translation></Rule>", MaxRules+1)
	deep, shallow := strings.Repeat("<a>", 100_000), strings.Repeat("</a>", 100_000)
	for _, row := range []struct {
		name, document string
		want           error
	}{
		{"empty", " ", ErrNoPlan},
		{"none at all", "dial 9", ErrNoPlan},
		{"another document", "<html/>", ErrNoPlan},
		{"cut off", `<LocationProfileDescription><Name>N</Name><Rule><Pattern>`, ErrMalformed},
		{"DTD before", `<!DOCTYPE x [<!ENTITY a "b">]>` + fmt.Sprintf(profile, "", "<Name>&a;</Name>"), ErrMalformed},
		{"unknown entity", fmt.Sprintf(profile, "", "<Name>&a;</Name>"), ErrMalformed},
		{"deep", deep + fmt.Sprintf(profile, "", "") + shallow, ErrMalformed},
		{"deep inside", fmt.Sprintf(profile, "", "<Name>"+deep+shallow+"</Name>"), ErrMalformed},
		{"many rules", fmt.Sprintf(profile, "", many), ErrTooLarge},
		{"many bytes", strings.Repeat(" ", MaxDocument+1), ErrTooLarge},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := Read([]byte(row.document)); !errors.Is(err, row.want) {
				t.Errorf("%v", err)
			}
			if p, err := ReadXML([]byte(row.document)); err == nil {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestProfileOf5000RulesIsRead and used.
func TestProfileOf5000RulesIsRead(t *testing.T) {
	p := Plan{Name: "Large"}
	for i := range 5000 {
		p.Rules = append(p.Rules, Rule{Pattern: fmt.Sprintf(`^%05d$`, i), Translation: "+1425$&"})
	}
	document, err := p.XML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadXML(document)
	if err != nil {
		t.Fatal(err)
	}
	if r := Compile(again, Options{}).Translate("04999"); r.Number != "+142504999" || r.Rule != 5000 {
		t.Errorf("%+v", r)
	}
}

// TestTodaysDialPlansAreRead in the shapes that ConvertTo-Json gives them.
func TestTodaysDialPlansAreRead(t *testing.T) {
	b, err := os.ReadFile("testdata/tenant.json")
	if err != nil {
		t.Fatal(err)
	}
	plans, err := Read(b)
	if err != nil {
		t.Fatal(err)
	}
	want := []Plan{
		{Name: "Redmond", ExternalAccessPrefix: "9", OptimizeDeviceDialing: true, Rules: []Rule{
			{Name: "Internal", Description: "first", Pattern: `^5(\d{4})$`, Translation: "+1425555$1", InternalEnterpriseExtension: true},
			{Name: "Local", Description: "second", Pattern: `^(\d{7})$`, Translation: "+1425$1"},
		}},
		{Name: "Global", Rules: []Rule{
			{Name: "Internal", Pattern: `^5(\d{4});?$`, Translation: "+1425555$1", InternalEnterpriseExtension: true},
			{Name: "Local", Description: "a; b", Pattern: `^(\d{3,7})$`, Translation: "+1425$1"},
		}},
	}
	if !reflect.DeepEqual(plans, want) {
		t.Errorf("%+v", plans)
	}
}

func TestJSONShapes(t *testing.T) {
	const r1 = `{"Name":"a","Pattern":"^1$","Translation":"+11"}`
	flat := "Description=;Pattern=^1$;Translation=+11;Name=a;IsInternalExtension=False"
	for _, row := range []struct {
		name, document string
		rules          int
	}{
		{"one plan", `{"Identity":"Tag:P","NormalizationRules":[` + r1 + `]}`, 1},
		{"one rule without brackets", `{"Identity":"P","NormalizationRules":` + r1 + `}`, 1},
		{"counted list", `{"Identity":"P","NormalizationRules":{"value":[` + r1 + `,` + r1 + `],"Count":2}}`, 2},
		{"text without brackets", `{"Identity":"P","NormalizationRules":"` + flat + `"}`, 1},
		{"texts joined by a space", `{"Identity":"P","NormalizationRules":"` + flat + " " + flat + `"}`, 2},
		{"no rules", `{"Identity":"P","NormalizationRules":null}`, 0},
		{"rules of Get-CsVoiceNormalizationRule", `[{"Identity":"site:P/a","Pattern":"^1$","Translation":"+11","Priority":1},{"Identity":"site:P/b","Pattern":"^2$","Translation":"+12","Priority":0}]`, 2},
		{"our own JSON", `{"name":"P","rules":[{"pattern":"^1$","translation":"+11"}]}`, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			plans, err := Read([]byte(row.document))
			if err != nil || len(plans) != 1 || plans[0].Name != "P" || len(plans[0].Rules) != row.rules {
				t.Fatalf("%v %+v", err, plans)
			}
			for _, r := range plans[0].Rules {
				if !strings.HasPrefix(r.Pattern, "^") || !strings.HasPrefix(r.Translation, "+1") || len(r.Translation) != 3 {
					t.Errorf("%+v", r)
				}
			}
		})
	}
	plans, _ := Read([]byte(`[{"Identity":"site:P/a","Pattern":"^1$","Priority":1},{"Identity":"site:P/b","Pattern":"^2$","Priority":0},{"Identity":"Q/a","Pattern":"^3$"}]`))
	if len(plans) != 2 || plans[0].Rules[0].Name != "b" || plans[1].Name != "Q" {
		t.Errorf("%+v", plans)
	}
	for _, bad := range []string{`{`, `[1]`, `[]`, `{"a":1}`, `{"NormalizationRules":["System.Object"]}`, `{"NormalizationRules":[[1]]}`, `{"NormalizationRules":[{"Pattern":"1","Priority":"x"}]}`, `{"NormalizationRules":[],"OptimizeDeviceDialing":"maybe"}`} {
		if plans, err := Read([]byte(bad)); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrNoPlan) {
			t.Errorf("%s: %v %+v", bad, err, plans)
		}
	}
}

// TestFlatRulesAreSplitInPowerShellsOrder: a description or name may hold what
// looks like another field.
func TestFlatRulesAreSplitInPowerShellsOrder(t *testing.T) {
	rule := func(description, name string) Rule {
		return Rule{Name: name, Description: description, Pattern: `^(\d{4});?$`, Translation: "+1425555$1", InternalEnterpriseExtension: true}
	}
	for _, want := range []Rule{
		rule("", "Ext"),
		rule(`4 digit; see Pattern=^(\d{3})$ of old plan`, "Ext"),
		rule(`was ;Pattern=^1$;Translation=2;Name=3;IsInternalExtension=False`, "Ext"),
		rule("a; Pattern=b; Translation=c; Name=d; IsInternalExtension=False", "Local; 7 digit"),
		rule("Description=x", "Name=y IsInternalExtension=z"),
		rule("two\nlines", ""),
		rule("@{x}", "}"),
	} {
		plain := fmt.Sprintf("Description=%s;Pattern=%s;Translation=%s;Name=%s;IsInternalExtension=True", want.Description, want.Pattern, want.Translation, want.Name)
		wrapped := fmt.Sprintf("@{Description=%s; Pattern=%s; Translation=%s; Name=%s; IsInternalExtension=True}", want.Description, want.Pattern, want.Translation, want.Name)
		longer := "@{Element=<a b=\"c;d\"/>; " + strings.TrimSuffix(wrapped[2:], "}") + "; Priority=1}"
		for _, texts := range [][]string{{plain}, {wrapped}, {longer}, {plain, plain}, {wrapped, longer}, {plain + " " + plain}, {wrapped + "\r\n" + wrapped}} {
			document, err := json.Marshal(map[string]any{"Identity": "P", "NormalizationRules": texts})
			if err != nil {
				t.Fatal(err)
			}
			plans, err := Read(document)
			if err != nil {
				t.Errorf("%q: %v", texts, err)
				continue
			}
			rules := strings.Count(strings.Join(texts, ""), "Name="+want.Name+";")
			if len(plans[0].Rules) != rules || slices.ContainsFunc(plans[0].Rules, func(r Rule) bool { return r != want }) {
				t.Errorf("%q: %+v", texts, plans[0].Rules)
			}
		}
	}
	for _, bad := range []string{"Pattern=^1$;Description=;Translation=2;Name=;IsInternalExtension=False", "Description=;Pattern=^1$;Translation=2;Name=a;IsInternalExtension=False Description=;Pattern=",
		"Description=;Pattern=^1$;Translation=2;Name=a;IsInternalExtension=…", "@{Description=; Pattern=^1$; Translation=2; Name=a}"} {
		document, err := json.Marshal(map[string]any{"NormalizationRules": []string{bad}})
		if err != nil {
			t.Fatal(err)
		}
		if plans, err := Read(document); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), howToPrint) {
			t.Errorf("%q: %v %+v", bad, err, plans)
		}
	}
}

// TestOtherOutputOfPowerShellNamesTheLineThatPrintsTheRules.
func TestOtherOutputOfPowerShellNamesTheLineThatPrintsTheRules(t *testing.T) {
	list := "\r\nIdentity                 : Global\r\nDescription              :\r\nNormalizationRules       : {Description=;\r\n" +
		"                           Pattern=^(\\d+)$;Translation=$1;Name=\r\n                           KeepAll;IsInternalExtension=False}\r\nSimpleName               : DefaultProfile\r\n"
	rule := "\r\nDescription         : \r\nPattern             : ^(\\d{4})$\r\nTranslation         : +1425555$1\r\n"
	const one = `{"Identity":"Global","NormalizationRules":[]}`
	for _, row := range []struct {
		name, document string
		want           error
	}{
		{"Format-List", list, ErrForm},
		{"Format-List of a rule", rule, ErrForm},
		{"Format-List in UTF-16 without a mark", string(utf16LE(list)), ErrForm},
		{"Format-Table", "\r\nIdentity Description NormalizationRules\r\n-------- ----------- ------------------\r\nGlobal               {Description=;Pattern=^(\\d+)$...}\r\n", ErrForm},
		{"Export-Csv", "\"Identity\",\"Description\",\"NormalizationRules\"\r\n\"Global\",,\"System.Collections.ArrayList\"\r\n", ErrForm},
		{"Export-Csv with the type", "#TYPE Deserialized.LocationProfile\r\n\"Identity\";\"NormalizationRules\"\r\n\"Global\";\"System.Collections.ArrayList\"\r\n", ErrForm},
		{"Export-Clixml", `<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><Obj RefId="0"><Props><S N="Pattern">^1$</S></Props></Obj></Objs>`, ErrForm},
		{"JSON documents", one + "\r\n" + one, ErrForm},
		{"JSON lists", "[" + one + "] [" + one + "]", ErrForm},
		{"rules below -Depth", `{"Identity":"Global","NormalizationRules":["Microsoft.Rtc.Management.NormalizationRule"]}`, ErrMalformed},
		{"another object", `{"Identity":"Global"}`, ErrNoPlan},
		{"another text", "dial 9 first", ErrNoPlan},
	} {
		plans, err := Read([]byte(row.document))
		const remedy = "print the dial plan with `Get-CsDialPlan | ConvertTo-Json -Depth 5` (in Teams `Get-CsTenantDialPlan | ConvertTo-Json -Depth 5`)"
		if !errors.Is(err, row.want) || !strings.HasSuffix(err.Error(), remedy) {
			t.Errorf("%s: %v %+v", row.name, err, plans)
		}
	}
	table := "Name,Description,Pattern,Translation\na,\"Identity : x\nPattern : y\n---- ----\",^1$,+11\n"
	if plans, err := Read([]byte(table)); err != nil || len(plans[0].Rules) != 1 {
		t.Errorf("a table whose description looks like a list: %v", err)
	}
}

func utf16LE(text string) (b []byte) {
	for _, u := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func TestPowerShellsUTF16IsRead(t *testing.T) { // journal.DecodeText knows the other forms
	const text = `{"Identity":"Tag:Kjøbenhavn","NormalizationRules":[]}`
	for _, document := range []string{"\ufeff" + text, string(utf16LE("\ufeff" + text)), string(utf16LE(text))} {
		if plans, err := Read([]byte(document)); err != nil || plans[0].Name != "Kjøbenhavn" {
			t.Errorf("%v %+v", err, plans)
		}
	}
}

func TestCSVIsRead(t *testing.T) {
	for _, document := range []string{
		"Name,Pattern,Translation,IsInternalExtension\na,\"^(\\d{3,5})$\",+1$1,True\n",
		"Translation;Pattern;Name;Internal\r\n+1$1;^(\\d{3,5})$;a;yes\r\n",
		"#TYPE Deserialized.Rule\r\n\"Name\",\"Pattern\",\"Translation\",\"IsInternalExtension\",\"Element\"\r\n\"a\",\"^(\\d{3,5})$\",\"+1$1\",\"True\",\"\"\r\n",
		"name\tpattern\ttranslation\tInternal Enterprise Extension\na\t^(\\d{3,5})$\t+1$1\t1\n",
	} {
		plans, err := Read([]byte(document))
		want := Rule{Name: "a", Pattern: `^(\d{3,5})$`, Translation: "+1$1", InternalEnterpriseExtension: true}
		if err != nil || len(plans) != 1 || plans[0].Rules[0] != want {
			t.Errorf("%q: %v %+v", document, err, plans)
		}
	}
	plans, err := Read([]byte("Plan,Priority,Pattern,Translation\nA,2,^1$,+11\nB,,^3$,+13\nA,1,^2$,+12\n"))
	if err != nil || len(plans) != 2 || plans[0].Rules[0].Pattern != "^2$" || plans[1].Name != "B" {
		t.Errorf("%v %+v", err, plans)
	}
	_, err = Read([]byte("Pattern,Translation\n^(\\d{3,5})$,+1$1\n"))
	if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "line 2 has 3 fields") {
		t.Error(err)
	}
	for _, bad := range []string{"Pattern,Translation\n", "Pattern\n1\n", "Pattern,Translation\n\"1\n", "Pattern,Translation,Internal\n1,2,maybe\n"} {
		if _, err := Read([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestCasesAreReadAndCompared(t *testing.T) {
	cases, err := ReadCases([]byte("input,expected\n# numbers\n51234,+14255551234\n5123,\n5123,5123;phone-context=Redmond\n5123,sip:5123;phone-context=Redmond@contoso.com;user=phone\n"))
	if err != nil || len(cases) != 4 || cases[0].Line != 3 {
		t.Fatalf("%v %+v", err, cases)
	}
	c := Compile(redmond(t), Options{})
	for _, x := range cases {
		if !x.Matches(c.Translate(x.Input), "contoso.com") {
			t.Errorf("%+v", x)
		}
	}
	if (Case{Input: "51234"}).Matches(c.Translate("51234"), "") || (Case{Expected: "+1"}).Matches(c.Translate("51234"), "") {
		t.Error("a case is met that is not")
	}
	for _, bad := range []string{"", "input,expected\n", "1\n", "1,2,3\n"} {
		if _, err := ReadCases([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, file := range []string{"testdata/redmond.xml", "testdata/tenant.json"} {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("Name,Pattern,Translation\na,^1$,+1\n"))
	f.Add([]byte(`{"NormalizationRules":"Pattern=1;Pattern=2;Translation=@{}"}`))
	f.Add([]byte(`{"NormalizationRules":"Description=;Pattern=1;Translation=2;Name=;IsInternalExtension=True @{Description=; Pattern=1; Translation=2; Name=; IsInternalExtension=True}"}`))
	f.Add([]byte("\xff\xfe<\x00"))
	f.Add(utf16LE("{}"))
	f.Fuzz(func(t *testing.T, document []byte) {
		plans, err := Read(document)
		if (err == nil) != (len(plans) > 0) {
			t.Errorf("%d plans, %v", len(plans), err)
		}
		for _, p := range plans {
			if len(p.Rules) > MaxRules || len(p.Notes) > 101 {
				t.Errorf("%d rules, %d notes", len(p.Rules), len(p.Notes))
			}
			if _, err := p.XML(); err != nil {
				t.Error(err)
			}
		}
		ReadXML(document)
		ReadCases(document)
	})
}
