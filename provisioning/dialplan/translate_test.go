package dialplan

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestR12_1RulesTranslate: the typical set of
// docs/protocol/sip-services.md#location-profile-rules and the forms of
// docs/protocol/sip-calls.md#dialled-numbers.
func TestR12_1RulesTranslate(t *testing.T) {
	c := Compile(redmond(t), Options{})
	for _, row := range []struct {
		name, dialled string
		kind          Kind
		rule          int
		uri           string
	}{
		{"extension", "51234", E164, 1, "sip:+14255551234@contoso.com;user=phone"},
		{"local", "5550100", E164, 2, "sip:+14255550100@contoso.com;user=phone"},
		{"separators are cleaned", " (425) 555-01.0/0 ", E164, 3, "sip:+14255550100@contoso.com;user=phone"},
		{"no-break space of a pasted number", "425\u00a0555\u00a00100", E164, 3, "sip:+14255550100@contoso.com;user=phone"},
		{"with the prefix", "95550100", E164, 4, "sip:+14255550100@contoso.com;user=phone"},
		{"abroad", "9011442071234567", E164, 5, "sip:+442071234567@contoso.com;user=phone"},
		{"emergency", "911", E164, 6, "sip:+911@contoso.com;user=phone"},
		{"result is no E.164", "5550100x12", PhoneContext, 7, "sip:5550100x12;phone-context=Redmond@contoso.com;user=phone"},
		{"no rule matches", "5123", PhoneContext, 0, "sip:5123;phone-context=Redmond@contoso.com;user=phone"},
		{"leading + is left alone", "+1 (425) 555-0100", AsDialled, 0, "sip:+14255550100@contoso.com;user=phone"},
		{"leading + with an extension", "+14255550123;ext=123", AsDialled, 0, "sip:+14255550123;ext=123@contoso.com;user=phone"},
		{"tel of a contact card", "tel:+14255550100", AsDialled, 0, "sip:+14255550100@contoso.com;user=phone"},
		{"SIP URI is left alone", "sip:911@contoso.com", URI, 0, "sip:911@contoso.com"},
		{"call back to a context", "SIP:5123;phone-context=enterprise@contoso.com;user=phone", URI, 0, "SIP:5123;phone-context=enterprise@contoso.com;user=phone"},
		{"address without a scheme", "bob@contoso.com", URI, 0, "sip:bob@contoso.com"},
		{"service code", "#31#", PhoneContext, 0, "sip:%2331%23;phone-context=Redmond@contoso.com;user=phone"},
		{"nothing", " -.() ", Nothing, 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := c.Translate(row.dialled)
			if r.Kind != row.kind || r.Rule != row.rule || r.URI("contoso.com") != row.uri {
				t.Errorf("%+v, %s", r, r.URI("contoso.com"))
			}
			if r.Sentence() == "" {
				t.Error("nothing is said")
			}
		})
	}
	if r := c.Translate("51234"); !r.Internal {
		t.Error("an internal number is not told as one")
	}
}

