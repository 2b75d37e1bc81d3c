package dialplan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/ocphone/ocphone/device/journal"
)

// object is a JSON object whose keys are looked up in any case.
type object map[string]json.RawMessage

func (o object) get(key string) (json.RawMessage, bool) {
	for k, v := range o {
		if strings.EqualFold(k, key) {
			return v, true
		}
	}
	return nil, false
}

// text returns a scalar field as text; empty if it is null or missing.
func (o object) text(key string) string {
	raw, _ := o.get(key)
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if v := string(raw); v != "null" && !strings.HasPrefix(v, "{") && !strings.HasPrefix(v, "[") {
		return v
	}
	return ""
}

// readJSON reads what `Get-CsDialPlan | ConvertTo-Json` prints: one plan, an
// array of them, or an array of rules (Get-CsVoiceNormalizationRule). Below
// -Depth, PowerShell prints a rule as text.
func readJSON(text []byte) ([]Plan, error) {
	elements, err := listElements(text)
	if err != nil {
		first := json.NewDecoder(bytes.NewReader(text))
		if first.Decode(new(json.RawMessage)) == nil && first.More() {
			return nil, formError("JSON documents one after the other")
		}
		return nil, fmt.Errorf("%v: %w", err, ErrMalformed)
	}
	var plans []Plan
	var loose []entry
	for i, raw := range elements {
		var o object
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, fmt.Errorf("%w: element %d is no dial plan: %s", ErrMalformed, i+1, howToPrint)
		}
		rules, isPlan := o.get("NormalizationRules")
		if !isPlan {
			rules, isPlan = o.get("Rules") // of `ocphone … --json`
		}
		if !isPlan {
			e, err := ruleOf(raw)
			if err != nil {
				return nil, fmt.Errorf("element %d: %w", i+1, err)
			}
			if loose = append(loose, e); e.rule.Pattern == "" {
				return nil, fmt.Errorf("%w: element %d has neither NormalizationRules nor Pattern: %s", ErrNoPlan, i+1,
					howToPrint)
			}
			continue
		}
		p, err := planOf(o, rules)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i+1, err)
		}
		plans = append(plans, p)
	}
	if plans = append(plans, groupByPlan(loose)...); len(plans) == 0 {
		return nil, fmt.Errorf("the list is empty: %w", ErrNoPlan)
	}
	return plans, nil
}

func planOf(o object, rules json.RawMessage) (Plan, error) {
	p := Plan{ExternalAccessPrefix: o.text("ExternalAccessPrefix")}
	for _, key := range []string{"SimpleName", "Name", "Identity"} { // the phone-context is the simple name
		if p.Name = simpleName(o.text(key)); p.Name != "" {
			break
		}
	}
	var err error
	if p.OptimizeDeviceDialing, err = boolean("OptimizeDeviceDialing", o.text("OptimizeDeviceDialing")); err != nil {
		return p, err
	}
	raws, err := listElements(rules)
	if err != nil {
		return p, fmt.Errorf("NormalizationRules: %v: %w", err, ErrMalformed)
	}
	var entries []entry
	for i, raw := range raws {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			flat := flatRules(s)
			if len(flat) == 0 && strings.TrimSpace(s) != "" {
				return p, fmt.Errorf("%w: rule %d is only the text %q: %s", ErrMalformed, i+1, journal.Excerpt(s), howToPrint)
			}
			for _, fields := range flat {
				e, err := fromFields(fields)
				if err != nil {
					return p, fmt.Errorf("rule %d: %w", i+1, err)
				}
				entries = append(entries, e)
			}
			continue
		}
		e, err := ruleOf(raw)
		if err != nil {
			return p, fmt.Errorf("rule %d: %w", i+1, err)
		}
		entries = append(entries, e)
	}
	p.Rules = rulesOf(entries)
	return p, nil
}

// listElements returns the elements of a list. PowerShell prints a single element
// without brackets, and an array in an object sometimes as {"value": […], "Count": 2}.
func listElements(raw json.RawMessage) (elements []json.RawMessage, err error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if err = json.Unmarshal(raw, &elements); err == nil {
		return elements, nil
	}
	var o object
	if json.Unmarshal(raw, &o) == nil {
		_, counted := o.get("Count")
		if value, ok := o.get("value"); ok && counted && json.Unmarshal(value, &elements) == nil {
			return elements, nil
		}
		return []json.RawMessage{raw}, nil
	}
	if json.Valid(raw) {
		return []json.RawMessage{raw}, nil
	}
	return nil, json.Unmarshal(raw, new(json.RawMessage))
}

func ruleOf(raw json.RawMessage) (entry, error) {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return entry{}, fmt.Errorf("it is neither an object nor a text: %w", ErrMalformed)
	}
	var fields [][2]string
	for _, key := range []string{"Identity", "Parent", "Name", "Description", "Pattern", "Translation",
		"IsInternalExtension", "InternalEnterpriseExtension", "ApplicableForDeviceDialing", "Priority"} {
		if value := o.text(key); value != "" {
			fields = append(fields, [2]string{key, value})
		}
	}
	return fromFields(fields)
}

func fromFields(fields [][2]string) (e entry, err error) {
	for _, f := range fields {
		if _, err = e.set(f[0], f[1]); err != nil {
			return e, err
		}
	}
	return e, nil
}

// flatRule and wrappedRule are a rule that PowerShell printed as text, with the
// properties in PowerShell's order:
// Description=;Pattern=^(\d{4})$;Translation=+1425555$1;Name=x;IsInternalExtension=False
// or @{Description=; Pattern=…}. A value may hold ; and =. A description may even
// hold another rule, so that the last Pattern= counts.
var (
	flatRule = regexp.MustCompile(`(?s)^Description=(.*);Pattern=(.*?);Translation=(.*?);Name=(.*);` +
		`IsInternalExtension=(True|False);?$`)
	wrappedRule = regexp.MustCompile(`(?s)^@\{(?:.*; )?Description=(.*); Pattern=(.*?); Translation=(.*?); Name=(.*); ` +
		`IsInternalExtension=(True|False)(?:; .*)?\}$`)
	betweenRules = regexp.MustCompile(`(?:IsInternalExtension=(?:True|False);?|\})\s+(?:Description=|@\{)`)
)

// flatRules splits such text into the fields of its rules. It returns nil if a
// part of the text is no rule.
func flatRules(s string) (rules [][][2]string) {
	s = strings.TrimSpace(s)
	begin := 0
	add := func(text string) bool {
		m := flatRule.FindStringSubmatch(text)
		if m == nil {
			m = wrappedRule.FindStringSubmatch(text)
		}
		if m != nil {
			rules = append(rules, [][2]string{{"Description", m[1]}, {"Pattern", m[2]}, {"Translation", m[3]}, {"Name", m[4]},
				{"IsInternalExtension", m[5]}})
		}
		return m != nil
	}
	for _, at := range betweenRules.FindAllStringIndex(s, -1) {
		space := at[0] + strings.IndexFunc(s[at[0]:], unicode.IsSpace)
		if !add(s[begin:space]) {
			return nil
		}
		begin = space + len(s[space:]) - len(strings.TrimSpace(s[space:]))
	}
	if !add(s[begin:]) {
		return nil
	}
	return rules
}
