package provisioning

import (
	"slices"
	"strings"
	"time"
)

// emailNames are the names of the property with the primary e-mail address, in
// userSetting or else in ServerConfiguration. R9.1 says that the address arrives
// in-band, but no document names the property. The lab sends the first one.
func emailNames() []string { return []string{"primaryEmailAddress", "primaryEmail", "email", "mail"} }

// isUsed reports whether the phone uses values of a group.
func isUsed(group string) bool {
	return containsFold([]string{ServerConfiguration, UCPolicy, UserSetting}, group)
}

// unusedGroups are known groups that a phone does not use
// (docs/protocol/sip-services.md#provisioning-request).
func unusedGroups() []string {
	return []string{MeetingPolicy, PublicationGrammar, "endpointConfiguration", "locationPolicy", "mediaConfiguration",
		"presencePolicyV2", "privacyPublicationGrammar", "conferencePolicy", "persistentChatConfiguration"}
}

// unusedServerProperties are known properties of ServerConfiguration that a phone
// does not use (docs/protocol/sip-services.md#properties-of-serverconfiguration):
// SIP listening ports, video, sharing, files, the location service, the console,
// web access.
func unusedServerProperties() []string {
	return []string{
		"lisInternalUrl", "consoleDownload*", "ucMinSipDynamicPort", "ucMaxSipDynamicPort", "ucMinVideoPort",
		"ucMaxVideoPort", "ucMinAppSharingPort", "ucMaxAppSharingPort", "ucMinFileTransferPort",
		"ucMaxFileTransferPort", "ucMaxVideoRateAllowed", "enableBWPolicyCheck", "responseGroupService*",
		"cwaInternalUri", "cwaExternalUri",
	}
}

// Settings returns the settings of one user. The comments of Settings name the
// sources of the defaults. It does not fail: a wrong value is a
// warning, and its default is used.
func (a Answer) Settings(subscriber Subscriber) Settings {
	var warnings warningCollector
	s := Settings{Subscriber: subscriber}
	server := readValues(a, ServerConfiguration, &warnings)
	s.readServer(server)
	user := readValues(a, UserSetting, &warnings)
	s.UserLocationProfile = user.line("ucUserLocationProfile")
	s.readEmail(user, server)
	s.readPolicy(readValues(a, UCPolicy, &warnings))
	user.warnUnknown("disableFileTransfer")
	server.warnUnknown(unusedServerProperties()...)
	for _, g := range a.Groups {
		if !isUsed(g.Name) && !containsFold(unusedGroups(), g.Name) {
			warnings.add(Unknown, g.Name, "", "", "The phone does not know this group. It is not used.")
		}
	}
	for _, o := range a.Warnings { // behind those of the values, which matter more
		warnings.Add(o)
	}
	s.Warnings = warnings.list()
	return s
}

func containsFold(names []string, s string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, s) })
}

