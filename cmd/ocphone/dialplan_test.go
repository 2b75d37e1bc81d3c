package main

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
)

// dialplanFile writes a plan and ends the clock of the matching engine after
// the test, which else runs on for a second.
func dialplanFile(t *testing.T, name, text string) string {
	t.Helper()
	t.Cleanup(regexp2.StopTimeoutClock)
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const dialplanCSV = "Name,Pattern,Translation\nInternal,^5(\\d{4})$,+1425555$1\nLocal,(\\d{7}),+1425$1\n"

// TestR12_1DialplanJUnitIsWhole: the counts agree with the cases, and what a
// plan or a case file brings cannot break the XML.
func TestR12_1DialplanJUnitIsWhole(t *testing.T) {
	file := dialplanFile(t, "plan.csv", "Name,Pattern,Translation\n\"<a \x1b&\"\"\",(\\d{7}),+1425$1\nb,^5(\\d{4})$,+1425555$1\n")
	cases := dialplanFile(t, "cases.csv", "input,expected\n51234,+14255551234\n<1&>,+1\n")
	for _, row := range []struct {
		args            []string
		tests, failures int
	}{
		{[]string{"lint", file, "--junit"}, 3, 1},
		{[]string{"test", file, cases, "--junit"}, 2, 1},
		{[]string{"test", file, "51234", "1", "--junit"}, 2, 1},
	} {
		out, complaints, code := call(t, append([]string{"dialplan"}, row.args...)...)
		if code != exitPerson || complaints != "" {
			t.Errorf("%v: exit code %d, %s", row.args, code, complaints)
		}
		var s junitSuites
		if err := xml.Unmarshal([]byte(out), &s); err != nil {
			t.Fatalf("%v: %v\n%s", row.args, err, out)
		}
		failures := 0
		for _, c := range s.Suites[0].Cases {
			if c.Failure != nil {
				failures++
			}
			if c.Name == "" || c.Class == "" {
				t.Errorf("%v: a case without a name: %+v", row.args, c)
			}
		}
		if got := s.Suites[0]; got.Tests != row.tests || len(got.Cases) != row.tests || got.Failures != row.failures || failures != row.failures {
			t.Errorf("%v: %s", row.args, out)
		}
	}
}

// TestR12_1DialplanJSONIsWhole: lists are never null, the exit code agrees.
func TestR12_1DialplanJSONIsWhole(t *testing.T) {
	file := dialplanFile(t, "plan.csv", dialplanCSV)
	for _, row := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"lint", file}, exitPerson, []string{`"ok":false`, `"id":"unanchored"`, `"method":`, `"fix":`}},
		{[]string{"lint", dialplanFile(t, "good.csv", "Pattern,Translation\n^(\\d{7})$,+1425$1\n")}, exitDone, []string{`"ok":true`, `"findings":[]`}},
		{[]string{"test", file, "51234"}, exitDone, []string{`"ok":true`, `"number":"+14255551234"`, `"rule":1`}},
		{[]string{"explain", file, "51234"}, exitDone, []string{`"outcome":"applied"`, `"outcome":"no-match"`}},
	} {
		out, complaints, code := call(t, append(append([]string{"dialplan"}, row.args...), "--json")...)
		if code != row.code || complaints != "" || !strings.HasPrefix(out, `{"v":1,`) || readDocument(t, out, new(any)).Exit != code {
			t.Errorf("%v: exit code %d, %s\n%s", row.args, code, complaints, out)
		}
		for _, part := range row.want {
			if !strings.Contains(out, part) {
				t.Errorf("%v: no %s in\n%s", row.args, part, out)
			}
		}
	}
}

// TestR12_1RealPlansPassLint: national plans hold rules for service numbers.
func TestR12_1RealPlansPassLint(t *testing.T) {
	for name, text := range map[string]string{
		"us.csv": "Name,Pattern,Translation,Priority\nUS-National,^1?([2-9]\\d\\d[2-9]\\d{6})$,+1$1,0\nUS-Service,^([2-9]11)$,$1,1\nUS-International,^011(\\d{9})$,+$1,2\n",
		"nl.json": `[{"Identity":"Global","NormalizationRules":["Description=;Pattern=^0([1-9]\\d{8})$;Translation=+31$1;Name=NL-Nationaal;IsInternalExtension=False",` +
			`"Description=;Pattern=^(112|144|140\\d{2,3}|116\\d{3}|18\\d{2})$;Translation=$1;Name=NL-Service;IsInternalExtension=False"]}]`,
	} {
		out, complaints, code := call(t, "dialplan", "lint", dialplanFile(t, name, text))
		if code != exitDone || complaints != "" || !strings.Contains(out, "leave it as it is") {
			t.Errorf("%s: exit code %d, %s\n%s", name, code, complaints, out)
		}
	}
}

// TestDialplanShowsNoControlCharacters of a file to the terminal.
func TestDialplanShowsNoControlCharacters(t *testing.T) {
	file := dialplanFile(t, "plan.csv", "Name,Pattern,Translation\n\x1b]0;x\a,(\\d{7})\x1b[2J,+1\x1b[2J$1\n")
	for _, args := range [][]string{{"lint", file}, {"test", file, "5551234\x1b[2J"}, {"explain", file, "1\x1b[2J"}} {
		out, complaints, _ := call(t, append([]string{"dialplan"}, args...)...)
		if strings.ContainsAny(out+complaints, "\x1b\a") || out == "" {
			t.Errorf("%v: %q %q", args, out, complaints)
		}
	}
}
