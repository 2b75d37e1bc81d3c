package provisioning

import (
	"cmp"
	"strings"
	"time"
)

// Subscriber is the user whose settings are read.
type Subscriber struct {
	Address    string `json:"address"`     // sign-in address without scheme: kerry@contoso.com
	RemoteUser bool   `json:"remote_user"` // from ms-user-logon-data of the registration: the user is outside
}

// Settings are the provisioned values that the phone uses. Every field is valid:
// the default in the comment of the field replaces a value that is missing, of a
// wrong type or out of range. Each wrong value is listed in Warnings.
//
// Comments name the element, default, range and unit, and the source of the
// default: [S] a public specification or product documentation, [D] a document on
// the phone, [guess] neither.
type Settings struct {
	Subscriber Subscriber `json:"subscriber"`

	// PrimaryEmail is the user's primary SMTP address, whose domain leads to
	// Exchange (R9.1). Default: none. The element's name is not documented, see
	// emailNames; the caller may set it from another source.
	PrimaryEmail string `json:"primary_email,omitempty"`
	// UserLocationProfile (userSetting ucUserLocationProfile) is the dial plan
	// of this user. Default: none [S]. It goes before PoolLocationProfile.
	UserLocationProfile string `json:"user_location_profile,omitempty"`
	// PoolLocationProfile (ucLocationProfile) is the dial plan of the pool.
	// Default: none [S].
	PoolLocationProfile string `json:"pool_location_profile,omitempty"`
	// Organization (organization) is the text beside help. Default: none [S].
	Organization string `json:"organization,omitempty"`

	Lock     Lock     `json:"lock"`
	Exchange Exchange `json:"exchange"`
	QoS      QoS      `json:"qos"`
	Logging  Logging  `json:"logging"`
	Media    Media    `json:"media"`
	Policy   Policy   `json:"policy"`

	// SIPSecurity (ucEnableSIPSecurityMode) Low, Medium or High. Default: High,
	// TLS with signed NTLM or Kerberos [S trace].
	SIPSecurity Level `json:"sip_security"`

	// absInternalServerUrl, absExternalServerUrl: files to download; no flag of its own
	AddressBook      Service `json:"address_book"`
	AddressBookQuery Service `json:"address_book_query"` // abwqInternalUrl, abwqExternalUrl, absWebServiceEnabled: R2
	GroupExpansion   Service `json:"group_expansion"`    // dlxInternalUrl, dlxExternalUrl, dlxEnabled
	// updatesServerInternalUrl, updatesServerExternalUrl, updatesServerEnabled
	Updates  Service `json:"updates"`
	Helpdesk Service `json:"helpdesk"` // helpdeskInternalUrl, helpdeskExternalUrl; no flag of its own

	// VoiceMailURI (voiceMailUri) is what the voice mail key calls. Default:
	// sip:<user>;opaque=app:voicemail [S]. Only for a user with UM.
	VoiceMailURI string `json:"voice_mail_uri"`
	// FocusFactoryURI (focusFactoryUri) creates conferences. Default:
	// sip:<user>;gruu;opaque=app:conf:focusfactory [S].
	FocusFactoryURI string `json:"focus_factory_uri"`
	PoolURI         string `json:"pool_uri,omitempty"` // poolUri, the pool's GRUU. Default: none [S]
	// mrasUri, asked by SERVICE for credentials of the A/V Edge. Default: none, there is no A/V
	// Edge [S]
	MRASURI string `json:"mras_uri,omitempty"`
	// qosUri, where call quality is reported. Default: none, no reports [S]
	QoSURI string `json:"qos_uri,omitempty"`
	// CallParkURI (callParkServerUri) is R2's parking orbit service. Default: none [S].
	CallParkURI string `json:"call_park_uri,omitempty"`
	// TestCallURI (botSipUriForTestCall) is the address of test calls. Default: none [S].
	TestCallURI string `json:"test_call_uri,omitempty"`

	Warnings []Warning `json:"warnings,omitempty"` // of the documents and of their values
}

// Lock says when and how the phone locks itself.
type Lock struct {
	// Enforced (ucEnforcePinLock): the phone locks after Idle. Default: true [S].
	Enforced bool `json:"enforced"`
	// MinPINLength (ucMinPinLength) digits, 4..15. Default: 6 [S trace, D]. A
	// stored PIN that is shorter must be replaced at the next lock or unlock.
	MinPINLength int `json:"min_pin_length"`
	// Idle (ucPhoneTimeOut) whole minutes without a touch, 0..60. Default: 10
	// minutes [S]. 0 is no automatic lock [guess].
	Idle time.Duration `json:"idle_ns"`
}

// Exchange says how the phone polls the user's mailbox.
type Exchange struct {
	// Poll (ucExchangeMWIPoll) whole minutes, 0..60. Default: 3 minutes [S, the
	// WMI property AllowCalendarAccess]. 0 is never: no voice mail lamp, call
	// log or calendar.
	Poll time.Duration `json:"poll_ns"`
}

