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

// Bounds of the data of one user. All of it must fit in one message.
const (
	maxPublications = 512
	maxPublished    = 512 << 10 // bytes of all bodies
	maxContainers   = 64
	maxMembers      = 1024 // of all containers
	maxAcknowledged = 1024
)

// slot identifies a publication of a user (docs/protocol/presence.md#self-subscription).
type slot struct {
	category            string
	instance, container uint32
}

// The publications that the pool makes itself
// (docs/protocol/presence.md#publishing,
// docs/protocol/presence.md#bodies-of-categories).
var (
	slotProperties = slot{"userProperties", 0, 1}
	slotCard       = slot{"contactCard", 0, 0} // the identity of the directory
	slotAggregate  = slot{"state", 1, 2}
)

// publication is the content of a slot.
type publication struct {
	version    uint32
	expireType string
	at         time.Time
	until      time.Time // of expireType time
	epid       string    // of the endpoint that published it; "" means the pool
	body       string    // the element inside; for the pool's own publications, their source data
}

type container struct {
	version uint32
	members []roaming.Member
}

// account holds the data of a user on the pool. Its lock is held until a change
// is answered and the notifications are sent, so that all endpoints get all
// changes in order. The Server's lock may be taken while it is held, but not the
// other way round.
type account struct {
	pool    *Server
	address string // lower case

	mu            sync.Mutex
	publications  map[slot]*publication
	containers    map[uint32]container
	acknowledged  map[string]bool          // watchers that the user has acknowledged, lower case
	subscriptions map[string]*subscription // by epid and event
	contacts      roaming.ContactList      // as last sent
	notifications []notification           // to send before the lock is released
}

// unlock sends the queued notifications and releases the lock.
func (a *account) unlock() {
	sendAll(a.notifications)
	a.notifications = nil
	a.mu.Unlock()
}

// account returns the account of a user of the directory.
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
	return &account{
		pool:          s,
		address:       address,
		publications:  map[slot]*publication{},
		containers:    map[uint32]container{},
		acknowledged:  map[string]bool{},
		subscriptions: map[string]*subscription{},
	}
}

// endpointsRemoved is called after registrations of a user have ended: it removes
// the publications of their endpoints and notifies the other endpoints.
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

// endpointConns returns the connections of the user's registered endpoints, by epid.
func (s *Server) endpointConns(address string) map[string]*sipwire.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]*sipwire.Conn{}
	for _, b := range s.liveBindings(strings.ToLower(address)) {
		all[b.EPID] = b.conn
	}
	return all
}

// categorySet is a set of category names.
type categorySet map[string]bool

// refresh removes expired publications and subscriptions, and updates the pool's
// own publications from the directory and all endpoints. It returns the changed
// categories. There is no timer: an expiry takes effect with the next request.
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

// now returns the pool's time in the precision of publishTime.
func (a *account) now() time.Time { return a.pool.Clock.Now().Truncate(time.Millisecond) }

// publishOwn updates a publication of the pool if its source data have changed,
// and adds its category to names.
func (a *account) publishOwn(at slot, expireType, source string, names categorySet) {
	have := a.publications[at]
	if have != nil && have.body == source {
		return
	}
	version := have.currentVersion() + 1
	a.publications[at] = &publication{version: version, expireType: expireType, at: a.now(), body: source}
	names[at.category] = true
}

// selfDocument returns the user's own data as sent to the endpoints. refresh must
// have been called.
func (a *account) selfDocument() roaming.Self {
	u, _ := a.pool.dir.UserBySIP(a.address)
	live := len(a.pool.endpointConns(a.address))
	self := roaming.Self{
		Address:      cmp.Or(u.SIP, a.address),
		DisplayName:  u.DisplayName,
		Email:        u.Mail,
		EUM:          u.EUM,
		UM:           u.EUM != "",
		Availability: aggregate(a.publications, live),
	}
	if self.TelephonyMode = "None"; u.LineURI != "" {
		self.Lines, self.TelephonyMode = []roaming.Line{{Number: u.LineURI, Kind: roaming.Uc}}, "Uc"
	}
	for at, p := range a.publications {
		pub := roaming.Publication{
			Category:  at.category,
			Instance:  at.instance,
			Container: at.container,
			Version:   p.version,
			Expire:    p.expireType,
			Published: p.at,
		}
		if p.epid != "" {
			pub.Body = p.body
		}
		self.Publications = append(self.Publications, pub)
	}
	slices.SortFunc(self.Publications, func(x, y roaming.Publication) int {
		return cmp.Or(
			strings.Compare(x.Category, y.Category),
			cmp.Compare(x.Container, y.Container),
			cmp.Compare(x.Instance, y.Instance),
		)
	})
	for _, id := range slices.Sorted(maps.Keys(a.containers)) {
		c := a.containers[id]
		self.Containers = append(self.Containers, roaming.Container{ID: id, Version: c.version, Members: c.members})
	}
	for _, w := range a.pool.dir.Watchers(u.SIP) {
		isWatcher := func(c directory.Contact) bool { return strings.EqualFold(c.Address, w.SIP) }
		self.Watchers = append(self.Watchers, roaming.Watcher{
			Address:      w.SIP,
			DisplayName:  w.DisplayName,
			Acknowledged: a.acknowledged[strings.ToLower(w.SIP)] || slices.ContainsFunc(u.Contacts, isWatcher),
			Type:         "sameEnterprise",
		})
	}
	return self
}

// contactList returns the user's contact list from the directory
// (docs/protocol/sip-services.md#contact-list): the group "~" first, then the
// user's groups in the order in which contacts name them.
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
