package provisioning_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/provisioning"
)

// server is the answer with a ServerConfiguration of name and value in turn.
func server(t testing.TB, pairs ...string) provisioning.Answer {
	t.Helper()
	g := provisioning.Group{Name: provisioning.ServerConfiguration}
	for i := 0; i < len(pairs); i += 2 {
		g.Properties = append(g.Properties, provisioning.Property{Name: pairs[i], Value: pairs[i+1]})
	}
	return written(t, g)
}

func written(t testing.TB, groups ...provisioning.Group) provisioning.Answer {
	t.Helper()
	body, err := provisioning.WriteAnswer(groups...)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, body)
}

func TestDefaultsAreUsedForAnEmptyAnswer(t *testing.T) {
	s := provisioning.Answer{}.Settings(kerry(false))
	want := provisioning.Settings{
		Subscriber:      kerry(false),
		Lock:            provisioning.Lock{Enforced: true, MinPINLength: 6, Idle: 10 * time.Minute},
		Exchange:        provisioning.Exchange{Poll: 3 * time.Minute},
		QoS:             provisioning.QoS{DSCP: 40, InCallInterval: 35 * time.Second},
		Logging:         provisioning.Logging{Level: provisioning.Off},
		Media:           provisioning.Media{Encryption: provisioning.RequireEncryption, Ports: provisioning.PortRange{Min: 1024, Max: 65535}},
		Policy:          provisioning.Policy{SimultaneousRing: true, CallForwarding: true, CallTransfer: true},
		SIPSecurity:     provisioning.High,
		VoiceMailURI:    "sip:kerry@contoso.com;opaque=app:voicemail",
		FocusFactoryURI: "sip:kerry@contoso.com;gruu;opaque=app:conf:focusfactory",
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("have %+v\nwant %+v", s, want)
	}
	if s := (provisioning.Answer{}).Settings(provisioning.Subscriber{}); s.VoiceMailURI != "" || s.FocusFactoryURI != "" {
		t.Errorf("nobody has a voice mail of %q and conferences of %q", s.VoiceMailURI, s.FocusFactoryURI)
	}
}

// TestRanges: docs/protocol/phone.md#phone-lock, both ends and one beyond, for
// which the default is used with a warning.
func TestRanges(t *testing.T) {
	minutes := func(d time.Duration) int { return int(d / time.Minute) }
	for name, row := range map[string]struct {
		lowest, highest, otherwise int
		read                       func(provisioning.Settings) int
	}{
		"ucMinPinLength":    {4, 15, 6, func(s provisioning.Settings) int { return s.Lock.MinPINLength }},
		"ucPhoneTimeOut":    {0, 60, 10, func(s provisioning.Settings) int { return minutes(s.Lock.Idle) }},
		"ucExchangeMWIPoll": {0, 60, 3, func(s provisioning.Settings) int { return minutes(s.Exchange.Poll) }},
		"ucDiffServVoice":   {0, 63, 40, func(s provisioning.Settings) int { return s.QoS.DSCP }},
		"ucVoice802_1p":     {0, 7, 0, func(s provisioning.Settings) int { return s.QoS.Priority }},
		"inCallQoSIntervalSeconds": {10, 3600, 35, func(s provisioning.Settings) int {
			return int(s.QoS.InCallInterval / time.Second)
		}},
	} {
		for value, want := range map[string]int{
			fmt.Sprint(row.lowest): row.lowest, fmt.Sprint(row.highest): row.highest, fmt.Sprintf("\n\t %d ", row.highest): row.highest,
			fmt.Sprint(row.lowest - 1): row.otherwise, fmt.Sprint(row.highest + 1): row.otherwise,
			"": row.otherwise, "many": row.otherwise, "7.0": row.otherwise, "99999999999999999999": row.otherwise, "٦": row.otherwise,
		} {
			s := server(t, name, value).Settings(kerry(false))
			told := slices.ContainsFunc(s.Warnings, func(o provisioning.Warning) bool {
				return o.Kind == provisioning.Value && o.Name == name && strings.Contains(o.What, fmt.Sprintf("default holds: %d.", row.otherwise))
			})
			good := value == "" || strings.TrimSpace(value) == fmt.Sprint(row.lowest) || strings.TrimSpace(value) == fmt.Sprint(row.highest)
			if got := row.read(s); got != want || told == good {
				t.Errorf("%s %q: have %d, want %d; warnings %v", name, value, got, want, s.Warnings)
			}
		}
	}
}

