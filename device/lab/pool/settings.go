package pool

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/provisioning"
)

// provision answers a provisioning query of u: the requested groups of this pool,
// in the order of the query (docs/protocol/sip-services.md#provisioning-request).
func (s *Server) provision(u directory.User, query []byte) ([]byte, error) {
	names, err := provisioning.ParseRequest(query)
	if err != nil {
		return nil, err
	}
	has := s.groups(u)
	var answer []provisioning.Group
	for _, name := range names { // names are compared with regard to case
		if i := slices.IndexFunc(has, func(g provisioning.Group) bool { return g.Name == name }); i >= 0 {
			answer = append(answer, has[i])
		}
	}
	return provisioning.WriteAnswer(answer...)
}

// groups returns all provisioning groups of u.
func (s *Server) groups(u directory.User) []provisioning.Group {
	user := provisioning.Group{Name: provisioning.UserSetting}
	addIfSet(&user, "ucUserLocationProfile", u.LocationProfile)
	addIfSet(&user, "primaryEmailAddress", u.Mail) // R9.1; no document names the element
	policy := []provisioning.Property{
		{Name: "AllowSimultaneousRinging", Value: "true"},
		{Name: "AllowCallForwarding", Value: "true"},
	}
	if s.Version >= 4 { // docs/protocol/sip-services.md#properties-of-ucpolicy
		policy = append(policy,
			provisioning.Property{Name: "EnableCallTransfer", Value: "true"},
			provisioning.Property{Name: "EnableTeamCall", Value: "false"},
			provisioning.Property{Name: "EnableDelegation", Value: "false"})
	}
	name := provisioning.Property{Name: "Name", Value: "Default Policy"}
	groups := []provisioning.Group{
		s.configuration(u),
		{Name: provisioning.MeetingPolicy, Form: provisioning.Instance, Properties: []provisioning.Property{name}},
		{Name: provisioning.UCPolicy, Form: provisioning.Instance, Properties: append(policy, name)},
		{Name: provisioning.PublicationGrammar, Properties: []provisioning.Property{{Name: "containerManifest"}}},
		user,
	}
	for _, over := range s.Provisioning {
		groups = mergeGroup(groups, over)
	}
	return groups
}

func mergeGroup(groups []provisioning.Group, over provisioning.Group) []provisioning.Group {
	i := slices.IndexFunc(groups, func(g provisioning.Group) bool { return g.Name == over.Name })
	if i < 0 {
		over.Properties = slices.Clone(over.Properties) // a later merge may change them
		return append(groups, over)
	}
	g := &groups[i]
	if over.Form != "" {
		g.Form = over.Form
	}
	for _, p := range over.Properties {
		same := func(have provisioning.Property) bool { return strings.EqualFold(have.Name, p.Name) }
		if k := slices.IndexFunc(g.Properties, same); k >= 0 {
			g.Properties[k] = p
		} else {
			g.Properties = append(g.Properties, p)
		}
	}
	return groups
}

func addIfSet(g *provisioning.Group, name, value string) {
	if value != "" {
		g.Properties = append(g.Properties, provisioning.Property{Name: name, Value: value})
	}
}

// configuration returns the group ServerConfiguration with the default values of a
// pool (docs/protocol/sip-services.md#properties-of-serverconfiguration;
// docs/protocol/phone.md#phone-lock), in the order of MS-SIPREGE 2.2.2.5.1.
// Versions before 4 have fewer elements. mrasUri and qosUri are omitted: the lab
// does not have these servers.
func (s *Server) configuration(u directory.User) provisioning.Group {
	const (
		all = 0
		r2  = 4
	)
	inside, outside := "https://"+s.Host+":443", ""
	if edge := s.edgeHost.Load(); edge != nil {
		outside = "https://" + *edge + ":443"
	}
	external := func(path string) string {
		if outside == "" {
			return ""
		}
		return outside + path
	}
	hash := sha256.Sum256([]byte(s.Host))
	poolID := base64.URLEncoding.EncodeToString(append(hash[:16], 0, 0))
	g := provisioning.Group{Name: provisioning.ServerConfiguration}
	for _, p := range []struct {
		since       int
		name, value string
	}{
		{r2, "absWebServiceEnabled", "true"},
		{all, "absInternalServerUrl", inside + "/abs/int"},
		{all, "absExternalServerUrl", external("/abs/ext")},
		{r2, "abwqInternalUrl", inside + "/groupexpansion/int/abwebservice.asmx"},
		{r2, "abwqExternalUrl", external("/groupexpansion/ext/abwebservice.asmx")},
		{r2, "dlxInternalUrl", inside + "/GroupExpansion/int/service.asmx"},
		{r2, "dlxExternalUrl", external("/GroupExpansion/ext/service.asmx")},
		{r2, "dlxEnabled", "true"},
		{all, "updatesServerInternalUrl", inside + "/RequestHandler/ucdevice.upx"},
		{all, "updatesServerExternalUrl", external("/RequestHandlerExt/ucdevice.upx")},
		{r2, "updatesServerEnabled", "true"},
		{all, "ucPortRangeEnabled", "false"},
		{all, "ucPC2PCAVEncryption", string(provisioning.RequireEncryption)},
		{all, "ucDiffServVoice", "40"},
		{all, "ucVoice802_1p", "0"},
		{all, "ucEnforcePinLock", "true"},
		{all, "ucMinPinLength", "6"},
		{all, "ucPhoneTimeOut", "10"},
		{all, "ucExchangeMWIPoll", "3"},
		{all, "ucEnableSIPSecurityMode", string(provisioning.High)},
		{all, "ucEnableUserLogging", "false"},
		{r2, "poolUri", "sip:" + s.Host + "@" + s.dir.Domain() + ";gruu;opaque=srvr:HomeServer:" + poolID},
		{all, "ucLocationProfile", s.LocationProfile},
		{all, "focusFactoryUri", "sip:" + u.SIP + ";gruu;opaque=app:conf:focusfactory"},
		{all, "voiceMailUri", "sip:" + u.SIP + ";opaque=app:voicemail"},
	} {
		if s.Version >= p.since {
			addIfSet(&g, p.name, p.value)
		}
	}
	return g
}
