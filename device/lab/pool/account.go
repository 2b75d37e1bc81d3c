package pool

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ocphone/ocphone/device/lab/directory"
	"github.com/ocphone/ocphone/device/sipwire"
	"github.com/ocphone/ocphone/provisioning/roaming"
)

// Bounds of what the pool keeps for one user. All of it must fit in one message.
const (
	maxPublications = 512
	maxPublished    = 512 << 10 // bytes of all bodies
	maxContainers   = 64
	maxMembers      = 1024 // of all containers
	maxAcknowledged = 1024
)

// slot is where something is published (ocs-sip.md 5.1).
type slot struct {
	category            string
	instance, container uint32
}

// What the pool itself publishes for a user (ocs-sip.md 5.2, 5.4).
var (
	slotProperties = slot{"userProperties", 0, 1}
	slotCard       = slot{"contactCard", 0, 0} // the identity of the directory
	slotAggregate  = slot{"state", 1, 2}
)

// publication is what stands in a slot.
type publication struct {
	version    uint32
	expireType string
	at         time.Time
	until      time.Time // of expireType time
	epid       string    // who published it; "" is the pool
	body       string    // the element within; of the pool's own, what it was made from
}

type container struct {
	version uint32
	members []roaming.Member
}

// account is what the pool keeps for a user while it runs. Its lock is held
// until a change is answered and told, so that all endpoints see all changes in
// order; the Server's lock may be taken under it, not the other way round.
type account struct {
	pool    *Server
	address string // lower case

	mu            sync.Mutex
	publications  map[slot]*publication
	containers    map[uint32]container
	acknowledged  map[string]bool          // watchers that the user was told of, lower case
	subscriptions map[string]*subscription // by epid and event
	contacts      roaming.ContactList      // as it was last told
	notifications []notification           // to send before the lock is given back
}

// unlock gives the lock back when everybody has been told.
func (a *account) unlock() {
	sendAll(a.notifications)
	a.notifications = nil
	a.mu.Unlock()
}

// account returns that of a user of the directory.
func (s *Server) account(address string) *account {
	key := strings.ToLower(address)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[key]
	if a == nil {
		a = newAccount(s, key)
		s.accounts[key] = a
	}
	return a
}

func newAccount(s *Server, address string) *account {
	return &account{pool: s, address: address, publications: map[slot]*publication{}, containers: map[uint32]container{},
		acknowledged: map[string]bool{}, subscriptions: map[string]*subscription{}}
}

// endpointsRemoved follows the end of registrations of a user: what his endpoints had
// published goes with them, and those that are left are told.
func (s *Server) endpointsRemoved(address string) {
	s.mu.Lock()
	a := s.accounts[strings.ToLower(address)]
	s.mu.Unlock()
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.unlock()
	a.notifyCategories("", a.refresh())
}

// endpointConns are the connections of the user's registered endpoints, by epid.
func (s *Server) endpointConns(address string) map[string]*sipwire.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]*sipwire.Conn{}
	for _, b := range s.liveBindings(strings.ToLower(address)) {
		all[b.EPID] = b.conn
	}
	return all
}

// categorySet are the names of categories.
type categorySet map[string]bool

// refresh lets go what has expired and writes anew what the pool publishes of
// the directory and of all endpoints. An expiry shows when somebody looks.
func (a *account) refresh() categorySet {
	now, live := a.pool.Clock.Now(), a.pool.endpointConns(a.address)
	names := categorySet{}
	for at, p := range a.publications {
		gone := false
		switch p.expireType {
		case "endpoint":
			gone = live[p.epid] == nil
		case "user":
			gone = len(live) == 0 && p.epid != ""
		case "time":
			gone = !p.until.After(now)
		}
		if gone {
			delete(a.publications, at)
			names[at.category] = true
		}
	}
	for key, sub := range a.subscriptions {
		switch over := !sub.until.After(now); {
		case live[sub.epid] != sub.sipConn, over && !sub.autoExtend:
			delete(a.subscriptions, key)
		case over: // com.microsoft.autoextend
			sub.until = now.Add(sub.duration)
		}
	}
	u, _ := a.pool.dir.UserBySIP(a.address)
	a.publishOwn(slotProperties, "static", u.LineURI+"\n"+u.EUM, names)
	a.publishOwn(slotCard, "static", u.DisplayName+"\n"+u.Mail, names)
	a.publishOwn(slotAggregate, "user", fmt.Sprint(aggregate(a.publications, len(live))), names)
	return names
}