func TestNamesAndWordsAreReadWithoutRegardToCase(t *testing.T) {
	s := server(t, "UCENFORCEPINLOCK", "False", "ucenablesipsecuritymode", "low", "LoggingLevel", "HIGH", "ucpc2pcavencryption", "donotsupportencryption").Settings(kerry(false))
	if s.Lock.Enforced || s.SIPSecurity != provisioning.Low || s.Logging.Level != provisioning.High || s.Media.Encryption != provisioning.DoNotSupportEncryption || len(s.Warnings) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestEachServiceHasTheAddressOfThePlace(t *testing.T) {
	const in, out = "https://pool.contoso.com/x", "https://ocsweb.contoso.com/x"
	for _, row := range []struct {
		name                     string
		internal, external, flag string
		enabled                  bool
		inside, outside          string
		wantWarnings             int
	}{
		{"both", in, out, "true", true, in, out, 0},
		{"no flag", in, out, "", true, in, out, 0},
		{"switched off", in, out, "false", false, "", "", 0},
		{"only internal: nothing for a remote user", in, "", "", true, in, "", 0},
		{"only external: nothing inside", "", out, "true", true, "", out, 0},
		{"none", "", "", "", false, "", "", 0},
		{"on without an address", "", "", "true", true, "", "", 0},
		{"no URL", "pool.contoso.com", "https:///x", "", false, "", "", 2},
		{"credentials", "https://a:b@pool.contoso.com/", out, "", true, "", out, 1},
		{"two lines", in + "\r\nX: y", out, "", true, "", out, 1},
		{"flag of another kind", in, out, "maybe", true, in, out, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			a := server(t, "dlxInternalUrl", row.internal, "dlxExternalUrl", row.external, "dlxEnabled", row.flag)
			inside, outside := a.Settings(kerry(false)), a.Settings(kerry(true))
			if inside.GroupExpansion.Enabled != row.enabled || inside.GroupExpansion.URL != row.inside || outside.GroupExpansion.URL != row.outside {
				t.Errorf("inside %+v, outside %+v", inside.GroupExpansion, outside.GroupExpansion)
			}
			if len(inside.Warnings) != row.wantWarnings || strings.Contains(fmt.Sprint(inside.Warnings), "a:b") {
				t.Errorf("warnings %v", inside.Warnings)
			}
		})
	}
}

func TestPortsCountOnlyWhenTheRangeIsOn(t *testing.T) {
	whole := provisioning.PortRange{Min: 1024, Max: 65535}
	for _, row := range []struct {
		name  string
		pairs []string
		want  provisioning.PortRange
		odd   bool
	}{
		{"off", []string{"ucPortRangeEnabled", "false", "ucMinMediaPort", "x", "ucMaxMediaPort", "0"}, whole, false},
		{"on", []string{"ucPortRangeEnabled", "true", "ucMinMediaPort", "5350", "ucMaxMediaPort", "5351"}, provisioning.PortRange{Min: 5350, Max: 5351}, false},
		{"audio before media", []string{"ucPortRangeEnabled", "true", "ucMinMediaPort", "5350", "ucMaxMediaPort", "5389", "ucMinAudioPort", "1", "ucMaxAudioPort", "2"}, provisioning.PortRange{Min: 1, Max: 2}, false},
		{"bad audio, good media", []string{"ucPortRangeEnabled", "true", "ucMinMediaPort", "5350", "ucMaxMediaPort", "5389", "ucMinAudioPort", "9", "ucMaxAudioPort", "2"}, provisioning.PortRange{Min: 5350, Max: 5389}, true},
		{"on without ports", []string{"ucPortRangeEnabled", "true"}, whole, false},
		{"one end", []string{"ucPortRangeEnabled", "true", "ucMinMediaPort", "5350"}, whole, true},
		{"turned round", []string{"ucPortRangeEnabled", "true", "ucMinMediaPort", "5389", "ucMaxMediaPort", "5350"}, whole, true},
		{"beyond", []string{"ucPortRangeEnabled", "true", "ucMinMediaPort", "0", "ucMaxMediaPort", "65536"}, whole, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := server(t, row.pairs...).Settings(kerry(false))
			if s.Media.Ports != row.want || len(s.Warnings) > 0 != row.odd {
				t.Errorf("%+v %v", s.Media, s.Warnings)
			}
		})
	}
}