// QoS says how voice packets are marked and calls are measured.
type QoS struct {
	// DSCP (ucDiffServVoice) 0..63 of RTP. Default: 40 [S trace, WMI].
	DSCP int `json:"dscp"`
	// Priority (ucVoice802_1p) 0..7 of the Ethernet frame. Default: 0 [S trace, WMI].
	Priority int `json:"priority_802_1p"`
	// Enabled (qosEnabled): call quality is reported to QoSURI. Default: true if
	// the pool names a qosUri [guess: OCS 2007 sends no flag].
	Enabled bool `json:"enabled"`
	// InCall (enableInCallQoS): reports during the call too. Default: false [S].
	InCall bool `json:"in_call"`
	// InCallInterval (inCallQoSIntervalSeconds) 10..3600 whole seconds. Default: 35 s [guess].
	InCallInterval time.Duration `json:"in_call_interval_ns"`
}

// Logging says what the device logs.
type Logging struct {
	// UserEnabled (ucEnableUserLogging): the user may switch it on. Default: false [guess].
	UserEnabled bool `json:"user_enabled"`
	// Level (loggingLevel) Off, Low, Medium or High. Default: Off [S].
	Level Level `json:"level"`
}

// Level is a setting of Off, Low, Medium or High.
type Level string

// Levels. SIPSecurity is never Off.
const (
	Off    Level = "Off"
	Low    Level = "Low"
	Medium Level = "Medium"
	High   Level = "High"
)

// Encryption is the SRTP policy of calls.
type Encryption string

// Policies of encryption, spelled as on the wire.
const (
	RequireEncryption      Encryption = "RequireEncryption"
	SupportEncryption      Encryption = "SupportEncryption"
	DoNotSupportEncryption Encryption = "DoNotSupportEncryption"
)

// PortRange is a range of UDP ports, both ends included. A valid one holds at
// least an RTP and an RTCP port.
type PortRange struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Media are the settings of the audio of calls.
type Media struct {
	// Encryption (ucPC2PCAVEncryption) applies to calls in both directions.
	// Default, also for an unknown name: RequireEncryption [S, the
	// default of 2007].
	Encryption Encryption `json:"encryption"`
	// RangeEnabled (ucPortRangeEnabled): the pool's ports are used. Default: false
	// [S]; then the port elements are ignored.
	RangeEnabled bool `json:"range_enabled"`
	// Ports (ucMinAudioPort..ucMaxAudioPort where a Lync pool gives them, else
	// ucMinMediaPort..ucMaxMediaPort) of RTP and RTCP, 1..65535. Default:
	// 1024..65535 [guess].
	Ports PortRange `json:"ports"`
}

// Policy says what the user may do (group ucPolicy,
// docs/protocol/sip-services.md#properties-of-ucpolicy). The pool enforces it; the
// phone does not offer what the pool would refuse.
type Policy struct {
	// AllowSimultaneousRinging: the user may ring another number too (R2.0). Default: true [S, the
	// default policy]
	SimultaneousRing bool `json:"simultaneous_ring"`
	// AllowCallForwarding: to other targets than voice mail. Default: true [S, the default policy]
	CallForwarding bool `json:"call_forwarding"`
	// EnableCallTransfer, R2. Default: true [guess: 2007 has no such limit]
	CallTransfer bool `json:"call_transfer"`
	// EnableTeamCall, R2. Default: false: a pool that does not name it has no such service [guess]
	TeamCall           bool `json:"team_call"`
	Delegation         bool `json:"delegation"`           // EnableDelegation, R2. Default: false [guess]
	CallPark           bool `json:"call_park"`            // EnableCallPark, Lync. Default: false [guess]
	MaliciousCallTrace bool `json:"malicious_call_trace"` // EnableMaliciousCallTrace, Lync. Default: false [guess]
}

// Service is a web service of the pool with an address for each place.
type Service struct {
	// Enabled by the service's flag. Default: true if the pool gives an address
	// at all [guess: OCS 2007 sends no flag for most].
	Enabled  bool   `json:"enabled"`
	Internal string `json:"internal,omitempty"` // http or https. Default: none [S]
	External string `json:"external,omitempty"` // http or https. Default: none [S]
	// URL is the one to use: External for a remote user, Internal for others,
	// never the other one; empty if it was not given or Enabled is false.
	URL string `json:"url,omitempty"`
}

// LocationProfile returns the name of the user's dial plan (R12.1): the user's own,
// else the pool's. Empty means the pool's default profile.
func (s Settings) LocationProfile() string {
	return cmp.Or(s.UserLocationProfile, s.PoolLocationProfile)
}

// SMTPDomain returns the domain in which Exchange is searched for (R9.1), in lower
// case; empty if PrimaryEmail is empty or not an address.
func (s Settings) SMTPDomain() string {
	_, domain, _ := mailAddress(s.PrimaryEmail)
	return strings.ToLower(domain)
}
