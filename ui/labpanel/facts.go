package labpanel

import "time"

// Places to plug the phone into.
const (
	Unplugged = ""
	Inside    = "inside"
	Outside   = "outside"
)

// Facts are what the panel shows of phone, lab and story at one moment.
type Facts struct {
	Place         string // where the phone is plugged in
	SignedIn      bool   // nothing is left of the sign-in
	Trusted       []Root // what the phone trusts, in the order in which it was installed
	Failure       string // why the last sign-in failed, and what to change; "": it did not
	PoolPublished bool   // the pool's root is in Active Directory
	EdgePublished bool   // the Edge's root is in Active Directory

	Time         time.Time         // of the servers
	Accounts     map[string]string // by user: the ID of an account state
	Faults       map[string]string // by the ID of a server: that of its fault; absent: none
	Certificates map[string]string // by the ID of a server: that of its certificate; absent: a good one

	Story []Act  // the same acts in the same order each time
	Next  string // what to do to bring the story on
	Press string // the ID of the button to press for that; "": none of them
}

// Root is a certificate that the phone trusts.
type Root struct {
	Subject    string
	Source     string // where it came from, in words
	Downloaded bool   // a paper clip removes it
}

// Act is an act of the story that the card shows.
type Act struct {
	ID, Title string
	Done      bool // it has happened
	Now       bool // it is the one to play
}

// Choices are what can be changed in a lab.
type Choices struct {
	Users    []string // that can sign in, by name
	Accounts []Choice // states of an account; the first one is that of an account that can sign in
	Servers  []Server
	Shell    string // what a shell runs so that `ocphone lab` changes this lab; "": nothing does
	NoShell  string // why Shell is empty
}

// Choice is something that can be chosen, with one sentence or less of text.
type Choice struct{ ID, Text string }

// Server is a server of the lab. The choices that mean "as it should be" have an
// empty ID and are not listed.
type Server struct {
	ID, Name     string
	Faults       []Choice
	Certificates []Choice // none: the phone does not see its certificate
}

// ExchangeServer and SelfSigned are the IDs of the server and of its certificate
// that have a row of their own: a certificate that Exchange has signed itself is
// the usual one (R1.6).
const (
	ExchangeServer = "exchange"
	SelfSigned     = "self-signed"
)
