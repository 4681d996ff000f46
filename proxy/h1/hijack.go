package h1

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// errInside refuses what would wait for ever: see [Server.Inline].
var errInside = errors.New("h1: an Inline handler takes over only connections of requests that ask for an Upgrade")

// handedConn is a connection that was handed to somebody else. What was received
// on it and not used is read first.
type handedConn struct {
	net.Conn
	received []byte
	closed   func() // called once, when it is closed; nil: nobody wants to know
	once     sync.Once
}

// Read reads.
func (c *handedConn) Read(p []byte) (int, error) {
	if len(c.received) > 0 {
		n := copy(p, c.received)
		c.received = c.received[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// WriteTo lets the kernel move what comes to another socket.
func (c *handedConn) WriteTo(w io.Writer) (int64, error) {
	var before int64
	if len(c.received) > 0 {
		n, err := w.Write(c.received)
		c.received, before = c.received[n:], int64(n)
		if err != nil {
			return before, err
		}
	}
	n, err := io.Copy(w, c.Conn)
	return before + n, err
}

// ReadFrom lets the kernel move what comes from another socket.
func (c *handedConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite ends our half, or all of what has no halves.
func (c *handedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// Close closes the connection.
func (c *handedConn) Close() error {
	if c.closed != nil {
		c.once.Do(c.closed)
	}
	return c.Conn.Close()
}

// handOver makes the connection somebody else's.
func (c *serverConn) handOver() *handedConn {
	h := &handedConn{Conn: c.link.conn, received: append([]byte(nil), c.buf[c.r:c.w]...), closed: c.over}
	c.release()
	c.handed = true
	return h
}

// hijack gives the connection to the handler. The server knows of it until it is
// closed.
func (c *serverConn) hijack() (net.Conn, error) {
	if c.inline.inside {
		return nil, errInside
	}
	h := c.handOver()
	_ = h.SetDeadline(time.Time{})
	h.closed = func() {
		c.server.forget(h)
		c.over()
	}
	if !c.server.remember(h) {
		c.handed = false
		return nil, net.ErrClosed
	}
	return h, nil
}

// remember notes a connection that was handed to a handler; false if it is too late
// for that: Close would not have found it.
func (s *Server) remember(h *handedConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.hijacked[h] = struct{}{}
	}
	return !s.closed
}

func (s *Server) forget(h *handedConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hijacked, h)
	s.noteEmpty()
}
