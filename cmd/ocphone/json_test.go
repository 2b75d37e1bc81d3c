//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/device/lab/pki"
	"github.com/ocphone/ocphone/device/lab/pool"
)

// TestResultSaysHowACommandEnded: outcome, exit code, failure code and expectation of
// each way to end (docs/json.md#the-result).
func TestResultSaysHowACommandEnded(t *testing.T) {
	_, ready := runningLab(t)
	spoilt, spoiltReady := runningLab(t)
	if err := spoilt.SetDefect("exchange", pki.SelfSigned); err != nil {
		t.Fatal(err)
	}
	warned := []journal.Code{journal.CertSelfSigned}
	met, unmet := &expectation{journal.CertUntrusted, true}, &expectation{journal.CertUntrusted, false}
	for _, row := range []struct {
		call string
		want result
	}{
		{"run --lab LAB", result{Outcome: outcomeReady, State: device.Ready}},
		{"run --lab LAB --until signed-in", result{Outcome: outcomeSignedIn, State: device.SignedIn}},
		{"run --lab LAB --outside", result{Outcome: outcomeFailed, Exit: 1, Code: journal.CertUntrusted, State: device.Failed}},
		{"run --lab LAB --outside --expect cert.untrusted",
			result{Outcome: outcomeExpected, Code: journal.CertUntrusted, State: device.Failed, Expect: met}},
		{"run --lab LAB --expect cert.untrusted", result{Outcome: outcomeUnexpected, Exit: 1, State: device.Ready, Expect: unmet}},
		{"run --lab LAB --sign-in locked@contoso.com --expect cert.untrusted",
			result{Outcome: outcomeUnexpected, Exit: 1, Code: journal.ADLocked, State: device.Failed, Expect: unmet}},
		{"run --lab nowhere --expect cert.untrusted", result{Outcome: outcomeUsage, Exit: 2, Code: journal.Usage, Expect: unmet}},
		{"run --lab LAB --timeout 1ns", result{Outcome: outcomeTimeout, Exit: 3}},
		{"run --lab SPOILT", result{Outcome: outcomeReady, State: device.Ready, Warnings: warned}},
		{"run --lab SPOILT --expect cert.self-signed", result{Outcome: outcomeExpected, State: device.Ready, Warnings: warned,
			Expect: &expectation{journal.CertSelfSigned, true}}},
		{"mailbox calls --lab SPOILT", result{Outcome: outcomeFailed, Exit: 1, Code: journal.CertSelfSigned, State: device.Ready, Warnings: warned}},
		{"mailbox calls --lab LAB --outside", result{Outcome: outcomeFailed, Exit: 1, Code: journal.CertUntrusted, State: device.Failed}},
		{"mailbox calls --lab LAB", result{Outcome: outcomeDone, State: device.Ready}},
		{"frobnicate", result{Outcome: outcomeUsage, Exit: 2, Code: journal.Usage}},
		{"run --until never", result{Outcome: outcomeUsage, Exit: 2, Code: journal.Usage}},
		{"check trust pool.contoso.com --lab LAB", result{Outcome: outcomeFailed, Exit: 1}},
		{"check trust sip.contoso.com:443 --ad contoso.com --lab LAB", result{Outcome: outcomeFailed, Exit: 1, Code: journal.CertUntrusted}},
		{"explain", result{Outcome: outcomeDone}},
	} {
		args := strings.Fields(strings.NewReplacer("LAB", ready, "SPOILT", spoiltReady).Replace(row.call))
		for _, quiet := range []string{"--quiet", "--quiet=false"} {
			out, complaints, code := call(t, append(args, "--json", quiet)...)
			got := readDocument(t, out[strings.LastIndex(strings.TrimSpace(out), "\n")+1:], new(any))
			if quiet == "--quiet" && strings.Count(out, "\n") != 1 {
				t.Errorf("%s: more than the result: %s", row.call, out)
			}
			want := row.want
			if got.Exit == exitTimeout { // how far it comes depends on the machine
				want.Code, want.State = got.Code, got.State
			}
			if got.Outcome != want.Outcome || got.Exit != want.Exit || got.Exit != code || got.Code != want.Code || got.State != want.State ||
				!reflect.DeepEqual(got.Expect, want.Expect) || !slices.Equal(got.Warnings, want.Warnings) || (got.Message != "") != (code != exitDone) {
				t.Errorf("%s: %+v, exit code %d", row.call, got, code)
			}
			if got.Message != "" && complaints != "" && !strings.Contains(complaints, got.Message) {
				t.Errorf("%s: the result says %q, the standard error %q", row.call, got.Message, complaints)
			}
		}
		out, complaints, code := call(t, append(args, "--quiet")...)
		if out != "" || (complaints != "") != (row.want.Exit != 0) || code != row.want.Exit {
			t.Errorf("%s --quiet: exit code %d, %q, %q", row.call, code, out, complaints)
		}
	}
}

// TestResultOfAnInterruptedCommand: an end that the call asks for is none by accident.
func TestResultOfAnInterruptedCommand(t *testing.T) {
	world, ready := runningLab(t)
	world.Pool.SetFaults(pool.Faults{Silent: true}) // so that no phone is ready first
	for _, row := range []struct {
		call, at, outcome string
		code              int
	}{
		{"demo --json", `"act":2`, outcomeInterrupted, exitInterrupted},
		{"run --json --lab LAB", `"step":"connect"`, outcomeInterrupted, exitInterrupted},
		{"run --json --lab LAB --until interrupted", `"step":"connect"`, outcomeInterrupted, exitInterrupted},
		{"lab --json", `"users"`, outcomeDone, exitDone},
	} {
		ctx, end := context.WithCancel(t.Context())
		out := &watched{text: row.at, end: end}
		var complaints bytes.Buffer
		code := environment{in: os.Stdin, out: out, err: &complaints}.run(ctx, strings.Fields(strings.ReplaceAll(row.call, "LAB", ready)))
		end()
		if r := readDocument(t, out.String(), new(any)); code != row.code || r.Exit != code || r.Outcome != row.outcome {
			t.Errorf("ocphone %s, ended at %s: exit code %d, %+v, %s", row.call, row.at, code, r, &complaints)
		}
	}
}