// TestR9_1_PrimaryEmailLeadsToTheSMTPDomain: the domain becomes a host name, so it must be one.
func TestR9_1_PrimaryEmailLeadsToTheSMTPDomain(t *testing.T) {
	for value, domain := range map[string]string{
		"kerry@contoso.com":                 "contoso.com",
		" SMTP:Kerry.Lee@Mail.Contoso.com ": "mail.contoso.com",
		"o'brien+x@contoso.co.uk":           "contoso.co.uk",
		"kerry":                             "", "@contoso.com": "", "kerry@": "", "kerry@contoso..com": "", "kerry@-contoso.com": "",
		"kerry@contoso.com/x": "", "kerry@contoso.com:443": "", "kerry@192.0.2.1": "", "kerry@[::1]": "", "Kerry <kerry@contoso.com>": "",
		"kerry@" + strings.Repeat("a", 64) + ".com": "", "kerry@contoso.com\r\nHost: x": "", "kerry@cöntoso.com": "",
	} {
		s := written(t, provisioning.Group{Name: provisioning.UserSetting, Properties: []provisioning.Property{{Name: "primaryEmailAddress", Value: value}}}).Settings(kerry(false))
		if s.SMTPDomain() != domain || (s.PrimaryEmail == "") != (domain == "") || (len(s.Warnings) > 0) != (domain == "") {
			t.Errorf("%q: %q of %q, warnings %v", value, s.SMTPDomain(), s.PrimaryEmail, s.Warnings)
		}
	}
}

func TestR12_1_TheUsersLocationProfileGoesBeforeThePools(t *testing.T) {
	a := server(t, "ucLocationProfile", "Redmond")
	if got := a.Settings(kerry(false)).LocationProfile(); got != "Redmond" {
		t.Errorf("the pool's: %q", got)
	}
	a.Groups = append(a.Groups, parse(t, document(t, "partial")).Groups...)
	if got := a.Settings(kerry(false)).LocationProfile(); got != "Hellerup" {
		t.Errorf("the user's: %q", got)
	}
	if got := (provisioning.Answer{}).Settings(kerry(false)).LocationProfile(); got != "" {
		t.Errorf("none: %q", got)
	}
}

func TestSIPAddressesCannotEndAHeader(t *testing.T) {
	for value, good := range map[string]bool{
		"sip:edge@contoso.com;gruu;opaque=srvr:MRAS:AAA": true, "SIPS:edge@contoso.com": true,
		"sip:": false, "edge@contoso.com": false, "https://edge.contoso.com": false, "sip:a b": false, "sip:a>": false, "sip:a\"": false, "sip:é@contoso.com": false,
	} {
		s := server(t, "mrasUri", value).Settings(kerry(false))
		if (s.MRASURI == value) != good || len(s.Warnings) > 0 == good {
			t.Errorf("%q: %q %v", value, s.MRASURI, s.Warnings)
		}
	}
}

func TestStepShowsTheSettings(t *testing.T) {
	a := parse(t, document(t, "ocs2007r2"))
	lines := strings.Join(a.Settings(kerry(true)).Lines(), "\n")
	for _, want := range []string{"kerry@contoso.com", "Redmond", "after 15 minutes, PIN of 8", "every 5 minutes", "Simultaneous ring not allowed", "(external): https://ocsweb.contoso.com", "Updates: switched off by the pool."} {
		if !strings.Contains(lines, want) {
			t.Errorf("no %q in\n%s", want, lines)
		}
	}
	bare := strings.Join(server(t, "ucPhoneTimeOut", "0", "ucExchangeMWIPoll", "0", "dlxEnabled", "true").Settings(kerry(false)).Lines(), "\n")
	for _, want := range []string{"none, so Exchange cannot be found", "on demand only", "Exchange is not polled.", "Group expansion: on, but without an internal address."} {
		if !strings.Contains(bare, want) {
			t.Errorf("no %q in\n%s", want, bare)
		}
	}
}
