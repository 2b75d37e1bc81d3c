package dialplan

import (
	"os"
	"testing"

	"github.com/dlclark/regexp2"
	"go.uber.org/goleak"
)

// TestMain ends the engine's clock, which else runs on for a second, and looks
// for goroutines left over.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(stopped{m})
}

type stopped struct{ *testing.M }

func (m stopped) Run() int {
	code := m.M.Run()
	regexp2.StopTimeoutClock()
	return code
}

func redmond(t testing.TB) Plan {
	t.Helper()
	b, err := os.ReadFile("testdata/redmond.xml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ReadXML(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func planOfRules(rules ...Rule) Plan { return Plan{Name: "Test", Rules: rules} }
