package setup

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// Environment variables that are the defaults of flags. An empty one counts as unset,
// and a flag that is given wins, with an empty value too.
const (
	LabVariable   = "OCPHONE_LAB"   // of --lab
	StateVariable = "OCPHONE_STATE" // of --state
)

// variables are the flags that have a default in the environment.
var variables = map[string]string{"lab": LabVariable, "state": StateVariable}

// UseVariables gives the flags --lab and --state of s, as far as s has them, their
// defaults in the environment. They do not count as changed. Call it after AddFlags and
// before s is parsed.
func UseVariables(s *pflag.FlagSet) {
	for flag, variable := range variables {
		if f := s.Lookup(flag); f != nil {
			f.Usage += " [$" + variable + "]"
			f.Value.Set(os.Getenv(variable))
		}
	}
}

// source names where the value of a flag comes from: the flag, or its variable.
func source(flag, value string) string {
	if variable := variables[flag]; value != "" && value == os.Getenv(variable) {
		return variable
	}
	return "--" + flag
}

// namingVariable puts the variable before err if the value of a flag comes from there.
func namingVariable(flag, value string, err error) error {
	if from := source(flag, value); err != nil && from == variables[flag] {
		return fmt.Errorf("%s: %w", from, err)
	}
	return err
}
