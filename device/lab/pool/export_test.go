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