// now is the pool's time, as precise as publishTime is.
func (a *account) now() time.Time { return a.pool.Clock.Now().Truncate(time.Millisecond) }

// publishOwn is a publication of the pool, whose version counts the changes.
func (a *account) publishOwn(at slot, expireType, source string, names categorySet) {
	have := a.publications[at]
	if have != nil && have.body == source {
		return
	}
	version := uint32(1)
	if have != nil {
		version = have.version + 1
	}
	a.publications[at] = &publication{version: version, expireType: expireType, at: a.now(), body: source}
	names[at.category] = true
}

// selfDocument is the user as his endpoints are told, after settle.
func (a *account) selfDocument() roaming.Self {
	u, _ := a.pool.dir.UserBySIP(a.address)
	live := len(a.pool.endpointConns(a.address))
	self := roaming.Self{Address: cmp.Or(u.SIP, a.address), DisplayName: u.DisplayName, Email: u.Mail,
		EUM: u.EUM, UM: u.EUM != "", Availability: aggregate(a.publications, live)}
	if self.TelephonyMode = "None"; u.LineURI != "" {
		self.Lines, self.TelephonyMode = []roaming.Line{{Number: u.LineURI, Kind: roaming.Uc}}, "Uc"
	}
	for at, p := range a.publications {
		pub := roaming.Publication{Category: at.category, Instance: at.instance, Container: at.container,
			Version: p.version, Expire: p.expireType, Published: p.at}
		if p.epid != "" {
			pub.Body = p.body
		}
		self.Publications = append(self.Publications, pub)
	}
	slices.SortFunc(self.Publications, func(x, y roaming.Publication) int {
		return strings.Compare(fmt.Sprintf("%s %10d %10d", x.Category, x.Container, x.Instance), fmt.Sprintf("%s %10d %10d", y.Category, y.Container, y.Instance))
	})
	for _, id := range slices.Sorted(maps.Keys(a.containers)) {
		c := a.containers[id]
		self.Containers = append(self.Containers, roaming.Container{ID: id, Version: c.version, Members: c.members})
	}
	for _, w := range a.pool.dir.Watchers(u.SIP) {
		known := a.acknowledged[strings.ToLower(w.SIP)] ||
			slices.ContainsFunc(u.Contacts, func(c directory.Contact) bool { return strings.EqualFold(c.Address, w.SIP) })
		self.Watchers = append(self.Watchers, roaming.Watcher{Address: w.SIP, DisplayName: w.DisplayName, Acknowledged: known, Type: "sameEnterprise"})
	}
	return self
}

// contactList is the user's list of the directory (ocs-sip.md 6): the group
// "~" first, then his own in the order in which contacts name them.
func (a *account) contactList() roaming.ContactList {
	u, _ := a.pool.dir.UserBySIP(a.address)
	list := roaming.ContactList{Groups: []roaming.Group{{ID: 1, Name: "~"}}}
	ids := map[string]uint32{"~": 1}
	for _, c := range u.Contacts {
		contact := roaming.Contact{Address: c.Address, Name: c.Name, Subscribed: true}
		for _, name := range append([]string{"~"}, c.Groups...) {
			if ids[name] == 0 {
				ids[name] = uint32(len(ids) + 1)
				list.Groups = append(list.Groups, roaming.Group{ID: ids[name], Name: name})
			}
			if !slices.Contains(contact.Groups, ids[name]) {
				contact.Groups = append(contact.Groups, ids[name])
			}
		}
		list.Contacts = append(list.Contacts, contact)
	}
	return list
}
