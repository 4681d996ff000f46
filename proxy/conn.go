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
// at hand has left and whether anything of the answer has come. That is what
// decides whether a request may be sent elsewhere.
type upstreamConn struct {
	net.Conn
	boundary atomic.Bool // no byte of the request at hand was written yet
	wrote    atomic.Bool // some were
	answered atomic.Bool // something was read since
}

// begin is called when a request is given the connection, before it writes.
func (c *upstreamConn) begin() {
	c.wrote.Store(false)
	c.answered.Store(false)
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

func (c *upstreamConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && !c.answered.Load() {
		c.answered.Store(true)
	}
	return n, err
}

// CloseWrite passes a half-close on, for upgraded connections.
func (c *upstreamConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}

// beneath finds our connection below what the transport made of it.
func beneath(conn net.Conn) *upstreamConn {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	c, _ := conn.(*upstreamConn)
	return c
}
