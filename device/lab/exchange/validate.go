package exchange

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// simpleTypes are the types of texts and attributes beside enumerations.
var simpleTypes = map[string]func(string) bool{
	"string":   func(string) bool { return true },
	"nonEmpty": func(v string) bool { return v != "" },
	"boolean":  func(v string) bool { _, ok := parseBoolean(v); return ok },
	"int":      func(v string) bool { _, err := strconv.ParseInt(strings.TrimSpace(v), 10, 32); return err == nil },
	"long":     func(v string) bool { _, err := strconv.ParseInt(v, 10, 64); return err == nil },
	"dateTime": func(v string) bool { _, err := parseTime(v); return err == nil },
	"base64":   func(v string) bool { _, err := base64.StdEncoding.DecodeString(v); return err == nil },
	"guid":     regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`).MatchString,
	"bitmask":  regexp.MustCompile(`^(0[xX][0-9A-Fa-f]*|[0-9]*)$`).MatchString,
	"tag":      func(v string) bool { _, err := parseTag(v); return err == nil },
	"minutes":  func(v string) bool { n, err := strconv.Atoi(v); return err == nil && n >= 1 && n <= 1440 },
	"changes":  func(v string) bool { n, err := strconv.Atoi(v); return err == nil && n >= 1 && n <= 512 },
	"fieldURI": func(v string) bool { return fieldURIs[v] },
}

// parseTag reads a PropertyTag: 0x and 1 to 4 hexadecimal digits, or a decimal
// number below 65536 (docs/protocol/exchange-items.md#extended-properties-of-unified-messaging).
func parseTag(v string) (uint64, error) {
	if digits, hex := strings.CutPrefix(strings.ToLower(v), "0x"); hex && len(digits) <= 4 {
		return strconv.ParseUint(digits, 16, 16)
	}
	return strconv.ParseUint(v, 10, 16)
}

// checkSchema checks n, a child of parent, and the elements inside it. parse has
// bounded the depth.
func checkSchema(n *node, parent string) error {
	name := n.Name.Local
	e, ok := schema()[parent+"/"+name]
	if !ok {
		e, ok = schema()[name]
	}
	switch {
	case !ok || e.content == "any":
		return nil
	case strings.HasPrefix(e.content, "="):
		if len(n.Children) > 0 {
			return invalidChild(n, n.Children[0])
		}
		if !isOfType(n.Value(), e.content[1:]) {
			return schemaError(n, "the element '"+name+"' has the invalid value '"+clipField(n.Value())+"'")
		}
	default:
		if n.Value() != "" {
			return schemaError(n, "the element '"+name+"' cannot contain text")
		}
		if err := checkChildren(n, e.content); err != nil {
			return err
		}
	}
	if err := checkAttributes(n, e.attributes); err != nil {
		return err
	}
	for _, c := range n.Children {
		if err := checkSchema(c, name); err != nil {
			return err
		}
	}
	return nil
}

// isOfType reports whether v has a type: a name of simpleTypes or an enumeration.
func isOfType(v, name string) bool {
	if check := simpleTypes[name]; check != nil {
		return check(v)
	}
	return slices.Contains(strings.Split(name, "|"), v)
}

func checkAttributes(n *node, model string) error {
	types := map[string]string{}
	for field := range strings.FieldsSeq(model) {
		name, kind, typed := strings.Cut(field, "=")
		name, required := strings.CutSuffix(name, "!")
		if !typed {
			kind = "string"
		}
		types[name] = kind
		if _, ok := n.FindAttr(xmlName(name)); required && !ok {
			return schemaError(n, "the required attribute '"+name+"' is missing")
		}
	}
	for _, a := range n.Attrs {
		switch kind, ok := types[a.Name.Local]; {
		case a.Name.Space == "xmlns" || a.Name.Local == "xmlns" || a.Name.Space == nsXSI:
		case a.Name.Space != "" || !ok:
			return schemaError(n, "the attribute '"+a.Name.Local+"' is not declared")
		case !isOfType(a.Value, kind):
			return schemaError(n, "the attribute '"+a.Name.Local+"' has the invalid value '"+clipField(a.Value)+"'")
		}
	}
	return nil
}

func checkChildren(n *node, model string) error {
	rest := n.Children
	for step := range strings.FieldsSeq(model) {
		names := strings.TrimRight(step, "?*+")
		occurs := step[len(names):]
		count := 0
		for len(rest) > 0 && slices.Contains(strings.Split(names, "|"), rest[0].Name.Local) {
			rest = rest[1:]
			if count++; occurs != "*" && occurs != "+" {
				break
			}
		}
		switch {
		case count > 0 || occurs == "?" || occurs == "*":
		case len(rest) == 0:
			return schemaError(n, "the element '"+n.Name.Local+"' has incomplete content, expected '"+names+"'")
		default:
			return invalidChild(n, rest[0])
		}
	}
	if len(rest) > 0 {
		return invalidChild(n, rest[0])
	}
	return nil
}

// invalidChild is the error for a child of n that its content model does not have
// at that place.
func invalidChild(n, child *node) error {
	return schemaError(child, "the element '"+n.Name.Local+"' has invalid child element '"+child.Name.Local+"'")
}
