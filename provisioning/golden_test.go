package provisioning_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/ocphone/ocphone/provisioning"
)

var update = flag.Bool("update", false, "write testdata/*.json anew")

func document(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func golden(t *testing.T, name string, got any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(got); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s differs. Have:\n%s", file, b.Bytes())
	}
}

func parse(t testing.TB, body []byte) provisioning.Answer {
	t.Helper()
	a, err := provisioning.Parse(body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func kerry(remote bool) provisioning.Subscriber {
	return provisioning.Subscriber{Address: "kerry@contoso.com", RemoteUser: remote}
}

func TestAnswersBecomeSettings(t *testing.T) {
	for _, name := range []string{"ocs2007", "ocs2007r2", "lync", "odd"} {
		t.Run(name, func(t *testing.T) {
			a := parse(t, document(t, name))
			golden(t, name, a.Settings(kerry(false)))
			golden(t, name+"-outside", a.Settings(kerry(true)))
		})
	}
}
