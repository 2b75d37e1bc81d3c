package journal

// proveWithCurl repeats a request to Exchange.
const proveWithCurl = `curl --ntlm -u "DOMAIN\user" -i URL, with the URL of the step; ` +
	`the answer holds the server's text.`

// pages has one page for each code; [Code.Page] sets Page.Code.
var pages = map[Code]Page{
	Internal: {Title: "a defect of ocphone",
		Cause:  "Something failed that has no code of its own. The defect is in the emulator, not in a server.",
		Prove:  "Run the same command with --json and read the last step.",
		Change: "Report it with the JSON steps; they hold no secrets.", Rule: "every failure has a code of its own"},
	Usage: {Title: "the command cannot work as it was called",
		Cause: "An option is missing, contradicts another, or has a value out of range.",
		Prove: "The message names the option.", Change: "Call it again as `ocphone COMMAND --help` shows.",
		Rule: "exit code 2"},
	Timeout: {Title: "the time limit ran out",
		Cause:  "The expected event did not happen within --timeout. Network failures are retried until then.",
		Prove:  "The last line says what the phone was waiting for, and since when; the step before it, what came last.",
		Change: "Correct what the last step names, or give more time with --timeout.", Rule: "exit code 3", Retry: true},

	NetUnplugged: {Title: "the phone is not plugged in", Cause: "No cable is in the LAN jack.",
		Prove: "The network step is missing from the journal.", Change: "Plug the phone in.",
		Rule: "the phone asks nothing before it is plugged in", Retry: true},
	DNSNoServer: {Title: "no DNS server answers",
		Cause: "DHCP gave no DNS server, the servers that it gave do not run, or a firewall blocks them.",
		Prove: "dig @SERVER example.com SOA, with your own domain and from the phone's network.",
		Change: "Let the servers that the step names answer on UDP and TCP 53, or give the phone another one: DHCP option " +
			"6 for a real phone, --dns ADDR for this one.",
		Rule: "OCS 2007 R2 documentation, DNS for Communicator Phone Edition", Retry: true},
	DNSNoRecords: {Title: "the name or record does not exist",
		Cause: "The DNS server answered NXDOMAIN, or has the name but not the record that was asked for. If the phone " +
			"has a DNS suffix, it has asked again with that appended.",
		Prove: "dig @SERVER NAME TYPE with the name that the step shows.",
		Change: "Create the record that the step names in the zone that the phone sees: inside and outside have " +
			"different ones.",
		Rule: "OCS 2007 R2 documentation, DNS for Communicator Phone Edition"},
	DNSRefused: {Title: "the DNS server refused or failed the query",
		Cause: "REFUSED: the server does not serve that zone for this client. SERVFAIL: it could not resolve the name " +
			"itself.",
		Prove:  "dig @SERVER NAME TYPE shows the same status.",
		Change: "Point the phone to a server that serves the domain, or correct that server's forwarding.",
		Rule:   "RFC 1035 4.1.1 (RCODE)", Retry: true},
	NoCandidate: {Title: "no server was found for the SIP domain",
		Cause: "None of the names that the phone asks DNS for gave a server. The phone has no setting for a server's name.",
		Prove: "The discovery steps list each name asked and its answer; repeat them with dig.",
		Change: "Create the SRV record _sipinternaltls._tcp.<SIP domain> inside, _sip._tls.<SIP domain> outside, each " +
			"pointing to a host in the SIP domain.",
		Rule: "OCS 2007 R2 documentation, DNS for Communicator Phone Edition"},
	OutsideDomain: {Title: "the name of the server lies outside the SIP domain",
		Cause: "A phone accepts a server from DNS or from a redirect only if its name lies in the SIP domain (strict " +
			"naming); otherwise one forged answer could send it anywhere.",
		Prove: "dig NAME SRV: the target ends in another domain than the sign-in address. For a redirect, the register " +
			"step shows the target.",
		Change: "Give the server a name in the SIP domain and a certificate with that name, or allow it with " +
			"--allow-outside if you know the target.",
		Rule: "no server outside the SIP domain unless it is allowed"},
	ConnRefused: {Title: "the connection was refused",
		Cause:  "The host is there, but nothing listens on that port, or a firewall answers with a reset.",
		Prove:  "nc -vz HOST PORT, from the phone's network.",
		Change: "Start the service, or open the port: 5061 to the pool inside, 443 to the Edge outside.", Rule: "RFC 9293",
		Retry: true},
	ConnTimeout: {Title: "the host did not answer the connection attempt",
		Cause: "A firewall drops the packets, the host is down, or the address is wrong. If the address is private (RFC " +
			"1918), a phone outside cannot reach it: a DNS record of the inside is visible outside.",
		Prove: "nc -vz -w 5 HOST PORT hangs until its time-out.",
		Change: "Check the address that the step shows, then the firewalls on the way. Outside, remove the records of the " +
			"inside from the DNS that is visible there.",
		Rule: "RFC 9293", Retry: true},
	ConnFailed: {Title: "the host could not be reached",
		Cause: "The network reported another error than a refusal or a time-out, such as no route to the host, or the " +
			"connection ended while it was being set up, such as in the TLS handshake. If the address is private (RFC 1918), " +
			"a phone outside cannot reach it: a DNS record of the inside is visible outside.",
		Prove: "The step holds the text of the operating system, and the address.",
		Change: "Check routing and VLAN of the phone's network. Outside, remove the records of the inside from the DNS " +
			"that is visible there.",
		Rule: "RFC 9293", Retry: true},
	TLSFailed: {Title: "the TLS handshake failed",
		Cause: "The two ends share no TLS version or cipher suite, the server sent an alert, or what listens there does " +
			"not speak TLS. The 2007 firmware speaks TLS 1.0 only, firmware today TLS 1.2 or newer; the emulator cannot speak " +
			"SSL 3.0.",
		Prove: "openssl s_client -connect HOST:PORT -servername HOST, with -tls1 for the 2007 firmware.",
		Change: "If the step says that the port speaks no TLS, name the right port in the SRV record. Otherwise enable the " +
			"version that the step names on the server, or choose a firmware profile that speaks the server's (--firmware).",
		Rule: "RFC 5246; versions and suites of the firmware are recalled (ocphone version --guesses)"},
	TimeNone: {Title: "no time server answered",
		Cause: "The servers of the SRV record _ntp._udp in the phone's domains do not answer, or there is no such record, " +
			"and time.windows.com cannot be reached on UDP 123. A phone with a wrong clock refuses every certificate as " +
			"expired or not yet valid.",
		Prove: "dig _ntp._udp.<SIP domain> SRV, then ntpdate -q SERVER.",
		Change: "If the record exists, let the servers that it names answer on UDP 123. Otherwise create the SRV record " +
			"_ntp._udp.<SIP domain> to a domain controller that serves time.",
		Rule: "OCS 2007 R2 documentation, NTP", Retry: true},
	TimeJump: {Title: "a time server moved the phone's clock by more than a day",
		Cause: "The phone's clock was wrong, as after a long time without power, or the time server is wrong. With a wrong " +
			"time good certificates look expired or not yet valid.",
		Prove:  "The time step names the server and the time that it gave; ntpdate -q SERVER, beside another clock.",
		Change: "If the time server is wrong, correct it, or let the SRV record _ntp._udp name another one.",
		Rule:   "RFC 5905; certificates are judged at the phone's time"},
	TimeSkew: {Title: "the clocks of phone and server differ too much",
		Cause:  "The server tolerates 15 minutes with NTLM and 5 with Kerberos.",
		Prove:  "Compare the Date header of the 401 with the phone's time in the time step.",
		Change: "Set phone and servers to the same time source.", Rule: "MS-SIP 3.1; ms-diagnostics 1013 of MS-OCER"},

	CertUntrusted: {Title: "the certificate leads to no trusted root",
		Cause: "The server's certificate was issued, directly or over intermediates, by a root that the phone does not " +
			"hold, or the server leaves an intermediate certificate out. Roots cannot be installed by hand on a phone.",
		Prove: "ocphone check trust HOST shows what the server sends and its issuer beside what Active Directory publishes.",
		Change: "If another CA issued the certificate of the issuer that the step names, let the server send that " +
			"certificate with its own. If it is self-signed, publish it with `certutil -f -dspublish ROOT.cer RootCA`. Then " +
			"let the phone sign in once inside; if it trusts its pool already, push a paper clip into its reset hole before. " +
			"At a registrar without Active Directory give the root with --roots file:ROOT.pem.",
		Rule: "R1.1, R1.2, R1.4"},
	CertSelfSigned: {Title: "the server's certificate is self-signed",
		Cause: "No certificate authority issued it. Exchange installs such a certificate by default. The phone does not " +
			"talk to that server, and it offers neither a prompt nor an override.",
		Prove:  "ocphone check trust HOST (HOST:443 for Exchange): subject and issuer are the same.",
		Change: "Install a certificate of an issuing authority whose root the phone trusts or Active Directory publishes.",
		Rule:   "R1.6"},
	CertExpired: {Title: "a certificate has expired",
		Cause: "The phone's clock is past the end of the validity of the certificate that the step names.",
		Prove: "openssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -dates; compare with the time step.",
		Change: "If the time step shows a wrong time, correct the time server that it names first. Else renew the " +
			"certificate that the step names; publish a renewed root.",
		Rule: "RFC 5280 4.1.2.5"},
	CertNotYetValid: {Title: "a certificate is not valid yet",
		Cause:  "By the phone's clock the certificate in the step is not valid yet. Usually the clock is wrong.",
		Prove:  "Compare notBefore with the phone's time in the time step.",
		Change: "Correct the phone's time source, or wait.", Rule: "RFC 5280 4.1.2.5"},
	CertName: {Title: "the certificate is for another name",
		Cause: "The name that the phone looked up (the SRV target, or the host of --registrar) is not among the names of " +
			"the certificate. Firmware today looks at the subject alternative names only, that of 2007 at the common name if " +
			"there are none.",
		Prove: "openssl s_client -connect HOST:PORT </dev/null | openssl x509 -noout -subject -ext subjectAltName.",
		Change: "Issue the certificate for that name, as a subject alternative name, or let the SRV record, or " +
			"--registrar, lead to a host whose name it bears.",
		Rule: "RFC 6125 6.4"},
	CertOrder: {Title: "the server's certificate is not the first of its chain",
		Cause: "TLS takes the first certificate for the server's. Here that is another one, and the certificate with the " +
			"server's name comes later, as in a file that was joined root first.",
		Prove: "openssl crl2pkcs7 -nocrl -certfile CHAIN.pem | openssl pkcs7 -print_certs -noout lists the subjects in " +
			"order.",
		Change: "Put the server's certificate first in the file of the chain, and the certificate of each issuer after the " +
			"one that it issued.",
		Rule: "RFC 5246 7.4.2"},
	CertUsage: {Title: "the certificate may not be used by a TLS server",
		Cause: "The extended key usage of the server's certificate or of an issuer lacks serverAuth, or an issuer's key " +
			"usage does not let it sign certificates.",
		Prove:  "openssl x509 -in CERT.pem -noout -ext extendedKeyUsage,keyUsage.",
		Change: "Issue it from the Web Server template of the certificate authority.", Rule: "RFC 5280 4.2.1.3, 4.2.1.12"},
	CertSHA2: {Title: "the certificate is signed with SHA-2",
		Cause:  "Firmware 1.0.x cannot verify SHA-2 signatures; 3.5.x and later can.",
		Prove:  "openssl x509 -in CERT.pem -noout -text | grep 'Signature Algorithm'.",
		Change: "Update the phone's firmware to 3.5.x or later, or issue the chain with SHA-1 for it.",
		Rule:   "Deployment Guide for the Polycom CX700 IP Phone, page 26"},
	CertWeak: {Title: "a signature or key is too weak",
		Cause: "No policy accepts MD5 or an RSA key of less than 1024 bits. Policy today also refuses SHA-1.",
		Prove: "openssl x509 -in CERT.pem -noout -text.",
		Change: "Issue the chain again with SHA-256 and RSA 2048 or ECDSA P-256; for a phone of 2007 choose --firmware " +
			"1.0.522.71.",
		Rule: "Baseline Requirements 7.1.3.2; RFC 6151; NIST SP 800-131A"},
	CertConstraint: {Title: "a certificate breaks a constraint of its chain",
		Cause: "An issuer is not a certificate authority, the chain is longer than an issuer allows, the name lies " +
			"outside a name constraint, or a critical extension is unknown.",
		Prove:  "openssl verify -verbose -CAfile ROOT.pem -untrusted CHAIN.pem LEAF.pem.",
		Change: "Issue the chain again without the constraint that the step names.", Rule: "RFC 5280 6.1"},
	CertMalformed: {Title: "a certificate cannot be parsed",
		Cause: "The bytes are not an X.509 certificate, or they break its encoding rules.",
		Prove: "openssl x509 -in CERT.cer -inform der -noout -text.", Change: "Replace the certificate.",
		Rule: "RFC 5280 4.1"},

	ADNoDomain: {Title: "the domain to ask for roots is unknown",
		Cause: "Neither DHCP option 15, nor the user name, nor the sign-in address names a domain.",
		Prove: "The network step shows the DNS suffix that the phone got.", Change: "Set DHCP option 15, or give --domain.",
		Rule: "R1.5"},
	ADNoController: {Title: "no domain controller was found",
		Cause: "DNS has no _ldap records for the domain, and NetBIOS found no controller or was not asked.",
		Prove: "dig _ldap._tcp.dc._msdcs.DOMAIN SRV, with the domain that the step shows.",
		Change: "Publish the SRV record _ldap._tcp.dc._msdcs.DOMAIN in the DNS that the phone asks; a domain controller " +
			"registers its own with `nltest /dsregdns`. If the domain is wrong, correct DHCP option 15 or sign in as " +
			"DOMAIN\\user. Outside no controller can be found, and none must be: roots arrive inside only.",
		Rule: "R1.5; MS-ADTS 6.3.2.3"},
	ADUnreachable: {Title: "no domain controller answers",
		Cause: "TCP 389 to the domain controllers is blocked, they are down or busy, or their names have no address.",
		Prove: "nc -vz DC 389, from the phone's network.",
		Change: "Start a domain controller that the step names, or open TCP 389 from the phone's network to it. From the " +
			"Internet this must fail: roots arrive inside only.",
		Rule: "R1.5", Retry: true},
	ADCredentials: {Title: "the domain controller refused user or password",
		Cause: "The password is wrong, or the controller does not know the user by that name. With a UPN user name the " +
			"download can fail where DOMAIN\\user works.",
		Prove:  "ldapsearch -H ldap://DC -Y GSS-SPNEGO -U user; badPwdCount of the account is one more than before.",
		Change: "Type the password again. If it is right and the user name is a UPN, sign in as DOMAIN\\user.",
		Rule:   "R1.5"},
	ADLocked: {Title: "the account is locked out",
		Cause:  "Too many wrong passwords were tried; a phone somewhere may still try an old one.",
		Prove:  "lockoutTime of the account is not 0.",
		Change: "Unlock the account, and look for the device that keeps trying.", Rule: "MS-ADTS 5.1.1.1 (data 775)"},
	ADDisabled: {Title: "the account is disabled", Cause: "userAccountControl has the flag ACCOUNTDISABLE.",
		Prove: "userAccountControl & 2 of the account.", Change: "Enable the account, or sign in as another user.",
		Rule: "MS-ADTS 5.1.1.1 (data 533)"},
	ADRestricted: {Title: "the account may not log on there",
		Cause: "The password is right. The account is restricted to other hours (data 530) or computers (531), lacks the " +
			"right to log on over the network (569), or may not use NTLM (52f), as members of Protected Users.",
		Prove:  "Event 4625 in the security log of the domain controller names the restriction.",
		Change: "Lift the restriction that the step names, or sign in as another user.",
		Rule:   "MS-ERREF 2.2 (data 52f, 530, 531, 569)"},
	ADExpired: {Title: "the password or the account has expired",
		Cause: "The password is too old (data 532) or must be changed at the next log-on (773), which a phone cannot do, " +
			"or the account itself had an end date (701).",
		Prove: "The step says which; log on at a computer with the account.",
		Change: "For data 532 and 773 change the password at a computer, then sign in with the new one. For data 701 " +
			"remove or extend the end date of the account; the password is not the cause.",
		Rule: "MS-ADTS 5.1.1.1 (data 532, 701, 773)"},
	ADWeakBind: {Title: "the domain controller offers no sealed session",
		Cause: "The domain controller, or somebody in between, offered less than NTLMv2 with extended session security, " +
			"128 bit, key exchange, sign and seal. Over a weaker channel anybody could send roots, so the password was not " +
			"used. Or the controller does not accept NTLM at all.",
		Prove: "The step lists the flags that the challenge lacked, or holds the controller's data 418, 791 or 80090302.",
		Change: "Allow NTLMv2 with 128-bit session security, sign and seal on the controller; look for a device that " +
			"changes LDAP.",
		Rule: "no root over an unauthenticated channel"},
	ADUnverified: {Title: "the domain controller's answer failed verification",
		Cause: "A message did not carry the signature of the session key: it was changed on the way, or the controller " +
			"does not know the password and so is not the real one.",
		Prove:  "Capture port 389 and compare with a download from another network.",
		Change: "Find what changes LDAP between the phone and the controller. The phone did not use that answer.",
		Rule:   "no root over an unauthenticated channel"},
	ADProtocol: {Title: "the LDAP conversation failed",
		Cause: "The answer of the domain controller was malformed or too large, pointed to another server, or refused " +
			"the search or, with an error that is not about the password, the log-on.",
		Prove:  "The step holds the result code and text of the controller.",
		Change: "Act on the text of the controller; check that the user may read the Configuration partition.",
		Rule:   "RFC 4511"},
	ADNoRoots: {Title: "no root is published in Active Directory",
		Cause: "The container Certification Authorities holds no usable certificate: none at all, or none that is a " +
			"self-signed certificate of a CA.",
		Prove: "certutil -viewstore \"ldap:///CN=Certification Authorities,CN=Public Key " +
			"Services,CN=Services,CN=Configuration,DC=…?cACertificate\".",
		Change: "Publish the root at the top of the server's chain: `certutil -f -dspublish ROOT.cer RootCA`. A phone " +
			"installs no certificate of a server or of an intermediate CA from there.",
		Rule: "R1.1"},
	ADNoMatch: {Title: "none of the published roots trusts the server",
		Cause: "Roots came from Active Directory, but the certificate of the server leads to none of them: the server " +
			"leaves an intermediate certificate out, or its root is not published.",
		Prove: "The step names the roots that came and the issuer that was needed.",
		Change: "If another CA issued the certificate of the issuer that the step names, let the server send that " +
			"certificate with its own. If it is self-signed, publish it: `certutil -f -dspublish ROOT.cer RootCA`.",
		Rule: "R1.1"},
	ADEnrolment: {Title: "web enrolment gave no root that the directory confirms",
		Cause: "The enrolment pages did not answer, refused the user, or served a certificate that the directory does " +
			"not hold for that authority. HTTP is not authenticated, so only what the sealed directory confirms is installed.",
		Prove:  "curl --ntlm -u 'DOMAIN\\user' 'http://CA/certsrv/certnew.p7b?ReqID=CACert&Renewal=-1&Enc=b64'.",
		Change: "Publish the root in Active Directory instead: `certutil -f -dspublish ROOT.cer RootCA`.",
		Rule:   "no root over an unauthenticated channel"},

	AuthPassword: {Title: "the server refused user or password",
		Cause: "The password is wrong or the server does not know the user by that name. It was tried once and is not " +
			"tried again, so the account has one bad log-on, not many.",
		Prove:  "badPwdCount of the account: one more than before.",
		Change: "Type the password again; with a UPN, try DOMAIN\\user.", Rule: "R1.5; a password is tried once"},
	AuthNoScheme: {Title: "the server offers no authentication that the phone speaks",
		Cause: "The phone speaks NTLM, and digest with a registrar that is not an OCS pool; the server offered neither.",
		Prove: "The register step lists the schemes of the 401.",
		Change: "Enable NTLM on the pool. If the server is a registrar and not a pool, use --registrar HOST:PORT, and let " +
			"it offer Digest with MD5, SHA-256 or SHA-512-256.",
		Rule: "MS-SIPAE; RFC 3261 22"},
	AuthServer: {Title: "the server could not prove itself",
		Cause: "Its answer was not signed with the session key, or wrongly: the server does not know the password, or " +
			"somebody changed the message.",
		Prove:  "The register step says which message and which signature.",
		Change: "Find what stands between phone and pool; a SIP proxy may not change signed headers.", Rule: "MS-SIPAE"},
	AuthDisabled: {Title: "the account is disabled or locked",
		Cause: "The server knows the user and refuses the sign-in with any password.",
		Prove: "userAccountControl and lockoutTime of the account.", Change: "Enable or unlock the account.",
		Rule: "MS-OCER (ms-diagnostics 4141)"},
	SIPForbidden: {Title: "the server forbids the sign-in (403)",
		Cause: "The server understood the request and refuses it: the user may not sign in from here, or with this " +
			"sign-in address. Many registrars answer a wrong user name or password so.",
		Prove: "The step holds the server's Warning and ms-diagnostics.",
		Change: "At a registrar check user name (--auth-user) and password first. Otherwise act on the server's reason; " +
			"check remote access for the user if the phone is outside.",
		Rule: "RFC 3261 21.4.4"},
	SIPUnknownUser: {Title: "the server does not know the sign-in address (404)",
		Cause: "The user is not enabled for Communications Server, or the sign-in address is not the user's SIP address. " +
			"Some registrars answer a wrong user name or password so.",
		Prove: "msRTCSIP-PrimaryUserAddress and msRTCSIP-UserEnabled of the account.",
		Change: "Enable the user, or sign in with the SIP address that the directory holds. At a registrar check user " +
			"name (--auth-user) and password first.",
		Rule: "RFC 3261 21.4.5"},
	SIPVersion: {Title: "the server declines this client version",
		Cause:  "The client version filter of the pool has a rule for this User-Agent.",
		Prove:  "The step holds the User-Agent sent and ms-diagnostics 17000-17004.",
		Change: "Allow OCPhone and CPE in the client version filter, or update the firmware.",
		Rule:   "MS-OCER (ms-diagnostics 17000 to 17004)"},
	SIPUnavailable: {Title: "the server is temporarily unavailable",
		Cause: "A 480 or 5xx answer: overloaded, restarting, or its own back end is not available. The phone tries again " +
			"with growing intervals, and not before the time in Retry-After, a day at most.",
		Prove: "The step holds the status and ms-diagnostics.", Change: "Look at the server's event log at that time.",
		Rule: "RFC 3261 21.5", Retry: true},
	SIPRejected: {Title: "the server rejected the request",
		Cause: "The server gave a final answer that has no code of its own here.",
		Prove: "The step holds status and reason, and what the server demands: Require, Unsupported, Min-Expires, " +
			"Security-Server.",
		Change: "Act on the reason in the step. If the server gives none, look for the request in its log.",
		Rule:   "RFC 3261 8.1.3"},
	SIPRedirects: {Title: "the sign-in was redirected in a circle",
		Cause: "Servers answered 301 more often than a director and a home pool explain.",
		Prove: "The register steps list each redirect.", Change: "Check the home server of the user.",
		Rule: "RFC 3261 8.1.3.4"},
	SIPMalformed: {Title: "a SIP message could not be parsed",
		Cause: "It breaks RFC 3261, has no Content-Length, or is larger than 1 MiB. The connection was closed.",
		Prove: "The step names the defect.", Change: "Correct the sender.",
		Rule: "RFC 3261 25; a message has at most 1 MiB", Retry: true},
	SIPNoAnswer: {Title: "the server did not answer in time", Cause: "The connection stands, but no final answer came.",
		Prove:  "The step says what the phone waited for. One answer may take a quarter of --timeout.",
		Change: "Look at the server's load and event log. A slow server needs a longer --timeout.",
		Rule:   "RFC 3261 17.1.2", Retry: true},
	SIPLost: {Title: "the connection or the registration was lost",
		Cause: "The server closed the connection, the network failed, or a refresh showed that the registrar had " +
			"forgotten the phone, or a message came twice. The phone registers again with growing intervals.",
		Prove: "The session step says which.",
		Change: "Nothing, if the phone registers again. Otherwise look for firewalls with a short idle time and for " +
			"restarts of the server.",
		Rule: "MS-SIPREGE 3.1.1.5.1", Retry: true},
	SIPDeregistered: {Title: "the server ended the registration",
		Cause:  "The user was disabled, moved, or signed out by an administrator.",
		Prove:  "The session step holds the event and reason of the server's NOTIFY.",
		Change: "Enable the user, then sign in again; the phone of a moved user signs in again by itself.",
		Rule:   "MS-SIPREGE"},
	SIPNoEnhancedPresence: {Title: "the user has no enhanced presence",
		Cause: "The 200 to REGISTER does not support msrtc-event-categories: the user's server is Live Communications " +
			"Server 2005, or the user is on OCS 2007 and not enabled for enhanced presence. A moved user is not enabled.",
		Prove: "The step shows Supported and Allow-Events. In the properties of the user, Communications, Configure: " +
			"enhanced presence.",
		Change: "Enable the user for enhanced presence; move a user of LCS 2005 to a pool of OCS 2007 first. What is " +
			"enabled cannot be disabled: clients of 2005 can no longer sign in once the phone has.",
		Rule: "R14.1, R14.2"},
	SIPNotListed: {Title: "the registrar's answer lists no registration",
		Cause: "The registrar answered 200 without a Contact. It must list the registrations of the address, so it may " +
			"have stored none. Calls would then not reach the phone.",
		Prove: "Look the address up at the registrar: `kamctl ul show USER`, `pjsip show contacts`.",
		Change: "Let the registrar return the Contact of the phone. If it holds no registration, look in its log for why " +
			"it did not store it.",
		Rule: "RFC 3261 10.3"},
	SIPSignOut: {Title: "the server did not confirm the sign-out",
		Cause: "The server refused the REGISTER with Expires: 0, or did not answer it in time. The registration stays " +
			"there until it expires, and calls are sent to a phone that is not there.",
		Prove:  "The session step holds the answer; look the address up at the server.",
		Change: "Nothing, if it may stay until it expires. Otherwise remove the registration at the server.",
		Rule:   "RFC 3261 10.2.2"},

	ProvMalformed: {Title: "the pool's settings cannot be read",
		Cause: "The answer is not XML, has a document type definition, another character set or another root element, or " +
			"is too large or too deep.",
		Prove:  "The step names the document and the defect; compare with the body in the SIP log of the pool.",
		Change: "Correct the profile, or what rewrites the message between pool and phone.",
		Rule:   "MS-SIPREGE 2.2.2, MS-SIPRE 2.2.8", Retry: true},

	ProvNoProfile: {Title: "the pool has no dial plan for the user",
		Cause: "No location profile is bound to the user or the pool, or the profile that is named was deleted. Numbers " +
			"go to the pool as they are dialled, and it may not know what to do with them.",
		Prove: "The step names what was asked. On the pool, look up the location profile in its properties and in the " +
			"user's policy.",
		Change: "Make a location profile with normalization rules and bind it to the pool. It arrives after the front " +
			"end's next look into Active Directory (R12.2) and the phone's next reload.",
		Rule: "R12.1"},

	ProvNoVoice: {Title: "the user is not enabled for Enterprise Voice",
		Cause:  "The pool's data about the user has no line. The phone can show presence, but it cannot call numbers.",
		Prove:  "The step shows the lines that came. In Active Directory the user's msRTCSIP-Line is empty.",
		Change: "Enable the user for Enterprise Voice and give a line URI such as tel:+4544890101;ext=200.",
		Rule:   "MS-PRES"},

	ExchangeNone: {Title: "no Autodiscover service was found",
		Cause: "No address of the e-mail domain leads to an Autodiscover service: the address record is missing, or " +
			"a web page or nothing answers there. The phone does not use service connection points or SRV records.",
		Prove: "Open https://autodiscover.DOMAIN/autodiscover/autodiscover.xml in a browser: a healthy service answers " +
			"XML with 600 Invalid Request.",
		Change: "Create the A record autodiscover.DOMAIN to the Client Access Server, with a certificate for that name; if " +
			"it exists, publish /autodiscover there.",
		Rule: "R9.1", Retry: true},
	ExchangeHTTP: {Title: "the web server answered with an unexpected HTTP status",
		Cause: "A publishing rule, a stopped application pool, or a web server that is not Exchange.",
		Prove: "curl -v URL, with the URL of the step.", Change: "Correct the publishing of /autodiscover and /ews.",
		Rule: "MS-OXDSCLI", Retry: true},
	ExchangeMalformed: {Title: "the answer is not from Exchange",
		Cause: "It is cut off, is not XML, has another character set or a document type definition, or is larger than 1 " +
			"MiB; often it is the page of a proxy.",
		Prove: "curl URL shows the body.", Change: "Correct the server, or the proxy before it.", Rule: "MS-OXDSCLI",
		Retry: true},
	ExchangeError: {Title: "Autodiscover answers with an error",
		Cause:  "The service is there and cannot serve the request (600 to 603).",
		Prove:  "The step shows number and text; Test-OutlookWebServices on the server.",
		Change: "Act on the text; look at the server's event log.", Rule: "MS-OXDSCLI", Retry: true},
	ExchangeMailbox: {Title: "Exchange has no mailbox for the address",
		Cause: "The e-mail address that the pool gave does not belong to a mailbox (500, 501).",
		Prove: "Get-Mailbox ADDRESS.", Change: "Make the user's mail attribute and the address of the mailbox agree.",
		Rule: "MS-OXDSCLI"},
	ExchangeRedirects: {Title: "the redirects of Autodiscover lead to no service",
		Cause: "Redirects go in a circle, more than ten times, or to http.", Prove: "The steps list each hop.",
		Change: "Correct the redirect.", Rule: "R9.1, MS-OXDSCLI"},
	ExchangeNoEWS: {Title: "the settings have no URL of Exchange Web Services",
		Cause: "Autodiscover answers without an https URL of EWS.", Prove: "Get-WebServicesVirtualDirectory | fl *Url.",
		Change: "Set-WebServicesVirtualDirectory -InternalUrl and -ExternalUrl.", Rule: "R9.2"},
	ExchangeAddress: {Title: "there is no e-mail address to search with",
		Cause: "The pool gave none, or what it gave is not an address.", Prove: "The provisioning step shows what arrived.",
		Change: "Set the user's primary e-mail address.", Rule: "R9.1"},
	ExchangeUnreached: {Title: "the Exchange server was not reached",
		Cause: "The connection failed or broke before an answer came, or no answer came in time.", Prove: proveWithCurl,
		Change: "Check the way to the server that the step names, its load and its application pools.", Rule: "R9.2",
		Retry: true},
	ExchangeBusy: {Title: "Exchange is busy or failing for the moment",
		Cause: "The server asks to try again later, or its back end is not available.", Prove: proveWithCurl,
		Change: "Nothing, if it passes; otherwise look at the load and the throttling policy of the server.", Rule: "R9.2",
		Retry: true},
	ExchangeMoved: {Title: "this URL does not lead to the mailbox of the user",
		Cause: "The mailbox was moved, or the URL belongs to another server. The phone asks Autodiscover again.",
		Prove: proveWithCurl, Change: "Nothing, if it passes; otherwise check the answer of Autodiscover.", Rule: "R9.2",
		Retry: true},
	ExchangeDenied: {Title: "Exchange does not let this account use a mailbox",
		Cause: "The account has no mailbox, has no right to it, or Exchange Web Services are switched off for it.",
		Prove: proveWithCurl, Change: "Enable mailbox and EWS for the user (Get-CASMailbox).", Rule: "R9.2"},
	ExchangeGone: {Title: "the item or folder is not there any more",
		Cause: "Somebody has deleted or moved it in the meantime.", Prove: proveWithCurl,
		Change: "Nothing: the next poll shows what is there.", Rule: "R9.2", Retry: true},
	ExchangeRefused: {Title: "Exchange refused the request",
		Cause: "The server names a reason that has no code of its own.", Prove: proveWithCurl, Change: "Act on the reason.",
		Rule: "R9.2"},
	ExchangeForms: {Title: "a proxy asks for a log-on with a web form",
		Cause: "Exchange, or the proxy that publishes it, answers with a web page for the password, which a phone cannot " +
			"fill in.",
		Prove:  proveWithCurl,
		Change: "Publish /ews and /autodiscover with NTLM or Basic authentication and without pre-authentication by a form.",
		Rule:   "R9.2"},
	AuthBinding: {Title: "Extended Protection refused the log-on",
		Cause: "The server requires a log-on that is bound to the TLS connection, and it has another certificate than " +
			"the phone saw: a device between the two ends TLS.",
		Prove:  "The IIS log has 401 with 0x80090346.",
		Change: "Use the same certificate on proxy and server, or set extended protection to None.", Rule: "RFC 5929 4"},
	AuthBlocked: {Title: "NTLM is offered but not accepted",
		Cause:  "The domain restricts NTLM, or the server accepts Kerberos only. The password is not the cause.",
		Prove:  "Event log Microsoft-Windows-NTLM/Operational, events 4001 to 4004.",
		Change: "Make an exception for the server, or enable the NTLM provider.", Rule: "MS-NTHT"},
	AuthDenied: {Title: "the log-on was refused, although the password is good",
		Cause: "Another server has just accepted the password; this one does not: Extended Protection, restricted NTLM, " +
			"or no right to log on there.",
		Prove: "The security log of the server.", Change: "Act on what the log says.", Rule: "MS-NTHT"},
	AuthUnanswered: {Title: "the connection ended in the middle of the log-on",
		Cause: "NTLM needs one connection for all its messages; a proxy without keep-alive closes it.",
		Prove: "curl --ntlm -v URL.", Change: "Allow keep-alive on the way to the server.", Rule: "MS-NTHT", Retry: true},

	FlashBusy: {Title: "this phone is already on", Cause: "Another process uses the same --state directory.",
		Prove:  "Look for another ocphone with that directory.",
		Change: "End the other process, or give this phone a directory of its own.", Rule: "one process has a phone on"},
	FlashDamaged: {Title: "the phone's memory cannot be read",
		Cause: "The file in the --state directory is not a phone's, or something other than the phone damaged it: a " +
			"phone that is killed leaves the old state or the new one whole.",
		Prove:  "The message names the file; nothing was changed in it.",
		Change: "Put back a copy, or move the file away and start with an empty phone.",
		Rule:   "the phone has the old state or the new one, never half"},
	FlashNewer: {Title: "the phone's memory is in a form that this version does not know",
		Cause: "Another version of ocphone, a newer one as a rule, wrote the file in the --state directory, or somebody " +
			"changed it by hand.",
		Prove: "The message names the value. Nothing was changed in the file; ocphone version shows this version.",
		Change: "Use the version that wrote the file, or a newer one; or move phone.db out of the directory and start with " +
			"an empty phone.",
		Rule: "a version that does not know a value does not go on without it"},
	FlashFailed: {Title: "the phone's memory cannot be written",
		Cause: "The disk is full or read-only, or permission is missing. The new data was not saved; the data from " +
			"before is still there.",
		Prove:  "df and ls -l of the --state directory.",
		Change: "Make room, or give the phone a directory that it may write.",
		Rule:   "the phone has the old state or the new one, never half"},
}
