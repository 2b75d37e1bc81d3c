package dialplan

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ocphone/ocphone/device/journal"
)

// Errors of the readers, wrapped with where and what to change.
var (
	// ErrTooLarge: the document is over MaxDocument or holds over MaxRules.
	ErrTooLarge = errors.New("too large")
	// ErrNoPlan: the document is well-formed and holds no dial plan.
	ErrNoPlan = errors.New("no dial plan in it")
	// ErrMalformed: the document begins as XML, JSON or CSV and is not.
	ErrMalformed = errors.New("malformed")
	// ErrForm: the document is in a form of PowerShell that lacks rules or is not read.
	ErrForm = errors.New("this form is not read")
)

// howToPrint is the remedy for output of PowerShell that cannot be read.
const howToPrint = "print the dial plan with `Get-CsDialPlan | ConvertTo-Json -Depth 5` " +
	"(in Teams `Get-CsTenantDialPlan | ConvertTo-Json -Depth 5`)"

func formError(form string) error {
	return fmt.Errorf("%w: it holds %s: %s", ErrForm, form, howToPrint)
}

// Read reads dial plans from a file of any form, detected by its first character:
// location-profile XML, the JSON of Get-CsDialPlan, Get-CsTenantDialPlan or
// Get-CsVoiceNormalizationRule, or CSV with a heading. The text may be UTF-8 or
// UTF-16 (journal.DecodeText).
func Read(document []byte) ([]Plan, error) {
	text, err := decode(document)
	if err != nil {
		return nil, err
	}
	var plans []Plan
	switch first := bytes.TrimSpace(text); {
	case len(first) == 0:
		return nil, fmt.Errorf("the file is empty: %w", ErrNoPlan)
	case first[0] == '<':
		plans, err = readXML(text)
	case first[0] == '{' || first[0] == '[':
		plans, err = readJSON(text)
	default:
		plans, err = readCSV(text)
	}
	if err != nil {
		return nil, err
	}
	rules := 0
	for _, p := range plans {
		rules += len(p.Rules)
	}
	if rules > MaxRules {
		return nil, fmt.Errorf("it holds %d rules, %d are read: %w", rules, MaxRules, ErrTooLarge)
	}
	return plans, nil
}

// decode converts a document of at most MaxDocument bytes to UTF-8.
func decode(document []byte) ([]byte, error) {
	if len(document) > MaxDocument {
		return nil, fmt.Errorf("it has %d bytes, %d are read: %w", len(document), MaxDocument, ErrTooLarge)
	}
	return journal.DecodeText(document), nil
}

// entry is a rule with the plan and priority that its row gives.
type entry struct {
	rule     Rule
	plan     string // name of its plan, where the row says it
	priority int
	ordered  bool // priority is known
}

// noSeparators makes one name of the forms that a field has: "rule name", rule_name.
var noSeparators = strings.NewReplacer(" ", "", "_", "")

// set sets one field, by any of its names in the formats. known is false for a
// field that a rule does not have.
func (e *entry) set(field, value string) (known bool, err error) {
	switch strings.ToLower(noSeparators.Replace(strings.TrimSpace(field))) {
	case "name", "rule", "rulename":
		e.rule.Name = value
	case "description":
		e.rule.Description = value
	case "pattern":
		e.rule.Pattern = value
	case "translation":
		e.rule.Translation = value
	case "internalenterpriseextension", "isinternalextension", "internal":
		e.rule.InternalEnterpriseExtension, err = boolean(field, value)
	case "applicablefordevicedialing":
		e.rule.ApplicableForDeviceDialing, err = boolean(field, value)
	case "priority":
		if value = strings.TrimSpace(value); value == "" {
			return true, nil
		}
		if e.priority, err = strconv.Atoi(value); err != nil {
			return true, fmt.Errorf("priority is %q, which is no number: %w", value, ErrMalformed)
		}
		e.ordered = true
	case "plan", "dialplan", "parent":
		e.plan = value
	case "identity": // site:Redmond/Rule 1, of Get-CsVoiceNormalizationRule
		if i := strings.LastIndex(value, "/"); i >= 0 {
			e.plan, e.rule.Name = simpleName(value[:i]), cmp.Or(e.rule.Name, value[i+1:])
		}
	default:
		return false, nil
	}
	return true, err
}

// simpleName removes the scope of an identity: Tag:Redmond, site:Redmond.
func simpleName(identity string) string {
	for _, scope := range []string{"tag:", "site:", "service:"} {
		if hasScheme(identity, scope) {
			return identity[len(scope):]
		}
	}
	return identity
}

// boolean reads xs:boolean, PowerShell's True and False, and yes and no.
func boolean(field, value string) (bool, error) {
	switch strings.ToLower(strings.Trim(strings.TrimSpace(value), "$")) {
	case "true", "1", "yes":
		return true, nil
	case "false", "0", "no", "":
		return false, nil
	}
	return false, fmt.Errorf("%s is %q, neither true nor false: %w", field, value, ErrMalformed)
}

// groupByPlan makes one plan of the rows that name the same plan; rows without a
// plan make one without a name.
func groupByPlan(entries []entry) (plans []Plan) {
	var names []string
	by := map[string][]entry{}
	for _, e := range entries {
		if _, ok := by[e.plan]; !ok {
			names = append(names, e.plan)
		}
		by[e.plan] = append(by[e.plan], e)
	}
	for _, n := range names {
		plans = append(plans, Plan{Name: n, Rules: rulesOf(by[n])})
	}
	return plans
}

// rulesOf returns the rules of entries, the lowest priority first if each has one.
func rulesOf(entries []entry) (rules []Rule) {
	if !slices.ContainsFunc(entries, func(e entry) bool { return !e.ordered }) {
		slices.SortStableFunc(entries, func(a, b entry) int { return a.priority - b.priority })
	}
	for _, e := range entries {
		rules = append(rules, e.rule)
	}
	return rules
}
