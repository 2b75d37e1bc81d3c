package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/device/check"
	"github.com/ocphone/ocphone/device/lab"
)

const (
	thePool = "pool.contoso.com:5061"
	theEdge = "sip.contoso.com:443"
)

// checking is a lab and the files that `check trust` is given.
type checking struct {
	*testing.T
	world *lab.Lab
	dir   string
	ready string
}

// trustReport is the report as its JSON form says it.
type trustReport struct{ check.Report }

func newChecking(t *testing.T, d lab.Deployment) checking {
	t.Setenv("OCPHONE_PASSWORD", "")
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	world, err := lab.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	c := checking{t, world, t.TempDir(), ""}
	c.ready = filepath.Join(c.dir, "lab.json")
	if err := world.WriteReady(c.ready); err != nil {
		t.Fatal(err)
	}
	return c
}

// root is the file of a root of the lab.
func (c checking) root(name string) string {
	return filepath.Join(c.ready+".roots", name+".pem")
}

func (c checking) write(name string, der ...[]byte) string {
	c.Helper()
	var b bytes.Buffer
	for _, d := range der {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: d})
	}
	file := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		c.Fatal(err)
	}
	return file
}

func (c checking) run(args ...string) (out, errs string, code int) {
	c.Helper()
	in, err := os.Open(os.DevNull)
	if err != nil {
		c.Fatal(err)
	}
	defer in.Close()
	var o, e bytes.Buffer
	code = environment{in: in, out: &o, err: &e}.run(c.Context(), append([]string{"check", "trust"}, args...))
	return o.String(), e.String(), code
}

// trust runs it in the lab.
func (c checking) trust(args ...string) (trustReport, int) {
	c.Helper()
	return c.judged(append(args, "--lab", c.ready)...)
}

func (c checking) judged(args ...string) (r trustReport, code int) {
	c.Helper()
	out, errs, code := c.run(append(args, "--json")...)
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&r); err != nil {
		c.Fatalf("%v: no report: %v\n%s%s", args, err, out, errs)
	}
	if r.OK != (code == exitDone) || errs != "" {
		c.Errorf("%v: ok %v with exit code %d and %q", args, r.OK, code, errs)
	}
	return r, code
}

func (r trustReport) of(addr string) check.EndpointReport {
	for _, e := range r.Endpoints {
		if e.Endpoint == addr {
			return e
		}
	}
	return check.EndpointReport{}
}

// row is what the table says of addr under the deciding policy.
func (r trustReport) row(addr string) string {
	var marks []string
	for _, c := range r.of(addr).Cells {
		if c.Policy == r.Policy {
			marks = append(marks, c.Situation+" "+verdictMark(new(printer), c))
		}
	}
	return strings.Join(marks, ", ")
}

func (c checking) wantRow(r trustReport, addr, want string) {
	c.Helper()
	if got := r.row(addr); got != want {
		c.Errorf("%s: %s\n want %s", addr, got, want)
	}
}
