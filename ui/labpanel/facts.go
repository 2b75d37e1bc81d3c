package labpanel

import "github.com/ocphone/ocphone/device/journal"

// Places to plug the phone into.
const (
	Unplugged = ""
	Inside    = "inside"
	Outside   = "outside"
)

// Facts are what phone and lab report at one moment, and how far the story is.
type Facts struct {
	Place      string       // where the phone is plugged in
	On         bool         // the phone has power
	SignedIn   bool         // ready: nothing is left to do
	Busy       bool         // signing in, or about to try again
	Refused    journal.Code // why somebody must act; "": nobody must
	Remote     bool         // signed in through the Edge
	Trusted    []Root       // what the phone trusts, in the order it came
	Pool, Edge LabRoot      // the roots of the deployment
	Exchange   Certificate
	Story      []Act  // the story, the same acts in the same order each time
	Next       string // what to do to bring the story on
}

// Root is a certificate that the phone trusts.
type Root struct {
	Subject    string
	Source     string // where it came from, in words
	Downloaded bool   // downloaded: a paper clip takes it away
}

// LabRoot is a root of the deployment.
type LabRoot struct {
	Subject   string
	Published bool // it stands in Active Directory
	Trusted   bool // the phone has it
}

// Certificate is what a server of the lab shows.
type Certificate string

// Certificates of Exchange.
const (
	NoServer   Certificate = ""
	Good       Certificate = "good"
	SelfSigned Certificate = "self-signed"
)

// Act is an act of the story that the card shows.
type Act struct {
	ID, Title string // the ID begins with "act."
	Done      bool   // it has happened
	Now       bool   // it is the one to play
}