// readServer reads ServerConfiguration
// (docs/protocol/sip-services.md#properties-of-serverconfiguration).
func (s *Settings) readServer(r *valueReader) {
	s.PoolLocationProfile = r.line("ucLocationProfile")
	s.Organization = r.line("organization")
	s.Lock = Lock{
		Enforced:     r.boolean("ucEnforcePinLock", true),
		MinPINLength: r.integer("ucMinPinLength", 4, 15, 6),
		Idle:         r.duration("ucPhoneTimeOut", time.Minute, 0, 60, 10*time.Minute),
	}
	s.Exchange = Exchange{Poll: r.duration("ucExchangeMWIPoll", time.Minute, 0, 60, 3*time.Minute)}
	s.SIPSecurity = Level(r.oneOf("ucEnableSIPSecurityMode", string(High), string(Low), string(Medium), string(High)))
	s.Logging = Logging{UserEnabled: r.boolean("ucEnableUserLogging", false),
		Level: Level(r.oneOf("loggingLevel", string(Off), string(Off), string(Low), string(Medium), string(High)))}
	s.readMedia(r)

	s.AddressBook = r.service(s.Subscriber, "absInternalServerUrl", "absExternalServerUrl", "")
	s.AddressBookQuery = r.service(s.Subscriber, "abwqInternalUrl", "abwqExternalUrl", "absWebServiceEnabled")
	s.GroupExpansion = r.service(s.Subscriber, "dlxInternalUrl", "dlxExternalUrl", "dlxEnabled")
	s.Updates = r.service(s.Subscriber, "updatesServerInternalUrl", "updatesServerExternalUrl", "updatesServerEnabled")
	s.Helpdesk = r.service(s.Subscriber, "helpdeskInternalUrl", "helpdeskExternalUrl", "")

	voiceMail, focus := "", ""
	if s.Subscriber.Address != "" {
		voiceMail = "sip:" + s.Subscriber.Address + ";opaque=app:voicemail"
		focus = "sip:" + s.Subscriber.Address + ";gruu;opaque=app:conf:focusfactory"
	}
	s.VoiceMailURI = r.sipURI("voiceMailUri", voiceMail)
	s.FocusFactoryURI = r.sipURI("focusFactoryUri", focus)
	s.PoolURI = r.sipURI("poolUri", "")
	s.MRASURI = r.sipURI("mrasUri", "")
	s.QoSURI = r.sipURI("qosUri", "")
	s.CallParkURI = r.sipURI("callParkServerUri", "")
	s.TestCallURI = r.sipURI("botSipUriForTestCall", "")
	s.QoS = QoS{
		DSCP:           r.integer("ucDiffServVoice", 0, 63, 40),
		Priority:       r.integer("ucVoice802_1p", 0, 7, 0),
		Enabled:        r.boolean("qosEnabled", s.QoSURI != ""),
		InCall:         r.boolean("enableInCallQoS", false),
		InCallInterval: r.duration("inCallQoSIntervalSeconds", time.Second, 10, 3600, 35*time.Second),
	}
}

func (s *Settings) readMedia(r *valueReader) {
	s.Media = Media{
		Encryption: Encryption(r.oneOf("ucPC2PCAVEncryption", string(RequireEncryption),
			string(RequireEncryption), string(SupportEncryption), string(DoNotSupportEncryption))),
		RangeEnabled: r.boolean("ucPortRangeEnabled", false),
		Ports:        PortRange{1024, 65535},
	}
	for _, end := range [][2]string{{"ucMinAudioPort", "ucMaxAudioPort"}, {"ucMinMediaPort", "ucMaxMediaPort"}} {
		r.lookedUp[strings.ToLower(end[0])], r.lookedUp[strings.ToLower(end[1])] = true, true
	}
	if !s.Media.RangeEnabled {
		return
	}
	if p, ok := r.ports("ucMinAudioPort", "ucMaxAudioPort"); ok {
		s.Media.Ports = p
	} else if p, ok := r.ports("ucMinMediaPort", "ucMaxMediaPort"); ok {
		s.Media.Ports = p
	}
}

// readEmail uses the first valid address (R9.1).
func (s *Settings) readEmail(groups ...*valueReader) {
	for _, r := range groups {
		for _, name := range emailNames() {
			v, ok := r.get(name)
			if !ok {
				continue
			}
			local, domain, ok := mailAddress(v)
			switch {
			case !ok:
				r.warnInvalid(name, v, "an e-mail address", "It is not used, and does not lead to Exchange.")
			case s.PrimaryEmail == "":
				s.PrimaryEmail = local + "@" + domain
			}
		}
	}
}

// readPolicy reads ucPolicy (docs/protocol/sip-services.md#properties-of-ucpolicy).
func (s *Settings) readPolicy(r *valueReader) {
	s.Policy = Policy{
		SimultaneousRing:   r.boolean("AllowSimultaneousRinging", true),
		CallForwarding:     r.boolean("AllowCallForwarding", true),
		CallTransfer:       r.boolean("EnableCallTransfer", true),
		TeamCall:           r.boolean("EnableTeamCall", false),
		Delegation:         r.boolean("EnableDelegation", false),
		CallPark:           r.boolean("EnableCallPark", false),
		MaliciousCallTrace: r.boolean("EnableMaliciousCallTrace", false),
	}
	r.warnUnknown("Name", "PhoneRouteUsages", "EnableBWPolicyOverride")
}
