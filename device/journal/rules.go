package journal

// Rule is a behaviour of the phone that steps and pages cite by its id.
type Rule struct {
	ID    string `json:"id"`
	Title string `json:"title"` // half a sentence in lower case
	Text  string `json:"text"`
}

// rules are those of Jens Trier Rasmussen's blog on Office Communications
// Server 2007 and Office Communicator 2007 Phone Edition (2008).
var rules = []Rule{
	{"R1.1", "roots come from the factory or from Active Directory",
		"The phone leaves the factory with public roots. Any other root must be published in Active Directory, " +
			"below CN=Certification Authorities,CN=Public Key Services,CN=Services,CN=Configuration, " +
			"where `certutil -f -dspublish ROOT.cer RootCA` puts it. The phone installs every root that it finds there, " +
			"not only the one that it needs."},
	{"R1.2", "Active Directory is asked only when a root is missing",
		"The phone asks Active Directory for roots only when the certificate of its server leads to none that it holds. " +
			"While a stored root satisfies the pool, the phone does not ask again, so a root that is published later, " +
			"say that of the Edge, never arrives. The reset hole ends this (R1.3)."},
	{"R1.3", "the reset hole empties the certificate store",
		"A paper clip pushed into the small hole on the back, between the USB and the headset connector, " +
			"empties the certificate store. Downloaded roots go, the factory roots stay. " +
			"At the next sign-in inside, the phone asks Active Directory again if its pool needs a root."},
	{"R1.4", "a new root of the Edge takes a reset and one sign-in inside",
		"Publish the new root in Active Directory, push the paper clip, and sign in once inside, " +
			"where all published roots arrive. Then the phone can go outside and sign in through the Edge. " +
			"Without the reset the last step fails; `ocphone demo` shows it."},
	{"R1.5", "roots need a domain controller, and DOMAIN\\user is the safer name",
		"To download roots the phone must find a domain controller, by DNS or by NetBIOS, and must reach it. " +
			"With a user name of the form user@suffix the download can fail where DOMAIN\\user works. " +
			"The phone shows this to the user."},
	{"R1.6", "a self-signed certificate is not trusted",
		"Exchange installs a self-signed certificate by default, which no authority has issued. " +
			"The phone does not talk to a server that presents one, and offers neither prompt nor override."},
	{"R9.1", "Exchange is found by address records only",
		"The domain is that of the user's primary e-mail address, which the pool provides. " +
			"The phone asks https://DOMAIN/autodiscover/autodiscover.xml, then " +
			"https://autodiscover.DOMAIN/autodiscover/autodiscover.xml, then follows a redirect from http to https. " +
			"It uses no service connection point of Active Directory and no SRV record."},
	{"R9.2", "Exchange Web Services show what the mailbox holds",
		"Autodiscover returns the addresses of the Exchange Web Services. " +
			"With them the phone shows the user's Outlook contacts, call logs and voice mails."},
	{"R9.3", "how to check Exchange by hand",
		"The address records exist; each URL answers XML with 600 Invalid Request to a browser; " +
			"the certificates are trusted and not self-signed; a full Autodiscover answers; /ews/exchange.asmx answers."},
	{"R12.1", "normalization rules come with the sign-in",
		"The pool sends the rules of the user's location profile at sign-in. " +
			"The phone loads them again every 8 hours, so a changed rule can take that long to arrive."},
	{"R12.2", "front ends read the rules every 5 minutes",
		"The rules live in Active Directory. Each front end of the pool reads them from its own domain controller every 5 " +
			"minutes, so two front ends can answer differently while a change replicates."},
	{"R14.1", "the phone needs OCS 2007 and a user with enhanced presence",
		"Clients of 2007, the phone among them, cannot sign in to Live Communications Server 2005 SP1, nor on OCS 2007 as " +
			"a user who is not enabled for enhanced presence. Clients of 2005 can, until a client of 2007 has signed in as " +
			"that user (R14.2)."},
	{"R14.2", "the first sign-in of a client of 2007 sets the enhanced presence mode",
		"A user who is created on OCS 2007 is enabled for enhanced presence; a user who was moved there is not. The first " +
			"client of 2007 that signs in sets the mode, and locks clients of 2005 out. What is enabled cannot be disabled."},
}

// Rules returns all rules in the order of their ids.
func Rules() []Rule { return append([]Rule(nil), rules...) }

// RuleNamed finds a rule by its id; ok is false if there is none.
func RuleNamed(id string) (r Rule, ok bool) {
	for _, r := range rules {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}
