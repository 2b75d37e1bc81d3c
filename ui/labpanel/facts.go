package labpanel

// Places to plug the phone into.
const (
	Unplugged = ""
	Inside    = "inside"
	Outside   = "outside"
)

// Facts are what the panel shows of phone, lab and story at one moment.
type Facts struct {
	Place         string // where the phone is plugged in
	Trusted       []Root // what the phone trusts, in the order in which it was installed
	PoolPublished bool   // the pool's root is in Active Directory
	EdgePublished bool   // the Edge's root is in Active Directory
	Exchange      Certificate
	Story         []Act  // the same acts in the same order each time
	Next          string // what to do to bring the story on
}

// Root is a certificate that the phone trusts.
type Root struct {
	Subject    string
	Source     string // where it came from, in words
	Downloaded bool   // a paper clip removes it
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
