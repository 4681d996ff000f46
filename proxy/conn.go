package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"
)

// errStale is the failure of a write that was not made because the Upstream
// had closed the connection before.
var errStale = errors.New("the connection was closed before the request was written")

// upstreamConn is a connection to an Upstream that knows what of the request
// at hand has left. That is what decides whether it may be sent elsewhere.
type upstreamConn struct {
	net.Conn
	shared   bool        // by several requests: HTTP/2 without TLS
	boundary atomic.Bool // no byte of the request at hand was written yet
	wrote    atomic.Bool // some were
}

// begin is called when a request is given the connection, before it writes.
func (c *upstreamConn) begin() {
	c.wrote.Store(false)
	c.boundary.Store(true)
}

// Write looks first whether a connection that was idle is still open: a request
// not written can go anywhere, one written into a closed connection cannot.
func (c *upstreamConn) Write(p []byte) (int, error) {
	if c.boundary.Load() && c.boundary.Swap(false) && peerClosed(c.Conn) {
		return 0, errStale
	}
	n, err := c.Conn.Write(p)
	if n > 0 && !c.wrote.Load() {
		c.wrote.Store(true)
	}
	return n, err
}

// CloseWrite passes a half-close on, for upgraded connections; what has no halves
// ends as a whole.
func (c *upstreamConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// alone finds our connection below what the transport made of it, if it carries
// one request at a time. Of one that HTTP/2 requests share, nobody can say what
// was written for whom: nil.
func alone(conn net.Conn) *upstreamConn {
	if t, ok := conn.(*tls.Conn); ok {
		if t.ConnectionState().NegotiatedProtocol == "h2" {
			return nil
		}
		conn = t.NetConn()
	}
	if c, ok := conn.(*upstreamConn); ok && !c.shared {
		return c
	}
	return nil
}
