package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/ocphone/ocphone/cmd/ocphone/screenshot"
	"github.com/ocphone/ocphone/device/lab"
	"github.com/ocphone/ocphone/device/setup"
)

// TestMain makes this test binary the commands ocphone and ocphone-screenshot for the
// scripts, which run them as processes of their own.
func TestMain(m *testing.M) {
	// The race detector would have each process sleep for a second at its end.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	testscript.Main(leakChecked{m}, map[string]func(){
		"ocphone":          main,
		screenshot.Program: func() { os.Exit(screenshot.Main(drawBlack)) },
	})
}

type leakChecked struct{ *testing.M }

func (m leakChecked) Run() int {
	os.Unsetenv(setup.LabVariable) // the tests may run in a lab
	os.Unsetenv(setup.StateVariable)
	code := m.M.Run()
	regexp2.StopTimeoutClock()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts runs each testdata/script/BEHAVIOUR.txtar. Beside the commands of
// testscript there are:
//
//	exits CODE ocphone …     the exit code, exactly
//	waitfile FILE            until another process has written it
//	terminate                SIGTERM to what runs in the background
//	steps [N]                stdout is JSON lines, each a whole step (of N acts, in order), then the result
//	ready FILE               FILE is a whole ready file of a lab
//	forge FILE               FILE, a ready file, gets a wrong token
//	certify NAME DIR         a chain of root, intermediate and server NAME in DIR
//	fingerprint SUBJECT VAR  $VAR from the JSON listing of roots in stdout
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Deadline:            time.Now().Add(hang),
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", os.Getenv("GORACE"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "waitfile": waitFile, "terminate": terminate, "steps": steps,
			"ready": ready, "forge": forge, "certify": certify, "fingerprint": fingerprint,
		},
	})
}

// hang is when a process that does not end is ended, and its script fails. All
// scripts share it, on machines that may be busy; it is below the time-out of the
// tests.
const hang = 3 * time.Minute

func arguments(ts *testscript.TestScript, neg bool, args []string, least, most int) {
	if neg || len(args) < least || len(args) > most {
		ts.Fatalf("called in a wrong way: %q", args)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, 100)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got, err := 0, ts.Exec(args[1], args[2:]...)
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		got, err = failed.ExitCode(), nil
	}
	ts.Check(err)
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// patience bounds the wait for another process; waits end as soon as they can.
const patience = time.Minute

func waitFile(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, 1)
	tick, enough := time.NewTicker(5*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-enough:
			ts.Fatalf("%s was not written within %s", args[0], patience)
		}
	}
}

func steps(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 0, 1)
	want := []int{0}
	if len(args) == 1 {
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		want = nil
		for act := range n {
			want = append(want, act+1)
		}
	}
	var acts []int
	ended := false
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	for seq := uint64(1); ; seq++ {
		var line struct {
			Act         int
			V           int
			Seq         uint64
			At          time.Time
			Step, State string
			Result      *struct{ Exit int }
		}
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			ts.Fatalf("line %d: %v", seq, err)
		}
		if line.Result != nil {
			if dec.More() || line.V != 1 || line.Result.Exit != 0 {
				ts.Fatalf("line %d is no result of a success at the end: %+v", seq, line)
			}
			ended = true
			break
		}
		if line.V != 1 || line.Seq != seq || line.At.IsZero() || line.Step == "" || line.State == "" {
			ts.Fatalf("line %d is no whole step: %+v", seq, line)
		}
		acts = append(acts, line.Act)
	}
	if !ended {
		ts.Fatalf("there is no result")
	}
	if !slices.IsSorted(acts) || !slices.Equal(slices.Compact(acts), want) {
		ts.Fatalf("the steps are of acts %v, want %v", slices.Compact(acts), want)
	}
}

// readyFile is the promised form of the ready file, spelled out.
type readyFile struct {
	Inside, Outside struct {
		DNS, WINS string
		Patch     map[string]string
	}
	Users []struct{ SignIn, User, UPN, Password string }
	Roots []struct {
		Name, File string
		Published  *bool
	}
	Control struct{ URL, Token string }
}

