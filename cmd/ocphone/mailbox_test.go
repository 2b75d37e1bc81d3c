package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/ews"
)

func TestR9_2ContactsAreFoundByWhatAPersonKnows(t *testing.T) {
	kelly := ews.Contact{DisplayName: "Bob Kelly", FileAs: "Kelly, Bob", Company: "Contoso", Email: "bob@contoso.com",
		Phones: []ews.PhoneNumber{{Key: ews.BusinessPhone, Text: "+1 (425) 555-0100"}, {Key: ews.OtherTelephone, Text: "x 77"}}}
	for text, want := range map[string]bool{
		"": true, "kelly": true, " KELLY ": true, "kelly, b": true, "contoso": true, "bob@": true, "555-0100": true,
		"5550100": true, "+14255550100": true, "77": true, "anna": false, "5550199": false, "0": true, "Søren": false, "b0b": false, "+": true,
	} {
		if got := matchesContact(kelly, text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if got := numbers(kelly); got != "+1 (425) 555-0100 (business), x 77 (other)" {
		t.Errorf("numbers %q", got)
	}
}

func TestWhatTheNetworkBroughtCannotMoveTheCursor(t *testing.T) {
	var out bytes.Buffer
	p := newPrinter(&out, false)
	p.summary(device.Snapshot{Address: "a\x1b[2J@b"})
	for _, text := range []string{out.String(), partyText("\x1b[31m", ""), partyName("a\nb", ""), subject(ews.Event{Subject: "\x07"}), place(ews.Event{Location: "\r"}), describeVoiceMail(ews.VoiceMail{Number: "\x1b]0;x"})} {
		if strings.ContainsAny(text, "\x1b\x07\r") || strings.Contains(strings.TrimSuffix(text, "\n"), "a\nb") {
			t.Errorf("%q", text)
		}
	}
}

func TestPrivateAppointmentsAreNotShown(t *testing.T) {
	v := ews.Event{Subject: "Dentist", Location: "Nørregade", Private: true}
	if got := subject(v) + place(v); got != "Private appointment" {
		t.Error(got)
	}
	if v.AllDay = true; span(v) != "all day" {
		t.Error(span(v))
	}
}

func TestReadyTellsItsWarnings(t *testing.T) {
	for _, c := range []struct {
		troubles []journal.Code
		want     string
	}{
		{nil, "\n\ntu@contoso.com\nready\n"},
		{[]journal.Code{journal.CertSelfSigned}, "\n\ntu@contoso.com\nready, with 1 warning: cert.self-signed\n"},
		{[]journal.Code{journal.ProvNoVoice, journal.ExchangeBusy}, "\n\ntu@contoso.com\nready, with 2 warnings: prov.no-voice, exchange.busy\n"},
	} {
		s := device.Snapshot{State: device.Ready, Address: "tu@contoso.com"}
		for _, code := range c.troubles {
			s.Warnings = append(s.Warnings, journal.Step{Code: code})
		}
		var out bytes.Buffer
		newPrinter(&out, false).summary(s)
		if "\n"+out.String() != c.want {
			t.Errorf("%q, want %q", out.String(), c.want)
		}
		out.Reset()
		if newPrinter(&out, true).summary(s); out.Len() > 0 {
			t.Errorf("JSON lines end with %q", out.String())
		}
		// The code of a warning is expected like that of a failure, of a ready phone only.
		for _, code := range journal.Codes() {
			err := environment{}.verdict(s, nil, code, time.Second, false)
			if met := slices.Contains(c.troubles, code); met != (err == nil) {
				t.Errorf("--expect %s: %v", code, err)
			}
		}
		if err := (environment{}).verdict(s, nil, "", time.Second, false); err != nil {
			t.Errorf("ready with warnings: %v", err)
		}
	}
}

func TestVoiceMailIsPickedByNumberOrID(t *testing.T) {
	all := []ews.VoiceMail{{ID: ews.ItemID{ID: "AAA="}}, {ID: ews.ItemID{ID: "BBB="}}}
	for which, want := range map[string]string{"1": "AAA=", "2": "BBB=", "3": "", "BBB=": "BBB=", "bbb=": "", "": ""} {
		v, err := findVoiceMail(all, which)
		if v.ID.ID != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", which, v.ID.ID, err)
		}
	}
}

func TestProtectedVoiceMailIsToldBeforeAnythingIsAsked(t *testing.T) {
	_, err := fetchRecording(t.Context(), nil, ews.VoiceMail{Protected: true}, nil)
	if err == nil || !strings.Contains(err.Error(), "protected") {
		t.Error(err)
	}
}

func TestPlayerFitsTheFormat(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("programs are found by their endings there")
		return
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if p := playerFor(ews.AudioMuLaw); p != nil {
		t.Errorf("of none there is %q", p)
	}
	for _, c := range []struct {
		added string
		want  map[ews.Audio]string
	}{
		{"ffplay", map[ews.Audio]string{ews.AudioMuLaw: "ffplay", ews.AudioWMA: "ffplay", ews.AudioUnknown: "ffplay"}},
		{"aplay", map[ews.Audio]string{ews.AudioMuLaw: "aplay", ews.AudioGSM: "ffplay", ews.AudioMP3: "ffplay"}},
		{"paplay", map[ews.Audio]string{ews.AudioALaw: "paplay", ews.AudioGSM: "paplay", ews.AudioWMA: "ffplay"}},
	} {
		if err := os.WriteFile(filepath.Join(dir, c.added), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		for audio, want := range c.want {
			if got := playerFor(audio); len(got) == 0 || got[0] != want {
				t.Errorf("with %s: %q is played by %q, want %s", c.added, audio, got, want)
			}
		}
	}
}

func TestFileNameIsMadeOfTimeAndNumber(t *testing.T) {
	at := time.Date(2008, 4, 21, 9, 5, 7, 0, time.Local)
	for _, c := range []struct {
		v     ews.VoiceMail
		audio ews.Audio
		want  string
	}{
		{ews.VoiceMail{Received: at, Number: "+45 44 89"}, ews.AudioMuLaw, "voicemail-20080421-090507-+454489.wav"},
		{ews.VoiceMail{Received: at}, ews.AudioWMA, "voicemail-20080421-090507.wma"},
		{ews.VoiceMail{Number: "../../etc/passwd"}, ews.AudioMP3, "voicemail-etcpasswd.mp3"},
		{ews.VoiceMail{Number: "sip:kerry@contoso.com"}, ews.AudioGSM, "voicemail-sipkerrycontosocom.wav"},
		{ews.VoiceMail{}, ews.AudioUnknown, "voicemail.bin"},
	} {
		if got := fileName(c.v, c.audio); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// FuzzFileName: whatever a server calls the caller, the file stays in its folder.
func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"", "+14255550100", "../x", `..\x`, "a\x00b", "CON", strings.Repeat("9", 500), "𝟗", "-rf", "\xff"} {
		f.Add(seed, int64(0))
	}
	f.Fuzz(func(t *testing.T, number string, at int64) {
		name := fileName(ews.VoiceMail{Number: number, Received: time.Unix(at%1e11, 0)}, ews.AudioALaw)
		if !filepath.IsLocal(name) || name != filepath.Base(name) || !strings.HasPrefix(name, "voicemail") || len(name) > 100 || !utf8.ValidString(name) {
			t.Errorf("%q", name)
		}
	})
}

func TestLengthIsMinutesAndSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "", -time.Second: "", 9 * time.Second: "0:09", 75 * time.Second: "1:15", 2 * time.Hour: "120:00"} {
		if got := lengthOf(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
