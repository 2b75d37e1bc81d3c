package provisioning_test

import (
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/provisioning"
)

func seed(f *testing.F) {
	files, err := filepath.Glob("testdata/*.xml")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, file := range files {
		f.Add(document(f, strings.TrimSuffix(filepath.Base(file), ".xml")))
	}
	for _, s := range []string{"", "<", utf16le("<a/>"), "<!DOCTYPE a><a/>", "<provisionGroupList><provisionGroup name='a'><instance/></provisionGroup></provisionGroupList>"} {
		f.Add([]byte(s))
	}
}

// FuzzAnswer: any answer that is read gives valid settings and can be written and read again.
func FuzzAnswer(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := provisioning.Parse(body)
		if err != nil {
			return
		}
		for _, remote := range []bool{false, true} {
			valid(t, a.Settings(kerry(remote)))
		}
		for i := range a.Groups {
			a.Groups[i].Form = provisioning.EntryList
		}
		again, err := provisioning.WriteAnswer(a.Groups...)
		if err != nil {
			t.Fatal(err)
		}
		b := parse(t, again)
		s, u := a.Settings(kerry(false)), b.Settings(kerry(false))
		s.Warnings, u.Warnings = nil, nil
		if !reflect.DeepEqual(s, u) {
			t.Errorf("written and read again:\n%+v\n%+v", s, u)
		}
	})
}

func valid(t *testing.T, s provisioning.Settings) {
	t.Helper()
	in := func(n, lowest, highest int) bool { return lowest <= n && n <= highest }
	if !in(s.Lock.MinPINLength, 4, 15) || !in(int(s.Lock.Idle/time.Minute), 0, 60) || !in(int(s.Exchange.Poll/time.Minute), 0, 60) ||
		!in(s.QoS.DSCP, 0, 63) || !in(s.QoS.Priority, 0, 7) || !in(s.Media.Ports.Min, 1, s.Media.Ports.Max-1) || s.Media.Ports.Max > 65535 ||
		s.SIPSecurity == "" || s.Media.Encryption == "" || s.Logging.Level == "" || len(s.Warnings) > 101 {
		t.Errorf("%+v", s)
	}
	if (s.PrimaryEmail == "") != (s.SMTPDomain() == "") {
		t.Errorf("%q leads to %q", s.PrimaryEmail, s.SMTPDomain())
	}
	for _, uri := range []string{s.VoiceMailURI, s.FocusFactoryURI, s.PoolURI, s.MRASURI, s.QoSURI, s.CallParkURI, s.TestCallURI, s.AddressBook.URL, s.Updates.URL} {
		if strings.ContainsAny(uri, "\r\n <>\"") {
			t.Errorf("%q", uri)
		}
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}

// FuzzRequest: a pool reads any request or says what is wrong with it.
func FuzzRequest(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		names, err := provisioning.ParseRequest(body)
		if (err != nil) != (len(names) == 0) {
			t.Errorf("%q %v", names, err)
		}
	})
}