// TestR12_1NoProfileNeedsNoRules: the context is dialstring then.
func TestR12_1NoProfileNeedsNoRules(t *testing.T) {
	var none *Compiled
	for name, c := range map[string]*Compiled{"nil": none, "without name and rules": Compile(Plan{}, Options{})} {
		if got := c.Translate("5123").URI("contoso.com"); got != "sip:5123;phone-context=dialstring@contoso.com;user=phone" {
			t.Errorf("%s: %s", name, got)
		}
		if x := c.Explain("5123"); x.Kind != PhoneContext || len(x.Attempts) != 0 {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if got := Compile(Plan{Name: "Site A@B"}, Options{}).Translate("1").URI("x.com"); got != "sip:1;phone-context=Site%20A%40B@x.com;user=phone" {
		t.Error(got)
	}
}

// TestR12_1FirstMatchOnceAndForAll: later rules see neither the input nor the result.
func TestR12_1FirstMatchOnceAndForAll(t *testing.T) {
	c := Compile(planOfRules(Rule{Pattern: `^1(\d+)$`, Translation: `2$1`}, Rule{Pattern: `^2(\d+)$`, Translation: `+3$1`}, Rule{Pattern: `^1.*$`, Translation: `+4`}), Options{})
	if r := c.Translate("155"); r.Rule != 1 || r.Output != "255" || r.Kind != PhoneContext || r.Cleaned != "155" {
		t.Errorf("%+v", r)
	}
	if r := c.Translate("255"); r.Rule != 2 || r.Number != "+355" {
		t.Errorf("%+v", r)
	}
}

// TestDotNetSemantics: what differs between .NET and other engines
// (docs/protocol/sip-services.md#location-profile-rules, docs/peers.md#regexp2-and-net).
func TestDotNetSemantics(t *testing.T) {
	for _, row := range []struct{ name, pattern, translation, input, want string }{
		{"all digits name the group", `^(\d+)$`, `+$1000`, "5", "+$1000"},
		{"$10 without such a group", `^(\d)(\d)$`, `$10`, "12", "$10"},
		{"braces end the number", `^(\d+)$`, `+${1}000`, "5", "+5000"},
		{"named group", `^(?<n>\d+)$`, `+${n}`, "15", "+15"},
		{"unknown name stays", `^(\d+)$`, `+${n}`, "15", "+${n}"},
		{"dollar sign", `^(\d+)$`, `$$$1`, "15", "$15"},
		{"whole match", `^\d+$`, `+$&`, "15", "+15"},
		{"group 0", `^\d+$`, `+$0`, "15", "+15"},
		{"the rest of an unanchored match stays", `5`, `6`, "1535", "1636"},
		{"digits of any script", `^(\d{4})$`, `x$1`, "٣٤٥٦", "x٣٤٥٦"},
		{"look-ahead", `^(?!911$)(\d{3})$`, `+1425555$1`, "912", "+1425555912"},
		{"look-behind", `^(\d+)(?<=00)$`, `+$1`, "1500", "+1500"},
		{"back-reference", `^(\d)\1(\d+)$`, `+$2`, "9915", "+15"},
		{"atomic group", `^(?>0+)(\d+)$`, `+$1`, "0015", "+15"},
		{"case counts", `^A(\d+)$`, `+$1`, "a15", ""},
		{"inline option", `^(?i)A(\d+)$`, `+$1`, "a15", "+15"},
		{"empty translation", `^1$`, ``, "1", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := Compile(planOfRules(Rule{Pattern: row.pattern, Translation: row.translation}), Options{})
			if s := c.Skipped(); len(s) > 0 {
				t.Fatal(s)
			}
			if got := c.Translate(row.input); got.Output != row.want {
				t.Errorf("%q", got.Output)
			}
		})
	}
}

func TestIsE164(t *testing.T) {
	for s, want := range map[string]bool{
		"+911": true, "+14255550100": true, "+123456789012345": true, "+14255550123;ext=123": true,
		"": false, "+": false, "+1": false, "911": false, "+0425": false, "+1234567890123456": false, "+1425x": false,
		"+1425;ext=": false, "+1425;ext=x": false, "+1425;ext=1;ext=2": false, "+٣٤٥": false, "+1 425": false,
	} {
		if IsE164(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

// TestR12_1BadRulesAreSkipped and do not affect the others.
func TestR12_1BadRulesAreSkipped(t *testing.T) {
	good := Rule{Pattern: `^(\d+)!?$`, Translation: `+1$1`}
	for _, row := range []struct {
		name   string
		bad    Rule
		reason Reason
	}{
		{"over 1 KiB", Rule{Pattern: "^" + strings.Repeat("1", MaxRule) + "$"}, TooLong},
		{"no regular expression", Rule{Pattern: `^(\d+$`}, DoesNotCompile},
		{"possessive, which .NET has not", Rule{Pattern: `^(\d+)++$`}, DoesNotCompile},
		{"group number out of range", Rule{Pattern: `^(\d+)$`, Translation: `$99999999999`}, DoesNotCompile},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.bad.Name = "bad"
			c := Compile(planOfRules(row.bad, good), Options{})
			s := c.Skipped()
			if len(s) != 1 || s[0].Reason != row.reason || s[0].Rule != 1 || !strings.HasPrefix(s[0].Sentence, "rule 1 (bad) is skipped: ") || s[0].Fix == "" {
				t.Errorf("%+v", s)
			}
			if r := c.Translate("4255550100"); r.Rule != 2 || r.Number != "+14255550100" {
				t.Errorf("%+v", r)
			}
			if x := c.Explain("4255550100"); x.Attempts[0].Outcome != LeftOut || x.Attempts[1].Outcome != Applied {
				t.Errorf("%+v", x.Attempts)
			}
		})
	}
}

// TestR12_1SlowRuleIsSkipped: catastrophic backtracking, in matching and
// in the replacement of a later match.
func TestR12_1SlowRuleIsSkipped(t *testing.T) {
	input := strings.Repeat("1", 60) + "!"
	for name, pattern := range map[string]string{"matching": `^(\d+)+$`, "second match": `!|^1|(\d+)+x`} {
		t.Run(name, func(t *testing.T) {
			c := Compile(planOfRules(Rule{Pattern: pattern}, Rule{Pattern: `^\d+!$`, Translation: "+1425"}), Options{MatchTimeout: 5 * time.Millisecond})
			r := c.Translate(input)
			if r.Rule != 2 || r.Number != "+1425" || len(r.Skipped) != 1 || r.Skipped[0].Rule != 1 || r.Skipped[0].Reason != OutOfTime {
				t.Errorf("%+v", r)
			}
			if x := c.Explain(input); x.Attempts[0].Outcome != LeftOut {
				t.Errorf("%+v", x.Attempts)
			}
		})
	}
}

// TestR12_1BudgetBoundsManySlowRules: 5,000 of them do not stop the phone.
func TestR12_1BudgetBoundsManySlowRules(t *testing.T) {
	var rules []Rule
	for range 5000 {
		rules = append(rules, Rule{Pattern: `^(\d+)+$`})
	}
	c := Compile(planOfRules(rules...), Options{MatchTimeout: 2 * time.Millisecond, Budget: 10 * time.Millisecond})
	r := c.Translate(strings.Repeat("1", 60) + "!")
	last := r.Skipped[len(r.Skipped)-1]
	if r.Kind != PhoneContext || len(r.Skipped) > 1000 || !strings.Contains(last.Sentence, "nor those after it were tried") {
		t.Errorf("%d skipped, %+v", len(r.Skipped), last)
	}
}

// TestExplainEnds on many slow rules too.
func TestExplainEnds(t *testing.T) {
	var p Plan
	for range 100 {
		p.Rules = append(p.Rules, Rule{Pattern: `^(\d+)+$`})
	}
	x := Compile(p, Options{MatchTimeout: time.Millisecond, Budget: time.Millisecond}).Explain(strings.Repeat("1", 60) + "!")
	if last := x.Attempts[99]; last.Outcome != LeftOut || last.Why != "too many rules before it ran out of time" {
		t.Errorf("%+v", last)
	}
}

func TestNoRuleIsAppliedToLongInput(t *testing.T) {
	c := Compile(planOfRules(Rule{Pattern: `\d`, Translation: "+12"}), Options{})
	r := c.Translate(strings.Repeat("1", MaxDialled+1))
	if r.Rule != 0 || r.Kind != PhoneContext || !strings.Contains(r.Sentence(), "longer than") {
		t.Errorf("%+v", r.Sentence())
	}
}

// TestExplainSaysWhyNot names where each pattern and the input part.
func TestExplainSaysWhyNot(t *testing.T) {
	for _, row := range []struct{ pattern, input, want string }{
		{`^5(\d{4})$`, "4255550100", `does not begin with "4"`},
		{`^(\d{7})$`, "51234", `too short: all of "51234" fits`},
		{`^(\d{3})$`, "51234", `too long: the pattern ends after "512", and 2 more follow`},
		{`^9(1|2)1$`, "93", `fits as far as "9" and does not go on with "3"`},
		{`99`, "123", "no part of it matches"},
		{`^(?!1)\d+$`, "123", "the pattern does not match"},
	} {
		if got := mismatchReason(row.pattern, []rune(row.input)); !strings.Contains(got, row.want) {
			t.Errorf("%s on %s: %s", row.pattern, row.input, got)
		}
	}
	x := Compile(redmond(t), Options{}).Explain("5550100")
	if x.Attempts[1].Outcome != Applied || x.Attempts[1].Output != "+14255550100" || len(x.Attempts) != 7 {
		t.Errorf("%+v", x)
	}
	late := Compile(planOfRules(Rule{Pattern: `^\d+$`, Translation: "+1"}, Rule{Pattern: `^5$`, Translation: "+25"}), Options{}).Explain("5")
	if a := late.Attempts[1]; a.Outcome != TooLate || a.Output != "+25" || !strings.Contains(a.Why, "rule 1 comes first") {
		t.Errorf("%+v", a)
	}
}

// TestCompiledIsSharedAndFrozen by many phones at once.
func TestCompiledIsSharedAndFrozen(t *testing.T) {
	p := redmond(t)
	c := Compile(p, Options{MatchTimeout: time.Minute, Budget: time.Minute}) // a busy machine may stop a phone for longer than the defaults
	p.Rules[0].Translation = "changed"
	c.Plan().Rules[0].Translation = "changed"
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if r := c.Translate("51234"); r.Number != "+14255551234" {
					t.Error(r)
				}
			}
		})
	}
	wg.Wait()
}

