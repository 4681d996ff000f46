package h1

import "crypto/tls"

// encrypted says whether the connection is one of TLS.
func (c *serverConn) encrypted() bool {
	_, is := c.link.conn.(*tls.Conn)
	return is
}

// connectionState is what was agreed on. It is asked for once: something has been
// read, so that the handshake is over.
func (c *serverConn) connectionState() *tls.ConnectionState {
	if t, is := c.link.conn.(*tls.Conn); is && c.secure == nil {
		state := t.ConnectionState()
		c.secure = &state
	}
	return c.secure
}
