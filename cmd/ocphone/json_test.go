package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// readDocument reads the first of the JSON lines in out into v, and returns the
// last, which is the result.
func readDocument(t *testing.T, out string, v any) result {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	var last struct {
		V      int
		Result *result
	}
	if err := json.Unmarshal([]byte(lines[0]), v); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.V != jsonVersion || last.Result == nil {
		t.Fatalf("%v: the last line is no result: %s", err, out)
	}
	return *last.Result
}