func ready(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, 1)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		ts.Fatalf("mode %v", info.Mode())
	}
	text := ts.ReadFile(args[0])
	for _, key := range []string{"inside", "outside", "dns", "wins", "patch", "users", "signIn", "user", "upn", "password", "roots", "name", "file", "published", "control", "url", "token"} {
		if !strings.Contains(text, `"`+key+`": `) { // encoding/json reads in any case
			ts.Fatalf("no key %q", key)
		}
	}
	var r readyFile
	ts.Check(json.Unmarshal([]byte(text), &r))
	if len(r.Users) == 0 || len(r.Roots) != 2 || r.Roots[0].Name != lab.EnterpriseRoot || !*r.Roots[0].Published || *r.Roots[1].Published {
		ts.Fatalf("users or roots are not as they should be:\n%s", text)
	}
	loopback := []string{r.Inside.DNS, r.Inside.WINS, r.Outside.DNS, strings.TrimPrefix(r.Control.URL, "http://")}
	for _, to := range slices.Concat(slices.Collect(maps.Values(r.Inside.Patch)), slices.Collect(maps.Values(r.Outside.Patch)), loopback) {
		if !strings.HasPrefix(to, "127.0.0.1:") {
			ts.Fatalf("%q does not listen on loopback:\n%s", to, text)
		}
	}
	if r.Inside.Patch["pool.contoso.com:5061"] == "" || r.Outside.Patch["sip.contoso.com:443"] == "" || r.Control.Token == "" {
		ts.Fatalf("pool, Edge or token is missing:\n%s", text)
	}
	for _, u := range r.Users {
		if u.SignIn == "" || u.User == "" || u.UPN == "" || u.Password == "" {
			ts.Fatalf("user %+v", u)
		}
	}
	for _, root := range r.Roots {
		if block, _ := pem.Decode([]byte(ts.ReadFile(root.File))); block == nil || !filepath.IsAbs(root.File) {
			ts.Fatalf("%q is no absolute name, or holds no certificate", root.File)
		}
	}
}

func forge(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1, 1)
	var r lab.Ready
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	r.Control.Token = "not-the-token"
	b, err := json.Marshal(r)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o600))
}

// certify makes a chain as a tester brings it: DIR/chain.pem (server and
// intermediate), DIR/key.pem and DIR/root.pem, with none of the lab's code.
func certify(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, 2)
	var chain bytes.Buffer
	var issuer *x509.Certificate
	var key, issuerKey *ecdsa.PrivateKey
	for i, name := range []string{"Fabrikam Root", "Fabrikam Issuing", args[0]} {
		ca := name != args[0]
		c := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().AddDate(0, -1, 0), NotAfter: time.Now().AddDate(0, 5, 0),
			BasicConstraintsValid: true, IsCA: ca, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
		if !ca {
			c.KeyUsage, c.ExtKeyUsage, c.DNSNames = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []string{name}
		}
		var err error
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		ts.Check(err)
		if issuer == nil {
			issuer, issuerKey = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, issuer, &key.PublicKey, issuerKey)
		ts.Check(err)
		issuer, err = x509.ParseCertificate(der)
		ts.Check(err)
		issuerKey = key
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		if i == 0 {
			ts.Check(os.MkdirAll(ts.MkAbs(args[1]), 0o755))
			ts.Check(os.WriteFile(ts.MkAbs(args[1]+"/root.pem"), block, 0o644))
			continue
		}
		rest := bytes.Clone(chain.Bytes())
		chain.Reset()
		chain.Write(append(block, rest...)) // the server first
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+"/chain.pem"), chain.Bytes(), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]+"/key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
}

func fingerprint(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2, 2)
	var list struct {
		Roots []struct{ Subject, Fingerprint string }
	}
	ts.Check(json.NewDecoder(strings.NewReader(ts.ReadFile("stdout"))).Decode(&list))
	for _, r := range list.Roots {
		if strings.Contains(r.Subject, args[0]) {
			ts.Setenv(args[1], r.Fingerprint)
			return
		}
	}
	ts.Fatalf("no root %q in %v", args[0], list.Roots)
}
func terminate(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 0, 0)
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}

// runningLab is a lab of this process and its ready file, for phones of others.
func runningLab(t *testing.T) (world *lab.Lab, ready string) {
	t.Helper()
	world, err := lab.New(lab.Contoso())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	ready = filepath.Join(t.TempDir(), "lab.json")
	if err := world.WriteReady(ready); err != nil {
		t.Fatal(err)
	}
	return world, ready
}
