package journal

import "strings"

// Term is a word of this field or of this project, with its meaning.
type Term struct {
	Word    string `json:"word"`
	Meaning string `json:"meaning"`
}

var terms = []Term{
	{"address map",
		"Where the names and ports of a lab's deployment really listen: name:port to address:port on loopback."},
	{"Autodiscover",
		"The protocol by which a client finds the user's Exchange from his e-mail address (MS-OXDSCLI, R9.1)."},
	{"CAS", "Client Access Server: the Exchange server that answers Autodiscover and Exchange Web Services."},
	{"code", "The stable name of a failure, such as cert.untrusted. Scripts wait for it with --expect."},
	{"dial plan", "The normalization rules of a location profile, in their order."},
	{"Edge", "The server through which endpoints outside sign in. It listens on port 443."},
	{"endpoint", "One device or program of a user at the pool. A user can have several."},
	{"epid",
		"The identifier of an endpoint in the From and To headers of SIP (MS-SIPRE). It is the same at each " +
			"sign-in of one device."},
	{"EWS", "Exchange Web Services: the SOAP protocol that shows contacts, call log, voice mail and calendar (R9.2)."},
	{"factory", "As made: the factory root set is what a new phone trusts, and a factory reset also removes the user."},
	{"firmware profile",
		"How one build of the phone's software behaves, with the certainty of each value (ocphone version --guesses)."},
	{"flash",
		"The phone's memory that survives a power cut: identity, downloaded roots, last user, dial plan, " +
			"answer of Autodiscover, lock, preferences."},
	{"front end", "One server of a pool."},
	{"GRUU",
		"Globally Routable User Agent URI: the address of this endpoint and of no other of the user (RFC 5627, MS-SIPRE)."},
	{"journal", "All steps of a phone, in order."},
	{"lab", "The deployment that ocphone runs in one process: DNS, Active Directory, time, pool and Edge, Exchange."},
	{"location profile", "The document in which the pool sends the dial plan (MS-SIPRE 3.8, R12.1)."},
	{"normalization rule",
		"A .NET regular expression and a translation. It makes a number in E.164 form of what was dialled."},
	{"place", "Where the phone's cable is plugged in. The lab has two: inside and outside."},
	{"policy",
		"The rules of a verdict: today (crypto/x509) or 2007 (as the firmware: SHA-1 and common names; on " +
			"1.0.x no SHA-2)."},
	{"pool", "The OCS 2007 servers that an endpoint registers with, under one name."},
	{"ready", "Signed in, and each later step has succeeded, was decided against, or left a warning."},
	{"reset hole",
		"The small hole between the USB and the headset connector. A paper clip in it removes downloaded roots (R1.3)."},
	{"root", "A certificate that is trusted without another certificate above it."},
	{"root set", "The roots that a phone has when it leaves the factory."},
	{"sign-in address", "The SIP address of the user: user@domain. The user name can be another."},
	{"step",
		"One decision of the phone: what was asked, who answered, what was decided, because of which rule, " +
			"and what to change."},
	{"UPN", "User principal name: the form user@suffix of a user name. DOMAIN\\user is the other form (R1.5)."},
	{"verdict",
		"Whether a certificate is trusted, under both policies, with the evidence for each certificate of its chain."},
	{"warning", "A step that did not succeed after the sign-in. The phone stays ready; the exit code is 0."},
}

// Terms returns all terms in alphabetical order.
func Terms() []Term { return append([]Term(nil), terms...) }

// TermNamed finds a term by its word, without regard to case; ok is false if
// there is none.
func TermNamed(word string) (t Term, ok bool) {
	for _, t := range terms {
		if strings.EqualFold(t.Word, word) {
			return t, true
		}
	}
	return Term{}, false
}