func TestEngineDefectIsReported(t *testing.T) {
	c := Compile(planOfRules(Rule{Pattern: "1"}), Options{})
	if s := c.skipAfter(1, errEngine); s.Reason != DoesNotCompile {
		t.Error(s)
	}
	if _, err := (rule{}).match(nil); !errors.Is(err, errEngine) { // no engine at all: it panics
		t.Error(err)
	}
}

func FuzzTranslate(f *testing.F) {
	for _, s := range [][3]string{{`^5(\d{4})$`, `+1425555$1`, "51234"}, {`^(\d+)+$`, "$1000", "111111111111111111111111111x"}, {`(?<n>a)|\b`, "${n}$`$'$+$_", "(425) a"}, {`[^`, "$", "+1"}, {`(?<=x)\p{L}`, "${", "sip:a@b"}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, pattern, translation, dialled string) {
		c := Compile(planOfRules(Rule{Pattern: pattern, Translation: translation}), Options{MatchTimeout: 5 * time.Millisecond})
		x := c.Explain(dialled)
		if x.Kind == E164 && !IsE164(x.Number) {
			t.Errorf("%+v", x)
		}
		if uri := x.URI("contoso.com"); x.Kind != URI && strings.ContainsAny(uri, " \r\n<>\"") {
			t.Errorf("%q", uri)
		}
		if x.Sentence == "" {
			t.Error("nothing is said")
		}
	})
}
