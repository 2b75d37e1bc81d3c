package dialplan_test

import (
	"fmt"

	"github.com/ocphone/ocphone/provisioning/dialplan"
)

// A phone reads the location profile of its pool and translates what is dialled.
func Example() {
	plan, err := dialplan.ReadXML([]byte(`<LocationProfileDescription xmlns="http://schemas.microsoft.com/2007/03/LocationProfileDescription">
	  <Name>Redmond</Name>
	  <Rule><Pattern>^5(\d{4})$</Pattern><Translation>+1425555$1</Translation></Rule>
	  <Rule><Pattern>^9?(\d{7})$</Pattern><Translation>+1425$1</Translation></Rule>
	</LocationProfileDescription>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	compiled := dialplan.Compile(plan, dialplan.Options{})
	for _, dialled := range []string{"51234", "9 555-0123", "112"} {
		r := compiled.Translate(dialled)
		fmt.Printf("%s: %s\n  %s\n", dialled, r.URI("contoso.com"), r.Sentence())
	}
	// Output:
	// 51234: sip:+14255551234@contoso.com;user=phone
	//   rule 1 made +14255551234 of 51234
	// 9 555-0123: sip:+14255550123@contoso.com;user=phone
	//   rule 2 made +14255550123 of 95550123
	// 112: sip:112;phone-context=Redmond@contoso.com;user=phone
	//   no rule matches: the pool is asked to translate what was dialled
}

// An administrator looks for mistakes in a dial plan.
func ExampleLint() {
	plan := dialplan.Plan{Name: "Redmond", Rules: []dialplan.Rule{
		{Name: "Internal", Pattern: `^(\d{4})$`, Translation: "+1425555$1"},
		{Name: "Reception", Pattern: `^1000$`, Translation: "+14255550100"},
		{Name: "Fax", Pattern: `(\d{5})$`, Translation: "+14255$2"},
	}}
	for _, f := range dialplan.Lint(plan, dialplan.Options{}) {
		fmt.Printf("%s %s: %s\n", f.Severity, f.ID, f.Label)
	}
	// Output:
	// error shadowed: rule 2 (Reception)
	// error no-such-group: rule 3 (Fax)
	// warning unanchored: rule 3 (Fax)
	// warning not-e164: rule 3 (Fax)
}
