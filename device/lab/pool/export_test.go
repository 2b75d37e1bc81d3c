package pool

import "net"

// ServeConn hands a connection in memory to the registrar.
func (s *Server) ServeConn(nc net.Conn) bool {
	c := s.front.newConn(nc)
	if c == nil {
		return false
	}
	c.serve(nc)
	return true
}

// Change makes a change of a new account, as a SERVICE does. It returns the answer
// and the self document for a later subscription.
func (s *Server) Change(contentType, user, epid string, body []byte) (answer, self []byte, err error) {
	a := newAccount(s, user)
	a.mu.Lock()
	defer a.unlock()
	answer, err = serviceChanges[contentType](a, epid, body)
	self, broken := a.selfDocument().XML()
	if broken != nil {
		panic(broken)
	}
	return answer, self, err
}
